// The checker checked: litmus tests whose outcomes are known for each memory model, and the reduced search
// against one that leaves out nothing.
#include "test/catch.h"

#include "emu/base/choice.h"
#include "test/tiny_program.h"

namespace check_models_test {

using namespace ringside::check;
using namespace ringside::check::test;

namespace {

constexpr std::uint32_t x = 0;
constexpr std::uint32_t y = 1;
constexpr auto models = {ModelName::sc, ModelName::tso, ModelName::c11};

/// What all three models allow of `outcome`, as "SC TSO C11" with those left out that forbid it.
std::string allowed_by(const std::vector<Thread>& threads, const std::string& outcome) {
  std::string text;
  for (const ModelName name : models) {
    if (find_by_exploring(threads, name).outcomes.contains(outcome))
      text += std::string(text.empty() ? "" : " ") + std::string(name_of(name));
  }
  return text;
}

}  // namespace

TEST_CASE("store buffering is allowed by TSO and C11, and by nobody with full barriers") {
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
    "a message passed by relaxed accesses may be overtaken under C11 only, and by no released and acquired "
    "one") {
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

TEST_CASE("one word is coherent for everybody") {
  CHECK(allowed_by({{store(x, 1), store(x, 2)}, {load(x), load(x)}}, "|2 1") == "");
  CHECK(allowed_by({{store(x, 1), store(x, 2)}, {load(x), load(x)}}, "|1 2") == "SC TSO C11");
  CHECK(allowed_by({{store(x, 1), load(x)}, {store(x, 2)}}, "0|") == "");
}

TEST_CASE("load buffering is found by no model") {
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

TEST_CASE("causality is passed on by acquire and release") {
  CHECK(
      allowed_by({{store(x, 1)}, {load(x, Order::acquire), store(y, 1)}, {load(y, Order::acquire), load(x)}},
                 "|1|1 0") == "C11");
  // Whoever has read a value hands that on with what he releases, whoever wrote it.
  CHECK(
      allowed_by({{store(x, 1)}, {load(x), store(y, 1, Order::release)}, {load(y, Order::acquire), load(x)}},
                 "|1|1 0") == "");
}

TEST_CASE("a store that comes later in one word and a load that comes earlier in another") {
  CHECK(allowed_by({{store(x, 1), store(y, 1)}, {store(y, 2), load(x)}, {load(y), load(y)}}, "|0|1 2") ==
        "TSO C11");
  CHECK(allowed_by({{store(x, 1), store(y, 1)}, {store(y, 2), fence(), load(x)}, {load(y), load(y)}},
                   "|0|1 2") == "C11");
  CHECK(allowed_by({{store(x, 1), fence(), store(y, 1)}, {store(y, 2), fence(), load(x)}, {load(y), load(y)}},
                   "|0|1 2") == "");
}

TEST_CASE("a compare-exchange that finds another value stores and releases nothing") {
  const auto takes = load(y, Order::acquire);
  // It finds 0 or 1.
  CHECK(allowed_by({{store(x, 1), compare_exchange(y, 1, Order::release)}, {takes, load(x)}}, "0|1 0") == "");
  CHECK(allowed_by({{store(y, 1), store(x, 1), compare_exchange(y, 2, Order::release)}, {takes, load(x)}},
                   "1|1 0") == "SC TSO C11");
  CHECK(allowed_by({{store(y, 1)},
                    {store(x, 1), compare_exchange(y, 2, Order::release)},
                    {exchange(y, 3, Order::acquire), load(x)}},
                   "|1|1 0") == "C11");
  CHECK(allowed_by({{compare_exchange(x, 1), compare_exchange(x, 2)}, {compare_exchange(x, 3)}}, "0 0|0") ==
        "");
  CHECK(allowed_by({{compare_exchange(x, 1), compare_exchange(x, 2)}, {compare_exchange(x, 3)}}, "3 3|0") ==
        "SC TSO C11");
}

TEST_CASE("events: raised twice is raised once, and what came before a notification is seen after it") {
  CHECK(allowed_by({{store(x, 1), notify(1)}, {wait(1), load(x)}}, "|0") == "");
  CHECK(allowed_by({{notify(1), notify(1)}, {wait(1), wait(1)}}, "|...") == "SC TSO C11");
  CHECK(allowed_by({{notify(1), notify(1)}, {wait(1), wait(1)}}, "|") == "SC TSO C11");
}

TEST_CASE("the reduced search finds each outcome that trying everything finds, and no other") {
  ringside::Choice choice = ringside::Choice::seeded(20051123);
  const auto one_of = [&](std::initializer_list<Order> orders) {
    return orders.begin()[choice.pick(static_cast<std::uint32_t>(orders.size()))];
  };
  std::uint32_t compared = 0;
  std::uint64_t naive_executions = 0;
  std::uint64_t reduced_executions = 0;
  while (compared < 2000) {
    const ModelName name = *(models.begin() + choice.pick(3));
    const std::uint32_t count = 2 + choice.pick(3);
    std::vector<Thread> threads(count);
    std::uint32_t value = 0;
    for (Thread& thread : threads) {
      const std::uint32_t length = 1 + choice.pick(count == 2 ? 4 : count == 3 ? 3 : 2);
      for (std::uint32_t i = 0; i < length; ++i) {
        const std::uint32_t word = choice.pick(2 + choice.pick(2));
        switch (choice.pick(12)) {
          case 0:
          case 1:
          case 2:
          case 3:
            thread.push_back(
                load(word, one_of({Order::relaxed, Order::relaxed, Order::acquire, Order::seq_cst})));
            break;
          case 4:
          case 5:
          case 6:
          case 7:
            thread.push_back(store(word, ++value,
                                   one_of({Order::relaxed, Order::relaxed, Order::release, Order::seq_cst})));
            break;
          case 8:
            thread.push_back((choice.pick(2) == 0 ? exchange : compare_exchange)(
                word, ++value, one_of({Order::relaxed, Order::acq_rel, Order::seq_cst})));
            break;
          case 9:
            thread.push_back(fence(one_of({Order::acquire, Order::release, Order::seq_cst})));
            break;
          case 10:
            thread.push_back(notify(choice.pick(2)));
            break;
          default:
            thread.push_back(choice.pick(3) == 0   ? Instruction{OpKind::choose, 0, 2, Order::plain}
                             : choice.pick(2) == 0 ? Instruction{OpKind::await, 0, 0, Order::plain}
                                                   : wait(choice.pick(2)));
        }
      }
    }
    const Found all = find_naively(threads, name, 60000);
    if (all.gave_up) continue;
    const Found reduced = find_by_exploring(threads, name);
    ++compared;
    naive_executions += all.executions;
    reduced_executions += reduced.executions + reduced.redundant;
    INFO(name_of(name) << " program " << compared);
    std::string text;
    for (const Thread& thread : threads) {
      for (const Instruction& i : thread)
        text += fmt::format("{}({},{},{}) ", static_cast<int>(i.kind), i.word, i.value,
                            static_cast<int>(i.order));
      text += "| ";
    }
    INFO(text);
    REQUIRE(reduced.outcomes == all.outcomes);
    REQUIRE(reduced.executions + reduced.redundant <= all.executions);
  }
  CHECK(reduced_executions * 5 < naive_executions);
}

}  // namespace check_models_test
