// One of xenctld's consoles by itself: programs that open its pty on one side, on the other the test in place
// of the channel and the guest.
#include "emu/dom0/xenctld_console.h"

#include <cerrno>
#include <map>

#include "test/catch.h"
#include "test/dom0_machine.h"

using namespace ringside;
using namespace ringside::dom0;
using namespace ringside::test;
using namespace std::chrono_literals;

namespace {

constexpr DomainId domain = 7;
const std::string link_path = "/m/pty-7";

struct Fixture {
  explicit Fixture(std::size_t limit_bytes = 0) : limit_bytes(limit_bytes) { start(); }

  /// As the next xenctld does after the death of the last.
  void start_again() {
    console.reset();
    sent.clear();
    start();
    console->channel_opened();
    console->settle();
  }
  void start() {
    console = std::make_unique<XenctldConsole>(
        daemon, trace::Journal(sink, trace::actor(trace::Role::xenctld)), domain, link_path, limit_bytes,
        ConsoleStore::make(daemon, "/m/console-7.kept", XenctldConsole::store_shape(limit_bytes), 1).value(),
        ConsoleGuest{
            .send =
                [this](const ring::ControlMessage& message, std::uint32_t tag) {
                  if (ring_full) return Channel::Send::full;
                  if (outcomes.contains(tag)) return outcomes[tag];
                  sent.push_back(message);
                  return Channel::Send::taken;
                },
            .respond =
                [this](const Channel::Owed& request) {
                  answered.push_back(request.message);
                  REQUIRE_FALSE(waiting.empty());
                  REQUIRE(request.index == waiting.front().index);
                  waiting.erase(waiting.begin());
                },
            .unanswered = [this] { return waiting.empty() ? std::nullopt : std::optional(waiting.front()); },
            .flush = [] {}});
    REQUIRE(console->start().ok());
  }

  /// A program opens what is at that path.
  std::unique_ptr<Person> open(const std::string& path = link_path) {
    auto file = people.file_open(path, Host::FileUse::output);
    REQUIRE(file.ok());
    auto person = std::make_unique<Person>(people, std::move(file->handle));
    world.run_for(1s);
    return person;
  }
  void leave(std::unique_ptr<Person>& person) {
    person->leave();
    world.run_for(1s);
  }
  /// As a guest that keeps to eight unanswered requests: false when it has to wait.
  bool output(std::string_view text) {
    if (waiting.size() == ring::slots_per_ring) return false;
    waiting.push_back({ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, ring::no_callback_id,
                                          bytes_of(text)),
                       next_index++});
    console->guest_request(waiting.back());
    console->settle();
    return true;
  }
  /// As much as the guest can get rid of, at most `bytes`.
  std::string output_bytes(std::size_t bytes) {
    std::string all;
    while (all.size() < bytes) {
      const std::string piece = fmt::format("{:060}", produced).substr(0, bytes - all.size());
      if (!output(piece)) break;
      ++produced;
      all += piece;
    }
    return all;
  }
  std::string input() const {
    std::string text;
    for (const auto& message : sent) text += text_of(message);
    return text;
  }
  std::string status() const { return std::string(console->device().status_name()); }

  SimWorld world;
  SimHost& people = world.host("people");
  SimHost& daemon = world.host("xenctld");
  trace::MemorySink sink{world.clock()};
  std::vector<Channel::Owed> waiting;
  ring::Index next_index = 0;
  std::vector<ring::ControlMessage> answered;
  std::vector<ring::ControlMessage> sent;
  bool ring_full = false;
  std::map<std::uint32_t, Channel::Send> outcomes;  ///< of input that the ring has had before
  std::size_t limit_bytes;
  std::size_t produced = 0;
  std::unique_ptr<XenctldConsole> console;
};

struct Limited : Fixture {
  Limited() : Fixture(1000) {}
};

}  // namespace

TEST_CASE_METHOD(Fixture, "output waits for somebody to open the pty, and is answered meanwhile") {
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

TEST_CASE_METHOD(Fixture, "nothing is written to a pty before its reader has had time to set it up") {
  CHECK(output("text"));
  auto file = people.file_open(link_path, Host::FileUse::output);
  REQUIRE(file.ok());
  const Person reader(people, std::move(file->handle));
  world.run_for(device_settle_delay / 2);
  CHECK(reader.seen.empty());
  world.run_for(device_settle_delay);
  CHECK(reader.seen == "text");
}

TEST_CASE_METHOD(Fixture, "what a reader leaves unread is there for the next one, in order, on a new pty") {
  auto first = open();
  const auto first_pty = world.link_target(link_path);
  CHECK(output("read. "));
  world.run();
  first->read(false);
  CHECK(output("unread. "));
  world.run();
  leave(first);
  CHECK(status() == "waiting");
  CHECK(world.link_target(link_path) != first_pty);
  CHECK(output("meanwhile."));
  auto second = open();
  CHECK(second->seen == "unread. meanwhile.");
}

TEST_CASE_METHOD(Fixture, "two readers: the pty stays until both have left") {
  auto first = open();
  const auto pty = world.link_target(link_path);
  auto second = open();
  leave(first);
  CHECK(world.link_target(link_path) == pty);
  CHECK(status() == "connected");
  leave(second);
  CHECK(world.link_target(link_path) != pty);
}

TEST_CASE_METHOD(Fixture, "who opens the old pty by its own name before it is replaced keeps it") {
  auto first = open();
  const std::string pty = world.link_target(link_path).value();
  // The console takes no input: so what was typed keeps the pty alive.
  ring_full = true;
  first->type(std::string(2 * console_input_bytes_max, 'x'));
  world.run();
  leave(first);
  CHECK(status() == "waiting");
  auto second = open(pty);
  CHECK(status() == "connected");
  ring_full = false;
  console->settle();
  CHECK(output("hello"));
  world.run_for(1s);
  CHECK(second->seen == "hello");
  CHECK(world.link_target(link_path) == pty);
}

TEST_CASE_METHOD(Fixture, "what somebody types and leaves at once reaches the guest") {
  auto file = people.file_open(link_path, Host::FileUse::output);
  REQUIRE(file.ok());
  REQUIRE(people.write(file->handle, bytes_of("echo hello\n")).bytes == 11);
  file->handle.close();
  world.run_for(1s);
  CHECK(input() == "echo hello\n");
  CHECK(status() == "waiting");
}

TEST_CASE_METHOD(Fixture, "input goes in pieces of 60 bytes, seven at a time, and then whoever types waits") {
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

TEST_CASE_METHOD(Fixture, "a channel without room keeps the input here, in order") {
  ring_full = true;
  auto typist = open();
  typist->type("typed while the ring was full");
  world.run();
  CHECK(sent.empty());
  ring_full = false;
  console->settle();
  CHECK(input() == "typed while the ring was full");
}

TEST_CASE_METHOD(Fixture, "a full queue makes the guest wait, and nothing is lost") {
  std::string all = output_bytes(2 * xenctld_queue_bytes_max);
  CHECK(waiting.size() == ring::slots_per_ring);
  CHECK(console->queued_bytes() <= xenctld_queue_bytes_max);
  auto reader = open();
  CHECK(waiting.empty());
  all += output_bytes(5000);
  world.run();
  CHECK(reader->seen == all);
  CHECK(console->discarded_bytes() == 0);
}

TEST_CASE_METHOD(Fixture, "a request of another kind is echoed, also while output is withheld") {
  (void)output_bytes(2 * xenctld_queue_bytes_max);
  REQUIRE(answered.size() > 1);
  answered.clear();
  waiting = {{ring::make_message(ring::CMSG_MEM_REQUEST, 0, 5, bytes_of("12345678")), next_index}};
  console->guest_request(waiting.back());
  REQUIRE(answered.size() == 1);
  CHECK(answered[0].type == ring::CMSG_MEM_REQUEST);
  CHECK(text_of(answered[0]) == "12345678");
}

TEST_CASE_METHOD(Limited, "with a limit the guest never waits: the oldest goes, is counted, and said once") {
  const std::string all = output_bytes(5000);
  CHECK(all.size() == 5000);
  CHECK(waiting.empty());
  CHECK(console->queued_bytes() == 1000);
  CHECK(console->discarded_bytes() == 4000);
  REQUIRE(daemon.warnings().size() == 1);
  CHECK(daemon.warnings()[0].find("more than 1000 bytes") != std::string::npos);
  auto reader = open();
  CHECK(reader->seen == all.substr(4000));
}

TEST_CASE_METHOD(Fixture, "a regular file gets the queue and then all else, and no input comes from it") {
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

TEST_CASE_METHOD(Fixture, "input comes from a second file to its end, and output goes on") {
  world.file("/tmp/log", "");
  world.file("/tmp/commands", "help\nexit\n");
  REQUIRE(console->attach("/tmp/log", "/tmp/commands").ok());
  world.run_for(1s);
  CHECK(input() == "help\nexit\n");
  CHECK(output("bye"));
  CHECK(world.file_content("/tmp/log") == "bye");
}

TEST_CASE_METHOD(Fixture, "detached from a fifo that nobody has read, its content goes to the pty's reader") {
  world.pipe("/tmp/fifo", 100);
  const std::string all = output_bytes(300);
  REQUIRE(console->attach("/tmp/fifo", "").ok());
  CHECK(console->queued_bytes() == 200);
  REQUIRE(console->detach().ok());
  auto reader = open();
  CHECK(reader->seen == all);
}

TEST_CASE_METHOD(Fixture, "a file that cannot be opened changes nothing") {
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

TEST_CASE_METHOD(Fixture,
                 "attaching a file ends it for who reads the pty, and the file gets what he had not read") {
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

TEST_CASE_METHOD(Fixture, "a terminal that hangs up is let go, and the console is back on a pty") {
  auto terminal = people.pty_create();
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

TEST_CASE_METHOD(Fixture, "where no new pty can be made the old one goes on") {
  auto first = open();
  world.refuse_ptys(true);
  leave(first);
  CHECK(daemon.warnings().size() == 1);
  CHECK(output("text"));
  auto second = open();
  CHECK(second->seen == "text");
}

TEST_CASE_METHOD(Fixture, "after the end each reader gets what there is and is let go") {
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
  // The next one finds a pty on which nothing is left, and is let go as well.
  auto next = open();
  CHECK(next->seen.empty());
  CHECK(next->cut_off);
}

TEST_CASE_METHOD(Fixture, "at the end of the guest what was withheld is taken, beyond the queue's limit") {
  const std::string all = output_bytes(2 * xenctld_queue_bytes_max);
  REQUIRE(waiting.size() == ring::slots_per_ring);
  console->finish();
  CHECK(waiting.empty());
  waiting.clear();
  auto reader = open();
  CHECK(reader->seen == all);
}

TEST_CASE_METHOD(Fixture, "a closed console has no link, and is over when its reader has everything") {
  auto reader = open();
  CHECK(output("end"));
  console->finish();
  console->close();
  CHECK_FALSE(world.link_target(link_path));
  CHECK_FALSE(console->over());
  world.run_for(1s);
  CHECK(console->over());
  CHECK(reader->seen == "end");
  CHECK(reader->cut_off);
  CHECK_FALSE(world.link_target(link_path));
}

TEST_CASE_METHOD(Fixture,
                 "what a daemon had taken and not answered when it died is answered and not taken twice") {
  CHECK(output("once, "));
  // The answer never reached the ring, and one more request has come.
  waiting = {{ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 0, bytes_of("once, ")), 0},
             {ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 0, bytes_of("and this")), 1}};
  start_again();
  CHECK(waiting.empty());
  auto reader = open();
  CHECK(reader->seen == "once, and this");
}

TEST_CASE_METHOD(Fixture,
                 "input in flight is offered again, and what the guest has answered leaves the window") {
  auto typist = open();
  std::string text(std::size_t{10} * ring::payload_bytes_max, 'x');
  typist->type(text);
  world.run();
  REQUIRE(sent.size() == console_input_window);
  // Of the seven the guest has answered two, has three before it, and two never came to the ring.
  outcomes = {{1, Channel::Send::answered},
              {2, Channel::Send::answered},
              {3, Channel::Send::known},
              {4, Channel::Send::known},
              {5, Channel::Send::known}};
  start_again();
  CHECK(sent.size() == 4);
  console->guest_response(5);
  console->settle();
  CHECK(sent.size() == 5);
}

TEST_CASE_METHOD(Fixture, "held input waits, also over a restart, and flows when it is let go") {
  auto typist = open();
  console->hold_input(true);
  typist->type("typed");
  world.run();
  CHECK(sent.empty());
  start_again();
  CHECK(input() == "typed");
}

TEST_CASE_METHOD(Fixture, "last words come after the guest's, once to each reader") {
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
