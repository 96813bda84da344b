/* Threads that count together, and share another variable in a single order of their steps: `last` has counted before
 * `first` begins. */
#include <ringside/ring_check.h>

enum { COUNTS = 7 };
static int count;
static int rare;

static void first(void) {
  for (int i = 0; i < COUNTS; ++i) __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);
  ring_check_assert(__atomic_load_n(&rare, __ATOMIC_RELAXED) <= 1);
}

static void last(void) {
  int seen = 0;
  for (int i = 0; i < COUNTS; ++i) seen = __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);
  if (seen == COUNTS - 1) __atomic_store_n(&rare, 1, __ATOMIC_RELAXED);
}

RING_CHECK_TESTS({.name = "rarely", .threads = {first, last}})
