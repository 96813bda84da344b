// The guest's end of the control channel, against a controller driven by hand on the same page.
#include "emu/domu/ctrl_if.h"

#include "emu/host/sim.h"
#include "emu/trace/memory_sink.h"
#include "test/catch.h"
#include "test/guest_page.h"

namespace ctrl_if_test {

using namespace ringside;
using namespace ringside::domu;
using namespace ringside::test;
using Fault = CtrlIf::Fault;
using Sent = CtrlIf::Sent;
using Space = CtrlIf::Space;

namespace {

struct Guest {
  explicit Guest(ring::Abi its_abi = ring::Abi::sring) : abi(its_abi) {
    REQUIRE(ctrl_if.attach(page.frame(), abi).ok());
  }

  [[nodiscard]] const RingBytes& ring_bytes(ring::Ring which) const {
    for (const RingBytes& bytes : all_rings) {
      if (bytes.abi == abi && bytes.which == which) return bytes;
    }
    return all_rings[0];
  }
  /// "index 2 0>1": the index moves in the journal.
  [[nodiscard]] std::vector<std::string> index_moves() const {
    std::vector<std::string> moves;
    for (const auto& [step, entry] : sink.entries()) {
      if (entry.kind != trace::Kind::index_moved) continue;
      moves.push_back(fmt::format("{}.{} {}>{}", entry.ring == ring::Ring::tx ? "tx" : "rx", entry.detail,
                                  entry.from_value, entry.to_value));
    }
    return moves;
  }
  void fill() {
    for (std::uint32_t i = 0; i < ring::slots_per_ring; ++i)
      REQUIRE(ctrl_if.send(text_message("x")) == Sent::sent);
  }

  ring::Abi abi;
  SimWorld world;
  SimHost& host = world.host("guest");
  trace::MemorySink sink{world.clock()};
  Page page;
  int notifies = 0;
  CtrlIf ctrl_if{host, trace::Journal(sink, trace::actor(trace::Role::domain, 1)), 1, [this] { ++notifies; }};
  HandController controller{page.frame(), abi};
};

/// A receiver that answers at once with the given text and keeps the messages that it got.
CtrlIf::Receiver answering(Guest& guest, std::vector<ring::ControlMessage>& seen,
                           const std::string& text = "") {
  return [&guest, &seen, text](Request request) {
    seen.push_back(request.message());
    guest.ctrl_if.respond(std::move(request), bytes_of(text));
  };
}

ring::ControlMessage request_of(std::uint8_t type, std::uint8_t id, std::string_view text) {
  return ring::make_message(type, 3, id, bytes_of(text));
}

}  // namespace

// -- sending

TEST_CASE("a request goes out with id 0xFF, one index move and one notification") {
  Guest guest(GENERATE(ring::Abi::sring, ring::Abi::flat));
  ring::ControlMessage message = text_message("hello");
  message.id = 5;
  REQUIRE(guest.ctrl_if.send(message) == Sent::sent);
  const auto taken = guest.controller.take();
  REQUIRE(taken.size() == 1);
  CHECK(text_of(taken[0]) == "hello");
  CHECK(taken[0].id == ring::no_callback_id);
  CHECK(guest.notifies == 1);
  CHECK(guest.index_moves() == std::vector<std::string>{"tx.0 0>1"});
  CHECK(guest.sink.count(trace::Kind::slot_written) == 1);
}

TEST_CASE("messages of a batch are published together, with one notification") {
  Guest guest;
  {
    CtrlIf::Batch batch(guest.ctrl_if);
    for (int i = 0; i < 3; ++i) REQUIRE(guest.ctrl_if.send(text_message("x")) == Sent::sent);
    CHECK(guest.controller.take().empty());
    CHECK(guest.notifies == 0);
  }
  CHECK(guest.controller.take().size() == 3);
  CHECK(guest.notifies == 1);
  CHECK(guest.index_moves() == std::vector<std::string>{"tx.0 0>3"});
}

TEST_CASE("a length above 60 does not leave the guest") {
  Guest guest;
  ring::ControlMessage message = text_message("");
  message.length = 61;
  REQUIRE(guest.ctrl_if.send(message) == Sent::sent);
  CHECK(guest.page.message(guest.ring_bytes(ring::Ring::tx), 0).length == 60);
}

TEST_CASE("a full ring refuses the ninth request until a response has been reaped") {
  Guest guest;
  guest.fill();
  CHECK(guest.ctrl_if.send(text_message("x")) == Sent::full);
  CHECK(guest.controller.take().size() == 8);
  guest.controller.answer(1);
  CHECK(guest.ctrl_if.send(text_message("x")) == Sent::full);  // answered, but not reaped
  CHECK(guest.ctrl_if.has_work());
  guest.ctrl_if.serve();
  CHECK_FALSE(guest.ctrl_if.has_work());
  CHECK(guest.ctrl_if.outstanding() == 7);
  CHECK(guest.ctrl_if.send(text_message("x")) == Sent::sent);
}

// -- space

TEST_CASE("a driver that waits for space is called once, when there is some") {
  Guest guest;
  guest.fill();
  int calls = 0;
  REQUIRE(guest.ctrl_if.when_space([&] { ++calls; }) == Space::will_call);
  guest.ctrl_if.serve();
  CHECK(calls == 0);
  guest.controller.take();
  guest.controller.answer(2);
  guest.ctrl_if.serve();
  CHECK(calls == 1);
  guest.controller.answer(1);
  guest.ctrl_if.serve();
  CHECK(calls == 1);
}

TEST_CASE("a driver that asks while there is space is told so, and not called") {
  Guest guest;
  int calls = 0;
  CHECK(guest.ctrl_if.when_space([&] { ++calls; }) == Space::now);
  guest.ctrl_if.serve();
  CHECK(calls == 0);
}

TEST_CASE("a driver that fills the ring from a space callback can ask again, and no driver is called twice") {
  Guest guest;
  guest.fill();
  std::vector<int> order;
  std::function<void()> greedy = [&] {
    order.push_back(1);
    while (guest.ctrl_if.send(text_message("y")) == Sent::sent) {
    }
    CHECK(guest.ctrl_if.when_space(greedy) == Space::will_call);
  };
  REQUIRE(guest.ctrl_if.when_space(greedy) == Space::will_call);
  REQUIRE(guest.ctrl_if.when_space([&] { order.push_back(2); }) == Space::will_call);
  guest.controller.take();
  guest.controller.answer(3);
  const int before = guest.notifies;
  guest.ctrl_if.serve();
  CHECK(order == std::vector<int>{1, 2});
  CHECK(guest.controller.take().size() == 3);
  CHECK(guest.notifies == before + 1);
}

TEST_CASE("only a limited number of drivers can wait for space") {
  Guest guest;
  guest.fill();
  for (std::size_t i = 0; i < space_callbacks_max; ++i) {
    REQUIRE(guest.ctrl_if.when_space([] {}) == Space::will_call);
  }
  CHECK(guest.ctrl_if.when_space([] {}) == Space::too_many);
}

// -- response callbacks

TEST_CASE("responses find their callbacks by id, in any order") {
  Guest guest;
  std::string order;
  const auto send = [&](std::string_view name) {
    return guest.ctrl_if.send(request_of(ring::CMSG_BLKIF_FE, 77, name),
                              [&order](const ring::ControlMessage& response) { order += text_of(response); });
  };
  REQUIRE(send("a") == Sent::sent);
  REQUIRE(send("b") == Sent::sent);
  const auto taken = guest.controller.take();
  REQUIRE(taken.size() == 2);
  CHECK(taken[0].id != taken[1].id);
  CHECK(taken[1].id < response_callbacks_max);
  guest.controller.answer(taken[1]);
  guest.controller.answer(taken[0]);
  guest.ctrl_if.serve();
  CHECK(order == "ba");
  CHECK(guest.ctrl_if.fault_count(Fault::unknown_id) == 0);
}

TEST_CASE("a callback's id is free again when the callback runs") {
  Guest guest;
  int calls = 0;
  std::function<void(const ring::ControlMessage&)> again = [&](const ring::ControlMessage& response) {
    CHECK(response.id == 0);
    if (++calls < 20) CHECK(guest.ctrl_if.send(request_of(2, 0, "again"), again) == Sent::sent);
  };
  REQUIRE(guest.ctrl_if.send(request_of(2, 0, "first"), again) == Sent::sent);
  for (int round = 0; round < 30; ++round) {
    for (const auto& message : guest.controller.take()) guest.controller.answer(message);
    guest.ctrl_if.serve();
  }
  CHECK(calls == 20);
}

TEST_CASE("a response with an unknown id is dropped and counted, with one warning") {
  Guest guest;
  int calls = 0;
  REQUIRE(guest.ctrl_if.send(request_of(2, 0, "a"), [&](const ring::ControlMessage&) { ++calls; }) ==
          Sent::sent);
  REQUIRE(guest.ctrl_if.send(text_message("b")) == Sent::sent);
  REQUIRE(guest.ctrl_if.send(text_message("c")) == Sent::sent);
  guest.controller.take();
  guest.controller.answer(request_of(0, 1, ""));    // in range, not allocated
  guest.controller.answer(request_of(0, 200, ""));  // out of range
  guest.ctrl_if.serve();
  CHECK(calls == 0);
  CHECK(guest.ctrl_if.fault_count(Fault::unknown_id) == 2);
  CHECK(guest.sink.count(trace::Kind::refused) == 2);
  REQUIRE(guest.host.warnings().size() == 1);
  CHECK(guest.host.warnings()[0].find("an id that no request carries") != std::string::npos);
  guest.controller.answer(request_of(2, 0, ""));
  guest.ctrl_if.serve();
  CHECK(calls == 1);
}

TEST_CASE("a controller that answers with wrong ids does not use up the callbacks") {
  Guest guest;
  const auto ignore = [](const ring::ControlMessage&) {};
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < response_callbacks_max; ++i) {
      REQUIRE(guest.ctrl_if.send(request_of(2, 0, "x"), ignore) == Sent::sent);
    }
    CHECK(guest.ctrl_if.send(request_of(2, 0, "x"), ignore) == Sent::full);
    guest.controller.take();
    guest.controller.answer(7);
    guest.ctrl_if.serve();
    CHECK(guest.ctrl_if.send(request_of(2, 0, "x"), ignore) == Sent::no_callback);
    guest.controller.answer(1);
    guest.ctrl_if.serve();
  }
}

// -- receiving

TEST_CASE("a type without a receiver is answered with its header and length 0") {
  Guest guest(GENERATE(ring::Abi::sring, ring::Abi::flat));
  REQUIRE(guest.controller.ask(request_of(ring::CMSG_NETIF_FE, 9, "who is there")));
  REQUIRE(guest.controller.ask(request_of(250, 10, "")));
  CHECK(guest.ctrl_if.has_work());
  guest.ctrl_if.serve();
  const auto answers = guest.controller.answers();
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].type == ring::CMSG_NETIF_FE);
  CHECK(answers[0].subtype == 3);
  CHECK(answers[0].id == 9);
  CHECK(answers[0].length == 0);
  CHECK(answers[0].msg[0] == 0);
  CHECK(answers[1].type == 250);
  CHECK(guest.notifies == 1);
  CHECK(guest.index_moves() == std::vector<std::string>{"rx.1 0>1", "rx.1 1>2", "rx.2 0>2"});
}

TEST_CASE("a type has one receiver at a time") {
  Guest guest;
  std::vector<ring::ControlMessage> seen;
  REQUIRE(guest.ctrl_if.register_receiver(2, answering(guest, seen, "mine"), CtrlIf::Context::interrupt));
  CHECK_FALSE(guest.ctrl_if.register_receiver(2, answering(guest, seen), CtrlIf::Context::interrupt));
  REQUIRE(guest.controller.ask(request_of(2, 1, "hi")));
  guest.ctrl_if.serve();
  REQUIRE(seen.size() == 1);
  CHECK(text_of(seen[0]) == "hi");
  CHECK(text_of(guest.controller.answers().at(0)) == "mine");
  guest.ctrl_if.unregister_receiver(2);
  REQUIRE(guest.controller.ask(request_of(2, 1, "hi")));
  guest.ctrl_if.serve();
  CHECK(seen.size() == 1);
  CHECK(guest.controller.answers().at(0).length == 0);
}

TEST_CASE("a receiver in process context is called from the loop, and at most eight requests wait for it") {
  Guest guest;
  std::vector<ring::ControlMessage> seen;
  REQUIRE(guest.ctrl_if.register_receiver(7, answering(guest, seen), CtrlIf::Context::process));
  for (std::uint8_t id = 0; id < 8; ++id) REQUIRE(guest.controller.ask(request_of(7, id, "later")));
  CHECK_FALSE(guest.controller.ask(request_of(7, 8, "too many")));
  guest.ctrl_if.serve();
  CHECK(seen.empty());
  CHECK(guest.ctrl_if.owed() == 8);
  CHECK(guest.controller.answers().empty());
  guest.world.run();
  CHECK(seen.size() == 8);
  CHECK(guest.ctrl_if.owed() == 0);
  CHECK(guest.controller.answers().size() == 8);
  CHECK(guest.notifies == 1);
}

TEST_CASE("responses are reaped before requests are taken") {
  Guest guest;
  std::string order;
  REQUIRE(guest.ctrl_if.register_receiver(
      2,
      [&](Request request) {
        order += "request ";
        guest.ctrl_if.respond(std::move(request));
      },
      CtrlIf::Context::interrupt));
  REQUIRE(guest.ctrl_if.send(request_of(2, 0, "x"),
                             [&](const ring::ControlMessage&) { order += "response "; }) == Sent::sent);
  REQUIRE(guest.controller.ask(request_of(2, 0, "")));
  guest.controller.answer(guest.controller.take().at(0));
  guest.ctrl_if.serve();
  CHECK(order == "response request ");
}

// -- a controller that breaks the rules

TEST_CASE("a request of length 255 reaches its receiver with 60 bytes, counted") {
  Guest guest;
  std::vector<ring::ControlMessage> seen;
  REQUIRE(guest.ctrl_if.register_receiver(2, answering(guest, seen), CtrlIf::Context::interrupt));
  ring::ControlMessage message = request_of(2, 0, std::string(60, 'z'));
  message.length = 255;
  REQUIRE(guest.controller.ask(message));
  guest.ctrl_if.serve();
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].length == 60);
  CHECK(guest.ctrl_if.fault_count(Fault::long_length) == 1);
  CHECK(guest.host.warnings().size() == 1);
}

TEST_CASE("an impossible request index is refused once, and ignored until it is possible again") {
  Guest guest(GENERATE(ring::Abi::sring, ring::Abi::flat));
  const std::size_t req_prod = guest.ring_bytes(ring::Ring::rx).req_prod;
  const std::uint32_t wrong = GENERATE(9u, 20u, 0x80000000u, 0xffffffffu);
  guest.page.set_u32(req_prod, wrong);
  CHECK(guest.ctrl_if.has_work());
  for (int i = 0; i < 5; ++i) {
    guest.ctrl_if.serve();
    CHECK_FALSE(guest.ctrl_if.has_work());
  }
  CHECK(guest.ctrl_if.fault_count(Fault::request_index) == 1);
  CHECK(guest.host.warnings().size() == 1);
  CHECK(guest.ctrl_if.owed() == 0);
  CHECK(guest.notifies == 0);
  guest.page.set_u32(req_prod, 0);
  REQUIRE(guest.controller.ask(request_of(2, 6, "sane")));
  guest.ctrl_if.serve();
  CHECK(guest.controller.answers().at(0).id == 6);
}

TEST_CASE("responses to requests that were never made are refused, and the other ring continues") {
  Guest guest(GENERATE(ring::Abi::sring, ring::Abi::flat));
  guest.page.set_u32(guest.ring_bytes(ring::Ring::tx).rsp_prod, GENERATE(1u, 8u, 0xfffffff8u));
  CHECK(guest.ctrl_if.has_work());
  guest.ctrl_if.serve();
  CHECK_FALSE(guest.ctrl_if.has_work());
  CHECK(guest.ctrl_if.fault_count(Fault::response_index) == 1);
  CHECK(guest.ctrl_if.outstanding() == 0);
  REQUIRE(guest.controller.ask(request_of(2, 4, "still here?")));
  CHECK(guest.ctrl_if.has_work());
  guest.ctrl_if.serve();
  CHECK(guest.controller.answers().size() == 1);
}

// -- suspend and resume

TEST_CASE("a page that claims more than 8 requests is refused") {
  Guest guest;
  guest.ctrl_if.suspend();
  Page other;
  other.set_u32(guest.ring_bytes(ring::Ring::rx).req_prod, 9);
  const auto attached = guest.ctrl_if.attach(other.frame(), guest.abi);
  REQUIRE_FALSE(attached.ok());
  CHECK(attached.error().text() ==
        "cannot attach to the control interface: domain 1: the page claims more than 8 requests in a ring "
        "(is the "
        "domain built for the other generation?)");
  CHECK_FALSE(guest.ctrl_if.attached());
}

TEST_CASE("between suspend and resume no message is sent, and waiting drivers are called afterwards") {
  Guest guest(GENERATE(ring::Abi::sring, ring::Abi::flat));
  guest.ctrl_if.suspend();
  CHECK_FALSE(guest.ctrl_if.has_work());
  guest.ctrl_if.serve();
  CHECK(guest.ctrl_if.send(text_message("x")) == Sent::detached);
  int calls = 0;
  REQUIRE(guest.ctrl_if.when_space([&] { ++calls; }) == Space::will_call);

  Page other;
  const std::uint32_t start = 0xfffffffe;  // the indices soon wrap
  const RingBytes& tx = guest.ring_bytes(ring::Ring::tx);
  other.set_u32(tx.req_prod, start);
  other.set_u32(tx.rsp_prod, start);
  HandController controller(other.frame(), guest.abi);
  REQUIRE(guest.ctrl_if.attach(other.frame(), guest.abi).ok());
  CHECK(calls == 1);
  for (int i = 0; i < 8; ++i) REQUIRE(guest.ctrl_if.send(text_message(std::to_string(i))) == Sent::sent);
  CHECK(controller.take_text() == "01234567");
  CHECK(other.u32(tx.req_prod) == start + 8);
  CHECK(guest.page.u32(tx.req_prod) == 0);
}

TEST_CASE("a response to a request of the previous page is dropped") {
  Guest guest;
  std::vector<Request> kept;
  REQUIRE(guest.ctrl_if.register_receiver(
      2, [&](Request request) { kept.push_back(std::move(request)); }, CtrlIf::Context::interrupt));
  REQUIRE(guest.controller.ask(request_of(2, 1, "old")));
  guest.ctrl_if.serve();
  guest.ctrl_if.suspend();
  Page other;
  HandController controller(other.frame(), guest.abi);
  REQUIRE(guest.ctrl_if.attach(other.frame(), guest.abi).ok());
  REQUIRE(controller.ask(request_of(2, 2, "new")));
  guest.ctrl_if.serve();
  CHECK(guest.ctrl_if.owed() == 1);
  REQUIRE(kept.size() == 2);
  guest.ctrl_if.respond(std::move(kept[0]));
  CHECK(controller.answers().empty());
  guest.ctrl_if.respond(std::move(kept[1]));
  REQUIRE(controller.answers().size() == 1);
  CHECK(guest.ctrl_if.owed() == 0);
}

TEST_CASE("requests that wait for process context are delivered before the page is given up") {
  Guest guest;
  std::vector<ring::ControlMessage> seen;
  REQUIRE(guest.ctrl_if.register_receiver(7, answering(guest, seen), CtrlIf::Context::process));
  REQUIRE(guest.controller.ask(request_of(7, 1, "")));
  guest.ctrl_if.serve();
  guest.ctrl_if.suspend();
  CHECK(seen.size() == 1);
  CHECK(guest.controller.answers().size() == 1);
  guest.world.run();
  CHECK(seen.size() == 1);
}

TEST_CASE(
    "requests that arrived while no guest was attached are taken, if all taken ones had been answered") {
  Guest guest(GENERATE(ring::Abi::sring, ring::Abi::flat));
  std::vector<Request> kept;
  REQUIRE(guest.ctrl_if.register_receiver(
      2, [&](Request request) { kept.push_back(std::move(request)); }, CtrlIf::Context::interrupt));
  const bool owing = GENERATE(false, true);
  if (owing) {
    REQUIRE(guest.controller.ask(request_of(2, 1, "owed")));
    guest.ctrl_if.serve();
  }
  guest.ctrl_if.suspend();
  REQUIRE(guest.controller.ask(request_of(2, 2, "meanwhile")));
  REQUIRE(guest.ctrl_if.attach(guest.page.frame(), guest.abi).ok());
  guest.ctrl_if.serve();
  // It cannot be determined which of several requests the slots still hold, since answers share the slots.
  CHECK(kept.size() == 1);
  CHECK(guest.ctrl_if.owed() == (owing ? 0 : 1));
}

}  // namespace ctrl_if_test
