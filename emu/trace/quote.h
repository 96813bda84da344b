// Text for files of a stricter kind, and for terminals: what a peer or a ring writes may be no UTF-8, and
// what neither JSON nor XML takes becomes '?'.
#pragma once

#include <string>
#include <string_view>

namespace ringside::trace {

/// The character that begins at `at`, 1 to 4 bytes of UTF-8; empty: what stands there is none.
[[nodiscard]] std::string_view character_at(std::string_view text, std::size_t at);

/// `text` between double quotes, as JSON wants it.
[[nodiscard]] std::string json_text(std::string_view text);

/// `text` for a line on a terminal: control characters, U+FFFE and U+FFFF, and what is no UTF-8, as \xNN.
[[nodiscard]] std::string printable(std::string_view text);

/// `text` for an XML attribute or element.
[[nodiscard]] std::string xml_text(std::string_view text);

}  // namespace ringside::trace
