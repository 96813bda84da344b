// The source of choices.
#include "emu/base/choice.h"

#include "test/aborts.h"
#include "test/catch.h"

namespace choice_test {

using namespace ringside;

namespace {

Choice::Tape picks(Choice choice, std::uint32_t ways, int count) {
  Choice::Tape picked;
  for (int at = 0; at < count; ++at) picked.push_back(choice.pick(ways));
  return picked;
}

}  // namespace

TEST_CASE("the plain choice is always the first way, and leaves no tape") {
  Choice choice = Choice::first();
  CHECK(choice.pick(1) == 0);
  CHECK(choice.pick(1000) == 0);
  CHECK_FALSE(choice.chance(99));
  CHECK_FALSE(choice.explores());
  CHECK(choice.tape().empty());
}

TEST_CASE("a seed gives the same choices every time, and another seed others") {
  const auto one = picks(Choice::seeded(1), 6, 50);
  CHECK(one == picks(Choice::seeded(1), 6, 50));
  CHECK(one != picks(Choice::seeded(2), 6, 50));
}

TEST_CASE("a seed gives the choices that it gave on other machines") {
  // SplitMix64 of seed 0 begins with e220a8397b1dcdaf 6e789e6aa1b965f4 06c45d188009454f.
  Choice choice = Choice::seeded(0);
  CHECK(choice.pick(0x10000) == 0xe220);
  CHECK(choice.pick(0x10000) == 0x6e78);
  CHECK(choice.pick(0x10000) == 0x06c4);
}

TEST_CASE("every way is drawn, none beyond the last, and each about as often") {
  Choice choice = Choice::seeded(7);
  int taken[5] = {};
  for (int at = 0; at < 5000; ++at) {
    const std::uint32_t way = choice.pick(5);
    REQUIRE(way < 5);
    ++taken[way];
  }
  for (const int times : taken) {
    CHECK(times > 850);
    CHECK(times < 1150);
  }
}

TEST_CASE("a tape repeats its run, and records only real choices") {
  Choice original = Choice::seeded(3);
  Choice::Tape picked;
  for (std::uint32_t ways = 1; ways < 40; ++ways) picked.push_back(original.pick(ways));
  CHECK(original.tape().size() == 38);

  Choice again = Choice::replay(original.tape());
  for (std::uint32_t ways = 1; ways < 40; ++ways) CHECK(again.pick(ways) == picked[ways - 1]);
  CHECK(again.tape() == original.tape());
}

TEST_CASE(
    "a truncated tape continues with the first way, and a number that is too large means the last way") {
  Choice choice = Choice::replay({2, 9});
  CHECK(choice.pick(4) == 2);
  CHECK(choice.pick(4) == 3);
  CHECK(choice.pick(4) == 0);
  CHECK(choice.tape() == Choice::Tape{2, 3, 0});
}

TEST_CASE("a chance of 100 is no choice, and a chance of 0 is always false") {
  Choice choice = Choice::seeded(5);
  int came = 0;
  for (int at = 0; at < 1000; ++at) {
    CHECK(choice.chance(100));
    CHECK_FALSE(choice.chance(0));
    came += choice.chance(30) ? 1 : 0;
  }
  CHECK(came > 250);
  CHECK(came < 350);
}

TEST_CASE("choosing among no ways aborts") {
  CHECK(test::abort_message([] { (void)Choice::seeded(1).pick(0); }));
}

}  // namespace choice_test
