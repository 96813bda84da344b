// Builds what the command line is asked for: a machine of background processes, a domain with its console.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "emu/domu/shell.h"
#include "emu/host/hypercall.h"
#include "emu/host/linux_host.h"
#include "emu/host/machine_lock.h"
#include "ring/layout.h"
#include "tools/command.h"

namespace ringside::tools {

inline constexpr std::uint16_t default_console_port_base = 9600;

/// --console-port-base, for every command that starts an xend.
void add_port_base(Command command, std::uint16_t& port_base);

/// What serves the consoles of a machine.
enum class Dom0Kind {
  xcs_xend,  ///< the switch, and the console server behind it
  xenctld,   ///< one daemon in the place of both
};

/// --dom0 and --queue-limit, for every command that starts a machine.
void add_dom0_options(Command command, struct MachineSpec& spec);
/// --queue-limit by itself.
void add_queue_limit(Command command, std::size_t& queue_limit_bytes);

struct MachineSpec {
  Dom0Kind dom0 = Dom0Kind::xcs_xend;
  std::size_t queue_limit_bytes = 0;  ///< under xenctld; 0 = none
  std::uint16_t console_port_base = default_console_port_base;
  bool dom0_kernel = false;                              ///< with ttys, and a control channel of dom0's own
  std::vector<std::string> dom0_words = {};              ///< options and program of `ringside dom0`
  std::vector<std::string> quirks = {};                  ///< by name, of xcs and xend
  std::vector<std::string> serial = {"--com1", "none"};  ///< options of `ringside xen`
  bool dies_with_us = false;                             ///< for a machine that nobody else is to use
};

/// Starts xen, which inherits the lock, then xcs and xend or xenctld, each ready before the next. On failure
/// what had been started is ended again.
Result<> start_machine(LinuxHost& host, const MachineSpec& spec, const MachineLock& lock);
/// A daemon of its dom0 by name, which ended before its time.
Result<> start_daemon(LinuxHost& host, const MachineSpec& spec, const std::string& name);
/// Ends all processes of the machine, its domains included, and removes what they left. For whoever has held
/// the lock since before the machine was started.
void stop_machine(const MachineLock& lock);
/// The same for a machine that somebody else has started. Answers whether there was one. EBUSY when somebody
/// starts one there and comes to no end.
Result<bool> take_down(const Machine& machine);

/// Which of the two daemons programs can ask on this machine; nothing when none runs.
std::optional<Dom0Kind> running_dom0(const Machine& machine);

/// One request line to xend, or to xenctld where that runs; its answer, of one or more lines, without the
/// leading "ok ".
Result<std::vector<std::string>> ask_xend(LinuxHost& host, const std::string& request);

inline constexpr std::uint32_t memory_mib_min = memory_kib_min / 1024;
inline constexpr std::uint32_t memory_mib_max = memory_kib_max / 1024;

struct DomainSpec {
  DomainId domain = 0;  ///< 0 = the hypervisor chooses
  std::string name;
  ring::Abi abi = ring::Abi::sring;
  std::uint32_t memory_mib = 64;
  bool paused = false;        ///< left paused after it was built
  bool dies_with_us = false;  ///< as its machine
  bool preserve = false;      ///< stays in the list after its shutdown
  bool raw = false;
  bool quiet = false;
  bool external = false;            ///< `program` is itself the guest's process, and speaks to the hypervisor
  bool no_console = false;          ///< somebody else in dom0 takes the other end; left paused until he has
  std::vector<std::string> quirks;  ///< by name, of domu
  std::vector<std::string> boot_lines;  ///< printed by the guest as it boots, unless it is quiet
  std::vector<std::string> program;
  std::string directory;  ///< where it was created, of one that was built before
};

/// --abi and --raw, for every command that builds a domain. Answers the latter.
Option add_guest_options(Command command, DomainSpec& spec);

struct BuiltDomain {
  DomainId domain = 0;
  ring::Port guest_port = 0;
  std::uint16_t tcp_port = 0;  ///< 0 = none: it is a pty's, or there is no console
  std::uint16_t telnet_port = 0;
  std::string path;  ///< of its socket, or the link to its pty; empty without a console
};

/// Creates the domain, has xend make its console (or only a port that waits for dom0), starts its process,
/// and sets it going unless `paused`.
Result<BuiltDomain> build_domain(LinuxHost& host, Privcmd& privcmd, const DomainSpec& spec);

/// In a domU's process and in the programs under it: what build_domain told them through the environment.
[[nodiscard]] DomainId domain_of_environment();
[[nodiscard]] domu::ShellInfo shell_info_of_environment();

}  // namespace ringside::tools
