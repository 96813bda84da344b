// The streams behind the line, and its timing.
#include "emu/xen/serial_line.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ringside::xen {

namespace {

using End = SerialLineOptions::End;

constexpr trace::Actor user_actor = trace::actor(trace::Role::user);
constexpr int received_per_turn_max = 64;

}  // namespace

SerialLine::SerialLine(Host& host, trace::Journal journal, Uart& uart, SerialLineOptions options,
                       std::function<bool()> reader_is_behind)
    : host_(host),
      journal_(journal),
      uart_(uart),
      options_(std::move(options)),
      reader_is_behind_(std::move(reader_is_behind)),
      character_time_(character_time(options_.bits_per_second)) {}

SerialLine::~SerialLine() {
  if (arrival_timer_ != 0) host_.timer_cancel(arrival_timer_);
  if (flush_timer_ != 0) host_.timer_cancel(flush_timer_);
  if (accept_timer_ != 0) host_.timer_cancel(accept_timer_);
  if (options_.end == End::pty && stream_.valid()) host_.link_remove(options_.path);
}

Result<> SerialLine::start() {
  switch (options_.end) {
    case End::none:
      return Done{};
    case End::pty:
      return start_pty();
    case End::socket:
      return start_socket();
    case End::streams:
      stream_ = std::move(options_.input);
      connected();
      return Done{};
  }
  return Done{};
}

// -- connections

Result<> SerialLine::start_pty() {
  auto pty = host_.pty_create();
  if (!pty) return pty.error();
  if (auto watched = host_.pty_watch(pty->terminal, [this] { pty_changed(); }); !watched) return watched;
  if (auto linked = host_.link_make(options_.path, pty->path); !linked) return linked;
  stream_ = std::move(pty->terminal);
  return Done{};
}

void SerialLine::pty_changed() {
  // If the user has closed the pty already, the bytes that they typed are read before the line disconnects.
  if (!connected_) connected();
  read_more();
  if (connected_ && !host_.pty_is_open(stream_)) disconnected();
}

Result<> SerialLine::start_socket() {
  auto listener = host_.listen_local(options_.path);
  if (!listener) return listener.error();
  listener_ = std::move(*listener);
  host_.watch(listener_, {.read = true}, [this](Ready) { accept_next(); });
  return Done{};
}

/// One connection at a time; others wait.
void SerialLine::accept_next() {
  auto connection = host_.accept(listener_);
  if (!connection) {
    host_.warn(connection.error().text());
    host_.watch_interest(listener_, {});
    accept_timer_ = host_.timer_start(accept_rest, [this] {
      accept_timer_ = 0;
      host_.watch_interest(listener_, {.read = true});
    });
    return;
  }
  if (!connection->has_value()) return;
  stream_ = std::move(**connection);
  host_.watch_interest(listener_, {});
  connected();
}

void SerialLine::connected() {
  connected_ = true;
  input_ended_ = output_blocked_ = false;
  host_.watch(stream_, {.read = true}, [this](Ready what) { stream_ready(what); });
  if (options_.end == End::streams) {
    host_.watch(options_.output, {}, [this](Ready) {
      output_blocked_ = false;
      flush();
    });
  }
  update_interest();
}

void SerialLine::disconnected() {
  connected_ = false;
  unheard_bytes_ += sent_.size();
  sent_.clear();
  switch (options_.end) {
    case End::none:
      break;
    case End::pty:
      host_.watch_interest(stream_, {});
      break;
    case End::socket:
      stream_ = Handle();
      host_.watch_interest(listener_, {.read = true});
      break;
    case End::streams:
      host_.watch_interest(stream_, {});
      host_.watch_interest(options_.output, {});
      break;
  }
  if (std::exchange(held_up_, false)) uart_.line_ready();
}

void SerialLine::stream_ready(Ready what) {
  if (what.write) {
    output_blocked_ = false;
    flush();
  }
  if (connected_ && what.read) read_more();
}

void SerialLine::update_interest() {
  if (!connected_) return;
  const bool read = arriving_.empty() && !input_ended_;
  if (options_.end == End::streams) {
    host_.watch_interest(stream_, {.read = read});
    host_.watch_interest(options_.output, {.write = output_blocked_});
  } else {
    host_.watch_interest(stream_, {.read = read, .write = output_blocked_});
  }
}

// -- towards the chip

void SerialLine::read_more() {
  if (!arriving_.empty() || input_ended_) return;
  std::array<std::uint8_t, line_arriving_bytes_max> bytes;
  const Io io = host_.read(stream_, bytes);
  switch (io.state) {
    case Io::State::moved: {
      const Bytes read = std::span(bytes).first(io.bytes);
      journal_.as(user_actor).bytes_passed(0, journal_.self(), read);
      arriving_.push(read);
      next_arrival_ = std::max(next_arrival_, host_.now());
      return deliver();
    }
    case Io::State::blocked:
      return update_interest();
    case Io::State::closed:
      // Output may continue without input.
      if (options_.end != End::streams) return disconnected();
      input_ended_ = true;
      return update_interest();
  }
}

void SerialLine::room() {
  if (character_time_ == Duration::zero()) deliver();
}

bool SerialLine::waits_for_reader(Time now) {
  if (!reader_is_behind_()) {
    behind_since_.reset();
    return false;
  }
  if (!behind_since_) behind_since_ = now;
  return now - *behind_since_ < reader_patience;
}

/// Only an instant line waits for room in the chip and for a reader that is behind; a real line does not
/// wait.
void SerialLine::deliver() {
  if (arrival_timer_ != 0 || std::exchange(delivering_, true)) return;
  const Time now = host_.now();
  const bool instant = character_time_ == Duration::zero();
  int count = 0;
  bool reader_behind = false;
  while (!arriving_.empty() && count++ < received_per_turn_max) {
    if (instant ? uart_.receive_room() == 0 : next_arrival_ > now) break;
    if (instant && (reader_behind = waits_for_reader(now))) break;
    const std::uint8_t character = arriving_.front()[0];
    arriving_.drop(1);
    next_arrival_ += character_time_;
    uart_.receive(character);
  }
  delivering_ = false;
  const bool waits_for_room = instant && uart_.receive_room() == 0;
  if (!arriving_.empty() && !waits_for_room) {
    const Duration delay = reader_behind ? reader_look_delay : next_arrival_ - now;
    arrival_timer_ = host_.timer_start(std::max(delay, Duration::zero()), [this] {
      arrival_timer_ = 0;
      deliver();
    });
  }
  update_interest();
}

// -- towards the far end

bool SerialLine::send(std::uint8_t character) {
  if (!connected_) {
    ++unheard_bytes_;
    return true;
  }
  if (sent_.push(std::span(&character, 1)) == 0) {
    held_up_ = true;
    return false;
  }
  // Characters sent at the same time leave in one piece.
  if (flush_timer_ == 0 && !output_blocked_) {
    flush_timer_ = host_.timer_start(Duration::zero(), [this] {
      flush_timer_ = 0;
      flush();
    });
  }
  return true;
}

void SerialLine::flush() {
  const Handle& output = options_.end == End::streams ? options_.output : stream_;
  while (connected_ && !sent_.empty()) {
    const auto moment = journal_.moment();
    const Io io = host_.write(output, sent_.front());
    if (io.state == Io::State::closed) return disconnected();
    output_blocked_ = io.state == Io::State::blocked;
    if (output_blocked_) break;
    journal_.bytes_passed(0, user_actor, sent_.front().first(io.bytes), moment);
    sent_.drop(io.bytes);
  }
  update_interest();
  if (connected_ && !sent_.full() && std::exchange(held_up_, false)) uart_.line_ready();
}

}  // namespace ringside::xen
