// A ring as a template: a queue with std::atomic, one producer and one consumer, which poll. It has one bug,
// which an x86 hides and an ARM does not.
#include <ringside/ring_check.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <new>

namespace {

// -- your ring

template <class Message, std::uint32_t slots>
class Queue {
 public:
  bool put(const Message& message) {
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == slots) return false;
    messages_[tail % slots] = message;
    tail_.store(tail + 1, std::memory_order_relaxed);
    return true;
  }

  bool take(Message& message) {
    const std::uint32_t head = head_.load(std::memory_order_relaxed);
    if (tail_.load(std::memory_order_acquire) == head) return false;
    message = messages_[head % slots];
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

  std::atomic<std::uint32_t> tail_{0};  // messages published
  std::atomic<std::uint32_t> head_{0};  // messages taken
  Message messages_[slots];
};

// -- the adapter for the checker

struct Message {
  std::uint32_t number;
  std::uint8_t bytes[8];
};
constexpr std::uint32_t slots = 4;
using Ring = Queue<Message, slots>;

Ring* ring;

void init(void* page, std::uint32_t) {
  new (page) Ring{};
}

int attach(void* page, std::uint32_t) {
  ring = static_cast<Ring*>(page);
  return 0;
}

int push(const ring_check_item* item) {
  Message message{item->id, {}};
  std::memcpy(message.bytes, item->bytes, sizeof message.bytes);
  return ring->put(message) ? 1 : 0;
}

int pop(ring_check_item* item) {
  Message message;
  if (!ring->take(message)) return 0;
  item->id = message.number;
  item->length = sizeof message.bytes;
  std::memcpy(item->bytes, message.bytes, sizeof message.bytes);
  return 1;
}

const ring_check_word words[] = {
    {"tail", offsetof(Ring, tail_), 4, RING_CHECK_REQ_INDEX, RING_CHECK_FRONT},
    {"head", offsetof(Ring, head_), 4, RING_CHECK_RSP_INDEX, RING_CHECK_BACK},
};

const ring_check_ring table = [] {
  ring_check_ring t{};
  t.abi = RING_CHECK_ABI;
  t.capabilities = RING_CHECK_SPINS;
  t.name = "my queue";
  t.page_bytes = sizeof(Ring);
  t.slots = slots;
  t.payload_bytes = sizeof(Message::bytes);
  t.slots_offset = offsetof(Ring, messages_);
  t.slot_bytes = sizeof(Message);
  t.words = words;
  t.word_count = 2;
  t.init = init;
  t.front_attach = attach;
  t.back_attach = attach;
  t.push_req = push;
  t.pop_req = pop;
  return t;
}();

}  // namespace

const ring_check_ring* ring_check_plugin() {
  return &table;
}
