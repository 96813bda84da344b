// The hypercalls about grants. A domain of ringside grants no frames itself: dom0 does it for a domain that
// it builds, and for itself.
#include "emu/xen/hypervisor.h"
#include "emu/xen/refusal.h"

namespace ringside::xen {

EventChannels::Owner Hypervisor::owner_of(const Call& call) {
  const bool owned = call.caller.privileged() && call.arguments.alone != 0;
  return owned ? call.caller.connection : EventChannels::no_owner;
}

/// For calls that only dom0 may make: the domain that they name.
Result<DomainId> Hypervisor::granting_domain(const Call& call) {
  if (!call.caller.privileged()) return refusal(EPERM, trace::Refusal::grants_of_dom0, call.caller.domain);
  const DomainId id = resolve(call, call.arguments.domain);
  if (domains_.find(id) == nullptr) return refusal(ESRCH, trace::Refusal::no_such_domain, id);
  return id;
}

Result<> Hypervisor::grant_share(Call& call) {
  auto domain = granting_domain(call);
  if (!domain) return domain.error();
  const DomainId grantee = resolve(call, call.arguments.domain2);
  if (domains_.find(grantee) == nullptr) return refusal(ESRCH, trace::Refusal::no_such_domain, grantee);
  auto made = grants_.share({.domain = *domain,
                             .grantee = grantee,
                             .reference = call.arguments.frame,
                             .read_only = call.arguments.read_only != 0,
                             .connection = owner_of(call)});
  if (!made) return made.error();
  call.answer.position = made->reference;
  call.handles.push_back(std::move(made->frame));
  return Done{};
}

Result<> Hypervisor::grant_end(Call& call) {
  auto domain = granting_domain(call);
  if (!domain) return domain.error();
  return grants_.end(*domain, call.arguments.frame);
}

/// A guest learns nothing here about other domains: without a grant for it, the answer is always the same.
Result<> Hypervisor::grant_map(Call& call) {
  const DomainId domain = resolve(call, call.arguments.domain);
  auto frame = grants_.map(domain, call.arguments.frame, call.caller.domain, call.arguments.read_only != 0);
  const auto for_another = static_cast<std::uint8_t>(trace::Refusal::grant_for_another);
  if (!frame && frame.error().reason == for_another && !call.caller.privileged())
    return refusal(ENOENT, trace::Refusal::no_such_grant, domain, call.arguments.frame);
  if (!frame) return frame.error();
  call.handles.push_back(std::move(*frame));
  return Done{};
}

Result<> Hypervisor::grant_notify(Call& call) {
  auto domain = granting_domain(call);
  if (!domain) return domain.error();
  const ring::Port port = call.arguments.port;
  // The port must still exist when the caller's connections close, in whatever order.
  if (port != any_port) {
    if (auto kept = channels_.keep(port, call.caller.connection); !kept) return kept;
  }
  return grants_.notify(*domain, call.arguments.frame, call.arguments.position, call.caller.connection, port);
}

/// A process of dom0 has closed a connection. Sending an event fails if the other end of the port is closed
/// already.
void Hypervisor::end_grants_of(std::uint32_t connection) {
  for (const ring::Port port : grants_.connection_gone(connection))
    (void)send(domains_.living(dom0_id), port).ok();
}

}  // namespace ringside::xen
