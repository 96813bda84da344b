// What the hypervisor says of the domains' lives, to a daemon of dom0 that keeps their consoles, and whether
// the hypervisor itself still lives.
//
// The daemon owns it together with its connection. It keeps nothing about any domain.
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
  suspended,  ///< sleeps until it is resumed
  gone,
  unknown,  ///< there was no answer
};

class DomainLives {
 public:
  /// `gone` is called once, when the hypervisor is found to be gone; nothing is asked of it after that.
  DomainLives(Host& host, Privcmd& privcmd, std::function<void(const Error&)> gone);
  DomainLives(const DomainLives&) = delete;
  DomainLives& operator=(const DomainLives&) = delete;

  /// From here on the end of the hypervisor is noticed without a question.
  void watch_hypervisor();
  /// A hypercall of the owner's has failed with EPIPE.
  void hypervisor_failed(const Error& error);

  /// Destroys a domain that has shut down. Somebody else may have been quicker; any other failure is only
  /// warned of.
  void destroy(DomainId id);
  /// Nothing when there is no such domain, or only what is left of it.
  Result<std::optional<DomainInfo>> look_up(DomainId id);
  /// A domain that can be given a console; the error says for a person why it cannot.
  [[nodiscard]] Result<DomainInfo> look_up_living(DomainId id);
  /// Of the domain whose shared_info is in `frame`: another one is another domain of the same id.
  [[nodiscard]] Life life_of(DomainId id, std::uint32_t frame);
  /// What dom0 itself says on the console of a domain that is kept, and in the journal. Nothing when it shut
  /// down as it should.
  [[nodiscard]] std::string crash_notice(DomainId id, trace::Journal& journal);
  /// Resumes a domain; or finds it resumed by an attempt that got no further, if the owner has it as
  /// `laid_down`. Answers its new frame. The error's `why` is for whoever asked.
  [[nodiscard]] Result<std::uint32_t> wake(DomainId id, bool laid_down);

 private:
  Host& host_;
  Privcmd& privcmd_;
  std::function<void(const Error&)> gone_;
  bool hypervisor_gone_ = false;
};

}  // namespace ringside::dom0
