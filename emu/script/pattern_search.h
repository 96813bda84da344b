// Searches a growing journal for what one expectation describes.
//
// A PatternSearch begins at its actor's cursor and remembers how far it has searched, so that each call
// examines new entries only. It changes nothing: Run advances the cursors, and decides how long to wait.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "emu/script/match.h"

namespace ringside::script {

/// The data that expectations are compared with.
struct Observed {
  const Stage& stage;
  const State& state;
  const ActorMap& actor_map;
};

/// How far the entries of an actor, or the bytes at a place, were consumed, and by which line.
struct Cursor {
  Mark mark;
  std::size_t count = 0;       ///< bytes at a place, or replies to a client
  std::size_t data_count = 0;  ///< replies on its data connection
  Span by;
};
/// By the subject of a pattern: "dom1", "dom1.tx", "xcs.refused", "bytes at user".
using Cursors = std::map<std::string, Cursor>;

[[nodiscard]] std::string cursor_key(const Pattern& pattern);
/// The entries and bytes that have met expectations of a `together` block. Each meets one expectation of the
/// block only.
struct Claims {
  using Ranges = std::vector<std::pair<std::size_t, std::size_t>>;  ///< from, to; in order

  std::vector<Mark> marks;                                       ///< entries, and messages taken from a ring
  std::map<std::string, Ranges> bytes;                           ///< by place
  std::set<std::tuple<std::string, Lane, std::size_t>> replies;  ///< by client
};

/// All bytes that have been shown or read at a place.
[[nodiscard]] std::string_view bytes_at(const Observed& observed, const Place& place);
/// Whether a frame is the reply to a call. Other frames on a client's connections are not requested by it.
[[nodiscard]] bool is_reply(const dom0::XcsMessage& frame);
/// The place as a scenario spells it: "user", "dom1", "P".
[[nodiscard]] std::string spelled(const Place& place);

class PatternSearch {
 public:
  enum class Verdict : std::uint8_t {
    open,   ///< not decided yet
    met,    ///< cursor() is after the match
    never,  ///< no longer possible: something else happened first
  };
  struct How {
    bool anywhere = false;  ///< bytes are searched for; otherwise they must come next
    bool patient = false;   ///< others of the same sort may come first
    const std::vector<Pattern>* ignores = nullptr;
  };

  /// Begins at `from`. Must not outlive the pattern and `how.ignores`.
  PatternSearch(const Pattern& pattern, Cursor from, How how);

  /// Continues the search. Claimed entries and bytes are not found.
  [[nodiscard]] Verdict look(const Observed& observed, const Claims& claims = {});
  /// After the match: claims the entry or the bytes of the match. States are not claimed: each expectation
  /// may use them.
  void claim(Claims& claims) const;
  /// Whether a state holds at this moment.
  [[nodiscard]] bool holds_now(const Observed& observed) const;

  /// After the match.
  [[nodiscard]] const Cursor& cursor() const { return cursor_; }
  /// The deciding entry; 0: none.
  [[nodiscard]] Step decided() const { return decided_; }
  /// The entry to show in a report: the deciding one, or the last similar one; 0: none.
  [[nodiscard]] Step nearest(const Observed& observed) const;
  /// What occurred in place of it: "settled at 1", "nothing came".
  [[nodiscard]] std::string instead(const Observed& observed) const;
  /// The test of a ring's state that does not hold; nowhere for other patterns.
  [[nodiscard]] Span wrong_part(const Observed& observed) const;
  /// Whether the journal has an entry about the pattern's subject since the search began.
  [[nodiscard]] bool has_entry_of_subject(const Observed& observed) const;

 private:
  [[nodiscard]] Verdict look_at_entries(const Observed& observed, const Claims& claims);
  [[nodiscard]] Verdict look_at_taken(const Observed& observed, const Claims& claims);
  [[nodiscard]] Verdict look_at_count(const Observed& observed, const ForwardsCount& count,
                                      const Claims& claims);
  void gather(const Observed& observed, const ForwardsCount& count, const Claims& claims);
  void count_forwarded(const State& state);
  [[nodiscard]] Verdict look_at_bytes(const Observed& observed, const Shows& shows, const Claims& claims);
  [[nodiscard]] bool is_between(std::string_view stream, const Shows& shows, std::size_t from,
                                std::size_t to);
  [[nodiscard]] Verdict search(std::string_view stream);
  [[nodiscard]] Verdict look_at_ring(const Observed& observed, const RingState& state);
  [[nodiscard]] Verdict look_at_counter(const Observed& observed);
  [[nodiscard]] Verdict look_at_replies(const Observed& observed, const ReceivesReply& reply,
                                        const Claims& claims);
  [[nodiscard]] Verdict look_at_end(const Observed& observed, const IsCutOff& end);
  [[nodiscard]] bool ignored(const Observed& observed, Step step) const;
  void ignore(const Pattern& each);
  [[nodiscard]] std::size_t skipped(std::string_view stream, std::size_t at, const Payload& wanted) const;
  /// Entries of the pattern's sort: the last one from the cursor on, and the last match before the cursor.
  struct Likely {
    Step near = 0;
    Step early = 0;
  };
  [[nodiscard]] Likely likely(const Observed& observed) const;
  [[nodiscard]] std::string entry_instead(const Observed& observed) const;
  [[nodiscard]] std::string bytes_instead(const Observed& observed, const Shows& shows) const;

  const Pattern& pattern_;
  Matcher matcher_;
  std::vector<Matcher> ignores_;               ///< patterns of single entries
  std::vector<PayloadMatcher> ignored_bytes_;  ///< payloads at the pattern's place
  bool strict_ = false;                        ///< an `ignore` line is of this sort
  How how_;
  Cursor from_;
  Cursor cursor_;
  std::optional<PayloadMatcher> payload_matcher_;

  /// Of a count: a frame that passes a message on, and a message that was taken from a ring.
  struct Frame {
    Step step = 0;
    bool counted = false;
  };
  struct Message {
    std::size_t taken = 0;  ///< an index into State::taken()
    Step since = 0;         ///< it was passed on after this step
    bool counted = false;
  };

  Step looked_ = 0;         ///< the number of entries searched
  std::size_t parts_ = 0;   ///< the number of taken messages, points or changes searched
  bool started_ = false;    ///< the state at the cursor was examined
  std::size_t free_ = 0;    ///< from here on no bytes are claimed
  std::size_t begin_ = 0;   ///< the beginning of the match in the bytes, or of the search
  std::size_t agrees_ = 0;  ///< the number of bytes that match; of a search: the number of bytes searched
  std::int64_t value_ = 0;  ///< a counter after `parts_` changes
  std::vector<bool> counted_;
  std::vector<Frame> frames_;
  std::vector<Message> messages_;
  std::map<std::uint32_t, std::pair<Step, Step>> batches_;  ///< by domain: the last two steps that took some
  std::uint32_t real_ = 0;
  std::uint32_t stale_ = 0;
  Lane lane_ = Lane::control;  ///< of the reply that met it
  Step decided_ = 0;
};

}  // namespace ringside::script
