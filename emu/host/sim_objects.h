// The objects behind the handles of the simulated host. Internal to emu/host/sim*.cc: SimWorld owns and
// changes all of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emu/base/byte_queue.h"
#include "emu/host/sim.h"

namespace ringside {

/// Lives while a slot refers to it or something else holds it.
struct SimObject {
  SimObject() = default;
  virtual ~SimObject() = default;
  SimObject(const SimObject&) = delete;
  SimObject& operator=(const SimObject&) = delete;

  [[nodiscard]] virtual const char* kind() const = 0;
  [[nodiscard]] virtual Ready ready() const { return {}; }

  std::uint64_t id = 0;    ///< never reused: a late lookup finds that it is gone
  std::vector<int> slots;  ///< oldest first
  int holds = 0;           ///< other holders: mappings, a listener's queue, a running program
};

/// One handle: its number, its owner, its object and its watcher. A watch belongs to the handle, not to the
/// object: two duplicates are watched separately, and the close of one ends only its own watch.
struct SimSlot {
  SimSlot(SimHost& its_owner, SimObject& its_object) : owner(&its_owner), object(&its_object) {}

  SimHost* owner;
  SimObject* object;

  bool watched = false;
  Ready interest;
  std::function<void(Ready)> ready;  ///< moved out while it runs
  bool ready_posted = false;

  bool wakes = false;
  std::function<void()> woken;  ///< moved out while it runs
  bool woken_posted = false;
  std::uint64_t wait = 0;  ///< the ring wait on it, 0 = none; a kicks handle has one watcher of either kind

  std::function<void(int)> ended;
};

/// A frame, or the memory in a file.
struct SimFrame final : SimObject {
  struct alignas(ring::frame_bytes) Page {
    std::byte bytes[ring::frame_bytes] = {};
  };
  explicit SimFrame(std::size_t its_bytes = ring::frame_bytes)
      : bytes(its_bytes), pages((its_bytes + ring::frame_bytes - 1) / ring::frame_bytes) {}
  const char* kind() const override { return "frame"; }
  [[nodiscard]] std::byte* address() { return pages.front().bytes; }

  std::size_t bytes;
  std::vector<Page> pages;
};

struct SimKicks final : SimObject {
  const char* kind() const override { return "kicks"; }

  ~SimKicks() override {
    for (SimKicks* source : sources) std::erase(source->listeners, this);
    for (SimKicks* listener : listeners) std::erase(listener->sources, this);
  }

  /// Kicks are never consumed, so that a watch that begins after a kick is still woken.
  bool kicked = false;
  /// A listener has sources and cannot be kicked itself.
  std::vector<SimKicks*> sources;
  std::vector<SimKicks*> listeners;
};

struct SimWait {
  SimHost* owner;
  std::uint64_t id;
  int number;  ///< the kicks handle's
  RingWait calls;
  bool masked = false;     ///< awaken() has run since it was last asleep
  bool serve_due = false;  ///< a kick arrived, or try_sleep found something
  bool posted = false;
  unsigned looks = 0;
  bool ended = false;
};

/// One end of a connection, or of a terminal.
struct SimStream final : SimObject {
  explicit SimStream(std::size_t bytes) : in(bytes) {}
  const char* kind() const override { return terminal ? "terminal" : "stream"; }
  Ready ready() const override {
    const bool at_end = input_ended && coming.empty();
    if (peer != nullptr) return {.read = !in.empty() || at_end, .write = peer->room() > 0};
    return {.read = !in.empty() || coming.empty(), .write = !draining()};
  }
  [[nodiscard]] std::size_t room() const { return in.room() - std::min(in.room(), coming_bytes); }
  /// A terminal is closed only when the output of the program has been read.
  [[nodiscard]] bool draining() const { return terminal && !in.empty(); }

  /// Bytes in transit to this end.
  struct Coming {
    Time at;
    std::vector<std::uint8_t> bytes;
    bool by_fault;
  };

  ByteQueue in;
  std::deque<Coming> coming;
  std::size_t coming_bytes = 0;
  Time last_arrival{0};
  SimStream* peer = nullptr;         ///< null once the peer's end is closed
  bool input_ended = false;          ///< the peer writes no more
  SimProgramRun* program = nullptr;  ///< the program that has this end; null if handles refer to it
  SimProgramRun* runs = nullptr;     ///< on the controlling side of a terminal: the program that runs on it
  bool terminal = false;
  bool pty = false;                ///< one of the two sides of a pty that users open by name
  std::string path;                ///< of the side that users open
  std::uint64_t written_step = 0;  ///< the event in which `written_bytes` were written
  std::size_t written_bytes = 0;

  std::uint64_t sent_bytes = 0;          ///< from this end since its beginning
  std::vector<std::uint8_t> unit_begun;  ///< sent, but not a whole unit yet: see FaultRule::unit_bytes
  std::vector<std::uint8_t> overtaken;   ///< a unit that waits for the next one to overtake it
};

struct SimListener final : SimObject {
  explicit SimListener(std::string where) : name(std::move(where)) {}
  const char* kind() const override { return "listener"; }
  Ready ready() const override { return {.read = !waiting.empty(), .write = false}; }

  std::string name;
  std::deque<SimStream*> waiting;
};

/// A file that a user names: a regular file, which grows and is read once from its beginning, or a pipe.
struct SimFile final : SimObject {
  explicit SimFile(std::size_t pipe_bytes) : pipe(pipe_bytes) {}
  const char* kind() const override { return "file"; }
  [[nodiscard]] bool is_pipe() const { return pipe.capacity() > 1; }
  Ready ready() const override {
    return is_pipe() ? Ready{.read = !pipe.empty(), .write = !pipe.full()} : Ready{true, true};
  }

  ByteQueue pipe;
  std::string content;
  std::size_t read_at = 0;
};

struct SimConnection final : SimObject {
  const char* kind() const override { return "hypercalls"; }
  Ready ready() const override { return {.read = server == nullptr, .write = server == nullptr}; }

  HypercallCaller caller;
  SimHost* server = nullptr;  ///< null once the hypervisor is gone
  /// A call that the hypervisor did not answer at once, and its answer, when there is one.
  struct GivenUp {
    HypercallArguments arguments;
    std::optional<Host::HypercallOutcome> outcome;
  };
  std::optional<GivenUp> given_up;
};

/// A process that can be stopped, resumed, killed and waited for: a component (`host`) or a scripted program
/// (SimProgramRun).
struct SimProcess : SimObject {
  const char* kind() const override { return "process"; }

  std::int32_t number = 0;
  SimHost* host = nullptr;
  bool stopped = false;
  std::vector<std::function<void()>> held;  ///< events that became due while it was stopped
  std::optional<int> exit_status;           ///< from now on none of its callbacks runs
  bool finished = false;                    ///< its handles are closed and watchers have been told
};

struct SimProgramRun final : SimProcess {
  std::unique_ptr<SimProgram> program;
  SimHost* parent = nullptr;
  SimStream* side = nullptr;  ///< the program's side of the terminal; null after it is closed
  bool rest_left = false;
  bool posted = false;
  bool start_due = true;
  bool input_due = false;
  bool room_wanted = false;
  bool resize_due = false;
  bool hung_up = false;
};

template <class T, class... Arguments>
T& SimWorld::create(Arguments&&... arguments) {
  auto made = std::make_unique<T>(std::forward<Arguments>(arguments)...);
  T& object = *made;
  object.id = next_id_++;
  objects_.emplace(object.id, std::move(made));
  return object;
}

template <class T>
T& SimHost::object(const Handle& handle) {
  auto* found = dynamic_cast<T*>(slot(handle).object);
  RS_CHECK(found != nullptr);  // a handle of the wrong kind
  return *found;
}

}  // namespace ringside
