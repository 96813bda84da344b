// The rules, and how SimWorld applies them to kicks and to units of streams.
#include "emu/host/sim_faults.h"

#include <algorithm>

#include "emu/host/sim_objects.h"

namespace ringside {

Result<> SimFaults::add(FaultRule fault) {
  if (auto good = check_fault(fault); !good) return good;
  if (rules_.size() >= faults_max) return too_many_faults(fault);
  rules_.push_back(std::move(fault));
  return Done{};
}

const FaultRule* SimFaults::find(FaultRule::Traffic traffic, std::string_view from,
                                 std::string_view to) const {
  const auto found = std::ranges::find_if(rules_, [&](const FaultRule& rule) {
    return rule.traffic == traffic && rule.from == from && rule.to == to;
  });
  return found == rules_.end() ? nullptr : &*found;
}

std::optional<FaultRule> SimFaults::bite(FaultRule::Traffic traffic, std::string_view from,
                                         std::string_view to, Choice* choice) {
  for (auto rule = rules_.begin(); rule != rules_.end(); ++rule) {
    if (rule->traffic != traffic || rule->from != from || rule->to != to) continue;
    if (rule->percent < 100 && (choice == nullptr || !choice->chance(rule->percent))) continue;
    FaultRule bites = *rule;
    if (rule->next != 0 && --rule->next == 0) rules_.erase(rule);
    return bites;
  }
  return std::nullopt;
}

// -- kicks

void SimWorld::kick(const SimHost& from, SimKicks& kicked) {
  pass_kick(from, kicked);
  for (SimKicks* listener : kicked.listeners) pass_kick(from, *listener);
}

void SimWorld::pass_kick(const SimHost& from, SimKicks& kicked) {
  std::optional<FaultRule> fault;
  if (!faults_.empty()) {
    // A handle with a watcher is the receiver's; others only hold the object.
    const auto waiting = std::ranges::find_if(kicked.slots, [this](int number) {
      const SimSlot& slot = *find(number);
      return slot.wakes || slot.wait != 0;
    });
    if (waiting != kicked.slots.end()) {
      fault = faults_.bite(FaultRule::Traffic::kick, from.name(), find(*waiting)->owner->name(), choice_);
    }
  }
  if (!fault) return wake(kicked, latency());
  switch (fault->effect) {
    case FaultRule::Effect::drop:
      break;
    case FaultRule::Effect::delay:
      wake(kicked, fault->by, true);
      break;
    case FaultRule::Effect::duplicate:
      wake(kicked, Duration{0});
      wake(kicked, fault->by, true);
      break;
    case FaultRule::Effect::reorder:
      RS_CHECK(!"kicks are not reordered");
  }
  if (fault_handler_) fault_handler_(*fault);
}

void SimWorld::wake(SimKicks& kicked, Duration after, bool by_fault) {
  if (after == Duration{0} && !by_fault) {
    kicked.kicked = true;
    for (const int number : kicked.slots) post_woken(number);
    return;
  }
  if (by_fault) ++held_back_;
  post_at(now_ + after, nullptr, [this, id = kicked.id, by_fault] {
    if (by_fault) --held_back_;
    const auto found = objects_.find(id);
    if (found != objects_.end()) wake(static_cast<SimKicks&>(*found->second), Duration{0});
  });
}

// -- streams

/// Cuts the sent bytes into the units of the rule, if it has any, and applies the rules to each.
void SimWorld::send_past_faults(SimStream& stream, std::string_view from, std::string_view to, Bytes bytes) {
  const FaultRule* rule = faults_.find(FaultRule::Traffic::bytes, from, to);
  std::vector<std::uint8_t>& begun = stream.unit_begun;
  if (rule == nullptr) {
    // The last rule was removed while a unit was incomplete.
    if (!begun.empty()) send(*stream.peer, std::exchange(begun, {}), latency());
    return send(*stream.peer, bytes, latency());
  }
  const std::size_t unit_bytes = rule->unit_bytes;
  if (unit_bytes == 0) return send_unit(stream, from, to, bytes);
  if (begun.empty() && stream.sent_bytes % unit_bytes != 0) {
    // The rest of a unit whose first part was sent before there was a rule.
    const auto rest = bytes.first(std::min(bytes.size(), unit_bytes - stream.sent_bytes % unit_bytes));
    send(*stream.peer, rest, latency());
    bytes = bytes.subspan(rest.size());
  }
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), unit_bytes - begun.size()));
    begun.insert(begun.end(), piece.begin(), piece.end());
    bytes = bytes.subspan(piece.size());
    if (begun.size() == unit_bytes) send_unit(stream, from, to, std::exchange(begun, {}));
  }
}

void SimWorld::send_unit(SimStream& stream, std::string_view from, std::string_view to, Bytes unit) {
  SimStream& receiver = *stream.peer;
  const auto fault = faults_.bite(FaultRule::Traffic::bytes, from, to, choice_);
  if (!fault) {
    send(receiver, unit, latency());
    return send_overtaken(stream);
  }
  switch (fault->effect) {
    case FaultRule::Effect::drop:
      break;
    case FaultRule::Effect::delay:
      send(receiver, unit, fault->by, true);
      break;
    case FaultRule::Effect::duplicate:
      send(receiver, unit, Duration{0});
      send(receiver, unit, fault->by, true);
      break;
    case FaultRule::Effect::reorder:
      if (!stream.overtaken.empty()) {
        send(receiver, unit, latency());
        break;
      }
      stream.overtaken.assign(unit.begin(), unit.end());
      ++held_back_;
      post_at(now_ + (fault->by == Duration{0} ? reorder_wait : fault->by), nullptr, [this, id = stream.id] {
        const auto found = objects_.find(id);
        if (found != objects_.end()) send_overtaken(static_cast<SimStream&>(*found->second));
      });
      if (fault_handler_) fault_handler_(*fault);
      return;
  }
  send_overtaken(stream);
  if (fault_handler_) fault_handler_(*fault);
}

void SimWorld::send_overtaken(SimStream& stream) {
  if (stream.overtaken.empty()) return;
  --held_back_;
  const auto unit = std::exchange(stream.overtaken, {});
  if (stream.peer != nullptr) send(*stream.peer, unit, Duration{0});
}

/// Bytes that the closing end has sent are delivered; bytes that are in transit to it are discarded.
void SimWorld::stop_holding_back(SimStream& closing) {
  if (!closing.unit_begun.empty() && closing.peer != nullptr) {
    send(*closing.peer, std::exchange(closing.unit_begun, {}), Duration{0});
  }
  send_overtaken(closing);
  held_back_ -= static_cast<std::size_t>(
      std::ranges::count_if(closing.coming, [](const SimStream::Coming& coming) { return coming.by_fault; }));
  closing.coming.clear();
}

}  // namespace ringside
