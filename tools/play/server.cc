// Passes a request to a process, and its answer to the browser.
#include "tools/play/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tools/play/player.h"

namespace ringside::tools {

namespace {

/// The page may load nothing, ask nothing but this server, and be in no other page. A replay page is in a
/// frame of its own, with a `blob:` address.
constexpr const char* page_fields =
    "Content-Security-Policy: default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; connect-src 'self'; frame-src blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'\r\n";

Duration seconds(double count) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(count));
}

}  // namespace

PlayServer::PlayServer(LinuxHost& host, std::string page, std::string path, double timeout_s)
    : host_(host),
      page_(std::move(page)),
      path_(std::move(path)),
      timeout_s_(timeout_s),
      http_(host, {.known = {"GET ", "POST run"},
                   .body_bytes_max = play_request_bytes_max,
                   .asked = [this](ClientId id, HttpRequest request) { asked(id, std::move(request)); },
                   .more = [](ClientId, std::string&) {},
                   .left = [this](ClientId id) { left(id); }}) {}

PlayServer::~PlayServer() {
  stop();
}

void PlayServer::asked(ClientId id, HttpRequest request) {
  if (request.what == "GET ") {
    http_.answer(
        id, {.status = "200 OK", .type = "text/html; charset=utf-8", .body = page_, .fields = page_fields});
    return;
  }
  waiting_.push_back({id, std::move(request.body)});
  run_next();
}

void PlayServer::left(ClientId id) {
  std::erase_if(waiting_, [id](const Waiting& each) { return each.client == id; });
  if (!running_ || running_->client != id) return;
  stop();
  run_next();
}

void PlayServer::run_next() {
  while (!running_ && !waiting_.empty()) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    const ClientId client = next.client;
    if (auto started = start(std::move(next)); !started)
      http_.answer(client, {.status = "200 OK", .body = not_played(started.error().text())});
  }
}

Result<> PlayServer::start(Waiting next) {
  auto worker = launch_worker(host_, player_arguments(path_, timeout_s_), player_memory_bytes_max);
  if (!worker) return worker.error();
  running_ = Running{
      .client = next.client, .request = std::move(next.request), .answer = {}, .worker = std::move(*worker)};
  host_.watch(running_->worker.stream, {.read = true, .write = true}, [this](Ready now) { exchange(now); });
  host_.process_watch(running_->worker.process, [this](int status) { ended(status); });
  const double limit_s = timeout_s_ + player_rest_s;
  running_->limit = host_.timer_start(seconds(limit_s), [this, limit_s] {
    running_->limit = 0;
    finish(
        not_played(fmt::format("It did not end in {} s, and was stopped: --timeout allows more.", limit_s)));
  });
  return Done{};
}

void PlayServer::exchange(Ready now) {
  if (now.read) read();
  if (!running_ || !now.write || running_->sent == running_->request.size()) return;
  const std::string& request = running_->request;
  const Io io = host_.write(running_->worker.stream,
                            {reinterpret_cast<const std::uint8_t*>(request.data()) + running_->sent,
                             request.size() - running_->sent});
  running_->sent += io.bytes;
  if (running_->sent < request.size() && io.state != Io::State::closed) return;
  host_.end_output(running_->worker.stream);
  host_.watch_interest(running_->worker.stream, {.read = true});
}

/// Reads what the process has written up to now.
void PlayServer::read() {
  std::array<std::uint8_t, 65536> bytes;
  for (;;) {
    const Io io = host_.read(running_->worker.stream, bytes);
    if (io.state == Io::State::closed) host_.watch_interest(running_->worker.stream, {});
    if (io.state != Io::State::moved) return;
    running_->answer.append(reinterpret_cast<const char*>(bytes.data()), io.bytes);
    if (running_->answer.size() > play_answer_bytes_max)
      return finish(not_played(
          fmt::format("The page of this run is longer than {} MiB.", play_answer_bytes_max >> 20)));
  }
}

void PlayServer::ended(int status) {
  read();
  if (!running_) return;
  if (status == 0) return finish(running_->answer);
  finish(
      not_played(fmt::format("The process that runs the scenario has ended with status {}. It may use {} "
                             "MiB of memory.",
                             status, player_memory_bytes_max >> 20)));
}

void PlayServer::finish(const std::string& answer) {
  http_.answer(running_->client, {.status = "200 OK", .body = answer});
  stop();
  run_next();
}

void PlayServer::stop() {
  if (!running_) return;
  host_.timer_cancel(running_->limit);
  end_process(host_.process_number(running_->worker.process), 0);
  running_.reset();
}

}  // namespace ringside::tools
