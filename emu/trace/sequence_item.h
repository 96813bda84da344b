// The parts of a sequence while it is being made: the order of its lanes, and an item that may still grow.
//
// Only sequence.cc includes it.
#pragma once

#include <fmt/format.h>

#include <compare>
#include <cstdint>
#include <string>

#include "emu/trace/sequence.h"

namespace ringside::trace {

/// The sort order of lanes: along the path, and domains one after the other.
struct SequenceLaneKey {
  std::uint32_t rank = 0;
  std::uint32_t domain = 0;
  std::uint32_t part = 0;

  friend auto operator<=>(const SequenceLaneKey&, const SequenceLaneKey&) = default;
};

inline constexpr std::uint32_t rank_of_domains = 100;
enum DomainPart : std::uint32_t { part_page, part_kernel, part_tty, part_program };

inline SequenceLaneKey sequence_lane_of(Role role, std::uint32_t number) {
  switch (role) {
    case Role::user:
      return {0, number, 0};
    case Role::uart:
      return {1, 0, 0};
    case Role::xen:
      return {2, 0, 0};
    case Role::dom0:
      return {3, 0, 0};
    case Role::client:
      return {5, number, 0};
    case Role::xend:
      return {6, 0, 0};
    case Role::xenctld:
      return {7, 0, 0};
    case Role::xenconsoled:
      return {8, 0, 0};
    case Role::xcs:
      return {9, 0, 0};
    case Role::domain:
      return {rank_of_domains, number, part_kernel};
    case Role::tty:
    case Role::program: {
      const std::uint32_t part = role == Role::tty ? part_tty : part_program;
      return number == 0 ? SequenceLaneKey{4, 0, part} : SequenceLaneKey{rank_of_domains, number, part};
    }
  }
  return {10, 0, 0};
}

/// An item that may still grow, and the parts of its label.
struct OpenSequenceItem {
  enum class Range : std::uint8_t { none, slots, index };
  SequenceItem item;
  SequenceLaneKey from;
  SequenceLaneKey to;
  std::string base;
  Range range = Range::none;
  std::uint32_t low = 0;
  std::uint32_t high = 0;

  [[nodiscard]] bool goes_on_as(const OpenSequenceItem& next) const {
    const bool plain = item.kind == SequenceItem::Kind::message || item.kind == SequenceItem::Kind::event;
    return plain && item.kind == next.item.kind && from == next.from && to == next.to && base == next.base &&
           range == next.range && !item.lost;
  }
  void grow(const OpenSequenceItem& next) {
    item.last_step = next.item.last_step;
    ++item.count;
    item.bytes += next.item.bytes;
    high = next.high;
  }
  [[nodiscard]] std::string label() const {
    switch (range) {
      case Range::none:
        return base;
      case Range::slots:
        return low == high ? fmt::format("{}[{}]", base, low) : fmt::format("{}[{}..{}]", base, low, high);
      case Range::index:
        return fmt::format("{} {} -> {}", base, low, high);
    }
    return base;
  }
};

}  // namespace ringside::trace
