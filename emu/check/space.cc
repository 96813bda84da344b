// The location of each byte, computed once for a ring.
#include "emu/check/space.h"

#include <algorithm>

namespace ringside::check {

namespace {

Error bad_word(const Word& word, std::string why, std::string advice) {
  return {EINVAL, "a ring's table is wrong", fmt::format("word \"{}\"", word.name), std::move(why),
          std::move(advice)};
}

}  // namespace

Result<Space> Space::make(std::span<std::byte> page, std::vector<Word> words,
                          const std::vector<Region>& regions, const std::vector<Found>& found) {
  if (page.size() > 65536) {
    return Error{EINVAL, "a ring's table is wrong", "page_bytes",
                 fmt::format("{} bytes cannot be watched", page.size()), "at most 65536"};
  }
  Space space;
  space.page_ = page.data();
  space.page_bytes_ = static_cast<std::uint32_t>(page.size());
  space.regions_at_ = (space.page_bytes_ + granule_bytes - 1) / granule_bytes * granule_bytes;
  space.regions_ = regions;
  for (const Region& region : regions) {
    for (std::uint32_t i = 0; i < region.bytes; ++i) space.addresses_.push_back(region.address + i);
  }
  if (space.addresses_.size() > SharedMemory::bytes_max) {
    return Error{EINVAL, "a ring cannot be checked", "memory beside the page",
                 fmt::format("its ends share {} bytes of it", space.addresses_.size()),
                 fmt::format("at most {} can be searched", SharedMemory::bytes_max)};
  }
  if (auto added = space.add_found(found, words); !added) return added.error();
  std::sort(words.begin(), words.end(), [](const Word& a, const Word& b) { return a.offset < b.offset; });
  space.of_byte_.resize(space.bytes());
  std::uint32_t reached = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const Word& word = words[i];
    if (word.size != 1 && word.size != 2 && word.size != 4 && word.size != 8 && word.size != word_bytes_max)
      return bad_word(word, fmt::format("it has {} bytes", word.size), "1, 2, 4, 8 or 16");
    if (word.offset % word.size != 0)
      return bad_word(word, fmt::format("offset {} is no multiple of its {} bytes", word.offset, word.size),
                      "an access to it would not be one access");
    if (word.offset < space.page_bytes_ && word.offset + word.size > space.page_bytes_)
      return bad_word(word,
                      fmt::format("offset {} is outside the page of {} bytes", word.offset, page.size()), "");
    if (word.offset < reached)
      return bad_word(word, fmt::format("it overlaps \"{}\"", words[i - 1].name),
                      "each byte belongs to one word");
    space.cut(reached, word.offset);
    for (std::uint32_t byte = word.offset; byte < word.offset + word.size; ++byte)
      space.of_byte_[byte] = static_cast<std::uint16_t>(space.locations_.size());
    space.locations_.push_back(
        {word.offset, static_cast<std::uint16_t>(word.size), static_cast<std::int16_t>(i)});
    reached = word.offset + word.size;
  }
  space.cut(reached, space.bytes());
  space.words_ = std::move(words);
  return space;
}

/// The words that were found are added, unless they overlap a word of the table.
Result<> Space::add_found(const std::vector<Found>& found, std::vector<Word>& words) const {
  const std::size_t declared = words.size();
  for (const Found& each : found) {
    Word word{each.name, 0, each.place.bytes};
    if (!find(each.place.address, word.size, word.offset)) continue;
    const bool overlaps = std::any_of(
        words.begin(), words.begin() + static_cast<std::ptrdiff_t>(declared), [&](const Word& other) {
          return word.offset < other.offset + other.size && other.offset < word.offset + word.size;
        });
    if (!overlaps) words.push_back(std::move(word));
  }
  if (words.size() <= words_max) return Done{};
  return Error{EINVAL, "a ring cannot be checked", "its shared words",
               fmt::format("it synchronises by {} atomic variables", words.size()),
               fmt::format("at most {} can be searched", words_max)};
}

void Space::copy_to(std::byte* to) const {
  to = std::copy_n(page_, regions_at_, to);
  for (const Region& region : regions_) to = std::copy_n(region.address, region.bytes, to);
}

bool Space::touches_region(const void* address, std::size_t size) const {
  const auto* from = static_cast<const std::byte*>(address);
  return std::any_of(regions_.begin(), regions_.end(), [&](const Region& region) {
    return from < region.address + region.bytes && from + size > region.address;
  });
}

/// Payload from `from` to `to`, in granules.
void Space::cut(std::uint32_t from, std::uint32_t to) {
  while (from < to) {
    const std::uint32_t end = std::min(to, (from / granule_bytes + 1) * granule_bytes);
    for (std::uint32_t byte = from; byte < end; ++byte)
      of_byte_[byte] = static_cast<std::uint16_t>(locations_.size());
    locations_.push_back({from, static_cast<std::uint16_t>(end - from), -1});
    from = end;
  }
}

bool Space::touches_word(std::uint32_t offset, std::uint32_t size) const {
  for (std::uint32_t at = location_of(offset); at <= location_of(offset + size - 1); ++at) {
    if (locations_[at].word >= 0) return true;
  }
  return false;
}

std::uint32_t Space::piece_at(const Op& op, std::uint32_t offset) const {
  if (!op.is_block && op.size == word_bytes_max && op.offset % granule_bytes == 0) return granule_bytes;
  const std::uint32_t end = op.offset + op.size;
  const Location& it = location(location_of(offset));
  const std::uint32_t to_end = std::min(end, it.offset + it.size) - offset;
  if (it.word < 0) return to_end;
  const bool is_covered = op.offset <= it.offset && it.offset + it.size <= end;
  return op.is_block && is_covered ? std::min(to_end, granule_bytes) : 1;
}

bool Space::crosses_edge(const void* address, std::size_t size) const {
  const auto* from = static_cast<const std::byte*>(address);
  const auto* to = from + size;
  const bool touches = from < page_ + page_bytes_ && to > page_;
  return touches && (from < page_ || to > page_ + page_bytes_);
}

}  // namespace ringside::check
