/* libringside: the client library of ringside's hypervisor, for programs that act as dom0's control switch
 * or as a domU.
 *
 * The calls and structures named xc_ are those of libxc in xen-unstable on 1 July 2005, with its meanings
 * and, on x86-64, its layouts; those named rs_ are ringside's own. On failure every function returns -1 (or
 * NULL) and sets errno: to the hypervisor's error (EINVAL, ESRCH, EPERM, ENOSPC, EBUSY), to EPIPE when the
 * hypervisor is gone, to ETIMEDOUT when it does not answer within ten seconds, and to EBADF for a handle or
 * device that is not open. rs_last_error() returns the error as text.
 *
 * Any thread may call any function. Calls wait for each other and block for no other reason. Handles and
 * devices must not be used in a forked child.
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* These are macros, as in Xen's own headers of 2005, so that either header may be included first. DOMID_SELF
 * is the calling domain. */
#ifndef DOMID_SELF
#define DOMID_SELF (0x7FF0U)
#endif

enum {
  RS_PAGE_SIZE = 4096,
  RS_PORTS = 1024 /* of a domain; valid ports are 1 to 1023, and 0 means none */
};

/* -- the interface */

/* Connects to the hypervisor and returns a handle >= 0. In a domU (RINGSIDE_CONNECTION is set) it uses the
 * connection that the domain was created with. Elsewhere it uses dom0's connection to the machine in
 * $RINGSIDE_DIR, else $XDG_RUNTIME_DIR/ringside, else /tmp/ringside-UID. */
int xc_interface_open(void);
int xc_interface_close(int handle);

/* The error text of the last failing call of this thread; "" if no call has failed. Valid until the next
 * failing call of this thread. */
const char* rs_last_error(void);

/* -- domains */

#ifndef SHUTDOWN_poweroff
#define SHUTDOWN_poweroff 0
#define SHUTDOWN_reboot 1
#define SHUTDOWN_suspend 2
#define SHUTDOWN_crash 3
#endif

#ifndef MAX_VIRT_CPUS
#define MAX_VIRT_CPUS 32
#endif

/* The layout of libxc's header (tools/libxc/xc.h, then xenctrl.h) from late June 2005, when access control
 * added ssidref, to October, when vcpu_to_cpu and cpumap were removed: 440 bytes. */
typedef struct {
  uint32_t domid;
  uint32_t ssidref; /* always 0: there are no security labels */
  unsigned int dying : 1, crashed : 1, shutdown : 1, paused : 1, blocked : 1, running : 1;
  unsigned int shutdown_reason; /* SHUTDOWN_*; only when shutdown or crashed */
  unsigned long nr_pages;
  unsigned long shared_info_frame; /* for xc_map_foreign_range */
  uint64_t cpu_time;               /* nanoseconds, of the domain's process */
  unsigned long max_memkb;
  unsigned int vcpus;
  int32_t vcpu_to_cpu[MAX_VIRT_CPUS]; /* -1: there is no such vcpu */
  uint64_t cpumap[MAX_VIRT_CPUS];     /* the CPUs on which each vcpu may run, one bit for each CPU */
} xc_dominfo_t;

/* Writes the domains with an id of first_domid or more to info, in order, dom0 included, at most max_doms.
 * Returns their number. ESRCH: there is none. Check domid: the requested domain may be gone. */
int xc_domain_getinfo(int handle, uint32_t first_domid, unsigned int max_doms, xc_dominfo_t* info);
int xc_domain_pause(int handle, uint32_t domid);
int xc_domain_unpause(int handle, uint32_t domid);
int xc_domain_destroy(int handle, uint32_t domid);

/* Maps a domain's frame. Its shared_info frame is the only one, so size is at most RS_PAGE_SIZE. The mapping
 * is independent of the handle and of the domain, and lasts until munmap(2). Returns NULL on error. */
void* xc_map_foreign_range(int handle, uint32_t domid, int size, int prot, unsigned long frame);

enum {
  RS_ABI_FLAT = 0, /* xen-2.0 */
  RS_ABI_SRING = 1 /* xen-3.0-devel */
};

/* What a guest of 2005 received at its start, and what the tools knew from its configuration. */
typedef struct {
  uint32_t domid;
  unsigned long shared_info_frame;
  int console_port; /* the guest's end of its control channel; 0 = none yet */
  int abi;          /* RS_ABI_*: the layout of its rings and event bits */
  char name[64];
} rs_start_info_t;

/* Use DOMID_SELF for the caller's own start info. dom0 may read that of any domain. */
int rs_start_info(int handle, uint32_t domid, rs_start_info_t* info);
/* For a domU: reports that it has shut down (SHUTDOWN_*). `ringside exec` and lists show exit_status, 0 to
 * 255. */
int rs_shutdown(int handle, int reason, int exit_status);

/* -- event channels */

#ifndef VIRQ_TIMER
#define VIRQ_TIMER 0
#define VIRQ_DEBUG 1
#define VIRQ_CONSOLE 2
#define VIRQ_DOM_EXC 3
#endif

#ifndef EVTCHNSTAT_closed
#define EVTCHNSTAT_closed 0
#define EVTCHNSTAT_unbound 1
#define EVTCHNSTAT_interdomain 2
#define EVTCHNSTAT_pirq 3
#define EVTCHNSTAT_virq 4
#define EVTCHNSTAT_ipi 5
#endif

/* The layout of xen/include/public/event_channel.h, as xen/common/evtchn.c filled it: 20 bytes.
 * EVTCHNOP_bind_vcpu later put a vcpu before the union, in place of ipi_vcpu. */
typedef struct {
  uint16_t dom;    /* input: the owner of the port */
  uint32_t port;   /* input */
  uint32_t status; /* EVTCHNSTAT_* */
  union {
    struct {
      uint16_t dom;
    } unbound; /* the domain that may bind */
    struct {
      uint16_t dom;
      uint32_t port;
    } interdomain;
    uint32_t pirq;
    uint32_t virq;
    uint32_t ipi_vcpu;
  } u;
} xc_evtchn_status_t;

/* Allocates a port of the caller to which domain dom may bind. */
int xc_evtchn_alloc_unbound(int handle, uint32_t dom, int* port);
/* Binds a port of dom1 to a port of dom2. *port1 and *port2 name the ports; 0 = any, and the call stores the
 * chosen port. Two ports that are already bound to each other are returned unchanged. For a guest, dom1 is
 * the guest itself. */
int xc_evtchn_bind_interdomain(int handle, uint32_t dom1, uint32_t dom2, int* port1, int* port2);
/* Returns the existing port if the virq is bound already. */
int xc_evtchn_bind_virq(int handle, int virq, int* port);
/* Closes a port of dom. Its other end becomes unbound, and dom may bind to it again. */
int xc_evtchn_close(int handle, uint32_t dom, int port);
/* Raises an event at the other end of a port of the caller. EINVAL: the port has no other end. If the port
 * belongs to a control channel and is bound to an event device of this process, the call sets the bits and
 * the kick of the other end directly, without a hypercall. The hypervisor's journal then has no entry of it,
 * and it is no error if the other end has gone. */
int xc_evtchn_send(int handle, int local_port);
int xc_evtchn_status(int handle, uint32_t dom, int port, xc_evtchn_status_t* status);
/* Returns the controller's end of dom0's own control channel, whose other end is dom0's kernel. If there is
 * no channel, it is made by binding dom0 to itself. It is used as any domain's channel, with dom0's start
 * info. In 2005 the privileged driver had this call (IOCTL_PRIVCMD_INITDOM_EVTCHN). */
int rs_initdom_port(int handle);

/* -- the event device: /dev/xen/evtchn */

/* Returns a descriptor that can be polled for input. Only rs_events_close may close it. In a domU only one
 * process, and there only one device, may have ports bound. */
int rs_events_open(int handle);
int rs_events_close(int device);
/* Starts to report events at this port of the caller. A pending event is reported at once. EEXIST: the port
 * is already bound here. EINVAL: there is no such port, or another device or program has it. A port that
 * xc_evtchn_bind_interdomain connects to another end stays bound. A suspended domU loses its ports; the
 * device continues to work with ports that are bound after the resume. */
int rs_events_bind(int device, int port);
/* Stops reporting events. The port itself stays open. */
int rs_events_unbind(int device, int port);
/* Takes ports that had an event, oldest first, and returns the number written to ports. Each stays masked,
 * and is not reported again, until it is passed to rs_events_write. EAGAIN: no port has an event. EFBIG: more
 * than 2048 waited and some were lost (rs_events_reset clears this error). After poll(2) reports input there
 * may still be no port. */
int rs_events_read(int device, uint16_t* ports, int max_ports);
/* Unmasks ports and returns count. A port that was raised while it was masked is reported again. Look for
 * work after this call, not only before it. Ports that are not bound here are ignored. */
int rs_events_write(int device, const uint16_t* ports, int count);
/* Discards the waiting ports, and reports every bound port once. */
int rs_events_reset(int device);

#ifdef __cplusplus
}
#endif
