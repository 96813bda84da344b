// The bytes that the fibers share, divided into locations: two accesses can depend on each other only if they
// touch the same location. A declared word is one location; all other bytes are divided into granules of 8
// bytes, so that a slot has few of them. Memory outside the page that proves to be shared follows the page
// (see shared_memory.h). Locations without bytes follow: the two events, the order of full barriers, and "any
// store", for fibers that wait for one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "emu/base/check.h"
#include "emu/check/shared_memory.h"

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
  std::int16_t word = -1;  ///< the index of its word, or -1: payload
};

/// Words of the table and words that were found.
inline constexpr std::uint32_t words_max = 64;
inline constexpr std::uint32_t word_bytes_max = 16;
inline constexpr std::uint32_t granule_bytes = 8;
inline constexpr std::uint32_t space_bytes_max = 65536 + 65536;
/// Locations without bytes.
inline constexpr std::uint32_t special_locations = 4;

class Space {
 public:
  /// A word that was found, in or outside the page.
  struct Found {
    std::string name;
    Region place;
  };

  /// `page` is the shared page, aligned to granules (or empty); `regions` is the shared memory outside it, in
  /// whole granules. Words of the table must be in the page, aligned, and not overlap; a found word that
  /// overlaps one is left out.
  [[nodiscard]] static Result<Space> make(std::span<std::byte> page, std::vector<Word> words,
                                          const std::vector<Region>& regions = {},
                                          const std::vector<Found>& found = {});

  [[nodiscard]] std::uint32_t bytes() const {
    return regions_at_ + static_cast<std::uint32_t>(addresses_.size());
  }
  [[nodiscard]] std::uint32_t page_bytes() const { return page_bytes_; }
  [[nodiscard]] std::byte* at(std::uint32_t offset) const {
    return offset < regions_at_ ? page_ + offset : addresses_[offset - regions_at_];
  }
  /// Copies all bytes, by offset.
  void copy_to(std::byte* to) const;
  /// True when [address, address + size) lies in the space; then `offset` is where.
  [[nodiscard]] bool find(const void* address, std::size_t size, std::uint32_t& offset) const {
    const auto* from = static_cast<const std::byte*>(address);
    // Unsigned, so that one comparison checks both ends.
    const auto in_page = static_cast<std::size_t>(from - page_);
    if (in_page < page_bytes_ && size <= page_bytes_ - in_page) {
      offset = static_cast<std::uint32_t>(in_page);
      return true;
    }
    std::uint32_t at = regions_at_;
    for (const Region& region : regions_) {
      const auto in_region = static_cast<std::size_t>(from - region.address);
      if (in_region < region.bytes && size <= region.bytes - in_region) {
        offset = at + static_cast<std::uint32_t>(in_region);
        return true;
      }
      at += region.bytes;
    }
    return false;
  }
  /// True if a region outside the page contains one of the bytes.
  [[nodiscard]] bool touches_region(const void* address, std::size_t size) const;
  /// True if [address, address + size) is partly in the page and partly outside.
  [[nodiscard]] bool crosses_edge(const void* address, std::size_t size) const;

  [[nodiscard]] std::uint16_t location_of(std::uint32_t offset) const { return of_byte_[offset]; }
  [[nodiscard]] const Location& location(std::uint32_t number) const { return locations_[number]; }
  /// Including those without bytes.
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

  /// A load or store that touches words and that processors do not make as one access: it is not aligned, too
  /// large, or a block.
  [[nodiscard]] bool is_in_pieces(const Op& op) const {
    const bool is_aligned = (op.size & (op.size - 1)) == 0 && (op.offset & (op.size - 1)) == 0;
    const bool is_one =
        is_aligned && (op.size <= granule_bytes || (op.size == word_bytes_max && op.order != Order::plain));
    return (op.kind == OpKind::load || op.kind == OpKind::store) && (op.is_block || !is_one) &&
           touches_word(op.offset, op.size);
  }
  /// The size of the piece of such an access that begins at `offset`. A block is copied word by word where it
  /// covers words; other accesses byte by byte.
  [[nodiscard]] std::uint32_t piece_at(const Op& op, std::uint32_t offset) const;

  [[nodiscard]] const std::vector<Word>& words() const { return words_; }
  /// The number of the word that [offset, offset + size) touches, or -1.
  [[nodiscard]] int word_at(std::uint32_t offset) const { return locations_[of_byte_[offset]].word; }
  [[nodiscard]] bool is_within_word(std::uint32_t offset, std::uint32_t size) const {
    const Location& it = locations_[of_byte_[offset]];
    return it.word >= 0 && offset + size <= it.offset + it.size;
  }

 private:
  Space() = default;
  [[nodiscard]] Result<> add_found(const std::vector<Found>& found, std::vector<Word>& words) const;
  void cut(std::uint32_t from, std::uint32_t to);
  [[nodiscard]] bool touches_word(std::uint32_t offset, std::uint32_t size) const;

  std::byte* page_ = nullptr;
  std::uint32_t page_bytes_ = 0;
  std::uint32_t regions_at_ = 0;  ///< the offset of the regions: the page's end, rounded up to a granule
  std::vector<Region> regions_;
  std::vector<std::byte*> addresses_;  ///< of each byte in the regions
  std::vector<Word> words_;
  std::vector<Location> locations_;
  std::vector<std::uint16_t> of_byte_;
};

}  // namespace ringside::check
