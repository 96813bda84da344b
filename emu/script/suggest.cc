// Finds similar words, and makes a hint of them.
#include "emu/script/suggest.h"

#include <fmt/format.h>

#include "emu/base/nearest.h"

namespace ringside::script {

namespace {

constexpr std::size_t word_bytes_max = 40;  ///< longer words are not compared
constexpr std::size_t list_bytes_max = 260;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& letter : result) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return result;
}

}  // namespace

std::string_view nearest(std::string_view written, std::span<const std::string_view> known) {
  if (written.size() > word_bytes_max) return {};
  const std::string_view near = ringside::nearest(written, known);
  return near.empty() ? ringside::nearest(lower(written), known) : near;
}

std::string suggestion(std::string_view written, std::span<const std::string_view> known,
                       std::string_view list_of) {
  const std::string_view near = nearest(written, known);
  std::string text = near.empty() ? "" : fmt::format("did you mean \"{}\"?", near);
  if (known.empty()) return text;
  const std::string list = fmt::format("{}: {}", list_of, fmt::join(known, ", "));
  if (list.size() <= list_bytes_max) text += (text.empty() ? "" : "  ") + list;
  return text;
}

std::string suggestion(std::string_view written, const std::vector<std::string>& known,
                       std::string_view list_of) {
  const std::vector<std::string_view> views(known.begin(), known.end());
  return suggestion(written, views, list_of);
}

std::string alternatives(std::span<const std::string_view> words) {
  std::string text;
  for (std::size_t at = 0; at < words.size(); ++at) {
    const std::string_view between = at == 0 ? "" : at + 1 == words.size() ? " or " : ", ";
    text += fmt::format("{}{}", between, words[at]);
  }
  return text;
}

}  // namespace ringside::script
