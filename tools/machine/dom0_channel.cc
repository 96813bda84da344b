// Opens a session with xcs and the channel, sends one request and waits for one answer.
#include "tools/machine/dom0_channel.h"

#include <optional>

#include "emu/dom0/xcs/client.h"

namespace ringside::tools {

namespace {

constexpr std::chrono::seconds answer_timeout{10};
constexpr DomainId dom0_id = 0;
constexpr ring::Port any = 0;
constexpr const char* what = "cannot reach dom0's kernel";

Error refused(const char* call, const dom0::XcsMessage& reply) {
  return {EPROTO, what, call, fmt::format("xcs refused it: result {}", reply.result),
          "does the machine's process dom0 run?"};
}

}  // namespace

Result<ring::ControlMessage> ask_dom0_kernel(LinuxHost& host, const ring::ControlMessage& request) {
  std::optional<ring::ControlMessage> answer;
  std::optional<Error> problem;
  const auto give_up = [&](const Error& error) {
    problem = error;
    host.stop(0);
  };
  const auto take = [&](const dom0::XcsMessage& frame) {
    if (frame.type != dom0::XCS_RESPONSE || frame.u.control.remote_dom != dom0_id) return;
    answer = frame.u.control.msg;
    host.stop(0);
  };
  trace::NullSink silent;
  dom0::XcsClient client(host, trace::Journal(silent, trace::actor(trace::Role::client)),
                         {.frame = take, .pause = [] {}, .room = [] {}, .lost = give_up});
  const auto send = [&](ring::Port port) {
    client.send(dom0::control_message(dom0::XCS_REQUEST, dom0_id, port, request));
    client.flush();
  };
  const auto bind = [&](ring::Port port) {
    client.call(dom0::bind_message(dom0::XCS_MSG_BIND, static_cast<std::int32_t>(port), request.type),
                [&, port](const dom0::XcsMessage& reply) {
                  if (reply.result != dom0::XCS_RSLT_OK)
                    return give_up(refused("binding to the channel", reply));
                  send(port);
                });
  };
  const auto open = [&] {
    client.call(dom0::interface_message(dom0::XCS_CIF_NEW_CC, dom0_id, any, any),
                [&](const dom0::XcsMessage& reply) {
                  if (reply.result != dom0::XCS_RSLT_OK)
                    return give_up(refused("opening the channel", reply));
                  bind(static_cast<ring::Port>(reply.u.interface.local_port));
                });
  };
  const std::string path = host.machine().xcs_socket();
  if (auto connected = client.connect(path, open); !connected) {
    return Error{connected.error().code, what, path, "no xcs runs to carry the message",
                 "ringside up --dom0 xcs has one"};
  }
  const auto timer = host.timer_start(answer_timeout, [&] {
    give_up({ETIMEDOUT, what, "dom0", "it did not answer", "does the machine's process dom0 run?"});
  });
  host.run();
  host.timer_cancel(timer);
  if (problem) return *problem;
  return *answer;
}

}  // namespace ringside::tools
