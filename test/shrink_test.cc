// The smallest scenario that fails for the same reason.
#include "emu/script/shrink.h"

#include <algorithm>

#include "emu/script/print.h"
#include "emu/script/reason.h"
#include "emu/script/sim_stage.h"
#include "test/catch.h"
#include "test/script_text.h"

namespace shrink_test {

using namespace ringside;
using namespace ringside::script;
using namespace ringside::test;

namespace {

constexpr std::uint64_t seeds_tried_max = 200;

Choice drawn_from(std::uint64_t seed) {
  return seed == plain_seed ? Choice::first() : Choice::seeded(seed);
}

RunRecord play(const Scenario& scenario, std::uint64_t seed = plain_seed) {
  const StageFactory factory = [seed](StagePlan plan) {
    return std::make_unique<SimStage>(std::move(plan), drawn_from(seed));
  };
  Run run(scenario, factory, {.order = drawn_from(seed)});
  return run.go();
}

const ScenarioRunner player = [](const Scenario& scenario, std::uint64_t seed) {
  return play(scenario, seed);
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

struct Small {
  Scenario scenario;
  std::string text;
  std::vector<std::string> met;  ///< the causes
};

/// What is left of `text`, a scenario whose only run fails with that seed.
Small shrunk(const std::string& text, std::uint64_t seed = plain_seed) {
  const Parsed parsed = read_text(text);
  INFO(parsed.said());
  REQUIRE(parsed.script.diagnostics.errors() == 0);
  REQUIRE(parsed.runs.size() == 1);
  const RunRecord record = play(parsed.runs[0], seed);
  REQUIRE(record.outcome == Outcome::failed);
  const Reason reason(parsed.runs[0], seed, record, player, [] { return false; });
  Scenario failing = parsed.runs[0];
  failing.setup.seeds = {reason.seed(), reason.seed()};
  const Shrunk found = shrink(std::move(failing), [&](const Scenario& each) -> std::optional<std::uint64_t> {
    if (reason.holds_for(each, each.setup.seeds.first)) return each.setup.seeds.first;
    for (std::uint64_t other = 2; reason.depends_on_order() && other <= seeds_tried_max; ++other) {
      if (reason.holds_for(each, other)) return other;
    }
    return {};
  });
  CHECK(found.finished);
  return {found.scenario, written(found.scenario), reason.met(found.scenario)};
}

std::string with_dom1(const std::string& lines) {
  return "scenario \"t\"\nmode sim\nxen boots dom1\nuser connects to dom1\n" + lines;
}

}  // namespace

TEST_CASE("parts that a failure does not need are left out, shortened and turned off") {
  const Parsed parsed = read_text(
      "scenario \"t\"\nmode sim\nquirk xcs-drop-when-full on\nquirk xend-no-input-limit on\nquirk kcons-lfcr "
      "on\n"
      "xen boots dom1, dom2\nuser connects to dom1\nuser[b] connects to dom2\ndom2 prints \"noise\"\n"
      "expect user[b] sees \"noise\"\nxen pauses dom1\nafter 3ms\nuser types 2000 bytes of \"abc\" in one "
      "write\n"
      "together\n  dom2 prints \"more\"\n  expect user[b] sees \"more\"\nend\n"
      "expect xcs.dropped settles at 0\ndom2 prints \"last\"\n");
  INFO(parsed.said());
  REQUIRE(parsed.script.diagnostics.errors() == 0);
  const StillFails fails = [](const Scenario& candidate) -> std::optional<std::uint64_t> {
    const RunRecord record = play(candidate);
    const bool same = std::ranges::any_of(record.failures, [](const Failure& each) {
      return written(*each.pattern) == "xcs.dropped settles at 0";
    });
    if (record.outcome != Outcome::failed || !same) return {};
    return 1;
  };
  const Shrunk shrunk = shrink(parsed.runs.at(0), fails);
  const std::string text = written(shrunk.scenario);
  INFO(text);
  CHECK(shrunk.finished);
  CHECK(size_of(shrunk.scenario) == 4);
  CHECK(!has(text, "dom2"));
  CHECK(!has(text, "kcons-lfcr"));
  CHECK(has(text, "user types 481 bytes of \"abc\""));
  CHECK(shrink(parsed.runs.at(0), fails, 3).attempts == 3);
}

TEST_CASE("if a line keeps a text from arriving, the line and the text both stay") {
  const Small small = shrunk(
      "scenario \"t\"\nmode sim\nxen boots dom1, dom2\nuser connects to dom1\nuser[b] connects to dom2\n"
      "dom2 prints \"noise\"\nexpect user[b] sees \"noise\"\nxen pauses dom1\nuser types \"ls -l /home\"\n"
      "expect dom1 reads \"ls -l /home\"\ndom2 prints \"more\"\nexpect user[b] sees \"more\"\n");
  INFO(small.text);
  CHECK(size_of(small.scenario) == 5);
  CHECK(has(small.text, "xen pauses dom1\nuser types \"l\"\nexpect dom1 reads \"l\"\n"));
  CHECK(!has(small.text, "dom2"));
  CHECK(small.met == std::vector<std::string>{"without the line: xen pauses dom1"});
  CHECK(play(small.scenario).failures.size() == 1);
}

TEST_CASE("lines that belong together are one cause") {
  const Small stopped = shrunk(with_dom1(
      "dom1 prints \"noise\"\nexpect user sees \"noise\"\nxend stops\nxend starts\ndom1 prints \"more\"\n"
      "expect user sees \"more\"\n"));
  INFO(stopped.text);
  CHECK(has(stopped.text, "xend stops\nxend starts\n"));
  CHECK(stopped.met == std::vector<std::string>{"without the lines: xend stops; xend starts"});

  const Small suspended = shrunk(
      with_dom1("dom1 prints \"noise\"\nexpect user sees \"noise\"\nxend suspends dom1\nxend resumes dom1\n"
                "dom1 prints \"more\"\nexpect user sees \"more\"\nexpect no xend says \"resumed\" for 5ms\n"
                "expect xcs.refused_calls settles at 0\nexpect dom1.tx settles at req_prod 2\n"
                "expect dom1.rx settles at req_prod 0\n"));
  INFO(suspended.text);
  CHECK(has(suspended.text, "xend suspends dom1\nxend resumes dom1\n"));
  CHECK(suspended.met ==
        std::vector<std::string>{"without the lines: xend suspends dom1; xend resumes dom1"});
}

TEST_CASE("early answers are left out unless they are a cause") {
  const std::string begin =
      "scenario \"t\"\nmode sim\nanswer xcs\nxen boots dom1\nuser connects to dom1\nxend stalls\n"
      "dom1 prints \"one\"\n";
  const Small alike = shrunk(begin + "expect user sees \"one\"\n");
  INFO(alike.text);
  CHECK(!has(alike.text, "answer xcs"));
  CHECK(has(alike.text, "xend stalls"));
  const Small cause = shrunk(begin + "expect dom1.tx settles at req_prod 1 rsp_prod 0\n");
  INFO(cause.text);
  CHECK(has(cause.text, "answer xcs"));
  CHECK(std::ranges::find(cause.met, "without early answers") != cause.met.end());
}

TEST_CASE("each of several causes stays in the scenario") {
  const Small small = shrunk(
      "scenario \"t\"\nmode sim\nquirk xcs-events-only on\nquirk kcons-lfcr on\nxen boots dom1\n"
      "user connects to dom1\nclient connects\nfault drops next 2 events dom1 -> xcs\ndom1 prints \"one\"\n"
      "client binds port 2 type console\nexpect user sees \"one\"\n");
  INFO(small.text);
  // With the quirk off xcs looks at the ring for a client that binds. Without that line the quirk would be no
  // cause.
  CHECK(has(small.text, "quirk xcs-events-only on"));
  CHECK(has(small.text, "client binds"));
  CHECK(has(small.text, "fault drops next 1 event dom1 -> xcs"));
  CHECK(!has(small.text, "kcons-lfcr"));
  CHECK(std::ranges::find(small.met, "without quirks") != small.met.end());
  CHECK(std::ranges::find(small.met, "without faults") != small.met.end());
}

TEST_CASE("a text is shortened together with its expectations and with the counts of its bytes") {
  const Small parts = shrunk(
      with_dom1("dom1 prints \"one \"\nxend stalls\ndom1 prints \"two\"\nexpect user sees \"one two\"\n"));
  INFO(parts.text);
  CHECK(size_of(parts.scenario) == 5);
  CHECK(has(parts.text, "xend stalls\ndom1 prints \"t\"\nexpect user sees \"t\"\n"));

  const Small counted = shrunk(
      "scenario \"t\"\nmode sim\nxen boots dom1\ndom1 stops answering\nxenctld attaches pty to dom1 as P\n"
      "user types \"some words\" at P\nexpect dom1 reads \"some words\"\n");
  INFO(counted.text);
  CHECK(has(counted.text, "user types \"s\" at P\nexpect dom1 reads \"s\"\n"));

  const Small bytes = shrunk(
      "scenario \"t\"\nmode sim\nxen boots dom1\nxenctld stops answering\ndom1 prints \"abcdefgh\"\n"
      "expect xenctld.queued settles at 8\nexpect dom1.tx settles at rsp_prod 1\n");
  INFO(bytes.text);
  CHECK(has(bytes.text, "dom1 prints \"a\"\n"));
}

TEST_CASE("lines that depend on another line are left out together with it") {
  const Parsed parsed = read_text(
      with_dom1("user[b] connects to dom1\ndom1 prints \"x\"\nuser[b] types \"a\"\ndom1 prints \"y\"\n"
                "user[b] disconnects\nexpect user sees \"z\"\n"));
  INFO(parsed.said());
  REQUIRE(parsed.script.diagnostics.errors() == 0);
  // The failure seems to need any of the three lines that is left in.
  const StillFails fails = [](const Scenario& candidate) -> std::optional<std::uint64_t> {
    const std::string text = written(candidate);
    const auto lines =
        std::ranges::count_if(std::vector{"user[b] connects", "user[b] types", "user[b] disconnects"},
                              [&](const char* each) { return has(text, each); });
    if (lines == 1 || lines == 2 || !has(text, "expect user sees")) return {};
    return plain_seed;
  };
  const Shrunk found = shrink(parsed.runs.at(0), fails);
  CHECK(!has(written(found.scenario), "user[b]"));
}

TEST_CASE("if there is no cause, the missing text still comes as far as before") {
  const Small small = shrunk(
      with_dom1("dom1 prints \"a\"\nexpect user sees \"a\"\ndom1 prints \"b\"\nexpect user sees \"bc\"\n"));
  INFO(small.text);
  CHECK(small.met.empty());
  CHECK(has(small.text, "dom1 prints"));
  CHECK(has(small.text, "user connects"));

  const Small wrong = shrunk(with_dom1("dom1 prints \"hello\"\nexpect user sees \"hellO\"\n"));
  INFO(wrong.text);
  CHECK(has(wrong.text, "dom1 prints \"hello\""));
}

TEST_CASE("a failure that needs no other order of events is shrunk in the plain one") {
  const std::string text = with_dom1("xen pauses dom1\nuser types \"x\"\nexpect dom1 reads \"x\"\n");
  const Small small = shrunk(text, 7);
  CHECK(small.scenario.setup.seeds.first == plain_seed);
  CHECK(small.met == std::vector<std::string>{"without the line: xen pauses dom1"});

  // With cuts on, a seed may cut the text.
  const std::string cut =
      "scenario \"t\"\nmode sim\ncuts on\nxen boots dom1\nuser connects to dom1\n"
      "dom1 prints \"hello\"\nexpect xcs forwards request console \"hello\" from dom1 to xend\n";
  const Parsed parsed = read_text(cut);
  std::uint64_t seed = 2;
  while (seed < seeds_tried_max && play(parsed.runs.at(0), seed).outcome == Outcome::passed) ++seed;
  const Small ordered = shrunk(cut, seed);
  INFO(ordered.text);
  CHECK(ordered.met == std::vector<std::string>{"in the plain order of events"});
  CHECK(ordered.scenario.setup.seeds.first != plain_seed);
  CHECK(play(ordered.scenario, ordered.scenario.setup.seeds.first).outcome == Outcome::failed);
  CHECK(play(ordered.scenario).outcome == Outcome::passed);
}

}  // namespace shrink_test
