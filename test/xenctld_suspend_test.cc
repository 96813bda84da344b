// Domains are suspended and resumed under xenctld: no byte is lost or doubled, whatever bytes are in flight,
// and an open pty stays open.
#include "test/xenctld_path.h"

namespace xenctld_suspend_test {

using namespace ringside;
using namespace ringside::test;
using namespace std::chrono_literals;

namespace {

/// Echoes its input slowly, so that a suspend interrupts it.
class SlowEcho : public SimProgram {
 public:
  void started() override { take(); }

 private:
  void take() {
    unprinted_ += read(500);
    unprinted_.erase(0, print(unprinted_));
    after(100us, [this] { take(); });
  }
  std::string unprinted_;
};

struct XenctldSuspending : XenctldPath {
  void suspend(DomainId domain) {
    REQUIRE(ask(fmt::format("suspend {}", domain)) == "ok\n");
    REQUIRE(info(domain).suspended());
  }
  void resume(DomainId domain) {
    REQUIRE(ask(fmt::format("resume {}", domain)) == fmt::format("ok 1 0 0 /m/pty-{}\n", domain));
    REQUIRE(builder->domain_unpause(domain).ok());
    world.run_for(1ms);
  }
  /// Empty if the request is refused with this reason, else its answer.
  std::string unexpected_answer(std::string_view verb, DomainId domain, std::string_view why) {
    return ask(fmt::format("{} {}", verb, domain)) == fmt::format("error domain {} {}\n", domain, why)
               ? ""
               : requester->seen;
  }
  void settle() { world.run_for(1s); }
};

}  // namespace

TEST_CASE_METHOD(XenctldSuspending,
                 "a suspended domain gets another frame and continues with the same reader") {
  const DomainId domain = create(GENERATE(ring::Abi::sring, ring::Abi::flat));
  auto user = open(domain);
  boot(domain, std::make_unique<EchoProgram>());
  user->type("before ");
  settle();
  const DomainInfo before = info(domain);
  const auto pty = world.link_target(fmt::format("/m/pty-{}", domain));
  suspend(domain);
  CHECK(builder->evtchn_status(domain, before.console_port)->state != PortState::interdomain);
  CHECK(unexpected_answer("console", domain, "is suspended").empty());
  CHECK(unexpected_answer("suspend", domain, "is suspended already").empty());
  CHECK(ask(fmt::format("sysrq {} h", domain)) == fmt::format("error domain {} is suspended\n", domain));

  user->type("meanwhile ");
  settle();
  CHECK(user->seen == "before ");
  resume(domain);
  settle();
  CHECK(info(domain).shared_info_frame != before.shared_info_frame);
  CHECK(world.link_target(fmt::format("/m/pty-{}", domain)) == pty);
  CHECK(user->seen == "before meanwhile ");
  user->type("after");
  settle();
  CHECK(user->seen == "before meanwhile after");
  CHECK(unexpected_answer("resume", domain, "is not suspended").empty());
}

TEST_CASE_METHOD(XenctldSuspending, "output and input survive many suspensions") {
  const DomainId domain = create(GENERATE(ring::Abi::sring, ring::Abi::flat));
  auto user = open(domain);
  boot(domain, std::make_unique<SlowEcho>());
  const std::string text = numbered_text(200'000);
  user->type(text);
  for (std::size_t seen = 1'000; seen < text.size(); seen += 13'337) {
    REQUIRE(world.run_until([&] { return user->seen.size() >= seen; }));
    suspend(domain);
    resume(domain);
  }
  settle();
  CHECK(user->seen == text);
}

TEST_CASE_METHOD(XenctldSuspending, "killed and started again during a suspension: every byte arrives once") {
  const DomainId domain = create();
  auto& program = boot(domain, std::make_unique<SlowReader>(60u));
  const std::string text = numbered_text(4'000);
  auto typist = open(domain);
  typist->type(text);
  world.run_for(dom0::pty_settle_delay + std::chrono::microseconds(GENERATE(0, 50, 100, 400)));
  if (GENERATE(false, true)) {
    kill_xenctld();
    start_xenctld();
  }
  suspend(domain);
  const std::size_t arrived = program.got.size();
  kill_xenctld();
  start_xenctld();
  CHECK(ask("consoles").starts_with(fmt::format("ok 1\n{} 0 0 waiting", domain)));
  CHECK(unexpected_answer("console", domain, "is suspended").empty());
  auto next = open(domain);
  settle();
  CHECK(program.got.size() == arrived);
  resume(domain);
  settle();
  REQUIRE(program.got == text.substr(0, program.got.size()));
  next->type(text.substr(program.got.size()) + "!");
  settle();
  CHECK(program.got == text + "!");
}

TEST_CASE_METHOD(
    XenctldSuspending,
    "killed in the middle of a resume: the next xenctld finds the domain, and a new request resumes it") {
  const DomainId domain = create();
  auto user = open(domain);
  boot(domain, std::make_unique<EchoProgram>());
  user->type("one ");
  settle();
  suspend(domain);
  user->type("two ");
  settle();
  kill_xenctld();
  auto store = dom0::ConsoleStore::find(users, fmt::format("/m/console-{}.kept", domain),
                                        dom0::XenctldConsole::store_shape(0), info(domain).shared_info_frame);
  REQUIRE(store);
  // A xenctld does this much before it opens the channel.
  store->moved(builder->domain_resume(domain)->shared_info_frame);
  REQUIRE(info(domain).console_port == 0);
  start_xenctld();
  CHECK(unexpected_answer("console", domain, "is suspended").empty());
  auto again = open(domain);
  again->type("three");
  settle();
  resume(domain);
  settle();
  CHECK(user->seen == "one ");
  CHECK(again->seen == "two three");
}

TEST_CASE_METHOD(XenctldSuspending,
                 "a guest whose queue is full is suspended when its output is read, and the user is told") {
  const DomainId domain = create();
  const std::string text = numbered_text(dom0::xenctld_queue_bytes_max + 100'000);
  boot(domain, std::make_unique<Speaker>(text));
  settle();
  CHECK(ask(fmt::format("suspend {}", domain)).empty());
  world.run_for(dom0::suspend_patience);
  CHECK(requester->seen.find("has not suspended: it waits until its reader has read") != std::string::npos);
  CHECK_FALSE(info(domain).suspended());
  auto reader = open(domain);
  settle();
  CHECK(info(domain).suspended());
  resume(domain);
  settle();
  CHECK(reader->seen == text);
}

TEST_CASE_METHOD(XenctldSuspending, "a suspended domain can be destroyed, and its reader is disconnected") {
  const DomainId domain = create();
  auto user = open(domain);
  boot(domain, std::make_unique<EchoProgram>());
  suspend(domain);
  REQUIRE(builder->domain_destroy(domain).ok());
  settle();
  CHECK(user->cut_off);
  CHECK(ask("consoles") == "ok 0\n");
  CHECK(ask(fmt::format("resume {}", domain)) == fmt::format("error there is no domain {}\n", domain));
}

TEST_CASE_METHOD(XenctldSuspending,
                 "a suspended domain that is killed has crashed, and its console reports it") {
  const DomainId domain = create();
  auto user = open(domain);
  boot(domain, std::make_unique<EchoProgram>());
  suspend(domain);
  world.kill(world.host(fmt::format("dom{}", domain)));
  settle();
  CHECK(user->seen.find("crashed: killed by signal 9") != std::string::npos);
  CHECK(user->cut_off);
  CHECK(unexpected_answer("resume", domain, "is not suspended").empty());
  CHECK(unexpected_answer("suspend", domain, "has ended").empty());
}

}  // namespace xenctld_suspend_test
