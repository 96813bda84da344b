// An input read as numbers and texts. After its end everything is 0 or empty.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "emu/host/host.h"

namespace ringside::fuzz {

class Input {
 public:
  explicit Input(Bytes bytes) : rest_(bytes) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const std::uint8_t first = rest_.front();
    rest_ = rest_.subspan(1);
    return first;
  }
  std::uint32_t word() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value = value << 8 | byte();
    return value;
  }
  /// `end` > 0, at most 256.
  std::uint32_t below(std::uint32_t end) { return byte() % end; }
  /// Mostly near the truth, sometimes far from it.
  std::uint32_t number() {
    const std::uint8_t first = byte();
    return first < 0xf0 ? first % 24 : word();
  }
  Bytes bytes(std::size_t count) {
    const Bytes taken = rest_.first(std::min(count, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  std::string text(std::size_t count) {
    const Bytes taken = bytes(count);
    return {taken.begin(), taken.end()};
  }

 private:
  Bytes rest_;
};

}  // namespace ringside::fuzz
