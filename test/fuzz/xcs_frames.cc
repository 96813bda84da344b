// Other clients on xcs's socket, on control and data connections, in a running machine: with any frames, in
// any pieces, a user at a guest's console sees each byte of it once, and after the clients have left xcs
// keeps nothing of them.
//
// Two actions that the protocol of 2005 allows are not tried: to answer or ask in the name of that guest's
// console, and to free its channel.
#include <array>
#include <cstring>

#include "emu/dom0/xcs/client.h"
#include "test/console_path.h"
#include "test/fuzz/input.h"
#include "test/fuzz/targets.h"

namespace ringside::fuzz {

namespace {

using dom0::XcsMessage;

/// Prints given text, at once or when there is room.
class Talker : public SimProgram {
 public:
  void say(std::string_view text) {
    text_ += text;
    room();
  }
  void room() override { text_.erase(0, print(text_)); }

 private:
  std::string text_;
};

struct XcsMachine : test::Path {
  struct Stranger {
    Handle stream;
    std::uint64_t session = 0;
  };
  std::array<Stranger, 6> strangers;
  SimHost& strangers_host = world.host("strangers");
  DomainId domain = create();
  std::unique_ptr<test::User> viewer = view(domain);
  Talker& talker = boot(domain, std::make_unique<Talker>());
  std::string said;

  Stranger& stranger(std::uint32_t which) {
    Stranger& its = strangers[which % strangers.size()];
    if (!its.stream.valid()) {
      auto connected = strangers_host.connect_local("/m/xcs_socket");
      if (connected) its.stream = std::move(*connected);
    }
    return its;
  }
  void send(Stranger& from, Bytes bytes) {
    if (from.stream.valid() && !bytes.empty()) static_cast<void>(strangers_host.write(from.stream, bytes));
  }
  /// Reads frames; takes the session from the reply to the first call.
  void read(Stranger& at) {
    if (!at.stream.valid()) return;
    std::array<std::uint8_t, 8000> bytes;
    const Io io = strangers_host.read(at.stream, bytes);
    if (io.state == Io::State::closed) at.stream.close();
    if (io.bytes < sizeof(XcsMessage)) return;
    XcsMessage first;
    std::memcpy(&first, bytes.data(), sizeof first);
    if (first.type == dom0::XCS_CONNECT_CTRL) at.session = first.u.connect.session_id;
  }
  void talk() {
    const std::string text = fmt::format("<{}>", said.size());
    said += text;
    talker.say(text);
  }
};

XcsMessage frame_from(Input& input, const XcsMachine& machine) {
  XcsMessage frame;
  const std::uint8_t type = input.byte();
  frame.type = type < 0xf0   ? type % 14
               : type < 0xf4 ? std::uint32_t{dom0::XCS_NUMBERS}
               : type < 0xf8 ? std::uint32_t{dom0::XCS_MARK}
                             : input.word();
  frame.result = input.number();
  switch (frame.type) {
    case dom0::XCS_CONNECT_CTRL:
    case dom0::XCS_CONNECT_DATA:
    case dom0::XCS_CONNECT_BYE:
    case dom0::XCS_NUMBERS:
      frame.u.connect.session_id = input.below(4) == 0
                                       ? input.word()
                                       : machine.strangers[input.below(machine.strangers.size())].session;
      break;
    case dom0::XCS_MSG_BIND:
    case dom0::XCS_MSG_UNBIND:
      frame.u.bind.port =
          input.below(4) == 0 ? dom0::xcs_port_wildcard : static_cast<std::int32_t>(input.number());
      frame.u.bind.type =
          static_cast<std::uint16_t>(input.below(4) == 0 ? 0xfffe + input.below(2) : input.number());
      break;
    case dom0::XCS_VIRQ_BIND:
    case dom0::XCS_VIRQ:
      frame.u.virq = {static_cast<std::int32_t>(input.number()), static_cast<std::uint16_t>(input.number())};
      break;
    case dom0::XCS_CIF_NEW_CC:
    case dom0::XCS_CIF_FREE_CC:
      frame.u.interface = {input.number(), static_cast<std::int32_t>(input.number()),
                           static_cast<std::int32_t>(input.number())};
      break;
    default: {
      const Bytes raw = input.bytes(sizeof frame.u.raw);
      std::memcpy(frame.u.raw, raw.data(), raw.size());
      frame.u.control.remote_dom %= 8;
    }
  }
  const bool console = frame.type == dom0::XCS_REQUEST || frame.type == dom0::XCS_RESPONSE;
  if (console && frame.u.control.remote_dom == machine.domain) frame.u.control.remote_dom = 0;
  if (frame.type == dom0::XCS_CIF_FREE_CC && frame.u.interface.dom == machine.domain)
    frame.u.interface.dom = 0;
  return frame;
}

}  // namespace

void xcs_frames(Bytes input) {
  Input from(input);
  XcsMachine machine;
  machine.world.limit_steps(1'000'000);
  machine.world.run();
  const std::size_t connections = machine.xcs->connections();
  const std::size_t sessions = machine.xcs->sessions();
  while (!from.empty()) {
    const std::uint32_t what = from.byte();
    XcsMachine::Stranger& stranger = machine.stranger(what >> 5);
    switch (what & 15) {
      default: {
        const XcsMessage frame = frame_from(from, machine);
        machine.send(stranger, {reinterpret_cast<const std::uint8_t*>(&frame), sizeof frame});
        break;
      }
      case 10: {
        // In pieces: from now on the frames begin elsewhere, both for xcs and for the client.
        const XcsMessage frame = frame_from(from, machine);
        const std::size_t cut = from.below(sizeof frame + 1);
        machine.send(stranger, {reinterpret_cast<const std::uint8_t*>(&frame), cut});
        machine.world.run();
        machine.send(stranger, {reinterpret_cast<const std::uint8_t*>(&frame) + cut, sizeof frame - cut});
        break;
      }
      case 11:
        stranger.stream.close();
        break;
      case 12:
        machine.talk();
        break;
      case 13:
        machine.world.run_for(std::chrono::milliseconds(from.byte() * 50));
        break;
      case 14:
        continue;  // at the same moment as the next
      case 15:
        machine.talk();
        machine.viewer->type("x");
        break;
    }
    machine.world.run();
    if (from.below(2) == 0) machine.read(stranger);
  }
  machine.talk();
  machine.world.run_for(std::chrono::seconds(1));
  RS_CHECK(machine.viewer->seen == machine.said);
  for (XcsMachine::Stranger& each : machine.strangers) each.stream.close();
  machine.world.run_for(std::chrono::seconds(30));
  RS_CHECK(machine.xcs->connections() == connections);
  RS_CHECK(machine.xcs->sessions() == sessions);
}

}  // namespace ringside::fuzz
