// Regular expressions, by RE2.
#include "emu/script/expression.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

namespace ringside::script {

namespace {

/// Limits the cost of compiling and keeping a pattern. A larger pattern is refused.
constexpr std::int64_t compiled_bytes_max = 1 << 20;

/// RE2's message, with the part of the pattern that it is about. RE2 reports that part in UTF-8, whatever the
/// pattern's bytes are, so a part that is not plain ASCII is left out.
std::string reason(const re2::RE2& compiled) {
  const std::string& text = compiled.error();
  const std::string& part = compiled.error_arg();
  const bool plain = std::ranges::all_of(part, [](char byte) { return byte >= ' ' && byte <= '~'; });
  const std::string tail = ": " + part;
  return !plain && text.ends_with(tail) ? text.substr(0, text.size() - tail.size()) : text;
}

std::optional<Found> match(const re2::RE2& compiled, std::string_view bytes, std::size_t from,
                           re2::RE2::Anchor anchor) {
  if (from > bytes.size()) return {};
  re2::StringPiece found;
  const re2::StringPiece text(bytes.data(), bytes.size());
  if (!compiled.Match(text, from, bytes.size(), anchor, &found, 1)) return {};
  const auto begin = static_cast<std::size_t>(found.data() - bytes.data());
  return Found{begin, begin + found.size()};
}

}  // namespace

Expression::Expression(std::unique_ptr<re2::RE2> compiled) : compiled_(std::move(compiled)) {}
Expression::Expression(Expression&&) noexcept = default;
Expression::~Expression() = default;

Result<Expression> Expression::compile(std::string_view pattern) {
  re2::RE2::Options options;
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  options.set_log_errors(false);
  options.set_max_mem(compiled_bytes_max);
  auto compiled = std::make_unique<re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!compiled->ok())
    return Error{0, "cannot compile a pattern", std::string(pattern), reason(*compiled), ""};
  return Expression(std::move(compiled));
}

std::optional<Found> Expression::search(std::string_view bytes, std::size_t from) const {
  return match(*compiled_, bytes, from, re2::RE2::UNANCHORED);
}

std::optional<std::size_t> Expression::leads(std::string_view bytes) const {
  const auto found = match(*compiled_, bytes, 0, re2::RE2::ANCHOR_START);
  if (!found) return {};
  return found->end;
}

}  // namespace ringside::script
