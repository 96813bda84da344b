/* Two programs without a ring: a value is handed over with a flag, and two threads that each set a flag
 * before they look at the other's. */
#include <ringside/ring_check.h>

struct page {
  uint32_t ready, here[2];
  uint32_t value;
  uint32_t got;
  uint32_t saw[2];
};

#ifdef RELAXED
#define PUBLISH __ATOMIC_RELAXED
#else
#define PUBLISH __ATOMIC_RELEASE
#endif
#ifdef NO_BARRIER
#define MEET __ATOMIC_ACQ_REL
#else
#define MEET __ATOMIC_SEQ_CST
#endif

static void init(void* page, uint32_t start) {
  (void)page;
  (void)start;
}

static void gives(void* memory) {
  struct page* page = memory;
  page->value = 7;
  __atomic_store_n(&page->ready, 1, PUBLISH);
}

static void takes(void* memory) {
  struct page* page = memory;
  if (__atomic_load_n(&page->ready, __ATOMIC_ACQUIRE) == 1) page->got = page->value + 1;
}

static void value_is_whole(void* memory) {
  const struct page* page = memory;
  if (page->got != 0 && page->got != 8) ring_check_fail("the flag came before the value");
}

static void meets(struct page* page, int me) {
  __atomic_store_n(&page->here[me], 1, __ATOMIC_RELAXED);
  __atomic_thread_fence(MEET);
  page->saw[me] = __atomic_load_n(&page->here[1 - me], __ATOMIC_RELAXED);
}

static void first(void* memory) {
  meets(memory, 0);
}

static void second(void* memory) {
  meets(memory, 1);
}

static void one_saw_the_other(void* memory) {
  const struct page* page = memory;
  if (page->saw[0] == 0 && page->saw[1] == 0) ring_check_fail("neither saw the other");
}

static const struct ring_check_scenario scenarios[] = {
    {"handover", 2, {"giver", "taker"}, {gives, takes}, value_is_whole},
    {
#ifdef NO_NAME
        0,
#else
        "meeting",
#endif
#ifdef NO_FIBERS
        5,
#else
        2,
#endif
        {"first", "second"},
#ifdef NO_FIBER
        {first, 0},
#else
        {first, second},
#endif
        one_saw_the_other},
};

static const struct ring_check_word words[] = {{"ready", 0, 4}, {"here[0]", 4, 4}, {"here[1]", 8, 4}};

static const struct ring_check_ring table = {
    .abi = RING_CHECK_ABI,
    .name = "handover",
    .page_bytes = sizeof(struct page),
    .words = words,
    .word_count = 3,
    .init = init,
    .scenarios = scenarios,
    .scenario_count = sizeof scenarios / sizeof *scenarios,
};

const struct ring_check_ring* ring_check_plugin(void) {
  return &table;
}
