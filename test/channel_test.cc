// Channel alone, as any controller uses it, without xcs or sockets.
#include "emu/dom0/channel/channel.h"

#include "emu/trace/memory_sink.h"
#include "test/catch.h"
#include "test/fake_guest.h"

namespace channel_test {

using namespace ringside;
using namespace ringside::dom0;
using test::console_message;
using test::FakeGuest;
using test::text_of;
using Send = Channel::Send;

namespace {

struct Controller {
  SimWorld& world;
  SimHost& host;
  trace::Journal journal;
  Privcmd privcmd;
  std::unique_ptr<EventDevice> events;
  ChannelCounters counters;
  std::vector<std::string> requests;
  std::vector<ring::ControlMessage> responses;
  std::vector<std::uint32_t> response_tags;
  int rooms = 0;
  int turns = 0;
  std::unique_ptr<Channel> channel;

  Controller(SimWorld& the_world, trace::MemorySink& sink, const std::string& name)
      : world(the_world),
        host(world.host(name)),
        journal(sink, trace::actor(trace::Role::xenctld)),
        privcmd(host, world.dom0_connection(host)),
        events(EventDevice::open(host, journal, privcmd).value()) {
    events->on_readable([this] {
      std::uint16_t port = 0;
      while (events->read(port) == EventDevice::Read::port) {
      }
    });
  }

  Result<> open(DomainId domain, ring::Port local = any_port, ring::Port remote = any_port) {
    auto opened = Channel::open(
        host, journal, privcmd, *events, {domain, local, remote}, counters,
        {.request =
             [this](const Channel::UnansweredRequest& owed) { requests.push_back(text_of(owed.message)); },
         .response =
             [this](const ring::ControlMessage& message, std::uint32_t tag) {
               responses.push_back(message);
               response_tags.push_back(tag);
             },
         .room = [this] { ++rooms; },
         .turned = [this] { ++turns; }});
    if (!opened) return opened.error();
    channel = std::move(opened).value();
    channel->look();
    return Done{};
  }

  void die() {
    world.kill(host);
    world.run();
    channel.reset();
  }
};

struct Fixture {
  SimWorld world;
  test::FakeHypervisor xen{world};
  trace::MemorySink sink{world.clock()};
  std::optional<Controller> controller;
  std::optional<FakeGuest> guest;

  explicit Fixture(ring::Abi abi = ring::Abi::sring) {
    xen.add_domain(1, abi);
    controller.emplace(world, sink, "controller");
    guest.emplace(xen, 1, 1, abi);
  }
  void open() { REQUIRE(controller->open(1)); }
  Channel& channel() { return *controller->channel; }
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a guest's request arrives, and the response frees its slot, in both layouts") {
  const auto abi = GENERATE(ring::Abi::sring, ring::Abi::flat);
  Fixture f(abi);
  f.open();
  for (int round = 0; round < 5; ++round) {
    for (int slot = 0; slot < 8; ++slot) CHECK(f.guest->print(std::to_string(slot)) == 1);
    CHECK(f.guest->print("ninth") == 0);
    f.world.run();
    CHECK(f.controller->requests == Texts{"0", "1", "2", "3", "4", "5", "6", "7"});
    f.controller->requests.clear();
    CHECK(f.channel().unanswered().size() == 8);
    for (int slot = 0; slot < 8; ++slot) {
      CHECK(f.channel().respond(console_message("")) == Channel::Respond::taken);
    }
    CHECK(f.channel().respond(console_message("")) == Channel::Respond::not_owed);
    f.channel().flush();
    CHECK(f.guest->reap().size() == 8);
  }
}

TEST_CASE("attaching kicks the guest once, whatever its event bits are, and announces a new controller") {
  Fixture f;
  ring::EventBits<> bits(f.xen.frame(1), ring::Abi::sring);
  CHECK(bits.raise(1) == ring::Raised::kick);  // by a predecessor that then died
  f.open();
  f.world.run();
  CHECK(f.guest->kicks == 1);
  CHECK(ring::channel_words(f.xen.frame(1))->attachments == 1);
}

TEST_CASE("a batch of messages causes one notification") {
  Fixture f;
  f.open();
  f.world.run();
  CHECK(f.guest->upcall() == std::vector<ring::Port>{1});
  f.guest->kicks = 0;
  for (int i = 0; i < 5; ++i) CHECK(f.channel().send_request(console_message("x", 0)) == Send::taken);
  f.world.run();
  CHECK(f.guest->take_and_answer().empty());
  f.channel().flush();
  f.world.run();
  CHECK(f.guest->kicks == 1);
  CHECK(f.guest->upcall() == std::vector<ring::Port>{1});
  CHECK(f.guest->take_and_answer().size() == 5);
  f.world.run();
  CHECK(f.controller->responses.size() == 5);
}

TEST_CASE("an idle controller sleeps unmasked and a kick wakes it") {
  Fixture f;
  f.open();
  f.world.run();
  const ring::UpEvents<> up(f.xen.frame(1));
  CHECK_FALSE(up.is_masked());
  CHECK_FALSE(up.is_pending());
  f.guest->print("hello");
  CHECK(up.is_pending());
  f.world.run();
  CHECK(f.controller->requests == Texts{"hello"});
  CHECK_FALSE(up.is_masked());
  CHECK_FALSE(ring::EventBits<>(f.xen.frame(0), ring::Abi::sring).is_masked(1));
}

TEST_CASE("a controller that has sent a request stays awake, and the response needs no kick") {
  Fixture f;
  f.open();
  f.world.run();
  const ring::UpEvents<> up(f.xen.frame(1));
  REQUIRE_FALSE(up.is_masked());
  CHECK(f.channel().send_request(console_message("x", 0)) == Send::taken);
  f.channel().flush();
  CHECK(f.world.run_until([&] { return up.is_masked(); }, Duration::zero()));
}

TEST_CASE("an event without a message while the controller is awake costs one turn") {
  Fixture f;
  f.open();
  f.world.run();
  const ring::UpEvents<> up(f.xen.frame(1));
  f.guest->print("hello");
  const int turns = f.controller->turns;
  REQUIRE(f.world.run_until([&] { return f.controller->turns == turns + 1; }));
  REQUIRE(up.is_masked());
  f.guest->raise();
  CHECK(up.is_pending());
  f.world.run();
  CHECK(f.controller->turns == turns + 2);
  CHECK_FALSE(up.is_pending());
  CHECK_FALSE(up.is_masked());
  f.guest->print("again");
  f.world.run();
  CHECK(f.controller->requests == Texts{"hello", "again"});
}

TEST_CASE("a request without an event is found at the next event, but not when a message is sent") {
  Fixture f;
  f.open();
  f.world.run();
  REQUIRE(f.guest->tx.put_request(console_message("quiet")));
  f.guest->tx.publish();
  f.world.run();
  CHECK(f.controller->requests.empty());
  CHECK(f.channel().has_unseen());
  SECTION("an event") {
    CHECK(f.channel().send_request(console_message("down", 0)) == Send::taken);
    f.channel().flush();
    f.world.run();
    CHECK(f.controller->requests.empty());
    f.guest->raise();
    f.world.run();
  }
  SECTION("an explicit look") {
    f.channel().look();
  }
  CHECK(f.controller->requests == Texts{"quiet"});
}

TEST_CASE("64 messages wait for a guest that takes none, and new room is announced") {
  Fixture f;
  f.open();
  std::size_t taken = 0;
  while (f.channel().send_request(console_message(std::to_string(taken), 0)) == Send::taken) ++taken;
  CHECK(taken == ring::slots_per_ring + channel_queue_messages_max);
  CHECK(f.controller->counters.queued_messages == channel_queue_messages_max);
  f.channel().flush();
  f.world.run();
  CHECK(f.controller->rooms == 0);
  std::size_t seen = 0;
  while (seen < taken) {
    const auto batch = f.guest->take_and_answer();
    REQUIRE_FALSE(batch.empty());
    for (const auto& message : batch) CHECK(text_of(message) == std::to_string(seen++));
    f.world.run();
    CHECK(f.controller->rooms == 1);
  }
  CHECK(f.controller->responses.size() == taken);
}

TEST_CASE("responses may come in any order and of any kind") {
  Fixture f;
  f.open();
  ring::ControlMessage block = console_message("block", 3);
  block.type = ring::CMSG_BLKIF_FE;
  f.guest->print("console");
  f.guest->send(block);
  f.world.run();
  REQUIRE(f.channel().unanswered().size() == 2);
  CHECK(f.channel().respond(ring::default_reply(block)) == Channel::Respond::taken);
  REQUIRE(f.channel().unanswered().size() == 1);
  CHECK(text_of(f.channel().unanswered()[0].message) == "console");
  f.channel().flush();
  const auto reaped = f.guest->reap();
  REQUIRE(reaped.size() == 1);
  CHECK(reaped[0].id == 3);
}

TEST_CASE("responses to console input come in order, and other responses may come between them") {
  Fixture f;
  f.open();
  ring::ControlMessage suspend = console_message("", 3);
  suspend.type = ring::CMSG_SHUTDOWN;
  CHECK(f.channel().send_request(console_message("first"), 5) == Send::taken);
  CHECK(f.channel().send_request(console_message("second"), 6) == Send::taken);
  CHECK(f.channel().send_request(suspend) == Send::taken);
  f.channel().flush();
  ring::ControlMessage message;
  for (int taken = 0; taken < 3; ++taken)
    REQUIRE(f.guest->rx.take_request(message) == ring::TakeRequest::taken);
  for (const auto& answer : {suspend, console_message(""), console_message("")})
    REQUIRE(f.guest->rx.put_response(ring::default_reply(answer)));
  f.guest->rx.publish();
  f.channel().look();
  CHECK(f.controller->response_tags == std::vector<std::uint32_t>{0, 5, 6});
}

TEST_CASE("impossible indices stop only that channel, with one warning, until they are possible again") {
  Fixture f;
  f.open();
  f.guest->print("before");
  f.world.run();
  REQUIRE(f.controller->requests == Texts{"before"});
  // One request is taken and not answered. The true index is 1; 9 would be a full ring.
  const auto lie = GENERATE(21u, 101u, 9u, 0u, 0xffffffffu);
  ring::NativeMemory::store(f.guest->tx_shared.req_prod, lie);
  f.guest->raise();
  f.world.run();
  CHECK(f.channel().faulty());
  CHECK(f.controller->requests == Texts{"before"});
  CHECK(f.controller->counters.index_faults == 1);
  CHECK(f.controller->host.warnings().size() == 1);
  CHECK(f.sink.count(trace::Kind::refused) == 1);

  // The same index again, and another wrong one: no further report, and no endless loop (run() ends).
  f.guest->raise();
  ring::NativeMemory::store(f.guest->tx_shared.req_prod, 77u);
  f.guest->raise();
  f.world.run();
  CHECK(f.controller->counters.index_faults == 1);

  ring::NativeMemory::store(f.guest->tx_shared.req_prod, 1u);
  f.guest->print("after");
  f.guest->raise();
  f.world.run();
  CHECK_FALSE(f.channel().faulty());
  CHECK(f.controller->requests == Texts{"before", "after"});

  ring::NativeMemory::store(f.guest->tx_shared.req_prod, 500u);
  f.guest->raise();
  f.world.run();
  CHECK(f.controller->counters.index_faults == 2);
  CHECK(f.controller->host.warnings().size() == 1);
}

TEST_CASE("responses to requests that were never made stop the channel too") {
  Fixture f;
  f.open();
  ring::NativeMemory::store(f.guest->rx_shared.rsp_prod, 1u);
  f.guest->raise();
  f.world.run();
  CHECK(f.channel().faulty());
  CHECK(f.controller->responses.empty());
  SECTION("messages to it wait, up to a limit") {
    std::size_t taken = 0;
    while (f.channel().send_request(console_message("x", 0)) == Send::taken) ++taken;
    CHECK(taken == channel_queue_messages_max);
    CHECK(f.channel().send_request(console_message("x", 0)) == Send::broken);
    CHECK(f.controller->counters.refused_messages == 2);
    ring::NativeMemory::store(f.guest->rx_shared.rsp_prod, 0u);
    f.guest->raise();
    f.world.run();
    CHECK(f.guest->take_and_answer().size() == ring::slots_per_ring);
  }
}

TEST_CASE("a request that claims 255 bytes gets the default reply and uses no slot") {
  Fixture f;
  f.open();
  ring::ControlMessage lie = console_message("lie", 9);
  lie.length = 255;
  f.guest->print("first");
  f.guest->send(lie);
  f.guest->print("last");
  f.world.run();
  CHECK(f.controller->requests == Texts{"first", "last"});
  CHECK(f.channel().unanswered().size() == 2);
  CHECK(f.controller->counters.length_faults == 1);
  CHECK(f.controller->host.warnings().size() == 1);
  const auto reaped = f.guest->reap();
  REQUIRE(reaped.size() == 1);
  CHECK(reaped[0].id == 9);
  CHECK(reaped[0].length == 0);
}

TEST_CASE("a response that claims 255 bytes is truncated to 60") {
  Fixture f;
  f.open();
  CHECK(f.channel().send_request(console_message("x", 4)) == Send::taken);
  f.channel().flush();
  ring::ControlMessage message;
  REQUIRE(f.guest->rx.take_request(message) == ring::TakeRequest::taken);
  message.length = 255;
  REQUIRE(f.guest->rx.put_response(message));
  f.guest->rx.publish();
  f.guest->raise();
  f.world.run();
  REQUIRE(f.controller->responses.size() == 1);
  CHECK(f.controller->responses[0].length == 60);
  CHECK(f.controller->counters.length_faults == 1);
}

TEST_CASE("the next controller finds the ports, the indices, and the unanswered requests") {
  Fixture f;
  f.open();
  f.guest->print("answered");
  f.guest->print("taken");
  f.world.run();
  CHECK(f.channel().respond(console_message("answered")) == Channel::Respond::taken);
  CHECK(f.channel().send_request(console_message("input", 0)) == Send::taken);
  f.channel().flush();
  f.controller->die();
  f.guest->print("without a reader");
  CHECK(f.guest->take_and_answer().size() == 1);

  f.xen.set_console_port(1, 1);
  Controller next(f.world, f.sink, "next controller");
  const int kicks = f.guest->kicks;
  REQUIRE(next.open(1));
  f.world.run();
  CHECK(next.channel->local_port() == 1);
  CHECK(next.channel->remote_port() == 1);
  CHECK(f.guest->kicks == kicks + 1);
  const auto left = next.channel->unanswered();
  REQUIRE(left.size() == 2);
  CHECK(text_of(left[0].message) == "taken");
  CHECK(text_of(left[1].message) == "without a reader");
  // Attaching skips the answers that the guest gave before: they were for the dead controller.
  CHECK(next.responses.empty());
  CHECK(next.requests.empty());

  for (int i = 0; i < 2; ++i) CHECK(next.channel->respond(console_message("")) == Channel::Respond::taken);
  next.channel->flush();
  CHECK(f.guest->reap().size() == 3);
  CHECK(f.guest->print("goes on") == 1);
  f.world.run();
  CHECK(next.requests == Texts{"goes on"});
}

TEST_CASE(
    "a channel is opened only for an existing domain with possible indices, and bound until it is gone") {
  Fixture f;
  CHECK(f.controller->open(7).error().code == ESRCH);
  ring::NativeMemory::store(f.guest->tx_shared.req_prod, 9u);
  CHECK(f.controller->open(1).error().code == EBADMSG);
  // The refusal leaves no port behind.
  CHECK(f.xen.status(0, 1).state == PortState::closed);
  ring::NativeMemory::store(f.guest->tx_shared.req_prod, 8u);
  f.open();
  CHECK(f.channel().still_bound());
  f.xen.remove_domain(1);
  CHECK_FALSE(f.channel().still_bound());
}

TEST_CASE("a local port that is in use cannot be bound again") {
  Fixture f;
  f.open();
  f.xen.add_domain(2);
  ChannelCounters counters;
  const auto refused = Channel::open(f.controller->host, f.controller->journal, f.controller->privcmd,
                                     *f.controller->events, {2, 1, any_port}, counters, {});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == EEXIST);
}

TEST_CASE("two domains' channels are independent, and closing one leaves the other open") {
  Fixture f;
  f.open();
  f.xen.add_domain(2);
  FakeGuest second_guest(f.xen, 2);
  auto first = std::move(f.controller->channel);
  REQUIRE(f.controller->open(2));
  CHECK(f.channel().local_port() == 2);
  f.guest->print("one");
  second_guest.print("two");
  f.world.run();
  CHECK(first->unanswered().size() == 1);
  CHECK(f.channel().unanswered().size() == 1);
  first->close_port();
  first.reset();
  CHECK(f.xen.status(0, 1).state == PortState::closed);
  CHECK(f.xen.status(1, 1).state == PortState::unbound);
  second_guest.print("more");
  f.world.run();
  CHECK(f.channel().unanswered().size() == 2);
}

TEST_CASE("dom0's own channel works like any other") {
  Fixture f;
  REQUIRE(f.controller->open(0));
  CHECK(f.channel().local_port() == 1);
  CHECK(f.channel().remote_port() == 2);
  FakeGuest dom0(f.xen, 0, 2);
  dom0.print("from dom0");
  f.world.run();
  CHECK(f.controller->requests == Texts{"from dom0"});
}

TEST_CASE("the journal has every slot, index and event of a message in each direction") {
  Fixture f;
  f.open();
  f.world.run();
  f.sink.clear();
  f.guest->print("up");
  f.world.run();
  CHECK(f.channel().respond(console_message("up")) == Channel::Respond::taken);
  CHECK(f.channel().send_request(console_message("down", 0)) == Send::taken);
  f.channel().flush();
  using trace::IndexName;
  using trace::Kind;
  std::vector<std::string> told;
  for (const auto& recorded : f.sink.entries()) {
    const trace::Entry& entry = recorded.entry;
    CHECK(entry.domain == 1);
    CHECK(entry.actor == trace::actor(trace::Role::xenctld));
    if (entry.kind == Kind::event_taken) told.push_back(fmt::format("event at {}", entry.port));
    if (entry.kind == Kind::event_raised) told.push_back(fmt::format("event for {}", entry.port));
    if (entry.kind == Kind::slot_written) told.push_back("slot " + text_of(entry.message));
    if (entry.kind == Kind::index_moved) {
      const char* const names[] = {"req_prod", "req_cons", "rsp_prod", "rsp_cons"};
      told.push_back(fmt::format("{} {} {} to {}", entry.ring == ring::Ring::tx ? "tx" : "rx",
                                 names[entry.detail], entry.from_value, entry.to_value));
    }
  }
  CHECK(told == Texts{"event at 1", "tx req_cons 0 to 1", "slot up", "slot down", "tx rsp_prod 0 to 1",
                      "rx req_prod 0 to 1", "event for 1"});
}

}  // namespace channel_test
