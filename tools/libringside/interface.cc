// Handles, errors, and the calls that are one hypercall each.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>

#include "tools/libringside/event_device.h"
#include "tools/libringside/library.h"
#include "tools/libringside/ringside.h"

namespace ringside::library {

namespace {

/// The environment variable with the number of the descriptor of a domU's connection.
constexpr char connection_setting[] = "RINGSIDE_CONNECTION";
constexpr std::size_t words_bytes_max = 320;
constexpr std::uint32_t kib_per_page = RS_PAGE_SIZE / 1024;

thread_local char last_words[words_bytes_max] = "";

/// The open handles. A handle is the descriptor number of its connection. Never destroyed: a program may use
/// them, or close them, while it exits.
std::map<int, Fd>& handles() {
  static auto& open = *new std::map<int, Fd>;
  return open;
}

/// A copy of the domU's connection, so that closing a handle leaves the original open: when that closes, the
/// hypervisor treats the guest as dead. Programs that this one starts inherit neither.
Result<Fd> inherited_connection(const char* setting) {
  const char* what = "cannot open the interface";
  const std::string object = std::string(connection_setting) + "=" + setting;
  int number = -1;
  const char* end = setting + std::strlen(setting);
  const auto parsed = std::from_chars(setting, end, number);
  int type = 0;
  socklen_t size = sizeof type;
  if (parsed.ec != std::errc() || parsed.ptr != end || number < 0 ||
      getsockopt(number, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET) {
    return Error{EBADF, what, object, "this process did not get that connection",
                 "only the program that ringside create --external started has it"};
  }
  fcntl(number, F_SETFD, FD_CLOEXEC);
  Fd copy(fcntl(number, F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return system_error(what, object);
  return copy;
}

Result<int> open_interface() {
  const char* setting = std::getenv(connection_setting);
  auto connection = setting != nullptr ? inherited_connection(setting)
                                       : connect_to_hypervisor(Machine(Machine::default_directory()));
  if (!connection) return connection.error();
  const int handle = connection->get();
  handles()[handle] = std::move(*connection);
  return handle;
}

std::uint64_t cpu_time_of(std::int32_t process) {
  clockid_t clock{};
  timespec spent{};
  if (process <= 0 || clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &spent) != 0)
    return 0;
  return static_cast<std::uint64_t>(spent.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(spent.tv_nsec);
}

xc_dominfo_t as_of_2005(const DomainInfo& info) {
  xc_dominfo_t out{};
  out.domid = info.domain;
  out.dying = info.state.dying != 0;
  out.crashed = info.state.crashed != 0;
  out.shutdown = info.state.shutdown != 0;
  out.paused = info.state.paused != 0;
  out.running = info.state.running != 0 && info.state.paused == 0;
  out.shutdown_reason = static_cast<unsigned>(info.reason);
  out.nr_pages = info.memory_kib / kib_per_page;
  out.shared_info_frame = info.shared_info_frame;
  out.cpu_time = cpu_time_of(info.process);
  out.max_memkb = info.memory_kib;
  out.vcpus = 1;
  // There is one vcpu on one CPU. The other vcpus do not exist.
  std::fill(std::begin(out.vcpu_to_cpu), std::end(out.vcpu_to_cpu), -1);
  out.vcpu_to_cpu[0] = 0;
  out.cpumap[0] = 1;
  return out;
}

Result<int> get_info(int handle, DomainId first, unsigned max, xc_dominfo_t* info) {
  auto connection = connection_of(handle);
  if (!connection) return connection;
  // As in 2005, DOMID_SELF is a number like others here: no domain has it or a higher one.
  if (first >= DomainId{DOMID_SELF})
    return refusal(ESRCH, "cannot read domains",
                   fmt::format("no domain has the id {} or a higher one", first));
  unsigned count = 0;
  for (DomainId next = first; count < max; ++count) {
    auto reply = call(*connection, "cannot read domains", {.op = HypercallOp::domain_info, .domain = next});
    // Earlier domains are still returned. A guest sees no domain after itself.
    if (!reply && count == 0) return reply.error();
    if (!reply) break;
    info[count] = as_of_2005(reply->answer.info);
    next = reply->answer.info.domain + 1;
  }
  return static_cast<int>(count);
}

Result<DomainInfo> info_of(int connection, DomainId domain) {
  const char* what = "cannot read the start info";
  const bool own = domain == DomainId{DOMID_SELF};
  auto reply = call(connection, what,
                    {.op = own ? HypercallOp::start_info : HypercallOp::domain_info, .domain = domain});
  if (!reply) return reply.error();
  if (!own && reply->answer.info.domain != domain) return refusal(ESRCH, what, "there is no such domain");
  return reply->answer.info;
}

/// A call that returns nothing but success.
int simple(int handle, const char* what, const HypercallArguments& arguments) {
  return answer<int>(-1, [&]() -> Result<int> {
    auto connection = connection_of(handle);
    if (!connection) return connection;
    auto reply = call(*connection, what, arguments);
    if (!reply) return reply.error();
    return 0;
  });
}

/// A call that returns a port.
int for_port(int handle, const char* what, const HypercallArguments& arguments, int* port) {
  return answer<int>(-1, [&]() -> Result<int> {
    if (port == nullptr) return refusal(EFAULT, what, "the pointer for the port is null");
    auto connection = connection_of(handle);
    if (!connection) return connection;
    auto reply = call(*connection, what, arguments);
    if (!reply) return reply.error();
    *port = static_cast<int>(reply->answer.port);
    return 0;
  });
}

Result<int> bind_pair(int connection, DomainId dom1, DomainId dom2, int& port1, int& port2) {
  auto reply = call(connection, "cannot bind the ports",
                    {.op = HypercallOp::evtchn_bind_interdomain,
                     .domain = dom1,
                     .domain2 = dom2,
                     .port = static_cast<ring::Port>(port1),
                     .port2 = static_cast<ring::Port>(port2)});
  if (!reply) return reply.error();
  port1 = static_cast<int>(reply->answer.port);
  port2 = static_cast<int>(reply->answer.port2);
  return 0;
}

xc_evtchn_status_t as_of_2005(DomainId domain, ring::Port port, const PortStatus& status) {
  xc_evtchn_status_t out{};
  out.dom = static_cast<std::uint16_t>(domain);
  out.port = port;
  out.status = static_cast<std::uint32_t>(status.state);
  switch (status.state) {
    case PortState::closed:
      break;
    case PortState::unbound:
      out.u.unbound.dom = static_cast<std::uint16_t>(status.remote_domain);
      break;
    case PortState::interdomain:
      out.u.interdomain.dom = static_cast<std::uint16_t>(status.remote_domain);
      out.u.interdomain.port = status.remote_port;
      break;
    case PortState::pirq:
      out.u.pirq = status.number;
      break;
    case PortState::virq:
      out.u.virq = status.number;
      break;
    case PortState::ipi:
      out.u.ipi_vcpu = status.number;
      break;
  }
  return out;
}

/// Returns the controller's end. The start info names the other end, which is the kernel's.
Result<int> initdom_port(int handle) {
  auto connection = connection_of(handle);
  if (!connection) return connection;
  const char* what = "cannot find dom0's control port";
  auto info = call(*connection, what, {.op = HypercallOp::domain_info, .domain = 0});
  if (!info) return info.error();
  const ring::Port kernels = info->answer.info.console_port;
  const ring::Port first = kernels == any_port ? 1 : kernels;
  const ring::Port last = kernels == any_port ? ring::ports_per_domain - 1 : kernels;
  for (ring::Port port = first; port <= last; ++port) {
    auto reply = call(*connection, what, {.op = HypercallOp::evtchn_status, .domain = 0, .port = port});
    if (!reply) return reply.error();
    const PortStatus& status = reply->answer.status;
    if (status.state != PortState::interdomain || status.remote_domain != 0) continue;
    return static_cast<int>(kernels == any_port ? port : status.remote_port);
  }
  int port1 = 0;
  int port2 = static_cast<int>(kernels);
  auto bound = bind_pair(*connection, 0, 0, port1, port2);
  if (!bound) return bound;
  return port1;
}

}  // namespace

std::mutex& lock() {
  static std::mutex held_by_every_call;
  return held_by_every_call;
}

void remember(const Error& error) noexcept {
  const int code = error.code > 0 ? error.code : EIO;
  try {
    const std::string words = error.what.empty() ? std::strerror(code) : error.text();
    const std::size_t bytes = std::min(words.size(), words_bytes_max - 1);
    std::copy_n(words.begin(), bytes, last_words);
    last_words[bytes] = '\0';
  } catch (const std::exception&) {
    last_words[0] = '\0';
  }
  errno = code;
}

Error refusal(int code, const char* what, std::string why) {
  return {code, what, "", std::move(why), ""};
}

Result<int> connection_of(int handle) {
  if (handles().contains(handle)) return handle;
  return refusal(EBADF, "no interface", fmt::format("{} is not an open handle", handle));
}

Result<HypercallReply> call(int connection, const char* what, const HypercallArguments& arguments) {
  // One for the process, since all handles of a guest are copies of one connection.
  static Hypercalls calls;
  auto reply = calls.call(connection, arguments, -1, hypercall_patience);
  if (!reply || reply->answer.result >= 0) return reply;
  const char* why = reply->answer.why;
  return refusal(-reply->answer.result, what, std::string(why, strnlen(why, sizeof reply->answer.why)));
}

Result<void*> map_frame(int connection, const MapRequest& request) {
  const char* what = "cannot map the frame";
  auto reply = call(connection, what,
                    {.op = HypercallOp::map_frame, .domain = request.domain, .frame = request.frame});
  if (!reply) return reply.error();
  if (reply->descriptors.empty()) return refusal(EPROTO, what, "the hypervisor's answer has no frame");
  const int descriptor = reply->descriptors[0].get();
  if (auto checked = check_frame(descriptor); !checked) return checked.error();
  void* address = mmap(nullptr, request.bytes, request.protection, MAP_SHARED, descriptor, 0);
  if (address == MAP_FAILED) return system_error(what, fmt::format("{:#x}", request.frame));
  return address;
}

}  // namespace ringside::library

using namespace ringside;
using namespace ringside::library;

extern "C" {

const char* rs_last_error(void) {
  return last_words;
}

int xc_interface_open(void) {
  return answer<int>(-1, open_interface);
}

int xc_interface_close(int handle) {
  return answer<int>(-1, [&]() -> Result<int> {
    if (auto known = connection_of(handle); !known) return known;
    handles().erase(handle);
    return 0;
  });
}

int xc_domain_getinfo(int handle, uint32_t first_domid, unsigned int max_doms, xc_dominfo_t* info) {
  return answer<int>(-1, [&] { return get_info(handle, first_domid, max_doms, info); });
}

int xc_domain_pause(int handle, uint32_t domid) {
  return simple(handle, "cannot pause the domain", {.op = HypercallOp::domain_pause, .domain = domid});
}

int xc_domain_unpause(int handle, uint32_t domid) {
  return simple(handle, "cannot unpause the domain", {.op = HypercallOp::domain_unpause, .domain = domid});
}

int xc_domain_destroy(int handle, uint32_t domid) {
  return simple(handle, "cannot destroy the domain", {.op = HypercallOp::domain_destroy, .domain = domid});
}

void* xc_map_foreign_range(int handle, uint32_t domid, int size, int prot, unsigned long frame) {
  return answer<void*>(nullptr, [&]() -> Result<void*> {
    auto connection = connection_of(handle);
    if (!connection) return connection.error();
    if (size <= 0 || size > RS_PAGE_SIZE || frame > UINT32_MAX)
      return refusal(EINVAL, "cannot map the frame", "a domain has one frame of 4096 bytes");
    return map_frame(*connection, {.domain = domid,
                                   .frame = static_cast<std::uint32_t>(frame),
                                   .bytes = static_cast<std::size_t>(size),
                                   .protection = prot});
  });
}

int rs_start_info(int handle, uint32_t domid, rs_start_info_t* info) {
  return answer<int>(-1, [&]() -> Result<int> {
    auto connection = connection_of(handle);
    if (!connection) return connection;
    auto known = info_of(*connection, domid);
    if (!known) return known.error();
    *info = {};
    info->domid = known->domain;
    info->shared_info_frame = known->shared_info_frame;
    info->console_port = static_cast<int>(known->console_port);
    info->abi = known->abi == ring::Abi::flat ? RS_ABI_FLAT : RS_ABI_SRING;
    std::copy_n(known->name, sizeof info->name - 1, info->name);
    return 0;
  });
}

int rs_shutdown(int handle, int reason, int exit_status) {
  return simple(handle, "cannot shut down",
                {.op = HypercallOp::sched_shutdown,
                 .reason = static_cast<ShutdownReason>(reason),
                 .exit_status = exit_status});
}

int xc_evtchn_alloc_unbound(int handle, uint32_t dom, int* port) {
  return for_port(handle, "cannot allocate a port", {.op = HypercallOp::evtchn_alloc_unbound, .domain2 = dom},
                  port);
}

int xc_evtchn_bind_interdomain(int handle, uint32_t dom1, uint32_t dom2, int* port1, int* port2) {
  return answer<int>(-1, [&]() -> Result<int> {
    if (port1 == nullptr || port2 == nullptr)
      return refusal(EFAULT, "cannot bind the ports", "a pointer for a port is null");
    auto connection = connection_of(handle);
    if (!connection) return connection;
    auto bound = bind_pair(*connection, dom1, dom2, *port1, *port2);
    if (!bound) return bound;
    const std::pair<DomainId, int> ends[] = {{dom1, *port1}, {dom2, *port2}};
    for (const auto& [domain, port] : ends) {
      if (auto told = tell_rebound(domain, static_cast<ring::Port>(port)); !told) return told.error();
    }
    return 0;
  });
}

int xc_evtchn_bind_virq(int handle, int virq, int* port) {
  return for_port(handle, "cannot bind the virq",
                  {.op = HypercallOp::evtchn_bind_virq, .virq = static_cast<std::uint32_t>(virq)}, port);
}

int xc_evtchn_close(int handle, uint32_t dom, int port) {
  return answer<int>(-1, [&]() -> Result<int> {
    auto connection = connection_of(handle);
    if (!connection) return connection;
    auto reply =
        call(*connection, "cannot close the port",
             {.op = HypercallOp::evtchn_close, .domain = dom, .port = static_cast<ring::Port>(port)});
    if (!reply) return reply.error();
    tell_closed(dom, static_cast<ring::Port>(port));
    return 0;
  });
}

int xc_evtchn_send(int handle, int local_port) {
  return answer<int>(-1, [&]() -> Result<int> {
    auto connection = connection_of(handle);
    if (!connection) return connection;
    const auto port = static_cast<ring::Port>(local_port);
    if (send_mapped(port)) return 0;
    auto reply = call(*connection, "cannot raise the event", {.op = HypercallOp::evtchn_send, .port = port});
    if (!reply) return reply.error();
    return 0;
  });
}

int xc_evtchn_status(int handle, uint32_t dom, int port, xc_evtchn_status_t* status) {
  return answer<int>(-1, [&]() -> Result<int> {
    auto connection = connection_of(handle);
    if (!connection) return connection;
    auto reply =
        call(*connection, "cannot read the port's status",
             {.op = HypercallOp::evtchn_status, .domain = dom, .port = static_cast<ring::Port>(port)});
    if (!reply) return reply.error();
    *status = as_of_2005(dom, static_cast<ring::Port>(port), reply->answer.status);
    return 0;
  });
}

int rs_initdom_port(int handle) {
  return answer<int>(-1, [&] { return initdom_port(handle); });
}

}  // extern "C"
