// The guest's end of today's byte rings, and an opposite end of plain words.
#include "ring/byte_ring.h"

#include <string>
#include <vector>

#include "ring/layout.h"
#include "test/catch.h"

namespace byte_ring_test {

using namespace ringside::ring;

namespace {

struct Page {
  alignas(8) std::byte bytes[frame_bytes] = {};
  ByteRings& rings() { return *byte_rings(bytes); }

  /// As xenconsoled: takes all output.
  std::string take() {
    std::string taken;
    for (; rings().out_cons != rings().out_prod; ++rings().out_cons)
      taken += static_cast<char>(rings().out[rings().out_cons % sizeof rings().out]);
    return taken;
  }
  void type(const std::string& text) {
    for (const char byte : text)
      rings().in[rings().in_prod++ % sizeof rings().in] = static_cast<std::uint8_t>(byte);
  }
};

void write(ByteFront<>& front, const std::string& text) {
  front.write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

std::string look(ByteFront<>& front) {
  std::vector<std::uint8_t> bytes(sizeof ByteRings::in);
  bytes.resize(front.look(bytes));
  return {bytes.begin(), bytes.end()};
}

}  // namespace

TEST_CASE("bytes keep their order where the byte rings and their indices wrap") {
  Page page;
  page.rings().out_cons = page.rings().out_prod = 0xffff'ff00;
  page.rings().in_cons = page.rings().in_prod = 0xffff'ff00;
  ByteFront<> front(page.bytes);
  for (int round = 0; round < 10; ++round) {
    const std::string text(700, static_cast<char>('a' + round));
    write(front, text);
    CHECK(front.room() == 2048 - text.size());
    CHECK(front.out_prod() - front.out_cons() == text.size());
    CHECK(page.take() == text);
    CHECK(front.out_prod() - front.out_cons() == text.size());  // as it was found last
    CHECK(front.room() == 2048);
    CHECK(front.out_prod() == front.out_cons());
    page.type(text);
    CHECK(front.in_prod() == front.in_cons());
    CHECK(look(front) == text);
    CHECK(front.in_prod() - front.in_cons() == text.size());
    front.take(text.size());
    CHECK(page.rings().in_cons == page.rings().in_prod);
  }
}

TEST_CASE("a byte ring holds all its bytes, and no more") {
  Page page;
  ByteFront<> front(page.bytes);
  CHECK(front.room() == 2048);
  write(front, std::string(2048, 'x'));
  CHECK(front.room() == 0);
  CHECK(page.take().size() == 2048);
  CHECK(front.room() == 2048);
  page.type(std::string(1024, 'y'));
  CHECK(front.input_bytes() == 1024);
  front.take(24);
  CHECK(front.input_bytes() == 1000);
}

TEST_CASE("the daemon's end counts the output that waits, and none if the indices are impossible") {
  Page page;
  ByteFront<> front(page.bytes);
  ByteBack<> back(page.bytes);
  CHECK(back.output_bytes() == 0);
  write(front, "word");
  CHECK(back.output_bytes() == 4);
  page.rings().out_prod = 2048;
  CHECK(back.output_bytes() == 2048);
  page.rings().out_prod = 2049;
  CHECK(back.output_bytes() == 0);
}

TEST_CASE("an impossible index of the daemon gives neither room nor input") {
  Page page;
  ByteFront<> front(page.bytes);
  write(front, "word");
  page.rings().out_cons = 5;
  CHECK_FALSE(front.room());
  page.rings().out_cons = 4;
  CHECK(front.room() == 2048);
  page.rings().in_prod = 1025;
  CHECK_FALSE(front.input_bytes());
  CHECK(look(front).empty());
}

TEST_CASE("the guest's end does not read its own indices again") {
  Page page;
  ByteFront<> front(page.bytes);
  write(front, "one");
  page.rings().out_prod = 77;
  write(front, "two");
  CHECK(page.rings().out_prod == 6);
  CHECK(page.take() == "onetwo");
}

}  // namespace byte_ring_test
