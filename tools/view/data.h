// A journal for the replay page: one JSON object for a run, with an object for every step. That object
// describes the step in words, and has the changes of the picture. The page does not interpret rings and
// bytes; it only draws.
#pragma once

#include <string>

#include "emu/trace/flow.h"
#include "emu/trace/journal_file.h"
#include "emu/trace/replay.h"
#include "tools/view/summary.h"

namespace ringside::tools {

/// Makes the objects of one run's steps, one after the other. tools/page/README.md has their fields.
class StepData {
 public:
  /// Changes that make the picture before the first step: the rings that were in use then.
  [[nodiscard]] std::string begin(const trace::JournalHeader& header);
  [[nodiscard]] std::string step(std::uint64_t step, const trace::Entry& entry);
  /// The counts of all steps so far, in sentences.
  [[nodiscard]] std::vector<std::string> ending() const { return ending_.sentences(flow_); }

 private:
  /// The step at which the bytes or the event that arrives here was sent; 0: it is sent now.
  [[nodiscard]] std::uint64_t since(std::uint64_t step, const trace::Entry& entry,
                                    const trace::FlowStep& flow);
  [[nodiscard]] std::string ring_changes(std::uint32_t domain);
  [[nodiscard]] std::string port_changes(const trace::Entry& entry) const;
  [[nodiscard]] std::string changes(const trace::Entry& entry);

  trace::Replay replay_;
  trace::Flow flow_;
  Ending ending_;
  std::map<trace::Replay::RingKey, trace::ReplayedRing> shown_;
  std::map<trace::Replay::ByteRingKey, trace::ReplayedByteRing> shown_bytes_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t>
      raised_;  ///< by receiver and port: the kick in transit
};

/// The object of a whole run.
[[nodiscard]] std::string run_data(const trace::Journaled& journal, const std::string& name);

/// The catalogue of hops, for all runs of a page.
[[nodiscard]] std::string hops_data();

}  // namespace ringside::tools
