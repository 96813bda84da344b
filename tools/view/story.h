// Tells a run in the words of somebody who explains it: each journal entry as one line, and the first time
// that a hop is passed, what it means.
#pragma once

#include <cstdint>
#include <cstdio>
#include <set>
#include <string>

#include "emu/trace/hops.h"

namespace ringside::tools {

/// Prints to stdout. One a demo; numbers steps and keeps the clock of the part that is being told.
class Story {
 public:
  /// A heading, and what is about to happen. The clock of the lines below starts with the first entry that
  /// follows.
  void part(const std::string& heading, const std::string& introduction);
  /// One hop.
  void tell(const trace::Entry& entry);
  [[nodiscard]] std::uint64_t steps() const { return step_; }

 private:
  std::uint64_t step_ = 0;
  std::uint64_t part_began_ns_ = 0;
  std::set<trace::HopId> explained_;
};

}  // namespace ringside::tools
