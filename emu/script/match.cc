// Compares entries with patterns.
#include "emu/script/match.h"

#include <fmt/format.h>

#include <algorithm>

#include "emu/dom0/xcs/xcs_proto.h"

namespace ringside::script {

namespace {

using trace::Kind;
using trace::Role;
using trace::SlotUse;

/// Limits how far back a search in a growing output goes. Without a limit each message of a long output would
/// cost a search through all of the output.
constexpr std::size_t match_reach_bytes = 8192;

bool is_of_domain(trace::Actor actor, std::uint32_t domain) {
  return (actor.role == Role::domain || actor.role == Role::tty || actor.role == Role::program) &&
         actor.number == domain;
}

/// An event for dom0's kernel: of its console or of a device. All others for dom0 are for a daemon.
bool for_dom0_kernel(const trace::Entry& entry) {
  const auto source = static_cast<trace::EventSource>(entry.from_value);
  return entry.kind == Kind::event_raised &&
         (source == trace::EventSource::pirq ||
          (source == trace::EventSource::virq && entry.to_value == VIRQ_CONSOLE));
}

/// Between a guest and xenconsoled.
bool is_of_today(const EventRaised& event) {
  return event.from.role == Role::xenconsoled ||
         (event.from.role == Role::domain && event.to.role == Role::xenconsoled);
}

/// Today an event is a hypercall: xen raises it for the sender, about the domain at the other end of dom0's
/// channel.
bool is_sent(const trace::Entry& entry, const EventRaised& event) {
  const bool up = event.from.role == Role::domain;
  return entry.kind == Kind::event_raised && entry.actor.role == Role::xen &&
         static_cast<trace::EventSource>(entry.from_value) == trace::EventSource::channel &&
         entry.domain == (up ? event.from.domain : event.to.domain) &&
         (up ? entry.peer == trace::dom0_actor : is_of_domain(entry.peer, event.to.domain));
}

bool is_move_of(const trace::Entry& entry, const IndexMoved& moved) {
  if (entry.kind == Kind::byte_index_moved)
    return holds_bytes(moved.ring.ring) &&
           name_of(static_cast<trace::ByteIndex>(entry.detail)) == moved.index;
  return entry.kind == Kind::index_moved && name_of(entry.ring) == moved.ring.ring &&
         name_of(static_cast<trace::IndexName>(entry.detail)) == moved.index;
}

std::uint32_t frame_type(const Message& message) {
  return message.response ? dom0::XCS_RESPONSE : dom0::XCS_REQUEST;
}

SlotUse slot_use(const Message& message) {
  return message.response ? SlotUse::response : SlotUse::request;
}

/// The payload that a pattern compares; null if it has none.
const Payload* payload_of(const Pattern& pattern) {
  const auto of_message = [](const auto& each) {
    return each.message.payload ? &*each.message.payload : nullptr;
  };
  const auto none = [](const auto&) -> const Payload* { return nullptr; };
  return std::visit(
      Visit{[](const Shows& shows) -> const Payload* { return &shows.payload; },
            [&](const Receives& each) -> const Payload* { return of_message(each); },
            [&](const Sends& each) -> const Payload* { return of_message(each); },
            [&](const Forwards& each) -> const Payload* { return of_message(each); },
            [&](const SlotWritten& each) -> const Payload* { return of_message(each); },
            [](const Refuses& each) -> const Payload* { return each.reason ? &*each.reason : nullptr; },
            [](const Says& each) -> const Payload* { return &each.text; },
            [&](const BytesAt& each) { return none(each); },
            [&](const ReceivesReply& each) { return none(each); },
            [&](const ReceivesVirq& each) { return none(each); },
            [&](const IsCutOff& each) { return none(each); },
            [&](const ForwardsCount& each) { return none(each); },
            [&](const EventRaised& each) { return none(each); },
            [&](const TakesEvent& each) { return none(each); },
            [&](const IndexMoved& each) { return none(each); },
            [&](const QuirkBites& each) { return none(each); },
            [&](const RingState& each) { return none(each); },
            [&](const CounterState& each) { return none(each); },
            [&](const CounterChanges& each) { return none(each); }},
      pattern.what);
}

/// Whether the sender and receiver of a message that an actor passes on are `from` and `to`. Domains are
/// found by the ring, other senders by what the actor has read.
bool passes(const State& state, Step step, const std::optional<Actor>& from, const std::optional<Actor>& to,
            const ActorMap& actor_map) {
  const trace::Entry& entry = state.at(step);
  const auto in_domain = [&](const Actor& actor) {
    return actor.role == Role::domain && actor.domain == entry.domain;
  };
  const bool to_ring = entry.kind == Kind::slot_written;
  if (from && from->role == Role::domain) {
    if (to_ring || !in_domain(*from)) return false;
  } else if (from) {
    const auto sender = state.sender(step);
    if (!sender || !actor_map.is(*from, *sender)) return false;
  }
  if (!to) return true;
  return to_ring || to->role == Role::domain ? in_domain(*to) : actor_map.is(*to, entry.peer);
}

}  // namespace

// -- actors

void ActorMap::add_client(const std::string& name) {
  for (const Lane lane : {Lane::control, Lane::data}) {
    if (const std::uint32_t number = stage_.client_number(name, lane); number != 0)
      clients_[name].insert(number);
  }
}

std::string ActorMap::pty(const std::string& name) const {
  return name.empty() && ptys_.size() == 1 ? *ptys_.begin() : name;
}

ActorMap::Names ActorMap::names() const {
  Names all;
  const auto spell = [](std::string_view kind, const std::string& name) {
    return name.empty() ? std::string(kind) : fmt::format("{}[{}]", kind, name);
  };
  for (const std::string& name : users_) all.emplace_back(stage_.user_actor(name), spell("user", name));
  for (const auto& [name, numbers] : clients_) {
    for (const std::uint32_t number : numbers)
      all.emplace_back(trace::actor(Role::client, number), spell("client", name));
  }
  for (const std::string& name : ptys_) all.emplace_back(stage_.pty_actor(name), name.empty() ? "pty" : name);
  return all;
}

bool ActorMap::is_raw(std::uint32_t number) const {
  return std::ranges::any_of(clients_, [&](const auto& each) { return each.second.contains(number); });
}

bool ActorMap::is(const Actor& named, trace::Actor actor) const {
  switch (named.role) {
    case Role::user:
      return actor.role == Role::user && actor == stage_.user_actor(named.name);
    case Role::client: {
      const auto known = clients_.find(named.name);
      return actor.role == Role::client && known != clients_.end() && known->second.contains(actor.number);
    }
    case Role::xend:
      // xcs knows its clients by number only. A number of no raw client is xend's.
      return actor.role == Role::xend || (actor.role == Role::client && !is_raw(actor.number));
    case Role::domain:
    case Role::tty:
    case Role::program:
      return is_of_domain(actor, named.domain);
    case Role::xen:
    case Role::dom0:
    case Role::xcs:
    case Role::xenctld:
    case Role::xenconsoled:
    case Role::uart:
      return actor.role == named.role;
  }
  return false;
}

bool ActorMap::is_end(const Actor& named, trace::Actor actor) const {
  const bool serves =
      named.role == Role::xcs || named.role == Role::xenctld || named.role == Role::xenconsoled;
  return is(named, actor) || (serves && actor.role == Role::dom0);
}

// -- payloads

PayloadMatcher::PayloadMatcher(const Payload& payload) : payload_(payload) {
  switch (payload.kind) {
    case Payload::Kind::regex:
      expression_.emplace(Expression::compile(payload.unit).value());
      break;
    case Payload::Kind::prefix:
      wanted_ = payload.unit;
      break;
    case Payload::Kind::exact:
      wanted_ = payload.bytes();
      break;
  }
}

bool PayloadMatcher::is(std::string_view bytes) const {
  switch (payload_.kind) {
    case Payload::Kind::exact:
      return bytes == wanted_;
    case Payload::Kind::prefix:
      return bytes.starts_with(payload_.unit);
    case Payload::Kind::regex:
      return search(bytes).has_value();
  }
  return false;
}

bool PayloadMatcher::is_in(std::string_view text) const {
  return search(text).has_value();
}

std::optional<Found> PayloadMatcher::search(std::string_view bytes, std::size_t from) const {
  if (expression_) return expression_->search(bytes, from);
  const std::size_t at = bytes.find(wanted_, from);
  if (at == std::string_view::npos) return {};
  return Found{at, at + wanted_.size()};
}

std::size_t PayloadMatcher::leads(std::string_view bytes) const {
  if (expression_) return expression_->leads(bytes).value_or(0);
  return bytes.starts_with(wanted_) ? wanted_.size() : 0;
}

std::size_t PayloadMatcher::reach_bytes() const {
  return expression_ ? match_reach_bytes : wanted_.size() - 1;
}

// -- entries

Matcher::Matcher(const Pattern& pattern) : pattern_(pattern) {
  if (const Payload* payload = payload_of(pattern)) payload_matcher_.emplace(*payload);
}

bool Matcher::by_taking(const Pattern& pattern) {
  const auto* receives = std::get_if<Receives>(&pattern.what);
  if (receives == nullptr) return false;
  const Role role = receives->who.role;
  if (role == Role::domain || role == Role::xenctld) return true;
  // xcs receives messages from two sides: those of a domain through its ring.
  return role == Role::xcs && receives->from && receives->from->role == Role::domain;
}

bool Matcher::by_entry(const Pattern& pattern) {
  return std::visit(
      Visit{[&](const Receives&) { return !by_taking(pattern); }, [](const Sends&) { return true; },
            [](const Forwards&) { return true; }, [](const EventRaised&) { return true; },
            [](const TakesEvent&) { return true; }, [](const SlotWritten&) { return true; },
            [](const IndexMoved&) { return true; }, [](const Refuses&) { return true; },
            [](const Says&) { return true; }, [](const QuirkBites&) { return true; },
            [](const ReceivesVirq&) { return true; }, [](const Shows&) { return false; },
            [](const BytesAt&) { return false; }, [](const ReceivesReply&) { return false; },
            [](const IsCutOff&) { return false; }, [](const ForwardsCount&) { return false; },
            [](const RingState&) { return false; }, [](const CounterState&) { return false; },
            [](const CounterChanges&) { return false; }},
      pattern.what);
}

bool Matcher::message_is(const Message& pattern, const ring::ControlMessage& message) const {
  if (message.type != pattern.type) return false;
  if (pattern.subtype && message.subtype != *pattern.subtype) return false;
  if (pattern.id && message.id != *pattern.id) return false;
  if (pattern.length_min && message.length < *pattern.length_min) return false;
  if (pattern.length_max && message.length > *pattern.length_max) return false;
  const auto bytes = message.payload();
  if (pattern.behind) {
    const std::string wanted = pattern.behind->bytes();
    const std::string_view slot(reinterpret_cast<const char*>(message.msg), sizeof message.msg);
    if (slot.substr(bytes.size(), wanted.size()) != wanted) return false;
  }
  return !pattern.payload ||
         payload_matcher_->is({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

bool Matcher::same_sort(const State& state, Step step, const ActorMap& actor_map) const {
  const trace::Entry& entry = state.at(step);
  const auto is_frame = [&](std::uint32_t type) {
    return entry.kind == Kind::frame_passed && entry.detail == type;
  };
  const auto is_taken = [&](std::uint32_t type) {
    return entry.kind == Kind::frame_taken && entry.detail == type;
  };
  const auto never = [](const auto&) { return false; };
  return std::visit(
      Visit{[&](const Receives& each) {
              const bool comes =
                  !each.from || (each.from->role == Role::domain ? each.from->domain == entry.domain
                                                                 : actor_map.is(*each.from, entry.peer));
              return is_taken(frame_type(each.message)) && actor_map.is(each.who, entry.actor) && comes;
            },
            [&](const ReceivesVirq& each) {
              return is_taken(dom0::XCS_VIRQ) && actor_map.is(each.client, entry.actor);
            },
            [&](const Sends& each) {
              return is_frame(frame_type(each.message)) && actor_map.is(each.who, entry.actor) &&
                     actor_map.is(each.to, entry.peer);
            },
            [&](const Forwards& each) {
              const bool in_slot = entry.kind == Kind::slot_written &&
                                   entry.detail == static_cast<std::uint8_t>(slot_use(each.message));
              return (is_frame(frame_type(each.message)) || in_slot) && actor_map.is(each.who, entry.actor) &&
                     passes(state, step, each.from, each.to, actor_map);
            },
            [&](const EventRaised& each) {
              if (is_of_today(each)) return is_sent(entry, each);
              const bool hears = for_dom0_kernel(entry) ? actor_map.is(each.to, entry.peer)
                                                        : actor_map.is_end(each.to, entry.peer);
              return entry.kind == Kind::event_raised && actor_map.is_end(each.from, entry.actor) && hears;
            },
            [&](const TakesEvent& each) {
              return entry.kind == Kind::event_taken && actor_map.is(each.who, entry.actor);
            },
            [&](const SlotWritten& each) {
              return entry.kind == Kind::slot_written && actor_map.is(each.who, entry.actor) &&
                     entry.domain == each.ring.domain && name_of(entry.ring) == each.ring.ring &&
                     entry.to_value == each.slot;
            },
            [&](const IndexMoved& each) {
              return actor_map.is(each.who, entry.actor) && entry.domain == each.ring.domain &&
                     is_move_of(entry, each);
            },
            [&](const Refuses& each) {
              return entry.kind == Kind::refused && actor_map.is(each.who, entry.actor) &&
                     (!each.whom || actor_map.is(*each.whom, entry.peer) ||
                      (each.whom->role == Role::domain && each.whom->domain == entry.domain));
            },
            [&](const Says& each) { return entry.kind == Kind::told && actor_map.is(each.who, entry.actor); },
            [&](const QuirkBites& each) { return trace::is(entry, each.quirk); },
            [&](const Shows& each) { return never(each); }, [&](const BytesAt& each) { return never(each); },
            [&](const ReceivesReply& each) { return never(each); },
            [&](const IsCutOff& each) { return never(each); },
            [&](const ForwardsCount& each) { return never(each); },
            [&](const RingState& each) { return never(each); },
            [&](const CounterState& each) { return never(each); },
            [&](const CounterChanges& each) { return never(each); }},
      pattern_.what);
}

bool Matcher::matches(const State& state, Step step, const ActorMap& actor_map) const {
  if (!same_sort(state, step, actor_map)) return false;
  const trace::Entry& entry = state.at(step);
  if (const auto* receives = std::get_if<Receives>(&pattern_.what))
    return message_is(receives->message, entry.message);
  if (const auto* sends = std::get_if<Sends>(&pattern_.what))
    return message_is(sends->message, entry.message);
  if (const auto* forwards = std::get_if<Forwards>(&pattern_.what))
    return message_is(forwards->message, entry.message);
  if (const auto* written = std::get_if<SlotWritten>(&pattern_.what)) {
    return entry.detail == static_cast<std::uint8_t>(slot_use(written->message)) &&
           message_is(written->message, entry.message);
  }
  if (const auto* moved = std::get_if<IndexMoved>(&pattern_.what))
    return entry.from_value == moved->from && entry.to_value == moved->to;
  if (const auto* refuses = std::get_if<Refuses>(&pattern_.what))
    return !refuses->reason || payload_matcher_->is_in(trace::words_of(entry));
  if (std::holds_alternative<Says>(pattern_.what)) return payload_matcher_->is_in(trace::words_of(entry));
  return true;
}

bool Matcher::matches(const State::Taken& taken, const State& state, const ActorMap& actor_map) const {
  const auto* receives = std::get_if<Receives>(&pattern_.what);
  if (receives == nullptr || !actor_map.is(receives->who, taken.by)) return false;
  if (taken.use != slot_use(receives->message)) return false;
  // A domain receives what the other side wrote, and the other side what the domain wrote.
  if (receives->from && receives->from->role == Role::domain && receives->from->domain != taken.domain)
    return false;
  static constexpr ring::ControlMessage nothing{};
  const ring::ControlMessage& message = taken.written == 0 ? nothing : state.at(taken.written).message;
  return message_is(receives->message, message);
}

// -- counters

bool counts_for(const State::Tally& tally, const Actor& actor, std::string_view counter,
                const std::optional<Actor>& of, const ActorMap& actor_map) {
  const CounterAbout* known = find_counter(actor.role, counter);
  if (known == nullptr || (of && of->domain != tally.domain)) return false;
  // Counters of the serial line have the actor uart, whichever program counts them.
  if (!actor_map.is(actor, tally.actor)) return false;
  return std::ranges::any_of(known->sources,
                             [&](const CounterSource& source) { return source == tally.source; });
}

std::uint64_t counter_at(const State& state, Step step, const Actor& actor, std::string_view counter,
                         const std::optional<Actor>& of, const ActorMap& actor_map) {
  std::vector<bool> counted;
  for (const State::Tally& each : state.tallies())
    counted.push_back(counts_for(each, actor, counter, of, actor_map));
  std::int64_t value = 0;
  for (const State::Change& change : state.changes()) {
    if (change.step > step) break;
    if (counted[change.tally]) value += change.by;
  }
  return value < 0 ? 0 : static_cast<std::uint64_t>(value);
}

}  // namespace ringside::script
