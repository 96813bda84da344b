// All words of the language, with their syntax and meaning. The parser's suggestions, the reference, the
// editors' grammars and the runner's counters come from these tables.
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
  Roles roles;  ///< actors that can do it
  bool act;     ///< otherwise it is an expectation
  std::string_view syntax;
  std::string_view what;
};
[[nodiscard]] std::span<const VerbAbout> verbs_known();
/// The acts that `role` can do, or the expectations that it can meet.
[[nodiscard]] std::vector<std::string_view> verbs_of(trace::Role role, bool act);
[[nodiscard]] const VerbAbout* find_verb(trace::Role role, bool act, std::string_view word);
[[nodiscard]] bool has_role(const VerbAbout& verb, trace::Role role);

// -- settings, and other lines that are neither act nor expectation

struct LineAbout {
  std::string_view word;
  bool setting;  ///< must be before the first act
  std::string_view syntax;
  std::string_view what;
};
[[nodiscard]] std::span<const LineAbout> lines_known();

// -- counters

/// How a counter is computed.
enum class CountedBy : std::uint8_t {
  counter,  ///< Kind::counted entries of the actor: `detail` is the trace::Counter
  refusal,  ///< Kind::refused entries of the actor
  quirk,    ///< Kind::quirk entries of the actor: `detail` is the Quirk
  level,    ///< the bytes received and not passed on, from several entries
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
  std::span<const CounterSource> sources;  ///< their sum is the counter
  bool of_messages = false;                ///< a guest of today does not count it: its rings hold bytes
};
[[nodiscard]] std::span<const CounterAbout> counters_known();
[[nodiscard]] std::vector<std::string_view> counters_of(trace::Role role);
[[nodiscard]] const CounterAbout* find_counter(trace::Role role, std::string_view name);

// -- smaller closed sets

/// A word, and the number for which it stands in messages.
struct NamedNumber {
  std::string_view name;
  std::uint32_t number;
};
[[nodiscard]] std::span<const NamedNumber> message_types();
[[nodiscard]] std::span<const NamedNumber> message_subtypes(std::uint8_t type);
[[nodiscard]] std::span<const NamedNumber> virqs();
[[nodiscard]] std::span<const NamedNumber> xcs_results();
/// `unnamed` is returned for a number without a name.
[[nodiscard]] std::string_view xcs_result_name(std::uint32_t result, std::string_view unnamed);
[[nodiscard]] std::optional<std::uint32_t> number_of(std::span<const NamedNumber> set, std::string_view name);
[[nodiscard]] std::vector<std::string_view> names_of(std::span<const NamedNumber> set);

/// Words within a line: to, from, within, settles ...
[[nodiscard]] std::span<const std::string_view> connecting_words();

}  // namespace ringside::script
