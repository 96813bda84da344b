// Carries bytes from the input to the console, and from the console to the output.
#include "emu/dom0/console/console_client.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ringside::dom0 {

namespace {

constexpr std::size_t queue_bytes_max = 65'536;
/// Room reserved for an end of file.
constexpr std::size_t end_of_file_bytes = 2;
constexpr std::uint8_t end_of_file_character = 0x04;  // Ctrl-D

}  // namespace

ConsoleClient::ConsoleClient(Host& host, trace::Journal journal, Handle console, Handle input, Handle output,
                             ConsoleClientOptions options, std::function<void(Ended)> ended)
    : host_(host),
      journal_(journal),
      console_(std::move(console)),
      input_(std::move(input)),
      output_(std::move(output)),
      options_(options),
      ended_(std::move(ended)),
      to_console_(queue_bytes_max),
      to_output_(queue_bytes_max) {
  host_.watch(console_, {}, [this](Ready ready) { console_ready(ready); });
  host_.watch(input_, {}, [this](Ready) { read_input(); });
  host_.watch(output_, {}, [this](Ready) { flush_output(); });
  update_interest();
}

ConsoleClient::~ConsoleClient() {
  if (escape_timer_ != 0) host_.timer_cancel(escape_timer_);
}

void ConsoleClient::update_interest() {
  if (done_) return;
  const bool full = to_console_.room() <= end_of_file_bytes;
  host_.watch_interest(input_, {.read = input_open_ && console_open_ && !leaving_ && !full});
  host_.watch_interest(output_, {.write = !to_output_.empty()});
  if (console_open_) {
    host_.watch_interest(console_, {.read = !to_output_.full() && !leaving_, .write = !to_console_.empty()});
  }
}

void ConsoleClient::console_ready(Ready ready) {
  if (ready.write) flush_input();
  if (ready.read && !done_) read_console();
}

void ConsoleClient::read_console() {
  std::array<std::uint8_t, 16'384> bytes;
  const Io io = host_.read(console_, std::span(bytes).first(std::min(bytes.size(), to_output_.room())));
  if (io.state == Io::State::moved) received_bytes_ += to_output_.push(std::span(bytes).first(io.bytes));
  if (io.state == Io::State::closed) {
    console_open_ = false;
    host_.watch_interest(console_, {});
  }
  flush_output();
}

void ConsoleClient::flush_output() {
  while (!to_output_.empty()) {
    const auto moment = journal_.moment();
    const Io io = host_.write(output_, to_output_.front());
    if (io.state == Io::State::closed) return end(Ended::output_gone);
    if (io.state == Io::State::blocked) break;
    journal_.bytes_passed(options_.domain, trace::actor(trace::Role::user),
                          to_output_.front().first(io.bytes), moment);
    to_output_.drop(io.bytes);
  }
  if (!console_open_ && to_output_.empty()) return end(Ended::closed);
  update_interest();
}

void ConsoleClient::read_input() {
  std::array<std::uint8_t, 16'384> bytes;
  const Io io = host_.read(
      input_, std::span(bytes).first(std::min(bytes.size(), to_console_.room() - end_of_file_bytes)));
  if (io.state == Io::State::moved) take_input(std::span(bytes).first(io.bytes));
  if (io.state == Io::State::closed) input_ended();
  flush_input();
  // Leaving does not wait for a guest that does not read.
  if (leaving_) end(Ended::left);
}

void ConsoleClient::take_input(Bytes bytes) {
  at_line_start_ = bytes.back() == '\n' || bytes.back() == '\r';
  if (!options_.escape) {
    to_console_.push(bytes);
    return;
  }
  for (const std::uint8_t& byte : bytes) {
    if (take_key(byte)) to_console_.push({&byte, 1});
    if (leaving_) return;
  }
}

/// True if the byte goes to the console.
bool ConsoleClient::take_key(std::uint8_t byte) {
  if (escape_timer_ != 0) {
    host_.timer_cancel(std::exchange(escape_timer_, 0));
    leaving_ = byte != options_.escape;
    return !leaving_;
  }
  if (byte != options_.escape) return true;
  escape_timer_ = host_.timer_start(escape_patience, [this] {
    escape_timer_ = 0;
    leaving_ = true;
    end(Ended::left);
  });
  return false;
}

void ConsoleClient::input_ended() {
  input_open_ = false;
  if (!options_.end_of_file) return;
  // Within a line the first Ctrl-D only sends the line; the second is the end of file.
  const std::array<std::uint8_t, 2> twice{end_of_file_character, end_of_file_character};
  to_console_.push(std::span(twice).first(at_line_start_ ? 1 : 2));
}

void ConsoleClient::flush_input() {
  while (!to_console_.empty() && console_open_) {
    const auto moment = journal_.moment();
    const Io io = host_.write(console_, to_console_.front());
    if (io.state == Io::State::blocked) break;
    if (io.state == Io::State::closed) {
      // The next read reports the end, after the remaining bytes.
      to_console_.clear();
      break;
    }
    journal_.bytes_passed(options_.domain, options_.daemon, to_console_.front().first(io.bytes), moment);
    to_console_.drop(io.bytes);
  }
  update_interest();
}

void ConsoleClient::end(Ended why) {
  if (done_) return;
  done_ = true;
  host_.watch_interest(console_, {});
  host_.watch_interest(input_, {});
  host_.watch_interest(output_, {});
  ended_(why);
}

}  // namespace ringside::dom0
