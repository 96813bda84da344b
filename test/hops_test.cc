// The catalogue of hops: each has all its texts, and each entry of the journal shows the right hop.
#include "emu/trace/hops.h"

#include <array>
#include <set>
#include <string>

#include "emu/base/nearest.h"
#include "emu/trace/journal.h"
#include "emu/trace/memory_sink.h"
#include "emu/trace/text.h"
#include "test/catch.h"
#include "test/ring_page.h"

namespace hops_test {

using namespace ringside;
using namespace ringside::trace;
using ringside::test::text_message;

namespace {

constexpr Actor xen = actor(Role::xen);
constexpr Actor dom0 = actor(Role::dom0);
constexpr Actor xcs = actor(Role::xcs);
constexpr Actor xend = actor(Role::xend);
constexpr Actor uart = actor(Role::uart);
constexpr Actor user = actor(Role::user, 1);
constexpr Actor client = actor(Role::client, 1);
constexpr Actor dom1 = actor(Role::domain, 1);
constexpr Actor tty1 = actor(Role::tty, 1);
constexpr Actor tty0 = actor(Role::tty, 0);
constexpr std::uint8_t key[] = {'u'};

/// The name of the hop of the only entry that `say` writes; "none" if it has none.
template <class Say>
std::string shown(Actor self, Say say) {
  MemorySink sink([] { return 1; });
  Journal journal(sink, self);
  say(journal);
  REQUIRE(sink.entries().size() == 1);
  const Hop* hop = hop_of(sink.entries().front().entry);
  return hop == nullptr ? "none" : std::string(hop->name);
}

std::string bytes(Actor from, Actor to) {
  return shown(from, [to](Journal& journal) { journal.bytes_passed(0, to, key); });
}

std::string frame(Actor from, Actor to, std::uint8_t type) {
  return shown(from,
               [to, type](Journal& journal) { journal.frame_passed(1, to, type, 2, text_message("u")); });
}

std::string event(Actor from, std::uint32_t domain, Actor to, ring::Raised outcome,
                  EventSource source = EventSource::channel) {
  return shown(from, [=](Journal& journal) { journal.event_raised(domain, to, 1, outcome, source, 2); });
}

bool is_sentence(std::string_view text) {
  const bool plain = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  return plain && !text.empty() && text.back() == '.' && text.find("  ") == std::string_view::npos;
}

}  // namespace

TEST_CASE("every hop has all its texts, in plain sentences") {
  for (const Hop& hop : hops()) {
    CAPTURE(hop.name);
    CHECK(
        std::ranges::all_of(hop.name, [](char c) { return (c >= 'a' && c <= 'z') || c == '-' || c == '0'; }));
    CHECK(!hop.title.empty());
    CHECK(hop.title.size() <= 60);
    for (const std::string_view text : {hop.meaning, hop.more, hop.source, hop.goes_wrong})
      CHECK(is_sentence(text));
    CHECK(hop.see.starts_with("ringside "));
    // No scenario is about a keyboard or dom0's own channel.
    const bool told_without = hop.id == HopId::keyboard || hop.id == HopId::dom0_channel;
    CHECK(hop.scenarios.empty() == told_without);
  }
}

TEST_CASE("a hop is found by its name, which no other has") {
  std::set<std::string_view> names;
  for (const Hop& hop : hops()) {
    CHECK(names.insert(hop.name).second);
    CHECK(find_hop(hop.name) == &about(hop.id));
    // `explain` takes either name.
    CHECK_FALSE(Quirks::find(hop.name).ok());
  }
  CHECK(names.size() == hop_count);
  CHECK(find_hop("virq") == nullptr);
  CHECK(find_hop("") == nullptr);
}

TEST_CASE("no two hops have the same text") {
  std::set<std::string_view> told;
  for (const Hop& hop : hops()) {
    for (const std::string_view text : {hop.title, hop.meaning, hop.more, hop.goes_wrong})
      CHECK(told.insert(text).second);
  }
}

TEST_CASE("every quirk belongs to a hop, and a counter to one only") {
  for (const QuirkAbout& known : quirks_known) {
    const Hop& hop = hop_of(known.quirk);
    CHECK(std::ranges::count(hop.quirks, known.quirk) == 1);
  }
  CHECK(hop_of(Quirk::leaky_response).name == "response");
  std::set<Counter> counters;
  for (const Hop& hop : hops()) {
    for (const Counter counter : hop.counters) {
      CHECK(counters.insert(counter).second);
      CHECK(hop_of_counter(counter) == &about(hop.id));
    }
  }
  CHECK(hop_of_counter(Counter::overruns)->name == "uart");
  CHECK(hop_of_counter(static_cast<Counter>(250)) == nullptr);
}

TEST_CASE("the hops are in the order of the path, grouped by place") {
  Place place = Place::hardware;
  bool today = false;
  for (const Hop& hop : hops()) {
    if (hop.today && !today) place = Place::hardware;
    CHECK(hop.today >= today);
    CHECK(hop.place >= place);
    place = hop.place;
    today = hop.today;
  }
  CHECK(today);
}

TEST_CASE("changes of a ring show as slots, indices and the response") {
  const auto slot = [](Actor who, ring::Ring ring, SlotUse use) {
    return shown(who, [=](Journal& journal) { journal.slot_written(1, ring, 0, use, text_message("u")); });
  };
  CHECK(slot(xcs, ring::Ring::rx, SlotUse::request) == "slot-rx");
  CHECK(slot(dom1, ring::Ring::rx, SlotUse::response) == "response");
  CHECK(slot(dom1, ring::Ring::tx, SlotUse::request) == "slot-tx");
  CHECK(slot(xcs, ring::Ring::tx, SlotUse::response) == "response");
  const auto index = [](IndexName name) {
    return shown(dom1, [name](Journal& journal) { journal.index_moved(1, ring::Ring::tx, name, 0, 1); });
  };
  CHECK(index(IndexName::req_prod) == "req-prod");
  CHECK(index(IndexName::req_cons) == "req-cons");
  CHECK(index(IndexName::rsp_prod) == "rsp-prod");
  CHECK(index(IndexName::rsp_cons) == "rsp-cons");
  CHECK(index(static_cast<IndexName>(200)) == "none");
}

TEST_CASE("an event shows its direction, and whether it causes a wake-up") {
  CHECK(event(xcs, 1, dom1, ring::Raised::kick) == "event-down");
  CHECK(event(dom1, 1, dom0, ring::Raised::kick) == "event-up");
  CHECK(event(xen, 1, dom0, ring::Raised::kick) == "event-up");
  CHECK(event(xcs, 1, dom1, ring::Raised::masked) == "event-quiet");
  CHECK(event(dom1, 1, dom0, ring::Raised::already_pending) == "event-quiet");
  CHECK(shown(xcs, [](Journal& journal) { journal.event_taken(1, 2); }) == "upcall");
}

TEST_CASE("a character for dom0 is VIRQ_CONSOLE, whether its event causes a wake-up or not") {
  CHECK(event(xen, 0, dom0, ring::Raised::kick, EventSource::virq) == "virq-console");
  CHECK(event(xen, 0, dom0, ring::Raised::already_pending, EventSource::virq) == "virq-console");
}

TEST_CASE(
    "a physical interrupt is the keyboard's; other virtual ones are no hop; dom0's own channel is one") {
  CHECK(event(xen, 0, dom0, ring::Raised::kick, EventSource::pirq) == "keyboard");
  CHECK(event(xen, 1, dom0, ring::Raised::kick, EventSource::virq) == "none");
  CHECK(event(xen, 1, dom1, ring::Raised::kick, EventSource::virq) == "none");
  CHECK(event(dom0, 0, dom0, ring::Raised::kick) == "event-up");
  CHECK(event(xcs, 0, actor(Role::domain, 0), ring::Raised::kick) == "event-down");
  CHECK(event(dom1, 1, dom0, ring::Raised::kick, static_cast<EventSource>(9)) == "event-up");
}

TEST_CASE("frames show their contents and direction; calls are no hop") {
  CHECK(frame(xend, xcs, frame_request) == "xend-frame");
  CHECK(frame(xend, xcs, frame_response) == "answer-down");
  CHECK(frame(xcs, client, frame_request) == "xcs");
  CHECK(frame(xcs, client, frame_response) == "answer-up");
  for (unsigned type = 0; type <= 255; ++type) {
    if (type == frame_request || type == frame_response) continue;
    CHECK(frame(client, xcs, static_cast<std::uint8_t>(type)) == "none");
  }
}

TEST_CASE("bytes show sender and receiver: a key's whole path, and back") {
  CHECK(bytes(user, uart) == "serial-line");
  CHECK(bytes(uart, xen) == "uart");
  CHECK(bytes(xen, dom0) == "console-io");
  CHECK(bytes(dom0, tty0) == "dom0-tty");
  CHECK(bytes(user, xend) == "client");
  CHECK(bytes(dom1, tty1) == "guest-tty");
  CHECK(bytes(tty1, dom1) == "console-driver");
  CHECK(bytes(dom1, dom1) == "console-driver");
  CHECK(bytes(xend, client) == "xend");
  CHECK(bytes(actor(Role::xenctld), client) == "xenctld");
  CHECK(bytes(client, user) == "client");
  CHECK(bytes(tty0, dom0) == "dom0-tty");
  CHECK(bytes(dom0, xen) == "console-io");
  CHECK(bytes(xen, uart) == "serial-layer");
  CHECK(bytes(uart, user) == "serial-line");
  CHECK(bytes(actor(Role::program, 1), dom1) == "program");
}

TEST_CASE("in a domain of today the terminal, the events and the viewer are other hops") {
  const Actor xenconsoled = actor(Role::xenconsoled);
  HopFinder finder;
  const auto found = [&finder](Actor self, const auto& say) {
    MemorySink sink([] { return 1; });
    Journal journal(sink, self);
    say(journal);
    const Hop* hop = finder.find(sink.entries().back().entry);
    return hop == nullptr ? std::string("none") : std::string(hop->name);
  };
  const auto passed = [&](Actor from, Actor to) {
    return found(from, [to](Journal& journal) { journal.bytes_passed(1, to, key); });
  };
  const auto raised = [&](ring::Raised outcome) {
    return found(xen, [outcome](Journal& journal) { journal.event_raised(1, dom0, 1, outcome); });
  };
  CHECK(passed(tty1, dom1) == "console-driver");
  CHECK(raised(ring::Raised::kick) == "event-up");
  CHECK(passed(user, xenconsoled) == "pty");
  CHECK(passed(tty1, dom1) == "hvc");
  CHECK(passed(dom1, tty1) == "hvc");
  CHECK(raised(ring::Raised::kick) == "event-today");
  CHECK(raised(ring::Raised::masked) == "event-today");
  CHECK(passed(xenconsoled, client) == "xenconsoled");
  CHECK(passed(client, user) == "pty");
  const auto index = [&](ByteIndex which) {
    return found(dom1, [which](Journal& journal) { journal.byte_index_moved(1, which, 0, 1); });
  };
  CHECK(index(ByteIndex::in_prod) == "prod");
  CHECK(index(ByteIndex::out_prod) == "prod");
  CHECK(index(ByteIndex::in_cons) == "cons");
  CHECK(index(ByteIndex::out_cons) == "cons");
  CHECK(found(dom1, [](Journal& journal) { journal.bytes_written(1, ByteRing::out, 0, key); }) ==
        "bytes-out");
  CHECK(found(dom1, [](Journal& journal) { journal.bytes_found(1, ByteRing::in, 0, key); }) == "bytes-in");
  // The next domain of that id is of 2005.
  CHECK(found(xen, [](Journal& journal) { journal.told(1, Fact::created); }) == "none");
  CHECK(passed(tty1, dom1) == "console-driver");
}

TEST_CASE("a key at dom0's own keyboard, and its screen, are the other branch") {
  CHECK(bytes(user, dom0) == "keyboard");
  CHECK(bytes(dom0, user) == "keyboard");
}

TEST_CASE("each pair of sender and receiver is a hop, or is known to be none") {
  for (int from = 0; from <= static_cast<int>(last_role); ++from) {
    for (int to = 0; to <= static_cast<int>(last_role); ++to) {
      const auto giver = static_cast<Role>(from);
      const auto taker = static_cast<Role>(to);
      // These actors pass bytes on as messages and frames, except to terminals, by dom0's hypercall, and to
      // its screen. A kernel adds its own messages.
      const bool none = ((giver == Role::domain && taker != giver) || giver == Role::xcs ||
                         (giver == Role::dom0 && taker != Role::xen && taker != Role::user)) &&
                        taker != Role::tty;
      CAPTURE(from, to);
      CHECK((bytes(actor(giver, 1), actor(taker, 1)) == "none") == none);
    }
  }
  CHECK(bytes(actor(static_cast<Role>(99)), xen) == "none");
}

TEST_CASE("a counter and a quirk show their hop; told and refused entries show none") {
  CHECK(shown(xen, [](Journal& journal) { journal.counted(0, Counter::console_input_dropped, 1, 2); }) ==
        "virq-console");
  CHECK(shown(xcs, [](Journal& journal) { journal.counted(0, static_cast<Counter>(250), 1, 2); }) == "none");
  CHECK(shown(xcs, [](Journal& journal) { journal.quirk(1, Quirk::xcs_drop_when_full); }) == "slot-rx");
  CHECK(shown(xcs, [](Journal& journal) { journal.told(0, Fact::xcs_listens); }) == "none");
  CHECK(shown(xcs, [](Journal& journal) { journal.refused(1, dom1, Refusal::impossible_indices); }) ==
        "none");
  Entry of_unknown_kind;
  of_unknown_kind.kind = static_cast<Kind>(77);
  CHECK(hop_of(of_unknown_kind) == nullptr);
  Entry of_unknown_quirk;
  of_unknown_quirk.kind = Kind::quirk;
  of_unknown_quirk.detail = 77;
  CHECK(hop_of(of_unknown_quirk) == nullptr);
}

TEST_CASE("places and ways have names") {
  CHECK(place_name(Place::xen) == "Xen");
  CHECK(place_name(static_cast<Place>(99)) == "nowhere");
  CHECK(way_name(Way::response) == "response");
  CHECK(way_name(static_cast<Way>(99)) == "none");
}

TEST_CASE("the suggested word is the one with the fewest changes, or one that contains it") {
  constexpr std::string_view words[] = {"virq-console", "xend", "xend-frame", "xcs"};
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("abc", "abc") == 0);
  CHECK(nearest("xedn-frame", words) == "xend-frame");
  CHECK(nearest("xen", words) == "xend");
  CHECK(nearest("virq", words) == "virq-console");
  CHECK(nearest("frame", words) == "xend-frame");
  CHECK(nearest("elephant", words).empty());
  const std::array<std::string_view, 2> counters{"lost_messages", "queued_messages"};
  CHECK(nearest("messages_queued", counters) == "queued_messages");
  CHECK(nearest("", words).empty());
  CHECK(nearest("me", words).empty());
}

}  // namespace hops_test
