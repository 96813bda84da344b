// A stage in one thread: a whole machine on the simulated host, made of the same components as the processes,
// with users and raw clients. Everything that may happen in more than one way is chosen by one Choice. So the
// same plan, acts and choice give the same journal, bit for bit, on any computer.
//
// It owns the world and everything in it. sim_stage.cc has the machine and its time, sim_guests.cc the
// domains, sim_stage_faults.cc injected faults.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emu/base/choice.h"
#include "emu/dom0/toolstack/toolstack.h"
#include "emu/dom0/xcs/xcs.h"
#include "emu/dom0/xenconsoled/xenconsoled.h"
#include "emu/dom0/xenctld/xenctld.h"
#include "emu/dom0/xend/xend.h"
#include "emu/domu/dom0_kernel.h"
#include "emu/domu/domain.h"
#include "emu/host/sim.h"
#include "emu/script/machine_stage.h"
#include "emu/trace/journal.h"
#include "emu/xen/hypervisor.h"

namespace ringside::script {

/// The virtual time that each event takes: about the time of a real one.
inline constexpr Duration stage_event_time = std::chrono::microseconds(1);

class ScriptedProgram;

class SimStage final : public MachineStage {
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
  Result<> kill(DomainId domain) override;

  Result<> print(DomainId domain, std::string_view text) override;
  Result<> log(DomainId domain, std::string_view text) override;
  Result<> throttle(DomainId domain, bool full) override;
  Result<> end(DomainId domain, int status) override;
  Result<> answering(DomainId domain, bool answers) override;
  Result<> reading(DomainId domain, bool reads) override;

  Result<> daemon_stops(Daemon daemon) override;
  Result<> daemon_starts(Daemon daemon) override;
  Result<> daemon_answers(Daemon daemon, bool answers) override;
  Result<> daemon_stalls(Daemon daemon) override;

  Result<> fault(const StageFault& fault) override;
  Result<> heal() override;

  [[nodiscard]] Time now() const override { return world_.now(); }
  bool advance(Time until) override { return world_.advance(until); }
  [[nodiscard]] bool settle(Time until) override;

  [[nodiscard]] std::string_view program_read(DomainId domain) const override;
  [[nodiscard]] std::vector<std::string> warnings() const override;

 private:
  /// Stamps entries and passes them to the listener.
  class StampingSink final : public trace::Sink {
   public:
    StampingSink(const SimWorld& world, JournalListener listener);
    void write(trace::Entry& entry) override;
    [[nodiscard]] std::uint64_t now_ns() const override {
      return static_cast<std::uint64_t>(world_.now().count());
    }
    /// The time of the last entry.
    [[nodiscard]] Time last() const { return last_; }

   private:
    const SimWorld& world_;
    JournalListener listener_;
    std::uint64_t steps_ = 0;
    Time last_{0};
  };

  struct Guest {
    SimHost* host = nullptr;
    Mapping page;  ///< as mapped by dom0
    Console console;
    ring::Port console_port = 0;
    std::unique_ptr<domu::DomU> domu;
    ScriptedProgram* program = nullptr;  ///< null until it runs; lives as long as the world
    std::string unprinted;               ///< text that was to be printed before the program ran
    std::optional<int> ends_with;        ///< the status for a program that does not run yet
    bool reads = true;                   ///< whether a program that does not run yet will read
    std::optional<Privcmd> access;       ///< a second connection that acts for the domain, for notify()
  };

  // The machine (sim_stage.cc).
  [[nodiscard]] SimHost& host(const std::string& name);
  Privcmd& privcmd() override { return *privcmd_; }
  Host& tools_host() override { return tools_; }
  Host& host_for(const std::string& name) override;
  trace::Journal journal(trace::Actor self) override { return {sink_, self}; }
  [[nodiscard]] bool run_until(const std::function<bool()>& condition) override;
  const Sockets& sockets() const override;
  std::uint32_t number_of_new_client() override;
  [[nodiscard]] Result<> start_daemon(Daemon daemon);
  void drop_daemon(Daemon daemon);

  // Domains (sim_guests.cc).
  [[nodiscard]] Result<Guest*> guest(DomainId domain);
  [[nodiscard]] Result<> boot_dom0();
  [[nodiscard]] Result<Guest*> unprivileged(DomainId domain);
  [[nodiscard]] Result<std::string> ask_today(DomainId domain);
  Result<> map_page(DomainId domain) override;
  [[nodiscard]] Result<> map_page(DomainId domain, Guest& its);
  [[nodiscard]] Result<> make_process(DomainId domain, Guest& made, GuestProgram program);
  [[nodiscard]] std::unique_ptr<SimProgram> make_program(const ProgramSpec& spec);
  Result<Console> console_of(DomainId domain) override;
  Result<std::byte*> page_of(DomainId domain) override;
  Result<DomainAccess> access_to(DomainId domain) override;

  // Faults (sim_stage_faults.cc).
  [[nodiscard]] std::string fault_name(trace::Actor actor) const override;
  void bitten(const FaultRule& fault);
  void take_event_back(trace::Actor from, trace::Actor to);

  Choice choice_;
  SimWorld world_;
  StampingSink sink_;
  std::vector<SimHost*> hosts_;  ///< all hosts that ever existed
  SimHost& tools_;               ///< of the tools that build domains
  std::unique_ptr<xen::Hypervisor> xen_;
  std::optional<Privcmd> privcmd_;
  std::unique_ptr<domu::Dom0Kernel> kernel_;  ///< null without a serial line
  std::unique_ptr<dom0::Xcs> xcs_;
  std::unique_ptr<dom0::Xend> xend_;
  std::unique_ptr<dom0::Xenctld> xenctld_;
  std::unique_ptr<dom0::Xenconsoled> xenconsoled_;
  std::unique_ptr<dom0::Toolstack> toolstack_;  ///< of domains of today; else null
  std::array<bool, daemons> stalled_{};         ///< by Daemon
  std::map<DomainId, Guest> guests_;
  std::map<std::string, trace::Actor> faulty_;  ///< the actors that faults name, by the names of their hosts
};

}  // namespace ringside::script
