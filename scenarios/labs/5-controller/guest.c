/* A guest that judges a controller: it sends requests by itself, and writes what is wrong with the responses, or "good",
 * to a file.
 *
 *   guest FILE header|types|lengths|slots
 */
#define _POSIX_C_SOURCE 200809L
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "guest_if.h"

enum { ROUNDS = 21, OTHER_TYPE = 5, LONG = 200 };

static int xc, events, port, heard;
static struct ring tx, rx;
static const char* verdict_path;

static void verdict(const char* text) {
  FILE* file = fopen(verdict_path, "w");
  if (file == NULL || fprintf(file, "%s\n", text) < 0 || fclose(file) != 0) exit(1);
  rs_shutdown(xc, SHUTDOWN_poweroff, 0);
  exit(0);
}

static void begin(void) {
  rs_start_info_t info;
  void* page;
  if ((xc = xc_interface_open()) < 0 || rs_start_info(xc, DOMID_SELF, &info) != 0) exit(1);
  page = xc_map_foreign_range(xc, DOMID_SELF, RS_PAGE_SIZE, PROT_READ | PROT_WRITE, info.shared_info_frame);
  if (page == NULL) exit(1);
  port = info.console_port;
  tx = attach(page, info.abi, 0);
  rx = attach(page, info.abi, 1);
  if ((events = rs_events_open(xc)) < 0 || rs_events_bind(events, port) != 0) exit(1);
}

/* Waits for an event since the last request, and until one response is there. */
static struct message response(void) {
  struct message got;
  struct pollfd waiting;
  waiting.fd = events;
  waiting.events = POLLIN;
  while (!heard || !take_response(&tx, &got)) {
    uint16_t raised;
    poll(&waiting, 1, -1);
    if (rs_events_read(events, &raised, 1) != 1) continue;
    rs_events_write(events, &raised, 1);
    heard = 1;
  }
  return got;
}

static void send_event(void) {
  heard = 0;
  xc_evtchn_send(xc, port);
}

static struct message request(unsigned char type, unsigned char id, unsigned char length, char fill) {
  struct message made = {type, 0, id, length, {0}};
  memset(made.msg, fill, PAYLOAD);
  return made;
}

/* Sends one request, and judges the header of its response. */
static void exchange(struct message sent) {
  struct message got;
  put_request(&tx, &sent);
  send_event();
  got = response();
  if (got.type != sent.type) verdict("a response has another type than its request");
  if (got.subtype != sent.subtype) verdict("a response has another subtype than its request");
  if (got.id != sent.id) verdict("a response has another id than its request");
}

/* Eight requests at once, with one event: all need a response, in their order. */
static void burst(void) {
  unsigned char at;
  for (at = 0; at < SLOTS; ++at) {
    struct message sent = request(CMSG_CONSOLE, at, 1, (char)('a' + at));
    put_request(&tx, &sent);
  }
  send_event();
  for (at = 0; at < SLOTS; ++at)
    if (response().id != at) verdict("eight requests at once: a response is not in its request's slot");
}

int main(int argc, char** argv) {
  int round;
  if (argc != 3) return 1;
  verdict_path = argv[1];
  begin();
  for (round = 0; round < ROUNDS; ++round) {
    if (strcmp(argv[2], "header") == 0) {
      struct message sent = request(CMSG_CONSOLE, (unsigned char)(round * 12), 1, 'h');
      sent.subtype = (unsigned char)round;
      exchange(sent);
    } else if (strcmp(argv[2], "types") == 0) {
      exchange(request(round % 2 ? OTHER_TYPE : CMSG_CONSOLE, 255, 1, round % 2 ? '!' : 't'));
    } else if (strcmp(argv[2], "lengths") == 0) {
      exchange(request(CMSG_CONSOLE, 255, round == 1 ? LONG : 1, 'l'));
    } else {
      burst();
    }
  }
  verdict("good");
  return 0;
}
