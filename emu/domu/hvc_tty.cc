// Moves bytes between the terminal and the byte rings.
#include "emu/domu/hvc_tty.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ringside::domu {

namespace {

constexpr std::size_t out_bytes = sizeof ring::ByteRings::out;
constexpr std::size_t in_bytes = sizeof ring::ByteRings::in;

}  // namespace

HvcTty::HvcTty(Host& host, trace::Journal journal, DomainId domain, Setup setup)
    : journal_(journal),
      domain_(domain),
      setup_(std::move(setup)),
      front_(setup_.rings),
      terminal_(host, journal, domain) {}

// -- output

void HvcTty::print(std::string_view text) {
  const std::size_t before = messages_.size();
  for (const char character : text) {
    if (character == '\n') messages_ += '\r';
    messages_ += character;
  }
  const std::string_view added = std::string_view(messages_).substr(before);
  journal_.bytes_passed(domain_, journal_.self(),
                        {reinterpret_cast<const std::uint8_t*>(added.data()), added.size()});
  move_output();
  announce();
}

void HvcTty::move_output() {
  const std::size_t count = std::min(front_.room().value_or(0), messages_.size());
  put({reinterpret_cast<const std::uint8_t*>(messages_.data()), count});
  messages_.erase(0, count);
}

void HvcTty::read_terminal() {
  if (!messages_.empty()) return;
  std::array<std::uint8_t, out_bytes> into;
  put(terminal_.read(std::span(into).first(front_.room().value_or(0))));
  if (terminal_.input_hung_up()) move_input();
}

void HvcTty::put(Bytes bytes) {
  if (bytes.empty()) return;
  front_.write(bytes);
  journal_.bytes_passed(domain_, trace::dom0_actor, bytes);
  moved_ = true;
}

bool HvcTty::output_ended() const {
  return messages_.empty() && terminal_.state() != GuestTerminal::State::open && front_.all_taken();
}

// -- input

void HvcTty::move_input() {
  if (terminal_.state() == GuestTerminal::State::none && !terminal_.input_hung_up()) return;
  while (front_.input_bytes().value_or(0) != 0 && !terminal_.input_blocked()) {
    if (terminal_.input_hung_up()) return drop_input();
    std::array<std::uint8_t, in_bytes> bytes;
    const std::size_t taken = terminal_.write(Bytes(bytes).first(front_.look(bytes)));
    if (taken == 0) continue;
    front_.take(taken);
    moved_ = true;
  }
}

void HvcTty::drop_input() {
  const std::size_t bytes = front_.input_bytes().value_or(0);
  journal_.refused(domain_, trace::dom0_actor, trace::Refusal::input_unread);
  const std::uint32_t before = dropped_input_bytes_;
  dropped_input_bytes_ += static_cast<std::uint32_t>(bytes);
  journal_.counted(domain_, trace::Counter::input_bytes_dropped, before, dropped_input_bytes_);
  ring::NativeMemory::store(&setup_.words->guest_lost_input_bytes, dropped_input_bytes_);
  front_.take(bytes);
  moved_ = true;
}

void HvcTty::hang_up_input() {
  terminal_.hang_up_input();
  move_input();
  announce();
  update_watch();
}

// -- the terminal and the rings

void HvcTty::open(Handle terminal) {
  terminal_.open(std::move(terminal), [this](Ready ready) { terminal_ready(ready); });
  serve();
}

void HvcTty::terminal_ready(Ready ready) {
  if (ready.write && terminal_.input_blocked()) {
    terminal_.unblock_input();
    move_input();
  }
  if (ready.read) read_terminal();
  announce();
  update_watch();
  if (setup_.terminal_moved) setup_.terminal_moved();
}

void HvcTty::serve() {
  check_indices();
  move_output();
  move_input();
  announce();
  update_watch();
}

/// An impossible index stops its direction until xenconsoled repairs it.
void HvcTty::check_indices() {
  const bool possible = front_.room() && front_.input_bytes();
  if (!possible && !indices_reported_)
    journal_.refused(domain_, trace::dom0_actor, trace::Refusal::impossible_indices);
  indices_reported_ = !possible;
}

void HvcTty::announce() {
  if (std::exchange(moved_, false)) setup_.notify();
}

void HvcTty::update_watch() {
  terminal_.update_watch(front_.room().value_or(0) != 0 && messages_.empty());
}

}  // namespace ringside::domu
