/* A bounded queue of many producers and many consumers with a turn number in each cell (Vyukov's). BUG=1: a
 * place is claimed without a compare-exchange (any model). BUG=2: a cell is published too early (c11). BUG=3:
 * a cell is released before it is read (any model). */
#include <ringside/ring_check.h>

#define CELLS 2u
static struct {
  uint32_t turn;
  int value;
} cells[CELLS] = {{0, 0}, {1, 0}};
static uint32_t to_push, to_take;

/* Claims a place if the turn of its cell is `ahead` after it; otherwise returns -1. */
static int claim(uint32_t* next, uint32_t ahead, uint32_t* place) {
  *place = __atomic_load_n(next, __ATOMIC_RELAXED);
  for (;;) {
    const uint32_t turn = __atomic_load_n(&cells[*place % CELLS].turn, __ATOMIC_ACQUIRE);
    if ((int32_t)(turn - (*place + ahead)) < 0) return -1;
    if (turn == *place + ahead) {
#if BUG == 1
      __atomic_store_n(next, *place + 1, __ATOMIC_RELAXED);
      return 1;
#else
      if (__atomic_compare_exchange_n(next, place, *place + 1, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return 1;
#endif
    } else {
      *place = __atomic_load_n(next, __ATOMIC_RELAXED);
      ring_check_await();
    }
  }
}

static int push(int value) {
  uint32_t place;
  if (claim(&to_push, 0, &place) < 0) return -1;
  cells[place % CELLS].value = value;
  __atomic_store_n(&cells[place % CELLS].turn, place + 1, BUG == 2 ? __ATOMIC_RELAXED : __ATOMIC_RELEASE);
  return 1;
}

static int take(int* value) {
  uint32_t place;
  if (claim(&to_take, 1, &place) < 0) return -1;
  if (BUG != 3) *value = cells[place % CELLS].value;
  __atomic_store_n(&cells[place % CELLS].turn, place + CELLS, __ATOMIC_RELEASE);
  if (BUG == 3) *value = cells[place % CELLS].value;
  return 1;
}

static void producer(void) {
  const int value = 1 + (int)ring_check_thread();
  RING_CHECK_PUSH(value, push(value));
}

static void consumer(void) {
  int value;
  RING_CHECK_TAKE(value, take(&value));
}

static void fills(void) {
  for (int value = 1; value <= 3; ++value) RING_CHECK_PUSH(value, push(value));
}

static void all_arrive(void) {
  int value;
  while (RING_CHECK_TAKE(value, take(&value)) > 0) {
  }
  RING_CHECK_TAKE(value, 0);
}

RING_CHECK_TESTS(
    {.name = "mpmc queue, two producers", .threads = {producer, producer, consumer}, .after = all_arrive},
    {.name = "mpmc queue, two consumers", .threads = {producer, consumer, consumer}, .after = all_arrive},
    {.name = "mpmc queue, a cell used again", .threads = {fills, consumer}, .after = all_arrive})
