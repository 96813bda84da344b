// The words of the language for small values of the tree.
#include "emu/script/syntax.h"

#include <fmt/format.h>

#include <array>

#include "emu/trace/text.h"

namespace ringside::script {

std::string spelled(const Actor& actor) {
  switch (actor.role) {
    case trace::Role::xen:
      return "xen";
    case trace::Role::dom0:
      return "dom0";
    case trace::Role::xcs:
      return "xcs";
    case trace::Role::xend:
      return "xend";
    case trace::Role::xenctld:
      return "xenctld";
    case trace::Role::xenconsoled:
      return "xenconsoled";
    case trace::Role::uart:
      return "uart";
    case trace::Role::user:
      return actor.name.empty() ? "user" : fmt::format("user[{}]", actor.name);
    case trace::Role::client:
      return actor.name.empty() ? "client" : fmt::format("client[{}]", actor.name);
    case trace::Role::domain:
    case trace::Role::tty:
    case trace::Role::program:
      return fmt::format("dom{}", actor.domain);
  }
  return "nobody";
}

namespace {

constexpr std::array message_indices{RingIndex::req_prod, RingIndex::rsp_prod, RingIndex::req_cons,
                                     RingIndex::rsp_cons};
constexpr std::array in_indices{RingIndex::in_prod, RingIndex::in_cons};
constexpr std::array out_indices{RingIndex::out_prod, RingIndex::out_cons};

}  // namespace

std::string_view spelled(RingName ring) {
  static constexpr std::array<std::string_view, 4> words{"tx", "rx", "in", "out"};
  return words[static_cast<std::size_t>(ring)];
}

std::string_view spelled(RingIndex index) {
  return index < RingIndex::in_cons ? trace::index_name(message_index(index))
                                    : trace::index_name(byte_index(index));
}

std::uint32_t size_of(RingName ring) {
  if (!holds_bytes(ring)) return ring::slots_per_ring;
  return trace::size_of(ring == RingName::in ? trace::ByteRing::in : trace::ByteRing::out);
}

std::span<const RingIndex> indices_of(RingName ring) {
  if (!holds_bytes(ring)) return message_indices;
  return ring == RingName::in ? std::span<const RingIndex>(in_indices) : out_indices;
}

trace::Role writer_of(RingName ring) {
  return ring == RingName::in ? trace::Role::xenconsoled : trace::Role::domain;
}

trace::Role mover_of(RingIndex index) {
  const bool guest = index == RingIndex::in_cons || index == RingIndex::out_prod;
  return guest ? trace::Role::domain : trace::Role::xenconsoled;
}

std::string Payload::bytes() const {
  std::string all;
  all.reserve(repeated_bytes);
  while (all.size() < repeated_bytes) all.append(unit, 0, repeated_bytes - all.size());
  return all;
}

bool holds(std::uint64_t value, Compare compare, std::uint64_t number) {
  switch (compare) {
    case Compare::equal:
      return value == number;
    case Compare::unequal:
      return value != number;
    case Compare::less:
      return value < number;
    case Compare::at_most:
      return value <= number;
    case Compare::more:
      return value > number;
    case Compare::at_least:
      return value >= number;
  }
  return false;
}

std::string_view spelled(Compare compare) {
  switch (compare) {
    case Compare::equal:
      return "is";
    case Compare::unequal:
      return "!=";
    case Compare::less:
      return "<";
    case Compare::at_most:
      return "<=";
    case Compare::more:
      return ">";
    case Compare::at_least:
      return ">=";
  }
  return "?";
}

std::string_view spelled(Side side) {
  return side == Side::control ? "control" : "data";
}

std::string_view spelled(Mode mode) {
  return mode == Mode::sim ? "sim" : "real";
}

}  // namespace ringside::script
