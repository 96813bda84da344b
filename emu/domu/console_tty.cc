// The console driver: sends output in chunks, delivers input, and applies back-pressure to both.
#include "emu/domu/console_tty.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>
#include <vector>

namespace ringside::domu {

namespace {

/// The most that is moved by one read or write of the terminal.
constexpr std::size_t terminal_read_bytes_max = 4096;
constexpr std::size_t terminal_write_bytes_max = ring::slots_per_ring * ring::payload_bytes_max;

std::size_t buffer_size(std::size_t wanted_bytes) {
  RS_CHECK(wanted_bytes >= transmit_buffer_bytes_min && wanted_bytes <= transmit_buffer_bytes_max);
  return std::bit_ceil(wanted_bytes);
}

}  // namespace

ConsoleTty::ConsoleTty(Host& host, trace::Journal journal, DomainId domain, CtrlIf& ctrl_if, Setup setup)
    : journal_(journal),
      domain_(domain),
      ctrl_if_(ctrl_if),
      terminal_moved_(std::move(setup.terminal_moved)),
      quirks_(setup.quirks),
      transmit_(buffer_size(setup.buffer_bytes)),
      terminal_(host, journal, domain) {
  RS_CHECK(ctrl_if_.register_receiver(
      ring::CMSG_CONSOLE, [this](Request request) { received(std::move(request)); },
      CtrlIf::Context::interrupt));
}

ConsoleTty::~ConsoleTty() {
  ctrl_if_.unregister_receiver(ring::CMSG_CONSOLE);
}

// -- output

void ConsoleTty::print(std::string_view text) {
  // One byte always stays free, as in 2005, where kernel messages could not fill the buffer either.
  const std::size_t usable = transmit_.capacity() - 1;
  const std::size_t before = transmit_.size();
  std::size_t dropped = quirks_.has(Quirk::kcons_lfcr) ? print_lf_cr(text) : 0;
  if (quirks_.has(Quirk::kcons_lfcr)) text = {};
  for (const char character : text) {
    const std::array<std::uint8_t, 2> line_end{'\r', '\n'};
    const auto byte = static_cast<std::uint8_t>(character);
    const Bytes out = character == '\n' ? Bytes(line_end) : Bytes(&byte, 1);
    if (transmit_.size() + out.size() <= usable) {
      transmit_.push(out);
    } else {
      dropped += out.size();
    }
  }
  record_added(before);
  count_dropped(trace::Counter::kernel_bytes_dropped, dropped_message_bytes_, dropped);
  ctrl_if_.count_lost(0, dropped);
  flush();
}

/// Records in the journal the kernel's own output: the bytes of the buffer after the first `before`.
void ConsoleTty::record_added(std::size_t before) {
  if (!journal_.listening()) return;
  std::vector<std::uint8_t> added(transmit_.size() - before);
  transmit_.copy(before, added);
  journal_.bytes_passed(domain_, journal_.self(), added);
}

/// Prints with the line ends of 2005: LF CR, with a check for room before the LF only.
std::size_t ConsoleTty::print_lf_cr(std::string_view text) {
  const std::size_t usable = transmit_.capacity() - 1;
  std::size_t dropped = 0;
  for (const char character : text) {
    const auto byte = static_cast<std::uint8_t>(character);
    const std::uint8_t carriage_return = '\r';
    if (transmit_.size() >= usable) {
      ++dropped;
      continue;
    }
    transmit_.push({&byte, 1});
    if (character != '\n') continue;
    transmit_.push({&carriage_return, 1});
    journal_.quirk(domain_, Quirk::kcons_lfcr);
  }
  return dropped;
}

std::size_t ConsoleTty::write(Bytes bytes) {
  const std::size_t taken = transmit_.push(bytes);
  flush();
  return taken;
}

void ConsoleTty::flush() {
  if (waiting_for_space_ || output_held_) return;
  CtrlIf::Batch batch(ctrl_if_);
  if (flow_character_) {
    if (!send_chunk({&*flow_character_, 1})) return;
    flow_character_.reset();
  }
  while (!transmit_.empty()) {
    const Bytes piece = transmit_.front();  // a piece ends where the buffer wraps
    const Bytes chunk = piece.first(std::min(piece.size(), ring::payload_bytes_max));
    if (!send_chunk(chunk)) return;
    transmit_.drop(chunk.size());
  }
}

bool ConsoleTty::send_chunk(Bytes chunk) {
  const auto message =
      ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, ring::no_callback_id, chunk);
  for (;;) {
    const CtrlIf::Sent sent = ctrl_if_.send(message);
    if (sent == CtrlIf::Sent::sent) return true;
    RS_CHECK(sent != CtrlIf::Sent::no_callback);
    switch (ctrl_if_.when_space([this] { space_in_ring(); })) {
      case CtrlIf::Space::will_call:
        waiting_for_space_ = true;
        return false;
      case CtrlIf::Space::now:
        break;
      case CtrlIf::Space::too_many:
        RS_CHECK(!"a guest has fewer drivers than there are space callbacks");
    }
  }
}

void ConsoleTty::space_in_ring() {
  waiting_for_space_ = false;
  flush();
  // A program that filled the buffer probably has more ready: read at once rather than through the loop.
  if (!read_wanted_ && transmit_.room() * 2 >= transmit_.capacity()) read_terminal();
  update_watch();
}

void ConsoleTty::send_flow_character(std::uint8_t character) {
  if (!ixoff_) return;
  if (!flow_character_) journal_.bytes_passed(domain_, journal_.self(), {&character, 1});
  flow_character_ = character;  // replaces an unsent one, which is obsolete
  flush();
}

// -- the terminal

void ConsoleTty::open(Handle terminal) {
  terminal_.open(std::move(terminal), [this](Ready ready) { terminal_ready(ready); });
  deliver_input();
  update_watch();
}

void ConsoleTty::terminal_ready(Ready ready) {
  {
    CtrlIf::Batch batch(ctrl_if_);
    if (ready.write && terminal_.input_blocked()) {
      terminal_.unblock_input();
      deliver_input();
    }
    if (ready.read) read_terminal();
    update_watch();
  }
  if (terminal_moved_) terminal_moved_();
}

void ConsoleTty::read_terminal() {
  std::array<std::uint8_t, terminal_read_bytes_max> into;
  // Reads no more than fits: output that is not read stays in the terminal, and blocks the program when that
  // is full.
  const Bytes bytes = terminal_.read(std::span(into).first(std::min(transmit_.room(), into.size())));
  RS_CHECK(write(bytes) == bytes.size());
  if (terminal_.input_hung_up()) deliver_input();
}

void ConsoleTty::update_watch() {
  // Reading stops when the buffer is full and continues when it is half empty, not at the first free byte:
  // fewer and longer reads.
  if (transmit_.full()) read_wanted_ = false;
  if (transmit_.room() * 2 >= transmit_.capacity()) read_wanted_ = true;
  terminal_.update_watch(read_wanted_);
}

// -- input

void ConsoleTty::received(Request request) {
  if (request.message().subtype != ring::CMSG_CONSOLE_DATA) {
    journal_.refused(domain_, trace::dom0_actor, trace::Refusal::console_subtype);
    ctrl_if_.respond(std::move(request));
    return;
  }
  if (input_.size() == input_messages_max) {
    drop_input(request.message().length);
    ctrl_if_.respond(std::move(request));
    return;
  }
  const ring::ControlMessage message = request.message();
  input_.push_back({message, std::move(request)});
}

void ConsoleTty::deliver_input() {
  if (terminal_.state() == GuestTerminal::State::none && !terminal_.input_hung_up()) return;
  CtrlIf::Batch batch(ctrl_if_);
  while (!input_.empty() && !terminal_.input_blocked()) {
    if (terminal_.input_hung_up()) {
      drop_input();
      break;
    }
    std::array<std::uint8_t, terminal_write_bytes_max> together;
    std::size_t bytes = 0;
    for (const Input& input : input_) {
      const Bytes rest = input.message.payload().subspan(input.taken_bytes);
      if (bytes + rest.size() > together.size()) break;
      std::copy(rest.begin(), rest.end(), together.begin() + static_cast<std::ptrdiff_t>(bytes));
      bytes += rest.size();
    }
    if (bytes == 0) {
      input_taken(0);
      continue;
    }
    const std::size_t taken = terminal_.write(Bytes(together).first(bytes));
    if (taken != 0) input_taken(taken);
  }
  update_watch();
}

void ConsoleTty::input_taken(std::size_t bytes) {
  while (!input_.empty()) {
    Input& oldest = input_.front();
    const std::size_t rest = oldest.message.length - oldest.taken_bytes;
    if (bytes < rest) {
      oldest.taken_bytes += bytes;
      return;
    }
    bytes -= rest;
    if (oldest.request) ctrl_if_.respond(std::move(*oldest.request));
    input_.pop_front();
  }
  RS_CHECK(bytes == 0);
}

void ConsoleTty::hang_up_input() {
  terminal_.hang_up_input();
  deliver_input();
}

void ConsoleTty::drop_input() {
  std::size_t bytes = 0;
  for (const Input& input : input_) bytes += input.message.length - input.taken_bytes;
  if (bytes != 0) journal_.refused(domain_, trace::dom0_actor, trace::Refusal::input_unread);
  drop_input(bytes);
  while (!input_.empty()) {
    if (input_.front().request) ctrl_if_.respond(std::move(*input_.front().request));
    input_.pop_front();
  }
}

// -- suspension

void ConsoleTty::hold_output(bool hold) {
  output_held_ = hold;
  if (hold) return;
  flush();
  update_watch();
}

void ConsoleTty::answer_all() {
  CtrlIf::Batch batch(ctrl_if_);
  for (Input& input : input_) {
    if (input.request) ctrl_if_.respond(std::move(*input.request));
    input.request.reset();
  }
}

void ConsoleTty::drop_input(std::size_t bytes) {
  count_dropped(trace::Counter::input_bytes_dropped, dropped_input_bytes_, bytes);
  ctrl_if_.count_lost(bytes, 0);
}

void ConsoleTty::count_dropped(trace::Counter counter, std::uint32_t& total, std::size_t bytes) {
  const std::uint32_t before = total;
  total += static_cast<std::uint32_t>(bytes);
  journal_.counted(domain_, counter, before, total);
}

}  // namespace ringside::domu
