// SimWorld: the clock and the queue, handles and their objects, watches and waits.
#include "emu/host/sim.h"

#include <algorithm>
#include <array>

#include "emu/host/sim_objects.h"

namespace ringside {

SimWorld::SimWorld() = default;

SimWorld::~SimWorld() {
  // Functions that never ran may own handles: they are destroyed while their hosts still exist, and their
  // handles close without effect.
  ending_ = true;
  for (const auto& known : hosts_) known->timers_.clear();
  due_.clear();
  later_.clear();
  slots_.clear();
  waits_.clear();
  ended_waits_.clear();
  objects_.clear();
  hypercalls_ = {};
}

SimHost& SimWorld::host(const std::string& name) {
  for (const auto& known : hosts_) {
    if (known->name() == name && !known->ended()) return *known;
  }
  hosts_.push_back(std::make_unique<SimHost>(*this, name));
  return *hosts_.back();
}

std::function<std::uint64_t()> SimWorld::clock() const {
  return [this] { return static_cast<std::uint64_t>(now_.count()); };
}

// -- running

void SimWorld::post(SimProcess* process, std::function<void()> run) {
  due_.push_back({process, std::move(run)});
}

void SimWorld::post_at(Time at, SimProcess* process, std::function<void()> run) {
  if (at <= now_) return post(process, std::move(run));
  later_.push_back({at, events_made_++, {process, std::move(run)}});
  std::push_heap(later_.begin(), later_.end());
}

/// Events that have become due are appended to those that were due before.
void SimWorld::take_due() {
  while (!later_.empty() && later_.front().at <= now_) {
    std::pop_heap(later_.begin(), later_.end());
    due_.push_back(std::move(later_.back().event));
    later_.pop_back();
  }
}

/// The index in due_ of the next event: the oldest, or the oldest of a process drawn at random.
std::size_t SimWorld::pick_due() {
  if (choice_ == nullptr || due_.size() == 1) return 0;
  std::array<std::size_t, sim_ties_max> first;
  std::uint32_t processes = 0;
  for (std::size_t at = 0; at < std::min(due_.size(), sim_ties_max); ++at) {
    const auto known = std::find_if(first.begin(), first.begin() + processes, [&](std::size_t earlier) {
      return due_[earlier].process == due_[at].process;
    });
    if (known == first.begin() + processes) first[processes++] = at;
  }
  return first[choice_->pick(processes)];
}

bool SimWorld::step(Time until) {
  if (due_.empty()) {
    if (later_.empty() || later_.front().at > until) return false;
    now_ = std::max(now_, later_.front().at);
    take_due();
  }
  const std::size_t at = pick_due();
  Event event = std::move(due_[at]);
  due_.erase(due_.begin() + static_cast<std::ptrdiff_t>(at));
  ++steps_;
  if (event_takes_ != Duration{0}) {
    now_ += event_takes_;
    take_due();
  }
  if (event.process != nullptr && event.process->exit_status) return true;
  if (event.process != nullptr && event.process->stopped) {
    event.process->held.push_back(std::move(event.run));
    return true;
  }
  event.run();
  if (!ended_waits_.empty()) std::exchange(ended_waits_, {}).clear();
  return true;
}

bool SimWorld::advance(Time until) {
  RS_CHECK(!running_);
  if ((due_.empty() || now_ < until) && step(until)) return true;
  now_ = std::max(now_, until);
  return false;
}

std::optional<Time> SimWorld::next_due() const {
  if (!due_.empty()) return now_;
  if (later_.empty()) return std::nullopt;
  return later_.front().at;
}

/// A drawn delay: mostly none, otherwise of any length. A short delay finds the receiver awake, a long one
/// finds it asleep.
Duration SimWorld::latency() {
  if (choice_ == nullptr || choice_->pick(2) == 0) return Duration{0};
  const Duration bound = sim_latency_max / (choice_->pick(2) == 0 ? 20 : 1);
  return Duration{choice_->pick(static_cast<std::uint32_t>(bound.count()))};
}

/// Draws how many of `bytes` one read or write moves: mostly all, at least 1.
std::size_t SimWorld::some_of(std::size_t bytes) {
  if (choice_ == nullptr || !cuts_ || bytes < 2 || choice_->pick(4) != 3) return bytes;
  return bytes - choice_->pick(static_cast<std::uint32_t>(bytes));
}

void SimWorld::run_steps(Time until, const std::function<bool()>* condition) {
  RS_CHECK(!running_);  // run() from inside a callback
  struct Running {
    bool& flag;
    explicit Running(bool& running) : flag(running) { flag = true; }
    ~Running() { flag = false; }
  } running(running_);
  const std::uint64_t first = steps_;
  while ((condition == nullptr || !(*condition)()) && step(until)) {
    RS_CHECK(steps_ - first <=
             steps_max_);  // a livelock: some component is always ready and makes no progress
  }
}

void SimWorld::run() {
  run_steps(now_, nullptr);
}

void SimWorld::run_for(Duration duration) {
  const Time until = now_ + duration;
  run_steps(until, nullptr);
  now_ = until;
}

bool SimWorld::run_until(const std::function<bool()>& condition, Duration limit) {
  const Time until = now_ + limit;
  run_steps(until, &condition);
  if (condition()) return true;
  now_ = until;
  return false;
}

// -- objects and handles

Handle SimWorld::open(SimHost& owner, SimObject& object) {
  const int number = next_number_++;
  slots_.emplace(number, std::make_unique<SimSlot>(owner, object));
  object.slots.push_back(number);
  users_changed(object);
  return {owner, number};
}

SimSlot* SimWorld::find(int number) {
  const auto at = slots_.find(number);
  return at == slots_.end() ? nullptr : at->second.get();
}

void SimWorld::close(int number) {
  auto taken = slots_.extract(number);
  RS_CHECK(!taken.empty());
  SimSlot& slot = *taken.mapped();
  end_wait(slot.wait);
  std::erase(slot.object->slots, number);
  users_changed(*slot.object);
  release(*slot.object);
}

void SimWorld::release(SimObject& object) {
  if (!object.slots.empty() || object.holds > 0) return;
  retire(object);
  objects_.erase(object.id);
}

void SimWorld::retire(SimObject& object) {
  if (auto* stream = dynamic_cast<SimStream*>(&object)) stop_holding_back(*stream);
  if (auto* stream = dynamic_cast<SimStream*>(&object); stream != nullptr && stream->peer != nullptr) {
    SimStream& peer = *std::exchange(stream->peer, nullptr);
    peer.peer = nullptr;
    changed(peer);
    // The side that users open ends with the controlling one.
    if (stream->pty && files_.erase(peer.path) != 0) {
      // Unread bytes are discarded too: it is a hang-up.
      peer.in.clear();
      --peer.holds;
      release(peer);
    }
  }
  if (auto* listener = dynamic_cast<SimListener*>(&object)) {
    listeners_.erase(listener->name);
    for (SimStream* waiting : listener->waiting) {
      --waiting->holds;
      release(*waiting);
    }
  }
  if (auto* connection = dynamic_cast<SimConnection*>(&object); connection != nullptr && connection->server) {
    post(connection->server->process_, [this, caller = connection->caller] { hypercalls_.gone(caller); });
  }
}

Handle SimWorld::give(Handle handle, SimHost& receiver) {
  SimSlot* slot = find(handle.number());
  RS_CHECK(slot != nullptr);
  return open(receiver, *slot->object);
}

std::vector<std::string> SimWorld::open_handles() const {
  std::vector<std::string> lines;
  for (const auto& [number, slot] : slots_) {
    lines.push_back(fmt::format("{}: {} {}", slot->owner->name(), slot->object->kind(), number));
  }
  for (const MappedFrame& mapped : mapped_) lines.push_back(mapped.owner->name() + ": mapping");
  return lines;
}

// -- watches: at most one event is queued for each slot, and looks again when it runs

void SimWorld::changed(SimObject& object) {
  for (const int number : object.slots) post_ready(number);
  if (auto* stream = dynamic_cast<SimStream*>(&object); stream != nullptr && stream->program != nullptr) {
    schedule_program(*stream->program);
  }
}

namespace {

Ready wanted(const SimSlot& slot) {
  const Ready ready = slot.object->ready();
  return {.read = ready.read && slot.interest.read, .write = ready.write && slot.interest.write};
}

}  // namespace

void SimWorld::post_ready(int number) {
  SimSlot& slot = *find(number);
  const Ready ready = wanted(slot);
  if (!slot.watched || slot.ready_posted || (!ready.read && !ready.write)) return;
  slot.ready_posted = true;
  post(slot.owner->process_, [this, number] { run_ready(number); });
}

void SimWorld::run_ready(int number) {
  SimSlot* slot = find(number);
  if (slot == nullptr) return;
  const Ready ready = wanted(*slot);
  if (ready.read || ready.write) {
    auto call = std::move(slot->ready);
    slot->ready = nullptr;
    call(ready);
    slot = find(number);
    if (slot == nullptr) return;
    if (!slot->ready) slot->ready = std::move(call);
  }
  slot->ready_posted = false;
  post_ready(number);
}

void SimWorld::post_woken(int number) {
  SimSlot& slot = *find(number);
  if (slot.wait != 0) {
    SimWait& wait = *waits_.at(slot.wait);
    wait.serve_due = true;
    post_turn(wait);
  }
  if (!slot.wakes || slot.woken_posted) return;
  slot.woken_posted = true;
  post(slot.owner->process_, [this, number] { run_woken(number); });
}

void SimWorld::run_woken(int number) {
  SimSlot* slot = find(number);
  if (slot == nullptr) return;
  slot->woken_posted = false;
  auto call = std::move(slot->woken);
  slot->woken = nullptr;
  call();
  slot = find(number);
  if (slot != nullptr && !slot->woken) slot->woken = std::move(call);
}

void SimWorld::run_ended(int number) {
  SimSlot* slot = find(number);
  if (slot == nullptr || !slot->ended) return;
  const int status = static_cast<SimProcess*>(slot->object)->exit_status.value();
  auto call = std::move(slot->ended);
  slot->ended = nullptr;
  call(status);
}

// -- ring waits

void SimWorld::post_turn(SimWait& wait) {
  if (wait.posted) return;
  wait.posted = true;
  post(wait.owner->process_, [this, id = wait.id] { run_turn(id); });
}

/// One event of a wait: a bounded step, so that the waits of two components take turns as two processes
/// would.
void SimWorld::run_turn(std::uint64_t wait_id) {
  const auto at = waits_.find(wait_id);
  if (at == waits_.end()) return;
  SimWait& wait = *at->second;
  const auto over = [&wait] { return wait.ended || wait.owner->ended(); };
  wait.posted = false;
  if (!wait.masked) {
    wait.masked = true;
    wait.looks = 0;
    wait.calls.awaken();
    if (over()) return;
  }
  bool serve = std::exchange(wait.serve_due, false);
  // The last look and the sleep are a turn of their own: other processes may run between that turn and the
  // look before it.
  const bool sleeps = !serve && wait.looks >= sim_looks_before_sleep;
  if (!serve && !sleeps) serve = wait.calls.has_work();
  if (over()) return;
  if (serve) {
    wait.looks = 0;
    wait.calls.serve();
    if (!over()) post_turn(wait);
    return;
  }
  if (!sleeps) {
    ++wait.looks;
    return post_turn(wait);
  }
  wait.looks = 0;
  const bool asleep = wait.calls.try_sleep();
  if (over()) return;
  wait.masked = !asleep;
  if (asleep) return;
  wait.serve_due = true;
  post_turn(wait);
}

void SimWorld::end_wait(std::uint64_t wait_id) {
  auto taken = waits_.extract(wait_id);
  if (taken.empty()) return;
  taken.mapped()->ended = true;
  if (SimSlot* slot = find(taken.mapped()->number)) slot->wait = 0;
  ended_waits_.push_back(std::move(taken.mapped()));
}

}  // namespace ringside
