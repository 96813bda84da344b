/* A count that two threads raise by a compare-exchange, which may fail. */
#include <ringside/ring_check.h>

#ifdef STRONG
#define WEAK 0
#else
#define WEAK 1
#endif

static int count;

static int raise(int from) {
  return __atomic_compare_exchange_n(&count, &from, from + 1, WEAK, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static void first(void) {
#if defined IN_A_LOOP
  while (!raise(0)) {
  }
#else
  raise(0);
#endif
}

static void second(void) {
  while (__atomic_load_n(&count, __ATOMIC_RELAXED) == 0) ring_check_await();
#ifdef IN_A_LOOP
  while (!raise(1)) {
  }
#else
  raise(1);
#endif
}

static void after(void) {
  ring_check_assert(count == 2);
}

RING_CHECK_TESTS({.name = "weak", .threads = {first, second}, .after = after})
