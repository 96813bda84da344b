// shutdown, reboot, suspend, resume, balloon: requests to a guest, and waiting for it.
#include <cstdio>
#include <filesystem>
#include <memory>

#include "tools/machine/domain_command.h"
#include "tools/machine/domain_spec.h"

namespace ringside::tools {

namespace {

constexpr std::chrono::milliseconds between_looks{20};
constexpr unsigned timeout_s_default = 30;
constexpr unsigned timeout_s_max = 3600;

std::string name_of(const DomainInfo& info) {
  return fmt::format("domain {}", info.name);
}

/// The present state of the domain; empty if it is gone.
Result<std::optional<DomainInfo>> look_again(Dom0& dom0, const DomainInfo& known) {
  auto info = dom0.privcmd->domain_info(known.domain);
  if (!info) return info.error();
  if (!info->has_value() || (*info)->domain != known.domain || std::string(known.name) != (*info)->name)
    return std::optional<DomainInfo>();
  return info;
}

/// Whether the state of the domain is final. dom0's daemon destroys a domain that has shut down, unless it is
/// to be preserved.
bool is_over(const std::optional<DomainInfo>& info) {
  if (!info) return true;
  return info->state.crashed != 0 || (info->state.shutdown != 0 && info->preserve != 0);
}

/// Waits until the domain is gone, crashed, or shut down and preserved. ETIMEDOUT if it takes too long.
Result<> wait_for_end(Dom0& dom0, const DomainInfo& known, unsigned timeout_s) {
  std::optional<Error> problem;
  bool over = false;
  std::function<void()> look = [&] {
    const auto now = look_again(dom0, known);
    if (!now) problem = now.error();
    over = now && is_over(now.value());
    if (problem || over) return dom0.host.stop(0);
    dom0.host.timer_start(between_looks, look);
  };
  const auto limit = dom0.host.timer_start(std::chrono::seconds(timeout_s), [&] { dom0.host.stop(0); });
  dom0.host.timer_start(Duration::zero(), look);
  dom0.host.run();
  dom0.host.timer_cancel(limit);
  if (problem) return *problem;
  if (over) return Done{};
  return Error{ETIMEDOUT, "no longer waiting for the end of", name_of(known),
               fmt::format("it has not shut down within {} s", timeout_s),
               fmt::format("--timeout waits longer, ringside destroy {} ends it at once", known.name)};
}

Result<> refuse_if_it_cannot_answer(const char* what, const DomainInfo& info) {
  const std::string name = info.name;
  if (auto can = has_control_channel(what, info); !can) return can;
  if (info.suspended()) {
    return Error{EBUSY, what, name_of(info), "it is suspended", "ringside resume " + name + " first"};
  }
  if (info.state.paused != 0) {
    return Error{EBUSY, what, name_of(info), "it is paused and cannot answer",
                 "ringside unpause " + name + " first"};
  }
  return Done{};
}

Result<> shut_down(Dom0& dom0, const DomainInfo& info, bool reboot) {
  if (auto can = refuse_if_it_cannot_answer("cannot shut down", info); !can) return can;
  return ask(dom0, fmt::format("shutdown {} {}", info.domain, reboot ? "reboot" : "poweroff"));
}

Result<> reboot_domain(Dom0& dom0, const DomainInfo& info, unsigned timeout_s) {
  auto spec = load_spec(dom0.host.machine(), info);
  if (!spec) return spec.error();
  if (!is_over(info)) {
    if (auto asked = shut_down(dom0, info, true); !asked) return asked;
    if (auto ended = wait_for_end(dom0, info, timeout_s); !ended) return ended;
  }
  // A domain that has crashed or is preserved still has its name.
  auto left = look_again(dom0, info);
  if (!left) return left.error();
  if (left->has_value()) {
    if (auto destroyed = dom0.privcmd->domain_destroy(info.domain); !destroyed) return destroyed;
  }
  std::error_code gone;
  std::filesystem::current_path(spec->directory, gone);
  if (gone) {
    return Error{ENOENT, "cannot build the domain again", info.name,
                 "the directory it was created in is gone: " + spec->directory, "create it by hand"};
  }
  auto built = build_domain(dom0.host, *dom0.privcmd, *spec);
  if (!built) return built.error();
  print_built(*spec, *built);
  return Done{};
}

Result<> suspend_domain(Dom0& dom0, const DomainInfo& info) {
  if (auto can = refuse_if_it_cannot_answer("cannot suspend", info); !can) return can;
  return ask(dom0, fmt::format("suspend {}", info.domain));
}

Result<> resume_domain(Dom0& dom0, const DomainInfo& info) {
  if (auto resumed = ask(dom0, fmt::format("resume {}", info.domain)); !resumed) return resumed;
  return dom0.privcmd->domain_unpause(info.domain);
}

void add_timeout(Command command, unsigned& timeout_s) {
  command.add_option("--timeout", timeout_s, "Seconds to wait for its end")
      .range(1U, timeout_s_max)
      .show_default();
}

void add_shutdown(Command app, Session& session) {
  struct Options {
    bool reboot = false;
    bool wait = false;
    unsigned timeout_s = timeout_s_default;
  };
  const auto options = std::make_shared<Options>();
  Command command = add_domain_command(
      app, session, "shutdown", "Ask a domain to shut down (CMSG_SHUTDOWN), and wait for its answer",
      "  ringside shutdown web\n"
      "  ringside shutdown web --wait          until it is gone, or preserved\n"
      "  ringside shutdown web --reboot        only sets its reason; `ringside reboot` also builds it again",
      [options](Dom0& dom0, const DomainInfo& info) -> Result<> {
        if (auto asked = shut_down(dom0, info, options->reboot); !asked) return asked;
        if (!options->wait) return Done{};
        return wait_for_end(dom0, info, options->timeout_s);
      });
  command.add_flag("--reboot", options->reboot, "Ask for a reboot instead");
  command.add_flag("--wait", options->wait, "Wait until it has shut down");
  add_timeout(command, options->timeout_s);
}

}  // namespace

void add_life_commands(Command app, Session& session) {
  add_shutdown(app, session);

  const auto timeout_s = std::make_shared<unsigned>(timeout_s_default);
  Command reboot = add_domain_command(
      app, session, "reboot",
      "Ask a domain to reboot, wait for its end, and build it again as it was created",
      "  ringside reboot web        the same name, memory, layout, boot lines, program and directory; a new "
      "number",
      [timeout_s](Dom0& dom0, const DomainInfo& info) { return reboot_domain(dom0, info, *timeout_s); });
  add_timeout(reboot, *timeout_s);

  add_domain_command(app, session, "suspend", "Suspend a domain; its console and its viewer stay",
                     "  ringside suspend web\n  ringside resume web        it continues where it was",
                     suspend_domain);
  add_domain_command(app, session, "resume", "Resume a suspended domain, with a new frame and a new channel",
                     "  ringside resume web", resume_domain);

  const auto mib = std::make_shared<std::uint32_t>(0);
  Command balloon = add_domain_command(
      app, session, "balloon", "Ask a domain to change its memory (CMSG_MEM_REQUEST)",
      "  ringside balloon web 32        MiB, at most what it was created with",
      [mib](Dom0& dom0, const DomainInfo& info) -> Result<> {
        if (auto can = refuse_if_it_cannot_answer("cannot change the memory", info); !can) return can;
        return ask(dom0, fmt::format("balloon {} {}", info.domain, *mib * (1024 / page_kib)));
      });
  balloon.add_option("MIB", *mib, "The new size in MiB").required().range(memory_mib_min, memory_mib_max);
}

}  // namespace ringside::tools
