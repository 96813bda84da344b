// xenctld with real guests, under a real hypervisor.
#include "test/xenctld_path.h"

namespace xenctld_test {

using namespace ringside;
using namespace ringside::test;
using namespace std::chrono_literals;

TEST_CASE_METHOD(XenctldPath,
                 "all output of a program reaches the pty's reader, and then the domain is removed") {
  const DomainId domain = create(GENERATE(ring::Abi::sring, ring::Abi::flat));
  auto reader = open(domain);
  const std::string text = numbered_text(200'000);
  boot(domain, std::make_unique<PrintProgram>(text, 0));
  world.run_for(2s);
  CHECK(reader->seen == text);
  CHECK(reader->cut_off);
  CHECK_FALSE(domain_exists(domain));
  CHECK(ask("consoles") == "ok 0\n");
  CHECK_FALSE(world.link_target(fmt::format("/m/pty-{}", domain)));
}

TEST_CASE_METHOD(XenctldPath, "through xenctld, a program that echoes returns input of any length") {
  const DomainId domain = create(GENERATE(ring::Abi::sring, ring::Abi::flat));
  boot(domain, std::make_unique<EchoProgram>());
  auto user = open(domain);
  const std::string text = numbered_text(100'000);
  user->type(text);
  world.run_for(2s);
  CHECK(user->seen == text);
}

TEST_CASE_METHOD(XenctldPath,
                 "without a reader the guest waits when the queue is full, and continues when one comes") {
  const DomainId domain = create();
  const std::string text = numbered_text(dom0::xenctld_queue_bytes_max + 100'000);
  auto& program = boot(domain, std::make_unique<PrintProgram>(text, 0));
  world.run_for(1s);
  CHECK_FALSE(program.exited());
  CHECK(ask("consoles").starts_with(fmt::format("ok 1\n{} 0 0 waiting 10485", domain)));
  auto reader = open(domain);
  world.run_for(2s);
  CHECK(reader->seen == text);
}

TEST_CASE_METHOD(XenctldPath, "readers connect and leave while a program prints: every byte arrives once") {
  const DomainId domain = create(ring::Abi::sring, true);
  const std::string text = numbered_text(300'000);
  boot(domain, std::make_unique<PrintProgram>(text, 0));
  std::string seen;
  for (std::size_t reader_number = 0; reader_number < 20; ++reader_number) {
    auto reader = open(domain);
    const auto enough = 3000 + 777 * reader_number;
    REQUIRE(world.run_until([&] { return reader->seen.size() >= enough; }));
    reader->leave();
    seen += reader->seen;
    world.run_for(100ms);
  }
  CHECK(seen.size() < text.size());
  auto last = open(domain);
  world.run_for(2s);
  CHECK(seen + last->seen == text);
}

TEST_CASE_METHOD(XenctldPath,
                 "shutdown and sysrq reach the guest; unknown domains and requests are refused") {
  const DomainId domain = create();
  boot(domain, std::make_unique<IdleProgram>());
  world.run();
  CHECK(ask(fmt::format("sysrq {} h", domain)) == "ok\n");
  CHECK(ask(fmt::format("shutdown {} poweroff", domain)) == "ok\n");
  world.run_for(1s);
  CHECK_FALSE(domain_exists(domain));
  CHECK(ask(fmt::format("sysrq {} h", domain)).starts_with("error domain 1 has no console here"));
  CHECK(ask("console 9").find("there is no such domain") != std::string::npos);
  CHECK(ask("nonsense").starts_with("error unknown request"));
}

TEST_CASE_METHOD(XenctldPath, "a path with spaces is attached and detached; then there is a pty again") {
  const DomainId domain = create();
  boot(domain, std::make_unique<PrintProgram>("hello", 0));
  world.file("/tmp/a log%", "");
  CHECK(ask(fmt::format("attach {} {}", domain, dom0::escape_word("/tmp/none"))).find("No such file") !=
        std::string::npos);
  CHECK(ask(fmt::format("attach {} {}%zz", domain, "/tmp/x")).starts_with("error a path in which"));
  const DomainId other = create();
  CHECK(ask(fmt::format("attach {} {}", other, dom0::escape_word("/tmp/a log%"))) == "ok\n");
  CHECK(ask("consoles").find("attached 0 0 /tmp/a log%") != std::string::npos);
  CHECK(ask(fmt::format("detach {}", other)) == "ok\n");
  CHECK(ask(fmt::format("detach {}", other)).find("no file is attached") != std::string::npos);
  CHECK(world.link_target(fmt::format("/m/pty-{}", other)));
}

TEST_CASE_METHOD(
    XenctldPath,
    "through xenctld, a guest that is killed is kept with its last output until it is destroyed") {
  const DomainId domain = create();
  auto& program = boot(domain, std::make_unique<IdleProgram>());
  program.print("last words");
  world.run();
  world.kill(world.host(fmt::format("dom{}", domain)));
  world.run_for(1s);
  CHECK(domain_exists(domain));
  auto reader = open(domain);
  world.run_for(1s);
  const std::string said =
      fmt::format("\r\n[ringside] domain dom{} crashed: killed by signal 9 (SIGKILL)\r\n", domain);
  CHECK(reader->seen == "last words" + said);
  CHECK(reader->cut_off);
  auto late = open(domain);
  world.run_for(1s);
  CHECK(late->seen == said);
  CHECK(late->cut_off);
  CHECK(ask(fmt::format("sysrq {} h", domain)) == fmt::format("error domain {} has ended\n", domain));
  REQUIRE(builder->domain_destroy(domain).ok());
  world.run_for(1s);
  CHECK(ask("consoles") == "ok 0\n");
}

TEST_CASE_METHOD(XenctldPath, "a restarted xenctld finds the running domains, and their consoles continue") {
  const DomainId echo = create(ring::Abi::flat);
  const DomainId printing = create();
  boot(echo, std::make_unique<EchoProgram>());
  const std::string text = numbered_text(50'000);
  auto& program = boot(printing, std::make_unique<IdleProgram>());
  auto reader = open(echo);
  world.run_for(1s);
  kill_xenctld();
  program.print("while no xenctld ran");
  world.run();
  start_xenctld();
  world.run_for(1s);
  CHECK(reader->cut_off);
  auto again = open(echo);
  again->type(text);
  world.run_for(1s);
  CHECK(again->seen == text);
  auto other = open(printing);
  world.run_for(1s);
  CHECK(other->seen == "while no xenctld ran");
}

TEST_CASE_METHOD(XenctldPath, "a domain that ended while no xenctld ran is removed by the next one") {
  const DomainId domain = create();
  boot(domain, std::make_unique<PrintProgram>("", 0));
  kill_xenctld();
  world.run_for(1s);
  start_xenctld();
  world.run_for(1s);
  CHECK(ask("consoles") == "ok 0\n");
  CHECK_FALSE(domain_exists(domain));
}

TEST_CASE_METHOD(XenctldPath, "a domain that was destroyed while no xenctld ran leaves no port in dom0") {
  const std::size_t ports = dom0_ports();
  const DomainId domain = create();
  boot(domain, std::make_unique<IdleProgram>());
  CHECK(dom0_ports() > ports);
  kill_xenctld();
  REQUIRE(builder->domain_destroy(domain).ok());
  world.run_for(1s);
  start_xenctld();
  world.run_for(1s);
  CHECK(dom0_ports() == ports);
}

TEST_CASE_METHOD(XenctldPath, "without the hypervisor xenctld ends, with a warning") {
  SimHost& host = world.host("xenctld");
  world.kill(xen_host);
  world.run_for(1s);
  CHECK(host.exit_status() == 3);
  REQUIRE(host.warnings().size() == 1);
  CHECK(host.warnings()[0].find("xenctld ends") != std::string::npos);
}

TEST_CASE_METHOD(XenctldPath,
                 "while the hypervisor is silent xenctld's consoles continue, and work that needs it waits") {
  const DomainId first = create();
  const DomainId second = create();
  boot(first, std::make_unique<EchoProgram>());
  boot(second, std::make_unique<IdleProgram>());
  auto user = open(first);
  world.run_for(1s);
  const DomainId third = builder->domain_create("", ring::Abi::sring, 1024, false).value().domain;
  REQUIRE(builder->domain_destroy(second).ok());

  world.stall(xen_host);
  CHECK(ask(fmt::format("console {}", third)).empty());
  user->type(numbered_text(10'000));
  world.run_for(1s);
  CHECK(user->seen == numbered_text(10'000));
  CHECK(world.link_target(fmt::format("/m/pty-{}", second)));

  world.go_on(xen_host);
  world.run_for(1s);
  CHECK(requester->seen == fmt::format("ok 1 0 0 /m/pty-{}\n", third));
  CHECK_FALSE(world.link_target(fmt::format("/m/pty-{}", second)));
}

TEST_CASE_METHOD(XenctldPath,
                 "xenctld counts unread output, and input that the guest had not read when it died") {
  trace::MemorySink journal(world.clock());
  kill_xenctld();
  console_sink = &journal;
  start_xenctld();
  SECTION("without a reader") {
    const DomainId domain = create();
    boot(domain, std::make_unique<PrintProgram>("eighteen bytes, OK", 0));
    world.run_for(1s);
    CHECK_FALSE(domain_exists(domain));
    CHECK(counted(journal, "unread bytes") == 18);
  }
  SECTION("with a reader that leaves after the end") {
    const DomainId domain = create();
    auto user = open(domain);
    user->read(false);
    boot(domain, std::make_unique<PrintProgram>(numbered_text(30'000), 0));
    world.run_for(2s);
    CHECK(counted(journal, "unread bytes") == 0);
    user.reset();
    world.run_for(2s);
    CHECK(counted(journal, "unread bytes") > 20'000);
  }
  SECTION("input") {
    const DomainId domain = create();
    auto user = open(domain);
    boot(domain, std::make_unique<IdleProgram>());
    user->type(std::string(20'000, 'x'));
    world.run_for(1s);
    REQUIRE(builder->domain_destroy(domain).ok());
    world.run_for(1s);
    CHECK(counted(journal, "typed bytes not read before the guest ended") > 100);
  }
}

}  // namespace xenctld_test
