// ringside's xenconsoled with real guests of today, under a real hypervisor.
#include "emu/dom0/xenconsoled/xenconsoled.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "emu/dom0/toolstack/toolstack.h"
#include "emu/trace/flow.h"
#include "emu/trace/text.h"
#include "test/catch.h"
#include "test/guest_path.h"

namespace xenconsoled_test {

using namespace ringside;
using namespace ringside::test;
using namespace std::chrono_literals;
using trace::Kind;

namespace {

constexpr std::size_t out_bytes = sizeof ring::ByteRings::out;
constexpr std::size_t in_bytes = sizeof ring::ByteRings::in;

struct XenconsoledPath : GuestPath {
  XenconsoledPath() {
    guest_sink = &journal;
    console_sink = &journal;
    SimHost& host = world.host("toolstack");
    toolstack = std::make_unique<dom0::Toolstack>(host, trace::Journal(sink, trace::dom0_actor),
                                                  Privcmd(host, world.dom0_connection(host)),
                                                  std::function<void(Privcmd&)>());
    REQUIRE(toolstack->start().ok());
    start();
  }
  ~XenconsoledPath() {
    INFO(unbalanced());
    CHECK(unbalanced().empty());
  }

  void start(std::size_t limit_bytes = dom0::xenconsoled_limit_bytes) {
    SimHost& host = world.host("xenconsoled");
    xenconsoled = std::make_unique<dom0::Xenconsoled>(
        host, trace::Journal(journal, self), Privcmd(host, world.dom0_connection(host)),
        dom0::XenconsoledOptions{"/m/xenconsoled.sock", "/m", limit_bytes});
    REQUIRE(xenconsoled->start().ok());
    requester = std::make_unique<User>(users, users.connect_local("/m/xenconsoled.sock").value());
    world.run();
  }
  void kill() {
    world.kill(world.host("xenconsoled"));
    world.run();
    xenconsoled.reset();
  }
  std::string ask(std::string_view request) {
    requester->seen.clear();
    requester->type(std::string(request) + "\n");
    REQUIRE(world.run_until([&] { return requester->seen.find('\n') != std::string::npos; }));
    return requester->seen;
  }
  DomainId create(bool preserve = false) {
    const DomainId domain = builder->domain_create("", ring::Abi::sring, 65536, preserve).value().domain;
    REQUIRE(dom0::furnish_today(*builder, domain).ok());
    REQUIRE(ask(fmt::format("console {}", domain)) == fmt::format("ok 2 0 0 /m/pty-{}\n", domain));
    return domain;
  }
  std::unique_ptr<User> open(DomainId domain) {
    auto file = users.file_open(fmt::format("/m/pty-{}", domain), Host::FileUse::output);
    REQUIRE(file.ok());
    return std::make_unique<User>(users, std::move(file->handle));
  }
  ring::ByteRings& rings(DomainId domain) {
    mappings.push_back(users.frame_map(builder->grant_map(domain, grant_console).value()).value());
    return *ring::byte_rings(mappings.back().frame());
  }
  /// The entries of xenconsoled of that kind.
  std::vector<trace::Entry> entries(Kind kind) {
    std::vector<trace::Entry> found;
    for (const auto& [step, entry] : journal.entries())
      if (entry.kind == kind && entry.actor == self) found.push_back(entry);
    return found;
  }
  std::string unbalanced() {
    trace::Flow flow;
    for (const auto& [step, entry] : journal.entries()) flow.take(step, entry);
    std::string text;
    // The users of this machine have no journal: what they type comes from nowhere.
    for (const std::string& each : flow.imbalances())
      if (each.starts_with("printed")) text += each + "\n";
    return text;
  }

  const trace::Actor self = trace::actor(trace::Role::xenconsoled);
  std::function<std::uint64_t()> time = world.clock();
  trace::MemorySink journal{[this] { return time(); }};
  std::unique_ptr<dom0::Toolstack> toolstack;
  std::unique_ptr<dom0::Xenconsoled> xenconsoled;
  std::unique_ptr<User> requester;
  std::vector<Mapping> mappings;
};

}  // namespace

TEST_CASE_METHOD(XenconsoledPath, "all output reaches a reader of the pty; the domain is then destroyed") {
  const DomainId domain = create();
  auto reader = open(domain);
  const std::string text = numbered_text(200'000);
  boot(domain, std::make_unique<PrintProgram>(text, 0));
  world.run_for(10s);
  CHECK((reader->seen == text));
  CHECK_FALSE(domain_exists(domain));
  CHECK(reader->cut_off);
  CHECK(ask("consoles") == "ok 0\n");
  CHECK_FALSE(world.link_target(fmt::format("/m/pty-{}", domain)));
}

TEST_CASE_METHOD(XenconsoledPath, "through xenconsoled, a program that echoes returns input of any length") {
  const DomainId domain = create();
  boot(domain, std::make_unique<EchoProgram>());
  auto user = open(domain);
  const std::string text = numbered_text(100'000);
  user->type(text);
  world.run_for(60s);
  CHECK((user->seen == text));
}

TEST_CASE_METHOD(XenconsoledPath,
                 "a move of an index has a time before it: the other end may report it, too") {
  const DomainId domain = create();
  boot(domain, std::make_unique<EchoProgram>());
  auto user = open(domain);
  world.run_for(1ms);
  const ring::ByteRings& its = rings(domain);
  // The time counts the bytes that were written and taken.
  time = [&] { return 1 + its.in_prod + its.in_cons + its.out_prod + its.out_cons; };
  user->type("abc");
  world.run_for(1s);
  std::uint64_t bytes = 0;
  for (const auto& [step, entry] : journal.entries()) {
    if (entry.kind != Kind::byte_index_moved) continue;
    CHECK(entry.time_ns == 1 + bytes);
    bytes += entry.to_value - entry.from_value;
  }
  CHECK(bytes == 12);
  CHECK(user->seen == "abc");
}

TEST_CASE_METHOD(XenconsoledPath, "input comes in pieces of at most 80 bytes, each with an event") {
  const DomainId domain = create();
  auto& program = boot(domain, std::make_unique<SlowReader>(65536));
  world.run_for(1ms);
  auto user = open(domain);
  const std::string text = numbered_text(500);
  user->type(text);
  REQUIRE(world.run_until([&] { return program.got == text; }, 60s));
  CHECK((program.got == text));
  std::vector<std::uint32_t> pieces;
  for (const trace::Entry& entry : entries(Kind::byte_index_moved)) {
    if (static_cast<trace::ByteIndex>(entry.detail) == trace::ByteIndex::in_prod)
      pieces.push_back(entry.to_value - entry.from_value);
  }
  CHECK(pieces == std::vector<std::uint32_t>{80, 80, 80, 80, 80, 80, 20});
}

TEST_CASE_METHOD(XenconsoledPath,
                 "a guest that does not read stops xenconsoled at a full ring, and loses nothing") {
  const DomainId domain = create();
  auto& program = boot(domain, std::make_unique<IdleProgram>());
  auto user = open(domain);
  const std::string text = numbered_text(200'000);
  user->type(text);
  world.run_for(1s);
  ring::ByteRings& its = rings(domain);
  CHECK(its.in_prod - its.in_cons == in_bytes);
  CHECK(program.waiting_bytes() != 0);
  std::string got;
  REQUIRE(world.run_until(
      [&] {
        got += program.read();
        return got.size() >= text.size();
      },
      600s));
  CHECK((got == text));
}

TEST_CASE_METHOD(XenconsoledPath,
                 "a console is served for 30 events in 200 ms, and then waits for the next period") {
  const DomainId domain = create();
  auto user = open(domain);
  auto& program = boot(domain, std::make_unique<IdleProgram>());
  world.run_for(1s);  // a period has ended
  const auto events = [&] {
    return std::ranges::count_if(entries(Kind::event_taken),
                                 [&](const trace::Entry& entry) { return entry.domain == domain; });
  };
  const auto before = events();
  const std::string seen = user->seen;
  // One event a millisecond.
  for (int at = 0; at < 100; ++at) {
    program.print("x");
    world.run_for(1ms);
  }
  CHECK(events() - before == dom0::events_per_period_max);
  CHECK(user->seen.size() - seen.size() == dom0::events_per_period_max);
  world.run_for(dom0::event_period);
  CHECK(user->seen == seen + std::string(100, 'x'));
  // The other bytes came with one event, when the port was unmasked.
  CHECK(events() - before == dom0::events_per_period_max + 1);
}

TEST_CASE_METHOD(XenconsoledPath,
                 "output that nobody reads: beyond a quarter over the limit, the middle is discarded") {
  kill();
  constexpr std::size_t limit = 100'000;
  start(limit);
  const DomainId domain = create(true);
  const std::string text = numbered_text(400'000);
  boot(domain, std::make_unique<PrintProgram>(text, 0));
  world.run_for(20s);
  // The buffer by the rules of Xen's daemon, from what was taken at each event and written to the pty.
  std::string buffer;
  std::string shown;
  std::size_t consumed = 0;
  std::size_t taken = 0;
  std::uint32_t discarded = 0;
  for (const auto& [step, entry] : journal.entries()) {
    if (entry.actor != self) continue;
    if (entry.kind == Kind::bytes_passed) {
      shown += buffer.substr(consumed, entry.message.length);
      consumed += entry.message.length;
      if (consumed == buffer.size()) buffer.clear(), consumed = 0;
    }
    if (entry.kind != Kind::byte_index_moved) continue;
    const std::uint32_t count = entry.to_value - entry.from_value;
    buffer += text.substr(taken, count);
    taken += count;
    REQUIRE(consumed <= limit / 4);
    if (buffer.size() <= limit + limit / 4) continue;
    buffer.erase(limit / 2, limit - limit / 2);
    discarded += limit - limit / 2;
  }
  CHECK(taken == text.size());
  CHECK(discarded >= 3 * limit / 2);
  CHECK(ask("consoles") == fmt::format("ok 1\n{} 0 0 pty {} {} /m/pty-{}\n", domain, buffer.size() - consumed,
                                       discarded, domain));
  auto reader = open(domain);
  world.run_for(1s);
  CHECK((reader->seen == shown + buffer.substr(consumed)));
  CHECK(text.starts_with(reader->seen.substr(0, limit / 2)));
  CHECK(counted(journal, "console bytes discarded") == discarded);
}

TEST_CASE_METHOD(XenconsoledPath, "a reader that leaves leaves the rest to the next one") {
  const DomainId domain = create(true);
  auto& program = boot(domain, std::make_unique<IdleProgram>());
  world.run_for(1ms);
  auto first = open(domain);
  program.print("one");
  world.run_for(1s);
  CHECK(first->seen == "one");
  first->leave();
  program.print("two");
  world.run_for(1s);
  auto second = open(domain);
  world.run_for(1s);
  CHECK(second->seen == "two");
}

TEST_CASE_METHOD(XenconsoledPath, "a killed xenconsoled loses what it had taken, and nothing in the rings") {
  const DomainId domain = create(true);
  const std::string text = numbered_text(60'000);
  auto& program = boot(domain, std::make_unique<Speaker>(text));
  auto user = open(domain);
  user->read(false);
  world.run_for(2s);
  user->type("typed before");
  world.run_for(1s);
  kill();
  program.print("after it died");
  world.run_for(1s);
  ring::ByteRings& its = rings(domain);
  CHECK(its.out_prod - its.out_cons == std::string_view("after it died").size());
  start();
  auto next = open(domain);
  world.run_for(1s);
  CHECK(next->seen == "after it died");
  CHECK(program.read() == "typed before");
}

TEST_CASE_METHOD(XenconsoledPath, "impossible indices stop that ring until they are possible, and no other") {
  const DomainId hostile = create(true);
  const DomainId neighbour = create(true);
  boot(hostile, std::make_unique<IdleProgram>());
  boot(neighbour, std::make_unique<EchoProgram>());
  auto users_of_bad = open(hostile);
  auto users_of_good = open(neighbour);
  world.run_for(1s);
  ring::ByteRings& its = rings(hostile);
  const ring::ByteRings before = its;
  const std::uint32_t index = GENERATE(out_bytes + 1, 0x80000000, 0xffffffff);
  its.out_prod = before.out_cons + index;
  its.in_cons = before.in_prod - index;
  Privcmd hostile_calls(users, builder->domain_connection(hostile).value());
  REQUIRE(hostile_calls.evtchn_send(info(hostile).console_port).ok());
  users_of_bad->type("abc");
  users_of_good->type("fine");
  world.run_for(1s);
  CHECK(users_of_good->seen == "fine");
  CHECK(users_of_bad->seen.empty());
  CHECK(its.out_cons == before.out_cons);
  CHECK(its.in_prod == before.in_prod);
  its.out_prod = before.out_prod;
  its.in_cons = before.in_cons;
  REQUIRE(hostile_calls.evtchn_send(info(hostile).console_port).ok());
  world.run_for(1s);
  CHECK(its.in_prod == before.in_prod + 3);
  journal.clear();  // the bytes that such a guest claims do not add up
}

TEST_CASE_METHOD(XenconsoledPath, "output that the pty has not taken goes with the domain, and is counted") {
  const DomainId domain = create();
  const std::string text = numbered_text(300'000);
  boot(domain, std::make_unique<PrintProgram>(text, 0));
  world.run_for(10s);
  CHECK_FALSE(domain_exists(domain));
  std::size_t in_pty = 0;
  for (const trace::Entry& entry : entries(Kind::bytes_passed)) in_pty += entry.message.length;
  CHECK(in_pty != 0);
  CHECK(counted(journal, "unread bytes") == text.size() - in_pty);
  CHECK_FALSE(users.file_open(fmt::format("/m/pty-{}", domain), Host::FileUse::output).ok());
}

TEST_CASE_METHOD(XenconsoledPath, "the id of a domain that has ended is used again") {
  const DomainId domain = create();
  boot(domain, std::make_unique<PrintProgram>("first", 0));
  world.run_for(1s);
  REQUIRE_FALSE(domain_exists(domain));
  REQUIRE(builder->domain_create("", ring::Abi::sring, 65536, true, domain).ok());
  REQUIRE(dom0::furnish_today(*builder, domain).ok());
  REQUIRE(ask(fmt::format("console {}", domain)).starts_with("ok 2 "));
  auto user = open(domain);
  boot(domain, std::make_unique<PrintProgram>("second", 0));
  world.run_for(1s);
  CHECK(user->seen == "second");
}

TEST_CASE_METHOD(XenconsoledPath, "xenconsoled serves domains of today only, and no other requests") {
  const DomainId old = builder->domain_create("", ring::Abi::sring, 65536, false).value().domain;
  CHECK(ask(fmt::format("console {}", old)).find("its console is that of 2005") != std::string::npos);
  CHECK(ask("console 9").find("there is no such domain") != std::string::npos);
  const DomainId domain = create(true);
  CHECK(ask(fmt::format("suspend {}", domain)).starts_with("error xenconsoled only serves consoles"));
  CHECK(ask("nonsense").starts_with("error unknown request"));
  const std::size_t ports = dom0_ports();
  REQUIRE(builder->domain_destroy(domain).ok());
  world.run_for(1s);
  CHECK(dom0_ports() == ports - 1);
}

}  // namespace xenconsoled_test
