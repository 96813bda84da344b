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
      terminal_(host, journal, domain),
      reported_out_cons_(front_.out_cons()),
      reported_in_prod_(front_.in_prod()),
      reported_input_end_(front_.in_cons()) {
  journal_.told(domain_, trace::Fact::byte_rings,
                {front_.in_cons(), front_.in_prod(), front_.out_cons(), front_.out_prod()});
  report_input(ring::waiting_bytes(front_.in_prod(), front_.in_cons(), in_bytes).value_or(0));
}

// -- what xenconsoled has done

std::optional<std::size_t> HvcTty::room() {
  const auto bytes = front_.room();
  journal_.byte_index_found(domain_, trace::ByteIndex::out_cons,
                            std::exchange(reported_out_cons_, front_.out_cons()), front_.out_cons());
  return bytes;
}

std::optional<std::size_t> HvcTty::input_bytes() {
  const auto bytes = front_.input_bytes();
  journal_.byte_index_found(domain_, trace::ByteIndex::in_prod,
                            std::exchange(reported_in_prod_, front_.in_prod()), front_.in_prod());
  if (reported_input_end_ != front_.in_prod()) report_input(bytes.value_or(0));
  return bytes;
}

/// Reports those of the waiting bytes that are not in the journal. Without listeners they are not copied: a
/// journal that begins later has them in its header.
void HvcTty::report_input(std::size_t waiting) {
  std::size_t before = ring::distance(reported_input_end_, front_.in_cons());
  if (before > waiting) before = 0;  // an index was impossible
  if (journal_.listening()) {
    std::array<std::uint8_t, in_bytes> copy;
    const std::size_t copied = front_.look(std::span(copy).first(waiting));
    journal_.bytes_found(domain_, trace::ByteRing::in, front_.in_cons() + static_cast<ring::Index>(before),
                         Bytes(copy).first(copied).subspan(std::min(before, copied)));
  }
  reported_input_end_ = front_.in_cons() + static_cast<ring::Index>(waiting);
}

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
  const std::size_t count = std::min(room().value_or(0), messages_.size());
  put({reinterpret_cast<const std::uint8_t*>(messages_.data()), count});
  messages_.erase(0, count);
}

void HvcTty::read_terminal() {
  if (!messages_.empty()) return;
  std::array<std::uint8_t, out_bytes> into;
  put(terminal_.read(std::span(into).first(room().value_or(0))));
  if (terminal_.input_hung_up()) move_input();
}

void HvcTty::put(Bytes bytes) {
  if (bytes.empty()) return;
  const ring::Index first = front_.out_prod();
  const auto moment = journal_.moment();
  front_.write(bytes);
  journal_.bytes_written(domain_, trace::ByteRing::out, first, bytes, moment);
  journal_.byte_index_moved(domain_, trace::ByteIndex::out_prod, first, front_.out_prod(), moment);
  moved_ = true;
}

bool HvcTty::output_ended() const {
  return messages_.empty() && terminal_.state() != GuestTerminal::State::open &&
         front_.out_cons() == front_.out_prod();
}

// -- input

void HvcTty::move_input() {
  if (terminal_.state() == GuestTerminal::State::none && !terminal_.input_hung_up()) return;
  while (const std::size_t waiting = input_bytes().value_or(0)) {
    if (terminal_.input_blocked()) return;
    if (terminal_.input_hung_up()) return drop_input();
    std::array<std::uint8_t, in_bytes> bytes;
    const std::size_t count = front_.look(std::span(bytes).first(waiting));
    const std::size_t taken = terminal_.write(Bytes(bytes).first(count));
    if (taken == 0) continue;
    take(taken);
  }
}

void HvcTty::take(std::size_t bytes) {
  const ring::Index before = front_.in_cons();
  const auto moment = journal_.moment();
  front_.take(bytes);
  journal_.byte_index_moved(domain_, trace::ByteIndex::in_cons, before, front_.in_cons(), moment);
  moved_ = true;
}

void HvcTty::drop_input() {
  const std::size_t bytes = input_bytes().value_or(0);
  take(bytes);
  journal_.refused(domain_, trace::dom0_actor, trace::Refusal::input_unread);
  const std::uint32_t before = dropped_input_bytes_;
  dropped_input_bytes_ += static_cast<std::uint32_t>(bytes);
  journal_.counted(domain_, trace::Counter::input_bytes_dropped, before, dropped_input_bytes_);
  ring::NativeMemory::store(&setup_.words->guest_lost_input_bytes, dropped_input_bytes_);
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
  const auto free = room();
  const auto waiting = input_bytes();
  const bool possible = free && waiting;
  if (!possible && !indices_reported_)
    journal_.refused(domain_, trace::dom0_actor, trace::Refusal::impossible_indices);
  indices_reported_ = !possible;
}

void HvcTty::announce() {
  if (std::exchange(moved_, false)) setup_.notify();
}

void HvcTty::update_watch() {
  terminal_.update_watch(room().value_or(0) != 0 && messages_.empty());
}

}  // namespace ringside::domu
