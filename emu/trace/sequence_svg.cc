// A sequence as a picture: lanes side by side, time downwards, for a slide 1920 pixels wide. Every item has a
// row with its step on the left and its words on the right, so that nothing is truncated: long words continue
// below. An arrow carries its label where it fits.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "emu/trace/quote.h"
#include "emu/trace/sequence.h"

namespace ringside::trace {

namespace {

// All in pixels. Widths of text are estimated, generously, since no font is measured.
constexpr double margin = 28;
constexpr double steps_width = 72;
constexpr double lane_width_max = 190;
constexpr double lane_width_min = 112;
constexpr double words_width_min = 420;
constexpr double words_gap = -6;
constexpr double row_min = 38;
constexpr double row_extra_max = 30;
constexpr double line_height = 22;
constexpr double slant_min = 11;
constexpr double label_character = 8.4;
constexpr double words_character = 9.6;
constexpr double title_character = 17;
constexpr double title_height = 36;
constexpr double heads_height = 62;

constexpr char style[] =
    "text{font-family:'DejaVu Sans',Verdana,'Segoe "
    "UI',Helvetica,Arial,sans-serif;font-size:16px;fill:#1b2733}"
    ".title{font-size:26px;font-weight:bold}.lane{font-size:16px;font-weight:bold;text-anchor:middle}"
    ".life{stroke:#b8c2cc;stroke-width:1.5}.step{fill:#5b6673;text-anchor:end;font-size:15px}"
    ".label{text-anchor:middle;font-size:14px;paint-order:stroke;stroke:#fff;stroke-width:4px}"
    ".quiet{fill:#4a5663}.down{stroke:#1f5fa8}.up{stroke:#2b7a3a}.arrow{stroke-width:2.2;fill:none}"
    ".event{stroke-dasharray:6 4;stroke:#7a4fa0}.lost{stroke:#c62828}.cross{stroke:#c62828;stroke-width:3}"
    ".trouble{fill:#b3261e}.line{fill:#e6eef8}.source{font-weight:bold}.loop{fill:none;stroke:#8a96a3;"
    "stroke-dasharray:3 3}.head{fill:#f4f7fa;stroke:#b8c2cc}";

/// The text in lines of at most so many characters, cut at spaces where there are some.
std::vector<std::string> wrapped(const std::string& text, std::size_t characters) {
  std::vector<std::string> lines;
  std::string_view rest = text;
  while (rest.size() > characters) {
    std::size_t cut = rest.rfind(' ', characters);
    if (cut == std::string_view::npos || cut < characters / 2) {
      cut = characters;
      // Not within a character of UTF-8.
      while (cut > 1 && (static_cast<unsigned char>(rest[cut]) & 0xc0) == 0x80) --cut;
    }
    lines.emplace_back(rest.substr(0, cut));
    rest.remove_prefix(cut);
    if (rest.starts_with(' ')) rest.remove_prefix(1);
  }
  lines.emplace_back(rest);
  return lines;
}

std::size_t characters_in(double width, double character) {
  return std::max<std::size_t>(8, static_cast<std::size_t>(width / character));
}

std::string words_of(const SequenceItem& item) {
  const std::string label = sequence_label(item);
  return item.text.empty() ? label : label + "  " + item.text;
}

class Picture {
 public:
  Picture(const Sequence& sequence, double width) : its_(sequence), slide_width_(width) { place(); }

  std::string svg() {
    for (std::size_t at = 0; at < its_.items.size(); ++at) band(at);
    lives();
    for (const SequenceLoop& each : its_.loops) loop(each);
    for (std::size_t at = 0; at < its_.items.size(); ++at) item(at);
    if (its_.left_out != 0)
      body_ += text("quiet", words_x(), height_ - margin, fmt::format("... and {} more", its_.left_out));
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{6:.0f}\" "
        "height=\"{7:.0f}\" role=\"img\">\n<title>{2}</title>\n<style>{3}</style>\n"
        "<defs>{4}</defs>\n<rect width=\"{0:.0f}\" height=\"{1:.0f}\" fill=\"#fff\"/>\n{5}</svg>\n",
        width_, height_, xml_text(its_.title), style, heads(), body_, slide_width_,
        height_ * slide_width_ / width_);
  }

 private:
  static std::string heads() {
    std::string out;
    for (const auto& [name, colour] :
         {std::pair{"down", "#1f5fa8"}, {"up", "#2b7a3a"}, {"event", "#7a4fa0"}}) {
      out += fmt::format(
          "<marker id=\"{}\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" "
          "markerHeight=\"7\" "
          "orient=\"auto\"><path d=\"M0 0L10 5L0 10z\" fill=\"{}\"/></marker>",
          name, colour);
    }
    return out;
  }

  static std::string text(std::string_view kind, double x, double y, std::string_view words) {
    return fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", kind, x, y,
                       xml_text(words));
  }

  static std::string texts(std::string_view kind, double x, double y, const std::vector<std::string>& lines) {
    std::string out;
    for (std::size_t at = 0; at < lines.size(); ++at)
      out += text(kind, x, y + line_height * static_cast<double>(at), lines[at]);
    return out;
  }

  [[nodiscard]] double lane_x(std::size_t lane) const {
    return margin + steps_width + lane_width_ * (static_cast<double>(lane) + 0.5);
  }
  [[nodiscard]] double words_x() const {
    return margin + steps_width + lane_width_ * static_cast<double>(its_.lanes.size()) + words_gap;
  }

  /// The lanes get the width that the longest words leave, within limits. With too many lanes for its width,
  /// the picture becomes wider and is scaled down.
  void place_lanes() {
    double longest = words_width_min;
    for (const SequenceItem& each : its_.items) {
      if (each.kind != SequenceItem::Kind::line)
        longest = std::max(longest, words_character * static_cast<double>(words_of(each).size()));
    }
    const double lanes = static_cast<double>(std::max<std::size_t>(its_.lanes.size(), 1));
    const double room = slide_width_ - 2 * margin - steps_width - words_gap;
    lane_width_ = std::clamp((room - longest) / lanes, lane_width_min, lane_width_max);
    width_ = std::max(slide_width_, words_x() + words_width_min + margin);
  }

  /// The distance to the row before grows with the time between them, up to a limit.
  void place() {
    place_lanes();
    title_ = wrapped(its_.title, characters_in(width_ - 2 * margin, title_character));
    heads_y_ = margin + title_height * static_cast<double>(title_.size());
    double y = heads_y_ + heads_height;
    std::int64_t before_ns = its_.items.empty() ? 0 : its_.items.front().sent_ns;
    for (const SequenceItem& each : its_.items) {
      const bool whole = each.kind == SequenceItem::Kind::line;
      words_.push_back(
          whole ? wrapped(each.label, characters_in(width_ - 2 * margin, words_character))
                : wrapped(words_of(each), characters_in(width_ - margin - words_x(), words_character)));
      const double late_us = std::max(0.0, static_cast<double>(each.sent_ns - before_ns) / 1e3);
      // A line has some room above: what follows belongs to it.
      y += row_min + (whole ? 8 : 0) + std::min(row_extra_max, 4 * std::log2(1 + late_us));
      before_ns = each.sent_ns;
      rows_.push_back(y);
      y += line_height * static_cast<double>(words_.back().size() - 1);
    }
    height_ = y + 60;
  }

  /// Just above the first row that is not before the arrival.
  [[nodiscard]] double arrival_y(std::size_t at) const {
    const SequenceItem& item = its_.items[at];
    double y = rows_[at] + slant_min;
    for (std::size_t next = at + 1; next < rows_.size(); ++next) {
      if (its_.items[next].sent_ns >= item.arrived_ns) return std::max(y, rows_[next] - row_min / 2);
    }
    return item.arrived_ns > item.sent_ns ? std::max(y, height_ - 40) : y;
  }

  void lives() {
    for (std::size_t at = 0; at < title_.size(); ++at)
      body_ += text("title", margin, margin + 20 + title_height * static_cast<double>(at), title_[at]);
    for (std::size_t lane = 0; lane < its_.lanes.size(); ++lane) {
      const double x = lane_x(lane);
      body_ +=
          fmt::format("<line class=\"life\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\"/>\n",
                      x, heads_y_ + 36, height_ - 30);
      body_ += fmt::format(
          "<rect class=\"head\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"36\" rx=\"6\"/>\n",
          x - lane_width_ / 2 + 4, heads_y_, lane_width_ - 8);
      body_ += text("lane", x, heads_y_ + 24, its_.lanes[lane]);
    }
  }

  void loop(const SequenceLoop& its) {
    const std::size_t end = its.first + its.size - 1;
    const double top = rows_[its.first] - 24;
    const double bottom = rows_[end] + 18 + line_height * static_cast<double>(words_[end].size() - 1);
    const double right = words_x() - 12;
    body_ += fmt::format(
        "<rect class=\"loop\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"5\"/>\n",
        margin + steps_width + 4, top, right - margin - steps_width - 4, bottom - top);
    const std::string words = fmt::format("{} times, up to step {}", its.times, its.last_step);
    body_ += text("quiet", margin + steps_width + 10, top + 14, words);
  }

  /// Drawn before the arrows, which cover it.
  void band(std::size_t at) {
    if (its_.items[at].kind != SequenceItem::Kind::line) return;
    body_ +=
        fmt::format("<rect class=\"line\" x=\"0\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>\n",
                    rows_[at] - 15, width_, 30 + line_height * static_cast<double>(words_[at].size() - 1));
  }

  void item(std::size_t at) {
    const SequenceItem& item = its_.items[at];
    const double y = rows_[at];
    switch (item.kind) {
      case SequenceItem::Kind::line:
        body_ += texts(item.trouble ? "source trouble" : "source", margin, y + 6, words_[at]);
        return;
      case SequenceItem::Kind::note:
        if (item.lost) {
          cross(lane_x(item.from), y);
          break;
        }
        body_ += fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\"/>\n",
                             item.trouble ? "trouble" : "quiet", lane_x(item.from), y);
        break;
      case SequenceItem::Kind::message:
      case SequenceItem::Kind::event:
        arrow(item, y, arrival_y(at));
        break;
    }
    body_ += text("step", margin + steps_width - 12, y + 5, fmt::format("{}", item.step));
    body_ += texts(item.trouble ? "trouble" : "words", words_x(), y + 5, words_[at]);
  }

  void arrow(const SequenceItem& item, double y, double arrival) {
    const bool event = item.kind == SequenceItem::Kind::event;
    const std::string_view way = item.from <= item.to ? "down" : "up";
    const double from = lane_x(item.from);
    double to = lane_x(item.to);
    if (item.lost) {
      to = from + (to - from) * 0.6;
      arrival = y + (arrival - y) * 0.6;
      cross(to, arrival);
    }
    body_ += fmt::format(
        "<line class=\"arrow {}{}{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"{}/>\n", way,
        event ? " event" : "", item.lost ? " lost" : "", from, y, to, arrival,
        item.lost ? "" : fmt::format(" marker-end=\"url(#{})\"", event ? "event" : way));
    const std::string label = sequence_label(item);
    const double room = std::abs(to - from) - 16;
    if (label_character * static_cast<double>(label.size()) > room || arrival - y > row_min * 1.5) return;
    body_ += text("label", (from + to) / 2, (y + arrival) / 2 - 7, label);
  }

  void cross(double x, double y) {
    constexpr double arm = 7;
    body_ += fmt::format(
        "<path class=\"cross\" d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}M{:.1f} {:.1f}L{:.1f} {:.1f}\"/>\n", x - arm,
        y - arm, x + arm, y + arm, x - arm, y + arm, x + arm, y - arm);
  }

  const Sequence& its_;
  double slide_width_;  ///< the picture's, wherever it is shown
  std::vector<std::string> title_;
  std::vector<std::vector<std::string>> words_;  ///< of each item, in lines
  std::vector<double> rows_;
  double lane_width_ = lane_width_max;
  double heads_y_ = 0;
  double width_ = 0;
  double height_ = 0;
  std::string body_;
};

}  // namespace

std::string to_svg(const Sequence& sequence, double width) {
  return Picture(sequence, width).svg();
}

}  // namespace ringside::trace
