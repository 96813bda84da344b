// Flow's totals of a domain, and the check that they balance.
#include <fmt/format.h>

#include <numeric>

#include "emu/trace/flow.h"
#include "emu/trace/text.h"

namespace ringside::trace {

std::string_view loss_name(Loss why) {
  static constexpr std::array<std::string_view, losses> names{
      "discarded",         "not read",      "the domain ended",    "dropped by the guest",
      "the ring was full", "a viewer left", "a daemon was killed", "refused"};
  return names[static_cast<std::size_t>(why)];
}

std::uint64_t FlowTotals::lost() const {
  return std::accumulate(lost_by.begin(), lost_by.end(), std::uint64_t{0});
}

std::size_t Flow::level(const FlowPlace& place) const {
  const auto found = held_.find(place);
  return found == held_.end() ? 0 : found->second.bytes;
}

FlowTotals Flow::totals(std::uint32_t domain, bool down) const {
  const auto found = totals_.find({domain, down});
  return found == totals_.end() ? FlowTotals{} : found->second;
}

std::uint64_t Flow::queued(std::uint32_t domain, bool down) const {
  std::uint64_t bytes = 0;
  for (const auto& [place, queue] : held_)
    if (place.domain == domain && place.down == down) bytes += queue.bytes;
  return bytes;
}

std::vector<std::string> Flow::imbalances() const {
  std::vector<std::string> all;
  for (const auto& [way, its] : totals_) {
    const auto& [domain, down] = way;
    if (domain == 0) continue;
    std::string parts;
    bool left_over = false;
    const bool gone = is_gone(domain);
    for (const auto& [place, queue] : held_) {
      if (place.domain != domain || place.down != down || queue.bytes == 0) continue;
      // A viewer may still read the bytes that it has or waits for.
      const bool may_be_read =
          place.ring == FlowRing::none && !down && place.role != Role::domain && place.role != Role::xcs;
      left_over = left_over || (gone && !may_be_read);
      parts += fmt::format(", {} in {}", queue.bytes,
                           place.ring != FlowRing::none ? "the ring" : actor_name(actor(place.role, domain)));
    }
    for (std::size_t why = 0; why < losses; ++why) {
      if (its.lost_by[why] == 0) continue;
      parts += fmt::format(", {} lost ({})", its.lost_by[why], loss_name(static_cast<Loss>(why)));
    }
    const bool adds_up = its.said == its.delivered + its.lost() + its.unseen + queued(domain, down);
    if (adds_up && its.appeared <= its.repeated && !left_over) continue;
    all.push_back(fmt::format(
        "{} dom{}: {} bytes; {} {}, {} unseen{}; {} were passed on without being there{}",
        down ? "typed to" : "printed by", domain, its.said, its.delivered, down ? "arrived" : "shown",
        its.unseen, parts, its.appeared, gone ? "; the domain and its console are gone" : ""));
  }
  return all;
}

}  // namespace ringside::trace
