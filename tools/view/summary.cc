// Sentences and rows of words from counts and marks.
#include "tools/view/summary.h"

#include <fmt/format.h>

#include <array>

#include "emu/base/quirks.h"
#include "emu/trace/json.h"
#include "emu/trace/lines.h"
#include "emu/trace/names.h"

namespace ringside::tools {

namespace {

using trace::JournalMark;
using trace::Role;

constexpr std::size_t failures_told_max = 10;

std::string count_text(std::uint64_t number, const char* what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

/// "; 520 are still in xcs", for each place that holds bytes.
std::string left_over(const trace::Flow& flow, std::uint32_t domain, bool down) {
  std::string text;
  const auto add = [&](const trace::FlowPlace& place, const std::string& where) {
    const std::size_t bytes = flow.level(place);
    if (bytes == 0) return;
    text += fmt::format("; {} {} still in {}", bytes, bytes == 1 ? "is" : "are", where);
  };
  add({.ring = trace::FlowRing::messages, .domain = domain, .down = down},
      down ? "the ring rx" : "the ring tx");
  add({.ring = trace::FlowRing::bytes, .domain = domain, .down = down},
      down ? "the ring in" : "the ring out");
  static constexpr std::array places{
      std::pair(Role::xcs, "xcs"),           std::pair(Role::xend, "xend"),
      std::pair(Role::xenctld, "xenctld"),   std::pair(Role::domain, "the guest"),
      std::pair(Role::client, "the client"), std::pair(Role::dom0, "xenconsoled")};
  for (const auto& [role, name] : places) add({.role = role, .domain = domain, .down = down}, name);
  return text;
}

std::string words_row(const std::string& label, const std::string& text) {
  return fmt::format("[{},{}]", trace::json_text(label), trace::json_text(text));
}

std::string failure_json(const JournalMark& mark, const std::string& again) {
  const std::string where = trace::place_of(mark);
  std::string rows;
  if (!mark.expected.empty()) {
    rows +=
        words_row(where.empty() ? "expected" : where, mark.expected) + "," + words_row("instead", mark.text);
  } else {
    rows += words_row(where.empty() ? "error" : where, mark.text);
  }
  for (const std::string& each : mark.why) rows += "," + words_row("why", each);
  if (!again.empty()) rows += "," + words_row("again", again);
  return fmt::format(R"({{"step":{},"line":{},"file":{},"rows":[{}]}})",
                     mark.focus != 0 ? mark.focus : mark.after, mark.line, trace::json_text(mark.file), rows);
}

}  // namespace

std::vector<std::string> opening_prose(const std::vector<std::string>& lines) {
  std::vector<std::string> paragraphs;
  bool continues = false;
  for (const std::string& line : lines) {
    if (!line.starts_with('#') || line.starts_with("##")) break;
    const std::size_t begin = line.find_first_not_of("# \t\r");
    if (begin == std::string::npos) {
      continues = false;
      continue;
    }
    const std::string words = line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
    if (continues) {
      paragraphs.back() += " " + words;
    } else {
      paragraphs.push_back(words);
    }
    continues = true;
  }
  return paragraphs;
}

void Ending::take(const trace::Entry& entry, const trace::FlowStep& flow) {
  if (!trace::makes_sense(entry) || entry.domain == 0) return;
  if (entry.kind == trace::Kind::slot_written && entry.message.type == ring::CMSG_CONSOLE &&
      static_cast<trace::SlotUse>(entry.detail) == trace::SlotUse::request)
    ++counts_[{entry.domain, entry.ring == ring::Ring::rx}].written;
  if (entry.kind == trace::Kind::bytes_written || entry.kind == trace::Kind::bytes_found)
    counts_[{entry.domain, trace::byte_ring_of(entry) == trace::ByteRing::in}].today = true;
  if (entry.kind == trace::Kind::quirk && flow.lost) ++counts_[{entry.domain, true}].lost;
}

std::vector<std::string> Ending::sentences(const trace::Flow& flow) const {
  std::vector<std::string> all;
  for (const auto& [way, count] : counts_) {
    const auto& [domain, down] = way;
    const trace::FlowTotals totals = flow.totals(domain, down);
    if (totals.said == 0) continue;
    if (all.size() == ways_told_max) {
      all.emplace_back("There are more domains.");
      break;
    }
    std::string text = fmt::format("{} dom{}: {}", down ? "Typed to" : "Printed by", domain,
                                   count.today ? fmt::format("through the byte ring {}", down ? "in" : "out")
                                               : count_text(count.written + count.lost, "message"));
    if (count.lost != 0) text += fmt::format(": {} fit, {} lost", count.written, count.lost);
    const char* const reached = down ? "arrived" : totals.delivered == 1 ? "was shown" : "were shown";
    if (totals.delivered == totals.said) {
      text += totals.said == 1 ? fmt::format("; its byte {}", down ? "arrived" : "was shown")
                               : fmt::format("; all {} bytes {}", totals.said, reached);
    } else {
      text += fmt::format("; {} of {} {}", totals.delivered, count_text(totals.said, "byte"), reached);
    }
    const auto are = [](std::uint64_t number) { return number == 1 ? "is" : "are"; };
    if (const std::uint64_t lost = totals.lost(); lost != 0 && count.lost == 0)
      text += fmt::format(", {} {} lost", lost, are(lost));
    if (totals.unseen != 0)
      text += fmt::format(", {} {} unknown: a program that reports nothing took them", totals.unseen,
                          are(totals.unseen));
    if (totals.appeared != 0)
      text += fmt::format("; {} {} from an unknown sender", totals.appeared, are(totals.appeared));
    all.push_back(text + left_over(flow, domain, down) + ".");
  }
  return all;
}

std::string verdict_json(const trace::Journaled& journal) {
  std::string list;
  std::size_t count = 0;
  for (const JournalMark& mark : journal.marks) {
    if (mark.kind != JournalMark::Kind::failure || ++count > failures_told_max) continue;
    // The command is the same for all.
    const bool is_first = list.empty() && journal.header.scenario;
    list += (list.empty() ? "" : ",") + failure_json(mark, is_first ? journal.header.scenario->again : "");
  }
  if (count == 0) return "null";
  const std::string title =
      count == 1 ? "This run failed" : fmt::format("This run failed at {} of its lines", count);
  return fmt::format(R"({{"title":{},"failures":[{}]}})", trace::json_text(title), list);
}

}  // namespace ringside::tools
