// One console alone: its viewer on one side; on the other the test acts as xend and the guest.
#include "emu/dom0/xend/xend_console.h"

#include <cerrno>

#include "test/catch.h"
#include "test/dom0_machine.h"
#include "test/xend_lone_console.h"

namespace xend_console_test {

using namespace ringside;
using namespace ringside::dom0;
using namespace ringside::test;

namespace {

using Fixture = XendLoneConsole;
constexpr DomainId domain = lone_domain;

}  // namespace

TEST_CASE_METHOD(Fixture, "a console goes from new to listening to connected and back, and ends closed") {
  XendConsole fresh(world.host("xend"), trace::Journal(sink, {}), 8, store(8),
                    {[] { return true; }, [] { return false; }, {}, {}, [] {}, [] {}});
  CHECK(fresh.status_name() == "new");
  CHECK(console.status_name() == "listening");
  auto viewer = attach();
  CHECK(console.status_name() == "connected");
  viewer->leave();
  world.run();
  CHECK(console.status_name() == "listening");
  CHECK(left == 1);
  console.close();
  CHECK(console.status_name() == "closed");
  CHECK_FALSE(users.connect_local("/m/console-9607").ok());
  CHECK_FALSE(users.connect_tcp(9607).ok());
}

TEST_CASE_METHOD(Fixture, "a busy TCP port is an error with its number and advice") {
  XendConsole other(world.host("xend"), trace::Journal(sink, {}), 8, store(8), {});
  const auto result = other.listen(9607, "/m");
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == EADDRINUSE);
  CHECK(result.error().text().find("9607") != std::string::npos);
  CHECK(result.error().text().find("--console-port-base") != std::string::npos);
}

TEST_CASE_METHOD(Fixture, "a busy socket path releases the TCP port") {
  auto squatter = users.listen_local("/m/console-9608").value();
  {
    XendConsole other(world.host("xend"), trace::Journal(sink, {}), 8, store(8), {});
    CHECK_FALSE(other.listen(9608, "/m").ok());
    CHECK(other.status() == XendConsole::Status::fresh);
  }
  CHECK(users.listen_tcp(9608).ok());
}

TEST_CASE_METHOD(Fixture, "output reaches the viewer, and the answer is the request itself") {
  auto viewer = attach();
  auto request = ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 0xff, bytes_of("hello"));
  request.msg[40] = 'x';  // after its length: still echoed
  console.guest_request(request, 0);
  console.settle();
  world.run();
  CHECK(viewer->seen == "hello");
  REQUIRE(answers() == 1);
  CHECK(std::memcmp(&sent[0].second, &request, sizeof request) == 0);
  CHECK(told(trace::Kind::bytes_passed) == 1);
}

TEST_CASE_METHOD(Fixture, "the output of one batch goes to the viewer in one write") {
  auto viewer = attach();
  for (int i = 0; i < 3; ++i) {
    console.guest_request(
        ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 0xff, bytes_of("abc")), 0);
  }
  console.settle();
  CHECK(told(trace::Kind::bytes_passed) == 1);
}

TEST_CASE_METHOD(Fixture, "earlier output is delivered when a viewer connects, over either socket") {
  output("early ");
  output("output");
  CHECK(answers() == 2);
  const bool tcp = GENERATE(true, false);
  User viewer(users, tcp ? users.connect_tcp(9607).value() : users.connect_local("/m/console-9607").value());
  world.run();
  CHECK(viewer.seen == "early output");
}

TEST_CASE_METHOD(Fixture, "without a viewer 64 KiB are kept, the oldest are discarded and counted") {
  const std::string all = output_bytes(console_output_bytes_max + 60 * 5);
  CHECK(answers() == all.size() / 60 + (all.size() % 60 != 0 ? 1 : 0));
  CHECK(console.buffered_bytes() == 65'536);
  CHECK(console.discarded_bytes() == 300);
  CHECK(told(trace::Kind::counted) >= 5);
  auto viewer = attach();
  CHECK(viewer->seen == all.substr(300));
  CHECK(console.buffered_bytes() == 0);
}

TEST_CASE_METHOD(Fixture, "answers are withheld while a viewer does not read, and no byte is lost") {
  auto viewer = attach();
  viewer->read(false);
  std::string all;
  std::size_t requests = 0;
  while (requests - answers() < ring::slots_per_ring) {
    all += output_bytes(60);
    ++requests;
    if (requests % 4 == 0) world.run();
  }
  CHECK(console.buffered_bytes() + 60 > console_output_bytes_max);
  CHECK(console.discarded_bytes() == 0);
  viewer->read(true);
  world.run();
  CHECK(answers() == requests);
  CHECK(viewer->seen == all);
}

TEST_CASE_METHOD(Fixture, "a request beyond the ring's eight is refused") {
  auto viewer = attach();
  viewer->read(false);
  while (told(trace::Kind::refused) == 0) output_bytes(60);
  const std::size_t answered = answers();
  viewer->read(true);
  world.run();
  CHECK(answers() == answered + ring::slots_per_ring);
}

TEST_CASE_METHOD(Fixture, "other messages are echoed past withheld output") {
  auto viewer = attach();
  viewer->read(false);
  std::size_t requests = 0;
  while (requests - answers() < 3) {
    output_bytes(60);
    ++requests;
  }
  const ring::ControlMessage other{ring::CMSG_MEM_REQUEST, 0, 5, 8, {1, 2, 3}};
  console.guest_request(other, 0);
  const auto echoed = sent_of(XCS_RESPONSE).back();
  CHECK(std::memcmp(&echoed, &other, sizeof other) == 0);
  CHECK(viewer->seen.empty());
}

TEST_CASE_METHOD(Fixture, "short output does not overtake long output that waits for room") {
  auto viewer = attach();
  viewer->read(false);
  std::string all;
  while (console.buffered_bytes() + 30 < console_output_bytes_max) {
    all += output_bytes(std::min<std::size_t>(60, console_output_bytes_max - 30 - console.buffered_bytes()));
  }
  const std::size_t before = answers();
  all += output_bytes(60);
  output("short");
  CHECK(answers() == before);
  viewer->read(true);
  world.run();
  CHECK(viewer->seen == all + "short");
}

TEST_CASE_METHOD(Fixture, "an invalid length or subtype of a console message is echoed and harmless") {
  auto viewer = attach();
  ring::ControlMessage message{ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 0xff, 255, {}};
  message.msg[0] = 'a';
  console.guest_request(message, 0);
  console.guest_request({ring::CMSG_CONSOLE, 9, 0xff, 5, {'n', 'o'}}, 0);
  console.guest_request({ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 0xff, 0, {}}, 0);
  console.settle();
  world.run();
  CHECK(answers() == 3);
  CHECK(sent[0].second.length == 255);
  CHECK(viewer->seen.size() == 60);
}

TEST_CASE_METHOD(Fixture, "the next viewer gets the output that a leaving viewer did not read") {
  auto first = attach();
  first->read(false);
  std::size_t requests = 0;
  std::string all;
  while (requests - answers() < ring::slots_per_ring) {
    all += output_bytes(60);
    ++requests;
  }
  first->leave();
  world.run();
  // Without a viewer the withheld requests are answered, and their output displaces the oldest.
  CHECK(answers() == requests);
  CHECK(console.buffered_bytes() <= console_output_bytes_max);
  CHECK(console.discarded_bytes() > 0);
  auto second = attach();
  CHECK(second->seen == all.substr(all.size() - second->seen.size()));
  CHECK(second->seen.size() > console_output_bytes_max - 60);
}

TEST_CASE_METHOD(Fixture, "a second viewer is refused with the message of 2005, on either socket") {
  auto viewer = attach();
  const bool tcp = GENERATE(true, false);
  User second(users, tcp ? users.connect_tcp(9607).value() : users.connect_local("/m/console-9607").value());
  world.run();
  CHECK(second.seen == "Cannot connect to console 9607 on domain 7\n");
  CHECK(second.cut_off);
  CHECK(told(trace::Kind::refused) == 1);
  output("still here");
  world.run();
  CHECK(viewer->seen == "still here");
}

TEST_CASE_METHOD(Fixture, "input is sent in requests of at most 60 bytes, with id 0") {
  auto viewer = attach();
  const std::string typed(130, 'k');
  viewer->type(typed);
  world.run();
  const auto requests = sent_of(XCS_REQUEST);
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].length == 60);
  CHECK(requests[2].length == 10);
  for (const auto& request : requests) CHECK((request.type == 0 && request.subtype == 0 && request.id == 0));
  CHECK(input() == typed);
}

TEST_CASE_METHOD(Fixture, "at most seven requests wait for the guest, and then the viewer waits") {
  auto viewer = attach();
  std::string typed;
  for (int i = 0; i < 3000; ++i) typed += fmt::format("{:05}", i);
  viewer->type(typed);
  world.run();
  CHECK(sent_of(XCS_REQUEST).size() == 7);
  // The bytes in flight are those that the console keeps and those that the connection holds.
  CHECK(viewer->unsent() >= typed.size() - 7 * 60 - console_input_bytes_max - 4096);
  while (sent_of(XCS_REQUEST).size() < typed.size() / 60) {
    const std::size_t before = sent_of(XCS_REQUEST).size();
    console.guest_response(0);
    console.settle();
    world.run();
    REQUIRE(sent_of(XCS_REQUEST).size() == before + 1);
  }
  CHECK(input() == typed);
  CHECK(viewer->unsent() == 0);
}

TEST_CASE_METHOD(Fixture, "input of a viewer that has left is sent before the next viewer's input") {
  auto first = attach();
  first->type(std::string(7 * 60 + 100, 'a'));
  world.run();
  first->leave();
  world.run();
  CHECK(console.status() == XendConsole::Status::listening);
  auto second = attach();
  second->type("b");
  world.run();
  for (int i = 0; i < 7; ++i) console.guest_response(0);
  console.settle();
  CHECK(input() == std::string(520, 'a') + "b");
}

TEST_CASE_METHOD(Fixture, "a response without a request allows no more input") {
  auto viewer = attach();
  console.guest_response(0);
  console.guest_response(0);
  viewer->type(std::string(1000, 'a'));
  world.run();
  CHECK(sent_of(XCS_REQUEST).size() == 7);
}

TEST_CASE_METHOD(Fixture, "without a channel nothing is answered or sent, and with a new one all continues") {
  auto viewer = attach();
  wire_open = false;
  output("waits");
  viewer->type("waits too");
  world.run();
  CHECK(sent.empty());
  CHECK(viewer->seen.empty());
  wire_open = true;
  console.channel_ready();
  world.run();
  CHECK(answers() == 1);
  CHECK(input() == "waits too");
  CHECK(viewer->seen == "waits");
}

TEST_CASE_METHOD(Fixture, "after the loss of a channel requests are repeated, and input is allowed again") {
  auto viewer = attach();
  viewer->type(std::string(500, 'a'));
  world.run();
  wire_open = false;
  output("unanswered");
  console.channel_lost();
  wire_open = true;
  output("unanswered");
  console.channel_ready();
  world.run();
  CHECK(viewer->seen == "unanswered");
  CHECK(answers() == 1);
  CHECK(input() == std::string(500, 'a'));
}

TEST_CASE_METHOD(Fixture, "at the end even a slow viewer gets the rest, and is disconnected") {
  auto viewer = attach();
  viewer->read(false);
  std::string all;
  std::size_t requests = 0;
  while (requests - answers() < ring::slots_per_ring) {
    all += output_bytes(60);
    ++requests;
  }
  console.finish();
  world.run();
  CHECK_FALSE(viewer->cut_off);
  viewer->read(true);
  world.run();
  CHECK(viewer->seen == all);
  CHECK(viewer->cut_off);
  CHECK(left == 1);
}

TEST_CASE_METHOD(Fixture, "after the end input is read and discarded") {
  auto viewer = attach();
  viewer->read(false);
  output_bytes(20'000);
  console.finish();
  viewer->type(std::string(50'000, 'x'));
  world.run();
  CHECK(viewer->unsent() == 0);
  CHECK(input().empty());
  viewer->read(true);
  world.run();
  CHECK(viewer->cut_off);
}

TEST_CASE_METHOD(Fixture, "a console that has ended shows its last output to the next viewer") {
  output("last words");
  console.finish();
  CHECK(console.status() == XendConsole::Status::listening);
  auto viewer = attach();
  CHECK(viewer->seen == "last words");
  CHECK(viewer->cut_off);
  auto late = attach();
  CHECK(late->seen.empty());
  CHECK(late->cut_off);
}

TEST_CASE_METHOD(Fixture, "a crash message displaces no output, and each viewer gets it") {
  const std::string all = output_bytes(console_output_bytes_max);
  console.finish("dom0's.");
  CHECK(console.discarded_bytes() == 0);
  CHECK(console.buffered_bytes() == console_output_bytes_max);
  CHECK(attach()->seen == all + "dom0's.");
  CHECK(attach()->seen == "dom0's.");
}

TEST_CASE_METHOD(Fixture, "a viewer may leave while the last output is shown") {
  auto viewer = attach();
  viewer->read(false);
  output_bytes(20'000);
  console.finish();
  viewer->leave();
  world.run();
  CHECK(console.status() == XendConsole::Status::listening);
  auto next = attach();
  CHECK_FALSE(next->seen.empty());
  CHECK(next->cut_off);
}

TEST_CASE_METHOD(Fixture,
                 "all input of a viewer that leaves is delivered, also when there is output to show") {
  auto viewer = attach();
  viewer->read(false);
  const std::string shown = output_bytes(20'000);
  world.run();
  viewer->type("the last words");
  world.run();
  const std::string more(3000, 'x');
  const bool input_is_full = GENERATE(false, true);
  if (input_is_full) {
    // Without answers the console takes no more than it may keep.
    viewer->type(std::string(console_input_bytes_max, 'y'));
    world.run();
    viewer->type(more);
    world.run();
  }
  viewer->leave();
  output("for the next");
  world.run();
  while (console.store().input_in_flight() != 0) {
    console.guest_response(0);
    console.settle();
    world.run();
  }
  CHECK(input() ==
        "the last words" + (input_is_full ? std::string(console_input_bytes_max, 'y') + more : ""));
  CHECK_FALSE(console.has_viewer());
  auto next = attach();
  CHECK(next->seen.ends_with("for the next"));
}

TEST_CASE_METHOD(Fixture,
                 "while input of a viewer that has left is read, output is kept as without a viewer") {
  auto viewer = attach();
  viewer->read(false);
  (void)output_bytes(10'000);
  world.run();
  viewer->type(std::string(console_input_bytes_max + 1000, 'y'));
  world.run();
  viewer->leave();
  world.run();
  // The guest answers no input, but its output continues.
  const std::size_t asked = number;
  (void)output_bytes(2 * console_output_bytes_max);
  world.run();
  CHECK(console.has_viewer());
  CHECK(answers() == number);
  CHECK(number > asked);
  CHECK(console.discarded_bytes() > 0);
  // After the end there is no reader.
  console.finish();
  world.run();
  CHECK_FALSE(console.has_viewer());
}

}  // namespace xend_console_test
