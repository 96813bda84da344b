// The conformance suite on every plug-in: correct rings pass, and it finds the bugs that one thread can find.
#include "emu/check/conformance.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <set>

#include "emu/check/bugs.h"
#include "test/catch.h"
#include "test/ring_plugin.h"

namespace conformance_test {

using namespace ringside::check;
using namespace ringside::test;

namespace {

std::string failures(const Subject& subject) {
  std::string text;
  for (const ConformanceCheck& check : check_conformance(subject)) {
    if (check.outcome == Conforms::fail) text += fmt::format("{}: {}\n", check.name, check.why);
  }
  return text;
}

/// Whether a check of this name has this outcome.
bool has(const std::vector<ConformanceCheck>& checks, std::string_view name, Conforms outcome) {
  for (const ConformanceCheck& check : checks) {
    if (check.name == name) return check.outcome == outcome;
  }
  return false;
}

constexpr std::uint64_t long_messages = 20'000;

}  // namespace

TEST_CASE("correct rings conform, at -O0 and at -O2") {
  const auto name = GENERATE(from_range(right_rings())) + GENERATE(as<std::string>(), "_O0", "_O2");
  INFO(name);
  const Plugin plugin(name);
  CHECK(failures(plugin.subject()) == "");
}

TEST_CASE("correct rings pass long runs, and the same seed makes the same run") {
  const auto name = GENERATE(from_range(right_rings())) + "_O2";
  INFO(name);
  const Plugin plugin(name);
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const LongRun run = run_long(plugin.subject(), seed, long_messages);
    CHECK(run.broken == "");
    CHECK(run.messages == long_messages);
    CHECK(run_long(plugin.subject(), seed, long_messages).calls == run.calls);
  }
}

TEST_CASE("the bugs that one thread can find are found, each by its check") {
  const std::map<std::string, std::string> found_by = {
      {"06", "a full ring refuses one more"},
      {"07", "a full ring refuses one more"},
      {"08", "a response that is not taken survives new requests"},
      {"09", "a jumped request index does no harm"},
      {"10", "messages keep their order"},
      {"12", "one message arrives, and no byte outside the page is written"},
      {"14", "the ring passes the wrap at 2^32"},
      {"15", "the ring passes the wrap at 2^32"},
      {"16", "messages keep their order"},
      {"21", "an end that sleeps is woken for each message"},
      {"24a", "an end that sleeps is woken for each message"},
      {"24b", "an end that sleeps is woken for each message"},
      {"28", "a length beyond the payload is limited"},
      {"29", "a full ring refuses one more"},
      {"30", "one message arrives, and no byte outside the page is written"},
      {"34", "a back that attaches late takes waiting requests"},
      {"own_34", "a back that attaches late takes waiting requests"},
      {"38", "messages keep their order"},
      {"41", "a short response leaves no other data in its slot"},
      {"42", "the front keeps its own index"},
  };
  for (const auto& [name, check] : found_by) {
    const Plugin plugin("mutant_" + name);
    INFO(name << ": " << failures(plugin.subject()));
    CHECK(has(check_conformance(plugin.subject()), check, Conforms::fail));
  }
}

TEST_CASE("a ring that trusts an id accesses memory beyond its table") {
  // This may damage the process, so it runs in a child.
  const Plugin plugin("mutant_35");
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);
    _exit(has(check_conformance(plugin.subject()), "the id of a response is checked", Conforms::fail) ? 1
                                                                                                      : 0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK((WIFSIGNALED(status) || WEXITSTATUS(status) == 1));
}

TEST_CASE("a long run finds a bug that short runs miss, because the ends look at the ring at more moments") {
  CHECK(run_long(Plugin("mutant_22").subject(), 1, long_messages).broken != "");
}

TEST_CASE("many short runs find bugs that show only at the wrap") {
  const Plugin plugin("mutant_25");
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed)
    found += run_long(plugin.subject(), seed, 16).broken.empty() ? 0 : 1;
  CHECK(found > 0);
}

TEST_CASE("correct code that looks wrong passes") {
  const Plugin plugin("mutant_equivalent");
  CHECK(failures(plugin.subject()) == "");
  CHECK(run_long(plugin.subject(), 1, long_messages).broken == "");
}

TEST_CASE("a check that does not apply to the ring is skipped, with the reason") {
  const Plugin plugin("atomic_spinning_2_O2");
  for (const ConformanceCheck& check : check_conformance(plugin.subject())) {
    INFO(check.name);
    CHECK((check.outcome == Conforms::skipped) == (check.outcome != Conforms::pass));
    CHECK((check.outcome == Conforms::skipped) == !check.why.empty());
  }
  CHECK(has(check_conformance(plugin.subject()), "each request is answered once", Conforms::skipped));
}

TEST_CASE("an invalid table is refused with the reason") {
  const Plugin plugin("plain_2_O2");
  const ring_check_ring good = *plugin.subject().ring;
  const auto fault = [](const ring_check_ring& ring) { return fault_of_table(&ring); };
  CHECK(fault(good) == "");
  CHECK(fault_of_table(nullptr) == "ring_check_plugin() returned no table");
  ring_check_ring ring = good;
  ring.abi = 7;
  CHECK(fault(ring) == "the table is of version 7; this checker knows 1");
  ring = good;
  ring.pop_rsp = nullptr;
  CHECK(fault(ring) == "RESPONSES is set, and push_rsp or pop_rsp is missing");
  ring = good;
  ring.slots = 1000;
  CHECK(fault(ring) == "the slots reach beyond the page");
  ring_check_word words[] = {{"a", 0, 4, RING_CHECK_FLAG, RING_CHECK_FRONT},
                             {"b", 2, 2, RING_CHECK_FLAG, RING_CHECK_FRONT}};
  ring = good;
  ring.words = words;
  CHECK(fault(ring) == "the words a and b overlap");
  words[1].offset = 1u << 20;
  CHECK(fault(ring) == "the word b lies outside of the page");
  words[1] = {"b", 6, 4, RING_CHECK_FLAG, RING_CHECK_FRONT};
  CHECK(fault(ring) == "the word b is not aligned to its size");
  ring.word_count = 0;
  const auto checks = check_conformance({&ring, nullptr});
  REQUIRE(checks.size() == 1);
  CHECK(checks[0].why == "no shared word is listed");
}

TEST_CASE("the catalogue has 51 bugs, each with all its texts and with a mutant or a test of threads") {
  REQUIRE(all_bugs().size() == 51);
  std::uint32_t number = 0;
  for (const Bug& bug : all_bugs()) {
    INFO(bug.name);
    CHECK(bug.number == ++number);
    for (const std::string_view text : {bug.what, bug.world, bug.cure})
      CHECK((text.ends_with('.') || text.ends_with('?')));
    CHECK_FALSE(words_for(bug.needs).empty());
    bool has_mutant = false;
    for (const Mutant& mutant : all_mutants()) has_mutant = has_mutant || mutant.bug == bug.number;
    CHECK(has_mutant == (bug.in_test == 0));
    CHECK(bug_by_number(bug.number) == &bug);
  }
  CHECK(bug_by_number(0) == nullptr);
  CHECK(bug_by_number(52) == nullptr);
  std::set<std::string_view> names;
  for (const Mutant& mutant : all_mutants()) {
    CHECK(names.insert(mutant.name).second);
    const Plugin plugin("mutant_" + std::string(mutant.name));  // it exists and can be loaded
    CHECK(fault_of_table(plugin.subject().ring) == "");
  }
}

}  // namespace conformance_test
