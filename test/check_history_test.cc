// The histories of a queue, a stack and a deque that are linearizable.
#include "test/catch.h"

#include "emu/check/history.h"

namespace check_history_test {

using ringside::check::History;
using enum ringside::check::OperationKind;

namespace {

std::string name_of(std::uint32_t thread) {
  return thread == History::alone ? "alone" : std::string(1, static_cast<char>('A' + thread));
}

void does(History& history, std::uint32_t thread, ringside::check::OperationKind kind, int outcome,
          std::uint64_t value, const History::Ended& ended = {}) {
  REQUIRE(history.begin(thread, kind, value, ended).empty());
  REQUIRE(history.end(thread, outcome, value).empty());
}

}  // namespace

TEST_CASE("a queue returns the oldest element and a stack the newest") {
  for (const bool is_stack : {false, true}) {
    History history;
    does(history, 0, push, 1, 1);
    does(history, 0, push, 1, 2);
    does(history, 0, is_stack ? pop : take, 1, is_stack ? 2 : 1);
    CHECK(history.judge(0, name_of).empty());
    does(history, 0, is_stack ? pop : take, 1, is_stack ? 2 : 1);
    CHECK(
        history.judge(0, name_of) ==
        (is_stack
             ? "no order of the operations is possible for a stack: A: push(1), push(2), pop() = 2, pop() = 2"
             : "no order of the operations is possible for a queue: A: push(1), push(2), take() = 1, take() "
               "= 1"));
  }
}

TEST_CASE("overlapping operations may take effect in either order, others only in the order of their calls") {
  for (const bool overlap : {true, false}) {
    History history;
    does(history, 0, push, 1, 1);
    does(history, 1, push, 1, 2, {overlap ? 0u : 1u});
    does(history, History::alone, take, 1, 2);
    does(history, History::alone, take, 1, 1);
    CHECK(history.judge(0, name_of).empty() == overlap);
  }
}

TEST_CASE("only an empty structure may return nothing, and only a full one may refuse") {
  for (const std::uint32_t ended : {0u, 1u}) {
    History history;
    does(history, 0, push, 1, 1);
    does(history, 1, take, 0, 0, {ended});
    CHECK(history.judge(0, name_of).empty() == (ended == 0));
  }
  History history;
  does(history, 0, push, 1, 1);
  does(history, 0, push, 0, 2);
  CHECK(history.judge(0, name_of).empty());
  does(history, 0, take, -1, 0);
  CHECK(history.judge(1, name_of).empty());
  History roomy;
  does(roomy, 0, push, 1, 1);
  does(roomy, 0, push, 0, 2);
  CHECK_FALSE(roomy.judge(2, name_of).empty());
}

TEST_CASE("a thief takes the oldest while the owner pops the newest") {
  History history;
  does(history, 0, push, 1, 1);
  does(history, 0, push, 1, 2);
  does(history, 0, pop, 1, 2);
  does(history, 1, take, 1, 1);
  CHECK(history.judge(0, name_of).empty());
  does(history, 0, pop, 1, 1);
  CHECK(history.judge(0, name_of).starts_with("no order of the operations is possible for a deque:"));
}

TEST_CASE("an operation must begin once and end once") {
  History history;
  CHECK_FALSE(history.end(0, 1, 1).empty());
  CHECK(history.begin(0, push, 1, {}).empty());
  CHECK_FALSE(history.begin(0, push, 2, {}).empty());
  CHECK(history.judge(0, name_of) == "the A began push(1) and did not end it");
  history.clear_to(0);
  for (std::size_t i = 0; i < History::operations_max; ++i) does(history, 0, push, 1, i);
  CHECK(history.begin(0, push, 1, {}) == "more than 64 operations are recorded");
}

}  // namespace check_history_test
