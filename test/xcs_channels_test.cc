// xcs's resources over time: channels, their references, virqs, and the state that a restart finds.
#include "emu/dom0/xcs/client.h"
#include "emu/dom0/xcs/xcs.h"
#include "test/xcs_fixture.h"

namespace xcs_channels_test {

using namespace ringside;
using namespace ringside::dom0;
using namespace ringside::test;

using Texts = std::vector<std::string>;

TEST_CASE("the last reference frees a channel, with the bindings to its port") {
  XcsFixture f;
  auto guest = f.boot(1);
  Client client(f);
  const std::int32_t port = client.attach(1);
  const XcsMessage again = client.interface(XCS_CIF_NEW_CC, 1, 9, 9);
  CHECK(again.result == XCS_RSLT_OK);
  CHECK(again.u.interface.local_port == port);
  CHECK(again.u.interface.remote_port == 1);
  CHECK(client.interface(XCS_CIF_FREE_CC, 1).result == XCS_RSLT_OK);
  guest->print("still");
  CHECK(client.read_and_echo().size() == 1);

  CHECK(client.interface(XCS_CIF_FREE_CC, 1).result == XCS_RSLT_OK);
  CHECK(f.xcs->channel(1) == nullptr);
  CHECK(f.xen.status(0, 1).state == PortState::closed);
  CHECK(f.xen.status(1, 1).state == PortState::unbound);
  CHECK(client.interface(XCS_CIF_FREE_CC, 1).result == XCS_RSLT_FAILED);

  // The next domain gets that port, and none of its messages go to the client that was bound to the last one.
  auto next = f.boot(2);
  CHECK(client.interface(XCS_CIF_NEW_CC, 2).u.interface.local_port == port);
  next->print("private");
  f.world.run();
  CHECK(client.data.read().empty());
}

TEST_CASE("a channel whose domain is gone is not used for the next domain of that id") {
  XcsFixture f;
  auto guest = f.boot(1);
  Client client(f);
  client.attach(1);
  CHECK(client.interface(XCS_CIF_NEW_CC, 1).result == XCS_RSLT_OK);
  f.xen.remove_domain(1);
  SECTION("one CIF_FREE_CC frees it, whatever the number of references") {
    CHECK(client.interface(XCS_CIF_FREE_CC, 1).result == XCS_RSLT_OK);
    CHECK(f.xcs->channel(1) == nullptr);
  }
  SECTION("CIF_NEW_CC opens a new one") {
    auto next = f.boot(1);
    CHECK(client.attach(1) != 0);
    next->print("new");
    CHECK(texts_of(client.read_and_echo()) == Texts{"new"});
  }
}

TEST_CASE("input that waits for a channel that is then freed delays nothing") {
  XcsFixture f;
  auto first = f.boot(1);
  auto second = f.boot(2);
  Client client(f);
  client.attach(1);
  client.attach(2);
  for (int i = 0; i < 100; ++i) {
    client.request(1, "x");
    f.world.run();
  }
  CHECK(client.interface(XCS_CIF_FREE_CC, 1).result == XCS_RSLT_OK);
  CHECK(f.counters().domains_ignored == 100 - 8 - channel_queue_messages_max);
  client.request(2, "y");
  f.world.run();
  CHECK(second->take_and_answer().size() == 1);
}

TEST_CASE("a virq is delivered each time, whatever the client answers") {
  XcsFixture f;
  Client client(f);
  const XcsMessage bound = client.virq_bind(VIRQ_DOM_EXC);
  REQUIRE(bound.result == XCS_RSLT_OK);
  const auto port = static_cast<ring::Port>(bound.u.virq.port);
  CHECK(client.virq_bind(VIRQ_DOM_EXC).u.virq.port == bound.u.virq.port);
  f.xen.raise_in_dom0(port);
  f.xen.raise_in_dom0(port);
  f.world.run();
  CHECK(client.data.read().size() == 1);
  f.xen.raise_in_dom0(port);
  f.world.run();
  CHECK(client.data.read().size() == 1);
  client.data.send(virq_message(port));
  client.data.send(virq_message(77));
  client.data.send(virq_message(any_port));
  f.world.run();
  CHECK(client.data.read().empty());
  CHECK(f.counters().frames_ignored == 2);
}

TEST_CASE("a virq that is raised without a bound client waits for the next one") {
  XcsFixture f;
  ring::Port port = 0;
  {
    Client first(f);
    port = static_cast<ring::Port>(first.virq_bind(VIRQ_DOM_EXC).u.virq.port);
  }
  f.world.run_for(std::chrono::seconds(20));
  REQUIRE(f.xcs->sessions() == 0);
  f.xen.raise_in_dom0(port);
  f.world.run();
  CHECK(f.counters().waiting_virqs == 1);
  Client second(f);
  CHECK(second.virq_bind(VIRQ_DOM_EXC).result == XCS_RSLT_OK);
  CHECK(second.data.read().size() == 1);
}

TEST_CASE("two clients get the same virq") {
  XcsFixture f;
  Client first(f);
  Client second(f);
  const auto port = static_cast<ring::Port>(first.virq_bind(VIRQ_DOM_EXC).u.virq.port);
  second.virq_bind(VIRQ_DOM_EXC);
  f.xen.raise_in_dom0(port);
  f.world.run();
  CHECK(first.data.read().size() == 1);
  CHECK(second.data.read().size() == 1);
}

TEST_CASE("a restarted xcs finds its channels again, and no request stays unanswered") {
  XcsFixture f;
  auto guest = f.boot(1);
  {
    Client client(f);
    client.attach(1);
    f.xen.set_console_port(1, 1);
    for (int i = 0; i < 8; ++i) guest->print(std::to_string(i));
    f.world.run();
    CHECK(guest->print("stuck") == 0);
    f.kill_xcs();
    CHECK(client.data.closed() == false);  // it still holds unread frames
    CHECK(client.data.read().size() == 8);
    CHECK(client.data.closed());
  }
  f.start_xcs();
  Client client(f);
  CHECK(client.attach(1) == 1);
  CHECK(texts_of(client.read_and_echo()) == Texts{"0", "1", "2", "3", "4", "5", "6", "7"});
  CHECK(guest->reap().size() == 8);
  CHECK(guest->print("free") == 1);
  CHECK(texts_of(client.read_and_echo()) == Texts{"free"});
}

TEST_CASE("a client bound to all ports before the channel exists gets the requests that a dead xcs left") {
  XcsFixture f;
  auto guest = f.boot(1);
  {
    Client client(f);
    client.attach(1);
    f.xen.set_console_port(1, 1);
    guest->print("left");
    f.world.run();
    f.kill_xcs();
  }
  f.start_xcs();
  Client client(f);
  CHECK(client.bind(xcs_port_wildcard, xcs_type_wildcard) == XCS_RSLT_OK);
  CHECK(client.interface(XCS_CIF_NEW_CC, 1).result == XCS_RSLT_OK);
  CHECK(texts_of(client.read_and_echo()) == Texts{"left"});
}

}  // namespace xcs_channels_test
