// What acts and patterns are made of: actors, places and contents.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "emu/script/source.h"
#include "emu/trace/event.h"
#include "ring/layout.h"

namespace ringside::script {

using Duration = std::chrono::nanoseconds;

// -- actors and places

/// An actor, or the subject of an expectation. Domains are numbered. Users and clients may have names.
struct Actor {
  trace::Role role = trace::Role::xen;
  std::uint32_t domain = 0;  ///< role domain: its id
  std::string name;          ///< roles user and client: "anna" of user[anna]; empty: the one without a name
  Span span;

  friend bool operator==(const Actor& one, const Actor& other) {
    return one.role == other.role && one.domain == other.domain && one.name == other.name;
  }
};

/// "dom1", "xcs", "user[anna]": as a scenario spells it.
[[nodiscard]] std::string spelled(const Actor& actor);

/// A ring of a domain. Those of 2005 hold messages, today's hold bytes.
enum class RingName : std::uint8_t { tx, rx, in, out };
/// An index of a ring. Those of messages are in the order of trace::IndexName, then come those of bytes in
/// the order of trace::ByteIndex.
enum class RingIndex : std::uint8_t {
  req_prod,
  req_cons,
  rsp_prod,
  rsp_cons,
  in_cons,
  in_prod,
  out_cons,
  out_prod
};
inline constexpr std::size_t ring_indices = 8;

[[nodiscard]] constexpr bool holds_bytes(RingName ring) {
  return ring >= RingName::in;
}
[[nodiscard]] constexpr RingName name_of(ring::Ring ring) {
  return ring == ring::Ring::tx ? RingName::tx : RingName::rx;
}
[[nodiscard]] constexpr RingName name_of(trace::ByteRing ring) {
  return ring == trace::ByteRing::in ? RingName::in : RingName::out;
}
[[nodiscard]] constexpr RingIndex name_of(trace::IndexName index) {
  return static_cast<RingIndex>(index);
}
[[nodiscard]] constexpr RingIndex name_of(trace::ByteIndex index) {
  return static_cast<RingIndex>(static_cast<std::size_t>(RingIndex::in_cons) +
                                static_cast<std::size_t>(index));
}
static_assert(name_of(trace::IndexName::rsp_cons) == RingIndex::rsp_cons);
static_assert(name_of(trace::ByteIndex::out_prod) == RingIndex::out_prod);
/// Back again. The ring must hold messages, or bytes, and the index be one of such a ring.
[[nodiscard]] constexpr ring::Ring message_ring(RingName ring) {
  return ring == RingName::tx ? ring::Ring::tx : ring::Ring::rx;
}
[[nodiscard]] constexpr trace::IndexName message_index(RingIndex index) {
  return static_cast<trace::IndexName>(index);
}
[[nodiscard]] constexpr trace::ByteIndex byte_index(RingIndex index) {
  return static_cast<trace::ByteIndex>(static_cast<std::size_t>(index) -
                                       static_cast<std::size_t>(RingIndex::in_cons));
}

[[nodiscard]] std::string_view spelled(RingName ring);
[[nodiscard]] std::string_view spelled(RingIndex index);
/// How many messages or bytes it holds.
[[nodiscard]] std::uint32_t size_of(RingName ring);
/// The indices of such a ring. The first is its producer's, and no other index is ahead of it.
[[nodiscard]] std::span<const RingIndex> indices_of(RingName ring);
/// Who writes into a ring of bytes.
[[nodiscard]] trace::Role writer_of(RingName ring);
/// Who moves an index of a ring of bytes.
[[nodiscard]] trace::Role mover_of(RingIndex index);

/// A place where bytes become visible.
struct Place {
  enum class Kind : std::uint8_t {
    domain,  ///< what the program in a domain reads, or the program on dom0's console
    user,    ///< what a console client shows
    uart,    ///< what the machine sends on the serial line
    pty,     ///< xenctld's; `name` is from `as`, or empty for the only one
    ring,    ///< what is written into a ring of bytes
  };
  Kind kind = Kind::user;
  Actor actor;  ///< of kinds domain, user and ring
  std::string name;
  Span span;
  RingName ring = RingName::out;  ///< of kind ring
};

struct RingRef {
  std::uint32_t domain = 0;
  RingName ring = RingName::tx;
  Span span;
};

// -- contents

/// Bytes, or a pattern of bytes. `N bytes of "abc"` is not expanded, since it may be a MiB.
struct Payload {
  enum class Kind : std::uint8_t {
    exact,   ///< `repeated_bytes` bytes: the unit, repeated or cut
    prefix,  ///< begins with `unit`; never in acts
    regex,   ///< `unit` is an Expression that compiles; never in acts
  };
  Kind kind = Kind::exact;
  std::string unit;
  std::uint64_t repeated_bytes = 0;
  Span span;

  /// The length of an exact payload.
  [[nodiscard]] std::uint64_t size() const { return repeated_bytes; }
  /// Byte `at` of an exact payload, at < size().
  [[nodiscard]] char at(std::uint64_t at) const { return unit[at % unit.size()]; }
  /// All bytes of an exact payload.
  [[nodiscard]] std::string bytes() const;
};

/// A control message to write, or a pattern of one. A pattern ignores fields without a value. In an act the
/// length is then the payload's, and other fields are 0.
struct Message {
  bool response = false;
  std::uint8_t type = 0;
  std::optional<std::uint8_t> subtype;
  std::optional<std::uint8_t> id;
  std::optional<std::uint8_t> length_min;  ///< both or neither; equal in an act
  std::optional<std::uint8_t> length_max;
  std::optional<Payload> payload;
  std::optional<Payload> behind;  ///< the slot's contents after its length (in an act: after the payload)
  Span span;
};

enum class Compare : std::uint8_t { equal, unequal, less, at_most, more, at_least };
[[nodiscard]] bool holds(std::uint64_t value, Compare compare, std::uint64_t number);
/// "is", ">=": as a scenario spells it.
[[nodiscard]] std::string_view spelled(Compare compare);

}  // namespace ringside::script
