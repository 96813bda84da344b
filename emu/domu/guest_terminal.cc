// Reads and writes the terminal.
#include "emu/domu/guest_terminal.h"

#include <utility>

namespace ringside::domu {

GuestTerminal::GuestTerminal(Host& host, trace::Journal journal, DomainId domain)
    : host_(host),
      journal_(journal),
      tty_journal_(journal.as(trace::actor(trace::Role::tty, domain))),
      domain_(domain) {}

void GuestTerminal::open(Handle terminal, std::function<void(Ready)> ready) {
  RS_CHECK(state_ == State::none && terminal.valid());
  terminal_ = std::move(terminal);
  state_ = State::open;
  host_.watch(terminal_, {}, std::move(ready));
}

void GuestTerminal::resize(std::uint16_t rows, std::uint16_t columns) {
  if (state_ == State::open) host_.terminal_resize(terminal_, rows, columns);
}

Bytes GuestTerminal::read(std::span<std::uint8_t> into) {
  if (into.empty() || state_ != State::open) return {};
  const Io io = host_.read(terminal_, into);
  switch (io.state) {
    case Io::State::moved:
      tty_journal_.bytes_passed(domain_, journal_.self(), into.first(io.bytes));
      return into.first(io.bytes);
    case Io::State::blocked:
      break;
    case Io::State::closed:
      state_ = State::closed;
      tty_journal_.told(domain_, trace::Fact::terminal_closed);
      hang_up_input();
      break;
  }
  return {};
}

std::size_t GuestTerminal::write(Bytes bytes) {
  const auto moment = journal_.moment();
  const Io io = host_.write(terminal_, bytes);
  switch (io.state) {
    case Io::State::moved:
      journal_.bytes_passed(domain_, tty_journal_.self(), bytes.first(io.bytes), moment);
      return io.bytes;
    case Io::State::blocked:
      input_blocked_ = true;
      break;
    case Io::State::closed:
      input_hung_up_ = true;
      break;
  }
  return 0;
}

void GuestTerminal::hang_up_input() {
  input_hung_up_ = true;
  input_blocked_ = false;
}

void GuestTerminal::update_watch(bool output_wanted) {
  if (state_ == State::none) return;
  const Ready wanted{state_ == State::open && output_wanted, input_blocked_};
  if (wanted.read == watched_.read && wanted.write == watched_.write) return;
  watched_ = wanted;
  host_.watch_interest(terminal_, watched_);
}

}  // namespace ringside::domu
