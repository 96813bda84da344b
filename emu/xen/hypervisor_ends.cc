// How a domain ends: by its own hypercall, by dom0's, or with its process. Also how a domain is suspended and
// resumed.
#include <utility>

#include "emu/host/domain_words.h"
#include "emu/xen/hypervisor.h"
#include "emu/xen/refusal.h"

namespace ringside::xen {

namespace {

constexpr int exit_status_max = 255;
/// How long a guest that has closed its last connection may take to end: a dying process closes its
/// connection first, and the cause of its death is known only when it has ended.
constexpr Duration crash_report_delay = std::chrono::seconds(1);

}  // namespace

Result<> Hypervisor::sched_shutdown(Call& call) {
  Domain& domain = domains_.living(call.caller.domain);
  const DomainId id = domain.info.domain;
  const ShutdownReason reason = call.arguments.reason;
  const int status = call.arguments.exit_status;
  if (id == dom0_id) return refusal(EINVAL, trace::Refusal::shutdown_of_dom0);
  if (domain.over()) return refusal(EINVAL, trace::Refusal::domain_ended, id);
  if (reason_name(reason).empty()) {
    return refusal(EINVAL, trace::Refusal::no_such_reason, static_cast<std::uint32_t>(reason));
  }
  if (status < 0 || status > exit_status_max) {
    return refusal(EINVAL, trace::Refusal::no_exit_status, std::to_string(status), exit_status_max);
  }
  domain.info.state.shutdown = 1;
  domain.info.reason = reason;
  domain.info.exit_status = status;
  tell(id, trace::Fact::shut_down, {static_cast<std::uint32_t>(status), static_cast<std::uint32_t>(reason)});
  if (domain.info.suspended()) suspend(domain);
  raise_virq(domains_.living(dom0_id), VIRQ_DOM_EXC, id);
  return Done{};
}

/// From now on no process of the domain runs until it is resumed and unpaused.
void Hypervisor::suspend(Domain& domain) {
  domain.info.state.paused = 1;
  if (domain.process.valid()) {
    host_.domain_signal(domain.info.domain, domain.process, Host::DomainSignal::stop);
  }
}

/// A guest is resumed as on another machine, with another frame and no ports. Only the control interface and
/// the controller's records are copied, so that both ends continue at the old indices. It stays paused, since
/// its console's port is not known before dom0 has opened a new channel.
Result<> Hypervisor::domain_resume(Call& call) {
  auto found = guest_of_dom0(call);
  if (!found) return found.error();
  Domain& domain = **found;
  const DomainId id = domain.info.domain;
  if (!domain.info.suspended()) return refusal(EINVAL, trace::Refusal::domain_not_suspended, id);
  const std::uint32_t before = domain.info.shared_info_frame;
  if (auto changed = domains_.change_frame(domain); !changed) return changed;
  channels_.close_all(id);
  domain.info.console_port = 0;
  domain.info.state.shutdown = 0;
  domain.info.reason = ShutdownReason::poweroff;
  tell(id, trace::Fact::resumed, {domain.info.shared_info_frame, before});
  call.answer.domain = id;
  call.answer.info = domain.info;
  return Done{};
}

/// Removes the entry first: killing the process may call back, and the callback must not find the domain.
void Hypervisor::destroy(DomainId id) {
  Domain domain = std::move(domains_.living(id));
  domains_.remove(id);
  channels_.remove_domain(id);
  grants_.remove_domain(id);
  // A builder that died may have started a process without naming it here.
  host_.domain_signal(id, domain.process, Host::DomainSignal::kill);
  tell(id, trace::Fact::destroyed, {}, domain.name());
  raise_virq(domains_.living(dom0_id), VIRQ_DOM_EXC, id);
}

void Hypervisor::process_ended(DomainId id, int status) {
  Domain* domain = domains_.find(id);
  if (domain == nullptr || !domain->process.valid()) return;
  domain->info.state.running = 0;
  domain->info.process = 0;
  // Processes that it had started must not outlive it.
  const Handle process = std::exchange(domain->process, Handle());
  if (!domain->over() || domain->info.suspended()) crash(*domain, status);
  host_.domain_signal(id, process, Host::DomainSignal::kill);
}

/// The domain's last connection has closed.
void Hypervisor::disconnected(DomainId id) {
  const auto end = [this, id](std::uint32_t frame) {
    Domain* domain = domains_.find(id);
    if (domain == nullptr || domain->info.shared_info_frame != frame || domain->over()) return;
    crash(*domain, 0, trace::Fact::connection_closed);
  };
  Domain* domain = domains_.find(id);
  if (domain == nullptr) return;
  const std::uint32_t frame = domain->info.shared_info_frame;
  if (!domain->process.valid()) return end(frame);
  host_.timer_start(crash_report_delay, [end, frame] { end(frame); });
}

/// A guest that has lost its connection to the hypervisor, or its process, has crashed: its other processes
/// are killed. The entry and the frame are kept for inspection until the domain is destroyed.
void Hypervisor::crash(Domain& domain, int status, trace::Fact how) {
  const DomainId id = domain.info.domain;
  DomainInfo& info = domain.info;
  info.state.shutdown = 0;
  info.state.crashed = 1;
  info.reason = ShutdownReason::crash;
  info.exit_status = status > 0 && status <= exit_status_max ? status : unknown_crash_status;
  info.signal = static_cast<std::uint8_t>(status > status_of_signal_0 ? status - status_of_signal_0 : 0);
  tell(id, how, {info.signal, static_cast<std::uint32_t>(info.exit_status)});
  if (domain.process.valid()) host_.domain_signal(id, domain.process, Host::DomainSignal::kill);
  // It may have published requests without announcing them.
  wake_controller(domain);
  raise_virq(domains_.living(dom0_id), VIRQ_DOM_EXC, id);
}

}  // namespace ringside::xen
