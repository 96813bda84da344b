// The end of a stream: one event for each write, and reads as long as there is input.
#include "emu/script/wire.h"

#include <array>
#include <utility>

namespace ringside::script {

Wire::Wire(Host& host, Handle stream, Events events)
    : host_(host), stream_(std::move(stream)), events_(std::move(events)) {
  host_.watch(stream_, {.read = true}, [this](Ready what) { ready(what); });
}

Wire::~Wire() {
  if (timer_ != 0) host_.timer_cancel(timer_);
}

void Wire::send(std::string_view bytes, Typing typing) {
  if (bytes.empty()) return;
  unsent_.push_back({std::string(bytes), 0, typing});
  schedule();
}

void Wire::read(bool reads) {
  reads_ = reads;
  update_interest();
}

void Wire::finish() {
  finishing_ = true;
  if (unsent_.empty()) close();
}

void Wire::end_output() {
  output_ends_ = true;
  if (unsent_.empty() && stream_.valid()) host_.end_output(stream_);
}

void Wire::schedule() {
  if (timer_ != 0 || blocked_ || unsent_.empty() || !stream_.valid()) return;
  timer_ = host_.timer_start(Duration{0}, [this] {
    timer_ = 0;
    write();
  });
}

/// Writes one key, or the part of a paste that the stream takes.
void Wire::write() {
  if (!stream_.valid()) return;
  Unsent& next = unsent_.front();
  const std::size_t left = next.typing == Typing::keys ? 1 : next.bytes.size() - next.at;
  const Bytes bytes{reinterpret_cast<const std::uint8_t*>(next.bytes.data()) + next.at, left};
  const auto moment = events_.journal ? events_.journal->moment() : trace::Journal::Moment(nullptr);
  const Io io = host_.write(stream_, bytes);
  if (io.state == Io::State::moved) {
    if (events_.sent) events_.sent(bytes.first(io.bytes), moment);
    next.at += io.bytes;
    if (next.at == next.bytes.size()) unsent_.pop_front();
    if (finishing_ && unsent_.empty()) return close();
    if (output_ends_ && unsent_.empty()) host_.end_output(stream_);
  }
  blocked_ = io.state == Io::State::blocked;
  // Reading reports the end.
  if (io.state == Io::State::closed) unsent_.clear();
  update_interest();
  schedule();
}

void Wire::ready(Ready what) {
  if (what.write && blocked_) {
    blocked_ = false;
    schedule();
  }
  if (what.read && reads_) {
    std::array<std::uint8_t, 8192> bytes;
    const Io io = host_.read(stream_, bytes);
    if (io.state == Io::State::moved) events_.received(Bytes(bytes).first(io.bytes));
    if (io.state == Io::State::closed) {
      cut_off_ = true;
      unsent_.clear();
      stream_.close();
      if (events_.ended) events_.ended();
      return;
    }
  }
  update_interest();
}

void Wire::update_interest() {
  if (stream_.valid()) host_.watch_interest(stream_, {.read = reads_, .write = blocked_});
}

}  // namespace ringside::script
