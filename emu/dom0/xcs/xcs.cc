// xcs: its connections, and the end of a turn. A callback of the host only collects work; settle() sends it
// at the end: one notification for each guest, one write for each client.
#include "emu/dom0/xcs/xcs.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace ringside::dom0 {

using trace::actor;
using trace::Role;

Xcs::Xcs(Host& host, trace::Journal journal, Privcmd privcmd, XcsOptions options)
    : host_(host),
      journal_(journal),
      privcmd_(std::move(privcmd)),
      options_(std::move(options)),
      sessions_(options_.session_seed) {}

Xcs::~Xcs() {
  host_.timer_cancel(housekeeping_);
  host_.timer_cancel(hold_);
  // The channels unbind their ports of the event device.
  for (Line& line : lines_) line.channel.reset();
}

Result<> Xcs::start() {
  auto events = EventDevice::open(host_, journal_, privcmd_);
  if (!events) return events.error();
  events_ = std::move(events).value();
  events_->on_readable([this] { settle(); });
  auto listener = host_.listen_local(options_.socket_path);
  if (!listener) return listener.error();
  listener_ = std::move(listener).value();
  host_.watch(listener_, {.read = true, .write = false}, [this](Ready) { accept_ready(); });
  watch_hypervisor();
  journal_.told(0, trace::Fact::xcs_listens);
  if (options_.answer == Answer::xcs) journal_.told(0, trace::Fact::early_answers);
  return Done{};
}

const Channel* Xcs::channel(DomainId domain) const {
  return domain < lines_.size() ? lines_[domain].channel.get() : nullptr;
}

void Xcs::watch_hypervisor() {
  privcmd_.watch([this] {
    journal_.told(0, trace::Fact::xcs_without_hypervisor);
    host_.warn(
        Error{EPIPE, "xcs stops", options_.socket_path, "the hypervisor is gone", "start the machine again"}
            .text());
    host_.stop(1);
  });
}

// -- connections

void Xcs::accept_ready() {
  for (std::size_t taken = 0; taken < xcs_accepts_per_turn_max; ++taken) {
    auto accepted = host_.accept(listener_);
    if (!accepted) {
      // Probably out of descriptors: tried again at intervals, not in a loop.
      host_.warn(accepted.error().text());
      host_.watch_interest(listener_, {});
      accepting_ = false;
      return schedule_housekeeping();
    }
    if (!accepted->has_value()) return;
    accept_one(std::move(**accepted));
  }
}

void Xcs::accept_one(Handle stream) {
  if (connections_.size() == xcs_connections_max) {
    count(counters_.connections_refused, trace::Counter::connections_refused);
    if (counters_.connections_refused > 1) return;  // reported once; further connections are only counted
    host_.warn(Error{EMFILE, "xcs refuses a connection", options_.socket_path,
                     fmt::format("it has {} already (xcs_connections_max)", xcs_connections_max), ""}
                   .text());
    return;
  }
  auto connection = std::make_unique<Connection>();
  connection->number = ++last_connection_;
  connection->stream = std::move(stream);
  connection->since = host_.now();
  const XcsConnectionNumber number = connection->number;
  if (descriptor2_ == 0) descriptor2_ = number;
  host_.watch(connection->stream, connection->interest,
              [this, number](Ready ready) { connection_ready(number, ready); });
  connections_.emplace(number, std::move(connection));
  schedule_housekeeping();
}

void Xcs::connection_ready(XcsConnectionNumber number, Ready ready) {
  const auto found = connections_.find(number);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  if (held_by_ != 0 && held_by_ != number) return;
  if (ready.write) {
    connection.blocked = false;
    if (held_by_ == number && options_.quirks.has(Quirk::xcs_blocking_client)) release_clients();
    write_out(connection);
    // Calls may have waited for room for their replies.
    if (connection.side != Side::data) show_input(connection);
  }
  if (ready.read && connection.interest.read && !connection.gone) read_in(connection);
  update_interest(connection);
  settle();
}

void Xcs::read_in(Connection& connection) {
  if (connection.input.full()) return;
  const Io io = connection.input.read_from(host_, connection.stream);
  switch (io.state) {
    case Io::State::blocked:
      return;
    case Io::State::moved:
      if (journal_.listening()) {
        connection.input.show_new([&](const XcsMessage& frame) {
          tell_taken(journal_, actor(Role::client, connection.number), frame, has_numbers(connection));
        });
      }
      if (options_.quirks.has(Quirk::xcs_short_frame) && connection.input.drop_piece()) {
        hold_other_clients(connection);
        quirk(Quirk::xcs_short_frame);
      } else if (held_by_ == connection.number) {
        release_clients();
      }
      break;
    case Io::State::closed:
      connection.ended = true;
      break;
  }
  show_input(connection);
}

void Xcs::show_input(Connection& connection) {
  connection.parked = false;
  full_.clear();
  connection.input.show([&](const XcsMessage& frame) { return take_frame(connection, frame); });
  if (connection.ended && !calls_wait(connection)) {
    // The input of a client that has written and left is processed, but the session does not wait for that
    // client.
    if (connection.side == Side::data) leave_session(connection);
    if (!connection.parked) connection.gone = true;
  }
  if (connection.gone) any_gone_ = true;
}

bool Xcs::calls_wait(const Connection& connection) {
  if (connection.side == Side::data) return false;
  return connection.waits_for_xen || connection.replies.frames() >= xcs_replies_max;
}

XcsInput::Took Xcs::take_frame(Connection& connection, const XcsMessage& frame) {
  if (connection.gone) return XcsInput::Took::stop;
  if (connection.side == Side::data) return take_data(connection, frame);
  if (calls_wait(connection)) return XcsInput::Took::stop;
  if (makes_hypercalls(frame.type) && connection.session != nullptr &&
      !privcmd_.answers([this] { hypervisor_answers(); })) {
    connection.waits_for_xen = true;
    return XcsInput::Took::stop;
  }
  take_call(connection, frame);
  return XcsInput::Took::done;
}

/// Executes the calls that waited for the hypervisor.
void Xcs::hypervisor_answers() {
  for (auto& [number, connection] : connections_) {
    if (!std::exchange(connection->waits_for_xen, false)) continue;
    show_input(*connection);
    update_interest(*connection);
  }
  settle();
}

bool Xcs::has_output(const Connection& connection) {
  const bool has_frames =
      connection.side == Side::data && connection.session != nullptr && !connection.session->output.empty();
  return !connection.output_closed && (!connection.replies.empty() || has_frames);
}

void Xcs::write_out(Connection& connection) {
  if (crashed_ || connection.blocked || !has_output(connection)) return;
  Io::State state = connection.replies.write_to(host_, connection.stream);
  if (connection.replies.empty() && connection.side == Side::data && connection.session != nullptr) {
    state = connection.session->output.write_to(host_, connection.stream);
  }
  switch (state) {
    case Io::State::moved:
      return;
    case Io::State::blocked:
      connection.blocked = true;
      if (connection.side == Side::data && quirk(Quirk::xcs_blocking_client)) hold_other_clients(connection);
      return;
    case Io::State::closed:
      if (options_.quirks.has(Quirk::xcs_sigpipe)) {
        return crash(Quirk::xcs_sigpipe, 13, "a client has closed its connection");
      }
      // There may be unread input; its end will show that the client is gone.
      connection.output_closed = true;
      connection.replies = {};
      if (connection.side == Side::data) leave_session(connection);
      return;
  }
}

/// Watches the connection for exactly the events that it can use.
void Xcs::update_interest(Connection& connection) {
  if (connection.gone) return;
  const bool held = held_by_ != 0 && held_by_ != connection.number;
  const Ready wanted{.read = !held && !connection.forgotten && !connection.ended &&
                             !connection.input.full() && !calls_wait(connection),
                     .write = !held && has_output(connection)};
  if (wanted.read == connection.interest.read && wanted.write == connection.interest.write) return;
  connection.interest = wanted;
  host_.watch_interest(connection.stream, wanted);
}

void Xcs::push(XcsSession& session, const XcsMessage& frame) {
  if (session.output.frames() >= xcs_session_frames_max) {
    session.overrun = any_overrun_ = true;
    return;
  }
  session.output.push(frame);
  // Frames come in series: the last one's number is usually in the list already, and a second entry does no
  // harm.
  if (session.data != 0 && (to_write_.empty() || to_write_.back() != session.data))
    to_write_.push_back(session.data);
  if (!journal_.listening()) return;
  const XcsFrameAbout about = about_frame(frame);
  journal_.frame_passed(about.domain, actor(Role::client, session.data), frame.type, about.port,
                        about.message, 0, {}, number_in(frame, true, false));
}

void Xcs::push_reply(Connection& connection, const XcsMessage& frame) {
  if (connection.output_closed) return;
  connection.replies.push(frame);
  to_write_.push_back(connection.number);
  if (!journal_.listening()) return;
  const XcsFrameAbout about = about_frame(frame);
  journal_.frame_passed(about.domain, actor(Role::client, connection.number), frame.type, about.port,
                        about.message, about.session, frame.result);
}

// -- the end of a turn

void Xcs::settle(bool may_hold) {
  if (any_gone_ && held_by_ != 0 && connections_.at(held_by_)->gone) release_clients();
  if (held_by_ != 0) return;
  // Another round follows while domains were touched, or room was made for a frame that waits.
  for (bool again = true; again;) {
    read_events();
    again = flush_touched();
    if (!std::exchange(room_made_, false)) continue;
    for (auto& [number, connection] : connections_) {
      if (!connection->parked) continue;
      show_input(*connection);
      update_interest(*connection);
      again = true;
    }
  }
  if (!may_hold) write_all();
  if (std::exchange(any_overrun_, false)) end_overrun_sessions();
  if (std::exchange(any_gone_, false)) close_gone();
}

/// A guest that has filled its ring, and has all its answers, usually has more output. Its frames wait for
/// that, so that they wake the client once.
void Xcs::turned(DomainId domain) {
  Line& line = lines_[domain];
  const bool streams =
      std::exchange(line.taken, 0) >= ring::slots_per_ring && line.channel->has_answered_early();
  const auto takes_frames = [this](XcsConnectionNumber number) {
    const auto found = connections_.find(number);
    return found == connections_.end() || found->second->side == Side::data;
  };
  const bool may_hold = streams && std::all_of(to_write_.begin(), to_write_.end(), takes_frames);
  settle(may_hold);
  if (may_hold && hold_ == 0) hold_frames(domain);
}

/// Until the channel's next turn, or until the loop has nothing else to do.
void Xcs::hold_frames(DomainId domain) {
  hold_ = host_.timer_start(Duration::zero(), [this, domain] {
    hold_ = 0;
    const Line* line = line_of(domain);
    if (line != nullptr && line->channel->has_work()) return hold_frames(domain);
    write_all();
  });
}

/// Frames before replies: as long as a client's data connection takes them, a client that has its reply finds
/// all earlier frames there. When the data connection is full, the reply overtakes them: see XCS_MARK.
void Xcs::write_all() {
  if (hold_ != 0) host_.timer_cancel(std::exchange(hold_, 0));
  const auto numbers = std::exchange(to_write_, {});
  for (const bool frames : {true, false}) {
    for (const XcsConnectionNumber number : numbers) {
      const auto found = connections_.find(number);
      if (found == connections_.end() || (found->second->side == Side::data) != frames) continue;
      write_out(*found->second);
      update_interest(*found->second);
    }
  }
}

void Xcs::end_overrun_sessions() {
  for (XcsSession* session : sessions_.overrun()) {
    count(counters_.sessions_overrun, trace::Counter::sessions_overrun);
    journal_.refused(0, actor(Role::client, session->data), trace::Refusal::client_does_not_read);
    host_.warn(Error{
        ENOBUFS, "xcs cuts a client off", fmt::format("connection {}", session->data),
        fmt::format("{} frames wait for it to read (xcs_session_frames_max)", xcs_session_frames_max), ""}
                   .text());
    end_session(*session);
  }
}

void Xcs::end_session(XcsSession& session) {
  for (const XcsConnectionNumber number : {session.control, session.data}) {
    const auto found = connections_.find(number);
    if (found == connections_.end()) continue;
    found->second->session = nullptr;
    found->second->side = Side::unknown;
    found->second->gone = any_gone_ = true;
  }
  const auto waiting = static_cast<std::uint32_t>(session.output.frames());
  journal_.counted(0, trace::Counter::frames_abandoned, counters_.frames_abandoned,
                   counters_.frames_abandoned + waiting);
  counters_.frames_abandoned += waiting;
  sessions_.remove(session);
}

void Xcs::close_gone() {
  std::erase_if(connections_, [this](const auto& each) {
    if (!each.second->gone || each.second->forgotten) return false;
    if (descriptor2_ == each.first) descriptor2_ = 0;
    leave_session(*each.second);
    return true;
  });
}

/// The session is kept for a while: its client may return.
void Xcs::leave_session(Connection& connection) {
  XcsSession* session = std::exchange(connection.session, nullptr);
  if (session == nullptr) return;
  connection.numbers = session->numbers;
  // Drops the requests in the output: they are unanswered, and will be offered again. Other frames wait for
  // the session's next data connection.
  if (connection.side == Side::data) session->output.rewind_without_requests();
  sessions_.leave(*session, connection.number, host_.now());
  if (session->is_unconnected()) schedule_housekeeping();
}

// -- housekeeping: runs while there are connections or sessions that may expire

void Xcs::schedule_housekeeping() {
  if (housekeeping_ == 0) housekeeping_ = host_.timer_start(xcs_housekeeping_period, [this] { housekeep(); });
}

void Xcs::housekeep() {
  housekeeping_ = 0;
  const Time now = host_.now();
  if (!std::exchange(accepting_, true)) host_.watch_interest(listener_, {.read = true, .write = false});
  for (XcsSession* session : sessions_.expired(now)) {
    count(counters_.sessions_expired, trace::Counter::sessions_expired);
    end_session(*session);
  }
  bool any_unknown = false;
  for (auto& [number, connection] : connections_) {
    if (connection->side != Side::unknown || connection->gone || connection->forgotten) continue;
    any_unknown = true;
    if (now - connection->since <= xcs_connection_silent_max) continue;
    refuse(counters_.connections_silent, trace::Counter::connections_silent, 0, *connection,
           trace::Refusal::client_silent);
    connection->gone = any_gone_ = true;
  }
  if (any_unknown || sessions_.any_unconnected()) schedule_housekeeping();
  settle();
}

void Xcs::count(std::uint32_t& counter, trace::Counter name, DomainId domain) {
  journal_.counted(domain, name, counter, counter + 1);
  ++counter;
}

void Xcs::refuse(std::uint32_t& counter, trace::Counter name, DomainId domain, const Connection& from,
                 trace::Refusal why, const trace::Values& values) {
  count(counter, name, domain);
  journal_.refused(domain, actor(Role::client, from.number), why, values);
}

}  // namespace ringside::dom0
