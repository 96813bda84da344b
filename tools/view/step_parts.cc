// Rows of rings as HTML. Bytes of the run are escaped.
#include "tools/view/step_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "emu/trace/names.h"
#include "emu/trace/quote.h"
#include "emu/trace/text.h"

namespace ringside::tools {

namespace {

using trace::IndexName;
using trace::xml_text;

constexpr std::size_t words_in_slot_max = 8;

/// The name and the slots of a ring, the one that was just written marked.
std::string name_and_slots(std::uint32_t domain, ring::Ring which, const trace::ReplayedRing& ring,
                           std::uint64_t step) {
  std::string cells = fmt::format("<th scope=\"row\">{}</th>", xml_text(trace::ring_name(domain, which)));
  for (const trace::ReplayedSlot& slot : ring.slots) {
    const std::string_view state = trace::slot_state_name(slot.state);
    const bool is_new = slot.state != trace::SlotState::free && slot.step == step;
    const std::string text =
        slot.message.length == 0 ? "" : trace::quoted(slot.message.payload(), words_in_slot_max);
    cells += fmt::format("<td class=\"{}{}\" title=\"{}\">{} {}</td>", state, is_new ? " now" : "", state,
                         trace::slot_glyph(slot.state), xml_text(text));
  }
  return cells;
}

std::string known_indices(const trace::ReplayedRing& ring) {
  std::string text;
  for (const IndexName name :
       {IndexName::req_prod, IndexName::rsp_prod, IndexName::req_cons, IndexName::rsp_cons}) {
    if (ring.knows(name)) text += fmt::format("{} {} ", trace::index_name(name), ring.at(name));
  }
  return text;
}

/// `make` is called for each ring of the domain that was used.
template <class Make>
std::string for_rings(const trace::Replay& replay, std::uint32_t domain, const Make& make) {
  std::string all;
  for (const ring::Ring which : {ring::Ring::tx, ring::Ring::rx}) {
    if (replay.rings().contains({domain, which})) all += make(which, replay.ring(domain, which));
  }
  return all;
}

/// `make` is called for each byte ring of a domain of today.
template <class Make>
std::string for_byte_rings(const trace::Replay& replay, std::uint32_t domain, const Make& make) {
  if (!replay.is_today(domain)) return "";
  return make(trace::ByteRing::out, replay.byte_ring(domain, trace::ByteRing::out)) +
         make(trace::ByteRing::in, replay.byte_ring(domain, trace::ByteRing::in));
}

/// The name, and eight parts of the ring, marked as requests are where bytes wait.
std::string name_and_parts(std::uint32_t domain, trace::ByteRing which, const trace::ReplayedByteRing& ring) {
  std::string cells = fmt::format("<th scope=\"row\">{}</th>", xml_text(trace::ring_name(domain, which)));
  for (const char part : trace::byte_bar(which, ring, ring::slots_per_ring)) {
    const bool waits = part == '#';
    cells += fmt::format("<td class=\"{}\" title=\"{}\">{}</td>", waits ? "request" : "free",
                         waits ? "bytes wait" : "no byte waits", part);
  }
  return cells;
}

std::string byte_indices(trace::ByteRing which, const trace::ReplayedByteRing& ring) {
  const std::string_view word = trace::ring_word(which);
  const auto waiting = ring.waiting(which);
  return fmt::format("{}_prod {} {}_cons {} {}", word, ring.prod, word, ring.cons,
                     waiting ? fmt::format("{} of {} bytes wait", *waiting, trace::size_of(which))
                             : std::string("impossible"));
}

}  // namespace

std::string ring_rows(const trace::Replay& replay, std::uint32_t domain, std::uint64_t step) {
  return for_rings(replay, domain,
                   [&](ring::Ring which, const trace::ReplayedRing& ring) {
                     return fmt::format("<tr>{}<td class=\"index\">{}</td></tr>\n",
                                        name_and_slots(domain, which, ring, step), known_indices(ring));
                   }) +
         for_byte_rings(replay, domain, [&](trace::ByteRing which, const trace::ReplayedByteRing& ring) {
           return fmt::format("<tr>{}<td class=\"index\">{}</td></tr>\n", name_and_parts(domain, which, ring),
                              byte_indices(which, ring));
         });
}

std::string slot_rows(const trace::Replay& replay, std::uint32_t domain, std::uint64_t step) {
  return for_rings(replay, domain, [&](ring::Ring which, const trace::ReplayedRing& ring) {
    return fmt::format("<tr>{}</tr>\n", name_and_slots(domain, which, ring, step));
  });
}

std::string index_paragraphs(const trace::Replay& replay, std::uint32_t domain) {
  return for_rings(replay, domain, [&](ring::Ring which, const trace::ReplayedRing& ring) {
    return fmt::format("<p class=\"indices\">{}: {}</p>\n", xml_text(trace::ring_name(domain, which)),
                       known_indices(ring));
  });
}

bool boots_at(const trace::Journaled& journal, std::uint64_t step) {
  const auto after = std::ranges::upper_bound(journal.marks, step - 1, {}, &trace::JournalMark::after);
  return after != journal.marks.begin() && std::prev(after)->act == trace::JournalMark::Act::boots;
}

std::vector<const trace::Hop*> hops_of(const trace::Journaled& journal) {
  trace::HopFinder finder;
  std::vector<const trace::Hop*> hops;
  for (const trace::JournalStep& each : journal.steps) hops.push_back(finder.find(each.entry));
  return hops;
}

}  // namespace ringside::tools
