/* A ring whose two indices are one word of 16 bytes, moved by compare-and-exchange. */
#include <ringside/ring_check.h>
#include <string.h>

#define SLOTS 2u

typedef unsigned __int128 wide;

struct message {
  uint32_t number;
  uint8_t bytes[8];
};
struct ring {
  wide indices; /* the producer's in the lower half */
  struct message slots[SLOTS];
};

static struct ring* ring;

#ifdef RELAXED
#define ORDER __ATOMIC_RELAXED
#else
#define ORDER __ATOMIC_ACQ_REL
#endif

static wide look(void) {
  return __atomic_load_n(&ring->indices, __ATOMIC_ACQUIRE);
}

static void move(wide by) {
#ifdef IN_ASSEMBLER
  wide found = look();
  for (;;) {
    const wide moved = found + by;
    uint64_t low = (uint64_t)found, high = (uint64_t)(found >> 64);
    uint8_t done;
    __asm__ __volatile__("lock cmpxchg16b %1; sete %0"
                         : "=q"(done), "+m"(ring->indices), "+a"(low), "+d"(high)
                         : "b"((uint64_t)moved), "c"((uint64_t)(moved >> 64))
                         : "memory", "cc");
    if (done) return;
    found = (wide)high << 64 | low;
  }
#else
  wide found = look();
  while (!__atomic_compare_exchange_n(&ring->indices, &found, found + by, 0, ORDER, __ATOMIC_RELAXED)) {
  }
#endif
}

static void init(void* page, uint32_t start) {
  (void)page;
  (void)start;
}

static int attach(void* page, uint32_t start) {
  (void)start;
  ring = page;
  return 0;
}

static int push_req(const struct ring_check_item* item) {
  const wide found = look();
  const uint64_t prod = (uint64_t)found, cons = (uint64_t)(found >> 64);
  if (prod - cons == SLOTS) return 0;
  struct message* slot = &ring->slots[prod % SLOTS];
  slot->number = item->id;
  memcpy(slot->bytes, item->bytes, sizeof slot->bytes);
  move(1);
  return 1;
}

static int pop_req(struct ring_check_item* item) {
  const wide found = look();
  const uint64_t prod = (uint64_t)found, cons = (uint64_t)(found >> 64);
  if (prod == cons) return 0;
  const struct message* slot = &ring->slots[cons % SLOTS];
  item->id = slot->number;
  item->length = sizeof slot->bytes;
  memcpy(item->bytes, slot->bytes, sizeof slot->bytes);
  move((wide)1 << 64);
  return 1;
}

static const struct ring_check_word words[] = {
#ifdef TWO_WORDS
    {"prod", 0, 8, RING_CHECK_FLAG, RING_CHECK_BOTH},
    {"cons", 8, 8, RING_CHECK_FLAG, RING_CHECK_BOTH},
#else
    {"indices", 0, 16, RING_CHECK_FLAG, RING_CHECK_BOTH},
#endif
};

static const struct ring_check_ring table = {
    .abi = RING_CHECK_ABI,
    .capabilities = RING_CHECK_SPINS,
    .name = "wide",
    .page_bytes = sizeof(struct ring),
    .slots = SLOTS,
    .payload_bytes = 8,
    .slots_offset = offsetof(struct ring, slots),
    .slot_bytes = sizeof(struct message),
    .words = words,
    .word_count = sizeof words / sizeof *words,
    .init = init,
    .front_attach = attach,
    .back_attach = attach,
    .push_req = push_req,
    .pop_req = pop_req,
};

const struct ring_check_ring* ring_check_plugin(void) {
  return &table;
}
