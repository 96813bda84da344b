// A sequence as a picture: lanes side by side, time downwards. Every item has a row with its step on the left
// and its words on the right, so that nothing is truncated; an arrow carries its label where it fits.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "emu/trace/quote.h"
#include "emu/trace/sequence.h"

namespace ringside::trace {

namespace {

// All in pixels. Widths of text are estimated, generously, since no font is measured.
constexpr double margin = 24;
constexpr double steps_width = 64;
constexpr double lane_width = 172;
constexpr double words_gap = -18;
constexpr double head_height = 104;
constexpr double row_min = 30;
constexpr double row_extra_max = 34;
constexpr double slant_min = 9;
constexpr double label_character = 6.7;
constexpr double words_character = 7.6;
constexpr double title_character = 12.5;

constexpr char style[] =
    "text{font-family:'DejaVu Sans',Verdana,'Segoe "
    "UI',Helvetica,Arial,sans-serif;font-size:13px;fill:#1b2733}"
    ".title{font-size:20px;font-weight:bold}.lane{font-size:14px;font-weight:bold;text-anchor:middle}"
    ".life{stroke:#b8c2cc;stroke-width:1.5}.step{fill:#6b7785;text-anchor:end;font-size:12px}"
    ".label{text-anchor:middle;font-size:11.5px;paint-order:stroke;stroke:#fff;stroke-width:4px}"
    ".quiet{fill:#55616e}.down{stroke:#1f5fa8}.up{stroke:#2b7a3a}.arrow{stroke-width:1.8;fill:none}"
    ".event{stroke-dasharray:6 4;stroke:#7a4fa0}.lost{stroke:#c62828}.cross{stroke:#c62828;stroke-width:3}"
    ".trouble{fill:#b3261e}.line{fill:#eef3f9}.loop{fill:none;stroke:#8a96a3;stroke-dasharray:3 3}"
    ".head{fill:#f4f7fa;stroke:#b8c2cc}";

std::string words_of(const SequenceItem& item) {
  const std::string label = sequence_label(item);
  return item.text.empty() ? label : label + "  " + item.text;
}

class Picture {
 public:
  explicit Picture(const Sequence& sequence) : its_(sequence) { place(); }

  std::string svg() {
    for (std::size_t at = 0; at < its_.items.size(); ++at) band(at);
    lives();
    for (const SequenceLoop& each : its_.loops) loop(each);
    for (std::size_t at = 0; at < its_.items.size(); ++at) item(at);
    if (its_.left_out != 0)
      body_ += text("quiet", words_x(), height_ - margin, fmt::format("... and {} more", its_.left_out));
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
        "height=\"{1:.0f}\" role=\"img\">\n<title>{2}</title>\n<style>{3}</style>\n"
        "<defs>{4}</defs>\n<rect width=\"{0:.0f}\" height=\"{1:.0f}\" fill=\"#fff\"/>\n{5}</svg>\n",
        width_, height_, xml_text(its_.title), style, heads(), body_);
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

  [[nodiscard]] double lane_x(std::size_t lane) const {
    return margin + steps_width + lane_width * (static_cast<double>(lane) + 0.5);
  }
  [[nodiscard]] double words_x() const {
    return margin + steps_width + lane_width * static_cast<double>(its_.lanes.size()) + words_gap;
  }

  /// The distance to the row before grows with the time between them, up to a limit.
  void place() {
    double y = head_height;
    std::int64_t before_ns = its_.items.empty() ? 0 : its_.items.front().sent_ns;
    double longest = 0;
    for (const SequenceItem& each : its_.items) {
      const double late_us = std::max(0.0, static_cast<double>(each.sent_ns - before_ns) / 1e3);
      y += row_min + std::min(row_extra_max, 4 * std::log2(1 + late_us));
      before_ns = each.sent_ns;
      rows_.push_back(y);
      longest = std::max(longest, words_character * static_cast<double>(words_of(each).size()));
    }
    height_ = y + 60;
    width_ =
        std::max(words_x() + longest, margin + title_character * static_cast<double>(its_.title.size())) +
        margin;
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
    body_ += text("title", margin, margin + 16, its_.title);
    for (std::size_t lane = 0; lane < its_.lanes.size(); ++lane) {
      const double x = lane_x(lane);
      body_ += fmt::format("<line class=\"life\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"92\" y2=\"{1:.1f}\"/>\n",
                           x, height_ - 30);
      body_ += fmt::format(
          "<rect class=\"head\" x=\"{:.1f}\" y=\"60\" width=\"{:.1f}\" height=\"32\" rx=\"6\"/>\n",
          x - lane_width / 2 + 14, lane_width - 28);
      body_ += text("lane", x, 81, its_.lanes[lane]);
    }
  }

  void loop(const SequenceLoop& its) {
    const double top = rows_[its.first] - 17;
    const double bottom = rows_[its.first + its.size - 1] + 17;
    const double right = words_x() - 12;
    body_ += fmt::format(
        "<rect class=\"loop\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"5\"/>\n",
        margin + steps_width + 4, top, right - margin - steps_width - 4, bottom - top);
    const std::string words = fmt::format("{} times, up to step {}", its.times, its.last_step);
    body_ += text("quiet", margin + steps_width + 10, top + 12, words);
  }

  /// Drawn before the arrows, which cover it.
  void band(std::size_t at) {
    if (its_.items[at].kind != SequenceItem::Kind::line) return;
    body_ += fmt::format("<rect class=\"line\" x=\"0\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"24\"/>\n",
                         rows_[at] - 12, width_);
  }

  void item(std::size_t at) {
    const SequenceItem& item = its_.items[at];
    const double y = rows_[at];
    switch (item.kind) {
      case SequenceItem::Kind::line:
        body_ += text(item.trouble ? "trouble" : "quiet", margin, y + 5, item.label);
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
    body_ += text(item.trouble ? "trouble" : "words", words_x(), y + 5, words_of(item));
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
  std::vector<double> rows_;
  double width_ = 0;
  double height_ = 0;
  std::string body_;
};

}  // namespace

std::string to_svg(const Sequence& sequence) {
  return Picture(sequence).svg();
}

}  // namespace ringside::trace
