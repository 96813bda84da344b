// The console path while xenctld is killed at any moment and started again; every byte is checked in both
// directions. Each printed or typed byte arrives once; bytes in a pty are lost with it.
#include <random>

#include "test/xenctld_path.h"

namespace xenctld_recovery_test {

using namespace ringside;
using namespace ringside::test;
using namespace std::chrono_literals;

namespace {

struct XenctldRecovery : XenctldPath {
  /// Lets `steps` events happen, then kills xenctld and starts it again.
  void strike(std::uint64_t steps, std::size_t queue_limit_bytes = 0) {
    const std::uint64_t stop_at = world.steps() + steps;
    (void)world.run_until([&] { return world.steps() >= stop_at; }, 1ms);
    kill_xenctld();
    start_xenctld(queue_limit_bytes);
  }
  void settle() { world.run_for(1s); }
  /// A user who has had time to set up the terminal.
  std::unique_ptr<User> settled_reader(DomainId domain) {
    auto reader = open(domain);
    world.run_for(2 * dom0::pty_settle_delay);
    return reader;
  }
  std::size_t warnings_of_loss() {
    std::size_t count = 0;
    for (const std::string& warning : world.host("xenctld").warnings())
      count += warning.find("output may be missing") != std::string::npos ? 1 : 0;
    return count;
  }
};

/// The capacity of the simulated pty.
constexpr std::size_t pty_bytes = 4096;

std::uint64_t any_step() {
  return static_cast<std::uint64_t>(GENERATE(range(1, 1500, 37)));
}

}  // namespace

TEST_CASE_METHOD(XenctldRecovery, "killed at any moment without a reader: a program's output arrives once") {
  const DomainId domain = create(GENERATE(ring::Abi::sring, ring::Abi::flat));
  const std::string text = numbered_text(60'000);
  boot(domain, std::make_unique<Speaker>(text));
  strike(any_step());
  CHECK(warnings_of_loss() == 0);
  auto reader = open(domain);
  settle();
  CHECK(reader->seen == text);
}

TEST_CASE_METHOD(XenctldRecovery,
                 "killed with a full queue: the next xenctld answers the guest's waiting requests") {
  const DomainId domain = create();
  const std::string text = numbered_text(dom0::xenctld_queue_bytes_max + 50'000);
  boot(domain, std::make_unique<Speaker>(text));
  settle();
  strike(0);
  strike(1);
  auto reader = open(domain);
  settle();
  CHECK(reader->seen == text);
}

TEST_CASE_METHOD(
    XenctldRecovery,
    "killed at any moment with a reader: only the bytes in its pty are lost, and that is reported") {
  const DomainId domain = create();
  auto reader = settled_reader(domain);
  reader->read(GENERATE(true, false));
  const std::string text = numbered_text(60'000);
  boot(domain, std::make_unique<Speaker>(text));
  strike(any_step());
  CHECK(warnings_of_loss() == 1);
  reader->read(true);
  auto next = open(domain);
  settle();
  CHECK(reader->cut_off);
  REQUIRE(reader->seen.size() + next->seen.size() <= text.size());
  CHECK(reader->seen.size() + next->seen.size() + pty_bytes >= text.size());
  CHECK(reader->seen == text.substr(0, reader->seen.size()));
  CHECK(next->seen == text.substr(text.size() - next->seen.size()));
}

TEST_CASE_METHOD(XenctldRecovery,
                 "killed at any moment after readers left: their unread bytes are not lost") {
  const DomainId domain = create();
  const std::string text = numbered_text(30'000);
  boot(domain, std::make_unique<Speaker>(text));
  auto reader = settled_reader(domain);
  reader->read(false);
  world.run_for(1ms);
  reader->leave();
  world.run_for(1ms);
  strike(any_step());
  auto next = open(domain);
  settle();
  CHECK(reader->seen + next->seen == text);
}

TEST_CASE_METHOD(XenctldRecovery,
                 "killed at any moment while a file is attached: file and pty have each byte once") {
  const DomainId domain = create();
  world.file("/tmp/log", "");
  REQUIRE(ask(fmt::format("attach {} /tmp/log", domain)) == "ok\n");
  const std::string text = numbered_text(60'000);
  boot(domain, std::make_unique<Speaker>(text));
  strike(any_step());
  CHECK(warnings_of_loss() == 0);
  auto reader = open(domain);
  settle();
  CHECK(world.file_content("/tmp/log") + reader->seen == text);
}

TEST_CASE_METHOD(XenctldRecovery, "killed at any moment: input that xenctld had taken arrives once") {
  const DomainId domain = create(GENERATE(ring::Abi::sring, ring::Abi::flat));
  auto& program = boot(domain, std::make_unique<SlowReader>(GENERATE(17u, 500u)));
  const std::string text = numbered_text(20'000);
  auto typist = settled_reader(domain);
  typist->type(text);
  strike(any_step());
  settle();
  const std::size_t arrived = program.got.size();
  REQUIRE(program.got == text.substr(0, arrived));
  auto next = open(domain);
  next->type(text.substr(arrived));
  REQUIRE(world.run_until([&] { return program.got.size() >= text.size(); }));
  settle();
  CHECK(program.got == text);
}

TEST_CASE_METHOD(XenctldRecovery, "killed repeatedly while a program reads input: no byte arrives twice") {
  std::mt19937 choice(GENERATE(range(1u, 25u)));
  const DomainId domain = create();
  auto& program = boot(domain, std::make_unique<SlowReader>(60u));
  const std::string text = numbered_text(100'000);
  for (int round = 0; round < 12; ++round) {
    auto typist = settled_reader(domain);
    typist->type(text.substr(program.got.size()));
    strike(choice() % 300);
    settle();
    REQUIRE(program.got == text.substr(0, program.got.size()));
  }
  CHECK(program.got.size() > 12 * 60);
}

TEST_CASE_METHOD(XenctldRecovery, "another queue limit keeps the old queue, and discards the excess") {
  const DomainId domain = create();
  const std::string text = numbered_text(30'000);
  auto& program = boot(domain, std::make_unique<EchoProgram>());
  program.print(text.substr(0, 3'000));
  settle();
  strike(0, 1'000);
  program.print("end");
  settle();
  CHECK(ask("consoles").starts_with(fmt::format("ok 1\n{} 0 0 waiting 1000 2003 ", domain)));
  auto reader = open(domain);
  settle();
  CHECK(reader->seen == text.substr(2'003, 997) + "end");
}

TEST_CASE_METHOD(XenctldRecovery,
                 "only consoles that xenctld had are taken over: none that it never had or had given up") {
  const DomainId domain = create();
  boot(domain, std::make_unique<EchoProgram>());
  settle();
  // Another program's domain: its builder requested no console.
  auto other = builder->domain_create("", ring::Abi::sring, 1024, false);
  REQUIRE(other.ok());
  auto port = builder->evtchn_alloc_unbound(other->domain, 0);
  REQUIRE(port.ok());
  REQUIRE(builder->domain_set_console_port(other->domain, *port).ok());
  strike(0);
  CHECK(ask("consoles").starts_with(fmt::format("ok 1\n{} ", domain)));
  CHECK(builder->evtchn_status(other->domain, *port)->state == PortState::unbound);

  REQUIRE(ask(fmt::format("forget {}", domain)) == "ok\n");
  strike(0);
  CHECK(ask("consoles") == "ok 0\n");
  CHECK(ask(fmt::format("console {}", domain)).starts_with("ok 1 0 0 /m/pty-"));
  auto reader = open(domain);
  reader->type("still there");
  settle();
  CHECK(reader->seen == "still there");
}

TEST_CASE_METHOD(XenctldRecovery,
                 "a kept domain's last output survives a restart, and its file ends with the domain") {
  const DomainId domain = create(ring::Abi::sring, true);
  boot(domain, std::make_unique<PrintProgram>("the end", 0));
  strike(static_cast<std::uint64_t>(GENERATE(0, 20, 60, 500)));
  settle();
  auto reader = open(domain);
  settle();
  CHECK(reader->seen == "the end");
  CHECK(reader->cut_off);
  REQUIRE(builder->domain_destroy(domain).ok());
  settle();
  CHECK(ask("consoles") == "ok 0\n");
  CHECK_FALSE(world.host("xenctld").memory_find(fmt::format("/m/console-{}.kept", domain),
                                                dom0::xenctld_store_bytes_max));
}

TEST_CASE_METHOD(
    XenctldRecovery,
    "a guest that was destroyed while xenctld was dead leaves no file, and unread bytes are counted") {
  trace::MemorySink journal(world.clock());
  const DomainId domain = create();
  boot(domain, std::make_unique<Speaker>("never read"));
  settle();
  kill_xenctld();
  REQUIRE(builder->domain_destroy(domain).ok());
  settle();
  REQUIRE(world.kept_files().size() == 1);
  console_sink = &journal;
  start_xenctld();
  CHECK(world.kept_files().empty());
  CHECK(counted(journal, "unread bytes") == 10);
}

}  // namespace xenctld_recovery_test
