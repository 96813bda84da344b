// Parses patterns: what an expectation searches for, by the first word of its line.
#include <fmt/format.h>

#include <algorithm>

#include "emu/script/parser.h"
#include "emu/script/parts.h"
#include "emu/script/suggest.h"

namespace ringside::script {

namespace {

using trace::Role;

constexpr std::uint64_t index_max = 0xffffffff;
constexpr std::uint64_t count_max = 1'000'000'000'000;

// -- what an actor is expected to do

std::optional<Actor> accept_party(Words& words, std::string_view before) {
  if (!words.accept(before)) return {};
  return parse_actor(words);
}

IsCutOff parse_end(Words& words, const Actor& who) {
  IsCutOff end{who, {}};
  if (who.role == Role::client && words.accept("on"))
    end.side = words.choose({"control", "data"}) == 0 ? Side::control : Side::data;
  return end;
}

PatternKind parse_receives(Words& words, const Actor& who) {
  if (who.role == Role::user) {
    words.require("end");
    return parse_end(words, who);
  }
  if (who.role == Role::client && words.peek().kind == TokenKind::word) {
    if (words.accept("end")) return parse_end(words, who);
    if (words.accept("virq")) return ReceivesVirq{who};
    if (const auto result = number_of(xcs_results(), words.peek().text); result) {
      words.take();
      return ReceivesReply{who, *result};
    }
    if (!words.peek().is("request") && !words.peek().is("response")) {
      auto possible = names_of(xcs_results());
      possible.insert(possible.end(), {"request", "response", "virq", "end"});
      words.fail("E011", words.here(), fmt::format("a client receives no \"{}\"", words.peek().text),
                 suggestion(words.peek().text, possible, "it receives"));
      return IsCutOff{who, {}};
    }
  }
  Receives receives;
  receives.who = who;
  receives.message = parse_message(words, false);
  // xcs receives messages from two sides: through rings, and through sockets.
  if (who.role == Role::xcs && !words.peek().is("from")) words.wrong("from whom: a domain, xend or a client");
  receives.from = accept_party(words, "from");
  return receives;
}

PatternKind parse_forwards(Words& words, const Actor& who) {
  if (words.peek().kind != TokenKind::number) {
    Forwards forwards;
    forwards.who = who;
    forwards.message = parse_message(words, false);
    forwards.from = accept_party(words, "from");
    forwards.to = accept_party(words, "to");
    return forwards;
  }
  ForwardsCount count;
  count.who = who;
  const auto some = [&] { return static_cast<std::uint32_t>(words.number("how many", 0, index_max)); };
  if (const std::uint32_t first = some(); words.accept("stale")) {
    count.stale = first;
  } else {
    words.accept("real");
    count.real = first;
    if (words.accept("and")) {
      count.stale = some();
      words.require("stale");
    }
  }
  if (!words.accept("messages") && !words.accept("message")) words.wrong("\"messages\"");
  count.from = accept_party(words, "from");
  count.to = accept_party(words, "to");
  return count;
}

PatternKind parse_sends(Words& words, const Actor& who) {
  Sends sends;
  sends.who = who;
  sends.to = parse_actor(words);
  sends.message = parse_message(words, false);
  return sends;
}

/// The next bytes that are written into a ring of bytes: one end writes into each.
PatternKind parse_bytes_written(Words& words, const Actor& who, const RingRef& ring) {
  const Role writer = writer_of(ring.ring);
  if (who.role != writer) {
    const std::string domain = fmt::format("dom{}", ring.domain);
    words.fail("E032", ring.span,
               fmt::format("{} does not write into \"{}\"", spelled(who), spelled(ring.ring)),
               writer == Role::domain
                   ? fmt::format("the guest does: expect {} writes out \"hello\"", domain)
                   : fmt::format("xenconsoled does: expect xenconsoled writes {}.in \"hello\"", domain));
  }
  return Shows{place_in(ring), parse_payload(words, false)};
}

PatternKind parse_written(Words& words, const Actor& who) {
  SlotWritten written;
  written.who = who;
  written.ring = parse_ring(words, &who, nullptr);
  if (holds_bytes(written.ring.ring)) return parse_bytes_written(words, who, written.ring);
  written.slot = parse_slot(words);
  written.message = parse_message(words, false);
  return written;
}

PatternKind parse_moves(Words& words, const Actor& who) {
  IndexMoved moved;
  moved.who = who;
  std::optional<RingIndex> index;
  moved.ring = parse_ring(words, &who, &index);
  moved.index = index ? *index : parse_index(words, moved.ring.ring);
  moved.from = static_cast<std::uint32_t>(words.number("an index", 0, index_max));
  parse_arrow(words);
  moved.to = static_cast<std::uint32_t>(words.number("an index", 0, index_max));
  return moved;
}

PatternKind parse_refuses(Words& words, const Actor& who) {
  Refuses refuses;
  refuses.who = who;
  if (words.peek().kind == TokenKind::word && take_apart(words.peek()).actor)
    refuses.whom = parse_actor(words);
  const TokenKind kind = words.peek().kind;
  if (kind == TokenKind::text || kind == TokenKind::regex) refuses.reason = parse_payload(words, false);
  return refuses;
}

PatternKind unknown_expectation(Words& words, const Actor& who) {
  const Token& token = words.peek();
  const std::string name = spelled(who);
  const auto possible = verbs_of(who.role, false);
  const std::string list = fmt::format("{} is expected to", name);
  if (token.kind == TokenKind::end) {
    words.fail("E013", token.span, fmt::format("an expectation is missing after {}", name),
               suggestion("", possible, list));
  } else if (find_verb(who.role, true, token.text) != nullptr) {
    words.fail("E016", token.span, fmt::format("\"{}\" is an act, not an expectation", token.text),
               fmt::format("to do it, leave out \"expect\": {} {} ...", name, token.text));
  } else {
    words.fail("E012", token.span, fmt::format("\"{}\" cannot be expected of {}", token.text, name),
               suggestion(token.text, possible, list));
  }
  return IsCutOff{};
}

PatternKind parse_doing(Words& words, const Actor& who) {
  const VerbAbout* known =
      words.peek().kind == TokenKind::word ? find_verb(who.role, false, words.peek().text) : nullptr;
  if (known == nullptr) return unknown_expectation(words, who);
  words.take();
  words.set_syntax(known->syntax);
  const auto shows = [&](Place::Kind kind) -> PatternKind {
    return Shows{Place{kind, who, "", who.span}, parse_payload(words, false)};
  };
  // `known` is one of the verbs that can be expected.
  if (known->verb == Verb::reads) return shows(Place::Kind::domain);
  if (known->verb == Verb::sees) return shows(Place::Kind::user);
  if (known->verb == Verb::shows) return shows(Place::Kind::uart);
  if (known->verb == Verb::receives) return parse_receives(words, who);
  if (known->verb == Verb::forwards) return parse_forwards(words, who);
  if (known->verb == Verb::sends) return parse_sends(words, who);
  if (known->verb == Verb::writes) return parse_written(words, who);
  if (known->verb == Verb::moves) return parse_moves(words, who);
  if (known->verb == Verb::refuses) return parse_refuses(words, who);
  if (known->verb == Verb::says) return Says{who, parse_payload(words, false)};
  RS_CHECK(known->verb == Verb::takes);
  words.require("event");
  return TakesEvent{who};
}

// -- states

PatternKind parse_ring_state(Words& words, const Token& word, const Dotted& dotted) {
  words.set_syntax("DOM.tx req_prod N rsp_prod N; DOM.tx settles at req_prod N; DOM.tx.req_prod >= N");
  RingState state;
  std::optional<RingIndex> index;
  state.ring = parse_ring_words(words, word, dotted.actor->domain, dotted.rest, &index);
  if (words.accept("settles")) {
    words.require("at");
    state.settles = true;
  }
  do {
    IndexTest test;
    test.span = words.here();
    test.index = index ? *index : parse_index(words, state.ring.ring);
    test.compare = parse_compare(words);
    test.number = static_cast<std::uint32_t>(words.number("an index", 0, index_max));
    test.span = words.since(test.span);
    state.tests.push_back(test);
    const Token& next = words.peek();
    if (index || next.kind != TokenKind::word || next.is("within") || next.is("now") || next.is("as") ||
        next.is("for") || next.is("until"))
      break;
  } while (!words.at_end());
  return state;
}

PatternKind parse_counter(Words& words, const Token& word, const Dotted& dotted) {
  const Actor& actor = *dotted.actor;
  const std::string name = spelled(actor);
  const CounterAbout* known = find_counter(actor.role, dotted.rest);
  if (known == nullptr) {
    words.fail("E031", word.span, fmt::format("{} has no counter \"{}\"", name, dotted.rest),
               suggestion(dotted.rest, counters_of(actor.role), "counters"));
    return CounterChanges{};
  }
  words.set_syntax("ACTOR.COUNTER settles at N; ACTOR.COUNTER >= N; ACTOR.COUNTER changes");
  std::optional<Actor> of;
  if (words.accept("of")) of = parse_domain(words);
  if (words.accept("changes")) return CounterChanges{actor, known->name, of};
  CounterState state{actor, known->name, of, false, Compare::equal, 0};
  if (words.accept("settles")) {
    words.require("at");
    state.settles = true;
  }
  const std::size_t before = words.peek().span.begin;
  state.compare = parse_compare(words);
  if (!state.settles && words.peek().span.begin == before && words.peek().kind != TokenKind::number) {
    words.wrong("\"settles at\", \"changes\", or a comparison");
  }
  state.number = words.number("a count", 0, count_max);
  return state;
}

// -- the rest

PatternKind parse_event(Words& words) {
  words.set_syntax("event A -> B");
  EventRaised event;
  event.from = parse_actor(words);
  parse_arrow(words);
  event.to = parse_actor(words);
  return event;
}

PatternKind parse_quirk_bites(Words& words) {
  words.set_syntax("quirk NAME bites");
  const auto quirk = find_quirk(words);
  words.require("bites");
  return QuirkBites{quirk.value_or(Quirk::xcs_drop_when_full)};
}

PatternKind parse_bytes_at(Words& words) {
  words.set_syntax("no [more] bytes at PLACE for DURATION");
  BytesAt bytes;
  words.require("bytes");
  words.require("at");
  bytes.place = parse_place(words);
  return bytes;
}

void unknown_subject(Words& words, const Token& token, std::string_view first) {
  std::vector<std::string_view> possible{"event", "quirk", "bytes", "no", "pty", "dom1"};
  for (const ActorAbout& each : actors_known()) possible.push_back(each.word);
  words.fail("E010", token.span, fmt::format("there is nothing named \"{}\"", first),
             suggestion(first, possible, "an expectation begins with"));
}

PatternKind parse_what(Words& words, Span& subject) {
  const Token token = words.peek();
  subject = token.span;
  if (token.kind != TokenKind::word) {
    words.wrong("an expectation");
    return BytesAt{};
  }
  if (words.accept("event")) return parse_event(words);
  if (words.accept("quirk")) return parse_quirk_bites(words);
  if (token.is("bytes")) return parse_bytes_at(words);
  if (is_pty(token)) {
    const Place place = parse_pty(words);
    words.set_syntax("PTY shows PAYLOAD");
    words.require("shows");
    return Shows{place, parse_payload(words, false)};
  }
  Dotted dotted = take_apart(token);
  if (!dotted.actor) {
    unknown_subject(words, token, dotted.first);
    return BytesAt{};
  }
  words.take();
  parse_actor_name(words, *dotted.actor);
  subject = words.since(subject);
  if (dotted.rest.empty()) return parse_doing(words, *dotted.actor);
  const bool ring =
      dotted.actor->role == Role::domain && find_counter(Role::domain, dotted.rest) == nullptr &&
      (begins_with_ring(dotted.rest) || words.peek().is("req_prod") || words.peek().is("rsp_prod"));
  return ring ? parse_ring_state(words, token, dotted) : parse_counter(words, token, dotted);
}

}  // namespace

Pattern parse_pattern(Words& words) {
  Pattern pattern;
  pattern.span = words.here();
  pattern.what = parse_what(words, pattern.subject);
  pattern.span = words.since(pattern.span);
  return pattern;
}

}  // namespace ringside::script
