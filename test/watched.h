// A watch whose entries a test writes, and its screen as text.
#pragma once

#include <fmt/format.h>

#include <span>
#include <string>
#include <string_view>

#include "emu/trace/journal.h"
#include "test/ring_page.h"
#include "tools/watch/screen.h"

namespace ringside::test {

class Watched final : public trace::Sink {
 public:
  Watched() : Sink(&listening_), history(1, tools::Life::running) {}
  void write(trace::Entry& entry) override {
    entry.time_ns = ++time_;
    history.take(entry);
  }
  [[nodiscard]] std::uint64_t now_ns() const override { return time_; }
  trace::Journal as(trace::Actor self) { return {*this, self}; }

  void request(std::uint32_t index, std::string_view text) {
    as(trace::actor(trace::Role::xcs))
        .slot_written(1, ring::Ring::rx, ring::slot_of(index), trace::SlotUse::request, text_message(text));
    as(trace::actor(trace::Role::xcs))
        .index_moved(1, ring::Ring::rx, trace::IndexName::req_prod, index, index + 1);
  }
  void printed(std::string_view text) {
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
    as(trace::actor(trace::Role::xend)).bytes_passed(1, trace::actor(trace::Role::client, 1), bytes);
  }
  [[nodiscard]] tools::Canvas canvas(std::size_t columns, std::size_t rows, bool ascii = true,
                                     const tools::WatchStatus& status = {.who = "dom1 \"web\""}) const {
    tools::Canvas drawn(columns, rows, ascii);
    tools::draw_watch(drawn, status, history);
    return drawn;
  }

  tools::WatchHistory history;

 private:
  std::uint32_t listening_ = 1;
  std::uint64_t time_ = 0;
};

/// '~' for all that is no ASCII, and nothing for the right half of a wide one.
inline std::string plain(const tools::Glyph& glyph) {
  if (glyph.columns == 0) return "";
  return std::string(1, glyph.character < 0x7f ? static_cast<char>(glyph.character) : '~');
}

inline std::string row_text(const tools::Canvas& canvas, std::size_t row) {
  std::string text;
  for (const tools::Cell& cell : canvas.row(row)) text += plain(cell.glyph);
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

inline std::string all_text(const tools::Canvas& canvas) {
  std::string text;
  for (std::size_t row = 0; row < canvas.rows(); ++row) text += row_text(canvas, row) + "\n";
  return text;
}

inline bool shows(const tools::Canvas& canvas, std::string_view text) {
  return all_text(canvas).find(text) != std::string::npos;
}

inline std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace ringside::test
