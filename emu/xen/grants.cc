// The rules of grants.
#include "emu/xen/grants.h"

#include <utility>

#include "emu/xen/refusal.h"
#include "ring/memory.h"

namespace ringside::xen {

namespace {

constexpr std::uint32_t last_reference = grants_reserved + grants_max - 1;

}  // namespace

Grants::Grants(Host& host, trace::Journal journal) : host_(&host), journal_(journal) {}

Result<Grants::Made> Grants::share(const Plan& plan) {
  auto reference = choose(plan);
  if (!reference) return reference.error();
  auto frame = host_->frame_create();
  if (!frame) return frame.error();
  auto own = host_->handle_duplicate(*frame);
  if (!own) return own.error();
  Grant& grant = domains_[plan.domain][*reference];
  grant.grantee = plan.grantee;
  grant.read_only = plan.read_only;
  grant.connection = plan.connection;
  grant.frame = std::move(*frame);
  journal_.told(plan.domain, trace::Fact::granted, {plan.domain, *reference, plan.grantee});
  return Made{*reference, std::move(*own)};
}

/// Returns the wanted reference, or the lowest free one.
Result<std::uint32_t> Grants::choose(const Plan& plan) {
  const References& used = domains_[plan.domain];
  if (plan.reference != any_grant) {
    if (plan.reference > last_reference)
      return refusal(EINVAL, trace::Refusal::grant_reference, plan.reference, last_reference);
    if (used.contains(plan.reference))
      return refusal(EEXIST, trace::Refusal::grant_taken, plan.domain, plan.reference);
    return plan.reference;
  }
  std::uint32_t reference = grants_reserved;
  for (auto each = used.lower_bound(reference); each != used.end() && each->first == reference; ++each)
    ++reference;
  if (reference <= last_reference) return reference;
  return refusal(ENOSPC, trace::Refusal::grants_full, plan.domain, grants_max);
}

Result<Grants::Grant*> Grants::find(DomainId domain, std::uint32_t reference) {
  const auto found = domains_.find(domain);
  if (found != domains_.end()) {
    const auto grant = found->second.find(reference);
    if (grant != found->second.end()) return &grant->second;
  }
  return refusal(ENOENT, trace::Refusal::no_such_grant, domain, reference);
}

Result<> Grants::end(DomainId domain, std::uint32_t reference, std::uint32_t connection) {
  auto grant = find(domain, reference);
  if (!grant) return grant.error();
  if (connection != 0 && (*grant)->connection != connection)
    return refusal(ENOENT, trace::Refusal::no_such_grant, domain, reference);
  domains_.at(domain).erase(reference);
  journal_.told(domain, trace::Fact::grant_ended, {domain, reference});
  return Done{};
}

Result<Handle> Grants::map(DomainId domain, std::uint32_t reference, DomainId grantee, bool read_only) {
  auto found = find(domain, reference);
  if (!found) return found.error();
  const Grant& grant = **found;
  // A domain that grants a frame to itself maps it as any grantee.
  const bool own = domain == grantee && grant.grantee != domain;
  if (!own && grant.grantee != grantee)
    return refusal(EACCES, trace::Refusal::grant_for_another, domain, reference, grant.grantee, grantee);
  if (!own && grant.read_only && !read_only)
    return refusal(EACCES, trace::Refusal::grant_is_read_only, domain, reference);
  return read_only ? host_->frame_read_only(grant.frame) : host_->handle_duplicate(grant.frame);
}

Result<> Grants::notify(DomainId domain, std::uint32_t reference, std::uint64_t offset,
                        std::uint32_t connection, ring::Port port) {
  auto found = find(domain, reference);
  if (!found) return found.error();
  if (offset >= ring::frame_bytes)
    return refusal(EINVAL, trace::Refusal::grant_offset, offset, ring::frame_bytes - 1);
  Grant& grant = **found;
  if (!grant.mapping.valid()) {
    auto mapping = host_->frame_map(grant.frame);
    if (!mapping) return mapping.error();
    grant.mapping = std::move(*mapping);
  }
  std::erase_if(grant.notifies, [&](const Notify& each) { return each.connection == connection; });
  grant.notifies.push_back({static_cast<std::size_t>(offset), connection, port});
  return Done{};
}

std::vector<ring::Port> Grants::connection_gone(std::uint32_t connection) {
  std::vector<ring::Port> ports;
  for (auto& [domain, references] : domains_) {
    for (auto each = references.begin(); each != references.end();) {
      auto& [reference, grant] = *each;
      for (const Notify& notify : grant.notifies) {
        if (notify.connection != connection) continue;
        auto* byte = reinterpret_cast<std::uint8_t*>(grant.mapping.frame() + notify.offset);
        (void)ring::NativeMemory::exchange(byte, std::uint8_t{0});
        journal_.told(domain, trace::Fact::grant_notified,
                      {domain, reference, static_cast<std::uint32_t>(notify.offset)});
        if (notify.port != any_port) ports.push_back(notify.port);
      }
      std::erase_if(grant.notifies, [&](const Notify& note) { return note.connection == connection; });
      if (grant.connection != connection) {
        ++each;
        continue;
      }
      journal_.told(domain, trace::Fact::grant_ended, {domain, reference});
      each = references.erase(each);
    }
  }
  return ports;
}

void Grants::remove_domain(DomainId domain) {
  domains_.erase(domain);
  for (auto& [granter, references] : domains_)
    std::erase_if(references, [&](const auto& each) { return each.second.grantee == domain; });
}

}  // namespace ringside::xen
