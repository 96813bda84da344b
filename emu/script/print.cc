// Prints statements as lines of a scenario.
#include "emu/script/print.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "emu/script/pattern_search.h"
#include "emu/script/vocabulary.h"
#include "emu/trace/text.h"

namespace ringside::script {

namespace {

std::string ring_name(const RingRef& ring) {
  return fmt::format("dom{}.{}", ring.domain, spelled(ring.ring));
}

std::string written(const Payload& payload) {
  switch (payload.kind) {
    case Payload::Kind::exact:
      if (payload.repeated_bytes == payload.unit.size()) return written_text(payload.unit);
      return fmt::format("{} bytes of {}", payload.repeated_bytes, written_text(payload.unit));
    case Payload::Kind::prefix:
      return written_text(payload.unit) + "...";
    case Payload::Kind::regex: {
      std::string text = "/";
      bool escaped = false;  // after a backslash that is not escaped itself
      for (const char c : payload.unit) {
        if (c == '/' && !escaped) text += '\\';
        text += c;
        escaped = c == '\\' && !escaped;
      }
      return text + "/";
    }
  }
  return "";
}

std::string written(const Message& message) {
  std::string text =
      fmt::format("{} {}", message.response ? "response" : "request", trace::message_type_name(message.type));
  if (message.subtype) text += fmt::format(" subtype {}", *message.subtype);
  if (message.id) text += fmt::format(" id {}", *message.id);
  if (message.length_min) {
    text += fmt::format(" length {}", *message.length_min);
    if (message.length_max != message.length_min) text += fmt::format("..{}", *message.length_max);
  }
  if (message.payload) text += " " + written(*message.payload);
  if (message.behind) text += " behind " + written(*message.behind);
  return text;
}

std::string_view shows_verb(const Place& place) {
  switch (place.kind) {
    case Place::Kind::domain:
      return "reads";
    case Place::Kind::user:
      return "sees";
    case Place::Kind::uart:
    case Place::Kind::pty:
      return "shows";
    case Place::Kind::ring:
      return "writes";
  }
  return "";
}

std::string party(std::string_view word, const std::optional<Actor>& actor) {
  return actor ? fmt::format(" {} {}", word, spelled(*actor)) : "";
}

std::string compared(Compare compare, bool settles, std::string_view value) {
  if (settles)
    return fmt::format("settles at {}{}",
                       compare == Compare::equal ? "" : std::string(spelled(compare)) + " ", value);
  return fmt::format("{} {}", spelled(compare), value);
}

// -- acts

std::string written(const Life& life) {
  static constexpr std::array<std::string_view, 6> verbs{"creates",  "boots",    "pauses",
                                                         "unpauses", "destroys", "kills"};
  std::string names;
  for (const Actor& each : life.domains) names += (names.empty() ? "" : ", ") + spelled(each);
  return fmt::format("xen {} {}{}", verbs[static_cast<std::size_t>(life.verb)], names,
                     life.shell ? " running shell" : "");
}

std::string written(const SetsIndex& sets) {
  const std::string index = fmt::format("{}.{}", ring_name(sets.ring), spelled(sets.index));
  return sets.adds ? fmt::format("{} adds {} to {}", spelled(sets.who), sets.number, index)
                   : fmt::format("{} sets {} to {}", spelled(sets.who), index, sets.number);
}

std::string written(const Types& types) {
  return fmt::format("{} types {}{}{}", spelled(types.who), written(types.payload),
                     types.at ? " at " + spelled(*types.at) : "", types.in_one_write ? " in one write" : "");
}

std::string written(const ClientChannel& channel) {
  std::string text = fmt::format("{} {} {}", spelled(channel.client),
                                 channel.opens ? "attaches to" : "detaches from", spelled(channel.domain));
  if (channel.local_port != 0) text += fmt::format(" local {}", channel.local_port);
  if (channel.remote_port != 0) text += fmt::format(" remote {}", channel.remote_port);
  return text;
}

std::string written(const Fault& fault) {
  static constexpr std::array<std::string_view, 4> verbs{"drops", "delays", "duplicates", "reorders"};
  const bool many = fault.which != Fault::Which::next || fault.number != 1;
  std::string which;
  switch (fault.which) {
    case Fault::Which::next:
      which = fmt::format("next {}", fault.number);
      break;
    case Fault::Which::every:
      which = "every";
      break;
    case Fault::Which::percent:
      which = fmt::format("{}%", fault.number);
      break;
  }
  std::string text = fmt::format("fault {} {} {}{} {} -> {}", verbs[static_cast<std::size_t>(fault.verb)],
                                 which, fault.events ? "event" : "message", many ? "s" : "",
                                 spelled(fault.from), spelled(fault.to));
  if (fault.by.count() != 0) text += " by " + script::written(fault.by);
  return text;
}

std::string written_client_connects(const ClientConnects& connects) {
  std::string text = spelled(connects.client) + " connects";
  if (connects.side) text += fmt::format(" {}", spelled(*connects.side));
  if (connects.session_of) text += " session of " + spelled(*connects.session_of);
  if (connects.session) text += fmt::format(" session {}", *connects.session);
  return text;
}

std::string written(const ClientBinds& binds) {
  std::string text = fmt::format("{} {}", spelled(binds.client), binds.binds ? "binds" : "unbinds");
  text += binds.port ? fmt::format(" port {}", *binds.port) : " port any";
  return text + (binds.type ? fmt::format(" type {}", *binds.type) : " type any");
}

std::string written(const Act& act) {
  const auto does = [](const Actor& who, std::string_view what) {
    return fmt::format("{} {}", spelled(who), what);
  };
  return std::visit(
      Visit{[](const Life& each) { return written(each); },
            [](const Prints& each) { return spelled(each.domain) + " prints " + written(each.payload); },
            [](const Logs& each) { return spelled(each.domain) + " logs " + written(each.payload); },
            [&](const Throttles& each) { return does(each.domain, each.full ? "throttles" : "unthrottles"); },
            [&](const Ends& each) { return does(each.domain, "ends"); },
            [](const WritesSlot& each) {
              return fmt::format("{} writes {}[{}] {}", spelled(each.who), ring_name(each.ring), each.slot,
                                 written(each.message));
            },
            [](const SetsIndex& each) { return written(each); },
            [](const FillsRing& each) {
              return fmt::format("{} fills {}", spelled(each.who), ring_name(each.ring));
            },
            [](const Notifies& each) { return spelled(each.who) + " notifies " + spelled(each.peer); },
            [&](const Answering& each) {
              return does(each.who, each.on ? "starts answering" : "stops answering");
            },
            [&](const Reading& each) { return does(each.who, each.on ? "starts reading" : "stops reading"); },
            [](const Connects& each) {
              return fmt::format("{} connects to {}{}", spelled(each.user), spelled(each.domain),
                                 each.by == Connects::By::tcp ? " by tcp" : "");
            },
            [&](const Disconnects& each) { return does(each.user, "disconnects"); },
            [&](const EndsTyping& each) { return does(each.user, "ends typing"); },
            [&](const Suspension& each) {
              return does(each.who, each.suspends ? "suspends " : "resumes ") + spelled(each.domain);
            },
            [](const Types& each) { return written(each); },
            [](const HandlesPty& each) {
              return each.attaches ? fmt::format("xenctld attaches pty to {}{}", spelled(each.domain),
                                                 each.name.empty() ? "" : " as " + each.name)
                                   : "xenctld detaches pty from " + spelled(each.domain);
            },
            [&](const Runs& each) {
              static constexpr std::array<std::string_view, 3> verbs{"stops", "starts", "stalls"};
              return does(each.who, verbs[static_cast<std::size_t>(each.verb)]);
            },
            [](const ClientOpens& each) {
              return fmt::format("{} opens {}", spelled(each.client), spelled(each.side));
            },
            [](const ClientConnects& each) { return written_client_connects(each); },
            [](const ClientCloses& each) {
              return spelled(each.client) + " closes" +
                     (each.side ? fmt::format(" {}", spelled(*each.side)) : "");
            },
            [](const ClientBinds& each) { return written(each); },
            [](const ClientBindsVirq& each) {
              return fmt::format("{} binds virq {}", spelled(each.client), each.virq);
            },
            [](const ClientChannel& each) { return written(each); },
            [](const ClientSends& each) {
              return fmt::format("{} sends {} to {}", spelled(each.client), written(each.message),
                                 spelled(each.domain));
            },
            [](const ClientSendsBytes& each) {
              return fmt::format("{} sends {} on {}", spelled(each.client), written(each.payload),
                                 spelled(each.side));
            },
            [](const ClientSaysBye& each) {
              return fmt::format("{} says bye on {}", spelled(each.client), spelled(each.side));
            },
            [](const ClientNotifies& each) {
              return fmt::format("{} notifies port {}", spelled(each.client), each.port);
            },
            [](const Fault& each) { return written(each); },
            [](const HealsAll&) { return std::string("fault heals all"); },
            [](const Waits&) { return std::string(); }},
      act);
}

// -- patterns

std::string written(const RingState& state) {
  std::string text = ring_name(state.ring) + (state.settles ? " settles at" : "");
  for (const IndexTest& each : state.tests) {
    text += fmt::format(" {} {}{}", spelled(each.index),
                        each.compare == Compare::equal ? "" : std::string(spelled(each.compare)) + " ",
                        each.number);
  }
  return text;
}

std::string written(const ForwardsCount& count) {
  return fmt::format("{} forwards {} real and {} stale messages{}{}", spelled(count.who), count.real,
                     count.stale, party("from", count.from), party("to", count.to));
}

std::string counter_name(const Actor& actor, std::string_view counter, const std::optional<Actor>& of) {
  return fmt::format("{}.{}{}", spelled(actor), counter, party("of", of));
}

}  // namespace

std::string written_text(std::string_view bytes) {
  std::string text = "\"";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n')
      text += "\\n";
    else if (c == '\r')
      text += "\\r";
    else if (c == '\t')
      text += "\\t";
    else if (c == '"' || c == '\\' || c == '{')
      (text += '\\') += c;
    else if (byte >= 0x20 && byte < 0x7f)
      text += c;
    else
      text += fmt::format("\\x{:02x}", byte);
  }
  return text + "\"";
}

std::string written(Duration duration) {
  struct Unit {
    std::int64_t ns;
    std::string_view name;
  };
  for (const Unit& each : {Unit{1'000'000'000, "s"}, Unit{1'000'000, "ms"}, Unit{1'000, "us"}}) {
    if (duration.count() % each.ns == 0) return fmt::format("{}{}", duration.count() / each.ns, each.name);
  }
  return fmt::format("{}ns", duration.count());
}

std::string written(const Pattern& pattern) {
  return std::visit(
      Visit{[](const Shows& each) {
              if (each.place.kind == Place::Kind::ring) {
                const bool in = each.place.ring == RingName::in;
                return fmt::format("{} writes {} {}", in ? "xenconsoled" : spelled(each.place.actor),
                                   spelled(each.place), written(each.payload));
              }
              return fmt::format("{} {} {}", spelled(each.place), shows_verb(each.place),
                                 written(each.payload));
            },
            [](const BytesAt& each) { return "bytes at " + spelled(each.place); },
            [](const Receives& each) {
              return fmt::format("{} receives {}{}", spelled(each.who), written(each.message),
                                 party("from", each.from));
            },
            [](const ReceivesReply& each) {
              return fmt::format("{} receives {}", spelled(each.client),
                                 xcs_result_name(each.result, "failed"));
            },
            [](const ReceivesVirq& each) { return spelled(each.client) + " receives virq"; },
            [](const IsCutOff& each) {
              return spelled(each.who) + " receives end" +
                     (each.side ? fmt::format(" on {}", spelled(*each.side)) : "");
            },
            [](const Sends& each) {
              return fmt::format("{} sends {} {}", spelled(each.who), spelled(each.to),
                                 written(each.message));
            },
            [](const Forwards& each) {
              return fmt::format("{} forwards {}{}{}", spelled(each.who), written(each.message),
                                 party("from", each.from), party("to", each.to));
            },
            [](const ForwardsCount& each) { return written(each); },
            [](const EventRaised& each) {
              return fmt::format("event {} -> {}", spelled(each.from), spelled(each.to));
            },
            [](const TakesEvent& each) { return spelled(each.who) + " takes event"; },
            [](const SlotWritten& each) {
              return fmt::format("{} writes {}[{}] {}", spelled(each.who), ring_name(each.ring), each.slot,
                                 written(each.message));
            },
            [](const IndexMoved& each) {
              return fmt::format("{} moves {} {} {} -> {}", spelled(each.who), ring_name(each.ring),
                                 spelled(each.index), each.from, each.to);
            },
            [](const Refuses& each) {
              return fmt::format("{} refuses{}{}", spelled(each.who),
                                 each.whom ? " " + spelled(*each.whom) : "",
                                 each.reason ? " " + written(*each.reason) : "");
            },
            [](const Says& each) { return fmt::format("{} says {}", spelled(each.who), written(each.text)); },
            [](const QuirkBites& each) { return fmt::format("quirk {} bites", about(each.quirk).name); },
            [](const RingState& each) { return written(each); },
            [](const CounterState& each) {
              return fmt::format("{} {}", counter_name(each.actor, each.counter, each.of),
                                 compared(each.compare, each.settles, std::to_string(each.number)));
            },
            [](const CounterChanges& each) {
              return counter_name(each.actor, each.counter, each.of) + " changes";
            }},
      pattern.what);
}

std::string written(const Statement& statement) {
  std::string when;
  if (statement.when) {
    when = fmt::format("{} {}", statement.when->absolute ? "at" : "after", written(statement.when->delay));
  }
  std::string text = std::visit(
      Visit{[](const Act& each) { return written(each); },
            [](const Expect& each) {
              return fmt::format("expect {}{}{}{}", written(each.pattern), each.now ? " now" : "",
                                 each.within ? " within " + written(*each.within) : "",
                                 each.label.empty() ? "" : " as " + each.label);
            },
            [](const ExpectNo& each) {
              return fmt::format("expect no {}{} for {}", each.more ? "more " : "", written(each.pattern),
                                 written(each.during));
            },
            [](const Never& each) {
              return fmt::format("never {}{}", written(each.pattern),
                                 each.until_phase.empty() ? "" : " until " + written_text(each.until_phase));
            },
            [](const Together& each) {
              std::string block = "together\n";
              for (const Statement& inner : each.statements) block += "  " + written(inner) + "\n";
              return block + "end";
            },
            [](const Phase& each) { return "## " + each.title; }},
      statement.what);
  return when.empty() || text.empty() ? when + text : when + " " + text;
}

std::string written(const Scenario& scenario) {
  const Setup& setup = scenario.setup;
  std::string text = fmt::format("scenario {}\n", written_text(setup.title));
  text += fmt::format("seed {}\n", setup.seeds.first);
  if (setup.speed != 0) text += fmt::format("speed {}\n", setup.speed);
  if (setup.cuts) text += "cuts on\n";
  if (!setup.real) text += "mode sim\n";
  if (!setup.sim) text += "mode real\n";
  if (setup.abi == ring::Abi::flat) text += "abi flat\n";
  if (setup.answer == Answer::xcs) text += "answer xcs\n";
  if (setup.says_controller) text += fmt::format("controller {}\n", spelled(setup.controller));
  if (!setup.timeout_span.nowhere()) text += fmt::format("timeout {}\n", written(setup.timeout));
  for (const QuirkAbout& each : quirks_known) {
    if (setup.quirks.has(each.quirk)) text += fmt::format("quirk {} on\n", each.name);
  }
  for (const Pattern& each : setup.ignores) text += fmt::format("ignore {}\n", written(each));
  for (const Statement& each : scenario.statements) text += written(each) + "\n";
  return text;
}

}  // namespace ringside::script
