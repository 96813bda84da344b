// Names of reasons and signals.
#include "emu/host/domain_words.h"

namespace ringside {

std::string_view reason_name(ShutdownReason reason) {
  switch (reason) {
    case ShutdownReason::poweroff:
      return "poweroff";
    case ShutdownReason::reboot:
      return "reboot";
    case ShutdownReason::suspend:
      return "suspend";
    case ShutdownReason::crash:
      return "crash";
  }
  return "";
}

std::string crash_text(const DomainInfo& info) {
  return trace::crash_words(info.signal, static_cast<unsigned>(info.exit_status));
}

}  // namespace ringside
