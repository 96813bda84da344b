// Escapes and sentences of results.
#include "tools/results_text.h"

#include <fmt/format.h>

#include "emu/trace/facts.h"
#include "emu/trace/quote.h"

namespace ringside::tools {

std::string tap_text(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '#') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string interruption_text(int signal, std::uint64_t ran, std::uint64_t of) {
  const std::string all = of == 0 ? "" : fmt::format(" of {}", of);
  return fmt::format("interrupted by {} after {}{}", trace::signal_name(signal), ran, all);
}

std::string json_interruption(int signal, std::uint64_t ran, std::uint64_t of) {
  return fmt::format(R"({{"outcome":"interrupted","signal":{},"ran":{},"of":{}}})",
                     trace::json_text(trace::signal_name(signal)), ran, of) +
         "\n";
}

}  // namespace ringside::tools
