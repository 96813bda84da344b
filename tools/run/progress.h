// How far the runs are, in one line of a terminal that is written again and again.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace ringside::tools {

/// How often the line is written.
inline constexpr std::chrono::milliseconds progress_delay{100};

/// "[133/790] 52 runs/s, 13 s left  typing", at most `columns` wide. `of` is 0 where nobody knows how many
/// there will be.
[[nodiscard]] std::string progress_text(std::uint64_t done, std::uint64_t of,
                                        std::chrono::duration<double> took, const std::string& name,
                                        std::size_t columns);

/// "13 s", "4 min", "2 h"
[[nodiscard]] std::string rough_time(double seconds);

/// A line on stderr that is written again and again. Writes nothing unless that is a terminal.
class ProgressLine {
 public:
  ProgressLine();

  /// False: nobody would see it, or the last one is too fresh.
  [[nodiscard]] bool is_due() const { return on_terminal_ && Clock::now() >= next_; }
  [[nodiscard]] bool is_seen() const { return on_terminal_; }
  /// How wide it may be.
  [[nodiscard]] static std::size_t columns();
  /// Before anything else is written to the terminal.
  void clear();
  void show(const std::string& text);

 private:
  using Clock = std::chrono::steady_clock;

  bool on_terminal_;
  bool shown_ = false;
  Clock::time_point next_ = Clock::now() + progress_delay;
};

/// Of runs.
class RunProgress {
 public:
  explicit RunProgress(std::uint64_t of) : of_(of) {}

  void clear() { line_.clear(); }
  void show(std::uint64_t done, const std::string& name);

 private:
  using Clock = std::chrono::steady_clock;

  ProgressLine line_;
  std::uint64_t of_;
  Clock::time_point began_ = Clock::now();
};

}  // namespace ringside::tools
