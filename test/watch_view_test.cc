// The view of a watch: the panes at several sizes, hostile output of a guest, and pausing in a flood.
#include <fmt/format.h>

#include "emu/trace/journal.h"
#include "emu/trace/text.h"
#include "test/catch.h"
#include "test/ring_page.h"
#include "test/watched.h"
#include "tools/watch/keys.h"
#include "tools/watch/lanes.h"
#include "tools/watch/screen.h"

namespace watch_view_test {

using namespace ringside;
using namespace ringside::tools;
using namespace ringside::trace;
using ringside::test::all_text;
using ringside::test::bytes_of;
using ringside::test::plain;
using ringside::test::row_text;
using ringside::test::shows;
using ringside::test::text_message;
using ringside::test::Watched;

namespace {

constexpr Actor xcs = actor(Role::xcs);
constexpr Actor xend = actor(Role::xend);
constexpr Actor dom1 = actor(Role::domain, 1);

std::string console_text(std::string_view bytes, std::size_t row = 0) {
  ConsoleScreen console;
  console.take(bytes_of(bytes));
  std::string text;
  for (const Glyph& each : console.row(row)) text += plain(each);
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace

TEST_CASE("at 80 columns and 24 rows all panes are shown") {
  Watched watched;
  watched.request(0, "hello\n");
  watched.as(xcs).event_raised(1, dom1, 1, ring::Raised::kick);
  watched.printed("web$ ");
  const Canvas canvas = watched.canvas(80, 24);
  INFO(all_text(canvas));
  CHECK(row_text(canvas, 0) == " ringside watch  dom1 \"web\" running   LIVE  step 4   0/s");
  CHECK(shows(canvas, "xend passes 5 bytes, \"web$ \" on to client1."));
  CHECK(shows(canvas, "rx 1/8  req_prod 1&7=1  req_cons ?"));
  CHECK(shows(canvas, "rx  0#req 6  1.free"));
  CHECK(shows(canvas, "    \"hello\\n"));
  CHECK(shows(canvas, "events  dom1 port 1 pending 1 mask 0 sel 1"));
  CHECK(shows(canvas, "rx 6 "));
  CHECK(shows(canvas, "  step  user cli  xend xcs  evt  page domU tty  what"));
  CHECK(shows(canvas, "o---->    |    |    |   port 1 of dom1 wakes"));
  CHECK(shows(canvas, "\nweb$"));
  CHECK(row_text(canvas, 23) == " space pause  , . step  Home End  ? help  q quit");
}

TEST_CASE("a slot's state is a glyph, a word and a tone; pointers are below their slots") {
  Watched watched;
  watched.request(0, "a");
  watched.as(dom1).index_moved(1, ring::Ring::rx, IndexName::req_cons, 0, 1);
  watched.as(dom1).slot_written(1, ring::Ring::rx, 0, SlotUse::response, text_message(""));
  watched.request(1, "b");
  const Canvas canvas = watched.canvas(80, 24);
  INFO(all_text(canvas));
  std::size_t row = 0;
  while (!row_text(canvas, row).starts_with("rx  0")) ++row;
  CHECK(row_text(canvas, row) == "rx  0+rsp 0  1#req 1  2.free   3.free   4.free   5.free   6.free   7.free");
  CHECK(canvas.row(row)[4].tone == Tone::response);
  CHECK(canvas.row(row)[13].tone == Tone::request);
  CHECK(canvas.row(row)[22].tone == Tone::quiet);
  CHECK(row_text(canvas, row + 2) == "req_         cons     prod");
}

TEST_CASE("a full ring is reported as full") {
  Watched watched;
  for (std::uint32_t index = 0; index < 8; ++index) watched.request(index, "x");
  CHECK(shows(watched.canvas(120, 40), "8 of 8 outstanding: the ring is full"));
  watched.request(8, "x");
  CHECK(shows(watched.canvas(120, 40), "9 of 8 outstanding: impossible, one side is faulty"));
}

TEST_CASE("indices lose redundant words before they lose a figure") {
  Watched watched;
  for (const IndexName name :
       {IndexName::req_prod, IndexName::req_cons, IndexName::rsp_prod, IndexName::rsp_cons})
    watched.as(xcs).index_moved(1, ring::Ring::rx, name, 0, 99'999);
  CHECK(
      shows(watched.canvas(120, 40), "req_prod 99999&7=7  req_cons 99999&7=7  rsp_prod 99999&7=7  rsp_cons"));
  CHECK(
      shows(watched.canvas(80, 24), "req_prod 99999&7=7 cons 99999&7=7  rsp_prod 99999&7=7 cons 99999&7=7"));
  CHECK(shows(watched.canvas(60, 24), "req_prod 99999 cons 99999  rsp_prod 99999 cons 99999"));
}

TEST_CASE("at the oldest step the rows are filled with later steps") {
  Watched watched;
  for (std::uint32_t index = 0; index < 10; ++index) watched.request(index, "x");
  watched.history.go(0);
  CHECK(shows(watched.canvas(80, 24), "\n     4 "));
}

TEST_CASE("no size is too small, and none too large") {
  Watched watched;
  for (std::uint32_t index = 0; index < 100; ++index) watched.request(index, "hello\n");
  watched.history.go(50);
  for (std::size_t columns = 1; columns < 250; columns += columns < 12 ? 1 : 17) {
    for (std::size_t rows = 1; rows < 100; rows += rows < 40 ? 1 : 13) {
      const Canvas canvas = watched.canvas(columns, rows);
      CHECK(std::string_view(" ringside watch  dom1 \"web\" running   PAUSED at step 50 of 200   0/s")
                .starts_with(row_text(canvas, 0)));
    }
  }
}

TEST_CASE("bytes of a guest reach the screen as visible characters, or not at all") {
  Watched watched;
  watched.printed(
      "\x1b]0;title\x07\x1b[31mred\x1b[0m \xc3\xa9 \xe4\xb8\xad \xff\x9b"
      "31m \xc2\x9b"
      "1m \xe2\x80\xae \xf3\xa0\x80\xa1 end\r\n");
  watched.request(0, "\x1b[2J\x9b\xe4\xb8\xad");
  for (const bool ascii : {true, false}) {
    const Canvas canvas = watched.canvas(120, 40, ascii);
    INFO(all_text(canvas));
    for (std::size_t row = 0; row < canvas.rows(); ++row) {
      std::size_t columns = 0;
      for (const Cell& cell : canvas.row(row)) {
        const char32_t shown = cell.glyph.character;
        columns += cell.glyph.columns;
        if (ascii) CHECK(shown < 0x7f);
        if (cell.glyph.columns != 0) CHECK((shown >= 0x20 && (shown < 0x7f || shown > 0x9f)));
        CHECK((shown < 0x2028 || shown > 0x202e));
        CHECK(shown < 0xe0000);
      }
      CHECK(columns == canvas.columns());
    }
    CHECK(shows(canvas, ascii ? "red ? ?  ??31m" : "red ~ ~ ~~31m"));
  }
}

TEST_CASE("a console's screen shows wide characters, marks, and characters that come in two pieces") {
  // CJK and emoji take two columns each, a mark none.
  const std::string text =
      "A\xe3\x81\x82\xe6\xbc\xa2\xf0\x9f\x98\x80"
      "e\xcc\x81\xc3\xa9|";
  const std::vector<Glyph> expected{
      {U'A', {}, 1},      {U'\u3042', {}, 2},     {0, {}, 0}, {U'\u6f22', {}, 2},
      {0, {}, 0},         {U'\U0001f600', {}, 2}, {0, {}, 0}, {U'e', {U'\u0301'}, 1},
      {U'\u00e9', {}, 1}, {U'|', {}, 1}};
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    ConsoleScreen console;
    console.take(bytes_of(text.substr(0, cut)));
    console.take(bytes_of(text.substr(cut)));
    const ConsoleScreen::Row row = console.row(0);
    CHECK(std::equal(expected.begin(), expected.end(), row.begin()));
    CHECK(console.cursor_column() == expected.size());
  }
  CHECK(console_text("a\xe3\x81"
                     "b\xff"
                     "c\xc3") == "a~b~c");
  // What has no room on its line goes to the next.
  CHECK(console_text(std::string(79, 'x') + "\xe6\xbc\xa2", 1) == "~");

  Watched watched;
  watched.printed(text);
  const Canvas canvas = watched.canvas(80, 24, false);
  INFO(all_text(canvas));
  CHECK(shows(canvas, "\nA~~~e~|"));
  const Canvas ascii = watched.canvas(80, 24, true);
  CHECK(shows(ascii, "\nA? ? ? e?|"));
}

TEST_CASE("a cell holds no control or joining character, and no wide character is cut at the edge") {
  Canvas canvas(10, 1, false);
  const auto row = [&] { return canvas.row(0); };
  std::size_t column = 0;
  for (const char32_t obeyed : {0x1b, 0x9b, 0xad, 0x202e, 0xfeff, 0xd800, 0xe0041, 0x110000}) {
    canvas.put(0, column, Glyph{obeyed, {}, 1});
    CHECK(row()[column++].glyph.character == U'?');
  }
  canvas.put(0, 0, Glyph{U'a', {U'\u200d', U'\u0301'}, 1});
  CHECK(row()[0].glyph == Glyph{U'a', {U'\u0301'}, 1});
  canvas.put(0, 8, Glyph{U'\u6f22', {}, 2});
  CHECK(row()[8].glyph.columns == 2);
  CHECK(row()[9].glyph.columns == 0);
  canvas.put(0, 9, Glyph{0, {}, 0});
  CHECK(row()[8].glyph.character == U'\u6f22');
  canvas.put(0, 9, Glyph{U'\u6f22', {}, 2});
  CHECK(row()[9].glyph == Glyph{U'?', {}, 1});
}

TEST_CASE("a copy of a screen shows the same, and then changes independently") {
  ConsoleScreen first;
  first.take(bytes_of("one\r\n\xe6"));
  ConsoleScreen second = first;
  first.take(bytes_of("\xbc\xa2"));
  second.take(bytes_of("\xb8\x80!"));
  CHECK(first.row(1)[0].character == U'\u6f22');
  CHECK(second.row(1)[0].character == U'\u6e00');
  CHECK(second.row(1)[2].character == U'!');
  second = first;
  CHECK(second.row(0)[0].character == U'o');
  CHECK(second.cursor_column() == 2);
  // Also after many lines.
  for (int line = 0; line < 10'000; ++line) first.take(bytes_of(fmt::format("line {}\r\n", line)));
  second = first;
  for (std::size_t row = 0; row < ConsoleScreen::rows; ++row) CHECK(second.row(row) == first.row(row));
}

TEST_CASE(
    "a console's screen obeys line ends, tabs, and the sequences of line editors and full-screen programs") {
  CHECK(console_text("abc\rX") == "Xbc");
  CHECK(console_text("a\tb") == "a       b");
  CHECK(console_text("one two\b\b\bx") == "one xwo");
  CHECK(console_text("abc\x1b[2D\x1b[K") == "a");
  CHECK(console_text("old\x1b[2J\x1b[Hnew") == "new");
  CHECK(console_text("\x1b[2;3Hhere", 1) == "  here");
  CHECK(console_text("\x1b[?25l\x1b(Btext") == "text");
  CHECK(console_text("\x1b[999999999;99999999999Hx", 23).size() == 80);
  CHECK(console_text(std::string(100, 'x'), 1) == std::string(20, 'x'));
  std::string many;
  for (int line = 0; line < 100; ++line) many += fmt::format("{}\r\n", line);
  CHECK(console_text(many, 22) == "99");
  CHECK(console_text(many, 23).empty());
}

TEST_CASE("a console's screen obeys the sequences of editors and pagers that scroll, insert and delete") {
  const std::string text = "one\r\ntwo\r\nthree\r\nfour";
  const auto rows = [&](std::string_view more) {
    const std::string bytes = text + std::string(more);
    return console_text(bytes, 0) + "|" + console_text(bytes, 1) + "|" + console_text(bytes, 2) + "|" +
           console_text(bytes, 3);
  };
  CHECK(rows("\x1b[H\x1bMnew") == "new|one|two|three");
  CHECK(rows("\x1b[2;3r\x1b[3H\nnew") == "one|three|new|four");
  CHECK(rows("\x1b[2;3r\x1b[2H\x1bMnew") == "one|new|two|four");
  CHECK(rows("\x1b[2;3r\x1b[4H\x1b[L\x1b[M\x1b[4H!") == "one|two|three|!our");
  CHECK(rows("\x1b[2;4r\x1b[2H\x1b[2Lnew") == "one|new||two");
  CHECK(rows("\x1b[2;4r\x1b[2H\x1b[99M") == "one|||");
  CHECK(rows("\x1b[3;2r\x1b[4;1H!") == "one|two|three|!our");
  CHECK(rows("\x1b[S") == "two|three|four|");
  CHECK(rows("\x1b[2T") == "||one|two");
  CHECK(rows("\x1b[3H\x1b[2P") == "one|two|ree|four");
  CHECK(rows("\x1b[3;2H\x1b[2@") == "one|two|t  hree|four");
  CHECK(rows("\x1b[3;2H\x1b[3X") == "one|two|t   e|four");
  CHECK(rows("\x1b[3;2H\x1b[9999P\x1b[4;4H\x1b[9999@") == "one|two|t|fou");
  CHECK(rows("\x1b[2;2H\x1b"
             "7\x1b[H\x1b"
             "8x") == "one|txo|three|four");
  CHECK(rows("\x1b"
             "cnew") == "new|||");
  CHECK(rows("\x1b[2H\x1b[?1049h\x1b[Hmenu") == "menu|||");

  CHECK(rows("\x1b[2H\x1b[?1049h\x1b[Hmenu\x1b[?1049l!") == "one|!wo|three|four");
}

TEST_CASE("pausing shows the machine as it was, and steps go both ways") {
  Watched watched;
  for (std::uint32_t index = 0; index < 3; ++index) watched.request(index, fmt::format("{}", index));
  watched.history.go(2);
  CHECK(watched.history.shown().replay.ring(1, ring::Ring::rx).outstanding() == 1);
  CHECK(shows(watched.canvas(80, 24), "PAUSED at step 2 of 6"));
  watched.history.go(4);
  CHECK(watched.history.shown().replay.ring(1, ring::Ring::rx).outstanding() == 2);
  watched.history.go(1);
  CHECK(watched.history.shown().replay.ring(1, ring::Ring::rx).outstanding() == 0);
  watched.history.go(0);
  CHECK(watched.history.shown().step == 1);
  watched.history.go(1000);
  CHECK(watched.history.shown().step == 6);
  watched.request(3, "later");
  CHECK(watched.history.shown().step == 6);
  watched.history.go(8);
  CHECK(watched.history.shown().replay.ring(1, ring::Ring::rx).outstanding() == 4);
  watched.history.go_on();
  CHECK_FALSE(watched.history.paused());
  CHECK(watched.history.shown().step == 8);
}

TEST_CASE("any kept step can be shown in any order, with the same contents") {
  Watched watched;
  for (std::uint32_t index = 0; index < 2500; ++index) watched.request(index, "x");
  for (const std::uint64_t step : {4999u, 1200u, 1201u, 3000u, 2000u, 2001u, 1000u, 5000u, 1u}) {
    watched.history.go(step);
    REQUIRE(watched.history.shown().step == step);
    CHECK(watched.history.shown().replay.ring(1, ring::Ring::rx).at(IndexName::req_prod) == step / 2);
  }
}

TEST_CASE("in a flood the oldest steps are dropped; while paused none are, and the excess is counted") {
  Watched watched;
  std::uint32_t index = 0;
  const auto flood = [&](std::size_t entries) {
    for (std::size_t at = 0; at < entries / 2; ++at) watched.request(index++, "x");
  };
  const auto kept = [&] { return watched.history.last_kept() + 1 - watched.history.first_kept(); };
  flood(20'000);
  CHECK(watched.history.newest() == 20'000);
  CHECK(kept() <= watch_segments * watch_segment_entries);
  CHECK(kept() > (watch_segments - 1) * watch_segment_entries - 1);
  const std::uint64_t oldest = watched.history.first_kept();
  watched.history.pause();
  flood(50'000);
  CHECK(watched.history.newest() == 70'000);
  CHECK(watched.history.shown().step == 20'000);
  CHECK(watched.history.first_kept() == oldest);
  CHECK(kept() == watch_segments_paused * watch_segment_entries);
  CHECK(shows(watched.canvas(100, 24), ", no more"));
  watched.history.go(oldest);
  CHECK(watched.history.shown().replay.ring(1, ring::Ring::rx).at(IndexName::req_prod) == oldest / 2);
  watched.history.go_on();
  CHECK(watched.history.shown().step == 70'000);
  CHECK(watched.history.shown().replay.ring(1, ring::Ring::rx).at(IndexName::req_prod) == index);
  flood(10);
  CHECK(kept() == 10);
  watched.history.go(70'001);
  CHECK(watched.history.shown().step == 70'001);
}

TEST_CASE("too many steps for a sentence each are reported as a number, and so is the delay of the picture") {
  Watched watched;
  watched.request(0, "x");
  CHECK(shows(watched.canvas(80, 24, true, {.who = "dom1", .per_second = 5000}), "5000 entries a second"));
  CHECK(shows(watched.canvas(80, 24, true, {.who = "dom1", .behind_ms = 1700}), "1.7 s BEHIND"));
  CHECK_FALSE(shows(watched.canvas(80, 24), "BEHIND"));
}

TEST_CASE("other domains are left out; a domain's life is shown") {
  Watched watched;
  watched.as(xcs).slot_written(2, ring::Ring::rx, 0, SlotUse::request, text_message("other"));
  CHECK(watched.history.newest() == 0);
  watched.as(actor(Role::xen)).told(1, trace::Fact::paused);
  CHECK(watched.history.shown().life == Life::paused);
  watched.as(dom1).told(1, trace::Fact::destroyed, {}, "web");
  CHECK(watched.history.shown().life == Life::paused);
  watched.as(actor(Role::xen)).told(1, trace::Fact::destroyed, {}, "web");
  CHECK(watched.history.shown().life == Life::gone);
}

TEST_CASE("only entries of one kind are shown, and stepping skips the others") {
  Watched watched;
  watched.request(0, "a");
  watched.as(xcs).event_raised(1, dom1, 1, ring::Raised::kick);
  watched.request(1, "b");
  watched.as(xcs).event_raised(1, dom1, 1, ring::Raised::already_pending);
  watched.as(xcs).refused(1, xend, Refusal::frame_type);
  watched.history.select(WatchKinds::events);
  const Canvas canvas = watched.canvas(120, 40);
  INFO(all_text(canvas));
  CHECK(shows(canvas, "LIVE  step 7   0/s   ONLY events"));
  CHECK(shows(canvas, "port 1 of dom1 wakes"));
  CHECK(shows(canvas, "port 1 of dom1 was pending already"));
  CHECK_FALSE(shows(canvas, "req_prod 0 -> 1"));
  CHECK_FALSE(shows(canvas, "refuses: "));
  CHECK(watched.history.next_shown(7, true) == 6);
  CHECK(watched.history.next_shown(6, true) == 3);
  CHECK(watched.history.next_shown(3, true) == 3);
  CHECK(watched.history.next_shown(3, false) == 6);
  // The step at which it is paused is always shown.
  watched.history.go(5);
  CHECK(shows(watched.canvas(120, 40), "req_prod 1 -> 2"));
  watched.history.go_on();
  watched.history.select(WatchKinds::trouble);
  CHECK(shows(watched.canvas(120, 40), "refuses: "));
  CHECK_FALSE(shows(watched.canvas(120, 40), "of dom1 wakes"));
  for (std::size_t kind = 0; kind < watch_kinds_names.size(); ++kind)
    CHECK(kinds_named(watch_kinds_names[kind]) == static_cast<WatchKinds>(kind));
  CHECK(kinds_after(WatchKinds::lives) == WatchKinds::all);
}

TEST_CASE("one byte is followed from hop to hop, then the next one of the step") {
  Watched watched;
  const auto type = [&](std::uint32_t index, std::string_view text) {
    watched.as(actor(Role::user)).bytes_passed(1, xend, bytes_of(text));
    watched.as(xend).frame_passed(1, xcs, frame_request, 1, text_message(text));
    watched.request(index, text);
  };
  type(0, "hi");
  type(1, "xy");
  CHECK(watched.history.followed().empty());
  // Nothing has happened to bytes since step 7: that step's first byte.
  REQUIRE(watched.history.follow_byte());
  CHECK(watched.history.shown().step == 7);
  CHECK(watched.history.followed() == "\"x\"");
  CHECK(watched.history.followed_steps() == std::set<std::uint64_t>{5, 6, 7});
  REQUIRE(watched.history.follow_byte());
  CHECK(watched.history.followed() == "\"y\"");
  watched.history.go(2);
  REQUIRE(watched.history.follow_byte());
  CHECK(watched.history.followed() == "\"h\"");
  CHECK(watched.history.followed_steps() == std::set<std::uint64_t>{1, 2, 3});
  const Canvas canvas = watched.canvas(120, 40);
  INFO(all_text(canvas));
  CHECK(shows(canvas, "BYTE \"h\": 3 hops"));
  CHECK(shows(canvas, "rx[0] request 2 \"hi\""));
  CHECK_FALSE(shows(canvas, "rx[1] request 2 \"xy\""));
  // It is followed while the machine works, too.
  watched.history.go_on();
  watched.as(dom1).index_moved(1, ring::Ring::rx, IndexName::req_cons, 0, 1);
  watched.as(dom1).bytes_passed(1, actor(Role::tty, 1), bytes_of("hi"));
  CHECK(watched.history.followed_steps() == std::set<std::uint64_t>{1, 2, 3, 9, 10});
  // At the move of an index, too, which has no bytes itself.
  watched.history.go(9);
  REQUIRE(watched.history.follow_byte());
  CHECK(watched.history.followed() == "\"i\"");
  watched.history.go_on();
  watched.history.follow_none();
  CHECK(shows(watched.canvas(120, 40), "rx[1] request 2 \"xy\""));
}

TEST_CASE("without bytes there is none to follow") {
  Watched watched;
  watched.as(xcs).event_raised(1, dom1, 1, ring::Raised::kick);
  CHECK_FALSE(watched.history.follow_byte());
}

TEST_CASE("keys arrive as characters and as sequences, also in pieces") {
  WatchKeys keys;
  using Name = WatchKey::Name;
  const auto typed = [&keys](std::string_view bytes) {
    std::optional<WatchKey> last;
    for (const char byte : bytes) last = keys.take(static_cast<std::uint8_t>(byte));
    return last;
  };
  CHECK(typed(" ")->character == ' ');
  CHECK(typed("\x1b[D")->name == Name::left);
  CHECK(typed("\x1bOC")->name == Name::right);
  CHECK(typed("\x1b[1~")->name == Name::home);
  CHECK(typed("\x1b[F")->name == Name::end);
  CHECK(typed("\x1b[1;5A")->name == Name::up);
  CHECK_FALSE(typed("\x1b[5~"));
  CHECK_FALSE(typed("\x1b"));
  CHECK_FALSE(typed("["));
  CHECK(typed("B")->name == Name::down);
  CHECK(typed("\x1bq")->character == 'q');
}

}  // namespace watch_view_test
