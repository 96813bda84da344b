// Escape sequences of terminals in use today: CSI and SS3, and the numbers of the VT220.
#include "tools/watch/keys.h"

namespace ringside::tools {

namespace {

using Name = WatchKey::Name;

/// ESC [ A, and also ESC [ 1 ; 5 A: with Control it is the same key here.
std::optional<WatchKey> key_of(std::uint8_t last, std::uint8_t before) {
  switch (last) {
    case 'A':
      return WatchKey{Name::up, 0};
    case 'B':
      return WatchKey{Name::down, 0};
    case 'C':
      return WatchKey{Name::right, 0};
    case 'D':
      return WatchKey{Name::left, 0};
    case 'H':
      return WatchKey{Name::home, 0};
    case 'F':
      return WatchKey{Name::end, 0};
    case '~':
      if (before == '1' || before == '7') return WatchKey{Name::home, 0};
      if (before == '4' || before == '8') return WatchKey{Name::end, 0};
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<WatchKey> WatchKeys::take(std::uint8_t byte) {
  constexpr std::uint8_t escape = 0x1b;
  constexpr std::uint8_t first_final = 0x40;
  if (byte == escape) {
    state_ = State::escape;
    return std::nullopt;
  }
  switch (state_) {
    case State::text:
      return WatchKey{Name::character, static_cast<char>(byte)};
    case State::escape:
      last_ = 0;
      state_ = byte == '[' || byte == 'O' ? State::sequence : State::text;
      // The user has pressed Escape, and then this key.
      if (state_ == State::text) return WatchKey{Name::character, static_cast<char>(byte)};
      return std::nullopt;
    case State::sequence:
      if (byte < first_final) {
        last_ = byte;
        return std::nullopt;
      }
      state_ = State::text;
      return key_of(byte, last_);
  }
  return std::nullopt;
}

}  // namespace ringside::tools
