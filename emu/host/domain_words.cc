// Names of reasons and signals.
#include "emu/host/domain_words.h"

#include <fmt/format.h>

#include <csignal>

namespace ringside {

std::string_view reason_name(ShutdownReason reason) {
  switch (reason) {
    case ShutdownReason::poweroff:
      return "poweroff";
    case ShutdownReason::reboot:
      return "reboot";
    case ShutdownReason::suspend:
      return "suspend";
    case ShutdownReason::crash:
      return "crash";
  }
  return "";
}

std::string_view signal_name(int signal) {
  switch (signal) {
    case SIGHUP:
      return "SIGHUP";
    case SIGINT:
      return "SIGINT";
    case SIGQUIT:
      return "SIGQUIT";
    case SIGILL:
      return "SIGILL";
    case SIGTRAP:
      return "SIGTRAP";
    case SIGABRT:
      return "SIGABRT";
    case SIGBUS:
      return "SIGBUS";
    case SIGFPE:
      return "SIGFPE";
    case SIGKILL:
      return "SIGKILL";
    case SIGUSR1:
      return "SIGUSR1";
    case SIGSEGV:
      return "SIGSEGV";
    case SIGUSR2:
      return "SIGUSR2";
    case SIGPIPE:
      return "SIGPIPE";
    case SIGALRM:
      return "SIGALRM";
    case SIGTERM:
      return "SIGTERM";
    case SIGXCPU:
      return "SIGXCPU";
    case SIGXFSZ:
      return "SIGXFSZ";
    case SIGSYS:
      return "SIGSYS";
    default:
      return "";
  }
}

std::string crash_text(const DomainInfo& info) {
  if (info.signal == SIGSYS)
    return fmt::format("killed by signal {} (SIGSYS: a system call that it may not make)", SIGSYS);
  if (info.signal != 0) {
    const std::string_view name = signal_name(info.signal);
    return fmt::format("killed by signal {}{}", info.signal, name.empty() ? "" : fmt::format(" ({})", name));
  }
  // Reported by the guest itself; otherwise not known.
  if (info.exit_status == unknown_crash_status) return "its process ended, and its status is unknown";
  return fmt::format("it ended with status {} and without shutting down", info.exit_status);
}

}  // namespace ringside
