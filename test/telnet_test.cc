// Telnet: input from a client, in any pieces, and the encoding of output.
#include "emu/dom0/console/telnet.h"

#include <random>

#include "test/catch.h"
#include "test/dom0_machine.h"

namespace telnet_test {

using namespace ringside;
using namespace ringside::dom0;
using namespace ringside::test;
using namespace std::string_literals;

namespace {

const std::string offers = "\xff\xfb\x01\xff\xfb\x03\xff\xfd\x03\xff\xfb\x00\xff\xfd\x00\xff\xfd\x1f"s;
const std::string binary_both_ways = "\xff\xfd\x00\xff\xfb\x00"s;

struct Fixture {
  std::string take(std::string bytes) {
    std::span<std::uint8_t> span(reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size());
    return bytes.substr(0, telnet.take(span));
  }
  std::string said() { return std::exchange(telnet.commands(), {}); }
  /// Writes the output in pieces of `piece` bytes.
  std::string show(const std::string& output, std::size_t piece) {
    std::string written;
    for (std::size_t at = 0; at < output.size() || !telnet.commands().empty();) {
      written += said();
      const Bytes rest = bytes_of(output).subspan(at);
      const std::string coded = telnet.encoded(rest);
      const std::size_t moved = std::min(piece, coded.size());
      written += coded.substr(0, moved);
      at += telnet.wrote(rest, moved);
    }
    return written;
  }

  std::vector<std::pair<int, int>> windows;  ///< rows, columns
  Telnet telnet{[this](std::uint16_t rows, std::uint16_t columns) { windows.emplace_back(rows, columns); }};
};

}  // namespace

TEST_CASE_METHOD(Fixture, "telnet offers the options that a console needs, and does not answer answers") {
  CHECK(said() == offers);
  CHECK(take("\xff\xfd\x01\xff\xfd\x03\xff\xfb\x03\xff\xfb\x1f"s + binary_both_ways).empty());
  CHECK(said().empty());
  // A request that changes nothing gets no answer.
  CHECK(take("\xff\xfd\x01\xff\xfd\x01"s).empty());
  CHECK(said().empty());
  CHECK(take("\xff\xfe\x01"s).empty());
  CHECK(said() == "\xff\xfc\x01"s);
  CHECK(take("\xff\xfe\x01"s).empty());
  CHECK(said().empty());
  CHECK(take("\xff\xfd\x01"s).empty());
  CHECK(said() == "\xff\xfb\x01"s);
}

TEST_CASE_METHOD(Fixture, "telnet declines options that a console does not need") {
  said();
  CHECK(take("\xff\xfb\x18\xff\xfd\x05\xff\xfc\x18\xff\xfe\x05"s).empty());
  CHECK(said() == "\xff\xfe\x18\xff\xfc\x05"s);
}

TEST_CASE_METHOD(Fixture, "the return key is one carriage return to the guest, in any pieces") {
  CHECK(take("\r\xff\xff\n\r\xff\xf4\n\r\xff\xf1\n"s) == "\r\xff\n\r\x03\n\r");
  const bool bytewise = GENERATE(false, true);
  std::string taken;
  const std::string typed = "one\r\0two\r\nthree\rfour\n\r\r\0"s;
  if (bytewise) {
    for (const char each : typed) taken += take(std::string(1, each));
  } else {
    taken = take(typed);
  }
  CHECK(taken == "one\rtwo\rthree\rfour\n\r\r");
}

TEST_CASE_METHOD(Fixture, "after agreement on binary every byte passes both ways") {
  take(binary_both_ways);
  said();
  std::string all;
  std::string doubled;
  for (int byte = 0; byte < 256; ++byte) {
    all += static_cast<char>(byte);
    doubled += static_cast<char>(byte);
    if (byte == 0xff) doubled += static_cast<char>(byte);
  }
  all = "\r\0\r\n\rx"s + all + all;
  doubled = "\r\0\r\n\rx"s + doubled + doubled;
  CHECK(take(doubled) == all);
  CHECK(show(all, GENERATE(1, 2, 3, 100, 1000)) == doubled);
}

TEST_CASE_METHOD(Fixture, "without binary a lone carriage return is escaped, in any pieces") {
  said();
  CHECK(show("a\r\nb\rc\r\r\n\r\xff\xff"s, GENERATE(1, 2, 3, 5, 100)) ==
        "a\r\nb\r\0c\r\0\r\n\r\0\xff\xff\xff\xff"s);
}

TEST_CASE_METHOD(Fixture, "a window's size is reported, also one with bytes of 255; an invalid size is not") {
  CHECK(take("\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0"s).empty());
  CHECK(take("a\xff\xfa\x1f\x00\xff\xff\x01\x00\xff\xf0z"s) == "az");
  CHECK(take("\xff\xfa\x1f\x00\x00\x00\x18\xff\xf0"s).empty());
  CHECK(take("\xff\xfa\x1f\x00\x50\x00\xff\xf0"s).empty());
  CHECK(take("\xff\xfa\x18\x00xterm\xff\xf0"s).empty());
  CHECK(take("\xff\xfa\x1f" + std::string(100'000, 'x') +
             "\xff\xf0"
             "end") == "end");
  CHECK(windows == std::vector<std::pair<int, int>>{{24, 80}, {256, 255}});
}

TEST_CASE_METHOD(Fixture, "commands are the keys of a terminal") {
  said();
  CHECK(take("\xff\xf4\xff\xf7\xff\xf8\xff\xec\xff\xed\xff\xee"s) == "\x03\x7f\x15\x04\x1a\x1c");
  CHECK(take("\xff\xf1\xff\xf2\xff\xf3\xff\xf5\xff\xf9"s).empty());
  CHECK(said().empty());
  CHECK(take("\xff\xf6").empty());
  CHECK(said() == "\r\n[yes]\r\n");
}

TEST_CASE_METHOD(Fixture, "no bytes leave telnet in a wrong state, and it only answers requests") {
  std::mt19937 random(GENERATE(1u, 2u, 3u, 4u));
  std::string bytes;
  for (int i = 0; i < 20'000; ++i) {
    bytes += static_cast<char>(random() % 2 == 0 ? 0xec + random() % 20 : random() % 256);
  }
  said();
  CHECK(take(bytes).size() <= bytes.size());
  CHECK(said().size() <= 3 * bytes.size());
  take("\xff\xf0\xff\xf0"s);  // ends any sequence that has begun
  CHECK(take("ls"s) == "ls");
}

TEST_CASE("a client begins to speak telnet with commands of which one is an option request") {
  struct Case {
    std::string sent;
    std::size_t at;
  };
  for (const Case& each : {Case{"\xff\xfd\x03"s, 0},
                           {"\xff\xfd\x03\xff\xfb\x18\xff\xfb\x1f"s, 0},
                           {"\xff\xfe\x01"s, 0},
                           {"\xff\xfd\x03\xff\xfd\x01ls\r"s, 0},
                           {"\xff\xfd\x01z"s, 0},
                           {"l\xff\xfd\x03\xff\xfd\x01"s, 1},
                           {"caf\xc3\xa9\xff\xfd\x03"s, 5},
                           {"\xff\xf4\xff\xfd\x06"s, 0},
                           {"\xff\xfb\x1f\xff\xfa\x1f\0"s, 0}}) {
    CAPTURE(each.sent);
    CHECK(first_bytes(bytes_of(each.sent)).telnet_at == each.at);
  }
  for (const std::string& does_not :
       {""s, "\xff"s, "\xff\xfd"s, "\xff\xff\xff"s, "\xff\xfd\x80"s, "\xff\xf4\x03"s, "\xff\xf4"s, "ls\n"s,
        "\0\xff\xfd\x03"s, "\xc3\xff\xfd\x03"s, "\x80\xff\xfd\x03"s, "\xff\xf4z\xff\xfd\x03"s}) {
    CAPTURE(does_not);
    CHECK_FALSE(first_bytes(bytes_of(does_not)).telnet_at);
  }
}

TEST_CASE("what a user types is text, other bytes are not") {
  for (const std::string& text :
       {""s, "ls\n"s, "\x03\x1b[A"s, "caf\xc3\xa9"s, "\xe2\x82\xac\xf0\x9f\x98\x80"s})
    CHECK(first_bytes(bytes_of(text)).text);
  for (const std::string& other :
       {"\0"s, "\xff"s, "a\xc3z"s, "\xf8\x80\x80\x80\x80"s, "\xc0\x80"s, "\xe2\x82"s})
    CHECK_FALSE(first_bytes(bytes_of(other)).text);
}

}  // namespace telnet_test
