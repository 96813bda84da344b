#include "emu/host/sim.h"

#include "test/catch.h"

using namespace ringside;

TEST_CASE("a stream carries bytes both ways and tells the end") {
  SimWorld world;
  SimHost& server = world.host("server");
  SimHost& client = world.host("client");
  auto listener = server.listen_local("/machine/sock").value();
  auto here = client.connect_local("/machine/sock").value();
  auto there = server.accept(listener).value();
  REQUIRE(there.has_value());
}
