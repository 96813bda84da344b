// A stage in one thread: a whole machine on the simulated host, made of the same components as the processes
// are, with people and raw clients around it. Whatever it could do in more than one way is drawn from one
// Choice, so that the same plan, acts and choice give the same journal, bit for bit, on any machine.
//
// It owns the world and everything in it. sim_stage.cc has the machine and its time, sim_guests.cc the
// domains, sim_people.cc people and clients, sim_stage_faults.cc what goes wrong.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emu/base/choice.h"
#include "emu/dom0/xcs.h"
#include "emu/dom0/xenctld.h"
#include "emu/dom0/xend.h"
#include "emu/domu/dom0_kernel.h"
#include "emu/domu/domain.h"
#include "emu/host/sim.h"
#include "emu/script/sim_wire.h"
#include "emu/script/stage.h"
#include "emu/trace/journal.h"
#include "emu/xen/hypervisor.h"

namespace ringside::script {

/// What each event costs of the virtual time: about what it costs of the real one.
inline constexpr Duration stage_event_time = std::chrono::microseconds(1);
/// How long the acts that wait do so: for the answers of a dom0 that is alive.
inline constexpr Duration stage_patience = std::chrono::seconds(1);

class ScriptedProgram;

class SimStage final : public Stage {
 public:
  SimStage(StagePlan plan, Choice choice);
  ~SimStage() override;
  SimStage(const SimStage&) = delete;
  SimStage& operator=(const SimStage&) = delete;

  /// All choices so far.
  [[nodiscard]] const Choice::Tape& tape() const { return choice_.tape(); }
  [[nodiscard]] SimWorld& world() { return world_; }

  Result<> start() override;

  Result<> create(DomainId domain, GuestProgram program) override;
  Result<> boot(DomainId domain, GuestProgram program) override;
  Result<> pause(DomainId domain) override;
  Result<> resume(DomainId domain) override;
  Result<> destroy(DomainId domain) override;
  Result<> kill(DomainId domain) override;

  Result<> print(DomainId domain, std::string_view text) override;
  Result<> log(DomainId domain, std::string_view text) override;
  Result<> end(DomainId domain, int status) override;
  Result<> answering(DomainId domain, bool answers) override;

  Result<> write_slot(trace::Actor who, DomainId domain, ring::Ring ring, std::uint32_t slot,
                      trace::SlotUse use, const ring::ControlMessage& message) override;
  Result<> set_index(trace::Actor who, DomainId domain, ring::Ring ring, trace::IndexName index,
                     std::uint32_t value) override;
  Result<std::uint32_t> read_index(DomainId domain, ring::Ring ring, trace::IndexName index) override;
  Result<> fill(trace::Actor who, DomainId domain, ring::Ring ring) override;
  Result<> notify(trace::Actor who, trace::Actor peer) override;

  Result<> user_connects(const std::string& user, DomainId domain, Way way) override;
  Result<> user_disconnects(const std::string& user) override;
  Result<> user_types(const std::string& user, std::string_view text, Typing typing) override;
  Result<> user_reads(const std::string& user, bool reads) override;
  Result<> pty_attaches(const std::string& pty, DomainId domain) override;
  Result<> pty_detaches(const std::string& pty) override;
  Result<> pty_types(const std::string& pty, std::string_view text, Typing typing) override;
  Result<> uart_types(std::string_view text, Typing typing) override;

  Result<> daemon_stops(Daemon daemon) override;
  Result<> daemon_starts(Daemon daemon) override;
  Result<> daemon_answers(Daemon daemon, bool answers) override;
  Result<> daemon_stalls(Daemon daemon) override;

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

  Result<> fault(const StageFault& fault) override;
  Result<> heal() override;

  [[nodiscard]] Time now() const override { return world_.now(); }
  bool advance(Time until) override { return world_.advance(until); }
  [[nodiscard]] bool settle(Time until) override;

  [[nodiscard]] std::string_view user_saw(const std::string& user) const override;
  [[nodiscard]] std::string_view pty_showed(const std::string& pty) const override;
  [[nodiscard]] std::string_view uart_showed() const override { return uart_showed_; }
  [[nodiscard]] std::string_view program_read(DomainId domain) const override;
  [[nodiscard]] std::vector<std::string> warnings() const override;
  [[nodiscard]] trace::Actor user_actor(const std::string& user) const override;
  [[nodiscard]] trace::Actor pty_actor(const std::string& pty) const override;

 private:
  /// Stamps entries and hands them to the listener.
  class Tap final : public trace::Sink {
   public:
    Tap(const SimWorld& world, JournalListener listener);
    void write(trace::Entry& entry) override;
    [[nodiscard]] std::uint64_t now_ns() const override {
      return static_cast<std::uint64_t>(world_.now().count());
    }
    /// When the last entry was written.
    [[nodiscard]] Time last() const { return last_; }

   private:
    const SimWorld& world_;
    JournalListener listener_;
    std::uint32_t listeners_;
    std::uint64_t steps_ = 0;
    Time last_{0};
  };

  struct Guest {
    SimHost* host = nullptr;
    Mapping page;  ///< as dom0 sees it
    ring::Port console_port = 0;
    std::uint16_t tcp_port = 0;
    std::string console_path;
    std::unique_ptr<domu::DomU> domu;
    ScriptedProgram* program = nullptr;  ///< once it runs; lives as long as the world
    std::string unprinted;               ///< said before it ran
    std::optional<Privcmd> hand;         ///< a second connection that speaks for it, for notify()
  };

  struct Person {
    trace::Actor actor;
    SimHost* host = nullptr;
    DomainId domain = 0;
    std::unique_ptr<SimWire> wire;
    std::string saw;
  };
  using People = std::map<std::string, Person>;

  struct ClientLane {
    std::unique_ptr<SimWire> wire;
    std::vector<std::uint8_t> begun;  ///< a frame that is not whole yet
    std::vector<dom0::XcsMessage> frames;
    std::uint32_t number = 0;
  };
  struct Client {
    SimHost* host = nullptr;
    std::array<ClientLane, 2> lanes;  ///< by Lane
    bool reads = true;
    bool answers = false;
    std::uint64_t session = 0;
  };

  // The machine (sim_stage.cc).
  [[nodiscard]] SimHost& host(const std::string& name);
  [[nodiscard]] trace::Journal journal(trace::Actor self) { return {tap_, self}; }
  [[nodiscard]] bool run_until(const std::function<bool()>& condition);
  [[nodiscard]] Result<std::string> ask(const std::string& line);
  [[nodiscard]] Result<> check_daemon(Daemon daemon) const;
  [[nodiscard]] Result<> start_daemon(Daemon daemon);
  void drop_daemon(Daemon daemon);

  // Domains (sim_guests.cc).
  [[nodiscard]] Result<Guest*> guest(DomainId domain);
  [[nodiscard]] Result<> boot_dom0();
  [[nodiscard]] Result<Guest*> unprivileged(DomainId domain);
  [[nodiscard]] Result<> make_process(DomainId domain, Guest& made, GuestProgram program);
  [[nodiscard]] std::unique_ptr<SimProgram> make_program(const ProgramSpec& spec);
  [[nodiscard]] Result<std::uint32_t*> index_word(DomainId domain, ring::Ring ring, trace::IndexName index);
  [[nodiscard]] Result<> raise_down(trace::Actor who, DomainId domain);
  [[nodiscard]] Result<> raise_up(DomainId domain, Guest& guest);

  // People and clients (sim_people.cc).
  [[nodiscard]] Person& person(People& people, const std::string& name);
  [[nodiscard]] static Result<Person*> connected(People& people, const std::string& name, const char* what);
  void seat(Person& person, DomainId domain, Handle stream, trace::Actor other);
  [[nodiscard]] Result<ClientLane*> open_lane(const std::string& client, Lane lane, const char* what);
  /// By the number that xcs gave it, as xcs itself calls it.
  [[nodiscard]] static trace::Actor actor_of(const ClientLane& lane) {
    return trace::actor(trace::Role::client, lane.number);
  }
  void client_came(Client& client, Lane lane, Bytes bytes);
  void client_frame(Client& client, Lane lane, const dom0::XcsMessage& frame);
  [[nodiscard]] Result<> client_calls(const std::string& client, Lane lane, const dom0::XcsMessage& frame);

  // Faults (sim_stage_faults.cc).
  [[nodiscard]] Result<std::size_t> unit_of(const StageFault& fault) const;
  [[nodiscard]] std::string host_name(trace::Actor actor) const;
  void bitten(const SimFault& fault);
  void take_event_back(trace::Actor from, trace::Actor to);

  StagePlan plan_;
  Choice choice_;
  SimWorld world_;
  Tap tap_;
  std::vector<SimHost*> hosts_;  ///< all that there were
  SimHost& tools_;               ///< whoever builds domains
  std::unique_ptr<xen::Hypervisor> xen_;
  std::optional<Privcmd> privcmd_;
  std::unique_ptr<domu::Dom0Kernel> kernel_;  ///< if there is a serial line
  std::unique_ptr<dom0::Xcs> xcs_;
  std::unique_ptr<dom0::Xend> xend_;
  std::unique_ptr<dom0::Xenctld> xenctld_;
  std::array<bool, 3> stalled_{};  ///< by Daemon
  std::map<DomainId, Guest> guests_;
  People users_;
  People ptys_;
  std::map<std::string, Client> clients_;
  std::uint32_t people_numbered_ = 0;
  std::uint32_t clients_made_ = 0;
  std::unique_ptr<SimWire> uart_;
  std::string uart_showed_;
  std::map<std::string, trace::Actor> faulty_;  ///< whom the faults name, by their hosts' names
};

}  // namespace ringside::script
