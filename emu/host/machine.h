// Where a machine keeps its things: one directory, mode 0700, with sockets, pid files, logs and journals by
// name. Files of others may lie there too: none is touched. What a machine makes has one of the names below
// and no other; machine_lock.h says whose directory it is.
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
  /// All that a machine may have. The others end when the hypervisor does, so it comes first.
  static constexpr std::array processes{"xen", "xcs", "xend", "xenctld", "dom0"};

  /// A relative path is one of the current directory; it is kept as an absolute one, which others understand.
  explicit Machine(const std::string& directory);

  /// $RINGSIDE_DIR, else $XDG_RUNTIME_DIR/ringside, else /tmp/ringside-<uid>.
  [[nodiscard]] static std::string default_directory();
  /// Fails when the path is too long for that of a socket inside it.
  [[nodiscard]] Result<> check_path() const;
  /// Fails when it is no directory, belongs to somebody else or is open to others.
  [[nodiscard]] Result<> check() const;
  /// The first name in the directory that is one of a machine's; the lock file is left out.
  [[nodiscard]] std::optional<std::string> find_foreign() const;
  /// Removes what processes keep in files for their successors. For a new hypervisor, whose domains are
  /// others.
  void forget_kept() const;
  /// Removes the files of domains that are no more. A log that is not empty stays.
  void forget_domains(const std::function<bool(DomainId domain)>& lives) const;
  /// Removes what the machine's processes left; the directory too if the machine made it and nothing else is
  /// in it. Nothing happens in a directory that holds no machine. Not while somebody may start one there: the
  /// caller has its lock, or the directory is temporary. Of processes that still live, what they need to be
  /// found stays, and the last of them removes it.
  void remove() const;

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::string lock_file() const { return directory_ + "/ringside.lock"; }
  [[nodiscard]] std::string xen_socket() const { return directory_ + "/xen.sock"; }
  [[nodiscard]] std::string xcs_socket() const { return directory_ + "/xcs_socket"; }
  [[nodiscard]] std::string xend_socket() const { return directory_ + "/xend.sock"; }
  [[nodiscard]] std::string xenctld_socket() const { return directory_ + "/xenctld.sock"; }
  /// The link to a domain's pty, under xenctld.
  [[nodiscard]] std::string pty_link(DomainId domain) const {
    return directory_ + "/pty-" + std::to_string(domain);
  }
  /// The link to the far end of the serial line, where that is a pty.
  [[nodiscard]] std::string com1_link() const { return directory_ + "/com1"; }
  /// What goes wrong on purpose, if anything does.
  [[nodiscard]] std::string faults_file() const { return directory_ + "/faults"; }
  /// Where a person sits down before dom0's keyboard and screen.
  [[nodiscard]] std::string keyboard_socket() const { return directory_ + "/keyboard"; }
  /// Where the program of a scenario's guest finds the scenario.
  [[nodiscard]] std::string puppet_socket(DomainId domain) const {
    return directory_ + "/puppet-" + std::to_string(domain);
  }
  /// How a domain was created.
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
  /// The environment setting by which everything that runs in a domain can be found.
  [[nodiscard]] std::string domain_mark(DomainId domain) const {
    return domains_mark() + std::to_string(domain);
  }
  /// How the marks of all its domains begin.
  [[nodiscard]] std::string domains_mark() const { return "RINGSIDE_DOMAIN=" + directory_ + "#"; }

 private:
  std::string directory_;
};

}  // namespace ringside
