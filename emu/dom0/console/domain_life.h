// The hypervisor's reports about domains, for a daemon of dom0 that keeps consoles, and whether the
// hypervisor itself is alive.
//
// The daemon owns it together with its connection. It stores no state of domains.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "emu/host/host.h"
#include "emu/host/hypercall.h"
#include "emu/trace/journal.h"

namespace ringside::dom0 {

enum class Life : std::uint8_t {
  living,
  finished,   ///< shut down, to be destroyed
  kept,       ///< crashed, or shut down and to be preserved
  suspended,  ///< suspended until it is resumed
  gone,
  unknown,  ///< the hypervisor gave no answer
};

class DomainLives {
 public:
  /// `gone` is called once, when the hypervisor is found to be gone; the hypervisor gets no more calls then.
  DomainLives(Host& host, Privcmd& privcmd, std::function<void(const Error&)> gone);
  DomainLives(const DomainLives&) = delete;
  DomainLives& operator=(const DomainLives&) = delete;

  /// From now on `gone` is called at the hypervisor's end, without a query.
  void watch_hypervisor();
  /// A hypercall of the owner has failed with EPIPE.
  void hypervisor_failed(const Error& error);

  /// Destroys a domain that has shut down. If another program has already done so, nothing is reported; any
  /// other failure is a warning.
  void destroy(DomainId id);
  /// Empty when there is no such domain, or it is dying.
  Result<std::optional<DomainInfo>> look_up(DomainId id);
  /// A domain that can be given a console; otherwise the error says why it cannot.
  [[nodiscard]] Result<DomainInfo> look_up_living(DomainId id);
  /// The domain whose shared_info is in `frame`: another frame means another domain with the same id.
  [[nodiscard]] Life life_of(DomainId id, std::uint32_t frame);
  /// The notice by dom0 on the console of a domain that is kept, and in the journal. Empty when the domain
  /// shut down normally.
  [[nodiscard]] std::string crash_notice(DomainId id, trace::Journal& journal);
  /// Resumes a domain and returns its new frame. If the owner counts it as `suspended` and an earlier,
  /// incomplete attempt has resumed it already, returns the frame that it has. The error's `why` is for the
  /// client.
  [[nodiscard]] Result<std::uint32_t> resume(DomainId id, bool suspended);

 private:
  Host& host_;
  Privcmd& privcmd_;
  std::function<void(const Error&)> gone_;
  bool hypervisor_gone_ = false;
};

}  // namespace ringside::dom0
