// SimHost: time, handles, frames, ports and hypercalls of one simulated component.
#include <algorithm>
#include <cerrno>
#include <memory>

#include "emu/host/sim_objects.h"

namespace ringside {

SimHost::SimHost(SimWorld& world, std::string name) : world_(world), name_(std::move(name)) {
  auto& process = world_.create<SimProcess>();
  process.number = world_.next_process_++;
  process.host = this;
  process.holds = 1;
  process_ = &process;
}

SimHost::~SimHost() = default;

bool SimHost::ended() const {
  return process_->exit_status.has_value();
}

std::optional<int> SimHost::exit_status() const {
  return process_->exit_status;
}

SimSlot& SimHost::slot(const Handle& handle) {
  SimSlot* found = world_.find(handle.number());
  RS_CHECK(found != nullptr);      // a handle that is closed, or was never opened
  RS_CHECK(found->owner == this);  // another component's handle
  return *found;
}

// -- time

std::optional<Error> SimHost::no_descriptor(const std::string& object) const {
  if (!exhausted_) return {};
  return Error{EMFILE, "cannot open", object, "too many open files", ""};
}

Time SimHost::now() const {
  return world_.now();
}

Host::TimerId SimHost::timer_start(Duration delay, std::function<void()> run) {
  const TimerId id = world_.next_id_++;
  timers_.emplace(id, std::move(run));
  world_.post_at(world_.now() + std::max(delay, Duration{0}), process_, [this, id] {
    auto due = timers_.extract(id);
    if (!due.empty()) due.mapped()();
  });
  return id;
}

void SimHost::timer_cancel(TimerId timer) {
  if (!world_.ending_) timers_.erase(timer);
}

// -- handles

void SimHost::handle_close(int number) {
  if (world_.ending_) return;
  const bool known = world_.find(number) != nullptr;
  RS_CHECK(known || ended());  // closed twice
  if (known) world_.close(number);
}

Result<Handle> SimHost::handle_duplicate(const Handle& handle) {
  if (auto failed = no_descriptor("a handle")) return *failed;
  return world_.open(*this, *slot(handle).object);
}

// -- frames

Result<Handle> SimHost::frame_create() {
  if (auto failed = no_descriptor("a frame")) return *failed;
  return world_.open(*this, world_.create<SimFrame>());
}

Result<Mapping> SimHost::frame_map(const Handle& frame) {
  return world_.map(*this, object<SimFrame>(frame));
}

Mapping SimWorld::map(SimHost& owner, SimFrame& frame) {
  ++frame.holds;
  mapped_.push_back({&owner, &frame});
  return Mapping{owner, frame.address()};
}

void SimHost::frame_unmap(std::byte* address) {
  if (world_.ending_) return;
  const auto at = std::find_if(world_.mapped_.begin(), world_.mapped_.end(), [&](const auto& mapped) {
    return mapped.owner == this && mapped.frame->address() == address;
  });
  const bool known = at != world_.mapped_.end();
  RS_CHECK(known || ended());
  if (!known) return;
  SimFrame& frame = *at->frame;
  world_.mapped_.erase(at);
  --frame.holds;
  world_.release(frame);
}

Result<Mapping> SimHost::memory_keep(const std::string& path, std::size_t bytes) {
  auto found = memory_find(path, bytes);
  if (found.ok() || found.error().code != ENOENT) return found;
  if (world_.disk_full_)
    return Error{ENOSPC, "cannot keep memory in a file", path, "no space left on device", ""};
  memory_forget(path);
  auto& memory = world_.create<SimFrame>(bytes);
  ++memory.holds;
  world_.kept_[path] = &memory;
  return world_.map(*this, memory);
}

Result<Mapping> SimHost::memory_find(const std::string& path, std::size_t bytes) {
  if (auto failed = no_descriptor(path)) return *failed;
  const auto found = world_.kept_.find(path);
  if (found == world_.kept_.end() || found->second->bytes != bytes) {
    return Error{ENOENT, "cannot keep memory in a file", path, "there is none of that size", ""};
  }
  return world_.map(*this, *found->second);
}

void SimHost::memory_forget(const std::string& path) {
  const auto found = world_.kept_.find(path);
  if (found == world_.kept_.end()) return;
  SimFrame& memory = *found->second;
  world_.kept_.erase(found);
  --memory.holds;
  world_.release(memory);
}

std::vector<std::string> SimHost::memory_names(const std::string& directory) {
  std::vector<std::string> names;
  const std::string begin = directory + "/";
  for (auto at = world_.kept_.lower_bound(begin); at != world_.kept_.end() && at->first.starts_with(begin);
       ++at)
    names.push_back(at->first.substr(begin.size()));
  return names;
}

// -- ports

Result<Handle> SimHost::kicks_create() {
  if (auto failed = no_descriptor("kicks")) return *failed;
  return world_.open(*this, world_.create<SimKicks>());
}

void SimHost::kick(const Handle& kicks) {
  auto& kicked = object<SimKicks>(kicks);
  RS_CHECK(kicked.sources.empty());
  world_.kick(*this, kicked);
}

Result<Handle> SimHost::kicks_listener(std::span<const Handle* const> kicks) {
  if (auto failed = no_descriptor("kicks")) return *failed;
  auto& listener = world_.create<SimKicks>();
  for (const Handle* each : kicks) {
    auto& source = object<SimKicks>(*each);
    source.listeners.push_back(&listener);
    listener.sources.push_back(&source);
  }
  return world_.open(*this, listener);
}

void SimHost::kicks_watch(const Handle& kicks, std::function<void()> woken) {
  RS_CHECK(woken != nullptr);
  SimSlot& watched = slot(kicks);
  RS_CHECK(watched.wait == 0);
  watched.wakes = true;
  watched.woken = std::move(woken);
  if (object<SimKicks>(kicks).kicked) world_.post_woken(kicks.number());
}

Host::WaitId SimHost::ring_wait_start(const Handle& kicks, RingWait wait) {
  RS_CHECK(wait.awaken && wait.has_work && wait.serve && wait.try_sleep);
  (void)object<SimKicks>(kicks);
  SimSlot& waited = slot(kicks);
  RS_CHECK(waited.wait == 0 && !waited.wakes);
  const WaitId id = world_.next_id_++;
  // One thread, so one CPU.
  if (wait.own_cpu != nullptr) ring::NativeMemory::store(wait.own_cpu, 1u);
  auto made = std::make_unique<SimWait>(
      SimWait{.owner = this, .id = id, .number = kicks.number(), .calls = std::move(wait)});
  waited.wait = id;
  world_.post_turn(*world_.waits_.emplace(id, std::move(made)).first->second);
  return id;
}

void SimHost::ring_wait_expect(WaitId wait) {
  const auto at = world_.waits_.find(wait);
  if (at == world_.waits_.end()) return;
  RS_CHECK(at->second->owner == this);
  at->second->looks = 0;
  world_.post_turn(*at->second);
}

void SimHost::ring_wait_end(WaitId wait) {
  if (!world_.ending_) world_.end_wait(wait);
}

// -- hypercalls

Result<> SimHost::hypercalls_serve(HypercallServer server) {
  RS_CHECK(server.call && server.gone);
  if (world_.hypervisor_ != nullptr) {
    return Error{EADDRINUSE, "cannot serve hypercalls", name_, "a hypervisor is running already",
                 "stop it first"};
  }
  world_.hypervisor_ = this;
  world_.hypercalls_ = std::move(server);
  return Done{};
}

Result<Handle> SimHost::hypercall_connection(DomainId domain, bool program) {
  RS_CHECK(world_.hypervisor_ == this);
  auto& connection = world_.create<SimConnection>();
  connection.caller = {.connection = world_.next_connection_++, .domain = domain, .program = program};
  connection.server = this;
  return world_.open(*this, connection);
}

Handle SimWorld::dom0_connection(SimHost& holder) {
  RS_CHECK(hypervisor_ != nullptr);  // the hypervisor must be serving
  return give(hypervisor_->hypercall_connection(0, false).value(), holder);
}

Result<Host::HypercallOutcome> SimHost::hypercall(const Handle& connection,
                                                  const HypercallArguments& arguments, const Handle* handle) {
  auto& through = object<SimConnection>(connection);
  if (through.server == nullptr || through.server->ended()) {
    return Error{EPIPE, "hypercall failed", "", "the hypervisor is gone", "start the machine again"};
  }
  RS_CHECK(!world_.in_hypercall_);  // a hypercall inside a hypercall
  const bool same = handle == nullptr && through.given_up && through.given_up->arguments == arguments;
  if (same && through.given_up->outcome) {
    HypercallOutcome outcome = std::move(*through.given_up->outcome);
    through.given_up.reset();
    return outcome;
  }
  SimHost& server = *through.server;
  const bool takes = handle != nullptr && takes_handle(through.caller, arguments.op);
  Handle given = takes ? world_.open(server, *slot(*handle).object) : Handle();
  if (!server.process_->stopped) {
    through.given_up.reset();
    return world_.serve(*this, through, arguments, std::move(given));
  }
  if (!same) {
    through.given_up = SimConnection::GivenUp{arguments, std::nullopt};
    // The hypervisor gets the call later, when it continues.
    world_.post(server.process_,
                [this, id = through.id, arguments, held = std::make_shared<Handle>(std::move(given))] {
                  const auto found = world_.objects_.find(id);
                  if (found == world_.objects_.end()) return;
                  auto& late = static_cast<SimConnection&>(*found->second);
                  HypercallOutcome outcome = world_.serve(*this, late, arguments, std::move(*held));
                  if (late.given_up && late.given_up->arguments == arguments)
                    late.given_up->outcome = std::move(outcome);
                });
  }
  return Error{ETIMEDOUT, "hypercall failed", "", "the hypervisor does not answer", ""};
}

Host::HypercallOutcome SimWorld::serve(SimHost& caller, const SimConnection& through,
                                       const HypercallArguments& arguments, Handle given) {
  std::vector<Handle> handles;
  if (given.valid()) handles.push_back(std::move(given));
  in_hypercall_ = true;
  Host::HypercallOutcome outcome{.answer = hypercalls_.call(through.caller, arguments, handles),
                                 .handles = {}};
  in_hypercall_ = false;
  for (Handle& answered : handles) outcome.handles.push_back(give(std::move(answered), caller));
  return outcome;
}

bool SimHost::hypervisor_answers(const Handle& connection, std::function<void()> later) {
  const auto& through = object<SimConnection>(connection);
  if (through.server == nullptr || through.server->ended() || !through.server->process_->stopped) return true;
  // An event that the hypervisor runs when it continues.
  world_.post(through.server->process_, [this, later = std::move(later)] { world_.post(process_, later); });
  return false;
}

void SimHost::hypervisor_watch(const Handle& connection, std::function<void()> gone) {
  watch(connection, {.read = true}, [this, number = connection.number(), gone = std::move(gone)](Ready) {
    world_.find(number)->interest = {};
    gone();
  });
}

// -- the end

void SimHost::warn(const std::string& line) {
  warnings_.push_back(line);
}

void SimHost::stop(int exit_status) {
  world_.end(*process_, exit_status);
}

}  // namespace ringside
