/* The work-stealing deque of Chase and Lev, of a fixed size; orders as in Le et al. (PPoPP 2013). BUG=1: no
 * full barrier between the store of bottom and the load of top (tso). BUG=2: the last element is taken
 * without a compare-exchange (any model). */
#include <ringside/ring_check.h>

static long top, bottom, items[4];

static int push(long value) {
  const long at = __atomic_load_n(&bottom, __ATOMIC_RELAXED);
  __atomic_store_n(&items[at % 4], value, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_RELEASE);
  __atomic_store_n(&bottom, at + 1, __ATOMIC_RELAXED);
  return 1;
}

static int pop(long* value) {
  const long at = __atomic_load_n(&bottom, __ATOMIC_RELAXED) - 1;
  __atomic_store_n(&bottom, at, __ATOMIC_RELAXED);
#if BUG != 1
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
  long first = __atomic_load_n(&top, __ATOMIC_RELAXED);
  int done = first <= at;
  if (done) *value = __atomic_load_n(&items[at % 4], __ATOMIC_RELAXED);
#if BUG != 2
  if (first == at &&
      !__atomic_compare_exchange_n(&top, &first, first + 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
    done = 0;
#endif
  if (first >= at) __atomic_store_n(&bottom, at + 1, __ATOMIC_RELAXED);
  return done;
}

/* Negative: another thread took it. */
static int steal(long* value) {
  long first = __atomic_load_n(&top, __ATOMIC_ACQUIRE);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  if (first >= __atomic_load_n(&bottom, __ATOMIC_ACQUIRE)) return 0;
  *value = __atomic_load_n(&items[first % 4], __ATOMIC_RELAXED);
  return __atomic_compare_exchange_n(&top, &first, first + 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED) ? 1 : -1;
}

static void owner(void) {
  long value;
  RING_CHECK_PUSH(1, push(1));
  RING_CHECK_PUSH(2, push(2));
  RING_CHECK_POP(value, pop(&value));
  RING_CHECK_POP(value, pop(&value));
}

static void thief(void) {
  long value;
  RING_CHECK_TAKE(value, steal(&value));
  RING_CHECK_TAKE(value, steal(&value));
}

RING_CHECK_TESTS({.name = "deque", .threads = {owner, thief}})
