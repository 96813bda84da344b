// The server of `watch --web`: access, kept events, and closed connections.
#include "tools/watch/web_server.h"

#include <fmt/format.h>

#include "emu/host/sim.h"
#include "test/catch.h"

namespace web_server_test {

using namespace ringside;
using namespace ringside::tools;

namespace {

struct Web {
  SimWorld world;
  SimHost& host = world.host("watch");
  SimHost& browser = world.host("browser");
  std::string typed;
  std::string refusal;
  WebServer server{host,
                   {.page = [] { return std::string("the page"); },
                    .typed =
                        [this](Bytes bytes) {
                          typed.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                          return refusal;
                        }}};

  Web() { REQUIRE(server.listen(0)); }

  [[nodiscard]] std::uint16_t port() const {
    const std::string address = server.address();
    return static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
  }
  [[nodiscard]] Handle connect() {
    auto stream = browser.connect_tcp(port()).value();
    world.run();
    return stream;
  }
  void say(const Handle& stream, const std::string& text) {
    const Io io = browser.write(stream, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    REQUIRE(io.bytes == text.size());
    world.run();
  }
  void get(const Handle& stream, const std::string& what, const std::string& fields = "") {
    const std::string address = server.address();
    const std::string word = address.substr(address.rfind('/', address.size() - 2));
    say(stream, fmt::format("GET {}{} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{}\r\n", word, what, port(), fields));
  }
  /// All bytes until no more arrive.
  std::string read(const Handle& stream, bool* closed = nullptr) {
    std::string text;
    for (;;) {
      std::uint8_t piece[4096];
      const Io io = browser.read(stream, piece);
      if (closed != nullptr) *closed = io.state == Io::State::closed;
      if (io.state != Io::State::moved) return text;
      text.append(reinterpret_cast<const char*>(piece), io.bytes);
      world.run();
    }
  }
  [[nodiscard]] bool closed(const Handle& stream) {
    bool is = false;
    (void)read(stream, &is);
    return is;
  }
  void fill() {
    const std::string event(1 << 20, 'x');
    while (server.event(event)) {
    }
  }
};

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("events reach present and later pages") {
  Web web;
  const Handle early = web.connect();
  web.get(early, "steps");
  web.server.event("[1]");
  web.server.event("[2]");
  web.world.run();
  CHECK(web.read(early).ends_with("\r\n\r\nid: 1\ndata: [1]\n\nid: 2\ndata: [2]\n\n"));
  const Handle late = web.connect();
  web.get(late, "steps");
  CHECK(web.read(late).ends_with("\r\n\r\nid: 1\ndata: [1]\n\nid: 2\ndata: [2]\n\n"));
  const Handle again = web.connect();
  web.get(again, "steps", "Last-Event-ID: 1\r\n");
  CHECK(web.read(again).ends_with("\r\n\r\nid: 2\ndata: [2]\n\n"));
}

TEST_CASE("the last line about the console reaches present and later pages, once") {
  Web web;
  web.server.say("\"old\"");
  web.server.say("\"new\"");
  const Handle early = web.connect();
  web.get(early, "steps");
  CHECK(web.read(early).ends_with("\r\n\r\nevent: console\ndata: \"new\"\n\n"));
  web.server.event("[1]");
  web.server.say("\"newer\"");
  web.world.run();
  CHECK(web.read(early) == "id: 1\ndata: [1]\n\nevent: console\ndata: \"newer\"\n\n");
}

TEST_CASE("bytes that are not taken are answered with the reason") {
  Web web;
  const std::string address = web.server.address();
  const std::string word = address.substr(address.rfind('/', address.size() - 2));
  const auto type = [&] {
    const Handle page = web.connect();
    web.say(page, fmt::format("POST {}type HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: 2\r\n\r\nls",
                              word, web.port()));
    return web.read(page);
  };
  CHECK(type().starts_with("HTTP/1.1 204 "));
  web.refusal = "another viewer has it";
  const std::string refused = type();
  CHECK(refused.starts_with("HTTP/1.1 200 "));
  CHECK(refused.ends_with("\r\n\r\nanother viewer has it"));
  CHECK(web.typed == "lsls");
}

TEST_CASE("kept events are bounded in bytes, and each page is told once that no more are kept") {
  Web web;
  const Handle early = web.connect();
  web.get(early, "steps");
  std::size_t kept = 0;
  const std::string event(1 << 20, 'x');
  while (web.server.event(event)) ++kept;
  CHECK(web.server.full());
  CHECK(kept == web_kept_bytes_max / (event.size() + web_event_overhead_bytes));
  CHECK_FALSE(web.server.event("[small]"));
  web.world.run();
  for (const Handle* stream : {&early}) {
    const std::string seen = web.read(*stream);
    CHECK(count(seen, "\ndata: x") == kept);
    CHECK(seen.ends_with("event: full\ndata: \n\n"));
    CHECK(count(seen, "event: full") == 1);
  }
  const Handle late = web.connect();
  web.get(late, "steps");
  CHECK(count(web.read(late), "event: full") == 1);
}

TEST_CASE("small events count with their overhead") {
  Web web;
  std::size_t kept = 0;
  while (web.server.event("")) ++kept;
  CHECK(kept == web_kept_bytes_max / web_event_overhead_bytes);
}

TEST_CASE("begin_anew() closes old pages, and their browsers get no events of the new run") {
  Web web;
  web.server.event("[old]");
  const Handle old = web.connect();
  web.get(old, "steps");
  web.fill();
  web.server.begin_anew();
  CHECK_FALSE(web.server.full());
  web.world.run();
  CHECK(web.closed(old));
  CHECK(web.server.event("[new]"));
  const Handle back = web.connect();
  web.get(back, "steps", "Last-Event-ID: 1\r\n");
  CHECK(web.read(back).starts_with("HTTP/1.1 204 "));
  const Handle fresh = web.connect();
  web.get(fresh, "steps");
  const std::string seen = web.read(fresh);
  CHECK(seen.ends_with("data: [new]\n\n"));
  CHECK(count(seen, "data: ") == 1);
}

TEST_CASE("a browser that does not read delays no other") {
  Web web;
  const Handle deaf = web.connect();
  web.get(deaf, "steps");
  const Handle reader = web.connect();
  web.get(reader, "steps");
  const std::string event(1000, 'x');
  for (int number = 0; number < 1000; ++number) REQUIRE(web.server.event(event));
  web.world.run();
  CHECK(count(web.read(reader), "\ndata: x") == 1000);
  CHECK(count(web.read(deaf), "\ndata: x") == 1000);
}

TEST_CASE("silent connections are closed to make room, oldest first; pages are not") {
  Web web;
  std::vector<Handle> watching;
  for (int number = 0; number < 2; ++number) {
    watching.push_back(web.connect());
    web.get(watching.back(), "steps");
    (void)web.read(watching.back());
  }
  std::vector<Handle> silent;
  while (silent.size() + watching.size() < http_clients_max) silent.push_back(web.connect());
  web.say(silent[1], "GET /");  // half of a request
  for (std::size_t number = 0; number < 3; ++number) {
    const Handle user = web.connect();
    web.get(user, "");
    CHECK(web.read(user).ends_with("the page"));
  }
  CHECK(web.closed(silent[0]));
  CHECK_FALSE(web.closed(silent[1]));
  for (const Handle& each : watching) CHECK_FALSE(web.closed(each));
}

TEST_CASE("if all connections watch, none is closed") {
  Web web;
  std::vector<Handle> watching;
  while (watching.size() < http_clients_max) {
    watching.push_back(web.connect());
    web.get(watching.back(), "steps");
    (void)web.read(watching.back());
  }
  const Handle more = web.connect();
  CHECK(web.closed(more));
  for (const Handle& each : watching) CHECK_FALSE(web.closed(each));
}

}  // namespace web_server_test
