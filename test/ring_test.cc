#include "ring/back.h"
#include "ring/channel_words.h"
#include "ring/front.h"
#include "test/catch.h"

using namespace ringside::ring;

TEST_CASE("a fresh page attaches at zero") {
  alignas(8) std::byte page[frame_bytes] = {};
  REQUIRE(Front<>::attach(shared_ring(page, Abi::sring, Ring::tx)));
}
