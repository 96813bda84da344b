// libxencall.so.1: hypercalls by number. A program's structures are read here and become hypercalls of
// ringside; README.md has the table of those that exist. All others give ENOSYS.
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <span>
#include <string>

#include "tools/modern/abi.h"
#include "tools/modern/link.h"

using namespace ringside;
using namespace ringside::modern;

namespace {

/// The size of the memory that physinfo reports. ringside has no such memory.
constexpr std::uint64_t machine_pages = std::uint64_t{memory_kib_max} / page_kib;
/// The version of Xen whose interface this is.
constexpr int version_major = 4;
constexpr int version_minor = 17;
/// Where Xen begins in the address space of a guest, on x86-64.
constexpr std::uint64_t hypervisor_start = 0xffff'8000'0000'0000;

std::uint64_t cpu_time_of(std::int32_t process) {
  clockid_t clock{};
  timespec spent{};
  if (process <= 0 || clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &spent) != 0)
    return 0;
  return static_cast<std::uint64_t>(spent.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(spent.tv_nsec);
}

abi::DomainInfo as_of_today(const DomainInfo& info) {
  abi::DomainInfo out{};
  out.domain = static_cast<std::uint16_t>(info.domain);
  const DomainState& state = info.state;
  if (state.dying != 0) out.flags |= abi::flag_dying;
  if (state.paused != 0) out.flags |= abi::flag_paused;
  if (state.shutdown != 0 || state.crashed != 0) {
    out.flags |= abi::flag_shutdown;
    out.flags |= static_cast<std::uint32_t>(info.reason) << abi::shutdown_reason_shift;
  } else if (state.running != 0 && state.paused == 0) {
    out.flags |= abi::flag_running;
  }
  out.tot_pages = info.memory_kib / page_kib;
  out.max_pages = info.memory_max_kib / page_kib;
  out.shared_info_frame = info.shared_info_frame;
  out.cpu_time = cpu_time_of(info.process);
  out.nr_online_vcpus = 1;
  return out;
}

// -- domctl

Result<long> destroy_or_pause(Link& link, HypercallOp op, const abi::Domctl& domctl) {
  if (auto done = link.call({.op = op, .domain = domctl.domain}); !done) return done.error();
  return 0;
}

/// The first domain with that id or a higher one.
Result<long> get_domain_info(Link& link, abi::Domctl& domctl) {
  auto found = link.call({.op = HypercallOp::domain_info, .domain = domctl.domain});
  if (!found) return found.error();
  domctl.info = as_of_today(found->answer.info);
  domctl.domain = domctl.info.domain;
  return 0;
}

/// The domain with exactly that id.
Result<DomainInfo> domain_named(Link& link, std::uint16_t domain) {
  auto found = link.call({.op = HypercallOp::domain_info, .domain = domain});
  if (!found) return found.error();
  if (domain != DOMID_SELF && found->answer.info.domain != domain) return error_of(ESRCH);
  return found->answer.info;
}

/// There is one vcpu, the domain's process. Linux chooses its CPU, so the number of the CPU stays 0.
Result<long> get_vcpu_info(Link& link, const abi::Domctl& domctl, abi::VcpuInfo& vcpu) {
  auto info = domain_named(link, domctl.domain);
  if (!info) return info.error();
  if (vcpu.vcpu != 0) return error_of(ESRCH);
  const bool runs = info->state.running != 0 && info->state.paused == 0;
  vcpu = {};
  vcpu.online = 1;
  vcpu.running = runs ? 1 : 0;
  vcpu.cpu_time = cpu_time_of(info->process);
  return 0;
}

Result<long> get_vcpu_affinity(Link& link, const abi::Domctl& domctl, const abi::VcpuAffinity& affinity) {
  if (auto info = domain_named(link, domctl.domain); !info) return info.error();
  if (affinity.vcpu != 0) return error_of(ESRCH);
  const auto any_cpu = [](const abi::Bitmap& map) { std::memset(map.bytes, 0xff, (map.bits + 7) / 8); };
  if ((affinity.flags & abi::affinity_hard) != 0) any_cpu(affinity.hard);
  if ((affinity.flags & abi::affinity_soft) != 0) any_cpu(affinity.soft);
  return 0;
}

Result<long> do_domctl(Link& link, abi::Domctl& domctl) {
  if (domctl.version != abi::interface_version) return error_of(EACCES);
  if (!link.is_dom0()) return error_of(EPERM);  // the hypervisor would answer some about the domain itself
  switch (domctl.command) {
    case abi::domctl_destroydomain:
      return destroy_or_pause(link, HypercallOp::domain_destroy, domctl);
    case abi::domctl_pausedomain:
      return destroy_or_pause(link, HypercallOp::domain_pause, domctl);
    case abi::domctl_unpausedomain:
      return destroy_or_pause(link, HypercallOp::domain_unpause, domctl);
    case abi::domctl_getdomaininfo:
      return get_domain_info(link, domctl);
    case abi::domctl_getvcpuinfo:
      return get_vcpu_info(link, domctl, domctl.vcpu);
    case abi::domctl_getvcpuaffinity:
      return get_vcpu_affinity(link, domctl, domctl.affinity);
    default:
      return not_here(("domctl " + std::to_string(domctl.command)).c_str());
  }
}

// -- sysctl

/// From the oldest byte, or from `index` when the reader continues.
Result<long> read_console(Link& link, abi::ReadConsole& read) {
  std::uint64_t next = read.incremental != 0 ? read.index : 0;
  std::uint32_t count = 0;
  while (count < read.count) {
    auto piece = link.call({.op = HypercallOp::dmesg_read, .position = next});
    if (!piece) return piece.error();
    const HypercallAnswer& answer = piece->answer;
    const std::size_t bytes =
        std::min<std::size_t>({answer.data_bytes, hypercall_data_bytes_max, read.count - count});
    if (bytes == 0) break;
    std::memcpy(read.buffer + count, answer.data, bytes);
    count += static_cast<std::uint32_t>(bytes);
    next = answer.position + bytes;
  }
  if (read.clear != 0) {
    if (auto cleared = link.call({.op = HypercallOp::dmesg_clear, .position = next}); !cleared)
      return cleared.error();
  }
  read.count = count;
  read.index = static_cast<std::uint32_t>(next);
  return 0;
}

/// Reports Linux's CPUs. The memory is only a number.
Result<long> physical_info(abi::PhysicalInfo& info) {
  info = {};
  const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  info.threads_per_core = 1;
  info.cores_per_socket = static_cast<std::uint32_t>(cpus);
  info.nr_cpus = static_cast<std::uint32_t>(cpus);
  info.max_cpu_id = info.nr_cpus - 1;
  info.nr_nodes = 1;
  info.capabilities = abi::capability_pv;
  info.total_pages = machine_pages;
  info.free_pages = machine_pages;
  info.max_mfn = machine_pages;
  return 0;
}

Result<long> list_domains(Link& link, abi::DomainInfoList& list) {
  std::uint32_t count = 0;
  DomainId next = list.first_domain;
  for (; count < list.max_domains; ++count) {
    auto found = link.call({.op = HypercallOp::domain_info, .domain = next});
    if (!found && found.error().code == ESRCH) break;
    if (!found) return found.error();
    list.buffer[count] = as_of_today(found->answer.info);
    next = found->answer.info.domain + 1;
  }
  list.num_domains = count;
  return 0;
}

Result<long> do_sysctl(Link& link, abi::Sysctl& sysctl) {
  if (sysctl.version != abi::interface_version) return error_of(EACCES);
  if (!link.is_dom0()) return error_of(EPERM);  // the hypervisor does not see those that are answered here
  switch (sysctl.command) {
    case abi::sysctl_readconsole:
      return read_console(link, sysctl.readconsole);
    case abi::sysctl_physinfo:
      return physical_info(sysctl.physinfo);
    case abi::sysctl_sched_id:
      sysctl.scheduler = abi::scheduler_null;
      return 0;
    case abi::sysctl_getdomaininfolist:
      return list_domains(link, sysctl.list);
    default:
      return not_here(("sysctl " + std::to_string(sysctl.command)).c_str());
  }
}

// -- event channels

/// Port 0 is never used: a hypercall of ringside refuses it, and for Xen it is closed.
Result<long> event_status(Link& link, abi::EventStatus& status) {
  if (status.port == any_port) {
    if (auto info = domain_named(link, status.domain); !info) return info.error();
    status.status = static_cast<std::uint32_t>(PortState::closed);
    return 0;
  }
  auto found = link.call({.op = HypercallOp::evtchn_status, .domain = status.domain, .port = status.port});
  if (!found) return found.error();
  const PortStatus& known = found->answer.status;
  status.status = static_cast<std::uint32_t>(known.state);
  status.vcpu = 0;
  status.number = known.number;
  if (known.state == PortState::unbound || known.state == PortState::interdomain) {
    status.number = 0;
    status.remote_domain = static_cast<std::uint16_t>(known.remote_domain);
    status.remote_port = known.remote_port;
  }
  return 0;
}

/// The port belongs to the domain: a toolstack makes it for a domain that it builds.
Result<long> event_alloc_unbound(Link& link, abi::EventAllocUnbound& alloc) {
  auto made = link.call(
      {.op = HypercallOp::evtchn_alloc_unbound, .domain = alloc.domain, .domain2 = alloc.remote_domain});
  if (!made) return made.error();
  alloc.port = made->answer.port;
  return 0;
}

Result<long> do_event_op(Link& link, unsigned command, void* argument) {
  switch (command) {
    case abi::event_status:
      return event_status(link, *static_cast<abi::EventStatus*>(argument));
    case abi::event_alloc_unbound:
      return event_alloc_unbound(link, *static_cast<abi::EventAllocUnbound*>(argument));
    default:
      return not_here(("event_channel_op " + std::to_string(command)).c_str());
  }
}

// -- the version

template <std::size_t bytes>
Result<long> copy_text(void* into, const char* text) {
  std::memset(into, 0, bytes);
  std::memcpy(into, text, std::min(std::strlen(text), bytes - 1));
  return 0;
}

Result<long> compile_info(abi::CompileInfo& info) {
  info = {};
  (void)copy_text<sizeof info.compiler>(info.compiler, "g++ " __VERSION__).ok();
  (void)copy_text<sizeof info.compile_by>(info.compile_by, "ringside").ok();
  return 0;
}

Result<long> do_version(unsigned command, void* argument) {
  switch (command) {
    case abi::version_number:
      return version_major << 16 | version_minor;
    case abi::version_extra:
      return copy_text<sizeof(abi::ExtraVersion)>(argument, ".0-ringside");
    case abi::version_compile_info:
      return compile_info(*static_cast<abi::CompileInfo*>(argument));
    case abi::version_capabilities:
      return copy_text<sizeof(abi::Capabilities)>(argument, "xen-3.0-x86_64 ");
    case abi::version_changeset:
      return copy_text<sizeof(abi::Changeset)>(argument, "ringside");
    case abi::version_platform_parameters:
      *static_cast<std::uint64_t*>(argument) = hypervisor_start;
      return 0;
    case abi::version_guest_handle:
      std::memset(argument, 0, sizeof abi::DomainInfo::handle);
      return 0;
    case abi::version_build_id:
      return error_of(ENODATA);  // as a Xen that was linked without one
    case abi::version_features:
      static_cast<abi::FeatureInfo*>(argument)->submap = 0;
      return 0;
    case abi::version_page_size:
      return static_cast<long>(ring::frame_bytes);
    case abi::version_commandline:
      return copy_text<sizeof(abi::CommandLine)>(argument, "");
    default:
      return not_here(("xen_version " + std::to_string(command)).c_str());
  }
}

// -- memory

Result<long> reservation(Link& link, std::uint16_t domain, std::uint32_t DomainInfo::*which) {
  auto info = domain_named(link, domain);
  if (!info) return info.error();
  return static_cast<long>((*info).*which / page_kib);
}

Result<long> do_memory_op(Link& link, unsigned command, void* argument) {
  switch (command) {
    case abi::memory_maximum_ram_page:
      return static_cast<long>(machine_pages);
    case abi::memory_current_reservation:
      return reservation(link, *static_cast<std::uint16_t*>(argument), &DomainInfo::memory_kib);
    case abi::memory_maximum_reservation:
      return reservation(link, *static_cast<std::uint16_t*>(argument), &DomainInfo::memory_max_kib);
    case abi::memory_sharing_freed_pages:
    case abi::memory_sharing_shared_pages:
      return 0;  // no domain's memory is shared with another's
    default:
      return not_here(("memory_op " + std::to_string(command)).c_str());
  }
}

// -- dispatch

struct Arguments {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

template <class T>
T* at(std::uint64_t address) {
  return reinterpret_cast<T*>(static_cast<std::uintptr_t>(address));
}

Result<long> dispatch(Link& link, unsigned number, const Arguments& arguments) {
  switch (number) {
    case abi::hypercall_domctl:
      return do_domctl(link, *at<abi::Domctl>(arguments.first));
    case abi::hypercall_sysctl:
      return do_sysctl(link, *at<abi::Sysctl>(arguments.first));
    case abi::hypercall_event_channel_op:
      return do_event_op(link, static_cast<unsigned>(arguments.first), at<void>(arguments.second));
    case abi::hypercall_memory_op:
      return do_memory_op(link, static_cast<unsigned>(arguments.first), at<void>(arguments.second));
    case abi::hypercall_xen_version:
      return do_version(static_cast<unsigned>(arguments.first), at<void>(arguments.second));
    case abi::hypercall_xsm_op:
      return error_of(ENOSYS);  // as a Xen that was built without XSM
    default:
      return not_here(("hypercall " + std::to_string(number)).c_str());
  }
}

/// Makes calls one after another; each has its own result. libxenctrl uses it for calls with a 64-bit result.
Result<long> multicall(Link& link, std::span<abi::MulticallEntry> calls) {
  for (abi::MulticallEntry& each : calls) {
    const auto number = static_cast<unsigned>(each.number);
    const Result<long> done = dispatch(link, number, {each.arguments[0], each.arguments[1]});
    each.result = done ? done.value() : -done.error().code;
  }
  return 0;
}

long hypercall(void* handle, unsigned number, const Arguments& arguments) {
  return answer<long>(-1, [&] {
    Link& link = *static_cast<Link*>(handle);
    if (number != abi::hypercall_multicall) return dispatch(link, number, arguments);
    return multicall(link, std::span(at<abi::MulticallEntry>(arguments.first), arguments.second));
  });
}

int short_hypercall(void* handle, unsigned number, const Arguments& arguments) {
  return static_cast<int>(hypercall(handle, number, arguments));
}

}  // namespace

RINGSIDE_EXPORT void* xencall_open(void*, unsigned) {
  return answer<void*>(nullptr, []() -> Result<void*> {
    auto link = Link::open();
    if (!link) return link.error();
    return link->release();
  });
}

RINGSIDE_EXPORT int xencall_close(void* handle) {
  delete static_cast<Link*>(handle);
  return 0;
}

RINGSIDE_EXPORT int xencall_fd(void* handle) {
  return static_cast<Link*>(handle)->descriptor();
}

RINGSIDE_EXPORT int xencall0(void* handle, unsigned number) {
  return short_hypercall(handle, number, {});
}

RINGSIDE_EXPORT int xencall1(void* handle, unsigned number, std::uint64_t first) {
  return short_hypercall(handle, number, {first});
}

RINGSIDE_EXPORT int xencall2(void* handle, unsigned number, std::uint64_t first, std::uint64_t second) {
  return short_hypercall(handle, number, {first, second});
}

RINGSIDE_EXPORT long xencall2L(void* handle, unsigned number, std::uint64_t first, std::uint64_t second) {
  return hypercall(handle, number, {first, second});
}

// No supported call has a third argument.

RINGSIDE_EXPORT int xencall3(void* handle, unsigned number, std::uint64_t first, std::uint64_t second,
                             std::uint64_t) {
  return short_hypercall(handle, number, {first, second});
}

RINGSIDE_EXPORT int xencall4(void* handle, unsigned number, std::uint64_t first, std::uint64_t second,
                             std::uint64_t, std::uint64_t) {
  return short_hypercall(handle, number, {first, second});
}

RINGSIDE_EXPORT int xencall5(void* handle, unsigned number, std::uint64_t first, std::uint64_t second,
                             std::uint64_t, std::uint64_t, std::uint64_t) {
  return short_hypercall(handle, number, {first, second});
}

// Any memory can be a buffer: this process reads it.

RINGSIDE_EXPORT void* xencall_alloc_buffer_pages(void*, std::size_t pages) {
  const std::size_t bytes = pages * ring::frame_bytes;
  void* buffer = std::aligned_alloc(ring::frame_bytes, bytes);
  // libxenctrl copies the whole buffer back, and xl prints it up to the first zero.
  if (buffer != nullptr) std::memset(buffer, 0, bytes);
  return buffer;
}

RINGSIDE_EXPORT void* xencall_alloc_buffer(void* handle, std::size_t bytes) {
  return xencall_alloc_buffer_pages(handle, bytes / ring::frame_bytes + 1);
}

RINGSIDE_EXPORT void xencall_free_buffer(void*, void* buffer) {
  std::free(buffer);
}

RINGSIDE_EXPORT void xencall_free_buffer_pages(void*, void* buffer, std::size_t) {
  std::free(buffer);
}

RINGSIDE_EXPORT int xencall_buffers_never_fault(void*) {
  return 1;
}
