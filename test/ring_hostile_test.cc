// The ring with a peer that writes anything into the page: every wrong value gives a fault value and changes
// nothing, and a peer that becomes honest again is served again.
#include "ring/back.h"
#include "ring/front.h"
#include "test/catch.h"
#include "test/recording_memory.h"
#include "test/ring_page.h"

namespace ring_hostile_test {

using namespace ringside::ring;
using namespace ringside::test;

namespace {

/// A ring after some traffic, so that "nothing outstanding" differs from "zero".
struct Traffic {
  RingBytes at;
  Page page;
  std::optional<Front<>> front;
  std::optional<Back<>> back;

  /// `passed` requests went through; then `unanswered` were taken and not answered, `untaken` published and
  /// not taken.
  Traffic(const RingBytes& where, Index start, std::uint32_t passed, std::uint32_t unanswered,
          std::uint32_t untaken)
      : at(where) {
    page.set_u32(at.req_prod, start);
    page.set_u32(at.rsp_prod, start);
    front = Front<>::attach(page.ring(at));
    back = Back<>::attach(page.ring(at));
    ControlMessage message;
    for (std::uint32_t i = 0; i < passed; ++i) {
      ask("passed");
      REQUIRE(back->take_request(message) == TakeRequest::taken);
      REQUIRE(back->put_response(message));
      back->publish();
      REQUIRE(front->take_response(message) == TakeResponse::taken);
    }
    for (std::uint32_t i = 0; i < unanswered; ++i) ask("taken");
    for (std::uint32_t i = 0; i < unanswered; ++i) REQUIRE(back->take_request(message) == TakeRequest::taken);
    for (std::uint32_t i = 0; i < untaken; ++i) ask("waiting");
  }

  void ask(const char* text) {
    REQUIRE(front->put_request(text_message(text)));
    front->publish();
  }
};

/// Distances, to be added to the true index, that no honest peer can have moved.
constexpr Index jumps[] = {9, 20, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 0xfffffff8, 0xffffffec};

}  // namespace

TEST_CASE("a request index that jumps or moves backwards is a fault and nothing is taken") {
  const RingBytes at = GENERATE(from_range(all_rings));
  const Index start = GENERATE(0u, 0xfffffffdu);
  const std::uint32_t unanswered = GENERATE(0u, 1u, 7u, 8u);
  Traffic traffic(at, start, 5, unanswered, 0);
  const Index truth = start + 5 + unanswered;
  for (const Index jump : jumps) {
    traffic.page.set_u32(at.req_prod, truth + jump);
    const Page before = traffic.page;
    ControlMessage message = text_message("untouched");
    CHECK(traffic.back->has_request());
    CHECK(traffic.back->take_request(message) == TakeRequest::bad_index);
    CHECK(text_of(message) == "untouched");
    CHECK(traffic.back->req_cons() == truth);
    CHECK(traffic.back->unanswered() == unanswered);
    CHECK(traffic.page == before);
  }
  traffic.page.set_u32(at.req_prod, truth);
  ControlMessage message;
  CHECK(traffic.back->take_request(message) == TakeRequest::empty);
}

TEST_CASE("a request index may claim free slots only") {
  const RingBytes at = GENERATE(from_range(all_rings));
  const std::uint32_t unanswered = GENERATE(0u, 3u, 8u);
  Traffic traffic(at, 0, 5, unanswered, 0);
  const Index truth = 5 + unanswered;
  ControlMessage message;
  traffic.page.set_u32(at.req_prod, truth + (8 - unanswered) + 1);
  CHECK(traffic.back->take_request(message) == TakeRequest::bad_index);
  traffic.page.set_u32(at.req_prod, truth + (8 - unanswered));
  for (std::uint32_t i = 0; i < 8 - unanswered; ++i)
    CHECK(traffic.back->take_request(message) == TakeRequest::taken);
  CHECK(traffic.back->take_request(message) == TakeRequest::empty);
}

TEST_CASE("a request index that moves backwards over waiting requests is a fault") {
  Traffic traffic(all_rings[2], 0, 5, 2, 3);
  ControlMessage message;
  REQUIRE(traffic.back->take_request(message) == TakeRequest::taken);
  traffic.page.set_u32(2048, 7);  // withdraws a taken request: the index was 10, and 8 were taken
  CHECK(traffic.back->take_request(message) == TakeRequest::bad_index);
  traffic.page.set_u32(2048,
                       8);  // withdrawing requests that were not taken cannot be noticed, and is harmless
  CHECK(traffic.back->take_request(message) == TakeRequest::empty);
  traffic.page.set_u32(2048, 10);
  CHECK(traffic.back->take_request(message) == TakeRequest::taken);
}

TEST_CASE("unpublished responses make no room for new requests") {
  Traffic traffic(all_rings[2], 0, 0, 8, 0);
  for (int i = 0; i < 8; ++i) REQUIRE(traffic.back->put_response(text_message("answer")));
  traffic.page.set_u32(2048, 16);
  ControlMessage message;
  CHECK(traffic.back->take_request(message) == TakeRequest::bad_index);
  traffic.back->publish();
  CHECK(traffic.back->take_request(message) == TakeRequest::taken);
}

TEST_CASE("a peer that publishes for ever cannot keep a loop of take and put running") {
  Page page;
  using Memory = RecordingMemory;
  auto back = Back<Memory>::attach(page.ring(all_rings[2]));
  Memory::start(page.frame());
  Memory::interfere([&](const std::string& line) {
    if (line == "copy from 2056" || line.starts_with("copy to")) page.set_u32(2048, back->req_cons() + 2);
  });
  page.set_u32(2048, 1);
  ControlMessage message;
  int taken = 0;
  while (taken < 100 && back->take_request(message) == TakeRequest::taken) {
    ++taken;
    REQUIRE(back->put_response(message));
  }
  CHECK(taken <= 8);
}

TEST_CASE("a response index beyond what was asked, or moved backwards, is a fault and nothing is taken") {
  const RingBytes at = GENERATE(from_range(all_rings));
  const Index start = GENERATE(0u, 0xfffffffdu);
  const std::uint32_t asked = GENERATE(0u, 1u, 8u);
  Traffic traffic(at, start, 5, 0, asked);
  const Index truth = start + 5;
  for (const Index jump :
       {asked + 1, asked + 9, asked + 20, 0x7fffffffu, 0x80000000u, 0xffffffffu, 0xfffffff8u}) {
    traffic.page.set_u32(at.rsp_prod, truth + jump);
    const Page before = traffic.page;
    ControlMessage message = text_message("untouched");
    CHECK(traffic.front->has_response());
    CHECK(traffic.front->take_response(message) == TakeResponse::bad_index);
    CHECK(text_of(message) == "untouched");
    CHECK(traffic.front->rsp_cons() == truth);
    CHECK(traffic.front->outstanding() == asked);
    CHECK(traffic.page == before);
  }
  traffic.page.set_u32(at.rsp_prod, truth);
  ControlMessage message;
  CHECK(traffic.front->take_response(message) == TakeResponse::empty);
}

TEST_CASE("a response to a request that was filled but not published is a fault") {
  Traffic traffic(all_rings[2], 0, 5, 0, 1);
  REQUIRE(traffic.front->put_request(text_message("unpublished")));
  traffic.page.set_u32(2052, 7);
  ControlMessage message;
  CHECK(traffic.front->take_response(message) == TakeResponse::bad_index);
  traffic.page.set_u32(2052, 6);
  CHECK(traffic.front->take_response(message) == TakeResponse::taken);
  CHECK(traffic.front->take_response(message) == TakeResponse::empty);
}

TEST_CASE("a length of 61 to 255 is truncated to 60 and reported, in requests and in responses") {
  const RingBytes at = GENERATE(from_range(all_rings));
  for (unsigned length = 61; length <= 255; ++length) {
    Traffic traffic(at, length, 0, 0, 0);
    ControlMessage lie = text_message(std::string(60, 'x'));
    lie.length = static_cast<std::uint8_t>(length);
    ControlMessage message;
    REQUIRE(traffic.front->put_request(lie));
    traffic.front->publish();
    CHECK(traffic.back->take_request(message) == TakeRequest::long_length);
    CHECK(message.length == 60);
    CHECK(text_of(message) == std::string(60, 'x'));
    CHECK(traffic.back->unanswered() == 1);  // it was taken: it can be answered, and its slot freed
    REQUIRE(traffic.back->put_response(lie));
    traffic.back->publish();
    CHECK(traffic.front->take_response(message) == TakeResponse::long_length);
    CHECK(message.length == 60);
    CHECK(traffic.front->outstanding() == 0);
  }
}

TEST_CASE("a message is never read past its 60 bytes, with any length") {
  ControlMessage lie = text_message("short");
  lie.length = 255;
  CHECK(lie.payload().size() == 60);
}

TEST_CASE("a slot that is rewritten after publishing is read once") {
  Page page;
  using Memory = RecordingMemory;
  auto front = Front<>::attach(page.ring(all_rings[2]));
  auto back = Back<Memory>::attach(page.ring(all_rings[2]));
  REQUIRE(front->put_request(text_message("first")));
  front->publish();
  Memory::start(page.frame());
  ControlMessage lie = text_message("rewritten");
  lie.length = 255;
  SECTION("before the copy: the new contents are checked") {
    Memory::interfere([&](const std::string& line) {
      if (line == "rmb") page.set_message(all_rings[2], 0, lie);
    });
    ControlMessage message;
    CHECK(back->take_request(message) == TakeRequest::long_length);
    CHECK(message.length == 60);
    CHECK(text_of(message).starts_with("rewritten"));
  }
  SECTION("after the copy: it changes nothing") {
    Memory::interfere([&](const std::string& line) {
      if (line == "copy from 2056") page.set_message(all_rings[2], 0, lie);
    });
    ControlMessage message;
    CHECK(back->take_request(message) == TakeRequest::taken);
    CHECK(text_of(message) == "first");
    CHECK(back->take_request(message) == TakeRequest::empty);
  }
}

TEST_CASE("an index rewritten between its read and the copy of the slot is not read again") {
  Page page;
  using Memory = RecordingMemory;
  auto front = Front<>::attach(page.ring(all_rings[2]));
  auto back = Back<Memory>::attach(page.ring(all_rings[2]));
  REQUIRE(front->put_request(text_message("a")));
  front->publish();
  Memory::start(page.frame());
  Memory::interfere([&](const std::string& line) {
    if (line == "load 2048") page.set_u32(2048, 1000);
  });
  ControlMessage message;
  CHECK(back->take_request(message) == TakeRequest::taken);
  CHECK(back->req_cons() == 1);
  CHECK(Memory::take_log() == std::vector<std::string>{"load 2048", "rmb", "copy from 2056"});
  CHECK(back->take_request(message) == TakeRequest::bad_index);
}

TEST_CASE("the peer's writes to this end's indices change nothing") {
  Traffic traffic(all_rings[2], 0, 5, 1, 0);
  traffic.page.set_u32(2052, 77);  // rsp_prod is the back's own
  REQUIRE(traffic.back->put_response(text_message("answer")));
  traffic.back->publish();
  CHECK(traffic.page.u32(2052) == 6);
  traffic.page.set_u32(2048, 77);  // req_prod is the front's own
  traffic.ask("next");
  CHECK(traffic.page.u32(2048) == 7);
}

}  // namespace ring_hostile_test
