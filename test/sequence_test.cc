// Sequences: journals as diagrams, in two forms.
#include "emu/trace/sequence.h"

#include <algorithm>
#include <cstring>

#include "emu/trace/journal.h"
#include "emu/trace/memory_sink.h"
#include "emu/trace/text.h"
#include "test/catch.h"
#include "test/ring_page.h"

namespace sequence_test {

using namespace ringside;
using namespace ringside::trace;
using ringside::test::text_message;

namespace {

constexpr Actor xcs = actor(Role::xcs);
constexpr Actor xend = actor(Role::xend);
constexpr Actor user = actor(Role::user);
constexpr Actor dom0 = actor(Role::dom0);
constexpr Actor dom1 = actor(Role::domain, 1);

/// The entries that `say` writes, a microsecond apart.
template <class Say>
Journaled journal_of(Say say) {
  std::uint64_t now_ns = 0;
  MemorySink sink([&now_ns] { return now_ns += 1000; });
  say(sink);
  Journaled journal;
  for (const auto& recorded : sink.entries()) journal.steps.push_back({recorded.step, recorded.entry});
  return journal;
}

std::vector<std::string> labels(const Sequence& sequence) {
  std::vector<std::string> all;
  for (const SequenceItem& each : sequence.items) all.push_back(sequence_label(each));
  return all;
}

void key(Sink& sink, char typed) {
  const auto byte = static_cast<std::uint8_t>(typed);
  Journal(sink, user).bytes_passed(1, xend, {&byte, 1});
  Journal(sink, xend).frame_passed(1, xcs, frame_request, 2, text_message(std::string(1, typed)));
  Journal(sink, xcs).slot_written(1, ring::Ring::rx, 0, SlotUse::request,
                                  text_message(std::string(1, typed)));
}

using Labels = std::vector<std::string>;

}  // namespace

TEST_CASE("lanes are in the order of the path, not of appearance") {
  const Sequence sequence = sequence_of(journal_of([](Sink& sink) {
    Journal(sink, xcs).slot_written(1, ring::Ring::rx, 3, SlotUse::request, text_message("abc"));
    Journal(sink, user).bytes_passed(1, xend, text_message("a").payload());
  }));
  CHECK(sequence.lanes == Labels{"user", "xend", "xcs", "dom1 page"});
  CHECK(labels(sequence) == Labels{"console request rx[3], 3 bytes", "1 byte"});
  CHECK(sequence.items[0].step == 1);
  CHECK(sequence.items[0].text == "\"abc\"");
}

TEST_CASE("eight messages in a row are one item; their index move is separate") {
  const Sequence sequence = sequence_of(journal_of([](Sink& sink) {
    const Journal journal(sink, xcs);
    for (ring::Index at = 0; at < 8; ++at)
      Journal(journal).slot_written(1, ring::Ring::rx, at, SlotUse::request, text_message("abc"));
    for (ring::Index at = 0; at < 8; ++at)
      Journal(sink, dom1).index_moved(1, ring::Ring::rx, IndexName::req_cons, at, at + 1);
  }));
  CHECK(labels(sequence) == Labels{"8 x console request rx[0..7], 24 bytes", "rx req_cons 0 -> 8"});
  CHECK(sequence.items[0].last_step == 8);
  CHECK(sequence.lanes[sequence.items[1].from] == "dom1 page");
  CHECK(sequence.lanes[sequence.items[1].to] == "dom1");
}

TEST_CASE("a repeated exchange is folded into a loop with a count") {
  const Sequence sequence = sequence_of(journal_of([](Sink& sink) {
    for (const char typed : {'a', 'b', 'c', 'd', 'e'}) key(sink, typed);
    Journal(sink, xcs).told(1, Fact::checked_step, {}, "the end");
  }));
  CHECK(labels(sequence) ==
        Labels{"1 byte", "console request, 1 byte", "console request rx[0], 1 byte", "says: the end"});
  REQUIRE(sequence.loops.size() == 1);
  CHECK(sequence.loops[0].first == 0);
  CHECK(sequence.loops[0].size == 3);
  CHECK(sequence.loops[0].times == 5);
  CHECK(sequence.loops[0].last_step == 15);
  const std::string text = to_mermaid(sequence);
  CHECK(text.find("  loop 5 times, up to step 15\n") != std::string::npos);
  CHECK(text.find("  end\n  Note over p2: 16 says: the end\n") != std::string::npos);
}

TEST_CASE("an event arrives where it is taken, and a lost one does not arrive") {
  const Sequence sequence = sequence_of(journal_of([](Sink& sink) {
    Journal(sink, dom1).event_raised(1, dom0, 2, ring::Raised::kick);
    Journal(sink, dom1).told(1, Fact::event_lost, {}, "xcs");
    Journal(sink, dom1).event_raised(1, dom0, 2, ring::Raised::kick);
    Journal(sink, xend).told(0, Fact::checked_step, {}, "something else");
    Journal(sink, xcs).event_taken(1, 2);
  }));
  REQUIRE(sequence.items.size() == 4);
  CHECK(sequence.items[0].lost);
  CHECK(sequence.items[1].trouble);
  CHECK_FALSE(sequence.items[2].lost);
  CHECK(sequence.lanes[sequence.items[2].to] == "xcs");
  CHECK(sequence.items[2].arrived_ns - sequence.items[2].sent_ns == 2000);
  CHECK(to_mermaid(sequence).find("--xp1: event: kick") != std::string::npos);
  const std::string picture = to_svg(sequence);
  CHECK(picture.find("class=\"arrow up event lost\"") != std::string::npos);
  CHECK(picture.find("class=\"cross\"") != std::string::npos);
}

TEST_CASE("bytes arrive when their receiver passes them on") {
  const Sequence sequence = sequence_of(journal_of([](Sink& sink) { key(sink, 'x'); }));
  CHECK(sequence.items[0].arrived_ns - sequence.items[0].sent_ns == 1000);
}

TEST_CASE("steps can be selected; the scenario's set-up is left out by default") {
  Journaled journal = journal_of([](Sink& sink) {
    for (int count = 1; count <= 9; ++count)
      Journal(sink, xcs).told(1, Fact::checked_step, {}, "step " + std::to_string(count));
  });
  CHECK(labels(sequence_of(journal, 3, 4)) == Labels{"says: step 3", "says: step 4"});
  JournalMark mark;
  mark.after = 7;
  mark.line = 4;
  mark.text = "xen boots dom1";
  mark.act = JournalMark::Act::boots;
  journal.marks.push_back(mark);
  CHECK(labels(sequence_of(journal)) == Labels{"line 4: xen boots dom1", "says: step 8", "says: step 9"});
}

TEST_CASE("effects are under the line that caused them, and an expectation is after what it waited for") {
  Journaled journal = journal_of([](Sink& sink) {
    for (int count = 1; count <= 5; ++count)
      Journal(sink, xcs).told(1, Fact::checked_step, {}, "step " + std::to_string(count));
  });
  const auto mark = [&](std::uint64_t after, const char* text, JournalMark::Act act,
                        JournalMark::Kind kind = JournalMark::Kind::statement) {
    JournalMark its;
    its.kind = kind;
    its.after = after;
    its.line = static_cast<std::uint32_t>(journal.marks.size() + 1);
    its.text = text;
    its.act = act;
    journal.marks.push_back(its);
  };
  using Act = JournalMark::Act;
  mark(0, "xen boots dom1", Act::boots);
  mark(1, "user types", Act::acts);
  mark(1, "expect one", Act::none);
  mark(3, "expect two", Act::none);
  mark(4, "user leaves", Act::acts);
  mark(4, "expect three", Act::none);
  mark(5, "nothing came", Act::none, JournalMark::Kind::failure);
  CHECK(labels(sequence_of(journal, 1)) ==
        Labels{"line 1: xen boots dom1", "says: step 1", "line 2: user types", "says: step 2", "says: step 3",
               "says: step 4", "line 3: expect one", "line 4: expect two", "line 5: user leaves",
               "says: step 5", "line 6: expect three", "FAILED line 7: nothing came"});
  const std::string picture = to_svg(sequence_of(journal, 1));
  CHECK(picture.find("line 2: user types") < picture.find("says: step 2"));
  CHECK(picture.find("says: step 4") < picture.find("line 3: expect one"));
}

TEST_CASE("a picture is as wide as a slide, and long words continue below") {
  const std::string long_words(300, 'w');
  Journaled journal = journal_of([&](Sink& sink) {
    for (int count = 0; count < 3; ++count) key(sink, 'x');
    Journal(sink, xcs).told(1, Fact::checked_step, {}, "one two three");
    for (std::uint32_t domain = 1; domain <= 9; ++domain)
      Journal(sink, actor(Role::domain, domain)).event_raised(domain, dom0, 2, ring::Raised::kick);
  });
  JournalScenario scenario;
  scenario.title = long_words;
  journal.header.scenario = scenario;
  JournalMark mark;
  mark.text = "user types " + long_words;
  mark.act = JournalMark::Act::acts;
  journal.marks.push_back(mark);
  const std::string picture = to_svg(sequence_of(journal, 1));
  CHECK(picture.find("width=\"1920\"") != std::string::npos);
  // The scenario's title, which is not drawn, is whole.
  CHECK(picture.find("<title>" + long_words) != std::string::npos);
  CHECK(picture.rfind(long_words) == picture.find(long_words));
  const std::string few = to_svg(sequence_of(journal_of([](Sink& sink) { key(sink, 'x'); })));
  CHECK(few.find("viewBox=\"0 0 1920 ") != std::string::npos);
}

TEST_CASE("text of a peer is escaped in Mermaid and in a picture") {
  const Sequence sequence = sequence_of(journal_of([](Sink& sink) {
    Journal(sink, xcs).slot_written(1, ring::Ring::rx, 0, SlotUse::request,
                                    text_message("<b>;#\\n%%end&\x01"));
  }));
  const std::string text = to_mermaid(sequence);
  CHECK(text.find("#60;b#62;#59;#35;") != std::string::npos);
  CHECK(text.find("<b>") == std::string::npos);
  const std::string picture = to_svg(sequence);
  CHECK(picture.find("&lt;b&gt;;#") != std::string::npos);
  CHECK(picture.find('\x01') == std::string::npos);
}

TEST_CASE("a diagram of a long run is bounded, and shows that") {
  const Sequence sequence = sequence_of(journal_of([](Sink& sink) {
    for (int count = 0; count < 2000; ++count)
      Journal(sink, xcs).told(1, Fact::checked_step, {}, "step " + std::to_string(count));
  }));
  CHECK(sequence.items.size() == sequence_items_max);
  CHECK(sequence.left_out == 2000 - sequence_items_max);
  CHECK(to_mermaid(sequence).find("and 1600 more") != std::string::npos);
  CHECK(to_svg(sequence).find("and 1600 more") != std::string::npos);
}

TEST_CASE("entries of a faulty process, and an empty journal, make a diagram") {
  Journaled journal;
  CHECK(to_svg(sequence_of(journal)).starts_with("<svg "));
  CHECK(to_mermaid(sequence_of(journal)).find("sequenceDiagram") != std::string::npos);
  for (int value = 0; value < 256; ++value) {
    Entry entry;
    std::memset(static_cast<void*>(&entry), value, sizeof entry);
    for (int kind = 0; kind < 12; ++kind) {
      entry.kind = static_cast<Kind>(kind);
      journal.steps.push_back({journal.steps.size() + 1, entry});
    }
  }
  const Sequence sequence = sequence_of(journal);
  for (const SequenceItem& each : sequence.items) {
    REQUIRE((each.kind == SequenceItem::Kind::line || each.to < sequence.lanes.size()));
    CHECK(each.arrived_ns >= each.sent_ns);
  }
  CHECK(to_svg(sequence).ends_with("</svg>\n"));
}

}  // namespace sequence_test
