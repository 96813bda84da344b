// What the measurement of the path shares with the programs at its ends (path_programs.cc).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ringside::tools::bench {

inline constexpr std::size_t our_read_bytes = 65536;
/// A program at the far end prints it when it is ready.
inline constexpr char ready_byte = 'r';
/// A program that takes bytes prints it when it has taken all.
inline constexpr char done_byte = 'd';

/// The bytes that are sent. Their period divides no buffer size, so that a lost or repeated piece is noticed.
class Pattern {
 public:
  Pattern() {
    for (std::size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = static_cast<char>(i % period);
  }
  /// Points at our_read_bytes bytes of the pattern, starting at `offset`.
  [[nodiscard]] const char* at(std::uint64_t offset) const { return bytes_.data() + offset % period; }

 private:
  static constexpr std::size_t period = 251;
  std::array<char, period + our_read_bytes> bytes_;
};

struct Direction {
  const char* act;
  bool we_type;         ///< we type `bytes` bytes; else one byte that starts the program's output
  bool program_prints;  ///< the program prints `bytes` bytes; else one byte when it has received all
  /// The most bytes that are typed and not echoed yet.
  std::uint64_t window;
  std::uint64_t bytes_min;  ///< of a sample
};

/// The most bytes in flight when bytes are echoed. With more bytes than the ptys on the path hold, a relay
/// that blocks on writing, as socat does, would deadlock with the program at its end.
inline constexpr std::uint64_t echo_window_bytes = 16384;
inline constexpr std::uint64_t any_number = UINT64_MAX;
inline constexpr std::array directions{Direction{"prints", false, true, any_number, 64u << 10},
                                       Direction{"takes", true, false, any_number, 64u << 10},
                                       Direction{"echoes", true, true, echo_window_bytes, 64u << 10},
                                       Direction{"echoes", true, true, 1, 16}};

/// Blocks until all are written. False: the other end is closed.
[[nodiscard]] bool write_all(int fd, const char* data, std::size_t size);

/// What a program at the far end does in place of a direction's act: see turns.cc.
inline constexpr const char* turns_act = "turns";
[[nodiscard]] int act_turns(std::uint64_t bytes);

}  // namespace ringside::tools::bench
