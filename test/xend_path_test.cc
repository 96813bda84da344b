// xend where it belongs: behind a real xcs, in front of real guests, under a real hypervisor.
#include "test/console_path.h"

namespace xend_path_test {

using namespace ringside;
using namespace ringside::test;
using namespace std::chrono_literals;

TEST_CASE_METHOD(Path, "all that a program prints reaches the viewer, and then the domain is cleared away") {
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

TEST_CASE_METHOD(Path, "a viewer who does not read stops the program, and then sees everything") {
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
    Path, "with nobody looking a program prints to its end, and a preserved domain keeps the last 64 KiB") {
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

TEST_CASE_METHOD(Path, "what is typed comes back from a program that echoes, whatever its length") {
  const DomainId domain = create(GENERATE(ring::Abi::sring, ring::Abi::flat));
  auto viewer = view(domain);
  boot(domain, std::make_unique<EchoProgram>());
  const std::string text = numbered_text(100'000);
  viewer->type(text);
  world.run();
  CHECK(viewer->seen == text);
}

TEST_CASE_METHOD(Path, "a program that does not read makes its typist wait, and nobody else") {
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
  // Past seven unanswered requests of input there is room for one that is not input.
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

}  // namespace xend_path_test
