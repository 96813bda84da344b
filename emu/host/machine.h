// A machine's directory: mode 0700, with sockets, pid files, logs and journals by name. It may also hold
// other files; these are never changed. A file of the machine has one of the names below; machine_lock.h
// decides which process uses the directory.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>

#include "emu/base/check.h"
#include "emu/host/hypercall.h"

namespace ringside {

class Machine {
 public:
  /// All processes that a machine may have. The others end when the hypervisor ends, so it is the first.
  static constexpr std::array processes{"xen",  "xcs",       "xend",        "xenctld",
                                        "dom0", "xenstored", "xenconsoled", "toolstack"};

  /// A relative path starts at the current directory; it is kept as an absolute one, which other processes
  /// can use.
  explicit Machine(const std::string& directory);

  /// $RINGSIDE_DIR, else $XDG_RUNTIME_DIR/ringside, else /tmp/ringside-<uid>.
  [[nodiscard]] static std::string default_directory();
  /// Fails when the path is too long for a socket inside it.
  [[nodiscard]] Result<> check_path() const;
  /// Fails when it is not a directory, belongs to another user or is open to others.
  [[nodiscard]] Result<> check() const;
  /// For a directory that no machine has used: an entry that has the name of a machine's file, other than the
  /// lock file.
  [[nodiscard]] std::optional<std::string> find_foreign() const;
  /// Removes the files that processes keep for their successors. For a new hypervisor, which has other
  /// domains.
  void forget_kept() const;
  /// Removes the files of domains that no longer exist. A log that is not empty is kept.
  void forget_domains(const std::function<bool(DomainId domain)>& lives) const;
  /// Removes the files of the machine's processes; the directory too if the machine made it and nothing else
  /// is in it. Does nothing in a directory without a machine. Another process must not be able to start a
  /// machine there meanwhile: the caller has its lock, or the directory is temporary. Files by which living
  /// processes are found stay, and the last of these processes removes them.
  void remove() const;

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::string lock_file() const { return directory_ + "/ringside.lock"; }
  [[nodiscard]] std::string xen_socket() const { return directory_ + "/xen.sock"; }
  [[nodiscard]] std::string xcs_socket() const { return directory_ + "/xcs_socket"; }
  [[nodiscard]] std::string xend_socket() const { return directory_ + "/xend.sock"; }
  [[nodiscard]] std::string xenctld_socket() const { return directory_ + "/xenctld.sock"; }
  /// Where today's xenstored has its socket.
  [[nodiscard]] std::string store_directory() const { return directory_ + "/store"; }
  [[nodiscard]] std::string store_socket() const { return store_directory() + "/socket"; }
  /// Of ringside's own xenconsoled.
  [[nodiscard]] std::string xenconsoled_socket() const { return directory_ + "/xenconsoled.sock"; }
  /// The link to a domain's pty, under xenctld or ringside's own xenconsoled.
  [[nodiscard]] std::string pty_link(DomainId domain) const {
    return directory_ + "/pty-" + std::to_string(domain);
  }
  /// The link to the far end of the serial line, if that is a pty.
  [[nodiscard]] std::string com1_link() const { return directory_ + "/com1"; }
  /// The table of faults, if any are injected.
  [[nodiscard]] std::string faults_file() const { return directory_ + "/faults"; }
  /// The socket for a user at dom0's keyboard and screen.
  [[nodiscard]] std::string keyboard_socket() const { return directory_ + "/keyboard"; }
  /// The socket where the program of a scenario's guest finds the scenario.
  [[nodiscard]] std::string puppet_socket(DomainId domain) const {
    return directory_ + "/puppet-" + std::to_string(domain);
  }
  /// The settings with which a domain was created.
  [[nodiscard]] std::string spec_file(DomainId domain) const {
    return directory_ + "/dom" + std::to_string(domain) + ".spec";
  }
  [[nodiscard]] std::string pid_file(const std::string& process) const {
    return directory_ + "/" + process + ".pid";
  }
  [[nodiscard]] std::string log_file(const std::string& process) const {
    return directory_ + "/" + process + ".log";
  }
  [[nodiscard]] std::string journal_directory() const { return directory_ + "/journal"; }
  /// The environment setting that marks all processes in a domain.
  [[nodiscard]] std::string domain_mark(DomainId domain) const {
    return domains_mark() + std::to_string(domain);
  }
  /// The common beginning of the marks of all its domains.
  [[nodiscard]] std::string domains_mark() const { return "RINGSIDE_DOMAIN=" + directory_ + "#"; }

 private:
  std::string directory_;
};

}  // namespace ringside
