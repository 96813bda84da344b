// The host of real processes: frames are sealed memfds, kicks are eventfds, handles are file descriptors.
// There is one LinuxHost in a process; see linux_loop.h for how it waits.
//
// It is split by what it uses: linux_memory.cc (frames, eventfds), linux_stream.cc (sockets),
// linux_process.cc (programs, signals), linux_files.cc (ptys and files that users attach), linux_hypercall.cc
// (the hypervisor's sockets).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "emu/host/host.h"
#include "emu/host/linux_sockets.h"
#include "emu/host/machine.h"

namespace ringside {

class FaultTable;
class LinuxLoop;
struct FaultRule;

class LinuxHost final : public Host {
 public:
  /// `name` begins its warnings on stderr. From now on the process ignores SIGPIPE and may open as many
  /// descriptors as its hard limit allows.
  LinuxHost(std::string name, Machine machine);
  ~LinuxHost() override;

  /// Runs callbacks until stop(). Returns the exit status that was passed to stop().
  int run();
  /// Calls `received` from the loop when the signal arrives. A signal that is ignored stays ignored, as nohup
  /// and background jobs of a shell expect (SIGCHLD never is).
  void on_signal(int signal_number, std::function<void()> received);
  /// For a process that has called adopt_orphans(): reaps ended processes that it did not start itself.
  void reap_orphans();
  /// Takes ownership of a descriptor.
  [[nodiscard]] Handle adopt(int fd);
  /// A handle to this process's own stdin or stdout. It can be watched, read and written without blocking,
  /// and the descriptor does not change for the programs that share it.
  [[nodiscard]] Result<Handle> standard_stream(int fd);
  /// The errno value of the last write that a stream refused for ever; 0: none has.
  [[nodiscard]] int write_error() const { return write_error_; }
  /// Connects to the hypervisor of this machine as dom0.
  [[nodiscard]] Result<Privcmd> connect_dom0();
  /// The timeout of later hypercalls, for a process that serves others and asks hypervisor_answers() first.
  void wait_for_hypercalls(std::chrono::milliseconds patience);
  /// A handle to a process by its id, for a process that is not reaped elsewhere.
  [[nodiscard]] Result<Handle> process_open(std::int32_t number);
  /// The same for a child of this process: it is reaped when its handle closes, if it has ended by then.
  [[nodiscard]] Result<Handle> child_open(std::int32_t number);
  [[nodiscard]] const Machine& machine() const { return machine_; }
  /// From now on, all that this process sends is checked against the machine's faults. `bitten` is called for
  /// each rule that takes effect, with the guest concerned, or 0.
  using FaultHandler = std::function<void(const FaultRule& rule, DomainId guest)>;
  void inject_faults(FaultTable table, FaultHandler bitten);
  /// Faults treat the stream that was connected last as a stream of the component `name`.
  void name_newest_stream(const std::string& name);

  [[nodiscard]] Time now() const override;
  TimerId timer_start(Duration delay, std::function<void()> run) override;
  void timer_cancel(TimerId timer) override;

  void handle_close(int number) override;
  Result<Handle> handle_duplicate(const Handle& handle) override;

  Result<Handle> frame_create() override;
  Result<Handle> frame_read_only(const Handle& frame) override;
  Result<Mapping> frame_map(const Handle& frame) override;
  void frame_unmap(std::byte* address) override;
  Result<Mapping> memory_keep(const std::string& path, std::size_t bytes) override;
  Result<Mapping> memory_find(const std::string& path, std::size_t bytes) override;
  void memory_forget(const std::string& path) override;
  std::vector<std::string> memory_names(const std::string& directory) override;

  Result<Handle> kicks_create() override;
  void kick(const Handle& kicks) override;
  Result<Handle> kicks_listener(std::span<const Handle* const> kicks) override;
  void kicks_watch(const Handle& kicks, std::function<void()> woken) override;
  WaitId ring_wait_start(const Handle& kicks, RingWait wait) override;
  void ring_wait_expect(WaitId wait) override;
  void ring_wait_end(WaitId wait) override;

  Result<Handle> listen_local(const std::string& path) override;
  Result<TcpListener> listen_tcp(std::uint16_t port) override;
  Result<Handle> connect_local(const std::string& path) override;
  Result<Handle> connect_tcp(std::uint16_t port) override;
  Result<std::optional<Handle>> accept(const Handle& listener) override;
  Io read(const Handle& stream, std::span<std::uint8_t> into) override;
  Io write(const Handle& stream, Bytes bytes) override;
  void end_output(const Handle& stream) override;
  void watch(const Handle& stream, Ready interest, std::function<void(Ready)> ready) override;
  void watch_interest(const Handle& stream, Ready interest) override;

  Result<Pty> pty_create() override;
  Result<> pty_watch(const Handle& terminal, std::function<void()> changed) override;
  bool pty_is_open(const Handle& terminal) override;
  bool pty_has_unread(const Handle& terminal) override;
  std::vector<std::uint8_t> pty_take_back(const Handle& terminal) override;
  Result<File> file_open(const std::string& path, FileUse use) override;
  Result<> link_make(const std::string& path, const std::string& target) override;
  void link_remove(const std::string& path) override;

  Result<Program> program_start(const ProgramSpec& spec) override;
  void process_watch(const Handle& process, std::function<void(int status)> ended) override;
  void terminal_resize(const Handle& terminal, std::uint16_t rows, std::uint16_t columns) override;
  void program_kill_rest(const Handle& process) override;
  std::int32_t process_number(const Handle& process) override;
  void domain_signal(DomainId domain, const Handle& process, DomainSignal signal) override;

  Result<> hypercalls_serve(HypercallServer server) override;
  Result<Handle> hypercall_connection(DomainId domain, bool program) override;
  Result<HypercallOutcome> hypercall(const Handle& connection, const HypercallArguments& arguments,
                                     const Handle* handle) override;
  bool hypervisor_answers(const Handle& connection, std::function<void()> later) override;
  void hypervisor_watch(const Handle& connection, std::function<void()> gone) override;

  void warn(const std::string& line) override;
  void stop(int exit_status) override;

 private:
  struct Memory;   ///< linux_memory.cc
  struct Callers;  ///< linux_hypercall.cc
  struct Calls;    ///< linux_hypercall.cc
  struct Files;    ///< linux_files.cc
  class Faults;    ///< linux_faults.cc
  void hypercall_received(int fd);
  void hypervisor_spoke(int fd);
  void hypervisor_answered(int fd);
  Result<Mapping> map_shared(int fd, std::size_t bytes, const char* what);
  static void kick_now(int fd);
  void kick_with_pauses(int fd);
  void kick_if_due(int fd);
  void kick_all_due();
  Io write_now(int fd, Bytes bytes);

  std::string name_;
  Machine machine_;
  std::unique_ptr<LinuxLoop> loop_;
  std::unique_ptr<Memory> memory_;
  std::unique_ptr<Callers> callers_;
  std::unique_ptr<Calls> calls_;
  std::unique_ptr<Files> files_;
  std::unique_ptr<Faults> faults_;  ///< null: there are none
  std::unordered_map<int, SocketFile> listening_paths_;
  /// Unix sockets to which other processes write. They are read and closed with care: see
  /// linux_descriptors.h.
  std::unordered_set<int> sockets_;
  /// Processes to be reaped when their handles close.
  std::unordered_set<int> children_;
  int write_error_ = 0;
  /// Kept open so that a connection can be refused rather than left waiting when descriptors run out.
  int spare_fd_ = -1;
  /// Kicks that once took long, by handle: see kick_with_pauses().
  struct SlowKick {
    bool resting = false;  ///< until a timer ends it
    bool due = false;      ///< during the rest
  };
  std::unordered_map<int, SlowKick> slow_kicks_;
  /// Processes of a stopped domain that had been stopped before, by the user at the terminal.
  std::map<DomainId, std::vector<int>> stopped_before_;
};

}  // namespace ringside
