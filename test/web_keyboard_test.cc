// The keyboard of a page of `watch --web` at a console of xend: who has the console, and what the page says.
#include "tools/watch/web_keyboard.h"

#include "test/xend_lone_console.h"

namespace web_keyboard_test {

using namespace ringside;
using namespace ringside::test;
using namespace ringside::tools;
using Line = WebKeyboard::Line;

namespace {

struct Fixture : XendLoneConsole {
  void begin(Line line, Life life = Life::running, bool used = true) {
    keyboard = std::make_unique<WebKeyboard>(
        world.host("watch"), trace::Journal(journal, trace::actor(trace::Role::client)),
        WebKeyboard::Console{lone_domain, "web", console.path(), false}, line, life,
        [this](const std::string& why) { said.push_back(why); });
    run();
    if (used) keyboard->use();
    run();
  }
  /// The keyboard gets the entries of the journal last, as in `watch --web`.
  void run() {
    world.run();
    while (read < sink.entries().size()) {
      keyboard->take(sink.entries()[read++].entry);
      world.run();
    }
  }
  std::string type(std::string_view text) {
    std::string why = keyboard->type(bytes_of(text));
    run();
    return why;
  }
  static dom0::Dom0Request take() {
    dom0::Dom0Request request;
    request.verb = dom0::Dom0Request::Verb::take;
    return request;
  }
  void xen_tells(trace::Fact fact, const trace::Values& values = {}) {
    trace::Journal(sink, trace::actor(trace::Role::xen)).told(lone_domain, fact, values);
    run();
  }

  trace::MemorySink journal{world.clock()};  ///< what the keyboard reports itself
  std::unique_ptr<WebKeyboard> keyboard;
  std::vector<std::string> said;
  std::size_t read = 0;
};

}  // namespace

TEST_CASE_METHOD(Fixture, "typed bytes reach the guest, and the journal has both ways") {
  begin(Line::open);
  CHECK(keyboard->why() == "");
  CHECK(type("ls\r") == "");
  CHECK(input() == "ls\r");
  output("a b");
  run();
  REQUIRE(journal.entries().size() == 2);
  CHECK(text_of(journal.entries()[0].entry.message) == "ls\r");
  CHECK(journal.entries()[0].entry.peer == trace::actor(trace::Role::xend));
  CHECK(text_of(journal.entries()[1].entry.message) == "a b");
  CHECK(said.empty());
}

TEST_CASE_METHOD(Fixture, "a console with another viewer is named, and opened when that viewer leaves") {
  auto viewer = attach();
  // At the start xend was asked, or the viewer came a moment later.
  begin(GENERATE(Line::viewed, Line::open));
  CHECK(keyboard->why() == "another viewer has this console; it comes back here when that viewer leaves");
  CHECK(type("lost?") == keyboard->why());
  // xend's refusal is no output of the guest.
  CHECK(journal.entries().empty());
  viewer.reset();
  run();
  CHECK(keyboard->why() == "");
  CHECK(said.back() == "");
  CHECK(type("mine") == "");
  CHECK(input() == "mine");
}

TEST_CASE_METHOD(Fixture, "until it is used, a keyboard is no viewer, and follows who has the console") {
  begin(GENERATE(Line::open, Line::viewed), Life::running, false);
  auto viewer = attach();
  run();
  REQUIRE(console.ask(take()).ok());
  auto next = attach();
  next->type("theirs");
  run();
  CHECK(input() == "theirs");
  next.reset();
  run();
  CHECK(keyboard->why() == "");
  auto last = attach();
  last->type("again");
  run();
  CHECK(input() == "theirsagain");
  last.reset();
  run();
  keyboard->use();
  CHECK(type("mine") == "");
  CHECK(input() == "theirsagainmine");
}

TEST_CASE_METHOD(Fixture, "a console that was taken is not taken back before its viewer leaves") {
  begin(Line::open);
  REQUIRE(console.ask(take()).ok());
  run();
  CHECK(keyboard->why() ==
        "another viewer has taken this console; it comes back here when that viewer leaves");
  auto viewer = attach();
  run();
  viewer->type("theirs");
  run();
  CHECK(type("x") != "");
  viewer.reset();
  run();
  CHECK(keyboard->why() == "");
  CHECK(type("mine") == "");
  CHECK(input() == "theirsmine");
}

TEST_CASE_METHOD(Fixture, "a viewer that took the console and never connected does not keep it") {
  begin(Line::open);
  REQUIRE(console.ask(take()).ok());
  run();
  CHECK(type("lost") != "");
  CHECK(keyboard->why() == "");
  CHECK(type("again") == "");
  CHECK(input() == "again");
}

TEST_CASE_METHOD(Fixture, "what is typed to a paused or suspended domain waits, and the page says for what") {
  begin(Line::open, Life::paused);
  CHECK(keyboard->why() == "web is paused: what you type waits for `ringside unpause web`");
  CHECK(type("early") == "");
  xen_tells(trace::Fact::unpaused);
  CHECK(keyboard->why() == "");
  xen_tells(trace::Fact::shut_down, {0, static_cast<std::uint32_t>(ShutdownReason::suspend)});
  CHECK(keyboard->why() == "web is suspended: what you type waits for `ringside resume web`");
  xen_tells(trace::Fact::resumed);
  xen_tells(trace::Fact::unpaused);
  xen_tells(trace::Fact::crashed);
  CHECK(keyboard->why() == "web has ended");
  CHECK(type("late") == "web has ended");
  CHECK(said.back() == "web has ended");
  CHECK(input() == "early");
}

TEST_CASE_METHOD(Fixture, "without xend the page says so, and opens the console when it is served again") {
  begin(Line::open);
  world.kill(world.host("xend"));
  run();
  CHECK(keyboard->why() == "xend serves no console here; this page tries again when it does");
  CHECK(type("x") == keyboard->why());
  // The next xend.
  auto listener = users.listen_local(console.path());
  REQUIRE(listener);
  trace::Journal(sink, trace::actor(trace::Role::xend)).told(lone_domain, trace::Fact::console_listens);
  run();
  CHECK(keyboard->why() == "");
}

TEST_CASE_METHOD(Fixture, "typed bytes that the console does not take wait, up to a limit") {
  wire_open = false;
  begin(Line::open);
  const std::string piece(4096, 'x');
  std::size_t taken = 0;
  std::string why;
  while ((why = type(piece)).empty()) taken += piece.size();
  CHECK(why.ends_with(" typed bytes wait: the guest takes none"));
  CHECK(taken >= web_typed_waiting_bytes_max);
  wire_open = true;
  console.channel_ready();
  run();
  for (int round = 0; round < 4000 && input().size() < taken; ++round) {
    console.guest_response(0);
    console.settle();
    run();
  }
  CHECK(input() == std::string(taken, 'x'));
}

}  // namespace web_keyboard_test
