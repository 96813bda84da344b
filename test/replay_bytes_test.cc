// Replays a journal of a guest of today: its byte rings after each step, and the places of the bytes.
#include "emu/trace/lines.h"
#include "test/catch.h"
#include "test/played.h"
#include "test/ring_page.h"

namespace replay_bytes_test {

using namespace ringside;
using namespace ringside::trace;
using ringside::test::bytes_of;
using ringside::test::Played;
using ringside::test::text_message;

namespace {

constexpr Actor dom1 = actor(Role::domain, 1);
constexpr FlowPlace in_ring{.ring = FlowRing::bytes, .domain = 1};
constexpr FlowPlace out_ring{.ring = FlowRing::bytes, .domain = 1, .down = false};
constexpr Actor xenconsoled = actor(Role::xenconsoled);
constexpr FlowPlace pty{.role = Role::xenconsoled, .domain = 1};
constexpr FlowPlace kept{.role = Role::xenconsoled, .domain = 1, .down = false};
constexpr Actor tty1 = actor(Role::tty, 1);

/// A guest of today that has just attached to its rings.
struct PlayedToday : Played {
  explicit PlayedToday(std::uint32_t in = 0, std::uint32_t out = 0) : in_cons(in), out_prod(out) {
    as(dom1).told(1, Fact::byte_rings, {in, in, out, out});
  }
  /// A program prints, and its guest passes it on.
  void prints(std::string_view text) {
    as(tty1).bytes_passed(1, dom1, bytes_of(text));
    as(dom1).bytes_written(1, ByteRing::out, out_prod, bytes_of(text));
    const std::uint32_t before = out_prod;
    out_prod += static_cast<std::uint32_t>(text.size());
    as(dom1).byte_index_moved(1, ByteIndex::out_prod, before, out_prod);
  }
  void finds_typed(std::string_view text) {
    as(dom1).byte_index_found(1, ByteIndex::in_prod, in_cons,
                              in_cons + static_cast<std::uint32_t>(text.size()));
    CHECK(waiting(ByteRing::in).empty());  // the bytes are not known yet
    as(dom1).bytes_found(1, ByteRing::in, in_cons, bytes_of(text));
  }
  void takes(std::string_view text) {
    as(dom1).bytes_passed(1, tty1, bytes_of(text));
    const std::uint32_t before = in_cons;
    in_cons += static_cast<std::uint32_t>(text.size());
    as(dom1).byte_index_moved(1, ByteIndex::in_cons, before, in_cons);
  }
  [[nodiscard]] const ReplayedByteRing& out() const { return replay.byte_ring(1, ByteRing::out); }
  [[nodiscard]] std::string waiting(ByteRing which) const {
    const auto bytes = replay.byte_ring(1, which).waiting_bytes(which);
    return {bytes.begin(), bytes.end()};
  }
  [[nodiscard]] FlowTotals printed() const { return flow.totals(1, false); }
  [[nodiscard]] FlowTotals typed() const { return flow.totals(1, true); }

  std::uint32_t in_cons;
  std::uint32_t out_prod;
};

}  // namespace

TEST_CASE("a byte ring has the bytes between its indices, also where the ring and the indices wrap") {
  PlayedToday played(0, 0xffff'fffc);
  CHECK(played.replay.is_today(1));
  CHECK((played.out().prod_known && played.out().cons_known));
  played.prints("hello");
  CHECK(played.waiting(ByteRing::out) == "hello");
  CHECK(played.out().prod == 1);
  CHECK(ring_text(ByteRing::out, played.out()) == "out #......# 5");
  played.as(dom1).byte_index_found(1, ByteIndex::out_cons, 0xffff'fffc, 0);
  CHECK(played.waiting(ByteRing::out) == "o");
  CHECK(byte_bar(ByteRing::out, played.out(), 4) == "#...");
  played.finds_typed("xy");
  CHECK(played.waiting(ByteRing::in) == "xy");
  played.takes("x");
  CHECK(played.waiting(ByteRing::in) == "y");
}

TEST_CASE("bytes do not wait before their index has moved, and an impossible index lets none wait") {
  PlayedToday played;
  played.as(dom1).bytes_written(1, ByteRing::out, 0, bytes_of("abc"));
  CHECK(played.out().waiting(ByteRing::out) == 0);
  played.as(dom1).byte_index_moved(1, ByteIndex::out_prod, 0, 3);
  CHECK(played.out().waiting(ByteRing::out) == 3);
  played.as(dom1).byte_index_found(1, ByteIndex::out_cons, 0, 4);
  CHECK_FALSE(played.out().waiting(ByteRing::out));
  CHECK(played.waiting(ByteRing::out).empty());
  CHECK(ring_text(ByteRing::out, played.out()) == "out ........ ?!");
  CHECK(played.flow.level(out_ring) == 3);
  played.as(dom1).byte_index_found(1, ByteIndex::out_cons, 4, 1);
  CHECK(played.waiting(ByteRing::out) == "bc");
  CHECK(played.flow.level(out_ring) == 2);
}

TEST_CASE("a domain of today has no control rings, and a new domain of its number has no byte rings") {
  Played played;
  const Journal xen = played.as(actor(Role::xen));
  Journal(xen).told(1, Fact::created);
  CHECK(played.replay.rings().size() == 2);
  CHECK_FALSE(played.replay.is_today(1));
  played.as(dom1).told(1, Fact::byte_rings);
  CHECK(played.replay.rings().empty());
  CHECK(played.replay.byte_rings().size() == 2);
  Journal(xen).told(1, Fact::created);
  CHECK(played.replay.rings().size() == 2);
  CHECK_FALSE(played.replay.is_today(1));
}

TEST_CASE("a journal that begins in a running machine starts with the bytes that wait in its frames") {
  JournalHeader header;
  header.domains = {{1, ring::Abi::sring, "new"}};
  auto& [in, out] = header.domains.front().byte_rings.emplace();
  in = {.prod = 9, .cons = 7, .bytes = {'h', 'i'}};
  out = {.prod = 2050, .cons = 2046, .bytes = {'p', 'a', 's', 't'}};
  Played played;
  played.replay.begin(header);
  played.flow.begin(header);
  CHECK(ring_text(ByteRing::out, played.replay.byte_ring(1, ByteRing::out)) == "out #......# 4");
  CHECK(played.flow.level(in_ring) == 2);
  CHECK(played.flow.totals(1, false).said == 4);
  // Entries from before the header's time tell what it has already.
  played.as(dom1).bytes_written(1, ByteRing::out, 2047, bytes_of("ast"));
  played.as(dom1).bytes_found(1, ByteRing::in, 7, bytes_of("hi!"));
  CHECK(played.flow.level(out_ring) == 4);
  CHECK(played.flow.level(in_ring) == 3);
  played.as(dom1).byte_index_found(1, ByteIndex::out_cons, 2046, 2049);
  CHECK(played.flow.level(out_ring) == 1);
  CHECK(played.flow.totals(1, false).unseen == 3);
  CHECK(played.flow.imbalances().empty());
}

TEST_CASE("printed bytes are in out until the guest finds that they were taken; then their fate is unknown") {
  PlayedToday played;
  played.prints("hello");
  CHECK(played.printed().said == 5);
  CHECK(played.flow.level(out_ring) == 5);
  CHECK(played.printed().unseen == 0);
  played.as(dom1).byte_index_found(1, ByteIndex::out_cons, 0, 3);
  REQUIRE(played.did.bytes.size() == 1);
  CHECK(played.did.bytes.front().count == 3);
  CHECK(played.flow.level(out_ring) == 2);
  CHECK(played.printed().unseen == 3);
  CHECK(played.flow.imbalances().empty());
}

TEST_CASE("ringside's own viewer shows bytes that the guest has found taken, and those that it has not") {
  PlayedToday played;
  played.prints("hello");
  const std::uint64_t first = played.did.bytes.empty() ? 1 : played.did.bytes.front().first;
  played.as(dom1).byte_index_found(1, ByteIndex::out_cons, 0, 3);
  played.as(actor(Role::client)).bytes_passed(1, actor(Role::user), bytes_of("hell"));
  REQUIRE(!played.did.bytes.empty());
  CHECK(played.did.bytes.front().first == first);
  CHECK(played.printed().delivered == 4);
  CHECK(played.printed().unseen == 0);
  CHECK(played.flow.level(out_ring) == 1);
  played.as(dom1).byte_index_found(1, ByteIndex::out_cons, 3, 5);
  CHECK(played.printed().unseen == 1);
  CHECK(played.printed().appeared == 0);
  CHECK(played.flow.imbalances().empty());
}

TEST_CASE(
    "typed bytes are in xenconsoled, in the ring, in the terminal; those of other viewers begin in the "
    "ring") {
  PlayedToday played;
  played.as(actor(Role::client)).bytes_passed(1, xenconsoled, bytes_of("ab"));
  played.as(actor(Role::user)).bytes_passed(1, xenconsoled, bytes_of("c"));
  CHECK(played.flow.level(pty) == 3);
  const std::uint64_t first = played.did.bytes.front().first - 2;
  played.finds_typed("abcXY");
  CHECK(played.did.bytes.front().first == first);
  CHECK(played.flow.level(pty) == 0);
  CHECK(played.flow.level(in_ring) == 5);
  CHECK(played.typed().said == 5);
  CHECK(played.typed().appeared == 0);
  played.takes("abc");
  CHECK(played.typed().delivered == 3);
  CHECK(played.flow.level(in_ring) == 2);
  CHECK(played.flow.level({.role = Role::domain, .domain = 1}) == 0);
  CHECK(played.flow.imbalances().empty());
}

TEST_CASE("through a xenconsoled that reports, bytes keep their numbers, and none are unknown") {
  PlayedToday played;
  played.as(xenconsoled).told(1, Fact::pty_made);
  played.prints("hello");
  const std::uint64_t first = played.did.bytes.empty() ? 1 : played.did.bytes.front().first;
  played.as(xenconsoled).byte_index_moved(1, ByteIndex::out_cons, 0, 5);
  CHECK(played.flow.level(kept) == 5);
  CHECK(played.did.bytes.front().first == first);
  played.as(dom1).byte_index_found(1, ByteIndex::out_cons, 0, 5);
  CHECK(played.did.bytes.empty());
  played.as(xenconsoled).bytes_passed(1, actor(Role::client), bytes_of("hello"));
  played.as(actor(Role::client)).bytes_passed(1, actor(Role::user), bytes_of("hello"));
  CHECK(played.did.bytes.front().first == first);
  CHECK(played.printed().delivered == 5);
  CHECK(played.printed().unseen == 0);
  played.as(actor(Role::user)).bytes_passed(1, xenconsoled, bytes_of("key"));
  CHECK(played.flow.level(pty) == 3);
  played.as(xenconsoled).bytes_written(1, ByteRing::in, 0, bytes_of("key"));
  played.as(xenconsoled).byte_index_moved(1, ByteIndex::in_prod, 0, 3);
  CHECK(played.flow.level(in_ring) == 3);
  CHECK(played.waiting(ByteRing::in) == "key");
  played.as(dom1).byte_index_found(1, ByteIndex::in_prod, 0, 3);
  played.as(dom1).bytes_found(1, ByteRing::in, 0, bytes_of("key"));
  CHECK(played.flow.level(in_ring) == 3);
  played.takes("key");
  CHECK(played.typed().delivered == 3);
  CHECK(played.typed().said == 3);
  CHECK(played.flow.imbalances().empty());
}

TEST_CASE("what a xenconsoled discards is in the middle of its output; what a killed one had is lost") {
  PlayedToday played;
  played.as(xenconsoled).told(1, Fact::pty_made);
  played.prints("abcdefghij");
  const std::uint64_t first = played.did.bytes.empty() ? 1 : played.did.bytes.front().first;
  played.as(xenconsoled).byte_index_moved(1, ByteIndex::out_cons, 0, 10);
  played.as(xenconsoled).told(1, Fact::middle_discarded, {3, 4});
  CHECK(played.did.lost);
  CHECK(played.did.bytes == std::vector<ByteRange>{{first + 3, 4}});
  played.as(xenconsoled).counted(1, Counter::console_bytes_discarded, 0, 4);
  CHECK(played.printed().lost(Loss::discarded) == 4);
  CHECK(played.flow.level(kept) == 6);
  played.as(xenconsoled).bytes_passed(1, actor(Role::client), bytes_of("abch"));
  CHECK(played.did.bytes == std::vector<ByteRange>{{first, 3}, {first + 7, 1}});
  played.as(xenconsoled).told(1, Fact::pty_made);  // of the next one
  CHECK(played.printed().lost(Loss::with_daemon) == 2);
  CHECK(played.printed().lost(Loss::with_viewer) == 4);
  CHECK(played.flow.imbalances().empty());
}

TEST_CASE("what was typed before a guest of today has attached to its rings is there once") {
  Played played;
  played.as(xenconsoled).told(1, Fact::pty_made);
  played.as(actor(Role::user)).bytes_passed(1, xenconsoled, bytes_of("early"));
  played.as(xenconsoled).bytes_written(1, ByteRing::in, 0, bytes_of("early"));
  played.as(xenconsoled).byte_index_moved(1, ByteIndex::in_prod, 0, 5);
  played.as(dom1).told(1, Fact::byte_rings, {0, 5, 0, 0});
  played.as(dom1).bytes_found(1, ByteRing::in, 0, bytes_of("early"));
  CHECK(played.flow.level(in_ring) == 5);
  played.as(dom1).bytes_passed(1, tty1, bytes_of("early"));
  played.as(dom1).byte_index_moved(1, ByteIndex::in_cons, 0, 5);
  CHECK(played.flow.level(in_ring) == 0);
  CHECK(played.flow.imbalances().empty());
}

TEST_CASE("input that a guest of today drops is lost, and what waits at its end, too") {
  PlayedToday played;
  played.finds_typed("late");
  played.as(dom1).byte_index_moved(1, ByteIndex::in_cons, 0, 3);
  played.as(dom1).counted(1, Counter::input_bytes_dropped, 0, 3);
  CHECK(played.typed().lost(Loss::dropped) == 3);
  played.prints("word");
  played.as(actor(Role::xen)).told(1, Fact::destroyed);
  CHECK(played.typed().lost(Loss::ended) == 1);
  CHECK(played.printed().lost() == 0);
  CHECK(played.printed().unseen == 4);
  CHECK(played.flow.level(out_ring) == 0);
  CHECK(played.flow.imbalances().empty());
}

TEST_CASE("impossible entries about byte rings move no byte that is not there") {
  PlayedToday played;
  played.prints("abc");
  for (const std::uint32_t value : {4u, 0xffff'ffffu, 0x8000'0000u, 5000u}) {
    played.as(dom1).byte_index_found(1, ByteIndex::out_cons, 0, value);
    played.as(dom1).byte_index_moved(1, ByteIndex::in_cons, 0, value);
  }
  CHECK(played.flow.level(out_ring) == 3);
  CHECK(played.printed().unseen == 0);
  CHECK(played.typed().said == 0);
}

TEST_CASE("a line of the table shows the byte ring after the step") {
  PlayedToday played(0, 2046);
  played.prints("hello");
  Entry entry;
  entry.kind = Kind::byte_index_moved;
  entry.detail = static_cast<std::uint8_t>(ByteIndex::out_prod);
  entry.actor = dom1;
  entry.domain = 1;
  entry.from_value = 2046;
  entry.to_value = 2051;
  CHECK(table_line(9, entry, 0, played.replay) ==
        "      0.000      9   dom1 -> dom1.out     out #......# 5   out_prod 2046 -> 2051 (byte 3) 5 bytes");
  entry.kind = Kind::bytes_found;
  entry.detail = static_cast<std::uint8_t>(ByteRing::in);
  entry.message = text_message("q");
  CHECK(table_line(10, entry, 0, played.replay) ==
        R"(      0.000     10   dom1 <- dom1.in      in ........ 0    at 2046 (byte 1022) len 1 "q")");
}

}  // namespace replay_bytes_test
