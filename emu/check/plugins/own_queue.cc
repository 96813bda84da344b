// ringside's queue (ring/queue.h), unchanged: messages of two words through two slots, in the shape that
// PADDED and CACHED select. These are scenarios: the queue goes one way, and a message has no response.
//
// A message's words depend on its number only, so that an old slot is always a wrong one.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "emu/check/include/ringside/ring_check.h"
#include "ring/queue.h"

namespace {

using namespace ringside::ring;

using Message = std::array<std::uint64_t, 2>;
using Queue = ringside::ring::Queue<Message, 2, QueueOptions{PADDED != 0, CACHED != 0}>;

/// The page has a queue for each place where its indices may begin.
enum Start : std::uint32_t {
  index_end,     ///< empty; the next message is the last before the index is 0 again
  room_for_one,  ///< one message waits
};
constexpr std::uint32_t starts = 2;

Queue& queue_of(void* page, Start start) {
  return static_cast<Queue*>(page)[start];
}

Message in_slot(const Queue& queue, Index index) {
  Message message;
  std::memcpy(&message, queue.slot[index % Queue::slots].bytes, sizeof message);
  return message;
}

Message message_at(Index index) {
  return {std::uint64_t{index} + 1, ~std::uint64_t{index}};
}

void init(void* page, std::uint32_t) {
  Queue& at_end = queue_of(page, index_end);
  at_end.producer.index = at_end.consumer.index = 0xffffffff;
  Queue& other = queue_of(page, room_for_one);
  const Message seven = message_at(7);
  other.producer.index = 8;
  other.consumer.index = 7;
  std::memcpy(other.slot[7 % 2].bytes, &seven, sizeof seven);
}

class Puts {
 public:
  Puts(void* page, Start start) : producer_(queue_of(page, start)) {}
  bool put() { return producer_.put(message_at(producer_.index())); }
  std::uint32_t put_two() {
    const Message both[] = {message_at(producer_.index()), message_at(producer_.index() + 1)};
    return producer_.put_many(both);
  }
  /// Puts one, and waits for room before if there is none.
  void put_sleeping() {
    while (!put()) {
      if (producer_.may_sleep()) ring_check_wait(RING_CHECK_FRONT);
    }
    if (producer_.must_wake()) ring_check_notify(RING_CHECK_BACK);
  }

 private:
  Producer<Queue> producer_;
};

class Takes {
 public:
  Takes(void* page, Start start) : consumer_(queue_of(page, start)) {}
  bool take() {
    const Index index = consumer_.index();
    Message message{};
    if (!consumer_.take(message)) return false;
    ring_check_assert(message == message_at(index));
    return true;
  }
  void take_two() {
    const Index index = consumer_.index();
    Message both[2];
    const std::uint32_t count = consumer_.take_many(both);
    for (std::uint32_t i = 0; i < count; ++i) ring_check_assert(both[i] == message_at(index + i));
  }
  void take_sleeping() {
    while (!take()) {
      if (consumer_.may_sleep()) ring_check_wait(RING_CHECK_BACK);
    }
    if (consumer_.must_wake()) ring_check_notify(RING_CHECK_FRONT);
  }

 private:
  Consumer<Queue> consumer_;
};

// -- messages

template <Start start>
void puts_three(void* page) {
  Puts ends(page, start);
  for (int i = 0; i < 3; ++i) ends.put();
}
template <Start start>
void takes_three(void* page) {
  Takes ends(page, start);
  for (int i = 0; i < 3; ++i) ends.take();
}
template <Start start>
void puts_in_batches(void* page) {
  Puts ends(page, start);
  ends.put_two();
  ends.put_two();
}
template <Start start>
void takes_in_batches(void* page) {
  Takes ends(page, start);
  ends.take_two();
  ends.take_two();
}
/// What waits is in its place.
template <Start start>
void all_is_in_place(void* page) {
  const Queue& queue = queue_of(page, start);
  ring_check_assert(queue.producer.index - queue.consumer.index <= Queue::slots);
  for (Index at = queue.consumer.index; at != queue.producer.index; ++at)
    ring_check_assert(in_slot(queue, at) == message_at(at));
}

// -- ends that sleep

template <Start start, int count>
void puts_and_sleeps(void* page) {
  Puts ends(page, start);
  for (int i = 0; i < count; ++i) ends.put_sleeping();
}
template <Start start, int count>
void takes_and_sleeps(void* page) {
  Takes ends(page, start);
  for (int i = 0; i < count; ++i) ends.take_sleeping();
}
template <Start start>
void all_was_taken(void* page) {
  ring_check_assert(queue_of(page, start).producer.index == queue_of(page, start).consumer.index);
}

// -- an end that writes any index at any moment

Index hostile_distance() {
  const Index distances[] = {Queue::slots, Queue::slots + 1, 0xffffffff, 0x80000000};
  return distances[ring_check_choose(4, "how far the index is from the other end's")];
}
void hostile_producer(void* page) {
  NativeMemory::store(&queue_of(page, room_for_one).producer.index, Index{7} + hostile_distance());
}
void consumer_trusts_nothing(void* page) {
  Consumer<Queue> consumer(queue_of(page, room_for_one));
  Message messages[3] = {};
  for (int i = 0; i < 2; ++i) {
    ring_check_assert(consumer.waiting(Queue::slots + 1) <= Queue::slots);
    ring_check_assert(consumer.take_many({messages, 2}) <= Queue::slots);
  }
  ring_check_assert(messages[2] == Message{});
}
void hostile_consumer(void* page) {
  NativeMemory::store(&queue_of(page, room_for_one).consumer.index, Index{8} - hostile_distance());
}
void producer_trusts_nothing(void* page) {
  Producer<Queue> producer(queue_of(page, room_for_one));
  const Message messages[3] = {};
  for (int i = 0; i < 2; ++i) {
    ring_check_assert(producer.room(Queue::slots + 1) <= Queue::slots);
    ring_check_assert(producer.put_many(messages) <= Queue::slots);
  }
}
void no_other_memory(void* page) {
  const Queue& other = queue_of(page, index_end);
  ring_check_assert(other.producer.index == 0xffffffff && in_slot(other, 0) == Message{} &&
                    in_slot(other, 1) == Message{});
}

// -- the table

#define WORD(start, end, name, writer)                                                   \
  {                                                                                      \
#end " " #name " of " #start,                                                        \
        static_cast < std::uint32_t>                                                     \
            (start * sizeof(Queue) + offsetof(Queue, end) + offsetof(Queue::End, name)), \
        4, RING_CHECK_FLAG, writer                                                       \
  }
#define WORDS(start)                                                                              \
  WORD(start, producer, index, RING_CHECK_FRONT), WORD(start, producer, asleep, RING_CHECK_BOTH), \
      WORD(start, consumer, index, RING_CHECK_BACK), WORD(start, consumer, asleep, RING_CHECK_BOTH)

constexpr ring_check_word words[] = {WORDS(index_end), WORDS(room_for_one)};

#define SCENARIO(name, producer, consumer, check) \
  { name, 2, {"producer", "consumer"}, {producer, consumer}, check }

constexpr ring_check_scenario scenarios[] = {
    SCENARIO("messages over the end of the index", puts_three<index_end>, takes_three<index_end>,
             all_is_in_place<index_end>),
    SCENARIO("messages with room for one", puts_three<room_for_one>, takes_three<room_for_one>,
             all_is_in_place<room_for_one>),
    SCENARIO("batches over the end of the index", puts_in_batches<index_end>, takes_in_batches<index_end>,
             all_is_in_place<index_end>),
    SCENARIO("batches with room for one", puts_in_batches<room_for_one>, takes_in_batches<room_for_one>,
             all_is_in_place<room_for_one>),
    SCENARIO("a consumer that sleeps", (puts_and_sleeps<index_end, 2>), (takes_and_sleeps<index_end, 2>),
             all_was_taken<index_end>),
    SCENARIO("both ends sleep", (puts_and_sleeps<room_for_one, 2>), (takes_and_sleeps<room_for_one, 3>),
             all_was_taken<room_for_one>),
    SCENARIO("a hostile producer", hostile_producer, consumer_trusts_nothing, no_other_memory),
    SCENARIO("a hostile consumer", producer_trusts_nothing, hostile_consumer, no_other_memory),
};

const ring_check_ring table = [] {
  ring_check_ring ring{};
  ring.abi = RING_CHECK_ABI;
  ring.name = "ringside's queue";
  ring.page_bytes = starts * sizeof(Queue);
  ring.slots = Queue::slots;
  ring.words = words;
  ring.word_count = sizeof words / sizeof *words;
  ring.init = init;
  ring.scenarios = scenarios;
  ring.scenario_count = sizeof scenarios / sizeof *scenarios;
  return ring;
}();

}  // namespace

const ring_check_ring* ring_check_plugin() {
  return &table;
}
