// A run's journal as it grows, and the states that follow from it: the indices of every ring, counters, and
// the messages that were taken from slots. It is computed from entries only, so it also has values that
// lasted only a microsecond.
//
// Pure bookkeeping. Steps count from 1; step N is entries()[N - 1].
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emu/script/syntax.h"
#include "emu/script/vocabulary.h"
#include "emu/trace/flow.h"

namespace ringside::script {

using Step = std::uint64_t;

/// The most entries of one run: more means an endless loop in the machine.
inline constexpr std::size_t run_entries_max = std::size_t{1} << 21;

/// A position in the journal: after a step, or between the parts of a step that reports several.
struct Mark {
  Step step = 0;
  std::uint32_t part = 0;

  friend auto operator<=>(const Mark&, const Mark&) = default;
};
/// After all parts of a step.
inline constexpr std::uint32_t whole_step = 0xffffffff;

/// Messages that xcs has read from its clients and not written to a ring, for one domain: more are forgotten.
inline constexpr std::size_t messages_carried_max = 4096;

/// The same header and payload.
[[nodiscard]] bool same_message(const ring::ControlMessage& one, const ring::ControlMessage& other);

class State {
 public:
  struct RingPoint {
    Step step = 0;
    std::array<std::uint32_t, ring_indices> indices{};  ///< by RingIndex

    [[nodiscard]] std::uint32_t at(RingIndex name) const { return indices[static_cast<std::size_t>(name)]; }
  };
  /// A message that its receiver took from a ring.
  struct Taken {
    Mark mark;
    trace::Actor by;
    std::uint32_t domain = 0;
    ring::Ring ring = ring::Ring::tx;
    trace::SlotUse use = trace::SlotUse::request;
    Step written = 0;    ///< the step that wrote it; 0: none
    bool fresh = false;  ///< it was not taken before
  };
  /// One counter of the journal, for one actor and one domain.
  struct Tally {
    CounterSource source;
    trace::Actor actor;
    std::uint32_t domain = 0;
  };
  struct Change {
    Step step = 0;
    std::size_t tally = 0;  ///< an index into tallies()
    std::int64_t by = 0;
  };

  State();

  void take(const trace::Entry& entry);

  [[nodiscard]] const std::vector<trace::Entry>& entries() const { return entries_; }
  [[nodiscard]] Step steps() const { return entries_.size(); }
  /// The last step that is not a change of a mask: no line is about those.
  [[nodiscard]] Step last_step() const { return last_step_; }
  [[nodiscard]] const trace::Entry& at(Step step) const { return entries_[step - 1]; }
  /// All values that the indices of a ring had, beginning with zeros.
  [[nodiscard]] const std::vector<RingPoint>& ring(std::uint32_t domain, RingName ring) const;
  /// The indices after that step.
  [[nodiscard]] const RingPoint& ring_at(std::uint32_t domain, RingName ring, Step step) const;
  /// The step at which the domain of that id got its page, which is all zero; 0: it has none.
  [[nodiscard]] Step page_since(std::uint32_t domain) const;
  /// Who had sent the message that xcs wrote to a ring at that step, or who had typed what xend sent; empty:
  /// neither a process of dom0 nor a user.
  [[nodiscard]] std::optional<trace::Actor> sender(Step step) const;
  /// All bytes that were written into a ring of bytes, by all domains of that id.
  [[nodiscard]] std::string_view written_into(std::uint32_t domain, RingName ring) const;
  /// Domains with entries about their rings.
  [[nodiscard]] std::vector<std::uint32_t> domains() const;
  [[nodiscard]] const std::vector<Taken>& taken() const { return taken_; }
  [[nodiscard]] const std::vector<Tally>& tallies() const { return tallies_; }
  [[nodiscard]] const std::vector<Change>& changes() const { return changes_; }
  /// Where each console byte is.
  [[nodiscard]] const trace::Flow& flow() const { return flow_; }

 private:
  struct Slot {
    Step written = 0;
    bool fresh = false;
  };
  struct RingRecord {
    std::vector<RingPoint> points{RingPoint{}};
    std::array<std::array<Slot, ring::slots_per_ring>, 2> slots{};  ///< by trace::SlotUse
  };

  /// A message in transit from a client of xcs to a ring.
  struct Carried {
    trace::Actor sender;
    std::uint32_t type = 0;  ///< of the frame
    ring::ControlMessage message;
  };

  void page_made(std::uint32_t domain);
  void carried(const trace::Entry& entry);
  void written(const trace::Entry& entry);
  void index_moved(const trace::Entry& entry);
  void byte_index(const trace::Entry& entry);
  void bytes_written(const trace::Entry& entry);
  void rings_begin(const trace::Entry& entry);
  void set(RingRecord& record, RingIndex index, std::uint32_t value);
  void took(const trace::Entry& entry, RingRecord& record);
  void count_level(const trace::FlowPlace& place);
  void count(CounterSource source, trace::Actor actor, std::uint32_t domain, std::int64_t change);
  [[nodiscard]] RingRecord& record(std::uint32_t domain, RingName ring);

  std::vector<trace::Entry> entries_;
  Step last_step_ = 0;
  trace::Flow flow_;
  std::map<trace::FlowPlace, std::int64_t> levels_;
  std::map<std::pair<std::uint32_t, RingName>, RingRecord> rings_;
  std::map<std::pair<std::uint32_t, RingName>, std::string> bytes_written_;
  std::map<std::uint32_t, Step> pages_;                   ///< by domain
  std::map<std::uint32_t, std::deque<Carried>> carried_;  ///< by domain
  std::map<std::uint32_t, trace::Actor> last_typed_;      ///< by domain: the user
  std::map<Step, trace::Actor> senders_;
  std::vector<Taken> taken_;
  std::vector<Tally> tallies_;
  std::map<std::array<std::uint32_t, 4>, std::size_t> tally_by_key_;
  std::vector<Change> changes_;
};

}  // namespace ringside::script
