// What any ring must do under one thread, as named checks: full, empty, order, echo, wrap, attaching,
// lengths, and what a hostile page must not lead to. Finds the plain mistakes before interleavings are looked
// for, and without an explorer.
//
// Calls the table only. Ring code may crash or never come back: the caller's to survive, as in a child
// process.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "emu/check/pair.h"

namespace ringside::check {

enum class Conforms : std::uint8_t { pass, fail, skipped };
[[nodiscard]] std::string_view name_of(Conforms conforms);

struct ConformanceCheck {
  std::string_view name;  ///< "a full ring refuses one more"
  Conforms outcome = Conforms::pass;
  std::string why;  ///< what was wrong, or why it was not asked; empty when it passed
};

/// What is wrong with the table itself; empty: nothing. A ring with such a table cannot be driven at all.
[[nodiscard]] std::string fault_of_table(const ring_check_ring* ring);

/// All checks, in the same order for each ring. If the table is at fault, that is the only one.
[[nodiscard]] std::vector<ConformanceCheck> check_conformance(const Subject& subject);

struct LongRun {
  std::uint64_t calls = 0;     ///< of ring functions
  std::uint64_t messages = 0;  ///< that went all the way
  std::string broken;          ///< empty: nothing found
};

/// `messages` requests through the ring, calls of both ends in an order that only `seed` decides, some of
/// them in batches, the ends asleep whenever they may be. The table must be without fault.
[[nodiscard]] LongRun run_long(const Subject& subject, std::uint64_t seed, std::uint64_t messages);

}  // namespace ringside::check
