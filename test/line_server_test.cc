// A socket that takes requests as lines of text.
#include "emu/dom0/requests/line_server.h"

#include "test/catch.h"
#include "test/dom0_machine.h"

namespace line_server_test {

using namespace ringside;
using namespace ringside::dom0;
using namespace ringside::test;

namespace {

struct Fixture {
  Fixture() { REQUIRE(server.listen("/m/sock").ok()); }

  SimWorld world;
  SimHost& users = world.host("users");
  SimHost& host = world.host("server");
  std::vector<std::string> asked;
  std::vector<LineServer::ClientId> waiting;
  LineServer server{host, [this](LineServer::ClientId client, std::string_view line) {
                      asked.emplace_back(line);
                      if (line == "wait") {
                        waiting.push_back(client);
                      } else {
                        server.answer(client, "ok " + std::string(line));
                      }
                    }};
};

}  // namespace

TEST_CASE_METHOD(Fixture, "requests of one client are answered in order, one at a time") {
  User user(users, users.connect_local("/m/sock").value());
  user.type("one\nwait\ntwo\n");
  world.run();
  CHECK(asked == std::vector<std::string>{"one", "wait"});
  CHECK(user.seen == "ok one\n");
  server.answer(waiting.at(0), "ok at last");
  world.run();
  CHECK(user.seen == "ok one\nok at last\nok two\n");
}

TEST_CASE_METHOD(Fixture, "a request may come in pieces") {
  User user(users, users.connect_local("/m/sock").value());
  user.type("he");
  world.run();
  CHECK(asked.empty());
  user.type("llo\nthe");
  world.run();
  user.type("re\n");
  world.run();
  CHECK(asked == std::vector<std::string>{"hello", "there"});
}

TEST_CASE_METHOD(Fixture, "a waiting client does not delay others") {
  User patient(users, users.connect_local("/m/sock").value());
  User quick(users, users.connect_local("/m/sock").value());
  patient.type("wait\n");
  world.run();
  quick.type("hello\n");
  world.run();
  CHECK(quick.seen == "ok hello\n");
}

TEST_CASE_METHOD(Fixture, "a line that is too long is refused, and its client is disconnected") {
  User user(users, users.connect_local("/m/sock").value());
  const std::size_t excess = GENERATE(0u, 1u, 10'000u);
  user.type(std::string(request_line_bytes_max - 1 + excess, 'x') + "\n");
  world.run();
  if (excess == 0) {
    CHECK(asked.size() == 1);
    CHECK_FALSE(user.cut_off);
  } else {
    CHECK(asked.empty());
    CHECK(user.seen == "error a request has at most 2048 bytes\n");
    CHECK(user.cut_off);
  }
}

TEST_CASE_METHOD(Fixture, "the input of a waiting client is bounded") {
  world.stream_bytes(512);
  User user(users, users.connect_local("/m/sock").value());
  user.type("wait\n" + std::string(2 * request_line_bytes_max, 'x') + "\n");
  world.run();
  CHECK(user.unsent() > 1000);
  server.answer(waiting.at(0), "ok");
  world.run();
  CHECK(user.cut_off);
}

TEST_CASE_METHOD(Fixture, "an answer longer than the connection's buffer arrives completely") {
  User user(users, users.connect_local("/m/sock").value());
  user.type("wait\nnext\n");
  user.read(false);
  world.run();
  const std::string answer(100'000, 'a');
  server.answer(waiting.at(0), answer);
  world.run();
  CHECK(asked.size() == 1);
  user.read(true);
  world.run();
  CHECK(user.seen == answer + "\nok next\n");
}

TEST_CASE_METHOD(Fixture, "an answer for a client that has left is ignored") {
  User user(users, users.connect_local("/m/sock").value());
  user.type("wait\n");
  world.run();
  user.leave();
  world.run();
  server.answer(waiting.at(0), "ok");
  world.run();
  CHECK(user.seen.empty());
}

TEST_CASE_METHOD(Fixture, "an answer does not start the next request before its callback returns") {
  User user(users, users.connect_local("/m/sock").value());
  user.type("wait\nnext\n");
  world.run();
  server.answer(waiting.at(0), "ok");
  CHECK(asked.size() == 1);
  world.run();
  CHECK(asked.size() == 2);
}

TEST_CASE_METHOD(Fixture, "if no connection can be accepted the server warns, pauses, and tries again") {
  world.fail_accepts(2);
  User user(users, users.connect_local("/m/sock").value());
  user.type("hello\n");
  world.run();
  CHECK(host.warnings().size() == 1);
  world.run_for(accept_rest - std::chrono::milliseconds(1));
  CHECK(host.warnings().size() == 1);
  world.run_for(std::chrono::milliseconds(1));
  CHECK(host.warnings().size() == 2);
  CHECK(asked.empty());
  world.run_for(accept_rest);
  CHECK(host.warnings().size() == 2);
  CHECK(user.seen == "ok hello\n");
  // The next client does not wait for an incomplete line.
  User next(users, users.connect_local("/m/sock").value());
  next.type("there\n");
  world.run();
  CHECK(next.seen == "ok there\n");
}

TEST_CASE_METHOD(Fixture,
                 "an acceptor that closes during its pause is not called any more, and may start again") {
  std::size_t taken = 0;
  Acceptor acceptor(host, [&](Handle) { ++taken; });
  acceptor.start(host.listen_local("/m/one").value());
  world.fail_accepts(1);
  const Handle one = users.connect_local("/m/one").value();
  world.run();
  REQUIRE(host.warnings().size() == 1);
  acceptor.close();
  CHECK_FALSE(acceptor.open());
  world.run_for(2 * accept_rest);
  CHECK(taken == 0);
  acceptor.start(host.listen_local("/m/two").value());
  const Handle two = users.connect_local("/m/two").value();
  world.run();
  CHECK(taken == 1);
}

TEST_CASE_METHOD(Fixture, "one client too many is refused with a message") {
  std::vector<std::unique_ptr<User>> clients;
  for (std::size_t i = 0; i <= line_clients_max; ++i) {
    clients.push_back(std::make_unique<User>(users, users.connect_local("/m/sock").value()));
    world.run();
  }
  CHECK(clients.back()->seen == "error at most 64 clients at a time\n");
  CHECK(clients.back()->cut_off);
  clients.front()->leave();
  world.run();
  User another(users, users.connect_local("/m/sock").value());
  another.type("hello\n");
  world.run();
  CHECK(another.seen == "ok hello\n");
}

}  // namespace line_server_test
