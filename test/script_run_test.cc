// Scenarios on simulated machines: met and failed expectations, and their reports.
#include <fmt/format.h>

#include <algorithm>

#include "emu/script/print.h"
#include "emu/script/report.h"
#include "emu/script/sim_stage.h"
#include "test/catch.h"
#include "test/script_text.h"

namespace script_run_test {

using namespace ringside;
using namespace ringside::script;
using namespace ringside::test;

namespace {

/// As in `ringside run`: seed 1 is the plain order of events.
Choice drawn_from(std::uint64_t seed) {
  return seed == 1 ? Choice::first() : Choice::seeded(seed);
}

StageFactory simulated(std::uint64_t seed = 1) {
  return [seed](StagePlan plan) { return std::make_unique<SimStage>(std::move(plan), drawn_from(seed)); };
}

RunRecord play(const Scenario& scenario, std::uint64_t seed = 1) {
  Run run(scenario, simulated(seed), {.order = drawn_from(seed)});
  return run.go();
}

std::string told(const Parsed& parsed, const Scenario& scenario, const RunRecord& record) {
  return failure_report(scenario, parsed.script.sources, record, {});
}

/// All runs of `text` pass.
void check_passes(const std::string& text, std::uint64_t seed = 1) {
  const Parsed parsed = read_text(text);
  INFO(parsed.said());
  REQUIRE(parsed.script.diagnostics.errors() == 0);
  REQUIRE(!parsed.runs.empty());
  for (const Scenario& each : parsed.runs) {
    const RunRecord record = play(each, seed);
    INFO(told(parsed, each, record));
    CHECK(record.outcome == Outcome::passed);
  }
}

/// The report of the only run of `text`, which fails.
std::string report_of(const std::string& text) {
  const Parsed parsed = read_text(text);
  INFO(parsed.said());
  REQUIRE(parsed.script.diagnostics.errors() == 0);
  REQUIRE(parsed.runs.size() == 1);
  const RunRecord record = play(parsed.runs[0]);
  CHECK(record.outcome == Outcome::failed);
  return told(parsed, parsed.runs[0], record);
}

/// `lines` with dom1 booted and a user at its console.
std::string with_dom1(const std::string& lines) {
  return "scenario \"t\"\nmode sim\nxen boots dom1\nuser connects to dom1\n" + lines;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the four examples of the language pass as they are written") {
  for (const std::string& example : {hello, long_input, forged_index, pty}) check_passes(example);
}

TEST_CASE("a scenario that does not count messages passes with any seed") {
  for (const std::uint64_t seed : {2, 3, 4, 5, 6, 7, 8, 9}) check_passes(pty, seed);
}

TEST_CASE("each example fails when what it tests is broken") {
  const auto broken = [](std::string text, const std::string& sound, const std::string& other) {
    const std::size_t at = text.find(sound);
    REQUIRE(at != std::string::npos);
    text.replace(at, sound.size(), other);
    const Parsed parsed = read_text(text);
    INFO(parsed.said());
    REQUIRE(parsed.script.diagnostics.errors() == 0);
    bool failed = false;
    for (const Scenario& each : parsed.runs) failed = failed || play(each).outcome == Outcome::failed;
    return failed;
  };
  CHECK(broken(hello, "xen boots dom1", "xen boots dom1\nfault drops every event dom1 -> xcs"));
  CHECK(broken(long_input, "quirk xcs-drop-when-full {LOSS}", "quirk xcs-drop-when-full on"));
  CHECK(broken(forged_index, "quirk stale-indices {TRUST}", "quirk stale-indices on"));
  CHECK(broken(pty, "as P\n", "as P\nxenctld stalls\n"));
}

TEST_CASE("a run repeats bit for bit") {
  const Parsed parsed = read_text(long_input);
  for (const Scenario& each : parsed.runs) {
    const RunRecord one = play(each, 7);
    CHECK(journal_hash(one.state) == journal_hash(play(each, 7).state));
    CHECK(one.state.steps() > 0);
  }
}

TEST_CASE("texts must come next, unexpected line ends are skipped, patterns are searched for") {
  check_passes(
      with_dom1("dom1 prints \"one\\ntwo\\nthree\"\n"
                "expect user sees \"one\"\nexpect user sees \"two\\nth\"\nexpect user sees \"ree\"\n"));
  check_passes(
      with_dom1("dom1 prints \"noise login: \"\nexpect user sees /log.n/\nexpect user sees \": \"\n"));
  check_passes(with_dom1("dom1 prints \"abcdef\"\nexpect user sees \"abc\"...\nexpect user sees \"def\"\n"));
  const std::string report = report_of(with_dom1("dom1 prints \"one two\"\nexpect user sees \"two\"\n"));
  CHECK(has(report, "the next bytes are \"one two\""));
}

TEST_CASE("a pattern is found at any place of a long output, byte for byte") {
  check_passes(
      with_dom1("dom1 prints 8189 bytes of \"x\"\ndom1 prints \"login: \"\ndom1 prints 9000 bytes of \"y\"\n"
                "expect user sees /^x+login: y/\nexpect user sees /^y+$/\n"));
  check_passes(
      with_dom1("dom1 prints 20000 bytes of \"x\"\nexpect user sees /(x+)+x/\n"
                "dom1 prints |00 80 ff|\nexpect user sees /\\x00[\\x80-\\xff]{2}$/\n"));
  const std::string report =
      report_of(with_dom1("dom1 prints 60 bytes of \"a\"\nexpect user sees /(a+)+b/ within 1ms\n"));
  CHECK(has(report, "the bytes that came do not contain it"));
}

TEST_CASE("bytes that an ignore line names are skipped before the expected ones") {
  const std::string ignoring =
      "scenario \"t\"\nmode sim\nignore user sees /\\[[0-9]+\\] /\nignore user sees \"# \"\n";
  const std::string boots = "xen boots dom1\nuser connects to dom1\ndom1 prints \"# [17] one [18] two\"\n";
  check_passes(ignoring + boots + "expect user sees \"one \"\nexpect user sees \"two\"\n");
  const std::string report = report_of(ignoring + boots + "expect user sees \"two\" within 1ms\n");
  CHECK(has(report, "the next bytes are \"one [18] two\""));
}

TEST_CASE("a pattern begins where the expectation starts, not where a search continues") {
  const std::string report = report_of(with_dom1(
      "dom1 prints 20000 bytes of \"x\"\ndom1 prints \"end\"\nexpect user sees /^x?end/ within 1ms\n"));
  CHECK(has(report, "the bytes that came do not contain it"));
}

TEST_CASE("bytes after wrong ones are not checked, all other expectations are") {
  const std::string report =
      report_of(with_dom1("dom1 prints \"abc\"\nexpect user sees \"abX\"\nexpect user sees \"c\"\nexpect "
                          "dom1.tx req_prod 7 within 1ms\n"));
  CHECK(has(report, "(1 of 2 failed expectations"));
  CHECK(has(report, "2 bytes are right, then \"c\" follows in place of \"X\""));
  CHECK(has(report, "is at req_prod 1"));
  CHECK(has(report, "1 expectation about bytes after wrong ones not judged"));
}

TEST_CASE("each actor's expectations are in order, those of different actors are not") {
  check_passes(
      with_dom1("dom1 prints \"a\"\nexpect user sees \"a\"\nexpect event dom1 -> xcs\n"
                "expect dom1.tx req_prod 1\n"));
  const std::string report =
      report_of(with_dom1("dom1 prints \"a\"\nexpect event dom1 -> xcs\nexpect dom1 writes tx[0] request "
                          "console \"a\" within 5ms\n"));
  CHECK(has(report, "before the entry that met line 6"));
}

TEST_CASE("an expected state of a ring may last for a moment; a settled state must be the last") {
  check_passes(
      with_dom1("dom1 prints \"a\"\nexpect user sees \"a\"\nexpect dom1.tx req_prod 1 rsp_prod 0\n"
                "expect dom1.tx settles at rsp_prod 1\n"));
  const std::string report =
      report_of(with_dom1("dom1 prints \"a\"\nexpect dom1.tx settles at rsp_prod 1\nexpect dom1.tx req_prod "
                          "1 rsp_prod 0 within 5ms\n"));
  CHECK(has(report, "is at req_prod 1 rsp_prod 1"));
}

TEST_CASE("never and expect-no fail when a match comes, and warn when none can") {
  const std::string never =
      report_of(with_dom1("never event dom1 -> xcs\ndom1 prints \"a\"\nexpect user sees \"a\"\n"));
  CHECK(has(never, "and must not"));
  const std::string no = report_of(with_dom1("dom1 prints \"a\"\nexpect no bytes at user for 10ms\n"));
  CHECK(has(no, "this came: 1 byte \"a\""));
  const Parsed vacuous = read_text(with_dom1("never client receives virq\n"));
  const RunRecord record = play(vacuous.runs.at(0));
  CHECK(record.outcome == Outcome::passed);
  CHECK(record.warnings.size() == 1);
}

TEST_CASE("receives means arrival, after any faults on the way") {
  struct Way {
    std::string fault;     ///< the direction of the fault
    std::string act;       ///< the act that sends a message
    std::string received;  ///< the expectation at the far end
  };
  const std::string bound = "client connects\nclient binds type console\nexpect client receives ok\n";
  const Way way = GENERATE_COPY(
      Way{"xcs -> client", "dom1 prints \"x\"\n", "client receives request console \"x\""},
      Way{"xcs -> xend", "dom1 prints \"x\"\n", "xend receives request console \"x\" from dom1"},
      Way{"xend -> xcs", "user types \"x\"\n", "xcs receives request console \"x\" from xend"},
      Way{"client -> xcs", "client sends request console \"x\" to dom1\n",
          "xcs receives request console \"x\" from client"});
  INFO(way.fault);
  const auto lines = [&](const std::string& fault, const std::string& expected) {
    return with_dom1(bound + "fault " + fault + "\n" + way.act + expected);
  };
  const std::string come = "expect " + way.received;

  const std::string dropped = "drops next message " + way.fault;
  check_passes(lines(dropped, "expect no " + way.received + " for 50ms\n"));
  CHECK(has(report_of(lines(dropped, come + " within 5ms\n")), "nothing of the kind came"));

  const std::string doubled = "duplicates next message " + way.fault;
  check_passes(lines(doubled, come + "\n" + come + "\nexpect no " + way.received + " for 50ms\n"));
  CHECK(has(report_of(with_dom1(bound + way.act + come + "\n" + come + " within 5ms\n")), "it came at step"));

  const std::string late =
      "delays next message " + way.fault + " by 30ms\nnever " + way.received + " until \"it arrives\"";
  check_passes(lines(late, "after 20ms\n## it arrives\n" + come + " within 11ms\n"));
  CHECK(has(report_of(lines("delays next message " + way.fault + " by 30ms", come + " within 5ms\n")),
            "nothing of the kind came"));
}

TEST_CASE("a virq that is sent but does not arrive is not received") {
  const std::string lines =
      "client connects\nclient binds virq dom-exc\nexpect client receives ok\n"
      "fault drops every message xcs -> client\ndom1 ends\n";
  check_passes(with_dom1(lines + "expect no client receives virq for 50ms\n"));
  CHECK(has(report_of(with_dom1(lines + "expect client receives virq within 5ms\n")),
            "nothing of the kind came"));
}

TEST_CASE("output that is lost on the way is not queued in xend") {
  check_passes(with_dom1(
      "fault drops next message xcs -> xend\ndom1 prints \"lost\"\nexpect xend.queued settles at 0\n"));
  check_passes("scenario \"t\"\nxen boots dom1\ndom1 prints \"kept\"\nexpect xend.queued settles at 4\n");
}

TEST_CASE("a missing reply after xcs has closed the connection is reported as such, and is in the journal") {
  const std::string hung_up = "scenario \"t\"\nmode sim\nclient opens control\nclient says bye on control\n";
  const std::string report = report_of(hung_up + "expect client receives ok within 5ms\n");
  CHECK(has(report, "no reply came; xcs has closed its control connection"));
  CHECK(has(report, "client says \"xcs has closed its control connection\""));
  check_passes(hung_up + "expect client receives end on control\n");
  CHECK(has(report_of(with_dom1("client connects\nexpect client receives end within 5ms\n")),
            "the connection is still open"));
}

TEST_CASE("expectations of a together block may come in any order, and all must come") {
  check_passes(
      "scenario \"t\"\nmode sim\nxen boots dom1, dom2\nuser[a] connects to dom1\nuser[b] connects to dom2\n"
      "together\n  dom1 prints \"one\"\n  dom2 prints \"two\"\n  expect user[b] sees \"two\"\n"
      "  expect user[a] sees \"one\"\nend\n");
  const std::string report =
      report_of(with_dom1("dom1 prints \"a\"\ntogether\n  expect dom1 writes tx[0] request console \"a\"\n"
                          "  expect dom1 writes tx[0] request console \"a\" within 5ms\nend\n"));
  CHECK(has(report, "(1 of 1 failed expectation"));
}

TEST_CASE("equal lines of a together block need as many events, replies, bytes and messages") {
  struct Once {
    std::string act;    ///< meets the line once
    std::string again;  ///< and once more
    std::string line;
  };
  const std::string prints = "dom1 prints \"a\"\n";
  const Once once =
      GENERATE_COPY(Once{prints, prints, "user sees \"a\""}, Once{prints, prints, "user sees /a/"},
                    Once{prints, "after 1ms " + prints, "event dom1 -> xcs"},
                    Once{prints, "after 1ms " + prints, "xcs forwards 1 real message from dom1"},
                    Once{"client connects\nclient binds type debug\n", "client binds type console\n",
                         "client receives ok"});
  INFO(once.line);
  const std::string two =
      "together\n  expect " + once.line + "\n  expect " + once.line + " within 5ms\nend\n";
  CHECK(has(report_of(with_dom1(once.act + two)), "(1 of 1 failed expectation"));
  check_passes(with_dom1(once.act + once.again + two));
}

TEST_CASE("bytes that a together block expects may come in any order, and none of them counts twice") {
  const std::string lines =
      "together\n  expect user sees \"two\"\n  expect user sees /o.e/\n  expect user sees \"three\"\nend\n";
  check_passes(with_dom1("dom1 prints \"onetwothree\"\n" + lines));
  check_passes(with_dom1("dom1 prints \"threeonetwo\"\n" + lines));
  check_passes(
      with_dom1("dom1 prints \"two\"\n" + std::string("after 1ms dom1 prints \"three one\"\n") + lines));
  CHECK(has(report_of(with_dom1("dom1 prints \"onetwotwo\"\n" + lines)), "(1 of 1 failed"));
}

TEST_CASE("a message that xcs or xend forwards has a sender") {
  const std::string clients =
      "scenario \"t\"\nmode sim\ntimeout 5ms\nxen boots dom1, dom2\nuser connects to dom1\n"
      "user[b] connects to dom2\nclient connects\nclient[b] connects\n";
  const std::string sends = "client[b] sends request type 5 to dom1\n";
  check_passes(clients + sends + "expect xcs forwards request type 5 from client[b] to dom1\n");
  CHECK(has(report_of(clients + sends + "expect xcs forwards request type 5 from client to dom1\n"),
            "(1 of 1"));
  CHECK(
      has(report_of(clients + sends + "expect xcs forwards request type 5 from xend to dom1\n"), "(1 of 1"));
  const std::string types = "user[b] types \"x\"\n";
  check_passes(clients + types + "expect xend forwards request console \"x\" from user[b] to xcs\n" +
               "expect xcs forwards request console \"x\" from xend to dom2\n");
  CHECK(has(report_of(clients + types + "expect xend forwards request console \"x\" from user to xcs\n"),
            "(1 of 1"));
}

TEST_CASE("a count of forwarded messages counts what was sent on, and to whom") {
  const std::string prints = "client connects\ndom1 prints \"a\"\nexpect user sees \"a\"\n";
  check_passes(with_dom1(prints + "expect xcs forwards 1 real message from dom1 to xend\n"));
  const std::string to_client =
      report_of(with_dom1(prints + "expect xcs forwards 1 real message from dom1 to client within 5ms\n"));
  CHECK(has(to_client, "it forwarded 0 real and 0 stale ones of 1 and 0"));
  const std::string taken =
      report_of(with_dom1("xend stops\ndom1 prints \"a\"\nexpect dom1.tx.req_cons >= 1\n"
                          "expect xcs forwards 1 real message from dom1 within 5ms\n"));
  CHECK(has(taken, "it forwarded 0 real"));
  // Equal messages, two receivers.
  const std::string equal =
      "client connects\nclient binds type console\nexpect client receives ok\n"
      "xcs stalls\nrepeat 3\n  dom1 prints \"x\"\n  after 1ms\nend\nxcs starts\n";
  check_passes(with_dom1(equal + "expect xcs forwards 3 real messages from dom1 to client\n"));
  check_passes(with_dom1(equal + "expect xcs forwards 3 real messages from dom1\n"));
  // A batch counts as a whole.
  CHECK(has(report_of(with_dom1(equal + "expect xcs forwards 2 real messages from dom1\n")),
            "it forwarded 3 real and 0 stale ones of 2 and 0"));
}

TEST_CASE("a new domain has neither the indices nor the input of an earlier one with its id") {
  const std::string earlier = with_dom1(
      "dom1 prints \"a\"\nexpect user sees \"a\"\n"
      "user types \"abc\" in one write\nexpect dom1 reads \"abc\"\nxen destroys dom1\nexpect user receives "
      "end\n"
      "xen boots dom1\nuser[b] connects to dom1\n");
  CHECK(has(report_of(earlier + "expect dom1.tx req_prod 1 rsp_prod 0 within 5ms\n"), "is at req_prod 0"));
  CHECK(has(report_of(earlier + "expect dom1 reads \"abc\" within 5ms\n"), "nothing"));
  check_passes(earlier +
               "dom1 prints \"b\"\nexpect dom1.tx req_prod 1 rsp_prod 0\n"
               "user[b] types \"xyz\" in one write\nexpect dom1 reads \"xyz\"\n");
  // The page of a domain that was created is its page when it is started.
  check_passes(
      "scenario \"t\"\nmode sim\nxen creates dom1\ndom1 sets tx.req_prod to 3\nxen boots dom1\n"
      "expect dom1.tx req_prod 3\n");
}

TEST_CASE("an impossible act ends the run, and its line is reported") {
  const Parsed parsed = read_text(with_dom1("dom1 ends\nafter 100ms xen kills dom1\nuser types \"x\"\n"));
  REQUIRE(parsed.script.diagnostics.errors() == 0);
  const RunRecord record = play(parsed.runs.at(0));
  CHECK(record.outcome == Outcome::could_not_run);
  CHECK(record.error_line.line == 6);
  CHECK(has(told(parsed, parsed.runs[0], record), "ERROR t"));
}

TEST_CASE("entries of a report can be pasted back, and are then met by the same entry") {
  std::size_t pasted = 0;
  for (const std::string& text : {hello, pty}) {
    const Parsed parsed = read_text(text);
    const RunRecord record = play(parsed.runs.at(0));
    for (Step step = 1; step <= record.state.steps(); ++step) {
      const std::string words = as_expected(record.state.at(step), record.names);
      if (words.starts_with('#')) continue;
      INFO(words);
      const Parsed again =
          read_text("scenario \"t\"\nxen boots dom1\nuser connects to dom1\nexpect " + words + "\n");
      // A machine has only one of the two controllers, so naming both is the only allowed error.
      const bool other_controller = has(words, "xenctld") || has(words, "shows");
      if (other_controller) continue;
      INFO(again.said());
      REQUIRE(again.script.diagnostics.errors() == 0);
      ++pasted;
    }
  }
  CHECK(pasted > 10);
}

TEST_CASE("each form about the rings of bytes is met") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) check_passes(today, seed);
}

TEST_CASE("a scenario that is written out and read back is the same run") {
  for (const std::string& text : {hello, long_input, forged_index, pty, today}) {
    const Parsed parsed = read_text(text);
    for (const Scenario& each : parsed.runs) {
      const std::string again = written(each);
      const Parsed reread = read_text(again);
      INFO(again << reread.said());
      REQUIRE(reread.script.diagnostics.errors() == 0);
      REQUIRE(reread.runs.size() == 1);
      CHECK(written(reread.runs[0]) == again);
      CHECK(journal_hash(play(reread.runs[0]).state) == journal_hash(play(each).state));
    }
  }
}

}  // namespace script_run_test
