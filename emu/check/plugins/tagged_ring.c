/* A ring as in drivers of block devices: the front gives each request a tag, an index of its own table, and a
 * response names its request by the tag. The back copies the tag and does not interpret it.
 *
 * In the slot, the tag is in the first payload bytes, before the item's own bytes. */
#define NOTIFIES_ALWAYS
#include "emu/check/plugins/request_ring.h"

#define TAG_BYTES 4u
#define TAGGED_PAYLOAD (PAYLOAD - TAG_BYTES)

static struct {
  uint32_t id;
  uint32_t used;
} requests[SLOTS]; /* the front's, by tag */

static uint32_t tags[SLOTS]; /* the back's: of requests taken and not answered, in order */
static uint32_t tags_in, tags_out;

static int tagged_front_attach(void* page, uint32_t start) {
  memset(requests, 0, sizeof requests);
  return front_attach(page, start);
}

static int tagged_back_attach(void* page, uint32_t start) {
  tags_in = tags_out = 0;
  return back_attach(page, start);
}

static uint32_t free_tag(void) {
#if BUG == 38
  return front.req_prod % (SLOTS / 2);
#else
  uint32_t tag = 0;
  while (tag < SLOTS && requests[tag].used) ++tag;
  return tag;
#endif
}

static void with_tag(struct ring_check_item* wire, const struct ring_check_item* item, uint32_t tag) {
  wire->id = item->id;
  wire->length = item->length + TAG_BYTES;
  memcpy(wire->bytes, &tag, TAG_BYTES);
  memcpy(wire->bytes + TAG_BYTES, item->bytes, item->length);
}

static uint32_t without_tag(struct ring_check_item* item, const struct ring_check_item* wire) {
  uint32_t tag;
  memcpy(&tag, wire->bytes, TAG_BYTES);
  item->id = wire->id;
  item->length = wire->length < TAG_BYTES ? 0 : wire->length - TAG_BYTES;
  memcpy(item->bytes, wire->bytes + TAG_BYTES, item->length);
  return tag;
}

static int tagged_push_req(const struct ring_check_item* item) {
  if (!has_room()) return 0;
  const uint32_t tag = free_tag();
  if (tag == SLOTS) return 0;
  requests[tag].id = item->id;
  requests[tag].used = 1;
  struct ring_check_item wire;
  with_tag(&wire, item, tag);
  return push_req(&wire);
}

static int tagged_pop_req(struct ring_check_item* item) {
  struct ring_check_item wire;
  const int done = pop_req(&wire);
  if (done == 1) tags[tags_in++ % SLOTS] = without_tag(item, &wire);
  return done;
}

static int tagged_push_rsp(const struct ring_check_item* item) {
  if (tags_out == tags_in) return 0;
  struct ring_check_item wire;
  with_tag(&wire, item, tags[tags_out++ % SLOTS]);
  return push_rsp(&wire);
}

static int tagged_pop_rsp(struct ring_check_item* item) {
  struct ring_check_item wire;
  const int done = pop_rsp(&wire);
  if (done != 1) return done;
  const uint32_t tag = without_tag(item, &wire);
#if BUG != 35
  if (tag >= SLOTS || !requests[tag].used) return -1;
#endif
  requests[tag].used = 0;
  item->id = requests[tag].id;
  return 1;
}

static int final_check(void) {
  return 0;
}

static const struct ring_check_word words[] = {REQUEST_RING_INDEX_WORDS};

static const struct ring_check_ring table = {
    .abi = RING_CHECK_ABI,
    .capabilities = REQUEST_RING_CAPABILITIES | RING_CHECK_KEEPS_ID,
    .name = "tagged_ring",
    .page_bytes = sizeof(struct shared),
    .slots = SLOTS,
    .payload_bytes = TAGGED_PAYLOAD,
    .slots_offset = offsetof(struct shared, slots),
    .slot_bytes = sizeof(struct slot),
    .words = words,
    .word_count = sizeof words / sizeof *words,
    .init = ring_init,
    .front_attach = tagged_front_attach,
    .back_attach = tagged_back_attach,
    .push_req = tagged_push_req,
    .pop_req = tagged_pop_req,
    .push_rsp = tagged_push_rsp,
    .pop_rsp = tagged_pop_rsp,
    .front_final_check = final_check,
    .back_final_check = final_check,
};

const struct ring_check_ring* ring_check_plugin(void) {
  return &table;
}
