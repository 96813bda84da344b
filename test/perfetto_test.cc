// Chrome traces of journals: tracks, slices that do not overlap, counters and arrows.
#include "emu/trace/perfetto.h"

#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "emu/trace/journal.h"
#include "emu/trace/memory_sink.h"
#include "test/catch.h"
#include "test/ring_page.h"

namespace perfetto_test {

using namespace ringside;
using namespace ringside::trace;
using nlohmann::json;

namespace {

constexpr Actor xcs = actor(Role::xcs);
constexpr Actor dom0 = actor(Role::dom0);
constexpr Actor dom1 = actor(Role::domain, 1);

template <class Say>
Journaled journal_of(std::uint64_t apart_ns, Say say) {
  std::uint64_t now_ns = 5000;
  MemorySink sink([&] { return now_ns += apart_ns; });
  say(sink);
  Journaled journal;
  for (const auto& recorded : sink.entries()) journal.steps.push_back({recorded.step, recorded.entry});
  return journal;
}

std::vector<json> events(const Journaled& journal, const std::string& phase) {
  std::vector<json> found;
  const json trace = json::parse(to_perfetto(journal));
  for (const json& each : trace.at("traceEvents")) {
    if (each.at("ph") == phase) found.push_back(each);
  }
  return found;
}

}  // namespace

TEST_CASE("every actor has a track, and every entry a slice with its step") {
  const Journaled journal = journal_of(2000, [](Sink& sink) {
    Journal(sink, xcs).slot_written(1, ring::Ring::rx, 0, SlotUse::request, test::text_message("a\"\\\x01"));
    Journal(sink, dom1).told(1, Fact::checked_step, {}, "hello");
    Journal(sink, xcs).told(1, Fact::checked_step, {}, "again");
  });
  std::map<int, std::string> names;
  for (const json& each : events(journal, "M")) {
    if (each.at("name") == "thread_name") names[each.at("tid")] = each.at("args").at("name");
  }
  const auto slices = events(journal, "X");
  REQUIRE(slices.size() == 3);
  CHECK(names.at(slices[0].at("tid")) == "xcs");
  CHECK(names.at(slices[1].at("tid")) == "dom1");
  CHECK(slices[0].at("tid") == slices[2].at("tid"));
  CHECK(slices[0].at("name") == "slot-rx");
  CHECK(slices[1].at("args").at("step") == 2);
  CHECK(slices[1].at("ts") == 2.0);
  CHECK(slices[1].at("dur") == 1.0);
}

TEST_CASE("slices of one track do not overlap, also those of one moment") {
  const Journaled journal = journal_of(0, [](Sink& sink) {
    for (int count = 0; count < 50; ++count) Journal(sink, xcs).told(1, Fact::checked_step, {}, "x");
  });
  double end = 0;
  for (const json& each : events(journal, "X")) {
    CHECK(each.at("dur").get<double>() > 0);
    CHECK(each.at("ts").get<double>() >= end - 1e-9);
    end = each.at("ts").get<double>() + each.at("dur").get<double>();
  }
}

TEST_CASE("outstanding requests are a counter; a taken event is the only arrow") {
  const Journaled journal = journal_of(1000, [](Sink& sink) {
    Journal(sink, dom1).index_moved(1, ring::Ring::tx, IndexName::req_prod, 0, 3);
    Journal(sink, dom1).event_raised(1, dom0, 2, ring::Raised::kick);
    Journal(sink, dom1).event_raised(1, dom0, 2, ring::Raised::already_pending);
    Journal(sink, xcs).event_taken(1, 2);
    Journal(sink, xcs).event_taken(1, 2);
  });
  const auto counters = events(journal, "C");
  REQUIRE(counters.size() == 1);
  CHECK(counters[0].at("name") == "dom1.tx outstanding");
  CHECK(counters[0].at("args").at("requests") == 3);
  const auto from = events(journal, "s");
  const auto to = events(journal, "f");
  REQUIRE(from.size() == 1);
  REQUIRE(to.size() == 1);
  CHECK(from[0].at("id") == to[0].at("id"));
  CHECK(from[0].at("tid") != to[0].at("tid"));
}

TEST_CASE("a scenario's line lasts until the next one") {
  Journaled journal =
      journal_of(1000, [](Sink& sink) { Journal(sink, xcs).told(1, Fact::checked_step, {}, "x"); });
  for (const std::int64_t time_ns : {0, 4000}) {
    JournalMark mark;
    mark.time_ns = time_ns;
    mark.line = 7;
    mark.text = "user types \"x\"";
    journal.marks.push_back(mark);
  }
  const auto slices = events(journal, "X");
  CHECK(slices.at(0).at("name") == "user types \"x\"");
  CHECK(slices.at(0).at("dur") == 4.0);
}

TEST_CASE(
    "a line that does something lasts until the next such line; where the run waits is a track of its own") {
  Journaled journal = journal_of(10'000, [](Sink& sink) {
    Journal(sink, xcs).told(1, Fact::checked_step, {}, "x");
    Journal(sink, xcs).told(1, Fact::checked_step, {}, "y");
  });
  using Act = JournalMark::Act;
  for (const auto& [time_ns, act] :
       {std::pair(1000, Act::acts), {1000, Act::none}, {3000, Act::none}, {4000, Act::acts}}) {
    JournalMark mark;
    mark.time_ns = time_ns;
    mark.act = act;
    mark.text = fmt::format("line {}", journal.marks.size() + 1);
    journal.marks.push_back(mark);
  }
  const auto slices = events(journal, "X");
  const std::vector<double> lengths{3.0, 2.0, 1.0, 21.0};
  for (std::size_t at = 0; at < lengths.size(); ++at) CHECK(slices.at(at).at("dur") == lengths[at]);
  CHECK(slices[0].at("tid") == slices[3].at("tid"));
  CHECK(slices[1].at("tid") == slices[2].at("tid"));
  CHECK(slices[0].at("tid") != slices[1].at("tid"));
}

TEST_CASE("entries of a faulty process make a trace that can be read") {
  Journaled journal;
  for (int value = 0; value < 256; ++value) {
    Entry entry;
    std::memset(static_cast<void*>(&entry), value, sizeof entry);
    for (int kind = 0; kind < 12; ++kind) {
      entry.kind = static_cast<Kind>(kind);
      journal.steps.push_back({journal.steps.size() + 1, entry});
    }
  }
  CHECK(events(journal, "X").size() == journal.steps.size());
  CHECK(events(Journaled{}, "X").empty());
}

}  // namespace perfetto_test
