// What ring code gets from the checker's services while no execution is explored: under the conformance
// suite, long runs and real threads. The services are C functions without a context, so who answers them is
// set here for the whole program.
//
// Set before the first call of ring code, by whoever drives it; threads may then call at the same time.
#pragma once

#include <cstdint>
#include <string>

#include "emu/check/op.h"

namespace ringside::check {

class History;

/// What is thrown by who answers ring_check_fail() for code that one thread drives.
struct Broken {
  std::string why;
};

class Outside {
 public:
  virtual ~Outside() = default;
  virtual void notify(int side) = 0;
  virtual void wait(int side) = 0;
  virtual void await() = 0;
  /// Must not return: throws, or ends the thread in another way.
  [[noreturn]] virtual void fail(const char* text) = 0;
  virtual std::uint32_t choose(std::uint32_t n, const char* why) = 0;
  /// Ring code accesses memory, as far as its compiler announces it.
  virtual void looked() {}
  /// Where operations are recorded; null: nowhere.
  [[nodiscard]] virtual History* history() { return nullptr; }
  /// Real threads run the ends, so that one may wait for the other.
  [[nodiscard]] virtual bool has_threads() const { return false; }
};

/// Null: nobody, and the services do nothing.
[[nodiscard]] Outside* outside();

/// Answers the services as long as it lives.
class OutsideScope {
 public:
  explicit OutsideScope(Outside& answers);
  ~OutsideScope();
  OutsideScope(const OutsideScope&) = delete;
  OutsideScope& operator=(const OutsideScope&) = delete;

 private:
  Outside* before_;
};

/// A real fence, no stronger than asked for.
inline void fence_now(Order order) {
  if (order == Order::seq_cst) return __atomic_thread_fence(__ATOMIC_SEQ_CST);
  __atomic_thread_fence(__ATOMIC_ACQ_REL);
}

}  // namespace ringside::check
