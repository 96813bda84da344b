/* The table of this folder's rings of two slots. A ring includes this at its end, and defines before it NAME,
 * `struct page`, struct message, `words`, init(), attach(), push_req() and pop_req(); HAS_SCENARIOS if there
 * are `scenarios`. */
#pragma once

static const struct ring_check_ring table = {
    .abi = RING_CHECK_ABI,
    .capabilities = RING_CHECK_SPINS,
    .name = NAME,
    .page_bytes = sizeof(struct page),
    .slots = 2,
    .payload_bytes = 8,
    .words = words,
    .word_count = sizeof words / sizeof *words,
    .init = init,
    .front_attach = attach,
    .back_attach = attach,
    .push_req = push_req,
    .pop_req = pop_req,
#if defined(HAS_SCENARIOS)
    .scenarios = scenarios,
    .scenario_count = sizeof scenarios / sizeof *scenarios,
#endif
};

const struct ring_check_ring* ring_check_plugin(void) {
  return &table;
}
