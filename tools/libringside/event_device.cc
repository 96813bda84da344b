// The event device, and its C functions.
#include "tools/libringside/event_device.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fcntl.h>

#include <array>
#include <utility>

#include "tools/libringside/library.h"
#include "tools/libringside/ringside.h"

namespace ringside::library {

namespace {

constexpr const char* cannot_bind = "cannot bind the port to the device";
constexpr int kicks_per_look = 64;

Result<> add_to(int poll, int descriptor, std::uint32_t how, std::uint32_t tag) {
  epoll_event event{};
  event.events = how;
  event.data.u32 = tag;
  if (epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) != 0) return system_error(cannot_bind, "epoll");
  return Done{};
}

void kick(const Fd& kicks) {
  const std::uint64_t one = 1;
  (void)!::write(kicks.get(), &one, sizeof one);
}

}  // namespace

Result<Page> Page::map(int connection, DomainId domain, std::uint32_t frame) {
  auto address = map_frame(
      connection,
      {.domain = domain, .frame = frame, .bytes = ring::frame_bytes, .protection = PROT_READ | PROT_WRITE});
  if (!address) return address.error();
  return Page(static_cast<std::byte*>(*address));
}

Page::~Page() {
  if (address_ != nullptr) munmap(address_, ring::frame_bytes);
}

Result<std::unique_ptr<EventDevice>> EventDevice::open(int connection) {
  const char* what = "cannot open the event device";
  auto self = call(connection, what, {.op = HypercallOp::start_info});
  if (!self) return self.error();
  const DomainInfo& info = self->answer.info;
  auto page = Page::map(connection, DomainId{DOMID_SELF}, info.shared_info_frame);
  if (!page) return page.error();
  Fd copy(fcntl(connection, F_DUPFD_CLOEXEC, 0));
  Fd poll(epoll_create1(EPOLL_CLOEXEC));
  Fd readiness(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!copy.valid() || !poll.valid() || !readiness.valid()) return system_error(what, "");
  if (auto added = add_to(poll.get(), readiness.get(), EPOLLIN, any_port); !added) return added.error();
  return std::unique_ptr<EventDevice>(
      new EventDevice(std::move(copy), std::move(poll), std::move(readiness), std::move(page).value(), info));
}

EventDevice::EventDevice(Fd connection, Fd poll, Fd readiness, Page page, const DomainInfo& self)
    : connection_(std::move(connection)),
      poll_(std::move(poll)),
      readiness_(std::move(readiness)),
      page_(std::move(page)),
      self_(self),
      bits_(page_.frame(), self.abi) {}

Result<> EventDevice::bind(ring::Port port) {
  if (port == any_port || port >= ring::ports_per_domain)
    return refusal(EINVAL, cannot_bind, fmt::format("there is no port {}", port));
  if (auto followed = follow_own_frame(); !followed) return followed;
  if (bound_.contains(port)) return refusal(EEXIST, cannot_bind, "it is bound already");
  Bound bound;
  if (auto opened = open_kicks(port, bound); !opened) return opened;
  if (auto settled = settle(port, bound); !settled) return settled;
  // Edge-triggered: the kicks are never read, and each further kick is a new edge.
  if (auto added = add_to(poll_.get(), bound.kicks.get(), EPOLLIN | EPOLLET, port); !added) return added;
  unmask(port, bound_.emplace(port, std::move(bound)).first->second);
  return Done{};
}

/// Detects that a guest has been suspended and resumed: it then has another frame and no ports, and all
/// bindings are dropped.
Result<> EventDevice::follow_own_frame() {
  auto asked = call(connection_.get(), cannot_bind, {.op = HypercallOp::start_info});
  if (!asked) return asked.error();
  const DomainInfo& info = asked->answer.info;
  if (info.shared_info_frame != self_.shared_info_frame) {
    auto page = Page::map(connection_.get(), DomainId{DOMID_SELF}, info.shared_info_frame);
    if (!page) return page.error();
    while (!bound_.empty()) forget(bound_.begin());
    queue_.clear();
    overflow_ = false;
    page_ = std::move(*page);
    bits_ = ring::EventBits<>(page_.frame(), info.abi);
  }
  self_ = info;
  return Done{};
}

Result<> EventDevice::open_kicks(ring::Port port, Bound& bound) {
  // Read before the call: a controller that attaches later changes the word again.
  attachments_ = ring::NativeMemory::load(&ring::channel_words(page_.frame())->attachments);
  // As in 2005: two programs that read one port would take each other's events.
  auto opened =
      call(connection_.get(), cannot_bind, {.op = HypercallOp::evtchn_open, .port = port, .alone = 1});
  if (!opened) return opened.error();
  if (opened->descriptors.empty())
    return refusal(EPROTO, cannot_bind, "the hypervisor's answer has no kicks");
  if (!bound.kicks.valid()) bound.kicks = std::move(opened->descriptors[0]);
  bound.peer_kicks = opened->descriptors.size() > 1 ? std::move(opened->descriptors[1]) : Fd();
  return Done{};
}

/// Finds out whether the port is the controller's end of a control channel. Leaves that open while the port
/// has no other end, or while the guest's start info names no port.
Result<> EventDevice::settle(ring::Port port, Bound& bound) {
  if (bound.settled) return Done{};
  if (self_.domain != 0) {
    bound.settled = true;
    return Done{};
  }
  auto asked = call(connection_.get(), cannot_bind, {.op = HypercallOp::evtchn_status, .port = port});
  if (!asked) return asked.error();
  const PortStatus status = asked->answer.status;
  if (status.state == PortState::unbound) return Done{};
  if (status.state != PortState::interdomain) {
    bound.settled = true;
    return Done{};
  }
  auto found =
      call(connection_.get(), cannot_bind, {.op = HypercallOp::domain_info, .domain = status.remote_domain});
  if (!found) return found.error();
  const DomainInfo& domain = found->answer.info;
  // dom0 has a control channel only if its kernel made one, and the kernel uses two new ports for that.
  const bool may_come = domain.domain != 0 && domain.console_port == any_port;
  if (domain.domain != status.remote_domain || may_come) return Done{};
  bound.settled = true;
  if (domain.console_port != status.remote_port) return Done{};
  // The port may have had no other end when it was bound here.
  if (auto opened = open_kicks(port, bound); !opened) return opened;
  auto page = Page::map(connection_.get(), domain.domain, domain.shared_info_frame);
  if (!page) return page.error();
  std::byte* frame = page->frame();
  bound.controlled.emplace(Controlled{.page = std::move(*page),
                                      .up = ring::UpEvents<>(frame),
                                      .bits = ring::EventBits<>(frame, domain.abi),
                                      .port = status.remote_port,
                                      .shares_its_selector = domain.domain == 0});
  announce(bound);
  return Done{};
}

/// Tells a domain that its control channel has a new controller. The domain may still have the kicks of the
/// predecessor's port, and the predecessor may have died between setting the domain's bits and kicking it.
void EventDevice::announce(const Bound& bound) {
  ring::EventBits<> bits = bound.controlled->bits;
  std::uint32_t* attachments = &ring::channel_words(bound.controlled->page.frame())->attachments;
  ring::NativeMemory::store(attachments, ring::NativeMemory::load(attachments) + 1);
  (void)bits.raise(bound.controlled->port);
  kick(bound.peer_kicks);
}

Result<> EventDevice::unbind(ring::Port port) {
  const auto found = bound_.find(port);
  if (found == bound_.end()) return refusal(EINVAL, "cannot unbind the port", "it is not bound here");
  bits_.set_mask(port);
  if (found->second.controlled) found->second.controlled->up.set_mask();
  forget(found);
  return Done{};
}

/// Removes the kicks from the epoll set explicitly: closing them is not enough while another process holds a
/// copy.
void EventDevice::forget(std::map<ring::Port, Bound>::iterator bound) {
  epoll_ctl(poll_.get(), EPOLL_CTL_DEL, bound->second.kicks.get(), nullptr);
  bound_.erase(bound);
}

Result<> EventDevice::rebound(ring::Port port) {
  const auto found = bound_.find(port);
  if (found == bound_.end()) return Done{};
  forget(found);
  return bind(port);
}

void EventDevice::closed(ring::Port port) {
  const auto found = bound_.find(port);
  if (found == bound_.end()) return;
  found->second.peer_kicks = Fd();
  found->second.controlled.reset();
  found->second.settled = false;
}

bool EventDevice::send(ring::Port port) {
  const auto found = bound_.find(port);
  if (found == bound_.end()) return false;
  Bound& bound = found->second;
  if (self_.domain != 0 && port == self_.console_port) return send_up(port, bound);
  if (!bound.controlled || !bound.peer_kicks.valid()) return false;
  Controlled& domain = *bound.controlled;
  const ring::Raised outcome = domain.bits.raise(domain.port);
  if (outcome == ring::Raised::kick ||
      (domain.shares_its_selector && outcome == ring::Raised::already_selected))
    kick(bound.peer_kicks);
  return true;
}

/// Sends from a guest to its controller. A new controller has other kicks, which are opened first.
bool EventDevice::send_up(ring::Port port, Bound& bound) {
  const std::uint32_t attachments =
      ring::NativeMemory::load(&ring::channel_words(page_.frame())->attachments);
  if (attachments != attachments_ || !bound.peer_kicks.valid()) {
    if (!open_kicks(port, bound) || !bound.peer_kicks.valid()) return false;
  }
  if (ring::UpEvents<>(page_.frame()).raise() == ring::Raised::kick) kick(bound.peer_kicks);
  return true;
}

/// Takes the kicks before it reads the bits, so that an event in between causes another kick.
void EventDevice::collect() {
  std::array<epoll_event, kicks_per_look> events;
  const int count = epoll_wait(poll_.get(), events.data(), kicks_per_look, 0);
  if (count <= 0) return;
  for (int i = 0; i < count; ++i) {
    const auto found = bound_.find(events[static_cast<std::size_t>(i)].data.u32);
    // After a failure the port stays unsettled, and the next kick tries again.
    if (found != bound_.end()) (void)settle(found->first, found->second).ok();
  }
  for (auto& [port, bound] : bound_) {
    if (!bound.controlled || !bound.controlled->up.is_pending()) continue;
    bound.controlled->up.clear_pending();
    (void)bits_.raise(port);
  }
  bits_.upcall([this](ring::Port port) {
    if (bound_.contains(port)) hand_out(port);
  });
  // Another process of dom0 may have cleared the selector bit of a port, so the ports themselves are checked
  // too.
  for (const auto& [port, bound] : bound_) {
    if (bits_.is_pending(port) && !bits_.is_masked(port)) hand_out(port);
  }
}

void EventDevice::hand_out(ring::Port port) {
  bits_.set_mask(port);
  bits_.clear_pending(port);
  if (Bound& bound = bound_.at(port); bound.controlled) bound.controlled->up.set_mask();
  if (overflow_) return;
  if (queue_.size() == event_queue_ports_max) {
    overflow_ = true;
  } else {
    queue_.push_back(static_cast<std::uint16_t>(port));
  }
  set_ready();
}

void EventDevice::unmask(ring::Port port, Bound& bound) {
  // The port is still masked in dom0's bits, so raise() only sets its pending bit.
  if (bound.controlled && bound.controlled->up.unmask()) {
    bound.controlled->up.clear_pending();
    (void)bits_.raise(port);
  }
  if (bits_.unmask(port)) hand_out(port);
}

Result<int> EventDevice::read(std::uint16_t* ports, std::size_t max) {
  const char* what = "cannot read events";
  collect();
  if (overflow_) return refusal(EFBIG, what, "some were lost; rs_events_reset clears this error");
  std::size_t count = 0;
  for (; count < max && !queue_.empty(); ++count) {
    ports[count] = queue_.front();
    queue_.pop_front();
  }
  std::uint64_t kicks_read = 0;
  if (queue_.empty()) (void)!::read(readiness_.get(), &kicks_read, sizeof kicks_read);
  if (count == 0 && max > 0) return refusal(EAGAIN, what, "no port has an event");
  return static_cast<int>(count);
}

void EventDevice::write(std::uint16_t port) {
  if (const auto found = bound_.find(port); found != bound_.end()) unmask(port, found->second);
}

void EventDevice::reset() {
  queue_.clear();
  overflow_ = false;
  for (const auto& [port, bound] : bound_) hand_out(port);
}

void EventDevice::set_ready() {
  kick(readiness_);
}

namespace {

/// The open devices, by descriptor. Never destroyed: a program may use them, or close them, while it exits.
std::map<int, std::unique_ptr<EventDevice>>& devices() {
  static auto& open = *new std::map<int, std::unique_ptr<EventDevice>>;
  return open;
}

/// Runs `use` on an open device.
template <class Use>
int on_device(int descriptor, Use use) {
  return answer<int>(-1, [&]() -> Result<int> {
    const auto found = devices().find(descriptor);
    if (found == devices().end())
      return refusal(EBADF, "no event device", fmt::format("{} is not an open event device", descriptor));
    return use(*found->second);
  });
}

Result<int> done(const Result<>& result) {
  if (!result) return result.error();
  return 0;
}

}  // namespace

Result<> tell_rebound(DomainId domain, ring::Port port) {
  for (auto& [descriptor, device] : devices()) {
    if (!device->is_of(domain)) continue;
    if (auto told = device->rebound(port); !told) return told;
  }
  return Done{};
}

void tell_closed(DomainId domain, ring::Port port) {
  for (auto& [descriptor, device] : devices()) {
    if (device->is_of(domain)) device->closed(port);
  }
}

bool send_mapped(ring::Port port) {
  for (auto& [descriptor, device] : devices()) {
    if (device->send(port)) return true;
  }
  return false;
}

}  // namespace ringside::library

using namespace ringside;
using namespace ringside::library;

extern "C" {

int rs_events_open(int handle) {
  return answer<int>(-1, [&]() -> Result<int> {
    auto connection = connection_of(handle);
    if (!connection) return connection;
    auto device = EventDevice::open(*connection);
    if (!device) return device.error();
    const int descriptor = (*device)->descriptor();
    devices()[descriptor] = std::move(*device);
    return descriptor;
  });
}

int rs_events_close(int device) {
  return on_device(device, [&](EventDevice&) -> Result<int> {
    devices().erase(device);
    return 0;
  });
}

int rs_events_bind(int device, int port) {
  return on_device(device, [&](EventDevice& open) -> Result<int> {
    const auto wanted = static_cast<ring::Port>(port);
    for (const auto& [descriptor, each] : devices()) {
      if (descriptor != device && each->has(open, wanted))
        return refusal(EINVAL, cannot_bind, fmt::format("device {} has the port", descriptor));
    }
    return done(open.bind(wanted));
  });
}

int rs_events_unbind(int device, int port) {
  return on_device(device,
                   [&](EventDevice& open) { return done(open.unbind(static_cast<ring::Port>(port))); });
}

int rs_events_read(int device, uint16_t* ports, int max_ports) {
  return on_device(device, [&](EventDevice& open) -> Result<int> {
    if (max_ports < 0) return refusal(EINVAL, "cannot read events", "a negative number of ports");
    return open.read(ports, static_cast<std::size_t>(max_ports));
  });
}

int rs_events_write(int device, const uint16_t* ports, int count) {
  return on_device(device, [&](EventDevice& open) -> Result<int> {
    for (int i = 0; i < count; ++i) open.write(ports[i]);
    return count;
  });
}

int rs_events_reset(int device) {
  return on_device(device, [](EventDevice& open) -> Result<int> {
    open.reset();
    return 0;
  });
}

}  // extern "C"
