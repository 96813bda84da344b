/* The device files of 2005, for programs that open them directly. When this library is preloaded,
 * /dev/xen/evtchn is the event device of libringside. Of /proc/xen/privcmd it supports one call, which finds
 * dom0's control port. Calls on other files go to the C library.
 *
 * The descriptor of an event device is a real one, so poll and select work unchanged. Copies of the
 * descriptor (dup, fork), other ways to open a file than open, other ways to read than read, and stat and
 * access of the two paths are not supported.
 */
#define _GNU_SOURCE
#undef _FILE_OFFSET_BITS /* open and open64 are two functions here */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <ringside.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
  DESCRIPTORS = 1024, /* only descriptors below this number can be devices */
  READ_BYTES_MAX = 4096,
  NOTHING = 0,
  EVTCHN,
  PRIVCMD
};

/* asm-xen/evtchn.h and asm-xen/linux-public/privcmd.h */
#define EVTCHN_RESET _IO('E', 1)
#define EVTCHN_BIND _IO('E', 2)
#define EVTCHN_UNBIND _IO('E', 3)
#define IOCTL_PRIVCMD_INITDOM_EVTCHN _IO('P', 1)

/* The kind of each descriptor, and its interface. */
static _Atomic unsigned char kind[DESCRIPTORS];
static int interface[DESCRIPTORS];

/* next_NAME is the function that would be called without this library. */
#define NEXT(name)                      \
  static __typeof__(&name) next_##name; \
  if (next_##name == NULL) find(#name, &next_##name)

static void find(const char* name, void* pointer) {
  void* found = dlsym(RTLD_NEXT, name);
  if (found == NULL) {
    fprintf(stderr, "ringside: no other library has the function %s: %s\n", name, dlerror());
    _exit(127);
  }
  memcpy(pointer, &found, sizeof found);
}

static int kind_of(int descriptor) {
  return descriptor < 0 || descriptor >= DESCRIPTORS ? NOTHING : kind[descriptor];
}

static int refuse(int code) {
  errno = code;
  return -1;
}

/* -- opening and closing */

static int kind_named(const char* path) {
  if (path == NULL) return NOTHING;
  if (strcmp(path, "/dev/xen/evtchn") == 0) return EVTCHN;
  return strcmp(path, "/proc/xen/privcmd") == 0 ? PRIVCMD : NOTHING;
}

static int open_device(const char* path, int what, int flags) {
  const int handle = xc_interface_open();
  int descriptor = handle;
  if (handle >= 0 && what == EVTCHN) descriptor = rs_events_open(handle);
  if (descriptor >= DESCRIPTORS) {
    if (what == EVTCHN) rs_events_close(descriptor);
    xc_interface_close(handle);
    return refuse(EMFILE);
  }
  if (descriptor < 0) {
    const int code = errno;
    /* A program of 2005 prints only errno. */
    fprintf(stderr, "ringside: cannot open %s: %s\n", path, rs_last_error());
    if (handle >= 0) xc_interface_close(handle);
    return refuse(code);
  }
  if (flags & O_NONBLOCK) fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
  interface[descriptor] = handle;
  kind[descriptor] = (unsigned char)what;
  return descriptor;
}

/* With O_CREAT or O_TMPFILE the caller passes a mode as well. */
#define OPEN(name)                                                                          \
  int name(const char* path, int flags, ...) {                                              \
    const int what = kind_named(path);                                                      \
    mode_t mode = 0;                                                                        \
    va_list list;                                                                           \
    NEXT(name);                                                                             \
    if (what != NOTHING) return open_device(path, what, flags);                             \
    va_start(list, flags);                                                                  \
    if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) mode = va_arg(list, mode_t); \
    va_end(list);                                                                           \
    return next_##name(path, flags, mode);                                                  \
  }
OPEN(open)
OPEN(open64)

int close(int descriptor) {
  const int what = kind_of(descriptor);
  int handle;
  NEXT(close);
  if (what == NOTHING) return next_close(descriptor);
  /* Reset first: the library closes the descriptor through this function. */
  kind[descriptor] = NOTHING;
  handle = interface[descriptor];
  if (what == EVTCHN && rs_events_close(descriptor) != 0) return -1;
  return xc_interface_close(handle);
}

/* -- events: 16-bit port numbers, as many as requested and available */

static ssize_t read_ports(int descriptor, void* buffer, size_t bytes) {
  const size_t most = (bytes < READ_BYTES_MAX ? bytes : READ_BYTES_MAX) / sizeof(uint16_t);
  struct pollfd waiting = {descriptor, POLLIN, 0};
  if (most == 0) return 0;
  for (;;) {
    const int count = rs_events_read(descriptor, buffer, (int)most);
    if (count >= 0) return (ssize_t)((size_t)count * sizeof(uint16_t));
    if (errno != EAGAIN || (fcntl(descriptor, F_GETFL) & O_NONBLOCK)) return -1;
    if (poll(&waiting, 1, -1) < 0) return -1;
  }
}

ssize_t read(int descriptor, void* buffer, size_t bytes) {
  NEXT(read);
  if (kind_of(descriptor) == EVTCHN) return read_ports(descriptor, buffer, bytes);
  return next_read(descriptor, buffer, bytes);
}

ssize_t write(int descriptor, const void* buffer, size_t bytes) {
  int count;
  NEXT(write);
  if (kind_of(descriptor) != EVTCHN) return next_write(descriptor, buffer, bytes);
  count = (int)((bytes < READ_BYTES_MAX ? bytes : READ_BYTES_MAX) / sizeof(uint16_t));
  if (rs_events_write(descriptor, buffer, count) < 0) return -1;
  return (ssize_t)((size_t)count * sizeof(uint16_t));
}

/* -- ioctl */

/* The kernel carries these out itself; no driver sees them. */
static int is_for_all_files(unsigned long request) {
  return request == FIONBIO || request == FIOCLEX || request == FIONCLEX;
}

static int evtchn_ioctl(int descriptor, unsigned long request, unsigned int port) {
  int result;
  if (request == EVTCHN_RESET) return rs_events_reset(descriptor);
  if (request != EVTCHN_BIND && request != EVTCHN_UNBIND) return refuse(ENOSYS);
  if (port >= RS_PORTS) return refuse(EINVAL);
  result = request == EVTCHN_BIND ? rs_events_bind(descriptor, (int)port)
                                  : rs_events_unbind(descriptor, (int)port);
  /* The driver of 2005 returned EINVAL for this, too. */
  return result != 0 && errno == EEXIST ? refuse(EINVAL) : result;
}

int ioctl(int descriptor, unsigned long request, ...) {
  const int what = kind_of(descriptor);
  unsigned long argument;
  va_list list;
  NEXT(ioctl);
  va_start(list, request);
  argument = va_arg(list, unsigned long);
  va_end(list);
  /* Most callers pass a port as an int, so the upper half of the word is undefined. */
  if (what == NOTHING || is_for_all_files(request)) return next_ioctl(descriptor, request, argument);
  if (what == EVTCHN) return evtchn_ioctl(descriptor, request, (unsigned int)argument);
  if (request != IOCTL_PRIVCMD_INITDOM_EVTCHN) return refuse(ENOSYS);
  return rs_initdom_port(interface[descriptor]);
}

/* -- the same functions, as called by programs compiled with _FORTIFY_SOURCE */

int __open_2(const char* path, int flags);
int __open64_2(const char* path, int flags);
ssize_t __read_chk(int descriptor, void* buffer, size_t bytes, size_t room);

int __open_2(const char* path, int flags) {
  return open(path, flags);
}

int __open64_2(const char* path, int flags) {
  return open64(path, flags);
}

ssize_t __read_chk(int descriptor, void* buffer, size_t bytes, size_t room) {
  NEXT(__read_chk);
  if (kind_of(descriptor) == EVTCHN && bytes <= room) return read_ports(descriptor, buffer, bytes);
  return next___read_chk(descriptor, buffer, bytes, room);
}
