// malloc() and similar functions for the whole program: while ring code runs, memory comes from an arena that
// is restored between executions (emu/check/heap.h); otherwise from the C library, as usual. The names of the
// library's own functions are glibc's.
// A program with an address sanitizer, which has its own malloc(), does not use them: there, memory of ring
// code is not restored.
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "emu/check/execution.h"
#include "emu/check/heap.h"

#if !defined(__SANITIZE_ADDRESS__)

extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* block, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
void __libc_free(void* block);
void __tsan_write_range(void* address, std::size_t bytes);
void* __wrap_memcpy(void* to, const void* from, std::size_t bytes);
}

namespace {

using ringside::check::CheckerCode;
using ringside::check::Execution;
using ringside::check::ring_heap;
using ringside::check::RingHeap;

#define RS_ALLOCATES extern "C" __attribute__((visibility("default"), used))

constexpr std::size_t alignment_of_all = 16;

void* from_arena(std::size_t bytes, std::size_t alignment) {
  const CheckerCode checker;
  void* block = ring_heap().allocate(bytes, alignment);
  if (block == nullptr) errno = ENOMEM;
  if (Execution* execution = Execution::current(); execution != nullptr && block != nullptr)
    execution->note_written(static_cast<std::byte*>(block) - RingHeap::block_head_bytes,
                            RingHeap::block_head_bytes);
  return block;
}

void back_to_arena(void* block) {
  const bool explores = Execution::current() != nullptr;
  // A later use of the block races with this store.
  if (explores) __tsan_write_range(block, ring_heap().size_of(block));
  const CheckerCode checker;
  ring_heap().release(block, !explores);
}

}  // namespace

RS_ALLOCATES void* malloc(std::size_t bytes) {
  return ring_heap().is_active() ? from_arena(bytes, alignment_of_all) : __libc_malloc(bytes);
}

RS_ALLOCATES void* calloc(std::size_t count, std::size_t bytes) {
  if (!ring_heap().is_active()) return __libc_calloc(count, bytes);
  std::size_t all = 0;
  if (__builtin_mul_overflow(count, bytes, &all)) {
    errno = ENOMEM;
    return nullptr;
  }
  void* block = from_arena(all, alignment_of_all);
  if (block == nullptr) return nullptr;
  const CheckerCode checker;
  // Memory that was not used before is zero.
  const auto* bytes_of = static_cast<const std::byte*>(block);
  if (std::all_of(bytes_of, bytes_of + all, [](std::byte each) { return each == std::byte{}; })) return block;
  if (Execution* execution = Execution::current(); execution != nullptr) execution->note_written(block, all);
  return std::memset(block, 0, all);
}

RS_ALLOCATES void* realloc(void* block, std::size_t bytes) {
  if (block == nullptr) return malloc(bytes);
  if (!ring_heap().owns(block)) return __libc_realloc(block, bytes);
  const std::size_t before = ring_heap().size_of(block);
  if (bytes <= before) return block;
  void* larger = from_arena(bytes, alignment_of_all);
  if (larger == nullptr) return nullptr;
  // Other threads may access it.
  __wrap_memcpy(larger, block, before);
  back_to_arena(block);
  return larger;
}

RS_ALLOCATES void free(void* block) {
  if (block == nullptr) return;
  if (!ring_heap().owns(block)) return __libc_free(block);
  back_to_arena(block);
}

RS_ALLOCATES void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  return ring_heap().is_active() ? from_arena(bytes, alignment) : __libc_memalign(alignment, bytes);
}

RS_ALLOCATES void* memalign(std::size_t alignment, std::size_t bytes) {
  return aligned_alloc(alignment, bytes);
}

RS_ALLOCATES int posix_memalign(void** block, std::size_t alignment, std::size_t bytes) {
  void* at = aligned_alloc(alignment, bytes);
  if (at == nullptr) return ENOMEM;
  *block = at;
  return 0;
}

#endif
