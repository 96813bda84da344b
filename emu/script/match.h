// Whether one entry of the journal, or one message that was taken from a ring, is what a pattern looks for.
//
// Cast knows who is who: a scenario's user[anna] has a number in the journal, and the switch in dom0 knows a
// raw client's two connections by two more. It looks these up on the stage and owns nothing else.
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

class Cast {
 public:
  explicit Cast(const Stage& stage) : stage_(stage) {}

  /// After each act of a raw client: what its connections are called from now on.
  void meet_client(const std::string& name);
  /// A name that somebody has opened a pty by.
  void meet_pty(const std::string& name) { ptys_.insert(name); }
  /// The name that is meant: without one, the only pty that there is.
  [[nodiscard]] std::string pty(const std::string& name) const;

  void meet_user(const std::string& name) { users_.insert(name); }
  /// Names by what the journal calls their owners; who is in no list has none.
  using Names = std::vector<std::pair<trace::Actor, std::string>>;
  [[nodiscard]] Names names() const;

  [[nodiscard]] bool is(const Actor& named, trace::Actor actor) const;
  /// The same for the two ends of an event: who serves dom0's end is dom0 to the others.
  [[nodiscard]] bool is_end(const Actor& named, trace::Actor actor) const;
  /// The xcs connection is not one of a scenario's raw clients, so it is the console server's.
  [[nodiscard]] bool is_raw(std::uint32_t number) const;

 private:
  const Stage& stage_;
  std::map<std::string, std::set<std::uint32_t>> clients_;
  std::set<std::string> ptys_;
  std::set<std::string> users_;
};

/// A payload made ready to be compared often.
class Probe {
 public:
  explicit Probe(const Payload& payload);

  /// All of a message's bytes.
  [[nodiscard]] bool is(std::string_view bytes) const;
  /// A part of a sentence.
  [[nodiscard]] bool is_in(std::string_view text) const;
  /// Where it is first found, from `from` on.
  [[nodiscard]] std::optional<Found> search(std::string_view bytes, std::size_t from = 0) const;
  /// How many bytes at the beginning of `bytes` it is; 0: they are something else.
  [[nodiscard]] std::size_t leads(std::string_view bytes) const;
  /// When more bytes come, what is found with them begins at most so far before them.
  [[nodiscard]] std::size_t reach_bytes() const;

 private:
  Payload payload_;
  std::string wanted_;  ///< empty for an expression
  std::optional<Expression> expression_;
};

/// A pattern that single entries answer to. Must not outlive the pattern.
class Matcher {
 public:
  explicit Matcher(const Pattern& pattern);

  /// Of the kinds that entries answer to at all; states, bytes and what clients got in reply are not.
  [[nodiscard]] static bool by_entry(const Pattern& pattern);
  /// `Receives` from a ring: by what was taken there.
  [[nodiscard]] static bool by_taking(const Pattern& pattern);

  [[nodiscard]] bool matches(const trace::Entry& entry, const Cast& cast) const;
  [[nodiscard]] bool matches(const State::Taken& taken, const State& state, const Cast& cast) const;
  /// The same sort of thing done by the same actor, whatever it carries: what a pattern is strict about.
  [[nodiscard]] bool same_sort(const trace::Entry& entry, const Cast& cast) const;

 private:
  [[nodiscard]] bool message_is(const Message& pattern, const ring::ControlMessage& message) const;

  const Pattern& pattern_;
  std::optional<Probe> probe_;
};

/// Whether a tally is a part of what `counter` of `actor` counts.
[[nodiscard]] bool counts_for(const State::Tally& tally, const Actor& actor, std::string_view counter,
                              const std::optional<Actor>& of, const Cast& cast);
/// The counter's value after that step.
[[nodiscard]] std::uint64_t counter_at(const State& state, Step step, const Actor& actor,
                                       std::string_view counter, const std::optional<Actor>& of,
                                       const Cast& cast);

/// For visiting a closed set: one function for each alternative.
template <class... Cases>
struct Visit : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Visit(Cases...) -> Visit<Cases...>;

}  // namespace ringside::script
