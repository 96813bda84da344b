// Output to the device, and input from it.
#include "emu/dom0/xenctld/xenctld_console.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace ringside::dom0 {

namespace {

constexpr int reads_per_turn_max = 16;
/// The most rounds of one settle(); further work waits for the next event.
constexpr int settles_per_turn_max = 4;
/// One look may miss bytes that have just been written.
constexpr int quiet_looks_wanted = 2;
/// The store's number: output was in a device, and would be lost with the daemon.
constexpr std::uint16_t output_in_device = 1;
/// What the store holds beyond the queue, so that it never overwrites its committed state.
constexpr std::size_t store_step_bytes = 4096;

}  // namespace

ConsoleStore::Shape XenctldConsole::store_shape(std::size_t limit_bytes) {
  RS_CHECK(limit_bytes <= xenctld_queue_bytes_max);
  RS_CHECK(limit_bytes == 0 || limit_bytes >= xenctld_queue_bytes_min);
  // Without a limit the console ensures that the store never has to discard.
  const std::size_t output_bytes_max = limit_bytes == 0 ? xenctld_store_bytes_max : limit_bytes;
  return {.output_bytes_max = output_bytes_max,
          .output_step_bytes_max = xenctld_store_bytes_max + store_step_bytes - output_bytes_max};
}

XenctldConsole::XenctldConsole(Host& host, trace::Journal journal, DomainId domain, std::string link,
                               std::size_t limit_bytes, ConsoleStore store, ConsoleGuest guest)
    : Console(host, journal, domain, std::move(store), std::move(guest)),
      limit_bytes_(limit_bytes),
      device_(host, journal, domain, std::move(link),
              {.ready = [this] { device_ready(); }, .unread = [this](Bytes unread) { take_back(unread); }}) {
  if (store_.port() != output_in_device) return;
  const Error error{0, "output may be missing", fmt::format("domain {}", domain_),
                    "output that the reader of its console had not read was lost with the previous xenctld",
                    ""};
  host_.warn(error.text());
}

XenctldConsole::~XenctldConsole() {
  if (end_timer_ != 0) host_.timer_cancel(end_timer_);
}

bool XenctldConsole::must_wait(std::size_t bytes) const {
  return limit_bytes_ == 0 && !finished() && store_.output_bytes() + bytes > xenctld_queue_bytes_max;
}

void XenctldConsole::discards_begin() {
  const Error error{0, "output is discarded", fmt::format("domain {}", domain_),
                    fmt::format("more than {} bytes of it wait for a reader", limit_bytes_),
                    "ringside console reads them; further ones are counted only, see ringside list"};
  host_.warn(error.text());
}

// -- events of the device

void XenctldConsole::device_ready() {
  settle();
  guest_.flush();
}

void XenctldConsole::settle() {
  settle_again_ = true;
  if (std::exchange(settling_, true)) return;
  for (int round = 0; round < settles_per_turn_max && std::exchange(settle_again_, false); ++round) {
    record_output_in_device();
    // A device never reports `closed`.
    (void)deliver([this](Bytes bytes) { return device_.write(bytes); }, trace::actor(trace::Role::client));
    answer_owed();
    read_device();
    send_input();
  }
  device_.want({.read = store_.input_room() > 0, .write = store_.output_bytes() > 0});
  settling_ = false;
  look_at_end();
  if (closed_ && !has_viewer()) guest_.reader_left();
}

void XenctldConsole::record_output_in_device() {
  const std::uint16_t now = device_.has_output_in_device() ? output_in_device : 0;
  if (store_.port() != now) store_.set_port(now);
}

void XenctldConsole::read_device() {
  std::array<std::uint8_t, console_input_bytes_max> bytes;
  for (int reads = 0; reads < reads_per_turn_max && store_.input_room() > 0; ++reads) {
    const Io io = device_.read(std::span(bytes).first(store_.input_room()));
    if (io.state != Io::State::moved) return;
    // After the end there is no reader for it.
    if (!finished()) store_.input_take(std::span(bytes).first(io.bytes));
    send_input();
  }
}

Result<> XenctldConsole::ask(const Dom0Request& request) {
  if (request.verb == Dom0Request::Verb::attach) return attach(request.path, request.input_path);
  if (request.verb == Dom0Request::Verb::detach) return detach();
  return Error{ENOTSUP, "this machine runs xenctld: a program that has a pty open must close it itself", "",
               "", ""};
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
  if (!finished() || !leaves || end_timer_ != 0) return;
  end_timer_ = host_.timer_start(xenctld_end_look_delay, [this] {
    end_timer_ = 0;
    quiet_looks_ = store_.output_bytes() == 0 && !device_.has_unread() ? quiet_looks_ + 1 : 0;
    if (quiet_looks_ >= quiet_looks_wanted) {
      quiet_looks_ = 0;
      device_.release_reader();
    }
    settle();
  });
}

}  // namespace ringside::dom0
