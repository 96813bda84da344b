// The traffic of xcs between guests and clients, and the back-pressure of slow ones.
#include "emu/dom0/xcs/xcs.h"
#include "test/xcs_fixture.h"

namespace xcs_traffic_test {

using namespace ringside;
using namespace ringside::dom0;
using namespace ringside::test;

using Texts = std::vector<std::string>;

TEST_CASE("a client gets one copy for each matching key, and clients are served key by key") {
  XcsFixture f;
  auto guest = f.boot(1);
  Client first(f);
  Client second(f);
  const std::int32_t port = first.interface(XCS_CIF_NEW_CC, 1).u.interface.local_port;
  REQUIRE(first.bind(xcs_port_wildcard, xcs_type_wildcard) == XCS_RSLT_OK);
  REQUIRE(second.bind(xcs_port_wildcard, ring::CMSG_CONSOLE) == XCS_RSLT_OK);
  REQUIRE(first.bind(port, xcs_type_wildcard) == XCS_RSLT_OK);
  REQUIRE(second.bind(port, ring::CMSG_CONSOLE) == XCS_RSLT_OK);
  REQUIRE(second.bind(port, ring::CMSG_CONSOLE) == XCS_RSLT_OK);      // the same key: no further copy
  REQUIRE(second.bind(port + 1, ring::CMSG_CONSOLE) == XCS_RSLT_OK);  // another port
  REQUIRE(second.bind(port, ring::CMSG_BLKIF_FE) == XCS_RSLT_OK);     // another type
  f.sink.clear();
  guest->print("x");
  f.world.run();
  CHECK(first.data.read().size() == 2);
  CHECK(second.data.read().size() == 2);
  // (port, type), (port, *), (*, type), (*, *). Connections were made in the order control, data, control,
  // data.
  std::vector<std::uint16_t> receivers;
  for (const auto& recorded : f.sink.entries()) {
    if (recorded.entry.kind == trace::Kind::frame_passed) receivers.push_back(recorded.entry.peer.number);
  }
  CHECK(receivers == std::vector<std::uint16_t>{4, 2, 4, 2});

  CHECK(second.bind(port, ring::CMSG_CONSOLE, XCS_MSG_UNBIND) == XCS_RSLT_OK);
  CHECK(first.bind(xcs_port_wildcard, xcs_type_wildcard, XCS_MSG_UNBIND) == XCS_RSLT_OK);
  guest->print("y");
  f.world.run();
  CHECK(first.data.read().size() == 1);
  CHECK(second.data.read().size() == 1);
}

TEST_CASE("20 messages of 60 bytes to a stopped guest all arrive, in order") {
  XcsFixture f;
  auto guest = f.boot(1);
  Client client(f);
  client.attach(1);
  Texts sent;
  for (int i = 0; i < 20; ++i) {
    sent.push_back(std::string(58, 'x') + fmt::format("{:02}", i));
    client.request(1, sent.back());
  }
  f.world.run();
  CHECK(f.counters().channels.queued_messages == 12);
  Texts arrived;
  while (arrived.size() < sent.size()) {
    const auto batch = guest->take_and_answer();
    REQUIRE_FALSE(batch.empty());
    for (const auto& message : batch) arrived.push_back(text_of(message));
    f.world.run();
  }
  CHECK(arrived == sent);
  CHECK(client.data.read().size() == 20);
}

TEST_CASE(
    "a paste into a guest that takes nothing causes back-pressure, and neither responses nor input of others "
    "wait") {
  XcsFixture f;
  auto stopped = f.boot(1);
  auto running = f.boot(2);
  Client client(f);
  client.attach(1);
  client.attach(2);
  stopped->print("asked before");
  f.world.run();
  REQUIRE(client.data.read().size() == 1);

  // 8 in the ring, 64 queued, and then as many as the connection before xcs holds.
  std::size_t sent = 0;
  for (; sent < 300; ++sent) {
    client.request(1, std::to_string(sent));
    if (sent % 20 == 0) f.world.run();
  }
  f.world.run();
  CHECK(f.counters().pushbacks > 0);
  CHECK(f.counters().channels.queued_messages == channel_queue_messages_max);

  // After the paste: an answer to the guest that does not take it, and input for another guest.
  client.data.send(Client::message(XCS_RESPONSE, 1, console_message("asked before")));
  client.request(2, "for the other");
  f.world.run();
  CHECK(stopped->reap().size() == 1);
  CHECK(running->take_and_answer().size() == 1);

  // The client keeps what xcs does not read ahead.
  FrameBytes rest;
  while (rest.empty() && sent < 2000) {
    const auto bytes = bytes_of(Client::message(XCS_REQUEST, 1, console_message(std::to_string(sent++), 0)));
    rest = FrameBytes(bytes.begin() + static_cast<std::ptrdiff_t>(client.data.write(bytes)), bytes.end());
    f.world.run();
  }
  CHECK(sent < 800);

  std::size_t arrived = 0;
  while (arrived < sent) {
    const auto batch = stopped->take_and_answer();
    REQUIRE_FALSE(batch.empty());
    for (const auto& message : batch) REQUIRE(text_of(message) == std::to_string(arrived++));
    f.world.run();
    (void)client.data.read();
    rest.erase(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(client.data.write(rest)));
    f.world.run();
  }
  CHECK(arrived == sent);
}

TEST_CASE("all input of a client that has left is delivered") {
  XcsFixture f;
  auto guest = f.boot(1);
  Client client(f);
  client.attach(1);
  for (int i = 0; i < 100; ++i) {
    client.request(1, std::to_string(i));
    f.world.run();
  }
  client.data.close();
  f.world.run();
  int arrived = 0;
  while (arrived < 100) {
    const auto batch = guest->take_and_answer();
    REQUIRE_FALSE(batch.empty());
    for (const auto& message : batch) REQUIRE(text_of(message) == std::to_string(arrived++));
    f.world.run();
  }
  f.world.run();
  CHECK(f.xcs->connections() == 1);  // the control connection
}

TEST_CASE("a client that never reads delays no other, and is disconnected at the limit") {
  XcsFixture f;
  auto guest = f.boot(1);
  Client dead(f);
  REQUIRE(dead.bind(xcs_port_wildcard, xcs_type_wildcard) == XCS_RSLT_OK);
  Client live(f);
  live.attach(1);
  const std::size_t in_the_socket = 4096 / sizeof(XcsMessage);
  std::size_t printed = 0;
  while (printed < xcs_session_frames_max + 1000) {
    for (int slot = 0; slot < 8; ++slot) printed += static_cast<std::size_t>(guest->print("busy"));
    CHECK(live.read_and_echo().size() == 8);
    REQUIRE(guest->reap().size() == 8);
    if (f.counters().sessions_overrun > 0) break;
  }
  CHECK(f.counters().sessions_overrun == 1);
  CHECK(printed > xcs_session_frames_max);
  CHECK(printed <= xcs_session_frames_max + in_the_socket + 8);
  REQUIRE(f.xcs_host->warnings().size() == 1);
  CHECK(f.xcs_host->warnings()[0].find("xcs_session_frames_max") != std::string::npos);
  f.world.run();
  CHECK(dead.control.closed());
  CHECK(f.xcs->sessions() == 1);
  CHECK_FALSE(dead.data.read().empty());
  CHECK(dead.data.closed());
  guest->print("still here");
  CHECK(live.read_and_echo().size() == 1);
}

TEST_CASE("a request without a bound client waits for the next one") {
  XcsFixture f;
  auto guest = f.boot(1);
  Client client(f);
  const std::int32_t port = client.interface(XCS_CIF_NEW_CC, 1).u.interface.local_port;
  for (int i = 0; i < 8; ++i) CHECK(guest->print(std::to_string(i)) == 1);
  CHECK(guest->print("no slot") == 0);
  f.world.run();
  CHECK(f.counters().requests_waiting == 8);
  CHECK(client.bind(port, ring::CMSG_BLKIF_FE) == XCS_RSLT_OK);
  CHECK(client.data.read().empty());
  CHECK(client.bind(port, ring::CMSG_CONSOLE) == XCS_RSLT_OK);
  const auto frames = client.read_and_echo();
  CHECK(texts_of(frames) == Texts{"0", "1", "2", "3", "4", "5", "6", "7"});
  CHECK(guest->reap().size() == 8);
  // A further key of the same session brings no second copy.
  guest->print("once");
  f.world.run();
  CHECK(client.data.read().size() == 1);
  CHECK(client.bind(port, xcs_type_wildcard) == XCS_RSLT_OK);
  CHECK(client.bind(xcs_port_wildcard, xcs_type_wildcard) == XCS_RSLT_OK);
  CHECK(client.data.read().empty());
}

TEST_CASE("requests that a dead client did not answer are offered to its successor") {
  XcsFixture f;
  auto guest = f.boot(1);
  auto first = std::make_unique<Client>(f);
  first->attach(1);
  guest->print("answered");
  CHECK(first->read_and_echo().size() == 1);
  guest->print("read");
  f.world.run();
  CHECK(first->data.read().size() == 1);
  guest->print("unread");
  f.world.run();
  first.reset();
  f.world.run();
  Client second(f);
  second.attach(1);
  CHECK(texts_of(second.read_and_echo()) == Texts{"read", "unread"});
  CHECK(guest->reap().size() == 3);
}

TEST_CASE("a response without a request changes nothing") {
  XcsFixture f;
  auto guest = f.boot(1);
  Client client(f);
  client.attach(1);
  client.data.send(Client::message(XCS_RESPONSE, 1, console_message("unasked")));
  f.world.run();
  CHECK(guest->reap().empty());
  CHECK(f.counters().channels.refused_responses == 1);
  guest->print("fine");
  CHECK(client.read_and_echo().size() == 1);
  CHECK(guest->reap().size() == 1);
}

TEST_CASE("frames for domains that xcs does not have are ignored, and counted") {
  XcsFixture f;
  auto guest = f.boot(1);
  Client client(f);
  client.attach(1);
  for (const std::uint32_t domain : {2u, 1024u, 1025u, 0xffffffffu}) {
    client.request(domain, "x");
    client.data.send(Client::message(XCS_RESPONSE, domain, console_message("x")));
  }
  f.world.run();
  CHECK(f.counters().domains_ignored == 8);
  CHECK(f.sink.count(trace::Kind::refused) == 8);
  CHECK(client.data.read().empty());
  CHECK_FALSE(client.data.closed());
  client.request(1, "known");
  f.world.run();
  CHECK(guest->take_and_answer().size() == 1);
}

TEST_CASE("frames that do not belong on a data connection are ignored, and a length above 60 is truncated") {
  XcsFixture f;
  auto guest = f.boot(1);
  Client client(f);
  client.attach(1);
  for (const std::uint32_t type : {0u, 1u, 3u, 5u, 7u, 12u, 0xffffffffu}) {
    XcsMessage odd;
    odd.type = type;
    client.data.send(odd);
  }
  f.world.run();
  CHECK(f.counters().frames_ignored == 7);
  CHECK(client.data.read().empty());
  ring::ControlMessage lie = console_message("lie", 0);
  lie.length = 255;
  client.data.send(Client::message(XCS_REQUEST, 1, lie));
  f.world.run();
  const auto taken = guest->take_and_answer();
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].length == 60);
  CHECK(f.counters().lengths_cut == 1);
}

TEST_CASE("a hostile page harms only its own channel") {
  XcsFixture f;
  auto hostile = f.boot(1);
  auto honest = f.boot(2);
  Client client(f);
  client.attach(1);
  client.attach(2);
  const auto jump = GENERATE(20u, 100u, 0xfffffff0u);
  ring::NativeMemory::store(hostile->tx_shared.req_prod, jump);
  hostile->raise();
  for (int i = 0; i < 200; ++i) {
    client.request(1, "into the void");
    f.world.run();
  }
  // The broken channel's messages are given up after 64, so they hold up nothing.
  CHECK(f.counters().channels.refused_messages == 200 - channel_queue_messages_max);
  for (int i = 0; i < 3; ++i) {
    hostile->raise();
    honest->print("fine");
    client.request(2, "fine");
    CHECK(texts_of(client.read_and_echo()) == Texts{"fine"});
    CHECK(honest->reap().size() == 1);
    CHECK(honest->take_and_answer().size() == 1);
    f.world.run();
    CHECK(client.data.read().size() == 1);
  }
  CHECK(f.counters().channels.index_faults == 1);
  CHECK(f.xcs_host->warnings().size() == 1);
}

TEST_CASE(
    "after the reply to its bind a client has all messages of the guest's ring, with or without an event") {
  XcsFixture f;
  auto guest = f.boot(1);
  Client client(f);
  const std::int32_t port = client.attach(1);
  // A guest is killed between its last message and the event.
  REQUIRE(guest->tx.put_request(console_message("last word")));
  guest->tx.publish();
  client.control.send([&] {
    XcsMessage frame;
    frame.type = XCS_MSG_BIND;
    frame.u.bind = {port, xcs_type_wildcard};
    return frame;
  }());
  // Everything written in one turn arrives at once; the client sees it in the order of the writes.
  Texts heard;
  client.control.watch([&] { heard.push_back(client.control.read().empty() ? "nothing" : "reply"); });
  client.data.watch([&] {
    for (const std::string& text : texts_of(client.data.read())) heard.push_back(text);
  });
  f.world.run();
  CHECK(heard == Texts{"last word", "reply"});
}

TEST_CASE("a client may leave at any moment, and others are not affected") {
  XcsFixture f;
  auto guest = f.boot(1);
  Client stays(f);
  stays.attach(1);
  // The client leaves after a number of events, in any state of xcs.
  const int moment = GENERATE(range(0, 40));
  auto goes = std::make_unique<Client>(f);
  REQUIRE(goes->bind(xcs_port_wildcard, xcs_type_wildcard) == XCS_RSLT_OK);
  for (int i = 0; i < 8; ++i) guest->print(std::to_string(i));
  for (int i = 0; i < 30; ++i) goes->request(1, "input");
  int events = 0;
  (void)f.world.run_until([&] { return ++events > moment; }, Duration::zero());
  goes.reset();
  CHECK(stays.read_and_echo().size() >= 8);
  CHECK(guest->reap().size() == 8);
  f.world.run_for(std::chrono::seconds(20));
  CHECK(f.xcs->sessions() == 1);
  CHECK(f.xcs->connections() == 2);
}

TEST_CASE("a machine carries a thousand requests in order and leaves nothing open behind") {
  SimWorld* world = nullptr;
  XcsFixture f;
  world = &f.world;
  {
    auto guest = f.boot(1, ring::Abi::flat);
    Client client(f);
    client.attach(1);
    int printed = 0;
    int seen = 0;
    while (seen < 1000) {
      while (printed < 1000 && guest->print(std::to_string(printed)) == 1) ++printed;
      for (const XcsMessage& frame : client.read_and_echo()) {
        REQUIRE(text_of(frame.u.control.msg) == std::to_string(seen++));
      }
      (void)guest->reap();
    }
    CHECK(client.interface(XCS_CIF_FREE_CC, 1).result == XCS_RSLT_OK);
  }
  f.world.run_for(std::chrono::seconds(20));
  CHECK(f.xcs->connections() == 0);
  f.xcs.reset();
  for (const std::string& line : world->open_handles()) CHECK(line.find("xcs") != 0);
}

TEST_CASE("a mark returns after the messages that a dead guest wrote without an event") {
  XcsFixture f;
  auto guest = f.boot(1);
  Client client(f);
  const bool numbers = GENERATE(true, false);
  if (numbers) REQUIRE(client.call(Client::connect(XCS_NUMBERS, 0)).u.connect.session_id == xcs_numbers_kept);
  client.attach(1);
  REQUIRE(guest->tx.put_request(console_message("last")));
  guest->tx.publish();
  client.data.send(Client::message(XCS_MARK, 1, {}));
  f.world.run();
  const auto frames = client.data.read();
  if (!numbers) {
    CHECK(frames.empty());
    CHECK(f.xcs->counters().frames_ignored == 1);
    return;
  }
  REQUIRE(frames.size() == 2);
  CHECK(text_of(frames[0].u.control.msg) == "last");
  CHECK(frames[1].type == XCS_MARK);
}

TEST_CASE("a dead client's frames are recognised when its successor sends them again") {
  XcsFixture f;
  auto guest = f.boot(1);
  const auto numbered_client = [&] {
    auto client = std::make_unique<Client>(f);
    REQUIRE(client->call(Client::connect(XCS_NUMBERS, 0)).u.connect.session_id == xcs_numbers_kept);
    client->attach(1);
    return client;
  };
  XcsMessage input = Client::message(XCS_REQUEST, 1, console_message("once", 0));
  input.result = 5;
  auto first = numbered_client();
  // xcs notices that the client does not read before it reads what the client has sent.
  f.world.stall(*f.xcs_host);
  guest->print("x");
  first->data.send(input);
  first->control.close();
  first->data.close();
  f.world.go_on(*f.xcs_host);
  f.world.run();
  auto second = numbered_client();
  second->data.send(input);
  f.world.run();
  CHECK(guest->take_and_answer().size() == 1);
}

}  // namespace xcs_traffic_test
