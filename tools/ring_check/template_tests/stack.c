/* The stack of Treiber, with reused nodes. BUG=1: no count beside the top, so that a node that was removed
 * and pushed again looks unchanged (ABA, any model). BUG=2: a node is pushed before it is whole (c11). */
#include <ringside/ring_check.h>

#define NODES 3u
/* For each node, from 1; 0 is none. */
static uint32_t next_of[NODES], is_taken[NODES];
static int values[NODES];
/* The first node in the lower half, the number of changes in the upper half. */
static uint64_t top;

static uint64_t changed(uint64_t from, uint32_t first) {
  const uint64_t count = BUG == 1 ? 0 : (from >> 32) + 1;
  return count << 32 | first;
}

static void push(uint32_t node, int value) {
  values[node] = value;
  uint64_t found = __atomic_load_n(&top, __ATOMIC_RELAXED);
  do {
    __atomic_store_n(&next_of[node], (uint32_t)found, __ATOMIC_RELAXED);
  } while (!__atomic_compare_exchange_n(&top, &found, changed(found, node), 0,
                                        BUG == 2 ? __ATOMIC_RELAXED : __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

static uint32_t pop(int* value) {
  uint64_t found = __atomic_load_n(&top, __ATOMIC_ACQUIRE);
  for (;;) {
    const uint32_t node = (uint32_t)found;
    if (node == 0) return 0;
    const uint32_t next = __atomic_load_n(&next_of[node], __ATOMIC_RELAXED);
    if (__atomic_compare_exchange_n(&top, &found, changed(found, next), 0, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
      *value = values[node];
      return node;
    }
  }
}

/* A node belongs to one thread, or is in the stack. */
static void take(uint32_t node) {
  if (node != 0) ring_check_assert(__atomic_exchange_n(&is_taken[node], 1, __ATOMIC_RELAXED) == 0);
}

static void two_are_pushed(void) {
  push(2, 20);
  push(1, 10);
}

static void pops(void) {
  int value;
  take(pop(&value));
}

static void pops_and_pushes_again(void) {
  int value;
  const uint32_t node = pop(&value);
  take(node);
  take(pop(&value));
  if (node == 0) return;
  __atomic_store_n(&is_taken[node], 0, __ATOMIC_RELAXED);
  push(node, 30);
}

static void none_is_taken(void) {
  for (uint32_t node = (uint32_t)top; node != 0; node = next_of[node]) ring_check_assert(!is_taken[node]);
}

RING_CHECK_TESTS({.name = "stack",
                  .before = two_are_pushed,
                  .threads = {pops, pops_and_pushes_again},
                  .after = none_is_taken})
