// The page, its events, and the bytes that are typed into it.
#include "tools/watch/web_server.h"

#include <fmt/format.h>

#include <algorithm>

namespace ringside::tools {

WebServer::WebServer(Host& host, Callbacks callbacks, std::size_t kept_bytes_max)
    : callbacks_(std::move(callbacks)),
      http_(host, {.known = {"GET ", "GET steps", "POST type"},
                   .body_bytes_max = web_typed_bytes_max,
                   .asked = [this](ClientId id, const HttpRequest& request) { asked(id, request); },
                   .more = [this](ClientId id, std::string& out) { refill(id, out); },
                   .left = [this](ClientId id) { watchers_.erase(id); }}),
      kept_bytes_max_(kept_bytes_max) {}

bool WebServer::event(std::string text) {
  const std::size_t bytes = text.size() + web_event_overhead_bytes;
  if (bytes > kept_bytes_max_ - kept_bytes_) full_ = true;
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
  while (!watchers_.empty()) http_.close(watchers_.begin()->first);
}

void WebServer::wake_watching() {
  for (const auto& [id, watcher] : watchers_) http_.wake(id);
}

void WebServer::refill(ClientId id, std::string& out) {
  Watcher& watcher = watchers_.at(id);
  const std::uint64_t end = first_event_ + events_.size();
  while (watcher.next_event < end && out.size() < web_waiting_bytes_max) {
    out += fmt::format("id: {}\ndata: {}\n\n", watcher.next_event + 1,
                       events_[watcher.next_event - first_event_]);
    ++watcher.next_event;
  }
  if (std::exchange(watcher.told_state, states_) != states_)
    out += fmt::format("event: console\ndata: {}\n\n", state_);
  if (full_ && watcher.next_event == end && !std::exchange(watcher.told_full, true))
    out += "event: full\ndata: \n\n";
}

void WebServer::start_events(ClientId id, const std::string& last_event_id) {
  const std::uint64_t last = http_number(last_event_id);
  // A page from before the events were restarted: a browser does not ask again after this answer.
  if (!last_event_id.empty() && last < first_event_) return http_.answer(id, {.status = "204 No Content"});
  watchers_[id].next_event = std::clamp(last, first_event_, first_event_ + events_.size());
  http_.stream(id, "text/event-stream");
}

void WebServer::asked(ClientId id, const HttpRequest& request) {
  if (request.what == "GET steps") return start_events(id, request.field("last-event-id"));
  if (request.what == "GET ") {
    const std::string page = callbacks_.page();
    return http_.answer(id, {.status = "200 OK", .type = "text/html; charset=utf-8", .body = page});
  }
  const std::string why =
      callbacks_.typed({reinterpret_cast<const std::uint8_t*>(request.body.data()), request.body.size()});
  http_.answer(id, {.status = why.empty() ? "204 No Content" : "200 OK", .body = why});
}

}  // namespace ringside::tools
