// xenctld: one daemon in the place of xcs and xend. It maps each domain's page itself, answers every request
// of its guest, and keeps a console for each domain that it was asked to (xenctld_console.h).
//
// It reaches the guests through one Channel each and the hypervisor through Privcmd, and programs ask it for
// things in lines of text (dom0_request.h). Started again after its death it takes up the consoles that it
// had, and leaves alone the domains whose other end is somebody else's. Two of them, or it and xcs, must not
// serve one machine.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "emu/dom0/channel/channel.h"
#include "emu/dom0/channel/event_device.h"
#include "emu/dom0/console/domain_life.h"
#include "emu/dom0/console/suspension.h"
#include "emu/dom0/requests/control_calls.h"
#include "emu/dom0/requests/dom0_request.h"
#include "emu/dom0/requests/line_server.h"
#include "emu/dom0/xenctld/xenctld_console.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"

namespace ringside::dom0 {

/// Readers who are still being shown the output of a domain that is gone.
inline constexpr std::size_t last_readers_max = 64;

struct XenctldOptions {
  std::string management_socket;      ///< where programs ask
  std::string console_directory;      ///< where the links pty-<domid> go, and console-<domid>.kept
  std::size_t queue_limit_bytes = 0;  ///< of each console, see XenctldConsole
};

class Xenctld {
 public:
  Xenctld(Host& host, trace::Journal journal, Privcmd privcmd, XenctldOptions options);
  ~Xenctld();
  Xenctld(const Xenctld&) = delete;
  Xenctld& operator=(const Xenctld&) = delete;

  /// Takes up the domains that are there, and serves. Fails when the socket cannot be had or the hypervisor
  /// does not answer.
  Result<> start();

  /// Takes what guests say and answers none of it from here on, as a daemon of the time did that had a fault;
  /// or answers again, what was withheld first.
  void withhold_answers(bool withhold);

 private:
  using Client = LineServer::ClientId;

  struct Domain {
    Domain(Host& host, LineServer& server) : suspension(host, server) {}

    DomainId id = 0;
    std::uint32_t frame = 0;  ///< the number of its shared_info: another one is another domain of the same id
    bool ended = false;       ///< has ended, and is kept: it crashed, or is to be preserved
    bool suspended = false;   ///< has no channel, and gets one when it is resumed
    Suspension suspension;    ///< that somebody waits for
    bool unsettled = false;   ///< its channel brought something since its console was last settled
    std::unique_ptr<Channel> channel;
    std::unique_ptr<XenctldConsole> console;
    std::unique_ptr<ControlCalls> control;
  };

  // The life of a domain (xenctld_domains.cc).
  [[nodiscard]] Domain* find(DomainId id);
  void take_up(const DomainInfo& info);
  Result<Domain*> make_domain(DomainId id);
  Result<Domain*> add_domain(const DomainInfo& info, ConsoleStore store);
  [[nodiscard]] Result<> open_channel(Domain& domain);
  [[nodiscard]] std::string store_path(DomainId id) const;
  [[nodiscard]] ConsoleGuest guest_of(Domain& domain);
  [[nodiscard]] Channel::Events events_of(Domain& domain);
  [[nodiscard]] static Channel::Send send(Domain& domain, const ring::ControlMessage& message,
                                          std::uint32_t tag);
  void take_response(Domain& domain, const ring::ControlMessage& answer, std::uint32_t tag);
  void settle(Domain& domain);
  void check_all();
  void check(Domain& domain);
  void end(Domain& domain, const std::string& why, std::string crash_notice = {});
  void remove(Domain& domain);
  void forget_last_readers();

  // Sleep (xenctld_suspend.cc).
  void ask_suspend(Client client, Domain& domain, const ring::ControlMessage& message);
  void suspend_failed(Domain& domain, const std::string& why);
  void lay_down(Domain& domain);
  void ask_resume(Client client, DomainId id);

  // Events (xenctld.cc).
  Result<> bind_virq();
  void read_events();

  // Requests (xenctld.cc).
  void take_request(Client client, std::string_view line);
  void ask_console(Client client, DomainId id);
  void ask_consoles(Client client);
  void forget(Client client, DomainId id);
  void ask_domain(Client client, Domain& domain, const Dom0Request& request);
  void answer_outcome(Client client, const Result<>& outcome);
  [[nodiscard]] static std::string console_answer(const Domain& domain);

  void hypervisor_gone(const Error& error);

  Host& host_;
  trace::Journal journal_;
  Privcmd privcmd_;
  DomainLives lives_;
  XenctldOptions options_;
  LineServer server_;
  std::unique_ptr<EventDevice> events_;
  ChannelCounters counters_;
  ControlIds control_ids_;
  ring::Port virq_port_ = 0;
  std::vector<std::unique_ptr<Domain>> domains_;         ///< by id
  std::deque<std::unique_ptr<Domain>> last_readers_of_;  ///< domains that are gone, but for a reader
  bool answers_withheld_ = false;
  Host::TimerId settle_timer_ = 0;
  Host::TimerId check_timer_ = 0;
  Host::TimerId last_reader_timer_ = 0;
};

}  // namespace ringside::dom0
