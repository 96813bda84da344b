// Finds the known word that the user probably meant by an unknown one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace ringside {

/// The number of letters to insert, remove, replace or swap with their neighbour to turn `from` into `to`.
[[nodiscard]] inline std::size_t edit_distance(std::string_view from, std::string_view to) {
  // The distances from the letters of `from` so far to each prefix of `to`; the same for one letter of `from`
  // less, and for two.
  std::vector<std::size_t> row(to.size() + 1);
  std::vector<std::size_t> before(to.size() + 1);
  std::vector<std::size_t> before_that(to.size() + 1);
  for (std::size_t at = 0; at <= to.size(); ++at) row[at] = at;
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::swap(before_that, before);
    std::swap(before, row);
    row[0] = i + 1;
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t replaced = before[j] + (from[i] == to[j] ? 0 : 1);
      row[j + 1] = std::min({replaced, row[j] + 1, before[j + 1] + 1});
      const bool swapped = i > 0 && j > 0 && from[i] == to[j - 1] && from[i - 1] == to[j];
      if (swapped) row[j + 1] = std::min(row[j + 1], before_that[j - 1] + 1);
    }
  }
  return row.back();
}

/// "messages_queued" for "queued_messages": the parts between '_' and '.' in their order.
[[nodiscard]] inline std::vector<std::string_view> sorted_parts(std::string_view word) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = word.find_first_of("_.");
    parts.push_back(word.substr(0, end));
    if (end == std::string_view::npos) break;
    word.remove_prefix(end + 1);
  }
  std::ranges::sort(parts);
  return parts;
}

/// The one of `words` that has the same parts in another order, or else that needs the fewest changes, if
/// these are at most a third of its letters (one change is always allowed). Otherwise the first of `words`
/// that contains `word`, if `word` has at least three letters. Empty: none is close.
template <class Words>
[[nodiscard]] std::string_view nearest(std::string_view word, const Words& words) {
  std::string_view best;
  std::size_t best_distance = 0;
  for (const std::string_view known : words) {
    if (sorted_parts(word) == sorted_parts(known)) return known;
    const std::size_t distance = edit_distance(word, known);
    const bool near = distance <= std::max<std::size_t>(1, known.size() / 3);
    if (near && (best.empty() || distance < best_distance)) {
      best = known;
      best_distance = distance;
    }
  }
  constexpr std::size_t part_letters_min = 3;
  if (!best.empty() || word.size() < part_letters_min) return best;
  for (const std::string_view known : words) {
    if (known.find(word) != std::string_view::npos) return known;
  }
  return best;
}

}  // namespace ringside
