// The interface between a component and the world. Components (xen, domu, dom0) are state machines: a Host
// calls their functions when something has happened, and they call the Host to cause effects. Only a Host
// blocks, sleeps or reads a clock.
//
// Two hosts exist: LinuxHost runs one component in its own process on real descriptors; SimHost runs all of
// them in one thread on a virtual clock. All calls and callbacks are on one thread. A callback may close any
// handle, its own included.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "emu/base/check.h"
#include "emu/host/handle.h"
#include "emu/host/hypercall.h"
#include "ring/layout.h"

namespace ringside {

/// The time since an arbitrary start; it never goes backwards.
using Time = std::chrono::nanoseconds;
using Duration = std::chrono::nanoseconds;

using Bytes = std::span<const std::uint8_t>;

/// A frame, or memory that is kept in a file, mapped into this process. Unmaps itself.
class Mapping {
 public:
  Mapping() = default;
  Mapping(Host& host, std::byte* address) : host_(&host), address_(address) {}
  Mapping(Mapping&& other) noexcept
      : host_(std::exchange(other.host_, nullptr)), address_(std::exchange(other.address_, nullptr)) {}
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  [[nodiscard]] bool valid() const { return address_ != nullptr; }
  /// Page aligned. A frame has ring::frame_bytes.
  [[nodiscard]] std::byte* frame() const { return address_; }

 private:
  Host* host_ = nullptr;
  std::byte* address_ = nullptr;
};

/// The result of a read or write.
struct Io {
  enum class State : std::uint8_t {
    moved,    ///< `bytes` > 0 were moved
    blocked,  ///< nothing moved now; wait with Host::watch
    closed,   ///< the other side is gone (end of file, broken pipe, reset)
  };
  State state = State::blocked;
  std::size_t bytes = 0;
};

/// The operations that a stream is watched for, and those that it is ready for.
struct Ready {
  bool read = false;
  bool write = false;
};

/// A component's side of a channel. The peer may write the shared page at any moment.
///
/// The wait is either awake (masked: the host polls has_work for a while) or asleep (unmasked: only a kick
/// wakes it). It starts awake.
struct RingWait {
  std::function<void()> awaken;    ///< mask: the peer need not kick from now on
  std::function<bool()> has_work;  ///< looks at the page, without side effects
  std::function<void()> serve;     ///< clears the pending bit, then does a bounded amount of work
  std::function<bool()>
      try_sleep;  ///< unmasks and looks again: false = masked again, and `serve` is called in any case
  std::uint32_t* own_cpu = nullptr;         ///< in the page: where this side runs (CPU + 1)
  const std::uint32_t* peer_cpu = nullptr;  ///< in the page: where the peer runs (CPU + 1)
};

/// A program to be run on a new terminal.
struct ProgramSpec {
  std::vector<std::string> argv;  ///< looked up in PATH
  bool raw = false;               ///< no echo, no translation, no signals from keys
  std::uint16_t rows = 24;
  std::uint16_t columns = 80;
};

struct Program {
  Handle terminal;  ///< the controlling side: reads the program's output, writes its input
  Handle process;
};

class Host {
 public:
  virtual ~Host() = default;

  // -- time
  [[nodiscard]] virtual Time now() const = 0;
  using TimerId = std::uint64_t;  ///< never 0, never used twice
  /// Calls `run` once, `delay` from now.
  virtual TimerId timer_start(Duration delay, std::function<void()> run) = 0;
  /// A timer that has run or was cancelled is ignored.
  virtual void timer_cancel(TimerId timer) = 0;

  // -- handles
  virtual void handle_close(int number) = 0;
  virtual Result<Handle> handle_duplicate(const Handle& handle) = 0;

  // -- frames
  /// A new zeroed page. No process can shrink or grow it, and it can be mapped only through its handle.
  virtual Result<Handle> frame_create() = 0;
  virtual Result<Mapping> frame_map(const Handle& frame) = 0;
  /// Another handle of the same frame, through which a process can map it for reading only.
  virtual Result<Handle> frame_read_only(const Handle& frame) = 0;
  virtual void frame_unmap(std::byte* address) = 0;

  // -- memory that outlives a process
  /// `bytes` of memory in the file `path`. The contents survive a sudden death of this process: the next
  /// process that asks for the file finds them. Zeroed if the file did not exist or had another size.
  virtual Result<Mapping> memory_keep(const std::string& path, std::size_t bytes) = 0;
  /// The same for an existing file. ENOENT: there is no such file, or it has the wrong size.
  virtual Result<Mapping> memory_find(const std::string& path, std::size_t bytes) = 0;
  /// Removes the file, if there is one. Mappings of it stay.
  virtual void memory_forget(const std::string& path) = 0;
  /// The names of all files in a directory, in no order. Empty if it cannot be read.
  virtual std::vector<std::string> memory_names(const std::string& directory) = 0;

  // -- ports
  /// The wake-up side of a port. Any number of kicks cause at least one call of a watcher.
  virtual Result<Handle> kicks_create() = 0;
  virtual void kick(const Handle& kicks) = 0;
  /// A handle that is watched like any of `kicks` and wakes for all of them, but cannot itself be kicked. It
  /// is for a receiver that must not be able to fill the eventfd that its senders kick.
  virtual Result<Handle> kicks_listener(std::span<const Handle* const> kicks) = 0;
  /// Calls `woken` after kicks, until the handle is closed.
  virtual void kicks_watch(const Handle& kicks, std::function<void()> woken) = 0;
  using WaitId = std::uint64_t;
  /// Waits on a channel: for kicks, and by polling the page while awake.
  virtual WaitId ring_wait_start(const Handle& kicks, RingWait wait) = 0;
  /// The peer is about to respond: wakes the wait as a kick would, without serving.
  virtual void ring_wait_expect(WaitId wait) = 0;
  virtual void ring_wait_end(WaitId wait) = 0;

  // -- byte streams; none of these block
  /// A unix socket in the file system, mode 0600. A stale file of that name is replaced, a live listener is
  /// EADDRINUSE.
  virtual Result<Handle> listen_local(const std::string& path) = 0;
  struct TcpListener {
    Handle handle;
    std::uint16_t port;
  };
  /// On 127.0.0.1. Port 0 = any free.
  virtual Result<TcpListener> listen_tcp(std::uint16_t port) = 0;
  virtual Result<Handle> connect_local(const std::string& path) = 0;
  virtual Result<Handle> connect_tcp(std::uint16_t port) = 0;
  /// Empty when no caller waits (or the caller has left).
  virtual Result<std::optional<Handle>> accept(const Handle& listener) = 0;
  virtual Io read(const Handle& stream, std::span<std::uint8_t> into) = 0;
  virtual Io write(const Handle& stream, Bytes bytes) = 0;
  /// Closes the sending half of a socket: the other side reads the end after the written bytes. Reading
  /// continues; nothing more may be written.
  virtual void end_output(const Handle& stream) = 0;
  /// Calls `ready` as long as the stream is ready for what it is watched for (a closed stream is ready for
  /// all). Replaces an earlier watch. {} as interest pauses it.
  virtual void watch(const Handle& stream, Ready interest, std::function<void(Ready)> ready) = 0;
  /// Changes the operations that an existing watch waits for.
  virtual void watch_interest(const Handle& stream, Ready interest) = 0;

  // -- ptys and files that a user's programs attach to
  struct Pty {
    Handle terminal;   ///< the controlling side, a stream; not to be watched while the other side is not open
    std::string path;  ///< the other side, to be opened by a user's program
  };
  /// A raw pty that no process has open. Bytes in it, in both directions, survive an open and close of the
  /// other side.
  virtual Result<Pty> pty_create() = 0;
  /// Calls `changed` after the other side was opened or closed (and sometimes for no reason).
  virtual Result<> pty_watch(const Handle& terminal, std::function<void()> changed) = 0;
  [[nodiscard]] virtual bool pty_is_open(const Handle& terminal) = 0;
  /// Whether there are bytes for the reader. Bytes written a moment ago may not have arrived yet.
  [[nodiscard]] virtual bool pty_has_unread(const Handle& terminal) = 0;
  /// Takes back the bytes that were written and have not been read.
  [[nodiscard]] virtual std::vector<std::uint8_t> pty_take_back(const Handle& terminal) = 0;

  enum class FileKind : std::uint8_t {
    terminal,  ///< raw from now on until the handle is closed
    pipe,      ///< both ends are held, so that it stays open when a reader or writer leaves
    regular,   ///< written at its end; read from its beginning
  };
  struct File {
    Handle handle;
    FileKind kind;
  };
  enum class FileUse : std::uint8_t { output, input };
  /// An existing file, as a stream. A terminal or a pipe can be both read and written, whatever `use` says.
  virtual Result<File> file_open(const std::string& path, FileUse use) = 0;
  /// Makes a symbolic link, and replaces an existing one.
  virtual Result<> link_make(const std::string& path, const std::string& target) = 0;
  virtual void link_remove(const std::string& path) = 0;

  // -- programs
  virtual Result<Program> program_start(const ProgramSpec& spec) = 0;
  /// Calls `ended` once with the exit status as a shell would show it (0..255; 128 + signal). For a process
  /// that is not a child of this one it may be 0, because the status may be unknown.
  virtual void process_watch(const Handle& process, std::function<void(int status)> ended) = 0;
  virtual void terminal_resize(const Handle& terminal, std::uint16_t rows, std::uint16_t columns) = 0;
  /// Kills all processes that the program left behind, even if they detached themselves.
  virtual void program_kill_rest(const Handle& process) = 0;
  /// The process id.
  [[nodiscard]] virtual std::int32_t process_number(const Handle& process) = 0;
  enum class DomainSignal : std::uint8_t { stop, resume, kill };
  /// Signals a domain's process and every program started under it. With no process (an invalid handle): all
  /// other processes that run in the domain.
  virtual void domain_signal(DomainId domain, const Handle& process, DomainSignal signal) = 0;

  // -- hypercalls
  virtual Result<> hypercalls_serve(HypercallServer server) = 0;
  /// For the hypervisor: a new connection that speaks for `domain`. `program`: see HypercallCaller.
  virtual Result<Handle> hypercall_connection(DomainId domain, bool program) = 0;
  struct HypercallOutcome {
    HypercallAnswer answer;
    std::vector<Handle> handles;
  };
  /// For the hypervisor's callers. Fails with EPIPE when it is gone, with ETIMEDOUT when it does not answer.
  /// After ETIMEDOUT the hypervisor still has the call: if the next call is the same, it waits for that
  /// answer; any other call drops the answer.
  virtual Result<HypercallOutcome> hypercall(const Handle& connection, const HypercallArguments& arguments,
                                             const Handle* handle) = 0;
  /// Whether the hypervisor answers at present (or is gone, so that there is nothing to wait for). If not,
  /// `later` is called as soon as it does. A process that serves several clients asks this before it makes a
  /// call for one of them, and serves the others meanwhile.
  [[nodiscard]] virtual bool hypervisor_answers(const Handle& connection, std::function<void()> later) = 0;
  /// Calls `gone` once, when the hypervisor has closed that connection.
  virtual void hypervisor_watch(const Handle& connection, std::function<void()> gone) = 0;

  // -- the end
  /// Prints a warning of one line for the user who runs this process.
  virtual void warn(const std::string& line) = 0;
  /// Ends this component's run after the current callback.
  virtual void stop(int exit_status) = 0;
};

}  // namespace ringside
