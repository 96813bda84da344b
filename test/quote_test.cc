// Arbitrary bytes as JSON and XML text.
#include "emu/trace/quote.h"

#include "test/catch.h"

namespace quote_test {

using namespace ringside::trace;

TEST_CASE("a complete UTF-8 character is recognised, and invalid bytes are not") {
  CHECK(character_at("a\u00e9", 1) == "\u00e9");
  CHECK(character_at("\u20ac!", 0) == "\u20ac");
  CHECK(character_at("\U0001f600", 0) == "\U0001f600");
  // Truncated, a continuation byte alone, overlong, half of a surrogate pair, beyond the last character.
  for (const char* wrong : {"\xe2\x82", "\x82", "\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80",
                            "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"}) {
    CAPTURE(wrong);
    CHECK(character_at(wrong, 0).empty());
  }
}

TEST_CASE("bytes that JSON and XML do not accept are escaped, or become a question mark") {
  const std::string_view hostile{"<a b=\"\\\">&\n\t\0\x1b\x7f\xff\u00e9", 18};
  CHECK(json_text(hostile) == "\"<a b=\\\"\\\\\\\">&\\n\\u0009\\u0000\\u001b\\u007f?\u00e9\"");
  CHECK(xml_text(hostile) == "&lt;a b=&quot;\\&quot;&gt;&amp;&#10;&#9;????\u00e9");
  CHECK(xml_text("\ufffd\ufffe\uffff\U00010000") == "\ufffd??\U00010000");
}

TEST_CASE("control characters are made visible, and other text stays") {
  const std::string_view hostile{"a\x1b[31m\r\n\t\0\x7f\xc2\x9b\xff\u00e9\u20ac \\\"", 22};
  CHECK(printable("\ufffd\ufffe") == "\ufffd\\xef\\xbf\\xbe");
  CHECK(printable(hostile) == "a\\x1b[31m\\x0d\\x0a\\x09\\x00\\x7f\\xc2\\x9b\\xff\u00e9\u20ac \\\"");
}

}  // namespace quote_test
