/* A variable that one thread accesses whole and another in part, and accesses that no processor makes at once. */
#include <ringside/ring_check.h>
#include <string.h>

typedef uint8_t __attribute__((may_alias)) byte;
typedef uint16_t __attribute__((may_alias)) pair;

static uint64_t memory[2];

#define BYTE(at) ((byte*)memory + (at))
#define PAIR(at) ((pair*)(BYTE(at)))
#define LOAD(pointer, order) __atomic_load_n(pointer, order)
#define STORE(pointer, value, order) __atomic_store_n(pointer, value, order)
#define RELAXED __ATOMIC_RELAXED
#define ACQUIRE __ATOMIC_ACQUIRE
#define RELEASE __ATOMIC_RELEASE

#if defined BYTES_STORED || defined BYTES_RELEASED
#ifdef BYTES_RELEASED
#define SECOND RELEASE
#else
#define SECOND RELAXED
#endif
static void first(void) {
  STORE(BYTE(0), 1, RELAXED);
  STORE(BYTE(1), 1, SECOND);
}
static void second(void) {
  ring_check_assert(LOAD(PAIR(0), ACQUIRE) != 0x100);
}
#elif defined BYTES_LOADED || defined BYTES_ACQUIRED
#ifdef BYTES_ACQUIRED
#define FIRST ACQUIRE
#else
#define FIRST RELAXED
#endif
static void first(void) {
  STORE(PAIR(0), 0x101, RELEASE);
}
static void second(void) {
  const byte low = LOAD(BYTE(0), FIRST);
  ring_check_assert(LOAD(BYTE(1), RELAXED) >= low);
}
#elif defined IN_ONE
/* One store overlaps one load, and others access its bytes. */
static void first(void) {
  STORE(PAIR(0), 0x101, RELAXED);
  STORE(BYTE(2), 1, RELAXED);
}
static void second(void) {
  const uint32_t found = LOAD((uint32_t __attribute__((may_alias))*)memory, RELAXED);
  ring_check_assert((found & 0xffff) == 0 || (found & 0xffff) == 0x101);
  ring_check_assert(LOAD(BYTE(1), RELAXED) <= 1);
}
#elif defined UNALIGNED
static void first(void) {
  *(volatile pair*)BYTE(1) = 0x101;
}
static void second(void) {
  const byte low = LOAD(BYTE(1), ACQUIRE);
  ring_check_assert(LOAD(BYTE(2), RELAXED) >= low);
}
#elif defined STRUCTURE || defined COPIED
struct both {
  uint64_t a;
  uint64_t b;
};
static void first(void) {
  STORE(&memory[0], 1, RELAXED);
  STORE(&memory[1], 1, RELEASE);
}
static void second(void) {
  struct both found;
#ifdef STRUCTURE
  found = *(struct both*)memory;
#else
  memcpy(&found, memory, sizeof found);
#endif
  ring_check_assert(found.b <= found.a);
}
#elif defined COPIED_INTO
/* The block is written word by word, so a thread that has seen the second word may not see the first. */
static void first(void) {
  const uint64_t both[2] = {1, 1};
  memcpy(memory, both, sizeof both);
}
static void second(void) {
  const uint64_t b = LOAD(&memory[1], ACQUIRE);
  ring_check_assert(LOAD(&memory[0], RELAXED) >= b);
}
#elif defined MOVED
/* A moved block is read before it is overwritten, also while others read it. */
static void first(void) {
  memmove(BYTE(1), BYTE(0), 3);
}
static void second(void) {
  static const byte was[4] = {1, 2, 3, 4}, becomes[4] = {1, 1, 2, 3};
  for (int at = 3; at >= 0; --at) {
    const byte found = LOAD(BYTE(at), RELAXED);
    ring_check_assert(found == was[at] || found == becomes[at]);
  }
}
#elif defined RACE
static byte plain[2];
static void first(void) {
  plain[0] = 1;
  STORE(BYTE(0), 1, RELAXED);
}
static void second(void) {
  if (LOAD(PAIR(0), ACQUIRE) == 1) ring_check_assert(plain[0] == 1);
}
#endif

static void before(void) {
#ifdef MOVED
  for (int at = 0; at < 4; ++at) *BYTE(at) = (byte)(at + 1);
#endif
}

RING_CHECK_TESTS({.name = "mixed", .before = before, .threads = {first, second}})
