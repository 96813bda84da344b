// Replays a journal: slots, indices and event bits after each step, and the places of the bytes.
#include "emu/trace/replay.h"

#include "emu/trace/lines.h"
#include "emu/trace/text.h"
#include "test/catch.h"
#include "test/played.h"
#include "test/ring_page.h"

namespace replay_test {

using namespace ringside;
using namespace ringside::trace;
using ringside::test::bytes_of;
using ringside::test::Played;
using ringside::test::text_message;

namespace {

constexpr Actor xcs = actor(Role::xcs);
constexpr Actor xend = actor(Role::xend);
constexpr Actor dom1 = actor(Role::domain, 1);

void types(Played& played, std::string_view text, std::optional<std::uint32_t> tag = {}) {
  played.as(actor(Role::user)).bytes_passed(1, xend, bytes_of(text));
  played.as(xend).frame_passed(1, xcs, frame_request, 2, text_message(text), 0, {}, tag);
}

/// A program prints, and its guest writes that into slot `index`.
void prints(Played& played, std::string_view text, std::uint32_t index) {
  played.as(actor(Role::tty, 1)).bytes_passed(1, dom1, bytes_of(text));
  played.as(dom1).slot_written(1, ring::Ring::tx, index, SlotUse::request, text_message(text), index);
}

void passes_up(Played& played, Actor client, std::string_view text, std::uint32_t index) {
  played.as(xcs).frame_passed(1, client, frame_request, 2, text_message(text), 0, {}, index);
}

void takes(Played& played, Actor client, std::string_view text, std::uint32_t index) {
  played.as(client).frame_taken(1, xcs, frame_request, 2, text_message(text), index);
}

constexpr FlowPlace xend_up{.role = Role::xend, .domain = 1, .down = false};
constexpr FlowPlace xcs_up{.role = Role::xcs, .domain = 1, .down = false};
constexpr FlowPlace rx{.ring = FlowRing::messages, .domain = 1};

}  // namespace

TEST_CASE("a slot holds a request, a response or stale data; a request without response is outstanding") {
  Played played;
  played.as(xcs).slot_written(1, ring::Ring::rx, 0, SlotUse::request, text_message("a"));
  CHECK(played.rx() == "rx #....... 0/8");
  played.as(xcs).index_moved(1, ring::Ring::rx, IndexName::req_prod, 0, 1);
  CHECK(played.rx() == "rx #....... 1/8");
  played.as(dom1).slot_written(1, ring::Ring::rx, 0, SlotUse::response, text_message(""));
  played.as(dom1).index_moved(1, ring::Ring::rx, IndexName::rsp_prod, 0, 1);
  CHECK(played.rx() == "rx +....... 0/8");
  played.as(xcs).index_moved(1, ring::Ring::rx, IndexName::rsp_cons, 0, 1);
  CHECK(played.rx() == "rx -....... 0/8");
}

TEST_CASE("a journal that begins in a running machine starts with the page's contents") {
  JournalHeader header;
  header.domains = {{1, ring::Abi::sring, "web"}, {2, ring::Abi::sring, "new"}};
  auto& [tx, rx] = header.domains.front().rings.emplace();
  rx = {.req_prod = 13, .rsp_prod = 10};
  rx.slots[4] = text_message("last");
  tx = {.req_prod = 3, .rsp_prod = 3};
  Played played;
  played.replay.begin(header);
  CHECK(played.rx() == "rx --###--- 3/8");
  CHECK(ring_text(ring::Ring::tx, played.replay.ring(1, ring::Ring::tx)) == "tx ---..... 0/8");
  CHECK(ring_text(ring::Ring::rx, played.replay.ring(2, ring::Ring::rx)) == "rx ........ 0/8");
  const ReplayedRing& ring = played.replay.ring(1, ring::Ring::rx);
  CHECK(ring.slots[4].message.length == 4);
  CHECK(ring.knows(IndexName::req_prod));
  CHECK(ring.knows(IndexName::rsp_prod));
  CHECK_FALSE(ring.knows(IndexName::req_cons));
  // Impossible indices are shown as they are.
  rx.req_prod = 100;
  played.replay.begin(header);
  CHECK(played.rx() == "rx ######## 90/8");
}

TEST_CASE("a new domain has a new page") {
  Played played;
  played.as(xcs).slot_written(1, ring::Ring::rx, 3, SlotUse::request, text_message("a"));
  played.as(xcs).index_moved(1, ring::Ring::rx, IndexName::req_prod, 0, 20);
  CHECK(played.rx() == "rx ...#.... 20/8");
  played.as(actor(Role::xen)).told(1, Fact::created, {}, "dom1");
  CHECK(played.rx() == "rx ........ 0/8");
}

TEST_CASE("the mask is as its owner has changed it, and clear at a port that is used again") {
  Played played;
  const auto masked = [&](std::uint32_t owner, std::uint32_t port) {
    return played.replay.ports().at({owner, port}).masked;
  };
  played.as(xcs).mask_changed(1, 2, MaskBit::set);
  played.as(dom1).mask_changed(1, 1, MaskBit::set);
  CHECK(masked(0, 2));
  CHECK(masked(1, 1));
  played.as(dom1).event_taken(1, 1);
  played.as(dom1).mask_changed(1, 1, MaskBit::clear);
  CHECK_FALSE(masked(1, 1));
  CHECK(masked(0, 2));
  played.as(actor(Role::xen)).told(1, Fact::port_closed, {2, 0, 0});
  CHECK_FALSE(masked(0, 2));
}

TEST_CASE("an event is pending until it is taken, and raising it shows the mask") {
  Played played;
  played.as(xcs).event_raised(1, dom1, 4, ring::Raised::kick);
  CHECK(played.replay.ports().at({1, 4}).pending);
  CHECK(played.replay.ports().at({1, 4}).selected);
  played.as(dom1).event_taken(1, 4);
  CHECK_FALSE(played.replay.ports().at({1, 4}).pending);
  played.as(xcs).event_raised(1, dom1, 4, ring::Raised::masked);
  CHECK(played.replay.ports().at({1, 4}).masked);
  CHECK(played.replay.ports().at({1, 4}).raised == 2);
  CHECK(played.replay.ports().at({1, 4}).kicks == 1);
}

TEST_CASE("a byte keeps its number from the user to the terminal, and arrows have their start") {
  Played played;
  types(played, "ab");
  CHECK(played.did.came_at == 1);
  REQUIRE(played.did.bytes.size() == 1);
  const std::uint64_t first = played.did.bytes.front().first;
  played.as(xcs).slot_written(1, ring::Ring::rx, 0, SlotUse::request, text_message("ab"));
  CHECK(played.flow.level({.ring = FlowRing::messages, .domain = 1}) == 2);
  played.as(dom1).index_moved(1, ring::Ring::rx, IndexName::req_cons, 0, 1);
  CHECK(played.flow.level({.ring = FlowRing::messages, .domain = 1}) == 0);
  played.as(dom1).bytes_passed(1, actor(Role::tty, 1), bytes_of("ab"));
  REQUIRE(played.did.bytes.size() == 1);
  CHECK(played.did.bytes.front().first == first);
  CHECK(played.did.bytes.front().count == 2);
  CHECK(played.flow.totals(1, true).said == 2);
  CHECK(played.flow.totals(1, true).delivered == 2);
}

TEST_CASE("bytes from before the first entry count as printed when they appear, except Xen's own output") {
  Played played;
  played.as(xend).bytes_passed(1, actor(Role::user), bytes_of("kept"));
  CHECK(played.flow.totals(1, false).said == 4);
  CHECK(played.flow.totals(1, false).delivered == 4);
  played.as(actor(Role::xen)).bytes_passed(0, actor(Role::uart), bytes_of("(XEN) notice"));
  CHECK(played.flow.totals(0, false).said == 0);
}

TEST_CASE("a message that xcs drops is lost: its number says which") {
  Played played;
  types(played, "abc", 1);
  types(played, "defg", 2);
  played.as(xcs).quirk(1, Quirk::xcs_drop_when_full, 1, 3);
  CHECK(played.did.lost);
  CHECK(played.mark == '*');
  CHECK(played.flow.totals(1, true).lost(Loss::ring_full) == 3);
  CHECK(played.flow.totals(1, true).lost() == 3);
  CHECK(played.flow.level({.role = Role::xcs, .domain = 1}) == 4);
  played.as(xcs).slot_written(1, ring::Ring::rx, 0, SlotUse::request, text_message("defg"), 2);
  CHECK(played.flow.level({.role = Role::xcs, .domain = 1}) == 0);
}

TEST_CASE("bytes that a guest prints do not replace the bytes in its ring") {
  Played played;
  const auto prints = [&](std::string_view text) {
    played.as(actor(Role::tty, 1)).bytes_passed(1, dom1, bytes_of(text));
  };
  prints("one ");
  played.as(dom1).slot_written(1, ring::Ring::tx, 0, SlotUse::request, text_message("one "));
  prints("two ");
  CHECK(played.flow.level({.ring = FlowRing::messages, .domain = 1, .down = false}) == 4);
  played.as(dom1).slot_written(1, ring::Ring::tx, 1, SlotUse::request, text_message("two "));
  played.as(xcs).frame_passed(1, xend, frame_request, 2, text_message("one "));
  played.as(xcs).frame_passed(1, xend, frame_request, 2, text_message("two "));
  CHECK(played.flow.totals(1, false).said == 8);
  CHECK(played.flow.level({.ring = FlowRing::messages, .domain = 1, .down = false}) == 0);
}

TEST_CASE("bytes that a reader of a pty leaves unread go back to the queue, in front of later ones") {
  Played played;
  const Actor xenctld = actor(Role::xenctld);
  const Actor client = actor(Role::client);
  const FlowPlace queue{.role = Role::xenctld, .domain = 1, .down = false};
  const FlowPlace pty{.role = Role::client, .domain = 1, .down = false};
  played.as(xenctld).bytes_passed(1, client, bytes_of("abcdef"));
  const auto sent = played.did.bytes;
  played.as(client).bytes_passed(1, actor(Role::user), bytes_of("ab"));
  CHECK(played.flow.level(pty) == 4);
  played.as(xenctld).told(1, Fact::output_returned, {3});
  CHECK((played.flow.level(pty) == 0 && played.flow.level(queue) == 3));
  CHECK(played.flow.totals(1, false).lost(Loss::with_viewer) == 1);
  REQUIRE(played.did.bytes.size() == 1);
  CHECK((played.did.bytes[0].first == sent[0].first + 3 && played.did.bytes[0].count == 3));
  played.as(xenctld).bytes_passed(1, client, bytes_of("defg"));
  CHECK(played.did.bytes.front().first == sent[0].first + 3);
  CHECK(played.flow.level(queue) == 0);
  // The reader had read one more byte than it had shown, and shows it now, and all that came again.
  played.as(client).bytes_passed(1, actor(Role::user), bytes_of("cdefg"));
  CHECK(played.flow.totals(1, false).lost() == 0);
  CHECK(played.flow.totals(1, false).delivered == 7);
}

TEST_CASE("the path of a kernel message begins in the kernel, between the bytes of the program") {
  Played played;
  played.as(actor(Role::tty, 1)).bytes_passed(1, dom1, bytes_of("ab"));
  const std::uint64_t first = played.did.bytes.front().first;
  played.as(dom1).bytes_passed(1, dom1, bytes_of("(k)"));
  played.as(actor(Role::tty, 1)).bytes_passed(1, dom1, bytes_of("ab"));
  played.as(dom1).slot_written(1, ring::Ring::tx, 0, SlotUse::request, text_message("ab(k"), 0);
  REQUIRE(played.did.bytes.size() == 1);
  CHECK((played.did.bytes[0].first == first && played.did.bytes[0].count == 4));
  played.as(dom1).slot_written(1, ring::Ring::tx, 1, SlotUse::request, text_message(")ab"), 1);
  CHECK(played.flow.totals(1, false).said == 7);
  CHECK(played.flow.totals(1, false).appeared == 0);
  CHECK(played.flow.imbalances().empty());
  // A byte more than it can have.
  played.as(dom1).slot_written(1, ring::Ring::tx, 2, SlotUse::request, text_message("!"), 2);
  CHECK(played.flow.totals(1, false).appeared == 1);
  REQUIRE(played.flow.imbalances().size() == 1);
  CHECK(played.flow.imbalances()[0] ==
        "printed by dom1: 8 bytes; 0 shown, 0 unseen, 8 in the ring; 1 were passed on without being there");
}

TEST_CASE("a frame that comes again, or to a second client, brings no new bytes") {
  Played played;
  const Actor other = actor(Role::client, 9);
  // The other client opened the connection 9 itself; connection 3 is xend's.
  played.as(actor(Role::client)).frame_passed(0, xcs, 1, 0, {}, 1);
  played.as(xcs).frame_passed(0, other, 1, 0, {}, 1, 0);
  prints(played, "abc", 4);
  passes_up(played, actor(Role::client, 3), "abc", 4);
  passes_up(played, other, "abc", 4);
  CHECK(played.flow.level(xcs_up) == 3);
  played.as(xcs).index_moved(1, ring::Ring::tx, IndexName::req_cons, 4, 5);
  CHECK(played.flow.level(xcs_up) == 3);
  takes(played, other, "abc", 4);
  takes(played, xend, "abc", 4);
  CHECK(played.flow.level(xend_up) == 3);
  passes_up(played, actor(Role::client, 3), "abc", 4);
  takes(played, xend, "abc", 4);
  CHECK(played.flow.level(xend_up) == 3);
  CHECK(played.flow.totals(1, false).said == 3);
  CHECK(played.flow.imbalances().empty());
}

TEST_CASE("bytes that another client takes first are not the viewer's") {
  Played played;
  const Actor other = actor(Role::client, 9);
  const Actor viewer = actor(Role::client, 1);
  played.as(actor(Role::client)).frame_passed(0, xcs, 1, 0, {}, 1);
  played.as(xcs).frame_passed(0, other, 1, 0, {}, 1, 0);
  const auto reaches_other_first = [&](std::string_view text, std::uint32_t index) {
    prints(played, text, index);
    passes_up(played, actor(Role::client, 3), text, index);
    passes_up(played, other, text, index);
    takes(played, other, text, index);
  };
  reaches_other_first("abc", 4);
  played.as(xend).told(1, Fact::viewer_came, {1});
  takes(played, xend, "abc", 4);
  CHECK(played.flow.level(xend_up) == 3);

  reaches_other_first("defg", 5);
  played.as(xend).bytes_passed(1, viewer, bytes_of("abc"));
  played.as(actor(Role::client)).bytes_passed(1, actor(Role::user), bytes_of("abc"));
  takes(played, xend, "defg", 5);
  CHECK(played.flow.level(xend_up) == 4);
  CHECK(played.flow.totals(1, false).delivered == 3);
  CHECK(played.flow.totals(1, false).appeared == 0);
  CHECK(played.flow.totals(1, false).lost() == 0);
  CHECK(played.flow.imbalances().empty());
}

TEST_CASE("bytes are unseen if the client that answers them does not report what it takes") {
  Played played;
  for (const std::uint32_t index : {0u, 8u}) {
    prints(played, "abc", index);
    passes_up(played, actor(Role::client, 3), "abc", index);
    played.as(xcs).index_moved(1, ring::Ring::tx, IndexName::req_cons, index, index + 1);
  }
  CHECK(played.flow.totals(1, false).unseen == 3);
  CHECK(played.flow.level(xcs_up) == 3);
  CHECK(played.flow.imbalances().empty());
}

TEST_CASE("input that is sent again after xcs died is the same input") {
  Played played;
  types(played, "abc", 7);
  played.as(xcs).slot_written(1, ring::Ring::rx, 0, SlotUse::request, text_message("abc"), 7);
  const auto sent = played.did.bytes;
  // This xcs dies before it has published the slot.
  played.as(xend).frame_passed(1, xcs, frame_request, 2, text_message("abc"), 0, {}, 7);
  CHECK(played.did.bytes.empty());
  played.as(xcs).slot_written(1, ring::Ring::rx, 0, SlotUse::request, text_message("abc"), 7);
  REQUIRE(played.did.bytes.size() == 1);
  CHECK(played.did.bytes[0].first == sent[0].first);
  CHECK(played.flow.level(rx) == 3);
  played.as(dom1).index_moved(1, ring::Ring::rx, IndexName::req_cons, 0, 1);
  played.as(xend).frame_passed(1, xcs, frame_request, 2, text_message("abc"), 0, {}, 7);
  CHECK(played.flow.level(rx) == 0);
  CHECK(played.flow.totals(1, true).said == 3);
  CHECK(played.flow.imbalances().empty());
}

TEST_CASE("input that a killed daemon had not stored is lost") {
  Played played;
  types(played, "abc", 7);
  played.as(actor(Role::user)).bytes_passed(1, xend, bytes_of("defgh"));
  // It had read two more bytes, and its frame with tag 7 is on its way.
  played.as(xend).told(1, Fact::console_adopted, {2, 3, 7});
  CHECK(played.did.lost);
  CHECK(played.flow.level({.role = Role::xend, .domain = 1}) == 2);
  CHECK(played.flow.totals(1, true).lost(Loss::with_daemon) == 3);
  played.as(xend).frame_passed(1, xcs, frame_request, 2, text_message("de"), 0, {}, 8);
  CHECK(played.flow.imbalances().empty());
}

TEST_CASE("a domain that is gone with its console leaves no bytes behind") {
  Played played;
  prints(played, "abc", 0);
  types(played, "x", 1);
  played.as(actor(Role::xen)).told(1, Fact::destroyed);
  CHECK(played.flow.queued(1, false) == 3);
  CHECK(played.flow.queued(1, true) == 1);
  played.as(xend).told(1, Fact::console_gone);
  played.as(actor(Role::user)).bytes_passed(1, xend, bytes_of("yz"));
  CHECK(played.flow.totals(1, false).lost(Loss::ended) == 3);
  CHECK(played.flow.totals(1, true).lost(Loss::ended) == 3);
  CHECK(played.flow.imbalances().empty());
  prints(played, "late", 1);
  REQUIRE(played.flow.imbalances().size() == 1);
  CHECK(played.flow.imbalances()[0] ==
        "printed by dom1: 7 bytes; 0 shown, 0 unseen, 4 in the ring, 3 lost (the domain ended); "
        "0 were passed on without being there; the domain and its console are gone");
}

TEST_CASE("faults and refusals have their marks") {
  Played played;
  played.as(xcs).told(1, Fact::event_lost, {}, "dom1");
  CHECK(played.mark == '!');
  played.as(xcs).told(1, Fact::event_late, {}, "dom1");
  CHECK(played.mark == '~');
  played.as(xcs).told(1, Fact::event_doubled, {}, "dom1");
  CHECK(played.mark == '2');
  played.as(xcs).refused(1, xend, Refusal::failed, {}, "no");
  CHECK(played.mark == '!');
}

}  // namespace replay_test
