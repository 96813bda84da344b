// Memory outside the page that more than one fiber accesses: globals, the heap, objects that pointers lead
// to, another fiber's stack. Memory that one fiber alone uses is private. Memory that proves to be shared
// becomes part of the space, and the search restarts.
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

class SharedMemory {
 public:
  /// The most shared bytes outside the page: a search over more would not end.
  static constexpr std::size_t bytes_max = 65536;

  /// Memory of which each fiber has its own copy at the same addresses.
  void set_own(Region own) { own_ = own; }
  /// The page, which is in the space anyway: only its words are reported.
  void set_page(Region page) { page_ = page; }

  /// `fiber` accesses memory that is not in the space. `is_atomic`: as a synchronization.
  void touched(std::uint32_t fiber, const void* address, std::size_t size, bool writes, bool is_atomic);
  /// The same for memory that is known to be shared, such as another fiber's stack, or for new words in the
  /// space.
  void touched_shared(const void* address, std::size_t size, bool is_atomic);

  /// Shared memory was found since the last call of shared().
  [[nodiscard]] bool has_new_regions() const { return has_new_regions_; }
  /// All shared memory so far, sorted by address and without overlaps, in whole granules.
  [[nodiscard]] std::vector<Region> shared();
  /// The words in it: the places of atomic operations, without overlaps.
  [[nodiscard]] std::vector<Region> words() const;

 private:
  struct Granule {
    std::uintptr_t number = 0;  ///< its address in granules; 0: unused
    std::uint8_t touched = 0;   ///< a bit for each fiber
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
  bool has_new_regions_ = false;
};

}  // namespace ringside::check
