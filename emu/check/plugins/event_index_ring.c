/* A ring that notifies an end only on request: before an end sleeps, it writes the index at which it wants to
 * be woken. The end that asks writes its event index, then reads the peer's index; the other end writes its
 * index, then reads the event index. Each needs a full barrier between the two, or both read old values. */
#include "emu/check/plugins/request_ring.h"

/* True: `event` is between `old` and `now`. It is also right at the wrap. */
static int passed(uint32_t old, uint32_t now, uint32_t event) {
#if BUG == 25
  return event > old && event <= now;
#else
  return now - event < now - old;
#endif
}

static void requests_published(uint32_t old) {
#if BUG != 18
  full_barrier();
#endif
  if (passed(old, front.req_prod, READ(ring->req_event))) ring_check_notify(RING_CHECK_BACK);
}

static void responses_published(uint32_t old) {
#if BUG != 19
  full_barrier();
#endif
  if (passed(old, back.rsp_prod, READ(ring->rsp_event))) ring_check_notify(RING_CHECK_FRONT);
}

static int front_final_check(void) {
  WRITE(ring->rsp_event, front.rsp_cons + 1);
#if BUG == 26
  return 0;
#else
  full_barrier();
  return READ(ring->rsp_prod) != front.rsp_cons;
#endif
}

static int back_final_check(void) {
#if BUG == 24 && VARIANT == 1
  WRITE(ring->req_event, back.req_cons + 2);
#elif BUG == 24
  WRITE(ring->req_event, back.req_cons);
#else
  WRITE(ring->req_event, back.req_cons + 1);
#endif
#if BUG == 17
  return 0;
#else
#if BUG != 20
  full_barrier();
#endif
  return READ(ring->req_prod) != back.req_cons;
#endif
}

static const struct ring_check_word words[] = {
    REQUEST_RING_INDEX_WORDS,
    {"req_event", offsetof(struct shared, req_event), 4, RING_CHECK_EVENT, RING_CHECK_BACK},
    {"rsp_event", offsetof(struct shared, rsp_event), 4, RING_CHECK_EVENT, RING_CHECK_FRONT},
};

static const struct ring_check_ring table = {
    REQUEST_RING_TABLE, .capabilities = REQUEST_RING_CAPABILITIES,  .name = "event_index_ring",
    .words = words,     .word_count = sizeof words / sizeof *words, .push_req = push_req,
    .pop_rsp = pop_rsp, .front_final_check = front_final_check,     .back_final_check = back_final_check,
};

const struct ring_check_ring* ring_check_plugin(void) {
  return &table;
}
