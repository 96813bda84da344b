// One console of xenctld: its queues, its guest, its end, and its state after a restart.
#include "emu/dom0/xenctld/xenctld_console.h"

#include "test/catch.h"
#include "test/lone_console.h"

namespace xenctld_console_test {

using namespace ringside;
using namespace ringside::dom0;
using namespace ringside::test;
using namespace std::chrono_literals;

namespace {

struct Limited : LoneConsole {
  Limited() : LoneConsole(1000) {}
};

}  // namespace

TEST_CASE_METHOD(LoneConsole, "output waits for a reader of the pty, and is answered at once") {
  CHECK(output("before, "));
  CHECK(answered.size() == 1);
  CHECK(status() == "waiting");
  auto reader = open();
  CHECK(reader->seen == "before, ");
  CHECK(status() == "connected");
  CHECK(output("and after"));
  world.run();
  CHECK(reader->seen == "before, and after");
}

TEST_CASE_METHOD(LoneConsole,
                 "input is sent in pieces of 60 bytes, seven at a time, and then the typist waits") {
  auto typist = open();
  std::string text;
  for (int number = 0; text.size() < 50'000; ++number) text += std::to_string(number) + ' ';
  typist->type(text);
  world.run();
  CHECK(sent.size() == console_input_window);
  CHECK(input() == text.substr(0, console_input_window * ring::payload_bytes_max));
  CHECK(typist->unsent() > 0);
  while (input().size() < text.size()) {
    const std::size_t before = sent.size();
    for (std::size_t answers = 0; answers < before; ++answers) console->guest_response(0);
    console->settle();
    world.run();
    REQUIRE(sent.size() > before);
  }
  CHECK(input() == text);
}

TEST_CASE_METHOD(LoneConsole, "while the channel has no room the console keeps its input, in order") {
  ring_full = true;
  auto typist = open();
  typist->type("typed while the ring was full");
  world.run();
  CHECK(sent.empty());
  ring_full = false;
  console->settle();
  CHECK(input() == "typed while the ring was full");
}

TEST_CASE_METHOD(LoneConsole, "a full queue makes the guest wait, and no byte is lost") {
  std::string all = output_bytes(2 * xenctld_queue_bytes_max);
  CHECK(waiting.size() == ring::slots_per_ring);
  CHECK(console->buffered_bytes() <= xenctld_queue_bytes_max);
  auto reader = open();
  CHECK(waiting.empty());
  all += output_bytes(5000);
  world.run();
  CHECK(reader->seen == all);
  CHECK(console->discarded_bytes() == 0);
}

TEST_CASE_METHOD(LoneConsole, "a request whose slot is used again was answered by the earlier daemon") {
  std::string all = output_bytes(2 * xenctld_queue_bytes_max);
  REQUIRE(waiting.size() == ring::slots_per_ring);
  waiting.erase(waiting.begin(), waiting.begin() + 2);
  all += output_bytes(2 * ring::payload_bytes_max);
  auto reader = open();
  CHECK(waiting.empty());
  CHECK(reader->seen == all.substr(console->discarded_bytes()));
  CHECK(console->discarded_bytes() <= 2 * ring::payload_bytes_max);
  CHECK(sink.count(trace::Kind::refused) == 0);
}

TEST_CASE_METHOD(LoneConsole, "a request of another kind is echoed, also while output is withheld") {
  while (waiting.size() < ring::slots_per_ring - 1) (void)output_bytes(ring::payload_bytes_max);
  answered.clear();
  waiting.push_back({ring::make_message(ring::CMSG_MEM_REQUEST, 0, 5, bytes_of("12345678")), next_index++});
  console->guest_request(waiting.back().message, waiting.back().index);
  REQUIRE(answered.size() == 1);
  CHECK(answered[0].type == ring::CMSG_MEM_REQUEST);
  CHECK(text_of(answered[0]) == "12345678");
}

TEST_CASE_METHOD(
    Limited,
    "with a limit the guest never waits: the oldest bytes are discarded, counted, and reported once") {
  const std::string all = output_bytes(5000);
  CHECK(all.size() == 5000);
  CHECK(waiting.empty());
  CHECK(console->buffered_bytes() == 1000);
  CHECK(console->discarded_bytes() == 4000);
  REQUIRE(daemon.warnings().size() == 1);
  CHECK(daemon.warnings()[0].find("more than 1000 bytes") != std::string::npos);
  auto reader = open();
  CHECK(reader->seen == all.substr(4000));
}

TEST_CASE_METHOD(LoneConsole, "after the end each reader gets the rest and is disconnected") {
  auto reader = open();
  reader->read(false);
  CHECK(output("last words"));
  console->finish();
  world.run_for(1s);
  CHECK_FALSE(reader->cut_off);
  reader->read(true);
  world.run_for(1s);
  CHECK(reader->seen == "last words");
  CHECK(reader->cut_off);
  // The next reader finds an empty pty, and is disconnected as well.
  auto next = open();
  CHECK(next->seen.empty());
  CHECK(next->cut_off);
}

TEST_CASE_METHOD(LoneConsole,
                 "after the end a reader keeps its pty while there are no descriptors for another one") {
  auto reader = open();
  world.exhaust_descriptors(daemon, true);
  console->finish();
  world.run_for(10s);
  CHECK_FALSE(reader->cut_off);
  CHECK(daemon.warnings().size() == 1);
  world.exhaust_descriptors(daemon, false);
  world.run_for(1s);
  CHECK(reader->cut_off);
  CHECK(open()->cut_off);
}

TEST_CASE_METHOD(LoneConsole, "a console stays until it has what its last reader left unread") {
  auto reader = open();
  reader->read(false);
  CHECK(output("unread"));
  world.run_for(1s);
  CHECK(console->buffered_bytes() == 0);
  reader.reset();
  world.run_for(1ms);
  console->finish();
  console->close();
  CHECK(console->has_viewer());
  world.run_for(1s);
  CHECK_FALSE(console->has_viewer());
  CHECK(console->buffered_bytes() == 6);
}

TEST_CASE_METHOD(LoneConsole,
                 "a pty that could not be replaced gives back what was unread when the console closes") {
  auto reader = open();
  reader->read(false);
  CHECK(output("unread"));
  world.run_for(1s);
  world.exhaust_descriptors(daemon, true);
  reader.reset();
  world.run_for(1s);
  CHECK(console->buffered_bytes() == 0);
  console->finish();
  console->close();
  CHECK_FALSE(console->has_viewer());
  CHECK(console->buffered_bytes() == 6);
}

TEST_CASE_METHOD(LoneConsole, "at the end of the guest withheld output is taken, beyond the queue's limit") {
  const std::string all = output_bytes(2 * xenctld_queue_bytes_max);
  REQUIRE(waiting.size() == ring::slots_per_ring);
  console->finish();
  CHECK(waiting.empty());
  waiting.clear();
  auto reader = open();
  CHECK(reader->seen == all);
}

TEST_CASE_METHOD(LoneConsole, "a closed console has no link, and ends when its reader has all output") {
  auto reader = open();
  CHECK(output("end"));
  console->finish();
  console->close();
  CHECK_FALSE(world.link_target(link_path));
  CHECK(console->has_reader());
  world.run_for(1s);
  CHECK_FALSE(console->has_reader());
  CHECK(reader->seen == "end");
  CHECK(reader->cut_off);
  CHECK_FALSE(world.link_target(link_path));
}

TEST_CASE_METHOD(
    LoneConsole,
    "requests that a daemon had taken but not answered when it died are answered and not taken twice") {
  CHECK(output("once, "));
  // The answer did not reach the ring, and one more request has arrived.
  waiting = {{ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 0, bytes_of("once, ")), 0},
             {ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 0, bytes_of("and this")), 1}};
  start_again();
  CHECK(waiting.empty());
  auto reader = open();
  CHECK(reader->seen == "once, and this");
}

TEST_CASE_METHOD(LoneConsole, "input in flight is offered again, and answered input leaves the window") {
  auto typist = open();
  std::string text(std::size_t{10} * ring::payload_bytes_max, 'x');
  typist->type(text);
  world.run();
  REQUIRE(sent.size() == console_input_window);
  // Of the seven requests the guest has answered two, three are in its ring, and two never reached the ring.
  outcomes = {{1, Sent::answered}, {2, Sent::answered}, {3, Sent::taken}, {4, Sent::taken}, {5, Sent::taken}};
  start_again();
  CHECK(sent.size() == 4);
  console->guest_response(5);
  console->settle();
  CHECK(sent.size() == 5);
}

TEST_CASE_METHOD(LoneConsole, "held input waits, also over a restart, and is sent when it is released") {
  auto typist = open();
  console->hold_input(true);
  typist->type("typed");
  world.run();
  CHECK(sent.empty());
  start_again();
  CHECK(input() == "typed");
}

TEST_CASE_METHOD(LoneConsole, "a final message comes after the guest's output, once to each reader") {
  auto reader = open();
  reader->read(false);
  CHECK(output("the guest's. "));
  console->finish("dom0's.");
  world.run_for(1s);
  leave(reader);
  auto next = open();
  CHECK(next->seen == "the guest's. dom0's.");
  CHECK(next->cut_off);
  auto late = open();
  CHECK(late->seen == "dom0's.");
  CHECK(late->cut_off);
  world.file("/tmp/log", "");
  REQUIRE(console->attach("/tmp/log", "").ok());
  world.run_for(1s);
  CHECK(world.file_content("/tmp/log") == "dom0's.");
}

TEST_CASE_METHOD(LoneConsole, "a crash message that an earlier daemon has stored is not shown twice") {
  auto reader = open();
  reader->read(false);
  console->finish("dom0's.");
  leave(reader);
  REQUIRE(console->store().output_ends_with("dom0's."));
  start_again();
  console->finish("dom0's.");
  CHECK(open()->seen == "dom0's.");
}

}  // namespace xenctld_console_test
