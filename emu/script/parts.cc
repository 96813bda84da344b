// Parts of lines that name an actor or a place. Payloads and messages are in message_parts.cc.
#include "emu/script/parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "emu/script/suggest.h"
#include "emu/script/vocabulary.h"

namespace ringside::script {

namespace {

using trace::Role;

constexpr std::array ring_names{RingName::tx, RingName::rx, RingName::in, RingName::out};

template <class Name>
std::vector<std::string_view> words_of(std::span<const Name> names) {
  std::vector<std::string_view> words;
  for (const Name each : names) words.push_back(spelled(each));
  return words;
}

std::vector<std::string_view> actor_words() {
  std::vector<std::string_view> words;
  for (const ActorAbout& each : actors_known()) words.push_back(each.word);
  words.push_back("dom1");
  return words;
}

std::optional<std::uint32_t> digits(std::string_view text) {
  constexpr std::size_t digits_max = 9;
  if (text.empty() || text.size() > digits_max || (text.size() > 1 && text.front() == '0')) return {};
  std::uint32_t value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return {};
    value = value * 10 + static_cast<std::uint32_t>(digit - '0');
  }
  return value;
}

std::optional<Actor> actor_named(std::string_view word) {
  for (const ActorAbout& each : actors_known()) {
    if (word == each.word) return Actor{each.role, 0, "", {}};
    const bool several = each.role == Role::user || each.role == Role::client;
    if (several && word.starts_with(each.word) && digits(word.substr(each.word.size())))
      return Actor{each.role, 0, std::string(word.substr(each.word.size())), {}};
  }
  if (!word.starts_with("dom")) return {};
  const auto number = digits(word.substr(3));
  if (!number || *number > domain_id_max) return {};
  return Actor{Role::domain, *number, "", {}};
}

/// The word before the first dot of an actor, and the rest: "dom0.xcs" is xcs, "dom1" has no part.
std::pair<std::string_view, std::string_view> split(std::string_view word) {
  const std::size_t dot = word.find('.');
  if (dot == std::string_view::npos) return {word, {}};
  return {word.substr(0, dot), word.substr(dot + 1)};
}

/// The one that is spelled so.
template <class Name>
std::optional<Name> named(std::span<const Name> names, std::string_view word) {
  const auto found = std::ranges::find_if(names, [&](Name each) { return spelled(each) == word; });
  return found == names.end() ? std::nullopt : std::optional(*found);
}

void unknown_actor(Words& words, const Token& token, std::string_view wanted) {
  if (token.kind != TokenKind::word) return words.wrong(wanted);
  words.fail("E010", token.span, fmt::format("there is no actor \"{}\"", token.text),
             suggestion(token.text, actor_words(), "actors"));
}

}  // namespace

Dotted take_apart(const Token& word) {
  auto [first, rest] = split(word.text);
  if (first == "dom0" && !rest.empty()) {
    const auto [second, more] = split(rest);
    if (actor_named(second)) {
      first = second;
      rest = more;
    }
  }
  Dotted dotted{actor_named(first), first, rest};
  if (dotted.actor) dotted.actor->span = word.span;
  return dotted;
}

void parse_actor_name(Words& words, Actor& actor) {
  if ((actor.role != Role::user && actor.role != Role::client) || !actor.name.empty()) return;
  if (!words.accept("[")) return;
  if (words.peek().kind != TokenKind::word && words.peek().kind != TokenKind::number)
    return words.wrong("a name");
  actor.name = words.take().text;
  words.require("]");
  actor.span = words.since(actor.span);
}

Actor parse_actor(Words& words) {
  const Token& token = words.peek();
  const Dotted dotted = token.kind == TokenKind::word ? take_apart(token) : Dotted{};
  if (!dotted.actor || !dotted.rest.empty()) {
    unknown_actor(words, token, "an actor");
    return {};
  }
  words.take();
  Actor actor = *dotted.actor;
  parse_actor_name(words, actor);
  return actor;
}

Actor parse_actor(Words& words, Role role, std::string_view wanted) {
  const Token& token = words.peek();
  const Dotted dotted = token.kind == TokenKind::word ? take_apart(token) : Dotted{};
  if (dotted.actor && dotted.actor->role != role) {
    words.wrong(wanted);
    return {};
  }
  if (!dotted.actor && token.kind == TokenKind::word && role == Role::domain) {
    words.fail("E010", token.span, fmt::format("there is no domain \"{}\"", token.text),
               fmt::format("domains are dom1 to dom{}", domain_id_max));
    return {};
  }
  return parse_actor(words);
}

Actor parse_domain(Words& words) {
  return parse_actor(words, Role::domain, "a domain");
}

std::vector<Actor> parse_domains(Words& words) {
  std::vector<Actor> domains;
  do {
    const Actor first = parse_domain(words);
    domains.push_back(first);
    if (!words.accept("..")) continue;
    const Actor last = parse_domain(words);
    if (words.failed()) break;
    if (last.domain <= first.domain || last.domain - first.domain >= list_domains_max) {
      words.fail("E005", words.since(first.span), "a range of domains must go up and not be too long",
                 fmt::format("at most {} of them: dom1..dom100", list_domains_max));
      break;
    }
    for (std::uint32_t number = first.domain + 1; number <= last.domain; ++number) {
      domains.push_back(Actor{Role::domain, number, "", words.since(first.span)});
    }
  } while (words.accept(","));
  return domains;
}

Place place_in(const RingRef& ring) {
  Place place;
  place.kind = Place::Kind::ring;
  place.actor = Actor{Role::domain, ring.domain, "", ring.span};
  place.ring = ring.ring;
  place.span = ring.span;
  return place;
}

bool is_pty(const Token& word) {
  return word.is("pty") || (word.kind == TokenKind::word && is_name(word.text));
}

Place parse_pty(Words& words) {
  Place place{Place::Kind::pty, {}, "", words.here()};
  if (words.accept("pty")) return place;
  if (!is_pty(words.peek())) {
    words.wrong("a pty, or a name that was given to one,");
    return place;
  }
  place.name = words.take().text;
  return place;
}

Place parse_place(Words& words) {
  if (is_pty(words.peek())) return parse_pty(words);
  Place place;
  place.span = words.here();
  const Dotted dotted = words.peek().kind == TokenKind::word ? take_apart(words.peek()) : Dotted{};
  if (dotted.actor && dotted.actor->role == Role::domain && begins_with_ring(dotted.rest)) {
    const RingRef ring = parse_ring(words, nullptr, nullptr);
    if (!words.failed() && !holds_bytes(ring.ring))
      words.fail("E011", ring.span, "a ring of 2005 holds messages: no bytes can be seen there",
                 "expect no xcs receives request console from dom1 for 50ms");
    return place_in(ring);
  }
  place.actor = parse_actor(words);
  if (words.failed()) return place;
  place.span = words.since(place.span);
  switch (place.actor.role) {
    case Role::domain:
    case Role::dom0:
      place.kind = Place::Kind::domain;
      break;
    case Role::user:
      place.kind = Place::Kind::user;
      break;
    case Role::uart:
      place.kind = Place::Kind::uart;
      break;
    case Role::xen:
    case Role::xcs:
    case Role::xend:
    case Role::xenctld:
    case Role::xenconsoled:
    case Role::client:
    case Role::tty:
    case Role::program:
      words.fail("E011", place.span, fmt::format("no bytes can be seen at {}", spelled(place.actor)),
                 "places: a domain, user, pty or its name, uart, dom1.out, dom1.in");
      break;
  }
  return place;
}

RingRef parse_ring_words(Words& words, const Token& word, std::uint32_t domain, std::string_view rest,
                         std::optional<RingIndex>* index) {
  RingRef ring{domain, RingName::tx, word.span};
  const auto [name, more] = split(rest);
  const auto known = named(std::span<const RingName>(ring_names), name);
  if (!known) {
    words.fail("E032", word.span, fmt::format("there is no ring \"{}\"", name),
               suggestion(name, words_of(std::span<const RingName>(ring_names)), "rings"));
    return ring;
  }
  ring.ring = *known;
  if (more.empty()) return ring;
  const auto indices = indices_of(ring.ring);
  const auto found = named(indices, more);
  if (index == nullptr || !found) {
    words.fail(
        "E032", word.span, fmt::format("a ring has no \"{}\"", more),
        index == nullptr ? "the ring alone is meant here" : suggestion(more, words_of(indices), "indices"));
    return ring;
  }
  *index = found;
  return ring;
}

bool begins_with_ring(std::string_view rest) {
  const std::string_view name = split(rest).first;
  return name.starts_with("tx") || name.starts_with("rx") ||
         named(std::span<const RingName>(ring_names), name).has_value();
}

RingRef parse_ring(Words& words, const Actor* owner, std::optional<RingIndex>* index) {
  const Token token = words.peek();
  if (token.kind != TokenKind::word) {
    words.wrong("a ring");
    return {};
  }
  const Dotted dotted = take_apart(token);
  words.take();
  const bool owned = owner != nullptr && owner->role == Role::domain;
  if (!dotted.actor && owned) return parse_ring_words(words, token, owner->domain, token.text, index);
  if (!dotted.actor || dotted.actor->role != Role::domain) {
    words.fail("E032", token.span, fmt::format("\"{}\" is no ring", token.text),
               "rings belong to a domain: dom1.tx, dom1.rx; today's are dom1.in, dom1.out");
    return {};
  }
  if (owned && dotted.actor->domain != owner->domain) {
    words.fail("E032", token.span, fmt::format("{} cannot reach that page", spelled(*owner)),
               fmt::format("it has rings of its own only: {}.{}", spelled(*owner),
                           begins_with_ring(dotted.rest) ? split(dotted.rest).first : "tx"));
    return {};
  }
  return parse_ring_words(words, token, dotted.actor->domain, dotted.rest, index);
}

RingRef parse_ring_of_slots(Words& words, const Actor& owner) {
  const RingRef ring = parse_ring(words, &owner, nullptr);
  if (!words.failed() && holds_bytes(ring.ring)) {
    words.fail("E032", ring.span,
               fmt::format("the ring \"{}\" holds bytes: it has no slots", spelled(ring.ring)),
               fmt::format("its indices can be set: {0} sets {1}.{2} to 5000", spelled(owner),
                           spelled(ring.ring), spelled(indices_of(ring.ring).front())));
  }
  return ring;
}

RingIndex parse_index(Words& words, RingName ring) {
  const auto choice = indices_of(ring);
  const auto choice_words = words_of(choice);
  const Token& token = words.peek();
  if (token.kind == TokenKind::word && !named(choice, token.text)) {
    words.fail("E032", token.span, fmt::format("there is no index \"{}\"", token.text),
               suggestion(token.text, choice_words, "indices"));
    return choice.front();
  }
  return choice[words.choose(choice_words)];
}

std::uint32_t parse_slot(Words& words) {
  words.require("[");
  const Token& token = words.peek();
  if (token.kind == TokenKind::number && token.number >= ring::slots_per_ring) {
    words.fail(
        "E033", token.span, fmt::format("a ring has no slot {}", token.text),
        fmt::format("slots are 0 to {}: index & {}", ring::slots_per_ring - 1, ring::slots_per_ring - 1));
    return 0;
  }
  const auto slot = words.number("the slot", 0, ring::slots_per_ring - 1);
  words.require("]");
  return static_cast<std::uint32_t>(slot);
}

void parse_arrow(Words& words) {
  words.require("->");
}

std::optional<Quirk> find_quirk(Words& words) {
  const Token& token = words.peek();
  if (token.kind != TokenKind::word) {
    words.wrong("a quirk");
    return {};
  }
  std::vector<std::string_view> names;
  for (const QuirkAbout& each : quirks_known) {
    if (token.text == each.name) {
      words.take();
      return each.quirk;
    }
    names.push_back(each.name);
  }
  const std::string_view near = nearest(token.text, names);
  words.fail("E025", token.span, fmt::format("there is no quirk \"{}\"", token.text),
             near.empty() ? "`ringside quirks` lists them"
                          : fmt::format("did you mean \"{}\"?  `ringside quirks` lists them", near));
  return {};
}

Compare parse_compare(Words& words) {
  if (words.accept("is") || words.accept("==") || words.accept("=")) return Compare::equal;
  if (words.accept("!=")) return Compare::unequal;
  if (words.accept("<=")) return Compare::at_most;
  if (words.accept("<")) return Compare::less;
  if (words.accept(">=")) return Compare::at_least;
  if (words.accept(">")) return Compare::more;
  return Compare::equal;
}

std::string parse_name(Words& words, std::string_view what) {
  const Token& token = words.peek();
  if (token.kind == TokenKind::word && !is_name(token.text)) {
    words.fail("E016", token.span, fmt::format("\"{}\" cannot be {}", token.text, what),
               "names are capital letters, digits and '_': BYTES");
    return {};
  }
  if (token.kind != TokenKind::word) {
    words.wrong(what);
    return {};
  }
  return words.take().text;
}

}  // namespace ringside::script
