// dom0's kernel, behind a real hypervisor: its console from the serial line to a program and back, the
// keyboard's interrupt, and the control channel from dom0 to itself behind a real xcs.
#include "emu/domu/dom0_kernel.h"

#include <string>

#include "emu/dom0/xcs/client.h"
#include "emu/dom0/xcs/xcs.h"
#include "test/xen_machine.h"

namespace dom0_kernel_test {

using namespace ringside;
using namespace ringside::test;

namespace {

constexpr const char* line_path = "/com1";
constexpr const char* keyboard_path = "/keyboard";
constexpr Duration soon = std::chrono::milliseconds(20);
constexpr Duration paste_time = std::chrono::seconds(20);

/// Reads what is typed, or leaves it unread.
class Reader : public SimProgram {
 public:
  explicit Reader(bool reads) : reads_(reads) {}
  void started() override { input(); }
  void input() override {
    if (reads_) got += read();
  }
  void resume() {
    reads_ = true;
    input();
  }
  std::string got;

 private:
  bool reads_;
};

/// A user at a socket.
struct User {
  User(SimWorld& world, const std::string& path)
      : host(world.host("user")), stream(host.connect_local(path).value()) {
    host.watch(stream, {.read = true}, [this](Ready ready) {
      if (ready.write) send();
      std::array<std::uint8_t, 4096> bytes;
      const Io io = host.read(stream, bytes);
      if (io.state == Io::State::moved)
        seen.append(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(io.bytes));
    });
    world.run();
  }
  void type(const std::string& text) {
    unsent += text;
    send();
  }
  void send() {
    const Io io = host.write(stream, {reinterpret_cast<const std::uint8_t*>(unsent.data()), unsent.size()});
    unsent.erase(0, io.bytes);
    host.watch_interest(stream, {.read = true, .write = !unsent.empty()});
  }

  SimHost& host;
  Handle stream;
  std::string unsent;
  std::string seen;
};

xen::HypervisorOptions with_line(std::uint32_t bits_per_second) {
  xen::HypervisorOptions options;
  options.console.line.end = xen::SerialLineOptions::End::socket;
  options.console.line.path = line_path;
  options.console.line.bits_per_second = bits_per_second;
  return options;
}

struct Dom0 : Machine {
  explicit Dom0(std::uint32_t bits_per_second = 0) : Machine(with_line(bits_per_second)) {}

  template <class Program, class... Arguments>
  void boot(Arguments... arguments) {
    world.program("sh", [this, arguments...](const ProgramSpec&) {
      ++started;
      auto made = std::make_unique<Program>(arguments...);
      program = made.get();
      return made;
    });
    SimHost& host = world.host("dom0 kernel");
    kernel = std::make_unique<domu::Dom0Kernel>(
        host, trace::Journal(sink, trace::actor(trace::Role::dom0)),
        Privcmd(host, world.dom0_connection(host)),
        domu::Dom0KernelOptions{.program = {.argv = {"sh"}, .raw = true}, .keyboard_socket = keyboard_path});
    REQUIRE(kernel->start().ok());
    world.run();
  }
  void kill_kernel() {
    world.kill(world.host("dom0 kernel"));
    world.run();
    kernel.reset();
  }
  Reader& reader() { return *static_cast<Reader*>(program); }

  std::unique_ptr<domu::Dom0Kernel> kernel;
  SimProgram* program = nullptr;  ///< the program that was started last
  int started = 0;
};

std::string numbers(std::size_t bytes) {
  std::string text;
  for (unsigned number = 0; text.size() < bytes; ++number) text += std::to_string(number) + ' ';
  text.resize(bytes);
  return text;
}

std::uint32_t counted(const Machine& machine, const std::string& name) {
  std::uint32_t value = 0;
  for (const auto& [step, entry] : machine.sink.entries()) {
    if (entry.kind == trace::Kind::counted && trace::words_of(entry) == name) value = entry.to_value;
  }
  return value;
}

}  // namespace

TEST_CASE("input on the serial line reaches the program on ttyS0, and its output reaches the line") {
  Dom0 dom0;
  User user(dom0.world, line_path);
  dom0.boot<EchoProgram>();
  dom0.world.run_for(soon);
  CHECK(user.seen.find("Xen virtual console successfully installed as ttyS0\r\n") != std::string::npos);
  user.seen.clear();
  user.type("hello\n");
  dom0.world.run_for(soon);
  CHECK(user.seen == "hello\r\n");
}

TEST_CASE("a paste of 100 kB at 115200 bits a second: no byte is lost when dom0 keeps up") {
  Dom0 dom0(115200);
  User user(dom0.world, line_path);
  dom0.boot<Reader>(true);
  const std::string text = numbers(100'000);
  user.type(text);
  dom0.world.run_for(paste_time);
  CHECK(dom0.reader().got == text);
  CHECK(counted(dom0, "console input dropped") == 0);
}

TEST_CASE("the 128-byte ring keeps the first 128 bytes of a paste to a stopped dom0, and counts the rest") {
  Dom0 dom0(115200);
  User user(dom0.world, line_path);
  dom0.boot<Reader>(true);
  dom0.kill_kernel();
  const std::string text = numbers(100'000);
  user.type(text);
  dom0.world.run_for(paste_time);
  CHECK(counted(dom0, "console input dropped") == 100'000 - xen::console_input_ring_bytes);
  dom0.boot<Reader>(true);
  dom0.world.run_for(soon);
  CHECK(dom0.reader().got == text.substr(0, xen::console_input_ring_bytes));
}

TEST_CASE("a dom0 that is late by the size of the ring loses no byte; more bytes are lost and counted") {
  constexpr std::uint32_t speed = 115200;
  for (const std::size_t late_bytes : {1, 127, 128, 129, 200, 5000}) {
    CAPTURE(late_bytes);
    Dom0 dom0(speed);
    User user(dom0.world, line_path);
    dom0.boot<Reader>(true);
    user.type("before ");
    dom0.world.run_for(soon);
    SimHost& kernel = dom0.world.host("dom0 kernel");
    dom0.world.stall(kernel);
    const std::string text = numbers(late_bytes);
    user.type(text);
    dom0.world.run_for(late_bytes * xen::character_time(speed) + soon);
    CHECK(dom0.reader().got == "before ");
    dom0.world.go_on(kernel);
    dom0.world.run_for(soon);
    user.type(" after");
    dom0.world.run_for(soon);
    const std::size_t kept = std::min(late_bytes, xen::console_input_ring_bytes);
    CHECK(dom0.reader().got == "before " + text.substr(0, kept) + " after");
    CHECK(counted(dom0, "console input dropped") == late_bytes - kept);
  }
}

TEST_CASE("an instant line waits for a dom0 that is behind, and loses no byte") {
  Dom0 dom0(0);
  User user(dom0.world, line_path);
  dom0.boot<Reader>(true);
  const std::string text = numbers(100'000);
  user.type(text);
  dom0.world.run_for(paste_time);
  CHECK(dom0.reader().got == text);
}

TEST_CASE("a program that does not read fills tty and ring; the bytes that fitted arrive in order") {
  Dom0 dom0(115200);
  User user(dom0.world, line_path);
  dom0.world.terminal_bytes(256);
  dom0.boot<Reader>(false);
  const std::string text = numbers(5000);
  user.type(text);
  dom0.world.run_for(paste_time);
  const std::uint32_t dropped = counted(dom0, "console input dropped");
  CHECK(dropped > 0);
  dom0.reader().resume();
  dom0.world.run_for(soon);
  CHECK(dom0.reader().got == text.substr(0, 5000 - dropped));
}

TEST_CASE("init starts the program again when it has ended, and the new one has the console") {
  Dom0 dom0;
  User user(dom0.world, line_path);
  dom0.boot<EchoProgram>('q');
  user.type("q");
  dom0.world.run_for(soon);
  CHECK(dom0.started == 1);
  dom0.world.run_for(domu::respawn_delay);
  CHECK(dom0.started == 2);
  user.seen.clear();
  user.type("x");
  dom0.world.run_for(soon);
  CHECK(user.seen == "x");
}

TEST_CASE("a program that cannot be started is reported on the console and tried again") {
  Dom0 dom0;
  User user(dom0.world, line_path);
  SimHost& host = dom0.world.host("dom0 kernel");
  domu::Dom0Kernel kernel(host, trace::Journal(dom0.sink, trace::actor(trace::Role::dom0)),
                          Privcmd(host, dom0.world.dom0_connection(host)),
                          {.program = {.argv = {"nothing"}}, .keyboard_socket = {}});
  REQUIRE(kernel.start().ok());
  dom0.world.run_for(soon);
  CHECK(user.seen.find("INIT: cannot start the program: nothing") != std::string::npos);
  dom0.world.program("nothing", [](const ProgramSpec&) { return std::make_unique<EchoProgram>(); });
  dom0.world.run_for(domu::respawn_delay);
  user.seen.clear();
  user.type("x");
  dom0.world.run_for(soon);
  CHECK(user.seen == "x");
}

TEST_CASE("a key arrives as an event at a pirq's port, and not through xen's console") {
  Dom0 dom0;
  dom0.boot<EchoProgram>();
  CHECK(dom0.started == 1);
  User user(dom0.world, keyboard_path);
  dom0.world.run_for(soon);
  CHECK(dom0.started == 2);
  user.type("Hi, Xen!\x03");
  dom0.world.run_for(soon);
  CHECK(user.seen == "Hi, Xen!\x03");
  const ring::Port port = dom0.calls.evtchn_bind_pirq(keyboard_pirq).value();
  // Each key makes a press and a release; three keys also need shift, and one needs control.
  CHECK(dom0.raised(trace::actor(trace::Role::dom0), port) == 2 * 9 + 2 * 4);
  for (const auto& [step, entry] : dom0.sink.entries()) CHECK(entry.actor.role != trace::Role::uart);
}

TEST_CASE(
    "a character without a key is refused and counted; a keyboard that types faster than it is read waits") {
  Dom0 dom0;
  dom0.boot<Reader>(false);
  User user(dom0.world, keyboard_path);
  dom0.world.run_for(soon);
  const std::string text = numbers(3000);
  user.type("\xe9" + text);
  dom0.world.run_for(soon);
  CHECK(counted(dom0, "characters without a key") == 1);
  dom0.reader().resume();
  dom0.world.run_for(std::chrono::seconds(1));
  CHECK(dom0.reader().got == text);
}

TEST_CASE("a screen shows its last output to each new user, and to one user at a time") {
  Dom0 dom0;
  dom0.boot<EchoProgram>();
  auto first = std::make_unique<User>(dom0.world, keyboard_path);
  first->type("one");
  dom0.world.run_for(soon);
  CHECK(first->seen == "one");
  User second(dom0.world, keyboard_path);
  second.type("two");
  dom0.world.run_for(soon);
  CHECK(second.seen.empty());
  first.reset();
  dom0.world.run_for(soon);
  CHECK(second.seen == "two");
}

TEST_CASE("guests may bind no physical interrupt and raise none") {
  Machine machine;
  const Guest guest = machine.boot();
  CHECK(guest.calls->evtchn_bind_pirq(keyboard_pirq).error().code == EPERM);
  CHECK(guest.calls->interrupt(keyboard_pirq).error().code == EPERM);
  CHECK(machine.calls.evtchn_bind_pirq(pirqs).error().code == EINVAL);
  CHECK(machine.calls.interrupt(pirqs).error().code == EINVAL);
  CHECK(machine.calls.interrupt(keyboard_pirq).ok());  // no port is bound, which the journal reports
  const ring::Port port = machine.calls.evtchn_bind_pirq(keyboard_pirq).value();
  CHECK(machine.calls.evtchn_bind_pirq(keyboard_pirq).value() == port);
  CHECK(machine.calls.evtchn_status(DOMID_SELF, port)->state == PortState::pirq);
}

TEST_CASE("while the hypervisor is stalled dom0's console loses no byte, in either direction") {
  Dom0 dom0(115200);
  SimHost& xen = dom0.world.host("xen");
  User user(dom0.world, line_path);
  dom0.boot<EchoProgram>();
  dom0.world.run_for(10 * soon);
  user.seen.clear();
  const std::string text = numbers(5'000);
  user.type(text);
  for (int silence = 0; silence < 1000 && user.seen.size() < text.size(); ++silence) {
    dom0.world.run_for(std::chrono::microseconds(700 + silence));
    dom0.world.stall(xen);
    dom0.world.run_for(soon);
    dom0.world.go_on(xen);
  }
  CHECK(user.seen == text);
}

}  // namespace dom0_kernel_test
