/* dom0's end of one domain's console, as in a program of 2005: it uses libxc's calls and opens the device
 * files directly. It copies the domain's output to stdout until the domain ends. It contains nothing of
 * ringside, so a preloaded library provides the device files:
 *
 *   ringside create web --no-console
 *   LD_PRELOAD=libringside-devices.so ./evtchn 1
 *
 * Domain 0 prints nothing on its control channel, so the program sends it a SysRq key and waits for the
 * answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control_if.h"

#define EVTCHN_BIND _IO('E', 2)
#define EVTCHN_UNBIND _IO('E', 3)
#define IOCTL_PRIVCMD_INITDOM_EVTCHN _IO('P', 1)

enum { PAGE = 4096, USUAL_PORT = 1, LOOK_MS = 100, SYSRQ = 3 };

static int xc, port, answers;
static struct ring tx, rx;

static void fail(const char* what) {
  perror(what);
  exit(1);
}

static void serve(void) {
  struct message message;
  int served = 0;
  while (take_response(&rx, &message)) ++answers;
  for (; take_request(&tx, &message); ++served) {
    if (message.type == CMSG_CONSOLE) fwrite(message.msg, 1, message.length, stdout);
    put_response(&tx, &message);
  }
  fflush(stdout);
  if (served) xc_evtchn_send(xc, port);
}

/* dom0's kernel has made its own channel. The channel of another domain is almost always its port 1. */
static void open_channel(uint32_t domain) {
  int its_port = USUAL_PORT, privcmd;
  if (domain != 0) {
    if (xc_evtchn_bind_interdomain(xc, DOMID_SELF, domain, &port, &its_port) != 0) fail("no channel");
    return;
  }
  if ((privcmd = open("/proc/xen/privcmd", O_RDWR)) < 0) fail("/proc/xen/privcmd");
  if ((port = ioctl(privcmd, IOCTL_PRIVCMD_INITDOM_EVTCHN, NULL)) < 0) fail("no control port of dom0");
  close(privcmd);
}

/* The reads block until dom0 answers and raises our port. */
static void ask_dom0(int evtchn) {
  const struct message request = {CMSG_SHUTDOWN, SYSRQ, 0, 4, {'h'}};
  uint16_t raised;
  put_request(&rx, &request);
  xc_evtchn_send(xc, port);
  while (answers == 0) {
    if (read(evtchn, &raised, sizeof raised) != sizeof raised) fail("no event");
    if (write(evtchn, &raised, sizeof raised) < 0) fail("cannot unmask");
    serve();
  }
  printf("dom0 has answered %d\n", answers);
}

static int has_ended(uint32_t domain) {
  xc_dominfo_t info;
  return xc_domain_getinfo(xc, domain, 1, &info) != 1 || info.domid != domain || info.shutdown ||
         info.crashed;
}

int main(int argc, char** argv) {
  const uint32_t domain = argc == 2 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
  struct pollfd waiting = {0, POLLIN, 0};
  xc_dominfo_t info;
  int evtchn, ended = 0;
  void* page;

  if ((xc = xc_interface_open()) < 0) fail("no interface");
  if (xc_domain_getinfo(xc, domain, 1, &info) != 1 || info.domid != domain) fail("no domain");
  page = xc_map_foreign_range(xc, domain, PAGE, PROT_READ | PROT_WRITE, info.shared_info_frame);
  if (page == NULL) fail("no shared page");
  tx = attach(page, 1, 0);
  rx = attach(page, 1, 1);
  open_channel(domain);
  if ((evtchn = open("/dev/xen/evtchn", (domain == 0 ? 0 : O_NONBLOCK) | O_RDWR)) < 0)
    fail("/dev/xen/evtchn");
  if (ioctl(evtchn, EVTCHN_BIND, port) != 0) fail("no events");
  if (domain == 0) ask_dom0(evtchn);
  if (info.paused) xc_domain_unpause(xc, domain);
  waiting.fd = evtchn;
  ended = domain == 0;
  while (!ended) {
    uint16_t raised;
    if (poll(&waiting, 1, LOOK_MS) == 0) ended = has_ended(domain);
    while (read(evtchn, &raised, sizeof raised) == sizeof raised)
      if (write(evtchn, &raised, sizeof raised) < 0) fail("cannot unmask");
    serve();
  }
  ioctl(evtchn, EVTCHN_UNBIND, port);
  close(evtchn);
  return 0;
}
