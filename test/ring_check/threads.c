/* A test of threads, and possible errors of such a test. */
#include <assert.h>
#include <ringside/ring_check.h>

static int sum;

static void adds(void) {
#ifdef ASSERTED
  assert(__atomic_load_n(&sum, __ATOMIC_RELAXED) == 0);
#endif
#ifdef LOST_UPDATE
  __atomic_store_n(&sum, __atomic_load_n(&sum, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
#else
  __atomic_fetch_add(&sum, 1, __ATOMIC_RELAXED);
#endif
}

#ifdef AWAITS
static void waiter(void) {
  while (__atomic_load_n(&sum, __ATOMIC_RELAXED) != 3) ring_check_await();
}
#else
#define waiter adds
#endif

static void before(void) {
#ifdef IN_BEFORE
  ring_check_assert(sum == 1);
#endif
}

static void after(void) {
#if defined ASSERTED_AFTER
  assert(sum == 4);
#elif defined IN_AFTER
  ring_check_assert(sum == 3);
#elif !defined AWAITS && !defined NOTHING_SHARED && !defined UNENDED
  ring_check_assert(sum == 2);
#endif
}

#ifdef NOTHING_SHARED
static void alone(void) {
  static volatile int own[2];
  own[ring_check_thread()] = 1;
}
#endif

#ifdef UNENDED
static void begins(void) {
  adds();
  ring_check_begin(RING_CHECK_PUSHES, 1);
}
#endif

RING_CHECK_TESTS({
#ifndef NO_NAME
  .name = "threads",
#endif
  .before = before,
#if defined NOTHING_SHARED
  .threads = {alone, adds},
#elif defined UNENDED
  .threads = {adds, begins},
#elif defined GAP
  .threads = {0, adds},
#else
  .threads = {adds, waiter},
#endif
  .after = after,
})
