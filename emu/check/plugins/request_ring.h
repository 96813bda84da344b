/* A small request and response ring in C, the common part of several plug-ins: two free-running indices,
 * slots that a response shares with its request, private copies of an end's own indices, and one read of the
 * peer's index in each call.
 *
 * BUG selects a bug of the catalogue, at the line where it is usually made; 0 is the correct ring. The
 * plug-in decides how an end is notified: it defines requests_published() and responses_published(), or
 * NOTIFIES_ALWAYS before it includes this file. */
#pragma once

#include <ringside/ring_check.h>
#include <string.h>

#ifndef SLOTS
#define SLOTS 2u
#endif
#ifndef BUG
#define BUG 0
#endif
#ifndef VARIANT
#define VARIANT 1
#endif

#define PAYLOAD 8u

/* One read, or one write, of a word that the peer writes or reads meanwhile. Orders nothing. */
#define READ(word) __atomic_load_n(&(word), __ATOMIC_RELAXED)
#define WRITE(word, value) __atomic_store_n(&(word), (value), __ATOMIC_RELAXED)
#define write_barrier() __atomic_thread_fence(__ATOMIC_RELEASE)
#define read_barrier() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define full_barrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)

struct slot {
  uint32_t id;
  uint32_t length;
  uint8_t bytes[PAYLOAD];
};

struct shared {
  uint32_t req_prod;
  uint32_t rsp_prod;
  uint32_t req_event; /* the plug-ins with event indices only */
  uint32_t rsp_event;
  uint32_t front_lock; /* the plug-in with two fronts only */
  uint32_t reserved[3];
  struct slot slots[SLOTS];
};

static struct shared* ring;
static struct {
  uint32_t req_prod; /* as published */
  uint32_t rsp_cons;
} front;
static struct {
  uint32_t req_cons;
  uint32_t rsp_prod; /* as published */
} back;

static void requests_published(uint32_t old);
static void responses_published(uint32_t old);

#ifdef NOTIFIES_ALWAYS
static void requests_published(uint32_t old) {
  (void)old;
  ring_check_notify(RING_CHECK_BACK);
}

static void responses_published(uint32_t old) {
  (void)old;
  ring_check_notify(RING_CHECK_FRONT);
}
#endif

static struct slot* slot_of(uint32_t index) {
#if BUG == 15
  return &ring->slots[index % SLOTS];
#elif BUG == 16
  return &ring->slots[index & (SLOTS / 2 - 1)];
#else
  _Static_assert((SLOTS & (SLOTS - 1)) == 0, "slots are found by masking");
  return &ring->slots[index & (SLOTS - 1)];
#endif
}

static void fill(struct slot* slot, const struct ring_check_item* item) {
  memset(slot, 0, sizeof *slot);
  slot->id = item->id;
  slot->length = item->length;
  memcpy(slot->bytes, item->bytes, item->length);
}

/* Copies a slot's message. The peer may have written any length. */
static void empty(const struct slot* slot, struct ring_check_item* item) {
  item->id = slot->id;
#if BUG == 28
  item->length = slot->length;
#else
  item->length = slot->length <= PAYLOAD ? slot->length : PAYLOAD;
#endif
  memcpy(item->bytes, slot->bytes, PAYLOAD);
}

static void ring_init(void* page, uint32_t start) {
  struct shared* shared = page;
  shared->req_prod = shared->rsp_prod = start;
  shared->req_event = shared->rsp_event = start + 1;
}

static int front_attach(void* page, uint32_t start) {
  (void)start;
  ring = page;
  front.req_prod = READ(ring->req_prod);
  front.rsp_cons = READ(ring->rsp_prod);
  return front.req_prod - front.rsp_cons <= SLOTS ? 0 : -1;
}

/* The front may already be running: unanswered requests must still be taken. */
static int back_attach(void* page, uint32_t start) {
  (void)start;
  ring = page;
#if BUG == 33
  WRITE(ring->req_prod, start);
  WRITE(ring->rsp_prod, start);
#endif
  back.req_cons = back.rsp_prod = READ(ring->rsp_prod);
#if BUG == 34
  back.req_cons = back.rsp_prod = READ(ring->req_prod);
#endif
  return 0;
}

static int has_room(void) {
#if BUG == 6
  return 1;
#elif BUG == 7
  return front.req_prod - front.rsp_cons <= SLOTS;
#elif BUG == 8
  return front.req_prod - READ(ring->rsp_prod) < SLOTS;
#elif BUG == 42
  return READ(ring->req_prod) - front.rsp_cons < SLOTS;
#else
  return front.req_prod - front.rsp_cons < SLOTS;
#endif
}

#if BUG == 31
static void write_bytewise(uint32_t* word, uint32_t value) {
  uint8_t* bytes = (uint8_t*)word;
  for (unsigned i = 0; i < 4; ++i) WRITE(bytes[i], (uint8_t)(value >> 8 * i));
}
#endif

static void publish_requests(void) {
#if BUG != 2
  write_barrier(); /* the slot before the index */
#endif
#if BUG == 31
  write_bytewise(&ring->req_prod, front.req_prod);
#else
  WRITE(ring->req_prod, front.req_prod);
#endif
}

static int push_req(const struct ring_check_item* item) {
  if (!has_room()) return BUG == 29;
#if BUG == 42
  const uint32_t old = READ(ring->req_prod);
#else
  const uint32_t old = front.req_prod;
#endif
  struct slot made;
  fill(&made, item);
  front.req_prod = old + 1;
#if BUG == 1
  publish_requests();
  memcpy(slot_of(old), &made, sizeof made);
#elif BUG == 32
  memcpy(slot_of(old), &made, 8);
  publish_requests();
  memcpy(slot_of(old)->bytes, made.bytes, PAYLOAD);
#elif BUG == 30
  memcpy(slot_of(old + 1), &made, sizeof made);
  publish_requests();
#elif BUG == 23
  memcpy(slot_of(old), &made, sizeof made);
  requests_published(old);
  publish_requests();
#else
  memcpy(slot_of(old), &made, sizeof made);
  publish_requests();
#endif
#if BUG != 23
  requests_published(old);
#endif
  return 1;
}

#if BUG == 22
static int may_take = 1;
#endif

/* 1: there is a request in the slot; 0: there is none; negative: the front's index claims more requests than
 * the slots can hold. */
static int look_for_request(void) {
#if BUG == 37
  while (ring->req_prod == back.req_cons) {
  }
#endif
  const uint32_t req_prod = READ(ring->req_prod);
#if BUG == 14
  if (!(req_prod > back.req_cons)) return 0;
#endif
  const uint32_t waiting = req_prod - back.req_cons;
  if (waiting == 0) return 0;
#if BUG != 9
  /* The front may fill a slot again only after its response has been published. */
  if (waiting > SLOTS - (back.req_cons - back.rsp_prod)) return -1;
#endif
#if BUG == 22
  if (!may_take) return 0;
  may_take = 0;
#endif
  return 1;
}

static int pop_req(struct ring_check_item* item) {
  struct slot seen;
#if BUG == 13
  memcpy(&seen, slot_of(back.req_cons), sizeof seen);
#endif
  const int found = look_for_request();
  if (found != 1) return found;
#if BUG != 3
  read_barrier(); /* the index before the slot */
#endif
#if BUG == 27
  struct slot* slot = slot_of(back.req_cons);
  if (READ(slot->length) > PAYLOAD) return -1;
  item->id = READ(slot->id);
  item->length = READ(slot->length);
  memcpy(item->bytes, slot->bytes, PAYLOAD);
  (void)seen;
#else
#if BUG != 13
  memcpy(&seen, slot_of(back.req_cons), sizeof seen);
#endif
  empty(&seen, item);
#endif
#if BUG != 12
  ++back.req_cons;
#endif
  return 1;
}

static void publish_responses(void) {
#if BUG != 4
  write_barrier(); /* the slot's reads and writes before the index that releases it */
#endif
  WRITE(ring->rsp_prod, back.rsp_prod);
}

#if BUG == 41
/* A buffer that the back also uses for other data. */
static struct slot workspace = {0, 0, {0x5e, 0xc2, 0xe7, 0x5e, 0xc2, 0xe7, 0x5e, 0xc2}};
#endif

static int push_rsp(const struct ring_check_item* item) {
  if (back.req_cons == back.rsp_prod) return 0;
  const uint32_t old = back.rsp_prod++;
#if BUG == 41
  workspace.id = item->id;
  workspace.length = item->length;
  memcpy(workspace.bytes, item->bytes, item->length);
  memcpy(slot_of(old), &workspace, sizeof workspace);
  publish_responses();
#else
  struct slot made;
  fill(&made, item);
#if BUG == 11
  publish_responses();
  memcpy(slot_of(old), &made, sizeof made);
#elif BUG == 10
  memcpy(slot_of(old + 1), &made, sizeof made);
  publish_responses();
#else
  memcpy(slot_of(old), &made, sizeof made);
  publish_responses();
#endif
#endif
  responses_published(old);
  return 1;
}

static int pop_rsp(struct ring_check_item* item) {
  const uint32_t waiting = READ(ring->rsp_prod) - front.rsp_cons;
  if (waiting == 0) return 0;
  if (waiting > front.req_prod - front.rsp_cons) return -1;
#if BUG != 5
  read_barrier(); /* the index before the slot */
#endif
  struct slot seen;
  memcpy(&seen, slot_of(front.rsp_cons), sizeof seen);
  empty(&seen, item);
  ++front.rsp_cons;
  return 1;
}

#define REQUEST_RING_CAPABILITIES                                                                       \
  (RING_CHECK_RESPONSES | RING_CHECK_ANY_START | RING_CHECK_ATTACH_RUNNING | RING_CHECK_HOSTILE_FRONT | \
   RING_CHECK_HOSTILE_BACK | RING_CHECK_LENGTHS | RING_CHECK_WHOLE_SLOTS)
#define REQUEST_RING_INDEX_WORDS                                                                \
  {"req_prod", offsetof(struct shared, req_prod), 4, RING_CHECK_REQ_INDEX, RING_CHECK_FRONT}, { \
    "rsp_prod", offsetof(struct shared, rsp_prod), 4, RING_CHECK_RSP_INDEX, RING_CHECK_BACK     \
  }
/* The common part of the tables. */
#define REQUEST_RING_TABLE                                                                              \
  .abi = RING_CHECK_ABI, .page_bytes = sizeof(struct shared), .slots = SLOTS, .payload_bytes = PAYLOAD, \
  .slots_offset = offsetof(struct shared, slots), .slot_bytes = sizeof(struct slot), .init = ring_init, \
  .front_attach = front_attach, .back_attach = back_attach, .pop_req = pop_req, .push_rsp = push_rsp
