// What a ring's calls do where they cannot be done at once: refuse, refuse now and then without a reason (as
// a compare_exchange_weak that is not repeated), or wait inside until they can be done. A ring may do any of
// these; who drives it has to know, or a right ring would look wrong.
//
// Found by one thread, before anything else is tried. Each call runs on a fiber, which is given up if the
// call waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "emu/check/include/ringside/ring_check.h"

namespace ringside::check {

struct Habits {
  /// A call that refuses so often in a row, though it can be done, refuses for ever.
  static constexpr std::uint32_t refusals_max = 16;

  std::uint32_t refusals = 0;  ///< the most in a row of a call that could be done
  bool push_waits = false;     ///< push_req in a full ring
  std::uint32_t holds = 0;     ///< messages that the ring took before push_req waited
  bool pop_waits = false;      ///< pop_req in an empty ring
  bool pop_response_waits = false;
};

/// "push_req waits for room": what a caller has to know. Empty: calls refuse where there is a reason, and
/// come back.
[[nodiscard]] std::string text_of(const Habits& habits);

/// `page`: page_bytes of the ring, aligned as init() asks for; in use until this returns. `fresh`: see
/// Subject. For a broken ring it returns no habits; the searches find what is broken.
[[nodiscard]] Habits habits_of(const ring_check_ring& ring, std::byte* page,
                               const std::function<void()>& fresh);

}  // namespace ringside::check
