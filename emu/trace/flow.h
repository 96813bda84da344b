// Where each console byte is: every byte gets a number when it first appears, and keeps it from hop to hop.
//
// Entries say how many bytes an actor passed on, not which. Here those bytes are matched with the bytes that
// came to the actor before, by order and by content. So one byte can be followed, a queue's length is known,
// and an arrow can be drawn from where bytes left to where they arrived. Bytes that an actor adds (an echo, a
// carriage return) get new numbers there.
//
// Pure bookkeeping over entries, which are not trusted. The memory it uses is bounded.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "emu/trace/event.h"

namespace ringside::trace {

/// The most bytes that one place holds; beyond that the oldest are forgotten.
inline constexpr std::size_t flow_place_bytes_max = std::size_t{4} << 20;

/// Places of bytes: the ring, or an actor that has received them and not passed them on.
struct FlowPlace {
  bool ring = false;
  Role role = Role::user;  ///< no meaning for the ring
  std::uint32_t domain = 0;
  bool down = true;  ///< on their way to the guest

  friend auto operator<=>(const FlowPlace&, const FlowPlace&) = default;
};

struct ByteRange {
  std::uint64_t first = 0;
  std::uint32_t count = 0;
};

/// The effect of one entry on bytes.
struct FlowStep {
  std::vector<ByteRange> bytes;
  std::uint64_t came_at = 0;  ///< the step that brought the first of them to the sender; 0: they are new here
  bool lost = false;          ///< the bytes are at no place any more
};

/// For one domain and one direction.
struct FlowTotals {
  std::uint64_t said = 0;       ///< typed or printed, now or before the first entry
  std::uint64_t delivered = 0;  ///< to the guest's terminal, or to a screen
  std::uint64_t lost = 0;
};

class Flow {
 public:
  /// `place_bytes_max`: smaller for a caller that keeps many Flows.
  explicit Flow(std::size_t place_bytes_max = flow_place_bytes_max) : place_bytes_max_(place_bytes_max) {}

  /// The next entry.
  FlowStep take(std::uint64_t step, const Entry& entry);

  /// Bytes at the place now. Bytes that have reached an end of the path are not kept.
  [[nodiscard]] std::size_t level(const FlowPlace& place) const;
  /// The places at which the last entry changed something.
  [[nodiscard]] const std::vector<FlowPlace>& touched() const { return touched_; }
  [[nodiscard]] FlowTotals totals(std::uint32_t domain, bool down) const;

  /// The program or user to which an actor of an entry belongs. A connection of xcs belongs to the client
  /// that opened it, or to xend if no entry shows who opened it. The console client belongs to its user.
  [[nodiscard]] Role behind(const Entry& entry, Actor actor) const;

 private:
  struct Piece {
    std::uint64_t first = 0;
    std::string bytes;
    std::uint64_t step = 0;  ///< that brought it
  };
  using Pieces = std::deque<Piece>;

  void pass(std::uint64_t step, const Entry& entry, FlowStep& done);
  void into_slot(std::uint64_t step, const Entry& entry, FlowStep& done);
  void out_of_slots(std::uint64_t step, const Entry& entry, FlowStep& done);
  void fetch(const FlowPlace& taker);
  void give_back(std::uint64_t step, const Entry& entry, FlowStep& done);
  void lose(const FlowPlace& place, std::size_t bytes, FlowStep& done);
  Pieces pull(const FlowPlace& place, std::string_view bytes, std::uint64_t step, FlowStep& done);
  void push(const FlowPlace& place, Pieces pieces, std::uint64_t step);
  void touch(const FlowPlace& place, std::ptrdiff_t change);
  void learn(const Entry& entry);

  std::map<FlowPlace, Pieces> held_;
  std::map<std::pair<FlowPlace, std::uint32_t>, Pieces> slots_;
  std::map<FlowPlace, std::uint32_t> next_slot_;  ///< of a ring: the slot taken next
  std::map<FlowPlace, std::size_t> levels_;
  std::map<std::pair<std::uint32_t, bool>, FlowTotals> totals_;
  std::vector<FlowPlace> touched_;
  std::deque<Role> connecting_;                ///< clients that xcs has not answered yet
  std::map<std::uint16_t, Role> connections_;  ///< connections of xcs, and to whom each belongs
  std::uint64_t next_ = 1;
  std::size_t place_bytes_max_;
};

}  // namespace ringside::trace
