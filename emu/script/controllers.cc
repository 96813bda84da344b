// From the actors of a scenario to its controller.
#include "emu/script/controllers.h"

#include <fmt/format.h>

namespace ringside::script {

using trace::Role;

void Controllers::named(Role role, const Span& at) {
  const auto note = [&](Controller controller) {
    Span& first = at_[static_cast<std::size_t>(controller)];
    if (first.nowhere()) first = at;
  };
  if (role == Role::xcs || role == Role::xend || role == Role::client) note(Controller::xcs);
  if (role == Role::xenctld) note(Controller::xenctld);
  if (role == Role::xenconsoled) note(Controller::xenconsoled);
}

void Controllers::decide(Setup& setup, Diagnostics& diagnostics) const {
  Span first;
  for (std::size_t each = 0; each < at_.size() && !setup.says_controller; ++each) {
    if (at_[each].nowhere() || (!first.nowhere() && first < at_[each])) continue;
    first = at_[each];
    setup.controller = static_cast<Controller>(each);
  }
  for (std::size_t other = 0; other < at_.size(); ++other) {
    if (static_cast<Controller>(other) == setup.controller || at_[other].nowhere()) continue;
    diagnostics.error(
        "E040", at_[other],
        fmt::format("{} and {} in one scenario", spelled(setup.controller), controller_names[other]),
        "dom0's end is xcs with xend, or xenctld, or xenconsoled; make it two scenarios");
  }
}

}  // namespace ringside::script
