// The ring as honest peers use it: the places of its bytes, the operations of each end, and the order of its
// accesses to the page. All positions are written out by hand from the layouts of 2005. Hostile peers are in
// ring_hostile_test.cc.
#include <array>
#include <cstring>
#include <string>

#include "ring/back.h"
#include "ring/channel_words.h"
#include "ring/front.h"
#include "test/catch.h"
#include "test/recording_memory.h"
#include "test/ring_page.h"

namespace ring_test {

using namespace ringside::ring;
using namespace ringside::test;

namespace {

// Misuse does not compile: Front neither takes requests nor answers, Back neither asks nor takes answers.
template <class End>
concept makes_requests = requires(End end, ControlMessage message) {
  end.put_request(message);
};
template <class End>
concept takes_responses = requires(End end, ControlMessage message) {
  end.take_response(message);
};
template <class End>
concept takes_requests = requires(End end, ControlMessage message) {
  end.take_request(message);
};
template <class End>
concept makes_responses = requires(End end, ControlMessage message) {
  end.put_response(message);
};

static_assert(makes_requests<Front<>> && takes_responses<Front<>>);
static_assert(!takes_requests<Front<>> && !makes_responses<Front<>>);
static_assert(takes_requests<Back<>> && makes_responses<Back<>>);
static_assert(!makes_requests<Back<>> && !takes_responses<Back<>>);
static_assert(!std::is_default_constructible_v<Front<>> && !std::is_default_constructible_v<Back<>>,
              "an end exists only attached to a ring whose indices made sense");

using Log = std::vector<std::string>;

}  // namespace

TEST_CASE("a message has the bytes of 2005 in its slot") {
  const RingBytes at = GENERATE(from_range(all_rings));
  Page page;
  auto front = Front<>::attach(page.ring(at));
  REQUIRE(front);
  for (std::uint8_t i = 0; i < 8; ++i) {
    ControlMessage message{CMSG_SHUTDOWN, CMSG_SHUTDOWN_SYSRQ, static_cast<std::uint8_t>(0x20 + i), 60, {}};
    for (std::uint8_t j = 0; j < 60; ++j) message.msg[j] = static_cast<std::uint8_t>(i * 16 + j);
    REQUIRE(front->put_request(message));
    const std::size_t slot = at.slots + i * 64u;
    CHECK(page.u8(slot + 0) == 6);
    CHECK(page.u8(slot + 1) == 3);
    CHECK(page.u8(slot + 2) == 0x20u + i);
    CHECK(page.u8(slot + 3) == 60);
    CHECK(page.u8(slot + 4) == i * 16u);
    CHECK(page.u8(slot + 63) == i * 16u + 59);
  }
  CHECK(page.u32(at.req_prod) == 0);
  front->publish();
  CHECK(page.u32(at.req_prod) == 8);
  CHECK(page.u32(at.rsp_prod) == 0);
  CHECK(page.bytes_changed_outside(at) == 0);
}

TEST_CASE("a response overwrites the slot and moves only the response index") {
  const RingBytes at = GENERATE(from_range(all_rings));
  Page page;
  auto front = Front<>::attach(page.ring(at));
  auto back = Back<>::attach(page.ring(at));
  REQUIRE(front->put_request(text_message("hello")));
  front->publish();
  ControlMessage taken;
  REQUIRE(back->take_request(taken) == TakeRequest::taken);
  CHECK(text_of(taken) == "hello");
  REQUIRE(back->put_response(default_reply(taken)));
  CHECK(page.u32(at.rsp_prod) == 0);
  back->publish();
  CHECK(page.u32(at.rsp_prod) == 1);
  CHECK(page.u32(at.req_prod) == 1);
  CHECK(page.u8(at.slots + 3) == 0);
  REQUIRE(front->take_response(taken) == TakeResponse::taken);
  CHECK(taken.id == no_callback_id);
  CHECK(taken.length == 0);
  CHECK(page.bytes_changed_outside(at) == 0);
}

TEST_CASE("the four rings of the two layouts are at the positions of the reference") {
  // all_rings is checked too, so that an error in it cannot hide one in layout.h.
  CHECK(all_rings[0] == RingBytes{Abi::flat, Ring::tx, 2048 + 1024, 2048 + 1028, 2048 + 0});
  CHECK(all_rings[1] == RingBytes{Abi::flat, Ring::rx, 2048 + 1032, 2048 + 1036, 2048 + 512});
  CHECK(all_rings[2] == RingBytes{Abi::sring, Ring::tx, 2048 + 0, 2048 + 4, 2048 + 8});
  CHECK(all_rings[3] == RingBytes{Abi::sring, Ring::rx, 2048 + 520, 2048 + 524, 2048 + 528});
}

TEST_CASE("a full ring refuses the ninth request") {
  const RingBytes at = GENERATE(from_range(all_rings));
  Page page;
  auto front = Front<>::attach(page.ring(at));
  for (int i = 0; i < 8; ++i) {
    CHECK_FALSE(front->full());
    REQUIRE(front->put_request(text_message(std::to_string(i))));
  }
  CHECK(front->full());
  CHECK_FALSE(front->put_request(text_message("ninth")));
  CHECK(front->outstanding() == 8);
  CHECK(front->req_prod_pvt() == 8);
  CHECK(page.u8(at.slots + 4) == '0');
}

TEST_CASE("an answered request frees its slot only when the response is taken") {
  Page page;
  auto front = Front<>::attach(page.ring(all_rings[2]));
  auto back = Back<>::attach(page.ring(all_rings[2]));
  for (int i = 0; i < 8; ++i) REQUIRE(front->put_request(text_message("x")));
  front->publish();
  ControlMessage message;
  REQUIRE(back->take_request(message) == TakeRequest::taken);
  REQUIRE(back->put_response(default_reply(message)));
  back->publish();
  CHECK_FALSE(front->put_request(text_message("ninth")));
  REQUIRE(front->take_response(message) == TakeResponse::taken);
  CHECK(front->put_request(text_message("ninth")));
  CHECK_FALSE(front->put_request(text_message("tenth")));
}

TEST_CASE("messages are not seen before they are published") {
  Page page;
  auto front = Front<>::attach(page.ring(all_rings[2]));
  auto back = Back<>::attach(page.ring(all_rings[2]));
  ControlMessage message;
  REQUIRE(front->put_request(text_message("a")));
  CHECK_FALSE(back->has_request());
  CHECK(back->take_request(message) == TakeRequest::empty);
  front->publish();
  CHECK(back->has_request());
  REQUIRE(back->take_request(message) == TakeRequest::taken);
  CHECK_FALSE(back->has_request());
  REQUIRE(back->put_response(message));
  CHECK_FALSE(front->has_response());
  CHECK(front->take_response(message) == TakeResponse::empty);
  back->publish();
  CHECK(front->has_response());
  CHECK(front->take_response(message) == TakeResponse::taken);
  CHECK_FALSE(front->has_response());
}

TEST_CASE("a response without a request is refused and changes nothing") {
  Page page;
  auto front = Front<>::attach(page.ring(all_rings[2]));
  auto back = Back<>::attach(page.ring(all_rings[2]));
  CHECK_FALSE(back->put_response(text_message("unasked")));
  REQUIRE(front->put_request(text_message("a")));
  front->publish();
  CHECK_FALSE(back->put_response(text_message("published, but not taken")));
  ControlMessage message;
  REQUIRE(back->take_request(message) == TakeRequest::taken);
  REQUIRE(back->put_response(message));
  CHECK_FALSE(back->put_response(text_message("a second one")));
  CHECK(back->rsp_prod_pvt() == 1);
  CHECK(text_of(page.message(all_rings[2], 0)) == "a");
}

TEST_CASE("responses may come in any order") {
  Page page;
  auto front = Front<>::attach(page.ring(all_rings[2]));
  auto back = Back<>::attach(page.ring(all_rings[2]));
  for (const char* text : {"a", "b", "c"}) REQUIRE(front->put_request(text_message(text)));
  front->publish();
  std::array<ControlMessage, 3> taken;
  for (auto& message : taken) REQUIRE(back->take_request(message) == TakeRequest::taken);
  for (int i : {2, 0, 1}) REQUIRE(back->put_response(taken[static_cast<std::size_t>(i)]));
  back->publish();
  ControlMessage message;
  for (const char* text : {"c", "a", "b"}) {
    REQUIRE(front->take_response(message) == TakeResponse::taken);
    CHECK(text_of(message) == text);
  }
}

TEST_CASE("messages keep their order over the wrap of slots and of indices") {
  const RingBytes at = GENERATE(from_range(all_rings));
  const Index start = GENERATE(0u, 5u, 0xfffffff0u, 0xffffffffu);
  const int batch = GENERATE(1, 3, 8);
  Page page;
  page.set_u32(at.req_prod, start);
  page.set_u32(at.rsp_prod, start);
  auto front = Front<>::attach(page.ring(at));
  auto back = Back<>::attach(page.ring(at));
  int sent = 0;
  int received = 0;
  ControlMessage message;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < batch; ++i) REQUIRE(front->put_request(text_message(std::to_string(sent++))));
    front->publish();
    REQUIRE(page.u32(at.req_prod) == start + static_cast<Index>(sent));
    while (back->take_request(message) == TakeRequest::taken) {
      REQUIRE(text_of(message) == std::to_string(received++));
      REQUIRE(back->put_response(message));
    }
    back->publish();
    for (int i = batch; i > 0; --i) {
      REQUIRE(front->take_response(message) == TakeResponse::taken);
      REQUIRE(text_of(message) == std::to_string(sent - i));
    }
    REQUIRE(front->take_response(message) == TakeResponse::empty);
  }
  CHECK(received == 20 * batch);
}

TEST_CASE("both ends attach to a live page at its indices") {
  const RingBytes at = GENERATE(from_range(all_rings));
  Page page;
  page.set_u32(at.req_prod, 0x00000003);  // 2^32 + 3
  page.set_u32(at.rsp_prod, 0xfffffffd);  // 6 before it
  auto front = Front<>::attach(page.ring(at));
  REQUIRE(front);
  CHECK(front->req_prod_pvt() == 3);
  CHECK(front->rsp_cons() == 0xfffffffd);
  CHECK(front->outstanding() == 6);
  auto back = Back<>::attach(page.ring(at));
  REQUIRE(back);
  CHECK(back->req_cons() == 3);
  CHECK(back->rsp_prod_pvt() == 0xfffffffd);
  CHECK(back->unanswered() == 6);
  ControlMessage message;
  // Unanswered requests are skipped: they are not taken again, but their slots can still be answered.
  CHECK(back->take_request(message) == TakeRequest::empty);
  REQUIRE(front->put_request(text_message("new")));
  front->publish();
  REQUIRE(back->take_request(message) == TakeRequest::taken);
  CHECK(text_of(message) == "new");
  CHECK(page.u8(at.slots + 3 * 64 + 4) == 'n');
}

TEST_CASE("the first responder on a page takes earlier requests") {
  const RingBytes at = GENERATE(from_range(all_rings));
  Page page;
  page.set_u32(at.req_prod, 0xffffffff);
  page.set_u32(at.rsp_prod, 0xffffffff);
  auto front = Front<>::attach(page.ring(at));
  REQUIRE(front->put_request(text_message("early")));
  REQUIRE(front->put_request(text_message("bird")));
  front->publish();
  auto back = Back<>::attach_first(page.ring(at));
  REQUIRE(back);
  CHECK(back->unanswered() == 0);
  ControlMessage message;
  for (const char* text : {"early", "bird"}) {
    REQUIRE(back->take_request(message) == TakeRequest::taken);
    CHECK(text_of(message) == text);
    REQUIRE(back->put_response(message));
  }
  CHECK(back->take_request(message) == TakeRequest::empty);
  back->publish();
  CHECK(front->take_response(message) == TakeResponse::taken);
  CHECK(front->take_response(message) == TakeResponse::taken);
  CHECK(front->outstanding() == 0);
}

TEST_CASE("a page that claims nine outstanding requests is refused") {
  const RingBytes at = GENERATE(from_range(all_rings));
  Page page;
  page.set_u32(at.req_prod, 8);
  CHECK(Front<>::attach(page.ring(at)));
  CHECK(Back<>::attach(page.ring(at)));
  page.set_u32(at.req_prod, 9);
  CHECK_FALSE(Front<>::attach(page.ring(at)));
  CHECK_FALSE(Back<>::attach(page.ring(at)));
  CHECK_FALSE(Back<>::attach_first(page.ring(at)));
  page.set_u32(at.req_prod, 0);
  page.set_u32(at.rsp_prod, 1);
  CHECK_FALSE(Front<>::attach(page.ring(at)));
  CHECK_FALSE(Back<>::attach(page.ring(at)));
}

TEST_CASE("lengths 0, 59 and 60 arrive unchanged; a message drops bytes after the 60th") {
  Page page;
  auto front = Front<>::attach(page.ring(all_rings[2]));
  auto back = Back<>::attach(page.ring(all_rings[2]));
  ControlMessage message;
  for (std::size_t length : {0u, 59u, 60u, 61u}) {
    REQUIRE(front->put_request(text_message(std::string(length, 'x'))));
    front->publish();
    REQUIRE(back->take_request(message) == TakeRequest::taken);
    CHECK(message.length == std::min<std::size_t>(length, 60));
    CHECK(message.payload().size() == message.length);
  }
}

TEST_CASE("a request is written before a barrier and its index, and read after its index and a barrier") {
  Page page;
  using Memory = RecordingMemory;
  auto front = Front<Memory>::attach(page.ring(all_rings[2]));
  auto back = Back<Memory>::attach(page.ring(all_rings[2]));
  Memory::start(page.frame());
  REQUIRE(front->put_request(text_message("a")));
  REQUIRE(front->put_request(text_message("b")));
  front->publish();
  CHECK(Memory::take_log() == Log{"copy to 2056", "copy to 2120", "wmb", "store 2048"});
  ControlMessage message;
  REQUIRE(back->take_request(message) == TakeRequest::taken);
  REQUIRE(back->take_request(message) == TakeRequest::taken);
  CHECK(Memory::take_log() ==
        Log{"load 2048", "rmb", "copy from 2056", "load 2048", "rmb", "copy from 2120"});
  REQUIRE(back->take_request(message) == TakeRequest::empty);
  CHECK(Memory::take_log() == Log{"load 2048"});
}

TEST_CASE("a response is written before a barrier and its index, and read after its index and a barrier") {
  Page page;
  using Memory = RecordingMemory;
  auto front = Front<Memory>::attach(page.ring(all_rings[1]));
  auto back = Back<Memory>::attach(page.ring(all_rings[1]));
  REQUIRE(front->put_request(text_message("a")));
  front->publish();
  ControlMessage message;
  REQUIRE(back->take_request(message) == TakeRequest::taken);
  Memory::start(page.frame());
  REQUIRE(back->put_response(message));
  back->publish();
  CHECK(Memory::take_log() == Log{"copy to 2560", "wmb", "store 3084"});
  REQUIRE(front->take_response(message) == TakeResponse::taken);
  CHECK(Memory::take_log() == Log{"load 3084", "rmb", "copy from 2560"});
  REQUIRE(front->take_response(message) == TakeResponse::empty);
  CHECK(Memory::take_log() == Log{"load 3084"});
}

TEST_CASE("looking for work does not write") {
  Page page;
  using Memory = RecordingMemory;
  auto front = Front<Memory>::attach(page.ring(all_rings[2]));
  auto back = Back<Memory>::attach(page.ring(all_rings[2]));
  Memory::start(page.frame());
  (void)back->has_request();
  (void)front->has_response();
  CHECK(Memory::take_log() == Log{"load 2048", "load 2052"});
}

}  // namespace ring_test
