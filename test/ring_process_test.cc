// The process that loads rings, and the message if loading does not return.
#include "tools/ring_check/ring_process.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "test/catch.h"

namespace ring_process_test {

using namespace ringside;
using namespace ringside::tools;

TEST_CASE("loading that never finishes ends at the limit, and the file is named") {
  const auto status = in_ring_process(
      [] {
        note_loading("endless.so");
        for (;;) pause();
        return 0;
      },
      std::chrono::milliseconds(20));
  REQUIRE(!status.ok());
  CHECK(status.error().code == ETIMEDOUT);
  CHECK(status.error().text() ==
        "cannot check a ring: endless.so: it is not loaded within 0.02 s (the code that it runs at loading "
        "does not return)");
}

TEST_CASE("the limit applies to loading only") {
  const auto status = in_ring_process([] { return 7; }, std::chrono::milliseconds(0));
  REQUIRE(status.ok());
  CHECK(status.value() == 7);
}

}  // namespace ring_process_test
