/* Your ring: one direction, with a consumer that sleeps when the ring is empty and a producer that wakes it only
 * then. Write the four functions. Keep the lower part, the adapter for ring-check, as it is. */
#include <ringside/ring_check.h>
#include <string.h>

/* -- your ring */

#ifndef SLOTS
#define SLOTS 4u /* a power of two; the check also tries others */
#endif
#define BYTES 8u

struct message {
  uint32_t number;
  uint8_t bytes[BYTES];
};

struct ring {
  uint32_t prod;     /* messages published, by the producer */
  uint32_t cons;     /* messages taken, by the consumer */
  uint32_t sleeping; /* set by the consumer: it wants to be woken */
  struct message slots[SLOTS];
};

#define read_once(word) __atomic_load_n(&(word), __ATOMIC_RELAXED)
#define write_once(word, value) __atomic_store_n(&(word), (value), __ATOMIC_RELAXED)
#define write_barrier() __atomic_thread_fence(__ATOMIC_RELEASE)
#define read_barrier() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define full_barrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)

/* Puts a message into the ring. Returns 1; or 0 if the ring is full. */
static int put(struct ring* ring, const struct message* message) {
  const uint32_t prod = read_once(ring->prod);
  if (prod - read_once(ring->cons) == SLOTS) return 0;
  read_barrier(); /* the slot is free, before it is filled */
  ring->slots[prod % SLOTS] = *message;
  write_barrier(); /* the slot before the index */
  write_once(ring->prod, prod + 1);
  return 1;
}

/* Takes the oldest message. Returns 1; or 0 if the ring is empty. */
static int take(struct ring* ring, struct message* message) {
  const uint32_t cons = read_once(ring->cons);
  if (read_once(ring->prod) == cons) return 0;
  read_barrier(); /* the index before the slot */
  *message = ring->slots[cons % SLOTS];
  full_barrier(); /* the slot has been read, before it is handed back */
  write_once(ring->cons, cons + 1);
  return 1;
}

/* After put(): whether the consumer has to be woken. */
static int must_wake(struct ring* ring) {
  full_barrier(); /* the index before the flag is read */
  return read_once(ring->sleeping);
}

/* Before the consumer waits: it says in the page that it wants to be woken. Returns 1 if there is a message after
 * all: then it does not wait. */
static int fall_asleep(struct ring* ring) {
  write_once(ring->sleeping, 1);
  full_barrier(); /* the flag before the final check */
  return read_once(ring->prod) != read_once(ring->cons);
}

/* -- the adapter for the checker */

static struct ring* ring;

static void init(void* page, uint32_t start) {
  struct ring* fresh = page;
  fresh->prod = fresh->cons = start;
}

static int attach(void* page, uint32_t start) {
  (void)start;
  ring = page;
  return 0;
}

static int push(const struct ring_check_item* item) {
  struct message message = {.number = item->id};
  memcpy(message.bytes, item->bytes, BYTES);
  if (!put(ring, &message)) return 0;
  if (must_wake(ring)) ring_check_notify(RING_CHECK_BACK);
  return 1;
}

static int pop(struct ring_check_item* item) {
  struct message message;
  if (!take(ring, &message)) return 0;
  item->id = message.number;
  item->length = BYTES;
  memcpy(item->bytes, message.bytes, BYTES);
  ring_check_notify(RING_CHECK_FRONT); /* it may be waiting for room */
  return 1;
}

static int producer_sleeps(void) {
  return 0;
} /* it is woken for each message taken: a final check is not needed */

static int consumer_sleeps(void) {
  return fall_asleep(ring);
}

static void consumer_woken(void) {
  write_once(ring->sleeping, 0);
}

static const struct ring_check_word words[] = {
    {"prod", offsetof(struct ring, prod), 4, RING_CHECK_REQ_INDEX, RING_CHECK_FRONT},
    {"cons", offsetof(struct ring, cons), 4, RING_CHECK_RSP_INDEX, RING_CHECK_BACK},
    {"sleeping", offsetof(struct ring, sleeping), 4, RING_CHECK_FLAG, RING_CHECK_BACK},
};

static const struct ring_check_ring table = {
    .abi = RING_CHECK_ABI,
    .capabilities = RING_CHECK_ANY_START,
    .name = "your ring",
    .page_bytes = sizeof(struct ring),
    .slots = SLOTS,
    .payload_bytes = BYTES,
    .slots_offset = offsetof(struct ring, slots),
    .slot_bytes = sizeof(struct message),
    .words = words,
    .word_count = 3,
    .init = init,
    .front_attach = attach,
    .back_attach = attach,
    .push_req = push,
    .pop_req = pop,
    .front_final_check = producer_sleeps,
    .back_final_check = consumer_sleeps,
    .back_woken = consumer_woken,
};

const struct ring_check_ring* ring_check_plugin(void) {
  return &table;
}
