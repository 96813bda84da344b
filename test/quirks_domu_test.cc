// The quirks of the guest: each test shows the behaviour of 2005 with the quirk, and the correct one without
// it. The quirks of dom0's daemons have files of their own.
#include "test/guest_machine.h"

namespace quirks_domu_test {

using namespace ringside;
using namespace ringside::test;

namespace {

struct Fixture : GuestMachine {
  explicit Fixture(Quirk its_quirk, bool its_on, ring::Abi abi = ring::Abi::sring)
      : GuestMachine(abi), quirk(its_quirk), on(its_on) {}

  void start(std::unique_ptr<SimProgram> program, const std::vector<std::string>& boot_lines = {}) {
    REQUIRE(boot(std::move(program), {.argv = {"program"},
                                      .quiet = boot_lines.empty(),
                                      .boot_lines = boot_lines,
                                      .quirks = on ? Quirks{quirk} : Quirks{}})
                .ok());
    world.run();
  }
  std::size_t bites() const {
    std::size_t count = 0;
    for (const auto& [step, entry] : sink.entries()) {
      count += is(entry, quirk) ? 1 : 0;
    }
    return count;
  }

  Quirk quirk;
  bool on;
};

}  // namespace

TEST_CASE("ctrlif-bad-id: a response with an unknown id crashes the guest") {
  Fixture f(Quirk::ctrlif_bad_id, GENERATE(true, false));
  f.controller->answer_with(ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 0, {}));
  f.start(std::make_unique<PrintProgram>("hello", 0));
  // A crash is a process that ends without telling the hypervisor.
  CHECK(f.host.ended());
  CHECK(f.shutdown.has_value() == !f.on);
  CHECK(f.bites() == (f.on ? 1 : 0));
}

TEST_CASE("ctrlif-no-clamp: a long request overruns the stack of a flat guest, and of no other") {
  const ring::Abi abi = GENERATE(ring::Abi::flat, ring::Abi::sring);
  Fixture f(Quirk::ctrlif_no_clamp, GENERATE(true, false), abi);
  f.start(std::make_unique<IdleProgram>());
  ring::ControlMessage message = ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 0, {});
  message.length = 200;
  REQUIRE(f.controller->ask(message));
  f.world.run();
  CHECK(f.host.ended() == (f.on && abi == ring::Abi::flat));
}

TEST_CASE("kcons-lfcr: kernel lines end with LF CR, and the CR needs no room") {
  Fixture f(Quirk::kcons_lfcr, GENERATE(true, false));
  f.controller->answer_at_once(false);
  // One line fills the buffer except for one byte, which its LF takes; the CR goes beyond.
  f.start(std::make_unique<IdleProgram>(), {std::string(6000, 'x')});
  f.controller->answer_at_once(true);
  f.controller->answer(8);
  f.world.run();
  const std::string& out = f.controller->output();
  CHECK((out.find("2005\n\r") != std::string::npos) == f.on);
  CHECK((out.find("2005\r\n") != std::string::npos) == !f.on);
  CHECK(out.size() == 4095);
}

TEST_CASE("kcons-flush-spin: a guest that ends polls until its output is taken") {
  Fixture f(Quirk::kcons_flush_spin, GENERATE(true, false));
  f.controller->answer_at_once(false);
  REQUIRE(f.boot(std::make_unique<PrintProgram>("last words", 0),
                 {.argv = {"program"}, .quiet = true, .quirks = f.on ? Quirks{f.quirk} : Quirks{}})
              .ok());
  const bool spins = f.world.run_until([&] { return f.world.steps() > 5000; }, std::chrono::milliseconds(1));
  CHECK(spins == f.on);
  CHECK((f.bites() > 1000) == f.on);
  CHECK_FALSE(f.host.ended());
  f.controller->answer(8);
  REQUIRE(f.world.run_until([&] { return f.host.ended(); }));
  CHECK(f.controller->output() == "last words");
}

TEST_CASE("ctrlif-suspend-early: a guest is suspended while its requests have no response") {
  Fixture f(Quirk::ctrlif_suspend_early, GENERATE(true, false));
  f.start(std::make_unique<EchoProgram>());
  f.controller->answer_at_once(false);
  f.running->print("hello");
  f.world.run();
  REQUIRE(f.controller->unanswered() == 1);
  REQUIRE(f.controller->ask(ring::make_message(ring::CMSG_SHUTDOWN, ring::CMSG_SHUTDOWN_SUSPEND, 0, {})));
  f.world.run();
  CHECK(f.shutdown.has_value() == f.on);
  CHECK(f.bites() == (f.on ? 1 : 0));
  if (f.on) return;
  f.controller->answer(1);
  f.world.run();
  CHECK(f.shutdown.has_value());
  CHECK(f.bites() == 0);
}

TEST_CASE("leaky-response: a response carries the request's bytes after its length") {
  Fixture f(Quirk::leaky_response, GENERATE(true, false));
  f.start(std::make_unique<IdleProgram>());
  f.controller->type("secret");
  f.world.run();
  REQUIRE(f.controller->answers().size() == 1);
  const ring::ControlMessage answer = f.controller->answers()[0];
  CHECK(answer.length == 0);
  CHECK((std::memcmp(answer.msg, "secret", 6) == 0) == f.on);
  CHECK(f.bites() == (f.on ? 1 : 0));
}

TEST_CASE("a flat guest knows the types 0 to 7: a vcpu request gets the default reply") {
  GuestMachine machine(ring::Abi::flat);
  REQUIRE(machine.boot(std::make_unique<IdleProgram>()).ok());
  const std::uint8_t vcpu_and_status[8] = {0, 0, 0, 0, 99};
  REQUIRE(machine.controller->ask(ring::make_message(ring::CMSG_VCPU_HOTPLUG, 1, 0, vcpu_and_status)));
  machine.world.run();
  const auto& answers = machine.controller->answers();
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].type == ring::CMSG_VCPU_HOTPLUG);
  CHECK(answers[0].length == 0);
}

}  // namespace quirks_domu_test
