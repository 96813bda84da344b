// The keyboard of the physical machine: the keys, the controller (an 8042) that passes on their scancodes one
// at a time, and the driver that fetches them at each interrupt. dom0 owns the device: Xen only routes its
// interrupt, as an event at a port that is bound to a physical interrupt.
//
// Keyboard is the device, KeyDecoder the part of the driver that decodes scancodes. Neither uses a tty. The
// scancodes are those of set 1, on an American layout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "emu/base/byte_queue.h"

namespace ringside::domu {

/// Scancodes that a keyboard keeps until its controller has room.
inline constexpr std::size_t keyboard_codes_max = 16;
/// The most scancodes of one character: shift down, key down, key up, shift up.
inline constexpr std::size_t codes_per_character_max = 4;

class Keyboard {
 public:
  /// `interrupt` is called when a scancode has appeared in the controller's output buffer.
  explicit Keyboard(std::function<void()> interrupt) : interrupt_(std::move(interrupt)) {}

  [[nodiscard]] bool has_room() const { return codes_.room() >= codes_per_character_max; }
  /// Presses and releases the key or keys of the character. False if no key types it, as for bytes from 0x80
  /// on. has_room() must hold.
  [[nodiscard]] bool type(std::uint8_t character);

  /// Port 0x60: the scancode in the output buffer, or the last one again.
  [[nodiscard]] std::uint8_t read_data();
  /// Port 0x64, bit 0: whether the output buffer holds a scancode.
  [[nodiscard]] bool output_buffer_full() const { return full_; }

 private:
  void next();

  std::function<void()> interrupt_;
  ByteQueue codes_{keyboard_codes_max};
  std::uint8_t output_ = 0;
  bool full_ = false;
};

class KeyDecoder {
 public:
  /// The character that a scancode completes; empty when a key is released, or makes no character.
  [[nodiscard]] std::optional<std::uint8_t> decode(std::uint8_t scancode);

 private:
  bool shift_ = false;
  bool control_ = false;
};

}  // namespace ringside::domu
