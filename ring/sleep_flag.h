// Whether the receiver of a ring is asleep, and who must wake it: one word of shared memory for each
// receiver.
//
// The sender publishes, and then asks must_wake(). The receiver calls begin_sleep(), and then looks once
// more. Each of them has a full barrier between its write and its read of what the other one writes. So the
// receiver sees what was published, or the sender sees that it sleeps. Without one of the barriers each may
// miss the other, and the receiver sleeps for ever. While the receiver is awake, an event costs a barrier and
// a read.
#pragma once

#include <cstdint>

#include "ring/memory.h"

namespace ringside::ring {

template <class Memory = NativeMemory>
class SleepFlag {
 public:
  /// `word` is 0 while the receiver is awake, as in new memory. It must outlive this view.
  explicit SleepFlag(std::uint32_t* word) : word_(word) {}

  /// For the sender, after it has published. True: the receiver sleeps, and this caller must wake it.
  [[nodiscard]] bool must_wake() {
    Memory::mb();
    return Memory::load(word_) != 0 && Memory::exchange(word_, 0u) != 0;
  }

  /// For the receiver: it found nothing to do. It must look once more before it sleeps.
  void begin_sleep() {
    Memory::store(word_, 1u);
    Memory::mb();
  }
  /// For the receiver: it does not sleep, or was woken.
  void end_sleep() { Memory::store(word_, 0u); }

 private:
  std::uint32_t* word_;
};

}  // namespace ringside::ring
