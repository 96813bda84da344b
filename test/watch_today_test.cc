// The view of a watch for a domain of today: its byte rings, at several sizes.
#include "test/catch.h"
#include "test/watched.h"

namespace watch_today_test {

using namespace ringside;
using namespace ringside::trace;
using ringside::test::all_text;
using ringside::test::bytes_of;
using ringside::test::shows;
using ringside::test::Watched;
using ringside::tools::Canvas;

namespace {

constexpr Actor dom1 = actor(Role::domain, 1);

/// After some output and input of a guest whose indices are near the ends of the rings.
void print_and_find(Watched& watched) {
  Journal guest = watched.as(dom1);
  guest.told(1, Fact::byte_rings, {1020, 1020, 2040, 2040});
  watched.as(actor(Role::tty, 1)).bytes_passed(1, dom1, bytes_of("hello, world\n"));
  guest.bytes_written(1, ByteRing::out, 2040, bytes_of("hello, world\n"));
  guest.byte_index_moved(1, ByteIndex::out_prod, 2040, 2053);
  guest.byte_index_found(1, ByteIndex::in_prod, 1020, 1022);
  guest.bytes_found(1, ByteRing::in, 1020, bytes_of("ls"));
}

}  // namespace

TEST_CASE(
    "a domain of today shows its byte rings: indices, a bar with both places, and the bytes that wait") {
  Watched watched;
  print_and_find(watched);
  const Canvas canvas = watched.canvas(80, 36);
  INFO(all_text(canvas));
  CHECK(shows(canvas, "- out: the guest prints, xenconsoled takes"));
  CHECK(shows(canvas, " 13 of 2048 bytes wait -"));
  CHECK(shows(canvas, "out_prod 2053&2047=5  out_cons 2040&2047=2040"));
  CHECK(shows(canvas, "\nout #....."));
  CHECK(shows(canvas, ".....#\n    ^prod\n"));
  CHECK(shows(canvas, "    \"hello, world\\n\"\n"));
  CHECK(shows(canvas, "in_prod 1022&1023=1022  in_cons 1020&1023=1020"));
  CHECK(shows(canvas, "bytes  down: xenconsoled 0 in 2 domU 0 up: domU 0 out 13 xenconsoled 0 unknown 0"));
  CHECK(shows(canvas, "console: what the guest has written into out"));
  CHECK(shows(canvas, "\nhello, world"));
  CHECK(shows(canvas, "step   user consd event  page  domU  tty  what"));
}

TEST_CASE("byte rings fit into every size of a screen") {
  Watched watched;
  print_and_find(watched);
  CHECK(shows(watched.canvas(80, 24),
              "out 13 of 2048 bytes wait  out_prod 2053&2047=5  out_cons 2040&2047=2040"));
  CHECK(shows(watched.canvas(60, 24), "out 13 of 2048 bytes wait  out_prod 2053  out_cons 2040"));
  CHECK(shows(watched.canvas(80, 12), "out #......# 13  out_prod 2053  out_cons 2040"));
  for (std::size_t columns = 1; columns < 90; ++columns)
    for (std::size_t rows = 1; rows < 40; ++rows) (void)watched.canvas(columns, rows);
  watched.as(dom1).byte_index_found(1, ByteIndex::out_cons, 2040, 3000);
  CHECK(shows(watched.canvas(80, 36), "impossible, one side is faulty"));
}

}  // namespace watch_today_test
