// libxenevtchn.so.1: event channels.
//
// It also has `open`, for two files that only Linux on Xen has. From them xenstored gets the port and the
// page of the kernel's own connection to the store. ringside's dom0 kernel makes no such connection, so the
// port has no peer and the page stays empty. All other names are opened as usual.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdarg>
#include <string>
#include <string_view>

#include "tools/modern/events.h"

using namespace ringside;
using namespace ringside::modern;

namespace {

constexpr unsigned flag_no_cloexec = 1;
constexpr std::string_view store_port_file = "/proc/xen/xsd_port";
constexpr std::string_view store_page_file = "/proc/xen/xsd_kva";

EventHandle& handle_of(void* handle) {
  return *static_cast<EventHandle*>(handle);
}

Result<int> memory_file(const char* name, std::size_t bytes, const std::string& contents) {
  Fd file(memfd_create(name, MFD_CLOEXEC));
  if (!file.valid() || ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) return error_of(errno);
  if (pwrite(file.get(), contents.data(), contents.size(), 0) != static_cast<ssize_t>(contents.size()))
    return error_of(errno);
  return file.release();
}

/// Allocates an unbound port of dom0, for dom0. It exists until this process ends.
Result<int> store_port() {
  static auto& link = *new std::unique_ptr<Link>;
  if (link == nullptr) {
    auto opened = Link::open();
    if (!opened) return opened.error();
    link = std::move(*opened);
  }
  auto reply = link->call({.op = HypercallOp::evtchn_alloc_unbound, .domain2 = DOMID_SELF, .alone = 1});
  if (!reply) return reply.error();
  const std::string number = std::to_string(reply->answer.port);
  return memory_file("xsd_port", number.size(), number);
}

}  // namespace

/// The C library's header may give the name `open` to open64.
RINGSIDE_EXPORT int open_for_program(const char* path, int flags, ...) __asm__("open");

int open_for_program(const char* path, int flags, ...) {
  const std::string_view name = path != nullptr ? path : "";
  if (name == store_port_file) return answer(-1, store_port);
  if (name == store_page_file)
    return answer(-1, [] { return memory_file("xsd_kva", ring::frame_bytes, ""); });
  static const auto real = reinterpret_cast<int (*)(const char*, int, ...)>(dlsym(RTLD_NEXT, "open"));
  if ((flags & O_CREAT) == 0 && (flags & O_TMPFILE) != O_TMPFILE) return real(path, flags);
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = va_arg(arguments, mode_t);
  va_end(arguments);
  return real(path, flags, mode);
}

RINGSIDE_EXPORT void* xenevtchn_open(void*, unsigned flags) {
  return answer<void*>(nullptr, [&]() -> Result<void*> {
    if ((flags & ~flag_no_cloexec) != 0) return error_of(EINVAL);
    auto handle = EventHandle::open((flags & flag_no_cloexec) == 0);
    if (!handle) return handle.error();
    return handle->release();
  });
}

/// Would take over the ports of another process. Only a live update of xenstored uses it.
RINGSIDE_EXPORT void* xenevtchn_fdopen(void*, int, unsigned) {
  return answer<void*>(nullptr, []() -> Result<void*> { return not_here("xenevtchn_fdopen"); });
}

RINGSIDE_EXPORT int xenevtchn_close(void* handle) {
  delete static_cast<EventHandle*>(handle);
  return 0;
}

RINGSIDE_EXPORT int xenevtchn_fd(void* handle) {
  return handle_of(handle).descriptor();
}

RINGSIDE_EXPORT int xenevtchn_notify(void* handle, std::uint32_t port) {
  return answer(-1, [&] { return handle_of(handle).notify(port); });
}

RINGSIDE_EXPORT int xenevtchn_bind_unbound_port(void* handle, std::uint32_t domain) {
  return answer(-1, [&] { return handle_of(handle).bind_unbound(domain); });
}

RINGSIDE_EXPORT int xenevtchn_bind_interdomain(void* handle, std::uint32_t domain, std::uint32_t port) {
  return answer(-1, [&] { return handle_of(handle).bind_interdomain(domain, port); });
}

RINGSIDE_EXPORT int xenevtchn_bind_virq(void* handle, unsigned virq) {
  return answer(-1, [&] { return handle_of(handle).bind_virq(virq); });
}

RINGSIDE_EXPORT int xenevtchn_unbind(void* handle, std::uint32_t port) {
  return answer(-1, [&] { return handle_of(handle).unbind(port); });
}

RINGSIDE_EXPORT int xenevtchn_pending(void* handle) {
  return answer(-1, [&] { return handle_of(handle).pending(); });
}

RINGSIDE_EXPORT int xenevtchn_unmask(void* handle, std::uint32_t port) {
  return answer(-1, [&] { return handle_of(handle).unmask(port); });
}

RINGSIDE_EXPORT int xenevtchn_restrict(void*, std::uint16_t) {
  return answer(-1, []() -> Result<int> { return not_here("xenevtchn_restrict"); });
}
