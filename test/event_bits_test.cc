// Event bits of shared_info in both generations, and the words of the guest-to-controller direction:
// positions, each outcome of raising, the order of the steps, coalescing, and the edge that masking loses.
#include "ring/event_bits.h"
#include <algorithm>
#include <array>

#include "ring/channel_words.h"
#include "test/catch.h"
#include "test/recording_memory.h"
#include "test/ring_page.h"

namespace event_bits_test {

using namespace ringside::ring;
using namespace ringside::test;

namespace {

/// Byte positions in the frame, counted by hand.
struct EventBytes {
  Abi abi;
  std::size_t pending;
  std::size_t mask;
  std::size_t selector;
};

constexpr std::array<EventBytes, 2> both_generations{{{Abi::flat, 4, 136, 132}, {Abi::sring, 260, 388, 4}}};

using Log = std::vector<std::string>;

std::vector<Port> ports_found(EventBits<>& bits) {
  std::vector<Port> found;
  bits.upcall([&](Port port) {
    bits.clear_pending(port);
    found.push_back(port);
  });
  return found;
}

}  // namespace

TEST_CASE("event words are where each generation compiled them") {
  const EventBytes at = GENERATE(from_range(both_generations));
  struct Case {
    Port port;
    std::size_t byte;
    unsigned bit;
  };
  const Case one = GENERATE(Case{1, 0, 0x02}, Case{31, 3, 0x80}, Case{32, 4, 0x01}, Case{1023, 127, 0x80});
  Page page;
  EventBits<> bits(page.frame(), at.abi);
  CHECK(bits.raise(one.port) == Raised::kick);
  CHECK(page.u8(at.pending + one.byte) == one.bit);
  CHECK(page.u32(at.selector) == 1u << (one.port / 32));
  CHECK(page.u8(0) == 1);
  CHECK(page.u8(1) == 0);
  bits.set_mask(one.port);
  CHECK(page.u8(at.mask + one.byte) == one.bit);
  CHECK(bits.is_masked(one.port));
  CHECK_FALSE(bits.is_masked(one.port ^ 1));

  bits.clear_pending(one.port);
  CHECK_FALSE(bits.unmask(one.port));
  page.set_u32(at.selector, 0);
  page.set_u8(0, 0);
  CHECK(page == Page());
}

TEST_CASE("each outcome of raising an event stops at the right step") {
  const EventBytes at = GENERATE(from_range(both_generations));
  Page page;
  EventBits<> bits(page.frame(), at.abi);
  SECTION("no bit set: kick") {
    CHECK(bits.raise(33) == Raised::kick);
    CHECK(bits.is_pending(33));
    CHECK(bits.upcall_is_pending());
    CHECK(bits.selector_word() == 2);
  }
  SECTION("pending already: nothing else is touched") {
    page.set_u8(at.pending + 4, 0x02);
    CHECK(bits.raise(33) == Raised::already_pending);
    CHECK(bits.selector_word() == 0);
    CHECK_FALSE(bits.upcall_is_pending());
  }
  SECTION("masked: pending stays, the edge is lost") {
    bits.set_mask(33);
    CHECK(bits.raise(33) == Raised::masked);
    CHECK(bits.is_pending(33));
    CHECK(bits.selector_word() == 0);
    CHECK_FALSE(bits.upcall_is_pending());
  }
  SECTION("selected already: the flag is left alone") {
    page.set_u32(at.selector, 2);
    CHECK(bits.raise(33) == Raised::already_selected);
    CHECK(bits.is_pending(33));
    CHECK_FALSE(bits.upcall_is_pending());
  }
  SECTION("a second port of a selected word does not kick again") {
    CHECK(bits.raise(33) == Raised::kick);
    CHECK(bits.raise(34) == Raised::already_selected);
    CHECK(bits.raise(64) == Raised::kick);
    CHECK(bits.selector_word() == 6);
  }
}

TEST_CASE("raising touches pending, mask, selector and flag strictly in this order") {
  Page page;
  using Memory = RecordingMemory;
  EventBits<Memory> bits(page.frame(), Abi::sring);
  Memory::start(page.frame());
  REQUIRE(bits.raise(33) == Raised::kick);
  CHECK(Memory::take_log() == Log{"set 264", "load 392", "set 4", "store 0"});
  REQUIRE(bits.raise(33) == Raised::already_pending);
  CHECK(Memory::take_log() == Log{"set 264"});
  REQUIRE(bits.raise(34) == Raised::already_selected);
  CHECK(Memory::take_log() == Log{"set 264", "load 392", "set 4"});
  bits.set_mask(35);
  Memory::start(page.frame());
  REQUIRE(bits.raise(35) == Raised::masked);
  CHECK(Memory::take_log() == Log{"set 264", "load 392"});
}

TEST_CASE("the upcall clears its flag before it looks, and takes the selector before the words") {
  Page page;
  using Memory = RecordingMemory;
  EventBits<Memory> bits(page.frame(), Abi::flat);
  REQUIRE(bits.raise(33) == Raised::kick);
  Memory::start(page.frame());
  bits.upcall([](Port) {});
  CHECK(Memory::take_log() == Log{"exchange 0", "exchange 132", "load 8", "load 140"});
}

TEST_CASE("an event raised while the upcall searches is found by this one or announced for the next") {
  const std::string step = GENERATE(as<std::string>{}, "exchange 0", "exchange 4", "load 264", "load 392");
  Page page;
  using Memory = RecordingMemory;
  EventBits<Memory> bits(page.frame(), Abi::sring);
  EventBits<> sender(page.frame(), Abi::sring);
  REQUIRE(bits.raise(33) == Raised::kick);
  Memory::start(page.frame());
  bool raised = false;
  Memory::interfere([&](const std::string& line) {
    if (line == step && !std::exchange(raised, true)) (void)sender.raise(40);
  });
  std::vector<Port> found;
  bits.upcall([&](Port port) {
    sender.clear_pending(port);
    found.push_back(port);
  });
  REQUIRE(raised);
  const bool seen = std::find(found.begin(), found.end(), 40u) != found.end();
  CHECK((seen || bits.upcall_is_pending()));
  if (!seen) CHECK(ports_found(sender) == std::vector<Port>{40});
}

TEST_CASE("the upcall finds every pending port once, lowest first, and leaves masked ones alone") {
  const EventBytes at = GENERATE(from_range(both_generations));
  Page page;
  EventBits<> bits(page.frame(), at.abi);
  bits.set_mask(5);
  for (Port port : {1023u, 1u, 5u, 31u, 32u, 500u}) (void)bits.raise(port);
  CHECK(ports_found(bits) == std::vector<Port>{1, 31, 32, 500, 1023});
  CHECK(bits.is_pending(5));
  CHECK_FALSE(bits.upcall_is_pending());
  CHECK(bits.selector_word() == 0);
  CHECK(ports_found(bits).empty());
}

TEST_CASE("the upcall ignores ports in a word without a selector bit") {
  Page page;
  EventBits<> bits(page.frame(), Abi::sring);
  page.set_u8(260, 0x02);
  CHECK(ports_found(bits).empty());
  page.set_u32(4, 1);
  CHECK(ports_found(bits) == std::vector<Port>{1});
}

TEST_CASE("events coalesce: a hundred are found once, and the next one kicks again") {
  Page page;
  EventBits<> bits(page.frame(), Abi::sring);
  REQUIRE(bits.raise(1) == Raised::kick);
  for (int i = 0; i < 99; ++i) REQUIRE(bits.raise(1) == Raised::already_pending);
  CHECK(ports_found(bits) == std::vector<Port>{1});
  CHECK(bits.raise(1) == Raised::kick);
}

TEST_CASE("unmasking reports a lost edge, and nothing else") {
  Page page;
  EventBits<> bits(page.frame(), Abi::sring);
  bits.set_mask(1);
  CHECK_FALSE(bits.unmask(1));
  bits.set_mask(1);
  REQUIRE(bits.raise(1) == Raised::masked);
  CHECK(bits.unmask(1));
  CHECK_FALSE(bits.upcall_is_pending());  // there will be no upcall for it
  bits.clear_pending(1);
  CHECK(bits.raise(1) == Raised::kick);
}

TEST_CASE("unmasking clears the mask before it looks") {
  Page page;
  using Memory = RecordingMemory;
  EventBits<Memory> bits(page.frame(), Abi::sring);
  EventBits<> sender(page.frame(), Abi::sring);
  bits.set_mask(1);
  Memory::start(page.frame());
  Raised outcome{};
  Memory::interfere([&](const std::string& line) {
    if (line == "clear 388") outcome = sender.raise(1);
  });
  CHECK(bits.unmask(1));
  CHECK(outcome == Raised::kick);
  CHECK(Memory::take_log() == Log{"clear 388", "load 260"});
}

TEST_CASE("the words of a channel are behind the control interface, one cache line for each writer") {
  Page page;
  ChannelWords* words = channel_words(page.frame());
  words->up_pending = 1;
  words->up_mask = 2;
  words->controller_cpu = 3;
  words->guest_cpu = 4;
  words->attachments = 5;
  CHECK(page.u32(3136) == 1);
  CHECK(page.u32(3200) == 2);
  CHECK(page.u32(3204) == 3);
  CHECK(page.u32(3264) == 4);
  CHECK(page.u32(3208) == 5);
}

TEST_CASE("an event to the controller sets pending, then reads the mask; unmasking finds a lost edge") {
  Page page;
  using Memory = RecordingMemory;
  UpEvents<Memory> up(page.frame());
  Memory::start(page.frame());
  CHECK(up.raise() == Raised::kick);
  CHECK(Memory::take_log() == Log{"exchange 3136", "load 3200"});
  CHECK(up.raise() == Raised::already_pending);
  CHECK(Memory::take_log() == Log{"exchange 3136"});
  up.set_mask();
  up.clear_pending();
  CHECK(up.is_masked());
  CHECK_FALSE(up.is_pending());
  CHECK(up.raise() == Raised::masked);
  Memory::start(page.frame());
  CHECK(up.unmask());
  CHECK(Memory::take_log() == Log{"exchange 3200", "load 3136"});
  up.clear_pending();
  CHECK_FALSE(up.unmask());
  CHECK(up.raise() == Raised::kick);
  CHECK(page.u32(3136) == 1);
  CHECK(page.u32(3200) == 0);
}

}  // namespace event_bits_test
