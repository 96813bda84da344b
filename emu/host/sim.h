// The simulated host: all components of a machine in one thread, on a virtual clock. Unit tests and the
// scenario simulator are built on it.
//
// SimWorld owns the clock, the queue of events, all objects of handles, and one SimHost for each component. A
// later effect of a Host call is an event; events run in the order of their time, then of their creation, one
// at a time, only within run(), run_for(), run_until() and advance(). So no callback ever runs inside a Host
// call, with one exception: a hypercall is a direct call into the registered HypercallServer.
//
// Order is deterministic. With a source of choice (choose_with) it is one of the possible orders: the choices
// are which of several processes with due events goes first, how long a kick or a piece of a stream takes,
// and how much one read or write moves. The events of one process stay in order, as do the bytes of a
// stream. Nothing here touches a real descriptor, process or clock. All terminals are raw.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "emu/base/choice.h"
#include "emu/host/host.h"
#include "emu/host/sim_faults.h"
#include "emu/host/sim_program.h"

namespace ringside {

class SimHost;
struct SimConnection;
struct SimFile;
struct SimFrame;
struct SimKicks;
struct SimListener;
struct SimObject;
struct SimProcess;
struct SimProgramRun;
struct SimSlot;
struct SimStream;
struct SimWait;

/// The most events in one run; more are a livelock.
inline constexpr std::uint64_t sim_steps_max = 4'000'000;
/// The most connections that wait for accept at one listener.
inline constexpr std::size_t sim_backlog_max = 64;
/// How often a ring wait looks at the page without finding work before it tries to sleep.
inline constexpr unsigned sim_looks_before_sleep = 3;
/// The longest delay of a kick or a piece of a stream, when delays are drawn.
inline constexpr Duration sim_latency_max = std::chrono::microseconds(100);
/// How many due events are searched for processes that could go first.
inline constexpr std::size_t sim_ties_max = 32;
/// The exit status of a killed process, and of one whose terminal was closed, as a shell shows them.
inline constexpr int sim_status_killed = 128 + 9;
inline constexpr int sim_status_hung_up = 128 + 1;

class SimWorld {
 public:
  SimWorld();
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  // -- components
  /// The living component of that name; a new one if there is none (so a component that has ended can be
  /// started again).
  SimHost& host(const std::string& name);
  /// Like kill -9: its callbacks never run again, its handles close, watchers of its process are called.
  void kill(SimHost& component);
  /// Like SIGSTOP and SIGCONT: its events are delayed until it continues, and keep their order.
  void stall(SimHost& component);
  void go_on(SimHost& component);
  /// A handle to `component`'s process, owned by `holder`.
  [[nodiscard]] Handle process_of(SimHost& component, SimHost& holder);
  /// A new privileged connection (domain 0) for `holder`. The hypervisor must be serving.
  [[nodiscard]] Handle dom0_connection(SimHost& holder);
  /// Gives a handle to another component, as inheritance from a parent process does.
  [[nodiscard]] Handle give(Handle handle, SimHost& receiver);

  // -- running
  /// Runs until no event is due now. Timers that are not due stay pending.
  void run();
  /// Runs while virtual time advances by `duration`, timers included.
  void run_for(Duration duration);
  /// Runs until `condition` holds, checked after each event; false when it does not hold after `limit`.
  [[nodiscard]] bool run_until(const std::function<bool()>& condition,
                               Duration limit = std::chrono::seconds(60));
  /// Runs one event, if one is due at `until` or before. False: none was, and the time is `until` now.
  bool advance(Time until);
  /// When the next event is due; empty if there is none.
  [[nodiscard]] std::optional<Time> next_due() const;
  [[nodiscard]] Time now() const { return now_; }
  /// For trace::MemorySink.
  [[nodiscard]] std::function<std::uint64_t()> clock() const;
  /// How many events have run.
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  /// Another limit than sim_steps_max.
  void limit_steps(std::uint64_t steps_max) { steps_max_ = steps_max; }

  // -- choice
  /// From now on all choices are drawn from `choice`, which must outlive the world.
  void choose_with(Choice& choice) { choice_ = choice.explores() ? &choice : nullptr; }
  /// Whether reads and writes may move less than all, when choices are drawn. By default they may.
  void cut_streams(bool cuts) { cuts_ = cuts; }
  /// From now on each event takes this long, so that a component that is always busy does not stop the
  /// clock.
  void event_takes(Duration each) { event_takes_ = each; }

  // -- faults
  /// Adds a rule, in force from now on. EINVAL as SimFaults::add.
  Result<> fault(FaultRule fault) { return faults_.add(std::move(fault)); }
  /// Removes all rules. Delayed items keep their time.
  void heal() { faults_.clear(); }
  /// Called after each effect of a fault.
  void on_fault(std::function<void(const FaultRule&)> bitten) { fault_handler_ = std::move(bitten); }
  /// Kicks and units of streams that faults hold back at the moment.
  [[nodiscard]] std::size_t held_back() const { return held_back_; }

  // -- sizes
  /// From now on one event can write at most `bytes` into a stream; beyond that it is `blocked`. 0 = no
  /// limit.
  void limit_write(std::size_t bytes) { write_bytes_max_ = bytes; }
  /// The buffer of streams (terminals) made from now on, in each direction.
  void stream_bytes(std::size_t bytes) { stream_bytes_ = bytes; }
  void terminal_bytes(std::size_t bytes) { terminal_bytes_ = bytes; }

  // -- connections
  /// The next `count` calls of accept that find a caller fail with ENOMEM, and the caller keeps waiting.
  void fail_accepts(std::size_t count) { accepts_failing_ = count; }

  // -- exhausted resources
  /// From now on that component cannot open, make or accept anything: it fails with EMFILE. Open handles
  /// stay.
  void exhaust_descriptors(SimHost& component, bool exhausted);
  /// From now on keeping memory in a new file fails with ENOSPC.
  void fill_disk(bool full) { disk_full_ = full; }

  // -- files
  /// The paths of the files that memory_keep() has made.
  [[nodiscard]] std::vector<std::string> kept_files() const;
  /// Makes a regular file with that content, or sets the content of an existing one.
  void file(const std::string& path, std::string_view content);
  [[nodiscard]] std::string file_content(const std::string& path) const;
  /// Makes a named pipe that holds at most `bytes`.
  void pipe(const std::string& path, std::size_t bytes);
  /// The target of a link; empty if there is no link of that name.
  [[nodiscard]] std::optional<std::string> link_target(const std::string& path) const;
  /// From now on making a pty fails (or works again).
  void refuse_ptys(bool refused) { ptys_refused_ = refused; }

  // -- programs
  using ProgramFactory = std::function<std::unique_ptr<SimProgram>(const ProgramSpec&)>;
  /// The program that program_start runs when argv[0] is `name`.
  void program(const std::string& name, ProgramFactory factory);

  // -- observations for tests
  /// One line for each handle and mapping that a living component still holds: "xcs: stream 17".
  [[nodiscard]] std::vector<std::string> open_handles() const;
  struct Resize {
    std::int32_t process;
    std::uint16_t rows;
    std::uint16_t columns;
  };
  [[nodiscard]] const std::vector<Resize>& resizes() const { return resizes_; }
  struct Signal {
    DomainId domain;
    std::int32_t process;
    Host::DomainSignal signal;
  };
  [[nodiscard]] const std::vector<Signal>& signals() const { return signals_; }

 private:
  friend class SimHost;
  friend class SimProgram;

  struct Event {
    SimProcess* process;  ///< whose code runs; null = the world's own
    std::function<void()> run;
  };
  struct Later {
    Time at;
    std::uint64_t number;
    Event event;
    /// For a heap with the earliest on top.
    friend bool operator<(const Later& one, const Later& other) {
      return std::pair(one.at, one.number) > std::pair(other.at, other.number);
    }
  };
  struct MappedFrame {
    SimHost* owner;
    SimFrame* frame;
  };

  // Events.
  void post(SimProcess* process, std::function<void()> run);
  void post_at(Time at, SimProcess* process, std::function<void()> run);
  bool step(Time until);
  void take_due();
  [[nodiscard]] std::size_t pick_due();
  [[nodiscard]] Duration latency();
  [[nodiscard]] std::size_t some_of(std::size_t bytes);
  void run_steps(Time until, const std::function<bool()>* condition);

  // Objects and the numbered slots of handles.
  template <class T, class... Arguments>
  T& create(Arguments&&... arguments);
  void release(SimObject& object);
  void retire(SimObject& object);
  [[nodiscard]] Handle open(SimHost& owner, SimObject& object);
  void close(int number);
  [[nodiscard]] SimSlot* find(int number);
  [[nodiscard]] Mapping map(SimHost& owner, SimFrame& frame);
  [[nodiscard]] Host::HypercallOutcome serve(SimHost& caller, const SimConnection& through,
                                             const HypercallArguments& arguments, Handle given);

  // Watches.
  void changed(SimObject& object);
  void post_ready(int number);
  void run_ready(int number);
  void post_woken(int number);
  void run_woken(int number);
  void run_ended(int number);

  // Ring waits.
  void post_turn(SimWait& wait);
  void run_turn(std::uint64_t wait_id);
  void end_wait(std::uint64_t wait_id);

  // Kicks, and their faults.
  void kick(const SimHost& from, SimKicks& kicked);
  void pass_kick(const SimHost& from, SimKicks& kicked);
  void wake(SimKicks& kicked, Duration after, bool by_fault = false);

  // Streams.
  Result<Handle> listen(SimHost& owner, const std::string& name);
  Result<Handle> connect(SimHost& owner, const std::string& name, int code_when_missing);
  std::pair<SimStream*, SimStream*> stream_pair(std::size_t bytes);
  Io read(SimStream& stream, std::span<std::uint8_t> into);
  Io write(SimStream& stream, Bytes bytes, const SimHost* writer);
  void send(SimStream& to, Bytes bytes, Duration after, bool by_fault = false);
  void arrive(SimStream& to);
  void send_past_faults(SimStream& stream, std::string_view from, std::string_view to, Bytes bytes);
  void send_unit(SimStream& stream, std::string_view from, std::string_view to, Bytes unit);
  void send_overtaken(SimStream& stream);
  void stop_holding_back(SimStream& closing);
  // Ptys and files.
  void users_changed(SimObject& object);
  Io read(SimFile& file, std::span<std::uint8_t> into);
  Io write(SimFile& file, Bytes bytes);

  // Processes.
  void signal(SimProcess& process, Host::DomainSignal signal);
  void catch_up(SimProcess& process);
  void end(SimProcess& process, int status);
  void finish(SimProcess& process);
  void finish_host(SimHost& host);
  void close_terminal(SimProgramRun& run);
  void schedule_program(SimProgramRun& run);
  void run_program(SimProgramRun& run);

  Time now_{0};
  std::deque<Event> due_;
  std::vector<Later> later_;  ///< a heap
  Choice* choice_ = nullptr;
  Duration event_takes_{0};
  SimFaults faults_;
  std::function<void(const FaultRule&)> fault_handler_;
  bool cuts_ = true;
  std::size_t held_back_ = 0;
  std::uint64_t events_made_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t steps_max_ = sim_steps_max;
  bool running_ = false;
  bool ending_ = false;  ///< the world is being destroyed: handles that close late find nothing

  std::unordered_map<std::uint64_t, std::unique_ptr<SimObject>> objects_;  ///< by SimObject::id
  std::map<int, std::unique_ptr<SimSlot>> slots_;
  int next_number_ = 3;  ///< never reused, so that a stale handle is noticed
  std::vector<MappedFrame> mapped_;
  std::map<std::string, SimFrame*> kept_;  ///< the memory in files, by path
  std::map<std::uint64_t, std::unique_ptr<SimWait>> waits_;
  std::vector<std::unique_ptr<SimWait>>
      ended_waits_;            ///< until the event is over: one of their functions may be running
  std::uint64_t next_id_ = 1;  ///< objects, timers, waits
  std::map<std::string, SimListener*> listeners_;  ///< by path, or "tcp:" and the port
  std::uint32_t next_tcp_port_ = 49152;
  std::map<std::string, SimObject*> files_;  ///< by path: files, pipes, and the other sides of ptys
  std::map<std::string, std::string> links_;
  std::uint32_t next_pty_ = 0;
  bool ptys_refused_ = false;
  bool disk_full_ = false;

  SimHost* hypervisor_ = nullptr;
  HypercallServer hypercalls_;
  bool in_hypercall_ = false;
  std::uint32_t next_connection_ = 1;

  std::int32_t next_process_ = 1000;
  std::map<std::string, ProgramFactory> programs_;
  std::vector<SimProgramRun*> program_runs_;  ///< every one that was ever started
  std::size_t accepts_failing_ = 0;
  std::size_t write_bytes_max_ = 0;
  std::size_t stream_bytes_ = 4096;
  std::size_t terminal_bytes_ = 4096;
  std::vector<Resize> resizes_;
  std::vector<Signal> signals_;
  std::vector<std::unique_ptr<SimHost>> hosts_;
};

/// One component's Host. Made by SimWorld::host, lives as long as the world.
class SimHost final : public Host {
 public:
  SimHost(SimWorld& world, std::string name);
  ~SimHost() override;

  [[nodiscard]] const std::string& name() const { return name_; }
  /// Stopped itself, or was killed.
  [[nodiscard]] bool ended() const;
  [[nodiscard]] std::optional<int> exit_status() const;
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }
  /// From now on its writes are never cut short by choice: a paste by a user is one write.
  void write_whole() { steady_ = true; }

  [[nodiscard]] Time now() const override;
  TimerId timer_start(Duration delay, std::function<void()> run) override;
  void timer_cancel(TimerId timer) override;

  void handle_close(int number) override;
  Result<Handle> handle_duplicate(const Handle& handle) override;

  Result<Handle> frame_create() override;
  /// The simulation has no memory protection: the new handle can map the frame for writing, too.
  Result<Handle> frame_read_only(const Handle& frame) override { return handle_duplicate(frame); }
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
  [[nodiscard]] std::int32_t process_number(const Handle& process) override;
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
  friend class SimWorld;

  SimSlot& slot(const Handle& handle);
  /// The error of its open call for `object`, if it has no descriptor left.
  [[nodiscard]] std::optional<Error> no_descriptor(const std::string& object) const;
  template <class T>
  T& object(const Handle& handle);

  SimWorld& world_;
  std::string name_;
  SimProcess* process_;
  bool steady_ = false;
  bool exhausted_ = false;
  std::map<TimerId, std::function<void()>> timers_;
  std::vector<std::string> warnings_;
};

}  // namespace ringside
