// Frames of other domains, mapped one after another, as libxengnttab and libxenforeignmemory return them.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <vector>

#include "tools/modern/link.h"

namespace ringside::modern {

/// Address space for some frames; each is mapped into its place. Unmapped by the destructor.
class Pages {
 public:
  /// EINVAL: no pages, or more than `pages_max`. The places without a frame cannot be accessed.
  [[nodiscard]] static Result<Pages> reserve(std::size_t pages);
  Pages(Pages&& other) noexcept
      : address_(std::exchange(other.address_, nullptr)), pages_(std::exchange(other.pages_, 0)) {}
  Pages& operator=(Pages&&) = delete;
  ~Pages();

  /// `protection` as for mmap. EACCES: the frame may only be read.
  [[nodiscard]] Result<> place(std::size_t index, const HypercallReply& reply, int protection);
  [[nodiscard]] std::byte* address() const { return address_; }
  [[nodiscard]] std::size_t pages() const { return pages_; }

 private:
  Pages(std::byte* address, std::size_t pages) : address_(address), pages_(pages) {}
  std::byte* address_;
  std::size_t pages_;
};

inline constexpr std::size_t pages_max = 65536;

/// The mappings of one handle, by address, with what has to be kept as long as each of them.
template <class Kept>
class Mapped {
 public:
  void* add(Pages pages, Kept kept) {
    const std::lock_guard held(lock_);
    void* address = pages.address();
    mapped_.emplace(address, Entry{std::move(kept), std::move(pages)});
    return address;
  }
  /// EINVAL: no mapping of that many pages begins there. Unmaps, and returns what was kept.
  [[nodiscard]] Result<Kept> remove(void* address, std::size_t pages) {
    const std::lock_guard held(lock_);
    const auto found = mapped_.find(address);
    if (found == mapped_.end() || found->second.pages.pages() != pages) return error_of(EINVAL);
    Kept kept = std::move(found->second.kept);
    mapped_.erase(found);
    return kept;
  }

 private:
  struct Entry {
    Kept kept;
    Pages pages;
  };
  std::mutex lock_;
  std::map<void*, Entry> mapped_;
};

}  // namespace ringside::modern
