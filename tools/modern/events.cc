// Implements one event channel handle.
#include "tools/modern/events.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace ringside::modern {

namespace {

constexpr DomainId own = DOMID_SELF;
constexpr int kicks_per_look = 64;
// Tags in the poll set, besides ports.
constexpr std::uint32_t readiness_tag = ring::ports_per_domain;
constexpr std::uint32_t hypervisor_tag = readiness_tag + 1;

Result<> watch(const Fd& poll, int descriptor, std::uint32_t how, std::uint32_t tag) {
  epoll_event event{};
  event.events = how;
  event.data.u32 = tag;
  if (epoll_ctl(poll.get(), EPOLL_CTL_ADD, descriptor, &event) != 0) return error_of(errno);
  return Done{};
}

}  // namespace

Result<std::unique_ptr<EventHandle>> EventHandle::open(bool close_on_exec) {
  auto link = Link::open();
  if (!link) return link.error();
  auto self = (*link)->call({.op = HypercallOp::start_info});
  if (!self) return self.error();
  auto page = Pages::reserve(1);
  if (!page) return page.error();
  if (auto placed = page->place(0, *self, PROT_READ | PROT_WRITE); !placed) return placed.error();
  Fd poll(epoll_create1(close_on_exec ? EPOLL_CLOEXEC : 0));
  Fd readiness(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!poll.valid() || !readiness.valid()) return error_of(errno);
  if (auto added = watch(poll, readiness.get(), EPOLLIN, readiness_tag); !added) return added.error();
  // Watches only for the end of the connection: callers read the answers to their calls.
  if (auto added = watch(poll, (*link)->descriptor(), EPOLLRDHUP, hypervisor_tag); !added)
    return added.error();
  return std::unique_ptr<EventHandle>(new EventHandle(
      std::move(*link), std::move(*page), self->answer.info.abi, std::move(poll), std::move(readiness)));
}

EventHandle::EventHandle(std::unique_ptr<Link> link, Pages page, ring::Abi abi, Fd poll, Fd readiness)
    : link_(std::move(link)),
      page_(std::move(page)),
      bits_(page_.address(), abi),
      poll_(std::move(poll)),
      readiness_(std::move(readiness)) {}

Result<int> EventHandle::bind_unbound(DomainId remote) {
  auto reply =
      link_->call({.op = HypercallOp::evtchn_alloc_unbound, .domain = own, .domain2 = remote, .alone = 1});
  if (!reply) return reply.error();
  return listen(reply->answer.port, false);
}

/// The other end may have sent events before this end existed, so the binding itself causes an event.
Result<int> EventHandle::bind_interdomain(DomainId remote, ring::Port remote_port) {
  auto reply = link_->call({.op = HypercallOp::evtchn_bind_interdomain,
                            .domain = own,
                            .domain2 = remote,
                            .port2 = remote_port,
                            .alone = 1});
  if (!reply) return reply.error();
  return listen(reply->answer.port, true);
}

Result<int> EventHandle::bind_virq(std::uint32_t virq) {
  auto reply = link_->call({.op = HypercallOp::evtchn_bind_virq, .virq = virq, .alone = 1});
  if (!reply) return reply.error();
  return listen(reply->answer.port, false);
}

Result<int> EventHandle::listen(ring::Port port, bool with_event) {
  auto opened = link_->call({.op = HypercallOp::evtchn_open, .port = port, .alone = 1});
  if (!opened) return opened.error();
  if (opened->descriptors.empty()) return error_of(EPROTO);
  const std::lock_guard held(lock_);
  Fd& kicks = kicks_[port] = std::move(opened->descriptors[0]);
  // Edge-triggered: the kicks are never read, and each further kick is a new edge.
  if (auto added = watch(poll_, kicks.get(), EPOLLIN | EPOLLET, port); !added) return added.error();
  if (with_event) (void)bits_.raise(port);
  deliver(port);
  return static_cast<int>(port);
}

Result<int> EventHandle::unbind(ring::Port port) {
  const std::lock_guard held(lock_);
  const auto found = kicks_.find(port);
  if (found == kicks_.end()) return error_of(EINVAL);
  epoll_ctl(poll_.get(), EPOLL_CTL_DEL, found->second.get(), nullptr);
  kicks_.erase(found);
  std::erase(queue_, port);
  if (auto closed = link_->call({.op = HypercallOp::evtchn_close, .domain = own, .port = port}); !closed)
    return closed.error();
  return 0;
}

Result<int> EventHandle::notify(ring::Port port) {
  if (auto sent = link_->call({.op = HypercallOp::evtchn_send, .port = port}); !sent) return sent.error();
  return 0;
}

Result<int> EventHandle::pending() {
  const bool waits = (fcntl(poll_.get(), F_GETFL) & O_NONBLOCK) == 0;
  for (;;) {
    {
      const std::lock_guard held(lock_);
      collect();
      if (!queue_.empty()) {
        const ring::Port port = queue_.front();
        queue_.pop_front();
        std::uint64_t kicks_read = 0;
        if (queue_.empty()) (void)!::read(readiness_.get(), &kicks_read, sizeof kicks_read);
        return static_cast<int>(port);
      }
    }
    if (gone_) return error_of(EPIPE);
    if (!waits) return error_of(EAGAIN);
    // Waits without the lock. The next round collects the events under it.
    pollfd readable{poll_.get(), POLLIN, 0};
    if (poll(&readable, 1, -1) < 0) return error_of(errno);
  }
}

/// Takes the kicks before it reads the bits, so that an event in between causes another kick.
void EventHandle::collect() {
  std::array<epoll_event, kicks_per_look> events;
  const int count = epoll_wait(poll_.get(), events.data(), kicks_per_look, 0);
  for (int i = 0; i < count; ++i) {
    const std::uint32_t tag = events[static_cast<std::size_t>(i)].data.u32;
    if (tag == hypervisor_tag) gone_ = true;
    if (kicks_.contains(tag)) deliver(tag);
  }
}

void EventHandle::deliver(ring::Port port) {
  if (!bits_.is_pending(port) || bits_.is_masked(port)) return;
  bits_.set_mask(port);
  // Clears the bit before the program looks for work, so that a later event sets it again.
  bits_.clear_pending(port);
  queue(port);
}

void EventHandle::queue(ring::Port port) {
  queue_.push_back(port);
  const std::uint64_t one = 1;
  (void)!::write(readiness_.get(), &one, sizeof one);
}

Result<int> EventHandle::unmask(ring::Port port) {
  const std::lock_guard held(lock_);
  if (!kicks_.contains(port)) return error_of(EINVAL);
  if (bits_.unmask(port)) deliver(port);
  return 0;
}

}  // namespace ringside::modern
