// The catalogue as one table, and which of its hops an entry shows. An entry may have been written by a
// faulty domain's process: an invalid entry shows no hop.
#include "emu/trace/hops.h"

#include <array>
#include <optional>

#include "emu/trace/hops_dom0.h"
#include "emu/trace/hops_guest.h"
#include "emu/trace/hops_outside.h"
#include "emu/trace/hops_today.h"
#include "emu/trace/text.h"

namespace ringside::trace {

namespace {

static_assert(std::size(hops_outside) + std::size(hops_dom0) + std::size(hops_page) + std::size(hops_guest) +
                  std::size(hops_today) ==
              hop_count);

constexpr std::array<Hop, hop_count> joined() {
  std::array<Hop, hop_count> all{};
  std::size_t at = 0;
  for (const std::span<const Hop> part :
       {std::span<const Hop>(hops_outside), std::span<const Hop>(hops_dom0), std::span<const Hop>(hops_page),
        std::span<const Hop>(hops_guest), std::span<const Hop>(hops_today)}) {
    for (const Hop& hop : part) all[at++] = hop;
  }
  return all;
}

constexpr std::array<Hop, hop_count> all_hops = joined();

static_assert(
    [] {
      for (std::size_t at = 0; at < hop_count; ++at) {
        if (all_hops[at].id != static_cast<HopId>(at)) return false;
      }
      return true;
    }(),
    "the texts are in the order of HopId");

constexpr bool lives_at(const Hop& hop, Quirk quirk) {
  return std::find(hop.quirks.begin(), hop.quirks.end(), quirk) != hop.quirks.end();
}

static_assert(
    [] {
      for (const QuirkAbout& known : quirks_known) {
        std::size_t homes = 0;
        for (const Hop& hop : all_hops) homes += lives_at(hop, known.quirk) ? 1 : 0;
        if (homes != 1) return false;
      }
      return true;
    }(),
    "every quirk belongs to one hop");

using Shown = std::optional<HopId>;

Shown hop_of_slot(const Entry& entry) {
  if (static_cast<SlotUse>(entry.detail) == SlotUse::response) return HopId::response;
  return entry.ring == ring::Ring::tx ? HopId::slot_tx : HopId::slot_rx;
}

Shown hop_of_index(const Entry& entry) {
  switch (static_cast<IndexName>(entry.detail)) {
    case IndexName::req_prod:
      return HopId::req_prod;
    case IndexName::req_cons:
      return HopId::req_cons;
    case IndexName::rsp_prod:
      return HopId::rsp_prod;
    case IndexName::rsp_cons:
      return HopId::rsp_cons;
  }
  return std::nullopt;
}

/// VIRQ_CONSOLE announces input for dom0; the other virtual interrupts report changes in a domain's life.
Shown hop_of_event(const Entry& entry) {
  const bool for_dom0 = entry.peer.role == Role::dom0;
  switch (static_cast<EventSource>(entry.from_value)) {
    case EventSource::channel:
      break;
    case EventSource::virq:
      return for_dom0 && entry.domain == 0 ? Shown(HopId::virq_console) : std::nullopt;
    case EventSource::pirq:
      return HopId::keyboard;
  }
  if (static_cast<ring::Raised>(entry.detail) != ring::Raised::kick) return HopId::event_quiet;
  return for_dom0 ? HopId::event_up : HopId::event_down;
}

/// Frames without a control message are calls, which set the path up.
Shown hop_of_frame(const Entry& entry) {
  const bool up = entry.actor.role == Role::xcs;
  if (entry.detail == frame_request) return up ? HopId::xcs : HopId::xend_frame;
  if (entry.detail == frame_response) return up ? HopId::answer_up : HopId::answer_down;
  return std::nullopt;
}

HopId hop_of_terminal(Actor terminal, HopId of_a_guest) {
  return terminal.number == 0 ? HopId::dom0_tty : of_a_guest;
}

Shown hop_of_byte_index(const Entry& entry) {
  if (entry.detail >= byte_indices) return std::nullopt;
  return is_cons(static_cast<ByteIndex>(entry.detail)) ? HopId::cons : HopId::prod;
}

/// What a hop of 2005 is in a domain of today.
Shown todays(Shown hop) {
  if (!hop) return hop;
  switch (*hop) {
    case HopId::client:
      return HopId::pty;
    case HopId::event_up:
    case HopId::event_down:
    case HopId::event_quiet:
      return HopId::event_today;
    case HopId::console_driver:
    case HopId::guest_tty:
      return HopId::hvc;
    default:
      return hop;
  }
}

/// The sender decides. For a terminal the direction is clear; for its driver it is not.
Shown hop_of_bytes(const Entry& entry) {
  const Role to = entry.peer.role;
  if (to == Role::tty) return hop_of_terminal(entry.peer, HopId::guest_tty);
  switch (entry.actor.role) {
    case Role::tty:
      return hop_of_terminal(entry.actor, HopId::console_driver);
    case Role::program:
      return hop_of_terminal(entry.actor, HopId::program);
    case Role::user:
      if (to == Role::dom0 && entry.domain == 0) return HopId::keyboard;
      return to == Role::uart ? HopId::serial_line : HopId::client;
    case Role::client:
      return HopId::client;
    case Role::xend:
      return HopId::xend;
    case Role::xenctld:
      return HopId::xenctld;
    case Role::uart:
      return to == Role::user ? HopId::serial_line : HopId::uart;
    case Role::xen:
      return to == Role::uart ? HopId::serial_layer : HopId::console_io;
    case Role::dom0:
      if (to == Role::user) return HopId::keyboard;  // its screen
      return to == Role::xen ? Shown(HopId::console_io) : std::nullopt;
    case Role::domain:
      return to == Role::domain ? Shown(HopId::console_driver) : std::nullopt;
    case Role::xenconsoled:
      return HopId::xenconsoled;
    case Role::xcs:
      break;
  }
  return std::nullopt;
}

const Hop* hop_or_none(Shown shown) {
  return shown ? &about(*shown) : nullptr;
}

}  // namespace

std::span<const Hop> hops() {
  return all_hops;
}

std::string_view place_name(Place place) {
  switch (place) {
    case Place::hardware:
      return "hardware";
    case Place::xen:
      return "Xen";
    case Place::dom0:
      return "dom0";
    case Place::page:
      return "page";
    case Place::domu:
      return "domU";
  }
  return "nowhere";
}

std::string_view way_name(Way way) {
  switch (way) {
    case Way::down:
      return "down";
    case Way::up:
      return "up";
    case Way::both:
      return "both";
    case Way::response:
      return "response";
    case Way::beside:
      return "beside";
  }
  return "none";
}

const Hop* find_hop(std::string_view name) {
  const auto found = std::ranges::find(all_hops, name, &Hop::name);
  return found != all_hops.end() ? &*found : nullptr;
}

const Hop& hop_of(Quirk quirk) {
  const auto found = std::ranges::find_if(all_hops, [quirk](const Hop& hop) { return lives_at(hop, quirk); });
  RS_CHECK(found != all_hops.end());
  return *found;
}

const Hop* hop_of_counter(Counter counter) {
  for (const Hop& hop : all_hops) {
    if (std::ranges::find(hop.counters, counter) != hop.counters.end()) return &hop;
  }
  return nullptr;
}

const Hop* HopFinder::find(const Entry& entry) {
  const bool only_today = entry.kind == Kind::bytes_written || entry.kind == Kind::byte_index_moved ||
                          entry.kind == Kind::byte_index_found || entry.kind == Kind::bytes_found ||
                          is(entry, Fact::byte_rings) || entry.actor.role == Role::xenconsoled ||
                          entry.peer.role == Role::xenconsoled;
  if (only_today) today_.insert(entry.domain);
  if (is(entry, Fact::created)) today_.erase(entry.domain);
  return hop_of(entry, today_.contains(entry.domain));
}

const Hop* hop_of(const Entry& entry, bool today) {
  const auto hop_or_none = [today](Shown shown) { return trace::hop_or_none(today ? todays(shown) : shown); };
  switch (entry.kind) {
    case Kind::slot_written:
      return hop_or_none(hop_of_slot(entry));
    case Kind::index_moved:
      return hop_or_none(hop_of_index(entry));
    case Kind::event_raised:
      return hop_or_none(hop_of_event(entry));
    case Kind::event_taken:
      return &about(HopId::upcall);
    case Kind::frame_passed:
      return hop_or_none(hop_of_frame(entry));
    case Kind::bytes_passed:
      return hop_or_none(hop_of_bytes(entry));
    case Kind::counted:
      return hop_of_counter(counter_of(entry));
    case Kind::quirk:
      return entry.detail < quirks_known.size() ? &hop_of(quirk_of(entry)) : nullptr;
    case Kind::refused:
    case Kind::told:
    case Kind::frame_taken:
    case Kind::mask_changed:
      break;
    case Kind::bytes_written:
    case Kind::bytes_found:
      return &about(static_cast<ByteRing>(entry.detail) == ByteRing::in ? HopId::bytes_in : HopId::bytes_out);
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
      return hop_or_none(hop_of_byte_index(entry));
  }
  return nullptr;
}

}  // namespace ringside::trace
