// The pairs of actors that are connected on the path.
#include "emu/script/neighbours.h"

#include <algorithm>
#include <utility>

namespace ringside::script {

using trace::Role;

bool events_pass(const Actor& from, const Actor& to) {
  const bool to_controller = to.role == Role::xcs || to.role == Role::xenctld;
  switch (from.role) {
    case Role::xen:
      return to_controller || to.role == Role::domain || to.role == Role::dom0 || to.role == Role::xend;
    case Role::domain:
      return to_controller;
    case Role::xcs:
    case Role::xenctld:
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

}  // namespace ringside::script
