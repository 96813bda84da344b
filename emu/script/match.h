// Whether an entry of the journal, or a message that was taken from a ring, matches a pattern.
//
// ActorMap maps the scenario's names to actors of the journal: a user has a number there, and a raw client
// has one number for each of its two connections to xcs. It asks the stage for them.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emu/script/expression.h"
#include "emu/script/stage.h"
#include "emu/script/state.h"
#include "emu/script/syntax.h"

namespace ringside::script {

class ActorMap {
 public:
  explicit ActorMap(const Stage& stage) : stage_(stage) {}

  /// Called after each act of a raw client. Records the numbers of its connections.
  void add_client(const std::string& name);
  /// Records the name of an attached pty.
  void add_pty(const std::string& name) { ptys_.insert(name); }
  /// The pty that is meant: without a name, the only pty.
  [[nodiscard]] std::string pty(const std::string& name) const;

  void add_user(const std::string& name) { users_.insert(name); }
  /// The scenario's names of actors. An actor without such a name is left out.
  using Names = std::vector<std::pair<trace::Actor, std::string>>;
  [[nodiscard]] Names names() const;

  [[nodiscard]] bool is(const Actor& named, trace::Actor actor) const;
  /// The same for the two ends of an event. For a guest the controller, xcs or another one, is dom0.
  [[nodiscard]] bool is_end(const Actor& named, trace::Actor actor) const;
  /// Whether the xcs connection of that number is a raw client's. All others belong to xend.
  [[nodiscard]] bool is_raw(std::uint32_t number) const;

 private:
  const Stage& stage_;
  std::map<std::string, std::set<std::uint32_t>> clients_;
  std::set<std::string> ptys_;
  std::set<std::string> users_;
};

/// A payload, prepared for many comparisons.
class PayloadMatcher {
 public:
  explicit PayloadMatcher(const Payload& payload);

  /// Whether `bytes` are exactly the payload; for a prefix or an expression: whether they match it.
  [[nodiscard]] bool is(std::string_view bytes) const;
  /// Whether it is part of a sentence.
  [[nodiscard]] bool is_in(std::string_view text) const;
  /// The first match at or after `from`.
  [[nodiscard]] std::optional<Found> search(std::string_view bytes, std::size_t from = 0) const;
  /// The length of the match at the first byte; 0: no match begins there.
  [[nodiscard]] std::size_t leads(std::string_view bytes) const;
  /// A match that contains later bytes begins at most this far before them.
  [[nodiscard]] std::size_t reach_bytes() const;

 private:
  Payload payload_;
  std::string wanted_;  ///< empty for an expression
  std::optional<Expression> expression_;
};

/// Compares single entries with a pattern. Must not outlive the pattern.
class Matcher {
 public:
  explicit Matcher(const Pattern& pattern);

  /// Whether the pattern matches single entries. States, bytes and replies to clients do not.
  [[nodiscard]] static bool by_entry(const Pattern& pattern);
  /// Whether the pattern matches messages taken from a ring: `Receives` of the ring's consumer.
  [[nodiscard]] static bool by_taking(const Pattern& pattern);

  [[nodiscard]] bool matches(const State& state, Step step, const ActorMap& actor_map) const;
  [[nodiscard]] bool matches(const State::Taken& taken, const State& state, const ActorMap& actor_map) const;
  /// Whether the entry has the pattern's actor and kind, with any contents. A strict pattern that does not
  /// match such an entry fails.
  [[nodiscard]] bool same_sort(const State& state, Step step, const ActorMap& actor_map) const;

 private:
  [[nodiscard]] bool message_is(const Message& pattern, const ring::ControlMessage& message) const;

  const Pattern& pattern_;
  std::optional<PayloadMatcher> payload_matcher_;
};

/// Whether `tally` is part of the counter `counter` of `actor`.
[[nodiscard]] bool counts_for(const State::Tally& tally, const Actor& actor, std::string_view counter,
                              const std::optional<Actor>& of, const ActorMap& actor_map);
/// The counter's value after that step.
[[nodiscard]] std::uint64_t counter_at(const State& state, Step step, const Actor& actor,
                                       std::string_view counter, const std::optional<Actor>& of,
                                       const ActorMap& actor_map);

/// Visits a variant: one function for each alternative.
template <class... Cases>
struct Visit : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Visit(Cases...) -> Visit<Cases...>;

}  // namespace ringside::script
