// Escapes, character by character.
#include "emu/trace/quote.h"

#include <fmt/format.h>

namespace ringside::trace {

namespace {

/// XML allows none of them, and they have no meaning.
bool is_noncharacter(std::string_view character) {
  return character == "\ufffe" || character == "\uffff";
}

}  // namespace

std::string_view character_at(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  const std::size_t length = byte < 0x80 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 0;
  if (length == 0 || byte >= 0xf5 || at + length > text.size()) return {};
  for (std::size_t next = 1; next < length; ++next) {
    if ((static_cast<unsigned char>(text[at + next]) & 0xc0) != 0x80) return {};
  }
  const auto second = length > 2 ? static_cast<unsigned char>(text[at + 1]) : 0;
  // An overlong form, half of a surrogate pair, or beyond the last character.
  const bool is_strange = (byte == 0xe0 && second < 0xa0) || (byte == 0xed && second > 0x9f) ||
                          (byte == 0xf0 && second < 0x90) || (byte == 0xf4 && second > 0x8f);
  return is_strange ? std::string_view() : text.substr(at, length);
}

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view character = character_at(text, at);
    const auto byte = static_cast<unsigned char>(text[at]);
    at += character.empty() ? 1 : character.size();
    if (character.empty())
      out += '?';
    else if (byte == '"' || byte == '\\')
      out.append(1, '\\').append(character);
    else if (byte == '\n')
      out += "\\n";
    else if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\u{:04x}", byte);
    else
      out += character;
  }
  return out + "\"";
}

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::string_view character = character_at(text, at);
    const bool whole = !character.empty() && !is_noncharacter(character);
    if (character.empty()) character = text.substr(at, 1);
    const auto first = static_cast<unsigned char>(character.front());
    // U+0080 to U+009F are control characters as well.
    const bool control =
        first < 0x20 || first == 0x7f ||
        (first == 0xc2 && character.size() == 2 && static_cast<unsigned char>(character[1]) < 0xa0);
    if (whole && !control) {
      out += character;
    } else {
      for (const char byte : character) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    }
    at += character.size();
  }
  return out;
}

std::string xml_text(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view character = character_at(text, at);
    const auto byte = static_cast<unsigned char>(text[at]);
    at += character.empty() ? 1 : character.size();
    if (character == "&")
      out += "&amp;";
    else if (character == "<")
      out += "&lt;";
    else if (character == ">")
      out += "&gt;";
    else if (character == "\"")
      out += "&quot;";
    else if (character == "\n" || character == "\t")
      out += fmt::format("&#{};", byte);
    else if (character.empty() || byte == 0x7f || byte < 0x20 || is_noncharacter(character))
      out += '?';
    else
      out += character;
  }
  return out;
}

}  // namespace ringside::trace
