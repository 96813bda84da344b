// Output: guest_request -> store -> device. Input: device -> store -> at most seven requests -> guest.
#include "emu/dom0/xenctld/xenctld_console.h"

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
/// The store's number: output was with a reader, and would die with the daemon.
constexpr std::uint16_t lent = 1;
/// What the store holds beyond the queue, so that it never writes over what it has committed.
constexpr std::size_t store_step_bytes = 4096;

}  // namespace

ConsoleStore::Shape XenctldConsole::store_shape(std::size_t limit_bytes) {
  RS_CHECK(limit_bytes <= xenctld_queue_bytes_max);
  RS_CHECK(limit_bytes == 0 || limit_bytes >= xenctld_queue_bytes_min);
  // Without a limit the console sees to it that the store never has to discard.
  const std::size_t output_bytes_max = limit_bytes == 0 ? xenctld_store_bytes_max : limit_bytes;
  return {.output_bytes_max = output_bytes_max,
          .output_step_bytes_max = xenctld_store_bytes_max + store_step_bytes - output_bytes_max};
}

XenctldConsole::XenctldConsole(Host& host, trace::Journal journal, DomainId domain, std::string link,
                               std::size_t limit_bytes, ConsoleStore store, ConsoleGuest guest)
    : host_(host),
      journal_(journal),
      domain_(domain),
      limit_bytes_(limit_bytes),
      guest_(std::move(guest)),
      store_(std::move(store)),
      device_(host, journal, domain, std::move(link),
              {.ready = [this] { device_ready(); }, .unread = [this](Bytes unread) { take_back(unread); }}) {
  store_.own_up(host_, journal_, domain_);
  if (store_.port() != lent) return;
  const Error error{0, "output may be missing", fmt::format("domain {}", domain_),
                    "what the reader of its console had not read yet died with the xenctld before this one",
                    ""};
  host_.warn(error.text());
}

XenctldConsole::~XenctldConsole() {
  if (end_timer_ != 0) host_.timer_cancel(end_timer_);
}

// -- the guest's side

void XenctldConsole::guest_request(const Channel::Owed& request) {
  if (answers_withheld_ && !finished_) {
    if (ring::is_console_data(request.message) && !store_was_full_) store_was_full_ = !keep_output(request);
    withheld_ = true;
    return;
  }
  if (ring::is_console_data(request.message)) {
    // Output stays in order: what was withheld goes first.
    withheld_ = withheld_ || !keep_output(request);
    if (withheld_) return;
  }
  guest_.respond(request);
}

bool XenctldConsole::keep_output(const Channel::Owed& request) {
  // Its answer had not reached the ring when the last daemon died.
  if (store_.output_known(request.index)) return true;
  const Bytes bytes = request.message.payload();
  if (limit_bytes_ == 0 && !finished_ && store_.output_bytes() + bytes.size() > xenctld_queue_bytes_max)
    return false;
  count_discarded(store_.output_take(bytes, request.index));
  return true;
}

void XenctldConsole::count_discarded(std::size_t bytes) {
  if (bytes == 0) return;
  const std::uint64_t after = discarded_bytes();
  journal_.counted(domain_, "console bytes discarded", static_cast<std::uint32_t>(after - bytes),
                   static_cast<std::uint32_t>(after));
  if (after != bytes) return;
  const Error error{0, "output is discarded", fmt::format("domain {}", domain_),
                    fmt::format("more than {} bytes of it wait for a reader", limit_bytes_),
                    "ringside console reads them; further ones are counted only, see ringside list"};
  host_.warn(error.text());
}

void XenctldConsole::withhold_answers(bool withhold) {
  answers_withheld_ = withhold;
  store_was_full_ = withheld_;
  if (withhold) return;
  settle();
  guest_.flush();
}

void XenctldConsole::take_withheld() {
  while (withheld_ && (!answers_withheld_ || finished_)) {
    const auto request = guest_.unanswered();
    withheld_ = request.has_value();
    if (!withheld_ || (ring::is_console_data(request->message) && !keep_output(*request))) return;
    guest_.respond(*request);
  }
}

void XenctldConsole::guest_response(std::uint32_t tag) {
  store_.input_answered(tag);
  to_send_ = std::min(to_send_, store_.input_in_flight());
}

/// A piece is in flight from before the channel has it: what dies with this daemon is sent again by the next,
/// and the channel knows what it had.
void XenctldConsole::send_input() {
  while (!finished_ && !input_held_ && (to_send_ > 0 || store_.input_sendable())) {
    if (to_send_ == 0) {
      (void)store_.input_send();
      to_send_ = 1;
    }
    const ConsoleStore::Input input = store_.input_sent(store_.input_in_flight() - to_send_);
    switch (guest_.send(input.message, input.tag)) {
      case Channel::Send::taken:
      case Channel::Send::known:
        --to_send_;
        break;
      case Channel::Send::answered:
        --to_send_;
        guest_response(input.tag);
        break;
      case Channel::Send::full:
      case Channel::Send::broken:
        return;
    }
  }
}

void XenctldConsole::channel_opened() {
  to_send_ = store_.input_in_flight();
  withheld_ = true;
}

void XenctldConsole::hold_input(bool hold) {
  input_held_ = hold;
  send_input();
}

void XenctldConsole::finish(std::string last_words) {
  if (finished_) return;
  finished_ = true;
  last_words_ = std::move(last_words);
  last_words_due_ = !last_words_.empty();
  store_.input_end(journal_, domain_);
  to_send_ = 0;
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
  device_.want({.read = store_.input_room() > 0, .write = store_.output_bytes() > 0});
  settling_ = false;
  look_at_end();
}

void XenctldConsole::write_device() {
  note_loan();
  for (int writes = 0; writes < writes_per_turn_max; ++writes) {
    say_last_words();
    if (store_.output_bytes() == 0) return;
    store_.output_offer(store_.output_front().size());
    const auto moment = journal_.moment();
    const Io io = device_.write(store_.output_front());
    if (io.state != Io::State::moved) return store_.output_offer(0);
    journal_.bytes_passed(domain_, trace::actor(trace::Role::client), store_.output_front().first(io.bytes),
                          moment);
    store_.output_drop(io.bytes);
    take_withheld();
  }
}

void XenctldConsole::say_last_words() {
  if (!last_words_due_ || store_.output_bytes() > 0 || !device_.has_reader()) return;
  last_words_due_ = false;
  count_discarded(store_.output_take(
      {reinterpret_cast<const std::uint8_t*>(last_words_.data()), last_words_.size()}, std::nullopt));
}

void XenctldConsole::note_loan() {
  const std::uint16_t now = device_.has_lent() ? lent : 0;
  if (store_.port() != now) store_.set_port(now);
}

void XenctldConsole::read_device() {
  std::array<std::uint8_t, console_input_bytes_max> bytes;
  for (int reads = 0; reads < reads_per_turn_max && store_.input_room() > 0; ++reads) {
    const Io io = device_.read(std::span(bytes).first(store_.input_room()));
    if (io.state != Io::State::moved) return;
    // Nobody is there for it after the end.
    if (!finished_) store_.input_take(std::span(bytes).first(io.bytes));
    send_input();
  }
}

void XenctldConsole::take_back(Bytes unread) {
  // He has seen them, and the next one has not.
  if (unread.empty() && store_.output_bytes() == 0) last_words_due_ = !last_words_.empty();
  // It was here before, and the queue takes no new bytes beyond its limit: so there is room.
  store_.output_return(unread);
  // What is too much now goes as if something had been added.
  count_discarded(store_.output_take({}, std::nullopt));
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
    quiet_looks_ = store_.output_bytes() == 0 && !device_.has_unread() ? quiet_looks_ + 1 : 0;
    if (quiet_looks_ >= quiet_looks_wanted) {
      quiet_looks_ = 0;
      device_.let_go();
    }
    settle();
  });
}

}  // namespace ringside::dom0
