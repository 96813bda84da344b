// The summary of a run for its page: the opening prose of its scenario, the verdict, and sentences with
// counts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "emu/trace/flow.h"
#include "emu/trace/journal_file.h"

namespace ringside::tools {

/// The comment at the beginning of a scenario's file, one paragraph each, without "#".
[[nodiscard]] std::vector<std::string> opening_prose(const std::vector<std::string>& lines);

/// Counts the console messages of a run; a Flow counts its bytes.
class Ending {
 public:
  void take(const trace::Entry& entry, const trace::FlowStep& flow);
  /// "Typed to dom1: 17 messages: 8 fit, 9 lost; 480 of 1000 bytes arrived." At most ways_told_max of them.
  [[nodiscard]] std::vector<std::string> sentences(const trace::Flow& flow) const;

  static constexpr std::size_t ways_told_max = 4;

 private:
  struct Count {
    std::uint64_t written = 0;  ///< into the ring
    std::uint64_t lost = 0;
    bool today = false;  ///< bytes of today's console, which are no messages
  };
  std::map<std::pair<std::uint32_t, bool>, Count> counts_;  ///< by domain, and whether they go down
};

/// The failures of a run as an object for the page: its title, and for each failure the step and rows of
/// words; "null" if no expectation failed.
[[nodiscard]] std::string verdict_json(const trace::Journaled& journal);

}  // namespace ringside::tools
