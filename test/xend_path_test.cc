// xend where it belongs: behind a real xcs, in front of real guests, under a real hypervisor.
#include "emu/dom0/xcs.h"
#include "emu/dom0/xend.h"
#include "emu/domu/domain.h"
#include "emu/xen/hypervisor.h"
#include "test/catch.h"
#include "test/dom0_machine.h"

using namespace ringside;
using namespace ringside::test;
using namespace std::chrono_literals;

namespace {

/// Text that shows where a byte went missing or came twice.
std::string numbered_text(std::size_t bytes) {
  std::string text;
  for (unsigned number = 0; text.size() < bytes; ++number) text += std::to_string(number) + ' ';
  text.resize(bytes);
  return text;
}

struct Path {
  Path() {
    REQUIRE(hypervisor.start().ok());
    start_xcs();
    xend = std::make_unique<dom0::Xend>(xend_host, trace::Journal(sink, trace::actor(trace::Role::xend)),
                                        Privcmd(xend_host, world.dom0_connection(xend_host)),
                                        dom0::XendOptions{"/m/xcs_socket", "/m/xend.sock", "/m", 9600});
    REQUIRE(xend->start([] {}).ok());
    world.run();
    builder = std::make_unique<Privcmd>(people, world.dom0_connection(people));
    asking = std::make_unique<Person>(people, people.connect_local("/m/xend.sock").value());
  }

  void start_xcs() {
    SimHost& host = world.host("xcs");
    xcs = std::make_unique<dom0::Xcs>(host, trace::Journal(sink, trace::actor(trace::Role::xcs)),
                                      Privcmd(host, world.dom0_connection(host)),
                                      dom0::XcsOptions{.socket_path = "/m/xcs_socket", .session_seed = 2005});
    REQUIRE(xcs->start().ok());
  }
  void kill_xcs() {
    world.kill(world.host("xcs"));
    world.run();
    xcs.reset();
  }

  std::string ask(std::string_view request) {
    asking->seen.clear();
    asking->type(std::string(request) + "\n");
    world.run();
    return asking->seen;
  }

  /// A paused domain with a console.
  DomainId create(ring::Abi abi = ring::Abi::sring, bool preserve = false) {
    auto created = builder->domain_create("", abi, 1024, preserve);
    REQUIRE(created.ok());
    const DomainId domain = created->domain;
    REQUIRE(ask(fmt::format("console {}", domain)) ==
            fmt::format("ok 1 {} /m/console-{}\n", 9600 + domain, 9600 + domain));
    return domain;
  }
  /// Runs `program` in the domain. The answer lives as long as the world.
  template <class Program>
  Program& boot(DomainId domain, std::unique_ptr<Program> program) {
    Program& running = *program;
    const std::string name = fmt::format("program of {}", domain);
    auto holder = std::make_shared<std::unique_ptr<SimProgram>>(std::move(program));
    world.program(name, [holder](const ProgramSpec&) { return std::move(*holder); });
    SimHost& host = world.host(fmt::format("dom{}", domain));
    auto connection = builder->domain_connection(domain);
    REQUIRE(connection.ok());
    const Handle process = world.process_of(host, people);
    REQUIRE(builder->domain_set_process(domain, process).ok());
    REQUIRE(builder->domain_unpause(domain).ok());
    guests.push_back(
        std::make_unique<domu::DomU>(host, trace::Journal(sink, trace::actor(trace::Role::domain, domain)),
                                     Privcmd(host, world.give(std::move(*connection), host)),
                                     domu::DomUOptions{.argv = {name}, .raw = true, .quiet = true}));
    REQUIRE(guests.back()->start().ok());
    return running;
  }
  std::unique_ptr<Person> view(DomainId domain) {
    return std::make_unique<Person>(people,
                                    people.connect_tcp(static_cast<std::uint16_t>(9600 + domain)).value());
  }
  bool domain_exists(DomainId domain) {
    auto info = builder->domain_info(domain);
    return info.ok() && info->has_value() && (*info)->domain == domain && (*info)->state.dying == 0;
  }

  SimWorld world;
  trace::NullSink sink;
  SimHost& people = world.host("people");
  SimHost& xen_host = world.host("xen");
  SimHost& xend_host = world.host("xend");
  xen::Hypervisor hypervisor{xen_host, trace::Journal(sink, trace::actor(trace::Role::xen))};
  std::unique_ptr<dom0::Xcs> xcs;
  std::unique_ptr<dom0::Xend> xend;
  std::unique_ptr<Privcmd> builder;
  std::unique_ptr<Person> asking;
  std::vector<std::unique_ptr<domu::DomU>> guests;
};

}  // namespace

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

TEST_CASE_METHOD(Path,
                 "xcs killed at any moment and started again: the guest goes on, and nothing is missing") {
  const DomainId domain = create();
  auto viewer = view(domain);
  viewer->read(GENERATE(true, false));
  std::string text;
  for (int line = 0; line < 1000; ++line) text += fmt::format("{:059}\n", line);
  boot(domain, std::make_unique<PrintProgram>(text, 0));
  const std::uint64_t stop_at = world.steps() + static_cast<std::uint64_t>(GENERATE(range(10, 2000, 41)));
  (void)world.run_until([&] { return world.steps() >= stop_at; });
  kill_xcs();
  viewer->read(true);
  start_xcs();
  world.run_for(1s);
  // What was on its way inside xcs may come twice; nothing is missing.
  CHECK(viewer->cut_off);
  std::size_t at = 0;
  for (int line = 0; line < 1000; ++line) {
    at = viewer->seen.find(fmt::format("{:059}\n", line), at);
    REQUIRE(at != std::string::npos);
  }
  CHECK(viewer->seen.size() <= text.size() + dom0::console_owed_max * ring::payload_bytes_max);
}

TEST_CASE_METHOD(Path, "xcs started again while a program does not read: input goes on where it was") {
  const DomainId domain = create();
  auto viewer = view(domain);
  auto& program = boot(domain, std::make_unique<IdleProgram>());
  const std::string text = numbered_text(50'000);
  viewer->type(text);
  world.run();
  kill_xcs();
  start_xcs();
  world.run_for(1s);
  std::string got;
  for (std::string piece = program.read(); !piece.empty(); piece = program.read()) {
    got += piece;
    world.run();
  }
  CHECK(got == text);
}
