// Counts the accesses of the steps of one execution.
#include "emu/check/usage.h"

#include <algorithm>

#include "emu/check/explore.h"

namespace ringside::check {

namespace {

class Counter final : public Observer {
 public:
  Counter(const Space& space, const ring_check_ring& ring)
      : ring_(&ring), reads_(space.location_count()), writes_(space.location_count()) {
    for (std::uint32_t i = 0; i < ring.word_count; ++i) {
      const ring_check_word& word = ring.words[i];
      if (word.kind == RING_CHECK_REQ_INDEX || word.kind == RING_CHECK_RSP_INDEX)
        indices_.push_back({word.offset, word.size, 0});
    }
    for (Index& index : indices_) std::memcpy(&index.value, space.at(index.offset), index.size);
  }

  void happened(const Execution& execution, std::uint32_t actor, const Op& op, std::uint32_t,
                std::uint32_t) override {
    const Space& space = execution.space();
    // A store counts when it is made, not when it reaches memory.
    if (actor >= fibers_max || (!op.reads() && !op.writes())) return;
    const std::uint32_t last = space.location_of(op.offset + op.size - 1);
    for (std::uint32_t location = space.location_of(op.offset); location <= last; ++location) {
      if (op.reads()) ++reads_[location];
      if (op.writes()) ++writes_[location];
    }
    for (Index& index : indices_) {
      if (!op.writes() || index.offset != op.offset) continue;
      std::uint64_t now = 0;
      std::memcpy(&now, space.at(index.offset), index.size);
      wrapped_ = wrapped_ || now < index.value;
      index.value = now;
    }
  }

  [[nodiscard]] Usage usage(const Space& space) const {
    Usage usage;
    usage.wrapped = wrapped_;
    std::vector<bool> slot_written(ring_->slot_bytes == 0 ? 0 : ring_->slots);
    for (std::size_t i = 0; i < writes_.size() - special_locations; ++i) {
      const Location& location = space.location(static_cast<std::uint32_t>(i));
      if (location.word >= 0 || writes_[i] == 0) continue;
      ++usage.places;
      // A place that is never read is not part of a message.
      if (writes_[i] == 1 || reads_[i] == 1) ++usage.once;
      if (ring_->slot_bytes == 0 || location.offset < ring_->slots_offset) continue;
      const std::size_t slot = (location.offset - ring_->slots_offset) / ring_->slot_bytes;
      if (slot < slot_written.size()) slot_written[slot] = true;
    }
    usage.slots_unused =
        static_cast<std::uint32_t>(std::count(slot_written.begin(), slot_written.end(), false));
    return usage;
  }

 private:
  struct Index {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
    std::uint64_t value = 0;
  };
  const ring_check_ring* ring_;
  std::vector<std::uint32_t> reads_;
  std::vector<std::uint32_t> writes_;
  std::vector<Index> indices_;
  bool wrapped_ = false;
};

}  // namespace

Usage together(const Usage& one, const Usage& other) {
  const auto rank = [](const Usage& usage) {
    return std::pair(usage.places, -static_cast<std::int64_t>(usage.once));
  };
  Usage both = rank(one) < rank(other) ? other : one;
  both.slots_unused = std::min(one.slots_unused, other.slots_unused);
  both.full = one.full || other.full;
  both.empty = one.empty || other.empty;
  both.wrapped = one.wrapped || other.wrapped;
  return both;
}

std::string missing_in(const Usage& usage, const ring_check_ring& ring) {
  std::string text;
  const auto say = [&](std::string_view what) { text += (text.empty() ? "" : ", ") + std::string(what); };
  if (usage.slots_unused > 0)
    say(fmt::format("{} of {} slots are never used", usage.slots_unused, ring.slots));
  if (usage.places == 0) {
    say("no write to a slot was seen");
  } else if (usage.once > 0) {
    say(fmt::format("{} of {} places in the slots are used once only", usage.once, usage.places));
  }
  if (!usage.full) say("the ring is never full");
  if (!usage.empty) say("it is never empty");
  // An index of 8 bytes never wraps in an execution.
  const bool has_index =
      std::any_of(ring.words, ring.words + ring.word_count, [](const ring_check_word& word) {
        return word.size < 8 && (word.kind == RING_CHECK_REQ_INDEX || word.kind == RING_CHECK_RSP_INDEX);
      });
  if (has_index && !usage.wrapped) say("no index wraps");
  return text;
}

Usage usage_of(Execution& execution, RingProgram& program, const ring_check_ring& ring, End& end) {
  Counter counter(execution.space(), ring);
  Replay plain_order({});
  end = execution.run(plain_order, &counter);
  Usage usage = counter.usage(execution.space());
  usage.full = program.was_full();
  usage.empty = program.was_empty();
  return usage;
}

}  // namespace ringside::check
