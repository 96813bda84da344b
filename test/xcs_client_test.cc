// The client side of the xcs protocol, against an xcs that the test controls.
#include "emu/dom0/xcs/client.h"

#include "test/catch.h"
#include "test/dom0_machine.h"

namespace xcs_client_test {

using namespace ringside;
using namespace ringside::dom0;
using namespace ringside::test;

namespace {

constexpr const char* path = "/m/xcs_socket";

struct Fixture {
  Fixture() { world.stream_bytes(64 * sizeof(XcsMessage)); }

  void connect() {
    REQUIRE(client.connect(path, [this] { ready = true; }).ok());
    world.run();
    REQUIRE(ready);
  }

  SimWorld world;
  ScriptedXcs xcs{world, "xcs", path};
  trace::MemorySink sink{world.clock()};
  std::vector<XcsMessage> frames;
  int pauses = 0;
  int rooms = 0;
  std::vector<std::string> losses;
  bool ready = false;
  XcsClient client{world.host("client"),
                   trace::Journal(sink, trace::actor(trace::Role::xend)),
                   {.frame = [this](const XcsMessage& frame) { frames.push_back(frame); },
                    .pause = [this] { ++pauses; },
                    .room = [this] { ++rooms; },
                    .lost = [this](const Error& error) { losses.push_back(error.text()); }}};
};

XcsMessage numbered(std::uint8_t number) {
  return control_message(XCS_RESPONSE, 1, 11, ring::make_message(0, 0, number, bytes_of("payload")));
}

}  // namespace

TEST_CASE_METHOD(Fixture, "a session is a control connection, then a data connection with its id") {
  connect();
  REQUIRE(xcs.calls.size() == 2);
  CHECK(xcs.calls[0].type == XCS_CONNECT_CTRL);
  CHECK(xcs.calls[0].u.connect.session_id == 0);
  CHECK(xcs.calls[1].type == XCS_CONNECT_DATA);
  CHECK(xcs.calls[1].u.connect.session_id == 77);
  CHECK(client.up());
  CHECK(sink.count(trace::Kind::frame_passed) == 2);
}

TEST_CASE_METHOD(Fixture, "connecting fails at once without a listener") {
  const auto result = client.connect("/m/elsewhere", [] {});
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == ENOENT);
}

TEST_CASE_METHOD(Fixture, "a refused session is reported as a loss, with its result") {
  const auto type = GENERATE(as<std::uint32_t>(), XCS_CONNECT_CTRL, XCS_CONNECT_DATA);
  xcs.results[type] = XCS_RSLT_FAILED;
  REQUIRE(client.connect(path, [this] { ready = true; }).ok());
  world.run();
  CHECK_FALSE(ready);
  REQUIRE(losses.size() == 1);
  CHECK(losses[0].find("result 1") != std::string::npos);
}

TEST_CASE_METHOD(Fixture, "replies reach their calls in order, whatever their results") {
  connect();
  std::vector<std::uint32_t> results;
  xcs.results[XCS_MSG_BIND] = XCS_RSLT_BADREQUEST;
  client.call(bind_message(XCS_MSG_BIND, 5, xcs_type_wildcard),
              [&](const XcsMessage& reply) { results.push_back(reply.result); });
  client.call(virq_bind_message(VIRQ_DOM_EXC), [&](const XcsMessage& reply) {
    results.push_back(100 + static_cast<std::uint32_t>(reply.u.virq.port));
  });
  client.call(interface_message(XCS_CIF_FREE_CC, 1, 0, 0), nullptr);
  world.run();
  CHECK(results == std::vector<std::uint32_t>{XCS_RSLT_BADREQUEST, 103});
  CHECK(xcs.called(XCS_CIF_FREE_CC) == 1);
}

TEST_CASE_METHOD(Fixture, "a reply to no call is a loss") {
  connect();
  xcs.on_call = [this](const XcsMessage&) { xcs.unanswered.clear(); };
  std::uint32_t answered = 0;
  client.call(bind_message(XCS_MSG_BIND, 5, 0), [&](const XcsMessage&) { ++answered; });
  world.run();
  REQUIRE(answered == 1);
  // The second call gets the answer of another call.
  xcs.results.clear();
  xcs.unanswered = {XCS_MSG_UNBIND};
  client.call(bind_message(XCS_MSG_UNBIND, 5, 0), [&](const XcsMessage&) { ++answered; });
  xcs.on_call = nullptr;
  client.call(bind_message(XCS_MSG_BIND, 5, 0), [&](const XcsMessage&) { ++answered; });
  world.run();
  CHECK(answered == 1);
  REQUIRE(losses.size() == 1);
  CHECK(losses[0].find("broke the protocol") != std::string::npos);
  CHECK_FALSE(client.up());
}

TEST_CASE_METHOD(Fixture, "frames that arrive in pieces are assembled") {
  connect();
  const XcsMessage first = numbered(1);
  const XcsMessage second = numbered(2);
  std::string stream(reinterpret_cast<const char*>(&first), sizeof first);
  stream.append(reinterpret_cast<const char*>(&second), sizeof second);
  const std::size_t cut = GENERATE(1, 79, 80, 81, 159);
  xcs.send_bytes(bytes_of(stream.substr(0, cut)));
  world.run();
  CHECK(frames.size() == cut / 80);
  xcs.send_bytes(bytes_of(stream.substr(cut)));
  world.run();
  REQUIRE(frames.size() == 2);
  CHECK(bytes_of(frames[0]) == bytes_of(first));
  CHECK(bytes_of(frames[1]) == bytes_of(second));
}

TEST_CASE_METHOD(Fixture, "many frames arrive in one turn and are sent in one write") {
  connect();
  pauses = 0;
  for (std::uint8_t i = 0; i < 40; ++i) xcs.send(numbered(i));
  world.run();
  CHECK(frames.size() == 40);
  CHECK(pauses == 1);
  for (std::uint8_t i = 0; i < 40; ++i) {
    REQUIRE(client.has_room());
    client.send(numbered(i));
  }
  world.run();
  CHECK(xcs.frames.empty());
  client.flush();
  world.run();
  REQUIRE(xcs.frames.size() == 40);
  CHECK(xcs.frames[39].u.control.msg.id == 39);
}

TEST_CASE_METHOD(Fixture, "an xcs that does not read fills a bounded queue, and room is announced") {
  connect();
  xcs.stop_reading();
  std::size_t sent = 0;
  while (client.has_room()) {
    client.send(numbered(static_cast<std::uint8_t>(sent)));
    client.flush();
    ++sent;
  }
  CHECK(sent == client_frames_max + 64);
  world.run();
  CHECK(rooms == 0);
  xcs.go_on_reading();
  world.run();
  CHECK(rooms == 1);
  REQUIRE(xcs.frames.size() == sent);
  for (std::size_t i = 0; i < sent; ++i)
    REQUIRE(xcs.frames[i].u.control.msg.id == static_cast<std::uint8_t>(i));
}

TEST_CASE_METHOD(Fixture, "a queue that becomes full is sent at once, and has room again") {
  connect();
  for (std::size_t i = 0; i < client_frames_max; ++i) client.send(numbered(0));
  CHECK(client.has_room());
}

TEST_CASE_METHOD(Fixture, "the end of xcs is reported once, and drops the waiting calls") {
  connect();
  xcs.unanswered = {XCS_MSG_BIND};
  bool answered = false;
  client.call(bind_message(XCS_MSG_BIND, 5, 0), [&](const XcsMessage&) { answered = true; });
  world.run();
  world.kill(xcs.host());
  world.run();
  CHECK(losses.size() == 1);
  CHECK_FALSE(answered);
  CHECK_FALSE(client.up());
  CHECK_FALSE(client.has_room());
  client.call(bind_message(XCS_MSG_BIND, 5, 0), nullptr);
  client.flush();
  world.run();
  CHECK(losses.size() == 1);
}

TEST_CASE_METHOD(Fixture, "an xcs that answers no call counts as dead at a limit") {
  connect();
  xcs.unanswered = {XCS_MSG_BIND};
  for (std::size_t i = 0; i < client_calls_max; ++i) client.call(bind_message(XCS_MSG_BIND, 5, 0), nullptr);
  world.run();
  CHECK(losses.empty());
  client.call(bind_message(XCS_MSG_BIND, 5, 0), nullptr);
  world.run();
  REQUIRE(losses.size() == 1);
  CHECK(losses[0].find("does not answer") != std::string::npos);
}

TEST_CASE_METHOD(Fixture, "polling takes arrived frames without waiting for the host") {
  connect();
  xcs.send(numbered(9));
  client.poll();
  CHECK(frames.size() == 1);
}

}  // namespace xcs_client_test
