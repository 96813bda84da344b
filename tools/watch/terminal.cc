// Turns canvases into bytes. Cells that the terminal shows already are not sent again.
#include "tools/watch/terminal.h"

#include <algorithm>
#include <utility>

namespace ringside::tools {

namespace {

constexpr std::chrono::milliseconds leaving_patience{500};
enum Colour : int { black, red, green, yellow, blue, magenta, cyan, white };

std::string style_of(Tone tone, const Terminfo& words, bool colours) {
  switch (tone) {
    case Tone::plain:
      return "";
    case Tone::strong:
      return words.bold;
    case Tone::quiet:
      return words.dim;
    case Tone::title:
    case Tone::chosen:
      return words.reverse;
    case Tone::request:
      return colours ? words.in_colour(black) + words.on_colour(yellow) : words.reverse;
    case Tone::response:
      return colours ? words.in_colour(black) + words.on_colour(green) : words.bold;
    case Tone::event:
      return colours ? words.in_colour(cyan) : words.bold;
    case Tone::bad:
      return colours ? words.bold + words.in_colour(red) : words.bold;
  }
  return "";
}

}  // namespace

WatchTerminal::WatchTerminal(Host& host, Handle input, Handle output, Terminfo words, bool colours,
                             std::function<void(std::uint8_t)> typed, std::function<void()> gone)
    : host_(host),
      input_(std::move(input)),
      output_(std::move(output)),
      words_(std::move(words)),
      typed_(std::move(typed)),
      gone_(std::move(gone)),
      raw_(0, RawTerminal::When::now, words_.end),
      waiting_(words_.begin) {
  const bool has_colours = colours && !words_.foreground.empty() && !words_.background.empty();
  for (std::size_t at = 0; at < tones; ++at)
    styles_[at] = style_of(static_cast<Tone>(at), words_, has_colours);
  host_.watch(input_, {.read = true}, [this](Ready) { read(); });
  host_.watch(output_, {}, [this](Ready) { send(); });
}

bool WatchTerminal::draw(const Canvas& canvas) {
  if (leaving_ || !waiting_.empty()) {
    send();
    if (leaving_ || !waiting_.empty()) return false;
  }
  if (drawn_.size() != canvas.columns() * canvas.rows() || columns_ != canvas.columns()) {
    columns_ = canvas.columns();
    drawn_.assign(columns_ * canvas.rows(), Cell{});
    waiting_ += words_.plain + words_.clear;
  }
  for (std::size_t row = 0; row < canvas.rows(); ++row) {
    const std::span<const Cell> now = canvas.row(row);
    const std::span<Cell> before = std::span(drawn_).subspan(row * columns_, columns_);
    auto first = std::ranges::mismatch(now, before).in1;
    if (first == now.end()) continue;
    // A wide character is sent whole.
    while (first->glyph.columns == 0) --first;
    auto last = now.end();
    while (*(last - 1) == before[static_cast<std::size_t>(last - now.begin()) - 1]) --last;
    waiting_ += words_.move(static_cast<int>(row), static_cast<int>(first - now.begin()));
    Tone tone = Tone::plain;
    for (auto cell = first; cell != last; ++cell) {
      if (cell->glyph.columns == 0) continue;
      // Writing the very last cell makes some terminals scroll.
      const auto behind = cell + cell->glyph.columns;
      if (row + 1 == canvas.rows() && behind == now.end()) break;
      if (cell->tone != tone) waiting_ += words_.plain + styles_[static_cast<std::size_t>(cell->tone)];
      tone = cell->tone;
      append_utf8(waiting_, cell->glyph);
      // Terminals disagree about some widths: after such a character the cursor is set explicitly.
      const bool certain = fills_one_column(cell->glyph.character) && cell->glyph.marks[0] == 0;
      if (!certain && behind != now.end())
        waiting_ += words_.move(static_cast<int>(row), static_cast<int>(behind - now.begin()));
    }
    if (tone != Tone::plain) waiting_ += words_.plain;
    std::ranges::copy(now, before.begin());
  }
  send();
  return true;
}

void WatchTerminal::suspend() {
  // Bytes that the terminal does not take at once are discarded: the process is about to stop.
  waiting_ += words_.end;
  send();
  raw_.give_back();
}

void WatchTerminal::resume() {
  raw_.take();
  waiting_ = words_.begin;
  forget();
}

void WatchTerminal::leave(std::function<void()> done) {
  if (leaving_) return;
  leaving_ = true;
  left_ = std::move(done);
  waiting_ += words_.end;
  host_.timer_start(leaving_patience, [this] { left_(); });
  send();
}

void WatchTerminal::send() {
  while (!waiting_.empty()) {
    const Io io =
        host_.write(output_, Bytes(reinterpret_cast<const std::uint8_t*>(waiting_.data()), waiting_.size()));
    if (io.state == Io::State::closed) return gone_();
    if (io.state != Io::State::moved) break;
    waiting_.erase(0, io.bytes);
  }
  host_.watch_interest(output_, {.write = !waiting_.empty()});
  if (leaving_ && waiting_.empty()) left_();
}

void WatchTerminal::read() {
  std::array<std::uint8_t, 64> keys;
  const Io io = host_.read(input_, keys);
  if (io.state == Io::State::closed) return gone_();
  if (io.state != Io::State::moved) return;
  for (const std::uint8_t key : std::span(keys).first(io.bytes)) typed_(key);
}

}  // namespace ringside::tools
