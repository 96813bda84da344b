// What the files of the library share: error handling, and calls to the hypervisor.
//
// All C functions run under one lock. The library itself throws nothing; answer() catches what the standard
// library throws.
#pragma once

#include <cerrno>
#include <exception>
#include <mutex>
#include <new>

#include "emu/base/check.h"
#include "emu/host/hypercall.h"
#include "emu/host/linux_client.h"

namespace ringside::library {

[[nodiscard]] std::mutex& lock();
/// Stores the error's text for rs_last_error(), and sets errno.
void remember(const Error& error) noexcept;

/// The value that `run` returns. On an error, stores the error and returns `otherwise`.
template <class Value, class Run>
Value answer(Value otherwise, Run run) noexcept {
  try {
    const std::lock_guard held(lock());
    Result<Value> result = run();
    if (result) return result.value();
    remember(result.error());
  } catch (const std::bad_alloc&) {
    remember({ENOMEM, "", "", "", ""});
  } catch (const std::exception&) {
    remember({EIO, "", "", "", ""});
  }
  return otherwise;
}

[[nodiscard]] Error refusal(int code, const char* what, std::string why);

/// The connection of an open handle; EBADF if the handle is not open.
[[nodiscard]] Result<int> connection_of(int handle);

/// One hypercall. A refusal becomes an error with the hypervisor's text.
[[nodiscard]] Result<HypercallReply> call(int connection, const char* what,
                                          const HypercallArguments& arguments);

struct MapRequest {
  DomainId domain = DOMID_SELF;
  std::uint32_t frame = 0;
  std::size_t bytes = 0;
  int protection = 0;
};
[[nodiscard]] Result<void*> map_frame(int connection, const MapRequest& request);

}  // namespace ringside::library
