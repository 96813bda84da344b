/* Rings whose slots have fields, and are written after they were published: a race at one field or another,
 * under each model. How a slot is written and read differs. */
#include <ringside/ring_check.h>
#include <string.h>

struct response {
  uint32_t id;
  uint16_t status;
  uint8_t bytes[10];
};

struct ring {
  uint32_t prod, cons;
  struct response rsp[2];
};

#define LOAD(word) __atomic_load_n(&(word), __ATOMIC_ACQUIRE)
#define STORE(word, value) __atomic_store_n(&(word), value, __ATOMIC_RELEASE)

#if defined(UNTYPED)
static void* page_of_ring;
#define ring ((struct ring*)page_of_ring)
#elif defined(SLOTS_APART)
/* The slots have a pointer of their own. */
struct indices {
  uint32_t prod, cons;
};
static struct indices* ring;
static struct response* slots;
#else
static struct ring* ring;
#endif

static struct response* slot_of(uint32_t index) {
#if defined(SLOTS_APART)
  return &slots[index % 2];
#else
  return &ring->rsp[index % 2];
#endif
}

static void init(void* page, uint32_t start) {
  (void)page;
  (void)start;
}

static int attach(void* page, uint32_t start) {
  (void)start;
#if defined(UNTYPED)
  page_of_ring = page;
#elif defined(SLOTS_APART)
  ring = page;
  slots = (struct response*)(ring + 1);
#else
  ring = page;
#endif
  return 0;
}

static int push_req(const struct ring_check_item* item) {
  struct response message = {.id = item->id, .status = (uint16_t)item->length};
  memcpy(message.bytes, item->bytes, 8);
  const uint32_t prod = ring->prod;
  if (prod - LOAD(ring->cons) == 2) return 0;
  struct response* slot = slot_of(prod);
#if defined(PART)
  slot->id = message.id;
#endif
  STORE(ring->prod, prod + 1);
#if defined(PART)
  memcpy(&slot->status, &message.status, sizeof message - offsetof(struct response, status));
#else
  *slot = message;
#endif
  return 1;
}

static int pop_req(struct ring_check_item* item) {
  const uint32_t cons = ring->cons;
  if (LOAD(ring->prod) == cons) return 0;
  const struct response* slot = slot_of(cons);
  struct response message;
#if defined(FIELD)
  message.status = slot->status;
  message.id = slot->id;
  memcpy(message.bytes, slot->bytes, sizeof message.bytes);
#else
  message = *slot;
#endif
  STORE(ring->cons, cons + 1);
  item->id = message.id;
  item->length = message.status;
  memcpy(item->bytes, message.bytes, 8);
  return 1;
}

static const struct ring_check_word words[] = {
    {"prod", 0, 4, RING_CHECK_REQ_INDEX, RING_CHECK_FRONT},
    {"cons", 4, 4, RING_CHECK_RSP_INDEX, RING_CHECK_BACK},
};
static const struct ring_check_ring table = {
    .abi = RING_CHECK_ABI,
    .capabilities = RING_CHECK_SPINS,
    .name = "fields",
    .page_bytes = 8 + 2 * sizeof(struct response),
    .slots = 2,
    .payload_bytes = 8,
    .slots_offset = 8,
    .slot_bytes = sizeof(struct response),
    .words = words,
    .word_count = 2,
    .init = init,
    .front_attach = attach,
    .back_attach = attach,
    .push_req = push_req,
    .pop_req = pop_req,
};

const struct ring_check_ring* ring_check_plugin(void) {
  return &table;
}
