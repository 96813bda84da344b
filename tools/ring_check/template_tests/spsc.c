/* A queue of one producer and one consumer. BUG=1: a value is published before it is written (any model).
 * BUG=2: it is published without release (c11). */
#include <ringside/ring_check.h>

#define SLOTS 2u
static int slots[SLOTS];
static uint32_t pushed, taken;

static int push(int value) {
  const uint32_t at = __atomic_load_n(&pushed, __ATOMIC_RELAXED);
  if (at - __atomic_load_n(&taken, __ATOMIC_ACQUIRE) == SLOTS) return 0;
#if BUG == 1
  __atomic_store_n(&pushed, at + 1, __ATOMIC_RELEASE);
#endif
  slots[at % SLOTS] = value;
  __atomic_store_n(&pushed, at + 1, BUG == 2 ? __ATOMIC_RELAXED : __ATOMIC_RELEASE);
  return 1;
}

static int take(int* value) {
  const uint32_t at = __atomic_load_n(&taken, __ATOMIC_RELAXED);
  if (at == __atomic_load_n(&pushed, __ATOMIC_ACQUIRE)) return 0;
  *value = slots[at % SLOTS];
  __atomic_store_n(&taken, at + 1, __ATOMIC_RELEASE);
  return 1;
}

static void producer(void) {
  for (int value = 1; value <= 4; ++value) RING_CHECK_PUSH(value, push(value));
}

static void consumer(void) {
  int value;
  for (int i = 0; i < 3; ++i) RING_CHECK_TAKE(value, take(&value));
}

static void rest(void) {
  int value;
  while (RING_CHECK_TAKE(value, take(&value)) > 0) {
  }
}

RING_CHECK_TESTS({.name = "spsc queue", .threads = {producer, consumer}, .after = rest})
