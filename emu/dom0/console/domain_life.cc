// Queries to the hypervisor, and the meaning of their answers.
#include "emu/dom0/console/domain_life.h"

#include <cerrno>
#include <utility>

#include "emu/host/domain_words.h"

namespace ringside::dom0 {

DomainLives::DomainLives(Host& host, Privcmd& privcmd, std::function<void(const Error&)> gone)
    : host_(host), privcmd_(privcmd), gone_(std::move(gone)) {}

void DomainLives::watch_hypervisor() {
  // A call, because it fails, and its error is the one to report.
  privcmd_.watch([this] { static_cast<void>(look_up(0).ok()); });
}

void DomainLives::hypervisor_failed(const Error& error) {
  if (!std::exchange(hypervisor_gone_, true)) gone_(error);
}

void DomainLives::destroy(DomainId id) {
  auto destroyed = privcmd_.domain_destroy(id);
  if (!destroyed && destroyed.error().code != ESRCH) host_.warn(destroyed.error().text());
}

Result<std::optional<DomainInfo>> DomainLives::look_up(DomainId id) {
  if (hypervisor_gone_) return Error{EPIPE, "no hypervisor", "", "", ""};
  auto info = privcmd_.domain_info(id);
  if (!info) {
    if (info.error().code == EPIPE) {
      hypervisor_failed(info.error());
    } else {
      host_.warn(info.error().text());
    }
    return info;
  }
  if (info->has_value() && ((*info)->domain != id || (*info)->state.dying != 0))
    return std::optional<DomainInfo>();
  return info;
}

Life DomainLives::life_of(DomainId id, std::uint32_t frame) {
  auto info = look_up(id);
  if (!info) return Life::unknown;
  if (!info->has_value() || (*info)->shared_info_frame != frame) return Life::gone;
  const DomainInfo& known = **info;
  if (known.state.crashed != 0) return Life::kept;
  if (known.state.shutdown == 0) return Life::living;
  if (known.suspended()) return Life::suspended;
  return known.preserve != 0 || known.reason == ShutdownReason::crash ? Life::kept : Life::finished;
}

Result<DomainInfo> DomainLives::look_up_living(DomainId id) {
  const auto cannot = [&](std::string why) {
    return Error{EINVAL, "no console", fmt::format("domain {}", id), std::move(why), ""};
  };
  auto info = look_up(id);
  if (!info) return info.error();
  if (!info->has_value()) return cannot("there is no such domain");
  if (life_of(id, (*info)->shared_info_frame) != Life::living) return cannot("it has ended");
  if ((*info)->today()) return cannot("its console is today's, and xenconsoled serves it");
  return **info;
}

std::string DomainLives::crash_notice(DomainId id, trace::Journal& journal) {
  const auto info = look_up(id);
  if (!info || !info.value().has_value() || info.value()->state.crashed == 0) return {};
  const DomainInfo& its = *info.value();
  const trace::Values numbers{its.signal, static_cast<std::uint32_t>(its.exit_status)};
  journal.told(id, trace::Fact::crash_notice, numbers, its.name);
  const std::string said = trace::words_of(trace::Fact::crash_notice, numbers, its.name);
  // On a line of its own, even if the guest was in the middle of a line.
  return "\r\n" + said + "\r\n";
}

Result<std::uint32_t> DomainLives::resume(DomainId id, bool suspended) {
  auto info = look_up(id);
  if (!info) return info.error();
  if (!info->has_value()) return Error{ESRCH, "", "", fmt::format("there is no domain {}", id), ""};
  if ((*info)->suspended()) {
    auto resumed = privcmd_.domain_resume(id);
    if (!resumed) return resumed.error();
    return resumed->shared_info_frame;
  }
  const bool was_resumed = suspended && (*info)->console_port == any_port;
  if (was_resumed && (*info)->state.crashed == 0) return (*info)->shared_info_frame;
  return Error{EINVAL, "", "", fmt::format("domain {} is not suspended", id), ""};
}

}  // namespace ringside::dom0
