// Calls of ring code into the system's libraries that the checker handles itself. Two ends are fibers of one
// thread here, so that a call that waits for the other end would never return: it is refused by its name.
//
// The code that loads a ring redirects its calls here (tools/ring_check/redirect.h). Outside the checker's
// runs each call has its usual effect.
#pragma once

#include <span>
#include <string>

namespace ringside::tools {

struct RedirectedCall {
  const char* name;  ///< its name for the linker
  void* function;
};

[[nodiscard]] std::span<const RedirectedCall> redirected_calls();

/// Sets the handler for code that cannot be judged. It must not return. To be called before ring code runs.
void on_refusal(void (*handler)(const std::string& why));
[[noreturn]] void refuse(const std::string& why);

}  // namespace ringside::tools
