// A bounded first-in first-out queue of bytes, for every place where bytes wait. The queue allocates its
// storage once, or the caller lends it storage that outlives the queue.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "emu/base/check.h"

namespace ringside {

class ByteQueue {
 public:
  /// The storage is not initialised, so that its pages use no memory before they hold bytes: most queues are
  /// far larger than their contents.
  explicit ByteQueue(std::size_t bytes_max)
      : own_(std::make_unique_for_overwrite<std::uint8_t[]>(bytes_max)), storage_(own_.get(), bytes_max) {
    RS_CHECK(bytes_max > 0);
  }
  /// Uses the caller's storage, which must outlive the queue and may hold bytes already: `size` bytes from
  /// `first` on.
  ByteQueue(std::span<std::uint8_t> storage, std::size_t first, std::size_t size)
      : storage_(storage), first_(first), size_(size) {
    RS_CHECK(!storage.empty() && first < storage.size() && size <= storage.size());
  }
  ByteQueue(const ByteQueue&) = delete;
  ByteQueue& operator=(const ByteQueue&) = delete;
  ByteQueue(ByteQueue&&) = default;
  ByteQueue& operator=(ByteQueue&&) = default;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t capacity() const { return storage_.size(); }
  [[nodiscard]] std::size_t room() const { return storage_.size() - size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] bool full() const { return room() == 0; }
  /// The position of the oldest byte in the storage.
  [[nodiscard]] std::size_t first() const { return first_; }

  /// Appends as many bytes as fit, and returns their number.
  std::size_t push(std::span<const std::uint8_t> bytes) {
    const std::size_t count = std::min(bytes.size(), room());
    std::size_t done = 0;
    while (done < count) {
      const std::size_t at = (first_ + size_) % storage_.size();
      const std::size_t piece = std::min(count - done, storage_.size() - at);
      std::memcpy(storage_.data() + at, bytes.data() + done, piece);
      size_ += piece;
      done += piece;
    }
    return count;
  }

  /// Puts `bytes` before the oldest, as if they had never been removed. They must fit: at most room().
  void push_front(std::span<const std::uint8_t> bytes) {
    RS_CHECK(bytes.size() <= room());
    first_ = (first_ + storage_.size() - bytes.size()) % storage_.size();
    size_ += bytes.size();
    const std::size_t piece = std::min(bytes.size(), storage_.size() - first_);
    std::ranges::copy(bytes.first(piece), storage_.begin() + static_cast<std::ptrdiff_t>(first_));
    std::ranges::copy(bytes.subspan(piece), storage_.begin());
  }

  /// Appends all, discarding the oldest bytes to make room. Returns how many were discarded; they include
  /// some of `bytes` itself when it is longer than the queue.
  std::size_t push_over(std::span<const std::uint8_t> bytes) {
    const std::size_t excess = bytes.size() > capacity() ? bytes.size() - capacity() : 0;
    const auto kept = bytes.subspan(excess);
    const std::size_t discarded = kept.size() > room() ? kept.size() - room() : 0;
    drop(discarded);
    push(kept);
    return excess + discarded;
  }

  /// The oldest bytes that are contiguous: up to size(), fewer where the storage wraps. Valid until the next
  /// change.
  [[nodiscard]] std::span<const std::uint8_t> front() const {
    return {storage_.data() + first_, std::min(size_, storage_.size() - first_)};
  }

  /// Copies bytes from `offset` on, as many as exist and fit. Returns their number.
  std::size_t copy(std::size_t offset, std::span<std::uint8_t> into) const {
    RS_CHECK(offset <= size_);
    const std::size_t count = std::min(into.size(), size_ - offset);
    for (std::size_t done = 0; done < count;) {
      const std::size_t at = (first_ + offset + done) % storage_.size();
      const std::size_t piece = std::min(count - done, storage_.size() - at);
      std::memcpy(into.data() + done, storage_.data() + at, piece);
      done += piece;
    }
    return count;
  }

  /// Removes the oldest `count` <= size() bytes.
  void drop(std::size_t count) {
    RS_CHECK(count <= size_);
    first_ = (first_ + count) % storage_.size();
    size_ -= count;
  }

  void clear() { first_ = size_ = 0; }

 private:
  std::unique_ptr<std::uint8_t[]> own_;
  std::span<std::uint8_t> storage_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace ringside
