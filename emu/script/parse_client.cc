// Parses the acts of a raw client of xcs, for each of its connections.
#include <fmt/format.h>

#include "emu/script/parser.h"
#include "emu/script/parts.h"
#include "emu/script/suggest.h"
#include "emu/script/vocabulary.h"
#include "ring/event_bits.h"

namespace ringside::script {

namespace {

constexpr std::uint64_t any_u32 = 0xffffffff;  // a raw client may send any number

std::optional<Side> accept_side(Words& words) {
  if (words.accept("control")) return Side::control;
  if (words.accept("data")) return Side::data;
  return {};
}

Side parse_side(Words& words) {
  return words.choose({"control", "data"}) == 0 ? Side::control : Side::data;
}

std::uint32_t parse_port(Words& words) {
  return static_cast<std::uint32_t>(words.number("a port", 0, any_u32));
}

Act parse_client_connects(Words& words, const Actor& who) {
  ClientConnects connects;
  connects.client = who;
  connects.side = accept_side(words);
  if (!words.accept("session")) return connects;
  if (!words.accept("of")) {
    connects.session = words.number("a session", 0, ~std::uint64_t{0});
    return connects;
  }
  const Span begin = words.here();
  connects.session_of = parse_actor(words);
  if (!words.failed() && connects.session_of->role != trace::Role::client) {
    words.fail("E033", words.since(begin), fmt::format("{} has no session", spelled(*connects.session_of)),
               "only raw clients have sessions: session of client[a]");
  }
  return connects;
}

std::uint16_t parse_virq(Words& words) {
  const auto names = names_of(virqs());
  if (words.peek().kind == TokenKind::number)
    return static_cast<std::uint16_t>(words.number("a virq", 0, 0xffff));
  return static_cast<std::uint16_t>(virqs()[words.choose(names)].number);
}

Act parse_binds(Words& words, const Actor& who, bool binds) {
  if (binds && words.accept("virq")) return ClientBindsVirq{who, parse_virq(words)};
  ClientBinds key;
  key.client = who;
  key.binds = binds;
  if (words.accept("port") && !words.accept("any")) key.port = parse_port(words);
  if (words.accept("type") && !words.accept("any")) {
    key.type = words.peek().kind == TokenKind::number
                   ? static_cast<std::uint16_t>(words.number("a type", 0, 0xffff))
                   : parse_message_type(words);
  }
  return key;
}

Act parse_channel(Words& words, const Actor& who, bool opens) {
  ClientChannel channel;
  channel.client = who;
  channel.opens = opens;
  words.require(opens ? "to" : "from");
  channel.domain = parse_domain(words);
  if (!opens) return channel;
  if (words.accept("local")) channel.local_port = parse_port(words);
  if (words.accept("remote")) channel.remote_port = parse_port(words);
  return channel;
}

Act parse_client_sends(Words& words, const Actor& who) {
  const Token& token = words.peek();
  if (token.is("request") || token.is("response") || token.kind == TokenKind::word) {
    ClientSends sends;
    sends.client = who;
    sends.message = parse_message(words, true);
    words.require("to");
    sends.domain = parse_domain(words);
    return sends;
  }
  ClientSendsBytes sends;
  sends.client = who;
  sends.payload = parse_payload(words, true);
  words.require("on");
  sends.side = parse_side(words);
  return sends;
}

}  // namespace

Act parse_client_act(Words& words, const Actor& who, Verb verb) {
  switch (verb) {
    case Verb::opens:
      return ClientOpens{who, parse_side(words)};
    case Verb::connects:
      return parse_client_connects(words, who);
    case Verb::closes:
      return ClientCloses{who, accept_side(words)};
    case Verb::binds:
      return parse_binds(words, who, true);
    case Verb::unbinds:
      return parse_binds(words, who, false);
    case Verb::attaches:
      return parse_channel(words, who, true);
    case Verb::detaches:
      return parse_channel(words, who, false);
    case Verb::sends:
      return parse_client_sends(words, who);
    case Verb::says:
      words.require("bye");
      return ClientSaysBye{who, words.accept("on") ? parse_side(words) : Side::control};
    case Verb::notifies:
      words.require("port");
      return ClientNotifies{who, parse_port(words)};
    case Verb::creates:
    case Verb::boots:
    case Verb::pauses:
    case Verb::unpauses:
    case Verb::destroys:
    case Verb::kills:
    case Verb::suspends:
    case Verb::resumes:
    case Verb::prints:
    case Verb::logs:
    case Verb::throttles:
    case Verb::unthrottles:
    case Verb::ends:
    case Verb::writes:
    case Verb::sets:
    case Verb::adds:
    case Verb::fills:
    case Verb::stops:
    case Verb::starts:
    case Verb::stalls:
    case Verb::disconnects:
    case Verb::types:
    case Verb::reads:
    case Verb::sees:
    case Verb::shows:
    case Verb::receives:
    case Verb::forwards:
    case Verb::moves:
    case Verb::takes:
    case Verb::refuses:
      break;  // not of a client: see the table
  }
  RS_CHECK(!"a client's act is parsed");
  return Waits{};
}

}  // namespace ringside::script
