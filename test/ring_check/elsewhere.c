/* Rings whose messages or state are outside the page: in variables, on the heap, in thread-local variables.
 * The search covers memory that both ends touch, and all of it is restored between executions. */
#include <ringside/ring_check.h>
#include <stdlib.h>
#include <string.h>

struct message {
  uint32_t id;
  uint8_t bytes[8];
};

struct page {
  uint32_t prod, cons;
  struct message* messages[2];
#if defined(TWO_WRITERS)
  uint32_t x, y;
#endif
};

static struct page* ring;

#define LOAD(word) __atomic_load_n(&(word), __ATOMIC_ACQUIRE)
#define STORE(word, value) __atomic_store_n(&(word), value, __ATOMIC_RELEASE)

#if defined(IN_VARIABLES)
static struct page secret;
#endif
static struct message pool[8];
static struct message hidden[2];
/* Made when the ring is loaded. */
static uint32_t* prod_of_my_own;

__attribute__((constructor)) static void make_own(void) {
  prod_of_my_own = calloc(1, sizeof *prod_of_my_own);
}

static void init(void* page, uint32_t start) {
  (void)page;
  (void)start;
}

static int attach(void* page, uint32_t start) {
#if defined(IN_VARIABLES)
  (void)page;
  ring = &secret;
#else
  ring = page;
#endif
  (void)start;
  return 0;
}

/* The place of a message. */
static struct message* place_for(uint32_t prod) {
  (void)prod;
#if defined(HEAP_EACH) || defined(FREED_EARLY)
  return malloc(sizeof(struct message));
#else
  return &pool[prod % 8];
#endif
}

static int push_req(const struct ring_check_item* item) {
#if defined(OWN_ON_HEAP)
  const uint32_t prod = prod_of_my_own[0]++;
#elif defined(RANDOM)
  /* Harmless, but different each time. */
  if (rand() % 2 == 0) (void)LOAD(ring->cons);
  const uint32_t prod = ring->prod;
#else
  const uint32_t prod = ring->prod;
#endif
#if defined(THREAD_LOCAL)
  /* Each end has its own; one variable for both would be wrong. */
  static _Thread_local uint32_t seen = 0;
  if (prod - seen == 2) seen = LOAD(ring->cons);
  if (prod - seen == 2) return 0;
#else
  if (prod - LOAD(ring->cons) == 2) {
#if defined(OWN_ON_HEAP)
    --prod_of_my_own[0];
#endif
    return 0;
  }
#endif
  struct message* message = place_for(prod);
  ring->messages[prod % 2] = message;
#if defined(AFTERWARDS)
  STORE(ring->prod, prod + 1);
#endif
  message->id = item->id;
  memcpy(message->bytes, item->bytes, sizeof message->bytes);
#if defined(HIDDEN)
  hidden[prod % 2] = *message;
#endif
#if defined(HIDDEN)
  __atomic_store_n(&ring->prod, prod + 1, __ATOMIC_RELAXED);
#elif !defined(AFTERWARDS)
  STORE(ring->prod, prod + 1);
#endif
#if defined(FREED_EARLY)
  free(message);
#endif
  return 1;
}

static int pop_req(struct ring_check_item* item) {
  const uint32_t cons = ring->cons;
#if defined(THREAD_LOCAL)
  static _Thread_local uint32_t seen = 0;
  if (cons == seen) seen = LOAD(ring->prod);
  if (cons == seen) return 0;
#elif defined(HIDDEN)
  if (__atomic_load_n(&ring->prod, __ATOMIC_RELAXED) == cons) return 0;
#else
  if (LOAD(ring->prod) == cons) return 0;
#endif
#if defined(HIDDEN)
  const struct message* message = &hidden[cons % 2];
#else
  const struct message* message = ring->messages[cons % 2];
#endif
  item->id = message->id;
  item->length = sizeof message->bytes;
  memcpy(item->bytes, message->bytes, sizeof message->bytes);
#if defined(HEAP_EACH)
  free(message);
#endif
  STORE(ring->cons, cons + 1);
  return 1;
}

#if defined(TWO_WRITERS)
/* The outcome x == 1 && y == 1 is allowed by C11, though no order of execution has it. */
#define RELAXED(word, value) __atomic_store_n(&(word), value, __ATOMIC_RELAXED)
static void x_first(void* page) {
  RELAXED(((struct page*)page)->x, 1);
  RELAXED(((struct page*)page)->y, 2);
}
static void y_first(void* page) {
  RELAXED(((struct page*)page)->y, 1);
  RELAXED(((struct page*)page)->x, 2);
}
static void both_written(void* page) {
  const struct page* written = page;
  if (written->x == 0 || written->y == 0) ring_check_fail("a store is lost");
  if (written->x == 1 && written->y == 1) ring_check_fail("2+2W");
}
static const struct ring_check_scenario scenarios[] = {
    {.name = "2+2W",
     .fiber_count = 2,
     .fiber_names = {"a", "b"},
     .fibers = {x_first, y_first},
     .check = both_written},
};
#endif

static const struct ring_check_word words[] = {
    {"prod", offsetof(struct page, prod), 4, RING_CHECK_FLAG, RING_CHECK_FRONT},
    {"cons", offsetof(struct page, cons), 4, RING_CHECK_FLAG, RING_CHECK_BACK},
#if defined(TWO_WRITERS)
    {"x", offsetof(struct page, x), 4, RING_CHECK_FLAG, RING_CHECK_BOTH},
    {"y", offsetof(struct page, y), 4, RING_CHECK_FLAG, RING_CHECK_BOTH},
#endif
};

static const struct ring_check_ring table = {
    .abi = RING_CHECK_ABI,
    .capabilities = RING_CHECK_SPINS,
    .name = "elsewhere",
    .page_bytes = sizeof(struct page),
    .slots = 2,
    .payload_bytes = 8,
    .words = words,
    .word_count = sizeof words / sizeof *words,
    .init = init,
    .front_attach = attach,
    .back_attach = attach,
    .push_req = push_req,
    .pop_req = pop_req,
#if defined(TWO_WRITERS)
    .scenarios = scenarios,
    .scenario_count = 1,
#endif
};

const struct ring_check_ring* ring_check_plugin(void) {
  return &table;
}
