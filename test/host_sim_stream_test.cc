// The simulated host: byte streams, listeners, and programs on terminals.
#include <cerrno>

#include "emu/host/sim.h"
#include "test/catch.h"

namespace host_sim_stream_test {

using namespace ringside;

namespace {

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Reads everything that is available.
std::string read_all(SimHost& host, const Handle& stream) {
  std::string text;
  std::uint8_t piece[100];
  for (;;) {
    const Io io = host.read(stream, piece);
    if (io.state != Io::State::moved) return text;
    text.append(reinterpret_cast<const char*>(piece), io.bytes);
  }
}

Io::State read_state(SimHost& host, const Handle& stream) {
  std::uint8_t byte;
  return host.read(stream, {&byte, 1}).state;
}

/// Two components with a connection between them.
struct Connected {
  SimWorld world;
  SimHost& server = world.host("server");
  SimHost& client = world.host("client");
  Handle listener = server.listen_local("/machine/socket").value();
  Handle near = client.connect_local("/machine/socket").value();
  Handle far = server.accept(listener).value().value();
};

/// Writes `text` as its watch allows, as a component would.
struct Writer {
  Writer(SimHost& host, const Handle& stream, std::string text)
      : host_(host), stream_(stream), text_(std::move(text)) {
    host_.watch(stream_, {.write = true}, [this](Ready) { pump(); });
  }
  void pump() {
    ++calls;
    while (!text_.empty()) {
      const Io io = host_.write(stream_, bytes_of(text_));
      if (io.state != Io::State::moved) return;
      text_.erase(0, io.bytes);
    }
    host_.watch_interest(stream_, {});
  }

  int calls = 0;

 private:
  SimHost& host_;
  const Handle& stream_;
  std::string text_;
};

}  // namespace

// -- listening and connecting

TEST_CASE("connecting without a listener fails and names the address") {
  SimWorld world;
  SimHost& host = world.host("a");
  CHECK(host.connect_local("/machine/socket").error().code == ENOENT);
  CHECK(host.connect_tcp(9601).error().text() ==
        "cannot connect: tcp:9601: there is no listener (is it running?)");
  auto listener = host.listen_local("/machine/socket").value();
  CHECK(host.listen_local("/machine/socket").error().code == EADDRINUSE);
  listener.close();
  CHECK(host.connect_local("/machine/socket").error().code == ENOENT);
  CHECK(host.listen_local("/machine/socket").ok());
}

TEST_CASE("a TCP port is chosen when none is given") {
  SimWorld world;
  SimHost& host = world.host("a");
  auto fixed = host.listen_tcp(9601).value();
  auto free1 = host.listen_tcp(0).value();
  auto free2 = host.listen_tcp(0).value();
  CHECK(fixed.port == 9601);
  CHECK(free1.port != free2.port);
  CHECK(host.connect_tcp(free2.port).ok());
  CHECK(host.listen_tcp(9601).error().code == EADDRINUSE);
}

TEST_CASE("a listener's watch runs while a client waits") {
  SimWorld world;
  SimHost& server = world.host("server");
  SimHost& client = world.host("client");
  auto listener = server.listen_local("/machine/socket").value();
  std::vector<Handle> accepted;
  server.watch(listener, {.read = true}, [&](Ready ready) {
    CHECK(ready.read);
    auto one = server.accept(listener).value();
    REQUIRE(one.has_value());
    accepted.push_back(std::move(*one));
  });
  CHECK_FALSE(server.accept(listener).value().has_value());
  auto first = client.connect_local("/machine/socket").value();
  auto second = client.connect_local("/machine/socket").value();
  REQUIRE(client.write(second, bytes_of("early")).bytes == 5);
  CHECK(accepted.empty());
  world.run();
  REQUIRE(accepted.size() == 2);
  CHECK(read_all(server, accepted[1]) == "early");
}

TEST_CASE("a listener's queue is bounded, and closing it disconnects waiting clients") {
  SimWorld world;
  SimHost& host = world.host("a");
  auto listener = host.listen_local("/machine/socket").value();
  std::vector<Handle> waiting;
  for (std::size_t i = 0; i < sim_backlog_max; ++i) {
    waiting.push_back(host.connect_local("/machine/socket").value());
  }
  CHECK(host.connect_local("/machine/socket").error().code == EAGAIN);
  CHECK(read_state(host, waiting[0]) == Io::State::blocked);
  listener.close();
  CHECK(read_state(host, waiting[0]) == Io::State::closed);
  waiting.clear();
  CHECK(world.open_handles().empty());
}

// -- reading and writing

TEST_CASE("a full stream blocks its writer until the reader has read") {
  SimWorld world;
  world.stream_bytes(10);
  SimHost& host = world.host("a");
  auto listener = host.listen_tcp(9600).value();
  auto near = host.connect_tcp(9600).value();
  auto far = host.accept(listener.handle).value().value();
  std::string got;
  Writer writer(host, near, "0123456789abcdefghijklmnopqrstuvwxyz");
  world.run();
  CHECK(writer.calls == 1);
  CHECK(host.write(near, bytes_of("x")).state == Io::State::blocked);
  host.watch(far, {.read = true}, [&](Ready) { got += read_all(host, far); });
  world.run();
  CHECK(got == "0123456789abcdefghijklmnopqrstuvwxyz");
  CHECK(writer.calls > 3);
}

TEST_CASE("a watch runs as long as the stream is ready") {
  Connected pair;
  std::string got;
  int calls = 0;
  pair.server.watch(pair.far, {.read = true, .write = true}, [&](Ready ready) {
    ++calls;
    if (!ready.read) return pair.server.watch_interest(pair.far, {.read = true});
    std::uint8_t byte = 0;
    REQUIRE(pair.server.read(pair.far, {&byte, 1}).bytes == 1);
    got += static_cast<char>(byte);
  });
  pair.world.run();
  CHECK(calls == 1);
  REQUIRE(pair.client.write(pair.near, bytes_of("abc")).bytes == 3);
  CHECK(got.empty());  // never inside the write
  pair.world.run();
  CHECK(got == "abc");
  pair.server.watch_interest(pair.far, {});
  REQUIRE(pair.client.write(pair.near, bytes_of("d")).bytes == 1);
  pair.world.run();
  CHECK(calls == 4);
  pair.server.watch_interest(pair.far, {.read = true});
  pair.world.run();
  CHECK(got == "abcd");
}

TEST_CASE("a watch may be replaced from inside, and a handle closed from inside gets no more calls") {
  Connected pair;
  std::string calls;
  pair.server.watch(pair.far, {.read = true}, [&](Ready) {
    calls += "1";
    pair.server.watch(pair.far, {.read = true}, [&](Ready) {
      calls += "2";
      pair.far.close();
    });
  });
  REQUIRE(pair.client.write(pair.near, bytes_of("never read")).bytes == 10);
  pair.world.run();
  CHECK(calls == "12");
  CHECK(read_state(pair.client, pair.near) == Io::State::closed);
}

TEST_CASE("after one end closes the other reads the remaining bytes, then the end") {
  Connected pair;
  Ready seen;
  REQUIRE(pair.client.write(pair.near, bytes_of("bye")).bytes == 3);
  pair.near.close();
  CHECK(pair.server.write(pair.far, bytes_of("x")).state == Io::State::closed);
  CHECK(read_all(pair.server, pair.far) == "bye");
  CHECK(read_state(pair.server, pair.far) == Io::State::closed);
  pair.server.watch(pair.far, {.read = true, .write = true}, [&](Ready ready) {
    seen = ready;
    pair.far.close();
  });
  pair.world.run();
  CHECK(seen.read);
  CHECK(seen.write);
}

TEST_CASE("a duplicate keeps a stream open until the last handle closes") {
  Connected pair;
  auto second = pair.client.handle_duplicate(pair.near).value();
  CHECK(second.number() != pair.near.number());
  CHECK(pair.world.open_handles().size() == 4);
  pair.near.close();
  CHECK(pair.client.write(second, bytes_of("still here")).bytes == 10);
  CHECK(read_all(pair.server, pair.far) == "still here");
  second.close();
  CHECK(read_state(pair.server, pair.far) == Io::State::closed);
  pair.far.close();
  pair.listener.close();
  CHECK(pair.world.open_handles().empty());
}

TEST_CASE("limited writes reach the reader in pieces") {
  Connected pair;
  pair.world.limit_write(7);
  std::vector<std::size_t> pieces;
  std::string got;
  pair.server.watch(pair.far, {.read = true}, [&](Ready) {
    const std::string piece = read_all(pair.server, pair.far);
    pieces.push_back(piece.size());
    got += piece;
  });
  Writer writer(pair.client, pair.near, "a frame that comes in pieces");
  pair.world.run();
  CHECK(got == "a frame that comes in pieces");
  CHECK(pieces == std::vector<std::size_t>{7, 7, 7, 7});
}

// -- programs

namespace {

/// Runs one program, and acts as the domain that holds its terminal.
struct Console {
  explicit Console(std::unique_ptr<SimProgram> to_run) : program(to_run.get()) {
    world.terminal_bytes(16);
    world.program("program", [&](const ProgramSpec&) { return std::move(to_run); });
    auto started = domain.program_start({.argv = {"program"}, .raw = true}).value();
    terminal = std::move(started.terminal);
    process = std::move(started.process);
    domain.process_watch(process, [this](int ended) { status = ended; });
  }
  SimWorld world;
  SimHost& domain = world.host("domain");
  SimProgram* program;
  Handle terminal;
  Handle process;
  std::optional<int> status;
};

}  // namespace

TEST_CASE("a program that is not registered does not start") {
  SimWorld world;
  CHECK(world.host("domain").program_start({.argv = {"/bin/vi"}}).error().text() ==
        "cannot start the program: /bin/vi: there is no such program");
}

TEST_CASE("a program echoes all input, with buffers of any size") {
  Console console(std::make_unique<EchoProgram>('Q'));
  const std::string text = "a text longer than both of the buffers of the terminal together";
  std::string untyped = text + "Q";
  std::string got;
  console.domain.watch(console.terminal, {.write = true}, [&](Ready ready) {
    if (ready.write && !untyped.empty()) {
      const Io io = console.domain.write(console.terminal, bytes_of(untyped));
      if (io.state == Io::State::moved) untyped.erase(0, io.bytes);
    }
    if (!ready.read) return;
    got += read_all(console.domain, console.terminal);
    if (read_state(console.domain, console.terminal) == Io::State::closed) console.terminal.close();
  });
  console.world.run();
  CHECK(console.program->waiting_bytes() == 16);
  CHECK_FALSE(untyped.empty());
  console.domain.watch_interest(console.terminal, {.read = true, .write = true});
  REQUIRE(console.world.run_until([&] { return untyped.empty(); }));
  if (console.terminal.valid()) console.domain.watch_interest(console.terminal, {.read = true});
  console.world.run();
  CHECK(got == text);
  CHECK(console.status == 0);
  CHECK_FALSE(console.terminal.valid());
}

TEST_CASE("a program that does not read blocks its typist") {
  Console console(std::make_unique<IdleProgram>());
  CHECK(console.domain.write(console.terminal, bytes_of("0123456789abcdef0123")).bytes == 16);
  CHECK(console.domain.write(console.terminal, bytes_of("x")).state == Io::State::blocked);
  console.world.run();
  CHECK(console.domain.write(console.terminal, bytes_of("x")).state == Io::State::blocked);
  CHECK(console.program->read(3) == "012");
  CHECK(console.domain.write(console.terminal, bytes_of("xxxx")).bytes == 3);
}

TEST_CASE("a terminal closes when its program has ended and its output has been read") {
  Console console(std::make_unique<PrintProgram>("a last word", 7));
  console.world.run();
  CHECK(console.status == 7);
  CHECK(console.domain.write(console.terminal, bytes_of("x")).state == Io::State::blocked);
  CHECK(read_all(console.domain, console.terminal) == "a last word");
  CHECK(read_state(console.domain, console.terminal) == Io::State::closed);
  CHECK(console.domain.write(console.terminal, bytes_of("x")).state == Io::State::closed);
}

TEST_CASE("a program prints its whole text even if it is read slowly") {
  Console console(std::make_unique<PrintProgram>("thirty-two bytes, twice the room", 0));
  std::string got;
  for (int i = 0; i < 32; ++i) {
    console.world.run();
    CHECK(console.status.has_value() == (i >= 16));
    std::uint8_t byte = 0;
    REQUIRE(console.domain.read(console.terminal, {&byte, 1}).bytes == 1);
    got += static_cast<char>(byte);
  }
  CHECK(got == "thirty-two bytes, twice the room");
}

TEST_CASE("a program learns its window's size and that its terminal is gone") {
  struct Sized : IdleProgram {
    void resized() override { seen = spec().columns; }
    int seen = 0;
  };
  Console console(std::make_unique<Sized>());
  console.domain.terminal_resize(console.terminal, 50, 132);
  console.world.run();
  CHECK(static_cast<Sized*>(console.program)->seen == 132);
  REQUIRE(console.world.resizes().size() == 1);
  CHECK(console.world.resizes()[0].rows == 50);
  CHECK(console.world.resizes()[0].process == console.domain.process_number(console.process));
  console.terminal.close();
  console.world.run();
  CHECK(console.status == sim_status_hung_up);
}

TEST_CASE("processes that a program leaves behind hold its terminal until they are killed") {
  Console console(std::make_unique<IdleProgram>());
  console.program->exit(3, true);
  console.world.run();
  CHECK(console.status == 3);
  CHECK(read_state(console.domain, console.terminal) == Io::State::blocked);
  console.domain.program_kill_rest(console.process);
  console.world.run();
  CHECK(read_state(console.domain, console.terminal) == Io::State::closed);
}

TEST_CASE("a program's timers run, until it ends") {
  using namespace std::chrono_literals;
  Console console(std::make_unique<IdleProgram>());
  console.program->after(1s, [&] { console.program->print("tick"); });
  console.program->after(2s, [&] { console.program->exit(0); });
  console.program->after(3s, [&] { console.program->print("never"); });
  console.world.run_for(10s);
  CHECK(read_all(console.domain, console.terminal) == "tick");
  CHECK(console.program->print("dead") == 0);
}

}  // namespace host_sim_stream_test
