// xcs's protocol as its clients see it: calls, sessions, time. xcs_traffic_test.cc has the traffic.
#include "emu/dom0/xcs/xcs.h"

#include "test/xcs_fixture.h"

namespace xcs_test {

using namespace ringside;
using namespace ringside::dom0;
using namespace ringside::test;

TEST_CASE("the conversation of the reference, byte by byte") {
  XcsFixture f;
  auto guest = f.boot(1);
  Wire control(f.client_host);
  Wire data(f.client_host);
  const auto say = [&](Wire& wire, const FrameBytes& bytes) {
    REQUIRE(wire.write(bytes) == sizeof(XcsMessage));
    f.world.run();
  };
  const auto heard = [](Wire& wire) {
    const auto frames = wire.read();
    REQUIRE(frames.size() == 1);
    return bytes_of(frames[0]);
  };

  say(control, frame_of(""));
  const FrameBytes session = heard(control);
  const FrameBytes id(session.begin() + 8, session.begin() + 16);
  CHECK(id != FrameBytes(8));
  FrameBytes expected = frame_of("");
  std::copy(id.begin(), id.end(), expected.begin() + 8);
  CHECK(session == expected);

  expected[0] = 1;
  say(data, expected);
  CHECK(heard(data) == expected);

  say(control, frame_of("03000000 00000000 ffffffef ffff"));
  CHECK(heard(control) == frame_of("03000000 00000000 ffffffef ffff"));

  say(control, frame_of("07000000 00000000 01000000 00000000 00000000"));
  CHECK(heard(control) == frame_of("07000000 00000000 01000000 01000000 01000000"));

  say(control, frame_of("05000000 00000000 00000000 0300"));
  CHECK(heard(control) == frame_of("05000000 00000000 02000000 0300"));

  const std::string text = "Xen virtual console successfully installed as tty1\r\n";
  REQUIRE(text.size() == 0x34);
  guest->print(text);
  f.world.run();
  CHECK(heard(data) == frame_of("09000000 00000000 01000000 01000000 0000ff34", text));

  say(data, frame_of("0a000000 00000000 01000000 01000000 0000ff34", text));
  const auto reaped = guest->reap();
  REQUIRE(reaped.size() == 1);
  CHECK(text_of(reaped[0]) == text);
  CHECK(reaped[0].id == 0xff);

  say(data, frame_of("09000000 00000000 01000000 00000000 00000703", "abc"));
  const auto input = guest->take_and_answer();
  REQUIRE(input.size() == 1);
  CHECK(text_of(input[0]) == "abc");
  CHECK(input[0].id == 7);
  f.world.run();
  CHECK(heard(data) == frame_of("0a000000 00000000 01000000 01000000 00000700", "abc"));

  // Bound by two keys that match, (2, virq) and (*, *): two copies.
  f.xen.raise_in_dom0(2);
  f.world.run();
  const auto virqs = data.read();
  REQUIRE(virqs.size() == 2);
  for (const XcsMessage& frame : virqs)
    CHECK(bytes_of(frame) == frame_of("0b000000 00000000 00000000 02000000"));

  // An established connection ends when it is closed. A BYE is echoed on the control side, and gets no answer
  // on the data side.
  say(data, frame_of("02"));
  say(control, frame_of("02"));
  CHECK(heard(control) == frame_of("02"));
  CHECK(data.read().empty());
  CHECK_FALSE(control.closed());
  CHECK_FALSE(data.closed());
}

TEST_CASE("a BYE as the first frame ends the connection without a reply") {
  XcsFixture f;
  Wire wire(f.client_host);
  wire.write(frame_of("02"));
  f.world.run();
  CHECK(wire.read().empty());
  CHECK(wire.closed());
}

TEST_CASE("frames are assembled from any pieces, even single bytes") {
  XcsFixture f;
  Client client(f);
  const FrameBytes bind = frame_of("03000000 00000000 ffffffef ffff");
  for (const std::uint8_t byte : bind) {
    CHECK(client.control.read().empty());
    REQUIRE(client.control.write({&byte, 1}) == 1);
    f.world.run();
  }
  CHECK(client.control.read().size() == 1);

  FrameBytes three;
  for (int i = 0; i < 3; ++i) three.insert(three.end(), bind.begin(), bind.end());
  REQUIRE(client.control.write(std::span(three).first(200)) == 200);
  f.world.run();
  CHECK(client.control.read().size() == 2);
  REQUIRE(client.control.write(std::span(three).subspan(200)) == 40);
  f.world.run();
  CHECK(client.control.read().size() == 1);
}

TEST_CASE("if no connection can be accepted xcs warns, pauses for its housekeeping period, and continues") {
  XcsFixture f;
  Client before(f);
  // Old connections do not start the housekeeping; the failed accepts must.
  f.world.run_for(2 * xcs_housekeeping_period);
  f.world.fail_accepts(2);
  Wire late(f.client_host);
  f.world.run();
  CHECK(f.xcs_host->warnings().size() == 1);
  CHECK(f.xcs->connections() == 2);
  CHECK(before.bind(xcs_port_wildcard, xcs_type_wildcard) == XCS_RSLT_OK);
  f.world.run_for(xcs_housekeeping_period - std::chrono::milliseconds(1));
  CHECK(f.xcs_host->warnings().size() == 1);
  f.world.run_for(std::chrono::milliseconds(1));
  CHECK(f.xcs_host->warnings().size() == 2);
  CHECK(f.xcs->connections() == 2);
  f.world.run_for(xcs_housekeeping_period);
  CHECK(f.xcs_host->warnings().size() == 2);
  CHECK(f.xcs->connections() == 3);
  late.send(Client::connect(XCS_CONNECT_CTRL, 0));
  f.world.run();
  CHECK(late.read().size() == 1);
  // Accepting continues at once, without another pause.
  Client after(f);
  CHECK(f.xcs->connections() == 5);
}

TEST_CASE("replies and frames survive a connection that takes seven bytes at a time") {
  XcsFixture f;
  auto guest = f.boot(1);
  Client client(f);
  client.attach(1);
  f.world.limit_write(7);
  for (int i = 0; i < 8; ++i) guest->print(std::to_string(i));
  f.world.run();
  CHECK(texts_of(client.data.read()) == std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7"});
}

TEST_CASE("meaningless calls get an error, and the connection continues") {
  XcsFixture f;
  Client client(f);
  SECTION("ports and types out of range") {
    CHECK(client.bind(1024, 0) == XCS_RSLT_BADREQUEST);
    CHECK(client.bind(-1, 0) == XCS_RSLT_BADREQUEST);
    CHECK(client.bind(1, 256) == XCS_RSLT_BADREQUEST);
    CHECK(client.bind(1, 0xfffd) == XCS_RSLT_BADREQUEST);
    CHECK(client.bind(1024, 0, XCS_MSG_UNBIND) == XCS_RSLT_BADREQUEST);
    CHECK(client.bind(0, 255) == XCS_RSLT_OK);
    CHECK(client.bind(1023, xcs_type_virq) == XCS_RSLT_OK);
    CHECK(client.bind(xcs_port_wildcard, xcs_type_wildcard, XCS_MSG_UNBIND) == XCS_RSLT_OK);
    CHECK(f.counters().refused_calls == 5);
    // The journal has the same count.
    std::uint32_t counted = 0;
    for (const auto& [step, entry] : f.sink.entries()) {
      if (!is(entry, trace::Counter::refused_calls)) continue;
      CHECK(entry.from_value == counted);
      CHECK(entry.to_value == ++counted);
    }
    CHECK(counted == 5);
  }
  SECTION("channels of domains that do not exist") {
    CHECK(client.interface(XCS_CIF_NEW_CC, 9).result == XCS_RSLT_FAILED);
    CHECK(client.interface(XCS_CIF_NEW_CC, 1025).result == XCS_RSLT_FAILED);
    CHECK(client.interface(XCS_CIF_NEW_CC, 0xffffffff).result == XCS_RSLT_FAILED);
    CHECK(client.interface(XCS_CIF_FREE_CC, 9).result == XCS_RSLT_FAILED);
    CHECK(client.interface(XCS_CIF_FREE_CC, 0xffffffff).result == XCS_RSLT_FAILED);
  }
  SECTION("invalid ports") {
    f.xen.add_domain(1);
    CHECK(client.interface(XCS_CIF_NEW_CC, 1, xcs_port_wildcard).result == XCS_RSLT_BADREQUEST);
    CHECK(client.interface(XCS_CIF_NEW_CC, 1, 0, 1024).result == XCS_RSLT_BADREQUEST);
  }
  SECTION("a virq that does not exist") {
    CHECK(client.virq_bind(200).result == XCS_RSLT_FAILED);
  }
  SECTION("a port that has another use") {
    f.xen.add_domain(1);
    CHECK(client.virq_bind(VIRQ_DOM_EXC).u.virq.port == 1);
    CHECK(client.interface(XCS_CIF_NEW_CC, 1, 1).result == XCS_RSLT_FAILED);
    CHECK(client.interface(XCS_CIF_NEW_CC, 1).u.interface.local_port == 2);
  }
  CHECK(client.bind(1, 1) == XCS_RSLT_OK);
}

TEST_CASE("a type without a meaning on a control connection is returned unchanged") {
  XcsFixture f;
  Client client(f);
  for (const std::uint32_t type : {6u, 9u, 10u, 11u, 12u, 0xffffffffu}) {
    XcsMessage odd;
    odd.type = type;
    odd.result = 77;
    std::memset(odd.u.raw, 0x5a, sizeof odd.u.raw);
    CHECK(bytes_of(client.call(odd)) == bytes_of(odd));
  }
}

TEST_CASE("a client without a session gets an error, and may still open one") {
  XcsFixture f;
  Wire wire(f.client_host);
  const auto result_of = [&](const FrameBytes& frame) {
    wire.write(frame);
    f.world.run();
    const auto replies = wire.read();
    REQUIRE(replies.size() == 1);
    return replies[0].result;
  };
  CHECK(result_of(frame_of("03000000 00000000 ffffffef ffff")) == XCS_RSLT_NOSESSION);
  CHECK(result_of(frame_of("07000000 00000000 01")) == XCS_RSLT_NOSESSION);
  CHECK(result_of(frame_of("00000000 00000000 123456789abcdef0")) == XCS_RSLT_BADSESSION);
  CHECK(result_of(frame_of("01000000 00000000 123456789abcdef0")) == XCS_RSLT_BADSESSION);
  CHECK(result_of(frame_of("01")) == XCS_RSLT_BADSESSION);
  CHECK(result_of(frame_of("")) == XCS_RSLT_OK);
  CHECK(result_of(frame_of("")) == XCS_RSLT_ARECONNECTED);
  CHECK(f.xcs->sessions() == 1);
}

TEST_CASE("each side of a session has one connection, and can have another after a loss") {
  XcsFixture f;
  auto guest = f.boot(1);
  Client client(f);
  client.attach(1);
  const auto connect = [&](std::uint32_t type, std::uint32_t expected) {
    Wire wire(f.client_host);
    wire.send(Client::connect(type, client.session));
    f.world.run();
    const auto replies = wire.read();
    REQUIRE(replies.size() == 1);
    CHECK(replies[0].result == expected);
    CHECK(replies[0].u.connect.session_id == client.session);
    return wire;
  };
  connect(XCS_CONNECT_CTRL, XCS_RSLT_CONINUSE);
  connect(XCS_CONNECT_DATA, XCS_RSLT_CONINUSE);

  client.control.close();
  f.world.run();
  client.control = connect(XCS_CONNECT_CTRL, XCS_RSLT_OK);
  CHECK(client.bind(5, 5) == XCS_RSLT_OK);

  client.data.close();
  f.world.run();
  guest->print("meanwhile");
  f.world.run();
  client.data = Wire(f.client_host);
  client.data.send(Client::connect(XCS_CONNECT_DATA, client.session));
  f.world.run();
  const auto frames = client.data.read();
  REQUIRE(frames.size() == 2);
  CHECK(frames[0].type == XCS_CONNECT_DATA);
  CHECK(frames[0].result == XCS_RSLT_OK);
  CHECK(text_of(frames[1].u.control.msg) == "meanwhile");
}

TEST_CASE("a session that both sides have left is kept for ten seconds, then freed with its bindings") {
  XcsFixture f;
  auto guest = f.boot(1);
  Client client(f);
  client.attach(1);
  client.control.close();
  f.world.run_for(std::chrono::seconds(60));
  CHECK(f.xcs->sessions() == 1);  // one side is still there
  client.data.close();
  f.world.run_for(std::chrono::milliseconds(9'900));
  CHECK(f.xcs->sessions() == 1);
  SECTION("it can be continued before") {
    Wire wire(f.client_host);
    wire.send(Client::connect(XCS_CONNECT_CTRL, client.session));
    f.world.run_for(std::chrono::seconds(60));
    CHECK(f.xcs->sessions() == 1);
  }
  SECTION("it cannot be continued after") {
    f.world.run_for(std::chrono::milliseconds(5'100));
    CHECK(f.xcs->sessions() == 0);
    CHECK(f.counters().sessions_expired == 1);
    Wire wire(f.client_host);
    wire.send(Client::connect(XCS_CONNECT_CTRL, client.session));
    f.world.run();
    CHECK(wire.read().at(0).result == XCS_RSLT_BADSESSION);
    guest->print("unbound");
    f.world.run();
    CHECK(f.counters().requests_waiting == 1);
  }
}

TEST_CASE("a connection that sends no first frame is closed at the first check after five seconds") {
  XcsFixture f;
  Wire silent(f.client_host);
  Wire half(f.client_host);
  half.write(Bytes(frame_of("")).first(79));
  f.world.run_for(std::chrono::milliseconds(5'000));
  CHECK_FALSE(silent.closed());
  f.world.run_for(std::chrono::milliseconds(5'100));
  CHECK(silent.closed());
  CHECK(half.closed());
  CHECK(f.counters().connections_silent == 2);
  CHECK(f.xcs->connections() == 0);
}

TEST_CASE("without connections and sessions xcs has no timer") {
  XcsFixture f;
  Client client(f);
  f.world.run_for(std::chrono::seconds(20));
  const auto steps = f.world.steps();
  f.world.run_for(std::chrono::hours(1));
  CHECK(f.world.steps() == steps);
}

TEST_CASE("the 257th connection is closed at once, and the others continue") {
  XcsFixture f;
  Client client(f);
  std::vector<Wire> wires;
  for (std::size_t i = 2; i < xcs_connections_max; ++i) {
    wires.emplace_back(f.client_host);
    f.world.run();
  }
  Wire one_more(f.client_host);
  f.world.run();
  CHECK(one_more.closed());
  CHECK(f.counters().connections_refused == 1);
  CHECK(f.xcs_host->warnings().size() == 1);
  CHECK_FALSE(wires.back().closed());
  CHECK(client.bind(1, 1) == XCS_RSLT_OK);
}

TEST_CASE("sessions above the limit fail, and one that ends makes room") {
  XcsFixture f;
  std::vector<Wire> wires;
  for (std::size_t i = 0; i < xcs_sessions_max; ++i) {
    wires.emplace_back(f.client_host).send(Client::connect(XCS_CONNECT_CTRL, 0));
    f.world.run();
    REQUIRE(wires.back().read().at(0).result == XCS_RSLT_OK);
  }
  Wire one_more(f.client_host);
  one_more.send(Client::connect(XCS_CONNECT_CTRL, 0));
  f.world.run();
  CHECK(one_more.read().at(0).result == XCS_RSLT_FAILED);
  wires.pop_back();
  f.world.run_for(std::chrono::seconds(16));
  Wire later(f.client_host);
  later.send(Client::connect(XCS_CONNECT_CTRL, 0));
  f.world.run();
  CHECK(later.read().at(0).result == XCS_RSLT_OK);
}

TEST_CASE("a client that calls without reading the replies delays only itself, and gets them all") {
  XcsFixture f;
  Client client(f);
  Client other(f);
  const FrameBytes bind = frame_of("03000000 00000000 ffffffef ffff");
  std::size_t sent = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::size_t taken = client.control.write(bind);
    sent += taken;
    f.world.run();
    if (taken < bind.size()) break;
  }
  CHECK(sent / bind.size() < 900);  // the client had to wait
  CHECK(other.bind(1, 1) == XCS_RSLT_OK);
  std::size_t replies = 0;
  for (std::size_t before = 1; before != replies;) {
    before = replies;
    replies += client.control.read().size();
    f.world.run();
  }
  CHECK(replies == sent / bind.size());
}

TEST_CASE("the calls of a client that writes and closes are still carried out") {
  XcsFixture f;
  f.xen.add_domain(1);
  Wire wire(f.client_host);
  wire.write(frame_of(""));
  wire.write(frame_of("07000000 00000000 01"));
  wire.close();
  f.world.run();
  CHECK(f.xcs->channel(1) != nullptr);
  CHECK(f.xcs->connections() == 0);
}

TEST_CASE("a second xcs on the same socket does not start") {
  XcsFixture f;
  SimHost& host = f.world.host("another xcs");
  Xcs second(host, trace::Journal(f.sink, trace::actor(trace::Role::xcs)),
             Privcmd(host, f.world.dom0_connection(host)), {.socket_path = xcs_path});
  const auto started = second.start();
  REQUIRE_FALSE(started.ok());
  CHECK(started.error().code == EADDRINUSE);
}

TEST_CASE("without the hypervisor xcs reports it and stops") {
  XcsFixture f;
  Client client(f);
  f.world.kill(f.xen.host());
  f.world.run();
  CHECK(f.xcs_host->exit_status() == 1);
  REQUIRE(f.xcs_host->warnings().size() == 1);
  CHECK(f.xcs_host->warnings()[0] ==
        "xcs stops: /var/lib/xen/xcs_socket: the hypervisor is gone (start the machine again)");
}

TEST_CASE("session ids are not zero, not equal, and not consecutive") {
  XcsSessions one(1);
  XcsSessions other(2);
  std::vector<std::uint64_t> ids;
  for (XcsConnectionNumber i = 1; i <= 50; ++i) {
    ids.push_back(one.connect_control(0, i).session->id);
    ids.push_back(other.connect_control(0, i).session->id);
  }
  std::sort(ids.begin(), ids.end());
  for (std::size_t i = 1; i < ids.size(); ++i) CHECK(ids[i] - ids[i - 1] > 1000);
  CHECK(ids[0] != 0);
}

}  // namespace xcs_test
