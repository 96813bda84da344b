// xend, as far as consoles need it: keeps a console for each domain that it was asked to, answers every
// request of those domains, and clears up when the hypervisor says that a domain has ended.
//
// It reaches the guests only through the two sockets of xcs, and the hypervisor through Privcmd. Programs ask
// it for things in lines of text on a socket of its own (dom0_request.h). Domains that nobody asked it to
// keep a console for are none of its business.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "emu/dom0/console/domain_life.h"
#include "emu/dom0/console/suspension.h"
#include "emu/dom0/requests/control_calls.h"
#include "emu/dom0/requests/dom0_request.h"
#include "emu/dom0/requests/line_server.h"
#include "emu/dom0/xcs/xcs_link.h"
#include "emu/dom0/xend/xend_console.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"

namespace ringside::dom0 {

/// Viewers who are still being shown the output of a domain that is gone.
inline constexpr std::size_t last_viewers_max = 64;

struct XendOptions {
  std::string xcs_socket;
  std::string management_socket;           ///< where programs ask
  std::string console_directory;           ///< where console-<port> sockets and console-<domid>.kept files go
  std::uint16_t console_port_base = 9600;  ///< TCP ports are this plus the domain id; 0 = any free
  Quirks quirks = {};
  std::uint64_t seed = 2005;  ///< of the order in which threads would have run: see Quirk::xend_reorder
};

class Xend {
 public:
  Xend(Host& host, trace::Journal journal, Privcmd privcmd, XendOptions options);
  ~Xend();
  Xend(const Xend&) = delete;
  Xend& operator=(const Xend&) = delete;

  /// Connects to xcs and serves the request socket; `ready` is called once xcs has given it a session. Fails
  /// when xcs is not there or the socket cannot be had.
  Result<> start(std::function<void()> ready);

  /// Takes what guests say and answers none of it from here on, as a daemon of the time did that had a fault;
  /// or answers again, what was withheld first.
  void withhold_answers(bool withhold);

 private:
  using Client = LineServer::ClientId;

  /// The channel to a domain, as xcs keeps it for this session.
  enum class Link : std::uint8_t { none, opening, open };

  struct Domain {
    Domain(Host& host, LineServer& server) : suspension(host, server) {}

    DomainId id = 0;
    std::uint32_t frame = 0;  ///< the number of its shared_info: another one is another domain of the same id
    Link link = Link::none;
    ring::Port local_port = any_port;
    ring::Port guest_port = any_port;
    Client creator = 0;             ///< waits for its console; 0 = has it
    bool ending = false;            ///< has ended; what it said last may still be on its way through xcs
    bool mark_due = false;          ///< ending, and xcs takes no frame now: its mark is to be sent
    bool ended = false;             ///< has ended, and is kept: it crashed, or is to be preserved
    bool suspended = false;         ///< has no channel, and gets one when it is resumed
    bool may_have_channel = false;  ///< in xcs, from an earlier xend that died before it could free it
    Suspension suspension;          ///< that somebody waits for
    bool unsettled = false;         ///< something came for its console in this batch
    std::unique_ptr<ControlCalls> control;
    std::unique_ptr<XendConsole> console;
  };

  // What xcs tells (xend.cc).
  void link_up();
  void open_channels();
  void link_down();
  void take_frame(const XcsMessage& frame);
  void run_threads();
  void batch_done();
  void wire_ready();

  // The life of a domain (xend_domains.cc).
  [[nodiscard]] Domain* find(DomainId id);
  Result<Domain*> make_domain(DomainId id);
  Result<Domain*> add_domain(const DomainInfo& info, ConsoleStore store);
  [[nodiscard]] std::string store_path(DomainId id) const;
  void adopt_domains();
  void free_channel_of_earlier(DomainId id);
  [[nodiscard]] ConsoleGuest guest_of(Domain& domain);
  [[nodiscard]] XendViewers viewers_of(DomainId id);
  void open_channel(Domain& domain, ring::Port local_port);
  void bind_channel(Domain& domain);
  void channel_opened(Domain& domain);
  void channel_failed(Domain& domain, const std::string& why);
  void check_all();
  void check(Domain& domain);
  void ask_for_the_rest(Domain& domain);
  void end_when_answered(DomainId id);
  void end(Domain& domain);
  void remove(Domain& domain);
  void forget_last_viewers();
  [[nodiscard]] Life life_of(const Domain& domain) { return lives_.life_of(domain.id, domain.frame); }

  // Requests (xend.cc).
  void take_request(Client client, std::string_view line);
  void ask_console(Client client, DomainId id);
  [[nodiscard]] static std::string opened_answer(const Domain& domain);
  void ask_consoles(Client client);
  void ask_control(Client client, Domain& domain, ring::ControlMessage message);

  // Sleep (xend_suspend.cc).
  void ask_suspend(Client client, Domain& domain, const ring::ControlMessage& message);
  void suspend_failed(Domain& domain, const std::string& why);
  void lay_down(Domain& domain);
  void ask_resume(Client client, DomainId id);
  [[nodiscard]] bool send_control(const Domain& domain, const ring::ControlMessage& message);

  void hypervisor_gone(const Error& error);

  Host& host_;
  trace::Journal journal_;
  Privcmd privcmd_;
  DomainLives lives_;
  XendOptions options_;
  std::function<void()> ready_;
  LineServer server_;
  XcsLink link_;
  std::vector<std::unique_ptr<Domain>> domains_;         ///< by id
  std::deque<std::unique_ptr<Domain>> last_viewers_of_;  ///< domains that are gone, but for a viewer
  std::vector<DomainId> unsettled_;
  std::vector<XcsMessage> threads_;  ///< a quirk: requests of this batch, each about to run in its own thread
  std::mt19937_64 schedule_;
  bool check_due_ = false;
  std::uint32_t sessions_lost_ = 0;  ///< with xcs
  bool answers_withheld_ = false;
  ControlIds control_ids_;
  Host::TimerId viewer_timer_ = 0;
};

}  // namespace ringside::dom0
