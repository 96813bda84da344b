// Glyphs as UTF-8.
#include "tools/watch/glyph.h"

namespace ringside::tools {

void append_utf8(std::string& out, char32_t character) {
  if (character < 0x80) {
    out += static_cast<char>(character);
  } else if (character < 0x800) {
    out += static_cast<char>(0xc0 | character >> 6);
    out += static_cast<char>(0x80 | (character & 0x3f));
  } else {
    if (character >= 0x10000) {
      out += static_cast<char>(0xf0 | character >> 18);
      out += static_cast<char>(0x80 | (character >> 12 & 0x3f));
    } else {
      out += static_cast<char>(0xe0 | character >> 12);
    }
    out += static_cast<char>(0x80 | (character >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (character & 0x3f));
  }
}

void append_utf8(std::string& out, const Glyph& glyph) {
  append_utf8(out, glyph.character);
  for (const char32_t mark : glyph.marks) {
    if (mark != 0) append_utf8(out, mark);
  }
}

}  // namespace ringside::tools
