// Moves bytes between the byte rings and the pty.
#include "emu/dom0/xenconsoled/byte_console.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ringside::dom0 {

namespace {

constexpr std::size_t out_bytes = sizeof ring::ByteRings::out;

trace::Actor reader() {
  return trace::actor(trace::Role::client);
}

}  // namespace

ByteConsole::ByteConsole(Host& host, trace::Journal journal, Setup setup)
    : host_(host),
      journal_(journal),
      setup_(std::move(setup)),
      back_(setup_.rings.frame()),
      period_ends_(host.now() + event_period) {}

ByteConsole::~ByteConsole() {
  if (period_timer_ != 0) host_.timer_cancel(period_timer_);
  if (pty_.terminal.valid()) host_.link_remove(setup_.link);
}

// -- the pty

Result<> ByteConsole::start() {
  if (auto made = make_pty(); !made) return made;
  // What the guest had written before, without an event.
  take_output();
  write_terminal();
  update_interest();
  return Done{};
}

Result<> ByteConsole::make_pty() {
  auto made = host_.pty_create();
  if (!made) return made.error();
  auto other_side = host_.file_open(made->path, Host::FileUse::output);
  if (!other_side) return other_side.error();
  if (auto linked = host_.link_make(setup_.link, made->path); !linked) return linked;
  pty_ = std::move(*made);
  held_ = std::move(other_side->handle);
  interest_ = {};
  host_.watch(pty_.terminal, {}, [this](Ready ready) { terminal_ready(ready); });
  journal_.told(setup_.domain, trace::Fact::pty_made);
  return Done{};
}

/// The pty is broken. Its unread bytes are lost with it.
void ByteConsole::renew_pty() {
  held_ = {};
  pty_ = {};
  if (auto made = make_pty(); !made) host_.warn(made.error().text());
}

void ByteConsole::terminal_ready(Ready ready) {
  if (ready.read) read_terminal();
  if (ready.write) write_terminal();
  update_interest();
}

void ByteConsole::update_interest() {
  if (!pty_.terminal.valid()) return;
  const Ready wanted{.read = back_.input_room() != 0, .write = buffered_bytes() != 0};
  if (wanted.read == interest_.read && wanted.write == interest_.write) return;
  interest_ = wanted;
  host_.watch_interest(pty_.terminal, wanted);
}

// -- events

void ByteConsole::event() {
  count_event();
  take_output();
  if (period_timer_ == 0) setup_.unmask();
  update_interest();
}

void ByteConsole::count_event() {
  const Time now = host_.now();
  if (now + event_period_fuzz > period_ends_) {
    period_ends_ = now + event_period;
    events_ = 0;
  }
  if (++events_ < events_per_period_max) return;
  period_timer_ = host_.timer_start(period_ends_ - now, [this] {
    period_timer_ = 0;
    period_ends_ = host_.now() + event_period;
    events_ = 0;
    setup_.unmask();
    update_interest();
  });
}

// -- output

void ByteConsole::take_output() {
  std::array<std::uint8_t, out_bytes> taken;
  const std::size_t waiting = back_.output_bytes();
  if (waiting == 0) return;
  // The guest may report the new out_cons, and what it writes then, before this does. Only what waited before
  // the moment is taken: the guest has reported it.
  const auto moment = journal_.moment();
  const auto [first, bytes] = back_.take_output(std::span(taken).first(waiting));
  journal_.byte_index_moved(setup_.domain, trace::ByteIndex::out_cons, first, first + bytes, moment);
  buffer_.insert(buffer_.end(), taken.begin(), taken.begin() + bytes);
  setup_.notify();
  if (setup_.limit_bytes != 0 && buffer_.size() > setup_.limit_bytes + setup_.limit_bytes / 4)
    discard_middle();
}

void ByteConsole::discard_middle() {
  const auto at = [this](std::size_t place) { return buffer_.begin() + static_cast<std::ptrdiff_t>(place); };
  if (consumed_ > setup_.limit_bytes / 4) {
    buffer_.erase(buffer_.begin(), at(consumed_));
    consumed_ = 0;
    return;
  }
  const std::size_t kept = setup_.limit_bytes / 2;
  const auto lost = static_cast<std::uint32_t>(setup_.limit_bytes - kept);
  buffer_.erase(at(kept), at(setup_.limit_bytes));
  journal_.told(setup_.domain, trace::Fact::middle_discarded,
                {static_cast<std::uint32_t>(kept - consumed_), lost});
  const std::uint32_t before = discarded_bytes_;
  discarded_bytes_ += lost;
  journal_.counted(setup_.domain, trace::Counter::console_bytes_discarded, before, discarded_bytes_);
}

void ByteConsole::write_terminal() {
  if (buffered_bytes() == 0) return;
  const Bytes waiting = Bytes(buffer_).subspan(consumed_);
  const auto moment = journal_.moment();
  const Io io = host_.write(pty_.terminal, waiting);
  if (io.state == Io::State::closed) return renew_pty();
  if (io.state != Io::State::moved) return;
  journal_.bytes_passed(setup_.domain, reader(), waiting.first(io.bytes), moment);
  consumed_ += io.bytes;
  if (consumed_ != buffer_.size()) return;
  buffer_.clear();
  consumed_ = 0;
}

// -- input

void ByteConsole::read_terminal() {
  std::array<std::uint8_t, tty_read_bytes_max> bytes;
  const std::size_t room = std::min(back_.input_room(), bytes.size());
  if (room == 0) return;
  const Io io = host_.read(pty_.terminal, std::span(bytes).first(room));
  if (io.state == Io::State::closed) return renew_pty();
  if (io.state != Io::State::moved) return;
  const Bytes typed = Bytes(bytes).first(io.bytes);
  const auto moment = journal_.moment();
  const auto [first, count] = back_.put_input(typed);
  journal_.bytes_written(setup_.domain, trace::ByteRing::in, first, typed, moment);
  journal_.byte_index_moved(setup_.domain, trace::ByteIndex::in_prod, first, first + count, moment);
  setup_.notify();
}

// -- the end

void ByteConsole::end() {
  const auto unread = static_cast<std::uint32_t>(buffered_bytes());
  journal_.counted(setup_.domain, trace::Counter::bytes_unread, 0, unread);
  journal_.told(setup_.domain, trace::Fact::console_gone);
}

}  // namespace ringside::dom0
