// The rules, and how SimWorld carries them out: kicks and units of streams on their way past them.
#include "emu/host/sim_faults.h"

#include <algorithm>
#include <cerrno>

#include "emu/host/sim_objects.h"

namespace ringside {

namespace {

/// Null when it is in order.
const char* objection(const SimFault& fault) {
  if (fault.percent < 1 || fault.percent > 100) return "a percentage is 1 to 100";
  if (fault.by < Duration{0}) return "time does not go back";
  if (fault.effect == SimFault::Effect::delay && fault.by == Duration{0}) return "a delay takes time";
  if (fault.thing == SimFault::Thing::kick && fault.effect == SimFault::Effect::reorder) {
    return "one event is like another, so nobody could tell their order";
  }
  if (fault.thing == SimFault::Thing::bytes && fault.unit_bytes == 0 &&
      fault.effect != SimFault::Effect::delay) {
    return "a stream without messages loses and doubles nothing, it can only be late";
  }
  return nullptr;
}

}  // namespace

Result<> SimFaults::add(SimFault fault) {
  const std::string way = fault.from + " -> " + fault.to;
  if (const char* why = objection(fault)) return Error{EINVAL, "cannot inject the fault", way, why, ""};
  if (rules_.size() >= sim_faults_max) {
    return Error{ENOSPC, "cannot inject the fault", way,
                 fmt::format("{} are at work, which is the limit (sim_faults_max)", sim_faults_max),
                 "heal first"};
  }
  rules_.push_back(std::move(fault));
  return Done{};
}

const SimFault* SimFaults::find(SimFault::Thing thing, std::string_view from, std::string_view to) const {
  const auto found = std::ranges::find_if(rules_, [&](const SimFault& rule) {
    return rule.thing == thing && rule.from == from && rule.to == to;
  });
  return found == rules_.end() ? nullptr : &*found;
}

std::optional<SimFault> SimFaults::bite(SimFault::Thing thing, std::string_view from, std::string_view to,
                                        Choice* choice) {
  for (auto rule = rules_.begin(); rule != rules_.end(); ++rule) {
    if (rule->thing != thing || rule->from != from || rule->to != to) continue;
    if (rule->percent < 100 && (choice == nullptr || !choice->chance(rule->percent))) continue;
    SimFault bites = *rule;
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
  std::optional<SimFault> fault;
  if (!faults_.empty()) {
    // Who waits on it is its receiver; others only hold it.
    const auto waiting = std::ranges::find_if(kicked.slots, [this](int number) {
      const SimSlot& slot = *find(number);
      return slot.wakes || slot.wait != 0;
    });
    if (waiting != kicked.slots.end()) {
      fault = faults_.bite(SimFault::Thing::kick, from.name(), find(*waiting)->owner->name(), choice_);
    }
  }
  if (!fault) return wake(kicked, latency());
  switch (fault->effect) {
    case SimFault::Effect::drop:
      break;
    case SimFault::Effect::delay:
      wake(kicked, fault->by, true);
      break;
    case SimFault::Effect::duplicate:
      wake(kicked, Duration{0});
      wake(kicked, fault->by, true);
      break;
    case SimFault::Effect::reorder:
      RS_CHECK(!"kicks are not reordered");
  }
  if (bitten_) bitten_(*fault);
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

/// Cuts what is sent into the units of the rule, if they have any, and sends each past it.
void SimWorld::send_past_faults(SimStream& stream, std::string_view from, std::string_view to, Bytes bytes) {
  const SimFault* rule = faults_.find(SimFault::Thing::bytes, from, to);
  std::vector<std::uint8_t>& begun = stream.unit_begun;
  if (rule == nullptr) {
    // The last rule went while a unit was incomplete.
    if (!begun.empty()) send(*stream.peer, std::exchange(begun, {}), latency());
    return send(*stream.peer, bytes, latency());
  }
  const std::size_t unit_bytes = rule->unit_bytes;
  if (unit_bytes == 0) return send_unit(stream, from, to, bytes);
  if (begun.empty() && stream.sent_bytes % unit_bytes != 0) {
    // The rest of a unit whose beginning has gone before there was a rule.
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
  const auto fault = faults_.bite(SimFault::Thing::bytes, from, to, choice_);
  if (!fault) {
    send(receiver, unit, latency());
    return send_overtaken(stream);
  }
  switch (fault->effect) {
    case SimFault::Effect::drop:
      break;
    case SimFault::Effect::delay:
      send(receiver, unit, fault->by, true);
      break;
    case SimFault::Effect::duplicate:
      send(receiver, unit, Duration{0});
      send(receiver, unit, fault->by, true);
      break;
    case SimFault::Effect::reorder:
      if (!stream.overtaken.empty()) {
        send(receiver, unit, latency());
        break;
      }
      stream.overtaken.assign(unit.begin(), unit.end());
      ++held_back_;
      post_at(now_ + (fault->by == Duration{0} ? sim_reorder_wait : fault->by), nullptr,
              [this, id = stream.id] {
                const auto found = objects_.find(id);
                if (found != objects_.end()) send_overtaken(static_cast<SimStream&>(*found->second));
              });
      if (bitten_) bitten_(*fault);
      return;
  }
  send_overtaken(stream);
  if (bitten_) bitten_(*fault);
}

void SimWorld::send_overtaken(SimStream& stream) {
  if (stream.overtaken.empty()) return;
  --held_back_;
  const auto unit = std::exchange(stream.overtaken, {});
  if (stream.peer != nullptr) send(*stream.peer, unit, Duration{0});
}

/// What it had sent goes out, what was to come to it never does.
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
