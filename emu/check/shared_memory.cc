// A table of granules by address, and which of them are shared.
#include "emu/check/shared_memory.h"

#include <algorithm>
#include <bit>

#include "emu/check/space.h"

namespace ringside::check {

namespace {

constexpr std::size_t table_begins_with = 1024;

std::uintptr_t number_of(const void* address) {
  return reinterpret_cast<std::uintptr_t>(address) / granule_bytes;
}

}  // namespace

SharedMemory::Granule& SharedMemory::granule(std::uintptr_t number) {
  if (2 * (count_ + 1) > table_.size()) grow();
  const std::size_t mask = table_.size() - 1;
  std::size_t at = (number * 0x9e3779b97f4a7c15u >> 20) & mask;
  while (table_[at].number != number && table_[at].number != 0) at = (at + 1) & mask;
  if (table_[at].number == 0) {
    table_[at].number = number;
    ++count_;
  }
  return table_[at];
}

void SharedMemory::grow() {
  std::vector<Granule> before(std::max(2 * table_.size(), table_begins_with));
  before.swap(table_);
  count_ = 0;
  for (const Granule& each : before) {
    if (each.number != 0) granule(each.number) = each;
  }
}

void SharedMemory::touched(std::uint32_t fiber, const void* address, std::size_t size, bool writes,
                           bool is_atomic) {
  if (size == 0) return;
  const auto* from = static_cast<const std::byte*>(address);
  if (static_cast<std::size_t>(from - own_.address) < own_.bytes) return;
  for (std::uintptr_t number = number_of(from); number <= number_of(from + size - 1); ++number) {
    Granule& it = granule(number);
    it.touched |= static_cast<std::uint8_t>(bit(fiber));
    it.is_written = it.is_written || writes;
    if (!it.is_shared && it.is_written && std::popcount(it.touched) > 1) {
      it.is_shared = true;
      has_new_regions_ = true;
    }
  }
  if (is_atomic) touched_atomic(from, size);
}

/// An access that is not aligned to its size is made byte by byte.
void SharedMemory::touched_atomic(const std::byte* from, std::size_t size) {
  const std::size_t at = reinterpret_cast<std::uintptr_t>(from) % granule_bytes;
  const std::size_t piece = at == 0 && size > granule_bytes ? granule_bytes : at % size == 0 ? size : 1;
  if (piece < size) {
    for (std::size_t i = 0; i < size; i += piece) touched_atomic(from + i, piece);
    return;
  }
  Granule& it = granule(number_of(from));
  if (size <= it.atomic[at]) return;
  it.atomic[at] = static_cast<std::uint8_t>(size);
  has_new_regions_ = has_new_regions_ || it.is_shared;
}

void SharedMemory::touched_shared(const void* address, std::size_t size, bool is_atomic) {
  for (std::uint32_t fiber = 0; fiber < 2; ++fiber) touched(fiber, address, size, true, is_atomic);
}

std::vector<Region> SharedMemory::shared() {
  has_new_regions_ = false;
  std::vector<std::uintptr_t> numbers;
  for (const Granule& each : table_) {
    const auto in_page = each.number * granule_bytes - reinterpret_cast<std::uintptr_t>(page_.address);
    if (each.is_shared && in_page >= page_.bytes) numbers.push_back(each.number);
  }
  std::sort(numbers.begin(), numbers.end());
  std::vector<Region> regions;
  for (const std::uintptr_t number : numbers) {
    auto* address = reinterpret_cast<std::byte*>(number * granule_bytes);
    if (!regions.empty() && regions.back().address + regions.back().bytes == address) {
      regions.back().bytes += granule_bytes;
    } else {
      regions.push_back({address, granule_bytes});
    }
  }
  return regions;
}

std::vector<Region> SharedMemory::words() const {
  std::vector<Region> words;
  for (const Granule& each : table_) {
    if (!each.is_shared) continue;
    std::size_t end = 0;
    for (std::size_t at = 0; at < granule_bytes; ++at) {
      // A word within a larger word is part of it.
      if (each.atomic[at] == 0 || at < end) continue;
      end = at + each.atomic[at];
      words.push_back({reinterpret_cast<std::byte*>(each.number * granule_bytes) + at, each.atomic[at]});
    }
  }
  std::sort(words.begin(), words.end(),
            [](const Region& a, const Region& b) { return a.address < b.address; });
  return words;
}

}  // namespace ringside::check
