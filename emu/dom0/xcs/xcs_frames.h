// Frames on their way into and out of one connection of xcs. A stream knows no frames: what is read may end
// in the middle of one, and what is written may be taken in part. These two put that right, and move many
// frames at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "emu/base/check.h"
#include "emu/dom0/xcs/xcs_proto.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"

namespace ringside::dom0 {

inline constexpr std::size_t xcs_frame_bytes = sizeof(XcsMessage);
/// Frames that one connection may have read and not yet dealt with; also the most that one read brings.
inline constexpr std::size_t xcs_frames_read_max = 512;
/// Frames handed over in one write.
inline constexpr std::size_t xcs_frames_per_write_max = 64;
/// Frames written before others get their turn.
inline constexpr std::size_t xcs_frames_per_turn_max = 1024;

/// What the journal is told of a frame.
struct XcsFrameAbout {
  DomainId domain = 0;
  ring::Port port = 0;
  ring::ControlMessage message;
  std::uint64_t session = 0;
};
[[nodiscard]] XcsFrameAbout about_frame(const XcsMessage& frame);
/// Of a data connection: neither a call nor the reply to one.
[[nodiscard]] constexpr bool is_traffic(std::uint32_t type) {
  return type == XCS_REQUEST || type == XCS_RESPONSE || type == XCS_VIRQ;
}
/// The journal is told that a frame of `sender` has been read, if it is traffic.
void tell_taken(trace::Journal& journal, trace::Actor sender, const XcsMessage& frame);

class XcsInput {
 public:
  /// What became of a frame that was shown.
  enum class Took : std::uint8_t {
    done,  ///< dealt with
    keep,  ///< not now; go on with the next
    stop,  ///< not now, nor anything behind it
  };

  [[nodiscard]] bool full() const { return used_ == bytes_max; }
  [[nodiscard]] bool holds_frame() const { return used_ >= xcs_frame_bytes; }
  /// Throws away a frame that is not whole. False when there is none.
  bool drop_piece() {
    const std::size_t piece = used_ % xcs_frame_bytes;
    used_ -= piece;
    return piece != 0;
  }
  /// One read into what is free. Not when full().
  [[nodiscard]] Io read_from(Host& host, const Handle& stream);

  /// Shows `each` the frames that the last read has made whole.
  template <class Each>
  void show_new(Each each) const {
    for (std::size_t at = new_at_; used_ - at >= xcs_frame_bytes; at += xcs_frame_bytes) {
      XcsMessage frame;
      std::memcpy(&frame, bytes_.get() + at, xcs_frame_bytes);
      each(frame);
    }
  }
  /// Shows `take` every whole frame in order; those it did not deal with stay, in order, for the next time.
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

  /// Large, and mostly never touched.
  std::unique_ptr<std::uint8_t[]> bytes_ = std::make_unique_for_overwrite<std::uint8_t[]>(bytes_max);
  std::size_t used_ = 0;
  std::size_t new_at_ = 0;  ///< of the first frame that was not whole before the last read
};

class XcsOutput {
 public:
  void push(const XcsMessage& frame);

  /// Waiting, the one that was written in part included.
  [[nodiscard]] std::size_t frames() const {
    return (bytes_.size() - begin() + xcs_frame_bytes - 1) / xcs_frame_bytes;
  }
  [[nodiscard]] bool empty() const { return written_ == bytes_.size(); }

  /// Writes until all is gone, the stream takes no more, or the turn is over (moved).
  [[nodiscard]] Io::State write_to(Host& host, const Handle& stream);

  /// The stream is gone: what it had not taken whole is kept for the next one, except requests. Answers how
  /// many of those there were.
  std::size_t rewind_without_requests();

 private:
  /// Of the first frame that was not written whole.
  [[nodiscard]] std::size_t begin() const { return written_ / xcs_frame_bytes * xcs_frame_bytes; }
  void shrink();

  std::vector<std::uint8_t> bytes_;
  std::size_t written_ = 0;  ///< of bytes_
};

}  // namespace ringside::dom0
