// Words of one control channel, in bytes of the domain's own frame that were unused in 2005.
//
// A guest must not be able to write dom0's event bits, so its events to the controller are announced in its
// own frame. `up_pending` and `up_mask` are the pending bit and the mask bit of that direction; event_bits.h
// has those of the other one. A hostile guest can damage only its own channel with them. The CPU words say on
// which CPU a peer runs. They only help the other peer to decide how to wait, never whether to kick.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ring/event_bits.h"
#include "ring/layout.h"
#include "ring/memory.h"

namespace ringside::ring {

/// A request of the controller that carries a number chosen by the controller's client. The next controller
/// uses the number to recognise the request if the client sends it again. The request is in the ring if
/// `index` is below rx.req_prod.
struct TaggedRequest {
  std::uint32_t tag;  ///< 0 = none
  std::uint32_t index;
};

/// Arranged so that each cache line usually has one writer.
struct ChannelWords {
  std::uint32_t up_pending;  ///< written by the guest (set) and the controller (clear)
  std::uint32_t reserved0[15];
  std::uint32_t up_mask;         ///< written by the controller: 1 while it is awake and polls
  std::uint32_t controller_cpu;  ///< CPU number + 1, 0 = unknown
  /// Incremented by each controller that attaches, before it kicks the guest. A guest that sees it change
  /// opens the channel again, since a kick through the previous controller's port may wake no process.
  std::uint32_t attachments;
  /// Bytes of input for the guest that controllers lost. This counter and the guest's two below wrap at 2^32.
  /// Only observers use them.
  std::uint32_t controller_lost_bytes;
  std::uint32_t reserved1[12];
  std::uint32_t guest_cpu;  ///< CPU number + 1, 0 = unknown
  /// Bytes that the guest lost: input that no program read, and output that did not fit into its buffer.
  std::uint32_t guest_lost_input_bytes;
  std::uint32_t guest_lost_output_bytes;
  std::uint32_t reserved2[13];
  /// The latest tagged requests, in any order. Written by the controller, read when a controller attaches.
  TaggedRequest tagged[slots_per_ring];
};

inline constexpr std::size_t channel_words_offset = 3136;

static_assert(sizeof(ChannelWords) == 256);
static_assert(offsetof(ChannelWords, up_mask) == 64);
static_assert(offsetof(ChannelWords, attachments) == 72);
static_assert(offsetof(ChannelWords, controller_lost_bytes) == 76);
static_assert(offsetof(ChannelWords, guest_cpu) == 128);
static_assert(offsetof(ChannelWords, guest_lost_input_bytes) == 132);
static_assert(offsetof(ChannelWords, tagged) == 192);
static_assert(channel_words_offset % 64 == 0);
static_assert(channel_words_offset >= control_interface_offset + control_interface_bytes);
static_assert(channel_words_offset + sizeof(ChannelWords) <= frame_bytes);

[[nodiscard]] inline ChannelWords* channel_words(std::byte* frame) {
  return reinterpret_cast<ChannelWords*>(frame + channel_words_offset);
}

/// The guest-to-controller direction of a control channel: raise() for the guest (or the hypervisor on its
/// behalf), the rest for the controller.
template <class Memory = NativeMemory>
class UpEvents {
 public:
  explicit UpEvents(std::byte* frame) : words_(channel_words(frame)) {}

  /// Never returns already_selected: there is no selector in this direction.
  [[nodiscard]] Raised raise() {
    if (Memory::exchange(&words_->up_pending, 1u) != 0) return Raised::already_pending;
    if (Memory::load(&words_->up_mask) != 0) return Raised::masked;
    return Raised::kick;
  }

  void clear_pending() { (void)Memory::exchange(&words_->up_pending, 0u); }
  void set_mask() { (void)Memory::exchange(&words_->up_mask, 1u); }
  /// As EventBits::unmask. The exchange is the full barrier between clearing the mask and reading up_pending.
  [[nodiscard]] bool unmask() {
    (void)Memory::exchange(&words_->up_mask, 0u);
    return is_pending();
  }
  [[nodiscard]] bool is_pending() const { return Memory::load(&words_->up_pending) != 0; }
  [[nodiscard]] bool is_masked() const { return Memory::load(&words_->up_mask) != 0; }

 private:
  ChannelWords* words_;
};

}  // namespace ringside::ring
