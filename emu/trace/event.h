// One entry of the journal: one action at one place of the path. An entry is small, so that the hot path
// writes it without allocating. Every picture and export of a run is made from entries alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "emu/base/quirks.h"
#include "emu/trace/facts.h"
#include "ring/byte_ring.h"
#include "ring/event_bits.h"
#include "ring/layout.h"
#include "ring/message.h"

namespace ringside::trace {

/// An actor, or a receiver. Domains, users and clients are numbered.
enum class Role : std::uint8_t {
  xen,
  dom0,
  xcs,
  xend,
  xenctld,
  xenconsoled,  ///< of today
  uart,
  user,
  client,
  domain,
  tty,
  program
};
inline constexpr Role last_role = Role::program;

struct Actor {
  Role role = Role::xen;
  std::uint8_t reserved = 0;
  std::uint16_t number = 0;  ///< domain id for domain, tty and program; connection number for user and client

  friend bool operator==(const Actor&, const Actor&) = default;
};

[[nodiscard]] constexpr Actor actor(Role role, std::uint32_t number = 0) {
  return {role, 0, static_cast<std::uint16_t>(number)};
}

inline constexpr Actor dom0_actor = actor(Role::dom0);

/// What an entry reports. The kind decides which fields are used.
enum class Kind : std::uint8_t {
  slot_written,  ///< actor writes `message` into ring slot `to_value` (request or response, see `detail`)
  index_moved,   ///< actor moves the index `detail` (IndexName) from `from_value` to `to_value`
  event_raised,  ///< actor raises an event at peer's `port`; `detail` is the ring::Raised outcome,
                 ///< `from_value` the EventSource, `to_value` the number of a virq or pirq
  event_taken,   ///< actor's upcall finds `port`
  frame_passed,  ///< actor passes one xcs frame to peer: `detail` is its type, `message` the control message
                 ///< if it has one; `from_value` 1 + its result if it is a reply, else 0; `to_value` the low
                 ///< half of the session id in a frame that connects
  bytes_passed,  ///< actor passes `message.length` raw bytes to peer (longer runs are several entries); to
                 ///< itself: it adds a message of its own to its output
  refused,       ///< actor refuses or discards something of peer's: `detail` is the Refusal
  counted,       ///< actor's counter `detail` (Counter) goes from `from_value` to `to_value`
  quirk,         ///< the historic quirk `detail` (Quirk) takes effect
  told,          ///< something in the life of a domain or a process: `detail` is the Fact
  frame_taken,   ///< actor has read one xcs frame of peer's that is no call and no reply; fields as of
                 ///< frame_passed
  mask_changed,  ///< actor sets or clears the mask bit of its `port`: `detail` is the MaskBit
  // The byte rings of today's console. `detail` is a ByteRing, or of an index the ByteIndex. The guest
  // reports both ends, as it finds the other one; ringside's own xenconsoled also reports, Debian's does not.
  bytes_written,  ///< actor writes `message.length` bytes into a byte ring; `from_value` is the index of the
                  ///< first (longer runs are several entries)
  byte_index_moved,  ///< actor moves an index from `from_value` to `to_value`
  byte_index_found,  ///< actor finds that the other end has moved an index since it last looked
  bytes_found,       ///< actor finds bytes that the other end has written; fields as of bytes_written
};
inline constexpr Kind last_kind = Kind::bytes_found;

enum class IndexName : std::uint8_t { req_prod, req_cons, rsp_prod, rsp_cons };

/// The byte rings of today's console, as the guest sees them: typed bytes are in `in`, printed ones in `out`.
enum class ByteRing : std::uint8_t { in, out };
/// In the order in which they are in the frame.
enum class ByteIndex : std::uint8_t { in_cons, in_prod, out_cons, out_prod };
inline constexpr std::size_t byte_indices = 4;

[[nodiscard]] constexpr ByteRing ring_of(ByteIndex index) {
  return index <= ByteIndex::in_prod ? ByteRing::in : ByteRing::out;
}
/// The index that the consumer of the bytes moves.
[[nodiscard]] constexpr bool is_cons(ByteIndex index) {
  return index == ByteIndex::in_cons || index == ByteIndex::out_cons;
}
/// How many bytes it holds.
[[nodiscard]] constexpr std::uint32_t size_of(ByteRing ring) {
  return ring == ByteRing::in ? sizeof ring::ByteRings::in : sizeof ring::ByteRings::out;
}
/// Where the byte of this index is.
[[nodiscard]] constexpr std::uint32_t place_in(ByteRing ring, std::uint32_t index) {
  return index % size_of(ring);
}

/// The source of an event: the other end of its channel, or a virtual or physical interrupt.
enum class EventSource : std::uint8_t { channel, virq, pirq };

/// An event at a port whose mask bit is set only sets the pending bit.
enum class MaskBit : std::uint8_t { clear, set };

/// Value of Entry::detail in slot_written.
enum class SlotUse : std::uint8_t { request, response };

struct Entry {
  std::uint64_t time_ns = 0;  ///< monotonic (or virtual) time; stamped by the sink unless it is set already
  Kind kind = Kind::told;
  std::uint8_t detail = 0;
  ring::Ring ring = ring::Ring::tx;
  std::uint8_t reserved0 = 0;
  Actor actor;
  Actor peer;
  std::uint32_t domain = 0;
  std::uint32_t port = 0;
  std::uint32_t from_value = 0;
  std::uint32_t to_value = 0;
  /// Of refused and told: the numbers of its sentence; facts.h has the sentences. Of a frame, a slot and a
  /// quirk: see number_of().
  Values values = {};
  std::uint8_t reserved[12] = {};
  ring::ControlMessage message;  ///< of refused and told: its payload is the argument of the sentence
};

static_assert(sizeof(Entry) == 128);
static_assert(offsetof(Entry, message) == 64);

// The subject of an entry of that kind.
[[nodiscard]] inline Counter counter_of(const Entry& entry) {
  return static_cast<Counter>(entry.detail);
}
[[nodiscard]] inline Refusal refusal_of(const Entry& entry) {
  return static_cast<Refusal>(entry.detail);
}
[[nodiscard]] inline Quirk quirk_of(const Entry& entry) {
  return static_cast<Quirk>(entry.detail);
}
[[nodiscard]] inline Fact fact_of(const Entry& entry) {
  return static_cast<Fact>(entry.detail);
}
[[nodiscard]] inline bool is(const Entry& entry, Counter counter) {
  return entry.kind == Kind::counted && counter_of(entry) == counter;
}
[[nodiscard]] inline bool is(const Entry& entry, Refusal refusal) {
  return entry.kind == Kind::refused && refusal_of(entry) == refusal;
}
[[nodiscard]] inline bool is(const Entry& entry, Quirk quirk) {
  return entry.kind == Kind::quirk && quirk_of(entry) == quirk;
}
[[nodiscard]] inline bool is(const Entry& entry, Fact fact) {
  return entry.kind == Kind::told && fact_of(entry) == fact;
}

/// The number of the message that a frame or a slot carries, or that a quirk affects. Upwards it is the index
/// of the request, downwards its tag. A program that does not know XCS_NUMBERS, or writes to the page itself,
/// gives none.
[[nodiscard]] inline std::optional<std::uint32_t> number_of(const Entry& entry) {
  return entry.values[1] != 0 ? std::optional(entry.values[0]) : std::nullopt;
}
inline void set_number(Entry& entry, std::optional<std::uint32_t> number) {
  entry.values = {number.value_or(0), number ? 1u : 0u};
}

/// Makes `text` the payload of the entry's message, truncated to 60 bytes.
inline void set_text(Entry& entry, std::string_view text) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  entry.message = ring::make_message(0, 0, 0, {bytes, text.size()});
}

/// The byte ring of an entry of the four kinds about them.
[[nodiscard]] inline ByteRing byte_ring_of(const Entry& entry) {
  const bool of_index = entry.kind == Kind::byte_index_moved || entry.kind == Kind::byte_index_found;
  return of_index ? ring_of(static_cast<ByteIndex>(entry.detail)) : static_cast<ByteRing>(entry.detail);
}

/// The payload of the entry's message as text. Valid as long as the entry.
[[nodiscard]] inline std::string_view text_of(const Entry& entry) {
  const auto bytes = entry.message.payload();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The destination of entries. One per process (or one per simulation).
class Sink {
 public:
  virtual ~Sink() = default;

  /// Asked before an entry is built: without listeners, this load and branch is the whole cost of a journal.
  [[nodiscard]] bool listening() const { return ring::NativeMemory::load(listeners_) != 0; }

  /// Stamps and keeps the entry. Loses nothing while there are listeners; may wait for a slow listener.
  virtual void write(Entry& entry) = 0;
  /// The clock that stamps the entries.
  [[nodiscard]] virtual std::uint64_t now_ns() const = 0;
  /// Called before an action that another process may report before this one does: until withdraw(),
  /// listeners get no entry of a later time. Returns the time. Each announce() needs a withdraw().
  [[nodiscard]] virtual std::uint64_t announce() { return now_ns(); }
  virtual void withdraw() {}

 protected:
  /// `listeners` is not 0 while there are listeners; it must outlive the sink.
  explicit Sink(const std::uint32_t* listeners) : listeners_(listeners) {}
  void set_listeners(const std::uint32_t* listeners) { listeners_ = listeners; }

 private:
  const std::uint32_t* listeners_;
};

/// A sink that never has listeners.
class NullSink final : public Sink {
 public:
  NullSink() : Sink(&none_) {}
  void write(Entry&) override {}
  [[nodiscard]] std::uint64_t now_ns() const override { return 0; }

 private:
  static constexpr std::uint32_t none_ = 0;
};

}  // namespace ringside::trace
