// A sink that always listens and keeps every entry in memory, for tests and for runs in one process.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "emu/base/check.h"
#include "emu/trace/event.h"

namespace ringside::trace {

/// The most entries a memory sink keeps; more means that a test runs away.
inline constexpr std::size_t memory_sink_entries_max = std::size_t{1} << 20;

class MemorySink final : public Sink {
 public:
  struct Recorded {
    std::uint64_t step;  ///< 1, 2, 3 ... in the order of writing
    Entry entry;
  };

  /// `now_ns` is the clock for the entries.
  explicit MemorySink(std::function<std::uint64_t()> now_ns) : Sink(&always_), now_ns_(std::move(now_ns)) {}

  void write(Entry& entry) override {
    RS_CHECK(recorded_.size() < memory_sink_entries_max);
    if (entry.time_ns == 0) entry.time_ns = now_ns_();
    recorded_.push_back({++steps_, entry});
  }

  [[nodiscard]] std::uint64_t now_ns() const override { return now_ns_(); }

  [[nodiscard]] const std::vector<Recorded>& entries() const { return recorded_; }
  /// How many entries of that kind are kept.
  [[nodiscard]] std::size_t count(Kind kind) const {
    return static_cast<std::size_t>(
        std::count_if(recorded_.begin(), recorded_.end(),
                      [kind](const Recorded& recorded) { return recorded.entry.kind == kind; }));
  }
  /// Forgets what was recorded; step numbers continue.
  void clear() { recorded_.clear(); }

 private:
  static constexpr std::uint32_t always_ = 1;

  std::function<std::uint64_t()> now_ns_;
  std::vector<Recorded> recorded_;
  std::uint64_t steps_ = 0;
};

}  // namespace ringside::trace
