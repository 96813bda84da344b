/* The control interface in the shared page: where each ring is, and what a message looks like. xen-3.0-devel's layout. */
#pragma once

#include <ringside.h>

enum { CONTROL_IF = 2048, SLOTS = 8, PAYLOAD = 60, CMSG_CONSOLE = 0 };

struct message {
  unsigned char type, subtype, id, length, msg[PAYLOAD];
};

/* tx has the guest's requests and your responses; rx has your requests and the guest's responses. */
struct ring {
  uint32_t req_prod, rsp_prod; /* shared, free-running: requests and responses that are published */
  struct message slots[SLOTS]; /* a response overwrites its request */
};

struct control_if {
  struct ring tx, rx;
};

/* Read a shared index with this, and write it with this: the compiler and the processor keep the slots in order. */
#define load_index(index) __atomic_load_n(&(index), __ATOMIC_ACQUIRE)
#define store_index(index, value) __atomic_store_n(&(index), (value), __ATOMIC_RELEASE)
