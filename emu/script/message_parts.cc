// Payloads and control messages, in acts and in patterns.
#include <fmt/format.h>

#include "emu/script/expression.h"
#include "emu/script/parts.h"
#include "emu/script/suggest.h"
#include "emu/script/vocabulary.h"

namespace ringside::script {

namespace {

constexpr std::string_view payload_forms = R"(payloads: "text", |de ad|, 480 bytes of "abc")";

bool compiles(Words& words, const Token& token) {
  if (token.text.size() > regex_bytes_max) {
    words.fail("E008", token.span, "a pattern that is too long",
               fmt::format("the limit is {} bytes", regex_bytes_max));
    return false;
  }
  const auto tried = Expression::compile(token.text);
  if (tried) return true;
  words.fail("E003", token.span, "a pattern that RE2 does not compile", tried.error().why);
  return false;
}

/// `N bytes of "abc"`
Payload parse_repeated(Words& words) {
  Payload payload;
  payload.span = words.here();
  payload.repeated_bytes = words.number("how many bytes", 1, payload_bytes_max);
  if (!words.accept("bytes") && !words.accept("byte")) words.wrong("\"bytes\"");
  words.require("of");
  const Token unit = words.peek();
  if (unit.kind != TokenKind::text && unit.kind != TokenKind::bytes) {
    words.wrong("a text to repeat");
    return payload;
  }
  words.take();
  if (unit.text.empty())
    words.fail("E015", unit.span, "an empty text cannot be repeated", "give a text to repeat");
  payload.unit = unit.text;
  payload.span = words.since(payload.span);
  return payload;
}

Payload parse_text(Words& words, bool exact) {
  Payload payload;
  const Token token = words.take();
  payload.unit = token.text;
  payload.repeated_bytes = token.text.size();
  payload.span = token.span;
  if (token.text.empty()) {
    words.fail("E015", token.span, "this text is empty", "leave it out, or give a text");
    return payload;
  }
  if (token.kind == TokenKind::regex) {
    payload.kind = Payload::Kind::regex;
    if (exact) {
      words.fail("E015", token.span, "a pattern cannot be written", std::string(payload_forms));
    } else if (!compiles(words, token)) {
      return payload;
    }
    return payload;
  }
  const Span dots = words.here();
  if (!words.accept("...")) return payload;
  payload.kind = Payload::Kind::prefix;
  payload.span = words.since(payload.span);
  if (exact) words.fail("E015", dots, "an act needs a complete text", std::string(payload_forms));
  return payload;
}

bool begins_payload(const Token& token) {
  return token.kind == TokenKind::text || token.kind == TokenKind::bytes || token.kind == TokenKind::regex ||
         token.kind == TokenKind::number;
}

std::uint8_t parse_subtype(Words& words, std::uint8_t type) {
  const auto known = message_subtypes(type);
  if (words.peek().kind == TokenKind::word && !known.empty()) {
    const auto names = names_of(known);
    return static_cast<std::uint8_t>(known[words.choose(names)].number);
  }
  return static_cast<std::uint8_t>(words.number("a subtype", 0, 255));
}

void parse_length(Words& words, bool exact, Message& message) {
  message.length_min = static_cast<std::uint8_t>(words.number("a length", 0, 255));
  message.length_max = message.length_min;
  const Span dots = words.here();
  if (!words.accept("..")) return;
  message.length_max = static_cast<std::uint8_t>(words.number("a length", *message.length_min, 255));
  if (exact) words.fail("E015", dots, "an act needs one length", "a range is for expectations");
}

/// Whether a field is given for the first time. A second time is an error.
bool first_time(Words& words, bool given, std::string_view name) {
  if (given)
    words.fail("E027", words.last(), fmt::format("{} is given twice", name), "leave one of them out");
  return !given;
}

/// The contents of the slot after the message's length.
Payload parse_behind(Words& words, bool exact, const Message& message) {
  Payload behind = parse_payload(words, true);
  const std::uint64_t before = exact && message.payload ? message.payload->size() : 0;
  if (!words.failed() && before + behind.size() > ring::payload_bytes_max) {
    words.fail("E005", behind.span,
               fmt::format("a slot holds {} bytes, and these would end at {}", ring::payload_bytes_max,
                           before + behind.size()),
               "shorten what does not fit");
  }
  return behind;
}

}  // namespace

Payload parse_payload(Words& words, bool exact) {
  const Token& token = words.peek();
  if (token.kind == TokenKind::number) return parse_repeated(words);
  if (begins_payload(token)) return parse_text(words, exact);
  if (token.kind == TokenKind::word) {
    words.fail("E011", token.span, fmt::format("a text is expected here, not \"{}\"", token.text),
               fmt::format("texts are between quotes: \"{}\"", token.text));
  } else {
    words.wrong("a text");
  }
  return {};
}

std::uint8_t parse_message_type(Words& words) {
  if (words.accept("type")) return static_cast<std::uint8_t>(words.number("a message type", 0, 255));
  const auto names = names_of(message_types());
  const Token& token = words.peek();
  if (token.kind == TokenKind::word && !number_of(message_types(), token.text)) {
    words.fail("E011", token.span, fmt::format("there is no message type \"{}\"", token.text),
               suggestion(token.text, names, "types") + ", type N");
    return 0;
  }
  if (token.kind != TokenKind::word) {
    words.wrong("a message type (console)");
    return 0;
  }
  return static_cast<std::uint8_t>(message_types()[words.choose(names)].number);
}

Message parse_message(Words& words, bool exact) {
  Message message;
  message.span = words.here();
  message.response = words.choose({"request", "response"}) == 1;
  message.type = parse_message_type(words);
  while (!words.at_end()) {
    if (words.accept("subtype")) {
      if (first_time(words, message.subtype.has_value(), "subtype"))
        message.subtype = parse_subtype(words, message.type);
    } else if (words.accept("id")) {
      if (first_time(words, message.id.has_value(), "id"))
        message.id = static_cast<std::uint8_t>(words.number("an id", 0, 255));
    } else if (words.accept("length")) {
      if (first_time(words, message.length_min.has_value(), "length")) parse_length(words, exact, message);
    } else if (begins_payload(words.peek())) {
      message.payload = parse_payload(words, exact);
      break;
    } else if (number_of(message_subtypes(message.type), words.peek().text)) {
      words.fail("E014", words.here(), fmt::format("\"{}\" is a subtype", words.peek().text),
                 fmt::format("write: subtype {}", words.peek().text));
      break;
    } else {
      break;
    }
  }
  if (words.accept("behind")) message.behind = parse_behind(words, exact, message);
  message.span = words.since(message.span);
  if (exact && message.payload && message.payload->size() > ring::payload_bytes_max) {
    words.fail(
        "E005", message.payload->span,
        fmt::format("a message holds {} bytes, not {}", ring::payload_bytes_max, message.payload->size()),
        "a written length may be false: length 255");
  }
  return message;
}

}  // namespace ringside::script
