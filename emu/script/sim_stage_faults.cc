// Injected faults on the simulated stage, and the journal's entry for each that takes effect.
#include "emu/script/sim_stage.h"
#include "emu/trace/text.h"

namespace ringside::script {

using trace::Role;

/// The name of the actor's host.
std::string SimStage::fault_name(trace::Actor actor) const {
  if (actor.role != Role::client) return trace::actor_name(actor);
  return host_of_client(actor.number).value_or(trace::actor_name(actor));
}

Result<> SimStage::fault(const StageFault& asked) {
  StageFault fault = asked;
  auto rule = rule_of(fault);
  if (!rule) return rule.error();
  faulty_[rule->from] = fault.from;
  faulty_[rule->to] = fault.to;
  return world_.fault(std::move(*rule));
}

Result<> SimStage::heal() {
  world_.heal();
  return Done{};
}

void SimStage::bitten(const FaultRule& rule) {
  const trace::Actor from = faulty_.at(rule.from);
  const trace::Actor to = faulty_.at(rule.to);
  const bool event = rule.traffic == FaultRule::Traffic::kick;
  const DomainId domain = from.role == Role::domain ? from.number : to.role == Role::domain ? to.number : 0;
  journal(from).told(domain, fact_of_fault(rule), {}, trace::actor_name(to));
  if (event && rule.effect == FaultRule::Effect::drop) take_event_back(from, to);
}

void SimStage::take_event_back(trace::Actor from, trace::Actor to) {
  const bool up = from.role == Role::domain;
  if (!up && to.role != Role::domain) return;
  const auto found = guests_.find(up ? from.number : to.number);
  if (found == guests_.end() || !found->second.page.valid()) return;
  std::byte* page = found->second.page.frame();
  if (up) return take_back_event_up(page);
  take_back_event_down(page, plan().abi, found->second.console_port);
}

}  // namespace ringside::script
