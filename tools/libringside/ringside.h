/* libringside: what a program needs to be a client of ringside's hypervisor, as dom0's switch or as a domU.
 *
 * The calls and structures named xc_ are those of libxc in xen-unstable on 1 July 2005, with its meanings
 * and, on x86-64, its layouts; those named rs_ are ringside's own. Every function answers -1 (or NULL) and
 * sets errno when it fails: to what the hypervisor answered (EINVAL, ESRCH, EPERM, ENOSPC, EBUSY), to EPIPE
 * when the hypervisor is gone, to ETIMEDOUT when it does not answer within ten seconds, to EBADF for a handle
 * or device that is not open. rs_last_error() has the words.
 *
 * Any thread may call any function; calls wait for each other. Nothing blocks otherwise. What was opened is
 * not to be used in a forked child.
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Macros, as in Xen's own headers of 2005, so that either may be included before the other. The domain that
 * calls: */
#ifndef DOMID_SELF
#define DOMID_SELF (0x7FF0U)
#endif

enum {
  RS_PAGE_SIZE = 4096,
  RS_PORTS = 1024 /* of a domain: 1 to 1023; 0 is none */
};

/* -- the interface ------------------------------------------------------------------------------------------
 */

/* Connects to the hypervisor. In a domU (RINGSIDE_CONNECTION is set) it is the connection that the domain was
 * created with; elsewhere dom0's, of the machine in $RINGSIDE_DIR, else $XDG_RUNTIME_DIR/ringside, else
 * /tmp/ringside-UID. Answers a handle >= 0. */
int xc_interface_open(void);
int xc_interface_close(int handle);

/* Why the last failing call of this thread failed, in words; "" if none did. Until its next failing call. */
const char* rs_last_error(void);

/* -- domains ------------------------------------------------------------------------------------------------
 */

#ifndef SHUTDOWN_poweroff
#define SHUTDOWN_poweroff 0
#define SHUTDOWN_reboot 1
#define SHUTDOWN_suspend 2
#define SHUTDOWN_crash 3
#endif

#ifndef MAX_VIRT_CPUS
#define MAX_VIRT_CPUS 32
#endif

/* As libxc's header (tools/libxc/xc.h, then xenctrl.h) had it from late June 2005, when access control
 * brought ssidref, to October, when vcpu_to_cpu and cpumap went: 440 bytes. */
typedef struct {
  uint32_t domid;
  uint32_t ssidref; /* 0: no security labels here */
  unsigned int dying : 1, crashed : 1, shutdown : 1, paused : 1, blocked : 1, running : 1;
  unsigned int shutdown_reason; /* SHUTDOWN_*; only when shutdown or crashed */
  unsigned long nr_pages;
  unsigned long shared_info_frame; /* for xc_map_foreign_range */
  uint64_t cpu_time;               /* nanoseconds, of the domain's process */
  unsigned long max_memkb;
  unsigned int vcpus;
  int32_t vcpu_to_cpu[MAX_VIRT_CPUS]; /* -1: there is no such vcpu */
  uint64_t cpumap[MAX_VIRT_CPUS];     /* where each may run, a bit for each CPU */
} xc_dominfo_t;

/* The domains with an id of first_domid or more, in order, dom0 included, at most max_doms. Answers how many
 * were written to info; ESRCH when there is none. Check domid: the domain you asked for may be gone. */
int xc_domain_getinfo(int handle, uint32_t first_domid, unsigned int max_doms, xc_dominfo_t* info);
int xc_domain_pause(int handle, uint32_t domid);
int xc_domain_unpause(int handle, uint32_t domid);
int xc_domain_destroy(int handle, uint32_t domid);

/* Maps a domain's frame: its shared_info frame is the one there is, so size is at most RS_PAGE_SIZE. The
 * mapping stays, whatever becomes of handle and domain, until munmap(2). NULL on error. */
void* xc_map_foreign_range(int handle, uint32_t domid, int size, int prot, unsigned long frame);

enum {
  RS_ABI_FLAT = 0, /* xen-2.0 */
  RS_ABI_SRING = 1 /* xen-3.0-devel */
};

/* What 2005 handed a guest at its start, and its tools knew from its configuration. */
typedef struct {
  uint32_t domid;
  unsigned long shared_info_frame;
  int console_port; /* the guest's end of its control channel; 0 = none yet */
  int abi;          /* RS_ABI_*: the layout of its rings and event bits */
  char name[64];
} rs_start_info_t;

/* DOMID_SELF for one's own; dom0 may ask for any. */
int rs_start_info(int handle, uint32_t domid, rs_start_info_t* info);
/* For a domU: it has shut down (SHUTDOWN_*). exit_status, 0 to 255, is what `ringside exec` and lists show.
 */
int rs_shutdown(int handle, int reason, int exit_status);

/* -- event channels -----------------------------------------------------------------------------------------
 */

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

/* As xen/include/public/event_channel.h had it, and xen/common/evtchn.c filled it: 20 bytes.
 * EVTCHNOP_bind_vcpu later put a vcpu in front of the union, in place of ipi_vcpu. */
typedef struct {
  uint16_t dom;    /* whose port it is, as it was asked for */
  uint32_t port;   /* as it was asked for */
  uint32_t status; /* EVTCHNSTAT_* */
  union {
    struct {
      uint16_t dom;
    } unbound; /* who may bind */
    struct {
      uint16_t dom;
      uint32_t port;
    } interdomain;
    uint32_t pirq;
    uint32_t virq;
    uint32_t ipi_vcpu;
  } u;
} xc_evtchn_status_t;

/* A new port of the caller's that waits for dom to bind to it. */
int xc_evtchn_alloc_unbound(int handle, uint32_t dom, int* port);
/* Binds a port of dom1 to one of dom2. *port1 and *port2 say which; 0 = any, and on return the one taken. Two
 * ports that are bound to each other already are answered as they are. A guest's dom1 is itself. */
int xc_evtchn_bind_interdomain(int handle, uint32_t dom1, uint32_t dom2, int* port1, int* port2);
/* The same port again for a virq that is bound. */
int xc_evtchn_bind_virq(int handle, int virq, int* port);
/* The other end becomes unbound and waits for dom. */
int xc_evtchn_close(int handle, uint32_t dom, int port);
/* Raises an event at the other end of a port of the caller's. EINVAL: it leads nowhere. A port of a control
 * channel that is bound to an event device of this process takes no hypercall: bits and kick go to the other
 * end directly. The hypervisor's journal then has no line of it, and an end that went away meanwhile is no
 * error. */
int xc_evtchn_send(int handle, int local_port);
int xc_evtchn_status(int handle, uint32_t dom, int port, xc_evtchn_status_t* status);
/* The controller's end of dom0's own control channel, whose other end is dom0's kernel; made, by binding dom0
 * to itself, if there is none. It is served as any domain's: its start info is dom0's. In 2005 the privileged
 * driver answered this (IOCTL_PRIVCMD_INITDOM_EVTCHN). */
int rs_initdom_port(int handle);

/* -- the event device: /dev/xen/evtchn ----------------------------------------------------------------------
 */

/* Answers a descriptor to poll(2) for input. It is closed by rs_events_close and by nothing else. Of a domU
 * only one process, and there only one device, may have ports bound. */
int rs_events_open(int handle);
int rs_events_close(int device);
/* From here on events at that port of the caller's are reported. One that was pending already is reported
 * at once. EEXIST: bound here already. A port that xc_evtchn_bind_interdomain gives another end stays bound.
 * A domU that was suspended has no ports any more: the device works on after it with those bound anew. */
int rs_events_bind(int device, int port);
/* The port itself stays. */
int rs_events_unbind(int device, int port);
/* Takes ports that had an event, oldest first; each stays masked, and is not reported again, until it is
 * written back. Answers how many were written to ports: EAGAIN when none waits, EFBIG when more than 2048
 * waited and some were lost (rs_events_reset ends that). A descriptor that polls readable may turn out to
 * have none. */
int rs_events_read(int device, uint16_t* ports, int max_ports);
/* Unmasks ports; one that was raised meanwhile is reported again. So look for work after it was written, or
 * before and again. Ports that are not bound here are ignored. Answers count. */
int rs_events_write(int device, const uint16_t* ports, int count);
/* Forgets what waits, and reports every bound port once. */
int rs_events_reset(int device);

#ifdef __cplusplus
}
#endif
