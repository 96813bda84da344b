// A shared_info page for tests of the ring, read and written by hand-counted byte positions instead of
// through layout.h.
#pragma once

#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include "ring/layout.h"
#include "test/message_text.h"

namespace ringside::test {

/// The place of one ring in the page, counted from byte 0 of the frame.
struct RingBytes {
  ring::Abi abi;
  ring::Ring which;
  std::size_t req_prod;
  std::size_t rsp_prod;
  std::size_t slots;
  friend bool operator==(const RingBytes&, const RingBytes&) = default;
};

inline constexpr std::array<RingBytes, 4> all_rings{{
    {ring::Abi::flat, ring::Ring::tx, 3072, 3076, 2048},
    {ring::Abi::flat, ring::Ring::rx, 3080, 3084, 2560},
    {ring::Abi::sring, ring::Ring::tx, 2048, 2052, 2056},
    {ring::Abi::sring, ring::Ring::rx, 2568, 2572, 2576},
}};

class Page {
 public:
  [[nodiscard]] std::byte* frame() { return bytes_; }
  [[nodiscard]] ring::SharedRing ring(const RingBytes& at) { return shared_ring(bytes_, at.abi, at.which); }

  [[nodiscard]] unsigned u8(std::size_t at) const { return std::to_integer<unsigned>(bytes_[at]); }
  [[nodiscard]] std::uint32_t u32(std::size_t at) const {
    return u8(at) | u8(at + 1) << 8 | u8(at + 2) << 16 | u8(at + 3) << 24;
  }
  void set_u8(std::size_t at, unsigned value) { bytes_[at] = static_cast<std::byte>(value); }
  void set_u32(std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) set_u8(at + i, value >> (8 * i) & 0xff);
  }
  [[nodiscard]] ring::ControlMessage message(const RingBytes& at, std::size_t slot) const {
    ring::ControlMessage message;
    std::memcpy(&message, bytes_ + at.slots + slot * 64, 64);
    return message;
  }
  void set_message(const RingBytes& at, std::size_t slot, const ring::ControlMessage& message) {
    std::memcpy(bytes_ + at.slots + slot * 64, &message, 64);
  }
  /// The number of nonzero bytes outside the ring's indices and slots.
  [[nodiscard]] std::size_t bytes_changed_outside(const RingBytes& at) const {
    std::size_t changed = 0;
    for (std::size_t i = 0; i < ring::frame_bytes; ++i) {
      const auto within = [i](std::size_t first, std::size_t count) {
        return i >= first && i < first + count;
      };
      if (within(at.req_prod, 4) || within(at.rsp_prod, 4) || within(at.slots, 512)) continue;
      if (u8(i) != 0) ++changed;
    }
    return changed;
  }
  friend bool operator==(const Page&, const Page&) = default;

 private:
  alignas(8) std::byte bytes_[ring::frame_bytes] = {};
};

/// A console message as a guest sends it.
[[nodiscard]] inline ring::ControlMessage text_message(std::string_view text) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  return ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, ring::no_callback_id,
                            {bytes, text.size()});
}

}  // namespace ringside::test
