// Repeats an execution and records each step for a report: the fiber, its place in the source, the value that
// was read or written, and the shared words.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "emu/check/explore.h"

namespace ringside::check {

struct Step {
  std::uint32_t actor = 0;
  Op op;
  std::uint32_t option = 0;
  std::uint64_t value = 0;   ///< read or written, if it is at most 8 bytes; of choose: the choice
  std::uint64_t newest = 0;  ///< the value of a load that sees every store
  bool stale = false;        ///< it read an older value
  /// The values in memory after the step, the lower 8 bytes first.
  std::vector<std::array<std::uint64_t, 2>> words;
};

struct Recording {
  std::vector<Step> steps;
  std::vector<Op> waiting;  ///< for each fiber: its next operation when the execution ended
  std::uint32_t finished = 0;
  End end = End::complete;
  std::string failure;
  bool fitted = true;  ///< the schedule fits this program
  Race race;           ///< if the execution ended with a race
};

/// Replays `schedule`, then continues in the plain order. `each_step` is called at each step; null: it is
/// not.
[[nodiscard]] Recording record(Execution& execution, const Schedule& schedule,
                               const std::function<void()>& each_step = nullptr);

/// "front.c:31", or "" if unknown.
using Locate = std::function<std::string(const void* code)>;

struct ReportAbout {
  std::vector<std::string> fibers;  ///< their names
  std::uint32_t slots_offset = 0;
  std::uint32_t slot_bytes = 0;  ///< 0: slots are not known
  std::uint32_t slots = 0;
  ModelName model = ModelName::sc;
  bool is_ring = true;  ///< two ends of a ring; otherwise threads
  /// The name of memory outside the page.
  std::function<std::string(const void* address)> name_of = nullptr;
  /// The name of any memory by the types of the code; "" if it has none. Null: types are unknown.
  std::function<std::string(const std::byte* address, std::uint32_t bytes)> field_of = nullptr;
  /// The names of the space's words, in their order; empty: those of the space.
  std::vector<std::string> word_names = {};
};

/// A line of a report: a step, or a run of steps of one fiber at one slot.
struct ReportLine {
  std::size_t begin = 0;  ///< its steps
  std::size_t end = 0;
  std::string what;  ///< "reads req_prod: 1"
};

/// "reads req_prod: 1"
[[nodiscard]] std::string step_text(const Step& step, const Space& space, const ReportAbout& about);
/// The error in a sentence or two.
[[nodiscard]] std::string verdict_text(const Recording& recording, const Space& space,
                                       const ReportAbout& about);
[[nodiscard]] std::vector<ReportLine> report_lines(const Recording& recording, const Space& space,
                                                   const ReportAbout& about);
/// A column for each fiber, a line for each step or run of steps at the payload; ends in a newline.
[[nodiscard]] std::string report_text(const Recording& recording, const Space& space,
                                      const ReportAbout& about, const Locate& locate);

}  // namespace ringside::check
