// The telnet protocol as a server speaks it to a user's terminal (RFC 854, and 856 to 858 and 1073 for the
// options): removes commands from the client's data, escapes the guest's output, and negotiates that the
// guest echoes (ECHO), that characters are sent as they are typed (SGA), that any byte passes (BINARY), and
// that the client tells its window's size (NAWS). All other options are declined.
//
// One per viewer, owned by the console. It does no I/O.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "emu/host/host.h"

namespace ringside::dom0 {

/// What these bytes of a client of the raw port show, if the client has sent only text so far.
struct FirstBytes {
  /// The client begins to speak telnet at this byte, with commands of which one is a whole option request.
  /// Before it there is only text. (Debian's telnet asks for SGA and ECHO when it is told to send characters,
  /// and sends IP and DO TIMING-MARK for Ctrl-C.) A request that is read in two pieces does not count: the
  /// raw port would have to hold back bytes that may be all that a client sends. The telnet port accepts
  /// requests in any pieces.
  std::optional<std::size_t> telnet_at;
  bool text = true;  ///< all of it is text: UTF-8 without zero bytes, as a user types it
};
[[nodiscard]] FirstBytes first_bytes(Bytes read);

class Telnet {
 public:
  using Window = std::function<void(std::uint16_t rows, std::uint16_t columns)>;
  /// `window` is called whenever the client sends its size.
  explicit Telnet(Window window);

  /// Bytes from the client, in any pieces of its stream. The bytes for the guest are moved to the front;
  /// returns their number.
  [[nodiscard]] std::size_t take(std::span<std::uint8_t> bytes);
  /// Bytes that must be written before any more output. The caller removes what it has written.
  [[nodiscard]] std::string& commands() { return commands_; }
  [[nodiscard]] const std::string& commands() const { return commands_; }
  /// `output` in the form that is sent to the client.
  [[nodiscard]] std::string encoded(Bytes output) const;
  /// The first `written` bytes of encoded(output) were written. Returns how many bytes of `output` these are;
  /// the rest of a byte that was written in part becomes a command.
  [[nodiscard]] std::size_t wrote(Bytes output, std::size_t written);

 private:
  enum class Side : std::uint8_t { server, client };
  struct Option {
    std::uint8_t code;
    Side side;  ///< whose behaviour it is about
    bool asked = true;
    bool on = false;
  };
  enum class Expects : std::uint8_t { data, command, option, subnegotiation, subnegotiation_command };

  [[nodiscard]] std::string encoded_byte(std::uint8_t byte, bool after_return) const;
  void take_command(std::uint8_t command, std::string& to_guest);
  void take_option(std::uint8_t code);
  void take_subnegotiation();
  void say(std::uint8_t command, std::uint8_t code);
  [[nodiscard]] Option* find(Side side, std::uint8_t code);
  [[nodiscard]] bool is_on(Side side, std::uint8_t code) const;

  Window window_;
  std::string commands_;
  std::array<Option, 6> options_;
  Expects expects_ = Expects::data;
  std::uint8_t command_ = 0;     ///< the command; its option follows
  std::string subnegotiation_;   ///< truncated to the longest that is known
  bool return_taken_ = false;    ///< the last byte from the client was a carriage return
  bool return_written_ = false;  ///< the last byte of output was one
};

}  // namespace ringside::dom0
