// Learns which component is at the other end, and loses, delays and duplicates messages to it.
#include "emu/host/linux_faults.h"

#include <sys/socket.h>

#include <algorithm>

#include "emu/host/launch.h"
#include "emu/trace/text.h"

namespace ringside {

using Effect = FaultRule::Effect;
using Traffic = FaultRule::Traffic;

namespace {

/// How long to wait for a stream that is full at the moment.
constexpr Duration retry_delay = std::chrono::milliseconds(1);

std::string domain_name(DomainId domain) {
  return trace::actor_name(trace::actor(trace::Role::domain, domain));
}

/// The process at the other end; 0 = not known.
int peer_process(int stream) {
  ucred who{};
  socklen_t size = sizeof who;
  return getsockopt(stream, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 ? who.pid : 0;
}

}  // namespace

void LinuxHost::inject_faults(FaultTable table, FaultHandler bitten) {
  faults_ = std::make_unique<Faults>(*this, std::move(table), std::move(bitten));
}

void LinuxHost::name_newest_stream(const std::string& name) {
  if (faults_ != nullptr) faults_->speaks_for(name);
}

// -- learning the components

void LinuxHost::Faults::called(const HypercallArguments& arguments, const HypercallOutcome& outcome) {
  const HypercallAnswer& answer = outcome.answer;
  if (answer.result < 0) return;
  const auto handle = [&outcome](std::size_t k) {
    return k < outcome.handles.size() ? outcome.handles[k].number() : -1;
  };
  // Other calls do not identify a peer.
  if (arguments.op == HypercallOp::start_info) {
    own_domain_ = answer.info.domain;
    guests_[own_domain_].abi = answer.info.abi;
    guests_[own_domain_].console_port = answer.info.console_port;
    frames_[handle(0)] = own_domain_;
  } else if (arguments.op == HypercallOp::domain_info) {
    guests_[answer.info.domain].abi = answer.info.abi;
  } else if (arguments.op == HypercallOp::map_frame) {
    frames_[handle(0)] = arguments.domain;
  } else if (arguments.op == HypercallOp::evtchn_bind_interdomain) {
    ports_[answer.port] = {domain_name(arguments.domain2), arguments.domain2, answer.port2};
  } else if (arguments.op == HypercallOp::evtchn_open && handle(1) >= 0) {
    const auto port = ports_.find(arguments.port);
    if (own_domain_ == 0 && port != ports_.end()) kicked_[handle(1)] = port->second;
    if (own_domain_ != 0 && arguments.port == guests_[own_domain_].console_port)
      kicked_[handle(1)] = {table_.controller(), own_domain_, 0};
  }
}

void LinuxHost::Faults::mapped(int frame, std::byte* page) {
  if (const auto found = frames_.find(frame); found != frames_.end()) guests_[found->second].page = page;
}

void LinuxHost::Faults::unmapped(std::byte* page) {
  for (auto& [domain, guest] : guests_) {
    if (guest.page == page) guest.page = nullptr;
  }
}

void LinuxHost::Faults::connected(const std::string& path, int stream) {
  if (path != host_.machine().xcs_socket()) return;
  streams_[stream] = Stream{.from = host_.name_, .to = "xcs"};
  newest_stream_ = stream;
}

void LinuxHost::Faults::speaks_for(const std::string& name) {
  if (const auto found = streams_.find(newest_stream_); found != streams_.end()) found->second.from = name;
}

void LinuxHost::Faults::accepted(const std::string& path, int stream) {
  if (path != host_.machine().xcs_socket()) return;
  ++clients_;
  const auto xend = PidFile::holder(host_.machine().pid_file("xend"));
  const bool is_xend = xend && *xend == peer_process(stream);
  streams_[stream] = Stream{
      .from = "xcs", .to = is_xend ? "xend" : trace::actor_name(trace::actor(trace::Role::client, clients_))};
}

void LinuxHost::Faults::closing(int number) {
  frames_.erase(number);
  kicked_.erase(number);
  const auto found = streams_.find(number);
  if (found == streams_.end()) return;
  Stream& stream = found->second;
  // Bytes sent before a close still arrive, as far as possible.
  hold(stream, stream.begun, Duration{0});
  overtake(stream);
  for (Held& each : stream.held) each.due = Time{0};
  flush(number, stream);
  if (stream.timer != 0) host_.timer_cancel(stream.timer);
  streams_.erase(found);
}

// -- kicks

bool LinuxHost::Faults::kick(const Handle& kicks) {
  const auto found = kicked_.find(kicks.number());
  if (found == kicked_.end()) return false;
  const Kicked& to = found->second;
  const std::string from = to.port == 0 ? domain_name(to.guest) : table_.controller();
  const auto rule = table_.bite(Traffic::kick, from, to.to);
  if (!rule) return false;
  switch (rule->effect) {
    case Effect::drop: {
      const Guest& guest = guests_[to.guest];
      if (guest.page != nullptr && to.port == 0) take_back_event_up(guest.page);
      if (guest.page != nullptr && to.port != 0) take_back_event_down(guest.page, guest.abi, to.port);
      break;
    }
    case Effect::duplicate:
      host_.kick_now(kicks.number());
      kick_later(kicks, rule->by);
      break;
    case Effect::delay:
      kick_later(kicks, rule->by);
      break;
    case Effect::reorder:
      RS_CHECK(!"kicks are not reordered");
  }
  fault_handler_(*rule, to.guest);
  return true;
}

void LinuxHost::Faults::kick_later(const Handle& kicks, Duration by) {
  // A copy: by then the port may be closed, and its number may be in use for another.
  auto copy = host_.handle_duplicate(kicks);
  if (!copy) return;
  table_.hold_until(host_.now() + by);
  const std::uint64_t number = ++numbers_;
  late_.emplace(number, std::move(*copy));
  host_.timer_start(by, [this, number] {
    const auto found = late_.find(number);
    host_.kick_now(found->second.number());
    late_.erase(found);
  });
}

// -- streams

std::optional<Io> LinuxHost::Faults::write(const Handle& handle, Bytes bytes) {
  const int number = handle.number();
  const auto found = streams_.find(number);
  if (found == streams_.end() || bytes.empty()) return std::nullopt;
  Stream& stream = found->second;
  const auto concerned = table_.unit_of(stream.from, stream.to);
  const bool holds = !stream.held.empty() || !stream.begun.empty() || !stream.overtaken.empty();
  if (!concerned && !holds) return std::nullopt;
  stream.unit_bytes = concerned.value_or(stream.unit_bytes);
  if (stream.held_bytes >= held_back_bytes_max) return Io{Io::State::blocked, 0};
  const std::size_t moved = bytes.size();
  const std::size_t unit = stream.unit_bytes;
  if (stream.begun.empty() && stream.sent_bytes % unit != 0) {
    // The rest of a unit whose first part was sent before there was a rule.
    const auto rest = bytes.first(std::min(bytes.size(), unit - stream.sent_bytes % unit));
    hold(stream, rest, Duration{0});
    bytes = bytes.subspan(rest.size());
  }
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), unit - stream.begun.size()));
    stream.begun.insert(stream.begun.end(), piece.begin(), piece.end());
    bytes = bytes.subspan(piece.size());
    if (stream.begun.size() == unit) pass_unit(number, stream);
  }
  stream.sent_bytes += moved;
  flush(number, stream);
  return Io{Io::State::moved, moved};
}

void LinuxHost::Faults::wrote_unchecked(int number, std::size_t bytes) {
  if (const auto found = streams_.find(number); found != streams_.end()) found->second.sent_bytes += bytes;
}

/// One whole unit is sent.
void LinuxHost::Faults::pass_unit(int number, Stream& stream) {
  const std::vector<std::uint8_t> unit = std::exchange(stream.begun, {});
  const auto rule = table_.bite(Traffic::bytes, stream.from, stream.to);
  if (!rule) {
    hold(stream, unit, Duration{0});
    return overtake(stream);
  }
  switch (rule->effect) {
    case Effect::drop:
      break;
    case Effect::delay:
      hold(stream, unit, rule->by);
      break;
    case Effect::duplicate:
      hold(stream, unit, Duration{0});
      hold(stream, unit, rule->by);
      break;
    case Effect::reorder: {
      if (!stream.overtaken.empty()) {
        hold(stream, unit, Duration{0});
        break;
      }
      stream.overtaken = unit;
      const Duration patience = rule->by == Duration{0} ? reorder_wait : rule->by;
      table_.hold_until(host_.now() + patience);
      stream.overtaken_number = ++numbers_;
      host_.timer_start(patience, [this, number, mine = numbers_] {
        const auto found = streams_.find(number);
        if (found == streams_.end() || found->second.overtaken_number != mine) return;
        overtake(found->second);
        flush(number, found->second);
      });
      return fault_handler_(*rule, 0);
    }
  }
  overtake(stream);
  fault_handler_(*rule, 0);
}

/// Queues the bytes for `by` from now; later bytes wait behind them.
void LinuxHost::Faults::hold(Stream& stream, Bytes bytes, Duration by) {
  if (bytes.empty()) return;
  Time due = by == Duration{0} ? Time{0} : host_.now() + by;
  if (!stream.held.empty()) due = std::max(due, stream.held.back().due);
  if (due != Time{0}) table_.hold_until(due);
  stream.held.push_back({{bytes.begin(), bytes.end()}, due});
  stream.held_bytes += bytes.size();
}

void LinuxHost::Faults::overtake(Stream& stream) {
  hold(stream, std::exchange(stream.overtaken, {}), Duration{0});
}

/// Writes the bytes that are due, as many as the stream takes.
void LinuxHost::Faults::flush(int number, Stream& stream) {
  while (!stream.held.empty() && stream.held.front().due <= host_.now()) {
    std::vector<std::uint8_t>& next = stream.held.front().bytes;
    const Io io = host_.write_now(number, next);
    if (io.state == Io::State::blocked) break;
    const std::size_t gone = io.state == Io::State::closed ? next.size() : io.bytes;
    next.erase(next.begin(), next.begin() + static_cast<std::ptrdiff_t>(gone));
    stream.held_bytes -= gone;
    if (next.empty()) stream.held.pop_front();
  }
  arm(number, stream);
}

void LinuxHost::Faults::arm(int number, Stream& stream) {
  if (stream.held.empty() || stream.timer != 0) return;
  const Duration wait = std::max(retry_delay, stream.held.front().due - host_.now());
  stream.timer = host_.timer_start(wait, [this, number] {
    const auto found = streams_.find(number);
    if (found == streams_.end()) return;
    found->second.timer = 0;
    flush(number, found->second);
  });
}

}  // namespace ringside
