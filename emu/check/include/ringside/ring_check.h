/* The interface for code that `ringside ring-check` checks: C, for C11 and C++11 and later.
 *
 * A plug-in is a shared object that exports one function. ring_check_plugin() returns the table of a ring:
 * its functions and its shared words. The checker calls the functions on two fibers, the front and the back,
 * and tries every interleaving of their accesses to the page under a memory model. RING_CHECK_TESTS defines
 * tests instead: a few threads each, of any code that shares memory. The code is compiled unchanged:
 * `ringside ring-check cc` adds the announcement of its accesses.
 *
 * Memory outside the page that several threads access (variables, allocated memory, objects behind pointers)
 * is explored like the page. Between two executions the checker restores the page, the plug-in's variables,
 * memory from malloc or new, and each thread's thread-local variables. State that it cannot restore (files,
 * mapped memory, the time, random numbers) is refused. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version. It changes when the table or a meaning changes; a checker refuses other versions. */
#define RING_CHECK_ABI 1u

#define RING_CHECK_PAYLOAD_MAX 64u

/* The end that sends requests, and the end that answers them. */
enum ring_check_side { RING_CHECK_FRONT = 0, RING_CHECK_BACK = 1 };

/* The use of a shared word. Every word in the page by which the ends synchronise must be listed; all other
 * bytes of the page are payload, which must never be read while it is written. */
enum ring_check_word_kind {
  RING_CHECK_REQ_INDEX =
      0, /* how far requests have been published; a free-running index unless INDEX_MODULO is set */
  RING_CHECK_RSP_INDEX = 1, /* how far responses have been published */
  RING_CHECK_EVENT = 2,     /* an event index or a threshold: steers notification */
  RING_CHECK_FLAG = 3       /* anything else: a bit that says asleep, a mask, a lock */
};

struct ring_check_word {
  const char* name; /* the name in reports: "req_prod" */
  uint32_t offset;  /* bytes from the start of the page */
  uint32_t size;    /* 1, 2, 4 or 8 bytes, of a FLAG also 16; aligned to its size */
  uint32_t kind;    /* enum ring_check_word_kind */
  uint32_t writer;  /* enum ring_check_side, or RING_CHECK_BOTH */
};
#define RING_CHECK_BOTH 2u

/* One message, as the application sees it. `bytes` beyond `length` are undefined. */
struct ring_check_item {
  uint32_t id;
  uint32_t length; /* 0 .. the ring's payload_bytes */
  uint8_t bytes[RING_CHECK_PAYLOAD_MAX];
};

/* The promises of the ring, beyond requests in one direction. A promise that is not set is not tested. */
enum ring_check_capability {
  RING_CHECK_RESPONSES = 1, /* push_rsp and pop_rsp are there */
  RING_CHECK_ANY_START = 2, /* init() honours `start`: indices may begin anywhere up to 2^32 - 1 */
  RING_CHECK_REATTACH =
      4, /* the back may attach again while messages are outstanding; none is lost or duplicated */
  RING_CHECK_ATTACH_RUNNING = 8, /* an end may attach while the other one is already running */
  RING_CHECK_HOSTILE_FRONT = 16, /* the back withstands any writes of a front into the page */
  RING_CHECK_HOSTILE_BACK = 32,  /* the front withstands any writes of a back into the page */
  RING_CHECK_KEEPS_ID = 64,      /* pop_rsp itself rejects an id that is not outstanding */
  RING_CHECK_LENGTHS =
      128, /* lengths from 0 to payload_bytes arrive as sent; otherwise always payload_bytes are sent */
  RING_CHECK_TWO_FRONTS = 256, /* two threads may use the front at once (it has a lock of its own) */
  RING_CHECK_WHOLE_SLOTS =
      512, /* the slot of a response has only the response, zeros, and the previous bytes of the slot */
  RING_CHECK_INDEX_MODULO = 1024, /* indices wrap at a modulus instead of using all values of their type */
  RING_CHECK_SPINS = 2048         /* an end waits by polling (ring_check_await), never by ring_check_wait */
};

/* A program, for code that does not fit the table: up to 4 functions that run as fibers on the page. `check`
 * runs after all have ended and calls ring_check_fail() for an error; it may be NULL. */
struct ring_check_scenario {
  const char* name;
  uint32_t fiber_count;
  const char* fiber_names[4];
  void (*fibers[4])(void* page);
  void (*check)(void* page);
};

struct ring_check_ring {
  uint32_t abi; /* RING_CHECK_ABI */
  uint32_t capabilities;
  const char* name;
  uint32_t page_bytes;    /* 1 .. 65536; the page is zeroed and 64-byte aligned before init() */
  uint32_t slots;         /* messages that the ring can hold */
  uint32_t payload_bytes; /* the largest item, at most RING_CHECK_PAYLOAD_MAX */
  uint32_t slots_offset;  /* the offset of the slots, for reports; slot_bytes 0: unknown */
  uint32_t slot_bytes;
  const struct ring_check_word* words;
  uint32_t word_count; /* at most 32 */

  /* Initializes the page before an end attaches, with all indices at `start` (0 unless ANY_START). It runs
   * alone. */
  void (*init)(void* page, uint32_t start);
  /* Attaches an end of the ring. Returns 0, or a negative number: refused. On a page that is in use
   * (REATTACH) it continues from the state of the page. */
  int (*front_attach)(void* page, uint32_t start);
  int (*back_attach)(void* page, uint32_t start);
  /* Return 1: done; 0: no room, or no message; negative: the page is invalid, and nothing was done. A call
   * that sometimes returns 0 without a reason is repeated, and a call that waits inside until it is done is
   * waited for; the report notes both. A push that makes its message visible at once must notify at
   * once. Otherwise publish makes it visible, and notifies. */
  int (*push_req)(const struct ring_check_item* item);
  int (*pop_req)(struct ring_check_item* item);
  int (*push_rsp)(const struct ring_check_item* item); /* NULL without RESPONSES */
  int (*pop_rsp)(struct ring_check_item* item);        /* NULL without RESPONSES */
  void (*front_publish)(void);                         /* NULL: push_req publishes by itself */
  void (*back_publish)(void);                          /* NULL: push_rsp publishes by itself */
  /* The final check before an end waits, including the request for a notification (arming). 1: there is work,
   * do not wait. NULL: only with SPINS. */
  int (*front_final_check)(void);
  int (*back_final_check)(void);
  /* Called when an end has been woken, before it checks the ring. NULL: not needed. */
  void (*front_woken)(void);
  void (*back_woken)(void);
  /* Detaches an end before it attaches again. NULL: not needed. */
  void (*detach)(int side);

  const struct ring_check_scenario* scenarios;
  uint32_t scenario_count;
};

/* The function that the plug-in of a ring exports. */
__attribute__((visibility("default"))) const struct ring_check_ring* ring_check_plugin(void);

/* -- tests of threads, without a ring
 *
 *     static int data, ready;
 *     static void writer(void) { data = 7; __atomic_store_n(&ready, 1, __ATOMIC_RELEASE); }
 *     static void reader(void) {
 *       while (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE)) ring_check_await();
 *       ring_check_assert(data == 7);
 *     }
 *     RING_CHECK_TESTS({.name = "a message", .threads = {writer, reader}})
 */

#define RING_CHECK_THREADS_MAX 4

/* Omitted fields are NULL or 0. In C++ before C++20 they are given in this order, without names. */
struct ring_check_test {
  const char* name;
  void (*before)(void); /* runs alone, before the threads; each execution begins with its result */
  void (*threads[RING_CHECK_THREADS_MAX])(void); /* at least one; reports name a thread by its function */
  void (*after)(void); /* runs alone, when all threads have ended, and checks the result */
  uint32_t capacity;   /* of recorded operations: a push may fail only when this many values are in the
                          object; 0: unknown, and a push may fail at any time */
};

struct ring_check_tests {
  uint32_t abi; /* RING_CHECK_ABI */
  uint32_t count;
  const struct ring_check_test* tests;
};

/* The function that the plug-in of tests exports. */
__attribute__((visibility("default"))) const struct ring_check_tests* ring_check_test_plugin(void);

/* Defines that function, once in a plug-in; the arguments are tests. */
#define RING_CHECK_TESTS(...)                                                                      \
  const struct ring_check_tests* ring_check_test_plugin(void) {                                    \
    static const struct ring_check_test list[] = {__VA_ARGS__};                                    \
    static const struct ring_check_tests all = {RING_CHECK_ABI, sizeof list / sizeof *list, list}; \
    return &all;                                                                                   \
  }

/* Ends the execution as failed unless the condition holds; assert() does the same. */
#define ring_check_assert(condition) \
  ((condition) ? (void)0             \
               : ring_check_fail(#condition " does not hold, " __FILE__ ":" RING_CHECK_LINE(__LINE__)))
#define RING_CHECK_LINE(line) RING_CHECK_LINE_TEXT(line)
#define RING_CHECK_LINE_TEXT(line) #line

/* The index of the running thread of the test, from 0. */
uint32_t ring_check_thread(void);

/* Recorded operations on a queue, a stack or a deque: at the end of each execution, an order must exist in
 * which they could have been done one after the other, as linearizability requires. A take returns the oldest
 * value (of a queue; a thief's steal), a pop the newest (of a stack). The macros make both calls:
 *
 *     RING_CHECK_PUSH(5, push(&queue, 5));
 *     if (RING_CHECK_TAKE(value, take(&queue, &value))) ...
 *
 * `call` is 1: done; 0: it was full, or empty; negative: abandoned, without an effect. For a queue that may
 * report full or empty wrongly, pass -1 in place of 0. The macros may also be used in `before` and `after`.
 */
enum ring_check_operation { RING_CHECK_PUSHES = 0, RING_CHECK_POPS = 1, RING_CHECK_TAKES = 2 };
#define RING_CHECK_PUSH(value, call) RING_CHECK_RECORD(RING_CHECK_PUSHES, value, value, call)
#define RING_CHECK_POP(value, call) RING_CHECK_RECORD(RING_CHECK_POPS, 0, value, call)
#define RING_CHECK_TAKE(value, call) RING_CHECK_RECORD(RING_CHECK_TAKES, 0, value, call)
#define RING_CHECK_RECORD(operation, before, value, call)                               \
  __extension__({                                                                       \
    ring_check_begin(operation, (uint64_t)(before));                                    \
    const int ring_check_outcome = (call);                                              \
    ring_check_end(ring_check_outcome, ring_check_outcome > 0 ? (uint64_t)(value) : 0); \
    ring_check_outcome;                                                                 \
  })
/* The calling thread begins an operation; `value`: the value that it pushes. At most 64 are recorded. */
void ring_check_begin(int operation, uint64_t value);
/* The calling thread has ended it; `value`: the value that it returned. */
void ring_check_end(int outcome, uint64_t value);

/* -- services of the checker. Each may be called from the functions above only. */

/* Barriers, for code with barriers in assembler (the wrapper finds mfence, sfence, lfence and lock-prefixed
 * instructions by itself) or for another architecture. They have the meaning of Linux, under C11:
 *
 * wmb: this thread's earlier stores before its later stores (smp_wmb, sfence, dmb ishst). It is not a release
 * fence: loads may move after it. Code that hands a slot back after reading it needs mb, or a release.
 *
 * rmb: earlier loads before later loads (smp_rmb), and before later stores: an acquire fence. Linux promises
 * the latter by the branch between the load and the store; C11 does not see the branch, so that the fence
 * includes it here. It is not cumulative: a thread that sees such a later store learns nothing of the earlier
 * loads, as after lfence or dmb ishld.
 *
 * mb: all earlier before all later accesses; all full barriers have one order. */
void ring_check_wmb(void);
void ring_check_rmb(void);
void ring_check_mb(void);
/* Raises the event of `side`. It stays raised until that side waits; two raises coalesce. */
void ring_check_notify(int side);
/* Sleeps until the event of `side` is raised, and takes it. The checker calls it after the final check; a
 * plug-in may call it too. */
void ring_check_wait(int side);
/* In a loop that spins on shared memory: promises that the loop need continue only after another fiber has
 * changed what it has read. A round of the loop that reads the same must do the same: if it loads or stores
 * something else, the loop continues after any store. The rounds are not counted, so that a loop that gives
 * up after some rounds is not tried with every number of them. */
void ring_check_await(void);
/* Ends the execution as failed. `text` is copied. It does not return. */
void ring_check_fail(const char* text);
/* Returns one of 0 .. n - 1; all are tried. `why` is shown in the report. n is at most 255. */
uint32_t ring_check_choose(uint32_t n, const char* why);

#ifdef __cplusplus
}
#endif
