// The user's end of a console: carries bytes between two local streams and the console's socket, both ways at
// once, with one bounded buffer each way. Bytes that cannot be written are not read.
#pragma once

#include <functional>
#include <optional>

#include "emu/base/byte_queue.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"

namespace ringside::dom0 {

/// The time in which a second press of the escape key counts.
inline constexpr Duration escape_patience = std::chrono::milliseconds(400);

struct ConsoleClientOptions {
  /// The key that leaves the console. Pressed twice within escape_patience, it is sent once.
  std::optional<std::uint8_t> escape = std::nullopt;
  bool end_of_file =
      false;  ///< the end of the input is sent as Ctrl-D, as a user at the guest's terminal would type it
  // For the journal: the console's domain, and who serves it.
  DomainId domain = 0;
  trace::Actor daemon = trace::actor(trace::Role::xend);
};

class ConsoleClient {
 public:
  enum class Ended { left, closed, output_gone };

  /// `ended` is called once: when the user left with the escape key, when the console was closed by the other
  /// side and all its output has been written, or when our output was closed.
  ConsoleClient(Host& host, trace::Journal journal, Handle console, Handle input, Handle output,
                ConsoleClientOptions options, std::function<void(Ended)> ended);
  ~ConsoleClient();
  ConsoleClient(const ConsoleClient&) = delete;
  ConsoleClient& operator=(const ConsoleClient&) = delete;

  /// The bytes that the console has sent, and whether our output has taken all of them.
  [[nodiscard]] std::uint64_t received_bytes() const { return received_bytes_; }
  [[nodiscard]] bool all_shown() const { return to_output_.empty(); }

 private:
  void console_ready(Ready ready);
  void read_console();
  void read_input();
  void take_input(Bytes bytes);
  [[nodiscard]] bool take_key(std::uint8_t byte);
  void input_ended();
  void flush_output();
  void flush_input();
  void update_interest();
  void end(Ended why);

  Host& host_;
  trace::Journal journal_;
  Handle console_;
  Handle input_;
  Handle output_;
  ConsoleClientOptions options_;
  std::function<void(Ended)> ended_;
  ByteQueue to_console_;
  ByteQueue to_output_;
  std::uint64_t received_bytes_ = 0;
  bool input_open_ = true;
  bool console_open_ = true;
  bool leaving_ = false;
  Host::TimerId escape_timer_ = 0;  ///< runs from the first press of the escape key
  bool at_line_start_ = true;
  bool done_ = false;
};

}  // namespace ringside::dom0
