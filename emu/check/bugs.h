// The catalogue of bugs: classes of errors in shared rings, and in code of threads without a ring. Its texts
// explain them; the checker is tested with them. Tables of text only; the mutants are in plugins/.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ringside::check {

/// What a workload needs besides some messages to show the bug.
enum class BugNeeds : std::uint8_t {
  nothing,
  wrap,            ///< indices that start just below 2^32
  attach_running,  ///< a back that attaches while the front is running
  hostile_front,   ///< a front that writes any values into the page
  hostile_back,    ///< a back that writes any values
  two_fronts,      ///< two threads at the front
  short_response,  ///< a response shorter than a slot
};
[[nodiscard]] std::string_view words_for(BugNeeds needs);

struct Bug {
  std::uint32_t number;     ///< from 1, without gaps
  std::string_view name;    ///< a few words, no capital, no full stop
  std::string_view what;    ///< what the code does, and the consequence
  std::string_view world;   ///< where it happened
  std::string_view cure;    ///< which barrier or check prevents it
  std::string_view source;  ///< the plug-in's or test's source in which it can be switched on
  std::string_view model;   ///< the cheapest that shows it: sc, tso or c11
  BugNeeds needs;
  std::uint32_t messages;  ///< the number of messages that is enough
  std::uint32_t in_test =
      0;  ///< of a bug of threads: the value of BUG in the test's source; 0: a bug of rings
};

/// All of them, in the order of their numbers.
[[nodiscard]] std::span<const Bug> all_bugs();
/// Null if there is no such number.
[[nodiscard]] const Bug* bug_by_number(std::uint32_t number);

/// A bug in a plug-in: mutant_NAME.so.
struct Mutant {
  std::string_view name;   ///< "07", "24a"
  std::uint32_t bug;       ///< 0: it looks like a bug and is none
  std::string_view model;  ///< the cheapest that shows it
  std::string_view how;    ///< the variant; empty if there is only one
};

[[nodiscard]] std::span<const Mutant> all_mutants();

}  // namespace ringside::check
