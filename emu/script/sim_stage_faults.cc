// What goes wrong on the simulated stage: which faults mean something between whom, and what the journal says
// of each that bites.
#include <cerrno>

#include "emu/script/sim_stage.h"
#include "emu/trace/text.h"
#include "ring/channel_words.h"

namespace ringside::script {

namespace {

using Effect = StageFault::Effect;
using Thing = StageFault::Thing;
using trace::Role;

SimFault::Effect effect_of(Effect effect) {
  switch (effect) {
    case Effect::drop:
      return SimFault::Effect::drop;
    case Effect::delay:
      return SimFault::Effect::delay;
    case Effect::duplicate:
      return SimFault::Effect::duplicate;
    case Effect::reorder:
      return SimFault::Effect::reorder;
  }
  return SimFault::Effect::drop;
}

std::string_view past_tense(SimFault::Effect effect) {
  switch (effect) {
    case SimFault::Effect::drop:
      return "is lost";
    case SimFault::Effect::delay:
      return "is late";
    case SimFault::Effect::duplicate:
      return "comes twice";
    case SimFault::Effect::reorder:
      return "is overtaken";
  }
  return "";
}

bool one_is(const StageFault& fault, Role role) {
  return fault.from.role == role || fault.to.role == role;
}

}  // namespace

/// The size of what is lost or late as a whole; EINVAL: nothing goes that way.
Result<std::size_t> SimStage::unit_of(const StageFault& fault) const {
  const std::string way = trace::actor_name(fault.from) + " -> " + trace::actor_name(fault.to);
  const auto refused = [&way](const char* why, const char* advice) {
    return Error{EINVAL, "cannot inject the fault", way, why, advice};
  };
  const Role controller = plan().dom0 == Dom0::xenctld ? Role::xenctld : Role::xcs;
  const bool with_guest = one_is(fault, Role::domain);
  if (fault.thing == Thing::event) {
    const bool from_xen = fault.from.role == Role::xen;
    const bool on_channel = with_guest && one_is(fault, controller);
    if (on_channel || from_xen) return std::size_t{0};
    return refused("no events go that way", "between a domain and its controller they do");
  }
  if (with_guest) {
    return refused("their messages lie in the ring, from which none gets lost", "let it be the event");
  }
  if (one_is(fault, Role::xcs) && (one_is(fault, Role::xend) || one_is(fault, Role::client))) {
    return sizeof(dom0::XcsMessage);
  }
  if (one_is(fault, Role::xend) && one_is(fault, Role::user)) return std::size_t{0};
  return refused("no messages go that way that could be late", "between xcs and its clients they do");
}

/// Of whom the journal calls `actor`.
std::string SimStage::host_name(trace::Actor actor) const {
  if (actor.role != Role::client) return trace::actor_name(actor);
  return seat_of_client(actor.number).value_or(trace::actor_name(actor));
}

Result<> SimStage::fault(const StageFault& asked) {
  StageFault fault = asked;
  // Of dom0's processes the one that has the guests' channels is meant.
  for (trace::Actor* who : {&fault.from, &fault.to}) {
    if (who->role == Role::dom0) who->role = plan().dom0 == Dom0::xenctld ? Role::xenctld : Role::xcs;
  }
  auto unit_bytes = unit_of(fault);
  if (!unit_bytes) return unit_bytes.error();
  SimFault rule;
  rule.effect = effect_of(fault.effect);
  rule.thing = fault.thing == Thing::event ? SimFault::Thing::kick : SimFault::Thing::bytes;
  rule.from = host_name(fault.from);
  rule.to = host_name(fault.to);
  rule.next = fault.next;
  rule.percent = fault.percent;
  rule.by = fault.by;
  rule.unit_bytes = *unit_bytes;
  faulty_[rule.from] = fault.from;
  faulty_[rule.to] = fault.to;
  return world_.fault(std::move(rule));
}

Result<> SimStage::heal() {
  world_.heal();
  return Done{};
}

void SimStage::bitten(const SimFault& fault) {
  const trace::Actor from = faulty_.at(fault.from);
  const trace::Actor to = faulty_.at(fault.to);
  const bool event = fault.thing == SimFault::Thing::kick;
  const DomainId domain = from.role == Role::domain ? from.number : to.role == Role::domain ? to.number : 0;
  journal(from).told(domain, fmt::format("fault: its {} to {} {}", event ? "event" : "message",
                                         trace::actor_name(to), past_tense(fault.effect)));
  if (event && fault.effect == SimFault::Effect::drop) take_event_back(from, to);
}

/// An event that is lost leaves no bit behind: else all that follow would take themselves for announced, and
/// one loss would be as good as all.
void SimStage::take_event_back(trace::Actor from, trace::Actor to) {
  const bool up = from.role == Role::domain;
  if (!up && to.role != Role::domain) return;
  const auto found = guests_.find(up ? from.number : to.number);
  if (found == guests_.end() || !found->second.page.valid()) return;
  std::byte* page = found->second.page.frame();
  if (up) return ring::UpEvents<>(page).clear_pending();
  // The upcall takes the selector away; what else was announced in it is announced again.
  ring::EventBits<> bits(page, plan().abi);
  const ring::Port console = found->second.console_port;
  bits.clear_pending(console);
  std::vector<ring::Port> others;
  bits.upcall([&others](ring::Port port) { others.push_back(port); });
  for (const ring::Port port : others) {
    bits.clear_pending(port);
    (void)bits.raise(port);
  }
}

}  // namespace ringside::script
