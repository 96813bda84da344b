// The structures of today's Xen that programs pass to xencall*, as far as the libraries here know them:
// interface version 0x15 of domctl and sysctl (Xen 4.17), x86-64. Addresses in them are those of the program.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringside::modern::abi {

enum Hypercall : unsigned {
  hypercall_memory_op = 12,
  hypercall_multicall = 13,
  hypercall_xen_version = 17,
  hypercall_xsm_op = 27,
  hypercall_event_channel_op = 32,
  hypercall_sysctl = 35,
  hypercall_domctl = 36,
};

inline constexpr std::uint32_t interface_version = 0x15;

struct DomainInfo {
  std::uint16_t domain;
  std::uint16_t reserved0;
  std::uint32_t flags;
  std::uint64_t tot_pages;
  std::uint64_t max_pages;
  std::uint64_t outstanding_pages;
  std::uint64_t shr_pages;
  std::uint64_t paged_pages;
  std::uint64_t shared_info_frame;
  std::uint64_t cpu_time;  ///< in nanoseconds
  std::uint32_t nr_online_vcpus;
  std::uint32_t max_vcpu_id;
  std::uint32_t ssidref;
  std::uint8_t handle[16];
  std::uint32_t cpupool;
  std::uint8_t gpaddr_bits;
  std::uint8_t reserved1[7];
  std::uint32_t arch_config[2];
};
static_assert(sizeof(DomainInfo) == 112);
static_assert(offsetof(DomainInfo, cpu_time) == 56);
static_assert(offsetof(DomainInfo, handle) == 76);
static_assert(offsetof(DomainInfo, arch_config) == 104);

/// Bits of DomainInfo::flags. The reason of a shutdown begins at bit 16.
enum DomainFlag : std::uint32_t {
  flag_dying = 1 << 0,
  flag_shutdown = 1 << 2,
  flag_paused = 1 << 3,
  flag_blocked = 1 << 4,
  flag_running = 1 << 5,
};
inline constexpr unsigned shutdown_reason_shift = 16;

enum DomctlCommand : std::uint32_t {
  domctl_destroydomain = 2,
  domctl_pausedomain = 3,
  domctl_unpausedomain = 4,
  domctl_getdomaininfo = 5,
  domctl_getvcpuinfo = 14,
  domctl_getvcpuaffinity = 25,
};

struct VcpuInfo {
  std::uint32_t vcpu;
  std::uint8_t online;
  std::uint8_t blocked;
  std::uint8_t running;
  std::uint8_t reserved;
  std::uint64_t cpu_time;  ///< in nanoseconds
  std::uint32_t cpu;
};
static_assert(sizeof(VcpuInfo) == 24 && offsetof(VcpuInfo, cpu) == 16);

struct Bitmap {
  std::uint8_t* bytes;
  std::uint32_t bits;
};

struct VcpuAffinity {
  std::uint32_t vcpu;
  std::uint32_t flags;  ///< affinity_hard, affinity_soft
  Bitmap hard;
  Bitmap soft;
};
static_assert(sizeof(VcpuAffinity) == 40 && offsetof(VcpuAffinity, soft) == 24);
inline constexpr std::uint32_t affinity_hard = 1 << 0;
inline constexpr std::uint32_t affinity_soft = 1 << 1;

struct Domctl {
  std::uint32_t command;
  std::uint32_t version;
  std::uint16_t domain;
  std::uint16_t reserved[3];
  union {
    DomainInfo info;
    VcpuInfo vcpu;
    VcpuAffinity affinity;
    std::uint8_t space[128];
  };
};
static_assert(sizeof(Domctl) == 144 && offsetof(Domctl, info) == 16);

enum SysctlCommand : std::uint32_t {
  sysctl_readconsole = 1,
  sysctl_physinfo = 3,
  sysctl_sched_id = 4,
  sysctl_getdomaininfolist = 6,
};

struct ReadConsole {
  std::uint8_t clear;
  std::uint8_t incremental;
  std::uint16_t reserved;
  std::uint32_t index;
  char* buffer;
  std::uint32_t count;
};
static_assert(sizeof(ReadConsole) == 24 && offsetof(ReadConsole, buffer) == 8);

struct PhysicalInfo {
  std::uint32_t threads_per_core;
  std::uint32_t cores_per_socket;
  std::uint32_t nr_cpus;
  std::uint32_t max_cpu_id;
  std::uint32_t nr_nodes;
  std::uint32_t max_node_id;
  std::uint32_t cpu_khz;
  std::uint32_t capabilities;
  std::uint32_t arch_capabilities;
  std::uint32_t reserved;
  std::uint64_t total_pages;
  std::uint64_t free_pages;
  std::uint64_t scrub_pages;
  std::uint64_t outstanding_pages;
  std::uint64_t max_mfn;
  std::uint32_t hw_cap[8];
};
static_assert(sizeof(PhysicalInfo) == 112 && offsetof(PhysicalInfo, total_pages) == 40);
inline constexpr std::uint32_t capability_pv = 1 << 1;

struct DomainInfoList {
  std::uint16_t first_domain;
  std::uint16_t reserved;
  std::uint32_t max_domains;
  DomainInfo* buffer;
  std::uint32_t num_domains;
};
static_assert(sizeof(DomainInfoList) == 24 && offsetof(DomainInfoList, num_domains) == 16);

struct Sysctl {
  std::uint32_t command;
  std::uint32_t version;
  union {
    ReadConsole readconsole;
    PhysicalInfo physinfo;
    DomainInfoList list;
    std::uint32_t scheduler;
    std::uint8_t space[128];
  };
};
static_assert(sizeof(Sysctl) == 136 && offsetof(Sysctl, list) == 8);

/// The scheduler that gives each vcpu a CPU of its own, and does nothing else.
inline constexpr std::uint32_t scheduler_null = 9;

enum EventCommand : unsigned {
  event_status = 5,
  event_alloc_unbound = 6,
};

struct EventStatus {
  std::uint16_t domain;
  std::uint16_t reserved0;
  std::uint32_t port;
  std::uint32_t status;  ///< the numbers of PortState
  std::uint32_t vcpu;
  union {
    std::uint16_t remote_domain;  ///< unbound and interdomain
    std::uint32_t number;         ///< virq and pirq
  };
  std::uint32_t remote_port;
};
static_assert(sizeof(EventStatus) == 24 && offsetof(EventStatus, remote_port) == 20);

struct EventAllocUnbound {
  std::uint16_t domain;
  std::uint16_t remote_domain;
  std::uint32_t port;
};
static_assert(sizeof(EventAllocUnbound) == 8);

enum MemoryCommand : unsigned {
  memory_maximum_ram_page = 2,
  memory_current_reservation = 3,
  memory_maximum_reservation = 4,
  memory_sharing_freed_pages = 18,
  memory_sharing_shared_pages = 19,
};

struct MulticallEntry {
  std::uint64_t number;
  std::int64_t result;
  std::uint64_t arguments[6];
};
static_assert(sizeof(MulticallEntry) == 64);

enum VersionCommand : unsigned {
  version_number = 0,
  version_extra = 1,
  version_compile_info = 2,
  version_capabilities = 3,
  version_changeset = 4,
  version_platform_parameters = 5,
  version_features = 6,
  version_page_size = 7,
  version_guest_handle = 8,
  version_commandline = 9,
  version_build_id = 10,
};

struct CompileInfo {
  char compiler[64];
  char compile_by[16];
  char compile_domain[32];
  char compile_date[32];
};
static_assert(sizeof(CompileInfo) == 144);

struct FeatureInfo {
  std::uint32_t submap_index;
  std::uint32_t submap;
};

using ExtraVersion = char[16];
using Capabilities = char[1024];
using Changeset = char[64];
using CommandLine = char[1024];

}  // namespace ringside::modern::abi
