// The simulated stage: the machine, its daemons and its time.
#include "emu/script/sim_stage.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "emu/trace/text.h"

namespace ringside::script {

namespace {

constexpr char directory[] = "/m";
constexpr char xcs_socket[] = "/m/xcs_socket";
constexpr char xend_socket[] = "/m/xend.sock";
constexpr char xenctld_socket[] = "/m/xenctld.sock";
constexpr char xenconsoled_socket[] = "/m/xenconsoled.sock";
constexpr char uart_socket[] = "/m/com1";
constexpr std::uint64_t session_seed = 2005;
/// Of xend's threads: see Quirk::xend_reorder.
constexpr std::uint32_t thread_orders = 1u << 16;
constexpr std::uint32_t never_listening = 0;
constexpr std::uint32_t always_listening = 1;

}  // namespace

// -- the journal

SimStage::StampingSink::StampingSink(const SimWorld& world, JournalListener listener)
    : Sink(listener ? &always_listening : &never_listening), world_(world), listener_(std::move(listener)) {}

void SimStage::StampingSink::write(trace::Entry& entry) {
  last_ = world_.now();
  if (entry.time_ns == 0) entry.time_ns = now_ns();
  listener_(++steps_, entry);
}

// -- the machine

SimStage::SimStage(StagePlan plan, Choice choice)
    : MachineStage(std::move(plan)),
      choice_(std::move(choice)),
      sink_(world_, std::move(this->plan().journal)),
      tools_(host("tools")) {
  world_.choose_with(choice_);
  world_.cut_streams(this->plan().cuts);
  world_.event_takes(stage_event_time);
  world_.on_fault([this](const FaultRule& fault) { bitten(fault); });
  world_.program("script", [this](const ProgramSpec& spec) { return make_program(spec); });
  world_.program("shell", [this](const ProgramSpec& spec) { return make_program(spec); });
}

SimStage::~SimStage() {
  close_streams();
}

SimHost& SimStage::host(const std::string& name) {
  SimHost& found = world_.host(name);
  if (std::ranges::find(hosts_, &found) == hosts_.end()) hosts_.push_back(&found);
  return found;
}

Result<> SimStage::start() {
  RS_CHECK(xen_ == nullptr);
  xen::HypervisorOptions options;
  if (plan().uart) {
    options.console.line.end = xen::SerialLineOptions::End::socket;
    options.console.line.path = uart_socket;
    options.console.line.bits_per_second = plan().uart_speed;
  }
  xen_ = std::make_unique<xen::Hypervisor>(host("xen"), journal(trace::actor(trace::Role::xen)),
                                           std::move(options));
  if (auto started = xen_->start(); !started) return started;
  privcmd_.emplace(tools_, world_.dom0_connection(tools_));
  if (plan().uart) {
    auto stream = host("uart").connect_local(uart_socket);
    if (!stream) return stream.error();
    connect_uart(std::move(*stream));
  }
  if (plan().dom0 == Dom0::xcs_xend) {
    if (auto started = start_daemon(Daemon::xcs); !started) return started;
  }
  if (auto started = start_daemon(console_keeper()); !started) return started;
  if (plan().dom0 == Dom0::xenconsoled) {
    SimHost& its_host = host("toolstack");
    toolstack_ = std::make_unique<dom0::Toolstack>(its_host, journal(trace::dom0_actor),
                                                   Privcmd(its_host, world_.dom0_connection(its_host)),
                                                   std::function<void(Privcmd&)>());
    if (auto started = toolstack_->start(); !started) return started;
  }
  return plan().uart ? boot_dom0() : Result<>(Done{});
}

Host& SimStage::host_for(const std::string& name) {
  SimHost& found = host(name);
  found.write_whole();
  return found;
}

const SimStage::Sockets& SimStage::sockets() const {
  static const Sockets all{xcs_socket, xend_socket, xenctld_socket, xenconsoled_socket};
  return all;
}

/// xcs counts its connections. No other client connects until xcs has accepted this one.
std::uint32_t SimStage::number_of_new_client() {
  if (xcs_ == nullptr || stalled_[static_cast<std::size_t>(Daemon::xcs)]) return 0;
  const auto before = xcs_->last_connection();
  const bool taken = run_until([&] { return xcs_ != nullptr && xcs_->last_connection() != before; });
  return taken ? static_cast<std::uint32_t>(xcs_->last_connection()) : 0;
}

bool SimStage::run_until(const std::function<bool()>& condition) {
  const Time until = world_.now() + stage_patience;
  while (!condition()) {
    if (!world_.advance(until)) return condition();
  }
  return true;
}

// -- daemons

Result<> SimStage::start_daemon(Daemon daemon) {
  SimHost& its_host = host(name_of(daemon));
  Privcmd calls(its_host, world_.dom0_connection(its_host));
  // Chosen only where it has an effect, so that tapes stay short.
  const std::uint32_t order = plan().quirks.has(Quirk::xend_reorder) ? choice_.pick(thread_orders) : 0;
  switch (daemon) {
    case Daemon::xcs:
      xcs_ = std::make_unique<dom0::Xcs>(its_host, journal(trace::actor(trace::Role::xcs)), std::move(calls),
                                         dom0::XcsOptions{.socket_path = xcs_socket,
                                                          .session_seed = session_seed,
                                                          .quirks = plan().quirks,
                                                          .answer = plan().answer,
                                                          .directory = directory});
      return xcs_->start();
    case Daemon::xend: {
      xend_ =
          std::make_unique<dom0::Xend>(its_host, journal(trace::actor(trace::Role::xend)), std::move(calls),
                                       dom0::XendOptions{.xcs_socket = xcs_socket,
                                                         .management_socket = xend_socket,
                                                         .console_directory = directory,
                                                         .quirks = plan().quirks,
                                                         .seed = order});
      bool ready = false;
      if (auto started = xend_->start([&ready] { ready = true; }); !started) return started;
      if (run_until([&ready] { return ready; })) return Done{};
      // The callback refers to `ready`, so xend must not outlive this function.
      drop_daemon(daemon);
      return Error{ETIMEDOUT, "xend does not start", "xcs", "it grants no session", "is xcs stalled?"};
    }
    case Daemon::xenctld:
      xenctld_ = std::make_unique<dom0::Xenctld>(
          its_host, journal(trace::actor(trace::Role::xenctld)), std::move(calls),
          dom0::XenctldOptions{.management_socket = xenctld_socket, .console_directory = directory});
      return xenctld_->start();
    case Daemon::xenconsoled:
      xenconsoled_ = std::make_unique<dom0::Xenconsoled>(
          its_host, journal(trace::actor(trace::Role::xenconsoled)), std::move(calls),
          dom0::XenconsoledOptions{.management_socket = xenconsoled_socket, .console_directory = directory});
      return xenconsoled_->start();
  }
  return Done{};
}

void SimStage::drop_daemon(Daemon daemon) {
  world_.kill(world_.host(name_of(daemon)));
  switch (daemon) {
    case Daemon::xcs:
      return xcs_.reset();
    case Daemon::xend:
      return xend_.reset();
    case Daemon::xenctld:
      return xenctld_.reset();
    case Daemon::xenconsoled:
      return xenconsoled_.reset();
  }
}

Result<> SimStage::daemon_stops(Daemon daemon) {
  if (auto there = check_daemon(daemon); !there) return there;
  journal(trace::dom0_actor).told(0, trace::Fact::killed, {}, name_of(daemon));
  stalled_[static_cast<std::size_t>(daemon)] = false;
  drop_daemon(daemon);
  return Done{};
}

Result<> SimStage::daemon_starts(Daemon daemon) {
  if (auto there = check_daemon(daemon); !there) return there;
  if (std::exchange(stalled_[static_cast<std::size_t>(daemon)], false)) {
    world_.go_on(world_.host(name_of(daemon)));
    return Done{};
  }
  // The objects that the previous daemon held are freed by the next event.
  const std::array<bool, daemons> all_running{xcs_ != nullptr, xend_ != nullptr, xenctld_ != nullptr,
                                              xenconsoled_ != nullptr};
  const bool runs = all_running[static_cast<std::size_t>(daemon)];
  if (runs) return Error{EEXIST, "cannot start a daemon", name_of(daemon), "it runs", "stop it first"};
  return start_daemon(daemon);
}

Result<> SimStage::daemon_answers(Daemon daemon, bool answers) {
  if (auto there = check_daemon(daemon); !there) return there;
  const Error gone{ESRCH, "a daemon cannot answer", name_of(daemon), "it was stopped", "start it"};
  switch (daemon) {
    case Daemon::xcs:
      return Error{EINVAL, "this daemon answers no requests itself", "xcs", "its clients send the responses",
                   "xend stops answering"};
    case Daemon::xend:
      if (xend_ == nullptr) return gone;
      host("xend").timer_start(Duration{0}, [this, answers] { xend_->withhold_answers(!answers); });
      return Done{};
    case Daemon::xenctld:
      if (xenctld_ == nullptr) return gone;
      host("xenctld").timer_start(Duration{0}, [this, answers] { xenctld_->withhold_answers(!answers); });
      return Done{};
    case Daemon::xenconsoled:
      return Error{EINVAL, "this daemon answers no requests", "xenconsoled", "bytes need no answers",
                   "xenconsoled stalls"};
  }
  return Done{};
}

Result<> SimStage::daemon_stalls(Daemon daemon) {
  if (auto there = check_daemon(daemon); !there) return there;
  if (std::exchange(stalled_[static_cast<std::size_t>(daemon)], true)) return Done{};
  world_.stall(world_.host(name_of(daemon)));
  return Done{};
}

// -- time

bool SimStage::settle(Time until) {
  Time busy = world_.now();
  for (;;) {
    const auto next = world_.next_due();
    if (!next) return true;
    if (world_.held_back() != 0) busy = *next;
    if (*next > std::max(busy, sink_.last()) + quiet_for) return true;
    if (!world_.advance(until)) return false;
  }
}

std::vector<std::string> SimStage::warnings() const {
  std::vector<std::string> lines;
  for (const SimHost* each : hosts_) {
    for (const std::string& line : each->warnings()) lines.push_back(each->name() + ": " + line);
  }
  return lines;
}

}  // namespace ringside::script
