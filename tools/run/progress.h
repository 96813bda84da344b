// The progress of the runs, in one line of a terminal that is overwritten repeatedly.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace ringside::tools {

/// The least time between two updates of the line.
inline constexpr std::chrono::milliseconds progress_delay{100};

/// "[133/790] 52 runs/s, 13 s left  typing", at most `columns` wide. `of` is 0 if the number of runs is
/// unknown.
[[nodiscard]] std::string progress_text(std::uint64_t done, std::uint64_t of,
                                        std::chrono::duration<double> took, const std::string& name,
                                        std::size_t columns);

/// "13 s", "4 min", "2 h"
[[nodiscard]] std::string rough_time(double seconds);

/// A line on stderr that is rewritten repeatedly. Writes nothing unless stderr is a terminal.
class ProgressLine {
 public:
  ProgressLine();

  /// False if stderr is no terminal, or if the last line was written less than `progress_delay` ago.
  [[nodiscard]] bool is_due() const { return on_terminal_ && Clock::now() >= next_; }
  [[nodiscard]] bool is_seen() const { return on_terminal_; }
  /// The width of the terminal.
  [[nodiscard]] static std::size_t columns();
  /// Call it before anything else is written to the terminal.
  void clear();
  void show(const std::string& text);

 private:
  using Clock = std::chrono::steady_clock;

  bool on_terminal_;
  bool shown_ = false;
  Clock::time_point next_ = Clock::now() + progress_delay;
};

/// The progress line of runs.
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
