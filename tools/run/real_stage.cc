// Starts the processes of a stage, sends signals to them, and reads their journal.
#include "tools/run/real_stage.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "emu/host/launch.h"
#include "emu/host/process_table.h"
#include "emu/trace/text.h"

namespace ringside::tools {

using script::Daemon;

namespace {

constexpr std::uint32_t guest_memory_mib = 64;

Error only_simulated(const char* what, std::string object, std::string why) {
  return {EOPNOTSUPP, what, std::move(object), std::move(why), "run it with --mode sim"};
}

Dom0Kind kind_of(script::Dom0 dom0) {
  switch (dom0) {
    case script::Dom0::xcs_xend:
      return Dom0Kind::xcs_xend;
    case script::Dom0::xenctld:
      return Dom0Kind::xenctld;
    case script::Dom0::xenconsoled:
      return Dom0Kind::xenconsoled;
  }
  return Dom0Kind::xcs_xend;
}

}  // namespace

// -- the machine

RealStage::RealStage(script::StagePlan plan, std::function<bool()> give_up)
    : MachineStage(std::move(plan)), give_up_(std::move(give_up)) {
  for (const QuirkAbout& known : quirks_known) {
    if (this->plan().quirks.has(known.quirk)) spec_.quirks.emplace_back(known.name);
  }
}

RealStage::~RealStage() {
  if (host_ == nullptr) return;
  close_streams();
  guests_.clear();
  privcmd_.reset();
  reader_.reset();
  writer_.reset();
  faults_.reset();
  own_.reset();
}

Result<> RealStage::start() {
  RS_CHECK(host_ == nullptr);
  auto own = PrivateMachine::make("scenario");
  if (!own) return own.error();
  own_ = std::move(*own);
  host_ = &own_->host();
  machine_ = own_->machine();
  origin_ = host_->now();
  sockets_ = {machine_.xcs_socket(), machine_.xend_socket(), machine_.xenctld_socket(),
              machine_.xenconsoled_socket()};
  spec_.dom0 = kind_of(plan().dom0);
  spec_.answer = plan().answer;
  spec_.console_port_base = 0;
  spec_.dies_with_us = true;
  if (plan().uart) {
    spec_.serial = {"--com1", "pty", "--com1-speed", std::to_string(plan().uart_speed)};
    spec_.dom0_kernel = true;
    spec_.dom0_words = {"--raw", "--", own_program(), "puppet", machine_.puppet_socket(0)};
  }
  auto writer = JournalWriter::open(machine_.journal_directory(), "scenario");
  if (!writer) return writer.error();
  writer_ = std::move(*writer);
  auto reader = JournalReader::open(machine_.journal_directory());
  if (!reader) return reader.error();
  reader_ = std::move(*reader);
  if (auto faults = prepare_faults(); !faults) return faults;
  if (plan().uart) {
    if (auto waiting = wait_for_program(0); !waiting) return waiting;
  }
  if (auto started = start_machine(*host_, spec_, own_->lock()); !started) return started;
  auto privcmd = host_->connect_dom0();
  if (!privcmd) return privcmd.error();
  privcmd_.emplace(std::move(*privcmd));
  if (!plan().uart) return Done{};
  auto line = host_->file_open(machine_.com1_link(), Host::FileUse::output);
  if (!line) return line.error();
  connect_uart(std::move(line->handle));
  return await_program(0);
}

/// Must run before any process of the machine starts, since each process looks for faults at its start.
Result<> RealStage::prepare_faults() {
  if (!plan().faults) return Done{};
  const char* controller = controller_name(spec_.dom0);
  auto table = FaultTable::make(*host_, machine_, controller, plan().seed, plan().plain);
  if (!table) return table.error();
  faults_.emplace(std::move(*table));
  // This process itself sends the messages of raw clients.
  host_->inject_faults(FaultTable::find(*host_, machine_).value(),
                       [this](const FaultRule& rule, DomainId) { bitten(rule); });
  return Done{};
}

// -- time

void RealStage::run_for(Duration duration) {
  const auto timer = host_->timer_start(duration, [this] { host_->stop(0); });
  host_->run();
  host_->timer_cancel(timer);
}

/// Passes on new entries of the journal. Returns their number.
std::size_t RealStage::hand_over() {
  return reader_->read([this](const trace::Entry& entry) {
    trace::Entry told = entry;
    const auto origin_ns = static_cast<std::uint64_t>(origin_.count());
    told.time_ns -= std::min(told.time_ns, origin_ns);
    last_entry_ = now();
    ++steps_;
    if (plan().journal) plan().journal(steps_, told);
  });
}

bool RealStage::advance(Time until) {
  const std::uint64_t arrived = arrivals_;
  for (;;) {
    if (hand_over() != 0 || arrivals_ != arrived) return true;
    const Duration left = until - now();
    if (left <= Duration::zero() || ends_early()) return false;
    run_for(std::min(left, journal_look_delay));
  }
}

bool RealStage::settle(Time until) {
  const Time began = now();
  for (;;) {
    const Time held_until = faults_ ? faults_->held_until() - origin_ : Time{0};
    const Time quiet_at = std::max({began, last_entry_, held_until}) + script::quiet_for;
    if (now() >= quiet_at && is_at_rest()) return true;
    if (now() >= until || ends_early()) return false;
    (void)advance(std::min(std::max(quiet_at, now() + journal_look_delay), until));
  }
}

/// Whether all processes are at rest. A quiet journal is not enough: on a busy computer a process may not run
/// for longer than that.
bool RealStage::is_at_rest() {
  const std::uint64_t arrived = arrivals_;
  const ProcessLook before = look_at_processes(machine_);
  if (before.busy) return false;
  run_for(still_for);
  return hand_over() == 0 && arrivals_ == arrived && look_at_processes(machine_) == before;
}

bool RealStage::run_until(const std::function<bool()>& condition) {
  const Time until = now() + real_patience;
  while (!condition()) {
    const bool went_on = advance(std::min(now() + journal_look_delay, until));
    if (!went_on && (now() >= until || ends_early())) return condition();
  }
  return true;
}

// -- domains

Result<RealStage::Guest*> RealStage::guest(DomainId domain) {
  const auto found = guests_.find(domain);
  if (found != guests_.end()) return &found->second;
  return Error{ESRCH, "there is no such domain", fmt::format("dom{}", domain), "it was not created",
               fmt::format("xen boots dom{}", domain)};
}

Result<RealStage::Guest*> RealStage::unprivileged(DomainId domain) {
  if (domain != 0) return guest(domain);
  return Error{EINVAL, "this cannot be done to dom0", "dom0", "its page is private", "try it with dom1"};
}

Result<> RealStage::create(DomainId domain, script::GuestProgram program) {
  // As in the simulation: xen and dom0 may still be busy with the end of an earlier domain of that id.
  if (guests_.contains(domain) && !runs(domain)) (void)settle(now() + real_patience);
  guests_.erase(domain);
  Guest& its = guests_[domain];
  DomainSpec spec;
  spec.domain = domain;
  spec.name = fmt::format("dom{}", domain);
  spec.abi = plan().abi;
  spec.memory_mib = guest_memory_mib;
  spec.paused = true;
  spec.dies_with_us = true;
  spec.raw = true;
  spec.quirks = spec_.quirks;
  if (program == script::GuestProgram::script) {
    if (auto waiting = wait_for_program(domain); !waiting) return waiting;
    spec.quiet = true;
    spec.program = {own_program(), "puppet", machine_.puppet_socket(domain)};
  }
  auto built = build_domain(*host_, *privcmd_, spec);
  if (!built) {
    guests_.erase(domain);
    return built.error();
  }
  its.console = {built->tcp_port, built->path};
  return map_page(domain);
}

Result<> RealStage::map_page(DomainId domain) {
  auto its = unprivileged(domain);
  if (!its) return its.error();
  auto info = privcmd_->domain_info(domain);
  if (!info) return info.error();
  if (!info->has_value())
    return Error{ESRCH, "there is no such domain", fmt::format("dom{}", domain), "", ""};
  auto frame = privcmd_->map_frame(domain, (*info)->shared_info_frame);
  if (!frame) return frame.error();
  auto page = host_->frame_map(*frame);
  if (!page) return page.error();
  (*its)->page = std::move(*page);
  return Done{};
}

/// Returns once the program is connected. Before that, a quiet guest could not be distinguished from one
/// whose program has not started yet.
Result<> RealStage::unpause(DomainId domain) {
  if (auto resumed = MachineStage::unpause(domain); !resumed) return resumed;
  return await_program(domain);
}

Result<> RealStage::await_program(DomainId domain) {
  const auto found = guests_.find(domain);
  if (found == guests_.end() || !found->second.listener.valid()) return Done{};
  const auto there_or_dead = [&] { return found->second.wire != nullptr || (domain != 0 && !runs(domain)); };
  if (run_until(there_or_dead)) return Done{};
  return Error{ETIMEDOUT, "the program of a domain does not start", fmt::format("dom{}", domain),
               "it does not connect", ""};
}

Result<> RealStage::boot(DomainId domain, script::GuestProgram program) {
  if (auto created = create(domain, program); !created) return created;
  return unpause(domain);
}

Result<> RealStage::wait_for_program(DomainId domain) {
  auto listener = host_->listen_local(machine_.puppet_socket(domain));
  if (!listener) return listener.error();
  Guest& its = guests_[domain];
  its.listener = std::move(*listener);
  host_->watch(its.listener, {.read = true}, [this, &its](Ready) { program_came(its); });
  return Done{};
}

void RealStage::program_came(Guest& its) {
  auto connection = host_->accept(its.listener);
  if (!connection || !connection->has_value()) return;
  its.wire = std::make_unique<script::Wire>(*host_, std::move(**connection),
                                            script::Wire::Events{.received = [this, &its](Bytes bytes) {
                                              ++arrivals_;
                                              its.read.append(bytes.begin(), bytes.end());
                                            }});
  its.wire->send(std::exchange(its.unprinted, {}), script::Typing::once);
}

Result<> RealStage::print(DomainId domain, std::string_view text) {
  auto its = guest(domain);
  if (!its) return its.error();
  if ((*its)->wire == nullptr) {
    (*its)->unprinted += text;
    return Done{};
  }
  if ((*its)->wire->cut_off())
    return Error{ESRCH, "a domain cannot print", fmt::format("dom{}", domain), "its process has ended", ""};
  (*its)->wire->send(text, script::Typing::once);
  return Done{};
}

Result<> RealStage::end(DomainId domain, int status) {
  auto its = guest(domain);
  if (!its) return its.error();
  if (status != 0)
    return only_simulated("a program cannot end with this status", std::to_string(status),
                          "a real one ends with 0");
  if (!run_until([&] { return (*its)->wire != nullptr; }))
    return Error{ESRCH, "a program cannot end", fmt::format("dom{}", domain), "no program runs there", ""};
  (*its)->wire->finish();
  return Done{};
}

/// The domain's process, if it runs.
std::optional<std::int32_t> RealStage::runs(DomainId domain) {
  auto info = privcmd_->domain_info(domain);
  if (!info || !info->has_value() || (*info)->domain != domain || (*info)->state.running == 0)
    return std::nullopt;
  return (*info)->process;
}

Result<> RealStage::kill(DomainId domain) {
  const auto process = runs(domain);
  if (!process) {
    return Error{ESRCH, "cannot kill a domain's process", fmt::format("dom{}", domain), "it has ended", ""};
  }
  ::kill(*process, SIGKILL);
  return Done{};
}

Result<> RealStage::log(DomainId domain, std::string_view) {
  return only_simulated("a kernel cannot be made to print", fmt::format("dom{}", domain),
                        "a guest's kernel cannot be told what to print");
}

Result<> RealStage::throttle(DomainId domain, bool) {
  return only_simulated("a guest's terminal cannot be throttled", fmt::format("dom{}", domain),
                        "its program decides when it reads");
}

Result<> RealStage::answering(DomainId domain, bool) {
  return only_simulated("a guest cannot be kept from answering", fmt::format("dom{}", domain),
                        "its process answers whenever it runs");
}

Result<> RealStage::reading(DomainId domain, bool) {
  return only_simulated("a guest's program cannot be kept from reading", fmt::format("dom{}", domain),
                        "it reads whenever it runs");
}

std::string_view RealStage::program_read(DomainId domain) const {
  const auto found = guests_.find(domain);
  return found == guests_.end() ? std::string_view() : found->second.read;
}

Result<RealStage::Console> RealStage::console_of(DomainId domain) {
  auto its = unprivileged(domain);
  if (!its) return its.error();
  return (*its)->console;
}

Result<std::byte*> RealStage::page_of(DomainId domain) {
  auto its = unprivileged(domain);
  if (!its) return its.error();
  return (*its)->page.frame();
}

Result<RealStage::DomainAccess> RealStage::access_to(DomainId domain) {
  auto its = unprivileged(domain);
  if (!its) return its.error();
  if (!(*its)->access) {
    auto connection = privcmd_->domain_connection(domain);
    if (!connection) return connection.error();
    (*its)->access.emplace(*host_, std::move(*connection));
  }
  return DomainAccess{host_, &*(*its)->access};
}

// -- dom0

Result<int> RealStage::process_of(Daemon daemon) const {
  if (auto there = check_daemon(daemon); !there) return there.error();
  const auto pid = PidFile::holder(machine_.pid_file(script::name_of(daemon)));
  if (pid) return *pid;
  return Error{ESRCH, "there is no such process", script::name_of(daemon), "it does not run",
               "start it first"};
}

Result<> RealStage::daemon_stops(Daemon daemon) {
  auto process = process_of(daemon);
  if (!process) return process.error();
  journal(trace::dom0_actor).told(0, trace::Fact::killed, {}, script::name_of(daemon));
  end_process(*process, 0);
  return Done{};
}

Result<> RealStage::daemon_stalls(Daemon daemon) {
  auto process = process_of(daemon);
  if (!process) return process.error();
  ::kill(*process, SIGSTOP);
  return Done{};
}

std::uint32_t RealStage::number_of_new_client() {
  const trace::Actor newest = trace::actor(trace::Role::client, ++xcs_connections_);
  host_->name_newest_stream(trace::actor_name(newest));
  return newest.number;
}

/// Continues a stopped daemon. SIGCONT has no effect on a running one.
Result<> RealStage::daemon_starts(Daemon daemon) {
  if (auto there = check_daemon(daemon); !there) return there;
  auto process = process_of(daemon);
  if (!process) {
    // xend reconnects to a new xcs; a new xend connects to the old xcs.
    if (daemon == Daemon::xcs) xcs_connections_ = 0;
    xcs_connections_ += connections_of_xend;
    return start_daemon(*host_, spec_, script::name_of(daemon));
  }
  ::kill(*process, SIGCONT);
  return Done{};
}

Result<> RealStage::daemon_answers(Daemon daemon, bool) {
  return only_simulated("a daemon cannot be kept from answering", script::name_of(daemon),
                        "its process answers whenever it runs");
}

// -- faults

std::string RealStage::fault_name(trace::Actor actor) const {
  if (actor.role != trace::Role::client) return trace::actor_name(actor);
  std::string names;
  for (const std::uint32_t number : numbers_of_client(actor.number))
    names += (names.empty() ? "" : ",") + trace::actor_name(trace::actor(trace::Role::client, number));
  return names;
}

/// A process that was just active polls for a while without kicks. The fault begins when all processes are
/// asleep, so that it always meets the same events.
Result<> RealStage::fault(const script::StageFault& asked) {
  RS_CHECK(faults_);
  script::StageFault fault = asked;
  auto rule = rule_of(fault);
  if (!rule) return rule.error();
  const std::string way = trace::actor_name(fault.from) + " -> " + trace::actor_name(fault.to);
  if (rule->traffic == FaultRule::Traffic::kick && fault.from.role == trace::Role::xen)
    return only_simulated("cannot inject the fault", way, "no process could lose xen's own events");
  if (rule->traffic == FaultRule::Traffic::bytes && rule->unit_bytes == 0)
    return only_simulated("cannot inject the fault", way, "between processes only frames of xcs can be late");
  (void)settle(now() + real_patience);
  return faults_->add(*rule);
}

Result<> RealStage::heal() {
  if (faults_) faults_->heal();
  return Done{};
}

/// This process only reports faults that affect messages of its clients.
void RealStage::bitten(const FaultRule& rule) {
  const auto digit = rule.from.find_first_of("0123456789");
  const std::uint32_t number = digit == std::string::npos ? 0 : std::stoul(rule.from.substr(digit));
  journal(trace::actor(trace::Role::client, number)).told(0, fact_of_fault(rule), {}, rule.to);
}

std::optional<Error> RealStage::failure() const {
  if (reader_ == nullptr) return std::nullopt;
  if (reader_->failure()) return reader_->failure();
  if (reader_->lost() == 0) return std::nullopt;
  return Error{EOVERFLOW, "entries of the journal were lost", std::to_string(reader_->lost()),
               "they were not read for too long", "run fewer at the same time: -j"};
}

std::vector<std::string> RealStage::warnings() const {
  std::vector<std::string> lines;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(machine_.directory(), ignored)) {
    if (entry.path().extension() != ".log") continue;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);)
      lines.push_back(entry.path().stem().string() + ": " + line);
  }
  return lines;
}

}  // namespace ringside::tools
