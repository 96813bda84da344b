// The checker's services for ring code while no execution is explored: under the conformance suite, long runs
// and real threads. The services are C functions without a context, so that the answering object is set here
// for the whole program.
//
// It is set before the first call of ring code; threads may then call at the same time.
#pragma once

#include <cstdint>
#include <string>

#include "emu/check/op.h"

namespace ringside::check {

class History;

/// Thrown for ring_check_fail() when one thread drives the code.
struct CheckFailed {
  std::string why;
};

class CheckServices {
 public:
  virtual ~CheckServices() = default;
  virtual void notify(int side) = 0;
  virtual void wait(int side) = 0;
  virtual void await() = 0;
  /// Must not return: it throws, or ends the thread in another way.
  [[noreturn]] virtual void fail(const char* text) = 0;
  virtual std::uint32_t choose(std::uint32_t n, const char* why) = 0;
  /// Ring code has announced a memory access.
  virtual void looked() {}
  /// Where operations are recorded; null: they are not.
  [[nodiscard]] virtual History* history() { return nullptr; }
  /// True: real threads run the ends, so that one may wait for the other.
  [[nodiscard]] virtual bool has_threads() const { return false; }
};

/// Null: none is set, and the services do nothing.
[[nodiscard]] CheckServices* check_services();

/// Answers the services as long as it exists.
class CheckServicesScope {
 public:
  explicit CheckServicesScope(CheckServices& answers);
  ~CheckServicesScope();
  CheckServicesScope(const CheckServicesScope&) = delete;
  CheckServicesScope& operator=(const CheckServicesScope&) = delete;

 private:
  CheckServices* before_;
};

/// A real fence: a full one if that was requested, otherwise acquire and release.
inline void fence_now(Order order) {
  if (order == Order::seq_cst) return __atomic_thread_fence(__ATOMIC_SEQ_CST);
  __atomic_thread_fence(__ATOMIC_ACQ_REL);
}

}  // namespace ringside::check
