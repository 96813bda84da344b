// Early answers: xcs answers console messages itself, keeps them until its client answers, and discards the
// client's answer. The tests kill xcs and its client at each point.
#include "emu/dom0/channel/early_store.h"
#include "emu/dom0/xcs/xcs.h"
#include "test/xcs_fixture.h"

namespace xcs_early_test {

using namespace ringside;
using namespace ringside::dom0;
using namespace ringside::test;

namespace {

using Texts = std::vector<std::string>;

constexpr char file_of_dom1[] = "/m/early-1.kept";

struct Early : XcsFixture {
  Early() : XcsFixture({}, Answer::xcs) {}

  /// A client that recognises repeated messages, bound to domain 1.
  std::unique_ptr<Client> numbered_client() {
    auto client = std::make_unique<Client>(*this);
    REQUIRE(client->call(Client::connect(XCS_NUMBERS, 0)).u.connect.session_id == xcs_numbers_early);
    client->attach(1);
    return client;
  }
  /// Domain 1 prints "0", "1" and so on, as long as it finds slots. Returns how many messages it has sent.
  int print(FakeGuest& guest, int count) {
    for (int sent = 0; sent < count; ++sent) {
      (void)guest.reap();
      if (guest.print(std::to_string(sent)) == 0) return sent;
      world.run();
    }
    return count;
  }
  /// The messages in domain 1's file.
  std::size_t kept() {
    const auto store = EarlyStore::find(client_host, file_of_dom1);
    return store ? store->kept().size() : 0;
  }
  /// All frames that xcs has for the client, which are more than a connection holds at a time.
  std::vector<XcsMessage> read_all(Client& client) {
    std::vector<XcsMessage> all;
    for (auto frames = client.data.read(); !frames.empty(); frames = client.data.read()) {
      all.insert(all.end(), frames.begin(), frames.end());
      world.run();
    }
    return all;
  }
  void answer(Client& client, XcsMessage request) {
    request.type = XCS_RESPONSE;
    client.data.send(request);
    world.run();
  }
};

/// The numbers from `first` up to, but not including, `end`.
Texts numbers(int first, int end) {
  Texts texts;
  for (int number = first; number < end; ++number) texts.push_back(std::to_string(number));
  return texts;
}

}  // namespace

TEST_CASE_METHOD(Early, "a guest gets its answer before the client answers, and the client's is discarded") {
  auto guest = boot(1);
  auto client = numbered_client();
  // An id other than 0xff: the guest waits for this answer.
  const auto message = console_message("hello", 5);
  guest->send(message);
  world.run();
  const auto early = guest->reap();
  REQUIRE(early.size() == 1);
  CHECK(std::memcmp(early.data(), &message, sizeof message) == 0);
  const auto frames = client->data.read();
  REQUIRE(texts_of(frames) == Texts{"hello"});
  CHECK(frames[0].result == 0);
  CHECK(kept() == 1);
  answer(*client, frames[0]);
  CHECK(guest->reap().empty());
  CHECK(kept() == 0);
  CHECK(xcs->channel(1)->unanswered().empty());
  // No further answer is expected from the client.
  answer(*client, frames[0]);
  CHECK(guest->reap().empty());
  CHECK(counters().channels.refused_responses == 1);
}

TEST_CASE_METHOD(Early, "xcs answers early up to a limit, and then one for each answer of the client") {
  auto guest = boot(1);
  auto client = numbered_client();
  constexpr int limit = early_answers_max;
  CHECK(print(*guest, 100) == limit + 8);
  CHECK(kept() == limit);
  const auto frames = read_all(*client);
  CHECK(texts_of(frames) == numbers(0, limit + 8));
  CHECK(frames.size() == requests_under_way_max(Answer::xcs));
  answer(*client, frames[0]);
  CHECK(guest->reap().size() == 1);
  CHECK(kept() == limit);
  CHECK(guest->print("more") == 1);
  for (std::size_t at = 1; at < frames.size(); ++at) answer(*client, frames[at]);
  world.run();
  answer(*client, client->data.read().at(0));
  CHECK(guest->reap().size() == 8);
  CHECK(kept() == 0);
}

TEST_CASE_METHOD(Early, "the frames of a guest that fills its ring at each turn reach the client together") {
  auto guest = boot(1);
  auto client = numbered_client();
  const auto fill = [&] {
    std::size_t sent = 0;
    while (guest->tx.put_request(console_message(std::to_string(sent)))) ++sent;
    guest->tx.publish();
    guest->raise();
    REQUIRE(world.run_until([&] { return guest->tx.has_response(); }));
    REQUIRE(guest->reap().size() == sent);
    return sent;
  };
  std::size_t sent = 0;
  for (int turn = 0; turn < 3; ++turn) {
    sent += fill();
    CHECK(client->data.read().empty());
  }
  SECTION("when it stops") {
    world.run();
  }
  SECTION("when it fills its ring no longer") {
    CHECK(guest->print("last") == 1);
    ++sent;
    REQUIRE(world.run_until([&] { return guest->tx.has_response(); }));
  }
  SECTION("when no more is answered early") {
    while (sent < early_answers_max) sent += fill();
  }
  CHECK(read_all(*client).size() == sent);
}

TEST_CASE_METHOD(Early, "a client without numbers answers as in 2005") {
  auto guest = boot(1);
  Client client(*this);
  client.attach(1);
  guest->print("hello");
  world.run();
  CHECK(guest->reap().empty());
  CHECK(kept() == 0);
  CHECK(client.read_and_echo().size() == 1);
  CHECK(guest->reap().size() == 1);
}

TEST_CASE_METHOD(Early, "a message of another kind waits for the client, and what follows it too") {
  auto guest = boot(1);
  auto client = numbered_client();
  guest->send(ring::make_message(ring::CMSG_SHUTDOWN, 0, 3, {}));
  guest->print("after");
  world.run();
  CHECK(guest->reap().empty());
  const auto frames = client->data.read();
  REQUIRE(frames.size() == 2);
  answer(*client, frames[0]);
  const auto answers = guest->reap();
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].type == ring::CMSG_SHUTDOWN);
  CHECK(text_of(answers[1]) == "after");
  CHECK(kept() == 1);
}

TEST_CASE_METHOD(Early, "xcs dies after it has answered: the next xcs offers the messages again, in order") {
  auto guest = boot(1);
  auto client = numbered_client();
  constexpr int sent = early_answers_max + 3;
  REQUIRE(print(*guest, sent) == sent);
  const auto frames = read_all(*client);
  answer(*client, frames[1]);
  kill_xcs();
  start_xcs();
  client = numbered_client();
  world.run();
  Texts expected = numbers(0, sent);
  expected.erase(expected.begin() + 1);
  const auto again = read_all(*client);
  CHECK(texts_of(again) == expected);
  CHECK(again[1].result == 2);
  for (const XcsMessage& frame : again) answer(*client, frame);
  CHECK(kept() == 0);
  (void)guest->reap();
  CHECK(guest->tx.outstanding() == 0);
}

TEST_CASE_METHOD(Early, "xcs dies between keeping a message and answering it: it is answered once") {
  auto guest = boot(1);
  auto client = numbered_client();
  kill_xcs();
  guest->print("once");
  {
    auto store = EarlyStore::make(client_host, file_of_dom1, xen.info(1).shared_info_frame);
    REQUIRE(store.ok());
    store->keep({0, console_message("once")});
  }
  start_xcs();
  client = numbered_client();
  world.run();
  CHECK(guest->reap().size() == 1);
  const auto frames = client->data.read();
  REQUIRE(texts_of(frames) == Texts{"once"});
  answer(*client, frames[0]);
  CHECK(guest->reap().empty());
  CHECK(kept() == 0);
}

TEST_CASE_METHOD(Early, "the client dies: its successor is offered what it had not answered") {
  auto guest = boot(1);
  auto first = numbered_client();
  REQUIRE(print(*guest, 3) == 3);
  const auto frames = first->data.read();
  REQUIRE(frames.size() == 3);
  answer(*first, frames[0]);
  first->control.close();
  first->data.close();
  world.run();
  // Without a client that recognises repetitions messages wait in the ring.
  (void)guest->reap();
  guest->print("3");
  world.run();
  CHECK(guest->reap().empty());
  auto second = numbered_client();
  CHECK(texts_of(second->data.read()) == numbers(1, 4));
  CHECK(guest->reap().size() == 1);
  CHECK(kept() == 3);
}

TEST_CASE_METHOD(Early, "the file is removed with its domain, and not with its channel") {
  auto guest = boot(1);
  auto client = numbered_client();
  guest->print("kept");
  world.run();
  CHECK(client->data.read().size() == 1);
  REQUIRE(client->interface(XCS_CIF_FREE_CC, 1).result == XCS_RSLT_OK);
  CHECK(kept() == 1);
  client->attach(1);
  CHECK(texts_of(client->data.read()) == Texts{"kept"});
  guest.reset();
  xen.remove_domain(1);
  REQUIRE(client->interface(XCS_CIF_FREE_CC, 1).result == XCS_RSLT_OK);
  CHECK(world.kept_files().empty());
}

TEST_CASE_METHOD(Early, "without room for the file a channel is opened, and its client answers") {
  auto guest = boot(1);
  world.fill_disk(true);
  auto client = numbered_client();
  guest->print("hello");
  world.run();
  CHECK(guest->reap().empty());
  CHECK(client->read_and_echo().size() == 1);
  CHECK(guest->reap().size() == 1);
}

TEST_CASE("kept messages stay in order and survive a restart, for their domain only") {
  SimWorld world;
  SimHost& host = world.host("xcs");
  constexpr std::uint32_t frame = 7;
  const auto texts = [](const EarlyStore& store) {
    Texts all;
    for (const EarlyStore::Kept& kept : store.kept()) all.push_back(text_of(kept.message));
    return all;
  };
  {
    auto store = EarlyStore::make(host, "/m/early-1.kept", frame).value();
    for (ring::Index index = 0; index < early_answers_max; ++index)
      store.keep({index + 0xffff'ffe0, console_message(std::to_string(index))});
    CHECK(store.full());
    store.drop(0xffff'ffe0);
    store.drop(0xffff'ffe2);
    CHECK_FALSE(store.has(0xffff'ffe2));
    CHECK(store.has(0));
    // Into a slot that is free again.
    store.keep({100, console_message("last")});
  }
  Texts expected = numbers(0, early_answers_max);
  expected.erase(expected.begin() + 2);
  expected.erase(expected.begin());
  expected.push_back("last");
  {
    auto store = EarlyStore::make(host, "/m/early-1.kept", frame).value();
    CHECK(texts(store) == expected);
    // The domain gets another frame: xend died before it could write which.
    store.moves();
    CHECK(store.belongs_to(frame + 1));
  }
  CHECK(texts(EarlyStore::make(host, "/m/early-1.kept", frame + 1).value()) == expected);
  auto another = EarlyStore::make(host, "/m/early-1.kept", frame).value();
  CHECK(texts(another).empty());
  CHECK_FALSE(EarlyStore::find(host, "/m/early-2.kept"));
}

}  // namespace xcs_early_test
