/* A queue of many producers and one consumer, linked by an exchange (Vyukov's). BUG=1: two producers may take
 * the same place (any model). BUG=2: a node is linked before it is initialized (c11). */
#include <ringside/ring_check.h>
#include <stdlib.h>

struct node {
  struct node* next;
  int value;
};
static struct node stub, *head = &stub, *tail = &stub;

static int push(int value) {
  struct node* node = malloc(sizeof *node);
  node->next = 0;
  node->value = value;
#if BUG == 1
  struct node* before = __atomic_load_n(&head, __ATOMIC_ACQUIRE);
  __atomic_store_n(&head, node, __ATOMIC_RELEASE);
#else
  struct node* before = __atomic_exchange_n(&head, node, __ATOMIC_ACQ_REL);
#endif
  __atomic_store_n(&before->next, node, BUG == 2 ? __ATOMIC_RELAXED : __ATOMIC_RELEASE);
  return 1;
}

/* It may find nothing while a producer is between its two stores: it returns -1, which is no result. */
static int take(int* value) {
  struct node* next = __atomic_load_n(&tail->next, __ATOMIC_ACQUIRE);
  if (next == 0) return -1;
  *value = next->value;
  tail = next;
  return 1;
}

static void first(void) {
  RING_CHECK_PUSH(1, push(1));
}

static void second(void) {
  RING_CHECK_PUSH(2, push(2));
}

static void consumer(void) {
  int value;
  RING_CHECK_TAKE(value, take(&value));
}

static void all_arrive(void) {
  int value;
  while (RING_CHECK_TAKE(value, take(&value)) > 0) {
  }
  RING_CHECK_TAKE(value, 0); /* then it is empty */
}

RING_CHECK_TESTS({.name = "mpsc queue", .threads = {first, second, consumer}, .after = all_arrive})
