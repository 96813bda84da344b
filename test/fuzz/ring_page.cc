// Both ends of a ring against a peer that writes into the page after any of their accesses: an end writes
// only its own words, takes no more than was sent by the indices that it saw, and serves a peer that becomes
// honest again.
#include <optional>

#include "ring/back.h"
#include "ring/front.h"
#include "test/fuzz/input.h"
#include "test/fuzz/targets.h"
#include "test/recording_memory.h"
#include "test/ring_page.h"

namespace ringside::fuzz {

namespace {

using namespace ring;
using Memory = test::RecordingMemory;

/// The page, and the peer's writes: after each access of the end under test the peer may write once.
struct Hostile {
  Input& input;
  const test::RingBytes& at;
  test::Page page;
  std::uint32_t writes = 0;

  void begin() {
    Memory::start(page.frame());
    Memory::interfere([this](const std::string&) { write(); });
  }
  void write() {
    if (input.empty() || input.below(3) != 0) return;
    ++writes;
    const std::size_t index = input.below(2) == 0 ? at.req_prod : at.rsp_prod;
    switch (input.below(3)) {
      case 0:
        return page.set_u32(index, page.u32(index) + input.below(12));
      case 1:
        return page.set_u32(index, input.word());
      default:
        return page.set_u8(at.slots + input.below(256) * 2, input.byte());
    }
  }
};

/// The most accesses of one call, with any contents of the page.
constexpr std::size_t accesses_max = 8;

void check_log() {
  RS_CHECK(Memory::take_log().size() <= accesses_max);
}

void try_back(Hostile& hostile) {
  auto back = Back<Memory>::attach(hostile.page.ring(hostile.at));
  if (!back) return;
  hostile.begin();
  std::uint32_t taken = back->unanswered();
  std::uint32_t answered = 0;
  while (!hostile.input.empty()) {
    ControlMessage message;
    const Index before = back->req_cons();
    switch (hostile.input.below(4)) {
      case 0:
      case 1: {
        const TakeRequest took = back->take_request(message);
        const bool got = took == TakeRequest::taken || took == TakeRequest::long_length;
        taken += got ? 1 : 0;
        RS_CHECK(back->req_cons() == before + (got ? 1 : 0));
        RS_CHECK(message.payload().size() <= 60);
        break;
      }
      case 2:
        answered += back->put_response(test::text_message("answer")) ? 1 : 0;
        break;
      default:
        back->publish();
        break;
    }
    check_log();
    RS_CHECK(back->unanswered() <= slots_per_ring);
    RS_CHECK(answered <= taken);
    hostile.write();
  }
  Memory::interfere(nullptr);
  back->publish();
  while (back->unanswered() != 0) RS_CHECK(back->put_response(test::text_message("answer")));
  back->publish();
  hostile.page.set_u32(hostile.at.req_prod, back->req_cons() + 1);
  hostile.page.set_message(hostile.at, back->req_cons() % slots_per_ring, test::text_message("true"));
  ControlMessage message;
  RS_CHECK(back->take_request(message) == TakeRequest::taken);
  RS_CHECK(test::text_of(message) == "true");
  RS_CHECK(back->take_request(message) == TakeRequest::empty);
}

void try_front(Hostile& hostile) {
  auto front = Front<Memory>::attach(hostile.page.ring(hostile.at));
  if (!front) return;
  hostile.begin();
  std::uint32_t asked = front->outstanding();
  std::uint32_t answers = 0;
  while (!hostile.input.empty()) {
    ControlMessage message;
    const Index before = front->rsp_cons();
    switch (hostile.input.below(4)) {
      case 0:
      case 1: {
        const TakeResponse took = front->take_response(message);
        const bool got = took == TakeResponse::taken || took == TakeResponse::long_length;
        answers += got ? 1 : 0;
        RS_CHECK(front->rsp_cons() == before + (got ? 1 : 0));
        RS_CHECK(message.payload().size() <= 60);
        break;
      }
      case 2:
        asked += front->put_request(test::text_message("question")) ? 1 : 0;
        break;
      default:
        front->publish();
        break;
    }
    check_log();
    RS_CHECK(front->outstanding() <= slots_per_ring);
    RS_CHECK(answers <= asked);
    hostile.write();
  }
  Memory::interfere(nullptr);
  front->publish();
  hostile.page.set_u32(hostile.at.rsp_prod, front->rsp_cons() + front->outstanding());
  for (std::uint32_t left = front->outstanding(); left > 0; --left) {
    ControlMessage message;
    const TakeResponse took = front->take_response(message);
    RS_CHECK(took == TakeResponse::taken || took == TakeResponse::long_length);
  }
  ControlMessage message;
  RS_CHECK(front->take_response(message) == TakeResponse::empty);
  RS_CHECK(front->put_request(test::text_message("question")));
}

}  // namespace

void ring_page(Bytes input) {
  Input from(input);
  const std::uint32_t what = from.below(8);
  Hostile hostile{from, test::all_rings[what / 2], {}};
  const std::uint32_t start = from.number();
  hostile.page.set_u32(hostile.at.req_prod, start + from.below(12));
  hostile.page.set_u32(hostile.at.rsp_prod, start);
  what % 2 == 0 ? try_back(hostile) : try_front(hostile);
  // The end has written only into its ring.
  RS_CHECK(hostile.page.bytes_changed_outside(hostile.at) == 0);
}

}  // namespace ringside::fuzz
