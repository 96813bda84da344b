// How the calls of a ring behave when they cannot succeed at once: they refuse, sometimes refuse without a
// reason (like a compare_exchange_weak that is not repeated), or wait inside until they succeed. A ring may
// do any of these; its caller must know, or a correct ring would look wrong.
//
// Found by one thread, before anything else is tried. Each call runs on a fiber, which is abandoned if the
// call waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "emu/check/include/ringside/ring_check.h"

namespace ringside::check {

struct Habits {
  /// A call that refuses more often in a row, although it could be done, always refuses.
  static constexpr std::uint32_t refusals_max = 16;

  std::uint32_t refusals = 0;  ///< the most in a row, of a call that could be done
  bool push_waits = false;     ///< push_req in a full ring
  std::uint32_t holds = 0;     ///< messages that the ring took before push_req waited
  bool pop_waits = false;      ///< pop_req in an empty ring
  bool pop_response_waits = false;
};

/// "push_req waits for room": what a caller has to know. Empty: calls refuse only with a reason, and return.
[[nodiscard]] std::string text_of(const Habits& habits);

/// `page`: page_bytes of the ring, aligned as init() requires; in use until this returns. `fresh`: see
/// Subject. A broken ring has no habits; the searches find the error.
[[nodiscard]] Habits habits_of(const ring_check_ring& ring, std::byte* page,
                               const std::function<void()>& fresh);

}  // namespace ringside::check
