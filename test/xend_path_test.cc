// xend with a real xcs and real guests, under a real hypervisor.
#include <cstdio>

#include "test/console_path.h"

namespace xend_path_test {

using namespace ringside;
using namespace ringside::test;
using namespace std::chrono_literals;

TEST_CASE_METHOD(Path, "all output of a program reaches the viewer, and then the domain is removed") {
  const DomainId domain = create(GENERATE(ring::Abi::sring, ring::Abi::flat));
  auto viewer = view(domain);
  const std::string text = numbered_text(200'000);
  boot(domain, std::make_unique<PrintProgram>(text, 0));
  world.run();
  CHECK(viewer->seen == text);
  CHECK(viewer->cut_off);
  CHECK_FALSE(domain_exists(domain));
  CHECK(ask("consoles") == "ok 0\n");
}

TEST_CASE_METHOD(Path, "a viewer that does not read blocks the program, and later gets all output") {
  const DomainId domain = create();
  auto viewer = view(domain);
  viewer->read(false);
  const std::string text = numbered_text(300'000);
  auto& program = boot(domain, std::make_unique<PrintProgram>(text, 0));
  world.run();
  CHECK_FALSE(program.exited());
  CHECK(domain_exists(domain));
  viewer->read(true);
  world.run();
  CHECK(viewer->seen == text);
  CHECK(viewer->cut_off);
}

TEST_CASE_METHOD(
    Path, "without a viewer a program prints to its end, and a preserved domain keeps the last 64 KiB") {
  const DomainId domain = create(ring::Abi::sring, true);
  const std::string text = numbered_text(100'000);
  boot(domain, std::make_unique<PrintProgram>(text, 0));
  world.run();
  CHECK(domain_exists(domain));
  auto viewer = view(domain);
  world.run();
  CHECK(viewer->seen == text.substr(text.size() - 65'536));
  CHECK(viewer->cut_off);
  REQUIRE(builder->domain_destroy(domain).ok());
  world.run();
  CHECK(ask("consoles") == "ok 0\n");
}

TEST_CASE_METHOD(Path, "a program that echoes returns input of any length") {
  const DomainId domain = create(GENERATE(ring::Abi::sring, ring::Abi::flat));
  auto viewer = view(domain);
  boot(domain, std::make_unique<EchoProgram>());
  const std::string text = numbered_text(100'000);
  viewer->type(text);
  world.run();
  CHECK(viewer->seen == text);
}

TEST_CASE_METHOD(Path, "a program that does not read makes only its typist wait") {
  const DomainId idle = create();
  const DomainId busy = create();
  auto typist = view(idle);
  auto other = view(busy);
  boot(idle, std::make_unique<IdleProgram>());
  boot(busy, std::make_unique<EchoProgram>());
  typist->type(std::string(200'000, 'x'));
  other->type(numbered_text(10'000));
  world.run();
  CHECK(typist->unsent() > 100'000);
  CHECK(other->seen == numbered_text(10'000));
  // After seven unanswered requests of input there is room for one other request.
  typist->read(true);
  CHECK(ask(fmt::format("shutdown {} poweroff", idle)) == "ok\n");
  world.run();
  CHECK(typist->cut_off);
  CHECK_FALSE(domain_exists(idle));
}

TEST_CASE_METHOD(Path, "a guest that is killed is kept with its last output until it is destroyed") {
  const DomainId domain = create();
  auto& program = boot(domain, std::make_unique<IdleProgram>());
  program.print("last words");
  world.run();
  auto viewer = view(domain);
  world.run();
  program.print(", cut sho");
  world.kill(world.host(fmt::format("dom{}", domain)));
  world.run();
  CHECK(viewer->cut_off);
  CHECK(viewer->seen.starts_with("last words"));
  CHECK(domain_exists(domain));
  CHECK(ask("consoles").starts_with("ok 1\n"));
  REQUIRE(builder->domain_destroy(domain).ok());
  world.run();
  CHECK(ask("consoles") == "ok 0\n");
}

TEST_CASE_METHOD(Path, "while the hypervisor is silent consoles continue, and work that needs it waits") {
  const DomainId first = create();
  const DomainId second = create();
  auto viewer = view(first);
  auto other = view(second);
  boot(first, std::make_unique<EchoProgram>());
  boot(second, std::make_unique<IdleProgram>());
  const DomainId third = builder->domain_create("", ring::Abi::sring, 1024, false).value().domain;
  const DomainId fourth = builder->domain_create("", ring::Abi::sring, 1024, false).value().domain;
  // A client of xcs, with a session.
  User client(users, users.connect_local("/m/xcs_socket").value());
  const auto call = [&](const dom0::XcsMessage& message) {
    client.type({reinterpret_cast<const char*>(&message), sizeof message});
    world.run();
  };
  call({});
  REQUIRE(client.seen.size() == sizeof(dom0::XcsMessage));
  world.run();
  REQUIRE(builder->domain_destroy(second).ok());

  world.stall(xen_host);
  CHECK(ask(fmt::format("console {}", third)).empty());
  dom0::XcsMessage open{};
  open.type = dom0::XCS_CIF_NEW_CC;
  open.u.interface = {.dom = fourth, .local_port = 0, .remote_port = 0};
  call(open);
  viewer->type(numbered_text(10'000));
  world.run_for(1s);
  CHECK(viewer->seen == numbered_text(10'000));
  CHECK_FALSE(other->cut_off);
  CHECK(client.seen.size() == sizeof(dom0::XcsMessage));
  CHECK(requester->seen.empty());

  world.go_on(xen_host);
  world.run();
  CHECK(other->cut_off);
  CHECK(requester->seen == fmt::format("ok 1 {0} 1{0} /m/console-{0}\n", 9600 + third));
  CHECK(client.seen.size() == 2 * sizeof(dom0::XcsMessage));
  auto new_viewer = view(third);
  boot(third, std::make_unique<EchoProgram>());
  new_viewer->type("abc");
  world.run();
  CHECK(new_viewer->seen == "abc");
}

TEST_CASE_METHOD(Path, "a client of xcs that leaves while the hypervisor is silent leaves nothing") {
  const DomainId domain = builder->domain_create("", ring::Abi::sring, 1024, false).value().domain;
  auto client = std::make_unique<User>(users, users.connect_local("/m/xcs_socket").value());
  const std::size_t connections = xcs->connections();
  dom0::XcsMessage frames[2]{};
  frames[1].type = dom0::XCS_CIF_NEW_CC;
  frames[1].u.interface = {.dom = domain, .local_port = 0, .remote_port = 0};
  world.stall(xen_host);
  client->type({reinterpret_cast<const char*>(frames), sizeof frames});
  world.run();
  client.reset();
  world.run();
  world.go_on(xen_host);
  world.run();
  CHECK(xcs->connections() == connections);
  // The request of a client that has left is carried out.
  CHECK(xcs->channel(domain) != nullptr);
}

TEST_CASE_METHOD(Path, "an xcs that restarts while the hypervisor is silent finds its consoles again") {
  const DomainId domain = create();
  auto viewer = view(domain);
  boot(domain, std::make_unique<EchoProgram>());
  world.run();
  world.stall(xen_host);
  kill_xcs();
  world.run_for(1s);
  CHECK_FALSE(viewer->cut_off);
  world.go_on(xen_host);
  start_xcs();
  world.run_for(10s);
  viewer->type("abc");
  world.run();
  CHECK(viewer->seen == "abc");
}

TEST_CASE_METHOD(Path, "unread output, and input that the guest had not read when it died, are counted") {
  trace::MemorySink journal(world.clock());
  kill_xend();
  console_sink = &journal;
  start_xend();
  requester = std::make_unique<User>(users, users.connect_local("/m/xend.sock").value());
  SECTION("without a viewer") {
    const DomainId domain = create();
    boot(domain, std::make_unique<PrintProgram>("eighteen bytes, OK", 0));
    world.run();
    CHECK_FALSE(domain_exists(domain));
    CHECK(counted(journal, "unread bytes") == 18);
  }
  SECTION("with a viewer that has read all") {
    const DomainId domain = create();
    auto viewer = view(domain);
    boot(domain, std::make_unique<PrintProgram>("eighteen bytes, OK", 0));
    world.run();
    CHECK(viewer->seen.size() == 18);
    CHECK(counted(journal, "unread bytes") == 0);
  }
  SECTION("with a viewer that leaves after the end") {
    const DomainId domain = create();
    auto viewer = view(domain);
    viewer->read(false);
    boot(domain, std::make_unique<PrintProgram>(numbered_text(30'000), 0));
    world.run();
    CHECK(counted(journal, "unread bytes") == 0);
    viewer.reset();
    world.run();
    CHECK(counted(journal, "unread bytes") > 20'000);
  }
  SECTION("input") {
    const DomainId domain = create();
    auto viewer = view(domain);
    boot(domain, std::make_unique<IdleProgram>());
    viewer->type(std::string(20'000, 'x'));
    world.run();
    REQUIRE(builder->domain_destroy(domain).ok());
    world.run();
    CHECK(counted(journal, "typed bytes not read before the guest ended") > 100);
  }
}

TEST_CASE_METHOD(Path, "a console whose port another program has taken meanwhile gets another one") {
  const DomainId domain = create();
  auto& program = boot(domain, std::make_unique<IdleProgram>());
  kill_xend();
  program.print("while no xend ran");
  auto squatter = users.listen_tcp(static_cast<std::uint16_t>(9600 + domain));
  REQUIRE(squatter.ok());
  start_xend();
  world.run();
  const auto& warnings = world.host("xend").warnings();
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].starts_with(fmt::format(
      "domain {}: another program has TCP port {}: its console has port ", domain, 9600 + domain)));
  requester = std::make_unique<User>(users, users.connect_local("/m/xend.sock").value());
  unsigned port = 0;
  REQUIRE(std::sscanf(ask(fmt::format("console {}", domain)).c_str(), "ok 1 %u", &port) == 1);
  User viewer(users, users.connect_tcp(static_cast<std::uint16_t>(port)).value());
  world.run();
  CHECK(viewer.seen == "while no xend ran");
}

}  // namespace xend_path_test
