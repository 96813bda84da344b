// How ring code accesses shared memory. This is the only file that uses std::memory_order.
//
// A memory policy is a type with the static functions of NativeMemory. Ring code is a template over the
// policy: production uses NativeMemory, a checker can substitute its own model. Everything in the shared page
// is read and written through the policy, because the peer is another process that may write at any moment.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>

namespace ringside::ring {

/// The policy that real processes use. Words must be naturally aligned; blocks must be 8-byte aligned.
struct NativeMemory {
  /// One read of a shared word. Orders nothing; see the barriers.
  template <class Word>
  [[nodiscard]] static Word load(const Word* word) {
    return std::atomic_ref<Word>(*const_cast<Word*>(word)).load(std::memory_order_relaxed);
  }

  /// One write of a shared word. Orders nothing; see the barriers.
  template <class Word>
  static void store(Word* word, Word value) {
    std::atomic_ref<Word>(*word).store(value, std::memory_order_relaxed);
  }

  /// Stores `value` and returns the old value. A full barrier, like the xchg instruction.
  template <class Word>
  static Word exchange(Word* word, Word value) {
    const Word old = std::atomic_ref<Word>(*word).exchange(value, std::memory_order_seq_cst);
    complete_locked();
    return old;
  }

  /// Sets `bits` and returns the old word. A full barrier, like a locked bts.
  static std::uint32_t set_bits(std::uint32_t* word, std::uint32_t bits) {
    const std::uint32_t old = std::atomic_ref<std::uint32_t>(*word).fetch_or(bits, std::memory_order_seq_cst);
    complete_locked();
    return old;
  }

  /// Clears `bits` and returns the old word. A full barrier, like a locked btr.
  static std::uint32_t clear_bits(std::uint32_t* word, std::uint32_t bits) {
    const std::uint32_t old =
        std::atomic_ref<std::uint32_t>(*word).fetch_and(~bits, std::memory_order_seq_cst);
    complete_locked();
    return old;
  }

  /// Copies a 64-byte slot out of the page and reads each byte once. The copy may be torn if the peer
  /// misbehaves. The caller validates the copy, never the slot.
  static void copy_from_shared(void* to, const void* from) {
    auto* source = static_cast<const std::uint64_t*>(from);
    std::uint64_t words[8];
    for (int i = 0; i < 8; ++i) words[i] = load(source + i);
    std::memcpy(to, words, sizeof words);
  }

  /// Copies a 64-byte slot into the page.
  static void copy_to_shared(void* to, const void* from) {
    std::uint64_t words[8];
    std::memcpy(words, from, sizeof words);
    auto* target = static_cast<std::uint64_t*>(to);
    for (int i = 0; i < 8; ++i) store(target + i, words[i]);
  }

  /// Read barrier: orders earlier reads before later reads and writes.
  static void rmb() { std::atomic_thread_fence(std::memory_order_acquire); }
  /// Write barrier: orders earlier reads and writes before later writes.
  static void wmb() { std::atomic_thread_fence(std::memory_order_release); }
  /// Full barrier: the only one that also orders an earlier write before a later read.
  static void mb() { std::atomic_thread_fence(std::memory_order_seq_cst); }

 private:
  /// The C++ memory model lets a later relaxed read overtake the write of a locked operation. An x86 never
  /// does that, an ARM does. raise() (set pending, then read the mask) and unmask() (clear the mask, then
  /// read pending) need this order. RINGSIDE_RING_PORTABLE adds the barrier on an x86, too, for a checker
  /// that uses the rules of the language.
  static void complete_locked() {
#if defined(RINGSIDE_RING_PORTABLE) || (!defined(__x86_64__) && !defined(__i386__))
    mb();
#endif
  }
};

}  // namespace ringside::ring
