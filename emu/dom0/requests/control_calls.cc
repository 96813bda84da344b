// The guest gets one request at a time; the others wait in order.
#include "emu/dom0/requests/control_calls.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

namespace ringside::dom0 {

std::uint8_t ControlIds::next() {
  last_ = last_ + 1 == ring::no_callback_id ? 1 : last_ + 1;
  return last_;
}

ControlCalls::ControlCalls(Host& host, LineServer& server, ControlIds& ids, DomainId domain, Send send)
    : host_(host), server_(server), ids_(ids), domain_(domain), send_(std::move(send)) {}

ControlCalls::~ControlCalls() {
  if (timer_ != 0) host_.timer_cancel(timer_);
}

void ControlCalls::ask(Client client, ring::ControlMessage message) {
  if (calls_.size() == control_calls_max) {
    return server_.answer(client, fmt::format("error domain {} has not answered {} earlier requests", domain_,
                                              control_calls_max));
  }
  message.id = ids_.next();
  calls_.push_back({client, message, host_.now() + control_patience});
  arm();
  send();
}

/// Requests are in the order of arrival, and all have the same time limit.
void ControlCalls::arm() {
  if (timer_ != 0) return;
  for (const Call& call : calls_) {
    if (call.client == 0) continue;
    const Duration left = std::max(Duration::zero(), call.until - host_.now());
    timer_ = host_.timer_start(left, [this] {
      timer_ = 0;
      look_at_clock();
    });
    return;
  }
}

void ControlCalls::look_at_clock() {
  std::vector<Client> late;
  const Time now = host_.now();
  for (Call& call : calls_) {
    if (call.client != 0 && call.until <= now) late.push_back(std::exchange(call.client, 0));
  }
  // The guest may still answer the request that it has; the others are dropped.
  for (std::size_t at = calls_.size(); at-- > (sent_ ? 1u : 0u);) {
    if (calls_[at].until <= now) calls_.erase(calls_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  arm();
  for (const Client client : late) {
    server_.answer(
        client,
        fmt::format("error domain {} has not answered within {} s: its guest takes no control "
                    "messages, or is busy. ringside destroy ends it",
                    domain_, std::chrono::duration_cast<std::chrono::seconds>(control_patience).count()));
  }
}

void ControlCalls::send() {
  // One at a time: together with seven input requests this fills the guest's ring.
  if (calls_.empty() || sent_) return;
  sent_ = send_(calls_.front().message);
}

namespace {

/// The reply to the client for a guest's answer.
std::string verdict(DomainId domain, const ring::ControlMessage& answer) {
  if (answer.type != ring::CMSG_MEM_REQUEST) return "ok";
  const auto value = ring::number_in(answer);
  if (!value) return fmt::format("error domain {} does not understand memory requests", domain);
  if (value->status == 0) return "ok";
  const auto status = static_cast<std::int32_t>(value->status);
  return fmt::format(
      "error domain {} refuses {} pages: {}", domain, value->number,
      status == -ENOMEM ? "that is more than it was created with" : fmt::format("its status is {}", status));
}

}  // namespace

void ControlCalls::take_answer(const ring::ControlMessage& answer) {
  if (!sent_) return;
  const Call& asked = calls_.front();
  // Another program may have sent a request to the same guest.
  if (asked.message.type != answer.type || asked.message.subtype != answer.subtype ||
      asked.message.id != answer.id) {
    return;
  }
  const Client client = asked.client;
  calls_.pop_front();
  sent_ = false;
  server_.answer(client, verdict(domain_, answer));
  send();
}

void ControlCalls::fail(const std::string& why) {
  sent_ = false;
  for (const Call& call : std::exchange(calls_, {})) server_.answer(call.client, "error " + why);
}

}  // namespace ringside::dom0
