/* A correct ring whose calls do not always return an answer at once: WEAK ones sometimes refuse without a
 * reason, WAITING ones return only when they are done. Also the same ring with a bug, which must still be
 * found. */
#include <ringside/ring_check.h>

#define SLOTS 2u

#ifdef SLEEPING_PUSH
#define WAITING_PUSH
#define CAPABILITIES 0
#define NOTIFY(side) ring_check_notify(side)
#define LOOK_AGAIN() ring_check_wait(RING_CHECK_FRONT)
#else
#define CAPABILITIES RING_CHECK_SPINS
#define NOTIFY(side) (void)0
#ifdef AWAITS
#define LOOK_AGAIN() ring_check_await()
#else
#define LOOK_AGAIN() (void)0
#endif
#endif

struct page {
  uint32_t prod, cons, turn;
  struct {
    uint32_t id, byte;
  } message[SLOTS];
};

static struct page* ring;
static uint32_t calls;

static void init(void* page, uint32_t start) {
  (void)page;
  (void)start;
}

static int attach(void* page, uint32_t start) {
  (void)start;
  ring = page;
  return 0;
}

static uint32_t acquired(const uint32_t* word) {
  return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void release(uint32_t* word, uint32_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static int is_full(uint32_t prod) {
#ifdef OVERFULL
  return prod - acquired(&ring->cons) == SLOTS + 1;
#elif defined WRONG_WORD
  return prod - acquired(&ring->prod) != 0 || prod - acquired(&ring->cons) == SLOTS;
#else
  return prod - acquired(&ring->cons) == SLOTS;
#endif
}

static int push_req(const struct ring_check_item* item) {
  const uint32_t prod = ring->prod;
#ifdef WEAK_PUSH
  if (calls++ % 2 == 0) return 0;
#endif
#ifdef WEAK_EXCHANGE
  uint32_t turn = prod;
  if (prod - acquired(&ring->cons) == SLOTS) return 0;
  if (!__atomic_compare_exchange_n(&ring->turn, &turn, turn + 1, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    return 0;
#endif
#ifdef REFUSES_FOR_EVER
  if (prod == 1) return 0;
#endif
#ifdef WAITING_PUSH
  while (is_full(prod)) LOOK_AGAIN();
#ifdef FOR_EVER
  while (prod == 1 && acquired(&ring->prod) == 1) LOOK_AGAIN();
#endif
#else
  if (is_full(prod)) return 0;
#endif
#ifdef EARLY
  release(&ring->prod, prod + 1);
#endif
  ring->message[prod % SLOTS].id = item->id;
  ring->message[prod % SLOTS].byte = item->bytes[0];
#ifdef LOSES
  if (prod == 1) return 1;
#endif
#ifndef EARLY
  release(&ring->prod, prod + 1);
#endif
  NOTIFY(RING_CHECK_BACK);
  return 1;
}

static int pop_req(struct ring_check_item* item) {
  const uint32_t cons = ring->cons;
#ifdef WEAK_POP
  if (calls++ % 3 != 2) return 0;
#endif
#ifdef WAITING_POP
  while (acquired(&ring->prod) == cons) LOOK_AGAIN();
#else
  if (acquired(&ring->prod) == cons) return 0;
#endif
  item->id = ring->message[cons % SLOTS].id;
  item->length = 1;
  item->bytes[0] = (uint8_t)ring->message[cons % SLOTS].byte;
  release(&ring->cons, cons + 1);
  NOTIFY(RING_CHECK_FRONT);
  return 1;
}

static int back_final_check(void) {
  return acquired(&ring->prod) != ring->cons;
}

static int front_final_check(void) {
  return 0;
}

static const struct ring_check_word words[] = {{"prod", 0, 4, RING_CHECK_REQ_INDEX, RING_CHECK_FRONT},
                                               {"cons", 4, 4, RING_CHECK_FLAG, RING_CHECK_BACK},
                                               {"turn", 8, 4, RING_CHECK_FLAG, RING_CHECK_FRONT}};

static const struct ring_check_ring table = {
    .abi = RING_CHECK_ABI,
    .capabilities = CAPABILITIES,
    .name = "habits",
    .page_bytes = sizeof(struct page),
    .slots = SLOTS,
    .payload_bytes = 1,
    .words = words,
    .word_count = sizeof words / sizeof *words,
    .init = init,
    .front_attach = attach,
    .back_attach = attach,
    .push_req = push_req,
    .pop_req = pop_req,
    .front_final_check = front_final_check,
    .back_final_check = back_final_check,
};

const struct ring_check_ring* ring_check_plugin(void) {
  return &table;
}
