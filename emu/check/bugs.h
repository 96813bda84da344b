// The catalogue of bugs: 44 ways to get a shared ring wrong, and 7 to get what else threads share wrong, to
// explain and to test the checker with. Tables of text, nothing else; the mutants of rings are in plugins/.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ringside::check {

/// What a workload must have besides some messages, for the bug to show.
enum class BugNeeds : std::uint8_t {
  nothing,
  wrap,            ///< indices that start just below 2^32
  attach_running,  ///< a back that attaches when the front is at work already
  hostile_front,   ///< a front that writes what it likes into the page
  hostile_back,    ///< a back that does
  two_fronts,      ///< two threads at the front
  short_response,  ///< a response shorter than a slot
};
[[nodiscard]] std::string_view words_for(BugNeeds needs);

struct Bug {
  std::uint32_t number;     ///< 1 .. 51
  std::string_view name;    ///< a few words, no capital, no full stop
  std::string_view what;    ///< what the code does, and what comes of it
  std::string_view world;   ///< where it happened
  std::string_view cure;    ///< which barrier or check prevents it
  std::string_view source;  ///< the plug-in's or test's source in which it can be switched on
  std::string_view model;   ///< the cheapest that shows it: sc, tso or c11
  BugNeeds needs;
  std::uint32_t messages;     ///< so many are enough
  std::uint32_t in_test = 0;  ///< of a test of threads: the value of BUG in its source; 0: it is of a ring
};

/// All of them, in the order of their numbers.
[[nodiscard]] std::span<const Bug> all_bugs();
/// Null: there is no such number.
[[nodiscard]] const Bug* bug_by_number(std::uint32_t number);

/// A bug in a plug-in: mutant_NAME.so.
struct Mutant {
  std::string_view name;   ///< "07", "24a"
  std::uint32_t bug;       ///< 0: it looks like one and is none
  std::string_view model;  ///< the cheapest that shows it
  std::string_view how;    ///< in which of several ways; empty: there is only one
};

[[nodiscard]] std::span<const Mutant> all_mutants();

}  // namespace ringside::check
