// The quirks of xend: each test shows the behaviour of 2005 with the quirk, and the correct one without it.
#include "test/xend_fixture.h"

namespace quirks_xend_test {

using namespace ringside;
using namespace ringside::test;

TEST_CASE("xend-reorder: output that arrives close together is shown out of order, but completely") {
  const bool on = GENERATE(true, false);
  XendFixture f(9600, on ? Quirks{Quirk::xend_reorder} : Quirks{});
  f.create(1);
  auto viewer = f.view(1);
  std::string printed;
  for (int line = 0; line < 64; ++line) {
    const std::string text = fmt::format("{:02} ", line);
    f.xcs->output(1, text);
    printed += text;
    if (line % 8 == 7) f.world.run();
  }
  CHECK(viewer->seen.size() == printed.size());
  CHECK((viewer->seen == printed) == !on);
}

TEST_CASE("xend-no-input-limit: a paste is sent at once, without waiting for answers") {
  const bool on = GENERATE(true, false);
  XendFixture f(9600, on ? Quirks{Quirk::xend_no_input_limit} : Quirks{});
  f.create(1);
  auto viewer = f.view(1);
  viewer->type(std::string(16'000, 'x'));
  f.world.run();
  CHECK(f.xcs->input(1).size() == (on ? 16'000 : 7 * 60));
}

}  // namespace quirks_xend_test
