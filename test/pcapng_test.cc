// pcapng: the blocks of a capture and the packets in them, checked byte by byte.
#include "emu/trace/pcapng.h"

#include <cstring>
#include <string>
#include <vector>

#include "emu/trace/hops.h"
#include "emu/trace/journal.h"
#include "emu/trace/memory_sink.h"
#include "emu/trace/text.h"
#include "test/catch.h"
#include "test/ring_page.h"

namespace pcapng_test {

using namespace ringside;
using namespace ringside::trace;
using ringside::test::text_message;

namespace {

constexpr Actor xcs = actor(Role::xcs);
constexpr Actor xend = actor(Role::xend);
constexpr Actor dom1 = actor(Role::domain, 1);
constexpr std::uint64_t origin_ns = 5'000'000'000;

std::uint64_t number(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t byte = 0; byte < size; ++byte)
    value |= std::uint64_t{static_cast<unsigned char>(bytes.at(at + byte))} << (8 * byte);
  return value;
}

struct Block {
  std::uint64_t type;
  std::string body;
};

/// Every block has its length at both ends, a multiple of four.
std::vector<Block> blocks(std::string_view file) {
  std::vector<Block> found;
  while (!file.empty()) {
    const std::size_t total = number(file, 4, 4);
    REQUIRE(total % 4 == 0);
    REQUIRE(total >= 12);
    REQUIRE(total <= file.size());
    REQUIRE(number(file, total - 4, 4) == total);
    found.push_back({number(file, 0, 4), std::string(file.substr(8, total - 12))});
    file.remove_prefix(total);
  }
  return found;
}

std::vector<std::pair<std::uint64_t, std::string>> options(std::string_view rest) {
  std::vector<std::pair<std::uint64_t, std::string>> found;
  for (;;) {
    const std::size_t size = number(rest, 2, 2);
    if (number(rest, 0, 2) == 0) {
      CHECK(size == 0);
      CHECK(rest.size() == 4);
      return found;
    }
    found.emplace_back(number(rest, 0, 2), std::string(rest.substr(4, size)));
    rest.remove_prefix(4 + (size + 3) / 4 * 4);
  }
}

struct Packet {
  std::uint64_t interface;
  std::uint64_t time_ns;
  std::string data;
  std::vector<std::string> comments;

  [[nodiscard]] std::uint64_t u8(std::size_t at) const { return number(data, at, 1); }
  [[nodiscard]] std::uint64_t u16(std::size_t at) const { return number(data, at, 2); }
  [[nodiscard]] std::uint64_t u32(std::size_t at) const { return number(data, at, 4); }
};

Packet packet_in(const std::string& bytes) {
  const auto found = blocks(bytes);
  REQUIRE(found.size() == 1);
  REQUIRE(found[0].type == 6);
  const std::string& body = found[0].body;
  const std::size_t size = number(body, 12, 4);
  REQUIRE(number(body, 16, 4) == size);
  Packet packet{number(body, 0, 4), number(body, 4, 4) << 32 | number(body, 8, 4), body.substr(20, size), {}};
  for (const auto& [code, text] : options(std::string_view(body).substr(20 + (size + 3) / 4 * 4))) {
    CHECK(code == 1);
    packet.comments.push_back(text);
  }
  return packet;
}

/// The entries that `say` writes, one microsecond apart from the journal's origin on.
template <class Say>
std::vector<Entry> entries(Say say) {
  std::uint64_t now_ns = origin_ns;
  MemorySink sink([&now_ns] { return now_ns += 1000; });
  say(sink);
  std::vector<Entry> all;
  for (const auto& recorded : sink.entries()) all.push_back(recorded.entry);
  return all;
}

template <class Say>
Packet only_packet(Say say) {
  const auto all = entries(say);
  REQUIRE(all.size() == 1);
  Pcapng capture(origin_ns);
  return packet_in(capture.packet(all[0], 1));
}

}  // namespace

TEST_CASE("a capture begins with its section and an interface for every hop") {
  const auto found = blocks(Pcapng(origin_ns).begin());
  REQUIRE(found.size() == 1 + hop_count + 1);
  CHECK(found[0].type == 0x0a0d0d0a);
  CHECK(number(found[0].body, 0, 4) == 0x1a2b3c4d);
  CHECK(number(found[0].body, 4, 4) == 1);
  for (std::size_t at = 0; at <= hop_count; ++at) {
    const Block& interface = found[at + 1];
    CHECK(interface.type == 1);
    CHECK(number(interface.body, 0, 2) == 147);
    const auto its = options(std::string_view(interface.body).substr(8));
    REQUIRE(its.size() == 3);
    CHECK(its[0].second == (at == hop_count ? "aside" : hops()[at].name));
    CHECK(its[2] == std::pair<std::uint64_t, std::string>{9, "\x09"});
  }
}

TEST_CASE("another link type is in every interface") {
  for (const Block& block : blocks(Pcapng(origin_ns, 150).begin())) {
    if (block.type == 1) CHECK(number(block.body, 0, 2) == 150);
  }
}

TEST_CASE(
    "the packet of a message in a slot has all header fields, the indices, all 64 bytes and a sentence") {
  const auto all = entries([](Sink& sink) {
    Journal journal(sink, xcs);
    journal.as(actor(Role::xen)).told(1, Fact::created, {}, "dom1");
    journal.index_moved(1, ring::Ring::rx, IndexName::req_prod, 0, 8);
    auto message = text_message("abc");
    message.msg[59] = 0x77;  // after its length
    journal.slot_written(1, ring::Ring::rx, 15, SlotUse::request, message);
  });
  Pcapng capture(origin_ns);
  (void)capture.packet(all[0], 40);
  (void)capture.packet(all[1], 41);
  const Packet packet = packet_in(capture.packet(all[2], 42));
  CHECK(packet.interface == static_cast<std::uint64_t>(HopId::slot_rx));
  CHECK(packet.time_ns == 2000);
  CHECK(packet.u8(0) == 1);
  CHECK(packet.u8(1) == packet.interface);
  CHECK(packet.u8(2) == 1);
  CHECK(packet.u8(3) == 7);
  CHECK(packet.u16(4) == 1);
  CHECK(packet.u16(6) == 0);
  CHECK(number(packet.data, 8, 8) == 42);
  CHECK(packet.u8(16) == static_cast<unsigned>(Kind::slot_written));
  CHECK(packet.u8(18) == 1);
  CHECK(packet.u8(19) == 0xf);
  CHECK(packet.u16(20) == 64);
  CHECK(number(packet.data, 24, 8) == 3000);
  CHECK(packet.u32(40) == 8);
  CHECK(packet.u32(48) == 0);
  CHECK(packet.u8(capture_header_bytes + 3) == 3);
  CHECK(packet.u8(capture_header_bytes + 63) == 0x77);
  CHECK(packet.data.substr(capture_header_bytes + 64) == "xcsdom1.rx[7]" + sentence(all[2]));
  CHECK(packet.u8(22) == 3);
  CHECK(packet.u8(23) == 10);
}

TEST_CASE("a capture that begins in a running machine knows an index after it has moved") {
  const auto all = entries([](Sink& sink) {
    Journal journal(sink, dom1);
    journal.slot_written(1, ring::Ring::tx, 100, SlotUse::request, text_message("a"));
    journal.index_moved(1, ring::Ring::tx, IndexName::req_prod, 0, 101);
    journal.index_moved(1, ring::Ring::tx, IndexName::rsp_prod, 100, 101);
  });
  Pcapng capture(origin_ns);
  CHECK(packet_in(capture.packet(all[0], 1)).u8(19) == 0);
  CHECK(packet_in(capture.packet(all[1], 2)).u8(19) == 1);
  const Packet both = packet_in(capture.packet(all[2], 3));
  CHECK(both.u8(19) == 5);
  CHECK(both.u32(40) == 101);
  CHECK(both.u32(44) == 0);
}

TEST_CASE("a capture that begins with rings in use knows the indices in the page") {
  const auto all = entries([](Sink& sink) {
    Journal(sink, dom1).slot_written(1, ring::Ring::tx, 100, SlotUse::request, text_message("a"));
  });
  JournalHeader header;
  header.domains = {{1, ring::Abi::sring, "web"}};
  header.domains.front().rings.emplace()[0] = {.req_prod = 100, .rsp_prod = 98};
  Pcapng capture(origin_ns);
  CHECK(capture.begin(header) == Pcapng(origin_ns).begin());
  const Packet packet = packet_in(capture.packet(all[0], 1));
  CHECK(packet.u8(19) == 5);
  CHECK(packet.u32(40) == 100);
  CHECK(packet.u32(48) == 98);
}

TEST_CASE("directions follow the path") {
  const auto direction = [](Actor self, auto say) {
    const auto all = entries([&](Sink& sink) {
      Journal journal(sink, self);
      say(journal);
    });
    return direction_of(all.at(0));
  };
  const auto slot = [](ring::Ring ring, SlotUse use) {
    return [ring, use](Journal& journal) { journal.slot_written(1, ring, 0, use, text_message("x")); };
  };
  CHECK(direction(dom1, slot(ring::Ring::tx, SlotUse::request)) == Direction::up);
  CHECK(direction(dom1, slot(ring::Ring::rx, SlotUse::response)) == Direction::up);
  CHECK(direction(xcs, slot(ring::Ring::rx, SlotUse::request)) == Direction::down);
  CHECK(direction(xcs, slot(ring::Ring::tx, SlotUse::response)) == Direction::down);
  CHECK(direction(xcs, [](Journal& journal) { journal.event_raised(1, dom1, 1, ring::Raised::kick); }) ==
        Direction::down);
  CHECK(direction(xcs, [](Journal& journal) {
          journal.frame_passed(1, xend, frame_request, 1, text_message("x"));
        }) == Direction::up);
  CHECK(direction(xcs, [](Journal& journal) { journal.told(1, Fact::checked_step, {}, "x"); }) ==
        Direction::neither);
}

TEST_CASE("lines are shown where they come into force; a fault is shown where it takes effect") {
  const auto all = entries([](Sink& sink) {
    Journal(sink, xcs).told(1, Fact::checked_step, {}, "x");
    Journal(sink, xcs).told(1, Fact::event_lost, {}, "dom1");
    Journal(sink, xcs).told(1, Fact::checked_step, {}, "x");
  });
  Pcapng capture(origin_ns);
  using Texts = std::vector<std::string>;
  CHECK(packet_in(capture.packet(all[0], 1, Texts{"a.scn:1: user types \"a\"", "a.scn:2: pause"})).comments ==
        Texts{"line: a.scn:1: user types \"a\"", "line: a.scn:2: pause"});
  CHECK(packet_in(capture.packet(all[1], 2)).comments == Texts{"fault: its event to dom1 is lost"});
  CHECK(packet_in(capture.packet(all[2], 3)).comments.empty());
}

TEST_CASE("comments contain no control characters, and are bounded") {
  const auto all = entries([](Sink& sink) { Journal(sink, xcs).told(1, Fact::checked_step, {}, "x"); });
  Pcapng capture(origin_ns);
  CHECK(packet_in(capture.packet(all[0], 1, std::vector<std::string>{"\x1b[2J\n\xff"})).comments.at(0) ==
        R"(line: \x1b[2J\x0a\xff)");
  const std::vector<std::string> endless(1, std::string(100'000, '\x01'));
  CHECK(packet_in(capture.packet(all[0], 2, endless)).comments.at(0).size() < capture_comment_bytes_max + 8);
}

TEST_CASE("entries of a faulty process make valid packets") {
  for (int value = 0; value < 256; ++value) {
    Entry entry;
    std::memset(static_cast<void*>(&entry), value, sizeof entry);
    for (int kind = 0; kind < 12; ++kind) {
      entry.kind = static_cast<Kind>(kind);
      Pcapng capture(origin_ns);
      const Packet packet = packet_in(capture.packet(entry, 1));
      CHECK(packet.interface <= hop_count);
      REQUIRE(packet.data.size() ==
              capture_header_bytes + packet.u16(20) + packet.u8(22) + packet.u8(23) + sentence(entry).size());
      if (entry.domain > 0xffff) CHECK(packet.u16(4) == 0xffff);
    }
  }
}

TEST_CASE("an entry that is written after a later one gets the time of the first entry") {
  Entry first;
  first.time_ns = origin_ns + 500;
  Entry late = first;
  late.time_ns = origin_ns;
  Pcapng capture(origin_ns);
  CHECK(packet_in(capture.packet(first, 1)).time_ns == 0);
  const Packet packet = packet_in(capture.packet(late, 2));
  CHECK(packet.time_ns == 0);
  CHECK(number(packet.data, 24, 8) == 0);
}

TEST_CASE("a journal's times may begin before its origin") {
  Entry start;
  start.time_ns = static_cast<std::uint64_t>(-700);
  Entry later;
  later.time_ns = 300;
  Pcapng capture(0);
  CHECK(packet_in(capture.packet(start, 1)).time_ns == 0);
  CHECK(packet_in(capture.packet(later, 2)).time_ns == 1000);
}

TEST_CASE("marks of the text form are in the packets") {
  CHECK(only_packet([](Sink& sink) {
          Journal(sink, xend).refused(1, xcs, Refusal::failed, {}, "no");
        }).u8(19) == 0x10);
  CHECK(only_packet([](Sink& sink) {
          Journal(sink, xend).told(1, Fact::message_doubled, {}, "xcs");
        }).u8(19) == 0x30);
  CHECK(only_packet([](Sink& sink) { Journal(sink, xend).quirk(1, Quirk::xend_reorder); }).u8(19) == 0x40);
}

TEST_CASE("raw bytes and texts are the packet's data") {
  static constexpr std::uint8_t bytes[] = {'h', 0, 0xff};
  const Packet passed =
      only_packet([](Sink& sink) { Journal(sink, xend).bytes_passed(1, actor(Role::user), bytes); });
  CHECK(passed.u16(20) == 3);
  CHECK(passed.data.substr(capture_header_bytes, 3) == std::string("h\0\xff", 3));
  const Packet told = only_packet([](Sink& sink) { Journal(sink, xend).told(1, Fact::unpaused); });
  CHECK(told.interface == hop_count);
  CHECK(told.u8(1) == 255);
  CHECK(told.u8(19) == 0);
  CHECK(told.data.substr(capture_header_bytes, told.u16(20)) == "unpaused");
}

TEST_CASE("a packet about a byte ring has its ring, its bytes, and all four indices after it") {
  const auto all = entries([](Sink& sink) {
    Journal journal(sink, dom1);
    journal.byte_index_found(1, ByteIndex::out_cons, 0, 7);
    journal.bytes_written(1, ByteRing::out, 2050, std::vector<std::uint8_t>{'h', 'i'});
    journal.bytes_found(1, ByteRing::in, 3, std::vector<std::uint8_t>{'q'});
  });
  Pcapng capture(origin_ns);
  const Packet found = packet_in(capture.packet(all[0], 1));
  CHECK(found.u8(16) == static_cast<unsigned>(Kind::byte_index_found));
  CHECK(found.u8(18) == 3);
  CHECK(found.u8(19) == 4);  // only out_cons is known
  CHECK(found.u32(32) == 0);
  CHECK(found.u32(36) == 7);
  CHECK(found.u32(48) == 7);
  const Packet written = packet_in(capture.packet(all[1], 2));
  CHECK(written.u8(18) == 3);
  CHECK(written.u8(2) == static_cast<unsigned>(Direction::up));
  CHECK(written.u32(32) == 2050);
  CHECK(written.data.substr(capture_header_bytes, 2) == "hi");
  CHECK(written.data.find("dom1dom1.out[2]dom1 writes dom1.out[2] 2 bytes") != std::string::npos);
  const Packet typed = packet_in(capture.packet(all[2], 3));
  CHECK(typed.u8(18) == 2);
  CHECK(typed.u8(2) == static_cast<unsigned>(Direction::down));
}

}  // namespace pcapng_test
