// Explains a run: each journal entry as one line and, the first time that a hop is passed, its meaning.
#pragma once

#include <cstdint>
#include <cstdio>
#include <set>
#include <string>

#include "emu/trace/hops.h"

namespace ringside::tools {

/// Prints to stdout. There is one in a demo; it numbers steps and keeps the clock of the current part.
class HopPrinter {
 public:
  /// Prints a heading and an introduction. The clock of the lines below starts with the first entry that
  /// follows.
  void part(const std::string& heading, const std::string& introduction);
  /// Prints one hop.
  void show(const trace::Entry& entry);
  [[nodiscard]] std::uint64_t steps() const { return step_; }

 private:
  std::uint64_t step_ = 0;
  std::uint64_t part_began_ns_ = 0;
  trace::HopFinder hop_finder_;
  std::set<trace::HopId> explained_;
};

}  // namespace ringside::tools
