/* Threads that wait with ring_check_await(). */
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

/* Each waits for the other. */
static int first, second;
static void wait_for_second(void) {
  data = 1; /* which ends no wait */
  while (!__atomic_load_n(&second, __ATOMIC_ACQUIRE)) ring_check_await();
  __atomic_store_n(&first, 1, __ATOMIC_RELEASE);
}
static void wait_for_first(void) {
  data_2 = 1;
  while (!__atomic_load_n(&first, __ATOMIC_ACQUIRE)) ring_check_await();
  __atomic_store_n(&second, 1, __ATOMIC_RELEASE);
}

/* Not a loop: it continues after any store. */
static void write_both(void) {
  __atomic_store_n(&first, 1, __ATOMIC_RELAXED);
  __atomic_store_n(&second, 1, __ATOMIC_RELAXED);
}
static void wait_once(void) {
  if (!__atomic_load_n(&second, __ATOMIC_RELAXED)) ring_check_await();
  ring_check_assert(__atomic_load_n(&second, __ATOMIC_RELAXED));
  ring_check_assert(__atomic_load_n(&first, __ATOMIC_RELAXED));
}

/* Each round reads another variable. */
static void write_second(void) {
  __atomic_store_n(&second, 1, __ATOMIC_RELEASE);
}
static void look_in_turn(void) {
  for (int turn = 0; !__atomic_load_n(turn % 2 ? &second : &first, __ATOMIC_ACQUIRE); ++turn)
    ring_check_await();
}

/* A round passes on what it reads. */
static int passed;
static void expect_passed(void) {
  __atomic_store_n(&first, 1, __ATOMIC_RELEASE);
  while (!__atomic_load_n(&passed, __ATOMIC_ACQUIRE)) ring_check_await();
  __atomic_store_n(&second, 1, __ATOMIC_RELEASE);
}
static void pass(void) {
  for (;;) {
    __atomic_store_n(&passed, __atomic_load_n(&first, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
    if (__atomic_load_n(&second, __ATOMIC_ACQUIRE)) return;
    ring_check_await();
  }
}

RING_CHECK_TESTS({.name = "consumer", .threads = {produce, consume}},
                 {.name = "two consumers", .threads = {produce, consume, consume}},
                 {.name = "ticket lock 2", .threads = {ticket, ticket}},
                 {.name = "ticket lock 3", .threads = {ticket, ticket, ticket}},
                 {.name = "spinlock 2", .threads = {spinlock, spinlock}},
                 {.name = "spinlock 3", .threads = {spinlock, spinlock, spinlock}},
                 {.name = "deadlock", .threads = {wait_for_second, wait_for_first}},
                 {.name = "wait once", .threads = {write_both, wait_once}},
                 {.name = "look in turn", .threads = {write_second, look_in_turn}},
                 {.name = "pass on", .threads = {expect_passed, pass}})
