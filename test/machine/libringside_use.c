/* Uses libringside correctly and wrongly, and reports each call that does not behave as the header says.
 *
 *   libringside_use dom0     as a program of dom0, on an otherwise idle machine
 *   libringside_use domu     as a guest that create --external started; its shutdown argument is the verdict
 *   libringside_use close N  closes dom0's end of domain N's console
 *   libringside_use again N  replaces domain N's channel three times under an open event device; types to N
 *   libringside_use suspend  as a guest that has an event device open while it is suspended and resumed
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <poll.h>
#include <stddef.h>
/* As Xen's own headers of 2005 define them, which may be included before ringside.h ... */
#define SHUTDOWN_poweroff 0
#define SHUTDOWN_reboot 1
#define SHUTDOWN_suspend 2
#define SHUTDOWN_crash 3
#include <ringside.h>
/* ... or after it. */
#define DOMID_SELF (0x7FF0U)
#define VIRQ_TIMER 0
#define EVTCHNSTAT_closed 0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The layouts of 1 July 2005, on x86-64. */
#define LAYOUT(type, member, offset) _Static_assert(offsetof(type, member) == (offset), #type "." #member)
LAYOUT(xc_dominfo_t, domid, 0);
LAYOUT(xc_dominfo_t, ssidref, 4);
LAYOUT(xc_dominfo_t, shutdown_reason, 12);
LAYOUT(xc_dominfo_t, nr_pages, 16);
LAYOUT(xc_dominfo_t, shared_info_frame, 24);
LAYOUT(xc_dominfo_t, cpu_time, 32);
LAYOUT(xc_dominfo_t, max_memkb, 40);
LAYOUT(xc_dominfo_t, vcpus, 48);
LAYOUT(xc_dominfo_t, vcpu_to_cpu, 52);
LAYOUT(xc_dominfo_t, cpumap, 184);
_Static_assert(sizeof(xc_dominfo_t) == 440, "xc_dominfo_t");
LAYOUT(xc_evtchn_status_t, dom, 0);
LAYOUT(xc_evtchn_status_t, port, 4);
LAYOUT(xc_evtchn_status_t, status, 8);
LAYOUT(xc_evtchn_status_t, u.unbound.dom, 12);
LAYOUT(xc_evtchn_status_t, u.interdomain.dom, 12);
LAYOUT(xc_evtchn_status_t, u.interdomain.port, 16);
LAYOUT(xc_evtchn_status_t, u.pirq, 12);
LAYOUT(xc_evtchn_status_t, u.virq, 12);
LAYOUT(xc_evtchn_status_t, u.ipi_vcpu, 12);
_Static_assert(sizeof(xc_evtchn_status_t) == 20, "xc_evtchn_status_t");

static int failures;

static void check(int holds, const char* what, int line) {
  if (holds) return;
  ++failures;
  fprintf(stderr, "line %d: %s does not hold (errno %d: %s; \"%s\")\n", line, what, errno, strerror(errno),
          rs_last_error());
}

#define CHECK(condition) check((condition) != 0, #condition, __LINE__)
/* The call fails with this errno, and has an error text. */
#define REFUSED(call, code)  \
  do {                       \
    errno = 0;               \
    CHECK((call) == -1);     \
    CHECK(errno == (code));  \
    CHECK(*rs_last_error()); \
  } while (0)

static int readable(int device) {
  struct pollfd waiting = {device, POLLIN, 0};
  return poll(&waiting, 1, 0) == 1;
}

static void handles(int xc) {
  int other = xc_interface_open();
  uint16_t port = 0;
  CHECK(other >= 0 && other != xc);
  CHECK(xc_interface_close(other) == 0);
  REFUSED(xc_interface_close(other), EBADF);
  REFUSED(xc_interface_close(-1), EBADF);
  REFUSED(xc_evtchn_send(999, 1), EBADF);
  REFUSED(rs_events_open(999), EBADF);
  REFUSED(rs_events_bind(xc, 1), EBADF); /* a handle is no device */
  REFUSED(rs_events_read(999, &port, 1), EBADF);
}

static void ports(int xc) {
  xc_evtchn_status_t status;
  int first = 0, second = 0, waiting = 0;
  REFUSED(xc_evtchn_send(xc, 0), EINVAL);
  REFUSED(xc_evtchn_send(xc, 5000), EINVAL);
  REFUSED(xc_evtchn_send(xc, -1), EINVAL);
  REFUSED(xc_evtchn_close(xc, DOMID_SELF, 900), EINVAL);
  REFUSED(xc_evtchn_status(xc, DOMID_SELF, 5000, &status), EINVAL);
  REFUSED(xc_evtchn_bind_virq(xc, 77, &first), EINVAL);
  REFUSED(xc_evtchn_bind_virq(xc, VIRQ_DEBUG, NULL), EFAULT);
  CHECK(xc_evtchn_alloc_unbound(xc, DOMID_SELF, &waiting) == 0 && waiting > 0);
  REFUSED(xc_evtchn_send(xc, waiting), EINVAL);
  CHECK(xc_evtchn_status(xc, DOMID_SELF, waiting, &status) == 0 && status.status == EVTCHNSTAT_unbound);
  second = waiting;
  CHECK(xc_evtchn_bind_interdomain(xc, DOMID_SELF, DOMID_SELF, &first, &second) == 0);
  CHECK(second == waiting && first != second);
  CHECK(xc_evtchn_status(xc, DOMID_SELF, first, &status) == 0 && status.status == EVTCHNSTAT_interdomain &&
        status.u.interdomain.port == (uint32_t)second && status.port == (uint32_t)first);
  CHECK(xc_evtchn_close(xc, DOMID_SELF, first) == 0);
  CHECK(xc_evtchn_status(xc, DOMID_SELF, second, &status) == 0 && status.status == EVTCHNSTAT_unbound);
  CHECK(xc_evtchn_close(xc, DOMID_SELF, second) == 0);
  CHECK(xc_evtchn_bind_virq(xc, VIRQ_DEBUG, &first) == 0);
  CHECK(xc_evtchn_bind_virq(xc, VIRQ_DEBUG, &second) == 0 && first == second);
  CHECK(xc_evtchn_close(xc, DOMID_SELF, first) == 0);
}

/* Two ports of this program, bound to each other: an event sent on one is received on the other. */
static void events(int xc) {
  enum { QUEUE = 2048 };
  int ours = 0, heard = 0, device, second, i;
  uint16_t port = 0, number;
  CHECK(xc_evtchn_bind_interdomain(xc, DOMID_SELF, DOMID_SELF, &ours, &heard) == 0);
  number = (uint16_t)heard;
  CHECK((device = rs_events_open(xc)) >= 0);
  REFUSED(rs_events_bind(device, 0), EINVAL);
  REFUSED(rs_events_bind(device, 5000), EINVAL);
  REFUSED(rs_events_bind(device, 900), EINVAL);
  REFUSED(rs_events_unbind(device, heard), EINVAL);

  CHECK(xc_evtchn_send(xc, ours) == 0); /* before it is bound */
  CHECK(rs_events_bind(device, heard) == 0);
  REFUSED(rs_events_bind(device, heard), EEXIST);
  CHECK((second = rs_events_open(xc)) >= 0);
  REFUSED(rs_events_bind(second, heard), EINVAL); /* the first device would miss its events */
  CHECK(rs_events_close(second) == 0);
  CHECK(readable(device));
  CHECK(rs_events_read(device, &port, 1) == 1 && port == number);
  REFUSED(rs_events_read(device, &port, 1), EAGAIN);
  CHECK(!readable(device));

  CHECK(xc_evtchn_send(xc, ours) == 0 && xc_evtchn_send(xc, ours) == 0); /* while it is masked */
  REFUSED(rs_events_read(device, &port, 1), EAGAIN);
  CHECK(rs_events_write(device, &number, 1) == 1);
  CHECK(readable(device));
  CHECK(rs_events_read(device, &port, 1) == 1 && port == number); /* once for both */
  CHECK(rs_events_write(device, &number, 1) == 1);
  REFUSED(rs_events_read(device, &port, 1), EAGAIN);

  CHECK(xc_evtchn_send(xc, ours) == 0);
  CHECK(readable(device));
  CHECK(rs_events_unbind(device, heard) == 0);
  CHECK(xc_evtchn_send(xc, ours) == 0); /* while it is not bound */
  CHECK(rs_events_bind(device, heard) == 0);
  CHECK(rs_events_read(device, &port, 1) == 1 && port == number);
  CHECK(rs_events_write(device, &number, 1) == 1);

  /* Written back unread, a port that was raised again is queued again. */
  for (i = 0; i < QUEUE; ++i) {
    CHECK(xc_evtchn_send(xc, ours) == 0);
    rs_events_read(device, &port, 0);
    rs_events_write(device, &number, 1);
  }
  CHECK(rs_events_read(device, &port, 1) == 1);
  for (i = 0; i < 2; ++i) {
    CHECK(xc_evtchn_send(xc, ours) == 0);
    rs_events_read(device, &port, 0);
    rs_events_write(device, &number, 1);
  }
  CHECK(readable(device));
  REFUSED(rs_events_read(device, &port, 1), EFBIG);
  CHECK(rs_events_reset(device) == 0);
  CHECK(rs_events_read(device, &port, 1) == 1 && port == number);
  REFUSED(rs_events_read(device, &port, 1), EAGAIN);
  CHECK(rs_events_close(device) == 0);
  REFUSED(rs_events_close(device), EBADF);
  CHECK(xc_evtchn_close(xc, DOMID_SELF, ours) == 0 && xc_evtchn_close(xc, DOMID_SELF, heard) == 0);
}

static void dom0(int xc) {
  xc_dominfo_t info[4];
  rs_start_info_t start;
  xc_evtchn_status_t status;
  int control, port = 0;
  void* page;
  CHECK(xc_domain_getinfo(xc, 0, 4, info) == 1 && info[0].domid == 0 && info[0].running);
  CHECK(info[0].ssidref == 0 && info[0].vcpus == 1 && info[0].cpumap[0] == 1 && info[0].cpumap[1] == 0);
  CHECK(info[0].vcpu_to_cpu[0] == 0 && info[0].vcpu_to_cpu[MAX_VIRT_CPUS - 1] == -1);
  REFUSED(xc_domain_getinfo(xc, 1, 4, info), ESRCH);
  REFUSED(xc_domain_getinfo(xc, DOMID_SELF, 4, info), ESRCH);
  CHECK(xc_domain_getinfo(xc, 0, 0, info) == 0);
  REFUSED(rs_start_info(xc, 7, &start), ESRCH);
  REFUSED(xc_domain_pause(xc, 7), ESRCH);
  REFUSED(xc_domain_destroy(xc, 0), EINVAL);
  REFUSED(rs_shutdown(xc, SHUTDOWN_poweroff, 0), EINVAL);
  REFUSED(xc_evtchn_alloc_unbound(xc, 7, &port), ESRCH);
  page = xc_map_foreign_range(xc, 0, RS_PAGE_SIZE, PROT_READ, info[0].shared_info_frame);
  CHECK(page != NULL && munmap(page, RS_PAGE_SIZE) == 0);
  CHECK(xc_map_foreign_range(xc, 0, 2 * RS_PAGE_SIZE, PROT_READ, info[0].shared_info_frame) == NULL);
  CHECK(errno == EINVAL);
  CHECK(xc_map_foreign_range(xc, 0, RS_PAGE_SIZE, PROT_READ, 1) == NULL && errno == EINVAL);
  CHECK(xc_map_foreign_range(xc, 7, RS_PAGE_SIZE, PROT_READ, 1) == NULL && errno == ESRCH);
  control = rs_initdom_port(xc);
  CHECK(control > 0 && rs_initdom_port(xc) == control);
  CHECK(rs_start_info(xc, 0, &start) == 0 && start.console_port != control);
  CHECK(xc_evtchn_status(xc, 0, control, &status) == 0 && status.status == EVTCHNSTAT_interdomain);
  CHECK(status.u.interdomain.dom == 0 && status.u.interdomain.port == (uint32_t)start.console_port);
}

static void domu(int xc) {
  xc_dominfo_t info[4];
  rs_start_info_t start;
  int port = 0, other = 0;
  CHECK(rs_start_info(xc, DOMID_SELF, &start) == 0 && start.domid > 0 && start.console_port == 1);
  CHECK(strcmp(start.name, "user") == 0);
  REFUSED(rs_start_info(xc, 0, &start), EPERM);
  CHECK(rs_start_info(xc, DOMID_SELF, &start) == 0);
  CHECK(xc_domain_getinfo(xc, start.domid, 4, info) == 1 && info[0].domid == start.domid);
  REFUSED(xc_domain_getinfo(xc, 0, 4, info), EPERM);
  REFUSED(xc_domain_destroy(xc, start.domid), EPERM);
  REFUSED(xc_evtchn_bind_interdomain(xc, 0, DOMID_SELF, &port, &other), EPERM);
  REFUSED(xc_evtchn_bind_virq(xc, VIRQ_DOM_EXC, &port), EPERM);
  CHECK(xc_map_foreign_range(xc, 0, RS_PAGE_SIZE, PROT_READ, 0x1000) == NULL && errno == EPERM);
  REFUSED(rs_shutdown(xc, 99, 0), EINVAL);
  REFUSED(rs_shutdown(xc, SHUTDOWN_poweroff, 1000), EINVAL);
}

/* Waits until the device reports this port, and unmasks it. */
static void await_port(int device, int port) {
  struct pollfd waiting = {device, POLLIN, 0};
  uint16_t raised = 0;
  while (rs_events_read(device, &raised, 1) != 1 && failures == 0) CHECK(poll(&waiting, 1, 10000) == 1);
  CHECK(raised == port);
  CHECK(rs_events_write(device, &raised, 1) == 1);
}

/* A resumed guest has another frame and no ports; the next controller raises its new port. */
static void suspend_once(int xc) {
  rs_start_info_t before, start;
  int device = rs_events_open(xc);
  CHECK(rs_start_info(xc, DOMID_SELF, &before) == 0);
  CHECK(rs_events_bind(device, before.console_port) == 0);
  await_port(device, before.console_port);
  CHECK(rs_shutdown(xc, SHUTDOWN_suspend, 0) == 0);
  do {
    CHECK(rs_start_info(xc, DOMID_SELF, &start) == 0);
  } while (failures == 0 && (start.shared_info_frame == before.shared_info_frame || start.console_port == 0));
  CHECK(rs_events_bind(device, start.console_port) == 0);
  await_port(device, start.console_port);
  CHECK(xc_evtchn_send(xc, start.console_port) == 0);
  CHECK(rs_events_close(device) == 0);
}

/* Types one byte, in a domain of the sring layout whose input only this program writes. */
static void type(void* page) {
  enum { REQUESTS = 2048 + 520, SLOTS = 2048 + 528, MESSAGE = 64 };
  static const unsigned char message[] = {0, 0, 0, 1, '.'};
  uint32_t* requests = (void*)((char*)page + REQUESTS);
  memcpy((char*)page + SLOTS + *requests % 8 * MESSAGE, message, sizeof message);
  __atomic_store_n(requests, *requests + 1, __ATOMIC_RELEASE);
}

/* Each round has a new channel at the same port of ours. The domain raises that port when it answers, and the
 * device, which was bound once, reports it. */
static int serve_again(uint32_t domain) {
  const int xc = xc_interface_open();
  rs_start_info_t start;
  int mine = 0, its, device, round;
  void* page;
  CHECK(rs_start_info(xc, domain, &start) == 0);
  page = xc_map_foreign_range(xc, domain, RS_PAGE_SIZE, PROT_READ | PROT_WRITE, start.shared_info_frame);
  its = start.console_port;
  CHECK(xc_evtchn_bind_interdomain(xc, DOMID_SELF, domain, &mine, &its) == 0);
  CHECK((device = rs_events_open(xc)) >= 0 && rs_events_bind(device, mine) == 0);
  CHECK(xc_domain_unpause(xc, domain) == 0);
  for (round = 0; round < 3 && failures == 0; ++round) {
    type(page);
    CHECK(xc_evtchn_send(xc, mine) == 0);
    await_port(device, mine);
    CHECK(xc_evtchn_close(xc, DOMID_SELF, mine) == 0);
    REFUSED(xc_evtchn_send(xc, mine), EINVAL);
    CHECK(xc_evtchn_bind_interdomain(xc, DOMID_SELF, domain, &mine, &its) == 0);
    REFUSED(rs_events_bind(device, mine), EEXIST);
  }
  return failures != 0;
}

static int close_console(uint32_t domain) {
  int xc = xc_interface_open();
  rs_start_info_t start;
  xc_evtchn_status_t status;
  CHECK(rs_start_info(xc, domain, &start) == 0);
  CHECK(xc_evtchn_status(xc, domain, start.console_port, &status) == 0);
  CHECK(status.status == EVTCHNSTAT_interdomain && status.u.interdomain.dom == 0);
  CHECK(xc_evtchn_close(xc, DOMID_SELF, (int)status.u.interdomain.port) == 0);
  return failures != 0;
}

int main(int argc, char** argv) {
  const int is_domu = argc == 2 && strcmp(argv[1], "domu") == 0;
  int xc;
  if (argc == 3 && strcmp(argv[1], "again") == 0) return serve_again((uint32_t)strtoul(argv[2], NULL, 10));
  if (argc == 3) return close_console((uint32_t)strtoul(argv[2], NULL, 10));
  if (argc == 2 && strcmp(argv[1], "suspend") == 0) {
    xc = xc_interface_open();
    suspend_once(xc);
    return rs_shutdown(xc, SHUTDOWN_poweroff, failures != 0);
  }
  CHECK(*rs_last_error() == '\0');
  if (!is_domu) {
    setenv("RINGSIDE_CONNECTION", "0", 1);
    REFUSED(xc_interface_open(), EBADF);
    unsetenv("RINGSIDE_CONNECTION");
  }
  if ((xc = xc_interface_open()) < 0) {
    fprintf(stderr, "%s\n", rs_last_error());
    return 2;
  }
  handles(xc);
  ports(xc);
  events(xc);
  if (is_domu) {
    domu(xc);
    CHECK(rs_shutdown(xc, SHUTDOWN_poweroff, failures != 0) == 0);
  } else {
    dom0(xc);
  }
  CHECK(xc_interface_close(xc) == 0);
  return failures != 0;
}
