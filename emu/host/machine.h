// Where a machine keeps its things: one directory, mode 0700, with sockets, pid files, logs and journals by
// name.
#pragma once

#include <string>

#include "emu/base/check.h"
#include "emu/host/hypercall.h"

namespace ringside {

class Machine {
 public:
  /// Of the files that say how a domain was created.
  static constexpr const char* spec_suffix = ".spec";

  explicit Machine(std::string directory) : directory_(std::move(directory)) {}

  /// $RINGSIDE_DIR, else $XDG_RUNTIME_DIR/ringside, else /tmp/ringside-<uid>.
  [[nodiscard]] static std::string default_directory();
  /// Makes the directory (and its journal folder) if needed. Fails when it belongs to somebody else, is open
  /// to others, or is too long for the path of a socket inside it.
  [[nodiscard]] Result<> prepare() const;
  /// Removes what processes keep in files for their successors. For a new hypervisor, whose domains are
  /// others.
  void forget_kept() const;
  /// Removes what the machine's processes left, and the directory if nothing else is in it.
  void remove() const;

  [[nodiscard]] const std::string& directory() const { return directory_; }
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
