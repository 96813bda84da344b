// What any ring must do under one thread, as named checks: full, empty, order, echo, wrap, attaching,
// lengths, and resistance to a hostile page. It finds plain errors before interleavings are searched, without
// an explorer.
//
// It only calls the functions of the table. Ring code may crash or never return: the caller must survive
// that, for example with a child process.
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
  std::string why;  ///< the error, or why the check does not apply; empty if it passed
};

/// The error of the table itself; empty: none. A ring with such a table cannot be used at all.
[[nodiscard]] std::string fault_of_table(const ring_check_ring* ring);

/// All checks, in the same order for each ring. If the table is invalid, only its own check, which failed.
[[nodiscard]] std::vector<ConformanceCheck> check_conformance(const Subject& subject);

struct LongRun {
  std::uint64_t calls = 0;     ///< turns of an end, each with at most a few calls of the ring
  std::uint64_t messages = 0;  ///< that were delivered and, in a ring with responses, answered
  std::string broken;          ///< empty: no error was found
};

/// Sends `messages` requests through the ring. `seed` alone decides the order of the calls of both ends; some
/// messages are published together, and the ends sleep whenever they may. The table must be valid.
[[nodiscard]] LongRun run_long(const Subject& subject, std::uint64_t seed, std::uint64_t messages);

}  // namespace ringside::check
