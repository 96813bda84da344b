// The guest's console driver, against a controller driven by hand and programs of the simulated host.
#include "emu/domu/console_tty.h"

#include "emu/host/sim.h"
#include "emu/trace/memory_sink.h"
#include "ring/channel_words.h"
#include "test/catch.h"
#include "test/guest_page.h"

namespace console_tty_test {

using namespace ringside;
using namespace ringside::domu;
using namespace ringside::test;

namespace {

struct Guest {
  explicit Guest(std::size_t buffer_bytes = transmit_buffer_bytes_default)
      : console(host, journal, 1, ctrl_if, {buffer_bytes, [this] { ++terminal_moves; }}) {
    REQUIRE(ctrl_if.attach(page.frame(), ring::Abi::sring).ok());
    world.program("idle", [](const ProgramSpec&) { return std::make_unique<IdleProgram>(); });
  }

  /// Does what the domain does when its upcall is served.
  void serve() {
    CtrlIf::Batch batch(ctrl_if);
    ctrl_if.serve();
    console.deliver_input();
  }
  /// Opens a terminal that holds `bytes` in each direction; the test controls the program on it.
  IdleProgram& open_terminal(std::size_t bytes = 4096) {
    world.terminal_bytes(bytes);
    IdleProgram* made = nullptr;
    world.program("idle", [&made](const ProgramSpec&) {
      auto program = std::make_unique<IdleProgram>();
      made = program.get();
      return program;
    });
    auto program = host.program_start({.argv = {"idle"}});
    REQUIRE(program.ok());
    process = std::move(program->process);
    console.open(std::move(program->terminal));
    world.run();
    return *made;
  }
  /// The payloads of the messages that the guest has sent since the last call.
  std::vector<std::string> messages() {
    std::vector<std::string> texts;
    for (const auto& message : controller.take()) texts.push_back(text_of(message));
    return texts;
  }
  /// Answers everything and serves until no more comes. Returns all the text.
  std::string drain() {
    std::string all;
    for (std::string piece = controller.take_text(); !piece.empty(); piece = controller.take_text()) {
      all += piece;
      controller.answer_all();
      serve();
      world.run();
    }
    return all;
  }
  /// The counts in the page, for observers.
  [[nodiscard]] const ring::ChannelWords& lost() { return *ring::channel_words(page.frame()); }

  SimWorld world;
  SimHost& host = world.host("guest");
  trace::MemorySink sink{world.clock()};
  trace::Journal journal{sink, trace::actor(trace::Role::domain, 1)};
  Page page;
  int notifies = 0;
  int terminal_moves = 0;
  CtrlIf ctrl_if{host, journal, 1, [this] { ++notifies; }};
  HandController controller{page.frame(), ring::Abi::sring};
  ConsoleTty console;
  Handle process;
};

/// Text in which a lost or doubled byte is noticed.
std::string numbered_text(std::size_t bytes) {
  std::string text;
  for (unsigned number = 0; text.size() < bytes; ++number) text += std::to_string(number) + ' ';
  text.resize(bytes);
  return text;
}

constexpr std::string_view xoff("\x13");
constexpr std::string_view xon("\x11");

}  // namespace

// -- output

TEST_CASE("61 bytes are two messages and one notification") {
  Guest guest;
  CHECK(guest.console.write(bytes_of(std::string(61, 'a'))) == 61);
  const auto sent = guest.controller.take();
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].length == 60);
  CHECK(sent[1].length == 1);
  CHECK(sent[0].type == ring::CMSG_CONSOLE);
  CHECK(sent[0].subtype == ring::CMSG_CONSOLE_DATA);
  CHECK(sent[0].id == ring::no_callback_id);
  CHECK(guest.notifies == 1);
}

TEST_CASE("a message never crosses the wrap of the transmit buffer") {
  Guest guest(64);
  CHECK(guest.console.write(bytes_of(std::string(50, 'a'))) == 50);
  CHECK(guest.console.write(bytes_of(std::string(50, 'b'))) == 50);
  CHECK(guest.messages() ==
        std::vector<std::string>{std::string(50, 'a'), std::string(14, 'b'), std::string(36, 'b')});
}

TEST_CASE("a buffer's size is rounded up to a power of two") {
  Guest guest(65);
  CHECK(guest.console.write(bytes_of(std::string(8 * 60, 'r'))) == 128);
}

TEST_CASE("while the ring is full the buffer fills and the writer waits; then all output is sent in order") {
  Guest guest(64);
  const std::string text = numbered_text(2000);
  std::size_t written = 0;
  const auto write_rest = [&] {
    for (std::size_t more = 1; more != 0 && written < text.size(); written += more) {
      more = guest.console.write(bytes_of(std::string_view(text).substr(written)));
    }
  };
  write_rest();
  CHECK(guest.console.buffered_bytes() == 64);
  CHECK(guest.ctrl_if.outstanding() == 8);
  CHECK(written < 8 * 60 + 64 + 1);
  std::string arrived = guest.drain();
  CHECK(guest.console.buffered_bytes() == 0);
  while (written < text.size()) {
    write_rest();
    arrived += guest.drain();
  }
  CHECK(arrived == text);
}

TEST_CASE("a kernel message's line ends go out as CR LF") {
  Guest guest;
  guest.console.print("one\ntwo\n");
  CHECK(guest.messages() == std::vector<std::string>{"one\r\ntwo\r\n"});
  CHECK(guest.console.dropped_message_bytes() == 0);
}

TEST_CASE("only kernel messages are dropped, when one byte of the buffer is free, and are counted") {
  Guest guest(16);
  for (int i = 0; i < 8; ++i) REQUIRE(guest.console.write(bytes_of("x")) == 1);  // the ring is full
  guest.console.print(std::string(20, 'k'));
  CHECK(guest.console.buffered_bytes() == 15);
  CHECK(guest.console.dropped_message_bytes() == 5);
  guest.console.print("\n");
  CHECK(guest.console.dropped_message_bytes() == 7);
  CHECK(guest.lost().guest_lost_output_bytes == 7);
  CHECK(guest.lost().guest_lost_input_bytes == 0);
  CHECK(guest.console.write(bytes_of("tt")) == 1);  // the tty gets the last byte, and the rest must wait
  CHECK(guest.console.write(bytes_of("t")) == 0);
  CHECK(guest.drain() == "xxxxxxxx" + std::string(15, 'k') + "t");
}

TEST_CASE("a line end that does not fit completely is dropped completely") {
  Guest guest(16);
  for (int i = 0; i < 8; ++i) REQUIRE(guest.console.write(bytes_of("x")) == 1);
  guest.console.print(std::string(14, 'k') + "\n");
  CHECK(guest.console.buffered_bytes() == 14);
  CHECK(guest.console.dropped_message_bytes() == 2);
}

// -- flow control

TEST_CASE("XOFF and XON are messages of their own, before the output that waits") {
  Guest guest;
  guest.console.set_ixoff(true);
  for (int i = 0; i < 8; ++i) REQUIRE(guest.console.write(bytes_of("x")) == 1);
  REQUIRE(guest.console.write(bytes_of("waits")) == 5);
  guest.console.throttle();
  guest.messages();
  guest.controller.answer_all();
  guest.serve();
  CHECK(guest.messages() == std::vector<std::string>{std::string(xoff), "waits"});
  guest.console.unthrottle();
  CHECK(guest.messages() == std::vector<std::string>{std::string(xon)});
}

TEST_CASE("an unsent flow character is replaced by the next") {
  Guest guest;
  guest.console.set_ixoff(true);
  for (int i = 0; i < 8; ++i) REQUIRE(guest.console.write(bytes_of("x")) == 1);
  guest.console.throttle();
  guest.console.unthrottle();
  CHECK_FALSE(guest.console.output_ended());
  guest.messages();
  guest.controller.answer_all();
  guest.serve();
  CHECK(guest.messages() == std::vector<std::string>{std::string(xon)});
  CHECK(guest.console.output_ended());
}

TEST_CASE("a tty without IXOFF sends no flow characters") {
  Guest guest;
  guest.console.throttle();
  guest.console.unthrottle();
  CHECK(guest.messages().empty());
}

// -- the terminal's output

TEST_CASE("a program's output is read only while there is room, and no byte is lost") {
  Guest guest(64);
  auto& program = guest.open_terminal(128);
  const std::string text = numbered_text(5000);
  std::size_t printed = 0;
  std::string arrived;
  const auto print_until_stuck = [&] {
    while (const std::size_t more = program.print(std::string_view(text).substr(printed))) {
      printed += more;
      guest.world.run();
    }
  };
  print_until_stuck();
  CHECK(guest.console.buffered_bytes() == 64);
  CHECK(guest.ctrl_if.outstanding() == 8);
  CHECK(printed <= 8 * 60 + 64 + 128);
  while (arrived.size() < text.size()) {
    print_until_stuck();
    const std::string piece = guest.drain();
    REQUIRE_FALSE(piece.empty());
    arrived += piece;
  }
  CHECK(arrived == text);
  CHECK(guest.terminal_moves > 0);
}

TEST_CASE("a closed terminal has drained when its last byte is in the ring") {
  Guest guest(16);
  auto& program = guest.open_terminal();
  const std::string text = numbered_text(700);
  REQUIRE(program.print(text) == text.size());
  program.exit(0);
  guest.world.run();
  CHECK_FALSE(guest.console.output_ended());
  CHECK(guest.drain() == text);
  CHECK(guest.console.output_ended());
}

// -- input

TEST_CASE("input goes to the terminal and is answered with length 0 when the terminal has taken all of it") {
  Guest guest;
  auto& program = guest.open_terminal(8);
  REQUIRE(guest.controller.type("0123456789"));
  REQUIRE(guest.controller.type("ab"));
  guest.serve();
  CHECK(guest.controller.answers().empty());
  CHECK(guest.ctrl_if.owed() == 2);
  CHECK(program.read() == "01234567");
  guest.world.run();
  CHECK(program.read() == "89ab");
  const auto answers = guest.controller.answers();
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].length == 0);
  CHECK(answers[0].id == 0);
  CHECK(guest.ctrl_if.owed() == 0);
}

TEST_CASE("eight messages of input go to the terminal in one write, with one notification") {
  Guest guest;
  auto& program = guest.open_terminal();
  std::string typed;
  for (char c = 'a'; c < 'i'; ++c) {
    REQUIRE(guest.controller.type(std::string(60, c)));
    typed += std::string(60, c);
  }
  const int before = guest.notifies;
  guest.world.limit_write(480);
  guest.serve();
  CHECK(program.read() == typed);
  CHECK(guest.notifies == before + 1);
  CHECK(guest.controller.answers().size() == 8);
}

TEST_CASE("empty input is answered in order") {
  Guest guest;
  auto& program = guest.open_terminal(4);
  REQUIRE(guest.controller.type(""));
  REQUIRE(guest.controller.type("abcdef"));
  REQUIRE(guest.controller.type(""));
  guest.serve();
  CHECK(guest.controller.answers().size() == 1);
  CHECK(program.read() == "abcd");
  guest.world.run();
  CHECK(guest.controller.answers().size() == 2);
}

TEST_CASE("a program that does not read delays eight input messages, and no other message") {
  Guest guest;
  auto& program = guest.open_terminal(1);
  for (int i = 0; i < 7; ++i) REQUIRE(guest.controller.type("zz"));
  REQUIRE(guest.controller.ask(ring::make_message(ring::CMSG_DEBUG, 0, 42, {})));
  guest.serve();
  guest.world.run();
  const auto answers = guest.controller.answers();
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].id == 42);
  CHECK(guest.ctrl_if.owed() == 7);
  std::string arrived;
  for (int i = 0; i < 100; ++i) {
    arrived += program.read(1);
    guest.world.run();
  }
  CHECK(arrived == std::string(14, 'z'));
  CHECK(guest.controller.answers().size() == 7);
}

TEST_CASE("input that arrives before the terminal is open waits for it") {
  Guest guest;
  REQUIRE(guest.controller.type("early"));
  guest.serve();
  CHECK(guest.controller.answers().empty());
  auto& program = guest.open_terminal();
  CHECK(program.read() == "early");
  CHECK(guest.controller.answers().size() == 1);
}

TEST_CASE("input for a terminal without a reader is answered, dropped and counted") {
  Guest guest;
  guest.open_terminal(2);
  REQUIRE(guest.controller.type("abcdef"));
  guest.serve();
  CHECK(guest.ctrl_if.owed() == 1);
  guest.console.hang_up_input();
  CHECK(guest.controller.answers().size() == 1);
  CHECK(guest.console.dropped_input_bytes() == 4);
  REQUIRE(guest.controller.type("more"));
  guest.serve();
  CHECK(guest.controller.answers().size() == 1);
  CHECK(guest.console.dropped_input_bytes() == 8);
  CHECK(guest.lost().guest_lost_input_bytes == 8);
  CHECK(guest.lost().guest_lost_output_bytes == 0);
  CHECK(guest.sink.count(trace::Kind::counted) == 2);
}

TEST_CASE("a closed terminal discards its input and still delivers its output") {
  Guest guest;
  auto& program = guest.open_terminal(4);
  REQUIRE(guest.controller.type("abcdef"));
  guest.serve();
  REQUIRE(program.print("bye") == 3);
  program.exit(1);
  guest.world.run();
  CHECK(guest.controller.take_text() == "bye");
  CHECK(guest.controller.answers().size() == 1);
  CHECK(guest.console.dropped_input_bytes() == 2);
  CHECK(guest.console.output_ended());
}

TEST_CASE("a console message of another subtype is answered and ignored") {
  Guest guest;
  auto& program = guest.open_terminal();
  REQUIRE(guest.controller.ask(ring::make_message(ring::CMSG_CONSOLE, 9, 1, bytes_of("what"))));
  guest.serve();
  CHECK(guest.controller.answers().at(0).subtype == 9);
  CHECK(program.read().empty());
}

}  // namespace console_tty_test
