// How the hypervisor refuses: an errno value, and a reason that names the object and the limit. The caller of
// the hypercall gets the reason in words; the journal gets it as an enum. The code is positive here and
// negative in the answer.
#pragma once

#include <cerrno>
#include <string_view>
#include <type_traits>

#include "emu/base/check.h"
#include "emu/trace/facts.h"

namespace ringside::xen {

/// Makes the error of a refusal. A text among `parts` becomes the name in the reason's sentence; numbers
/// become its numbers, in this order.
template <class... Parts>
[[nodiscard]] Error refusal(int code, trace::Refusal why, const Parts&... parts) {
  trace::Values numbers{};
  std::string_view argument;
  std::size_t at = 0;
  [[maybe_unused]] const auto take = [&](const auto& part) {
    if constexpr (std::is_convertible_v<decltype(part), std::string_view>)
      argument = part;
    else
      numbers[at++] = static_cast<std::uint32_t>(part);
  };
  (take(parts), ...);
  Error error{code, "", std::string(argument), trace::words_of(why, numbers, argument), ""};
  error.reason = static_cast<std::uint8_t>(why);
  error.numbers = numbers;
  return error;
}

}  // namespace ringside::xen
