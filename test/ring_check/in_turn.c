/* Threads that count together. A single order of their steps is special: they take turns from the first step
 * to the last, so that no search with few deviations has it. -DBUG=1: that order fails. -DBUG=2: only there
 * they share another variable. -DBUG=3: there the code crashes. */
#include <ringside/ring_check.h>

#ifndef BUG
#define BUG 0
#endif

enum { COUNTS = 10 };
static int count;
static int rare;

static void first(void) {
  for (int i = 0; i < COUNTS; ++i) __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);
  if (BUG == 2) ring_check_assert(__atomic_load_n(&rare, __ATOMIC_RELAXED) <= 1);
}

static void second(void) {
  int in_turn = 0;
  for (int i = 0; i < COUNTS; ++i) in_turn += __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED) == 2 * i + 1;
  if (BUG == 1) ring_check_assert(in_turn != COUNTS);
  if (BUG == 3 && in_turn == COUNTS) *(volatile int*)8 = 0;
  if (BUG == 2 && in_turn == COUNTS) __atomic_store_n(&rare, 1, __ATOMIC_RELAXED);
}

RING_CHECK_TESTS({.name = "in turn", .threads = {first, second}})
