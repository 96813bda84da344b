// Which pairs of actors are connected.
#pragma once

#include <optional>
#include <string>

#include "emu/script/syntax.h"

namespace ringside::script {

/// Whether events pass from one to the other.
[[nodiscard]] bool events_pass(const Actor& from, const Actor& to);
/// Whether messages, frames or bytes pass from one to the other.
[[nodiscard]] bool messages_pass(const Actor& from, const Actor& to);

/// Why no machine carries out a fault.
struct FaultObjection {
  std::string what;
  std::string hint;
};
/// Empty: the fault is possible.
[[nodiscard]] std::optional<FaultObjection> fault_objection(const Fault& fault);

}  // namespace ringside::script
