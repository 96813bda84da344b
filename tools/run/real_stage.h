// A stage of processes: a private machine like that of `ringside up` and `create`, with users and raw
// clients, observed through its journal. It uses real time.
//
// It owns the machine's directory and all its processes, and leaves nothing behind. It refuses what only a
// simulated machine can do (such as a guest that does not answer requests), with a reason.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emu/host/fault_table.h"
#include "emu/host/journal_log.h"
#include "emu/host/linux_host.h"
#include "emu/script/machine_stage.h"
#include "tools/machine/builder.h"
#include "tools/machine/private_machine.h"

namespace ringside::tools {

/// The interval between two reads of the machine's journal.
inline constexpr Duration journal_look_delay = std::chrono::milliseconds(1);

/// real_patience: how long an act waits at most. still_for: how long processes must be idle to count as at
/// rest.
inline constexpr Duration real_patience = std::chrono::seconds(20);
inline constexpr Duration still_for = std::chrono::milliseconds(10);

/// xend has two connections, as any client: one for calls, one for frames.
inline constexpr std::uint32_t connections_of_xend = 2;

class RealStage final : public script::MachineStage {
 public:
  /// The stage stops waiting when `give_up` returns true.
  RealStage(script::StagePlan plan, std::function<bool()> give_up);
  ~RealStage() override;
  RealStage(const RealStage&) = delete;
  RealStage& operator=(const RealStage&) = delete;

  Result<> start() override;

  Result<> create(DomainId domain, script::GuestProgram program) override;
  Result<> boot(DomainId domain, script::GuestProgram program) override;
  Result<> unpause(DomainId domain) override;
  Result<> kill(DomainId domain) override;
  Result<> print(DomainId domain, std::string_view text) override;
  Result<> log(DomainId domain, std::string_view text) override;
  Result<> throttle(DomainId domain, bool full) override;
  Result<> end(DomainId domain, int status) override;
  Result<> answering(DomainId domain, bool answers) override;
  Result<> reading(DomainId domain, bool reads) override;

  Result<> daemon_stops(script::Daemon daemon) override;
  Result<> daemon_starts(script::Daemon daemon) override;
  Result<> daemon_answers(script::Daemon daemon, bool answers) override;
  Result<> daemon_stalls(script::Daemon daemon) override;

  Result<> fault(const script::StageFault& fault) override;
  Result<> heal() override;

  [[nodiscard]] Time now() const override { return host_->now() - origin_; }
  bool advance(Time until) override;
  [[nodiscard]] bool settle(Time until) override;

  [[nodiscard]] std::string_view program_read(DomainId domain) const override;
  [[nodiscard]] std::vector<std::string> warnings() const override;
  [[nodiscard]] std::optional<Error> failure() const override;

 private:
  struct Guest {
    Console console;
    Mapping page;
    std::optional<Privcmd> access;       ///< a second connection that acts as this domain
    Handle listener;                     ///< the socket to which its program connects
    std::unique_ptr<script::Wire> wire;  ///< the program's connection, if it has connected
    std::string unprinted;               ///< output from before the program has connected
    std::string read;
  };

  Privcmd& privcmd() override { return *privcmd_; }
  Host& tools_host() override { return *host_; }
  Host& host_for(const std::string&) override { return *host_; }
  trace::Journal journal(trace::Actor self) override { return {*writer_, self}; }
  [[nodiscard]] bool run_until(const std::function<bool()>& condition) override;
  Result<Console> console_of(DomainId domain) override;
  Result<std::byte*> page_of(DomainId domain) override;
  Result<> map_page(DomainId domain) override;
  Result<DomainAccess> access_to(DomainId domain) override;
  const Sockets& sockets() const override { return sockets_; }
  std::uint32_t number_of_new_client() override;
  [[nodiscard]] std::string fault_name(trace::Actor actor) const override;

  [[nodiscard]] Result<Guest*> guest(DomainId domain);
  [[nodiscard]] Result<Guest*> unprivileged(DomainId domain);
  [[nodiscard]] Result<> wait_for_program(DomainId domain);
  [[nodiscard]] Result<> await_program(DomainId domain);
  void program_came(Guest& its);
  void run_for(Duration duration);
  std::size_t hand_over();
  [[nodiscard]] Result<> prepare_faults();
  void bitten(const FaultRule& rule);
  [[nodiscard]] bool is_at_rest();
  [[nodiscard]] bool ends_early() const { return give_up_() || failure(); }
  [[nodiscard]] std::optional<std::int32_t> runs(DomainId domain);
  [[nodiscard]] Result<int> process_of(script::Daemon daemon) const;

  std::function<bool()> give_up_;
  MachineSpec spec_;
  Machine machine_{""};
  std::unique_ptr<PrivateMachine> own_;
  LinuxHost* host_ = nullptr;  ///< host of `own_`
  Time origin_{0};
  Sockets sockets_;
  std::optional<Privcmd> privcmd_;
  std::unique_ptr<JournalWriter> writer_;
  std::unique_ptr<JournalReader> reader_;
  std::optional<FaultTable> faults_;  ///< only if the scenario injects faults
  std::map<DomainId, Guest> guests_;
  std::uint64_t steps_ = 0;
  std::uint32_t xcs_connections_ =
      connections_of_xend;  ///< connections that this xcs has accepted, in its own numbering
  Time last_entry_{0};
};

}  // namespace ringside::tools
