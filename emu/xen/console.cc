// Input and its switch, dom0's output, and Xen's own messages.
#include "emu/xen/console.h"

#include <fmt/format.h>

#include <algorithm>

namespace ringside::xen {

namespace {

constexpr trace::Actor uart_actor = trace::actor(trace::Role::uart);

bool is_letter(char c) {
  return c >= 'a' && c <= 'z';
}

std::uint8_t control_character(char letter) {
  return static_cast<std::uint8_t>(letter - 'a' + 1);
}

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

bool is_conswitch(std::string_view text) {
  const bool letter = !text.empty() && is_letter(text[0]);
  return letter && (text.size() == 1 || text.substr(1) == "x");
}

Console::Console(SerialPort& serial, trace::Journal journal, std::string_view conswitch, Ends ends)
    : serial_(serial), journal_(journal), conswitch_(conswitch), ends_(std::move(ends)) {
  RS_CHECK(is_conswitch(conswitch));
}

void Console::start() {
  serial_.set_receiver(SerialHalf::both, [this](std::uint8_t character) { received(character); });
}

void Console::end_boot() {
  // With 'x', this and switch_input() cancel each other: Xen keeps the input, and the notice is still
  // printed.
  if (conswitch_.size() > 1) input_is_xens_ = false;
  switch_input();
}

// -- input

void Console::received(std::uint8_t character) {
  if (character != control_character(conswitch_[0])) {
    switches_seen_ = 0;
    return forward(character);
  }
  if (++switches_seen_ < switch_characters) return forward(character);
  switches_seen_ = 0;
  switch_input();
}

void Console::forward(std::uint8_t character) {
  if (input_is_xens_) return ends_.key_pressed(character);
  if (input_.push(std::span(&character, 1)) == 0) {
    ++counters_.input_dropped;
    journal_.counted(0, trace::Counter::console_input_dropped, counters_.input_dropped - 1,
                     counters_.input_dropped);
  }
  // Also when the character was dropped: a reader that missed an event would otherwise be stuck for ever.
  ends_.raise_virq();
}

void Console::switch_input() {
  input_is_xens_ = !input_is_xens_;
  constexpr std::string_view names[] = {"DOM0", "Xen"};
  journal_.told(0, input_is_xens_ ? trace::Fact::serial_to_xen : trace::Fact::serial_to_dom0);
  print(fmt::format("*** Serial input -> {} (type 'CTRL-{}' three times to switch input to {}).",
                    names[input_is_xens_ ? 1 : 0], conswitch_[0], names[input_is_xens_ ? 0 : 1]));
}

std::size_t Console::read(std::span<std::uint8_t> into) {
  const std::size_t count = input_.copy(0, into);
  input_.drop(count);
  journal_.bytes_passed(0, trace::dom0_actor, into.first(count));
  return count;
}

// -- output

void Console::print(std::string_view line) {
  put(console_prefix);
  put(line);
  put("\n");
}

void Console::put(std::string_view text) {
  said_first_ += said_.push_over(bytes_of(text));
  const std::size_t sent = serial_.write(SerialHalf::both, bytes_of(text));
  journal_.bytes_passed(0, uart_actor, bytes_of(text.substr(0, sent)));
  if (sent == text.size()) return;
  const std::uint32_t before = counters_.output_dropped;
  counters_.output_dropped += static_cast<std::uint32_t>(text.size() - sent);
  journal_.counted(0, trace::Counter::console_output_dropped, before, counters_.output_dropped);
}

std::size_t Console::write(Bytes bytes) {
  if (serial_.transmit_room() < serial_transmit_bytes_max / 2) return 0;
  const std::size_t taken = serial_.write(SerialHalf::both, bytes);
  journal_.as(trace::dom0_actor).bytes_passed(0, journal_.self(), bytes.first(taken));
  journal_.bytes_passed(0, uart_actor, bytes.first(taken));
  return taken;
}

Console::Piece Console::dmesg_read(std::uint64_t position, std::span<std::uint8_t> into) const {
  const std::uint64_t from = std::max(position, said_first_);
  const std::uint64_t offset = from - said_first_;
  if (offset >= said_.size()) return {from, 0};
  return {from, said_.copy(static_cast<std::size_t>(offset), into)};
}

void Console::dmesg_clear(std::uint64_t position) {
  if (position <= said_first_) return;
  const std::uint64_t count = std::min<std::uint64_t>(position - said_first_, said_.size());
  said_.drop(static_cast<std::size_t>(count));
  said_first_ += count;
}

}  // namespace ringside::xen
