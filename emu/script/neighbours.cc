// The pairs of actors that are connected on the path.
#include "emu/script/neighbours.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ringside::script {

using trace::Role;

bool events_pass(const Actor& from, const Actor& to) {
  const bool to_controller = to.role == Role::xcs || to.role == Role::xenctld || to.role == Role::xenconsoled;
  switch (from.role) {
    case Role::xen:
      return to_controller || to.role == Role::domain || to.role == Role::dom0 || to.role == Role::xend;
    case Role::domain:
      return to_controller;
    case Role::xcs:
    case Role::xenctld:
    case Role::xenconsoled:
      return to.role == Role::domain;
    case Role::uart:
      return to.role == Role::xen;
    case Role::dom0:
    case Role::xend:
    case Role::user:
    case Role::client:
    case Role::tty:
    case Role::program:
      break;
  }
  return false;
}

bool messages_pass(const Actor& from, const Actor& to) {
  constexpr std::pair<Role, Role> neighbours[] = {{Role::domain, Role::xcs},     {Role::xcs, Role::xend},
                                                  {Role::xend, Role::user},      {Role::client, Role::xcs},
                                                  {Role::domain, Role::xenctld}, {Role::uart, Role::xen},
                                                  {Role::xen, Role::dom0}};
  return std::ranges::any_of(neighbours, [&](const auto& pair) {
    return (from.role == pair.first && to.role == pair.second) ||
           (from.role == pair.second && to.role == pair.first);
  });
}

std::optional<FaultObjection> fault_objection(const Fault& fault) {
  const auto between = [&](Role one, Role other) {
    return (fault.from.role == one && fault.to.role == other) ||
           (fault.from.role == other && fault.to.role == one);
  };
  const std::string way = fmt::format("from {} to {}", spelled(fault.from), spelled(fault.to));
  if (fault.from.role == Role::xenconsoled || fault.to.role == Role::xenconsoled) {
    return FaultObjection{"a fault cannot affect what passes " + way,
                          "events of today's consoles are hypercalls; try it with xcs or xenctld"};
  }
  if (fault.events) {
    const bool channel_end = fault.to.role == Role::xcs || fault.to.role == Role::xenctld;
    const bool from_xen = fault.from.role == Role::xen && !channel_end;
    if (!events_pass(fault.from, fault.to) || fault.from.role == Role::uart || from_xen) {
      return FaultObjection{"a fault cannot affect events " + way,
                            "events: dom1 -> xcs, xcs -> dom1, xen -> xcs"};
    }
    if (fault.verb != Fault::Verb::reorders) return {};
    return FaultObjection{"events have no order: all are alike",
                          "delay them; or let a message overtake another: reorders next message"};
  }
  if (between(Role::xcs, Role::xend) || between(Role::xcs, Role::client)) return {};
  if (!between(Role::xend, Role::user)) {
    return FaultObjection{"a fault cannot affect messages " + way,
                          "messages: xcs - xend, xcs - client, xend - user; what is in a ring stays there"};
  }
  if (fault.verb == Fault::Verb::delays) return {};
  return FaultObjection{
      "a stream of bytes has no messages: it can only be delayed",
      fmt::format("fault delays next message {} -> {} by 5ms", spelled(fault.from), spelled(fault.to))};
}

}  // namespace ringside::script
