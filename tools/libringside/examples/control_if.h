/* The control interface for the examples: the place of each ring in the shared page for both layouts, and the
 * functions that put and take messages. In 2005 this was in xen's public headers.
 */
#pragma once

#include <ringside.h>
#include <string.h>

enum { CONTROL_IF = 2048, SLOTS = 8, PAYLOAD = 60, CMSG_CONSOLE = 0, CMSG_SHUTDOWN = 6 };

struct message {
  unsigned char type, subtype, id, length, msg[PAYLOAD];
};

struct ring {
  uint32_t *req_prod, *rsp_prod; /* shared; free-running */
  struct message* slots;
  uint32_t requests, responses; /* private: requests put or taken, responses put or taken */
};

/* Attaches at the present indices. rx = 1: the controller's requests; rx = 0: the guest's requests. */
static inline struct ring attach(void* page, int abi, int rx) {
  char* base = (char*)page + CONTROL_IF;
  struct ring ring;
  if (abi == RS_ABI_FLAT) {
    ring.slots = (void*)(base + (rx ? 512 : 0));
    ring.req_prod = (void*)(base + 1024 + (rx ? 8 : 0));
  } else {
    ring.req_prod = (void*)(base + (rx ? 520 : 0));
    ring.slots = (void*)(ring.req_prod + 2);
  }
  ring.rsp_prod = ring.req_prod + 1;
  ring.requests = __atomic_load_n(ring.req_prod, __ATOMIC_ACQUIRE);
  ring.responses = __atomic_load_n(ring.rsp_prod, __ATOMIC_ACQUIRE);
  return ring;
}

/* Takes the next message, up to index `*shared`. Takes nothing if more than `max` messages seem to wait: the
 * index is then invalid. */
static inline int take(const struct ring* ring, uint32_t* shared, uint32_t* ours, uint32_t max,
                       struct message* out) {
  uint32_t behind = __atomic_load_n(shared, __ATOMIC_ACQUIRE) - *ours;
  if (behind == 0 || behind > max) return 0;
  memcpy(out, &ring->slots[(*ours)++ % SLOTS], sizeof *out);
  if (out->length > PAYLOAD) out->length = PAYLOAD;
  return 1;
}

/* Puts a message into its slot, then publishes it with the index. */
static inline void put(const struct ring* ring, uint32_t* shared, uint32_t* ours, const struct message* in) {
  memcpy(&ring->slots[(*ours)++ % SLOTS], in, sizeof *in);
  __atomic_store_n(shared, *ours, __ATOMIC_RELEASE);
}

/* The requesting end. */
static inline int has_room(const struct ring* ring) {
  return ring->requests - ring->responses != SLOTS;
}
static inline void put_request(struct ring* ring, const struct message* in) {
  put(ring, ring->req_prod, &ring->requests, in);
}
static inline int take_response(struct ring* ring, struct message* out) {
  return take(ring, ring->rsp_prod, &ring->responses, ring->requests - ring->responses, out);
}

/* The answering end. It takes at most SLOTS requests without answering them. */
static inline int take_request(struct ring* ring, struct message* out) {
  return take(ring, ring->req_prod, &ring->requests, SLOTS - (ring->requests - ring->responses), out);
}
static inline void put_response(struct ring* ring, const struct message* in) {
  put(ring, ring->rsp_prod, &ring->responses, in);
}
