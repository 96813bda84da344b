// Asciicasts of journals: their screens, the data and the times, and markers.
#include "emu/trace/asciicast.h"

#include <nlohmann/json.hpp>
#include <sstream>

#include "emu/trace/journal.h"
#include "emu/trace/memory_sink.h"
#include "test/catch.h"

namespace asciicast_test {

using namespace ringside;
using namespace ringside::trace;
using nlohmann::json;

namespace {

constexpr Actor user = actor(Role::user);

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

template <class Say>
Journaled journal_of(Say say) {
  std::uint64_t now_ns = 0;
  MemorySink sink([&] { return now_ns += 500'000'000; });
  say(sink);
  Journaled journal;
  for (const auto& recorded : sink.entries()) journal.steps.push_back({recorded.step, recorded.entry});
  return journal;
}

std::vector<json> lines(const std::string& text) {
  std::vector<json> all;
  std::istringstream file(text);
  for (std::string line; std::getline(file, line);) all.push_back(json::parse(line));
  return all;
}

}  // namespace

TEST_CASE("a screen has the bytes that a user received, with their times") {
  const Journaled journal = journal_of([](Sink& sink) {
    Journal(sink, actor(Role::client)).bytes_passed(1, user, bytes_of("hello\r\n\x1b[1m"));
    Journal(sink, actor(Role::xend)).bytes_passed(1, actor(Role::client, 1), bytes_of("not yet on a screen"));
    Journal(sink, actor(Role::uart)).bytes_passed(0, user, bytes_of("(XEN) "));
    Journal(sink, user).bytes_passed(1, actor(Role::xend), bytes_of("typed"));
    Journal(sink, actor(Role::client)).bytes_passed(1, user, bytes_of("bye"));
  });
  CHECK(screens_of(journal) == std::vector<std::string>{"dom1", "serial line"});
  const auto cast = lines(to_asciicast(journal, "dom1"));
  REQUIRE(cast.size() == 3);
  CHECK(cast[0].at("version") == 2);
  CHECK(cast[0].at("width") == 80);
  CHECK(cast[1] == json::array({0.5, "o", "hello\r\n\x1b[1m"}));
  CHECK(cast[2] == json::array({2.5, "o", "bye"}));
  CHECK(lines(to_asciicast(journal, "serial line")).at(1).at(2) == "(XEN) ");
}

TEST_CASE("a character that arrives in pieces is shown when it is complete") {
  const Journaled journal = journal_of([](Sink& sink) {
    Journal journal(sink, actor(Role::client));
    journal.bytes_passed(1, user, bytes_of("a\xe2\x82"));
    journal.bytes_passed(1, user, bytes_of("\xac z"));
    journal.bytes_passed(1, user, bytes_of("\xff!\xc3"));
  });
  const auto cast = lines(to_asciicast(journal, "dom1"));
  REQUIRE(cast.size() == 5);
  CHECK(cast[1].at(2) == "a");
  CHECK(cast[2].at(2) == "\xe2\x82\xac z");
  CHECK(cast[3].at(2) == "?!");
  CHECK(cast[4].at(2) == "?");  // the end is missing
}

TEST_CASE("the scenario's lines are markers, and time never goes backwards") {
  Journaled journal =
      journal_of([](Sink& sink) { Journal(sink, actor(Role::client)).bytes_passed(1, user, bytes_of("x")); });
  JournalMark before;
  before.time_ns = -1000;
  before.line = 3;
  before.text = "xen boots dom1";
  JournalMark behind = before;
  behind.after = 1;
  behind.line = 4;
  journal.marks = {before, behind};
  const auto cast = lines(to_asciicast(journal, "dom1"));
  REQUIRE(cast.size() == 4);
  CHECK(cast[1] == json::array({0.0, "m", "line 3: xen boots dom1"}));
  CHECK(cast[2].at(1) == "o");
  CHECK(cast[3] == json::array({0.5, "m", "line 4: xen boots dom1"}));
}

}  // namespace asciicast_test
