// Looking for what one expectation says, as the journal grows.
//
// A Seeker looks from where its actor's cursor stands and remembers how far it has looked, so that asking it
// again costs only what is new. It judges and moves nothing: who runs the scenario moves the cursors behind
// what was met, and decides how long to wait.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "emu/script/match.h"

namespace ringside::script {

/// What a run is judged by.
struct Scene {
  const Stage& stage;
  const State& state;
  const Cast& cast;
};

/// How far an actor's story, or a place's bytes, have been told, and by which line.
struct Cursor {
  Mark mark;
  std::size_t count = 0;       ///< of bytes at a place, of replies to a client
  std::size_t data_count = 0;  ///< of those on its data connection
  Span by;
};
/// By what a pattern is about: "dom1", "dom1.tx", "xcs.refused", "bytes at user".
using Cursors = std::map<std::string, Cursor>;

[[nodiscard]] std::string cursor_key(const Pattern& pattern);
/// All that has come to light at a place.
[[nodiscard]] std::string_view bytes_at(const Scene& scene, const Place& place);
/// The reply to a call; what else comes on a client's connections comes on its own.
[[nodiscard]] bool is_reply(const dom0::XcsMessage& frame);
/// "user", "dom1", "P": as a scenario spells it.
[[nodiscard]] std::string spelled(const Place& place);

class Seeker {
 public:
  enum class Verdict : std::uint8_t {
    open,   ///< not yet
    met,    ///< and cursor() is behind it
    never,  ///< and cannot be any more: what came instead is in the way
  };
  struct How {
    bool anywhere = false;  ///< bytes are searched for; else they are what comes next
    bool patient = false;   ///< nothing is in the way: others of the same sort may come first
    const std::vector<Pattern>* ignores = nullptr;
  };

  /// Looks from `from` on. Must not outlive the pattern and what `how` points at.
  Seeker(const Pattern& pattern, Cursor from, How how);

  /// `taken`: what others have claimed already.
  [[nodiscard]] Verdict look(const Scene& scene, const std::vector<Mark>& taken = {});
  /// For states: as things are at this moment.
  [[nodiscard]] bool holds_now(const Scene& scene) const;

  /// Behind what was met.
  [[nodiscard]] const Cursor& cursor() const { return cursor_; }
  /// The entry that decided; 0: none did.
  [[nodiscard]] Step decided() const { return decided_; }
  /// The entry to look at: that one, or the last that was nearly what was wanted; 0: there is none.
  [[nodiscard]] Step nearest(const Scene& scene) const;
  /// What there was instead: "settled at 1", "nothing came".
  [[nodiscard]] std::string instead(const Scene& scene) const;
  /// The test of a ring's state that does not hold; nowhere for others.
  [[nodiscard]] Span wrong_part(const Scene& scene) const;
  /// Whether the journal has had anything to do with its subject since it began to look.
  [[nodiscard]] bool saw_its_subject(const Scene& scene) const;

 private:
  [[nodiscard]] Verdict look_at_entries(const Scene& scene, const std::vector<Mark>& taken);
  [[nodiscard]] Verdict look_at_taken(const Scene& scene, const std::vector<Mark>& taken);
  [[nodiscard]] Verdict look_at_count(const Scene& scene, const ForwardsCount& count);
  [[nodiscard]] Verdict look_at_bytes(const Scene& scene, const Shows& shows);
  [[nodiscard]] Verdict search(std::string_view stream);
  [[nodiscard]] Verdict look_at_ring(const Scene& scene, const RingState& state);
  [[nodiscard]] Verdict look_at_counter(const Scene& scene);
  [[nodiscard]] Verdict look_at_replies(const Scene& scene, const ReceivesReply& reply);
  [[nodiscard]] Verdict look_at_end(const Scene& scene, const IsCutOff& end);
  [[nodiscard]] bool ignored(const trace::Entry& entry, const Cast& cast) const;
  void ignore(const Pattern& each);
  [[nodiscard]] std::size_t skipped(std::string_view stream, std::size_t at, const Payload& wanted) const;
  /// Of the same sort: the last from the cursor on, and the last right one before it.
  struct Likely {
    Step near = 0;
    Step early = 0;
  };
  [[nodiscard]] Likely likely(const Scene& scene) const;
  [[nodiscard]] std::string entry_instead(const Scene& scene) const;
  [[nodiscard]] std::string bytes_instead(const Scene& scene, const Shows& shows) const;

  const Pattern& pattern_;
  Matcher matcher_;
  std::vector<Matcher> ignores_;      ///< those that entries answer to
  std::vector<Probe> ignored_bytes_;  ///< those at the pattern's place
  bool strict_ = false;               ///< there is an ignore line of this sort
  How how_;
  Cursor from_;
  Cursor cursor_;
  std::optional<Probe> probe_;

  Step looked_ = 0;         ///< through so many entries
  std::size_t parts_ = 0;   ///< through so many taken messages, points or changes
  bool started_ = false;    ///< of states: the one at the cursor has been looked at
  std::size_t begin_ = 0;   ///< of bytes: where the match would begin, or is searched from
  std::size_t agrees_ = 0;  ///< and so many do; of a search: the size of what it has seen
  std::int64_t value_ = 0;  ///< of a counter, after `parts_` changes
  std::vector<bool> counted_;
  std::uint32_t real_ = 0;
  std::uint32_t stale_ = 0;
  Step decided_ = 0;
};

}  // namespace ringside::script
