// What a daemon of dom0 does that keeps consoles, however it reaches the guests: which domains have a console
// here, what programs ask, how a domain is suspended and resumed, and how it ends.
//
// xend and xenctld derive from it. They make the consoles, and open and close the channels: through xcs, or
// by mapping the guest's page. Programs ask for things in lines of text on a socket (dom0_request.h). Domains
// without a request for a console are left alone.
//
// Suspending: from the request on, what is typed waits here, and the request to suspend follows the last
// input that was sent. So a guest that has suspended has read all input and has had all its own requests
// answered: nothing is under way when its channel is closed. Resuming: the hypervisor gives the guest another
// frame with the indices of the old one, a channel is opened on that frame, and its reader continues.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
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

/// Readers who are still being shown the output of a domain that is gone.
inline constexpr std::size_t last_readers_max = 64;

class ConsoleDaemon {
 public:
  ConsoleDaemon(const ConsoleDaemon&) = delete;
  ConsoleDaemon& operator=(const ConsoleDaemon&) = delete;

  /// Takes what guests say and answers none of it from here on, as a daemon of the time did that had a fault;
  /// or answers again, what was withheld first.
  void withhold_answers(bool withhold);

 protected:
  using Client = LineServer::ClientId;

  struct Options {
    std::string name;               ///< the daemon's, for its messages
    std::string reader;             ///< the word for a reader of a console in those messages
    std::string management_socket;  ///< where programs ask
    std::string console_directory;  ///< where the files console-<domid>.kept go
    ConsoleStore::Shape store_shape;
  };
  ConsoleDaemon(Host& host, trace::Journal journal, Privcmd privcmd, Options options);
  virtual ~ConsoleDaemon();

  /// The channel to a domain.
  enum class Link : std::uint8_t { none, opening, open };

  struct Domain {
    Domain(Host& host, LineServer& server) : suspension(host, server) {}

    DomainId id = 0;
    std::uint32_t frame = 0;  ///< the number of its shared_info: another one is another domain of the same id
    Link link = Link::none;
    ring::Port local_port = any_port;
    ring::Port guest_port = any_port;
    Client creator = 0;             ///< waits for its console; 0 = has it
    Client resumer = 0;             ///< waits until the domain has suspended, to resume it; 0 = no client
    Client successor = 0;           ///< waits until it has ended, for the console of the next of this id
    bool ending = false;            ///< has ended; what it said last may still be on its way
    bool ended = false;             ///< has ended, and is kept: it crashed, or is to be preserved
    bool suspended = false;         ///< has no channel, and gets one when it is resumed
    bool kept = true;               ///< its file is there, for the next daemon
    bool may_have_channel = false;  ///< open, from an earlier daemon that died before it could close it
    Suspension suspension;          ///< that a client waits for
    bool unsettled = false;         ///< something came for its console since that was last settled
    ConsoleGuest guest;
    std::unique_ptr<ControlCalls> control;
    std::unique_ptr<Console> console;
  };

  // -- what xend and xenctld do each in their own way
  /// How messages go to the guest and back, but for `reader_left`.
  [[nodiscard]] virtual ConsoleGuest guest_of(Domain& domain) = 0;
  /// Makes `domain.console`, ready for readers.
  [[nodiscard]] virtual Result<> make_console(Domain& domain, ConsoleStore store) = 0;
  /// Why no channel can be opened at present; empty if one can.
  [[nodiscard]] virtual std::string_view cannot_open() const { return {}; }
  /// Opens a channel at the ports in `domain`, as far as those are given, and sets them. Sees to it that
  /// channel_opened() or channel_failed() is called, now or later.
  virtual void open_channel(Domain& domain) = 0;
  /// Closes the channel, which was open, and calls `closed` when that is done.
  virtual void close_channel(Domain& domain, const std::function<void()>& closed) = 0;
  /// The domain ended while no daemon was there: its channel may still be open somewhere.
  virtual void free_channel(DomainId /*id*/) {}
  /// The news of the domain's end may have overtaken what its guest said last. Takes that from its open
  /// channel, and sees to it that last_output_came() is called.
  virtual void take_last_output(Domain& domain) = 0;

  // -- what they call
  [[nodiscard]] Result<> listen() { return server_.listen(options_.management_socket); }
  [[nodiscard]] Domain* find(DomainId id);
  /// Takes up the consoles that an earlier daemon had. Whatever happened to their domains meanwhile is found
  /// out by check_all().
  [[nodiscard]] Result<> adopt_domains();
  /// For all domains that should have one.
  void open_channels();
  void channel_opened(Domain& domain);
  void channel_failed(Domain& domain, const std::string& why);
  /// All that was under way is lost or comes again.
  void channel_lost(Domain& domain, const std::string& why);
  void last_output_came(DomainId id);
  /// The guest has answered what was sent under that tag.
  static void take_response(Domain& domain, const ring::ControlMessage& answer, std::uint32_t tag);
  /// Looks what has become of the domains: the hypervisor has said that some have ended or are suspended.
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
  void bury(Domain& domain);
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
  std::deque<std::unique_ptr<Domain>> last_readers_of_;  ///< domains that are gone, but for a reader
  Host::TimerId last_reader_timer_ = 0;
  bool answers_withheld_ = false;
};

}  // namespace ringside::dom0
