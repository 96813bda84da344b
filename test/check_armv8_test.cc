// Checks the model of Armv8: the litmus tests by herd's names, with the outcome published for each, and
// random programs against the axioms.
#include "test/armv8_axioms.h"
#include "test/catch.h"

#include "test/random_threads.h"

namespace check_armv8_test {

using namespace ringside::check;
using namespace ringside::check::test;

namespace {

constexpr std::uint32_t x = 0;
constexpr std::uint32_t y = 1;
constexpr std::uint32_t z = 2;
/// The most executions of a litmus test, explored completely.
constexpr std::uint64_t naive_max = 200'000;

/// The ordering between two accesses of a thread: "po" none, "dmb", "dmb.st", "dmb.ld"; "acq" the first is an
/// LDAPR, "rel" the second an STLR, "sc" the first an STLR or LDAR and the second an LDAR or STLR.
Thread joined(Instruction first, const std::string& how, Instruction second) {
  if (how == "acq") first.order = Order::acquire;
  if (how == "rel") second.order = Order::release;
  if (how == "sc") first.order = second.order = Order::seq_cst;
  // STLR and LDAPR
  if (how == "rel-acq") first.order = Order::release;
  if (how == "rel-acq") second.order = Order::acquire;
  Thread thread = {first};
  if (how == "dmb") thread.push_back(fence());
  if (how == "dmb.st") thread.push_back(fence(Order::stores));
  if (how == "dmb.ld") thread.push_back(fence(Order::loads));
  thread.push_back(second);
  return thread;
}

/// The threads of a test with this name, "MP+dmb.st+acq", and the outcome in question.
struct Litmus {
  std::vector<Thread> threads;
  std::string outcome;
};

Litmus litmus(const std::string& name) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= name.size();) {
    // "2+2W" is one name.
    const std::size_t plus =
        std::min(name.find('+', name.starts_with("2+2W") && at == 0 ? 4 : at), name.size());
    parts.push_back(name.substr(at, plus - at));
    at = plus + 1;
  }
  const std::string shape = parts.front();
  parts.erase(parts.begin());
  // One ordering for all threads.
  if (parts.size() == 1) parts.resize(3, parts.front());
  const auto& how = parts;
  if (shape == "MP")
    return {{joined(store(x, 1), how[0], store(y, 1)), joined(load(y), how[1], load(x))}, "|1 0; 1 1 0"};
  if (shape == "SB")
    return {{joined(store(x, 1), how[0], load(y)), joined(store(y, 1), how[1], load(x))}, "0|0; 1 1 0"};
  if (shape == "LB")
    return {{joined(load(x), how[0], store(y, 1)), joined(load(y), how[1], store(x, 1))}, "1|1; 1 1 0"};
  if (shape == "S")
    return {{joined(store(x, 2), how[0], store(y, 1)), joined(load(y), how[1], store(x, 1))}, "|1; 2 1 0"};
  if (shape == "R")
    return {{joined(store(x, 1), how[0], store(y, 1)), joined(store(y, 2), how[1], load(x))}, "|0; 1 2 0"};
  if (shape == "2+2W")
    return {{joined(store(x, 1), how[0], store(y, 2)), joined(store(y, 1), how[1], store(x, 2))}, "|; 1 1 0"};
  if (shape == "WRC")
    return {{{store(x, 1)}, joined(load(x), how[0], store(y, 1)), joined(load(y), how[1], load(x))},
            "|1|1 0; 1 1 0"};
  if (shape == "ISA2")
    return {{joined(store(x, 1), how[0], store(y, 1)), joined(load(y), how[1], store(z, 1)),
             joined(load(z), how[2], load(x))},
            "|1|1 0; 1 1 1"};
  if (shape == "IRIW")
    return {
        {{store(x, 1)}, {store(y, 1)}, joined(load(x), how[0], load(y)), joined(load(y), how[1], load(x))},
        "||1 0|1 0; 1 1 0"};
  return {};
}

struct Published {
  const char* name;
  bool is_allowed;
};

constexpr Published published[] = {
    {"MP+po", true},
    {"MP+dmb+po", true},
    {"MP+po+dmb", true},
    {"MP+dmb", false},
    {"MP+dmb.st+dmb.ld", false},
    {"MP+dmb.st+po", true},
    {"MP+dmb.ld", true},
    {"MP+dmb.st", true},
    {"MP+dmb.st+acq", false},
    {"MP+rel+acq", false},
    {"MP+rel+dmb.ld", false},
    {"MP+rel+po", true},
    {"MP+po+acq", true},
    {"SB+po", true},
    {"SB+dmb+po", true},
    {"SB+dmb", false},
    {"SB+dmb.st", true},
    {"SB+dmb.ld", true},
    {"SB+rel-acq", true},
    {"SB+sc", false},
    {"SB+sc+dmb", false},
    {"SB+sc+rel-acq", true},
    {"LB+po", true},
    {"LB+dmb+po", true},
    {"LB+dmb", false},
    {"LB+dmb.ld", false},
    {"LB+dmb.st", true},
    {"LB+acq", false},
    {"LB+acq+po", true},
    {"LB+rel", false},
    {"LB+rel+po", true},
    {"LB+acq+rel", false},
    {"S+po", true},
    {"S+dmb+po", true},
    {"S+dmb", false},
    {"S+dmb.st+dmb.ld", false},
    {"S+dmb.st", true},
    {"S+rel+acq", false},
    {"S+dmb.st+acq", false},
    {"S+rel+po", true},
    {"S+po+acq", true},
    {"S+rel", false},
    {"R+po", true},
    {"R+dmb+po", true},
    {"R+po+dmb", true},
    {"R+dmb", false},
    {"R+dmb.st+dmb", false},
    {"R+rel+dmb", false},
    {"R+dmb+dmb.st", true},
    {"R+rel+rel-acq", true},
    {"R+rel+sc", false},
    {"2+2W+po", true},
    {"2+2W+dmb+po", true},
    {"2+2W+dmb", false},
    {"2+2W+dmb.st", false},
    {"2+2W+dmb.ld", true},
    {"2+2W+rel", false},
    {"2+2W+rel+po", true},
    {"WRC+po", true},
    {"WRC+po+dmb", true},
    {"WRC+dmb+po", true},
    {"WRC+dmb", false},
    {"WRC+dmb.ld", false},
    {"WRC+dmb.st+dmb.ld", true},
    {"WRC+acq", false},
    {"WRC+rel+acq", false},
    {"WRC+rel+po", true},
    {"ISA2+po", true},
    {"ISA2+dmb", false},
    {"ISA2+dmb+po+dmb", true},
    {"ISA2+dmb.st+dmb.ld+dmb.ld", false},
    {"ISA2+rel+acq+acq", false},
    {"ISA2+rel+rel+acq", false},
    {"ISA2+po+acq+acq", true},
    {"IRIW+po", true},
    {"IRIW+dmb", false},
    {"IRIW+dmb.ld", false},
    {"IRIW+dmb.ld+po", true},
    {"IRIW+dmb.st", true},
    {"IRIW+acq", false},
    {"IRIW+sc", false},
};

constexpr std::ptrdiff_t loads_of_both_max = 3;

}  // namespace

TEST_CASE("Armv8 allows the published outcomes of each litmus test") {
  for (const Published& each : published) {
    INFO(each.name);
    const Litmus test = litmus(each.name);
    REQUIRE_FALSE(test.threads.empty());
    const Found found = find_by_exploring(test.threads, ModelName::armv8);
    const bool is_found = found.endings.contains(test.outcome);
    const Found all = find_naively(test.threads, ModelName::armv8, naive_max);
    REQUIRE_FALSE(all.gave_up);
    CHECK(all.endings == found.endings);
    CHECK(Armv8Axioms(test.threads, true).endings().contains(test.outcome) == each.is_allowed);
    // Load buffering is not explored, but the model reports where it is possible.
    if (std::string_view(each.name).starts_with("LB")) {
      CHECK_FALSE(is_found);
      CHECK(found.may_buffer == each.is_allowed);
    } else {
      CHECK(is_found == each.is_allowed);
    }
  }
}

TEST_CASE("an exchange on Armv8 is a load and a store without a barrier") {
  const auto allows = [](const std::vector<Thread>& threads, const char* outcome) {
    return find_by_exploring(threads, ModelName::armv8).outcomes.contains(outcome);
  };
  // LDAXR, STLXR, LDR: the load overtakes the store.
  CHECK(allows({{exchange(x, 1), load(y)}, {exchange(y, 1), load(x)}}, "0 0|0 0"));
  CHECK_FALSE(allows({{exchange(x, 1), load(y, Order::seq_cst)}, {exchange(y, 1), load(x, Order::seq_cst)}},
                     "0 0|0 0"));
  CHECK_FALSE(allows({{exchange(x, 1), fence(), load(y)}, {exchange(y, 1), fence(), load(x)}}, "0 0|0 0"));
  CHECK_FALSE(allows({{exchange(x, 1, Order::relaxed)}, {exchange(x, 2, Order::relaxed)}}, "0|0"));
  CHECK_FALSE(allows(
      {{store(x, 1), exchange(y, 1, Order::release)}, {exchange(y, 2, Order::acquire), load(x)}}, "0|1 0"));
  CHECK(allows({{store(x, 1), exchange(y, 1, Order::acquire)}, {exchange(y, 2, Order::acquire), load(x)}},
               "0|1 0"));
}

TEST_CASE("an exchange's store comes before an acquiring load of its own thread that finds it") {
  const auto allows = [](const std::vector<Thread>& threads, const char* outcome) {
    return find_by_exploring(threads, ModelName::armv8).outcomes.contains(outcome);
  };
  const Order relaxed = Order::relaxed;
  const Order acquire = Order::acquire;
  CHECK_FALSE(allows({{exchange(x, 1, relaxed), load(x, acquire), load(y)},
                      {exchange(y, 1, relaxed), load(y, acquire), load(x)}},
                     "0 1 0|0 1 0"));
  CHECK(allows({{store(x, 1), load(x, acquire), load(y)}, {store(y, 1), load(y, acquire), load(x)}},
               "1 0|1 0"));
}

TEST_CASE("one word is coherent for all threads on Armv8") {
  const auto allows = [](const std::vector<Thread>& threads, const char* ending) {
    return find_by_exploring(threads, ModelName::armv8).endings.contains(ending);
  };
  CHECK_FALSE(allows({{store(x, 1), store(x, 2)}}, "; 1 0 0"));
  CHECK_FALSE(allows({{load(x), store(x, 2)}, {store(x, 1)}}, "1|; 1 0 0"));
  CHECK_FALSE(allows({{store(x, 1), load(x)}, {store(x, 2)}}, "2|; 1 0 0"));
  CHECK_FALSE(
      allows({{store(x, 1)}, {store(x, 2)}, {load(x), load(x)}, {load(x), load(x)}}, "||1 2|2 1; 2 0 0"));
  CHECK(allows({{store(x, 1)}, {load(x), load(x)}}, "|0 1; 1 0 0"));
}

TEST_CASE("under Armv8 only ordered accesses hand a slot on; a dependency does not") {
  const auto race = [](const Thread& first, const Thread& second) {
    return races({first, second}, ModelName::armv8);
  };
  const Thread reads = {load(x, Order::acquire), read_payload()};
  const Thread writes = {load(x, Order::acquire), write_payload(2)};
  CHECK_FALSE(race({write_payload(1), store(x, 1, Order::release)}, reads));
  CHECK_FALSE(race({write_payload(1), fence(Order::stores), store(x, 1)}, reads));
  CHECK_FALSE(race({write_payload(1), store(x, 1, Order::release)},
                   {load(x), fence(Order::acquire), read_payload()}));
  CHECK(race({write_payload(1), store(x, 1)}, reads));
  CHECK(race({write_payload(1), fence(Order::loads), store(x, 1)}, reads));
  CHECK(race({write_payload(1), store(x, 1, Order::release)}, {load(x), read_payload()}));
  CHECK(
      race({write_payload(1), store(x, 1, Order::release)}, {load(x), fence(Order::stores), read_payload()}));
  // The other direction.
  CHECK_FALSE(race({read_payload(), store(x, 1, Order::release)}, writes));
  CHECK_FALSE(race({read_payload(), fence(Order::loads), store(x, 1)}, writes));
  CHECK(race({read_payload(), fence(Order::stores), store(x, 1)}, writes));
  CHECK(race({read_payload(), store(x, 1, Order::release)}, {load(x), write_payload(2)}));
}

namespace {

/// Compares the search with the axioms. True if load buffering would allow more, and the model reports it.
bool agrees(const std::vector<Thread>& threads) {
  const auto allowed = Armv8Axioms(threads, false).endings();
  const Found found = find_by_exploring(threads, ModelName::armv8);
  REQUIRE(found.endings == allowed);
  if (Armv8Axioms(threads, true).endings() == allowed) return false;
  REQUIRE(found.may_buffer);
  return true;
}

}  // namespace

TEST_CASE("the search finds under Armv8 what the axioms allow, and reports possible load buffering") {
  ringside::Choice choice = ringside::Choice::seeded(20261130);
  std::uint32_t buffering = 0;
  for (std::uint32_t compared = 0; compared < 1500; ++compared) {
    Mix mix;
    mix.threads = 2 + choice.pick(2);
    mix.length_max = mix.threads == 2 ? 4 : 3;
    // Programs with little ordering show load buffering.
    mix.relaxed = compared % 3 == 0;
    mix.words = mix.relaxed ? 2 : 1 + choice.pick(3);
    mix.fences = {Order::acquire, Order::release, Order::seq_cst, Order::stores, Order::loads};
    const auto threads = random_threads(choice, mix);
    INFO("program " << compared << ": " << text_of(threads));
    buffering += agrees(threads) ? 1 : 0;
  }
  CHECK(buffering > 10);
}

TEST_CASE("the search finds under Armv8 what the axioms allow for halves of words") {
  ringside::Choice choice = ringside::Choice::seeded(20261202);
  std::uint32_t buffering = 0;
  for (std::uint32_t compared = 0; compared < 1000; ++compared) {
    Mix mix;
    mix.halves = true;
    mix.relaxed = compared % 2 == 0;
    mix.threads = mix.relaxed ? 2 : 2 + choice.pick(2);
    mix.length_max = mix.threads == 2 ? 3 : 2;
    mix.words = mix.relaxed ? 2 : 1 + choice.pick(2);
    mix.fences = {Order::acquire, Order::release, Order::seq_cst, Order::stores, Order::loads};
    const auto threads = random_threads(choice, mix);
    if (loads_of_both_halves(threads) > loads_of_both_max) continue;
    INFO("program " << compared << ": " << text_of(threads));
    buffering += agrees(threads) ? 1 : 0;
  }
  CHECK(buffering > 5);
}

}  // namespace check_armv8_test
