// A queue with one producer and one consumer in C++, with std::atomic, as is usual: one direction, no
// responses.
//
// WAITS 0: an end that cannot continue polls. WAITS 1: it sets a flag, checks once more and sleeps; the other
// end reads the flag after it has moved its index. That needs one order of all four accesses, which seq_cst
// provides.
//
// Each order has a name, so that each can be weakened by one step: BUG 36, VARIANT 1 to 8.
#include <atomic>
#include <cstring>

#include "emu/check/include/ringside/ring_check.h"

#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef WAITS
#define WAITS 0
#endif
#if BUG == 36
#define WEAKENED(n) (VARIANT == (n))
#else
#define WEAKENED(n) false
#endif

namespace {

using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;

constexpr bool waits = WAITS != 0;
constexpr auto strong_store = waits ? memory_order_seq_cst : memory_order_release;
constexpr auto weak_store = waits ? memory_order_release : memory_order_relaxed;
// The message must be visible with its index.
constexpr auto tail_store = WEAKENED(1) ? weak_store : strong_store;
constexpr auto tail_load = WEAKENED(2) ? memory_order_relaxed : memory_order_acquire;
// The message must have been read before the index that releases its slot.
constexpr auto head_store = WEAKENED(3) ? weak_store : strong_store;
constexpr auto head_load = WEAKENED(4) ? memory_order_relaxed : memory_order_acquire;
// The store of the flag before the load of the index, and the store of the index before the load of the flag.
constexpr auto flag_store = WEAKENED(5) ? memory_order_release : memory_order_seq_cst;
constexpr auto flag_load = WEAKENED(6) ? memory_order_acquire : memory_order_seq_cst;
constexpr auto last_tail_load = WEAKENED(7) ? memory_order_acquire : memory_order_seq_cst;
constexpr auto last_head_load = WEAKENED(8) ? memory_order_acquire : memory_order_seq_cst;

struct Message {
  std::uint32_t id;
  std::uint32_t length;
  std::uint8_t bytes[8];
};

class Queue {
 public:
  bool push(const Message& message) {
    const std::size_t tail = tail_.load(memory_order_relaxed);
    if (tail - head_.load(head_load) == SLOTS) return false;
    messages_[tail % SLOTS] = message;
    tail_.store(tail + 1, tail_store);
    return true;
  }

  bool pop(Message& message) {
    const std::size_t head = head_.load(memory_order_relaxed);
    if (tail_.load(tail_load) == head) return false;
    message = messages_[head % SLOTS];
    head_.store(head + 1, head_store);
    return true;
  }

  // True: do not sleep, there is work.
  bool consumer_arms() {
    consumer_sleeps_.store(1, flag_store);
    return tail_.load(last_tail_load) != head_.load(memory_order_relaxed);
  }
  bool producer_arms() {
    producer_sleeps_.store(1, flag_store);
    return tail_.load(memory_order_relaxed) - head_.load(last_head_load) < SLOTS;
  }
  void consumer_woken() { consumer_sleeps_.store(0, memory_order_relaxed); }
  void producer_woken() { producer_sleeps_.store(0, memory_order_relaxed); }
  bool consumer_sleeps() { return consumer_sleeps_.load(flag_load) != 0; }
  bool producer_sleeps() { return producer_sleeps_.load(flag_load) != 0; }

  std::atomic<std::size_t> tail_;  // moved by the producer
  std::atomic<std::size_t> head_;  // moved by the consumer
  std::atomic<std::uint32_t> consumer_sleeps_;
  std::atomic<std::uint32_t> producer_sleeps_;
  Message messages_[SLOTS];
};

Queue* producer;
Queue* consumer;

void init(void* page, std::uint32_t) {
  new (page) Queue{};
}

int front_attach(void* page, std::uint32_t) {
  producer = static_cast<Queue*>(page);
  return 0;
}

int back_attach(void* page, std::uint32_t) {
  consumer = static_cast<Queue*>(page);
  return 0;
}

int push_req(const ring_check_item* item) {
  Message message{item->id, item->length, {}};
  std::memcpy(message.bytes, item->bytes, sizeof message.bytes);
  if (!producer->push(message)) return 0;
  if (waits && producer->consumer_sleeps()) ring_check_notify(RING_CHECK_BACK);
  return 1;
}

int pop_req(ring_check_item* item) {
  Message message;
  if (!consumer->pop(message)) return 0;
  item->id = message.id;
  item->length = message.length;
  std::memcpy(item->bytes, message.bytes, sizeof message.bytes);
  if (waits && consumer->producer_sleeps()) ring_check_notify(RING_CHECK_FRONT);
  return 1;
}

int front_final_check() {
  return waits && producer->producer_arms() ? 1 : 0;
}
int back_final_check() {
  return waits && consumer->consumer_arms() ? 1 : 0;
}
void front_woken() {
  if (waits) producer->producer_woken();
}
void back_woken() {
  if (waits) consumer->consumer_woken();
}

const ring_check_word words[] = {
    {"tail", offsetof(Queue, tail_), sizeof(std::size_t), RING_CHECK_REQ_INDEX, RING_CHECK_FRONT},
    {"head", offsetof(Queue, head_), sizeof(std::size_t), RING_CHECK_RSP_INDEX, RING_CHECK_BACK},
    {"consumer_sleeps", offsetof(Queue, consumer_sleeps_), 4, RING_CHECK_FLAG, RING_CHECK_BACK},
    {"producer_sleeps", offsetof(Queue, producer_sleeps_), 4, RING_CHECK_FLAG, RING_CHECK_FRONT},
};

const ring_check_ring table = {
    .abi = RING_CHECK_ABI,
    .capabilities = waits ? 0u : std::uint32_t{RING_CHECK_SPINS},
    .name = waits ? "atomic_ring, sleeping" : "atomic_ring, spinning",
    .page_bytes = sizeof(Queue),
    .slots = SLOTS,
    .payload_bytes = sizeof(Message::bytes),
    .slots_offset = offsetof(Queue, messages_),
    .slot_bytes = sizeof(Message),
    .words = words,
    .word_count = waits ? 4 : 2,
    .init = init,
    .front_attach = front_attach,
    .back_attach = back_attach,
    .push_req = push_req,
    .pop_req = pop_req,
    .push_rsp = nullptr,
    .pop_rsp = nullptr,
    .front_publish = nullptr,
    .back_publish = nullptr,
    .front_final_check = front_final_check,
    .back_final_check = back_final_check,
    .front_woken = front_woken,
    .back_woken = back_woken,
    .detach = nullptr,
    .scenarios = nullptr,
    .scenario_count = 0,
};

}  // namespace

const ring_check_ring* ring_check_plugin() {
  return &table;
}
