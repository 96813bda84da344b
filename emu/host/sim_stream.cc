// Byte streams of the simulated host: pairs of bounded buffers, and the names under which they are connected.
#include <algorithm>
#include <cerrno>

#include "emu/host/sim_objects.h"

namespace ringside {

namespace {

std::string tcp_name(std::uint32_t port) {
  return fmt::format("tcp:{}", port);
}

}  // namespace

std::pair<SimStream*, SimStream*> SimWorld::stream_pair(std::size_t bytes) {
  auto& one = create<SimStream>(bytes);
  auto& other = create<SimStream>(bytes);
  one.peer = &other;
  other.peer = &one;
  return {&one, &other};
}

Result<Handle> SimWorld::listen(SimHost& owner, const std::string& name) {
  if (auto failed = owner.no_descriptor(name)) return *failed;
  if (listeners_.contains(name)) {
    return Error{EADDRINUSE, "cannot listen", name, "another listener exists already",
                 "stop it, or choose another"};
  }
  auto& listener = create<SimListener>(name);
  listeners_[name] = &listener;
  return open(owner, listener);
}

Result<Handle> SimWorld::connect(SimHost& owner, const std::string& name, int code_when_missing) {
  if (auto failed = owner.no_descriptor(name)) return *failed;
  const auto at = listeners_.find(name);
  if (at == listeners_.end()) {
    return Error{code_when_missing, "cannot connect", name, "there is no listener", "is it running?"};
  }
  SimListener& listener = *at->second;
  if (listener.waiting.size() >= sim_backlog_max) {
    return Error{EAGAIN, "cannot connect", name, "its queue of waiting connections is full",
                 "try again later"};
  }
  const auto [here, there] = stream_pair(stream_bytes_);
  there->holds = 1;
  listener.waiting.push_back(there);
  changed(listener);
  return open(owner, *here);
}

Io SimWorld::read(SimStream& stream, std::span<std::uint8_t> into) {
  RS_CHECK(!into.empty());  // the result would look like an end of file
  if (stream.in.empty()) {
    const bool over = (stream.peer == nullptr || stream.input_ended) && stream.coming.empty();
    return {.state = over ? Io::State::closed : Io::State::blocked};
  }
  into = into.first(some_of(std::min(into.size(), stream.in.size())));
  std::size_t done = 0;
  while (done < into.size() && !stream.in.empty()) {
    const auto piece = stream.in.front().first(std::min(stream.in.front().size(), into.size() - done));
    std::copy(piece.begin(), piece.end(), into.begin() + static_cast<std::ptrdiff_t>(done));
    done += piece.size();
    stream.in.drop(piece.size());
  }
  if (!stream.coming.empty()) arrive(stream);
  // Room for the peer; or, when the peer is gone, a terminal that has become closed.
  changed(stream.peer != nullptr ? *stream.peer : stream);
  return {.state = Io::State::moved, .bytes = done};
}

Io SimWorld::write(SimStream& stream, Bytes bytes, const SimHost* writer) {
  RS_CHECK(!bytes.empty());
  RS_CHECK(stream.peer == nullptr || !stream.peer->input_ended);
  if (stream.peer == nullptr) return {.state = stream.draining() ? Io::State::blocked : Io::State::closed};
  if (write_bytes_max_ != 0) {
    // The limit is per event, so that the reader gets the piece alone.
    if (std::exchange(stream.written_step, steps_) != steps_) stream.written_bytes = 0;
    bytes = bytes.first(
        std::min(bytes.size(), write_bytes_max_ - std::min(write_bytes_max_, stream.written_bytes)));
  }
  SimStream& to = *stream.peer;
  bytes = bytes.first(std::min(bytes.size(), to.room()));
  if (bytes.empty()) return {.state = Io::State::blocked};
  const bool is_socket = writer != nullptr && !to.terminal && !to.pty;
  if (is_socket && !writer->steady_) bytes = bytes.first(some_of(bytes.size()));
  stream.written_bytes += bytes.size();
  if (!is_socket) {
    send(to, bytes, Duration{0});
  } else if (to.slots.empty() || (faults_.empty() && stream.unit_begun.empty())) {
    send(to, bytes, latency());
  } else {
    send_past_faults(stream, writer->name(), find(to.slots.front())->owner->name(), bytes);
  }
  stream.sent_bytes += bytes.size();
  return {.state = Io::State::moved, .bytes = bytes.size()};
}

/// Sends bytes; they arrive after those sent before.
void SimWorld::send(SimStream& to, Bytes bytes, Duration after, bool by_fault) {
  const Time at = std::max(to.last_arrival, now_ + after);
  if (at <= now_ && to.coming.empty() && bytes.size() <= to.in.room()) {
    to.in.push(bytes);
    if (to.program != nullptr) to.program->input_due = true;
    return changed(to);
  }
  to.coming.push_back({at, {bytes.begin(), bytes.end()}, by_fault});
  to.coming_bytes += bytes.size();
  to.last_arrival = at;
  if (by_fault) ++held_back_;
  post_at(at, nullptr, [this, id = to.id] {
    const auto found = objects_.find(id);
    if (found != objects_.end()) arrive(static_cast<SimStream&>(*found->second));
  });
}

/// Accepts bytes that have arrived, as far as there is room.
void SimWorld::arrive(SimStream& to) {
  while (!to.coming.empty() && to.coming.front().at <= now_ && !to.in.full()) {
    SimStream::Coming& coming = to.coming.front();
    const std::size_t taken = to.in.push(coming.bytes);
    to.coming_bytes -= taken;
    if (taken < coming.bytes.size()) {
      coming.bytes.erase(coming.bytes.begin(), coming.bytes.begin() + static_cast<std::ptrdiff_t>(taken));
      break;
    }
    if (coming.by_fault) --held_back_;
    to.coming.pop_front();
  }
  changed(to);
}

Result<Handle> SimHost::listen_local(const std::string& path) {
  return world_.listen(*this, path);
}

Result<Host::TcpListener> SimHost::listen_tcp(std::uint16_t port) {
  std::uint32_t chosen = port;
  if (port == 0) {
    while (world_.listeners_.contains(tcp_name(world_.next_tcp_port_))) ++world_.next_tcp_port_;
    chosen = world_.next_tcp_port_++;
    RS_CHECK(chosen <= 65535);
  }
  auto handle = world_.listen(*this, tcp_name(chosen));
  if (!handle) return handle.error();
  return TcpListener{std::move(*handle), static_cast<std::uint16_t>(chosen)};
}

Result<Handle> SimHost::connect_local(const std::string& path) {
  return world_.connect(*this, path, ENOENT);
}

Result<Handle> SimHost::connect_tcp(std::uint16_t port) {
  return world_.connect(*this, tcp_name(port), ECONNREFUSED);
}

Result<std::optional<Handle>> SimHost::accept(const Handle& listener) {
  auto& from = object<SimListener>(listener);
  if (from.waiting.empty()) return std::optional<Handle>{};
  if (auto failed = no_descriptor("a connection")) return *failed;
  if (world_.accepts_failing_ != 0) {
    --world_.accepts_failing_;
    return Error{ENOMEM, "cannot take a connection", "", "there is no memory for it", ""};
  }
  SimStream& stream = *from.waiting.front();
  from.waiting.pop_front();
  std::optional<Handle> accepted = world_.open(*this, stream);
  --stream.holds;
  return accepted;
}

Io SimHost::read(const Handle& stream, std::span<std::uint8_t> into) {
  if (auto* file = dynamic_cast<SimFile*>(slot(stream).object)) return world_.read(*file, into);
  return world_.read(object<SimStream>(stream), into);
}

Io SimHost::write(const Handle& stream, Bytes bytes) {
  if (auto* file = dynamic_cast<SimFile*>(slot(stream).object)) return world_.write(*file, bytes);
  return world_.write(object<SimStream>(stream), bytes, this);
}

void SimHost::end_output(const Handle& stream) {
  SimStream* const peer = object<SimStream>(stream).peer;
  if (peer == nullptr) return;
  peer->input_ended = true;
  world_.changed(*peer);
}

void SimHost::watch(const Handle& stream, Ready interest, std::function<void(Ready)> ready) {
  RS_CHECK(ready != nullptr);
  SimSlot& watched = slot(stream);
  watched.watched = true;
  watched.interest = interest;
  watched.ready = std::move(ready);
  world_.post_ready(stream.number());
}

void SimHost::watch_interest(const Handle& stream, Ready interest) {
  SimSlot& watched = slot(stream);
  RS_CHECK(watched.watched);
  watched.interest = interest;
  world_.post_ready(stream.number());
}

}  // namespace ringside
