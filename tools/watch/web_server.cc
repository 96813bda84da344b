// The part of HTTP that one page needs.
#include "tools/watch/web_server.h"

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

/// The value of a header field; empty if there is none.
std::string field(std::string_view head, const std::string& name) {
  const std::string all = lower(std::string(head));
  const std::size_t at = all.find("\r\n" + name + ":");
  if (at == std::string::npos) return "";
  const std::size_t begin = all.find_first_not_of(" \t", at + 3 + name.size());
  const std::size_t end = all.find("\r\n", at + 2);
  return begin == std::string::npos || begin >= end ? "" : std::string(head.substr(begin, end - begin));
}

/// 0 if it is not a number.
std::uint64_t number_in(const std::string& digits) {
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return problem == std::errc{} && end == digits.data() + digits.size() ? number : 0;
}

}  // namespace

WebServer::WebServer(Host& host, Callbacks callbacks)
    : host_(host),
      callbacks_(std::move(callbacks)),
      acceptor_(host, [this](Handle stream) { welcome(std::move(stream)); }),
      word_(random_word()) {}

Result<> WebServer::listen(std::uint16_t port) {
  auto listener = host_.listen_tcp(port);
  if (!listener) return listener.error();
  port_ = listener->port;
  acceptor_.start(std::move(listener->handle));
  return Done{};
}

std::string WebServer::address() const {
  return fmt::format("http://127.0.0.1:{}/{}/", port_, word_);
}

bool WebServer::event(std::string text) {
  const std::size_t bytes = text.size() + web_event_overhead_bytes;
  if (bytes > web_kept_bytes_max - kept_bytes_) full_ = true;
  if (!full_) {
    kept_bytes_ += bytes;
    events_.push_back(std::move(text));
  }
  wake_watching();
  return !full_;
}

void WebServer::say(std::string text) {
  state_ = std::move(text);
  ++states_;
  wake_watching();
}

void WebServer::begin_anew() {
  first_event_ += std::exchange(events_, {}).size();
  kept_bytes_ = 0;
  full_ = false;
  std::erase_if(clients_, [](const auto& item) { return item.second.watches; });
}

void WebServer::wake_watching() {
  std::vector<ClientId> watching;
  for (const auto& [id, client] : clients_) {
    if (client.watches) watching.push_back(id);
  }
  for (const ClientId id : watching) ready(id, {.write = true});
}

void WebServer::welcome(Handle stream) {
  if (clients_.size() == web_clients_max && !close_oldest()) return;  // closed with the handle
  const ClientId id = ++last_client_;
  Client& client = clients_[id];
  client.stream = std::move(stream);
  host_.watch(client.stream, client.interest, [this, id](Ready now) { ready(id, now); });
}

bool WebServer::close_oldest() {
  const auto oldest = std::ranges::find_if(clients_, [](const auto& item) { return !item.second.watches; });
  if (oldest == clients_.end()) return false;
  clients_.erase(oldest);
  return true;
}

void WebServer::ready(ClientId id, Ready now) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Client& client = found->second;
  if ((now.read && !read(client)) || !write(client)) {
    clients_.erase(found);
    return;
  }
  const Ready wanted{.read = true, .write = !client.out.empty()};
  if (wanted.write == client.interest.write) return;
  client.interest = wanted;
  host_.watch_interest(client.stream, wanted);
}

bool WebServer::read(Client& client) {
  std::array<std::uint8_t, web_request_bytes_max> bytes;
  const Io io = host_.read(client.stream, bytes);
  if (io.state == Io::State::closed) return false;
  // A client that receives events or has its answer makes no further requests.
  if (client.watches || client.last) return true;
  client.in.append(reinterpret_cast<const char*>(bytes.data()), io.bytes);
  take_request(client);
  return true;
}

bool WebServer::write(Client& client) {
  for (;;) {
    refill(client);
    if (client.out.empty()) return !client.last;
    const Io io = host_.write(client.stream,
                              {reinterpret_cast<const std::uint8_t*>(client.out.data()), client.out.size()});
    if (io.state == Io::State::closed) return false;
    if (io.state == Io::State::blocked) return true;
    client.out.erase(0, io.bytes);
  }
}

void WebServer::refill(Client& client) {
  if (!client.watches) return;
  const std::uint64_t end = first_event_ + events_.size();
  while (client.next_event < end && client.out.size() < web_waiting_bytes_max) {
    client.out +=
        fmt::format("id: {}\ndata: {}\n\n", client.next_event + 1, events_[client.next_event - first_event_]);
    ++client.next_event;
  }
  if (std::exchange(client.told_state, states_) != states_)
    client.out += fmt::format("event: console\ndata: {}\n\n", state_);
  if (full_ && client.next_event == end && !std::exchange(client.told_full, true))
    client.out += "event: full\ndata: \n\n";
}

void WebServer::start_events(Client& client, const std::string& last_event_id) {
  const std::uint64_t last = number_in(last_event_id);
  // A page from before the events were restarted: a browser does not ask again after this answer.
  if (!last_event_id.empty() && last < first_event_)
    return answer(client, "204 No Content", "text/plain", "");
  client.next_event = std::clamp(last, first_event_, first_event_ + events_.size());
  client.watches = true;
  client.out = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\r\n";
}

void WebServer::take_request(Client& client) {
  const std::size_t end = client.in.find("\r\n\r\n");
  if (std::min(end, client.in.size()) > web_request_bytes_max)
    return answer(client, "431 Request Header Fields Too Large", "text/plain", "");
  if (end == std::string::npos) return;
  const std::string_view head = std::string_view(client.in).substr(0, end + 2);
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const std::string base = "/" + word_ + "/";
  const std::string host = field(head, "host");
  if (host != fmt::format("127.0.0.1:{}", port_) && host != fmt::format("localhost:{}", port_))
    return answer(client, "403 Forbidden", "text/plain", "");
  if (line.starts_with("GET " + base + " "))
    return answer(client, "200 OK", "text/html; charset=utf-8", callbacks_.page());
  if (line.starts_with("GET " + base + "steps ")) return start_events(client, field(head, "last-event-id"));
  if (!line.starts_with("POST " + base + "type ")) return answer(client, "404 Not Found", "text/plain", "");
  const std::uint64_t length = number_in(field(head, "content-length"));
  if (length == 0 || length > web_typed_bytes_max)
    return answer(client, "413 Content Too Large", "text/plain", "");
  const std::string_view body = std::string_view(client.in).substr(end + 4);
  if (body.size() < length) return;
  const std::string why = callbacks_.typed({reinterpret_cast<const std::uint8_t*>(body.data()), length});
  answer(client, why.empty() ? "204 No Content" : "200 OK", "text/plain; charset=utf-8", why);
}

void WebServer::answer(Client& client, std::string_view status, std::string_view type,
                       std::string_view body) {
  client.out = fmt::format(
      "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n"
      "Referrer-Policy: no-referrer\r\nX-Frame-Options: DENY\r\nConnection: close\r\n\r\n{}",
      status, type, body.size(), body);
  client.in.clear();
  client.last = true;
}

}  // namespace ringside::tools
