// The client that waits, and a timer.
#include "emu/dom0/console/suspension.h"

#include <fmt/format.h>

#include <utility>

#include "emu/base/check.h"

namespace ringside::dom0 {

void Suspension::wait(LineServer::ClientId client, std::function<void()> late) {
  RS_CHECK(client_ == 0);
  client_ = client;
  timer_ = host_.timer_start(suspend_patience, [this, late = std::move(late)] {
    timer_ = 0;
    late();
  });
}

bool Suspension::fail(std::string_view why) {
  const LineServer::ClientId client = end();
  if (client != 0) server_.answer(client, fmt::format("error {}", why));
  return client != 0;
}

LineServer::ClientId Suspension::end() {
  stop();
  return std::exchange(client_, 0);
}

void Suspension::stop() {
  if (timer_ != 0) host_.timer_cancel(std::exchange(timer_, 0));
}

}  // namespace ringside::dom0
