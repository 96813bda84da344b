/* dom0's end of a domain's console in C: copies the guest's output to stdout, and stdin to the guest. It ends
 * with the domain, and destroys what is left of it. A domain has only one such end, and xcs must not serve
 * it:
 *
 *   ringside create --no-console web; ./dom0_end 1
 *
 * A restarted end continues at the rings' indices. After a kill at most one message of 60 bytes in each
 * direction is affected: input that was read from stdin but not published in the ring is lost, and output
 * that was written to stdout but not answered is written twice.
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
static struct ring tx, rx; /* this end answers in tx and sends requests in rx */

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

/* Handles all requests and answers of the guest, and notifies it if there were any. A response carries the
 * header of its request. */
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

/* Reads stdin once into one request. Returns 0 at the end of stdin. */
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
  tx.requests = tx.responses; /* handle requests that a predecessor left unanswered */
  if ((events = rs_events_open(xc)) < 0 || rs_events_bind(events, port) != 0) fail("no events");
  if (before.status == EVTCHNSTAT_unbound)
    xc_domain_unpause(xc, domain); /* this is the domain's first
                                    * controller */

  serve();
  while (!ended) {
    uint16_t raised;
    int heard;
    waiting[0].fd = events;
    waiting[1].fd = input && has_room(&rx) ? STDIN_FILENO : -1;
    waiting[0].events = waiting[1].events = POLLIN;
    /* No event reports the end of the domain (only one program of dom0 can have VIRQ_DOM_EXC, and xcs has
     * it). So it is checked whenever there was no event for LOOK_MS; after that the rings are served once
     * more. */
    if (poll(waiting, 2, LOOK_MS) == 0) ended = has_ended();
    heard = rs_events_read(events, &raised, 1) == 1;
    if (heard) rs_events_write(events, &raised, 1); /* unmask first, then look for work */
    if (heard || ended) serve();
    if (waiting[1].revents != 0) input = type();
  }
  xc_domain_destroy(xc, domain);
  return 0;
}
