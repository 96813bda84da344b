// Calls of ring code into the system's libraries that the checker answers itself. Two ends are fibers of one
// thread here, so that a call which waits for the other end would wait for ever: it is refused by its name.
//
// Whoever loads a ring makes its calls come here (tools/ring_check/redirect.h). Outside of the checker's runs
// each is what it always was.
#pragma once

#include <span>
#include <string>

namespace ringside::tools {

struct RedirectedCall {
  const char* name;  ///< as the linker knows it
  void* function;
};

[[nodiscard]] std::span<const RedirectedCall> redirected_calls();

/// Ring code does what cannot be judged. `handler` must not return. Set before ring code runs.
void on_refusal(void (*handler)(const std::string& why));
[[noreturn]] void refuse(const std::string& why);

}  // namespace ringside::tools
