// Output: guest_request -> output_ -> device. Input: device -> input_ -> at most seven requests -> guest.
#include "emu/dom0/xenctld_console.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ringside::dom0 {

namespace {

constexpr int writes_per_turn_max = 16;
constexpr int reads_per_turn_max = 16;
/// A settling that causes another one; more wait for the next event.
constexpr int settles_per_turn_max = 4;
/// What has just been written may be missed by one look.
constexpr int quiet_looks_wanted = 2;

bool is_output(const ring::ControlMessage& message) {
  return message.type == ring::CMSG_CONSOLE && message.subtype == ring::CMSG_CONSOLE_DATA;
}

}  // namespace

/// The queue has room beyond its limit for what comes back from the device and for a last ring full.
XenctldConsole::XenctldConsole(Host& host, trace::Journal journal, DomainId domain, std::string link,
                               std::size_t limit_bytes, ConsoleGuest guest)
    : host_(host),
      journal_(journal),
      domain_(domain),
      limit_bytes_(limit_bytes),
      guest_(std::move(guest)),
      output_((limit_bytes == 0 ? xenctld_queue_bytes_max : limit_bytes) + device_unread_bytes_max +
              ring::slots_per_ring * ring::payload_bytes_max),
      device_(host, journal, domain, std::move(link),
              {.ready = [this] { device_ready(); }, .unread = [this](Bytes unread) { take_back(unread); }}) {
  RS_CHECK(limit_bytes <= xenctld_queue_bytes_max);
  RS_CHECK(limit_bytes == 0 || limit_bytes >= xenctld_queue_bytes_min);
}

XenctldConsole::~XenctldConsole() {
  if (end_timer_ != 0) host_.timer_cancel(end_timer_);
}

// -- the guest's side

void XenctldConsole::guest_request(const ring::ControlMessage& request) {
  if (is_output(request)) {
    // Output stays in order: what was withheld goes first.
    withheld_ = withheld_ || !keep_output(request);
    if (withheld_) return;
  }
  // The answer is the request itself, in its full length, as xend gives it.
  guest_.respond(request);
}

bool XenctldConsole::keep_output(const ring::ControlMessage& request) {
  const Bytes bytes = request.payload();
  if (limit_bytes_ == 0 && !finished_ && output_.size() + bytes.size() > xenctld_queue_bytes_max)
    return false;
  RS_CHECK(output_.push(bytes) == bytes.size());
  discard_excess();
  return true;
}

void XenctldConsole::discard_excess() {
  if (limit_bytes_ == 0 || output_.size() <= limit_bytes_) return;
  const std::size_t excess = output_.size() - limit_bytes_;
  output_.drop(excess);
  journal_.counted(domain_, "console bytes discarded", static_cast<std::uint32_t>(discarded_bytes_),
                   static_cast<std::uint32_t>(discarded_bytes_ + excess));
  if (std::exchange(discarded_bytes_, discarded_bytes_ + excess) != 0) return;
  const Error error{0, "output is discarded", fmt::format("domain {}", domain_),
                    fmt::format("more than {} bytes of it wait for a reader", limit_bytes_),
                    "ringside console reads them; further ones are counted only, see ringside list"};
  host_.warn(error.text());
}

void XenctldConsole::take_withheld() {
  while (withheld_) {
    const auto request = guest_.unanswered();
    withheld_ = request.has_value();
    if (!withheld_ || (is_output(*request) && !keep_output(*request))) return;
    guest_.respond(*request);
  }
}

void XenctldConsole::guest_response() {
  // More answers than requests are to what a predecessor had sent.
  if (unanswered_ > 0) --unanswered_;
}

void XenctldConsole::send_input() {
  while (!finished_ && !input_.empty() && unanswered_ < xenctld_input_window) {
    std::array<std::uint8_t, ring::payload_bytes_max> bytes;
    const std::size_t count = std::min(input_.front().size(), bytes.size());
    std::copy_n(input_.front().begin(), count, bytes.begin());
    const auto message = ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 0,
                                            std::span<const std::uint8_t>(bytes).first(count));
    if (!guest_.send(message)) return;
    input_.drop(count);
    ++unanswered_;
  }
}

void XenctldConsole::finish() {
  if (finished_) return;
  finished_ = true;
  journal_.counted(domain_, "typed bytes that the guest did not live to see", 0,
                   static_cast<std::uint32_t>(input_.size()));
  input_.clear();
  take_withheld();
  settle();
}

// -- the device's side

void XenctldConsole::device_ready() {
  settle();
  guest_.flush();
}

void XenctldConsole::settle() {
  settle_again_ = true;
  if (std::exchange(settling_, true)) return;
  for (int round = 0; round < settles_per_turn_max && std::exchange(settle_again_, false); ++round) {
    write_device();
    take_withheld();
    read_device();
    send_input();
  }
  device_.want({.read = !input_.full(), .write = !output_.empty()});
  settling_ = false;
  look_at_end();
}

void XenctldConsole::write_device() {
  for (int writes = 0; writes < writes_per_turn_max && !output_.empty(); ++writes) {
    const Io io = device_.write(output_.front());
    if (io.state != Io::State::moved) return;
    journal_.bytes_passed(domain_, trace::actor(trace::Role::client), output_.front().first(io.bytes));
    output_.drop(io.bytes);
    take_withheld();
  }
}

void XenctldConsole::read_device() {
  std::array<std::uint8_t, xenctld_input_bytes_max> bytes;
  for (int reads = 0; reads < reads_per_turn_max && !input_.full(); ++reads) {
    const Io io = device_.read(std::span(bytes).first(input_.room()));
    if (io.state != Io::State::moved) return;
    // Nobody is there for it after the end.
    if (!finished_) input_.push(std::span(bytes).first(io.bytes));
    send_input();
  }
}

void XenctldConsole::take_back(Bytes unread) {
  // It was here before, and the queue takes no new bytes beyond its limit: so there is room.
  output_.push_front(unread);
  discard_excess();
}

Result<> XenctldConsole::attach(const std::string& path, const std::string& input_path) {
  settle();
  if (auto attached = device_.attach(path, input_path); !attached) return attached;
  settle();
  return Done{};
}

Result<> XenctldConsole::detach() {
  if (auto detached = device_.detach(); !detached) return detached;
  settle();
  return Done{};
}

// -- the end

void XenctldConsole::close() {
  closed_ = true;
  device_.close();
  settle();
}

void XenctldConsole::look_at_end() {
  const bool leaves = device_.status() == ConsoleDevice::Status::connected ||
                      (closed_ && device_.status() == ConsoleDevice::Status::attached);
  if (!finished_ || !leaves || end_timer_ != 0) return;
  end_timer_ = host_.timer_start(xenctld_end_look_delay, [this] {
    end_timer_ = 0;
    quiet_looks_ = output_.empty() && !device_.has_unread() ? quiet_looks_ + 1 : 0;
    if (quiet_looks_ >= quiet_looks_wanted) {
      quiet_looks_ = 0;
      device_.let_go();
    }
    settle();
  });
}

}  // namespace ringside::dom0
