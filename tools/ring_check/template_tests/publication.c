/* A value that is replaced while others read it, as with RCU: the old one is freed when no reader can have it
 * any more. BUG=1: it is freed at once (any model). BUG=2: the new one is published before it is initialized
 * (c11). */
#include <ringside/ring_check.h>
#include <stdlib.h>

struct value {
  int a, b;
};
static struct value* current;
static int reading;

static struct value* made(int number) {
  struct value* value = malloc(sizeof *value);
  value->a = value->b = number;
  return value;
}

static void before(void) {
  current = made(1);
}

static void writer(void) {
  struct value* old = __atomic_load_n(&current, __ATOMIC_RELAXED);
  __atomic_store_n(&current, made(2), BUG == 2 ? __ATOMIC_RELAXED : __ATOMIC_RELEASE);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
#if BUG != 1
  while (__atomic_load_n(&reading, __ATOMIC_ACQUIRE)) ring_check_await();
#endif
  free(old);
}

static void reader(void) {
  __atomic_store_n(&reading, 1, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  const struct value* value = __atomic_load_n(&current, __ATOMIC_ACQUIRE);
  ring_check_assert(value->a == value->b && (value->a == 1 || value->a == 2));
  __atomic_store_n(&reading, 0, __ATOMIC_RELEASE);
}

RING_CHECK_TESTS({.name = "publication", .before = before, .threads = {writer, reader}})
