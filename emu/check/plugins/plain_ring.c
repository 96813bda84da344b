/* The reference ring of the checker: it notifies each time it publishes. An event stays raised until it is
 * taken, so that an end that finds nothing may wait without a final check. */
#include "emu/check/plugins/request_ring.h"

#define DRAINS 43 /* the variant that is not a bug: see requests_published() */

static void requests_published(uint32_t old) {
#if BUG == DRAINS
  /* A back that has not answered all requests is awake, and reads req_prod once more after its last response.
   * It need not be notified: either it has answered all earlier requests, or its final check finds this one.
   * */
  full_barrier();
  if (READ(ring->rsp_prod) != old) return;
#endif
  (void)old;
  ring_check_notify(RING_CHECK_BACK);
}

static void responses_published(uint32_t old) {
  (void)old;
#if BUG != 21
  ring_check_notify(RING_CHECK_FRONT);
#endif
}

static int front_final_check(void) {
  return 0;
}

static int back_final_check(void) {
#if BUG == DRAINS
  full_barrier();
  return READ(ring->req_prod) != back.req_cons;
#elif BUG == 40
  ring_check_notify(RING_CHECK_BACK);
  return 0;
#else
  return 0;
#endif
}

#if BUG == 22
static void back_woken(void) {
  may_take = 1;
}
#endif

static const struct ring_check_word words[] = {REQUEST_RING_INDEX_WORDS};

static const struct ring_check_ring table = {
    REQUEST_RING_TABLE,
    .capabilities = REQUEST_RING_CAPABILITIES,
    .name = "plain_ring",
    .words = words,
    .word_count = sizeof words / sizeof *words,
    .push_req = push_req,
    .pop_rsp = pop_rsp,
    .front_final_check = front_final_check,
    .back_final_check = back_final_check,
#if BUG == 22
    .back_woken = back_woken,
#endif
};

const struct ring_check_ring* ring_check_plugin(void) {
  return &table;
}
