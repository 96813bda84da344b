// A domain is suspended and resumed with its console and viewer: no byte is lost or doubled, whatever bytes
// are in flight.
#include "test/console_path.h"

namespace suspend_path_test {

using namespace ringside;
using namespace ringside::test;
using namespace std::chrono_literals;

namespace {

struct Suspending : Path {
  Suspending() : Path(GENERATE(Answer::xend, Answer::xcs)) {}

  void resume(DomainId domain) {
    REQUIRE(ask(fmt::format("resume {}", domain)) ==
            fmt::format("ok 1 {0} 1{0} /m/console-{0}\n", 9600 + domain));
    REQUIRE(builder->domain_unpause(domain).ok());
    world.run();
  }
  /// Its viewer has typed "one " before the suspend and "two " since.
  auto suspended_while_typing(DomainId domain) {
    auto viewer = view(domain);
    boot(domain, std::make_unique<EchoProgram>());
    viewer->type("one ");
    world.run();
    REQUIRE(ask(fmt::format("suspend {}", domain)) == "ok\n");
    viewer->type("two ");
    world.run();
    return viewer;
  }
  void suspend_and_resume(DomainId domain) {
    REQUIRE(ask(fmt::format("suspend {}", domain)) == "ok\n");
    REQUIRE(info(domain).suspended());
    resume(domain);
  }
};

}  // namespace

TEST_CASE_METHOD(Suspending, "a suspended domain gets another frame and continues with the same viewer") {
  const DomainId domain = create(GENERATE(ring::Abi::sring, ring::Abi::flat));
  auto viewer = view(domain);
  boot(domain, std::make_unique<EchoProgram>());
  viewer->type("before ");
  world.run();
  const DomainInfo before = info(domain);
  REQUIRE(ask(fmt::format("suspend {}", domain)) == "ok\n");
  const DomainInfo suspended = info(domain);
  CHECK(suspended.suspended());
  CHECK(suspended.state.paused == 1);
  CHECK(builder->evtchn_status(domain, before.console_port)->state != PortState::interdomain);
  CHECK(ask(fmt::format("console {}", domain)) == fmt::format("error domain {} is suspended\n", domain));
  CHECK(ask(fmt::format("suspend {}", domain)) ==
        fmt::format("error domain {} is suspended already\n", domain));
  CHECK(ask(fmt::format("sysrq {} h", domain)) == fmt::format("error domain {} is suspended\n", domain));

  viewer->type("meanwhile ");
  world.run();
  CHECK(viewer->seen == "before ");
  CHECK_FALSE(viewer->cut_off);
  resume(domain);
  CHECK(info(domain).shared_info_frame != before.shared_info_frame);
  CHECK(viewer->seen == "before meanwhile ");
  viewer->type("after");
  world.run();
  CHECK(viewer->seen == "before meanwhile after");
  CHECK(ask(fmt::format("resume {}", domain)) == fmt::format("error domain {} is not suspended\n", domain));
}

TEST_CASE_METHOD(Suspending, "continuous output and input survive many suspensions") {
  const DomainId domain = create(GENERATE(ring::Abi::sring, ring::Abi::flat));
  auto viewer = view(domain);
  boot(domain, std::make_unique<EchoProgram>());
  const std::string text = numbered_text(200'000);
  viewer->type(text);
  for (std::size_t seen = 1'000; seen < text.size(); seen += 13'337) {
    REQUIRE(world.run_until([&] { return viewer->seen.size() >= seen; }));
    suspend_and_resume(domain);
  }
  world.run();
  CHECK(viewer->seen == text);
}

TEST_CASE_METHOD(Suspending, "input that the program has not read waits through a suspension") {
  const DomainId domain = create();
  auto viewer = view(domain);
  auto& program = boot(domain, std::make_unique<IdleProgram>());
  const std::string text = numbered_text(20'000);
  viewer->type(text);
  world.run();
  suspend_and_resume(domain);
  std::string read;
  for (std::string piece; !(piece = program.read(1'000)).empty(); world.run()) read += piece;
  CHECK(read == text);
}

TEST_CASE_METHOD(
    Suspending,
    "a domain whose viewer does not read is suspended when the viewer reads, and the user is told") {
  const DomainId domain = create();
  auto viewer = view(domain);
  viewer->read(false);
  const std::string text = numbered_text(200'000);
  boot(domain, std::make_unique<PrintProgram>(text, 0));
  world.run();
  CHECK(ask(fmt::format("suspend {}", domain)).empty());
  world.run_for(dom0::suspend_patience);
  world.run();
  CHECK(requester->seen.find("has not suspended: it waits until its viewer has read") != std::string::npos);
  CHECK_FALSE(info(domain).suspended());
  viewer->read(true);
  world.run();
  CHECK(info(domain).suspended());
  CHECK_FALSE(viewer->cut_off);
  resume(domain);
  CHECK(viewer->seen == text);
}

TEST_CASE_METHOD(Suspending, "a suspended domain can be destroyed, and its viewer is disconnected") {
  const DomainId domain = create();
  auto viewer = view(domain);
  boot(domain, std::make_unique<EchoProgram>());
  world.run();
  REQUIRE(ask(fmt::format("suspend {}", domain)) == "ok\n");
  REQUIRE(builder->domain_destroy(domain).ok());
  world.run();
  CHECK(viewer->cut_off);
  CHECK(ask("consoles") == "ok 0\n");
  CHECK(ask(fmt::format("resume {}", domain)) == fmt::format("error there is no domain {}\n", domain));
}

TEST_CASE_METHOD(Suspending, "a program that ends while its guest is suspended ends the domain as usual") {
  const DomainId domain = create(ring::Abi::sring, true);
  auto viewer = view(domain);
  viewer->read(false);
  auto& program = boot(domain, std::make_unique<IdleProgram>());
  // More than all places on the path hold, also those of early answers.
  const std::string text = numbered_text(80'000);
  std::size_t printed = 0;
  while (printed < text.size()) {
    const std::size_t taken = program.print(text.substr(printed));
    printed += taken;
    world.run();
    if (taken == 0) break;
  }
  CHECK(ask(fmt::format("suspend {}", domain)).empty());
  program.exit(7);
  world.run();
  viewer->read(true);
  world.run();
  CHECK(viewer->seen == text.substr(0, printed));
  CHECK(info(domain).reason == ShutdownReason::poweroff);
  CHECK(info(domain).exit_status == 7);
}

TEST_CASE_METHOD(Suspending, "killing and restarting xcs during a suspension loses no byte") {
  const DomainId domain = create();
  auto viewer = view(domain);
  boot(domain, std::make_unique<EchoProgram>());
  viewer->type("one ");
  world.run();
  REQUIRE(ask(fmt::format("suspend {}", domain)) == "ok\n");
  kill_xcs();
  CHECK(ask(fmt::format("resume {}", domain)).find("error xcs is gone") == 0);
  viewer->type("two ");
  start_xcs();
  world.run_for(2 * dom0::xcs_retry_delay);
  CHECK(info(domain).suspended());
  resume(domain);
  CHECK(viewer->seen == "one two ");
}

TEST_CASE_METHOD(
    Suspending,
    "a guest that dies crashes, and its console reports the reason to present and later viewers") {
  const DomainId domain = create();
  auto viewer = view(domain);
  boot(domain, std::make_unique<EchoProgram>());
  viewer->type("last");
  world.run();
  world.kill(world.host(fmt::format("dom{}", domain)));
  world.run_for(1s);
  const std::string said =
      fmt::format("\r\n[ringside] domain dom{} crashed: killed by signal 9 (SIGKILL)\r\n", domain);
  CHECK(viewer->seen == "last" + said);
  CHECK(viewer->cut_off);
  auto late = view(domain);
  world.run();
  CHECK(late->seen == said);
  CHECK(late->cut_off);
  REQUIRE(builder->domain_destroy(domain).ok());
  world.run();
  CHECK(ask("consoles") == "ok 0\n");
}

TEST_CASE_METHOD(Suspending, "a memory request reaches the guest, and a refusal returns with its reason") {
  const DomainId domain = create();
  boot(domain, std::make_unique<IdleProgram>());
  world.run();
  CHECK(ask(fmt::format("balloon {} 255", domain)) ==
        fmt::format("error domain {} refuses 255 pages: its status is -22\n", domain));
  CHECK(ask(fmt::format("balloon {} 257", domain)) ==
        fmt::format("error domain {} refuses 257 pages: that is more than it was created with\n", domain));
  CHECK(ask(fmt::format("balloon {} 256", domain)) == "ok\n");
  CHECK(ask(fmt::format("balloon {} x", domain)) == "error usage: balloon <domid> <pages>\n");
}

TEST_CASE_METHOD(Suspending, "a restarted xend finds the suspended domain and the input for it") {
  const DomainId domain = create();
  const auto viewer = suspended_while_typing(domain);
  kill_xend();
  start_xend();
  requester = std::make_unique<User>(users, users.connect_local("/m/xend.sock").value());
  auto again = view(domain);
  again->type("three");
  world.run();
  CHECK(info(domain).suspended());
  resume(domain);
  CHECK(viewer->seen == "one ");
  CHECK(again->seen == "two three");
}

TEST_CASE_METHOD(Suspending, "a domain is resumed even if its suspension is reported after the request") {
  const DomainId domain = create();
  auto viewer = view(domain);
  boot(domain, std::make_unique<EchoProgram>());
  viewer->type("one ");
  requester->type(fmt::format("suspend {}\n", domain));
  User hasty(users, users.connect_local("/m/xend.sock").value());
  REQUIRE(world.run_until([&] { return info(domain).suspended(); }));
  world.stall(world.host("xcs"));
  hasty.type(fmt::format("resume {}\n", domain));
  viewer->type("two");
  world.run();
  world.go_on(world.host("xcs"));
  world.run();
  CHECK(hasty.seen == fmt::format("ok 1 {0} 1{0} /m/console-{0}\n", 9600 + domain));
  CHECK(requester->seen.ends_with("ok\n"));
  REQUIRE(builder->domain_unpause(domain).ok());
  world.run();
  CHECK(viewer->seen == "one two");
}

TEST_CASE_METHOD(Suspending,
                 "a domain that suspended while xend was dead, and is destroyed, leaves no channel in xcs") {
  const DomainId domain = create();
  boot(domain, std::make_unique<EchoProgram>());
  world.run();
  requester->type(fmt::format("suspend {}\n", domain));
  REQUIRE(world.run_until([&] { return info(domain).suspended(); }));
  kill_xend();
  REQUIRE(xcs->channel(domain) != nullptr);
  start_xend();
  world.run();
  REQUIRE(info(domain).suspended());
  REQUIRE(builder->domain_destroy(domain).ok());
  world.run();
  CHECK(xcs->channel(domain) == nullptr);
}

TEST_CASE_METHOD(
    Suspending,
    "xend killed in the middle of a resume: the next one finds the domain, and a second request resumes it") {
  const DomainId domain = create();
  const auto viewer = suspended_while_typing(domain);
  requester->type(fmt::format("resume {}\n", domain));
  REQUIRE(world.run_until([&] { return !info(domain).suspended(); }));
  REQUIRE(info(domain).console_port == 0);
  kill_xend();
  start_xend();
  requester = std::make_unique<User>(users, users.connect_local("/m/xend.sock").value());
  auto again = view(domain);
  again->type("three");
  world.run();
  resume(domain);
  CHECK(viewer->seen == "one ");
  CHECK(again->seen == "two three");
}

TEST_CASE_METHOD(Suspending,
                 "a guest that dies while xend is dead in the middle of a resume has its console again") {
  const DomainId domain = create();
  boot(domain, std::make_unique<EchoProgram>());
  world.run();
  REQUIRE(ask(fmt::format("suspend {}", domain)) == "ok\n");
  requester->type(fmt::format("resume {}\n", domain));
  REQUIRE(world.run_until([&] { return !info(domain).suspended(); }));
  REQUIRE(info(domain).console_port == 0);
  kill_xend();
  world.kill(world.host(fmt::format("dom{}", domain)));
  world.run_for(1s);
  start_xend();
  auto viewer = view(domain);
  world.run();
  CHECK(viewer->seen.find("crashed") != std::string::npos);
  REQUIRE(builder->domain_destroy(domain).ok());
  world.run();
  CHECK(xcs->channel(domain) == nullptr);
  CHECK(world.kept_files().empty());
}

}  // namespace suspend_path_test
