// The domains of the simulated stage. They are built as `ringside create` builds them; their programs do what
// the scenario says.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <sstream>
#include <streambuf>
#include <utility>

#include "emu/domu/shell.h"
#include "emu/script/sim_stage.h"

namespace ringside::script {

/// The program on a guest's console. It prints what the scenario says, however slowly the terminal takes it,
/// and keeps what it reads.
class ScriptedProgram : public SimProgram {
 public:
  /// Exits with `ends_with`, if it is set, when the text is printed.
  ScriptedProgram(std::string text, std::optional<int> ends_with)
      : unprinted_(std::move(text)), ends_with_(ends_with) {}

  void started() override { room(); }
  void room() override {
    unprinted_.erase(0, SimProgram::print(unprinted_));
    if (ends_with_ && unprinted_.empty()) exit(*std::exchange(ends_with_, {}));
  }
  void input() override {
    if (reads_) got += SimProgram::read();
  }
  void reading(bool reads) {
    reads_ = reads;
    if (reads_ && waiting_bytes() != 0) input();
  }
  void say(std::string_view text) {
    unprinted_ += text;
    room();
  }

  /// Exits when everything is printed.
  void end(int status) {
    ends_with_ = status;
    room();
  }

  std::string got;

 private:
  std::string unprinted_;
  std::optional<int> ends_with_;
  bool reads_ = true;
};

namespace {

/// The input that has arrived. Reading beyond it throws NoMore.
class InputSoFar : public std::streambuf {
 public:
  struct NoMore {};
  explicit InputSoFar(std::string& text) { setg(text.data(), text.data(), text.data() + text.size()); }

 protected:
  int_type underflow() override { throw NoMore(); }
};

/// The built-in shell reads a stream and blocks, which is impossible here. So each time more input arrives it
/// runs again from its beginning, with all input, and only the new part of its output is printed.
class ShellProgram final : public ScriptedProgram {
 public:
  ShellProgram(std::string text, std::optional<int> ends_with, domu::ShellInfo info)
      : ScriptedProgram(std::move(text), ends_with), info_(std::move(info)) {}

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

}  // namespace

// -- creation and end

Result<SimStage::Guest*> SimStage::guest(DomainId domain) {
  const auto found = guests_.find(domain);
  if (found == guests_.end()) {
    return Error{ESRCH, "there is no such domain", fmt::format("dom{}", domain), "it was not created",
                 fmt::format("xen boots dom{}", domain)};
  }
  return &found->second;
}

/// Any domain but dom0, whose page is private.
Result<SimStage::Guest*> SimStage::unprivileged(DomainId domain) {
  auto found = guest(domain);
  if (found && domain == 0) {
    return Error{EINVAL, "this cannot be done to dom0", "dom0", "its page is private", "try it with dom1"};
  }
  return found;
}

/// Starts the program on dom0's console, in place of init.
Result<> SimStage::boot_dom0() {
  Guest& dom0 = guests_[0];
  dom0.host = &host("dom0");
  kernel_ = std::make_unique<domu::Dom0Kernel>(
      *dom0.host, journal(trace::dom0_actor), Privcmd(*dom0.host, world_.dom0_connection(*dom0.host)),
      domu::Dom0KernelOptions{.program = {.argv = {"script", "0"}, .raw = true}, .keyboard_socket = {}});
  return kernel_->start();
}

Result<> SimStage::create(DomainId domain, GuestProgram program) {
  // Xen and dom0 need some time to remove a destroyed domain of that id.
  const auto earlier = guests_.find(domain);
  if (earlier != guests_.end() && earlier->second.host->ended()) {
    (void)settle(world_.now() + stage_patience);
  }
  auto created =
      privcmd_->domain_create(fmt::format("dom{}", domain), plan().abi, guest_memory_kib, false, domain);
  if (!created) return created.error();
  auto& made = guests_[domain] = Guest{};
  auto console =
      plan().dom0 == Dom0::xenconsoled ? ask_today(domain) : ask(fmt::format("console {}", domain));
  Result<> built = console ? Result<>(Done{}) : Result<>(console.error());
  if (console) {
    unsigned guest_port = 0;
    unsigned tcp_port = 0;
    unsigned telnet_port = 0;
    char path[128] = {};
    RS_CHECK(std::sscanf(console->c_str(), "%u %u %u %127s", &guest_port, &tcp_port, &telnet_port, path) ==
             4);
    made.console_port = guest_port;
    made.console = {static_cast<std::uint16_t>(tcp_port), path};
    built = make_process(domain, made, program);
  }
  if (built) return built;
  guests_.erase(domain);
  (void)privcmd_->domain_destroy(domain);
  return built;
}

/// As ask(), for a new domain, which becomes one of today.
Result<std::string> SimStage::ask_today(DomainId domain) {
  auto info = dom0::furnish_today(*privcmd_, domain);
  if (!info) return info.error();
  return ask(fmt::format("console {}", domain));
}

Result<> SimStage::map_page(DomainId domain) {
  auto found = unprivileged(domain);
  return found ? map_page(domain, **found) : Result<>(found.error());
}

/// Maps the domain's present page.
Result<> SimStage::map_page(DomainId domain, Guest& its) {
  auto info = privcmd_->domain_info(domain);
  if (!info) return info.error();
  if (!info->has_value())
    return Error{ESRCH, "there is no such domain", fmt::format("dom{}", domain), "", ""};
  auto frame = privcmd_->map_frame(domain, info->value().shared_info_frame);
  if (!frame) return frame.error();
  auto page = tools_.frame_map(*frame);
  if (!page) return page.error();
  its.page = std::move(*page);
  its.console_port = info->value().console_port;
  return Done{};
}

Result<> SimStage::make_process(DomainId domain, Guest& made, GuestProgram program) {
  if (auto mapped = map_page(domain, made); !mapped) return mapped;
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
                        .quirks = plan().quirks});
  // The process does not run while the domain is paused. It boots when the domain is unpaused.
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
  const std::optional<int> ends_with = std::exchange(its.ends_with, {});
  std::unique_ptr<ScriptedProgram> made;
  if (spec.argv[0] == "shell") {
    made =
        std::make_unique<ShellProgram>(std::move(text), ends_with,
                                       domu::ShellInfo{.domain_name = fmt::format("dom{}", domain),
                                                       .domain = domain,
                                                       .layout = plan().dom0 == Dom0::xenconsoled ? "today"
                                                                 : plan().abi == ring::Abi::flat  ? "flat"
                                                                                                  : "sring"});
  } else {
    made = std::make_unique<ScriptedProgram>(std::move(text), ends_with);
  }
  if (!std::exchange(its.reads, true)) made->reading(false);
  its.program = made.get();
  return made;
}

Result<> SimStage::boot(DomainId domain, GuestProgram program) {
  if (auto created = create(domain, program); !created) return created;
  return unpause(domain);
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

// -- what programs and kernels do

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

Result<> SimStage::throttle(DomainId domain, bool full) {
  auto its = unprivileged(domain);
  if (!its) return its.error();
  (*its)->host->timer_start(Duration{0}, [domu = (*its)->domu.get(), full] {
    if (domu->console() != nullptr) domu->throttle(full);
  });
  return Done{};
}

Result<> SimStage::reading(DomainId domain, bool reads) {
  auto its = guest(domain);
  if (!its) return its.error();
  ScriptedProgram* program = (*its)->program;
  if (program == nullptr || program->exited()) {
    (*its)->reads = reads;
  } else {
    program->after(Duration{0}, [program, reads] { program->reading(reads); });
  }
  return Done{};
}

Result<> SimStage::end(DomainId domain, int status) {
  auto its = guest(domain);
  if (!its) return its.error();
  ScriptedProgram* program = (*its)->program;
  const bool over = program != nullptr ? program->exited() : (*its)->host->ended();
  if (over) return Error{ESRCH, "a program cannot end", fmt::format("dom{}", domain), "none runs there", ""};
  if (program == nullptr) {
    (*its)->ends_with = status;
    return Done{};
  }
  program->after(Duration{0}, [program, status] { program->end(status); });
  return Done{};
}

Result<> SimStage::answering(DomainId domain, bool answers) {
  if (plan().dom0 == Dom0::xenconsoled) return not_of_2005("make it answer or not", domain);
  auto its = unprivileged(domain);
  if (!its) return its.error();
  (*its)->host->timer_start(Duration{0},
                            [domu = (*its)->domu.get(), answers] { domu->hold_requests(!answers); });
  return Done{};
}

Result<SimStage::Console> SimStage::console_of(DomainId domain) {
  auto its = unprivileged(domain);
  if (!its) return its.error();
  return (*its)->console;
}

Result<std::byte*> SimStage::page_of(DomainId domain) {
  auto its = unprivileged(domain);
  if (!its) return its.error();
  return (*its)->page.frame();
}

Result<SimStage::DomainAccess> SimStage::access_to(DomainId domain) {
  auto found = unprivileged(domain);
  if (!found) return found.error();
  Guest& its = **found;
  if (!its.access) {
    auto connection = privcmd_->domain_connection(domain);
    if (!connection) return connection.error();
    its.access.emplace(*its.host, world_.give(std::move(*connection), *its.host));
  }
  return DomainAccess{its.host, &*its.access};
}

std::string_view SimStage::program_read(DomainId domain) const {
  const auto found = guests_.find(domain);
  if (found == guests_.end() || found->second.program == nullptr) return {};
  return found->second.program->got;
}

}  // namespace ringside::script
