// The functions that code compiled with -fsanitize=thread calls before each access: here, each call is an
// announcement to the running execution, instead of an event for a race detector. Code that is compiled with
// that option and linked without it finds these functions in the program that loads it.
//
// The code itself makes a plain access after the callback has returned; atomic accesses are made here. Calls
// outside an execution, and accesses outside the space, pass through.
#include "emu/check/check_services.h"
#include "emu/check/execution.h"
#include "emu/check/heap.h"

#include <atomic>
#include <cstring>

using ringside::check::CheckerCode;
using ringside::check::Execution;
using ringside::check::granule_bytes;
using ringside::check::Op;
using ringside::check::OpKind;
using ringside::check::Order;

// The compiler and the linker choose the names, and a type in a macro takes no parentheses.
// NOLINTBEGIN(bugprone-reserved-identifier, bugprone-macro-parentheses)
#define RS_CALLBACK extern "C" __attribute__((visibility("default"), used))

namespace {

Order order_of(int order) {
  switch (order) {
    case 0:
      return Order::relaxed;
    case 1:
    case 2:
      return Order::acquire;
    case 3:
      return Order::release;
    case 4:
      return Order::acq_rel;
    default:
      return Order::seq_cst;
  }
}

/// Outside an execution, reports the access to the object that drives the ring.
void note_outside() {
  if (ringside::check::CheckServices* driver = ringside::check::check_services(); driver != nullptr)
    driver->looked();
}

/// `op`: other known fields of the operation.
void announce(OpKind kind, Order order, const void* address, std::size_t size, const void* code, Op op = {}) {
  Execution* execution = Execution::current();
  if (execution == nullptr) return note_outside();
  const bool writes = kind != OpKind::load;
  execution->note_announced(address, size, kind);
  if (writes) execution->note_written(address, size);
  // True for atomic and volatile variables.
  const bool synchronises = order != Order::plain;
  if (execution->is_noted(address, size, writes, synchronises)) return;
  if (!execution->space().find(address, size, op.offset)) {
    const CheckerCode checker;
    if (execution->space().crosses_edge(address, size))
      execution->fail("an access reaches beyond the end of the page");
    execution->note_outside_access(address, size, writes, synchronises);
    return;
  }
  // In the page, the table lists the words.
  if (synchronises && op.offset >= execution->space().page_bytes() &&
      !execution->space().is_within_word(op.offset, static_cast<std::uint32_t>(size))) {
    const CheckerCode checker;
    execution->note_word(address, size);
  }
  op.kind = kind;
  op.order = order;
  op.size = static_cast<std::uint32_t>(size);
  op.code = code;
  execution->announce(op);
}

/// Several accesses, which the compiler or a function of the C library makes in any order and size.
void announce_block(OpKind kind, Order order, const void* address, std::size_t size, const void* code) {
  Op op;
  op.is_block = true;
  if (size != 0) announce(kind, order, address, size, code, op);
}

/// Compilers do not make a volatile access of 16 bytes as one access.
void announce_volatile(OpKind kind, const void* address, std::size_t size, const void* code) {
  if (size > granule_bytes) return announce_block(kind, Order::relaxed, address, size, code);
  announce(kind, Order::relaxed, address, size, code);
}

void fence(Order order, const void* code) {
  Execution* execution = Execution::current();
  if (execution == nullptr) return ringside::check::fence_now(order);
  Op op;
  op.kind = OpKind::fence;
  op.order = order;
  op.code = code;
  execution->announce(op);
}

__extension__ typedef unsigned __int128 Wide;

/// A real compare-exchange, between threads. Compilers do not generate this for 16 bytes without a library
/// call.
template <class Word>
bool compare_exchange_now(Word* word, Word* found, Word now) {
  if constexpr (sizeof(Word) == sizeof(Wide)) {
    auto low = static_cast<std::uint64_t>(*found);
    auto high = static_cast<std::uint64_t>(*found >> 64);
    bool stored = false;
    __asm__ __volatile__("lock cmpxchg16b %1"
                         : "=@ccz"(stored), "+m"(*word), "+a"(low), "+d"(high)
                         : "b"(static_cast<std::uint64_t>(now)), "c"(static_cast<std::uint64_t>(now >> 64))
                         : "memory");
    *found = static_cast<Wide>(high) << 64 | low;
    return stored;
  } else {
    return __atomic_compare_exchange_n(word, found, now, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  }
}

/// 16 bytes are one access only if the table has them as one word.
void announce_atomic(OpKind kind, Order order, const void* address, std::size_t size, const void* code,
                     const Op& op = {}) {
  announce(kind, order, address, size, code, op);
  Execution* execution = Execution::current();
  std::uint32_t offset = 0;
  if (size != sizeof(Wide) || execution == nullptr || !execution->space().find(address, size, offset)) return;
  const int word = execution->space().word_at(offset);
  if (word >= 0 && execution->space().words()[static_cast<std::size_t>(word)].size == sizeof(Wide)) return;
  const CheckerCode checker;
  execution->refuse(
      "an atomic operation on 16 bytes that are not a word of the ring's table (list them as one word of 16 "
      "bytes, of kind FLAG)");
}

/// An update's new value is computed from the old one when the update happens.
template <class Word, class New>
Word update(volatile void* address, int order, const void* code, New new_value, Op op = {}) {
  auto* word = static_cast<Word*>(const_cast<void*>(address));
  if (Execution::current() == nullptr) {
    note_outside();
    // Real threads may access the word at the same time.
    Word found = 0;
    static_cast<void>(compare_exchange_now<Word>(word, &found, found));
    while (!compare_exchange_now<Word>(word, &found, new_value(found))) {
    }
    return found;
  }
  announce_atomic(OpKind::update, order_of(order), word, sizeof(Word), code, op);
  Word old;
  std::memcpy(&old, word, sizeof old);
  const Word now = new_value(old);
  std::memcpy(word, &now, sizeof now);
  return old;
}

/// A compare-exchange that fails spuriously: it only loads.
template <class Word>
bool fails_spuriously(volatile void* address, void* expected, int failure, const void* code) {
  auto* word = static_cast<Word*>(const_cast<void*>(address));
  Execution* execution = Execution::current();
  std::uint32_t offset = 0;
  if (execution == nullptr || !execution->space().find(word, sizeof(Word), offset) ||
      !execution->fails_spuriously(code))
    return false;
  announce_atomic(OpKind::load, order_of(failure), word, sizeof(Word), code);
  std::memcpy(expected, word, sizeof(Word));
  return true;
}

enum class Strength : std::uint8_t { strong, weak };

template <class Word>
int compare_exchange(volatile void* address, void* expected, Word desired, int order, int failure,
                     const void* code, Strength strength) {
  if (strength == Strength::weak && fails_spuriously<Word>(address, expected, failure, code)) return 0;
  Word wanted;
  std::memcpy(&wanted, expected, sizeof wanted);
  Op op;
  op.expected = reinterpret_cast<const std::byte*>(&wanted);
  op.failure = order_of(failure);
  const Word old = update<Word>(
      address, order, code, [&](Word now) { return now == wanted ? desired : now; }, op);
  if (old == wanted) return 1;
  std::memcpy(expected, &old, sizeof old);
  return 0;
}

/// Handles a block granule by granule, so that steps of other fibers may come in between.
template <class Piece>
void in_pieces(const void* address, std::size_t size, Piece piece) {
  const auto start = reinterpret_cast<std::uintptr_t>(address);
  for (std::size_t at = 0; at < size;) {
    const std::size_t to_edge = granule_bytes - (start + at) % granule_bytes;
    const std::size_t bytes = size - at < to_edge ? size - at : to_edge;
    piece(at, bytes);
    at += bytes;
  }
}

bool is_watched(const void* address, std::size_t size) {
  const Execution* execution = Execution::current();
  std::uint32_t offset = 0;
  return execution != nullptr && size != 0 &&
         (execution->space().find(address, size, offset) || execution->space().crosses_edge(address, size));
}

/// Copies a block to another one; they do not overlap if either is in the space.
void* copy(void* to, const void* from, std::size_t size, const void* code) {
  const CheckerCode checker;
  const bool reads = is_watched(from, size);
  const bool writes = is_watched(to, size);
  if (!reads) announce(OpKind::load, Order::plain, from, size, code);
  if (!writes) announce(OpKind::store, Order::plain, to, size, code);
  if (!reads && !writes) return std::memmove(to, from, size);
  auto* target = static_cast<std::byte*>(to);
  const auto* source = static_cast<const std::byte*>(from);
  in_pieces(writes ? to : from, size, [&](std::size_t at, std::size_t bytes) {
    std::byte piece[granule_bytes];
    if (reads) announce_block(OpKind::load, Order::plain, source + at, bytes, code);
    std::memcpy(piece, source + at, bytes);
    if (writes) announce_block(OpKind::store, Order::plain, target + at, bytes, code);
    std::memcpy(target + at, piece, bytes);
  });
  return to;
}

}  // namespace

#define RS_HERE __builtin_return_address(0)

#define RS_PLAIN(size)                                              \
  RS_CALLBACK void __tsan_read##size(void* a) {                     \
    announce(OpKind::load, Order::plain, a, size, RS_HERE);         \
  }                                                                 \
  RS_CALLBACK void __tsan_write##size(void* a) {                    \
    announce(OpKind::store, Order::plain, a, size, RS_HERE);        \
  }                                                                 \
  RS_CALLBACK void __tsan_read_write##size(void* a) {               \
    announce(OpKind::load, Order::plain, a, size, RS_HERE);         \
    announce(OpKind::store, Order::plain, a, size, RS_HERE);        \
  }                                                                 \
  RS_CALLBACK void __tsan_unaligned_read##size(void* a) {           \
    announce(OpKind::load, Order::plain, a, size, RS_HERE);         \
  }                                                                 \
  RS_CALLBACK void __tsan_unaligned_write##size(void* a) {          \
    announce(OpKind::store, Order::plain, a, size, RS_HERE);        \
  }                                                                 \
  RS_CALLBACK void __tsan_unaligned_read_write##size(void* a) {     \
    announce(OpKind::load, Order::plain, a, size, RS_HERE);         \
    announce(OpKind::store, Order::plain, a, size, RS_HERE);        \
  }                                                                 \
  RS_CALLBACK void __tsan_volatile_read##size(void* a) {            \
    announce_volatile(OpKind::load, a, size, RS_HERE);              \
  }                                                                 \
  RS_CALLBACK void __tsan_volatile_write##size(void* a) {           \
    announce_volatile(OpKind::store, a, size, RS_HERE);             \
  }                                                                 \
  RS_CALLBACK void __tsan_unaligned_volatile_read##size(void* a) {  \
    announce_volatile(OpKind::load, a, size, RS_HERE);              \
  }                                                                 \
  RS_CALLBACK void __tsan_unaligned_volatile_write##size(void* a) { \
    announce_volatile(OpKind::store, a, size, RS_HERE);             \
  }

RS_PLAIN(1)
RS_PLAIN(2)
RS_PLAIN(4)
RS_PLAIN(8)
RS_PLAIN(16)

RS_CALLBACK void __tsan_init() {}
RS_CALLBACK void __tsan_func_entry(void*) {}
RS_CALLBACK void __tsan_func_exit() {}
RS_CALLBACK void __tsan_vptr_read(void** a) {
  announce(OpKind::load, Order::plain, a, sizeof *a, RS_HERE);
}
RS_CALLBACK void __tsan_vptr_update(void** a, void*) {
  announce(OpKind::store, Order::plain, a, sizeof *a, RS_HERE);
}
RS_CALLBACK void __tsan_read_range(void* a, std::size_t size) {
  announce_block(OpKind::load, Order::plain, a, size, RS_HERE);
}
RS_CALLBACK void __tsan_write_range(void* a, std::size_t size) {
  announce_block(OpKind::store, Order::plain, a, size, RS_HERE);
}
RS_CALLBACK void __tsan_atomic_thread_fence(int order) {
  fence(order_of(order), RS_HERE);
}
// Orders a thread and its own signal handlers only.
RS_CALLBACK void __tsan_atomic_signal_fence(int) {}

#define RS_FETCH(bits, Word, name, expression)                                                       \
  RS_CALLBACK Word __tsan_atomic##bits##_##name(volatile void* a, Word value, int order) {           \
    return update<Word>(a, order, RS_HERE, [&](Word old) { return static_cast<Word>(expression); }); \
  }

#define RS_LOAD_AND_STORE(bits, Word)                                                      \
  RS_CALLBACK Word __tsan_atomic##bits##_load(const volatile void* a, int order) {         \
    auto* word = static_cast<Word*>(const_cast<void*>(a));                                 \
    announce(OpKind::load, order_of(order), word, sizeof(Word), RS_HERE);                  \
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);                                        \
  }                                                                                        \
  RS_CALLBACK void __tsan_atomic##bits##_store(volatile void* a, Word value, int order) {  \
    auto* word = static_cast<Word*>(const_cast<void*>(a));                                 \
    announce(OpKind::store, order_of(order), word, sizeof(Word), RS_HERE);                 \
    if (order == __ATOMIC_SEQ_CST) return __atomic_store_n(word, value, __ATOMIC_SEQ_CST); \
    __atomic_store_n(word, value, __ATOMIC_RELEASE);                                       \
  }

// clang also calls the last function for a weak compare-exchange, so that it counts as a strong one.
#define RS_ATOMIC(bits, Word)                                                                               \
  RS_FETCH(bits, Word, exchange, (static_cast<void>(old), value))                                           \
  RS_FETCH(bits, Word, fetch_add, old + value)                                                              \
  RS_FETCH(bits, Word, fetch_sub, old - value)                                                              \
  RS_FETCH(bits, Word, fetch_and, old& value)                                                               \
  RS_FETCH(bits, Word, fetch_or, old | value)                                                               \
  RS_FETCH(bits, Word, fetch_xor, old ^ value)                                                              \
  RS_FETCH(bits, Word, fetch_nand, ~(old & value))                                                          \
  RS_CALLBACK int __tsan_atomic##bits##_compare_exchange_strong(volatile void* a, void* expected,           \
                                                                Word value, int order, int failure) {       \
    return compare_exchange<Word>(a, expected, value, order, failure, RS_HERE, Strength::strong);           \
  }                                                                                                         \
  RS_CALLBACK int __tsan_atomic##bits##_compare_exchange_weak(volatile void* a, void* expected, Word value, \
                                                              int order, int failure) {                     \
    return compare_exchange<Word>(a, expected, value, order, failure, RS_HERE, Strength::weak);             \
  }                                                                                                         \
  RS_CALLBACK Word __tsan_atomic##bits##_compare_exchange_val(volatile void* a, Word expected, Word value,  \
                                                              int order, int failure) {                     \
    compare_exchange<Word>(a, &expected, value, order, failure, RS_HERE, Strength::strong);                 \
    return expected;                                                                                        \
  }

RS_LOAD_AND_STORE(8, std::uint8_t)
RS_LOAD_AND_STORE(16, std::uint16_t)
RS_LOAD_AND_STORE(32, std::uint32_t)
RS_LOAD_AND_STORE(64, std::uint64_t)
RS_ATOMIC(8, std::uint8_t)
RS_ATOMIC(16, std::uint16_t)
RS_ATOMIC(32, std::uint32_t)
RS_ATOMIC(64, std::uint64_t)
RS_ATOMIC(128, Wide)

RS_CALLBACK Wide __tsan_atomic128_load(const volatile void* a, int order) {
  auto* word = static_cast<Wide*>(const_cast<void*>(a));
  announce_atomic(OpKind::load, order_of(order), word, sizeof *word, RS_HERE);
  Wide found = 0;
  static_cast<void>(compare_exchange_now<Wide>(word, &found, found));
  return found;
}
RS_CALLBACK void __tsan_atomic128_store(volatile void* a, Wide value, int order) {
  auto* word = static_cast<Wide*>(const_cast<void*>(a));
  announce_atomic(OpKind::store, order_of(order), word, sizeof *word, RS_HERE);
  Wide found = 0;
  while (!compare_exchange_now<Wide>(word, &found, value)) {
  }
}

// memcpy and similar functions, which the plug-in's link step redirects here.
RS_CALLBACK void* __wrap_memcpy(void* to, const void* from, std::size_t size) {
  return copy(to, from, size, RS_HERE);
}

RS_CALLBACK void* __wrap_memmove(void* to, const void* from, std::size_t size) {
  const CheckerCode checker;
  const void* code = RS_HERE;
  if (size == 0 || !is_watched(from, size) || !is_watched(to, size)) return copy(to, from, size, code);
  // The blocks may overlap, so that all bytes are read before one is written.
  std::byte* block = Execution::current()->block(size);
  const auto* source = static_cast<const std::byte*>(from);
  in_pieces(from, size, [&](std::size_t at, std::size_t bytes) {
    announce_block(OpKind::load, Order::plain, source + at, bytes, code);
    std::memcpy(block + at, source + at, bytes);
  });
  auto* target = static_cast<std::byte*>(to);
  in_pieces(to, size, [&](std::size_t at, std::size_t bytes) {
    announce_block(OpKind::store, Order::plain, target + at, bytes, code);
    std::memcpy(target + at, block + at, bytes);
  });
  return to;
}

RS_CALLBACK void* __wrap_memset(void* to, int value, std::size_t size) {
  const CheckerCode checker;
  if (!is_watched(to, size)) {
    announce(OpKind::store, Order::plain, to, size, RS_HERE);
    return std::memset(to, value, size);
  }
  const void* code = RS_HERE;
  auto* target = static_cast<std::byte*>(to);
  in_pieces(to, size, [&](std::size_t at, std::size_t bytes) {
    announce_block(OpKind::store, Order::plain, target + at, bytes, code);
    std::memset(target + at, value, bytes);
  });
  return to;
}

// Newer compilers announce these functions themselves.
RS_CALLBACK void* __tsan_memcpy(void* to, const void* from, std::size_t size) {
  return __wrap_memcpy(to, from, size);
}
RS_CALLBACK void* __tsan_memmove(void* to, const void* from, std::size_t size) {
  return __wrap_memmove(to, from, size);
}
RS_CALLBACK void* __tsan_memset(void* to, int value, std::size_t size) {
  return __wrap_memset(to, value, size);
}

// Called by asm_barriers.cc: for a fence in assembler, and before a locked instruction.
RS_CALLBACK void ring_check_asm_fence(int order, const void* code) {
  fence(static_cast<Order>(order), code);
}
RS_CALLBACK void ring_check_asm_update(const void* address, std::uint32_t size, const void* code) {
  announce_atomic(OpKind::update, Order::seq_cst, address, size, code);
}

// NOLINTEND(bugprone-reserved-identifier, bugprone-macro-parentheses)
