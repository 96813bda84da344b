// A guest from boot to shutdown, on the simulated host.
#include "emu/domu/domain.h"

#include <cstring>

#include "test/catch.h"
#include "test/guest_machine.h"

namespace domu_test {

using namespace ringside;
using namespace ringside::domu;
using namespace ringside::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t stream_bytes = 100'000;

/// Text in which a lost or doubled byte is noticed.
std::string numbered_text(std::size_t bytes) {
  std::string text;
  for (unsigned number = 0; text.size() < bytes; ++number) text += std::to_string(number) + ' ';
  text.resize(bytes);
  return text;
}

/// Reads `step_bytes` at a time, starting after `pause`; exits when it has read `bytes`.
class SlowReader : public SimProgram {
 public:
  SlowReader(std::size_t bytes, std::size_t step_bytes, Duration pause)
      : bytes_(bytes), step_bytes_(step_bytes), pause_(pause) {}
  void started() override { turn(); }

  std::string got;

 private:
  void turn() {
    got += read(step_bytes_);
    if (got.size() >= bytes_) return exit(0);
    after(pause_, [this] { turn(); });
  }
  std::size_t bytes_;
  std::size_t step_bytes_;
  Duration pause_;
};

/// Leaves a process that keeps the terminal open.
class LeavingProgram : public SimProgram {
 public:
  void started() override {
    print("parent\n");
    exit(5, true);
  }
};

ring::ControlMessage shutdown_message(std::uint8_t subtype, std::string_view payload = "") {
  return ring::make_message(ring::CMSG_SHUTDOWN, subtype, 17, bytes_of(payload));
}

struct TwoWords {
  std::uint32_t number;
  std::uint32_t status;
};

ring::ControlMessage words_message(std::uint8_t type, std::uint8_t subtype, TwoWords words) {
  return ring::make_message(type, subtype, 5, {reinterpret_cast<const std::uint8_t*>(&words), sizeof words});
}

TwoWords words_in(const ring::ControlMessage& message) {
  TwoWords words{};
  std::memcpy(&words, message.msg, sizeof words);
  return words;
}

using Ended = std::optional<std::pair<ShutdownReason, int>>;

}  // namespace

// -- boot

TEST_CASE("a guest boots with the messages that tools of 2005 looked for") {
  GuestMachine machine(GENERATE(ring::Abi::sring, ring::Abi::flat));
  DomUOptions options{.argv = {"program"}};
  options.boot_lines = {"a line of the builder's"};
  REQUIRE(machine.boot(std::make_unique<IdleProgram>(), options).ok());
  machine.world.run();
  const std::string& output = machine.controller->output();
  CHECK(output.rfind("Linux version 2.6.11-xenU ", 0) == 0);
  CHECK(output.find("\r\na line of the builder's\r\n") != std::string::npos);
  const std::string last = "\r\nXen virtual console successfully installed as tty1\r\n";
  REQUIRE(output.size() > last.size());
  CHECK(output.substr(output.size() - last.size()) == last);
}

TEST_CASE("a quiet guest prints only the output of its program") {
  GuestMachine machine;
  REQUIRE(machine.boot(std::make_unique<PrintProgram>("hello\r\n", 0)).ok());
  machine.world.run();
  CHECK(machine.controller->output() == "hello\r\n");
  CHECK(machine.host.exit_status() == 0);
}

TEST_CASE("a guest without a control channel does not boot, and prints advice") {
  GuestMachine machine;
  machine.info.console_port = 0;
  const auto started = machine.boot(std::make_unique<IdleProgram>());
  REQUIRE_FALSE(started.ok());
  CHECK(started.error().text() ==
        "cannot boot the guest: domain 3: its start info names no control channel (ask xend for a console "
        "before the "
        "domain is started)");
}

TEST_CASE("a buffer of an impossible size is refused with the limits") {
  GuestMachine machine;
  DomUOptions options{.argv = {"program"}};
  options.console_buffer_bytes = 1;
  const auto started = machine.boot(std::make_unique<IdleProgram>(), options);
  REQUIRE_FALSE(started.ok());
  CHECK(started.error().why == "it must have 2 to 1048576");
}

TEST_CASE("a program that cannot be started is reported on the console, and the domain ends with 127") {
  GuestMachine machine;
  REQUIRE(machine.boot(nullptr, {.argv = {"no-such-program"}, .quiet = true}).ok());
  machine.world.run();
  CHECK(machine.controller->output().find("no-such-program") != std::string::npos);
  CHECK(machine.shutdown == Ended{{ShutdownReason::poweroff, 127}});
  CHECK(machine.host.exit_status() == 0);
}

// -- nothing is lost

TEST_CASE(
    "100 kB of output arrive complete through the smallest buffers and a controller that answers one by "
    "one") {
  GuestMachine machine(GENERATE(ring::Abi::sring, ring::Abi::flat));
  machine.world.terminal_bytes(16);
  machine.controller->answer_at_once(false);
  const std::string text = numbered_text(stream_bytes);
  DomUOptions options{.argv = {"program"}, .quiet = true};
  options.console_buffer_bytes = 64;
  REQUIRE(machine.boot(std::make_unique<PrintProgram>(text, 9), options).ok());
  machine.world.run();
  CHECK(machine.controller->unanswered() == 8);
  CHECK(machine.controller->output().size() <= 8 * 60);
  for (std::size_t turn = 0; turn < stream_bytes && !machine.shutdown; ++turn) {
    machine.controller->answer(1);
    machine.world.run();
  }
  CHECK(machine.controller->output() == text);
  CHECK(machine.shutdown == Ended{{ShutdownReason::poweroff, 9}});
}

TEST_CASE("100 kB of input reach a program that reads slowly, with back-pressure") {
  GuestMachine machine(GENERATE(ring::Abi::sring, ring::Abi::flat));
  machine.world.terminal_bytes(16);
  auto made = std::make_unique<SlowReader>(stream_bytes, 7, 1us);
  SlowReader& reader = *made;
  REQUIRE(machine.boot(std::move(made)).ok());
  const std::string text = numbered_text(stream_bytes);
  machine.controller->type(text);
  machine.world.run();
  CHECK(machine.controller->untyped_bytes() >= stream_bytes - 8 * 60 - 16 - 7 - 60);
  REQUIRE(machine.world.run_until([&] { return machine.shutdown.has_value(); }));
  CHECK(reader.got == text);
  CHECK(machine.domu->console()->dropped_input_bytes() == 0);
}

TEST_CASE("100 kB are echoed completely when every write is partial") {
  GuestMachine machine;
  machine.world.terminal_bytes(100);
  machine.world.limit_write(13);
  REQUIRE(machine.boot(std::make_unique<EchoProgram>('!')).ok());
  const std::string text = numbered_text(stream_bytes);
  machine.controller->type(text + "!");
  REQUIRE(machine.world.run_until([&] { return machine.shutdown.has_value(); }));
  CHECK(machine.controller->output() == text);
}

TEST_CASE("input before the guest has booted waits for it") {
  GuestMachine machine(GENERATE(ring::Abi::sring, ring::Abi::flat));
  machine.controller->type(std::string(600, 'e'));
  machine.world.run();
  CHECK(machine.controller->untyped_bytes() == 600 - 8 * 60);
  REQUIRE(machine.boot(std::make_unique<EchoProgram>()).ok());
  machine.world.run();
  CHECK(machine.controller->output() == std::string(600, 'e'));
}

TEST_CASE("an idle guest causes no events") {
  GuestMachine machine;
  REQUIRE(machine.boot(std::make_unique<IdleProgram>()).ok());
  machine.controller->type("unread");
  machine.world.run();
  const std::uint64_t steps = machine.world.steps();
  machine.world.run_for(10s);
  CHECK(machine.world.steps() == steps);
}

// -- the end

TEST_CASE("a domain shuts down only when all its output has been answered") {
  GuestMachine machine;
  machine.controller->answer_at_once(false);
  REQUIRE(machine.boot(std::make_unique<PrintProgram>("last words", 7)).ok());
  machine.world.run_for(1s);
  CHECK(machine.controller->output() == "last words");
  CHECK_FALSE(machine.shutdown);
  machine.controller->answer(1);
  machine.world.run();
  CHECK(machine.shutdown == Ended{{ShutdownReason::poweroff, 7}});
  CHECK(machine.host.exit_status() == 0);
}

TEST_CASE("processes that a program leaves running do not keep its domain alive") {
  GuestMachine machine;
  REQUIRE(machine.boot(std::make_unique<LeavingProgram>()).ok());
  machine.world.run();
  CHECK(machine.controller->output() == "parent\n");
  CHECK(machine.shutdown == Ended{{ShutdownReason::poweroff, 5}});
}

TEST_CASE("a program that ends with eight messages unread still ends its domain") {
  GuestMachine machine;
  machine.world.terminal_bytes(1);
  REQUIRE(machine.boot(std::make_unique<IdleProgram>()).ok());
  machine.controller->type(std::string(8 * 60, 'i'));
  machine.world.run();
  CHECK(machine.domu->ctrl_if()->owed() == 8);
  machine.running->exit(4);
  machine.world.run();
  CHECK(machine.shutdown == Ended{{ShutdownReason::poweroff, 4}});
  CHECK(machine.controller->answers().size() == 8);
  CHECK(machine.domu->console()->dropped_input_bytes() == 8 * 60 - 1);
}

TEST_CASE("input is dropped when the program has ended, also while its output is stuck") {
  GuestMachine machine;
  machine.world.terminal_bytes(600);
  machine.controller->answer_at_once(false);
  DomUOptions options{.argv = {"program"}, .quiet = true};
  options.console_buffer_bytes = 64;
  REQUIRE(machine.boot(std::make_unique<IdleProgram>(), options).ok());
  machine.controller->type(std::string(600 + 8 * 60, 'i'));
  const std::string text = numbered_text(900);
  REQUIRE(machine.running->print(text) == 600);
  machine.world.run();
  REQUIRE(machine.running->print(std::string_view(text).substr(600)) == 300);
  machine.world.run();
  CHECK(machine.domu->ctrl_if()->owed() == 8);
  machine.running->exit(0);
  machine.world.run();
  CHECK(machine.domu->ctrl_if()->owed() == 0);
  CHECK_FALSE(machine.shutdown);
  machine.controller->answer_at_once(true);
  machine.controller->answer(8);
  machine.world.run();
  CHECK(machine.controller->output() == text);
  CHECK(machine.shutdown == Ended{{ShutdownReason::poweroff, 0}});
}

TEST_CASE("poweroff and reboot are answered first, then end the program and the domain with that reason") {
  const auto [subtype, reason] = GENERATE(std::pair(ring::CMSG_SHUTDOWN_POWEROFF, ShutdownReason::poweroff),
                                          std::pair(ring::CMSG_SHUTDOWN_REBOOT, ShutdownReason::reboot));
  GuestMachine machine;
  REQUIRE(machine.boot(std::make_unique<IdleProgram>()).ok());
  machine.running->print("unread so far");
  REQUIRE(machine.controller->ask(shutdown_message(subtype)));
  machine.world.run();
  REQUIRE(machine.controller->answers().size() == 1);
  CHECK(machine.controller->answers()[0].id == 17);
  CHECK(machine.controller->answers()[0].length == 0);
  CHECK(machine.running->exited());
  CHECK(machine.controller->output() == "unread so far");
  CHECK(machine.shutdown == Ended{{reason, sim_status_killed}});
}

TEST_CASE("a shutdown gets through while the program reads none of its input") {
  GuestMachine machine;
  machine.world.terminal_bytes(1);
  REQUIRE(machine.boot(std::make_unique<IdleProgram>()).ok());
  machine.controller->type(std::string(7 * 60, 'i'));
  REQUIRE(machine.controller->ask(shutdown_message(ring::CMSG_SHUTDOWN_POWEROFF)));
  machine.world.run();
  CHECK(machine.controller->answers().size() == 8);
  CHECK(machine.shutdown == Ended{{ShutdownReason::poweroff, sim_status_killed}});
}

TEST_CASE("a second shutdown does not change the reason of the first") {
  GuestMachine machine;
  REQUIRE(machine.boot(std::make_unique<IdleProgram>()).ok());
  REQUIRE(machine.controller->ask(shutdown_message(ring::CMSG_SHUTDOWN_REBOOT)));
  REQUIRE(machine.controller->ask(shutdown_message(ring::CMSG_SHUTDOWN_POWEROFF)));
  machine.world.run();
  CHECK(machine.controller->answers().size() == 2);
  CHECK(machine.shutdown == Ended{{ShutdownReason::reboot, sim_status_killed}});
}

TEST_CASE("a guest whose hypervisor is gone reports it and stops, with its program") {
  GuestMachine machine;
  REQUIRE(machine.boot(std::make_unique<IdleProgram>()).ok());
  machine.world.run();
  machine.world.kill(machine.xen);
  machine.world.run();
  CHECK(machine.host.exit_status() == exit_status_hypervisor_gone);
  REQUIRE(machine.host.warnings().size() == 1);
  CHECK(machine.host.warnings()[0].rfind("the hypervisor is gone: domain 3", 0) == 0);
  CHECK(machine.running->exited());
}

// -- requests of the tools

TEST_CASE("a sysrq is answered, and its key is printed") {
  GuestMachine machine;
  REQUIRE(machine.boot(std::make_unique<IdleProgram>()).ok());
  REQUIRE(machine.controller->ask(shutdown_message(ring::CMSG_SHUTDOWN_SYSRQ, {"h\0\0\0", 4})));
  REQUIRE(machine.controller->ask(shutdown_message(ring::CMSG_SHUTDOWN_SYSRQ, {"\x07\0\0\0", 4})));
  REQUIRE(machine.controller->ask(shutdown_message(ring::CMSG_SHUTDOWN_SYSRQ)));
  machine.world.run();
  CHECK(machine.controller->answers().size() == 3);
  CHECK(machine.controller->output() ==
        "SysRq: key 'h' reached the guest; nothing is bound to it\r\n"
        "SysRq: key 0x07 reached the guest; nothing is bound to it\r\n");
  CHECK_FALSE(machine.shutdown);
}

TEST_CASE(
    "a suspend is answered; then the guest gives up its ports and stays suspended, however often it is "
    "woken") {
  GuestMachine machine;
  REQUIRE(machine.boot(std::make_unique<EchoProgram>()).ok());
  machine.controller->answer_at_once(false);
  machine.running->print("unanswered");
  machine.world.run();
  REQUIRE(machine.controller->ask(shutdown_message(ring::CMSG_SHUTDOWN_SUSPEND)));
  REQUIRE(machine.controller->ask(shutdown_message(200)));
  machine.running->print("printed during the suspend");
  machine.world.run();
  CHECK(machine.controller->answers().size() == 2);
  CHECK_FALSE(machine.shutdown);  // one of its own requests is unanswered
  machine.controller->answer(1);
  machine.world.run();
  REQUIRE(machine.shutdown);
  CHECK(machine.shutdown->first == ShutdownReason::suspend);
  CHECK(machine.closed == std::vector<ring::Port>{guest_console_port, guest_window_port});
  CHECK_FALSE(machine.domu->ctrl_if()->attached());
  machine.world.run_for(1s);  // as after a stray SIGCONT
  CHECK_FALSE(machine.domu->ctrl_if()->attached());
  machine.info.state.shutdown = 0;
  machine.world.run_for(1s);
  CHECK(machine.domu->ctrl_if()->attached());
  CHECK(machine.controller->output() == "unansweredprinted during the suspend");
}

TEST_CASE("a memory target is accepted with its size echoed; another shape gets the default reply") {
  GuestMachine machine;
  REQUIRE(machine.boot(std::make_unique<IdleProgram>()).ok());
  REQUIRE(machine.controller->ask(words_message(ring::CMSG_MEM_REQUEST, 0, {4096, 99})));
  REQUIRE(machine.controller->ask(words_message(ring::CMSG_MEM_REQUEST, 1, {4096, 99})));
  REQUIRE(machine.controller->ask(ring::make_message(ring::CMSG_MEM_REQUEST, 0, 6, bytes_of("short"))));
  machine.world.run();
  const auto& answers = machine.controller->answers();
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].length == 8);
  CHECK(words_in(answers[0]).number == 4096);
  CHECK(words_in(answers[0]).status == 0);
  CHECK(machine.memory_kib == 16384);
  CHECK(answers[1].length == 0);
  CHECK(answers[2].length == 0);
}

TEST_CASE("a memory target that the hypervisor refuses is answered with its error") {
  GuestMachine machine;
  REQUIRE(machine.boot(std::make_unique<IdleProgram>()).ok());
  REQUIRE(machine.controller->ask(words_message(ring::CMSG_MEM_REQUEST, 0, {16385, 99})));
  REQUIRE(machine.controller->ask(words_message(ring::CMSG_MEM_REQUEST, 0, {0x40000001, 99})));
  machine.world.run();
  const auto& answers = machine.controller->answers();
  REQUIRE(answers.size() == 2);
  CHECK(static_cast<std::int32_t>(words_in(answers[0]).status) == -ENOMEM);
  CHECK(machine.memory_kib == 16385 * 4);
  CHECK(static_cast<std::int32_t>(words_in(answers[1]).status) == -ENOMEM);
  CHECK(machine.memory_kib == 16385 * 4);  // not changed
}

TEST_CASE("the only vcpu can be turned on but not off, and no other exists") {
  GuestMachine machine;
  REQUIRE(machine.boot(std::make_unique<IdleProgram>()).ok());
  REQUIRE(machine.controller->ask(words_message(ring::CMSG_VCPU_HOTPLUG, 1, {0, 99})));
  REQUIRE(machine.controller->ask(words_message(ring::CMSG_VCPU_HOTPLUG, 0, {0, 99})));
  REQUIRE(machine.controller->ask(words_message(ring::CMSG_VCPU_HOTPLUG, 1, {1, 99})));
  REQUIRE(machine.controller->ask(words_message(ring::CMSG_VCPU_HOTPLUG, 2, {0, 99})));
  machine.world.run();
  const auto& answers = machine.controller->answers();
  REQUIRE(answers.size() == 4);
  CHECK(words_in(answers[0]).status == 0);
  CHECK(static_cast<std::int32_t>(words_in(answers[1]).status) == -EBUSY);
  CHECK(static_cast<std::int32_t>(words_in(answers[2]).status) == -EINVAL);
  CHECK(answers[3].length == 0);
}

// -- the window

TEST_CASE("the terminal starts with the size of the console's window, and follows it") {
  GuestMachine machine;
  machine.info.rows = 50;
  machine.info.columns = 132;
  REQUIRE(machine.boot(std::make_unique<IdleProgram>()).ok());
  machine.world.run();
  CHECK(machine.running->spec().rows == 50);
  CHECK(machine.running->spec().columns == 132);
  machine.set_window(25, 80);
  machine.world.run();
  CHECK(machine.running->spec().rows == 25);
  CHECK(machine.running->spec().columns == 80);
}

// -- a controller that is hostile, or dies

TEST_CASE("a hostile controller harms only the guest's messages") {
  GuestMachine machine;
  REQUIRE(machine.boot(std::make_unique<EchoProgram>()).ok());
  machine.world.run();
  std::byte* frame = machine.controller->frame();
  const auto rx = shared_ring(frame, ring::Abi::sring, ring::Ring::rx);
  const auto tx = shared_ring(frame, ring::Abi::sring, ring::Ring::tx);

  *rx.req_prod += 20;
  *tx.rsp_prod += 3;
  for (int i = 0; i < 10; ++i) {
    machine.controller->notify();
    machine.world.run();
  }
  CHECK(machine.host.warnings().size() == 2);
  *rx.req_prod -= 20;
  *tx.rsp_prod -= 3;

  ring::ControlMessage message = text_message(std::string(60, 'l'));
  message.length = 255;
  REQUIRE(machine.controller->ask(message));
  machine.controller->answer_with(ring::make_message(ring::CMSG_CONSOLE, 0, 3, {}));
  machine.world.run();
  machine.controller->answer_with(text_message(""));
  machine.controller->type("alive");
  machine.world.run();
  CHECK(machine.controller->output() == std::string(60, 'l') + "alive");
  CHECK(machine.domu->ctrl_if()->fault_count(CtrlIf::Fault::unknown_id) == 1);
  CHECK(machine.domu->ctrl_if()->fault_count(CtrlIf::Fault::long_length) == 1);
  CHECK(machine.domu->ctrl_if()->outstanding() == 0);
  CHECK_FALSE(machine.host.ended());
}

TEST_CASE("an event while the guest is awake does not suppress the next one") {
  GuestMachine machine;
  REQUIRE(machine.boot(std::make_unique<EchoProgram>()).ok());
  machine.controller->type("a");
  REQUIRE(machine.world.run_until(
      [&] { return machine.controller->output() == "a" && machine.domu->ctrl_if()->outstanding() == 0; }));
  // The port is masked, so only the bit is set: if the guest slept now, it would never be kicked again.
  REQUIRE(ring::EventBits<>(machine.controller->frame(), ring::Abi::sring).is_masked(guest_console_port));
  machine.controller->raise(guest_console_port);
  machine.world.run();
  machine.controller->type("b");
  machine.world.run();
  CHECK(machine.controller->output() == "ab");
}

TEST_CASE("an event at a port without a handler is refused once and masked") {
  GuestMachine machine;
  REQUIRE(machine.boot(std::make_unique<EchoProgram>()).ok());
  machine.world.run();
  for (int i = 0; i < 3; ++i) {
    machine.controller->raise(900);
    machine.world.run();
  }
  CHECK(machine.sink.count(trace::Kind::refused) == 1);
  machine.controller->type("x");
  machine.world.run();
  CHECK(machine.controller->output() == "x");
}

TEST_CASE("a guest follows its channel to a new controller") {
  GuestMachine machine;
  REQUIRE(machine.boot(std::make_unique<EchoProgram>()).ok());
  machine.controller->type("one");
  machine.world.run();
  CHECK(machine.controller->output() == "one");
  machine.start_controller();
  machine.world.run();
  machine.running->print("unasked");
  machine.world.run();
  CHECK(machine.controller->output() == "unasked");  // only the kick of its own port woke it
  machine.controller->type("two");
  machine.world.run();
  CHECK(machine.controller->output() == "unaskedtwo");
}

}  // namespace domu_test
