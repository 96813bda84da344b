// The hypercall interface: numbers, argument and answer structures, and a typed caller. A hypercall is a
// trap, so it is synchronous here too: a call returns when the hypervisor has answered, or when the caller's
// timeout ends. Calls are numbered, so that a late answer is not taken for the answer to another call.
//
// Two fixed-size structures are exchanged, one each way, both plain data. Frames, ports and connections are
// passed beside them as handles. Names are Xen's where Xen had the call; those that ringside adds are marked
// so.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "emu/base/check.h"
#include "emu/host/handle.h"
#include "ring/event_bits.h"
#include "ring/layout.h"

namespace ringside {

using DomainId = std::uint32_t;

/// The calling domain itself (xen.h: DOMID_SELF).
inline constexpr DomainId DOMID_SELF = 0x7ff0;
/// Port argument meaning "allocate one".
inline constexpr ring::Port any_port = 0;
inline constexpr std::size_t domain_name_bytes_max = 63;
/// A domain's memory: the number is kept and shown, but no memory is allocated.
inline constexpr std::uint32_t memory_kib_min = 1024;
inline constexpr std::uint32_t memory_kib_max = 1024 * 1024 * 1024;
/// The unit of CMSG_MEM_REQUEST and of nr_pages.
inline constexpr std::uint32_t page_kib = ring::frame_bytes / 1024;
/// The hypervisor's limit on domain ids.
inline constexpr DomainId domain_id_max = 4095;

/// The size of one CONSOLEIO_write; longer output takes several.
inline constexpr std::size_t console_write_bytes_max = 127;
/// The data of one call beside its arguments, in either direction.
inline constexpr std::size_t hypercall_data_bytes_max = 128;
/// How much dom0's driver asks for at a time.
inline constexpr std::size_t console_read_bytes_usual = 16;

/// Virtual interrupts. The last is ringside's own: it tells a guest that its console's window has a new size.
enum Virq : std::uint32_t {
  VIRQ_TIMER = 0,
  VIRQ_DEBUG = 1,
  VIRQ_CONSOLE = 2,
  VIRQ_DOM_EXC = 3,
  VIRQ_PARITY_ERR = 4,
  VIRQ_IO_ERR = 5,
  VIRQ_DEBUGGER = 6,
  VIRQ_WINDOW = 7,
};
inline constexpr std::uint32_t virqs = 8;
/// Physical interrupts, by number.
inline constexpr std::uint32_t pirqs = 256;
/// The keyboard's, on every PC.
inline constexpr std::uint32_t keyboard_pirq = 1;

/// A frame that one domain grants to another is named by its domain and a reference. The first references are
/// reserved for the pages that a toolstack makes when it builds a domain (grant_table.h).
inline constexpr std::uint32_t grant_console = 0;
inline constexpr std::uint32_t grant_xenstore = 1;
inline constexpr std::uint32_t grants_reserved = 8;
/// Reference argument meaning "choose one".
inline constexpr std::uint32_t any_grant = 0xffff'ffff;

/// Why a domain shut down (sched.h: SHUTDOWN_*).
enum class ShutdownReason : std::uint32_t { poweroff = 0, reboot = 1, suspend = 2, crash = 3 };

/// The state of a domain; several members may be 1 (paused and running, for example).
struct DomainState {
  std::uint8_t paused = 0;
  std::uint8_t running = 0;   ///< its process has been started and has not ended
  std::uint8_t shutdown = 0;  ///< it reported this itself; see reason
  std::uint8_t crashed = 0;   ///< its process ended without a report
  std::uint8_t dying = 0;     ///< as in 2005: destroyed, while a process still maps its memory; ringside's
                              ///< hypervisor never sets it
  std::uint8_t reserved[3] = {};
};

/// The result of DOM0_GETDOMAININFO, with ringside's additions below the line.
struct DomainInfo {
  DomainId domain = 0;
  DomainState state;
  ShutdownReason reason = ShutdownReason::poweroff;
  std::uint32_t shared_info_frame = 0;  ///< machine frame number, to be given to map_frame
  std::uint32_t memory_kib = 0;
  // -- added by ringside
  ring::Abi abi = ring::Abi::sring;
  std::uint8_t preserve = 0;  ///< keep the domain after it has shut down until it is destroyed
  std::uint8_t signal = 0;    ///< crashed: the signal that killed its process; 0 = none, or not known
  std::uint8_t reserved = 0;
  ring::Port console_port = 0;   ///< domain_controller_evtchn of its start info; 0 = not set yet
  std::int32_t process = 0;      ///< process id, 0 = none
  std::int32_t exit_status = 0;  ///< of the program on its console, once shut down: 0..255
  std::uint16_t rows = 0;        ///< its console's window, 0 = never set
  std::uint16_t columns = 0;
  std::uint32_t memory_max_kib = 0;  ///< what it was created with, and the most it may have
  ring::Port store_port = 0;         ///< of its start info, to today's xenstored; 0 = it is a domain of 2005
  char name[domain_name_bytes_max + 1] = {};

  /// Its console is today's: a ring of bytes in the frame that it grants as grant_console. Otherwise it is
  /// the control interface of 2005, in its shared_info frame.
  [[nodiscard]] bool today() const { return store_port != 0; }
  [[nodiscard]] bool suspended() const {
    return state.shutdown != 0 && state.crashed == 0 && reason == ShutdownReason::suspend;
  }
};
static_assert(sizeof(DomainInfo) == 116);

enum class PortState : std::uint32_t { closed, unbound, interdomain, pirq, virq, ipi };

/// The result of EVTCHNOP_status.
struct PortStatus {
  PortState state = PortState::closed;
  DomainId remote_domain = 0;  ///< unbound: who may bind; interdomain: the peer
  ring::Port remote_port = 0;  ///< interdomain
  std::uint32_t number = 0;    ///< virq, pirq or ipi (vcpu) number
};

enum class HypercallOp : std::uint16_t {
  domain_create,       ///< name, abi, memory_kib, preserve, domain (0 or self = any) -> domain,
                       ///< info.shared_info_frame; starts paused
  domain_connection,   ///< ringside: domain, alone (for a program in it, not for its kernel) -> handle: the
                       ///< connection that the guest's process, or the program, is to be given; dom0 only
  domain_set_process,  ///< ringside: domain, handle of its process
  domain_set_console_port,  ///< domain, port, port2 (the store's, 0 = none): into its start info
  domain_pause,             ///< domain
  domain_unpause,           ///< domain
  domain_destroy,           ///< domain
  domain_info,  ///< DOM0_GETDOMAININFO: the first domain with an id >= domain -> info, -ESRCH past the last
  start_info,   ///< guest: -> info of the caller, handle of its frame
  map_frame,    ///< domain, frame -> handle
  sched_shutdown,           ///< guest: reason, exit_status
  evtchn_alloc_unbound,     ///< domain, domain2 (who may bind), alone -> port
  evtchn_bind_interdomain,  ///< domain, domain2, port, port2 (0 = allocate), alone -> port, port2
  evtchn_bind_virq,         ///< virq, alone -> port; the same port again for a virq already bound
  evtchn_bind_pirq,         ///< virq (the interrupt's number) -> port; dom0 only; idempotent as well
  evtchn_bind_ipi,          ///< -> port
  evtchn_close,             ///< domain, port
  evtchn_send,              ///< port (the caller's)
  evtchn_status,            ///< domain, port -> status
  evtchn_open,    ///< ringside: port (the caller's) -> handles: its kicks, and its peer's if interdomain
  window_set,     ///< ringside: domain, rows, columns; raises the guest's VIRQ_WINDOW
  memory_set,     ///< guest (dom_mem_op: both reservation calls in one): memory_kib, its new size
  domain_resume,  ///< domain, which is suspended -> info: a new frame, no ports, and still paused
  console_write,  ///< console_io, CONSOLEIO_write: data -> data_bytes that were taken; dom0 only, like the
                  ///< next three
  console_read,   ///< console_io, CONSOLEIO_read: data_bytes at most -> data
  dmesg_read,     ///< DOM0_READCONSOLE: position -> data, and the position of its first byte
  dmesg_clear,    ///< position: forgets the bytes of xen's console ring before it
  interrupt,  ///< ringside: virq: a device of dom0 raises its interrupt line (in hardware a wire, not a call)
  grant_share,   ///< domain grants a new frame to domain2; frame: the reference, or any_grant; read_only,
                 ///< alone -> position, the reference; handle; dom0 only, as grant_end and grant_notify, or a
                 ///< program for its own domain
  grant_end,     ///< domain, frame (the reference); existing mappings stay
  grant_map,     ///< domain, frame (the reference), read_only -> handle; for the domain it is granted to, and
                 ///< for the domain itself
  grant_notify,  ///< ringside (Linux's gntdev): domain, frame (the reference), position and port: a byte of
                 ///< it is set to 0, and the port raised (0 = none), when the caller's connection closes
};

struct HypercallArguments {
  HypercallOp op{};
  std::uint16_t number = 0;  ///< set by the caller's host; repeated in the answer
  DomainId domain = DOMID_SELF;
  DomainId domain2 = DOMID_SELF;
  ring::Port port = 0;
  ring::Port port2 = 0;
  std::uint32_t frame = 0;
  std::uint32_t virq = 0;
  ShutdownReason reason = ShutdownReason::poweroff;
  std::int32_t exit_status = 0;
  std::uint32_t memory_kib = 0;
  ring::Abi abi = ring::Abi::sring;
  std::uint8_t preserve = 0;
  /// Only in calls of dom0 and of programs in domains. evtchn_open fails with EINVAL if another connection
  /// has the port open. A call that makes a port or a grant makes a new one even if one exists; it belongs to
  /// this connection and ends with it.
  std::uint8_t alone = 0;
  std::uint8_t read_only = 0;
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
  std::uint16_t data_bytes = 0;
  char name[domain_name_bytes_max + 1] = {};
  std::uint64_t position = 0;
  std::uint8_t data[hypercall_data_bytes_max] = {};

  friend bool operator==(const HypercallArguments&, const HypercallArguments&) = default;
};
static_assert(sizeof(HypercallArguments) == 256);

struct HypercallAnswer {
  std::int32_t result = 0;  ///< 0, or a negative errno value
  DomainId domain = 0;
  ring::Port port = 0;
  ring::Port port2 = 0;
  PortStatus status;
  DomainInfo info;
  char why[128] = {};  ///< when result < 0: the reason in words, zero-terminated
  std::uint64_t position = 0;
  std::uint32_t data_bytes = 0;
  std::uint32_t number = 0;  ///< of the call
  std::uint8_t data[hypercall_data_bytes_max] = {};
};
static_assert(sizeof(HypercallAnswer) == 424);

/// A caller, identified by its connection, never by the contents of a call.
struct HypercallCaller {
  std::uint32_t connection = 0;
  DomainId domain = 0;
  /// A program of today in a guest. It has the rights of the guest's kernel for ports and grants of its own.
  bool program = false;
  [[nodiscard]] bool privileged() const { return domain == 0; }
  /// Whether ports and grants can belong to the connection.
  [[nodiscard]] bool may_own() const { return privileged() || program; }
};

/// The only call that takes a handle. A handle that comes with any other call is not accepted.
[[nodiscard]] inline bool takes_handle(const HypercallCaller& caller, HypercallOp op) {
  return caller.privileged() && op == HypercallOp::domain_set_process;
}

/// The hypervisor's side of the interface; see Host::hypercalls_serve. `handles` holds the handles that came
/// with the call, and afterwards those that go with the answer.
struct HypercallServer {
  std::function<HypercallAnswer(const HypercallCaller&, const HypercallArguments&,
                                std::vector<Handle>& handles)>
      call;
  std::function<void(const HypercallCaller&)> gone;  ///< the caller closed its connection or died
};

class Host;

/// A connection to the hypervisor, with one function for each call. Errors carry the hypervisor's words; the
/// code is the positive errno value. Every call may also fail with EPIPE (the hypervisor is gone) or
/// ETIMEDOUT (it does not answer, and may still carry out the call).
class Privcmd {
 public:
  Privcmd(Host& host, Handle connection) : host_(&host), connection_(std::move(connection)) {}

  struct Created {
    DomainId domain;
    std::uint32_t shared_info_frame;
  };
  /// `id` 0 = the hypervisor chooses. EEXIST: there is one of that id, or a process still has its connection.
  Result<Created> domain_create(std::string_view name, ring::Abi abi, std::uint32_t memory_kib, bool preserve,
                                DomainId id = 0);
  Result<Handle> domain_connection(DomainId domain);
  Result<> domain_set_process(DomainId domain, const Handle& process);
  /// `store_port`: of a domain of today; see DomainInfo.
  Result<> domain_set_console_port(DomainId domain, ring::Port port, ring::Port store_port = 0);
  Result<> domain_pause(DomainId domain);
  Result<> domain_unpause(DomainId domain);
  Result<> domain_destroy(DomainId domain);
  /// The first domain with an id >= `first`; empty past the last.
  Result<std::optional<DomainInfo>> domain_info(DomainId first);
  /// All domains, in order.
  Result<std::vector<DomainInfo>> domains();
  /// The domain of that name or number. ESRCH if there is none.
  Result<DomainInfo> domain_find(std::string_view name_or_number);

  struct StartInfo {
    DomainInfo info;
    Handle frame;
  };
  Result<StartInfo> start_info();
  Result<Handle> map_frame(DomainId domain, std::uint32_t frame);
  Result<> sched_shutdown(ShutdownReason reason, int exit_status);

  struct PortPair {
    ring::Port port1;
    ring::Port port2;
  };
  Result<ring::Port> evtchn_alloc_unbound(DomainId domain, DomainId remote);
  /// `alone`, here and below: a port of dom0 for this connection only, which ends with it.
  Result<PortPair> evtchn_bind_interdomain(DomainId domain1, DomainId domain2, ring::Port port1,
                                           ring::Port port2, bool alone = false);
  Result<ring::Port> evtchn_bind_virq(std::uint32_t virq, bool alone = false);
  /// EPERM: the caller is not dom0. EINVAL: no such interrupt.
  Result<ring::Port> evtchn_bind_pirq(std::uint32_t pirq);
  Result<ring::Port> evtchn_bind_ipi();
  Result<> evtchn_close(DomainId domain, ring::Port port);
  Result<> evtchn_send(ring::Port port);
  Result<PortStatus> evtchn_status(DomainId domain, ring::Port port);
  struct PortHandles {
    Handle kicks;       ///< readable when this port has been raised
    Handle peer_kicks;  ///< to be kicked to raise the peer; invalid unless interdomain
  };
  Result<PortHandles> evtchn_open(ring::Port port);
  Result<> window_set(DomainId domain, std::uint16_t rows, std::uint16_t columns);
  /// EINVAL: less than memory_kib_min. ENOMEM: more than the domain was created with.
  Result<> memory_set(std::uint32_t memory_kib);
  /// Gives a suspended domain a new frame, and returns its new state. EINVAL: it is not suspended.
  Result<DomainInfo> domain_resume(DomainId domain);

  /// Makes a frame that `domain` grants to dom0 under `reference`. EPERM: the caller is not dom0. EEXIST: the
  /// reference is in use.
  Result<> grant_share(DomainId domain, std::uint32_t reference);
  /// The frame that `domain` grants under `reference`, to dom0 or to itself. ENOENT: there is none.
  Result<Handle> grant_map(DomainId domain, std::uint32_t reference);

  /// Writes dom0's output to Xen's console. Returns how many bytes were taken: less than all when too many
  /// wait for the serial line, until the line has sent some. EPERM: the caller is not dom0; also for the next
  /// three.
  Result<std::size_t> console_write(std::span<const std::uint8_t> bytes);
  /// Reads dom0's input. Returns the number of bytes, at most `into` and hypercall_data_bytes_max. 0 = no
  /// more.
  Result<std::size_t> console_read(std::span<std::uint8_t> into);
  struct Dmesg {
    std::uint64_t position;  ///< of the first byte, counted from the first byte that xen ever printed
    std::string text;
  };
  /// The whole contents of xen's console ring.
  Result<Dmesg> dmesg();
  /// Forgets the bytes before `position`.
  Result<> dmesg_clear(std::uint64_t position);

  /// A device that dom0 owns raises its interrupt line. No effect while the interrupt is not bound.
  Result<> interrupt(std::uint32_t pirq);

  /// See Host::hypervisor_watch.
  void watch(std::function<void()> gone);
  /// See Host::hypervisor_answers.
  [[nodiscard]] bool answers(std::function<void()> later);
  /// Runs `run` when the hypervisor answers: at once, or later from the loop. Never, if the connection is
  /// closed before.
  void when_answered(const std::function<void()>& run);

  [[nodiscard]] const Handle& connection() const { return connection_; }

 private:
  struct Outcome {
    HypercallAnswer answer;
    std::vector<Handle> handles;
  };
  Result<Outcome> call(const char* what, const HypercallArguments& arguments, const Handle* handle = nullptr);
  Result<> simple(const char* what, const HypercallArguments& arguments, const Handle* handle = nullptr);

  Host* host_;
  Handle connection_;
};

}  // namespace ringside
