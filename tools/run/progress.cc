// The progress line.
#include "tools/run/progress.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdio>

#include "emu/host/linux_terminal.h"

namespace ringside::tools {

namespace {

constexpr int stderr_descriptor = 2;
constexpr std::size_t columns_if_unknown = 80;

}  // namespace

std::string rough_time(double seconds) {
  if (seconds < 100) return fmt::format("{:.0f} s", std::ceil(seconds));
  if (seconds < 100 * 60) return fmt::format("{:.0f} min", std::ceil(seconds / 60));
  return fmt::format("{:.0f} h", std::ceil(seconds / 3600));
}

std::string progress_text(std::uint64_t done, std::uint64_t of, std::chrono::duration<double> took,
                          const std::string& name, std::size_t columns) {
  const double rate = static_cast<double>(done) / std::max(took.count(), 1e-3);
  std::string text = of == 0 ? fmt::format("[{}]", done) : fmt::format("[{}/{}]", done, of);
  text += rate < 10 ? fmt::format(" {:.1f} runs/s", rate) : fmt::format(" {:.0f} runs/s", rate);
  if (of > done && rate > 0)
    text += fmt::format(", {} left", rough_time(static_cast<double>(of - done) / rate));
  text += "  " + name;
  // After its last column a terminal wraps to the next line, and the line could not be overwritten.
  if (text.size() >= columns) text.resize(columns == 0 ? 0 : columns - 1);
  return text;
}

ProgressLine::ProgressLine() : on_terminal_(is_terminal(stderr_descriptor)) {}

std::size_t ProgressLine::columns() {
  const auto size = window_size(stderr_descriptor);
  return size && size->columns != 0 ? size->columns : columns_if_unknown;
}

void ProgressLine::clear() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
  shown_ = false;
}

void ProgressLine::show(const std::string& text) {
  if (!on_terminal_) return;
  next_ = Clock::now() + progress_delay;
  clear();
  std::fputs(text.c_str(), stderr);
  shown_ = true;
}

void RunProgress::show(std::uint64_t done, const std::string& name) {
  if (line_.is_due())
    line_.show(progress_text(done, of_, Clock::now() - began_, name, ProgressLine::columns()));
}

}  // namespace ringside::tools
