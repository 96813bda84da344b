#include "emu/base/byte_queue.h"
#include "test/catch.h"

using namespace ringside;

TEST_CASE("a byte queue takes what fits and says how much") {
  ByteQueue queue(4);
  const std::uint8_t bytes[] = {1, 2, 3, 4, 5};
  CHECK(queue.push(bytes) == 4);
  CHECK(queue.full());
}
