// The clients, their requests so far, and the answers not yet written.
#include "emu/dom0/requests/line_server.h"

#include <array>
#include <utility>

namespace ringside::dom0 {

LineServer::LineServer(Host& host, std::function<void(ClientId, std::string_view)> request)
    : host_(host),
      request_(std::move(request)),
      acceptor_(host, [this](Handle stream) { welcome(std::move(stream)); }) {}

LineServer::~LineServer() {
  if (serve_timer_ != 0) host_.timer_cancel(serve_timer_);
}

Result<> LineServer::listen(const std::string& path) {
  auto listener = host_.listen_local(path);
  if (!listener) return listener.error();
  acceptor_.start(std::move(listener).value());
  return Done{};
}

void LineServer::welcome(Handle stream) {
  if (clients_.size() == line_clients_max) {
    const std::string text = fmt::format("error at most {} clients at a time\n", line_clients_max);
    (void)host_.write(stream, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    return;
  }
  const ClientId id = ++last_client_;
  Client& client = clients_[id];
  client.stream = std::move(stream);
  client.interest = {.read = true};
  host_.watch(client.stream, client.interest, [this, id](Ready ready) { client_ready(id, ready); });
}

void LineServer::client_ready(ClientId id, Ready ready) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  if (ready.read && !read_client(found->second)) {
    clients_.erase(found);
    return;
  }
  due_.push_back(id);
  serve_due();
}

bool LineServer::read_client(Client& client) {
  std::array<std::uint8_t, request_line_bytes_max> bytes;
  const std::size_t room = request_line_bytes_max - client.in.size();
  if (room == 0) return true;
  const Io io = host_.read(client.stream, std::span(bytes).first(room));
  client.in.append(reinterpret_cast<const char*>(bytes.data()), io.bytes);
  return io.state != Io::State::closed;
}

bool LineServer::write_client(Client& client) {
  while (!client.out.empty()) {
    const Io io = host_.write(client.stream,
                              {reinterpret_cast<const std::uint8_t*>(client.out.data()), client.out.size()});
    if (io.state == Io::State::closed) return false;
    if (io.state == Io::State::blocked) return true;
    client.out.erase(0, io.bytes);
  }
  return !client.unfit;
}

void LineServer::serve_due() {
  serving_ = true;
  while (!due_.empty()) {
    const ClientId id = due_.front();
    due_.pop_front();
    serve(id);
  }
  serving_ = false;
}

void LineServer::serve(ClientId id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Client& client = found->second;
  if (!write_client(client)) {
    clients_.erase(found);
    return;
  }
  const std::size_t end = client.in.find('\n');
  if (!client.asked && client.out.empty() && end != std::string::npos) {
    const std::string line = client.in.substr(0, end);
    client.in.erase(0, end + 1);
    client.asked = true;
    request_(id, line);
    return;  // the answer causes the next turn
  }
  if (!client.asked && client.out.empty() && client.in.size() == request_line_bytes_max) {
    client.in.clear();
    client.unfit = true;
    client.asked = true;
    answer(id, fmt::format("error a request has at most {} bytes", request_line_bytes_max));
    return;
  }
  const Ready wanted{.read = !client.unfit && client.in.size() < request_line_bytes_max,
                     .write = !client.out.empty()};
  if (wanted.read == client.interest.read && wanted.write == client.interest.write) return;
  client.interest = wanted;
  host_.watch_interest(client.stream, wanted);
}

void LineServer::answer(ClientId id, std::string text) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Client& client = found->second;
  RS_CHECK(client.asked);
  client.asked = false;
  client.out = std::move(text);
  client.out += '\n';
  due_.push_back(id);
  if (serving_ || serve_timer_ != 0) return;
  serve_timer_ = host_.timer_start(Duration::zero(), [this] {
    serve_timer_ = 0;
    serve_due();
  });
}

}  // namespace ringside::dom0
