/* A ring of macros, as drivers for Xen had in 2005: types that a macro defines for a pair of message types,
 * volatile accesses, and barriers in assembler. The upper part does not depend on the checker, which must
 * accept such code unchanged; the lower part is the usual adapter for a ring. */
#include <stdint.h>

/* -- a driver's ring header */

#if defined(__x86_64__) || defined(__i386__)
#define xr_mb() __asm__ __volatile__("mfence" ::: "memory")
#define xr_rmb() __asm__ __volatile__("lfence" ::: "memory")
#define xr_wmb() __asm__ __volatile__("sfence" ::: "memory")
#else
#define xr_mb() __sync_synchronize()
#define xr_rmb() __sync_synchronize()
#define xr_wmb() __sync_synchronize()
#endif

typedef uint32_t xr_index_t;

#define XR_RING_TYPES(NAME, REQ, RSP, SIZE)         \
  union NAME##_entry {                              \
    REQ req;                                        \
    RSP rsp;                                        \
  };                                                \
  struct NAME##_page {                              \
    volatile xr_index_t req_head; /* the front's */ \
    volatile xr_index_t rsp_head; /* the back's */  \
    union NAME##_entry entry[SIZE];                 \
  };                                                \
  struct NAME##_front {                             \
    xr_index_t req_head_pvt;                        \
    xr_index_t rsp_tail;                            \
    struct NAME##_page* page;                       \
  };                                                \
  struct NAME##_back {                              \
    xr_index_t rsp_head_pvt;                        \
    xr_index_t req_tail;                            \
    struct NAME##_page* page;                       \
  }

#define XR_SIZE(_r) (sizeof((_r)->page->entry) / sizeof((_r)->page->entry[0]))
#define XR_ENTRY(_r, _i) (&(_r)->page->entry[(_i) & (XR_SIZE(_r) - 1)])

#define XR_PAGE_INIT(_p, _at)                \
  do {                                       \
    (_p)->req_head = (_p)->rsp_head = (_at); \
  } while (0)
#define XR_FRONT_INIT(_r, _p)            \
  do {                                   \
    (_r)->page = (_p);                   \
    (_r)->req_head_pvt = (_p)->req_head; \
    (_r)->rsp_tail = (_p)->rsp_head;     \
  } while (0)
#define XR_BACK_INIT(_r, _p)                              \
  do {                                                    \
    (_r)->page = (_p);                                    \
    (_r)->rsp_head_pvt = (_r)->req_tail = (_p)->rsp_head; \
  } while (0)

#define XR_FULL(_r) ((_r)->req_head_pvt - (_r)->rsp_tail == XR_SIZE(_r))
#define XR_REQUEST_WAITS(_r) \
  ((_r)->page->req_head != (_r)->req_tail && (_r)->req_tail - (_r)->rsp_head_pvt < XR_SIZE(_r))
#define XR_RESPONSE_WAITS(_r) ((_r)->page->rsp_head != (_r)->rsp_tail)

#define XR_PUSH_REQUESTS(_r)                   \
  do {                                         \
    xr_wmb(); /* entries before the index */   \
    (_r)->page->req_head = (_r)->req_head_pvt; \
  } while (0)
#define XR_PUSH_RESPONSES(_r)                  \
  do {                                         \
    xr_wmb(); /* entries before the index */   \
    (_r)->page->rsp_head = (_r)->rsp_head_pvt; \
  } while (0)

/* -- a driver's messages and its two ends */

struct disk_request {
  uint32_t id;
  uint32_t sector_count;
  uint8_t sectors[8];
};
struct disk_response {
  uint32_t id;
  uint32_t status_count;
  uint8_t status[8];
};
XR_RING_TYPES(disk, struct disk_request, struct disk_response, SLOTS);

static struct disk_front front;
static struct disk_back back;

/* -- the adapter for the checker */

#include <ringside/ring_check.h>
#include <string.h>

static void init(void* page, uint32_t start) {
  XR_PAGE_INIT((struct disk_page*)page, start);
}

static int front_attach(void* page, uint32_t start) {
  (void)start;
  XR_FRONT_INIT(&front, (struct disk_page*)page);
  return 0;
}

static int back_attach(void* page, uint32_t start) {
  (void)start;
  XR_BACK_INIT(&back, (struct disk_page*)page);
  return 0;
}

static int push_req(const struct ring_check_item* item) {
  if (XR_FULL(&front)) return 0;
  struct disk_request* request = &XR_ENTRY(&front, front.req_head_pvt)->req;
  request->id = item->id;
  request->sector_count = item->length;
  memcpy(request->sectors, item->bytes, sizeof request->sectors);
  ++front.req_head_pvt;
  return 1;
}

static void front_publish(void) {
  XR_PUSH_REQUESTS(&front);
  ring_check_notify(RING_CHECK_BACK);
}

static int pop_req(struct ring_check_item* item) {
  if (!XR_REQUEST_WAITS(&back)) return 0;
  xr_rmb(); /* the index before the entry */
  const struct disk_request* request = &XR_ENTRY(&back, back.req_tail)->req;
  item->id = request->id;
  item->length = request->sector_count;
  memcpy(item->bytes, request->sectors, sizeof request->sectors);
  ++back.req_tail;
  return 1;
}

static int push_rsp(const struct ring_check_item* item) {
  if (back.rsp_head_pvt == back.req_tail) return 0;
  struct disk_response* response = &XR_ENTRY(&back, back.rsp_head_pvt)->rsp;
  response->id = item->id;
  response->status_count = item->length;
  memcpy(response->status, item->bytes, sizeof response->status);
  ++back.rsp_head_pvt;
  return 1;
}

static void back_publish(void) {
  XR_PUSH_RESPONSES(&back);
  ring_check_notify(RING_CHECK_FRONT);
}

static int pop_rsp(struct ring_check_item* item) {
  if (!XR_RESPONSE_WAITS(&front)) return 0;
  xr_rmb(); /* the index before the entry */
  const struct disk_response* response = &XR_ENTRY(&front, front.rsp_tail)->rsp;
  item->id = response->id;
  item->length = response->status_count;
  memcpy(item->bytes, response->status, sizeof response->status);
  ++front.rsp_tail;
  return 1;
}

/* As drivers end their handlers: a full barrier, and a final check. */
static int front_final_check(void) {
  xr_mb();
  return XR_RESPONSE_WAITS(&front);
}
static int back_final_check(void) {
  xr_mb();
  return XR_REQUEST_WAITS(&back);
}

static const struct ring_check_word words[] = {
    {"req_head", offsetof(struct disk_page, req_head), 4, RING_CHECK_REQ_INDEX, RING_CHECK_FRONT},
    {"rsp_head", offsetof(struct disk_page, rsp_head), 4, RING_CHECK_RSP_INDEX, RING_CHECK_BACK},
};

static const struct ring_check_ring table = {
    .abi = RING_CHECK_ABI,
    /* Each end trusts the other, as in such rings. */
    .capabilities = RING_CHECK_RESPONSES | RING_CHECK_ANY_START | RING_CHECK_ATTACH_RUNNING,
    .name = "macro_ring",
    .page_bytes = sizeof(struct disk_page),
    .slots = SLOTS,
    .payload_bytes = 8,
    .slots_offset = offsetof(struct disk_page, entry),
    .slot_bytes = sizeof(union disk_entry),
    .words = words,
    .word_count = sizeof words / sizeof *words,
    .init = init,
    .front_attach = front_attach,
    .back_attach = back_attach,
    .push_req = push_req,
    .pop_req = pop_req,
    .push_rsp = push_rsp,
    .pop_rsp = pop_rsp,
    .front_publish = front_publish,
    .back_publish = back_publish,
    .front_final_check = front_final_check,
    .back_final_check = back_final_check,
};

const struct ring_check_ring* ring_check_plugin(void) {
  return &table;
}
