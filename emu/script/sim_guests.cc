// The simulated stage's domains: built as `ringside create` builds them, with programs that do what the
// scenario says.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <sstream>
#include <streambuf>
#include <utility>

#include "emu/domu/shell.h"
#include "emu/script/sim_stage.h"
#include "ring/channel_words.h"

namespace ringside::script {

using Memory = ring::NativeMemory;

/// What runs on a guest's console: prints what it is told to, however slowly it is taken, and keeps what it
/// reads.
class ScriptedProgram : public SimProgram {
 public:
  explicit ScriptedProgram(std::string text) : unprinted_(std::move(text)) {}

  void started() override { room(); }
  void room() override { unprinted_.erase(0, SimProgram::print(unprinted_)); }
  void input() override { got += SimProgram::read(); }
  void say(std::string_view text) {
    unprinted_ += text;
    room();
  }

  std::string got;

 private:
  std::string unprinted_;
};

namespace {

/// Input that has come so far. Whoever reads beyond it is thrown out, to be run again when there is more.
class InputSoFar : public std::streambuf {
 public:
  struct NoMore {};
  explicit InputSoFar(std::string& text) { setg(text.data(), text.data(), text.data() + text.size()); }

 protected:
  int_type underflow() override { throw NoMore(); }
};

/// The built-in shell reads a stream and waits, which nothing here can do: so it is run from its beginning
/// over all that was typed, each time that more is, and what it says beyond the last time is printed.
class ShellProgram final : public ScriptedProgram {
 public:
  ShellProgram(std::string text, domu::ShellInfo info)
      : ScriptedProgram(std::move(text)), info_(std::move(info)) {}

  void started() override { run_again(); }
  void input() override {
    ScriptedProgram::input();
    run_again();
  }

 private:
  void run_again() {
    std::string typed = got;
    InputSoFar so_far(typed);
    std::istream in(&so_far);
    in.exceptions(std::ios::badbit);
    std::ostringstream out;
    std::optional<int> status;
    try {
      status = domu::shell_main(in, out, info_);
    } catch (const InputSoFar::NoMore&) {
    }
    const std::string all = out.str();
    say(std::string_view(all).substr(std::min(all.size(), said_)));
    said_ = std::max(said_, all.size());
    if (status) exit(*status);
  }

  domu::ShellInfo info_;
  std::size_t said_ = 0;
};

constexpr std::uint32_t guest_memory_kib = 65536;

/// Eight messages that can be told apart.
ring::ControlMessage filling(std::uint32_t at) {
  std::array<std::uint8_t, ring::payload_bytes_max> bytes;
  bytes.fill(static_cast<std::uint8_t>('a' + at % 26));
  return ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, ring::no_callback_id, bytes);
}

}  // namespace

// -- their lives

Result<SimStage::Guest*> SimStage::guest(DomainId domain) {
  const auto found = guests_.find(domain);
  if (found == guests_.end()) {
    return Error{ESRCH, "there is no such domain", fmt::format("dom{}", domain), "nobody created it",
                 fmt::format("xen boots dom{}", domain)};
  }
  return &found->second;
}

/// One that has a page here, and a driver behind it.
Result<SimStage::Guest*> SimStage::unprivileged(DomainId domain) {
  auto found = guest(domain);
  if (found && domain == 0) {
    return Error{EINVAL, "this cannot be done to dom0", "dom0", "its page is its own", "try it with dom1"};
  }
  return found;
}

/// What init runs on dom0's console.
Result<> SimStage::boot_dom0() {
  Guest& dom0 = guests_[0];
  dom0.host = &host("dom0");
  kernel_ = std::make_unique<domu::Dom0Kernel>(
      *dom0.host, journal(trace::actor(trace::Role::dom0)),
      Privcmd(*dom0.host, world_.dom0_connection(*dom0.host)),
      domu::Dom0KernelOptions{.program = {.argv = {"script", "0"}, .raw = true}, .keyboard_socket = {}});
  return kernel_->start();
}

Result<> SimStage::create(DomainId domain, GuestProgram program) {
  // Of one that was destroyed a moment ago something is left, in xen and in dom0.
  const auto earlier = guests_.find(domain);
  if (earlier != guests_.end() && earlier->second.host->ended()) {
    (void)settle(world_.now() + stage_patience);
  }
  auto created = privcmd_->domain_create("", plan_.abi, guest_memory_kib, false, domain);
  if (!created) return created.error();
  auto& made = guests_[domain] = Guest{};
  auto console = ask(fmt::format("console {}", domain));
  Result<> built = console ? Result<>(Done{}) : Result<>(console.error());
  if (console) {
    unsigned guest_port = 0;
    unsigned tcp_port = 0;
    char path[128] = {};
    RS_CHECK(std::sscanf(console->c_str(), "%u %u %127s", &guest_port, &tcp_port, path) == 3);
    made.console_port = guest_port;
    made.tcp_port = static_cast<std::uint16_t>(tcp_port);
    made.console_path = path;
    built = make_process(domain, made, program);
  }
  if (built) return built;
  guests_.erase(domain);
  (void)privcmd_->domain_destroy(domain);
  return built;
}

Result<> SimStage::make_process(DomainId domain, Guest& made, GuestProgram program) {
  auto info = privcmd_->domain_info(domain);
  if (!info) return info.error();
  auto frame = privcmd_->map_frame(domain, info->value().shared_info_frame);
  if (!frame) return frame.error();
  auto page = tools_.frame_map(*frame);
  if (!page) return page.error();
  made.page = std::move(*page);

  auto connection = privcmd_->domain_connection(domain);
  if (!connection) return connection.error();
  made.host = &host(fmt::format("dom{}", domain));
  const Handle process = world_.process_of(*made.host, tools_);
  if (auto set = privcmd_->domain_set_process(domain, process); !set) return set;
  made.domu = std::make_unique<domu::DomU>(
      *made.host, journal(trace::actor(trace::Role::domain, domain)),
      Privcmd(*made.host, world_.give(std::move(*connection), *made.host)),
      domu::DomUOptions{.argv = {program == GuestProgram::shell ? "shell" : "script", std::to_string(domain)},
                        .raw = true,
                        .quiet = program == GuestProgram::script,
                        .quirks = plan_.quirks});
  // The process stands still as long as the domain is paused, and boots when it no longer does.
  made.host->timer_start(Duration{0}, [this, domain] {
    Guest& booting = guests_.at(domain);
    auto started = booting.domu->start();
    if (started) return;
    booting.host->warn(started.error().text());
    booting.host->stop(domu::exit_status_hypervisor_gone);
  });
  return Done{};
}

std::unique_ptr<SimProgram> SimStage::make_program(const ProgramSpec& spec) {
  const auto domain = static_cast<DomainId>(std::stoul(spec.argv.at(1)));
  Guest& its = guests_.at(domain);
  std::string text = std::exchange(its.unprinted, {});
  std::unique_ptr<ScriptedProgram> made;
  if (spec.argv[0] == "shell") {
    made = std::make_unique<ShellProgram>(
        std::move(text), domu::ShellInfo{.domain_name = fmt::format("dom{}", domain),
                                         .domain = domain,
                                         .layout = plan_.abi == ring::Abi::flat ? "flat" : "sring"});
  } else {
    made = std::make_unique<ScriptedProgram>(std::move(text));
  }
  its.program = made.get();
  return made;
}

Result<> SimStage::boot(DomainId domain, GuestProgram program) {
  if (auto created = create(domain, program); !created) return created;
  return resume(domain);
}

Result<> SimStage::pause(DomainId domain) {
  return privcmd_->domain_pause(domain);
}

Result<> SimStage::resume(DomainId domain) {
  return privcmd_->domain_unpause(domain);
}

Result<> SimStage::destroy(DomainId domain) {
  return privcmd_->domain_destroy(domain);
}

Result<> SimStage::kill(DomainId domain) {
  auto its = unprivileged(domain);
  if (!its) return its.error();
  if ((*its)->host->ended()) {
    return Error{ESRCH, "cannot kill a domain's process", fmt::format("dom{}", domain), "it has ended", ""};
  }
  world_.kill(*(*its)->host);
  return Done{};
}

// -- what they do

Result<> SimStage::print(DomainId domain, std::string_view text) {
  auto its = guest(domain);
  if (!its) return its.error();
  if ((*its)->host->ended()) {
    return Error{ESRCH, "a domain cannot print", fmt::format("dom{}", domain), "its process has ended", ""};
  }
  if (ScriptedProgram* program = (*its)->program) {
    program->after(Duration{0}, [program, said = std::string(text)] { program->say(said); });
  } else {
    (*its)->unprinted += text;
  }
  return Done{};
}

Result<> SimStage::log(DomainId domain, std::string_view text) {
  auto its = unprivileged(domain);
  if (!its) return its.error();
  (*its)->host->timer_start(Duration{0}, [domu = (*its)->domu.get(), said = std::string(text)] {
    if (domu->console() != nullptr) domu->log(said);
  });
  return Done{};
}

Result<> SimStage::end(DomainId domain, int status) {
  auto its = guest(domain);
  if (!its) return its.error();
  ScriptedProgram* program = (*its)->program;
  if (program == nullptr || program->exited()) {
    return Error{ESRCH, "a program cannot end", fmt::format("dom{}", domain), "none runs there", ""};
  }
  program->after(Duration{0}, [program, status] { program->exit(status); });
  return Done{};
}

Result<> SimStage::answering(DomainId domain, bool answers) {
  auto its = unprivileged(domain);
  if (!its) return its.error();
  (*its)->host->timer_start(Duration{0},
                            [domu = (*its)->domu.get(), answers] { domu->hold_requests(!answers); });
  return Done{};
}

std::string_view SimStage::program_read(DomainId domain) const {
  const auto found = guests_.find(domain);
  if (found == guests_.end() || found->second.program == nullptr) return {};
  return found->second.program->got;
}

// -- what is done to their pages

Result<> SimStage::write_slot(trace::Actor who, DomainId domain, ring::Ring ring, std::uint32_t slot,
                              trace::SlotUse use, const ring::ControlMessage& message) {
  auto its = unprivileged(domain);
  if (!its) return its.error();
  if (slot >= ring::slots_per_ring) {
    return Error{EINVAL, "there is no such slot", std::to_string(slot),
                 fmt::format("they are 0 to {}", ring::slots_per_ring - 1), ""};
  }
  Memory::copy_to_shared(ring::shared_ring((*its)->page.frame(), plan_.abi, ring).slots + slot, &message);
  journal(who).slot_written(domain, ring, slot, use, message);
  return Done{};
}

Result<std::uint32_t*> SimStage::index_word(DomainId domain, ring::Ring ring, trace::IndexName index) {
  auto its = unprivileged(domain);
  if (!its) return its.error();
  const ring::SharedRing shared = ring::shared_ring((*its)->page.frame(), plan_.abi, ring);
  switch (index) {
    case trace::IndexName::req_prod:
      return shared.req_prod;
    case trace::IndexName::rsp_prod:
      return shared.rsp_prod;
    case trace::IndexName::req_cons:
    case trace::IndexName::rsp_cons:
      break;
  }
  return Error{EINVAL, "this index is not in the page", "a consumer index",
               "each side keeps its own to itself", "req_prod and rsp_prod are shared"};
}

Result<> SimStage::set_index(trace::Actor who, DomainId domain, ring::Ring ring, trace::IndexName index,
                             std::uint32_t value) {
  auto word = index_word(domain, ring, index);
  if (!word) return word.error();
  const std::uint32_t before = Memory::load(*word);
  Memory::store(*word, value);
  journal(who).index_moved(domain, ring, index, before, value);
  return Done{};
}

Result<std::uint32_t> SimStage::read_index(DomainId domain, ring::Ring ring, trace::IndexName index) {
  auto word = index_word(domain, ring, index);
  if (!word) return word.error();
  return Memory::load(*word);
}

Result<> SimStage::fill(trace::Actor who, DomainId domain, ring::Ring ring) {
  auto req_prod = read_index(domain, ring, trace::IndexName::req_prod);
  if (!req_prod) return req_prod.error();
  const std::uint32_t taken = *req_prod - read_index(domain, ring, trace::IndexName::rsp_prod).value();
  const std::uint32_t free = ring::slots_per_ring - std::min<std::uint32_t>(taken, ring::slots_per_ring);
  for (std::uint32_t at = *req_prod; at != *req_prod + free; ++at) {
    const auto written =
        write_slot(who, domain, ring, ring::slot_of(at), trace::SlotUse::request, filling(at - *req_prod));
    if (!written) return written;
  }
  return set_index(who, domain, ring, trace::IndexName::req_prod, *req_prod + free);
}

Result<> SimStage::notify(trace::Actor who, trace::Actor peer) {
  if (who.role != trace::Role::domain) {
    if (peer.role == trace::Role::domain) return raise_down(who, peer.number);
    return Error{EINVAL, "cannot notify", "a daemon", "an event goes from or to a domain", ""};
  }
  const bool to_controller =
      peer.role == trace::Role::xcs || peer.role == trace::Role::xenctld || peer.role == trace::Role::dom0;
  if (!to_controller) {
    return Error{EINVAL, "cannot notify", fmt::format("dom{}", who.number),
                 "its console channel leads to dom0 and nowhere else", ""};
  }
  auto its = unprivileged(who.number);
  if (!its) return its.error();
  return raise_up(who.number, **its);
}

/// From dom0: xen is asked to do it.
Result<> SimStage::raise_down(trace::Actor who, DomainId domain) {
  auto ports = console_ports(domain);
  if (!ports) return ports.error();
  journal(who).told(domain, "notifies the guest");
  return privcmd_->evtchn_send(ports->port1);
}

/// As the guest itself does it.
Result<> SimStage::raise_up(DomainId domain, Guest& its) {
  auto ports = console_ports(domain);
  if (!ports) return ports.error();
  if (!its.hand) {
    auto connection = privcmd_->domain_connection(domain);
    if (!connection) return connection.error();
    its.hand.emplace(*its.host, world_.give(std::move(*connection), *its.host));
  }
  auto handles = its.hand->evtchn_open(ports->port2);
  if (!handles) return handles.error();
  const ring::Raised outcome = ring::UpEvents<>(its.page.frame()).raise();
  journal(trace::actor(trace::Role::domain, domain))
      .event_raised(domain, trace::actor(trace::Role::dom0), ports->port1, outcome);
  if (outcome == ring::Raised::kick) its.host->kick(handles->peer_kicks);
  return Done{};
}

Result<Privcmd::PortPair> SimStage::console_ports(DomainId domain) {
  auto info = privcmd_->domain_find(std::to_string(domain));
  if (!info) return info.error();
  auto status = privcmd_->evtchn_status(domain, info->console_port);
  if (!status) return status.error();
  if (status->state != PortState::interdomain) {
    return Error{ENOTCONN, "a domain has no console channel", fmt::format("dom{}", domain),
                 "nobody is at its other end", ""};
  }
  return Privcmd::PortPair{status->remote_port, info->console_port};
}

}  // namespace ringside::script
