// Text for stricter file formats and for terminals. Bytes from a peer or a ring may be invalid UTF-8; what
// neither JSON nor XML allows becomes '?'.
#pragma once

#include <string>
#include <string_view>

namespace ringside::trace {

/// The character that begins at `at`, 1 to 4 bytes of UTF-8; empty: no valid character begins there.
[[nodiscard]] std::string_view character_at(std::string_view text, std::size_t at);

/// `text` in double quotes, escaped for JSON.
[[nodiscard]] std::string json_text(std::string_view text);

/// `text` for a line on a terminal: control characters, U+FFFE, U+FFFF and invalid UTF-8 become \xNN.
[[nodiscard]] std::string printable(std::string_view text);

/// `text` escaped for an XML attribute or element.
[[nodiscard]] std::string xml_text(std::string_view text);

}  // namespace ringside::trace
