/* A plug-in with an error that is no bug of a ring: the checker must report it, and never pass the ring. */
#include <ringside/ring_check.h>

#define READ(word) (*(volatile uint32_t*)&(word))
#define WRITE(word, value) (*(volatile uint32_t*)&(word) = (value))

struct page {
  uint32_t req_prod, req_cons;
  struct {
    uint32_t id, byte;
  } value[2];
};

static struct page* ring;
static uint32_t pushed, popped;

static void init(void* page, uint32_t start) {
  (void)page;
  (void)start;
}

static int attach(void* page, uint32_t start) {
  (void)start;
  ring = page;
  pushed = popped = 0;
  return 0;
}

static int push_req(const struct ring_check_item* item) {
  if (pushed - READ(ring->req_cons) == 2) return 0;
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
#ifdef CRASH
  if (pushed == 1) *(volatile int*)8 = 1;
#endif
#ifdef ABORT
  if (pushed == 1) __builtin_trap();
#endif
#ifdef OVERRUN
  for (unsigned i = 0; i < 4096; ++i) ((volatile uint32_t*)ring)[i] = 1;
#endif
#ifdef FAILS
  ring_check_fail("the ring says so itself\nin two lines");
#endif
  ring->value[pushed % 2].id = item->id;
  ring->value[pushed % 2].byte = item->bytes[0];
  __atomic_thread_fence(__ATOMIC_RELEASE);
  WRITE(ring->req_prod, ++pushed);
  ring_check_notify(RING_CHECK_BACK);
  return 1;
}

static int pop_req(struct ring_check_item* item) {
#ifdef HANG
  for (volatile int i = 0;; ++i) {
  }
#endif
#ifdef SPIN
  while (READ(ring->req_prod) == popped) {
  }
#endif
#ifdef RECURSE
  if (pop_req(item) == 1) return 1;
#endif
  if (READ(ring->req_prod) == popped) return 0;
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  item->id = ring->value[popped % 2].id;
  item->length = 1;
  item->bytes[0] = (uint8_t)ring->value[popped++ % 2].byte;
  __atomic_thread_fence(__ATOMIC_RELEASE);
  WRITE(ring->req_cons, popped);
  ring_check_notify(RING_CHECK_FRONT);
  return 1;
}

static int final_check(void) {
  return 0;
}

static const struct ring_check_word words[] = {
#ifdef BAD_WORD
    {"req_prod", 2, 4, RING_CHECK_REQ_INDEX, RING_CHECK_FRONT},
#else
    {"req_prod", 0, 4, RING_CHECK_REQ_INDEX, RING_CHECK_FRONT},
#endif
    {"req_cons", 4, 4, RING_CHECK_FLAG, RING_CHECK_BACK},
};

static const struct ring_check_ring table = {
#ifdef BAD_ABI
    .abi = 7,
#else
    .abi = RING_CHECK_ABI,
#endif
    .name = "broken",
    .page_bytes = sizeof(struct page),
    .slots = 2,
    .payload_bytes = 1,
    .words = words,
    .word_count = 2,
    .init = init,
    .front_attach = attach,
    .back_attach = attach,
    .push_req = push_req,
    .pop_req = pop_req,
    .front_final_check = final_check,
#ifndef NO_FUNCTION
    .back_final_check = final_check,
#endif
};

#ifdef NO_ENTRY
#define ring_check_plugin another_name
const struct ring_check_ring* ring_check_plugin(void);
#endif

const struct ring_check_ring* ring_check_plugin(void) {
  return &table;
}
