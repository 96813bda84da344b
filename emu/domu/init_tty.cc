// Moves bytes between the program's terminal and the driver, and restarts the program.
#include "emu/domu/init_tty.h"

#include <array>
#include <utility>

namespace ringside::domu {

InitTty::InitTty(Host& host, trace::Journal journal, trace::Dom0Tty which, ProgramSpec program, Driver driver)
    : host_(host),
      journal_(journal),
      tty_journal_(journal.as(trace::actor(trace::Role::tty))),
      which_(which),
      program_(std::move(program)),
      driver_(std::move(driver)) {}

InitTty::~InitTty() {
  if (respawn_timer_ != 0) host_.timer_cancel(respawn_timer_);
}

// -- init

void InitTty::start() {
  RS_CHECK(!terminal_.valid() && respawn_timer_ == 0);
  start_program();
}

void InitTty::start_program() {
  auto started = host_.program_start(program_);
  if (!started) {
    print(fmt::format("INIT: {}\n", started.error().text()));
    return wait_to_start();
  }
  terminal_ = std::move(started->terminal);
  process_ = std::move(started->process);
  watched_ = {};
  journal_.told(0, trace::Fact::init_runs, {0, static_cast<std::uint32_t>(which_)}, program_.argv.front());
  host_.watch(terminal_, {}, [this](Ready ready) { terminal_ready(ready); });
  host_.process_watch(process_, [this](int status) { program_ended(status); });
  update_watch();
  driver_.input_room();
}

void InitTty::program_ended(int status) {
  journal_.told(0, trace::Fact::init_program_ended,
                {static_cast<std::uint32_t>(status), static_cast<std::uint32_t>(which_)});
  process_ = Handle();
  wait_to_start();
}

void InitTty::wait_to_start() {
  respawn_timer_ = host_.timer_start(respawn_delay, [this] {
    respawn_timer_ = 0;
    // The device may be slow, and the last output is sent first.
    if (!output_.empty()) return wait_to_start();
    // Processes that the program left behind on its terminal get a hang-up.
    terminal_ = Handle();
    input_.clear();
    start_program();
  });
}

// -- output

void InitTty::print(std::string_view text) {
  const Bytes bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  output_.push(bytes);
  flush();
}

void InitTty::terminal_ready(Ready ready) {
  if (ready.write) write_terminal();
  if (ready.read && terminal_.valid()) read_terminal();
  if (terminal_.valid()) update_watch();
}

void InitTty::read_terminal() {
  std::array<std::uint8_t, tty_output_bytes_max> into;
  // Output that does not fit stays with the program, and blocks it.
  const auto room = std::span(into).first(output_.room());
  if (room.empty()) return;
  const Io io = host_.read(terminal_, room);
  switch (io.state) {
    case Io::State::moved:
      tty_journal_.bytes_passed(0, journal_.self(), room.first(io.bytes));
      output_.push(room.first(io.bytes));
      return flush();
    case Io::State::blocked:
      return;
    case Io::State::closed:
      terminal_ = Handle();
      return;
  }
}

void InitTty::flush() {
  while (!output_.empty()) {
    const std::size_t sent = driver_.send(output_.front());
    if (sent == 0) return;
    output_.drop(sent);
  }
}

void InitTty::output_room() {
  flush();
  if (terminal_.valid()) update_watch();
}

// -- input

void InitTty::receive(Bytes bytes) {
  RS_CHECK(bytes.size() <= input_room());
  input_.push(bytes);
  write_terminal();
  if (terminal_.valid()) update_watch();
}

void InitTty::write_terminal() {
  const auto half_full = [this] { return input_.size() * 2 > input_.capacity(); };
  const bool was_half_full = half_full();
  while (!input_.empty()) {
    const Bytes piece = input_.front();
    const auto moment = journal_.moment();
    const Io io = host_.write(terminal_, piece);
    if (io.state != Io::State::moved) break;  // closed: a read reports it, too
    journal_.bytes_passed(0, tty_journal_.self(), piece.first(io.bytes), moment);
    input_.drop(io.bytes);
  }
  if (was_half_full && !half_full()) driver_.input_room();
}

void InitTty::update_watch() {
  const Ready wanted{!output_.full(), !input_.empty()};
  if (wanted.read == watched_.read && wanted.write == watched_.write) return;
  watched_ = wanted;
  host_.watch_interest(terminal_, watched_);
}

}  // namespace ringside::domu
