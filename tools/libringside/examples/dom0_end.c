/* dom0's end of a domain's console in C: what the guest says goes to stdout, what comes on stdin goes to the
 * guest. It ends with the domain, and destroys what is left of it. One such end a domain, and no xcs:
 *
 *   ringside create --no-console web; ./dom0_end 1
 *
 * Killed and started again it goes on where the rings stand: only what it had read from stdin or written to
 * stdout and not yet made known in the ring, 60 bytes each, is lost or comes twice.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control_if.h"

enum { LOOK_MS = 100 };

static int xc, port;
static uint32_t domain;
static struct ring tx, rx; /* we answer in tx and ask in rx */

static void fail(const char* what) {
  fprintf(stderr, "dom0_end: %s: %s\n", what, rs_last_error());
  exit(1);
}

static void print(const struct message* message) {
  size_t done = 0;
  while (done < message->length) {
    ssize_t wrote = write(STDOUT_FILENO, message->msg + done, message->length - done);
    if (wrote < 0 && errno != EINTR) exit(1);
    if (wrote > 0) done += (size_t)wrote;
  }
}

/* Everything the guest asked and answered; 1 if that was anything. A response carries the request's header.
 */
static void serve(void) {
  const uint32_t answered = tx.responses, reaped = rx.responses;
  struct message message;
  while (take_response(&rx, &message)) continue;
  while (take_request(&tx, &message)) {
    if (message.type == CMSG_CONSOLE) print(&message);
    put_response(&tx, &message);
  }
  if (tx.responses != answered || rx.responses != reaped) xc_evtchn_send(xc, port);
}

/* One read of stdin into one request; 0 at its end. */
static int type(void) {
  struct message request = {CMSG_CONSOLE, 0, 0, 0, {0}};
  ssize_t got = read(STDIN_FILENO, request.msg, PAYLOAD);
  if (got <= 0) return got < 0 && errno == EINTR;
  request.length = (unsigned char)got;
  put_request(&rx, &request);
  xc_evtchn_send(xc, port);
  return 1;
}

static int has_ended(void) {
  xc_dominfo_t info;
  if (xc_domain_getinfo(xc, domain, 1, &info) != 1 || info.domid != domain) return 1;
  return info.shutdown || info.crashed || info.dying;
}

int main(int argc, char** argv) {
  rs_start_info_t info;
  xc_evtchn_status_t before;
  struct pollfd waiting[2];
  int events, guest_port, input = 1, ended = 0;
  void* page;

  if (argc != 2) {
    fputs("usage: dom0_end DOMAIN-NUMBER\n", stderr);
    return 1;
  }
  domain = (uint32_t)strtoul(argv[1], NULL, 10);
  if ((xc = xc_interface_open()) < 0) fail("no interface");
  if (rs_start_info(xc, domain, &info) != 0) fail("no domain");
  page = xc_map_foreign_range(xc, domain, RS_PAGE_SIZE, PROT_READ | PROT_WRITE, info.shared_info_frame);
  if (page == NULL) fail("no shared page");
  guest_port = info.console_port;
  if (xc_evtchn_status(xc, domain, guest_port, &before) != 0) fail("no port");
  if (xc_evtchn_bind_interdomain(xc, DOMID_SELF, domain, &port, &guest_port) != 0) fail("no channel");
  tx = attach(page, info.abi, 0);
  rx = attach(page, info.abi, 1);
  tx.requests = tx.responses; /* what nobody has answered is ours to answer */
  if ((events = rs_events_open(xc)) < 0 || rs_events_bind(events, port) != 0) fail("no events");
  if (before.status == EVTCHNSTAT_unbound) xc_domain_unpause(xc, domain); /* nobody was here before us */

  serve();
  while (!ended) {
    uint16_t raised;
    int heard;
    waiting[0].fd = events;
    waiting[1].fd = input && has_room(&rx) ? STDIN_FILENO : -1;
    waiting[0].events = waiting[1].events = POLLIN;
    /* No event tells of the domain's end (VIRQ_DOM_EXC is for one program of dom0, which is xcs): look, when
     * it is quiet, and look at the rings once more after that. */
    if (poll(waiting, 2, LOOK_MS) == 0) ended = has_ended();
    heard = rs_events_read(events, &raised, 1) == 1;
    if (heard) rs_events_write(events, &raised, 1); /* unmask first, look after */
    if (heard || ended) serve();
    if (waiting[1].revents != 0) input = type();
  }
  xc_domain_destroy(xc, domain);
  return 0;
}
