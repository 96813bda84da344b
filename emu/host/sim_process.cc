// Starts and ends in the simulated world: components, scripted programs, and their handles.
#include <algorithm>
#include <cerrno>

#include "emu/host/sim_objects.h"

namespace ringside {

void SimWorld::kill(SimHost& component) {
  end(*component.process_, sim_status_killed);
}

void SimWorld::stall(SimHost& component) {
  signal(*component.process_, Host::DomainSignal::stop);
}

void SimWorld::go_on(SimHost& component) {
  signal(*component.process_, Host::DomainSignal::resume);
}

Handle SimWorld::process_of(SimHost& component, SimHost& holder) {
  return open(holder, *component.process_);
}

void SimWorld::program(const std::string& name, ProgramFactory factory) {
  programs_[name] = std::move(factory);
}

/// Events that became due while it was stopped come before those due now.
void SimWorld::catch_up(SimProcess& process) {
  auto at = std::ranges::find(due_, &process, &Event::process);
  for (auto& run : std::exchange(process.held, {})) at = due_.insert(at, {&process, std::move(run)}) + 1;
}

void SimWorld::signal(SimProcess& process, Host::DomainSignal signal) {
  switch (signal) {
    case Host::DomainSignal::stop:
      process.stopped = true;
      break;
    case Host::DomainSignal::resume:
      process.stopped = false;
      catch_up(process);
      break;
    case Host::DomainSignal::kill:
      end(process, sim_status_killed);
      break;
  }
}

/// From now on none of its callbacks runs. The rest is an event of its own, since one of its callbacks may
/// be running.
void SimWorld::end(SimProcess& process, int status) {
  if (process.exit_status) return;
  process.exit_status = status;
  post(nullptr, [this, &process] { finish(process); });
}

void SimWorld::finish(SimProcess& process) {
  process.held.clear();
  if (process.host != nullptr) finish_host(*process.host);
  if (auto* run = dynamic_cast<SimProgramRun*>(&process); run != nullptr && !run->rest_left)
    close_terminal(*run);
  process.finished = true;
  for (const int number : process.slots) {
    post(find(number)->owner->process_, [this, number] { run_ended(number); });
  }
}

void SimWorld::finish_host(SimHost& host) {
  std::exchange(host.timers_, {}).clear();
  std::vector<int> numbers;
  for (const auto& [number, slot] : slots_) {
    if (slot->owner == &host) numbers.push_back(number);
  }
  for (const int number : numbers) {
    // Closing one may destroy a function that owns another.
    if (find(number) != nullptr) close(number);
  }
  // The pages stay (something else holds them): the dead component's objects may still point at them when
  // they are destroyed.
  std::erase_if(mapped_, [&host](const MappedFrame& mapped) { return mapped.owner == &host; });
  if (hypervisor_ != &host) return;
  hypervisor_ = nullptr;
  hypercalls_ = {};
  for (const auto& [number, slot] : slots_) {
    auto* connection = dynamic_cast<SimConnection*>(slot->object);
    if (connection == nullptr || connection->server != &host) continue;
    connection->server = nullptr;
    changed(*connection);
  }
}

void SimWorld::close_terminal(SimProgramRun& run) {
  if (run.side == nullptr) return;
  SimStream& side = *std::exchange(run.side, nullptr);
  side.program = nullptr;
  --side.holds;
  release(side);
}

// -- programs

void SimWorld::schedule_program(SimProgramRun& run) {
  if (run.posted) return;
  run.posted = true;
  post(&run, [this, &run] { run_program(run); });
}

void SimWorld::run_program(SimProgramRun& run) {
  run.posted = false;
  SimProgram& program = *run.program;
  const auto alive = [&run] { return !run.exit_status; };
  if (std::exchange(run.start_due, false)) program.started();
  if (alive() && std::exchange(run.resize_due, false)) program.resized();
  if (alive() && std::exchange(run.input_due, false) && !run.side->in.empty()) program.input();
  if (alive() && run.room_wanted && run.side->peer != nullptr && !run.side->peer->in.full()) {
    run.room_wanted = false;
    program.room();
  }
  if (alive() && run.side->peer == nullptr && !std::exchange(run.hung_up, true)) program.hung_up();
}

Result<Program> SimHost::program_start(const ProgramSpec& spec) {
  RS_CHECK(!spec.argv.empty());
  const auto factory = world_.programs_.find(spec.argv[0]);
  if (factory == world_.programs_.end()) {
    return Error{ENOENT, "cannot start the program", spec.argv[0], "there is no such program", ""};
  }
  auto& run = world_.create<SimProgramRun>();
  run.number = world_.next_process_++;
  run.holds = 1;  // processes are kept as long as the world
  run.parent = this;
  run.program = factory->second(spec);
  run.program->world_ = &world_;
  run.program->run_ = &run;
  run.program->spec_ = spec;

  const auto [outer, side] = world_.stream_pair(world_.terminal_bytes_);
  outer->terminal = true;
  outer->runs = &run;
  side->terminal = true;
  side->program = &run;
  side->holds = 1;
  run.side = side;
  world_.program_runs_.push_back(&run);
  world_.schedule_program(run);
  return Program{world_.open(*this, *outer), world_.open(*this, run)};
}

void SimHost::process_watch(const Handle& process, std::function<void(int status)> ended) {
  auto& watched = object<SimProcess>(process);
  slot(process).ended = std::move(ended);
  if (!watched.finished) return;
  world_.post(process_, [this, number = process.number()] { world_.run_ended(number); });
}

void SimHost::terminal_resize(const Handle& terminal, std::uint16_t rows, std::uint16_t columns) {
  auto& stream = object<SimStream>(terminal);
  RS_CHECK(stream.runs != nullptr);  // a stream that is no terminal
  SimProgramRun& run = *stream.runs;
  world_.resizes_.push_back({run.number, rows, columns});
  run.program->spec_.rows = rows;
  run.program->spec_.columns = columns;
  run.resize_due = true;
  world_.schedule_program(run);
}

void SimHost::program_kill_rest(const Handle& process) {
  auto& run = object<SimProgramRun>(process);
  world_.end(run, sim_status_killed);
  if (std::exchange(run.rest_left, false) && run.finished) world_.close_terminal(run);
}

std::int32_t SimHost::process_number(const Handle& process) {
  return object<SimProcess>(process).number;
}

void SimHost::domain_signal(DomainId domain, const Handle& process, DomainSignal signal) {
  if (!process.valid()) return;
  auto& target = object<SimProcess>(process);
  world_.signals_.push_back({domain, target.number, signal});
  world_.signal(target, signal);
  if (target.host == nullptr) return;
  for (SimProgramRun* run : world_.program_runs_) {
    if (run->parent == target.host) world_.signal(*run, signal);
  }
}

// -- calls of scripted programs

void SimProgram::hung_up() {
  exit(sim_status_hung_up);
}

std::string SimProgram::read(std::size_t bytes_max) {
  std::string bytes;
  if (run_->side == nullptr) return bytes;
  while (bytes.size() < bytes_max) {
    std::uint8_t piece[256];
    const Io io = world_->read(*run_->side, {piece, std::min(sizeof piece, bytes_max - bytes.size())});
    if (io.state != Io::State::moved) break;
    bytes.append(reinterpret_cast<const char*>(piece), io.bytes);
  }
  return bytes;
}

std::size_t SimProgram::print(std::string_view bytes) {
  if (run_->side == nullptr || exited()) return 0;
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto* at = reinterpret_cast<const std::uint8_t*>(bytes.data()) + done;
    const Io io = world_->write(*run_->side, {at, bytes.size() - done}, nullptr);
    if (io.state != Io::State::moved) break;
    done += io.bytes;
  }
  if (done < bytes.size()) {
    run_->room_wanted = true;
    world_->schedule_program(*run_);
  }
  return done;
}

void SimProgram::exit(int status, bool leave_rest) {
  if (exited()) return;
  run_->rest_left = leave_rest;
  world_->end(*run_, status);
}

void SimProgram::after(Duration delay, std::function<void()> run) {
  world_->post_at(world_->now() + delay, run_, std::move(run));
}

bool SimProgram::exited() const {
  return run_->exit_status.has_value();
}

std::size_t SimProgram::waiting_bytes() const {
  return run_->side == nullptr ? 0 : run_->side->in.size();
}

void EchoProgram::pump() {
  while (!exited()) {
    unprinted_.erase(0, print(unprinted_));
    if (!unprinted_.empty()) return;
    if (done_) return exit(0);
    unprinted_ = read(256);
    if (unprinted_.empty()) return;
    const auto end = last_ == 0 ? std::string::npos : unprinted_.find(last_);
    done_ = end != std::string::npos;
    if (done_) unprinted_.resize(end);
  }
}

void PrintProgram::room() {
  text_.erase(0, print(text_));
  if (text_.empty()) exit(status_);
}

}  // namespace ringside
