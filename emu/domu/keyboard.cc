// Keys and their scancodes.
#include "emu/domu/keyboard.h"

#include <array>
#include <string_view>

namespace ringside::domu {

namespace {

constexpr std::uint8_t key_up = 0x80;
constexpr std::uint8_t left_control = 0x1d;
constexpr std::uint8_t left_shift = 0x2a;
constexpr std::uint8_t right_shift = 0x36;

/// By scancode, from 1 on: what the key types alone, and with shift. Zero: no character.
constexpr std::string_view plain{
    "\x1b"
    "1234567890-=\x7f\t"
    "qwertyuiop[]\r\0"
    "asdfghjkl;'`\0"
    "\\zxcvbnm,./\0*\0 ",
    0x39};
constexpr std::string_view shifted{
    "\x1b"
    "!@#$%^&*()_+\x7f\t"
    "QWERTYUIOP{}\r\0"
    "ASDFGHJKL:\"~\0"
    "|ZXCVBNM<>?\0*\0 ",
    0x39};

/// Whether Ctrl with the character's key gives the last five bits of the character.
constexpr bool has_control(char character) {
  return (character >= 'a' && character <= 'z') || (character >= '[' && character <= ']');
}

struct Stroke {
  std::uint8_t code = 0;
  std::uint8_t held = 0;  ///< the scancode of shift or control, if one is held down for it
};

std::optional<Stroke> stroke_of(std::uint8_t character) {
  if (character == 0) return std::nullopt;
  const char wanted = static_cast<char>(character == '\n' ? '\r' : character);
  const auto code_at = [](std::size_t at) { return static_cast<std::uint8_t>(at + 1); };
  if (const std::size_t at = plain.find(wanted); at != plain.npos) return Stroke{code_at(at)};
  if (const std::size_t at = shifted.find(wanted); at != shifted.npos) return Stroke{code_at(at), left_shift};
  for (std::size_t at = 0; at < plain.size(); ++at) {
    if (has_control(plain[at]) && (plain[at] & 0x1f) == wanted) return Stroke{code_at(at), left_control};
  }
  return std::nullopt;
}

}  // namespace

bool Keyboard::type(std::uint8_t character) {
  RS_CHECK(has_room());
  const auto stroke = stroke_of(character);
  if (!stroke) return false;
  const std::array<std::uint8_t, codes_per_character_max> codes{
      stroke->held, stroke->code, static_cast<std::uint8_t>(stroke->code | key_up),
      static_cast<std::uint8_t>(stroke->held | key_up)};
  codes_.push(stroke->held == 0 ? std::span(codes).subspan(1, 2) : std::span(codes));
  next();
  return true;
}

std::uint8_t Keyboard::read_data() {
  const std::uint8_t code = output_;
  full_ = false;
  next();
  return code;
}

void Keyboard::next() {
  if (full_ || codes_.empty()) return;
  output_ = codes_.front()[0];
  codes_.drop(1);
  full_ = true;
  interrupt_();
}

std::optional<std::uint8_t> KeyDecoder::decode(std::uint8_t scancode) {
  const bool down = (scancode & key_up) == 0;
  const std::uint8_t key = scancode & static_cast<std::uint8_t>(~key_up);
  if (key == left_shift || key == right_shift) {
    shift_ = down;
    return std::nullopt;
  }
  if (key == left_control) {
    control_ = down;
    return std::nullopt;
  }
  if (!down || key == 0 || key > plain.size()) return std::nullopt;
  const char character = plain[key - 1];
  if (character == 0) return std::nullopt;
  if (control_ && has_control(character)) return static_cast<std::uint8_t>(character & 0x1f);
  return static_cast<std::uint8_t>(shift_ ? shifted[key - 1] : character);
}

}  // namespace ringside::domu
