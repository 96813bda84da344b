/* A consumer that sets a flag when it sleeps, and a producer that wakes it only then. BUG=1: no barrier
 * orders the producer's store of the index before its load of the flag (tso). BUG=2: the consumer sleeps
 * without a final check (any model). */
#include <ringside/ring_check.h>

static uint32_t published, sleeping;

static void publish(void) {
  __atomic_store_n(&published, 1, __ATOMIC_RELEASE);
  if (BUG != 1) __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the index before the load of the flag */
  if (__atomic_load_n(&sleeping, __ATOMIC_RELAXED)) ring_check_notify(RING_CHECK_BACK);
}

static void wait_for_it(void) {
  while (!__atomic_load_n(&published, __ATOMIC_ACQUIRE)) {
    __atomic_store_n(&sleeping, 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the flag before the final check */
    if (BUG == 2 || !__atomic_load_n(&published, __ATOMIC_RELAXED)) ring_check_wait(RING_CHECK_BACK);
    __atomic_store_n(&sleeping, 0, __ATOMIC_RELAXED);
  }
}

static uint32_t value;

static void producer(void) {
  value = 7;
  publish();
}

static void consumer(void) {
  wait_for_it();
  ring_check_assert(value == 7);
}

RING_CHECK_TESTS({.name = "wake-up", .threads = {producer, consumer}})
