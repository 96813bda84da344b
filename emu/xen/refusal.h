// How the hypervisor refuses: an errno value and a reason in words that name the object and the limit. The
// caller of the hypercall gets both; the code is positive here and negative in the answer, as everywhere.
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "emu/base/check.h"

namespace ringside::xen {

template <class... Arguments>
[[nodiscard]] Error refusal(int code, fmt::format_string<Arguments...> why, Arguments&&... arguments) {
  return {code, "", "", fmt::format(why, std::forward<Arguments>(arguments)...), ""};
}

}  // namespace ringside::xen
