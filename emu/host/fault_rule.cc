// Checks rules, and takes events out of a page again.
#include "emu/host/fault_rule.h"

#include <cerrno>
#include <vector>

#include "ring/channel_words.h"

namespace ringside {

namespace {

constexpr const char* cannot_inject = "cannot inject the fault";

std::string way(const FaultRule& rule) {
  return rule.from + " -> " + rule.to;
}

/// Null when the rule is valid.
const char* objection(const FaultRule& rule) {
  if (rule.percent < 1 || rule.percent > 100) return "a percentage is 1 to 100";
  if (rule.by < Duration{0}) return "a delay cannot be negative";
  if (rule.effect == FaultRule::Effect::delay && rule.by == Duration{0})
    return "a delay must be longer than 0";
  if (rule.traffic == FaultRule::Traffic::kick && rule.effect == FaultRule::Effect::reorder) {
    return "all events are alike, so their order cannot be seen";
  }
  if (rule.traffic == FaultRule::Traffic::bytes && rule.unit_bytes == 0 &&
      rule.effect != FaultRule::Effect::delay) {
    return "a stream has no messages: its bytes can only be delayed";
  }
  return nullptr;
}

}  // namespace

Result<> check_fault(const FaultRule& rule) {
  if (const char* why = objection(rule)) return Error{EINVAL, cannot_inject, way(rule), why, ""};
  return Done{};
}

Error too_many_faults(const FaultRule& rule) {
  return {ENOSPC, cannot_inject, way(rule),
          fmt::format("{} are active, which is the limit (faults_max)", faults_max), "heal first"};
}

trace::Fact fact_of_fault(const FaultRule& rule) {
  using trace::Fact;
  const bool event = rule.traffic == FaultRule::Traffic::kick;
  switch (rule.effect) {
    case FaultRule::Effect::drop:
      return event ? Fact::event_lost : Fact::message_lost;
    case FaultRule::Effect::delay:
      return event ? Fact::event_late : Fact::message_late;
    case FaultRule::Effect::duplicate:
      return event ? Fact::event_doubled : Fact::message_doubled;
    case FaultRule::Effect::reorder:
      break;
  }
  return event ? Fact::event_overtaken : Fact::message_overtaken;
}

void take_back_event_up(std::byte* page) {
  ring::UpEvents<>(page).clear_pending();
}

void take_back_event_down(std::byte* page, ring::Abi abi, ring::Port port) {
  // The upcall clears the selector; the other events that it announced are raised again.
  ring::EventBits<> bits(page, abi);
  bits.clear_pending(port);
  std::vector<ring::Port> others;
  bits.upcall([&others](ring::Port other) { others.push_back(other); });
  for (const ring::Port other : others) {
    bits.clear_pending(other);
    (void)bits.raise(other);
  }
}

}  // namespace ringside
