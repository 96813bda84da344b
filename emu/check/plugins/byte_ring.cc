// The byte rings of today's console: the guest's end, ByteFront, and xenconsoled's, ByteBack, unchanged.
// These are scenarios, because a byte is no message: the bytes are the payload, so that two accesses to one
// byte that nothing orders are a race.
//
// The page has a frame for each place where rings may begin. What a byte holds depends on its position in the
// stream only, so that an old byte is always a wrong one.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "emu/check/include/ringside/ring_check.h"
#include "ring/byte_ring.h"

namespace {

using namespace ringside::ring;

constexpr Index out_bytes = sizeof ByteRings::out;
constexpr Index in_bytes = sizeof ByteRings::in;

enum Start : std::uint32_t {
  array_end,     ///< empty; the next byte is the last of the array
  index_end,     ///< empty; the next byte is also the last before the index is 0 again
  room_for_one,  ///< one byte less than full
};
constexpr std::uint32_t starts = 3;

std::byte* frame_of(void* page, Start start) {
  return static_cast<std::byte*>(page) + start * frame_bytes;
}

std::uint8_t text_at(Index position) {
  return static_cast<std::uint8_t>(position % 251 + 1);
}

void begin(ByteRings& rings, Index out_cons, Index out_waiting, Index in_cons, Index in_waiting) {
  rings.out_cons = rings.out_prod = out_cons;
  rings.in_cons = rings.in_prod = in_cons;
  for (Index i = 0; i < out_waiting; ++i, ++rings.out_prod)
    rings.out[rings.out_prod % out_bytes] = text_at(rings.out_prod);
  for (Index i = 0; i < in_waiting; ++i, ++rings.in_prod)
    rings.in[rings.in_prod % in_bytes] = text_at(rings.in_prod);
}

void init(void* page, std::uint32_t) {
  begin(*byte_rings(frame_of(page, array_end)), out_bytes - 1, 0, in_bytes - 1, 0);
  begin(*byte_rings(frame_of(page, index_end)), 0xffffffff, 0, 0xffffffff, 0);
  begin(*byte_rings(frame_of(page, room_for_one)), 7, out_bytes - 1, 7, in_bytes - 1);
}

class Guest {
 public:
  Guest(void* page, Start start)
      : front_(frame_of(page, start)),
        puts_(NativeMemory::load(&byte_rings(frame_of(page, start))->out_prod)),
        gets_(NativeMemory::load(&byte_rings(frame_of(page, start))->in_cons)) {}

  /// Writes at most so many bytes. Returns the number for which there was room.
  std::size_t put(std::size_t most) {
    const auto room = front_.room();
    ring_check_assert(room.has_value());
    std::uint8_t bytes[2];
    const std::size_t count = std::min(*room, most);
    for (std::size_t i = 0; i < count; ++i) bytes[i] = text_at(puts_++);
    if (count != 0) front_.write({bytes, count});
    return count;
  }
  /// Takes at most so many bytes.
  void get(std::size_t most) {
    std::uint8_t bytes[2];
    const std::size_t count = front_.look({bytes, most});
    for (std::size_t i = 0; i < count; ++i) ring_check_assert(bytes[i] == text_at(gets_++));
    if (count != 0) front_.take(count);
  }
  [[nodiscard]] bool all_taken() { return front_.room() == out_bytes; }

 private:
  ByteFront<> front_;
  Index puts_;
  Index gets_;
};

class Daemon {
 public:
  Daemon(void* page, Start start)
      : back_(frame_of(page, start)),
        puts_(NativeMemory::load(&byte_rings(frame_of(page, start))->in_prod)) {}

  Index get(Index most) {
    std::uint8_t bytes[2];
    const auto [first, count] = back_.take_output({bytes, most});
    for (Index i = 0; i < count; ++i) ring_check_assert(bytes[i] == text_at(first + i));
    return count;
  }
  Index put(Index most) {
    const Index count = std::min(static_cast<Index>(back_.input_room()), most);
    if (count == 0) return 0;
    std::uint8_t bytes[2];
    for (Index i = 0; i < count; ++i) bytes[i] = text_at(puts_ + i);
    puts_ += back_.put_input({bytes, count}).bytes;
    return count;
  }

 private:
  ByteBack<> back_;
  Index puts_;
};

void nothing_else_is_written(const std::byte* frame) {
  for (std::size_t at = sizeof(ByteRings); at < frame_bytes; ++at)
    ring_check_assert(frame[at] == std::byte{0});
}

/// What waits is the text.
template <Start start>
void all_is_in_place(void* page) {
  const ByteRings& rings = *byte_rings(frame_of(page, start));
  ring_check_assert(rings.out_prod - rings.out_cons <= out_bytes);
  ring_check_assert(rings.in_prod - rings.in_cons <= in_bytes);
  for (Index at = rings.out_cons; at != rings.out_prod; ++at)
    ring_check_assert(rings.out[at % out_bytes] == text_at(at));
  for (Index at = rings.in_cons; at != rings.in_prod; ++at)
    ring_check_assert(rings.in[at % in_bytes] == text_at(at));
  nothing_else_is_written(frame_of(page, start));
}

// -- bytes in one direction, and in both

template <Start start>
void guest_output(void* page) {
  Guest guest(page, start);
  guest.put(2);
  guest.put(1);
}
template <Start start>
void daemon_output(void* page) {
  Daemon daemon(page, start);
  daemon.get(2);
  daemon.get(1);
}
template <Start start>
void guest_input(void* page) {
  Guest guest(page, start);
  guest.get(2);
  guest.get(1);
}
template <Start start>
void daemon_input(void* page) {
  Daemon daemon(page, start);
  daemon.put(2);
  daemon.put(1);
}
void guest_both(void* page) {
  Guest guest(page, index_end);
  guest.put(1);
  guest.get(1);
  guest.put(1);
}
void daemon_both(void* page) {
  Daemon daemon(page, index_end);
  daemon.get(1);
  daemon.put(1);
  daemon.get(1);
}

// -- ends that sleep: an event comes after an index has moved, and is taken before the end looks at the ring

void guest_waits_until_all_is_taken(void* page) {
  Guest guest(page, index_end);
  for (int i = 0; i < 2; ++i) {
    guest.put(1);
    ring_check_notify(RING_CHECK_BACK);
  }
  while (!guest.all_taken()) ring_check_wait(RING_CHECK_FRONT);
}
void daemon_takes_when_woken(void* page) {
  Daemon daemon(page, index_end);
  for (Index taken = 0; taken < 2;) {
    ring_check_wait(RING_CHECK_BACK);
    taken += daemon.get(2);
    ring_check_notify(RING_CHECK_FRONT);
  }
}
void guest_waits_for_room(void* page) {
  Guest guest(page, room_for_one);
  for (int i = 0; i < 2; ++i) {
    while (guest.put(1) == 0) ring_check_wait(RING_CHECK_FRONT);
    ring_check_notify(RING_CHECK_BACK);
  }
}
void daemon_makes_room_when_woken(void* page) {
  Daemon daemon(page, room_for_one);
  ring_check_wait(RING_CHECK_BACK);
  daemon.get(1);
  ring_check_notify(RING_CHECK_FRONT);
}
void guest_makes_room_when_woken(void* page) {
  Guest guest(page, room_for_one);
  ring_check_wait(RING_CHECK_FRONT);
  guest.get(1);
  ring_check_notify(RING_CHECK_BACK);
}
void daemon_waits_for_room(void* page) {
  Daemon daemon(page, room_for_one);
  for (int i = 0; i < 2; ++i) {
    while (daemon.put(1) == 0) ring_check_wait(RING_CHECK_BACK);
    ring_check_notify(RING_CHECK_FRONT);
  }
}

// -- a daemon that writes any index at any moment

/// The distance of an index from the guest's own: a full ring, one byte more, a byte that does not exist yet,
/// and the farthest.
Index hostile_distance(Index ring_bytes) {
  const Index distances[] = {ring_bytes, ring_bytes + 1, 0xffffffff, 0x80000000};
  return distances[ring_check_choose(4, "how far the index is from the guest's")];
}
void hostile_daemon(void* page) {
  ByteRings& rings = *byte_rings(frame_of(page, array_end));
  NativeMemory::store(&rings.out_cons, out_bytes - 1 - hostile_distance(out_bytes));
  NativeMemory::store(&rings.in_prod, in_bytes - 1 + hostile_distance(in_bytes));
}
void guest_trusts_nothing(void* page) {
  ByteFront<> front(frame_of(page, array_end));
  for (int i = 0; i < 2; ++i) {
    const std::size_t room = front.room().value_or(0);
    ring_check_assert(room <= out_bytes);
    const std::uint8_t byte = 1;
    if (room != 0) front.write({&byte, 1});
    ring_check_assert(front.input_bytes().value_or(0) <= in_bytes);
    std::uint8_t bytes[3] = {0, 0, 0xff};
    const std::size_t count = front.look({bytes, 2});
    ring_check_assert(count <= 2 && bytes[2] == 0xff);
    front.take(count);
  }
}
void only_its_places_are_written(void* page) {
  const ByteRings& rings = *byte_rings(frame_of(page, array_end));
  const Index written = rings.out_prod - (out_bytes - 1);
  ring_check_assert(written <= 2 && rings.in_cons - (in_bytes - 1) <= 4);
  for (Index i = 0; i < out_bytes; ++i)
    ring_check_assert(rings.out[(out_bytes - 1 + i) % out_bytes] == (i < written ? 1 : 0));
  for (const std::uint8_t byte : rings.in) ring_check_assert(byte == 0);
  nothing_else_is_written(frame_of(page, array_end));
}

// -- a guest that writes any index at any moment

void hostile_guest(void* page) {
  ByteRings& rings = *byte_rings(frame_of(page, array_end));
  NativeMemory::store(&rings.out_prod, out_bytes - 1 + hostile_distance(out_bytes));
  NativeMemory::store(&rings.in_cons, in_bytes - 1 - hostile_distance(in_bytes));
}
void daemon_trusts_nothing(void* page) {
  ByteBack<> back(frame_of(page, array_end));
  for (int i = 0; i < 2; ++i) {
    std::uint8_t bytes[3] = {0, 0, 0xff};
    ring_check_assert(back.take_output({bytes, 2}).bytes <= 2 && bytes[2] == 0xff);
    const std::size_t room = back.input_room();
    ring_check_assert(room <= in_bytes);
    const std::uint8_t byte = 1;
    if (room != 0) back.put_input({&byte, 1});
  }
}
void only_its_input_is_written(void* page) {
  const ByteRings& rings = *byte_rings(frame_of(page, array_end));
  const Index written = rings.in_prod - (in_bytes - 1);
  ring_check_assert(written <= 2 && rings.out_cons - (out_bytes - 1) <= 4);
  for (Index i = 0; i < in_bytes; ++i)
    ring_check_assert(rings.in[(in_bytes - 1 + i) % in_bytes] == (i < written ? 1 : 0));
  for (const std::uint8_t byte : rings.out) ring_check_assert(byte == 0);
  nothing_else_is_written(frame_of(page, array_end));
}

// -- the table

#define WORD(start, name, writer)                                                                          \
  {                                                                                                        \
#name " of " #start, static_cast < std::uint32_t>(start * frame_bytes + offsetof(ByteRings, name)), 4, \
        RING_CHECK_FLAG, writer                                                                            \
  }
#define WORDS(start)                                                             \
  WORD(start, in_cons, RING_CHECK_FRONT), WORD(start, in_prod, RING_CHECK_BACK), \
      WORD(start, out_cons, RING_CHECK_BACK), WORD(start, out_prod, RING_CHECK_FRONT)

constexpr ring_check_word words[] = {WORDS(array_end), WORDS(index_end), WORDS(room_for_one)};

#define SCENARIO(name, guest, daemon, check) \
  { name, 2, {"guest", "daemon"}, {guest, daemon}, check }
#define DIRECTION(name, direction, start) \
  SCENARIO(name, guest_##direction<start>, daemon_##direction<start>, all_is_in_place<start>)

constexpr ring_check_scenario scenarios[] = {
    DIRECTION("output over the end of the array", output, array_end),
    DIRECTION("output over the end of the index", output, index_end),
    DIRECTION("output with room for one byte", output, room_for_one),
    DIRECTION("input over the end of the array", input, array_end),
    DIRECTION("input over the end of the index", input, index_end),
    DIRECTION("input with room for one byte", input, room_for_one),
    SCENARIO("both directions", guest_both, daemon_both, all_is_in_place<index_end>),
    SCENARIO("a guest that waits until all is taken", guest_waits_until_all_is_taken, daemon_takes_when_woken,
             all_is_in_place<index_end>),
    SCENARIO("a guest that waits for room", guest_waits_for_room, daemon_makes_room_when_woken,
             all_is_in_place<room_for_one>),
    SCENARIO("a daemon that waits for room", guest_makes_room_when_woken, daemon_waits_for_room,
             all_is_in_place<room_for_one>),
    SCENARIO("a hostile daemon", guest_trusts_nothing, hostile_daemon, only_its_places_are_written),
    SCENARIO("a hostile guest", hostile_guest, daemon_trusts_nothing, only_its_input_is_written),
};

const ring_check_ring table = [] {
  ring_check_ring ring{};
  ring.abi = RING_CHECK_ABI;
  ring.name = "ringside's byte rings";
  ring.page_bytes = starts * frame_bytes;
  ring.slots = out_bytes;
  ring.words = words;
  ring.word_count = sizeof words / sizeof *words;
  ring.init = init;
  ring.scenarios = scenarios;
  ring.scenario_count = sizeof scenarios / sizeof *scenarios;
  return ring;
}();

}  // namespace

const ring_check_ring* ring_check_plugin() {
  return &table;
}
