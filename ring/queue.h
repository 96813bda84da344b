// A bounded queue of messages from one producer to one consumer, in memory that both share: two threads, or
// two processes. Each end may sleep: the queue says when the other end must be woken, and the caller wakes it
// by whatever it has, for example an eventfd.
//
// A Queue is the shared memory, which begins as zeros. A Producer and a Consumer are its ends; each belongs
// to one thread. An end trusts its own index only: whatever the peer writes, an end accesses no memory
// outside of the queue and never loops without bound.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "ring/index.h"
#include "ring/memory.h"
#include "ring/sleep_flag.h"

namespace ringside::ring {

struct QueueOptions {
  /// The words that one end writes are on a cache line of their own.
  bool padded = true;
  /// An end keeps the peer's index, and reads it again only when it needs more than that index allows.
  bool cached = true;
};

inline constexpr std::size_t cache_line_bytes = 64;

template <class Message, std::uint32_t slot_count, QueueOptions queue_options = {}>
struct Queue {
  static_assert(std::is_trivially_copyable_v<Message>, "messages are copied as bytes");
  static_assert(std::has_single_bit(slot_count) && slot_count <= 1u << 31, "indices are masked");

  using message = Message;
  static constexpr std::uint32_t slots = slot_count;
  static constexpr QueueOptions options = queue_options;

  /// One end's words. The peer only reads them, except that it clears `asleep` when it wakes this end.
  struct alignas(queue_options.padded ? cache_line_bytes : alignof(Index)) End {
    Index index;           ///< of the next message to be put, or taken; it counts through 2^32
    std::uint32_t asleep;  ///< see SleepFlag
  };
  /// A message. It is copied as plain bytes: an honest peer does not touch it meanwhile, and a hostile one
  /// can only spoil the message, of which the other end has a copy of its own.
  struct Slot {
    alignas(Message) std::byte bytes[sizeof(Message)];
  };
  static_assert(sizeof(Slot) == sizeof(Message), "several are copied at once");

  End producer;
  End consumer;
  Slot slot[slots];
};

/// What both ends do: their own words, the peer's, and the notification.
template <class Queue, class Memory>
class QueueEnd {
 public:
  /// Whether the peer sleeps, and the caller must wake it. To be asked after messages were put or taken; once
  /// for a batch is enough.
  [[nodiscard]] bool must_wake() { return peer_sleep_.must_wake(); }
  /// This end was woken, or does not sleep after all.
  void end_sleep() { own_sleep_.end_sleep(); }
  /// The peer's index is impossible: no message is moved until it is possible again.
  [[nodiscard]] bool peer_at_fault() const { return at_fault_; }
  /// The next message's index. Both ends continue where the shared memory says, so that another process can
  /// take the place of one that died.
  [[nodiscard]] Index index() const { return index_; }

 protected:
  QueueEnd(Queue& queue, typename Queue::End& own, typename Queue::End& peer)
      : queue_(&queue),
        own_(&own),
        peer_(&peer),
        own_sleep_(&own.asleep),
        peer_sleep_(&peer.asleep),
        index_(Memory::load(&own.index)) {}

  /// How many messages are in the queue, by the peer's index as it is now; 0 and at fault if that is
  /// impossible.
  template <class Distance>
  std::uint32_t look(Distance messages) {
    const Index found = Memory::load(&peer_->index);
    // The peer's index before the slots: pairs with the peer's barrier in publish().
    Memory::rmb();
    at_fault_ = messages(found) > Queue::slots;
    if (!at_fault_) peer_index_ = found;
    return at_fault_ ? 0 : messages(found);
  }
  /// Tells the peer that `count` slots were filled, or emptied.
  void publish(std::uint32_t count) {
    // The slots before the index: pairs with the peer's barrier in look().
    Memory::wmb();
    Memory::store(&own_->index, index_ += count);
  }
  [[nodiscard]] void* slot(Index index) { return &queue_->slot[index & (Queue::slots - 1)]; }
  /// How many slots there are from the next one to the end of the array.
  [[nodiscard]] std::uint32_t slots_to_end() const { return Queue::slots - (index_ & (Queue::slots - 1)); }
  static void copy(void* to, const void* from, std::uint32_t messages) {
    if (messages != 0) std::memcpy(to, from, messages * sizeof(typename Queue::Slot));
  }

  Queue* queue_;
  typename Queue::End* own_;
  typename Queue::End* peer_;
  SleepFlag<Memory> own_sleep_;
  SleepFlag<Memory> peer_sleep_;
  Index index_;
  Index peer_index_ = 0;  ///< as last found; always possible
  bool at_fault_ = false;
};

template <class Queue, class Memory = NativeMemory>
class Producer : public QueueEnd<Queue, Memory> {
  using End = QueueEnd<Queue, Memory>;
  using Message = typename Queue::message;

 public:
  explicit Producer(Queue& queue) : End(queue, queue.producer, queue.consumer) {
    End::peer_index_ = End::index_ - Queue::slots;  // full, until it looks
  }

  /// How many messages it can put now, if that is less than `wanted`; else at least `wanted`.
  [[nodiscard]] std::uint32_t room(std::uint32_t wanted = 1) {
    const std::uint32_t known = Queue::slots - distance(End::index_, End::peer_index_);
    if (Queue::options.cached && known >= wanted) return known;
    const std::uint32_t used = look();
    return End::at_fault_ ? 0 : Queue::slots - used;
  }
  /// Puts the first messages, as many as there is room for, and makes them visible together. Returns how
  /// many.
  std::uint32_t put_many(std::span<const Message> messages) {
    const auto wanted = static_cast<std::uint32_t>(std::min<std::size_t>(messages.size(), Queue::slots));
    const std::uint32_t count = std::min(room(wanted), wanted);
    const std::uint32_t at_once = std::min(count, End::slots_to_end());
    End::copy(End::slot(End::index_), messages.data(), at_once);
    End::copy(End::slot(End::index_ + at_once), messages.data() + at_once, count - at_once);
    if (count != 0) End::publish(count);
    return count;
  }
  /// False: the queue is full.
  [[nodiscard]] bool put(const Message& message) {
    if (room() == 0) return false;
    std::memcpy(End::slot(End::index_), &message, sizeof message);
    End::publish(1);
    return true;
  }

  /// This end waits for room. True: it may sleep until it is woken. False: there is room.
  [[nodiscard]] bool may_sleep() {
    End::own_sleep_.begin_sleep();
    if (look() == Queue::slots || End::at_fault_) return true;
    End::end_sleep();
    return false;
  }

 private:
  std::uint32_t look() {
    return End::look([this](Index taken) { return distance(End::index_, taken); });
  }
};

template <class Queue, class Memory = NativeMemory>
class Consumer : public QueueEnd<Queue, Memory> {
  using End = QueueEnd<Queue, Memory>;
  using Message = typename Queue::message;

 public:
  explicit Consumer(Queue& queue) : End(queue, queue.consumer, queue.producer) {
    End::peer_index_ = End::index_;  // empty, until it looks
  }

  /// How many messages it can take now, if that is less than `wanted`; else at least `wanted`.
  [[nodiscard]] std::uint32_t waiting(std::uint32_t wanted = 1) {
    const std::uint32_t known = distance(End::peer_index_, End::index_);
    return Queue::options.cached && known >= wanted ? known : look();
  }
  /// Takes the oldest messages, as many as fit, and frees their slots together. Returns how many.
  std::uint32_t take_many(std::span<Message> into) {
    const auto wanted = static_cast<std::uint32_t>(std::min<std::size_t>(into.size(), Queue::slots));
    const std::uint32_t count = std::min(waiting(wanted), wanted);
    const std::uint32_t at_once = std::min(count, End::slots_to_end());
    End::copy(into.data(), End::slot(End::index_), at_once);
    End::copy(into.data() + at_once, End::slot(End::index_ + at_once), count - at_once);
    if (count != 0) End::publish(count);
    return count;
  }
  /// False: the queue is empty.
  [[nodiscard]] bool take(Message& message) {
    if (waiting() == 0) return false;
    std::memcpy(&message, End::slot(End::index_), sizeof message);
    End::publish(1);
    return true;
  }

  /// This end waits for a message. True: it may sleep until it is woken. False: there is one.
  [[nodiscard]] bool may_sleep() {
    End::own_sleep_.begin_sleep();
    if (look() == 0) return true;
    End::end_sleep();
    return false;
  }

 private:
  std::uint32_t look() {
    return End::look([this](Index put) { return distance(put, End::index_); });
  }
};

}  // namespace ringside::ring
