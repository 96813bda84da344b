// The queue between two ends of one thread: its layout, its limits, what each end believes, and when one must
// wake the other. queue_processes_test.cc has two processes; ring-check has the order of its accesses.
#include "ring/queue.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "test/catch.h"

namespace queue_test {

using namespace ringside::ring;

namespace {

struct Sample {
  std::uint32_t number;
  char text[9];  // 13 bytes: not a whole number of words
};

template <QueueOptions options>
using Samples = Queue<Sample, 4, options>;

using Padded = Samples<QueueOptions{true, true}>;
using PaddedUncached = Samples<QueueOptions{true, false}>;
using Dense = Samples<QueueOptions{false, true}>;
using DenseUncached = Samples<QueueOptions{false, false}>;

Sample sample(std::uint32_t number) {
  Sample made{number, {}};
  std::snprintf(made.text, sizeof made.text, "n%u", number % 1'000'000);
  return made;
}

template <class Q>
struct Ends {
  explicit Ends(Index start = 0) {
    queue.producer.index = queue.consumer.index = start;
    producer.emplace(queue);
    consumer.emplace(queue);
  }
  Q queue{};
  std::optional<Producer<Q>> producer;
  std::optional<Consumer<Q>> consumer;
};

}  // namespace

TEST_CASE("a queue's words are where its options put them") {
  STATIC_REQUIRE(sizeof(Padded::Slot) == sizeof(Sample));
  STATIC_REQUIRE(offsetof(Padded, consumer) == 64);
  STATIC_REQUIRE(offsetof(Padded, slot) == 128);
  STATIC_REQUIRE(offsetof(Dense, consumer) == 8);
  STATIC_REQUIRE(offsetof(Dense, slot) == 16);
  STATIC_REQUIRE(sizeof(Queue<std::array<std::uint64_t, 8>, 8>) == 128 + 8 * 64);
}

TEMPLATE_TEST_CASE("messages arrive once, in order and unchanged, over the end of the slots and of the index",
                   "", Padded, PaddedUncached, Dense, DenseUncached) {
  for (const Index start : {Index{0}, Index{3}, Index{0xffff'fffd}}) {
    Ends<TestType> ends(start);
    std::uint32_t put = 0;
    std::uint32_t taken = 0;
    for (int round = 0; round < 20; ++round) {
      for (int i = 0; i < 1 + round % 5; ++i) put += ends.producer->put(sample(put));
      Sample got{};
      for (int i = 0; i < 1 + round % 3 && ends.consumer->take(got); ++i) {
        CHECK(got.number == taken);
        CHECK(std::string_view(got.text) == sample(taken).text);
        ++taken;
      }
    }
    CHECK(put > 20);
    CHECK(put - taken <= TestType::slots);
    CHECK(ends.producer->index() == start + put);
  }
}

TEMPLATE_TEST_CASE("a batch is as long as there is room, or messages", "", Padded, PaddedUncached, Dense,
                   DenseUncached) {
  Ends<TestType> ends;
  std::vector<Sample> many;
  for (std::uint32_t i = 0; i < 6; ++i) many.push_back(sample(i));
  CHECK(ends.producer->room(4) == 4);
  CHECK(ends.producer->put_many(many) == 4);
  CHECK(ends.producer->put_many(many) == 0);
  CHECK_FALSE(ends.producer->put(many[4]));
  CHECK(ends.consumer->waiting(4) == 4);
  std::vector<Sample> got(3);
  CHECK(ends.consumer->take_many(got) == 3);
  CHECK(got[2].number == 2);
  CHECK(ends.producer->put_many(std::span(many).subspan(4)) == 2);
  got.resize(10);
  CHECK(ends.consumer->take_many(got) == 3);
  CHECK(got[2].number == 5);
  CHECK(ends.consumer->take_many(got) == 0);
  CHECK(ends.consumer->take_many({}) == 0);
  CHECK(ends.producer->put_many({}) == 0);
}

TEMPLATE_TEST_CASE("an end that sleeps is woken once; one that is awake is not woken", "", Padded, Dense) {
  Ends<TestType> ends;
  CHECK(ends.producer->put(sample(0)));
  CHECK_FALSE(ends.producer->must_wake());
  CHECK_FALSE(ends.consumer->may_sleep());  // there is a message
  Sample got{};
  CHECK(ends.consumer->take(got));
  CHECK(ends.consumer->may_sleep());
  CHECK(ends.producer->put(sample(1)));
  CHECK(ends.producer->must_wake());
  CHECK_FALSE(ends.producer->must_wake());
  CHECK(ends.consumer->take(got));
  CHECK(ends.consumer->may_sleep());
  ends.consumer->end_sleep();  // by itself
  CHECK(ends.producer->put(sample(2)));
  CHECK_FALSE(ends.producer->must_wake());

  CHECK_FALSE(ends.producer->may_sleep());  // there is room
  while (ends.producer->put(sample(3))) {
  }
  CHECK(ends.producer->may_sleep());
  CHECK(ends.consumer->take(got));
  CHECK(ends.consumer->must_wake());
  CHECK(ends.producer->put(sample(4)));
}

TEMPLATE_TEST_CASE("an impossible index moves nothing until it is possible again", "", Padded, PaddedUncached,
                   Dense, DenseUncached) {
  const std::uint32_t wrong = GENERATE(5u, 0x8000'0000u, 0xffff'ffffu);
  Ends<TestType> ends(7);
  const TestType before = ends.queue;
  Sample got{};

  ends.queue.producer.index = 7 + wrong;
  CHECK(ends.consumer->waiting() == 0);
  CHECK(ends.consumer->peer_at_fault());
  CHECK_FALSE(ends.consumer->take(got));
  CHECK(ends.consumer->may_sleep());
  ends.consumer->end_sleep();
  CHECK(std::memcmp(&ends.queue.consumer, &before.consumer, sizeof before.consumer) == 0);

  ends.queue.producer.index = 7;
  ends.queue.consumer.index = 7 - wrong;
  CHECK(ends.producer->room(4) == 0);
  CHECK(ends.producer->peer_at_fault());
  CHECK_FALSE(ends.producer->put(sample(1)));
  CHECK(ends.producer->may_sleep());
  ends.producer->end_sleep();
  CHECK(std::memcmp(ends.queue.slot, before.slot, sizeof before.slot) == 0);

  ends.queue.consumer.index = 7;
  CHECK(ends.producer->put(sample(1)));
  CHECK_FALSE(ends.producer->peer_at_fault());
  CHECK(ends.consumer->take(got));
  CHECK(got.number == 1);
}

TEMPLATE_TEST_CASE("a new end continues where the shared memory says", "", Padded, Dense) {
  Ends<TestType> ends;
  CHECK(ends.producer->put(sample(0)));
  CHECK(ends.producer->put(sample(1)));
  Sample got{};
  CHECK(ends.consumer->take(got));
  ends.producer.emplace(ends.queue);
  ends.consumer.emplace(ends.queue);
  CHECK(ends.producer->put(sample(2)));
  CHECK(ends.consumer->take(got));
  CHECK(got.number == 1);
  CHECK(ends.consumer->take(got));
  CHECK(got.number == 2);
  CHECK_FALSE(ends.consumer->take(got));
}

}  // namespace queue_test
