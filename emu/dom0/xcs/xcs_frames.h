// The input and output of one connection of xcs as frames. A stream has no frames: a read may end in the
// middle of one, and a write may be partial. These two classes assemble frames, and move many at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "emu/base/check.h"
#include "emu/dom0/xcs/xcs_proto.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"

namespace ringside::dom0 {

inline constexpr std::size_t xcs_frame_bytes = sizeof(XcsMessage);
/// Frames that one connection may have read but not processed; also the most that one read returns.
inline constexpr std::size_t xcs_frames_read_max = 512;
/// Frames in one write.
inline constexpr std::size_t xcs_frames_per_write_max = 64;
/// Frames written before others get their turn.
inline constexpr std::size_t xcs_frames_per_turn_max = 1024;

/// The journal's fields of a frame.
struct XcsFrameAbout {
  DomainId domain = 0;
  ring::Port port = 0;
  ring::ControlMessage message;
  std::uint64_t session = 0;
};
[[nodiscard]] XcsFrameAbout about_frame(const XcsMessage& frame);
/// The types of frames that are neither calls nor replies.
[[nodiscard]] constexpr bool is_traffic(std::uint32_t type) {
  return type == XCS_REQUEST || type == XCS_RESPONSE || type == XCS_VIRQ;
}
/// The number of the message in a frame of a session with XCS_NUMBERS. `down`: the frame goes to the guest.
/// Then the number of a request is a tag, and that of a response an index; otherwise it is the other way
/// round. 0 is no tag.
[[nodiscard]] std::optional<std::uint32_t> number_in(const XcsMessage& frame, bool numbers, bool down);
/// Records that a frame of `sender` has been read, if it is traffic.
void tell_taken(trace::Journal& journal, trace::Actor sender, const XcsMessage& frame, bool numbers);

class XcsInput {
 public:
  /// The result of taking a frame.
  enum class Took : std::uint8_t {
    done,  ///< processed
    keep,  ///< not now; continue with the next
    stop,  ///< not now, and no later frame either
  };

  [[nodiscard]] bool full() const { return used_ == bytes_max; }
  [[nodiscard]] bool holds_frame() const { return used_ >= xcs_frame_bytes; }
  /// Discards an incomplete frame. False when there is none.
  bool drop_piece() {
    const std::size_t piece = used_ % xcs_frame_bytes;
    used_ -= piece;
    return piece != 0;
  }
  /// One read into the free space. Not when full().
  [[nodiscard]] Io read_from(Host& host, const Handle& stream);

  /// Calls `each` for the frames that the last read has completed.
  template <class Each>
  void show_new(Each each) const {
    for (std::size_t at = new_at_; used_ - at >= xcs_frame_bytes; at += xcs_frame_bytes) {
      XcsMessage frame;
      std::memcpy(&frame, bytes_.get() + at, xcs_frame_bytes);
      each(frame);
    }
  }
  /// Offers `take` each complete frame in order; frames that it does not process stay, in order, for the next
  /// time.
  template <class Take>
  void show(Take take) {
    std::size_t kept = 0;
    std::size_t at = 0;
    for (; used_ - at >= xcs_frame_bytes; at += xcs_frame_bytes) {
      XcsMessage frame;
      std::memcpy(&frame, bytes_.get() + at, xcs_frame_bytes);
      const Took took = take(frame);
      if (took == Took::stop) break;
      if (took == Took::done) continue;
      std::memmove(bytes_.get() + kept, bytes_.get() + at, xcs_frame_bytes);
      kept += xcs_frame_bytes;
    }
    std::memmove(bytes_.get() + kept, bytes_.get() + at, used_ - at);
    used_ -= at - kept;
  }

 private:
  static constexpr std::size_t bytes_max = xcs_frames_read_max * xcs_frame_bytes;

  /// Large, and mostly unused.
  std::unique_ptr<std::uint8_t[]> bytes_ = std::make_unique_for_overwrite<std::uint8_t[]>(bytes_max);
  std::size_t used_ = 0;
  std::size_t new_at_ = 0;  ///< of the first frame that was incomplete before the last read
};

class XcsOutput {
 public:
  void push(const XcsMessage& frame);

  /// Frames that wait, including one that was written in part.
  [[nodiscard]] std::size_t frames() const {
    return (bytes_.size() - begin() + xcs_frame_bytes - 1) / xcs_frame_bytes;
  }
  [[nodiscard]] bool empty() const { return written_ == bytes_.size(); }

  /// Writes until all is written, the stream takes no more, or the turn is over (moved).
  [[nodiscard]] Io::State write_to(Host& host, const Handle& stream);

  /// The stream is gone: frames that it had not taken completely are kept for the next one, except requests.
  /// Returns the number of those requests.
  std::size_t rewind_without_requests();

 private:
  /// Of the first frame that was not written completely.
  [[nodiscard]] std::size_t begin() const { return written_ / xcs_frame_bytes * xcs_frame_bytes; }
  void shrink();

  std::vector<std::uint8_t> bytes_;
  std::size_t written_ = 0;  ///< of bytes_
};

}  // namespace ringside::dom0
