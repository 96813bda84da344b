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
struct Deed {
  std::string text = {};
  std::uint32_t domain = 0;  ///< the domain that it is about
  bool down = false;         ///< went towards the guest
  bool up = false;           ///< came from the guest
  bool viewers = false;      ///< sent to viewers, or received by them
  bool number = false;       ///< the last value of a counter
};
/// By a description: "xcs sends client1 of dom1".
using Deeds = std::map<std::string, Deed>;

/// Domains for which the end of something decides how much was transferred. That differs from run to run.
struct Chance {
  std::set<std::uint32_t> ended;       ///< domains that ended: the length of their input differs
  std::set<std::uint32_t> broken_off;  ///< of those, the ones that were killed or destroyed: the length of
                                       ///< their output differs, too
  std::set<std::uint32_t> unread;      ///< a viewer did not read everything: the length of the output differs
};

std::string who(trace::Actor actor) {
  return trace::actor_name(actor);
}

/// Counts waiting messages. Their number depends on the order in which processes run.
bool is_level(const trace::Entry& entry) {
  return is(entry, trace::Counter::requests_waiting) || is(entry, trace::Counter::queued_messages);
}

void append(Deeds& deeds, const std::string& what, const Deed& about, std::string_view text) {
  Deed& deed = deeds.try_emplace(what, about).first->second;
  deed.text += text;
}

void add_message(Deeds& deeds, const std::string& what, const Deed& about,
                 const ring::ControlMessage& message, bool request) {
  const auto payload = message.payload();
  if (message.type == ring::CMSG_CONSOLE) {
    // Responses have no contents, and their number depends on how the bytes were divided into messages.
    const std::string_view text{reinterpret_cast<const char*>(payload.data()), payload.size()};
    if (request) append(deeds, what + " console bytes", about, text);
    return;
  }
  append(deeds, what, about,
         fmt::format("{}type {} subtype {} length {};", request ? "request " : "response ", message.type,
                     message.subtype, message.length));
}

bool is_viewer(trace::Actor actor) {
  return actor.role == Role::user || actor.role == Role::client;
}

void add(Deeds& deeds, const trace::Entry& entry) {
  const std::string actor = who(entry.actor);
  Deed about{.domain = entry.domain};
  switch (entry.kind) {
    case Kind::slot_written: {
      const bool request = static_cast<trace::SlotUse>(entry.detail) == trace::SlotUse::request;
      const bool tx = entry.ring == ring::Ring::tx;
      about.up = tx;
      about.down = !tx;
      return add_message(deeds, fmt::format("{} writes dom{}.{}", actor, entry.domain, tx ? "tx" : "rx"),
                         about, entry.message, request);
    }
    case Kind::frame_passed: {
      if (entry.detail != dom0::XCS_REQUEST && entry.detail != dom0::XCS_RESPONSE) return;
      const bool request = entry.detail == dom0::XCS_REQUEST;
      // A client's request and the guest's response to it both belong to the direction to the guest.
      about.down = request == (entry.actor.role != Role::xcs);
      about.up = !about.down;
      return add_message(deeds, fmt::format("{} sends {} of dom{}", actor, who(entry.peer), entry.domain),
                         about, entry.message, request);
    }
    case Kind::bytes_passed: {
      // Xen's own messages name processes, and reach only those who are connected at that time.
      if (entry.actor.role == Role::uart || entry.peer.role == Role::uart) return;
      about.viewers = is_viewer(entry.peer);
      about.down =
          entry.actor.role == Role::user || entry.peer.role == Role::tty || entry.peer.role == Role::program;
      about.up = !about.down;
      return append(deeds, fmt::format("{} sends {} bytes of dom{}", actor, who(entry.peer), entry.domain),
                    about, trace::text_of(entry));
    }
    case Kind::refused:
      return append(deeds, fmt::format("{} refuses {}", actor, who(entry.peer)), about,
                    trace::words_of(entry) + ";");
    case Kind::counted:
      if (is_level(entry)) return;
      about.number = true;
      about.text = std::to_string(entry.to_value);
      deeds[fmt::format("{} counts {} of dom{}", actor, trace::words_of(entry), entry.domain)] = about;
      return;
    case Kind::quirk:
      about.text = trace::words_of(entry);
      deeds[fmt::format("{} has a quirk", actor)] = about;
      return;
    case Kind::index_moved:
    case Kind::event_raised:
    case Kind::event_taken:
    case Kind::frame_taken:
    case Kind::told:
      return;
  }
}

bool is_daemon(trace::Actor actor) {
  return actor.role == Role::xcs || actor.role == Role::xend || actor.role == Role::xenctld;
}

bool tells_of_a_kill(const trace::Entry& entry) {
  return entry.actor.role == Role::dom0 && is(entry, trace::Fact::killed);
}

Deeds deeds_of(const State& state) {
  // The progress of a daemon at the moment of a kill differs from run to run. The two ends of the path are
  // compared.
  const bool killed = std::ranges::any_of(state.entries(), tells_of_a_kill);
  Deeds deeds;
  for (const trace::Entry& entry : state.entries()) {
    if (!killed || !is_daemon(entry.actor)) add(deeds, entry);
  }
  return deeds;
}

/// Domains of whose output some bytes were sent to viewers and received by none.
std::set<std::uint32_t> unread_in(const State& state) {
  std::map<std::uint32_t, std::int64_t> on_the_way;
  for (const trace::Entry& entry : state.entries()) {
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

void add_ends(Chance& chance, const State& state) {
  std::set<std::uint32_t> shut_down;
  for (const trace::Entry& entry : state.entries()) {
    using trace::Fact;
    if (is(entry, Fact::created)) shut_down.erase(entry.domain);
    if (is(entry, Fact::shut_down) &&
        entry.values[1] != static_cast<std::uint32_t>(ShutdownReason::suspend)) {
      shut_down.insert(entry.domain);
      chance.ended.insert(entry.domain);
    }
    if (!is(entry, Fact::crashed) && !is(entry, Fact::connection_closed) && !is(entry, Fact::destroyed))
      continue;
    chance.ended.insert(entry.domain);
    if (!shut_down.contains(entry.domain)) chance.broken_off.insert(entry.domain);
  }
}

Chance chance_in(const State& simulated, const State& real) {
  Chance chance;
  add_ends(chance, simulated);
  add_ends(chance, real);
  // Bytes that stay unread in only one of the runs are a loss.
  const auto unread_there = unread_in(real);
  for (const std::uint32_t domain : unread_in(simulated)) {
    if (unread_there.contains(domain)) chance.unread.insert(domain);
  }
  return chance;
}

/// Whether the two texts are equal. After an end, one may be the beginning of the other.
bool agree(const Deed& deed, const Chance& chance, std::string_view one, std::string_view other) {
  if (one == other) return true;
  const bool ended = chance.ended.contains(deed.domain);
  const bool unread = chance.unread.contains(deed.domain);
  if (deed.number) return ended || unread;
  if (deed.viewers && unread) return true;
  const bool cut = (deed.down && ended) || (deed.up && (unread || chance.broken_off.contains(deed.domain)));
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
  const Deeds one = deeds_of(simulated);
  const Deeds other = deeds_of(real);
  Deeds all = one;
  all.insert(other.begin(), other.end());
  const Chance chance = chance_in(simulated, real);
  for (const auto& [what, deed] : all) {
    const auto in = [&what = what](const Deeds& deeds) {
      const auto found = deeds.find(what);
      return found == deeds.end() ? std::string_view() : std::string_view(found->second.text);
    };
    const std::string_view a = in(one);
    const std::string_view b = in(other);
    if (agree(deed, chance, a, b)) continue;
    const auto differ = std::ranges::mismatch(a, b);
    const auto at = static_cast<std::size_t>(differ.in1 - a.begin());
    return fmt::format("{}: {} bytes in the simulation, {} with processes; from byte {} on {} and {}", what,
                       a.size(), b.size(), at, piece(a, at), piece(b, at));
  }
  return std::nullopt;
}

}  // namespace ringside::script
