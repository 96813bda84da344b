// What each actor did, as text that can be compared.
#include "emu/script/agreement.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "emu/dom0/xcs/xcs_proto.h"
#include "emu/trace/text.h"

namespace ringside::script {

namespace {

using trace::Kind;
using trace::Role;

/// By what is said of whom, in words.
using Deeds = std::map<std::string, std::string>;

std::string who(trace::Actor actor) {
  return trace::actor_name(actor);
}

/// Says how much waited, which depends on who ran when.
bool is_level(const trace::Entry& entry) {
  return is(entry, trace::Counter::requests_waiting) || is(entry, trace::Counter::queued_messages);
}

void add_message(Deeds& deeds, const std::string& what, const ring::ControlMessage& message, bool request) {
  const auto payload = message.payload();
  if (message.type == ring::CMSG_CONSOLE) {
    // Answers carry nothing, and there is one for each message, however the bytes were cut.
    if (request) deeds[what + " console bytes"].append(payload.begin(), payload.end());
    return;
  }
  deeds[what] += fmt::format("{}type {} subtype {} length {};", request ? "request " : "response ",
                             message.type, message.subtype, message.length);
}

void add(Deeds& deeds, const trace::Entry& entry) {
  const std::string actor = who(entry.actor);
  switch (entry.kind) {
    case Kind::slot_written: {
      const bool request = static_cast<trace::SlotUse>(entry.detail) == trace::SlotUse::request;
      const char* ring = entry.ring == ring::Ring::tx ? "tx" : "rx";
      return add_message(deeds, fmt::format("{} writes dom{}.{}", actor, entry.domain, ring), entry.message,
                         request);
    }
    case Kind::frame_passed:
      if (entry.detail != dom0::XCS_REQUEST && entry.detail != dom0::XCS_RESPONSE) return;
      return add_message(deeds, fmt::format("{} sends {} of dom{}", actor, who(entry.peer), entry.domain),
                         entry.message, entry.detail == dom0::XCS_REQUEST);
    case Kind::bytes_passed: {
      // Xen's own words name processes, and are heard only by who is there already.
      if (entry.actor.role == Role::uart || entry.peer.role == Role::uart) return;
      const auto bytes = entry.message.payload();
      deeds[fmt::format("{} sends {} bytes of dom{}", actor, who(entry.peer), entry.domain)].append(
          bytes.begin(), bytes.end());
      return;
    }
    case Kind::refused:
      deeds[fmt::format("{} refuses {}", actor, who(entry.peer))] += trace::words_of(entry) + ";";
      return;
    case Kind::counted:
      if (is_level(entry)) return;
      deeds[fmt::format("{} counts {} of dom{}", actor, trace::words_of(entry), entry.domain)] =
          std::to_string(entry.to_value);
      return;
    case Kind::quirk:
      deeds[fmt::format("{} has a quirk", actor)] = trace::words_of(entry);
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
  // How far a daemon had come when it was killed is chance; what the two ends of the path do is not.
  const bool killed = std::ranges::any_of(state.entries(), tells_of_a_kill);
  Deeds deeds;
  for (const trace::Entry& entry : state.entries()) {
    if (!killed || !is_daemon(entry.actor)) add(deeds, entry);
  }
  return deeds;
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
  for (const auto& [what, ignored] : all) {
    const auto in = [&what = what](const Deeds& deeds) {
      const auto found = deeds.find(what);
      return found == deeds.end() ? std::string_view() : std::string_view(found->second);
    };
    const std::string_view a = in(one);
    const std::string_view b = in(other);
    if (a == b) continue;
    const auto differ = std::ranges::mismatch(a, b);
    const auto at = static_cast<std::size_t>(differ.in1 - a.begin());
    return fmt::format("{}: {} bytes in the simulation, {} with processes; from byte {} on {} and {}", what,
                       a.size(), b.size(), at, piece(a, at), piece(b, at));
  }
  return std::nullopt;
}

}  // namespace ringside::script
