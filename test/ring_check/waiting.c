/* A correct ring that waits by other means than the checker's: it must be refused by name, and nothing may
 * hang. */
#include <pthread.h>
#include <ringside/ring_check.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct message {
  uint32_t id;
  uint8_t bytes[8];
};

struct page {
  uint32_t prod, cons;
  struct message messages[2];
};

static struct page* ring;

static void init(void* page, uint32_t start) {
  (void)page;
  (void)start;
}

static int attach(void* page, uint32_t start) {
  (void)start;
  ring = page;
  return 0;
}

#ifdef THREAD
static void* nothing(void* none) {
  return none;
}
#endif

static void found_nothing(void) {
#ifdef SLEEP
  const struct timespec soon = {0, 1000};
  nanosleep(&soon, NULL);
#endif
#ifdef EVENT_FILE
  uint64_t count;
  const int file = eventfd(1, 0);
  if (read(file, &count, sizeof count) < 0) ring_check_fail("no event");
  close(file);
#endif
#ifdef THREAD
  pthread_t thread;
  if (pthread_create(&thread, NULL, nothing, NULL) == 0) pthread_join(thread, NULL);
#endif
#ifdef SYSTEM_CALL
  static uint32_t word;
  register long timeout __asm__("r10") = 0;
  long result = SYS_futex;
  __asm__ volatile("syscall"
                   : "+a"(result)
                   : "D"(&word), "S"(0), "d"(0), "r"(timeout)
                   : "rcx", "r11", "memory");
#endif
}

static int push_req(const struct ring_check_item* item) {
  const uint32_t prod = ring->prod;
  if (prod - __atomic_load_n(&ring->cons, __ATOMIC_ACQUIRE) == 2) {
    found_nothing();
    return 0;
  }
  struct message* message = &ring->messages[prod % 2];
  message->id = item->id;
  memcpy(message->bytes, item->bytes, 8);
  __atomic_store_n(&ring->prod, prod + 1, __ATOMIC_RELEASE);
  return 1;
}

static int pop_req(struct ring_check_item* item) {
  const uint32_t cons = ring->cons;
  if (__atomic_load_n(&ring->prod, __ATOMIC_ACQUIRE) == cons) {
    found_nothing();
    return 0;
  }
  const struct message* message = &ring->messages[cons % 2];
  item->id = message->id;
  item->length = 8;
  memcpy(item->bytes, message->bytes, 8);
  __atomic_store_n(&ring->cons, cons + 1, __ATOMIC_RELEASE);
  return 1;
}

static const struct ring_check_word words[] = {
    {"prod", 0, 4, RING_CHECK_REQ_INDEX, RING_CHECK_FRONT},
    {"cons", 4, 4, RING_CHECK_RSP_INDEX, RING_CHECK_BACK},
};

static const struct ring_check_ring table = {
    .abi = RING_CHECK_ABI,
    .capabilities = RING_CHECK_SPINS,
    .name = "waiting",
    .page_bytes = sizeof(struct page),
    .slots = 2,
    .payload_bytes = 8,
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
