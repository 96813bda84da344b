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

/// The line itself, on stderr. Writes nothing unless stderr is a terminal.
class RunProgress {
 public:
  explicit RunProgress(std::uint64_t of);

  /// Call it before anything else is written to the terminal.
  void clear();
  void show(std::uint64_t done, const std::string& name);

 private:
  using Clock = std::chrono::steady_clock;

  bool on_terminal_;
  bool shown_ = false;
  std::uint64_t of_;
  Clock::time_point began_ = Clock::now();
  Clock::time_point next_ = began_ + progress_delay;
};

}  // namespace ringside::tools
