// Programs' requests to the daemon that keeps the consoles, as lines of text. Pure: parses only.
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
  ring::ControlMessage message;  ///< shutdown, sysrq, balloon, suspend: the message to send, except its id
  std::string path;              ///< attach: the file
  std::string input_path;        ///< attach: the source of input, if not empty
};

/// console <domid> | consoles | shutdown <domid> poweroff|reboot | sysrq <domid> <key> |
/// balloon <domid> <pages> | suspend <domid> | resume <domid> | forget <domid> |
/// attach <domid> <path> [<input path>] | detach <domid> | take <domid>. Paths are words, see escape_word().
/// The error's `why` says what is wrong, in a form that can be sent back.
[[nodiscard]] Result<Dom0Request> parse_dom0_request(std::string_view line);

/// The request that makes a kernel handle a system request key.
[[nodiscard]] ring::ControlMessage sysrq_message(char key);

/// `text` as one word of a request: spaces, control characters and '%' become %XX.
[[nodiscard]] std::string escape_word(std::string_view text);

}  // namespace ringside::dom0
