// Ids, names and frames.
#include "emu/xen/domains.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "emu/xen/refusal.h"
#include "ring/channel_words.h"
#include "ring/memory.h"

namespace ringside::xen {

namespace {

std::string automatic_name(DomainId domain) {
  return fmt::format("dom{}", domain);
}

}  // namespace

DomainTable::DomainTable(Host& host, std::size_t domains_max) : host_(&host), domains_max_(domains_max) {
  RS_CHECK(domains_max <= xen::domains_max);
}

Result<> DomainTable::add_dom0(ring::Abi abi) {
  RS_CHECK(domains_.empty());
  auto dom0 = build(dom0_id, {.abi = abi}, dom0_name);
  if (!dom0) return dom0.error();
  (*dom0)->info.state.running = 1;
  return Done{};
}

Result<Domain*> DomainTable::add(const DomainPlan& plan) {
  if (auto good = check_name(plan.name); !good) return good.error();
  auto domain = choose_id(plan);
  if (!domain) return domain.error();
  auto built = build(*domain, plan, plan.name.empty() ? automatic_name(*domain) : plan.name);
  if (!built) return built;
  (*built)->info.state.paused = 1;
  if (plan.id == 0) last_id_ = *domain;
  return built;
}

void DomainTable::remove(DomainId domain) {
  domains_.erase(domain);
}

Domain* DomainTable::find(DomainId domain) {
  const auto found = domains_.find(domain);
  return found == domains_.end() ? nullptr : &found->second;
}

Domain* DomainTable::first_from(DomainId first) {
  const auto found = domains_.lower_bound(first);
  return found == domains_.end() ? nullptr : &found->second;
}

void DomainTable::connection_made(DomainId domain, bool program) {
  Connections& open = connections_[domain];
  ++(program ? open.programs : open.kernel);
}

bool DomainTable::connection_gone(DomainId domain, bool program) {
  const auto found = connections_.find(domain);
  if (found == connections_.end()) return !program;
  Connections& open = found->second;
  const bool last = --(program ? open.programs : open.kernel) == 0;
  if (open.kernel == 0 && open.programs == 0) connections_.erase(found);
  return last && !program;
}

/// A command line names a domain by its name or its number: a name must fit into one word and must not be a
/// number.
Result<> DomainTable::check_name(std::string_view name) const {
  if (name.empty()) return Done{};
  if (name.size() > domain_name_bytes_max) {
    return refusal(EINVAL, trace::Refusal::name_too_long, domain_name_bytes_max);
  }
  const auto fits = [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || std::string_view("_.+:@-").find(c) != std::string_view::npos;
  };
  if (!std::ranges::all_of(name, fits) || name.front() == '-') {
    return refusal(EINVAL, trace::Refusal::name_characters);
  }
  if (std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) {
    return refusal(EINVAL, trace::Refusal::name_is_number, name);
  }
  if (name_taken(name)) return refusal(EEXIST, trace::Refusal::name_taken, name);
  return Done{};
}

bool DomainTable::name_taken(std::string_view name) const {
  return std::ranges::any_of(domains_, [name](const auto& each) { return each.second.name() == name; });
}

/// Returns the requested id, or the next free one after the last that was chosen here. A nameless domain
/// skips ids whose automatic name is in use for another domain.
Result<DomainId> DomainTable::choose_id(const DomainPlan& plan) const {
  if (domains_.size() - 1 >= domains_max_) {
    return refusal(ENOMEM, trace::Refusal::domains_full, domains_max_);
  }
  if (plan.id > domain_id_max) return refusal(EINVAL, trace::Refusal::domain_id, domain_id_max);
  if (plan.id != 0) {
    if (domains_.contains(plan.id)) return refusal(EEXIST, trace::Refusal::domain_exists, plan.id);
    if (connections_.contains(plan.id)) {
      return refusal(EEXIST, trace::Refusal::domain_id_in_use, plan.id);
    }
    if (plan.name.empty() && name_taken(automatic_name(plan.id))) {
      return refusal(EEXIST, trace::Refusal::name_taken, automatic_name(plan.id));
    }
    return plan.id;
  }
  for (DomainId step = 1; step <= domain_id_max; ++step) {
    const DomainId domain = (last_id_ + step - 1) % domain_id_max + 1;
    if (domains_.contains(domain) || connections_.contains(domain)) continue;
    if (!plan.name.empty() || !name_taken(automatic_name(domain))) return domain;
  }
  return refusal(ENOMEM, trace::Refusal::domain_ids_full, domain_id_max);
}

Result<Domain*> DomainTable::build(DomainId id, const DomainPlan& plan, std::string_view name) {
  Domain domain;
  domain.info.domain = id;
  domain.info.abi = plan.abi;
  domain.info.memory_kib = plan.memory_kib;
  domain.info.memory_max_kib = plan.memory_kib;
  domain.info.preserve = plan.preserve ? 1 : 0;
  std::ranges::copy(name, domain.info.name);
  if (auto given = give_frame(domain); !given) return given.error();
  if (id != dom0_id) {
    auto kicks = make_kicks(*host_, false);
    if (!kicks) return kicks.error();
    domain.kicks = std::move(kicks).value();
  }
  return &domains_.insert_or_assign(id, std::move(domain)).first->second;
}

Result<> DomainTable::give_frame(Domain& domain) {
  auto frame = host_->frame_create();
  if (!frame) return frame.error();
  auto mapping = host_->frame_map(*frame);
  if (!mapping) return mapping.error();
  if (domain.info.abi == ring::Abi::sring) {
    auto* vcpus = reinterpret_cast<std::uint32_t*>(mapping->frame() + ring::n_vcpu_offset_xen30);
    ring::NativeMemory::store(vcpus, std::uint32_t{1});
  }
  domain.mapping = std::move(mapping).value();
  domain.frame = std::move(frame).value();
  // Never reused: an old frame number cannot map the frame of a new domain that has the same id.
  domain.info.shared_info_frame = next_frame_number_++;
  return Done{};
}

Result<> DomainTable::provide_program_frame(Domain& domain) {
  if (domain.program_mapping.valid()) return Done{};
  auto frame = host_->frame_create();
  if (!frame) return frame.error();
  auto mapping = host_->frame_map(*frame);
  if (!mapping) return mapping.error();
  domain.program_mapping = std::move(*mapping);
  domain.program_frame = std::move(*frame);
  return Done{};
}

Result<> DomainTable::change_frame(Domain& domain) {
  Mapping old = std::exchange(domain.mapping, {});
  if (auto given = give_frame(domain); !given) {
    domain.mapping = std::move(old);
    return given;
  }
  std::memcpy(domain.mapping.frame() + ring::control_interface_offset,
              old.frame() + ring::control_interface_offset, ring::control_interface_bytes);
  // The controller's records of its own requests contain indices of those rings.
  std::memcpy(ring::channel_words(domain.mapping.frame())->tagged, ring::channel_words(old.frame())->tagged,
              sizeof(ring::ChannelWords::tagged));
  ring::channel_words(domain.mapping.frame())->controller_lost_bytes =
      ring::NativeMemory::load(&ring::channel_words(old.frame())->controller_lost_bytes);
  return Done{};
}

}  // namespace ringside::xen
