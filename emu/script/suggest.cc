// The distance between words, and the sentence made of it.
#include "emu/script/suggest.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ringside::script {

namespace {

constexpr std::size_t word_bytes_max = 40;  ///< nobody mistypes longer ones so that it could be told
constexpr std::size_t list_bytes_max = 260;

/// Letters added, lost, changed, or swapped with their neighbour.
std::size_t distance(std::string_view one, std::string_view other) {
  std::vector<std::size_t> before_last(other.size() + 1);
  std::vector<std::size_t> last(other.size() + 1);
  std::vector<std::size_t> row(other.size() + 1);
  for (std::size_t at = 0; at <= other.size(); ++at) row[at] = at;
  for (std::size_t i = 1; i <= one.size(); ++i) {
    before_last = std::exchange(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= other.size(); ++j) {
      const std::size_t changed = last[j - 1] + (one[i - 1] == other[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, changed});
      const bool swapped = i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[other.size()];
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& letter : result) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return result;
}

}  // namespace

std::string_view nearest(std::string_view written, std::span<const std::string_view> known) {
  if (written.empty() || written.size() > word_bytes_max) return {};
  const std::string wanted = lower(written);
  std::string_view best;
  std::size_t best_distance = wanted.size() / 3 + 2;
  for (const std::string_view word : known) {
    if (word.size() > word_bytes_max) continue;
    const std::size_t far = distance(wanted, lower(word));
    if (far < best_distance && far < std::max(word.size(), std::size_t{2})) {
      best = word;
      best_distance = far;
    }
  }
  return best;
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
