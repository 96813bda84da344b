// Keys as a terminal sends them: characters, and escape sequences for keys without a character.
//
// Pure. Takes one byte at a time: a sequence may come in pieces.
#pragma once

#include <cstdint>
#include <optional>

namespace ringside::tools {

struct WatchKey {
  enum class Name : std::uint8_t { character, left, right, up, down, home, end };
  Name name = Name::character;
  char character = 0;
};

class WatchKeys {
 public:
  /// The key that this byte completes, if it completes a known one.
  std::optional<WatchKey> take(std::uint8_t byte);

 private:
  enum class State : std::uint8_t { text, escape, sequence };
  State state_ = State::text;
  std::uint8_t last_ = 0;  ///< of a sequence
};

}  // namespace ringside::tools
