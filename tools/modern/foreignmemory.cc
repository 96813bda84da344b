// libxenforeignmemory.so.1: frames of other domains, by their machine frame numbers. A domain has one frame
// that has a number, its shared_info, with the control interface of 2005 in it.
#include <sys/mman.h>

#include <span>

#include "tools/modern/pages.h"

using namespace ringside;
using namespace ringside::modern;

namespace {

struct Nothing {};

struct Foreign {
  std::unique_ptr<Link> link;
  Mapped<Nothing> mapped;
};

/// Without `errors`, fails unless all frames can be mapped. With `errors`, the places of frames that cannot
/// be mapped are inaccessible.
Result<void*> map(Foreign& foreign, std::uint32_t domain, int protection,
                  std::span<const unsigned long> frames, int* errors) {
  auto pages = Pages::reserve(frames.size());
  if (!pages) return pages.error();
  for (std::size_t index = 0; index < frames.size(); ++index) {
    auto reply = foreign.link->call(
        {.op = HypercallOp::map_frame, .domain = domain, .frame = static_cast<std::uint32_t>(frames[index])});
    const Result<> placed = reply ? pages->place(index, *reply, protection) : Result<>(reply.error());
    if (!placed && errors == nullptr) return placed.error();
    if (errors != nullptr) errors[index] = placed ? 0 : -placed.error().code;
  }
  return foreign.mapped.add(std::move(*pages), Nothing{});
}

Foreign& foreign_of(void* handle) {
  return *static_cast<Foreign*>(handle);
}

}  // namespace

RINGSIDE_EXPORT void* xenforeignmemory_open(void*, unsigned) {
  return answer<void*>(nullptr, []() -> Result<void*> {
    auto link = Link::open();
    if (!link) return link.error();
    auto foreign = std::make_unique<Foreign>();
    foreign->link = std::move(*link);
    return foreign.release();
  });
}

RINGSIDE_EXPORT int xenforeignmemory_close(void* handle) {
  delete static_cast<Foreign*>(handle);
  return 0;
}

RINGSIDE_EXPORT void* xenforeignmemory_map(void* handle, std::uint32_t domain, int protection,
                                           std::size_t pages, const unsigned long* frames, int* errors) {
  return answer<void*>(nullptr, [&] {
    return map(foreign_of(handle), domain, protection, {frames, pages}, errors);
  });
}

/// `address` and `flags` are for mmap; only a free choice of the address is supported.
RINGSIDE_EXPORT void* xenforeignmemory_map2(void* handle, std::uint32_t domain, void* address, int protection,
                                            int flags, std::size_t pages, const unsigned long* frames,
                                            int* errors) {
  return answer<void*>(nullptr, [&]() -> Result<void*> {
    if ((flags & MAP_FIXED) != 0 || address != nullptr)
      return not_here("xenforeignmemory_map2 to a given address");
    return map(foreign_of(handle), domain, protection, {frames, pages}, errors);
  });
}

RINGSIDE_EXPORT int xenforeignmemory_unmap(void* handle, void* address, std::size_t pages) {
  return answer(-1, [&]() -> Result<int> {
    if (auto removed = foreign_of(handle).mapped.remove(address, pages); !removed) return removed.error();
    return 0;
  });
}

RINGSIDE_EXPORT int xenforeignmemory_restrict(void*, std::uint16_t) {
  return answer(-1, []() -> Result<int> { return not_here("xenforeignmemory_restrict"); });
}

RINGSIDE_EXPORT void* xenforeignmemory_map_resource(void*, std::uint16_t, unsigned, unsigned, unsigned long,
                                                    unsigned long, void**, int, int) {
  return answer<void*>(nullptr, []() -> Result<void*> { return not_here("xenforeignmemory_map_resource"); });
}

RINGSIDE_EXPORT int xenforeignmemory_unmap_resource(void*, void*) {
  return answer(-1, []() -> Result<int> { return not_here("xenforeignmemory_unmap_resource"); });
}

RINGSIDE_EXPORT int xenforeignmemory_resource_size(void*, std::uint16_t, unsigned, unsigned, std::size_t*) {
  return answer(-1, []() -> Result<int> { return not_here("xenforeignmemory_resource_size"); });
}
