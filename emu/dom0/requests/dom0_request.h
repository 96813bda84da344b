// What programs may ask of the daemon that keeps the consoles, as it stands in a line of text. Pure: parses,
// does nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "emu/base/check.h"
#include "emu/host/hypercall.h"
#include "ring/message.h"

namespace ringside::dom0 {

struct Dom0Request {
  enum class Verb : std::uint8_t {
    console,
    consoles,
    shutdown,
    sysrq,
    balloon,
    suspend,
    resume,
    forget,
    attach,
    detach,
    take
  };
  Verb verb = Verb::consoles;
  DomainId domain = 0;           ///< 1..domain_id_max; not for consoles
  ring::ControlMessage message;  ///< shutdown, sysrq, balloon, suspend: what to send, but for its id
  std::string path;              ///< attach: the file
  std::string input_path;        ///< attach: where input comes from, if not empty
};

/// console <domid> | consoles | shutdown <domid> poweroff|reboot | sysrq <domid> <key> |
/// balloon <domid> <pages> | suspend <domid> | resume <domid> | forget <domid> |
/// attach <domid> <path> [<input path>] | detach <domid> | take <domid>. Paths are words, see escape_word().
/// The error's `why` says what is wrong, fit to be sent back.
[[nodiscard]] Result<Dom0Request> parse_dom0_request(std::string_view line);

/// What asks a kernel to handle a system request key.
[[nodiscard]] ring::ControlMessage sysrq_message(char key);

/// `text` as one word of a request: spaces, control characters and '%' become %XX.
[[nodiscard]] std::string escape_word(std::string_view text);

}  // namespace ringside::dom0
