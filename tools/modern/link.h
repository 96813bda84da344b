// A connection to ringside's hypervisor, for a program that was built for today's Xen. Every handle that such
// a program opens has its own connection. What belongs to the handle (ports, grants) ends with the
// connection, even if the program is killed.
//
// The libraries here are C libraries to their users. No exception and no C++ symbol leaves them: each
// exported function runs inside answer().
#pragma once

#include <cerrno>
#include <memory>
#include <mutex>
#include <new>

#include "emu/base/check.h"
#include "emu/host/hypercall.h"
#include "emu/host/linux_client.h"

/// The functions that a library exports; all others are hidden.
#define RINGSIDE_EXPORT extern "C" __attribute__((visibility("default")))

namespace ringside::modern {

class Link {
 public:
  /// Connects to the machine of RINGSIDE_DIR, as a process of dom0, or of the domain whose number is in
  /// RINGSIDE_AS_DOMAIN. That domain's connection comes from the hypervisor, which gives it to dom0 only, and
  /// later asks no caller who it is.
  [[nodiscard]] static Result<std::unique_ptr<Link>> open();

  [[nodiscard]] int descriptor() const { return connection_.get(); }
  [[nodiscard]] bool is_dom0() const { return dom0_; }
  /// One hypercall. A refusal becomes an error with the hypervisor's errno value. May be called by any
  /// thread.
  [[nodiscard]] Result<HypercallReply> call(const HypercallArguments& arguments);

 private:
  Link(Fd connection, bool dom0) : connection_(std::move(connection)), dom0_(dom0) {}
  std::mutex lock_;
  Hypercalls hypercalls_;
  Fd connection_;
  bool dom0_;
};

/// The value that `run` returns. On an error, sets errno and returns `otherwise`.
template <class Value, class Run>
Value answer(Value otherwise, Run run) noexcept {
  try {
    Result<Value> result = run();
    if (result) return result.value();
    errno = result.error().code > 0 ? result.error().code : EIO;
  } catch (const std::bad_alloc&) {
    errno = ENOMEM;
  } catch (...) {
    errno = EIO;
  }
  return otherwise;
}

/// An error of which the program sees the code only.
[[nodiscard]] Error error_of(int code);

/// ENOSYS for a call that ringside does not have. Prints a line that names the call when it is first used.
[[nodiscard]] Error not_here(const char* call);

}  // namespace ringside::modern
