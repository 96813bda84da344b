// A queue with one producer and one consumer that keeps one slot empty, so that its indices need not run
// freely: they are positions, and equal ones mean that it is empty. Each end caches the other's index and
// reads it again only when the cached value is not enough.
//
// No slot is used twice before SLOTS + 2 messages have passed, so that errors in the release of a slot show
// later than in other rings. BUG 43: VARIANT 1 releases a slot without release order; VARIANT 2 releases all
// slots that it has seen and reads them afterwards. BUG 44: publishes without release order after the
// producer's first round.
#include <atomic>
#include <cstring>

#include "emu/check/include/ringside/ring_check.h"

#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef BUG
#define BUG 0
#endif
#ifndef VARIANT
#define VARIANT 1
#endif

namespace {

struct Message {
  std::uint32_t id;
  std::uint8_t bytes[8];
};

struct Queue {
  static constexpr std::uint32_t places = SLOTS + 1;
  std::atomic<std::uint32_t> write;
  std::atomic<std::uint32_t> read;
  Message messages[places];
};

Queue* queue;
struct {
  std::uint32_t read_seen;
  bool has_gone_round;
} producer;
struct {
  std::uint32_t write_seen;
  std::uint32_t next;
} consumer;

std::uint32_t after(std::uint32_t place) {
  return place + 1 == Queue::places ? 0 : place + 1;
}

void init(void* page, std::uint32_t) {
  new (page) Queue{};
}

int front_attach(void* page, std::uint32_t) {
  queue = static_cast<Queue*>(page);
  producer = {};
  return 0;
}

int back_attach(void* page, std::uint32_t) {
  queue = static_cast<Queue*>(page);
  consumer = {};
  return 0;
}

int push_req(const ring_check_item* item) {
  const std::uint32_t write = queue->write.load(std::memory_order_relaxed);
  const std::uint32_t next = after(write);
  if (next == producer.read_seen) {
    producer.read_seen = queue->read.load(std::memory_order_acquire);
    if (next == producer.read_seen) return 0;
  }
  Message message{item->id, {}};
  std::memcpy(message.bytes, item->bytes, sizeof message.bytes);
  queue->messages[write] = message;
  const bool is_ordered = BUG != 44 || !producer.has_gone_round;
  queue->write.store(next, is_ordered ? std::memory_order_release : std::memory_order_relaxed);
  producer.has_gone_round = producer.has_gone_round || next == 0;
  return 1;
}

int pop_req(ring_check_item* item) {
  const std::uint32_t place = consumer.next;
  if (place == consumer.write_seen) {
    consumer.write_seen = queue->write.load(std::memory_order_acquire);
    if (place == consumer.write_seen) return 0;
    if (BUG == 43 && VARIANT == 2) queue->read.store(consumer.write_seen, std::memory_order_release);
  }
  const Message message = queue->messages[place];
  item->id = message.id;
  item->length = sizeof message.bytes;
  std::memcpy(item->bytes, message.bytes, sizeof message.bytes);
  consumer.next = after(place);
  if (BUG != 43) queue->read.store(consumer.next, std::memory_order_release);
  if (BUG == 43 && VARIANT == 1) queue->read.store(consumer.next, std::memory_order_relaxed);
  return 1;
}

const ring_check_word words[] = {
    {"write", offsetof(Queue, write), 4, RING_CHECK_REQ_INDEX, RING_CHECK_FRONT},
    {"read", offsetof(Queue, read), 4, RING_CHECK_RSP_INDEX, RING_CHECK_BACK},
};

const ring_check_ring table = [] {
  ring_check_ring ring{};
  ring.abi = RING_CHECK_ABI;
  ring.capabilities = RING_CHECK_SPINS | RING_CHECK_INDEX_MODULO;
  ring.name = "slack_ring";
  ring.page_bytes = sizeof(Queue);
  ring.slots = SLOTS;
  ring.payload_bytes = sizeof(Message::bytes);
  ring.slots_offset = offsetof(Queue, messages);
  ring.slot_bytes = sizeof(Message);
  ring.words = words;
  ring.word_count = 2;
  ring.init = init;
  ring.front_attach = front_attach;
  ring.back_attach = back_attach;
  ring.push_req = push_req;
  ring.pop_req = pop_req;
  return ring;
}();

}  // namespace

const ring_check_ring* ring_check_plugin() {
  return &table;
}
