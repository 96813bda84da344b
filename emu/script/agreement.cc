// Compares two runs of one scenario by what each actor did.
#include "emu/script/agreement.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "emu/dom0/xcs/xcs_proto.h"
#include "emu/host/hypercall.h"
#include "emu/trace/text.h"

namespace ringside::script {

namespace {

using trace::Kind;
using trace::Role;

/// Everything of one kind that an actor did, in the order of its entries.
struct Behaviour {
  std::string text = {};
  std::uint32_t domain = 0;  ///< the domain that it is about
  bool down = false;         ///< went towards the guest
  bool up = false;           ///< came from the guest
  bool viewers = false;      ///< sent to viewers, or received by them
  bool number = false;       ///< the last value of a counter
  std::string user = {};     ///< typed by this user
};
/// By a description: "xcs sends client1 of dom1".
using Behaviours = std::map<std::string, Behaviour>;

/// Domains and users whose amount of data depends on the moment of an end, and therefore differs from run to
/// run.
struct Variation {
  std::set<std::uint32_t> ended;   ///< domains that ended: the length of their input differs
  std::set<std::uint32_t> killed;  ///< of those, the ones that were killed or destroyed: the length of
                                   ///< their output differs, too
  std::set<std::uint32_t> unread;  ///< a viewer did not read everything: the length of the output differs
  std::set<std::string> hung_up;  ///< users whose connection was closed: the length of what they sent differs
};

std::string who(trace::Actor actor) {
  return trace::actor_name(actor);
}

/// Counts waiting messages. Their number depends on the order in which processes run.
bool is_level(const trace::Entry& entry) {
  return is(entry, trace::Counter::requests_waiting) || is(entry, trace::Counter::queued_messages);
}

void append(Behaviours& behaviours, const std::string& what, const Behaviour& about, std::string_view text) {
  Behaviour& behaviour = behaviours.try_emplace(what, about).first->second;
  behaviour.text += text;
}

void add_message(Behaviours& behaviours, const std::string& what, const Behaviour& about,
                 const ring::ControlMessage& message, bool request) {
  const auto payload = message.payload();
  if (message.type == ring::CMSG_CONSOLE) {
    // Responses have no contents, and their number depends on how the bytes were divided into messages.
    const std::string_view text{reinterpret_cast<const char*>(payload.data()), payload.size()};
    if (request) append(behaviours, what + " console bytes", about, text);
    return;
  }
  append(behaviours, what, about,
         fmt::format("{}type {} subtype {} length {};", request ? "request " : "response ", message.type,
                     message.subtype, message.length));
}

bool is_viewer(trace::Actor actor) {
  return actor.role == Role::user || actor.role == Role::client;
}

/// Domains whose pty has returned unread output in one of the runs. How much each reader gets then depends on
/// when the first one leaves, so their readers are compared together.
using Returned = std::set<std::uint32_t>;

std::string to_readers(std::string_view actor, std::uint32_t domain) {
  return fmt::format("{} sends its readers bytes of dom{}", actor, domain);
}

/// Output that a pty has returned is sent again, so it is counted only then.
void take_back(Behaviours& behaviours, const trace::Entry& entry) {
  std::string& sent = behaviours[to_readers(who(entry.actor), entry.domain)].text;
  sent.resize(sent.size() - std::min<std::size_t>(sent.size(), entry.values[0]));
}

void add(Behaviours& behaviours, const trace::Entry& entry, const Returned& returned) {
  const std::string actor = who(entry.actor);
  Behaviour about{.domain = entry.domain};
  switch (entry.kind) {
    case Kind::slot_written: {
      const bool request = static_cast<trace::SlotUse>(entry.detail) == trace::SlotUse::request;
      const bool tx = entry.ring == ring::Ring::tx;
      about.up = tx;
      about.down = !tx;
      return add_message(behaviours, fmt::format("{} writes dom{}.{}", actor, entry.domain, tx ? "tx" : "rx"),
                         about, entry.message, request);
    }
    case Kind::bytes_written: {
      about.down = trace::byte_ring_of(entry) == trace::ByteRing::in;
      about.up = !about.down;
      return append(behaviours,
                    fmt::format("{} writes dom{}.{}", actor, entry.domain, about.down ? "in" : "out"), about,
                    trace::text_of(entry));
    }
    case Kind::frame_passed: {
      if (entry.detail != dom0::XCS_REQUEST && entry.detail != dom0::XCS_RESPONSE) return;
      const bool request = entry.detail == dom0::XCS_REQUEST;
      // A client's request and the guest's response to it both belong to the direction to the guest.
      about.down = request == (entry.actor.role != Role::xcs);
      about.up = !about.down;
      return add_message(behaviours,
                         fmt::format("{} sends {} of dom{}", actor, who(entry.peer), entry.domain), about,
                         entry.message, request);
    }
    case Kind::bytes_passed: {
      // Xen's own messages name processes, and reach only users that are connected at that time.
      if (entry.actor.role == Role::uart || entry.peer.role == Role::uart) return;
      about.viewers = is_viewer(entry.peer);
      about.down =
          entry.actor.role == Role::user || entry.peer.role == Role::tty || entry.peer.role == Role::program;
      about.up = !about.down;
      if (entry.actor.role == Role::user) about.user = actor;
      if (about.viewers && returned.contains(entry.domain)) {
        const bool reads = entry.actor.role == Role::client;
        return append(behaviours, to_readers(reads ? "a client" : actor, entry.domain), about,
                      trace::text_of(entry));
      }
      return append(behaviours,
                    fmt::format("{} sends {} bytes of dom{}", actor, who(entry.peer), entry.domain), about,
                    trace::text_of(entry));
    }
    case Kind::refused:
      // How often a guest of today sends events while no xenconsoled is there depends on time.
      if (is(entry, trace::Refusal::port_unbound)) return;
      // A domain refuses what it receives.
      about.down = entry.actor.role == Role::domain;
      return append(behaviours, fmt::format("{} refuses {}", actor, who(entry.peer)), about,
                    trace::words_of(entry) + ";");
    case Kind::counted:
      if (is_level(entry)) return;
      about.number = true;
      about.text = std::to_string(entry.to_value);
      behaviours[fmt::format("{} counts {} of dom{}", actor, trace::words_of(entry), entry.domain)] = about;
      return;
    case Kind::quirk:
      about.text = trace::words_of(entry);
      behaviours[fmt::format("{} has a quirk", actor)] = about;
      return;
    case Kind::told:
      if (is(entry, trace::Fact::output_returned)) take_back(behaviours, entry);
      return;
    case Kind::index_moved:
    case Kind::event_raised:
    case Kind::event_taken:
    case Kind::mask_changed:
    case Kind::frame_taken:
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
    case Kind::bytes_found:
      return;
  }
}

bool is_daemon(trace::Actor actor) {
  return actor.role == Role::xcs || actor.role == Role::xend || actor.role == Role::xenctld ||
         actor.role == Role::xenconsoled;
}

bool is_kill_of_daemon(const trace::Entry& entry) {
  return entry.actor.role == Role::dom0 && is(entry, trace::Fact::killed);
}

Behaviours behaviours_of(const State& state, const Returned& returned) {
  // The progress of a daemon at the moment of a kill differs from run to run. The two ends of the path are
  // compared.
  const bool killed = std::ranges::any_of(state.entries(), is_kill_of_daemon);
  Behaviours behaviours;
  for (const trace::Entry& entry : state.entries()) {
    if (!killed || !is_daemon(entry.actor)) add(behaviours, entry, returned);
  }
  return behaviours;
}

void add_returned(Returned& returned, const State& state) {
  for (const trace::Entry& entry : state.entries()) {
    if (is(entry, trace::Fact::output_returned)) returned.insert(entry.domain);
  }
}

/// Domains with output that was sent to viewers and neither received nor returned.
std::set<std::uint32_t> unread_in(const State& state) {
  std::map<std::uint32_t, std::int64_t> on_the_way;
  for (const trace::Entry& entry : state.entries()) {
    if (is(entry, trace::Fact::output_returned)) on_the_way[entry.domain] -= std::int64_t{entry.values[0]};
    if (entry.kind != Kind::bytes_passed || !is_viewer(entry.peer)) continue;
    const bool received = entry.actor.role == Role::client;
    on_the_way[entry.domain] += received ? -std::int64_t{entry.message.length} : entry.message.length;
  }
  std::set<std::uint32_t> domains;
  for (const auto& [domain, bytes] : on_the_way) {
    if (bytes != 0) domains.insert(domain);
  }
  return domains;
}

void add_ends(Variation& variation, const State& state) {
  std::set<std::uint32_t> shut_down;
  for (const trace::Entry& entry : state.entries()) {
    using trace::Fact;
    if (is(entry, Fact::created)) shut_down.erase(entry.domain);
    if (is(entry, Fact::shut_down) &&
        entry.values[1] != static_cast<std::uint32_t>(ShutdownReason::suspend)) {
      shut_down.insert(entry.domain);
      variation.ended.insert(entry.domain);
    }
    if (!is(entry, Fact::crashed) && !is(entry, Fact::connection_closed) && !is(entry, Fact::destroyed))
      continue;
    variation.ended.insert(entry.domain);
    if (!shut_down.contains(entry.domain)) variation.killed.insert(entry.domain);
  }
}

std::set<std::string> hung_up_in(const State& state) {
  std::set<std::string> users;
  for (const trace::Entry& entry : state.entries()) {
    if (is(entry, trace::Fact::hung_up)) users.insert(who(entry.actor));
  }
  return users;
}

Variation variation_in(const State& simulated, const State& real) {
  Variation variation;
  add_ends(variation, simulated);
  add_ends(variation, real);
  // Bytes that stay unread in only one of the runs are a loss.
  const auto unread_there = unread_in(real);
  for (const std::uint32_t domain : unread_in(simulated)) {
    if (unread_there.contains(domain)) variation.unread.insert(domain);
  }
  const auto hung_up_there = hung_up_in(real);
  for (const std::string& user : hung_up_in(simulated)) {
    if (hung_up_there.contains(user)) variation.hung_up.insert(user);
  }
  return variation;
}

/// Whether the two texts are equal. After an end, one may be the beginning of the other.
bool agree(const Behaviour& behaviour, const Variation& variation, std::string_view one,
           std::string_view other) {
  if (one == other) return true;
  const bool ended = variation.ended.contains(behaviour.domain);
  const bool unread = variation.unread.contains(behaviour.domain);
  if (behaviour.number) return ended || unread;
  if (behaviour.viewers && unread) return true;
  const bool cut = (behaviour.down && ended) || variation.hung_up.contains(behaviour.user) ||
                   (behaviour.up && (unread || variation.killed.contains(behaviour.domain)));
  return cut && (one.starts_with(other) || other.starts_with(one));
}

std::string piece(std::string_view text, std::size_t at) {
  constexpr std::size_t shown = 24;
  const std::string_view cut = text.substr(std::min(at, text.size()), shown);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(cut.data());
  return cut.empty() ? "nothing more" : trace::quoted({bytes, cut.size()}, shown);
}

}  // namespace

std::optional<std::string> disagreement(const State& simulated, const State& real) {
  Returned returned;
  add_returned(returned, simulated);
  add_returned(returned, real);
  const Behaviours one = behaviours_of(simulated, returned);
  const Behaviours other = behaviours_of(real, returned);
  Behaviours all = one;
  all.insert(other.begin(), other.end());
  const Variation variation = variation_in(simulated, real);
  for (const auto& [what, behaviour] : all) {
    const auto in = [&what = what](const Behaviours& behaviours) {
      const auto found = behaviours.find(what);
      return found == behaviours.end() ? std::string_view() : std::string_view(found->second.text);
    };
    const std::string_view a = in(one);
    const std::string_view b = in(other);
    if (agree(behaviour, variation, a, b)) continue;
    const auto differ = std::ranges::mismatch(a, b);
    const auto at = static_cast<std::size_t>(differ.in1 - a.begin());
    return fmt::format("{}: {} bytes in the simulation, {} with processes; from byte {} on {} and {}", what,
                       a.size(), b.size(), at, piece(a, at), piece(b, at));
  }
  return std::nullopt;
}

}  // namespace ringside::script
