/* Threads that wait in loops with ring_check_await(). */
#include <ringside/ring_check.h>

static int data, data_2, ready, next_ticket, serving, inside;

static void produce(void) {
  data = 7;
  data_2 = 8;
  __atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
}
static void consume(void) {
  while (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE)) ring_check_await();
  ring_check_assert(data == 7 && data_2 == 8);
}

static void ticket(void) {
  const int mine = __atomic_fetch_add(&next_ticket, 1, __ATOMIC_RELAXED);
  while (__atomic_load_n(&serving, __ATOMIC_ACQUIRE) != mine) ring_check_await();
  ring_check_assert(inside == 0);
  inside = 1;
  inside = 0;
  __atomic_store_n(&serving, mine + 1, __ATOMIC_RELEASE);
}

static int lock_word;
static void spinlock(void) {
  while (__atomic_exchange_n(&lock_word, 1, __ATOMIC_ACQUIRE)) {
    while (__atomic_load_n(&lock_word, __ATOMIC_RELAXED)) ring_check_await();
  }
  ring_check_assert(inside == 0);
  inside = 1;
  inside = 0;
  __atomic_store_n(&lock_word, 0, __ATOMIC_RELEASE);
}

RING_CHECK_TESTS({.name = "consumer", .threads = {produce, consume}},
                 {.name = "two consumers", .threads = {produce, consume, consume}},
                 {.name = "ticket lock 2", .threads = {ticket, ticket}},
                 {.name = "ticket lock 3", .threads = {ticket, ticket, ticket}},
                 {.name = "spinlock 2", .threads = {spinlock, spinlock}},
                 {.name = "spinlock 3", .threads = {spinlock, spinlock, spinlock}})
