// The quirks of xcs: each test shows the behaviour of 2005 with the quirk, and the correct one without it.
// The quirks of xend and of the guest have files of their own.
#include "emu/base/quirks.h"

#include "test/xcs_fixture.h"

namespace quirks_test {

using namespace ringside;
using namespace ringside::test;
using namespace ringside::dom0;
using Texts = std::vector<std::string>;

namespace {

/// With the quirk, or without.
struct Fixture : XcsFixture {
  explicit Fixture(Quirk quirk, bool its_on = true)
      : XcsFixture(its_on ? Quirks{quirk} : Quirks{}), on(its_on) {}
  bool on;
};

}  // namespace

TEST_CASE("a quirk is found by its name, and belongs to one process") {
  CHECK(Quirks::find("xcs-sigpipe").value() == Quirk::xcs_sigpipe);
  const auto unknown = Quirks::find("xcs-sigpip");
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.error().text() ==
        "cannot set a quirk: xcs-sigpip: there is none of that name (`ringside quirks` lists them)");
  const std::vector<std::string> names{"xcs-sigpipe", "xcs-fd2"};
  const auto both = Quirks::of("xcs", names);
  REQUIRE(both.ok());
  CHECK(Quirks(both.value()).has(Quirk::xcs_fd2));
  CHECK_FALSE(Quirks(both.value()).has(Quirk::xcs_maxdom));
  const auto others = Quirks::of("xend", names);
  REQUIRE_FALSE(others.ok());
  CHECK(others.error().why == "it is xcs's, not xend's");
}

TEST_CASE("xcs-drop-when-full: of twenty messages to a stopped guest eight arrive, and it is notified") {
  Fixture f(Quirk::xcs_drop_when_full);
  auto guest = f.boot(1);
  Client client(f);
  client.attach(1);
  for (int i = 0; i < 20; ++i) client.request(1, std::string(60, 'x'));
  f.world.run();
  CHECK(f.bites(Quirk::xcs_drop_when_full) == 12);
  std::size_t bytes = 0;
  for (const auto& message : guest->take_and_answer()) bytes += message.payload().size();
  CHECK(bytes == 480);
  f.world.run();
  CHECK(guest->take_and_answer().empty());
  CHECK(client.data.read().size() == 8);
}

TEST_CASE("no-responder: a request without a bound client leaks its slot for ever") {
  Fixture f(Quirk::no_responder, GENERATE(true, false));
  auto guest = f.boot(1);
  Client client(f);
  const XcsMessage opened = client.interface(XCS_CIF_NEW_CC, 1);
  for (int i = 0; i < 3; ++i) CHECK(guest->print("unbound") == 1);
  f.world.run();
  client.bind(opened.u.interface.local_port, xcs_type_wildcard);
  CHECK(client.read_and_echo().size() == (f.on ? 0 : 3));
  f.world.run();
  guest->reap();
  int taken = 0;
  while (guest->print("x") == 1) ++taken;
  CHECK(taken == (f.on ? 5 : 8));
  CHECK(f.bites(Quirk::no_responder) == (f.on ? 3 : 0));
}

TEST_CASE(
    "xcs-restart-deadlock: eight requests stay unanswered after a restart, and the guest sends no more") {
  Fixture f(Quirk::xcs_restart_deadlock, GENERATE(true, false));
  auto guest = f.boot(1);
  {
    Client client(f);
    client.attach(1);
    while (guest->print("unanswered") == 1) {
    }
    f.world.run();
    CHECK(client.data.read().size() == 8);
  }
  f.xen.set_console_port(1, 1);
  f.kill_xcs();
  f.start_xcs();
  Client client(f);
  client.attach(1);
  CHECK(client.read_and_echo().size() == (f.on ? 0 : 8));
  CHECK(guest->reap().size() == (f.on ? 0 : 8));
  CHECK(guest->print("x") == (f.on ? 0 : 1));
}

TEST_CASE("xcs-short-frame: half a frame blocks every domain until a whole one follows") {
  Fixture f(Quirk::xcs_short_frame, GENERATE(true, false));
  auto guest = f.boot(1);
  Client victim(f);
  victim.attach(1);
  Client culprit(f);
  const FrameBytes bytes = bytes_of(Client::message(XCS_VIRQ, 0, {}));
  culprit.data.write(std::span(bytes).first(30));
  f.world.run();
  CHECK(guest->print("hello?") == 1);
  CHECK(victim.read_and_echo().size() == (f.on ? 0 : 1));
  if (!f.on) return;
  culprit.data.write(std::span(bytes).subspan(30));
  CHECK(victim.read_and_echo().empty());
  const bool by_closing = GENERATE(true, false);
  if (by_closing) {
    culprit.data.close();
  } else {
    culprit.data.write(bytes);
  }
  CHECK(texts_of(victim.read_and_echo()) == Texts{"hello?"});
  CHECK(f.bites(Quirk::xcs_short_frame) == 2);
}

TEST_CASE("xcs-connect-once: a refused client is never read again, nor closed") {
  Fixture f(Quirk::xcs_connect_once, GENERATE(true, false));
  Wire wire(f.client_host);
  wire.send(Client::connect(XCS_CONNECT_DATA, 4711));
  f.world.run();
  REQUIRE(wire.read().size() == 1);
  wire.send(Client::connect(XCS_CONNECT_CTRL, 0));
  f.world.run();
  CHECK(wire.read().size() == (f.on ? 0 : 1));
  wire.close();
  f.world.run_for(std::chrono::seconds(30));
  CHECK(f.xcs->connections() == (f.on ? 1 : 0));
}

TEST_CASE("xcs-bind-collision: VIRQ_DOM_EXC on port 1 and a channel on port 94 collide") {
  Fixture f(Quirk::xcs_bind_collision, GENERATE(true, false));
  Client client(f);
  CHECK(client.bind(1, xcs_type_virq) == XCS_RSLT_OK);
  CHECK(client.bind(94, xcs_type_wildcard) == XCS_RSLT_OK);
  CHECK(f.bites(Quirk::xcs_bind_collision) == (f.on ? 1 : 0));
  // Even ports collide with other keys, and neighbouring odd ports never collide.
  CHECK(client.bind(2, xcs_type_virq) == XCS_RSLT_OK);
  CHECK(client.bind(95, xcs_type_wildcard) == XCS_RSLT_OK);
  CHECK(f.bites(Quirk::xcs_bind_collision) == (f.on ? 1 : 0));
  CHECK(client.bind(933, xcs_type_wildcard) == XCS_RSLT_OK);
  CHECK(f.bites(Quirk::xcs_bind_collision) == (f.on ? 2 : 0));
  if (!f.on) return;
  // Unbinding the key that was never stored removes the other one, and so frees its place.
  CHECK(client.bind(94, xcs_type_wildcard, XCS_MSG_UNBIND) == XCS_RSLT_OK);
  CHECK(client.bind(94, xcs_type_wildcard) == XCS_RSLT_OK);
  CHECK(f.bites(Quirk::xcs_bind_collision) == 2);
}

TEST_CASE("xcs-stale-bindings: the next domain on a port leaks to the old binder") {
  Fixture f(Quirk::xcs_stale_bindings, GENERATE(true, false));
  auto first = f.boot(1);
  auto second = f.boot(2);
  Client client(f);
  const std::int32_t port = client.attach(1);
  CHECK(client.interface(XCS_CIF_FREE_CC, 1).result == XCS_RSLT_OK);
  CHECK((client.interface(XCS_CIF_FREE_CC, 7).result == XCS_RSLT_OK) == f.on);
  const XcsMessage opened = client.interface(XCS_CIF_NEW_CC, 2);
  REQUIRE(opened.u.interface.local_port == port);
  second->print("not for you");
  CHECK(client.read_and_echo().size() == (f.on ? 1 : 0));
}

TEST_CASE("xcs-wild-port: the wildcard as a local port crashes xcs") {
  Fixture f(Quirk::xcs_wild_port, GENERATE(true, false));
  f.xen.add_domain(1, ring::Abi::sring);
  Client client(f);
  XcsMessage frame;
  frame.type = XCS_CIF_NEW_CC;
  frame.u.interface = {1, xcs_port_wildcard, 0};
  client.control.send(frame);
  f.world.run();
  CHECK(client.control.closed() == f.on);
  CHECK(f.bites(Quirk::xcs_wild_port) == (f.on ? 1 : 0));
}

TEST_CASE("xcs-maxdom: beyond domain 1024 output is forwarded, but input is not") {
  Fixture f(Quirk::xcs_maxdom, GENERATE(true, false));
  const DomainId id = GENERATE(1024u, 1025u);
  const bool bitten = f.on && id == 1025;
  auto guest = f.boot(id);
  Client client(f);
  client.attach(id);
  guest->print("out");
  CHECK(texts_of(client.read_and_echo()) == Texts{"out"});
  CHECK(guest->reap().size() == (bitten ? 0 : 1));
  client.request(id, "in");
  f.world.run();
  CHECK(guest->take_and_answer().size() == (bitten ? 0 : 1));
}

TEST_CASE("xcs-sigpipe: a client that closes while xcs writes to it kills xcs") {
  Fixture f(Quirk::xcs_sigpipe, GENERATE(true, false));
  auto guest = f.boot(1);
  Client other(f);
  Client client(f);
  client.attach(1);
  guest->print("load");
  client.data.close();
  f.world.run();
  CHECK(other.control.closed() == f.on);
  CHECK(f.bites(Quirk::xcs_sigpipe) == (f.on ? 1 : 0));
  // The quirk concerns xcs as a whole, not a domain.
  for (const auto& [step, entry] : f.sink.entries())
    CHECK((entry.kind != trace::Kind::quirk || entry.domain == 0));
}

TEST_CASE("xcs-blocking-client: a client that does not read blocks every domain until it does") {
  Fixture f(Quirk::xcs_blocking_client, GENERATE(true, false));
  auto chatty = f.boot(1);
  auto innocent = f.boot(2);
  Client deaf(f);
  deaf.attach(1);
  Client answering(f);
  answering.attach(1);
  Client victim(f);
  victim.attach(2);
  for (int i = 0; i < 200; ++i) {
    chatty->print("more");
    f.world.run();
    answering.read_and_echo();
    chatty->reap();
  }
  innocent->print("hello?");
  CHECK(victim.read_and_echo().size() == (f.on ? 0 : 1));
  CHECK(f.bites(Quirk::xcs_blocking_client) == (f.on ? 1 : 0));
  if (!f.on) return;
  for (int i = 0; i < 10; ++i) {
    deaf.data.read();
    f.world.run();
  }
  CHECK(texts_of(victim.read_and_echo()) == Texts{"hello?"});
}

TEST_CASE("xcs-fd2: error messages are written into the first client's control stream") {
  Fixture f(Quirk::xcs_fd2, GENERATE(true, false));
  Client first(f);
  Client second(f);
  for (int i = 0; i < 2; ++i) CHECK(second.interface(XCS_CIF_NEW_CC, 99).result == XCS_RSLT_FAILED);
  f.world.run();
  // These frames are text: their apparent type is the beginning of a message.
  const auto frames = first.control.read();
  REQUIRE((!frames.empty()) == f.on);
  if (f.on) CHECK(frames[0].type > XCS_VIRQ);
}

TEST_CASE("stale-indices: after a producer index jumped by 20, stale slots are read as requests") {
  Fixture f(Quirk::stale_indices, GENERATE(true, false));
  auto guest = f.boot(1);
  Client client(f);
  client.attach(1);
  guest->print("honest");
  CHECK(client.read_and_echo().size() == 1);
  ring::NativeMemory::store(guest->tx_shared.req_prod, 21u);
  guest->raise();
  std::vector<std::size_t> batches;
  for (int i = 0; i < 4; ++i) {
    batches.push_back(client.read_and_echo().size());
    guest->raise();  // xcs reads its rings only on an event
  }
  CHECK(batches == (f.on ? std::vector<std::size_t>{8, 8, 4, 0} : std::vector<std::size_t>{0, 0, 0, 0}));
}

TEST_CASE("abi-mismatch: a flat guest's first header is read as an index, which gives eight garbage frames") {
  Fixture f(Quirk::abi_mismatch, GENERATE(true, false));
  auto guest = f.boot(1, ring::Abi::flat);
  Client client(f);
  client.attach(1);
  guest->print("Xen virtual console");
  const auto frames = client.read_and_echo();
  CHECK(frames.size() == (f.on ? 8 : 1));
  CHECK((texts_of(frames) == Texts{"Xen virtual console"}) == !f.on);
}

}  // namespace quirks_test
