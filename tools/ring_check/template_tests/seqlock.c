/* A seqlock: a reader repeats its reads if the writer was active. BUG=1: it does not repeat them (any model).
 * BUG=2: no barrier orders its reads before the second load of the count (c11). */
#include <ringside/ring_check.h>

static uint32_t sequence, pair[2];

static void write_pair(uint32_t value) {
  __atomic_store_n(&sequence, sequence + 1, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_RELEASE);
  __atomic_store_n(&pair[0], value, __ATOMIC_RELAXED);
  __atomic_store_n(&pair[1], value, __ATOMIC_RELAXED);
  __atomic_store_n(&sequence, sequence + 1, __ATOMIC_RELEASE);
}

static void read_pair(uint32_t got[2]) {
  for (;;) {
    const uint32_t before = __atomic_load_n(&sequence, __ATOMIC_ACQUIRE);
    got[0] = __atomic_load_n(&pair[0], __ATOMIC_RELAXED);
    got[1] = __atomic_load_n(&pair[1], __ATOMIC_RELAXED);
#if BUG != 2
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
#if BUG == 1
    return;
#endif
    if (before % 2 == 0 && __atomic_load_n(&sequence, __ATOMIC_RELAXED) == before) return;
    ring_check_await();
  }
}

static void writer(void) {
  write_pair(1);
  write_pair(2);
}

static void reader(void) {
  uint32_t got[2];
  read_pair(got);
  ring_check_assert(got[0] == got[1]);
}

RING_CHECK_TESTS({.name = "seqlock", .threads = {writer, reader}})
