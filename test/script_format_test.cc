// The formatter, and hostile input: reading a file of any contents ends with diagnostics or with runs, and
// formatting changes no word.
#include <random>

#include "test/script_promise.h"

namespace script_format_test {

using namespace ringside;
using namespace ringside::script;
using namespace ringside::test;

namespace {

const std::string examples[] = {hello, long_input, forged_index, pty};

}  // namespace

TEST_CASE("the examples are in the standard layout") {
  for (const std::string& text : examples) CHECK(formatted(text) == text);
}

TEST_CASE("words get one space, blocks an indent, tables columns, comments a column") {
  const std::string wild =
      "\n\nscenario   \"t\"   # what\n"
      "cases BYTES ,LOST\n\t1000 0\n  5    \"x y\"  # second\n\n\n"
      "# alone\nxen  boots dom1 ,dom2 . . dom3\n";
  CHECK_FALSE(formatted(wild).has_value());
  CHECK(formatted("\n\nscenario   \"t\"   # what\n"
                  "cases BYTES ,LOST\n\t1000 0\n  5    \"x y\"  # second\n\n"
                  "# alone\r\nxen\tboots dom1 ,dom2 .. dom3\n"
                  "repeat 2   as I\ndom1  writes tx [ 0 ] request console length 1 .. 60 \"a\" ...  \n"
                  "  # inside\nend\n\n\n") ==
        "scenario \"t\"                                     # what\n"
        "cases BYTES  LOST\n"
        "      1000   0\n"
        "      5      \"x y\"                               # second\n"
        "\n"
        "# alone\n"
        "xen boots dom1, dom2..dom3\n"
        "repeat 2 as I\n"
        "  dom1 writes tx[0] request console length 1..60 \"a\"...\n"
        "  # inside\n"
        "end\n");
}

TEST_CASE("comments after consecutive lines are aligned") {
  CHECK(formatted(
            "expect xcs forwards request console length 6 from dom1 to xend # long\ndom1 ends # short\n") ==
        "expect xcs forwards request console length 6 from dom1 to xend  # long\n"
        "dom1 ends                                                       # short\n");
}

TEST_CASE("an empty file stays empty, and an invalid file is not changed") {
  CHECK(formatted("") == "");
  CHECK(formatted("\n \n") == "");
  CHECK_FALSE(formatted("dom1 prints \"a\n").has_value());
}

TEST_CASE("formatting keeps every word, and a second time changes nothing") {
  std::mt19937 random(1);
  const auto pick = [&](std::size_t below) { return static_cast<std::size_t>(random() % below); };
  int changed = 0;
  for (int round = 0; round < 3000; ++round) {
    // Only spaces change: formatting must restore the example.
    const std::string& text = examples[pick(std::size(examples))];
    std::string spaced;
    for (const char c : text) {
      spaced += c;
      if (c == ' ' && pick(8) == 0 && spaced.find('"', spaced.rfind('\n') + 1) == std::string::npos)
        spaced += std::string(pick(3), pick(2) == 0 ? ' ' : '\t');
      if (c == '\n' && pick(10) == 0) spaced += pick(2) == 0 ? "\n" : "# a comment \n";
    }
    const auto once = formatted(spaced);
    REQUIRE(once.has_value());
    CHECK(seen(*once) == seen(spaced));
    CHECK(outcome(*once) == outcome(spaced));
    CHECK(formatted(*once) == once);
    if (*once != text) ++changed;
  }
  CHECK(changed > 100);
}

namespace {

/// One random change: a byte, a word moved to another place, a line cut, doubled or swapped.
std::string mutated(std::string text, std::mt19937& random) {
  const auto pick = [&](std::size_t below) {
    return static_cast<std::size_t>(random() % std::max<std::size_t>(below, 1));
  };
  static const std::string splices[] = {"\"",
                                        "{",
                                        "}",
                                        "{BYTES}",
                                        "\\",
                                        "..",
                                        "...",
                                        "[",
                                        "]",
                                        "|",
                                        "/",
                                        "->",
                                        "#",
                                        "##",
                                        "%",
                                        "99999999999999999999",
                                        "0",
                                        "-1",
                                        "1.5ms",
                                        "\t",
                                        std::string(1, '\0'),
                                        "\xff",
                                        "\xc2",
                                        "repeat 3\n",
                                        "end\n",
                                        "together\n",
                                        "include \"test.scn\"\n",
                                        "when ",
                                        "dom99999999",
                                        "cases A B\n 1\n",
                                        "param BYTES = {BYTES}\n",
                                        " bytes of \"\"",
                                        "scenario \"x\"\n"};
  switch (pick(5)) {
    case 0:
      if (!text.empty()) text[pick(text.size())] = static_cast<char>(pick(256));
      break;
    case 1:
      text.insert(pick(text.size() + 1), splices[pick(std::size(splices))]);
      break;
    case 2:
      text.erase(pick(text.size() + 1), pick(20));
      break;
    case 3: {
      const std::size_t from = pick(text.size() + 1);
      text.insert(pick(text.size() + 1), text.substr(from, pick(60)));
      break;
    }
    default: {
      const std::string& other = examples[pick(std::size(examples))];
      text.insert(pick(text.size() + 1), other.substr(pick(other.size()), pick(200)));
      break;
    }
  }
  return text;
}

}  // namespace

TEST_CASE("reading a file of any contents ends") {
  std::mt19937 random(20050701);
  std::size_t wrong = 0;
  std::size_t right = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string text = examples[random() % std::size(examples)];
    for (std::size_t changes = 1 + random() % 6; changes > 0; --changes)
      text = mutated(std::move(text), random);
    Parsed reading = read_text(text);
    static_cast<void>(check_all(reading.script));
    const std::string said = reading.said();
    CHECK((said.empty() || said.ends_with('\n')));
    ++(reading.script.diagnostics.errors() == 0 ? right : wrong);
    const auto once = formatted(text);
    if (!once) continue;
    CHECK(seen(*once) == seen(text));
    CHECK(outcome(*once) == outcome(text));
    CHECK(formatted(*once) == once);
  }
  // Both outcomes must occur often, or the test proves nothing.
  CHECK(wrong > 500);
  CHECK(right > 50);
}

}  // namespace script_format_test
