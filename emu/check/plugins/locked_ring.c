/* A ring with two threads at the front, one at a time: a spin lock in the page separates them. */
#define NOTIFIES_ALWAYS
#include "emu/check/plugins/request_ring.h"

static void lock(void) {
#if BUG != 39
  while (__atomic_exchange_n(&ring->front_lock, 1, __ATOMIC_ACQUIRE) != 0) ring_check_await();
#endif
}

static void unlock(void) {
#if BUG != 39
  __atomic_store_n(&ring->front_lock, 0, __ATOMIC_RELEASE);
#endif
}

static int locked_push_req(const struct ring_check_item* item) {
  lock();
  const int done = push_req(item);
  unlock();
  return done;
}

static int locked_pop_rsp(struct ring_check_item* item) {
  lock();
  const int done = pop_rsp(item);
  unlock();
  return done;
}

static int final_check(void) {
  return 0;
}

static const struct ring_check_word words[] = {
    REQUEST_RING_INDEX_WORDS,
    {"front_lock", offsetof(struct shared, front_lock), 4, RING_CHECK_FLAG, RING_CHECK_FRONT},
};

static const struct ring_check_ring table = {
    REQUEST_RING_TABLE,
    /* A back that writes the lock can stop the fronts, so that side must be trusted. */
    .capabilities = (REQUEST_RING_CAPABILITIES & ~RING_CHECK_HOSTILE_BACK) | RING_CHECK_TWO_FRONTS,
    .name = "locked_ring",
    .words = words,
    .word_count = sizeof words / sizeof *words,
    .push_req = locked_push_req,
    .pop_rsp = locked_pop_rsp,
    .front_final_check = final_check,
    .back_final_check = final_check,
};

const struct ring_check_ring* ring_check_plugin(void) {
  return &table;
}
