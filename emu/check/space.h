// The bytes that the fibers share, cut into locations: two accesses can matter to each other only if they
// touch the same location. A declared word is one location; everything else is cut into granules of 8 bytes,
// so that a slot is few of them. Behind the bytes come locations without bytes: the two events, the order of
// full barriers, and "anything was written" for those who wait for that.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "emu/base/check.h"

namespace ringside::check {

/// A word by which fibers synchronise; offset in the space.
struct Word {
  std::string name;
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
};

struct Location {
  std::uint32_t offset = 0;
  std::uint16_t size = 0;
  std::int16_t word = -1;  ///< its number among the words, or -1: payload
};

inline constexpr std::uint32_t words_max = 32;
inline constexpr std::uint32_t granule_bytes = 8;
inline constexpr std::uint32_t space_bytes_max = 65536 + 65536;
/// Locations without bytes.
inline constexpr std::uint32_t special_locations = 4;

class Space {
 public:
  /// `page` is what the ends share; `also` other memory in which their accesses are to be seen (may be
  /// empty). Words must lie in the page, aligned, and not overlap.
  [[nodiscard]] static Result<Space> make(std::span<std::byte> page, std::vector<Word> words,
                                          std::span<std::byte> also = {});

  [[nodiscard]] std::uint32_t bytes() const { return page_bytes_ + also_bytes_; }
  [[nodiscard]] std::uint32_t page_bytes() const { return page_bytes_; }
  [[nodiscard]] std::byte* at(std::uint32_t offset) const {
    return offset < page_bytes_ ? page_ + offset : also_ + (offset - page_bytes_);
  }
  /// True when [address, address + size) lies in the space; then `offset` is where.
  [[nodiscard]] bool find(const void* address, std::size_t size, std::uint32_t& offset) const {
    const auto* from = static_cast<const std::byte*>(address);
    // Unsigned, so that one comparison does for both ends.
    const auto in_page = static_cast<std::size_t>(from - page_);
    if (in_page < page_bytes_ && size <= page_bytes_ - in_page) {
      offset = static_cast<std::uint32_t>(in_page);
      return true;
    }
    const auto in_also = static_cast<std::size_t>(from - also_);
    if (in_also >= also_bytes_ || size > also_bytes_ - in_also) return false;
    offset = page_bytes_ + static_cast<std::uint32_t>(in_also);
    return true;
  }
  /// True when [address, address + size) begins or ends in the page without lying in it.
  [[nodiscard]] bool crosses_edge(const void* address, std::size_t size) const;

  [[nodiscard]] std::uint16_t location_of(std::uint32_t offset) const { return of_byte_[offset]; }
  [[nodiscard]] const Location& location(std::uint32_t number) const { return locations_[number]; }
  /// With those without bytes.
  [[nodiscard]] std::uint32_t location_count() const {
    return static_cast<std::uint32_t>(locations_.size()) + special_locations;
  }
  [[nodiscard]] std::uint16_t event_location(std::uint32_t side) const {
    return static_cast<std::uint16_t>(locations_.size() + side);
  }
  [[nodiscard]] std::uint16_t fence_location() const {
    return static_cast<std::uint16_t>(locations_.size() + 2);
  }
  [[nodiscard]] std::uint16_t change_location() const {
    return static_cast<std::uint16_t>(locations_.size() + 3);
  }

  [[nodiscard]] const std::vector<Word>& words() const { return words_; }
  /// The number of the word that [offset, offset + size) touches, or -1.
  [[nodiscard]] int word_at(std::uint32_t offset) const { return locations_[of_byte_[offset]].word; }

 private:
  Space() = default;
  void cut(std::uint32_t from, std::uint32_t to);

  std::byte* page_ = nullptr;
  std::byte* also_ = nullptr;
  std::uint32_t page_bytes_ = 0;
  std::uint32_t also_bytes_ = 0;
  std::vector<Word> words_;
  std::vector<Location> locations_;
  std::vector<std::uint16_t> of_byte_;
};

}  // namespace ringside::check
