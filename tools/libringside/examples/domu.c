/* A domU in C: prints a greeting on its console, then echoes its input. It ends when it receives a shutdown
 * request.
 *
 *   ringside create --external echo -- ./domu
 */
#define _POSIX_C_SOURCE 200809L
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "control_if.h"

enum { BUFFER = 4096 };

static int xc, events, port;
static struct ring tx, rx; /* the guest sends requests in tx and answers in rx */

/* Output that waits to be sent: a ring buffer of bytes. */
static char out[BUFFER];
static unsigned out_first, out_count;

static int stopping;

static void fail(const char* what) {
  fprintf(stderr, "domu: %s: %s\n", what, rs_last_error());
  exit(1);
}

static void say(const unsigned char* bytes, unsigned count) {
  unsigned i;
  for (i = 0; i < count; ++i) out[(out_first + out_count++) % BUFFER] = (char)bytes[i];
}

static void flush(void) {
  while (out_count > 0 && has_room(&tx)) {
    struct message request = {CMSG_CONSOLE, 0, 0xff, 0, {0}};
    while (out_count > 0 && request.length < PAYLOAD) {
      request.msg[request.length++] = (unsigned char)out[out_first];
      out_first = (out_first + 1) % BUFFER;
      --out_count;
    }
    put_request(&tx, &request);
  }
}

/* Handles one request of the controller. The response has the same header, but length 0. */
static void answer(struct message* request) {
  if (request->type == CMSG_CONSOLE) say(request->msg, request->length);
  if (request->type == CMSG_SHUTDOWN && request->subtype <= SHUTDOWN_reboot) stopping = 1 + request->subtype;
  request->length = 0;
  put_response(&rx, request);
}

/* Does all work that is possible now, and notifies the other side if there was any. */
static void serve(void) {
  const uint32_t asked = tx.requests, reaped = tx.responses, answered = rx.responses;
  struct message message;
  while (take_response(&tx, &message)) continue;
  /* Input that does not fit into `out` stays in the ring, so its sender waits. */
  while (BUFFER - out_count >= PAYLOAD && take_request(&rx, &message)) answer(&message);
  flush();
  if (tx.requests != asked || tx.responses != reaped || rx.responses != answered)
    xc_evtchn_send(xc, port); /* EINVAL while there is no other end; a new controller kicks the guest */
}

int main(void) {
  static const unsigned char greeting[] = "Hello from a domU in C. I say what I am told.\r\n";
  rs_start_info_t info;
  struct pollfd waiting;
  void* page;

  if ((xc = xc_interface_open()) < 0) fail("no interface");
  if (rs_start_info(xc, DOMID_SELF, &info) != 0) fail("no start info");
  page = xc_map_foreign_range(xc, DOMID_SELF, RS_PAGE_SIZE, PROT_READ | PROT_WRITE, info.shared_info_frame);
  if (page == NULL) fail("no shared page");
  port = info.console_port;
  tx = attach(page, info.abi, 0);
  rx = attach(page, info.abi, 1);
  rx.requests = rx.responses; /* handle requests that were sent before this program started */

  if ((events = rs_events_open(xc)) < 0 || rs_events_bind(events, port) != 0) fail("no events");
  say(greeting, sizeof greeting - 1);
  serve();
  waiting.fd = events;
  waiting.events = POLLIN;
  /* After a shutdown request it ends once all output is sent and answered. */
  while (!stopping || out_count > 0 || tx.requests != tx.responses) {
    uint16_t raised;
    poll(&waiting, 1, -1);
    if (rs_events_read(events, &raised, 1) != 1) continue;
    rs_events_write(events, &raised, 1); /* unmask first, then look for work */
    serve();
  }
  if (rs_shutdown(xc, stopping - 1, 0) != 0) fail("cannot shut down");
  return 0;
}
