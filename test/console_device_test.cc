// The devices of a console: ptys that users open and close, and files.
#include "emu/dom0/xenctld/console_device.h"

#include <cerrno>

#include "test/catch.h"
#include "test/lone_console.h"

namespace console_device_test {

using namespace ringside;
using namespace ringside::dom0;
using namespace ringside::test;
using namespace std::chrono_literals;

TEST_CASE_METHOD(LoneConsole, "no output is written to a pty before its reader has had time to set it up") {
  CHECK(output("text"));
  auto file = users.file_open(link_path, Host::FileUse::output);
  REQUIRE(file.ok());
  const User reader(users, std::move(file->handle));
  world.run_for(pty_settle_delay / 2);
  CHECK(reader.seen.empty());
  world.run_for(pty_settle_delay);
  CHECK(reader.seen == "text");
}

TEST_CASE_METHOD(LoneConsole,
                 "bytes that a reader leaves unread are delivered to the next one, in order, at any time") {
  const auto later = GENERATE(0us, 1us, 1000us, 99'999us, 100'000us, 100'001us, 1'000'000us);
  (void)left_unread("unread. ");
  world.run_for(later);
  CHECK(output("meanwhile. "));
  auto second = open();
  CHECK(output("then."));
  world.run();
  CHECK(second->seen == "unread. meanwhile. then.");
}

TEST_CASE_METHOD(LoneConsole, "two readers: the pty stays until both have left") {
  auto first = open();
  const auto pty = world.link_target(link_path);
  auto second = open();
  leave(first);
  CHECK(world.link_target(link_path) == pty);
  CHECK(status() == "connected");
  leave(second);
  CHECK(world.link_target(link_path) != pty);
}

TEST_CASE_METHOD(LoneConsole,
                 "a reader that looked up the link before it moved to a new pty is served at the old one") {
  const std::string pty = left_unread("unread. ");
  world.run_for(pty_settle_delay / 4);
  CHECK(world.link_target(link_path) != pty);
  auto second = arrive(pty);
  CHECK(output("meanwhile."));
  world.run_for(1s);
  CHECK(second->seen == "unread. meanwhile.");
  CHECK(status() == "connected");
  CHECK(world.link_target(link_path) == pty);
  leave(second);
  CHECK(world.link_target(link_path) != pty);
  CHECK(output("next"));
  CHECK(open()->seen == "next");
}

TEST_CASE_METHOD(
    LoneConsole,
    "if readers open the old and the new pty, the one at the new pty stays, and no byte is lost") {
  const std::string pty = left_unread("unread. ");
  world.run_for(1us);
  auto late = arrive(pty);
  late->read(false);
  late->type("typed");
  auto next = arrive();
  CHECK(output("meanwhile."));
  world.run_for(1s);
  late->read(true);
  world.run_for(1s);
  CHECK(late->cut_off);
  CHECK(late->seen.empty());
  CHECK(next->seen == "unread. meanwhile.");
  CHECK(input() == "typed");
}

TEST_CASE_METHOD(LoneConsole, "typed bytes are read in order even if their writers have left before") {
  // The guest takes no input, so typed bytes keep the old pty.
  ring_full = true;
  std::string typed;
  for (const char letter : {'a', 'b', 'c', 'd'}) {
    auto user = open();
    const std::string text(letter == 'a' ? 2 * console_input_bytes_max : 1000, letter);
    user->type(text);
    typed += text;
    world.run();
    CHECK(user->unsent() == 0);
    user->leave();
    world.run_for(letter == 'c' ? 1us : 1s);
  }
  CHECK(status() == "waiting");
  ring_full = false;
  while (input().size() < typed.size()) {
    const std::size_t before = sent.size();
    console->settle();
    world.run();
    REQUIRE(sent.size() > before);
    for (std::size_t answers = before; answers < sent.size(); ++answers) console->guest_response(0);
  }
  CHECK(input() == typed);
  CHECK(output("hello"));
  CHECK(open()->seen == "hello");
}

TEST_CASE_METHOD(LoneConsole, "input of a user who leaves at once reaches the guest") {
  auto file = users.file_open(link_path, Host::FileUse::output);
  REQUIRE(file.ok());
  REQUIRE(users.write(file->handle, bytes_of("echo hello\n")).bytes == 11);
  file->handle.close();
  world.run_for(1s);
  CHECK(input() == "echo hello\n");
  CHECK(status() == "waiting");
}

TEST_CASE_METHOD(LoneConsole, "a regular file gets the queued and all later output, and gives no input") {
  world.file("/tmp/log", "kept. ");
  CHECK(output("queued. "));
  REQUIRE(console->attach("/tmp/log", "").ok());
  CHECK(output("later."));
  world.run_for(1s);
  CHECK(world.file_content("/tmp/log") == "kept. queued. later.");
  CHECK(sent.empty());
  CHECK(status() == "attached");
  CHECK(console->device().path() == "/tmp/log");
  CHECK_FALSE(world.link_target(link_path));
}

TEST_CASE_METHOD(LoneConsole, "input comes from a second file to its end, and output continues") {
  world.file("/tmp/log", "");
  world.file("/tmp/commands", "help\nexit\n");
  REQUIRE(console->attach("/tmp/log", "/tmp/commands").ok());
  world.run_for(1s);
  CHECK(input() == "help\nexit\n");
  CHECK(output("bye"));
  CHECK(world.file_content("/tmp/log") == "bye");
}

TEST_CASE_METHOD(LoneConsole, "after detaching from an unread fifo, its contents go to the pty's reader") {
  world.pipe("/tmp/fifo", 100);
  const std::string all = output_bytes(300);
  REQUIRE(console->attach("/tmp/fifo", "").ok());
  CHECK(console->buffered_bytes() == 200);
  REQUIRE(console->detach().ok());
  auto reader = open();
  CHECK(reader->seen == all);
}

TEST_CASE_METHOD(LoneConsole, "a file that cannot be opened changes nothing") {
  auto reader = open();
  const auto missing = console->attach("/tmp/none", "");
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().code == ENOENT);
  world.file("/tmp/log", "");
  CHECK_FALSE(console->attach("/tmp/log", "/tmp/none").ok());
  CHECK(output("still here"));
  world.run();
  CHECK(reader->seen == "still here");
  CHECK(console->detach().error().why == "no file is attached");
}

TEST_CASE_METHOD(LoneConsole,
                 "attaching a file disconnects the pty's reader, and the file gets the unread bytes") {
  auto reader = open();
  reader->read(false);
  CHECK(output("unread"));
  world.file("/tmp/log", "");
  REQUIRE(console->attach("/tmp/log", "").ok());
  reader->read(true);
  world.run_for(1s);
  CHECK(reader->cut_off);
  CHECK(reader->seen.empty());
  CHECK(world.file_content("/tmp/log") == "unread");
}

TEST_CASE_METHOD(LoneConsole, "a terminal that hangs up is detached, and the console returns to a pty") {
  auto terminal = users.pty_create();
  REQUIRE(terminal.ok());
  REQUIRE(console->attach(terminal->path, "").ok());
  CHECK(output("shown"));
  world.run();
  terminal->terminal.close();
  world.run_for(1s);
  CHECK(status() == "waiting");
  CHECK(daemon.warnings().size() == 1);
  CHECK(output("kept"));
  auto reader = open();
  CHECK(reader->seen == "kept");
}

TEST_CASE_METHOD(LoneConsole, "if no new pty can be made the old one continues") {
  auto first = open();
  world.refuse_ptys(true);
  leave(first);
  CHECK(daemon.warnings().size() == 1);
  CHECK(output("text"));
  auto second = open();
  CHECK(second->seen == "text");
}

}  // namespace console_device_test
