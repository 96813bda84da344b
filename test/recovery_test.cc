// The console path while its daemons die: xcs, xend or both are killed at any moment and started again, and
// every byte is checked in both directions. Each byte of input and output arrives once.
#include <random>

#include "emu/dom0/channel/early_store.h"
#include "test/console_path.h"

namespace recovery_test {

using namespace ringside;
using namespace ringside::test;
using namespace std::chrono_literals;

namespace {

enum class Victim { xcs, xend, both };

/// xend or xcs answers: every test holds for both.
struct Recovery : Path {
  Recovery() : Path(GENERATE(Answer::xend, Answer::xcs)) {}

  /// How many files the daemons keep for one domain.
  [[nodiscard]] std::size_t files() const { return answer == Answer::xcs ? 2 : 1; }

  /// Lets `steps` events happen, then kills the victim and starts it again, in the order in which a user
  /// would.
  void strike(Victim victim, std::uint64_t steps) {
    const std::uint64_t stop_at = world.steps() + steps;
    (void)world.run_until([&] { return world.steps() >= stop_at; }, 1ms);
    if (victim != Victim::xend) kill_xcs();
    if (victim != Victim::xcs) kill_xend();
    if (victim != Victim::xend) start_xcs();
    if (victim != Victim::xcs) start_xend();
  }
  void settle() { world.run_for(1s); }
};

}  // namespace

TEST_CASE_METHOD(Recovery, "xcs killed at any moment: a program's output arrives once") {
  const DomainId domain = create(GENERATE(ring::Abi::sring, ring::Abi::flat));
  auto viewer = view(domain);
  viewer->read(GENERATE(true, false));
  const std::string text = numbered_text(60'000);
  boot(domain, std::make_unique<PrintProgram>(text, 0));
  strike(Victim::xcs, static_cast<std::uint64_t>(GENERATE(range(10, 2000, 61))));
  viewer->read(true);
  settle();
  CHECK(viewer->cut_off);
  CHECK(viewer->seen == text);
}

TEST_CASE_METHOD(Recovery,
                 "xend killed at any moment: the next viewer gets the output that the first did not") {
  const DomainId domain = create();
  const bool watched = GENERATE(true, false);
  auto viewer = view(domain);
  if (!watched) viewer->leave();
  const std::string text = numbered_text(60'000);
  boot(domain, std::make_unique<Speaker>(text));
  strike(GENERATE(Victim::xend, Victim::both), static_cast<std::uint64_t>(GENERATE(range(10, 2000, 61))));
  auto next = view(domain);
  settle();
  CHECK(viewer->seen + next->seen == text);
}

TEST_CASE_METHOD(Recovery, "xcs killed at any moment: typed input arrives once") {
  const DomainId domain = create();
  auto viewer = view(domain);
  auto& program = boot(domain, std::make_unique<SlowReader>(GENERATE(17u, 500u)));
  const std::string text = numbered_text(20'000);
  viewer->type(text);
  strike(Victim::xcs, static_cast<std::uint64_t>(GENERATE(range(10, 2000, 61))));
  REQUIRE(world.run_until([&] { return program.got.size() >= text.size(); }));
  settle();
  CHECK(program.got == text);
}

TEST_CASE_METHOD(Recovery, "xend killed at any moment: input that it had read from its viewer arrives once") {
  const DomainId domain = create();
  auto viewer = view(domain);
  auto& program = boot(domain, std::make_unique<SlowReader>(GENERATE(17u, 500u)));
  const std::string text = numbered_text(20'000);
  viewer->type(text);
  strike(GENERATE(Victim::xend, Victim::both), static_cast<std::uint64_t>(GENERATE(range(10, 2000, 61))));
  settle();
  const std::size_t arrived = program.got.size();
  REQUIRE(program.got == text.substr(0, arrived));
  auto next = view(domain);
  next->type(text.substr(arrived));
  REQUIRE(world.run_until([&] { return program.got.size() >= text.size(); }));
  settle();
  CHECK(program.got == text);
}

TEST_CASE_METHOD(Recovery, "xcs killed repeatedly while bytes go both ways: each byte is echoed once") {
  std::mt19937 choice(GENERATE(range(1u, 25u)));
  const DomainId domain = create();
  auto& program = boot(domain, std::make_unique<EchoProgram>());
  static_cast<void>(program);
  auto viewer = view(domain);
  const std::string text = numbered_text(30'000);
  viewer->type(text);
  for (int round = 0; round < 12; ++round) strike(Victim::xcs, choice() % 400);
  REQUIRE(world.run_until([&] { return viewer->seen.size() >= text.size(); }));
  settle();
  CHECK(viewer->seen == text);
}

TEST_CASE_METHOD(Recovery, "a console that was given up is taken over by the next xend only on request") {
  const DomainId domain = create();
  boot(domain, std::make_unique<EchoProgram>());
  world.run();
  REQUIRE(ask(fmt::format("forget {}", domain)) == "ok\n");
  kill_xend();
  start_xend();
  requester = std::make_unique<User>(users, users.connect_local("/m/xend.sock").value());
  CHECK(ask("consoles") == "ok 0\n");
  CHECK(ask(fmt::format("console {}", domain)).starts_with("ok 1 9601"));
  auto viewer = view(domain);
  viewer->type("still there");
  settle();
  CHECK(viewer->seen == "still there");
}

TEST_CASE_METHOD(Recovery, "a guest that ended while xend was dead is removed by the next xend") {
  const bool preserve = GENERATE(false, true);
  const DomainId domain = create(ring::Abi::sring, preserve);
  boot(domain, std::make_unique<PrintProgram>("the end", 0));
  kill_xend();
  settle();
  REQUIRE(domain_exists(domain));
  start_xend();
  settle();
  CHECK(domain_exists(domain) == preserve);
  if (!preserve) return;
  auto viewer = view(domain);
  settle();
  CHECK(viewer->seen == "the end");
}

TEST_CASE_METHOD(Recovery,
                 "a crash of a guest is reported once, even if xend is restarted before it is read") {
  const DomainId domain = create();
  auto& program = boot(domain, std::make_unique<IdleProgram>());
  program.print("output\r\n");
  world.run();
  world.kill(world.host(fmt::format("dom{}", domain)));
  for (int starts = 0; starts < 3; ++starts) {
    settle();
    kill_xend();
    start_xend();
  }
  auto viewer = view(domain);
  settle();
  CHECK(viewer->seen.starts_with("output\r\n\r\n[ringside] domain "));
  CHECK(viewer->seen.find("crashed") == viewer->seen.rfind("crashed"));
}

TEST_CASE_METHOD(Recovery, "after a kill the next xend counts the unread output of an ended domain") {
  const DomainId domain = create();
  auto viewer = view(domain);
  viewer->read(false);
  const std::string text(50'000, 'x');
  boot(domain, std::make_unique<PrintProgram>(text, 0));
  settle();
  REQUIRE_FALSE(domain_exists(domain));
  kill_xend();
  viewer->read(true);
  trace::MemorySink journal(world.clock());
  console_sink = &journal;
  start_xend();
  settle();
  CHECK(viewer->seen.size() < text.size());
  CHECK(counted(journal, "unread bytes") == text.size() - viewer->seen.size());
  CHECK(world.kept_files().empty());
}

TEST_CASE_METHOD(Recovery, "the output of a guest that dies while xcs is dead is shown before its crash") {
  const DomainId domain = create();
  auto viewer = view(domain);
  boot(domain, std::make_unique<Speaker>("last"));
  kill_xcs();
  settle();
  world.kill(world.host(fmt::format("dom{}", domain)));
  settle();
  CHECK(ask(fmt::format("console {}", domain)).starts_with("error domain 1 has lost its channel"));
  CHECK(viewer->seen.empty());
  start_xcs();
  world.run_for(2 * dom0::xcs_retry_delay);
  CHECK(viewer->seen.starts_with("last\r\n[ringside] domain "));
}

TEST_CASE_METHOD(Recovery, "a reader of an ended domain does not disturb the next domain of the same id") {
  const DomainId domain = create();
  auto last = view(domain);
  last->read(false);
  boot(domain, std::make_unique<PrintProgram>(std::string(50'000, 'x'), 0));
  settle();
  REQUIRE_FALSE(domain_exists(domain));
  REQUIRE(builder->domain_create("", ring::Abi::sring, 1024, false, domain).ok());
  REQUIRE(ask(fmt::format("console {}", domain)).starts_with("ok 1 9601"));
  boot(domain, std::make_unique<Speaker>("next"));
  last->read(true);
  settle();
  CHECK(last->seen == std::string(50'000, 'x'));
  CHECK(world.kept_files().size() == files());
  auto viewer = view(domain);
  settle();
  CHECK(viewer->seen == "next");
}

TEST_CASE_METHOD(
    Recovery, "a guest that was destroyed while xend was dead leaves no file, and unread bytes are counted") {
  trace::MemorySink journal(world.clock());
  const DomainId domain = create();
  boot(domain, std::make_unique<Speaker>("never read"));
  world.run();
  kill_xend();
  REQUIRE(builder->domain_destroy(domain).ok());
  settle();
  REQUIRE(world.kept_files().size() == files());
  console_sink = &journal;
  start_xend();
  settle();
  CHECK(world.kept_files().empty());
  CHECK(xcs->channel(domain) == nullptr);
  CHECK(counted(journal, "unread bytes") == 10);
}

namespace {

/// xcs has answered a message of a domain, and died before it could send the message to xend.
struct EarlyAnswer : Path {
  EarlyAnswer() : Path(Answer::xcs) {
    boot(domain, std::make_unique<Speaker>("one "));
    world.run();
    kill_xcs();
    auto store = dom0::EarlyStore::make(users, fmt::format("/m/early-{}.kept", domain),
                                        info(domain).shared_info_frame);
    REQUIRE(store.ok());
    store->keep({1, ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 0xff, bytes_of("two"))});
  }
  void settle() { world.run_for(1s); }

  const DomainId domain = create();
};

}  // namespace

TEST_CASE_METHOD(EarlyAnswer, "a domain is destroyed while xcs is dead: what xcs had answered is shown") {
  REQUIRE(builder->domain_destroy(domain).ok());
  auto viewer = view(domain);
  start_xcs();
  settle();
  CHECK(viewer->seen == "one two");
  CHECK(viewer->cut_off);
  CHECK(world.kept_files().empty());
}

TEST_CASE_METHOD(EarlyAnswer,
                 "a domain is destroyed while xcs and xend are dead: what xcs had answered is counted") {
  REQUIRE(builder->domain_destroy(domain).ok());
  kill_xend();
  trace::MemorySink journal(world.clock());
  console_sink = &journal;
  start_xcs();
  start_xend();
  settle();
  CHECK(counted(journal, "unread bytes") == 7);
  CHECK(world.kept_files().empty());
}

}  // namespace recovery_test
