// Follows each console byte: a byte gets a number when it enters the path, and keeps it from hop to hop.
//
// An entry says which bytes moved: a frame and a slot carry the number of their message (its index upwards,
// its tag downwards), and everything else is a queue, in which order and count decide. The content of bytes
// is never compared. Bytes of a sender that does not report their source are counted as `appeared`, and bytes
// of a receiver that does not report what it did with them as `unseen`. Views show both as unknown.
// Debian's xenconsoled reports nothing: bytes that it types into `in` are new there, except those that
// ringside's own client has sent to its pty; bytes that it takes from `out` are unseen, until ringside's own
// client shows them.
//
// Pure bookkeeping over entries, which are not trusted. The memory it uses is bounded.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emu/trace/event.h"
#include "emu/trace/journal_file.h"

namespace ringside::trace {

/// The most bytes that one place holds; beyond that the oldest are forgotten.
inline constexpr std::size_t flow_place_bytes_max = std::size_t{4} << 20;

/// Whether a place is in a ring, and in which.
enum class FlowRing : std::uint8_t {
  none,
  messages,  ///< the control messages of 2005: rx down, tx up
  bytes,     ///< today's console: `in` down, `out` up
};

/// Places of bytes: a ring, or an actor that has received them and not passed them on. A frame on xcs's
/// socket is in xcs; a byte typed at a pty is in the daemon that has the pty.
struct FlowPlace {
  FlowRing ring = FlowRing::none;
  Role role = Role::user;  ///< no meaning for a ring
  std::uint32_t domain = 0;
  bool down = true;  ///< in transit to the guest

  friend auto operator<=>(const FlowPlace&, const FlowPlace&) = default;
};

struct ByteRange {
  std::uint64_t first = 0;
  std::uint32_t count = 0;

  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// The effect of one entry on bytes.
struct FlowStep {
  std::vector<ByteRange> bytes;
  std::uint64_t came_at = 0;  ///< the step that brought the first of them to the sender; 0: they are new here
  bool lost = false;          ///< the bytes are gone
};

/// Why bytes are lost.
enum class Loss : std::uint8_t {
  discarded,    ///< no viewer read them, and newer ones needed the room
  unread,       ///< no viewer read them before the console was removed
  ended,        ///< the domain ended before it had sent or read them
  dropped,      ///< the guest had no reader for them
  ring_full,    ///< a quirk of xcs
  with_viewer,  ///< a viewer left without showing them
  with_daemon,  ///< a daemon was killed before it had read them, or kept them nowhere
  refused,      ///< their message was refused or abandoned, or its slot was written again
};
inline constexpr std::size_t losses = static_cast<std::size_t>(Loss::refused) + 1;
[[nodiscard]] std::string_view loss_name(Loss why);

/// For one domain and one direction: said = delivered + lost + unseen + queued().
struct FlowTotals {
  std::uint64_t said = 0;       ///< typed or printed, now or before the first entry
  std::uint64_t delivered = 0;  ///< to the guest's terminal, or to a screen
  std::uint64_t unseen = 0;     ///< handed to a program that does not report what became of them
  std::uint64_t appeared = 0;   ///< of `said`: no entry says where the sender got them
  std::uint64_t repeated =
      0;  ///< of `appeared`: bytes that a daemon may have shown twice, after a kill or without numbers
  std::array<std::uint64_t, losses> lost_by{};

  [[nodiscard]] std::uint64_t lost() const;
  [[nodiscard]] std::uint64_t lost(Loss why) const { return lost_by[static_cast<std::size_t>(why)]; }
};

class Flow {
 public:
  /// `place_bytes_max`: smaller for a caller that keeps many Flows.
  explicit Flow(std::size_t place_bytes_max = flow_place_bytes_max) : place_bytes_max_(place_bytes_max) {}

  /// The beginning of a journal: the bytes that waited in the byte rings before its first entry.
  void begin(const JournalHeader& header);
  /// The next entry.
  FlowStep take(std::uint64_t step, const Entry& entry);

  /// Bytes at the place now. Bytes that have reached an end of the path are not kept.
  [[nodiscard]] std::size_t level(const FlowPlace& place) const;
  /// The places at which the last entry changed something.
  [[nodiscard]] const std::vector<FlowPlace>& touched() const { return touched_; }
  [[nodiscard]] FlowTotals totals(std::uint32_t domain, bool down) const;

  /// Bytes at all places of a domain.
  [[nodiscard]] std::uint64_t queued(std::uint32_t domain, bool down) const;
  /// A sentence for each domain and direction that does not balance. There are three errors: some of the
  /// bytes said are neither delivered nor lost nor unseen nor queued; bytes were passed on from a place that
  /// did not have them; bytes are queued for a domain whose console is gone.
  [[nodiscard]] std::vector<std::string> imbalances() const;

  /// The program or user to which an actor of an entry belongs. A connection of xcs belongs to the client
  /// that opened it, or to xend if no entry shows who opened it. The console client belongs to its user.
  [[nodiscard]] Role behind(const Entry& entry, Actor actor) const;

 private:
  /// Bytes that arrived together. In the ring and in xcs they are one message.
  struct Piece {
    std::uint64_t first = 0;
    std::size_t count = 0;
    std::uint64_t step = 0;               ///< that brought it
    std::optional<std::uint32_t> number;  ///< of its message
    std::uint32_t slot = 0;               ///< in the ring
    bool passed = false;                  ///< in xcs: it was sent to a client
  };
  struct Queue {
    std::deque<Piece> pieces;
    std::size_t bytes = 0;

    void append(const Piece& piece);
    Piece take(std::size_t at, std::size_t most, bool newest);
  };
  using Pieces = std::vector<Piece>;
  static constexpr std::size_t all_bytes = std::numeric_limits<std::size_t>::max();
  struct Sent {
    std::uint32_t tag = 0;
    std::size_t bytes = 0;
  };
  enum class Xenconsoled : std::uint8_t {
    silent,   ///< or there is none
    reports,  ///< it is ringside's own
    killed,   ///< and it was
  };
  struct Known {
    std::deque<Sent> sent;                               ///< the last tagged requests
    std::optional<std::uint32_t> taken;                  ///< the index after the last one that xend took
    std::set<std::uint32_t> early;                       ///< requests that xcs has answered and xend has not
    std::uint32_t under_way_max = ring::slots_per_ring;  ///< the most requests that may be offered again
    bool reports = false;                                ///< its kernel reports where its output is from
    Xenconsoled xenconsoled = Xenconsoled::silent;
    bool dead = false;
    bool destroyed = false;
    bool gone = false;  ///< and its console is, too
    /// Of each byte ring, the index after the last byte that was put into it.
    std::array<std::optional<std::uint32_t>, 2> byte_ring_ends = {};
  };

  void bytes_passed(const Entry& entry);
  void begin_byte_rings(const Entry& entry);
  void bytes_in_ring(const Entry& entry);
  void byte_index(const Entry& entry);
  Pieces leave_byte_ring(const FlowPlace& ring, std::uint32_t index);
  void lose_with_xenconsoled(std::uint32_t domain);
  void end_byte_rings(std::uint32_t domain);
  void lose_middle(const Entry& entry);
  void fetch_from_in(std::uint32_t domain, std::size_t bytes);
  void unsee(const Pieces& pieces, std::uint32_t domain);
  Pieces shown_by_viewer(std::uint32_t domain, std::size_t bytes);
  void frame_passed(const Entry& entry);
  void frame_taken(const Entry& entry);
  void slot_written(const Entry& entry);
  void free_slot(const Entry& entry);
  void taken_from_ring(const Entry& entry, ring::Ring ring, std::uint32_t from, std::uint32_t count);
  void counted(const Entry& entry);
  void quirk(const Entry& entry);
  void told(const Entry& entry);
  void learn(const Entry& entry);
  void adopt(const Entry& entry);
  void answer_early(const Entry& entry);
  void give_back(const Entry& entry);
  void leave_viewer(std::uint32_t domain);

  /// Selects pieces at a place: those of a message, those in a slot, or all.
  struct Which {
    std::optional<std::uint32_t> number = {};
    std::optional<std::uint32_t> slot = {};
    bool newest = false;      ///< from the end of the queue
    bool unnumbered = false;  ///< only pieces without a number
  };
  Pieces pull(const FlowPlace& place, std::size_t bytes, const Which& which);
  Pieces pull(const FlowPlace& place, std::size_t bytes) { return pull(place, bytes, {}); }
  /// Takes bytes that the place passes on, and counts those that are not there as appeared.
  Pieces leave(const FlowPlace& place, std::size_t bytes);
  void fetch(const FlowPlace& taker, std::size_t bytes);
  Pieces recovered(std::uint32_t domain, std::size_t bytes);
  Pieces made(const FlowPlace& place, std::size_t bytes);
  void push(const FlowPlace& place, Pieces pieces, std::optional<std::uint32_t> number = {});
  void put_back(const FlowPlace& place, const Pieces& pieces);
  void note(const FlowPlace& place, const Pieces& pieces);
  void arrive(const FlowPlace& place, Pieces pieces);
  void lose(std::uint32_t domain, bool down, const Pieces& pieces, Loss why);
  void lose_all(const FlowPlace& place, Loss why);
  void touch(const FlowPlace& place);
  [[nodiscard]] bool is_gone(std::uint32_t domain) const;
  [[nodiscard]] bool sent_before(std::uint32_t domain, std::optional<std::uint32_t> tag) const;
  void note_sent(std::uint32_t domain, std::optional<std::uint32_t> tag, std::size_t bytes);

  std::map<FlowPlace, Queue> held_;
  std::map<std::uint32_t, Queue> strays_;  ///< counted as lost with a viewer, which may still show them
  /// Counted as unseen, since xenconsoled has taken them. A viewer of its pty that reports may show them.
  std::map<std::uint32_t, Queue> taken_unseen_;
  std::map<std::uint32_t, Known> known_;
  std::map<std::pair<std::uint32_t, bool>, FlowTotals> totals_;
  std::vector<FlowPlace> touched_;
  FlowStep done_;  ///< of the entry that is being taken
  std::uint64_t step_ = 0;
  std::deque<Role> connecting_;                ///< clients that xcs has not answered yet
  std::map<std::uint16_t, Role> connections_;  ///< connections of xcs, and to whom each belongs
  bool serial_is_xens_ = false;                ///< input on the serial line is for Xen itself
  std::uint64_t next_ = 1;
  std::size_t place_bytes_max_;
};

}  // namespace ringside::trace
