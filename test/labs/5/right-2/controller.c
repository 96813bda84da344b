/* Your controller: dom0's end of one domain's console. It copies what the guest prints to stdout, and stdin to the guest.
 *
 *   ringside up; ringside create --no-console web -- /bin/sh; ./controller 1
 *
 * The connection and the loop are there. Write the parts marked with "write this".
 */
#define _POSIX_C_SOURCE 200809L
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control_if.h"

enum { LOOK_MS = 100 };

static int xc, port;
static uint32_t domain;
static struct control_if* shared;

/* The private indices of the two rings: of tx as the answering end, of rx as the requesting one. */
static struct {
  uint32_t req_cons, rsp_prod_pvt;
} back;
static struct {
  uint32_t req_prod_pvt, rsp_cons;
} front;

static void put_all(const unsigned char* bytes, size_t count) {
  while (count > 0) {
    const ssize_t wrote = write(STDOUT_FILENO, bytes, count);
    if (wrote <= 0) exit(1);
    bytes += wrote;
    count -= (size_t)wrote;
  }
}

static void fail(const char* what) {
  fprintf(stderr, "controller: %s: %s\n", what, rs_last_error());
  exit(1);
}

/* Raises the event of the guest's port: it looks at its rings. */
static void notify(void) {
  xc_evtchn_send(xc, port);
}

/* Called once. The page may be in use already: an earlier controller may have ended in the middle of its work. */
static void attach(void) {
  back.req_cons = back.rsp_prod_pvt = load_index(shared->tx.rsp_prod);
  front.req_prod_pvt = load_index(shared->rx.req_prod);
  front.rsp_cons = load_index(shared->rx.rsp_prod);
}

/* Called after each event, and once at the beginning. */
static void serve(void) {
  int work = 0;
  while (back.req_cons != load_index(shared->tx.req_prod) &&
         load_index(shared->tx.req_prod) - back.req_cons <= SLOTS) {
    struct message request;
    struct message* slot = &shared->tx.slots[back.req_cons++ & (SLOTS - 1)];
    memcpy(&request, slot, sizeof request);
    if (request.type == CMSG_CONSOLE)
      put_all(request.msg, request.length < PAYLOAD ? request.length : PAYLOAD);
    request.length = 0; /* the rest of the header says which request this answers */
    memcpy(slot, &request, sizeof request);
    ++back.rsp_prod_pvt;
    work = 1;
  }
  if (work) {
    store_index(shared->tx.rsp_prod, back.rsp_prod_pvt);
    notify();
  }
  while (front.rsp_cons != load_index(shared->rx.rsp_prod)) ++front.rsp_cons;
}

/* Whether rx has room for a request. While it has none, stdin is not read. */
static int has_room(void) {
  return front.req_prod_pvt - front.rsp_cons != SLOTS;
}

/* Sends a piece of stdin, at most PAYLOAD bytes, to the guest. */
static void type(const unsigned char* bytes, unsigned count) {
  struct message* slot = &shared->rx.slots[front.req_prod_pvt & (SLOTS - 1)];
  memset(slot, 0, sizeof *slot);
  slot->type = CMSG_CONSOLE;
  slot->length = (unsigned char)count;
  memcpy(slot->msg, bytes, count);
  store_index(shared->rx.req_prod, ++front.req_prod_pvt);
  notify();
}

/* -- the connection and the loop; nothing to write below */

static int has_ended(void) {
  xc_dominfo_t info;
  if (xc_domain_getinfo(xc, domain, 1, &info) != 1 || info.domid != domain) return 1;
  return info.shutdown || info.crashed || info.dying;
}

static int connect_to_guest(void) {
  rs_start_info_t info;
  int events, guest_port;
  char* page;
  if ((xc = xc_interface_open()) < 0) fail("no interface (is RINGSIDE_DIR right?)");
  if (rs_start_info(xc, domain, &info) != 0) fail("no domain");
  page = xc_map_foreign_range(xc, domain, RS_PAGE_SIZE, PROT_READ | PROT_WRITE, info.shared_info_frame);
  if (page == NULL) fail("no shared page");
  shared = (struct control_if*)(page + CONTROL_IF);
  guest_port = info.console_port;
  if (xc_evtchn_bind_interdomain(xc, DOMID_SELF, domain, &port, &guest_port) != 0) fail("no channel");
  if ((events = rs_events_open(xc)) < 0 || rs_events_bind(events, port) != 0) fail("no events");
  attach();
  xc_domain_unpause(xc, domain); /* a new domain waits for its controller */
  return events;
}

int main(int argc, char** argv) {
  struct pollfd waiting[2];
  int events, input = 1, ended = 0;
  if (argc != 2) {
    fputs("usage: controller DOMAIN-NUMBER\n", stderr);
    return 1;
  }
  domain = (uint32_t)strtoul(argv[1], NULL, 10);
  events = connect_to_guest();
  setvbuf(stdout, NULL, _IONBF, 0);
  serve();
  while (!ended) {
    uint16_t raised;
    int heard;
    waiting[0].fd = events;
    waiting[1].fd = input && has_room() ? STDIN_FILENO : -1;
    waiting[0].events = waiting[1].events = POLLIN;
    if (poll(waiting, 2, LOOK_MS) == 0) ended = has_ended();
    heard = rs_events_read(events, &raised, 1) == 1;
    if (heard) rs_events_write(events, &raised, 1); /* unmask first, then look for work */
    if (heard || ended) serve();
    if (waiting[1].revents != 0) {
      unsigned char bytes[PAYLOAD];
      ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
      if (got <= 0)
        input = 0;
      else
        type(bytes, (unsigned)got);
    }
  }
  return 0;
}
