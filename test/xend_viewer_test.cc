// Viewers of a console of xend: telnet clients, and refused viewers.
#include "test/xend_lone_console.h"

namespace xend_viewer_test {

using namespace ringside;
using namespace ringside::dom0;
using namespace ringside::test;
using Fixture = XendLoneConsole;

TEST_CASE_METHOD(Fixture,
                 "a telnet viewer negotiates, reports its window, and exchanges bytes with the guest") {
  console.close();
  std::vector<std::pair<int, int>> windows;
  XendConsole telnet(
      world.host("xend"), trace::Journal(sink, {}), 8, store(8),
      {.has_room = [] { return true; },
       .numbers = [] { return false; },
       .send =
           [this](const ring::ControlMessage& message, std::uint32_t) {
             sent.emplace_back(dom0::XCS_REQUEST, message);
             return dom0::ConsoleGuest::Sent::taken;
           },
       .respond = [this](const ring::ControlMessage& message,
                         std::uint32_t) { sent.emplace_back(dom0::XCS_RESPONSE, message); },
       .flush = [] {},
       .reader_left = [] {}},
      {.window = [&](std::uint16_t rows, std::uint16_t columns) { windows.emplace_back(rows, columns); }});
  REQUIRE(telnet.listen(9608, "/m").ok());
  CHECK(telnet.telnet_port() == 19608);
  telnet.guest_request(
      ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 0xff, bytes_of("a\xff\r\rb")), 0);
  using namespace std::string_literals;
  const std::string shown = "a\xff\xff\r\0\r\0b"s;
  SECTION("at the telnet port") {
    User user(users, users.connect_tcp(19608).value());
    world.limit_write(GENERATE(1, 7, 4096));
    world.run();
    CHECK(user.seen == "\xff\xfb\x01\xff\xfb\x03\xff\xfd\x03\xff\xfb\x00\xff\xfd\x00\xff\xfd\x1f"s + shown);
    user.type("ls\r\0\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0"s);
    world.run();
    CHECK(input() == "ls\r");
    CHECK(windows == std::vector<std::pair<int, int>>{{24, 80}});
  }
  SECTION("at the raw port, from the moment when the client begins with it") {
    User user(users, users.connect_tcp(9608).value());
    world.run();
    CHECK(user.seen == "a\xff\r\rb");
    user.type("ls\r\n");
    world.run();
    CHECK(input() == "ls\r\n");
    user.type("\xff\xfd\x03\xff\xfd\x01");
    world.run();
    CHECK(user.seen.ends_with("\xff\xfb\x01\xff\xfb\x03\xff\xfd\x03\xff\xfb\x00\xff\xfd\x00\xff\xfd\x1f"s));
    user.type("x\r\0\xff\xff"s);
    world.run();
    CHECK(input() == "ls\r\nx\r\xff");
  }
  SECTION("never at the raw port once any other byte was sent, and never at the unix socket") {
    const bool local = GENERATE(false, true);
    User user(users, local ? users.connect_local(telnet.path()).value() : users.connect_tcp(9608).value());
    if (!local) user.type("\xe4");
    world.run();
    user.type("\xff\xfd\x03\xff\xfd\x01");
    world.run();
    CHECK(input() == (local ? "" : "\xe4") + "\xff\xfd\x03\xff\xfd\x01"s);
    CHECK(user.seen == "a\xff\r\rb");
  }
  SECTION("input of a viewer that does not read is bounded") {
    User user(users, users.connect_tcp(19608).value());
    world.run();
    user.read(false);
    std::string questions;
    for (int i = 0; i < 20'000; ++i) questions += "\xff\xf6";
    user.type(questions);
    world.run();
    user.read(true);
    world.run();
    std::size_t answers = 0;
    for (std::size_t at = user.seen.find("[yes]"); at != std::string::npos;
         at = user.seen.find("[yes]", at + 1))
      ++answers;
    CHECK(answers == 20'000);
  }
}

TEST_CASE_METHOD(Fixture, "a disconnected viewer makes room for the next, and no byte of the guest is lost") {
  auto hung = attach();
  hung->read(false);
  output_bytes(1000);
  console.disconnect_viewer();
  CHECK(console.status() == XendConsole::Status::listening);
  auto next = attach();
  output("more");
  world.run();
  CHECK(next->seen.ends_with("more"));
  console.disconnect_viewer();
  console.disconnect_viewer();
  CHECK(console.status() == XendConsole::Status::listening);
}

}  // namespace xend_viewer_test
