// What goes wrong on purpose between two components of the simulated world: kicks and stream bytes that are
// lost, late, doubled or overtaken. It keeps the rules and says which one bites; SimWorld carries it out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "emu/base/choice.h"
#include "emu/host/host.h"

namespace ringside {

inline constexpr std::size_t sim_faults_max = 64;

struct SimFault {
  enum class Effect : std::uint8_t {
    drop,
    delay,      ///< by `by`; on a stream all that follows waits behind it
    duplicate,  ///< once more, `by` later
    reorder,    ///< streams: the next unit goes before it; after `by` without one it goes by itself
  };
  enum class Thing : std::uint8_t { kick, bytes };

  Effect effect = Effect::drop;
  Thing thing = Thing::kick;
  std::string from;  ///< a component's name
  std::string to;
  std::uint32_t next = 0;       ///< the next so many, 0 = all
  std::uint32_t percent = 100;  ///< of those
  Duration by{0};
  /// Of a stream: what is lost or late as a whole, counted from the stream's beginning. 0 = one write, which
  /// can only be delayed, since no program could tell where another's write ended.
  std::size_t unit_bytes = 0;
};

class SimFaults {
 public:
  [[nodiscard]] bool empty() const { return rules_.empty(); }
  /// EINVAL: it says nothing, or what cannot be. ENOSPC: sim_faults_max are at work.
  Result<> add(SimFault fault);
  void clear() { rules_.clear(); }

  /// The first rule for these two; null if there is none.
  [[nodiscard]] const SimFault* find(SimFault::Thing thing, std::string_view from, std::string_view to) const;
  /// One such thing is on its way: the rule that bites now, which counts it; nothing if none does.
  [[nodiscard]] std::optional<SimFault> bite(SimFault::Thing thing, std::string_view from,
                                             std::string_view to, Choice* choice);

 private:
  std::vector<SimFault> rules_;  ///< oldest first; one whose count is used up is gone
};

}  // namespace ringside
