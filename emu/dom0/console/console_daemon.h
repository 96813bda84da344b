// The part of a console daemon in dom0 that does not depend on how it reaches the guests: which domains have
// a console here, programs' requests, how a domain is suspended and resumed, and how it ends.
//
// xend and xenctld derive from it. They make the consoles, and open and close the channels: through xcs, or
// by mapping the guest's page. Programs send requests as lines of text on a socket (dom0_request.h). Domains
// without a request for a console are ignored. How a domain suspends: from the request on, new input waits
// here, and the suspend request follows the last input that was sent. So a guest that has suspended has read
// all sent input, and all its requests are answered: no message is in flight when its channel is closed.
// Resume: the hypervisor gives the guest another frame with the indices of the old one, the daemon opens a
// channel on that frame, and the reader continues.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emu/dom0/console/console.h"
#include "emu/dom0/console/domain_life.h"
#include "emu/dom0/console/suspension.h"
#include "emu/dom0/requests/control_calls.h"
#include "emu/dom0/requests/dom0_request.h"
#include "emu/dom0/requests/line_server.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"

namespace ringside::dom0 {

/// Readers that still receive the output of a domain that has ended.
inline constexpr std::size_t last_readers_max = 64;

class ConsoleDaemon {
 public:
  ConsoleDaemon(const ConsoleDaemon&) = delete;
  ConsoleDaemon& operator=(const ConsoleDaemon&) = delete;

  /// With `withhold`, takes the guests' messages without answering them, like a daemon with a fault; without
  /// it, answers again, withheld ones first.
  void withhold_answers(bool withhold);

 protected:
  using Client = LineServer::ClientId;

  struct Options {
    std::string name;               ///< the daemon's, for its messages
    std::string reader;             ///< the word for a reader of a console in messages
    std::string management_socket;  ///< where programs connect
    std::string console_directory;  ///< where the files console-<domid>.kept are
    ConsoleStore::Shape store_shape;
  };
  ConsoleDaemon(Host& host, trace::Journal journal, Privcmd privcmd, Options options);
  virtual ~ConsoleDaemon();

  /// The channel to a domain.
  enum class Link : std::uint8_t { none, opening, open };

  struct Domain {
    Domain(Host& host, LineServer& server) : suspension(host, server) {}

    DomainId id = 0;
    std::uint32_t frame = 0;  ///< of its shared_info; another one means another domain with the same id
    Link link = Link::none;
    ring::Port local_port = any_port;
    ring::Port guest_port = any_port;
    Client creator = 0;    ///< the client that waits for its console; 0 = none
    Client resumer = 0;    ///< the client that waits until the domain has suspended, to resume it; 0 = none
    Client successor = 0;  ///< the client that waits for the console of the next domain of this id; 0 = none
    bool ending = false;   ///< has ended; its last output may still be in flight
    bool ended = false;    ///< has ended and is kept: it crashed, or is to be preserved
    bool suspended = false;         ///< has no channel, and gets one when it is resumed
    bool kept = true;               ///< its file exists, for the next daemon
    bool may_have_channel = false;  ///< an earlier daemon may have died before it could close the channel
    Suspension suspension;          ///< that a client waits for
    bool unsettled = false;         ///< its console has received something since it was last settled
    ConsoleGuest guest;
    std::unique_ptr<ControlCalls> control;
    std::unique_ptr<Console> console;
  };

  // -- implemented by xend and by xenctld
  /// How messages reach the guest and return, except `reader_left`.
  [[nodiscard]] virtual ConsoleGuest guest_of(Domain& domain) = 0;
  /// Makes `domain.console`, ready for readers.
  [[nodiscard]] virtual Result<> make_console(Domain& domain, ConsoleStore store) = 0;
  /// Why no channel can be opened now; empty if one can.
  [[nodiscard]] virtual std::string_view cannot_open() const { return {}; }
  /// Opens a channel at the ports in `domain`, as far as they are given, and stores the channel's ports
  /// there. Calls channel_opened() or channel_failed(), now or later.
  virtual void open_channel(Domain& domain) = 0;
  /// Closes the channel, which was open, and calls `closed` when that is done.
  virtual void close_channel(Domain& domain, const std::function<void()>& closed) = 0;
  /// The domain has ended, and its channel may have been lost before that. Gives the console the output that
  /// is kept elsewhere.
  virtual void take_output_elsewhere(Domain& /*domain*/) {}
  /// That output is no longer needed.
  virtual void forget_output_elsewhere(DomainId /*id*/) {}
  /// The same for a domain that ended while no daemon was running. Returns the bytes that `store` never had.
  [[nodiscard]] virtual std::size_t count_output_elsewhere(DomainId /*id*/, const ConsoleStore& /*store*/) {
    return 0;
  }
  /// frame_moves(): a domain that resumes is about to get another frame. frame_moved(): it has `frame` now;
  /// empty: it got none.
  virtual void frame_moves(DomainId /*id*/) {}
  virtual void frame_moved(DomainId /*id*/, std::optional<std::uint32_t> /*frame*/) {}
  /// The domain ended while no daemon was running: its channel may still be open.
  virtual void free_channel(DomainId /*id*/) {}
  /// The report of the domain's end may have overtaken the guest's last output. Takes that output from the
  /// open channel, and calls last_output_came(), now or later.
  virtual void take_last_output(Domain& domain) = 0;

  // -- called by xend and xenctld
  [[nodiscard]] Result<> listen() { return server_.listen(options_.management_socket); }
  [[nodiscard]] Domain* find(DomainId id);
  /// Takes over the consoles of an earlier daemon. check_all() finds out how their domains have changed
  /// since.
  [[nodiscard]] Result<> adopt_domains();
  /// Opens the channel of each domain that should have one.
  void open_channels();
  void channel_opened(Domain& domain);
  void channel_failed(Domain& domain, const std::string& why);
  /// The channel is lost: messages in flight are lost or will be offered again.
  void channel_lost(Domain& domain, const std::string& why);
  void last_output_came(DomainId id);
  /// The guest has answered the message with that tag.
  static void take_response(Domain& domain, const ring::ControlMessage& answer, std::uint32_t tag);
  /// Asks for the state of the domains: the hypervisor has announced that some have ended or are suspended.
  void check_all();

  Host& host_;
  trace::Journal journal_;
  Privcmd privcmd_;
  DomainLives lives_;

 private:
  // The life of a domain (console_daemon.cc).
  Result<Domain*> make_domain(DomainId id);
  Result<Domain*> add_domain(const DomainInfo& info, ConsoleStore store);
  [[nodiscard]] std::string store_path(DomainId id) const;
  void start_channel(Domain& domain);
  void stop_channel(Domain& domain, const std::function<void()>& closed);
  void check(Domain& domain);
  void end(Domain& domain);
  void end_as(Domain& domain, Life life);
  void has_suspended(Domain& domain);
  void remove(Domain& domain);
  void remove_gone(Domain& domain);
  void count_and_forget(Domain& domain);
  void forget_store(Domain& domain);
  void reader_left();
  void forget_last_readers();

  // Requests (console_requests.cc).
  void take_request(Client client, std::string_view line);
  void ask_consoles(Client client);
  void ask_console(Client client, DomainId id);
  [[nodiscard]] static std::string console_answer(const Domain& domain);
  void ask_forget(Client client, DomainId id);
  void ask_domain(Client client, Domain& domain, const Dom0Request& request);
  void ask_suspend(Client client, Domain& domain, const ring::ControlMessage& message);
  void suspend_failed(Domain& domain, const std::string& why);
  void ask_resume(Client client, DomainId id);
  void resume_later(Domain& domain);
  void fail_requests(Domain& domain, const std::string& why);

  Options options_;
  LineServer server_;
  ControlIds control_ids_;

 protected:
  std::vector<std::unique_ptr<Domain>> domains_;  ///< by id

 private:
  std::deque<std::unique_ptr<Domain>> last_readers_of_;  ///< domains that are gone, except for a reader
  Host::TimerId last_reader_timer_ = 0;
  bool answers_withheld_ = false;
};

}  // namespace ringside::dom0
