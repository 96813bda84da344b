// The user's end of a console: two pumps between three streams, what each waits for, and how it ends.
#include "emu/dom0/console/console_client.h"

#include "test/catch.h"
#include "test/dom0_machine.h"

namespace console_client_test {

using namespace ringside;
using namespace ringside::dom0;
using namespace ringside::test;
using Ended = ConsoleClient::Ended;

namespace {

/// The capacity of a stream of the simulated host.
constexpr std::size_t stream_bytes = 4096;
constexpr std::size_t queue_bytes = 65'536;
constexpr std::uint8_t escape_key = 0x1d;  // Ctrl-]

std::string numbered_text(std::size_t bytes) {
  std::string text;
  for (int line = 0; text.size() < bytes; ++line) text += fmt::format("line {}\n", line);
  return text.substr(0, bytes);
}

struct Fixture {
  /// Makes a connection: one end here, the other held by a User.
  std::unique_ptr<User> far_end(const std::string& path, Handle& here) {
    const Handle listener = far.listen_local(path).value();
    here = host.connect_local(path).value();
    return std::make_unique<User>(far, std::move(*far.accept(listener).value()));
  }
  void start(ConsoleClientOptions options = {}) {
    Handle console;
    Handle input;
    Handle output;
    guest = far_end("/console", console);
    keyboard = far_end("/input", input);
    screen = far_end("/output", output);
    client.emplace(host, trace::Journal(sink, trace::actor(trace::Role::client)), std::move(console),
                   std::move(input), std::move(output), options, [this](Ended why) { ended.push_back(why); });
    world.run();
  }

  SimWorld world;
  SimHost& host = world.host("client");
  SimHost& far = world.host("far");
  trace::MemorySink sink{world.clock()};
  std::unique_ptr<User> guest;
  std::unique_ptr<User> keyboard;
  std::unique_ptr<User> screen;
  std::vector<Ended> ended;
  std::optional<ConsoleClient> client;
};

using Ends = std::vector<Ended>;

}  // namespace

TEST_CASE_METHOD(Fixture, "bytes go both ways until the console closes, and all its output is written") {
  start();
  guest->type("login: ");
  keyboard->type("root\n");
  world.run();
  CHECK(screen->seen == "login: ");
  CHECK(guest->seen == "root\n");
  guest->type("bye");
  world.run();
  guest->leave();
  world.run();
  CHECK(screen->seen == "login: bye");
  CHECK(ended == Ends{Ended::closed});
  keyboard->type("too late");
  world.run();
  CHECK(ended == Ends{Ended::closed});
}

TEST_CASE_METHOD(Fixture, "a closed console ends the client only after the screen has all its output") {
  start();
  screen->read(false);
  const std::string text(3 * stream_bytes, 't');
  guest->type(text);
  world.run();
  REQUIRE(guest->unsent() == 0);
  guest->leave();
  world.run();
  CHECK(ended.empty());
  screen->read(true);
  world.run();
  CHECK(screen->seen == text);
  CHECK(ended == Ends{Ended::closed});
}

TEST_CASE_METHOD(Fixture, "Ctrl-] leaves: earlier input is sent, later input is not") {
  start({.escape = escape_key});
  keyboard->type(
      "ab\x1d"
      "cd");
  world.run();
  CHECK(guest->seen == "ab");
  CHECK(ended == Ends{Ended::left});
  guest->type("unseen");
  keyboard->type("\x1d");
  world.run();
  CHECK(screen->seen.empty());
  CHECK(ended == Ends{Ended::left});
}

TEST_CASE_METHOD(Fixture, "leaving does not wait for a guest that does not read") {
  start({.escape = escape_key});
  guest->read(false);
  keyboard->type(std::string(2 * stream_bytes, 'x') + "\x1d");
  world.run_for(escape_patience);
  CHECK(ended == Ends{Ended::left});
}

TEST_CASE_METHOD(Fixture,
                 "the escape key alone leaves after a moment; pressed twice within it, it is typed once") {
  start({.escape = escape_key});
  keyboard->type("a\x1d");
  world.run_for(escape_patience / 2);
  CHECK(ended.empty());
  keyboard->type("\x1d");
  world.run_for(2 * escape_patience);
  CHECK(guest->seen == "a\x1d");
  CHECK(ended.empty());
  keyboard->type("\x1d\x1d\x1d");
  world.run();
  CHECK(guest->seen == "a\x1d\x1d");
  CHECK(ended.empty());
  world.run_for(escape_patience);
  CHECK(ended == Ends{Ended::left});
}

TEST_CASE_METHOD(Fixture, "without the option Ctrl-] is sent like any other key") {
  start();
  keyboard->type(
      "ab\x1d"
      "cd");
  world.run();
  CHECK(guest->seen ==
        "ab\x1d"
        "cd");
  CHECK(ended.empty());
}

TEST_CASE_METHOD(Fixture, "the end of the input is one Ctrl-D on a new line, two within a line") {
  const auto [typed, said] = GENERATE(table<std::string, std::string>(
      {{"", "\x04"}, {"exit\n", "exit\n\x04"}, {"exit\r", "exit\r\x04"}, {"exit", "exit\x04\x04"}}));
  start({.end_of_file = true});
  if (!typed.empty()) keyboard->type(typed);
  world.run();
  keyboard->leave();
  world.run();
  CHECK(guest->seen == said);
  guest->type("logout");
  world.run();
  CHECK(screen->seen == "logout");
  CHECK(ended.empty());
}

TEST_CASE_METHOD(Fixture, "without the option the end of the input sends nothing") {
  start();
  keyboard->type("exit\n");
  world.run();
  keyboard->leave();
  world.run();
  CHECK(guest->seen == "exit\n");
  guest->type("still here");
  world.run();
  CHECK(screen->seen == "still here");
}

TEST_CASE_METHOD(Fixture, "a screen that does not read makes the guest wait, and no byte is lost") {
  start();
  screen->read(false);
  const std::string text = numbered_text(300'000);
  guest->type(text);
  world.run();
  // The bytes in flight fill both streams and the queue.
  CHECK(text.size() - guest->unsent() == queue_bytes + 2 * stream_bytes);
  keyboard->type("typed meanwhile");
  world.run();
  CHECK(guest->seen == "typed meanwhile");
  screen->read(true);
  world.run();
  CHECK(screen->seen == text);
}

TEST_CASE_METHOD(Fixture, "a guest that does not read makes the keyboard wait, and no byte is lost") {
  start({.end_of_file = true});
  guest->read(false);
  const std::string text = numbered_text(300'000);
  keyboard->type(text);
  world.run();
  // Two bytes of the queue are reserved for an end of file.
  CHECK(text.size() - keyboard->unsent() == queue_bytes - 2 + 2 * stream_bytes);
  guest->type("printed meanwhile");
  world.run();
  CHECK(screen->seen == "printed meanwhile");
  guest->read(true);
  world.run();
  CHECK(guest->seen == text);
}

TEST_CASE_METHOD(Fixture, "a full queue still has room for an end of file") {
  start({.end_of_file = true});
  guest->read(false);
  const std::string text(queue_bytes - 2 + 2 * stream_bytes, 'x');
  keyboard->type(text);
  world.run();
  REQUIRE(keyboard->unsent() == 0);
  keyboard->leave();
  world.run();
  guest->read(true);
  world.run();
  CHECK(guest->seen == text + "\x04\x04");
}

TEST_CASE_METHOD(Fixture, "a screen that is gone ends the client") {
  start();
  screen->leave();
  world.run();
  CHECK(ended.empty());
  guest->type("unseen");
  world.run();
  CHECK(ended == Ends{Ended::output_gone});
}

TEST_CASE_METHOD(Fixture, "input that a closed console did not take is discarded, and the client ends") {
  start();
  guest->read(false);
  keyboard->type(std::string(3 * stream_bytes, 'x'));
  world.run();
  guest->type("last words");
  world.run();
  guest->leave();
  world.run();
  CHECK(screen->seen == "last words");
  CHECK(ended == Ends{Ended::closed});
}

}  // namespace console_client_test
