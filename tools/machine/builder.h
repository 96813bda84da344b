// Builds a machine of background processes, or a domain with its console, for the command line.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "emu/base/answer.h"
#include "emu/domu/shell.h"
#include "emu/host/hypercall.h"
#include "emu/host/linux_host.h"
#include "emu/host/machine_lock.h"
#include "ring/layout.h"
#include "tools/command.h"

namespace ringside::tools {

inline constexpr std::uint16_t default_console_port_base = 9600;

/// Adds --console-port-base, for a command that starts xend.
void add_port_base(Command command, std::uint16_t& port_base);

/// The daemons that serve the consoles of a machine.
enum class Dom0Kind {
  xcs_xend,     ///< xcs, the control switch, and xend, the console server behind it
  xenctld,      ///< one daemon instead of both
  xenconsoled,  ///< ringside's own xenconsoled: all domains are of today
};
/// Its daemon that keeps the consoles: "xend".
[[nodiscard]] const char* console_daemon(Dom0Kind kind);
/// The daemon at dom0's end of the rings: "xcs".
[[nodiscard]] const char* controller_name(Dom0Kind kind);

/// Adds --dom0, --answer and --queue-limit, for a command that starts a machine.
void add_dom0_options(Command command, struct MachineSpec& spec);
/// Adds --answer only.
void add_answer(Command command, Answer& answer);
/// Adds --queue-limit only.
void add_queue_limit(Command command, std::size_t& queue_limit_bytes);

struct MachineSpec {
  Dom0Kind dom0 = Dom0Kind::xcs_xend;
  Answer answer = Answer::xend;       ///< with xcs and xend
  std::size_t queue_limit_bytes = 0;  ///< for xenctld; 0 = no limit
  std::uint16_t console_port_base = default_console_port_base;
  bool dom0_kernel = false;  ///< also starts dom0's kernel, with ttys and a control channel of its own
  std::vector<std::string> dom0_words = {};              ///< options and program of `ringside dom0`
  std::vector<std::string> quirks = {};                  ///< names of quirks of xcs and xend
  std::vector<std::string> serial = {"--com1", "none"};  ///< options of `ringside xen`
  bool dies_with_us = false;                             ///< the machine ends with the calling process
};

/// Starts xen, which inherits the lock, then xcs and xend or xenctld. Each is ready before the next starts.
/// On failure it ends what it has started.
Result<> start_machine(LinuxHost& host, const MachineSpec& spec, const MachineLock& lock);
/// Starts a daemon of dom0 again, by name, after it has died.
Result<> start_daemon(LinuxHost& host, const MachineSpec& spec, const std::string& name);
/// Ends all processes of the machine, including its domains, and removes their files. The caller has held the
/// lock since before the machine was started.
void stop_machine(const MachineLock& lock);
/// The same for a machine that another process has started. Returns whether a machine was running. EBUSY:
/// other processes keep starting machines there.
Result<bool> take_down(const Machine& machine);

/// The kind of dom0 that runs on this machine; empty if none runs.
std::optional<Dom0Kind> running_dom0(const Machine& machine);

/// Sends one request line to the daemon that keeps the consoles. Returns the lines of the answer, without the
/// leading "ok ".
Result<std::vector<std::string>> ask_xend(LinuxHost& host, const std::string& request);

inline constexpr std::uint32_t memory_mib_min = memory_kib_min / 1024;
inline constexpr std::uint32_t memory_mib_max = memory_kib_max / 1024;

struct DomainSpec {
  DomainId domain = 0;  ///< 0 = the hypervisor chooses
  std::string name;
  ring::Abi abi = ring::Abi::sring;
  std::uint32_t memory_mib = 64;
  bool paused = false;        ///< stays paused after it is built
  bool dies_with_us = false;  ///< ends with the calling process
  bool preserve = false;      ///< stays in the list after its shutdown
  bool raw = false;
  bool quiet = false;
  bool external = false;            ///< `program` is the guest itself and uses the hypervisor directly
  bool today = false;               ///< its console is today's; see DomainInfo::today
  bool no_console = false;          ///< another program of dom0 serves the console; the domain stays paused
  std::vector<std::string> quirks;  ///< names of quirks of domu
  std::vector<std::string> boot_lines;  ///< printed by the guest as it boots, unless it is quiet
  std::vector<std::string> program;
  std::string directory;  ///< the working directory of its creation; only for a domain that is rebuilt
};

/// Adds --abi, --console and --raw, for a command that builds a domain. Returns --raw.
Option add_guest_options(Command command, DomainSpec& spec);

struct BuiltDomain {
  DomainId domain = 0;
  ring::Port guest_port = 0;
  std::uint16_t tcp_port = 0;  ///< 0 = none: the console is a pty, or there is no console
  std::uint16_t telnet_port = 0;
  std::string path;  ///< of its socket, of the link to its pty, or of its pty; empty without a console
};

/// Creates the domain, requests its console from the console's daemon (or from xenconsoled, through the
/// store; or makes only a port that waits for dom0), starts its process, and unpauses it unless `paused` or
/// `no_console`.
Result<BuiltDomain> build_domain(LinuxHost& host, Privcmd& privcmd, const DomainSpec& spec);

/// The values that build_domain passed through the environment, for a domU's process and its programs.
[[nodiscard]] DomainId domain_of_environment();
[[nodiscard]] domu::ShellInfo shell_info_of_environment();

}  // namespace ringside::tools
