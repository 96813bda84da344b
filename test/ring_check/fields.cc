// Tests of threads, each with a race at a field: of an element of a std::vector behind a std::unique_ptr, of
// a node of a list whose head has moved on, of a base class, of a union. The publishing store is relaxed, so
// C11 has the race.
#include <ringside/ring_check.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace {

struct Message {
  std::uint32_t number;
  std::uint32_t length;
};

template <class Element>
class Queue {
 public:
  void put(std::uint32_t at, const Element& element) {
    elements_[at] = element;
    tail_.store(at + 1, std::memory_order_relaxed);
  }
  std::uint32_t take(std::uint32_t at) const {
    return tail_.load(std::memory_order_acquire) == at + 1 ? elements_[at].length : 0;
  }

 private:
  std::atomic<std::uint32_t> tail_{0};
  std::vector<Element> elements_{4};
};

std::unique_ptr<Queue<Message>> queue;

void makes_queue() {
  queue = std::make_unique<Queue<Message>>();
}
void puts() {
  queue->put(3, {7, 8});
}
void takes() {
  const std::uint32_t length = queue->take(3);
  ring_check_assert(length == 0 || length == 8);
}

struct Node {
  explicit Node(int of) : value(of) {}
  std::atomic<Node*> next{nullptr};
  int value;
};

std::atomic<Node*> head;

void pushes() {
  for (int i = 0; i < 2; ++i) {
    Node* node = new Node(i);
    node->next.store(head.load(std::memory_order_relaxed), std::memory_order_relaxed);
    head.store(node, std::memory_order_relaxed);
  }
}
void looks() {
  const Node* node = head.load(std::memory_order_acquire);
  if (node != nullptr) ring_check_assert(node->value < 2);
}

struct Header {
  std::uint32_t sequence;
};
struct Slot : Header {
  union {
    std::uint64_t all;
    struct {
      std::uint32_t low, high;
    } half;
  };
};

struct Table {
  std::atomic<std::uint32_t> ready;
  Slot slots[2];
};
Table table;

void writes_sequence() {
  table.slots[1].sequence = 1;
  table.ready.store(1, std::memory_order_relaxed);
}
void reads_sequence() {
  if (table.ready.load(std::memory_order_acquire) == 1) ring_check_assert(table.slots[1].sequence == 1);
}
void writes_half() {
  table.slots[0].half.high = 1;
  table.ready.store(1, std::memory_order_relaxed);
}
void reads_half() {
  if (table.ready.load(std::memory_order_acquire) == 1) ring_check_assert(table.slots[0].half.high == 1);
}

}  // namespace

extern "C" RING_CHECK_TESTS({"queue", makes_queue, {puts, takes}}, {"list", nullptr, {pushes, looks}},
                            {"base", nullptr, {writes_sequence, reads_sequence}},
                            {"union", nullptr, {writes_half, reads_half}})
