// One request at a time is with the guest; the others wait in the order in which they were asked.
#include "emu/dom0/control_calls.h"

#include <cerrno>
#include <utility>

namespace ringside::dom0 {

std::uint8_t ControlIds::next() {
  last_ = last_ + 1 == ring::no_callback_id ? 1 : last_ + 1;
  return last_;
}

ControlCalls::ControlCalls(LineServer& server, ControlIds& ids, DomainId domain, Send send)
    : server_(server), ids_(ids), domain_(domain), send_(std::move(send)) {}

void ControlCalls::ask(Client client, ring::ControlMessage message) {
  if (calls_.size() == control_calls_max) {
    return server_.answer(client, fmt::format("error domain {} has not answered {} earlier requests", domain_,
                                              control_calls_max));
  }
  message.id = ids_.next();
  calls_.push_back({client, message});
  send();
}

void ControlCalls::send() {
  // One at a time: with seven of input that is what the guest's ring holds.
  if (calls_.empty() || sent_) return;
  sent_ = send_(calls_.front().message);
}

namespace {

/// What whoever asked is told of a guest's answer.
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
  // Somebody else may have asked the same guest something.
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
