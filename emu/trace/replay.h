// The state of the machine after each step of a journal, computed from entries alone. Every view of a run
// gets its rings and event bits from here.
//
// It is as correct as the journal: if a hostile guest writes to the page without its ring code, the page
// differs from the journal. Pure bookkeeping; entries are not trusted.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "emu/trace/event.h"
#include "emu/trace/journal_file.h"

namespace ringside::trace {

/// The contents of a slot. A response overwrites the request that it answers.
enum class SlotState : std::uint8_t {
  free,      ///< never used
  request,   ///< it has no response
  response,  ///< the response is there, and has not been taken
  stale,     ///< the response was taken; its bytes are there until the slot is used again
};
inline constexpr std::size_t slot_states = 4;
/// '.', '#', '+', '-': readable without colours.
[[nodiscard]] char slot_glyph(SlotState state);
/// "free", "request", "response", "stale"
[[nodiscard]] std::string_view slot_state_name(SlotState state);

struct ReplayedSlot {
  SlotState state = SlotState::free;
  ring::ControlMessage message;
  std::uint64_t step = 0;  ///< that wrote it
};

struct ReplayedRing {
  std::array<std::uint32_t, 4> indices{};  ///< by IndexName
  /// Bit k: index k is known from the journal. For a domain that is older than the journal, an index becomes
  /// known when it first moves.
  std::uint8_t known = 0;
  std::array<ReplayedSlot, ring::slots_per_ring> slots{};

  [[nodiscard]] std::uint32_t at(IndexName name) const { return indices[static_cast<std::size_t>(name)]; }
  [[nodiscard]] bool knows(IndexName name) const { return (known >> static_cast<unsigned>(name) & 1) != 0; }
  /// Requests without a response. More than slots_per_ring: one side is faulty.
  [[nodiscard]] std::uint32_t outstanding() const {
    return at(IndexName::req_prod) - at(IndexName::rsp_prod);
  }
};

/// One of the byte rings of today's console, as the guest knows it: an index that the other end moves has the
/// value at which the guest last found it.
struct ReplayedByteRing {
  std::uint32_t prod = 0;
  std::uint32_t cons = 0;
  bool prod_known = false;  ///< from the journal; as of ReplayedRing::known
  bool cons_known = false;
  std::vector<std::uint8_t> bytes = {};  ///< the whole ring; empty: nothing in it is known
  std::uint32_t bytes_end = 0;           ///< the index after the last byte that is known

  /// The bytes that wait. Empty: more than the ring holds, so that an index is impossible.
  [[nodiscard]] std::optional<std::uint32_t> waiting(ByteRing which) const {
    return ring::waiting_bytes(prod, cons, size_of(which));
  }
  /// Those of them that are known, the oldest first: the guest finds an index before it looks at the bytes.
  [[nodiscard]] std::vector<std::uint8_t> waiting_bytes(ByteRing which) const;

  friend bool operator==(const ReplayedByteRing&, const ReplayedByteRing&) = default;
};

/// One end of an event channel, as known from the events raised at it.
struct ReplayedPort {
  bool pending = false;
  bool masked = false;
  bool selected = false;  ///< the selector's bit of the port's word
  std::uint32_t raised = 0;
  std::uint32_t kicks = 0;   ///< of those, how many woke the receiver
  std::uint32_t unread = 0;  ///< kicks since it was last looked at: its eventfd
};

class Replay {
 public:
  using RingKey = std::pair<std::uint32_t, ring::Ring>;  ///< whose page, which ring
  using ByteRingKey = std::pair<std::uint32_t, ByteRing>;
  using PortKey = std::pair<std::uint32_t, std::uint32_t>;  ///< whose port (0 = dom0), its number

  /// The beginning of a journal: the rings that were in use before its first entry.
  void begin(const JournalHeader& header);
  /// The next entry.
  void take(std::uint64_t step, const Entry& entry);

  [[nodiscard]] const std::map<RingKey, ReplayedRing>& rings() const { return rings_; }
  /// Both rings of each domain of today; such a domain has no others.
  [[nodiscard]] const std::map<ByteRingKey, ReplayedByteRing>& byte_rings() const { return byte_rings_; }
  [[nodiscard]] bool is_today(std::uint32_t domain) const {
    return byte_rings_.contains({domain, ByteRing::out});
  }
  [[nodiscard]] const ReplayedByteRing& byte_ring(std::uint32_t domain, ByteRing ring) const;
  [[nodiscard]] const std::map<PortKey, ReplayedPort>& ports() const { return ports_; }
  /// A ring that has no entry yet is empty.
  [[nodiscard]] const ReplayedRing& ring(std::uint32_t domain, ring::Ring ring) const;

 private:
  void slot_written(std::uint64_t step, const Entry& entry);
  void index_moved(const Entry& entry);
  ReplayedByteRing& byte_ring_of_today(std::uint32_t domain, ByteRing ring);
  void bytes_in_ring(const Entry& entry);
  void byte_index(std::uint32_t domain, ByteIndex index, std::uint32_t value);
  void event_raised(const Entry& entry);
  void event_taken(const Entry& entry);
  void told(const Entry& entry);

  std::map<RingKey, ReplayedRing> rings_;
  std::map<ByteRingKey, ReplayedByteRing> byte_rings_;
  std::map<PortKey, ReplayedPort> ports_;
};

/// "tx ###+.... 3/8": the slots in their order, and how many requests have no response.
[[nodiscard]] std::string ring_text(ring::Ring which, const ReplayedRing& ring);
/// "out ...##... 300": the parts of the ring in which bytes wait, and how many wait.
[[nodiscard]] std::string ring_text(ByteRing which, const ReplayedByteRing& ring);
/// The `parts` of the ring, '#' where bytes wait and '.' where none does.
[[nodiscard]] std::string byte_bar(ByteRing which, const ReplayedByteRing& ring, std::size_t parts);

}  // namespace ringside::trace
