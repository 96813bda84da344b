// Whole files: values and the runs they make, blocks, conditions, includes, tables, settings, limits.
#include <fmt/format.h>

#include "emu/script/suggest.h"
#include "test/script_text.h"

namespace script_read_test {

using namespace ringside;
using namespace ringside::script;
using namespace ringside::test;
using namespace std::chrono_literals;

namespace {

const std::string boots = "xen boots dom1\n";

std::vector<std::string> printed(const Scenario& run) {
  std::vector<std::string> texts;
  for (const Statement& each : run.statements) {
    const auto* act = std::get_if<Act>(&each.what);
    if (act == nullptr) continue;
    if (const auto* prints = std::get_if<Prints>(act)) texts.push_back(prints->payload.bytes());
  }
  return texts;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("parameters and cases multiply, and a run is named after its values") {
  const Parsed reading = read_text(long_input);
  CHECK(reading.names() == Texts{"test[BYTES=480,LOSS=on]", "test[BYTES=480,LOSS=off]",
                                 "test[BYTES=481,LOSS=on]", "test[BYTES=481,LOSS=off]",
                                 "test[BYTES=1000,LOSS=on]", "test[BYTES=1000,LOSS=off]"});
  CHECK(reading.runs[4].bindings.at(1).name == "LOST");
  CHECK(reading.runs[4].bindings.at(1).value == "9");
  CHECK_FALSE(reading.runs[4].bindings.at(1).in_name);
  CHECK(reading.runs[4].setup.quirks.has(Quirk::xcs_drop_when_full));
  CHECK_FALSE(reading.runs[5].setup.quirks.has(Quirk::xcs_drop_when_full));
}

TEST_CASE("a row is named by as many columns as distinguish it from the others") {
  const Parsed reading =
      read_text("scenario \"t\"\ncases A B C\n  1 x 5\n  1 y 6\n" + boots + "dom1 prints \"{A}{B}{C}\"\n");
  CHECK(reading.names() == Texts{"test[A=1,B=x]", "test[A=1,B=y]"});
  CHECK(printed(reading.runs[1]) == Texts{"1y6"});
}

TEST_CASE("a given value replaces a parameter's, and selects rows of a table") {
  const auto names = [](const Given& given) { return read_text(long_input, Mode::sim, given).names(); };
  CHECK(names({{"BYTES", "481"}, {"LOSS", "off"}}) == Texts{"test[BYTES=481,LOSS=off]"});
  CHECK(names({{"LOST", "9"}, {"LOSS", "on"}}) == Texts{"test[BYTES=1000,LOSS=on]"});
  const Parsed none = read_text(long_input, Mode::sim, {{"BYTES", "5"}});
  CHECK(none.runs.empty());
  CHECK(none.says("no row has BYTES=5"));
  const Parsed other =
      read_text("scenario \"t\"\nparam N = 1, 2\n" + boots + "dom1 prints {N} bytes of \"x\"\n", Mode::sim,
                {{"N", "3"}});
  CHECK(other.names() == Texts{"test[N=3]"});
  CHECK(printed(other.runs.at(0)) == Texts{"xxx"});
}

TEST_CASE("a line with a condition is part of its runs only, and is checked in all runs") {
  const Parsed reading = read_text(long_input);
  CHECK(reading.runs[0].statements.size() == reading.runs[1].statements.size());
  const Parsed bad = read_text("scenario \"t\"\nparam P = on, off\n" + boots +
                                   "dom1 prints \"a\" when P is on\ndom1 prnts \"a\" when P is off\n",
                               Mode::sim, {{"P", "on"}});
  CHECK(bad.says("did you mean \"prints\""));
}

TEST_CASE("the mode is a value too, and a scenario for one mode has no run in the other") {
  const std::string text =
      "scenario \"t\"\n" + boots + "dom1 prints \"{MODE}\"\ndom1 prints \"b\" when MODE is real\n";
  CHECK(printed(read_text(text, Mode::sim).runs.at(0)) == Texts{"sim"});
  CHECK(printed(read_text(text, Mode::real).runs.at(0)) == Texts{"real", "b"});
  CHECK(read_text("scenario \"t\"\nmode sim\n" + boots, Mode::real).runs.empty());
  CHECK(read_text("scenario \"t\"\nmode real\n" + boots, Mode::sim).runs.empty());
}

TEST_CASE("a repeat is unrolled, and its number has a name") {
  const Parsed reading = read_text("scenario \"t\"\nlet WORD = \"n\"\n" + boots +
                                   "repeat 2 as I\n  repeat 2\n    dom1 prints \"{WORD}{I}\"\n  end\nend\n");
  CHECK(reading.script.diagnostics.errors() == 0);
  CHECK(printed(reading.runs.at(0)) == Texts{"n1", "n1", "n2", "n2"});
  CHECK(reading.runs[0].statements.back().round == "I=2, round 2");
}

TEST_CASE("domains may be numbered by a repeat") {
  const Parsed reading =
      read_text("scenario \"t\"\nxen boots dom1..dom3\nrepeat 3 as I\n  dom{I} prints \"a\"\nend\n");
  CHECK(reading.script.diagnostics.errors() == 0);
  CHECK(printed(reading.runs.at(0)).size() == 3);
}

TEST_CASE("a together block is one statement") {
  const Parsed reading =
      read_text("scenario \"t\"\n" + boots + "together\n  dom1 prints \"a\"\n  dom1 prints \"b\"\nend\n");
  REQUIRE(reading.runs.at(0).statements.size() == 2);
  CHECK(std::get<Together>(reading.runs[0].statements[1].what).statements.size() == 2);
}

TEST_CASE("each setting is in the setup of the run") {
  const Parsed reading = read_text(
      "scenario \"t\"\nseed 5..9\nmode both\nabi flat\ntimeout 250ms\ntag slow\ntag ring\ngolden\n"
      "quirk xcs-fd2 on\nquirk xcs-sigpipe off\nignore event xen -> xcs\n" +
      boots);
  CHECK(reading.script.diagnostics.errors() == 0);
  CHECK(reading.said().starts_with("warning[W009]: `golden` compares nothing"));
  const Setup& setup = reading.runs.at(0).setup;
  CHECK(setup.seeds.first == 5);
  CHECK(setup.seeds.last == 9);
  CHECK(setup.says_mode);
  CHECK(setup.golden);
  CHECK(setup.abi == ring::Abi::flat);
  CHECK(setup.timeout == 250ms);
  CHECK(reading.script.sources.text(setup.timeout_span) == "250ms");
  CHECK(setup.tags == Texts{"slow", "ring"});
  CHECK(setup.quirks.has(Quirk::xcs_fd2));
  CHECK_FALSE(setup.quirks.has(Quirk::xcs_sigpipe));
  CHECK(setup.ignores.size() == 1);
}

TEST_CASE("an included file is inserted in its place, and errors name it") {
  const Files files{{"test.scn", "scenario \"t\"\ninclude \"sub/a.scn\"\ndom1 prints \"c\"\n"},
                    {"sub/a.scn", "include \"b.scn\"\ndom1 prints \"b\"\n"},
                    {"sub/b.scn", "xen boots dom1\ndom1 prints \"a\"\ndom1 prnts \"x\"\n"}};
  const Parsed reading = read_files(files);
  CHECK(printed(reading.runs.at(0)) == Texts{"a", "b", "c"});
  CHECK(reading.says("--> sub/b.scn:3:6            (included from sub/a.scn:1, from test.scn:2)"));
}

TEST_CASE("a suite includes scenarios, each with its own runs") {
  const Files files{{"test.scn", "include \"one.scn\"\ninclude \"two.scn\"\n"},
                    {"one.scn", hello},
                    {"two.scn", forged_index + forged_index}};
  CHECK(read_files(files).names() ==
        Texts{"one", "two[TRUST=on]", "two[TRUST=off]", "two-2[TRUST=on]", "two-2[TRUST=off]"});
}

TEST_CASE("endless includes are refused") {
  Files circle{{"test.scn", "scenario \"t\"\ninclude \"a.scn\"\n"}, {"a.scn", "include \"test.scn\"\n"}};
  CHECK(read_files(circle).says("it includes itself"));
  Files deep{{"test.scn", "scenario \"t\"\ninclude \"0\"\n"}};
  for (int at = 0; at < 20; ++at) deep[std::to_string(at)] = fmt::format("include \"{}\"\n", at + 1);
  CHECK(read_files(deep).says("nested deeper than"));
  Files wide{{"test.scn", "scenario \"t\"\ninclude \"0\"\n"}};
  for (int at = 0; at < 7; ++at) {
    for (int times = 0; times < 10; ++times)
      wide[std::to_string(at)] += fmt::format("include \"{}\"\n", at + 1);
  }
  wide["7"] = "# nothing\n";
  CHECK(read_files(wide).says("too many files"));
}

TEST_CASE("cases may come from another file") {
  const Parsed reading = read_files(
      {{"test.scn", "scenario \"t\"\ncases N T from \"t.csv\"\n" + boots + "dom1 prints {N} bytes of {T}\n"},
       {"t.csv", "WHY,N,T\nbecause,2,\"a, \"\"b\"\nagain, 3 ,ab\n\n"}});
  // A word is not a text: the second row's T is reported where it is used.
  CHECK(reading.says("a text to repeat is expected here"));
  REQUIRE(reading.runs.size() == 2);
  CHECK(printed(reading.runs[0]) == Texts{"a,"});
  CHECK(reading.runs[1].bindings.at(0).value == "3");
}

TEST_CASE("all errors of a file are reported, each once, in the order of the lines") {
  const Parsed reading =
      read_text("scenario \"t\"\nparam N = 1, 2, 3\n" + boots +
                "dom1 prnts \"{N}\"\nexpect usr sees \"a\"\ndom2 prints {N} bytes of \"a\"\n");
  CHECK(reading.script.diagnostics.errors() == 3);
  const std::string said = reading.said();
  CHECK(said.find("prnts") < said.find("usr"));
  CHECK(said.find("usr") < said.find("nothing boots dom2"));
}

TEST_CASE("a file with ten thousand errors reports a hundred") {
  std::string text = "scenario \"t\"\n";
  for (int at = 0; at < 10'000; ++at) text += "wrong\n";
  const Parsed reading = read_text(text);
  CHECK(reading.script.diagnostics.all().size() == diagnostics_max);
  CHECK(reading.says("... and 9900 more"));
}

TEST_CASE("an error prints no control character of the file") {
  const std::string said = read_text("scenario \"\x1b[31m\x07\"\n\x1b]0;x\x07 \xc2\x9b 31m\n").said();
  CHECK(said.find('\x1b') == std::string::npos);
  CHECK(said.find('\x07') == std::string::npos);
  CHECK(said.find("\xc2\x9b") == std::string::npos);
}

TEST_CASE("a journal gets one error, which says what it is and what to do") {
  const auto said = [](const std::string& path, const std::string& text) {
    const Script script = read_script(path, [&](const std::string&) -> Result<std::string> { return text; });
    CHECK(script.diagnostics.all().size() == 1);
    return script.diagnostics.text(script.sources);
  };
  const std::string golden = said("sub/hello.journal", "## hello\n# xen\nxen says: created Domain-0\n");
  CHECK(golden.find("error[E048]: this is a golden journal") != std::string::npos);
  CHECK(golden.find("ringside run sub/hello.scn") != std::string::npos);
  const std::string run = said("out.jsonl", "{\"step\":1}\n{\"step\":2}\n");
  CHECK(run.find("ringside view out.jsonl") != std::string::npos);
}

TEST_CASE("a column counts characters, and a caret is below its word") {
  CHECK(read_lines("dom1 prints \"žluťoučký\" lodly")
            .says("test.scn:5:25\n5 | dom1 prints \"žluťoučký\" lodly\n"
                  "  |                         ^^^^^"));
}

TEST_CASE("each limit is reported when it is reached") {
  CHECK(read_text(std::string(source_bytes_max + 1, ' ')).says("longer than"));
  CHECK(read_lines("# " + std::string(source_line_bytes_max, 'x')).says("a line that is too long"));
  CHECK(read_lines("expect user sees /" + std::string(201, 'x') + "/").says("a pattern that is too long"));
  CHECK(read_lines("repeat 100000\n  repeat 100000\n    dom1 prints \"a\"\n  end\nend").says("too long"));
  CHECK(read_lines("repeat 1\nrepeat 1\nrepeat 1\nrepeat 1\nrepeat 1\nend\nend\nend\nend\nend")
            .says("the limit is 4"));
  std::string values = "param A = 0";
  for (int at = 1; at < 30; ++at) values += fmt::format(", {}", at);
  std::string three = values + "\n";
  for (const char name : {'B', 'C'}) three += values.replace(6, 1, 1, name) + "\n";
  CHECK(read_text("scenario \"t\"\n" + three + boots).says("too many combinations"));
  std::string doubling = "scenario \"t\"\nlet A0 = \"" + std::string(100, 'x') + "\"\n";
  for (int at = 1; at < 10; ++at)
    doubling += fmt::format("let A{} = \"{{A{}}}{{A{}}}\"\n", at, at - 1, at - 1);
  CHECK(read_text(doubling + boots).says("a text that is too long"));
}

TEST_CASE("a word is only suggested for similar words") {
  const std::string_view words[] = {"types", "connects", "disconnects", "to"};
  CHECK(nearest("typs", words) == "types");
  CHECK(nearest("ytpes", words) == "types");
  CHECK(nearest("DISCONECTS", words) == "disconnects");
  CHECK(nearest("ot", words) == "to");
  CHECK(nearest("x", words).empty());
  CHECK(nearest("reboots", words).empty());
  CHECK(nearest(std::string(10'000, 'a'), words).empty());
}

}  // namespace script_read_test
