// The hypercalls about grants. The kernel of a guest grants no frames itself: dom0 does it for a domain that
// it builds, and for itself, and a program in a guest for its domain.
#include "emu/xen/hypervisor.h"
#include "emu/xen/refusal.h"

namespace ringside::xen {

EventChannels::Owner Hypervisor::owner_of(const Call& call) {
  const bool owned = call.caller.may_own() && call.arguments.alone != 0;
  return owned ? call.caller.connection : EventChannels::no_owner;
}

/// The domain that the call names. dom0 may name any, a program in a guest only its own.
Result<DomainId> Hypervisor::granting_domain(const Call& call) {
  if (!call.caller.may_own()) return refusal(EPERM, trace::Refusal::grants_of_dom0, call.caller.domain);
  auto domain = own_or_any(call, call.arguments.domain);
  if (!domain) return domain.error();
  return (*domain)->info.domain;
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
  // A program ends its own grants only, not those of the builder.
  return grants_.end(*domain, call.arguments.frame, call.caller.program ? call.caller.connection : 0);
}

/// A guest learns nothing here about other domains: without a grant for it, the answer is always the same.
Result<Handle> Hypervisor::granted_frame(const Call& call, bool read_only) {
  const DomainId domain = resolve(call, call.arguments.domain);
  auto frame = grants_.map(domain, call.arguments.frame, call.caller.domain, read_only);
  const auto for_another = static_cast<std::uint8_t>(trace::Refusal::grant_for_another);
  if (!frame && frame.error().reason == for_another && !call.caller.privileged())
    return refusal(ENOENT, trace::Refusal::no_such_grant, domain, call.arguments.frame);
  return frame;
}

Result<> Hypervisor::grant_map(Call& call) {
  auto frame = granted_frame(call, call.arguments.read_only != 0);
  if (!frame) return frame.error();
  call.handles.push_back(std::move(*frame));
  return Done{};
}

Result<> Hypervisor::grant_notify(Call& call) {
  const HypercallCaller& caller = call.caller;
  if (!caller.may_own()) return refusal(EPERM, trace::Refusal::grants_of_dom0, caller.domain);
  // A notification writes into the frame.
  if (!caller.privileged()) {
    if (auto writable = granted_frame(call, false); !writable) return writable.error();
  }
  const ring::Port port = call.arguments.port;
  // The port must still exist when the caller's connections close, in whatever order.
  if (port != any_port) {
    if (auto kept = channels_.keep(caller.domain, port, caller.connection); !kept) return kept;
  }
  return grants_.notify(resolve(call, call.arguments.domain), call.arguments.frame, call.arguments.position,
                        caller.connection, port);
}

/// A program has closed a connection. Its domain may be gone, and sending an event fails if the other end of
/// the port is closed already.
void Hypervisor::end_grants_of(const HypercallCaller& caller) {
  for (const ring::Port port : grants_.connection_gone(caller.connection)) {
    if (Domain* domain = domains_.find(caller.domain)) (void)send(*domain, port).ok();
  }
}

}  // namespace ringside::xen
