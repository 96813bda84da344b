// Injected faults: which kinds are possible between which actors. The same for all machines.
#include <cerrno>

#include "emu/script/machine_stage.h"
#include "emu/trace/text.h"

namespace ringside::script {

namespace {

using Traffic = StageFault::Traffic;
using trace::Role;

FaultRule::Effect effect_of(StageFault::Effect effect) {
  switch (effect) {
    case StageFault::Effect::drop:
      return FaultRule::Effect::drop;
    case StageFault::Effect::delay:
      return FaultRule::Effect::delay;
    case StageFault::Effect::duplicate:
      return FaultRule::Effect::duplicate;
    case StageFault::Effect::reorder:
      return FaultRule::Effect::reorder;
  }
  return FaultRule::Effect::drop;
}

bool one_is(const StageFault& fault, Role role) {
  return fault.from.role == role || fault.to.role == role;
}

}  // namespace

/// The size of the unit that is lost or late as a whole. EINVAL: no such data pass there.
Result<std::size_t> MachineStage::unit_of(const StageFault& fault) const {
  const std::string way = trace::actor_name(fault.from) + " -> " + trace::actor_name(fault.to);
  const auto refused = [&way](const char* why, const char* advice) {
    return Error{EINVAL, "cannot inject the fault", way, why, advice};
  };
  if (plan_.dom0 == Dom0::xenconsoled)
    return refused("events of today's consoles are hypercalls, and cannot be lost",
                   "try it with xcs or xenctld");
  const bool with_guest = one_is(fault, Role::domain);
  if (fault.traffic == Traffic::event) {
    const bool from_xen = fault.from.role == Role::xen;
    const bool on_channel = with_guest && one_is(fault, controller());
    if (on_channel || from_xen) return std::size_t{0};
    return refused("no events pass there", "events pass between a domain and its controller");
  }
  if (with_guest) {
    return refused("messages in a ring cannot get lost", "use an event");
  }
  if (one_is(fault, Role::xcs) && (one_is(fault, Role::xend) || one_is(fault, Role::client))) {
    return sizeof(dom0::XcsMessage);
  }
  if (one_is(fault, Role::xend) && one_is(fault, Role::user)) return std::size_t{0};
  return refused("no messages pass there", "messages pass between xcs and its clients");
}

trace::Role MachineStage::controller() const {
  const Daemon keeper = console_keeper();
  return keeper == Daemon::xend ? Role::xcs : role_of(keeper);
}

Result<FaultRule> MachineStage::rule_of(StageFault& fault) const {
  // "dom0" stands for the process of dom0 that has the guests' channels.
  for (trace::Actor* who : {&fault.from, &fault.to}) {
    if (who->role == Role::dom0) who->role = controller();
  }
  auto unit_bytes = unit_of(fault);
  if (!unit_bytes) return unit_bytes.error();
  return FaultRule{
      .effect = effect_of(fault.effect),
      .traffic = fault.traffic == Traffic::event ? FaultRule::Traffic::kick : FaultRule::Traffic::bytes,
      .from = fault_name(fault.from),
      .to = fault_name(fault.to),
      .next = fault.next,
      .percent = fault.percent,
      .by = fault.by,
      .unit_bytes = *unit_bytes,
  };
}

}  // namespace ringside::script
