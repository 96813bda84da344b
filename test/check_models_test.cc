// Tests the checker: litmus tests with known outcomes for each memory model, and the reduced search against a
// complete one.
#include <functional>

#include "test/c11_axioms.h"
#include "test/catch.h"
#include "test/random_threads.h"

namespace check_models_test {

using namespace ringside::check;
using namespace ringside::check::test;

namespace {

constexpr std::uint32_t x = 0;
constexpr std::uint32_t y = 1;
constexpr std::uint32_t z = 2;
constexpr auto models = {ModelName::sc, ModelName::tso, ModelName::c11};

/// The models that allow `outcome` ("|1 0", or with the final memory "|1 0; 1 1 0"), as a part of "SC TSO
/// C11".
std::string allowed_by(const std::vector<Thread>& threads, const std::string& outcome) {
  std::string text;
  for (const ModelName name : models) {
    const Found found = find_by_exploring(threads, name);
    if (found.outcomes.contains(outcome) || found.endings.contains(outcome))
      text += std::string(text.empty() ? "" : " ") + std::string(name_of(name));
  }
  return text;
}

constexpr std::ptrdiff_t loads_of_both_max = 3;

}  // namespace

TEST_CASE("store buffering is allowed by TSO and C11, and by no model with full barriers") {
  CHECK(allowed_by({{store(x, 1), load(y)}, {store(y, 1), load(x)}}, "0|0") == "TSO C11");
  CHECK(allowed_by({{store(x, 1), fence(), load(y)}, {store(y, 1), fence(), load(x)}}, "0|0") == "");
  CHECK(allowed_by({{store(x, 1), fence(), load(y)}, {store(y, 1), load(x)}}, "0|0") == "TSO C11");
  CHECK(allowed_by(
            {{store(x, 1), fence(Order::acq_rel), load(y)}, {store(y, 1), fence(Order::acq_rel), load(x)}},
            "0|0") == "TSO C11");
  CHECK(allowed_by({{store(x, 1, Order::seq_cst), load(y, Order::seq_cst)},
                    {store(y, 1, Order::seq_cst), load(x, Order::seq_cst)}},
                   "0|0") == "");
  CHECK(allowed_by({{exchange(x, 1), load(y)}, {exchange(y, 1), load(x)}}, "0 0|0 0") == "C11");
  CHECK(allowed_by({{exchange(x, 1), fence(), load(y)}, {exchange(y, 1), fence(), load(x)}}, "0 0|0 0") ==
        "");
}

TEST_CASE(
    "relaxed accesses may show a flag before its message under C11 only, and a release with an acquire "
    "never") {
  CHECK(allowed_by({{store(x, 1), store(y, 1)}, {load(y), load(x)}}, "|1 0") == "C11");
  CHECK(allowed_by({{store(x, 1), store(y, 1, Order::release)}, {load(y, Order::acquire), load(x)}},
                   "|1 0") == "");
  CHECK(allowed_by({{store(x, 1), store(y, 1, Order::release)}, {load(y), load(x)}}, "|1 0") == "C11");
  CHECK(allowed_by({{store(x, 1), store(y, 1)}, {load(y, Order::acquire), load(x)}}, "|1 0") == "C11");
  CHECK(allowed_by(
            {{store(x, 1), fence(Order::release), store(y, 1)}, {load(y), fence(Order::acquire), load(x)}},
            "|1 0") == "");
  CHECK(allowed_by({{store(x, 1), fence(Order::release), store(y, 1)}, {load(y), load(x)}}, "|1 0") == "C11");
  CHECK(allowed_by({{store(x, 1), fence(Order::release), store(y, 1)}, {load(y), load(x)}}, "|1 1") ==
        "SC TSO C11");
}

TEST_CASE("a barrier for stores orders a fiber's own stores, and no load before it") {
  const auto wmb = fence(Order::stores);
  const auto rmb = fence(Order::acquire);
  // MP+dmb.st+dmb.ld
  CHECK(allowed_by({{store(x, 1), wmb, store(y, 1)}, {load(y), rmb, load(x)}}, "|1 0") == "");
  CHECK(allowed_by({{store(x, 1), store(y, 1), wmb}, {load(y), rmb, load(x)}}, "|1 0") == "C11");
  CHECK(allowed_by({{store(x, 1), wmb, store(y, 1), store(z, 1)}, {load(z), rmb, load(x)}}, "|1 0") == "");
  CHECK(allowed_by({{store(x, 1), wmb, load(y)}, {store(y, 1), wmb, load(x)}}, "0|0") == "TSO C11");
  // WRC: a value read before the barrier is not passed on, unless it was acquired.
  CHECK(allowed_by({{store(x, 1)}, {load(x), wmb, store(y, 1)}, {load(y), rmb, load(x)}}, "|1|1 0") == "C11");
  CHECK(
      allowed_by(
          {{store(x, 1)}, {load(x), store(z, 1, Order::release), wmb, store(y, 1)}, {load(y), rmb, load(x)}},
          "|1|1 0") == "");
  // A thread may read its own store from its store buffer.
  CHECK(allowed_by({{store(x, 1), load(x), fence(Order::loads), store(y, 1)}, {load(y), rmb, load(x)}},
                   "1|1 0") == "C11");
}

TEST_CASE("a barrier for loads orders them before later loads and stores") {
  const auto ishld = fence(Order::loads);
  CHECK(allowed_by({{store(x, 1), store(y, 1, Order::release)}, {load(y), ishld, load(x)}}, "|1 0") == "");
  CHECK(allowed_by({{store(x, 1), ishld, store(y, 1)}, {load(y), ishld, load(x)}}, "|1 0") == "C11");
  CHECK(allowed_by({{store(x, 1)}, {load(x), ishld, store(y, 1)}, {load(y), ishld, load(x)}}, "|1|1 0") ==
        "");
  CHECK(allowed_by({{store(x, 1)}, {load(x), fence(Order::acquire), store(y, 1)}, {load(y), ishld, load(x)}},
                   "|1|1 0") == "C11");
}

TEST_CASE("a barrier for stores is enough to hand a slot on, and not to hand it back") {
  const auto race = [](const Thread& first, const Thread& second) {
    return races({first, second}, ModelName::c11);
  };
  const Thread takes = {load(x), fence(Order::acquire), write_payload(2)};
  for (const Order order : {Order::stores, Order::release, Order::acq_rel, Order::seq_cst})
    CHECK_FALSE(race({write_payload(1), fence(order), store(x, 1)},
                     {load(x), fence(Order::acquire), read_payload()}));
  for (const Order order : {Order::loads, Order::acquire})
    CHECK(race({write_payload(1), fence(order), store(x, 1)},
               {load(x), fence(Order::acquire), read_payload()}));
  for (const Order order : {Order::loads, Order::release, Order::acq_rel, Order::seq_cst})
    CHECK_FALSE(race({read_payload(), fence(order), store(x, 1)}, takes));
  for (const Order order : {Order::stores, Order::acquire})
    CHECK(race({read_payload(), fence(order), store(x, 1)}, takes));
  // A thread that reads a byte and then writes it has finished the read when the store is visible.
  CHECK_FALSE(race({read_payload(), write_payload(1), fence(Order::stores), store(x, 1)}, takes));
  CHECK(race({write_payload(1), read_payload(), fence(Order::stores), store(x, 1)}, takes));
  // A fiber passes on what it acquired from another one only by a release.
  const Thread gives = {write_payload(1), store(x, 1, Order::release)};
  const auto hands_on = [&](Order order) {
    return races({gives,
                  {load(x, Order::acquire), read_payload(), fence(order), store(y, 1)},
                  {load(y), fence(Order::acquire), read_payload()}},
                 ModelName::c11);
  };
  CHECK(hands_on(Order::stores));
  CHECK_FALSE(hands_on(Order::loads));
  CHECK_FALSE(hands_on(Order::release));
}

TEST_CASE("one word is coherent for all threads") {
  CHECK(allowed_by({{store(x, 1), store(x, 2)}, {load(x), load(x)}}, "|2 1") == "");
  CHECK(allowed_by({{store(x, 1), store(x, 2)}, {load(x), load(x)}}, "|1 2") == "SC TSO C11");
  CHECK(allowed_by({{store(x, 1), load(x)}, {store(x, 2)}}, "0|") == "");
}

TEST_CASE("no model explores load buffering") {
  CHECK(allowed_by({{load(x), store(y, 1)}, {load(y), store(x, 1)}}, "1|1") == "");
}

TEST_CASE(
    "independent readers may disagree about independent writes under C11 only, unless both are full "
    "barriers") {
  const Thread writes_x = {store(x, 1)};
  const Thread writes_y = {store(y, 1)};
  CHECK(allowed_by({writes_x, writes_y, {load(x), load(y)}, {load(y), load(x)}}, "||1 0|1 0") == "C11");
  CHECK(allowed_by({writes_x,
                    writes_y,
                    {load(x, Order::acquire), load(y, Order::acquire)},
                    {load(y, Order::acquire), load(x, Order::acquire)}},
                   "||1 0|1 0") == "C11");
  CHECK(allowed_by({writes_x, writes_y, {load(x), fence(), load(y)}, {load(y), fence(), load(x)}},
                   "||1 0|1 0") == "");
}

TEST_CASE("acquire and release pass on causality") {
  CHECK(
      allowed_by({{store(x, 1)}, {load(x, Order::acquire), store(y, 1)}, {load(y, Order::acquire), load(x)}},
                 "|1|1 0") == "C11");
  // A thread that has read a value passes it on by its own release, whichever thread wrote it.
  CHECK(
      allowed_by({{store(x, 1)}, {load(x), store(y, 1, Order::release)}, {load(y, Order::acquire), load(x)}},
                 "|1|1 0") == "");
}

TEST_CASE("the outcome of the litmus test R needs one full barrier to be forbidden by TSO, and two by C11") {
  CHECK(allowed_by({{store(x, 1), store(y, 1)}, {store(y, 2), load(x)}, {load(y), load(y)}}, "|0|1 2") ==
        "TSO C11");
  CHECK(allowed_by({{store(x, 1), store(y, 1)}, {store(y, 2), fence(), load(x)}, {load(y), load(y)}},
                   "|0|1 2") == "C11");
  CHECK(allowed_by({{store(x, 1), fence(), store(y, 1)}, {store(y, 2), fence(), load(x)}, {load(y), load(y)}},
                   "|0|1 2") == "");
}

TEST_CASE("a compare-exchange that finds another value stores and releases nothing") {
  const auto takes = load(y, Order::acquire);
  // The comparison finds 0 or 1.
  CHECK(allowed_by({{store(x, 1), compare(y, 0, 1, Order::release)}, {takes, load(x)}}, "0|1 0") == "");
  CHECK(allowed_by({{store(y, 1), store(x, 1), compare(y, 0, 2, Order::release)}, {takes, load(x)}},
                   "1|1 0") == "SC TSO C11");
  CHECK(allowed_by({{store(y, 1)},
                    {store(x, 1), compare(y, 0, 2, Order::release)},
                    {exchange(y, 3, Order::acquire), load(x)}},
                   "|1|1 0") == "C11");
  CHECK(allowed_by({{compare(x, 0, 1, Order::seq_cst), compare(x, 0, 2, Order::seq_cst)},
                    {compare(x, 0, 3, Order::seq_cst)}},
                   "0 0|0") == "");
  CHECK(allowed_by({{compare(x, 0, 1, Order::seq_cst), compare(x, 0, 2, Order::seq_cst)},
                    {compare(x, 0, 3, Order::seq_cst)}},
                   "3 3|0") == "SC TSO C11");
}

TEST_CASE("events coalesce, and stores before a notification are seen after it") {
  CHECK(allowed_by({{store(x, 1), notify(1)}, {wait(1), load(x)}}, "|0") == "");
  CHECK(allowed_by({{notify(1), notify(1)}, {wait(1), wait(1)}}, "|...") == "SC TSO C11");
  CHECK(allowed_by({{notify(1), notify(1)}, {wait(1), wait(1)}}, "|") == "SC TSO C11");
}

TEST_CASE("stores of two fibers to a word come in any order, unless a thread has seen another") {
  const Order release = Order::release;
  const Order acquire = Order::acquire;
  // 2+2W
  CHECK(allowed_by({{store(x, 1), store(y, 2)}, {store(y, 1), store(x, 2)}}, "|; 1 1 0") == "C11");
  CHECK(allowed_by({{store(x, 1), store(y, 2, release)}, {store(y, 1), store(x, 2, release)}}, "|; 1 1 0") ==
        "C11");
  CHECK(allowed_by({{store(x, 1), fence(), store(y, 2)}, {store(y, 1), fence(), store(x, 2)}}, "|; 1 1 0") ==
        "");
  CHECK(allowed_by({{store(x, 1, Order::seq_cst), store(y, 2, Order::seq_cst)},
                    {store(y, 1, Order::seq_cst), store(x, 2, Order::seq_cst)}},
                   "|; 1 1 0") == "");
  // S
  CHECK(allowed_by({{store(x, 2), store(y, 1)}, {load(y), store(x, 1)}}, "|1; 2 1 0") == "C11");
  CHECK(allowed_by({{store(x, 2), store(y, 1, release)}, {load(y, acquire), store(x, 1)}}, "|1; 2 1 0") ==
        "");
  CHECK(allowed_by({{store(x, 2), fence(Order::stores), store(y, 1)}, {load(y, acquire), store(x, 1)}},
                   "|1; 2 1 0") == "");
  // R
  CHECK(allowed_by({{store(x, 1), store(y, 1)}, {store(y, 2), load(x)}}, "|0; 1 2 0") == "TSO C11");
  CHECK(allowed_by({{store(x, 1), store(y, 1, release)}, {store(y, 2), fence(), load(x)}}, "|0; 1 2 0") ==
        "C11");
  CHECK(allowed_by({{store(x, 1), fence(), store(y, 1)}, {store(y, 2), fence(), load(x)}}, "|0; 1 2 0") ==
        "");
  // Z6.3
  CHECK(allowed_by({{store(x, 1), store(y, 1, release)},
                    {store(y, 2), store(z, 1, release)},
                    {load(z, acquire), load(x)}},
                   "||1 0; 1 2 1") == "C11");
  CHECK(allowed_by({{store(x, 1), fence(), store(y, 1)},
                    {store(y, 2), fence(), store(z, 1)},
                    {load(z), fence(), load(x)}},
                   "||1 0; 1 2 1") == "");
  // CoWW, CoRW, CoWR, CoRR
  CHECK(allowed_by({{store(x, 1), store(x, 2)}}, "; 1 0 0") == "");
  CHECK(allowed_by({{load(x), store(x, 2)}, {store(x, 1)}}, "1|; 1 0 0") == "");
  CHECK(allowed_by({{store(x, 1), load(x)}, {store(x, 2)}}, "2|; 1 0 0") == "");
  CHECK(allowed_by({{store(x, 1)}, {store(x, 2)}, {load(x), load(x)}, {load(x), load(x)}}, "||1 2|2 1") ==
        "");
  // No store comes between an update and the store that it replaces.
  CHECK(allowed_by({{exchange(x, 1, Order::relaxed), store(y, 1)}, {load(y), store(x, 2)}}, "0|1; 1 1 0") ==
        "");
  CHECK(allowed_by({{store(x, 1), exchange(x, 3, Order::relaxed), store(y, 1)},
                    {load(y), exchange(x, 2, Order::relaxed)}},
                   "1|1 0; 3 1 0") == "C11");
  // An update that finds another value is a load: it may find an old value, and its failure order applies.
  CHECK(allowed_by({{store(x, 1), store(y, 1)}, {load(y), compare(x, 7, 2)}}, "|1 0; 1 1 0") == "C11");
  CHECK(
      allowed_by({{store(x, 1), store(y, 1, release)}, {compare(y, 0, 2, acquire, Order::relaxed), load(x)}},
                 "|1 0") == "C11");
  CHECK(allowed_by({{store(x, 1), store(y, 1, release)}, {compare(y, 0, 2, acquire, acquire), load(x)}},
                   "|1 0") == "");
}

TEST_CASE("a given order of full barriers still allows old values to be read") {
  CHECK(allowed_by(
            {{store(x, 1), store(z, 1)}, {load(z), fence(), load(y)}, {store(y, 1), load(x, Order::seq_cst)}},
            "|1 0|0") == "TSO C11");
}

TEST_CASE("halves of a word are ordered like two words, and an access to the whole word is one access") {
  const auto both = [](std::uint32_t low_half, std::uint32_t high_half) {
    return std::to_string(low_half | high_half << 16);
  };
  // Two stores of halves, a load of both.
  CHECK(allowed_by({{low(store(x, 1)), high(store(x, 1))}, {load(x)}}, "|" + both(0, 1)) == "C11");
  CHECK(allowed_by({{low(store(x, 1)), high(store(x, 1))}, {load(x)}}, "|" + both(1, 0)) == "SC TSO C11");
  CHECK(allowed_by({{low(store(x, 1)), high(store(x, 1, Order::release))}, {load(x, Order::acquire)}},
                   "|" + both(0, 1)) == "");
  CHECK(allowed_by(
            {{low(store(x, 1)), high(store(x, 1, Order::release))}, {high(load(x, Order::acquire)), load(x)}},
            "|1 " + both(0, 1)) == "");
  // A store of both, two loads of halves.
  CHECK(allowed_by({{store(x, twice(1))}, {low(load(x)), high(load(x))}}, "|1 0") == "C11");
  CHECK(allowed_by({{store(x, twice(1))}, {low(load(x, Order::acquire)), high(load(x))}}, "|1 0") == "");
  CHECK(allowed_by({{store(x, twice(1))}, {low(load(x)), high(load(x))}}, "|0 1") == "SC TSO C11");
  // A store of both is one access for a load that overlaps it.
  CHECK(allowed_by({{store(x, twice(1))}, {load(x)}, {low(load(x))}}, "|" + both(1, 0) + "|1") == "");
  CHECK(allowed_by({{store(x, twice(1))}, {store(x, twice(2))}, {low(load(x))}},
                   "||0; " + both(1, 2) + " 0 0") == "");
  // A thread finds its own half before other threads do.
  CHECK(allowed_by({{low(store(x, 1)), load(x)}, {store(x, twice(2))}},
                   both(1, 0) + "|; " + both(1, 2) + " 0 0") == "TSO C11");
  // An update of a word whose halves are stored.
  CHECK(allowed_by({{low(store(x, 1)), high(store(x, 1))}, {exchange(x, twice(2), Order::relaxed)}},
                   "|" + both(0, 1)) == "C11");
  CHECK(allowed_by({{low(store(x, 1)), high(store(x, 1))}, {compare(x, 0x10000, twice(2))}},
                   "|" + both(0, 1) + "; " + both(1, 2) + " 0 0") == "C11");
}

TEST_CASE("an access that is not aligned, and a block, are made in pieces") {
  const auto middle = [](Instruction it) {
    it.at = 1;
    it.bytes = 2;
    return it;
  };
  const auto bytes = [](Instruction it, std::uint32_t at) {
    it.at = at;
    it.bytes = 1;
    return it;
  };
  CHECK(allowed_by({{middle(store(x, 0x101))}, {middle(load(x))}}, "|1") == "SC TSO C11");
  CHECK(allowed_by({{middle(store(x, 0x101))}, {middle(load(x))}}, "|256") == "SC TSO C11");
  CHECK(allowed_by({{middle(store(x, 0x101))}, {middle(load(x))}}, "|257") == "SC TSO C11");
  // Other accesses may come in between.
  CHECK(allowed_by({{middle(store(x, 0x101))}, {bytes(load(x), 1), bytes(store(x, 2), 1)}},
                   "|1; 66048 0 0") == "SC TSO C11");
  auto block = load(x);
  block.is_block = true;
  // A word within a block is copied by one access.
  CHECK(allowed_by({{store(x, twice(1))}, {block}}, "|1") == "");
}

TEST_CASE("the search finds under C11 what the axioms allow") {
  ringside::Choice choice = ringside::Choice::seeded(20261129);
  for (std::uint32_t compared = 0; compared < 1500; ++compared) {
    Mix mix;
    mix.threads = 2 + choice.pick(2);
    mix.length_max = mix.threads == 2 ? 4 : 3;
    mix.words = 1 + choice.pick(3);
    const auto threads = random_threads(choice, mix);
    INFO("program " << compared << ": " << text_of(threads));
    REQUIRE(find_by_exploring(threads, ModelName::c11).endings == Axioms(threads).endings());
  }
}

TEST_CASE("the search finds under C11 what the axioms allow for halves of words") {
  ringside::Choice choice = ringside::Choice::seeded(20261201);
  for (std::uint32_t compared = 0; compared < 1000; ++compared) {
    Mix mix;
    mix.halves = true;
    mix.threads = 2 + choice.pick(2);
    mix.length_max = mix.threads == 2 ? 3 : 2;
    mix.words = 1 + choice.pick(2);
    const auto threads = random_threads(choice, mix);
    if (loads_of_both_halves(threads) > loads_of_both_max) continue;
    INFO("program " << compared << ": " << text_of(threads));
    REQUIRE(find_by_exploring(threads, ModelName::c11).endings == Axioms(threads).endings());
  }
}

namespace {

struct Executions {
  std::uint64_t reduced = 0;
  std::uint64_t naive = 0;
};

/// Compares the reduced search with the complete one for 2000 random programs, and counts their executions.
Executions compare_with_complete_search(
    ringside::Choice choice, const std::function<Mix(std::uint32_t compared, ringside::Choice&)>& mix,
    bool never_more) {
  constexpr std::uint32_t programs = 2000;
  Executions total;
  for (std::uint32_t compared = 0; compared < programs;) {
    const ModelName name = models_known[choice.pick(models_known.size())].model;
    const auto threads = random_threads(choice, mix(compared, choice));
    const Found all = find_naively(threads, name, 60000);
    if (all.gave_up) continue;
    const Found reduced = find_by_exploring(threads, name);
    ++compared;
    total.naive += all.executions;
    total.reduced += reduced.executions + reduced.redundant;
    INFO(name_of(name) << " program " << compared);
    INFO(text_of(threads));
    REQUIRE(reduced.endings == all.endings);
    if (never_more) REQUIRE(reduced.executions + reduced.redundant <= all.executions);
  }
  return total;
}

}  // namespace

TEST_CASE("the reduced search finds the same outcomes as the complete search") {
  const auto mixed = [](std::uint32_t compared, ringside::Choice& choice) {
    Mix mix;
    mix.threads = 2 + choice.pick(3);
    mix.length_max = mix.threads == 2 ? 4 : mix.threads == 3 ? 3 : 2;
    mix.words = 2 + choice.pick(2);
    mix.halves = compared % 4 == 0;
    mix.events = true;
    mix.fences = {Order::acquire, Order::release, Order::seq_cst,
                  Order::seq_cst, Order::stores,  Order::loads};
    return mix;
  };
  const Executions total = compare_with_complete_search(ringside::Choice::seeded(20051123), mixed, true);
  CHECK(total.reduced * 5 < total.naive);
}

TEST_CASE("a search that waits for what a loop has read finds the outcomes of one that waits for any store") {
  const auto with_loops = [](std::uint32_t, ringside::Choice& choice) {
    Mix mix;
    mix.threads = 2 + choice.pick(2);
    mix.length_max = mix.threads == 2 ? 4 : 3;
    mix.words = 1 + choice.pick(3);
    mix.loops = true;
    return mix;
  };
  const Executions total =
      compare_with_complete_search(ringside::Choice::seeded(20261201), with_loops, false);
  CHECK(total.reduced * 20 < total.naive);
}

TEST_CASE("the parts of a search find together what the whole search finds, and nothing twice") {
  ringside::Choice choice = ringside::Choice::seeded(20261130);
  for (std::uint32_t compared = 0; compared < 1000; ++compared) {
    const ModelName name = models_known[choice.pick(models_known.size())].model;
    Mix mix;
    mix.threads = 2 + choice.pick(3);
    mix.length_max = mix.threads == 2 ? 4 : mix.threads == 3 ? 3 : 2;
    mix.words = 1 + choice.pick(3);
    mix.halves = compared % 4 == 0;
    mix.events = true;
    mix.fences = {Order::acquire, Order::release, Order::seq_cst, Order::stores, Order::loads};
    const auto threads = random_threads(choice, mix);
    const Found whole = find_by_exploring(threads, name);
    SearchPart part{.number = 0, .of = 2 + choice.pick(4), .depth = choice.pick(9)};
    Found parts;
    for (; part.number < part.of; ++part.number) {
      Found found = find_by_exploring(threads, name, {part});
      parts.endings.merge(found.endings);
      parts.executions += found.executions;
    }
    INFO(name_of(name) << " program " << compared << " in " << part.of << " parts from step " << part.depth);
    INFO(text_of(threads));
    REQUIRE(parts.endings == whole.endings);
    REQUIRE(parts.executions == whole.executions);
    // One part is divided again, and a part of it.
    PartOfPart path;
    const std::uint32_t levels = 2 + choice.pick(2);
    for (std::uint32_t depth = part.depth; path.size() < levels; depth += choice.pick(4))
      path.push_back({.number = choice.pick(part.of), .of = part.of, .depth = depth});
    const std::uint32_t last = static_cast<std::uint32_t>(path.size()) - 1;
    path.pop_back();
    const Found undivided = find_by_exploring(threads, name, path);
    path.push_back({.number = 0, .of = part.of, .depth = path.back().depth + choice.pick(4)});
    Found divided;
    for (; path[last].number < part.of; ++path[last].number) {
      Found found = find_by_exploring(threads, name, path);
      divided.endings.merge(found.endings);
      divided.executions += found.executions;
    }
    INFO(levels << " levels, the last from step " << path[last].depth);
    REQUIRE(divided.endings == undivided.endings);
    REQUIRE(divided.executions == undivided.executions);
  }
}

}  // namespace check_models_test
