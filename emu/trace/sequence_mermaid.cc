// A sequence for Mermaid: text that wikis and code hosts draw.
#include <fmt/format.h>

#include "emu/trace/quote.h"
#include "emu/trace/sequence.h"

namespace ringside::trace {

namespace {

/// Characters with a meaning in Mermaid, or in the HTML that it generates, are written as entity codes.
std::string mermaid(std::string_view text) {
  constexpr std::string_view plain = " .,()[]/_=+-*'\"!?:";
  std::string out;
  for (const char c : text) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (word || plain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += byte >= 0x20 && byte < 0x7f ? fmt::format("#{};", byte) : "?";
    }
  }
  return out;
}

/// The title is outside the diagram, where entity codes have no effect: a character that would begin a tag
/// there is replaced by a quotation mark that looks like it.
std::string title_text(std::string_view title) {
  std::string out;
  for (const char c : printable(title)) {
    if (c == '<') {
      out += "\u2039";
    } else if (c == '>') {
      out += "\u203a";
    } else {
      out += c == '"' || c == '\\' || c == '&' ? '?' : c;
    }
  }
  return out;
}

std::string arrow(const SequenceItem& item) {
  if (item.lost) return item.kind == SequenceItem::Kind::event ? "--x" : "-x";
  return item.kind == SequenceItem::Kind::event ? "-->>" : "->>";
}

std::string line_of(const Sequence& sequence, const SequenceItem& item) {
  const std::string words = sequence_label(item) + (item.text.empty() ? "" : " " + item.text);
  switch (item.kind) {
    case SequenceItem::Kind::message:
    case SequenceItem::Kind::event:
      return fmt::format("p{}{}p{}: {}", item.from, arrow(item), item.to, mermaid(words));
    case SequenceItem::Kind::note:
      return fmt::format("Note over p{}: {} {}", item.from, item.step, mermaid(words));
    case SequenceItem::Kind::line:
      if (sequence.lanes.size() < 2) return fmt::format("Note over p0: {}", mermaid(words));
      return fmt::format("Note over p0,p{}: {}", sequence.lanes.size() - 1, mermaid(words));
  }
  return "";
}

}  // namespace

std::string to_mermaid(const Sequence& sequence) {
  std::string out = fmt::format("---\ntitle: \"{}\"\n---\nsequenceDiagram\n", title_text(sequence.title));
  if (sequence.lanes.empty()) return out + "  participant p0 as empty\n";
  for (std::size_t lane = 0; lane < sequence.lanes.size(); ++lane)
    out += fmt::format("  participant p{} as {}\n", lane, mermaid(sequence.lanes[lane]));
  auto loop = sequence.loops.begin();
  std::uint64_t next = 0;  // the number that Mermaid would give to the next arrow
  for (std::size_t at = 0; at < sequence.items.size(); ++at) {
    const SequenceItem& item = sequence.items[at];
    if (loop != sequence.loops.end() && loop->first == at)
      out += fmt::format("  loop {} times, up to step {}\n", loop->times, loop->last_step);
    const bool is_arrow = item.kind == SequenceItem::Kind::message || item.kind == SequenceItem::Kind::event;
    if (is_arrow && next != item.step) out += fmt::format("  autonumber {}\n", item.step);
    if (is_arrow) next = item.step + 1;
    out += "  " + line_of(sequence, item) + "\n";
    if (loop != sequence.loops.end() && loop->first + loop->size == at + 1) {
      out += "  end\n";
      ++loop;
    }
  }
  if (sequence.left_out != 0) out += fmt::format("  Note over p0: and {} more\n", sequence.left_out);
  return out;
}

}  // namespace ringside::trace
