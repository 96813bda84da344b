// Memory beside the page that more than one fiber touches: globals, the heap, what is pointed to, another
// fiber's stack. Whatever one fiber alone uses is its own affair. What turns out to be shared becomes part of
// the space, and the search begins anew.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "emu/check/op.h"

namespace ringside::check {

/// [address, address + bytes)
struct Region {
  std::byte* address = nullptr;
  std::uint32_t bytes = 0;
  bool operator==(const Region&) const = default;
};

class Elsewhere {
 public:
  /// More is no ring's way to synchronise, and no search would end.
  static constexpr std::size_t bytes_max = 65536;

  /// Memory that each fiber has its own of, though the addresses are the same.
  void set_own(Region own) { own_ = own; }
  /// The page, which is in the space anyway: of it only the words are told.
  void set_page(Region page) { page_ = page; }

  /// `fiber` accesses memory that is not in the space. `is_atomic`: it synchronises by it.
  void touched(std::uint32_t fiber, const void* address, std::size_t size, bool writes, bool is_atomic);
  /// The same of memory that is known to be shared, as another fiber's stack is, or more of what is in the
  /// space already.
  void touched_shared(const void* address, std::size_t size, bool is_atomic);

  /// Something was found since the last call of shared().
  [[nodiscard]] bool has_news() const { return has_news_; }
  /// All that is shared so far, in the order of its addresses and apart from each other, in whole granules.
  [[nodiscard]] std::vector<Region> shared();
  /// The words in it: what was accessed by atomic operations, apart from each other.
  [[nodiscard]] std::vector<Region> words() const;

 private:
  struct Granule {
    std::uintptr_t number = 0;  ///< its address in granules; 0: there is none here
    std::uint8_t touched = 0;   ///< by fiber
    bool is_written = false;
    bool is_shared = false;
    std::array<std::uint8_t, 8> atomic =
        {};  ///< of the largest atomic access that begins at each byte: its size
  };

  void touched_atomic(const std::byte* from, std::size_t size);
  Granule& granule(std::uintptr_t number);
  void grow();

  Region own_;
  Region page_;
  std::vector<Granule> table_;
  std::size_t count_ = 0;
  bool has_news_ = false;
};

}  // namespace ringside::check
