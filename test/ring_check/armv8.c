/* What an Arm orders, what it does not, and what its model leaves out. */
#include <ringside/ring_check.h>

static int x, y;

#define LOAD(word, order) __atomic_load_n(&(word), __ATOMIC_##order)
#define STORE(word, value, order) __atomic_store_n(&(word), value, __ATOMIC_##order)

#if defined MESSAGE
static void first(void) {
  STORE(x, 1, RELAXED);
  STORE(y, 1, RELEASE);
}
static void second(void) {
  if (LOAD(y, ACQUIRE)) ring_check_assert(LOAD(x, RELAXED) == 1);
}
#elif defined NO_RELEASE
static void first(void) {
  STORE(x, 1, RELAXED);
  STORE(y, 1, RELAXED);
}
static void second(void) {
  if (LOAD(y, ACQUIRE)) ring_check_assert(LOAD(x, RELAXED) == 1);
}
#elif defined DEPENDENCY
static int* pointer;
static void first(void) {
  STORE(x, 1, RELAXED);
  __atomic_store_n(&pointer, &x, __ATOMIC_RELEASE);
}
static void second(void) {
  int* found = __atomic_load_n(&pointer, __ATOMIC_RELAXED);
  if (found != NULL) ring_check_assert(LOAD(*found, RELAXED) == 1);
}
#elif defined SECOND_COPY
static int seen[2];
static void first(void) {
  STORE(x, 1, RELAXED);
}
static void second(void) {
  STORE(y, 1, RELAXED);
}
static void reads_x(void) {
  if (LOAD(x, ACQUIRE)) seen[0] = 1 + LOAD(y, RELAXED);
}
static void reads_y(void) {
  if (LOAD(y, ACQUIRE)) seen[1] = 1 + LOAD(x, RELAXED);
}
static void after(void) {
  ring_check_assert(seen[0] != 1 || seen[1] != 1);
}
RING_CHECK_TESTS({.name = "iriw", .threads = {first, second, reads_x, reads_y}, .after = after})
#elif defined BUFFERING || defined BUFFERING_ORDERED
static void first(void) {
  const int found = LOAD(x, RELAXED);
#ifdef BUFFERING_ORDERED
  ring_check_rmb();
#endif
  STORE(y, 1, RELAXED);
  ring_check_assert(found == 0 || found == 1);
}
static void second(void) {
  const int found = LOAD(y, ACQUIRE);
  STORE(x, 1, RELAXED);
  ring_check_assert(found == 0 || found == 1);
}
#endif

#ifndef SECOND_COPY
RING_CHECK_TESTS({.name = "armv8", .threads = {first, second}})
#endif
