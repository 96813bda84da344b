// Moves bytes between a user's connection and tty1, with an interrupt for each scancode.
#include "emu/domu/screen_tty.h"

#include <array>
#include <utility>

namespace ringside::domu {

namespace {

constexpr trace::Actor user_actor = trace::actor(trace::Role::user);

}  // namespace

ScreenTty::ScreenTty(Host& host, trace::Journal journal, ProgramSpec program, std::function<void()> interrupt)
    : host_(host),
      journal_(journal),
      keyboard_(std::move(interrupt)),
      tty_(host, journal, trace::Dom0Tty::tty1, std::move(program),
           {.send = [this](Bytes bytes) { return show(bytes); },
            .input_room = [this] { this->interrupt(); }}) {}

Result<> ScreenTty::start(const std::string& path) {
  auto listener = host_.listen_local(path);
  if (!listener) return listener.error();
  listener_ = std::move(*listener);
  host_.watch(listener_, {.read = true}, [this](Ready) { accept_user(); });
  return Done{};
}

void ScreenTty::accept_user() {
  auto connection = host_.accept(listener_);
  if (!connection || !connection->has_value()) return;
  user_ = std::move(**connection);
  host_.watch_interest(listener_, {});
  host_.watch(user_, {.read = true}, [this](Ready ready) { user_ready(ready); });
  flush();
  if (!std::exchange(started_, true)) tty_.start();
}

void ScreenTty::user_left() {
  user_ = Handle();
  host_.watch_interest(listener_, {.read = true});
  tty_.output_room();
}

void ScreenTty::user_ready(Ready ready) {
  if (ready.write) {
    flush();
    tty_.output_room();
  }
  if (ready.read && user_.valid()) read_keys();
  update_watch();
}

void ScreenTty::update_watch() {
  if (user_.valid()) host_.watch_interest(user_, {.read = keyboard_.has_room(), .write = !screen_.empty()});
}

// -- keys

/// Reads one character at a time while the keyboard has room; the rest stays in the user's connection.
void ScreenTty::read_keys() {
  while (keyboard_.has_room()) {
    std::uint8_t character = 0;
    const Io io = host_.read(user_, {&character, 1});
    if (io.state == Io::State::closed) return user_left();
    if (io.state == Io::State::blocked) return;
    journal_.as(user_actor).bytes_passed(0, journal_.self(), {&character, 1});
    if (keyboard_.type(character)) continue;
    journal_.refused(0, user_actor, trace::Refusal::character_without_key, {character});
    journal_.counted(0, trace::Counter::keyless_characters, keyless_, keyless_ + 1);
    ++keyless_;
  }
}

void ScreenTty::interrupt() {
  if (!keyboard_.output_buffer_full() || tty_.input_room() == 0) return;
  if (const auto character = decoder_.decode(keyboard_.read_data())) tty_.receive({&*character, 1});
  update_watch();
}

// -- the screen

std::size_t ScreenTty::show(Bytes bytes) {
  if (!user_.valid()) {
    screen_.push_over(bytes);
    return bytes.size();
  }
  const std::size_t taken = screen_.push(bytes);
  flush();
  update_watch();
  return taken;
}

void ScreenTty::flush() {
  while (!screen_.empty()) {
    const Bytes piece = screen_.front();
    const auto moment = journal_.moment();
    const Io io = host_.write(user_, piece);
    if (io.state != Io::State::moved) return;  // closed: a read reports it, too
    journal_.bytes_passed(0, user_actor, piece.first(io.bytes), moment);
    screen_.drop(io.bytes);
  }
}

}  // namespace ringside::domu
