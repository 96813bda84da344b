// The slides' contents. The template, with their look and their keys, is tools/page/slides.html.
#include "tools/view/slides.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "emu/trace/hops.h"
#include "emu/trace/quote.h"
#include "emu/trace/replay.h"
#include "emu/trace/sequence.h"
#include "emu/trace/text.h"
#include "tools/embedded.h"
#include "tools/view/page.h"
#include "tools/view/step_parts.h"
#include "tools/view/summary.h"

namespace ringside::tools {

namespace {

using trace::xml_text;

/// More rows make a picture too small for the last row of a lecture hall.
constexpr std::size_t rows_max = 6;

std::string paragraph(std::string_view kind, std::string_view text) {
  return text.empty() ? "" : fmt::format("<p class=\"{}\">{}</p>\n", kind, xml_text(text));
}

class Slides {
 public:
  Slides(const trace::Journaled& journal, trace::Sequence sequence)
      : journal_(journal), hops_(hops_of(journal)), sequence_(std::move(sequence)) {
    replay_.begin(journal.header);
  }

  std::string all() {
    std::string out = title();
    for (std::size_t at = 0; at < sequence_.items.size(); ++at) {
      if (sequence_.items[at].kind == trace::SequenceItem::Kind::line) {
        section_ = at + 1;
      } else if (is_shown(at)) {
        out += slide(at);
      }
    }
    return out;
  }

 private:
  /// Hops, and what went wrong. Booting is left out: it is the same in every run.
  [[nodiscard]] bool is_shown(std::size_t at) const {
    const trace::SequenceItem& item = sequence_.items[at];
    return item.lost || item.trouble || (!boots_at(journal_, item.step) && hop_at(item.step) != nullptr);
  }

  /// Null: the journal has no such step.
  [[nodiscard]] const trace::Entry* entry_at(std::uint64_t step) const {
    const auto found = std::ranges::lower_bound(journal_.steps, step, {}, &trace::JournalStep::step);
    return found == journal_.steps.end() || found->step != step ? nullptr : &found->entry;
  }

  [[nodiscard]] const trace::Hop* hop_at(std::uint64_t step) const {
    const trace::Entry* entry = entry_at(step);
    if (entry == nullptr) return nullptr;
    const auto at = std::ranges::lower_bound(journal_.steps, step, {}, &trace::JournalStep::step);
    return hops_[static_cast<std::size_t>(at - journal_.steps.begin())];
  }

  std::string title() {
    std::string out = "<section tabindex=\"-1\">\n<h1>" + xml_text(sequence_.title) + "</h1>\n";
    if (journal_.header.scenario) {
      for (const std::string& each : opening_prose(journal_.header.scenario->lines))
        out += paragraph("meaning", each);
    }
    std::string machine = fmt::format("{}, mode {}", journal_.header.made_by, journal_.header.mode);
    if (journal_.header.seed) machine += fmt::format(", seed {}", *journal_.header.seed);
    for (const std::string& quirk : journal_.header.quirks) machine += ", quirk " + quirk;
    return out + foot(machine, "") + "</section>\n";
  }

  static std::string foot(std::string_view left, std::string_view right) {
    return fmt::format("<div class=\"foot\"><span>{}</span><span>{}</span></div>\n", xml_text(left),
                       xml_text(right));
  }

  /// The rows up to this one since the last line of the scenario, without those that do not fit.
  std::string picture(std::size_t at) const {
    trace::Sequence part;
    part.lanes = sequence_.lanes;
    const std::size_t first = std::max(section_, at + 1 < rows_max ? 0 : at + 1 - rows_max);
    part.items.assign(sequence_.items.begin() + static_cast<std::ptrdiff_t>(first),
                      sequence_.items.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    return trace::to_svg(part);
  }

  std::string rings(const trace::Entry& entry, std::uint64_t step) {
    if (entry.domain != 0) domain_ = entry.domain;
    const std::string rows = ring_rows(replay_, domain_, step);
    return rows.empty() ? "" : "<table>\n" + rows + "</table>\n";
  }

  std::string slide(std::size_t at) {
    const trace::SequenceItem& item = sequence_.items[at];
    const trace::Entry* entry = entry_at(item.step);
    for (; next_ < journal_.steps.size() && journal_.steps[next_].step <= item.step; ++next_)
      replay_.take(journal_.steps[next_].step, journal_.steps[next_].entry);
    std::string out = "<section tabindex=\"-1\">\n";
    if (section_ != 0) out += paragraph("act", sequence_.items[section_ - 1].label);
    const trace::Hop* hop = hop_at(item.step);
    const std::string words = entry == nullptr ? item.label : trace::sentence(*entry);
    out += "<h2>" + xml_text(hop == nullptr ? words : std::string(hop->title)) + "</h2>\n";
    out += picture(at);
    if (hop != nullptr) out += paragraph("meaning", hop->meaning) + paragraph("small", hop->more);
    for (const trace::SequenceLoop& loop : sequence_.loops) {
      if (loop.first <= at && at < loop.first + loop.size)
        out += paragraph("small",
                         fmt::format("This happens {} times, up to step {}.", loop.times, loop.last_step));
    }
    if (entry != nullptr) out += rings(*entry, item.step);
    out +=
        foot(fmt::format("step {}, {:.3f} ms: {}", item.step, static_cast<double>(item.sent_ns) / 1e6, words),
             hop == nullptr ? std::string_view() : hop->source);
    return out + "</section>\n";
  }

  const trace::Journaled& journal_;
  std::vector<const trace::Hop*> hops_;  ///< by step
  trace::Sequence sequence_;
  trace::Replay replay_;
  std::size_t next_ = 0;      ///< the first step that replay_ has not taken
  std::size_t section_ = 0;   ///< the first item after the last line of the scenario
  std::uint32_t domain_ = 0;  ///< the one whose rings are shown
};

}  // namespace

std::string slides_page(const trace::Journaled& journal, std::uint64_t first, std::uint64_t last) {
  trace::Sequence sequence = trace::sequence_of(journal, first, last);
  std::string page(embedded::page_slides);
  fill_in(page, "<!-- TITLE -->", xml_text(sequence.title));
  fill_in(page, "<!-- SLIDES -->", Slides(journal, std::move(sequence)).all());
  return page;
}

}  // namespace ringside::tools
