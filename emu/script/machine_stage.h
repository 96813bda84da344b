// The common part of a simulated machine and a machine of processes, as stages: users and raw clients, direct
// writes to a domain's page, and acts that are single hypercalls. Everything here uses Host only. The derived
// stages own the parts of the machine.
//
// machine_users.cc has users at consoles and ptys, machine_clients.cc raw clients of xcs, machine_pages.cc
// the pages, machine_faults.cc injected faults.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emu/host/fault_rule.h"
#include "emu/script/stage.h"
#include "emu/script/wire.h"
#include "emu/trace/journal.h"

namespace ringside::script {

/// The longest time that an act in a simulated machine waits for an answer of dom0.
inline constexpr Duration stage_patience = std::chrono::seconds(1);

class MachineStage : public Stage {
 public:
  Result<> pause(DomainId domain) override { return privcmd().domain_pause(domain); }
  Result<> unpause(DomainId domain) override { return privcmd().domain_unpause(domain); }
  Result<> destroy(DomainId domain) override { return privcmd().domain_destroy(domain); }
  Result<> suspend(DomainId domain) override;
  Result<> resume(DomainId domain) override;

  Result<> write_slot(trace::Actor who, DomainId domain, ring::Ring ring, std::uint32_t slot,
                      trace::SlotUse use, const ring::ControlMessage& message) override;
  Result<> set_index(trace::Actor who, DomainId domain, ring::Ring ring, trace::IndexName index,
                     std::uint32_t value) override;
  Result<std::uint32_t> read_index(DomainId domain, ring::Ring ring, trace::IndexName index) override;
  Result<> set_byte_index(trace::Actor who, DomainId domain, trace::ByteIndex index,
                          std::uint32_t value) override;
  Result<std::uint32_t> read_byte_index(DomainId domain, trace::ByteIndex index) override;
  Result<> fill(trace::Actor who, DomainId domain, ring::Ring ring) override;
  Result<> notify(trace::Actor who, trace::Actor peer) override;

  Result<> user_connects(const std::string& user, DomainId domain, Way way) override;
  Result<> user_disconnects(const std::string& user) override;
  Result<> user_ends_typing(const std::string& user) override;
  Result<> user_types(const std::string& user, std::string_view text, Typing typing) override;
  Result<> user_reads(const std::string& user, bool reads) override;
  Result<> pty_attaches(const std::string& pty, DomainId domain) override;
  Result<> pty_detaches(const std::string& pty) override;
  Result<> pty_types(const std::string& pty, std::string_view text, Typing typing) override;
  Result<> uart_types(std::string_view text, Typing typing) override;

  Result<> client_opens(const std::string& client, Lane lane) override;
  Result<> client_connects(const std::string& client) override;
  Result<> client_closes(const std::string& client, Lane lane) override;
  Result<> client_sends(const std::string& client, Lane lane, Bytes bytes) override;
  Result<> client_reads(const std::string& client, bool reads) override;
  Result<> client_answers(const std::string& client, bool answers) override;
  [[nodiscard]] Result<std::vector<dom0::XcsMessage>> client_received(const std::string& client,
                                                                      Lane lane) const override;
  [[nodiscard]] bool client_cut_off(const std::string& client, Lane lane) const override;
  [[nodiscard]] std::uint64_t client_session(const std::string& client) const override;
  [[nodiscard]] std::uint32_t client_number(const std::string& client, Lane lane) const override;
  Result<Privcmd::PortPair> console_ports(DomainId domain) override;

  [[nodiscard]] bool user_cut_off(const std::string& user) const override;
  [[nodiscard]] std::string_view user_saw(const std::string& user) const override;
  [[nodiscard]] std::string_view pty_showed(const std::string& pty) const override;
  [[nodiscard]] std::string_view uart_showed() const override { return uart_showed_; }
  [[nodiscard]] trace::Actor user_actor(const std::string& user) const override;
  [[nodiscard]] trace::Actor pty_actor(const std::string& pty) const override;

 protected:
  explicit MachineStage(StagePlan plan) : plan_(std::move(plan)) {}

  // -- implemented by the derived stages
  /// The connection of the tools that build domains.
  virtual Privcmd& privcmd() = 0;
  /// Their host.
  virtual Host& tools_host() = 0;
  /// The host through which a user or client acts. The same name gives the same host.
  virtual Host& host_for(const std::string& name) = 0;
  virtual trace::Journal journal(trace::Actor self) = 0;
  /// Waits a limited time for `condition`. False: it was not true by then.
  [[nodiscard]] virtual bool run_until(const std::function<bool()>& condition) = 0;
  struct Console {
    std::uint16_t tcp_port = 0;
    std::string path;
  };
  /// The console of a domain that was created by this stage.
  virtual Result<Console> console_of(DomainId domain) = 0;
  virtual Result<std::byte*> page_of(DomainId domain) = 0;
  /// page_of() returns the domain's present page from now on.
  virtual Result<> map_page(DomainId domain) = 0;
  /// A second connection that acts for the domain, besides the domain's own.
  struct DomainAccess {
    Host* host;
    Privcmd* calls;
  };
  virtual Result<DomainAccess> access_to(DomainId domain) = 0;
  struct Sockets {
    std::string xcs;
    std::string xend;
    std::string xenctld;
    std::string xenconsoled;

    [[nodiscard]] const std::string& of(Daemon daemon) const;
  };
  virtual const Sockets& sockets() const = 0;
  /// Called after a connection to xcs was made: waits until xcs has accepted it, and returns its number in
  /// xcs's entries. 0: xcs is stalled.
  virtual std::uint32_t number_of_new_client() = 0;

  /// The name under which faults find an actor's host.
  [[nodiscard]] virtual std::string fault_name(trace::Actor actor) const = 0;

  // -- for derived stages
  [[nodiscard]] const StagePlan& plan() const { return plan_; }
  StagePlan& plan() { return plan_; }
  /// Sends one request to the daemon that keeps the consoles. Returns the answer without its "ok ".
  [[nodiscard]] Result<std::string> ask(const std::string& line);
  /// The console's present ports and path, from xend.
  [[nodiscard]] Result<Console> present_console(DomainId domain);
  [[nodiscard]] Daemon console_keeper() const { return script::console_keeper(plan_.dom0); }
  [[nodiscard]] static Error not_of_2005(const char* what, DomainId domain);
  /// EINVAL: this machine has no such process.
  [[nodiscard]] Result<> check_daemon(Daemon daemon) const;
  /// The host's name of the client whose connection has this number in xcs.
  [[nodiscard]] std::optional<std::string> host_of_client(std::uint32_t number) const;
  /// The numbers of all connections of that client.
  [[nodiscard]] std::vector<std::uint32_t> numbers_of_client(std::uint32_t number) const;
  /// The fault as a rule between names of hosts. Replaces dom0 in `fault` by the process that is meant.
  /// EINVAL: such data do not pass between those two.
  [[nodiscard]] Result<FaultRule> rule_of(StageFault& fault) const;
  /// Connects a user to the far end of the serial line.
  void connect_uart(Handle stream);
  /// Closes all streams. Must be called before their hosts are destroyed.
  void close_streams();

  /// Counts everything that users and clients have received, and ends of their streams, since the journal may
  /// have no entry for these.
  std::uint64_t arrivals_ = 0;

 private:
  struct ConsoleUser {
    trace::Actor actor;
    Host* host = nullptr;
    DomainId domain = 0;
    std::unique_ptr<Wire> wire;
    std::string saw;
  };
  using ConsoleUsers = std::map<std::string, ConsoleUser>;

  struct ClientLane {
    std::unique_ptr<Wire> wire;
    std::vector<std::uint8_t> begun;  ///< the received part of an incomplete frame
    std::vector<dom0::XcsMessage> frames;
    std::uint32_t number = 0;
  };
  struct Client {
    std::string host_name;
    Host* host = nullptr;
    std::array<ClientLane, 2> lanes;  ///< by Lane
    bool reads = true;
    bool answers = false;
    std::uint64_t session = 0;
  };

  // Users (machine_users.cc).
  [[nodiscard]] static Error not_connected(const char* what, const std::string& name);
  [[nodiscard]] ConsoleUser& find_or_add(ConsoleUsers& users, const std::string& name);
  [[nodiscard]] static Result<ConsoleUser*> connected(ConsoleUsers& users, const std::string& name,
                                                      const char* what);
  void connect_user(ConsoleUser& console_user, DomainId domain, Handle stream, trace::Actor other);

  // Clients (machine_clients.cc).
  [[nodiscard]] Result<ClientLane*> open_lane(const std::string& client, Lane lane, const char* what);
  /// xcs names a connection by its number, and so do the client's entries.
  [[nodiscard]] static trace::Actor actor_of(const ClientLane& lane) {
    return trace::actor(trace::Role::client, lane.number);
  }
  void client_received_bytes(Client& client, Lane lane, Bytes bytes);
  void client_ended(Client& client, Lane lane);
  void client_frame(Client& client, Lane lane, const dom0::XcsMessage& frame);
  [[nodiscard]] Result<> client_calls(const std::string& client, Lane lane, const dom0::XcsMessage& frame);

  // Pages (machine_pages.cc).
  [[nodiscard]] Result<std::uint32_t*> index_word(DomainId domain, ring::Ring ring, trace::IndexName index);
  [[nodiscard]] Result<Mapping> byte_rings_of(DomainId domain);
  [[nodiscard]] Result<> send_up(DomainId domain);
  [[nodiscard]] Result<> raise_down(trace::Actor who, DomainId domain);
  [[nodiscard]] Result<> raise_up(DomainId domain);

  // Faults (machine_faults.cc).
  [[nodiscard]] Result<std::size_t> unit_of(const StageFault& fault) const;
  [[nodiscard]] trace::Role controller() const;

  StagePlan plan_;
  ConsoleUsers users_;
  ConsoleUsers ptys_;
  std::map<std::string, Client> clients_;
  std::uint32_t users_numbered_ = 0;
  std::uint32_t clients_made_ = 0;
  std::unique_ptr<Wire> uart_;
  std::string uart_showed_;
};

}  // namespace ringside::script
