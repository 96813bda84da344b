// The file of a console: what it keeps, and what the next daemon finds in it.
#include "emu/dom0/console/console_store.h"

#include "emu/host/sim.h"
#include "emu/trace/memory_sink.h"
#include "test/catch.h"

namespace console_store_test {

using namespace ringside;
using namespace ringside::dom0;

namespace {

constexpr char path[] = "/m/console-1.kept";
constexpr ConsoleStore::Shape shape{.output_bytes_max = 100, .output_step_bytes_max = 60};
constexpr std::uint32_t frame = 0x1001;

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string text_of(const ConsoleStore::Input& input) {
  const Bytes bytes = input.message.payload();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct Fixture {
  ConsoleStore make() { return ConsoleStore::make(world.host("daemon"), path, shape, frame).value(); }
  std::optional<ConsoleStore> find(std::uint32_t of_frame = frame) {
    return ConsoleStore::find(world.host("next"), path, shape, of_frame);
  }
  static std::string drain(ConsoleStore& store) {
    std::string text;
    while (store.output_bytes() > 0) {
      const Bytes front = store.output_front();
      text.append(reinterpret_cast<const char*>(front.data()), front.size());
      store.output_drop(front.size());
    }
    return text;
  }

  SimWorld world;
};

}  // namespace

TEST_CASE_METHOD(Fixture, "the next daemon finds what a daemon kept, but only for the same domain") {
  CHECK_FALSE(find());
  {
    ConsoleStore store = make();
    CHECK(store.output_take(bytes_of("unread"), 7) == 0);
    store.input_take(bytes_of("typed"));
    store.set_port(9601);
    world.kill(world.host("daemon"));
  }
  CHECK_FALSE(find(frame + 1));
  auto next = find();
  REQUIRE(next);
  CHECK(next->port() == 9601);
  CHECK(next->output_known(7));
  CHECK_FALSE(next->output_known(8));
  CHECK(text_of(next->input_send()) == "typed");
  CHECK(drain(*next) == "unread");
}

TEST_CASE_METHOD(Fixture, "a console that was given up is found only on request") {
  make().give_up();
  CHECK_FALSE(find());
  CHECK_FALSE(make().given_up());
  CHECK(find());
}

TEST_CASE_METHOD(Fixture, "a domain that moves to another frame takes its console along") {
  make().moved(frame + 1);
  CHECK_FALSE(find());
  CHECK(find(frame + 1));
}

TEST_CASE_METHOD(Fixture, "a console whose daemon died while the domain moved is found under either frame") {
  for (const std::uint32_t now : {frame, frame + 1}) {
    make().moves();
    CHECK(find(now));
    CHECK(find(now));
    CHECK_FALSE(find(now + 1));
    make().moved(frame);
  }
}

TEST_CASE_METHOD(Fixture, "beyond the maximum the oldest output is discarded, and counted") {
  ConsoleStore store = make();
  CHECK(store.output_take(bytes_of(std::string(60, 'a')), 0) == 0);
  CHECK(store.output_room() == 40);
  CHECK(store.output_take(bytes_of(std::string(60, 'b')), 1) == 20);
  CHECK(store.output_discarded() == 20);
  CHECK(store.output_room() == 0);
  CHECK(drain(store) == std::string(40, 'a') + std::string(60, 'b'));
}

TEST_CASE_METHOD(Fixture,
                 "bytes that were being sent when a daemon died are reported as possibly doubled, once") {
  trace::MemorySink sink(world.clock());
  const trace::Journal journal(sink, trace::actor(trace::Role::xend));
  SimHost& host = world.host("next");
  {
    ConsoleStore store = make();
    store.output_take(bytes_of("some output"), 0);
    store.output_offer(4);
  }
  for (int time = 0; time < 2; ++time) {
    auto next = find();
    REQUIRE(next);
    next->warn_of_repeat(host, journal, 1);
    REQUIRE(host.warnings().size() == 1);
    CHECK(host.warnings()[0].find("output may be shown twice: domain 1: 4 bytes") != std::string::npos);
    next->output_offer(4);
    next->output_drop(1);
  }
}

TEST_CASE_METHOD(Fixture, "output_ends_with() also works where the output wraps") {
  ConsoleStore store = make();
  CHECK(store.output_ends_with(""));
  CHECK_FALSE(store.output_ends_with("x"));
  store.output_take(bytes_of(std::string(60, 'a')), 7);
  store.output_drop(60);
  store.output_take(bytes_of(std::string(30, 'b')), 8);
  store.output_take(bytes_of("[it crashed]"), {});
  for (std::size_t moved = 0; moved < 200; ++moved) {
    CHECK(store.output_ends_with("[it crashed]"));
    CHECK_FALSE(store.output_ends_with("[it crashes]"));
    store.output_drop(store.output_bytes());
    store.output_take(bytes_of("x"), {});
    store.output_take(bytes_of("[it crashed]"), {});
  }
}

TEST_CASE_METHOD(Fixture, "output that is put back comes first again") {
  ConsoleStore store = make();
  for (int turn = 0; turn < 10; ++turn) {
    store.output_take(bytes_of("one two"), std::nullopt);
    store.output_drop(4);
    store.output_return(bytes_of("one "));
    CHECK(drain(store) == "one two");
  }
}

TEST_CASE_METHOD(Fixture, "a request is recognised by its index, also where indices wrap") {
  ConsoleStore store = make();
  CHECK_FALSE(store.output_known(0xffff'ffff));
  store.output_take(bytes_of("x"), 0xffff'ffff);
  CHECK(store.output_known(0xffff'ffff));
  CHECK(store.output_known(0xffff'fff8));
  CHECK_FALSE(store.output_known(0));
  store.output_take(bytes_of("x"), 0);
  CHECK(store.output_known(0));
  CHECK(store.output_known(0xffff'fffe));
}

TEST_CASE_METHOD(Fixture,
                 "input is sent in pieces of 60 bytes, at most 7 unanswered, and is removed when answered") {
  ConsoleStore store = make();
  store.input_take(bytes_of(std::string(500, 'x')));
  std::vector<std::uint32_t> tags;
  while (store.input_sendable()) tags.push_back(store.input_send().tag);
  REQUIRE(tags.size() == console_input_window);
  CHECK(store.input_room() == console_input_bytes_max - 500);
  store.input_answered(tags[0]);
  CHECK(store.input_in_flight() == 6);
  CHECK(store.input_room() == console_input_bytes_max - 440);
  store.input_answered(0);
  CHECK(store.input_sent(0).tag == tags[2]);
  // A tag that is not in flight has no effect; a later tag answers all before it.
  store.input_answered(tags[0]);
  CHECK(store.input_in_flight() == 5);
  store.input_answered(tags[5]);
  CHECK(store.input_in_flight() == 1);
  CHECK(store.input_sendable());
}

TEST_CASE_METHOD(Fixture, "input in flight can be sent again, also by the next daemon") {
  {
    ConsoleStore store = make();
    store.input_take(bytes_of("first"));
    CHECK(text_of(store.input_send()) == "first");
    store.input_take(bytes_of("second"));
    CHECK(text_of(store.input_send()) == "second");
    store.input_take(bytes_of("third"));
  }
  auto next = find();
  REQUIRE(next);
  REQUIRE(next->input_in_flight() == 2);
  CHECK(text_of(next->input_sent(0)) == "first");
  CHECK(text_of(next->input_sent(1)) == "second");
  CHECK(next->input_sent(0).tag != next->input_sent(1).tag);
  CHECK(text_of(next->input_send()) == "third");
}

TEST_CASE_METHOD(Fixture, "a file of the wrong size is replaced") {
  make().output_take(bytes_of("x"), 0);
  CHECK(world.host("vandal").memory_keep(path, 4096).ok());
  CHECK_FALSE(find());
  CHECK(make().output_bytes() == 0);
}

}  // namespace console_store_test
