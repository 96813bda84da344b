// Plays a journal: takes entries as they are written, for tests of Replay and Flow.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "emu/trace/flow.h"
#include "emu/trace/journal.h"
#include "emu/trace/replay.h"

namespace ringside::test {

/// Takes entries as they are written, and keeps the effect of the last one.
class Played : public trace::Sink {
 public:
  Played() : Sink(&listening_) {}
  void write(trace::Entry& entry) override {
    replay.take(++step, entry);
    did = flow.take(step, entry);
    mark = trace::marker(entry);
  }
  [[nodiscard]] std::uint64_t now_ns() const override { return step; }
  trace::Journal as(trace::Actor self) { return {*this, self}; }
  [[nodiscard]] std::string rx() const {
    return trace::ring_text(ring::Ring::rx, replay.ring(1, ring::Ring::rx));
  }

  trace::Replay replay;
  trace::Flow flow;
  trace::FlowStep did;
  char mark = ' ';
  std::uint64_t step = 0;

 private:
  std::uint32_t listening_ = 1;
};

inline std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace ringside::test
