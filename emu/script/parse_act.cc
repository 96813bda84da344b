// Parses acts: one function for each verb, or for a group of them.
#include <fmt/format.h>

#include <algorithm>

#include "emu/script/parser.h"
#include "emu/script/parts.h"
#include "emu/script/suggest.h"
#include "emu/script/vocabulary.h"

namespace ringside::script {

namespace {

using trace::Role;

Act parse_life(Words& words, Verb verb) {
  Life life;
  static_assert(static_cast<int>(Verb::kills) - static_cast<int>(Verb::creates) ==
                static_cast<int>(Life::Verb::kills) - static_cast<int>(Life::Verb::creates));
  life.verb = static_cast<Life::Verb>(static_cast<int>(verb) - static_cast<int>(Verb::creates));
  if (words.peek().is("dom0")) {
    words.fail("E012", words.peek().span, "dom0 runs as long as the machine and cannot be paused",
               "one of its processes can stall: xcs stalls, xend stalls");
  }
  life.domains = parse_domains(words);
  if (verb == Verb::boots && words.accept("running")) {
    words.require("shell");
    life.shell = true;
  }
  return life;
}

Act parse_sets(Words& words, const Actor& who, bool adds) {
  SetsIndex sets;
  sets.who = who;
  sets.adds = adds;
  constexpr std::uint64_t index_max = 0xffffffff;
  const auto number = [&] { return static_cast<std::uint32_t>(words.number("an index", 0, index_max)); };
  if (adds) {
    sets.number = number();
    words.require("to");
  }
  const Span begin = words.here();
  std::optional<RingIndex> index;
  sets.ring = parse_ring(words, &who, &index);
  if (!index && !words.failed()) {
    const auto all = indices_of(sets.ring.ring);
    const std::string_view ring = spelled(sets.ring.ring);
    words.fail("E032", begin, "a ring has two indices; which one?",
               fmt::format("{0}.{1} or {0}.{2}", ring, spelled(all[0]), spelled(all[1])));
  } else if (index == RingIndex::req_cons || index == RingIndex::rsp_cons) {
    words.fail("E032", begin, "this index is private to its owner: it is not in the page",
               "indices in the page: req_prod, rsp_prod");
  }
  sets.index = index.value_or(RingIndex::req_prod);
  if (!adds) {
    words.require("to");
    sets.number = number();
  }
  return sets;
}

Act parse_writes(Words& words, const Actor& who) {
  WritesSlot writes;
  writes.who = who;
  writes.ring = parse_ring_of_slots(words, who);
  writes.slot = parse_slot(words);
  writes.message = parse_message(words, true);
  return writes;
}

/// "answering" and "reading" of an actor, and whole processes.
Act parse_stops(Words& words, const Actor& who, Verb verb) {
  const bool on = verb == Verb::starts;
  switch (who.role) {
    case Role::dom0:
    case Role::user:
      words.require("reading");
      return Reading{who, on};
    case Role::domain:
    case Role::client:
      if (words.choose({"answering", "reading"}) == 0) return Answering{who, on};
      return Reading{who, on};
    case Role::xend:
    case Role::xenctld:
      if (verb != Verb::stalls && words.accept("answering")) return Answering{who, on};
      break;
    case Role::xen:
    case Role::xcs:
    case Role::xenconsoled:
    case Role::uart:
    case Role::tty:
    case Role::program:
      break;
  }
  if (verb == Verb::stalls) return Runs{who, Runs::Verb::stalls};
  return Runs{who, on ? Runs::Verb::starts : Runs::Verb::stops};
}

Act parse_connects(Words& words, const Actor& who) {
  Connects connects;
  connects.user = who;
  words.require("to");
  connects.domain = parse_domain(words);
  if (words.accept("by") && words.choose({"tcp", "unix"}) == 0) connects.by = Connects::By::tcp;
  return connects;
}

Act parse_disconnects(Words& words, const Actor& who) {
  // A domain has one console, so its name is optional here.
  if (words.accept("from")) static_cast<void>(parse_domain(words));
  return Disconnects{who};
}

Act parse_types(Words& words, const Actor& who) {
  Types types;
  types.who = who;
  types.payload = parse_payload(words, true);
  if (who.role == Role::uart) return types;
  if (words.accept("at")) types.at = parse_pty(words);
  if (words.accept("in")) {
    words.require("one");
    words.require("write");
    types.in_one_write = true;
  }
  return types;
}

Act parse_pty_act(Words& words, bool attaches) {
  HandlesPty handles;
  handles.attaches = attaches;
  words.require("pty");
  words.require(attaches ? "to" : "from");
  handles.domain = parse_domain(words);
  if (attaches && words.accept("as")) handles.name = parse_name(words, "the name of a pty");
  return handles;
}

Act parse_notifies(Words& words, const Actor& who) {
  return Notifies{who, parse_actor(words)};
}

/// Words of other languages and of the command line. They differ too much from ours for a suggestion by
/// spelling.
struct Synonym {
  Role role;
  std::string_view written;
  std::string_view meant;
};
constexpr Synonym synonyms[] = {
    {Role::xen, "resumes", "unpauses"},   {Role::xen, "continues", "unpauses"},
    {Role::xen, "starts", "boots"},       {Role::user, "leaves", "disconnects"},
    {Role::user, "quits", "disconnects"}, {Role::user, "detaches", "disconnects"},
    {Role::user, "attaches", "connects"}, {Role::user, "writes", "types"},
    {Role::user, "sends", "types"},       {Role::domain, "exits", "ends"},
    {Role::domain, "says", "prints"},     {Role::xcs, "dies", "stops"},
    {Role::xend, "dies", "stops"},        {Role::xenctld, "dies", "stops"},
    {Role::xenconsoled, "dies", "stops"},
};

/// A word that is spelled alike may have another meaning: "resumes" is for a domain that was suspended.
std::string unknown_act_hint(const Actor& who, std::string_view written) {
  const auto possible = verbs_of(who.role, true);
  if (possible.empty()) return "it can only be expected: expect ...";
  const std::string can = spelled(who) + " can";
  const auto synonym = std::ranges::find_if(
      synonyms, [&](const Synonym& each) { return each.role == who.role && each.written == written; });
  const bool of_xend = (who.role == Role::domain || who.role == Role::xen) &&
                       find_verb(Role::xend, true, written) != nullptr &&
                       find_verb(Role::xcs, true, written) == nullptr;
  const std::string xend_does =
      fmt::format("xend {} {}", written, who.role == Role::domain ? spelled(who) : "DOM");
  if (synonym != std::end(synonyms)) {
    const std::string or_xend = of_xend ? fmt::format("  (a suspended domain: {})", xend_does) : "";
    return fmt::format("did you mean \"{}\"?{}  {}", synonym->meant, or_xend, suggestion("", possible, can));
  }
  if (find_verb(Role::xen, true, written) != nullptr)
    return fmt::format("xen does that: xen {} {}", written, who.role == Role::domain ? spelled(who) : "DOM");
  if (of_xend) return "xend does that: " + xend_does;
  return suggestion(written, possible, can);
}

Act unknown_act(Words& words, const Actor& who) {
  const Token& token = words.peek();
  const std::string name = spelled(who);
  if (token.kind == TokenKind::end) {
    words.fail("E013", token.span, fmt::format("an act is missing after {}", name),
               suggestion("", verbs_of(who.role, true), name + " can"));
  } else if (const VerbAbout* expectable = find_verb(who.role, false, token.text); expectable != nullptr) {
    words.fail("E016", token.span, fmt::format("\"{}\" is an expectation, not an act", token.text),
               fmt::format("to check whether it happens, write: expect {} {} ...", name, token.text));
  } else {
    words.fail("E012", token.span, fmt::format("{} cannot \"{}\"", name, token.text),
               unknown_act_hint(who, token.text));
  }
  return Waits{};
}

}  // namespace

Act parse_act(Words& words, const Actor& who) {
  const VerbAbout* known =
      words.peek().kind == TokenKind::word ? find_verb(who.role, true, words.peek().text) : nullptr;
  if (known == nullptr) return unknown_act(words, who);
  words.take();
  words.set_syntax(known->syntax);
  if (who.role == Role::client && known->verb != Verb::stops && known->verb != Verb::starts)
    return parse_client_act(words, who, known->verb);
  switch (known->verb) {
    case Verb::creates:
    case Verb::boots:
    case Verb::pauses:
    case Verb::unpauses:
    case Verb::destroys:
    case Verb::kills:
      return parse_life(words, known->verb);
    case Verb::suspends:
    case Verb::resumes:
      return Suspension{who, known->verb == Verb::suspends, parse_domain(words)};
    case Verb::prints:
      return Prints{who, parse_payload(words, true)};
    case Verb::logs:
      return Logs{who, parse_payload(words, true)};
    case Verb::throttles:
    case Verb::unthrottles:
      return Throttles{who, known->verb == Verb::throttles};
    case Verb::ends:
      if (who.role != Role::user) return Ends{who};
      words.require("typing");
      return EndsTyping{who};
    case Verb::writes:
      return parse_writes(words, who);
    case Verb::sets:
      return parse_sets(words, who, false);
    case Verb::adds:
      return parse_sets(words, who, true);
    case Verb::fills:
      return FillsRing{who, parse_ring_of_slots(words, who)};
    case Verb::notifies:
      return parse_notifies(words, who);
    case Verb::stops:
    case Verb::starts:
    case Verb::stalls:
      return parse_stops(words, who, known->verb);
    case Verb::connects:
      return parse_connects(words, who);
    case Verb::disconnects:
      return parse_disconnects(words, who);
    case Verb::types:
      return parse_types(words, who);
    case Verb::attaches:
      return parse_pty_act(words, true);
    case Verb::detaches:
      return parse_pty_act(words, false);
    case Verb::opens:
    case Verb::closes:
    case Verb::binds:
    case Verb::unbinds:
    case Verb::sends:
    case Verb::says:
    case Verb::reads:
    case Verb::sees:
    case Verb::shows:
    case Verb::receives:
    case Verb::forwards:
    case Verb::moves:
    case Verb::takes:
    case Verb::refuses:
      break;  // of a client, or of an expectation: see the table
  }
  RS_CHECK(!"an act of the vocabulary is parsed");
  return Waits{};
}

Act parse_fault(Words& words) {
  if (words.accept("heals")) {
    words.set_syntax("fault heals all");
    words.require("all");
    return HealsAll{};
  }
  Fault fault;
  fault.verb = static_cast<Fault::Verb>(words.choose({"drops", "delays", "duplicates", "reorders"}));
  words.set_syntax(fault.verb == Fault::Verb::delays ? "fault delays every message xend -> xcs by 5ms"
                                                     : "fault drops next 3 events dom1 -> xcs");
  constexpr std::uint64_t faults_max = 1'000'000;
  const Token share = words.peek();
  if (share.kind == TokenKind::percent) {
    words.take();
    fault.which = Fault::Which::percent;
    fault.number = static_cast<std::uint32_t>(share.number);
    if (share.number == 0 || share.number > 100)
      words.fail("E005", share.span, "a share is from 1% to 100%", "fault heals all: no more of them");
  } else if (words.accept("every")) {
    fault.which = Fault::Which::every;
  } else if (words.accept("next")) {
    if (words.peek().kind == TokenKind::number)
      fault.number = static_cast<std::uint32_t>(words.number("how many", 1, faults_max));
  } else {
    words.wrong("next, every, or a share like 5%");
  }
  if (words.accept("message") || words.accept("messages")) {
    fault.events = false;
  } else if (!words.accept("event") && !words.accept("events")) {
    words.wrong("\"events\" or \"messages\"");
  }
  fault.from = parse_actor(words);
  parse_arrow(words);
  fault.to = parse_actor(words);
  if (fault.verb == Fault::Verb::delays) {
    words.require("by");
    const Token by = words.peek();
    fault.by = words.duration("a delay");
    if (!words.failed() && fault.by == Duration{0})
      words.fail("E005", by.span, "a delay of 0 delays nothing", "by 1us and longer");
  }
  return fault;
}

}  // namespace ringside::script
