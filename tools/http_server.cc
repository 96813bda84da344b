// The part of HTTP that these pages need.
#include "tools/http_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <random>

namespace ringside::tools {

namespace {

/// 128 bits that cannot be guessed.
std::string random_word() {
  std::random_device random;
  std::string word;
  for (int part = 0; part < 4; ++part) word += fmt::format("{:08x}", static_cast<std::uint32_t>(random()));
  return word;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string field_in(std::string_view head, const std::string& name) {
  const std::string all = lower(std::string(head));
  const std::size_t at = all.find("\r\n" + name + ":");
  if (at == std::string::npos) return "";
  const std::size_t begin = all.find_first_not_of(" \t", at + 3 + name.size());
  const std::size_t end = all.find("\r\n", at + 2);
  return begin == std::string::npos || begin >= end ? "" : std::string(head.substr(begin, end - begin));
}

}  // namespace

std::uint64_t http_number(const std::string& digits) {
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return problem == std::errc{} && end == digits.data() + digits.size() ? number : 0;
}

std::string HttpRequest::field(const std::string& name) const {
  return field_in(head, name);
}

HttpServer::HttpServer(Host& host, Spec spec)
    : host_(host),
      spec_(std::move(spec)),
      acceptor_(host, [this](Handle stream) { welcome(std::move(stream)); }),
      word_(random_word()) {}

Result<> HttpServer::listen(std::uint16_t port) {
  auto listener = host_.listen_tcp(port);
  if (!listener) return listener.error();
  port_ = listener->port;
  acceptor_.start(std::move(listener->handle));
  return Done{};
}

std::string HttpServer::address() const {
  return fmt::format("http://127.0.0.1:{}/{}/", port_, word_);
}

void HttpServer::welcome(Handle stream) {
  if (clients_.size() == http_clients_max && !close_oldest()) return;  // closed with the handle
  const ClientId id = ++last_client_;
  Client& client = clients_[id];
  client.stream = std::move(stream);
  host_.watch(client.stream, client.interest, [this, id](Ready now) { ready(id, now); });
}

/// Closes the oldest connection that neither waits for its answer nor streams; false: all do.
bool HttpServer::close_oldest() {
  const auto oldest = std::ranges::find_if(clients_, [](const auto& item) {
    return item.second.state == State::asking || item.second.state == State::answered;
  });
  if (oldest == clients_.end()) return false;
  close(oldest->first);
  return true;
}

void HttpServer::close(ClientId id) {
  if (clients_.erase(id) != 0) spec_.left(id);
}

void HttpServer::want(Client& client, bool write) {
  if (write == client.interest.write) return;
  client.interest.write = write;
  host_.watch_interest(client.stream, client.interest);
}

void HttpServer::ready(ClientId id, Ready now) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Client& client = found->second;
  if ((now.read && !read(id, client)) || !write(id, client)) return close(id);
  want(client, !client.out.empty());
}

bool HttpServer::read(ClientId id, Client& client) {
  std::array<std::uint8_t, http_head_bytes_max> bytes;
  const Io io = host_.read(client.stream, bytes);
  if (io.state == Io::State::closed) return false;
  // There is one request on a connection.
  if (client.state != State::asking) return true;
  client.in.append(reinterpret_cast<const char*>(bytes.data()), io.bytes);
  take_request(id, client);
  return true;
}

bool HttpServer::write(ClientId id, Client& client) {
  for (;;) {
    if (client.state == State::streaming) spec_.more(id, client.out);
    if (client.out.empty()) return client.state != State::answered;
    const std::string_view rest = std::string_view(client.out).substr(client.sent);
    const Io io =
        host_.write(client.stream, {reinterpret_cast<const std::uint8_t*>(rest.data()), rest.size()});
    if (io.state == Io::State::closed) return false;
    if (io.state == Io::State::blocked) return true;
    client.sent += io.bytes;
    // An answer may be long: its front is not erased piece by piece.
    if (client.state == State::answered && client.sent < client.out.size()) continue;
    client.out.erase(0, std::exchange(client.sent, 0));
  }
}

void HttpServer::take_request(ClientId id, Client& client) {
  const std::size_t end = client.in.find("\r\n\r\n");
  if (std::min(end, client.in.size()) > http_head_bytes_max)
    return answer(id, {.status = "431 Request Header Fields Too Large"});
  if (end == std::string::npos) return;
  const std::string_view head = std::string_view(client.in).substr(0, end + 2);
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const std::string host = field_in(head, "host");
  const std::string origin = field_in(head, "origin");
  if (host != fmt::format("127.0.0.1:{}", port_) && host != fmt::format("localhost:{}", port_))
    return answer(id, {.status = "403 Forbidden"});
  if (!origin.empty() && origin != "http://" + host) return answer(id, {.status = "403 Forbidden"});
  const auto what = std::ranges::find_if(spec_.known, [&](const std::string& each) {
    const std::size_t space = each.find(' ');
    return line.starts_with(fmt::format("{} /{}/{} ", each.substr(0, space), word_, each.substr(space + 1)));
  });
  if (what == spec_.known.end()) return answer(id, {.status = "404 Not Found"});
  std::uint64_t length = 0;
  if (what->starts_with("POST ")) {
    length = http_number(field_in(head, "content-length"));
    if (length == 0 || length > spec_.body_bytes_max) return answer(id, {.status = "413 Content Too Large"});
  }
  if (client.in.size() - end - 4 < length) return;
  HttpRequest request{*what, std::string(head), client.in.substr(end + 4, length)};
  client.in = {};
  client.state = State::waiting;
  spec_.asked(id, std::move(request));
}

void HttpServer::answer(ClientId id, const HttpAnswer& answer) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Client& client = found->second;
  client.out = fmt::format(
      "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n"
      "Referrer-Policy: no-referrer\r\nX-Frame-Options: DENY\r\n{}Connection: close\r\n\r\n{}",
      answer.status, answer.type, answer.body.size(), answer.fields, answer.body);
  client.in = {};
  client.state = State::answered;
  want(client, true);
}

void HttpServer::stream(ClientId id, std::string_view type) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  found->second.out =
      fmt::format("HTTP/1.1 200 OK\r\nContent-Type: {}\r\nCache-Control: no-store\r\n\r\n", type);
  found->second.state = State::streaming;
  want(found->second, true);
}

void HttpServer::wake(ClientId id) {
  if (const auto found = clients_.find(id); found != clients_.end()) want(found->second, true);
}

}  // namespace ringside::tools
