// xend, only its consoles: the console daemon (console_daemon.h) behind xcs.
//
// It reaches the guests only through the two sockets of xcs, and the hypervisor through Privcmd.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "emu/base/quirks.h"
#include "emu/dom0/console/console_daemon.h"
#include "emu/dom0/xcs/xcs_link.h"

namespace ringside::dom0 {

struct XendOptions {
  std::string xcs_socket;
  std::string management_socket;  ///< where programs connect
  std::string console_directory;  ///< where console-<port> sockets and console-<domid>.kept files are
  std::uint16_t console_port_base = 9600;  ///< TCP ports are this plus the domain id; 0 = any free
  Quirks quirks = {};
  std::uint64_t seed = 2005;  ///< of the order in which threads would run: see Quirk::xend_reorder
};

class Xend : public ConsoleDaemon {
 public:
  Xend(Host& host, trace::Journal journal, Privcmd privcmd, XendOptions options);

  /// Connects to xcs and serves the request socket; calls `ready` once xcs has given it a session. Fails when
  /// xcs is not running or the socket cannot be opened.
  Result<> start(std::function<void()> ready);

 private:
  // Frames from xcs.
  void link_up();
  void serve_domains();
  void link_down();
  void take_frame(const XcsMessage& frame);
  void run_threads();
  void batch_done();
  void wire_ready();

  // Consoles and channels.
  [[nodiscard]] ConsoleGuest guest_of(Domain& domain) override;
  [[nodiscard]] Result<> make_console(Domain& domain, ConsoleStore store) override;
  [[nodiscard]] std::string_view cannot_open() const override;
  void open_channel(Domain& domain) override;
  void bind_channel(Domain& domain);
  void close_channel(Domain& domain, const std::function<void()>& closed) override;
  void free_channel(DomainId id) override;
  void take_last_output(Domain& domain) override;
  // What xcs has answered early, read from its file (EarlyStore).
  [[nodiscard]] std::string early_path(DomainId id) const;
  void take_output_elsewhere(Domain& domain) override;
  void forget_output_elsewhere(DomainId id) override;
  [[nodiscard]] std::size_t count_output_elsewhere(DomainId id, const ConsoleStore& store) override;
  void frame_moves(DomainId id) override;
  void frame_moved(DomainId id, std::optional<std::uint32_t> frame) override;

  XendOptions options_;
  std::function<void()> ready_;
  XcsLink link_;
  std::vector<DomainId> unsettled_;
  std::vector<DomainId> marks_due_;  ///< domains whose marks are to be sent when xcs takes frames again
  std::vector<XcsMessage>
      threads_;  ///< a quirk: requests of this batch, each to be run as if in its own thread
  std::mt19937_64 schedule_;
  bool check_due_ = false;
  std::uint32_t sessions_lost_ = 0;  ///< with xcs
};

}  // namespace ringside::dom0
