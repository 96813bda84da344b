// Assembles and batches xcs frames.
#include "emu/dom0/xcs/xcs_frames.h"

#include <algorithm>
#include <cstring>

namespace ringside::dom0 {

XcsFrameAbout about_frame(const XcsMessage& frame) {
  switch (frame.type) {
    case XCS_CONNECT_CTRL:
    case XCS_CONNECT_DATA:
      return {0, 0, {}, frame.u.connect.session_id};
    case XCS_MARK:
      return {frame.u.control.remote_dom, static_cast<ring::Port>(frame.u.control.local_port), {}, 0};
    case XCS_REQUEST:
    case XCS_RESPONSE:
      return {frame.u.control.remote_dom, static_cast<ring::Port>(frame.u.control.local_port),
              frame.u.control.msg, 0};
    case XCS_CIF_NEW_CC:
    case XCS_CIF_FREE_CC:
      return {frame.u.interface.dom, static_cast<ring::Port>(frame.u.interface.local_port), {}, 0};
    case XCS_MSG_BIND:
    case XCS_MSG_UNBIND:
      return {0, static_cast<ring::Port>(frame.u.bind.port), {}, 0};
    case XCS_VIRQ_BIND:
      return {0, static_cast<ring::Port>(frame.u.virq.port), {}, 0};
    case XCS_VIRQ:
      return {0, static_cast<ring::Port>(frame.u.control.local_port), {}, 0};
    default:
      return {};  // the client chooses the number; most have no meaning
  }
}

std::optional<std::uint32_t> number_in(const XcsMessage& frame, bool numbers, bool down) {
  const bool tag = down == (frame.type == XCS_REQUEST);
  if (!numbers || !is_traffic(frame.type) || (tag && frame.result == 0)) return {};
  return frame.result;
}

void tell_taken(trace::Journal& journal, trace::Actor sender, const XcsMessage& frame, bool numbers) {
  if (!journal.listening() || !is_traffic(frame.type)) return;
  const XcsFrameAbout about = about_frame(frame);
  journal.frame_taken(about.domain, sender, frame.type, about.port, about.message,
                      number_in(frame, numbers, sender.role == trace::Role::client));
}

Io XcsInput::read_from(Host& host, const Handle& stream) {
  RS_CHECK(!full());
  new_at_ = used_ - used_ % xcs_frame_bytes;
  const Io io = host.read(stream, std::span(bytes_.get(), bytes_max).subspan(used_));
  if (io.state == Io::State::moved) used_ += io.bytes;
  return io;
}

void XcsOutput::push(const XcsMessage& frame) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&frame);
  bytes_.insert(bytes_.end(), bytes, bytes + xcs_frame_bytes);
}

Io::State XcsOutput::write_to(Host& host, const Handle& stream) {
  std::size_t left = xcs_frames_per_turn_max * xcs_frame_bytes;
  Io::State state = Io::State::moved;
  while (!empty() && left != 0) {
    const std::size_t piece =
        std::min({xcs_frames_per_write_max * xcs_frame_bytes, bytes_.size() - written_, left});
    const Io io = host.write(stream, {bytes_.data() + written_, piece});
    state = io.state;
    if (io.state != Io::State::moved) break;
    written_ += io.bytes;
    left -= io.bytes;
  }
  shrink();
  return state;
}

std::size_t XcsOutput::rewind_without_requests() {
  std::vector<std::uint8_t> kept;
  std::size_t requests = 0;
  for (std::size_t at = begin(); at < bytes_.size(); at += xcs_frame_bytes) {
    XcsMessage frame;
    std::memcpy(&frame, bytes_.data() + at, xcs_frame_bytes);
    if (frame.type == XCS_REQUEST) {
      ++requests;
    } else {
      kept.insert(kept.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(at),
                  bytes_.begin() + static_cast<std::ptrdiff_t>(at + xcs_frame_bytes));
    }
  }
  bytes_ = std::move(kept);
  written_ = 0;
  return requests;
}

/// Removes written frames, but rarely: each time moves the rest.
void XcsOutput::shrink() {
  const std::size_t done = begin();
  if (done < bytes_.size() - done) return;
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(done));
  written_ -= done;
}

}  // namespace ringside::dom0
