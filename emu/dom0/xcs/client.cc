// The two connections of an xcs client. Frames have one size, so each connection has a byte queue each way
// that is cut every 80 bytes; one read or write carries many frames.
#include "emu/dom0/xcs/client.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "emu/dom0/xcs/xcs_frames.h"

namespace ringside::dom0 {

namespace {

constexpr std::size_t calls_per_read_max = 64;

XcsMessage empty_message(XcsType type) {
  XcsMessage message;
  message.type = type;
  return message;
}

}  // namespace

XcsMessage connect_message(XcsType type, std::uint64_t session_id) {
  XcsMessage message = empty_message(type);
  message.u.connect.session_id = session_id;
  return message;
}

XcsMessage bind_message(XcsType type, std::int32_t port, std::uint16_t control_type) {
  XcsMessage message = empty_message(type);
  message.u.bind.port = port;
  message.u.bind.type = control_type;
  return message;
}

XcsMessage virq_bind_message(std::uint16_t virq) {
  XcsMessage message = empty_message(XCS_VIRQ_BIND);
  message.u.virq.virq = virq;
  return message;
}

XcsMessage virq_message(ring::Port port) {
  XcsMessage message = empty_message(XCS_VIRQ);
  message.u.control.local_port = static_cast<std::int32_t>(port);
  return message;
}

XcsMessage interface_message(XcsType type, DomainId domain, ring::Port local, ring::Port remote) {
  XcsMessage message = empty_message(type);
  message.u.interface.dom = domain;
  message.u.interface.local_port = static_cast<std::int32_t>(local);
  message.u.interface.remote_port = static_cast<std::int32_t>(remote);
  return message;
}

XcsMessage control_message(XcsType type, DomainId domain, ring::Port local,
                           const ring::ControlMessage& message) {
  XcsMessage frame = empty_message(type);
  frame.u.control.remote_dom = domain;
  frame.u.control.local_port = static_cast<std::int32_t>(local);
  frame.u.control.msg = message;
  return frame;
}

XcsClient::XcsClient(Host& host, trace::Journal journal, Events events)
    : host_(host),
      journal_(journal),
      events_(std::move(events)),
      control_(calls_per_read_max * xcs_frame_bytes, client_calls_max * xcs_frame_bytes),
      data_(client_frames_per_read_max * xcs_frame_bytes, client_frames_max * xcs_frame_bytes) {}

XcsClient::~XcsClient() {
  if (lost_timer_ != 0) host_.timer_cancel(lost_timer_);
}

Result<> XcsClient::connect(const std::string& path, std::function<void()> ready) {
  RS_CHECK(state_ == State::fresh);
  auto stream = host_.connect_local(path);
  if (!stream) return stream.error();
  path_ = path;
  ready_ = std::move(ready);
  control_.stream = std::move(stream).value();
  state_ = State::session;
  host_.watch(control_.stream, {.read = true}, [this](Ready what) { on_control_ready(what); });
  call(connect_message(XCS_CONNECT_CTRL, 0), [this](const XcsMessage& reply) { open_data(reply); });
  return Done{};
}

void XcsClient::open_data(const XcsMessage& session) {
  if (session.result != XCS_RSLT_OK) {
    return lose({EPROTO, "xcs refused a session", path_, fmt::format("result {}", session.result), ""});
  }
  auto stream = host_.connect_local(path_);
  if (!stream) return lose(stream.error());
  data_.stream = std::move(stream).value();
  state_ = State::data;
  host_.watch(data_.stream, {.read = true}, [this](Ready what) { on_data_ready(what); });
  put(data_, connect_message(XCS_CONNECT_DATA, session.u.connect.session_id));
  push_out(data_);
}

void XcsClient::call(const XcsMessage& request, Reply done) {
  if (state_ == State::fresh || state_ == State::lost) return;
  if (calls_.size() == client_calls_max || control_.out.room() < xcs_frame_bytes) {
    return lose({ETIMEDOUT, "xcs does not answer", path_, fmt::format("{} calls wait", calls_.size()), ""});
  }
  calls_.push_back({request.type, std::move(done)});
  put(control_, request);
  push_out(control_);
}

bool XcsClient::has_room() {
  if (!up()) return false;
  if (data_.out.room() >= xcs_frame_bytes) return true;
  push_out(data_);
  if (data_.out.room() >= xcs_frame_bytes) return true;
  room_wanted_ = true;
  return false;
}

void XcsClient::send(const XcsMessage& frame) {
  put(data_, frame);
}

void XcsClient::flush() {
  // During a turn nothing is flushed; the end of the turn flushes, so that one write carries many frames.
  if (up() && !in_turn_) push_out(data_);
}

void XcsClient::poll() {
  RS_CHECK(!in_turn_);
  // 32 reads can take all frames that xcs keeps for one client; then others get their turn.
  for (int reads = 0; reads < 32 && up(); ++reads) {
    if (!data_turn()) break;
  }
}

void XcsClient::put(Lane& lane, const XcsMessage& message) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&message);
  const std::size_t taken = lane.out.push({bytes, xcs_frame_bytes});
  RS_CHECK(taken == xcs_frame_bytes);
  if (journal_.listening()) {
    const XcsFrameAbout what = about_frame(message);
    journal_.frame_passed(what.domain, trace::actor(trace::Role::xcs), message.type, what.port, what.message,
                          what.session, {}, number_in(message, numbers_, true));
  }
}

void XcsClient::push_out(Lane& lane) {
  bool blocked = false;
  while (!lane.out.empty() && !blocked) {
    const Io io = host_.write(lane.stream, lane.out.front());
    if (io.state == Io::State::moved) {
      lane.out.drop(io.bytes);
      // An empty queue starts at its beginning again, so that it uses no more memory than ever waited.
      if (lane.out.empty()) lane.out.clear();
    } else {
      // A closed connection is not waited for: the next read reports it, and gives the reason.
      if (io.state == Io::State::closed) lane.out.clear();
      blocked = io.state == Io::State::blocked;
    }
  }
  if (blocked == lane.blocked) return;
  lane.blocked = blocked;
  host_.watch_interest(lane.stream, {.read = true, .write = blocked});
}

bool XcsClient::pull_in(Lane& lane, Taken taken) {
  const Io io = host_.read(lane.stream, lane.in.subspan(lane.in_bytes));
  if (io.state == Io::State::blocked) return false;
  if (io.state == Io::State::closed) {
    lose({ECONNRESET, "the connection to xcs is lost", path_, "xcs has ended, or has cut this client off",
          ""});
    return false;
  }
  lane.in_bytes += io.bytes;
  std::size_t used = 0;
  while (lane.in_bytes - used >= xcs_frame_bytes && state_ != State::lost) {
    XcsMessage message;
    std::memcpy(&message, lane.in.data() + used, xcs_frame_bytes);
    used += xcs_frame_bytes;
    (this->*taken)(message);
  }
  std::memmove(lane.in.data(), lane.in.data() + used, lane.in_bytes - used);
  lane.in_bytes -= used;
  return true;
}

void XcsClient::on_control_ready(Ready ready) {
  if (ready.write && control_.blocked) push_out(control_);
  if (ready.read) pull_in(control_, &XcsClient::take_reply);
  flush();
}

void XcsClient::on_data_ready(Ready ready) {
  if (ready.write && data_.blocked) push_out(data_);
  if (ready.read && state_ != State::lost) data_turn();
  // Half empty, so that senders that wait for room are not called for every frame.
  if (room_wanted_ && up() && data_.out.size() <= data_.out.capacity() / 2) {
    room_wanted_ = false;
    events_.room();
    flush();
  }
}

bool XcsClient::data_turn() {
  in_turn_ = true;
  const bool came = pull_in(data_, &XcsClient::take_frame);
  if (came && up() && events_.pause) events_.pause();
  in_turn_ = false;
  flush();
  return came;
}

void XcsClient::take_reply(const XcsMessage& message) {
  if (calls_.empty() || calls_.front().type != message.type) {
    return lose({EPROTO, "xcs broke the protocol", path_,
                 fmt::format("a reply of type {} to no call", message.type), ""});
  }
  const Reply done = std::move(calls_.front().done);
  calls_.pop_front();
  if (done) done(message);
}

void XcsClient::take_frame(const XcsMessage& message) {
  if (up()) {
    tell_taken(journal_, trace::actor(trace::Role::xcs), message, numbers_);
    if (events_.frame) events_.frame(message);
    return;
  }
  if (message.type != XCS_CONNECT_DATA || message.result != XCS_RSLT_OK) {
    return lose(
        {EPROTO, "xcs refused the data connection", path_, fmt::format("result {}", message.result), ""});
  }
  state_ = State::up;
  const auto ready = std::exchange(ready_, nullptr);
  if (ready) ready();
}

void XcsClient::lose(Error error) {
  if (state_ == State::lost) return;
  state_ = State::lost;
  control_.stream.close();
  data_.stream.close();
  calls_.clear();
  // From a timer, so that the client is not destroyed while it is being used.
  lost_timer_ = host_.timer_start(Duration::zero(), [this, error = std::move(error)] {
    lost_timer_ = 0;
    const auto lost = std::move(events_.lost);
    if (lost) lost(error);
  });
}

}  // namespace ringside::dom0
