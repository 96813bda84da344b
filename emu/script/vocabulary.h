// All words of the language, each with how it is used and what it means. The parser's lists of what is
// possible, the reference, the editors' grammars and the runner's counters come from these tables.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "emu/trace/event.h"

namespace ringside::script {

// -- actors

/// A set of roles.
using Roles = std::uint16_t;
[[nodiscard]] constexpr Roles only(trace::Role role) {
  return static_cast<Roles>(1u << static_cast<unsigned>(role));
}

struct ActorAbout {
  trace::Role role;
  std::string_view word;
  std::string_view what;
};
[[nodiscard]] std::span<const ActorAbout> actors_known();

// -- verbs

enum class Verb : std::uint8_t {
  creates,
  boots,
  pauses,
  unpauses,
  destroys,
  kills,
  suspends,
  resumes,
  prints,
  logs,
  throttles,
  unthrottles,
  ends,
  writes,
  sets,
  adds,
  fills,
  notifies,
  stops,
  starts,
  stalls,
  connects,
  disconnects,
  types,
  attaches,
  detaches,
  opens,
  closes,
  binds,
  unbinds,
  sends,
  says,
  reads,
  sees,
  shows,
  receives,
  forwards,
  moves,
  takes,
  refuses,
};

struct VerbAbout {
  Verb verb;
  std::string_view word;
  Roles roles;  ///< who can
  bool act;     ///< else it is something to expect
  std::string_view syntax;
  std::string_view what;
};
[[nodiscard]] std::span<const VerbAbout> verbs_known();
/// What `role` can do (acts), or can be expected to do.
[[nodiscard]] std::vector<std::string_view> verbs_of(trace::Role role, bool act);
[[nodiscard]] const VerbAbout* find_verb(trace::Role role, bool act, std::string_view word);
[[nodiscard]] bool has_role(const VerbAbout& verb, trace::Role role);

// -- settings, and other lines that are neither act nor expectation

struct LineAbout {
  std::string_view word;
  bool setting;  ///< before the first act
  std::string_view syntax;
  std::string_view what;
};
[[nodiscard]] std::span<const LineAbout> lines_known();

// -- counters

/// How a runner gets at a counter.
enum class CountedBy : std::uint8_t {
  counter,  ///< Kind::counted entries of the actor: `detail` is the trace::Counter
  refusal,  ///< Kind::refused entries of the actor
  quirk,    ///< Kind::quirk entries of the actor: `detail` is the Quirk
  level,    ///< no entry says it: what came in and has not gone out
};

struct CounterSource {
  CountedBy by;
  std::uint8_t detail = 0;

  friend bool operator==(const CounterSource&, const CounterSource&) = default;
};

struct CounterAbout {
  Roles roles;
  std::string_view name;
  std::string_view unit;
  std::string_view what;
  std::span<const CounterSource> sources;  ///< added up
};
[[nodiscard]] std::span<const CounterAbout> counters_known();
[[nodiscard]] std::vector<std::string_view> counters_of(trace::Role role);
[[nodiscard]] const CounterAbout* find_counter(trace::Role role, std::string_view name);

// -- smaller closed sets

/// Words and the numbers that they stand for in messages.
struct NamedNumber {
  std::string_view name;
  std::uint32_t number;
};
[[nodiscard]] std::span<const NamedNumber> message_types();
[[nodiscard]] std::span<const NamedNumber> message_subtypes(std::uint8_t type);
[[nodiscard]] std::span<const NamedNumber> virqs();
[[nodiscard]] std::span<const NamedNumber> xcs_results();
/// `unnamed` for a number that no result has.
[[nodiscard]] std::string_view xcs_result_name(std::uint32_t result, std::string_view unnamed);
[[nodiscard]] std::optional<std::uint32_t> number_of(std::span<const NamedNumber> set, std::string_view name);
[[nodiscard]] std::vector<std::string_view> names_of(std::span<const NamedNumber> set);

/// Words in between: to, from, within, settles ...
[[nodiscard]] std::span<const std::string_view> glue_words();

}  // namespace ringside::script
