// libxengnttab.so.1: frames that domains grant to each other. xengnttab_* maps frames that were granted to
// this domain, xengntshr_* grants frames.
//
// A page may have a notification: when the program that uses the page ends, for whatever reason, a byte of
// the page becomes 0 and a port is raised. The hypervisor does that when a connection closes, so each such
// mapping has a connection of its own.
#include <sys/mman.h>

#include <array>
#include <span>

#include "ring/layout.h"
#include "tools/modern/pages.h"

using namespace ringside;
using namespace ringside::modern;

namespace {

constexpr std::uint32_t none = ~std::uint32_t{0};

struct Reference {
  std::uint32_t domain;
  std::uint32_t number;
};

/// A byte of the first page that becomes 0, and a port that is raised.
struct Notification {
  std::uint32_t offset = none;
  std::uint32_t port = none;
  [[nodiscard]] bool wanted() const { return offset != none || port != none; }
};

Result<> notify(Link& link, const Reference& page, const Notification& wanted) {
  // A port alone is not supported, nor is a byte in a later page.
  if (wanted.offset >= ring::frame_bytes) return error_of(EINVAL);
  auto reply = link.call({.op = HypercallOp::grant_notify,
                          .domain = page.domain,
                          .port = wanted.port == none ? any_port : wanted.port,
                          .frame = page.number,
                          .position = wanted.offset});
  if (!reply) return reply.error();
  return Done{};
}

/// A handle that maps grants.
struct Mapper {
  std::unique_ptr<Link> link;
  Mapped<std::unique_ptr<Link>> mapped;  ///< with the connection of its notification, if it has one
};

/// A handle that makes grants.
struct Sharer {
  struct Shared {
    std::unique_ptr<Link> link;          ///< the owner of the grants, if there is a notification; else null
    std::vector<std::uint32_t> numbers;  ///< the grants; without a notification, unshare ends them
  };
  std::unique_ptr<Link> link;
  Mapped<Shared> mapped;
};

template <class Handle>
Result<void*> open_handle() {
  auto link = Link::open();
  if (!link) return link.error();
  auto handle = std::make_unique<Handle>();
  handle->link = std::move(*link);
  return handle.release();
}

Result<void*> map(Mapper& mapper, std::span<const Reference> references, int protection,
                  const Notification& notification = {}) {
  auto pages = Pages::reserve(references.size());
  if (!pages) return pages.error();
  std::size_t index = 0;
  for (const Reference& each : references) {
    auto reply = mapper.link->call({.op = HypercallOp::grant_map,
                                    .domain = each.domain,
                                    .frame = each.number,
                                    .read_only = (protection & PROT_WRITE) == 0});
    if (!reply) return reply.error();
    if (auto placed = pages->place(index++, *reply, protection); !placed) return placed.error();
  }
  std::unique_ptr<Link> kept;
  if (notification.wanted()) {
    auto link = Link::open();
    if (!link) return link.error();
    kept = std::move(*link);
    if (auto made = notify(*kept, references[0], notification); !made) return made.error();
  }
  return mapper.mapped.add(std::move(*pages), std::move(kept));
}

void end_all(Link& link, std::span<const std::uint32_t> numbers) {
  for (const std::uint32_t number : numbers)
    (void)link.call({.op = HypercallOp::grant_end, .frame = number}).ok();
}

Result<void*> share(Sharer& sharer, std::uint32_t domain, std::span<std::uint32_t> numbers, bool writable,
                    const Notification& notification = {}) {
  auto pages = Pages::reserve(numbers.size());
  if (!pages) return pages.error();
  Sharer::Shared shared;
  if (notification.wanted()) {
    auto link = Link::open();
    if (!link) return link.error();
    shared.link = std::move(*link);
  }
  Link& link = shared.link != nullptr ? *shared.link : *sharer.link;
  const auto share_one = [&](std::size_t index) -> Result<> {
    auto reply = link.call({.op = HypercallOp::grant_share,
                            .domain2 = domain,
                            .frame = any_grant,
                            .alone = 1,
                            .read_only = !writable});
    if (!reply) return reply.error();
    shared.numbers.push_back(numbers[index] = static_cast<std::uint32_t>(reply->answer.position));
    return pages->place(index, *reply, PROT_READ | PROT_WRITE);
  };
  Result<> done = Done{};
  for (std::size_t index = 0; done && index < numbers.size(); ++index) done = share_one(index);
  if (done && notification.wanted()) done = notify(link, {DOMID_SELF, numbers[0]}, notification);
  if (!done) {
    end_all(link, shared.numbers);
    return done.error();
  }
  return sharer.mapped.add(std::move(*pages), std::move(shared));
}

Mapper& mapper_of(void* handle) {
  return *static_cast<Mapper*>(handle);
}

Sharer& sharer_of(void* handle) {
  return *static_cast<Sharer*>(handle);
}

int missing(const char* call) {
  return answer(-1, [&]() -> Result<int> { return not_here(call); });
}

}  // namespace

RINGSIDE_EXPORT void* xengnttab_open(void*, unsigned) {
  return answer<void*>(nullptr, open_handle<Mapper>);
}

RINGSIDE_EXPORT int xengnttab_close(void* handle) {
  delete static_cast<Mapper*>(handle);
  return 0;
}

RINGSIDE_EXPORT int xengnttab_fd(void* handle) {
  return mapper_of(handle).link->descriptor();
}

RINGSIDE_EXPORT int xengnttab_set_max_grants(void*, std::uint32_t) {
  return 0;
}

RINGSIDE_EXPORT void* xengnttab_map_grant_ref(void* handle, std::uint32_t domain, std::uint32_t number,
                                              int protection) {
  return answer<void*>(nullptr, [&] {
    return map(mapper_of(handle), std::array{Reference{domain, number}}, protection);
  });
}

RINGSIDE_EXPORT void* xengnttab_map_grant_ref_notify(void* handle, std::uint32_t domain, std::uint32_t number,
                                                     int protection, std::uint32_t offset,
                                                     std::uint32_t port) {
  return answer<void*>(nullptr, [&] {
    return map(mapper_of(handle), std::array{Reference{domain, number}}, protection, {offset, port});
  });
}

RINGSIDE_EXPORT void* xengnttab_map_grant_refs(void* handle, std::uint32_t count, std::uint32_t* domains,
                                               std::uint32_t* numbers, int protection) {
  return answer<void*>(nullptr, [&]() -> Result<void*> {
    if (count > pages_max) return error_of(EINVAL);
    std::vector<Reference> references;
    for (std::uint32_t i = 0; i < count; ++i) references.push_back({domains[i], numbers[i]});
    return map(mapper_of(handle), references, protection);
  });
}

RINGSIDE_EXPORT void* xengnttab_map_domain_grant_refs(void* handle, std::uint32_t count, std::uint32_t domain,
                                                      std::uint32_t* numbers, int protection) {
  return answer<void*>(nullptr, [&]() -> Result<void*> {
    if (count > pages_max) return error_of(EINVAL);
    std::vector<Reference> references;
    for (std::uint32_t i = 0; i < count; ++i) references.push_back({domain, numbers[i]});
    return map(mapper_of(handle), references, protection);
  });
}

RINGSIDE_EXPORT int xengnttab_unmap(void* handle, void* address, std::uint32_t count) {
  return answer(-1, [&]() -> Result<int> {
    if (auto kept = mapper_of(handle).mapped.remove(address, count); !kept) return kept.error();
    return 0;
  });
}

RINGSIDE_EXPORT int xengnttab_grant_copy(void*, std::uint32_t, void*) {
  return missing("xengnttab_grant_copy");
}

RINGSIDE_EXPORT int xengnttab_dmabuf_exp_from_refs(void*, std::uint32_t, std::uint32_t, std::uint32_t,
                                                   const std::uint32_t*, std::uint32_t*) {
  return missing("xengnttab_dmabuf_exp_from_refs");
}

RINGSIDE_EXPORT int xengnttab_dmabuf_exp_wait_released(void*, std::uint32_t, std::uint32_t) {
  return missing("xengnttab_dmabuf_exp_wait_released");
}

RINGSIDE_EXPORT int xengnttab_dmabuf_imp_to_refs(void*, std::uint32_t, std::uint32_t, std::uint32_t,
                                                 std::uint32_t*) {
  return missing("xengnttab_dmabuf_imp_to_refs");
}

RINGSIDE_EXPORT int xengnttab_dmabuf_imp_release(void*, std::uint32_t) {
  return missing("xengnttab_dmabuf_imp_release");
}

RINGSIDE_EXPORT void* xengntshr_open(void*, unsigned) {
  return answer<void*>(nullptr, open_handle<Sharer>);
}

RINGSIDE_EXPORT int xengntshr_close(void* handle) {
  delete static_cast<Sharer*>(handle);
  return 0;
}

RINGSIDE_EXPORT int xengntshr_fd(void* handle) {
  return sharer_of(handle).link->descriptor();
}

RINGSIDE_EXPORT void* xengntshr_share_pages(void* handle, std::uint32_t domain, int count,
                                            std::uint32_t* numbers, int writable) {
  return answer<void*>(nullptr, [&]() -> Result<void*> {
    if (count <= 0) return error_of(EINVAL);
    return share(sharer_of(handle), domain, std::span(numbers, static_cast<std::size_t>(count)),
                 writable != 0);
  });
}

RINGSIDE_EXPORT void* xengntshr_share_page_notify(void* handle, std::uint32_t domain, std::uint32_t* number,
                                                  int writable, std::uint32_t offset, std::uint32_t port) {
  return answer<void*>(nullptr, [&] {
    return share(sharer_of(handle), domain, std::span(number, 1), writable != 0, {offset, port});
  });
}

RINGSIDE_EXPORT int xengntshr_unshare(void* handle, void* address, std::uint32_t count) {
  return answer(-1, [&]() -> Result<int> {
    Sharer& sharer = sharer_of(handle);
    auto shared = sharer.mapped.remove(address, count);
    if (!shared) return shared.error();
    if (shared->link == nullptr) end_all(*sharer.link, shared->numbers);
    return 0;
  });
}
