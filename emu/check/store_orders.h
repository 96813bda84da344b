// The stores of each word in the order in which all threads see them, for models in which a load may find an
// old value.
//
// A word that is accessed in parts has one such order for each part. It is divided when the first access to a
// part is announced: all earlier accesses were to the whole word, so that each part begins with the same
// order. An access to several parts is one access:
//   - two such stores come in the same order in each part that both write;
//   - a load that finds such a store in one part finds it, or a later one, in each part that it wrote.
// Processors do this for an access that is aligned to its size (Arm's single-copy atomicity). Other accesses
// are made in pieces before they come here (Space::piece_at).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "emu/check/model.h"

namespace ringside::check {

/// The parts that an access touches.
struct Parts {
  std::array<std::uint16_t, word_bytes_max> of = {};
  std::uint32_t count = 0;

  void add(std::uint32_t part) { of[count++] = static_cast<std::uint16_t>(part); }
  [[nodiscard]] bool has(std::uint32_t part) const {
    return std::find(of.begin(), of.begin() + count, part) != of.begin() + count;
  }
};
/// For each part, the index of one of its stores.
using Way = std::array<std::uint16_t, word_bytes_max>;

/// The data of a store that each model needs.
struct StoreBase {
  std::array<std::byte, word_bytes_max> bytes = {};  ///< at their place in the word
  std::uint32_t fiber = fibers_max;                  ///< fibers_max: the initial value
  std::uint32_t number = 0;
  std::uint32_t turn = 0;    ///< the number of the store in the part's order of execution
  std::uint32_t access = 0;  ///< the same in each part that one access wrote
};

/// True: a step of `fiber` with this `past` comes after the store in any order.
[[nodiscard]] inline bool comes_after(std::uint32_t fiber, const Clock& past, const StoreBase& store) {
  return store.fiber == fibers_max || store.fiber == fiber || past[store.fiber] >= store.number;
}

/// The beginning of an enumeration.
enum class First : std::uint8_t {
  executed_last,  ///< the store that a load finds without reordering
  newest,         ///< the place of a store without reordering
};

/// `Stored` derives from StoreBase.
template <class Stored>
class StoreOrders {
 public:
  explicit StoreOrders(const Space& space) : space_(&space), of_word_(space.words().size()) {}

  /// Each word has the value of the space, and is not divided.
  void begin() {
    parts_.clear();
    accesses_ = 0;
    for (std::size_t i = 0; i < of_word_.size(); ++i) {
      const Word& word = space_->words()[i];
      Stored first;
      std::copy_n(space_->at(word.offset), word.size, first.bytes.begin());
      of_word_[i].assign(1, static_cast<std::uint16_t>(i));
      if (stores_.size() <= i) stores_.emplace_back();
      stores_[i].assign(1, first);
      parts_.push_back({word.offset, word.size, static_cast<std::uint16_t>(i), 0});
    }
  }

  /// Divides the words that `op` accesses in part, and calls split(part, the new part after it). False: there
  /// would be more than words_max parts.
  template <class Split>
  [[nodiscard]] bool divide(const Op& op, Split split) {
    if (op.first == op.last) return true;
    const Location& first = space_->location(op.first);
    if (op.last - op.first == 1 && (first.word < 0 || (first.offset == op.offset && first.size == op.size)))
      return true;
    return divide_at(op.offset, split) && divide_at(op.offset + op.size, split);
  }

  [[nodiscard]] Parts parts_of(const Op& op) const {
    Parts parts;
    for (std::uint32_t at = op.first; at < op.last; ++at) {
      const int word = space_->location(at).word;
      if (word < 0) continue;
      for (const std::uint16_t part : of_word_[static_cast<std::size_t>(word)]) {
        if (parts_[part].offset < op.offset + op.size && op.offset < parts_[part].offset + parts_[part].size)
          parts.add(part);
      }
    }
    return parts;
  }

  /// Calls each(part) for those that an await waits for.
  template <class Each>
  void each_watched(const Op& await, Each each) const {
    for (std::uint32_t part = 0; part < count(); ++part) {
      const std::uint16_t location = space_->location_of(parts_[part].offset);
      const auto* const end = await.watched.begin() + await.watched_count;
      if (await.watched_count == 0 || std::find(await.watched.begin(), end, location) != end) each(part);
    }
  }

  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(parts_.size()); }
  [[nodiscard]] const std::vector<Stored>& of(std::uint32_t part) const { return stores_[part]; }
  [[nodiscard]] std::vector<Stored>& of(std::uint32_t part) { return stores_[part]; }
  [[nodiscard]] std::uint32_t word(std::uint32_t part) const { return parts_[part].word; }
  /// The store that was executed last.
  [[nodiscard]] std::uint32_t latest(std::uint32_t part) const { return parts_[part].latest; }
  [[nodiscard]] std::uint32_t newest(std::uint32_t part) const {
    return static_cast<std::uint32_t>(stores_[part].size() - 1);
  }
  /// A number for the stores of one access.
  [[nodiscard]] std::uint32_t next_access() { return ++accesses_; }

  /// Takes the store's bytes from the space and inserts it at `index`.
  Stored& insert(std::uint32_t part, std::uint32_t index, Stored stored) {
    const Part& about = parts_[part];
    const std::uint32_t in_word = about.offset - space_->words()[about.word].offset;
    std::copy_n(space_->at(about.offset), about.size, stored.bytes.begin() + in_word);
    stored.turn = static_cast<std::uint32_t>(stores_[part].size());
    parts_[part].latest = index;
    return *stores_[part].insert(stores_[part].begin() + index, std::move(stored));
  }
  void put_into_space(std::uint32_t part, const Stored& stored) const {
    const Part& about = parts_[part];
    const std::uint32_t in_word = about.offset - space_->words()[about.word].offset;
    std::copy_n(stored.bytes.begin() + in_word, about.size, space_->at(about.offset));
  }
  /// True: the update would not find the expected value.
  [[nodiscard]] bool differs(const Op& op, const Parts& parts, const Way& way) const {
    if (op.expected == nullptr) return false;
    for (std::uint32_t i = 0; i < parts.count; ++i) {
      const Part& about = parts_[parts.of[i]];
      const std::uint32_t in_word = about.offset - space_->words()[about.word].offset;
      const auto* found = stores_[parts.of[i]][way[i]].bytes.data() + in_word;
      if (!std::equal(found, found + about.size, op.expected + (about.offset - op.offset))) return true;
    }
    return false;
  }
  /// Memory after all stores are seen.
  void peek(std::uint32_t offset, std::uint32_t bytes, std::byte* to) const {
    for (std::uint32_t i = 0; i < bytes; ++i) to[i] = *space_->at(offset + i);
    for (std::uint32_t part = 0; part < count(); ++part) {
      const Part& about = parts_[part];
      const std::uint32_t from = std::max(offset, about.offset);
      const std::uint32_t end = std::min(offset + bytes, about.offset + about.size);
      const std::uint32_t word_at = space_->words()[about.word].offset;
      for (std::uint32_t at = from; at < end; ++at)
        to[at - offset] = stores_[part].back().bytes[at - word_at];
    }
  }

  /// True: a load may find all of these stores together.
  [[nodiscard]] bool is_one_load(const Parts& parts, const Way& way) const {
    if (parts.count == 1) return true;
    for (std::uint32_t i = 0; i < parts.count; ++i) {
      const std::uint32_t access = stores_[parts.of[i]][way[i]].access;
      for (std::uint32_t other = 0; other < parts.count; ++other) {
        const auto& stores = stores_[parts.of[other]];
        for (std::size_t later = way[other] + 1u; later < stores.size(); ++later) {
          if (stores[later].access == access) return false;
        }
      }
    }
    return true;
  }
  /// True: a store may come after all of these stores.
  [[nodiscard]] bool is_one_store(const Parts& parts, const Way& way) const {
    if (parts.count == 1) return true;
    for (std::uint32_t i = 0; i < parts.count; ++i) {
      const auto& stores = stores_[parts.of[i]];
      for (std::size_t later = way[i] + 1u; later < stores.size(); ++later) {
        for (std::uint32_t other = 0; other < parts.count; ++other) {
          const auto& others = stores_[parts.of[other]];
          const auto is_it = [&](const Stored& each) { return each.access == stores[later].access; };
          if (std::any_of(others.begin(), others.begin() + way[other] + 1, is_it)) return false;
        }
      }
    }
    return true;
  }

  /// Calls each(way) for each choice of a store in each part, from `oldest` on, until it returns false.
  template <class Each>
  void each_way(const Parts& parts, const Way& oldest, First first, Each each) const {
    Way way = {};
    static_cast<void>(choose(parts, oldest, first, 0, way, each));
  }

 private:
  struct Part {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
    std::uint16_t word = 0;
    std::uint32_t latest = 0;
  };

  template <class Split>
  [[nodiscard]] bool divide_at(std::uint32_t offset, Split split) {
    if (offset == space_->bytes()) return true;
    const int word = space_->word_at(offset);
    if (word < 0) return true;
    auto& parts = of_word_[static_cast<std::size_t>(word)];
    const auto at = std::find_if(parts.begin(), parts.end(), [&](std::uint16_t part) {
      return parts_[part].offset < offset && offset < parts_[part].offset + parts_[part].size;
    });
    if (at == parts.end()) return true;
    const std::uint32_t added = count();
    if (added == words_max) return false;
    const std::uint16_t part = *at;
    parts.insert(at + 1, static_cast<std::uint16_t>(added));
    Part behind = parts_[part];
    behind.size -= offset - behind.offset;
    behind.offset = offset;
    parts_[part].size -= behind.size;
    parts_.push_back(behind);
    if (stores_.size() <= added) stores_.emplace_back();
    stores_[added] = stores_[part];
    split(part, added);
    return true;
  }

  template <class Each>
  [[nodiscard]] bool choose(const Parts& parts, const Way& oldest, First first, std::uint32_t at, Way& way,
                            Each& each) const {
    if (at == parts.count) return each(way);
    const std::uint32_t part = parts.of[at];
    const std::uint32_t latest = parts_[part].latest;
    const bool begins_with_latest = first == First::executed_last && latest >= oldest[at];
    const auto take = [&](std::uint32_t index) {
      way[at] = static_cast<std::uint16_t>(index);
      return choose(parts, oldest, first, at + 1, way, each);
    };
    if (begins_with_latest && !take(latest)) return false;
    for (std::uint32_t index = newest(part) + 1; index-- > oldest[at];) {
      if (!(begins_with_latest && index == latest) && !take(index)) return false;
    }
    return true;
  }

  const Space* space_;
  std::vector<Part> parts_;
  std::vector<std::vector<std::uint16_t>> of_word_;  ///< the parts of each word, in order
  std::vector<std::vector<Stored>> stores_;          ///< of each part; reused for their memory
  std::uint32_t accesses_ = 0;
};

}  // namespace ringside::check
