// Rows of rings as HTML. Bytes of the run are escaped.
#include "tools/view/step_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "emu/trace/quote.h"
#include "emu/trace/text.h"

namespace ringside::tools {

namespace {

using trace::IndexName;
using trace::xml_text;

constexpr std::size_t words_in_slot_max = 8;

/// The slots of a ring in a row, the one that was just written marked, and its indices behind them.
std::string ring_row(std::uint32_t domain, ring::Ring which, const trace::ReplayedRing& ring,
                     std::uint64_t step) {
  std::string row = fmt::format("<tr><th scope=\"row\">{}</th>", xml_text(trace::ring_name(domain, which)));
  for (const trace::ReplayedSlot& slot : ring.slots) {
    const std::string_view state = trace::slot_state_name(slot.state);
    const bool is_new = slot.state != trace::SlotState::free && slot.step == step;
    const std::string text =
        slot.message.length == 0 ? "" : trace::quoted(slot.message.payload(), words_in_slot_max);
    row += fmt::format("<td class=\"{}{}\" title=\"{}\">{} {}</td>", state, is_new ? " now" : "", state,
                       trace::slot_glyph(slot.state), xml_text(text));
  }
  row += "<td class=\"index\">";
  for (const IndexName name :
       {IndexName::req_prod, IndexName::rsp_prod, IndexName::req_cons, IndexName::rsp_cons}) {
    if (ring.knows(name)) row += fmt::format("{} {} ", trace::index_name(name), ring.at(name));
  }
  return row + "</td></tr>\n";
}

}  // namespace

std::string ring_rows(const trace::Replay& replay, std::uint32_t domain, std::uint64_t step) {
  std::string rows;
  for (const ring::Ring which : {ring::Ring::tx, ring::Ring::rx}) {
    if (replay.rings().contains({domain, which}))
      rows += ring_row(domain, which, replay.ring(domain, which), step);
  }
  return rows;
}

bool boots_at(const trace::Journaled& journal, std::uint64_t step) {
  const auto after = std::ranges::upper_bound(journal.marks, step - 1, {}, &trace::JournalMark::after);
  return after != journal.marks.begin() && std::prev(after)->act == trace::JournalMark::Act::boots;
}

}  // namespace ringside::tools
