// A guest of today: its byte rings, from the program on its terminal to the other end, which stands in for
// xenconsoled.
#include "emu/domu/hvc_tty.h"

#include <algorithm>

#include "emu/domu/port_events.h"
#include "emu/trace/flow.h"
#include "emu/trace/replay.h"
#include "emu/trace/text.h"
#include "test/catch.h"
#include "test/guest_path.h"

namespace hvc_path_test {

using namespace ringside;
using namespace ringside::test;
using namespace std::chrono_literals;
using Memory = ring::NativeMemory;

namespace {

constexpr std::size_t stream_bytes = 100'000;

/// The other end, as a process of dom0.
struct Xenconsoled {
  Xenconsoled(GuestPath& path, DomainId domain, const std::string& name)
      : host(path.world.host(name)), calls(host, path.world.dom0_connection(host)) {
    auto self = calls.start_info();
    REQUIRE(self.ok());
    own = host.frame_map(self->frame).value();
    mapping = host.frame_map(calls.grant_map(domain, grant_console).value()).value();
    rings = ring::byte_rings(mapping.frame());
    port = calls.evtchn_bind_interdomain(0, domain, any_port, path.info(domain).console_port).value().port1;
    events.emplace(host, trace::Journal(path.sink, trace::dom0_actor), calls, own.frame(), self->info.abi);
    REQUIRE(events->bind(port, [this] { serve(); }).ok());
    serve();
  }

  void serve() {
    bool moved = false;
    for (; reads && rings->out_cons != rings->out_prod; moved = true)
      output += static_cast<char>(rings->out[Memory::load(&rings->out_cons) % sizeof rings->out]),
          Memory::store(&rings->out_cons, rings->out_cons + 1);
    for (; !typed.empty() && rings->in_prod - rings->in_cons < sizeof rings->in; moved = true) {
      rings->in[rings->in_prod % sizeof rings->in] = static_cast<std::uint8_t>(typed.front());
      typed.erase(0, 1);
      Memory::store(&rings->in_prod, rings->in_prod + 1);
    }
    if (moved) send();
  }
  void send() { (void)calls.evtchn_send(port).ok(); }
  void type(std::string_view text) {
    typed += text;
    serve();
  }

  SimHost& host;
  Privcmd calls;
  Mapping own;
  Mapping mapping;
  ring::ByteRings* rings = nullptr;
  ring::Port port = 0;
  std::optional<domu::PortEvents> events;
  bool reads = true;
  std::string output;
  std::string typed;
};

/// Prints a word after a second.
class LateSpeaker : public SimProgram {
 public:
  void started() override {
    after(1s, [this] { print("word"); });
  }
};

struct TodayPath : GuestPath {
  DomainId create(bool preserve = true) {
    const DomainId domain = builder->domain_create("new", ring::Abi::sring, 65536, preserve).value().domain;
    REQUIRE(builder->grant_share(domain, grant_console).ok());
    REQUIRE(builder->grant_share(domain, grant_xenstore).ok());
    const ring::Port store_port = builder->evtchn_alloc_unbound(domain, 0).value();
    const ring::Port port = builder->evtchn_alloc_unbound(domain, 0).value();
    REQUIRE(builder->domain_set_console_port(domain, port, store_port).ok());
    CHECK(info(domain).today());
    return domain;
  }
};

}  // namespace

TEST_CASE("a program's output passes the byte ring in order, and the domain ends when all is taken") {
  TodayPath path;
  const DomainId domain = path.create();
  Xenconsoled daemon(path, domain, "xenconsoled");
  const std::string text = numbered_text(stream_bytes);
  path.boot(domain, std::make_unique<PrintProgram>(text, 7));
  path.world.run();
  CHECK(daemon.output == text);
  CHECK(path.info(domain).state.shutdown == 1);
  CHECK(path.info(domain).exit_status == 7);
}

TEST_CASE("input for a slow program waits in the byte ring, and none is lost") {
  TodayPath path;
  const DomainId domain = path.create();
  Xenconsoled daemon(path, domain, "xenconsoled");
  auto& reader = path.boot(domain, std::make_unique<SlowReader>(7));
  const std::string text = numbered_text(stream_bytes);
  daemon.type(text);
  path.world.run_for(10s);
  CHECK(daemon.typed.empty());
  CHECK(reader.got == text);
}

TEST_CASE("output that is not taken stays in the byte ring, and the program blocks") {
  TodayPath path;
  const DomainId domain = path.create();
  Xenconsoled daemon(path, domain, "xenconsoled");
  daemon.reads = false;
  const std::string text = numbered_text(stream_bytes);
  path.boot(domain, std::make_unique<PrintProgram>(text, 0));
  path.world.run();
  CHECK(daemon.rings->out_prod == sizeof daemon.rings->out);
  CHECK(path.info(domain).state.shutdown == 0);
  daemon.reads = true;
  daemon.serve();
  path.world.run();
  CHECK(daemon.output == text);
  CHECK(path.info(domain).state.shutdown == 1);
}

TEST_CASE("a daemon that binds later, or again, gets all output") {
  TodayPath path;
  const DomainId domain = path.create();
  const std::string text = numbered_text(stream_bytes);
  path.boot(domain, std::make_unique<PrintProgram>(text, 0));
  path.world.run();
  auto first = std::make_unique<Xenconsoled>(path, domain, "first");
  first->reads = false;  // it has taken what was in the ring
  path.world.run();
  const std::string output = first->output;
  CHECK(!output.empty());
  CHECK(output.size() < text.size());
  SimHost& killed = first->host;
  first.reset();
  path.world.kill(killed);
  path.world.run();
  Xenconsoled second(path, domain, "second");
  path.world.run();
  CHECK(output + second.output == text);
}

TEST_CASE("an index that is impossible stops its direction only, until it is repaired") {
  TodayPath path;
  const DomainId domain = path.create();
  Xenconsoled daemon(path, domain, "xenconsoled");
  path.boot(domain, std::make_unique<EchoProgram>());
  path.world.run();
  daemon.type("one");
  path.world.run();
  CHECK(daemon.output == "one");
  const ring::Index good = daemon.rings->in_prod;
  Memory::store(&daemon.rings->in_prod, good + 5000);
  daemon.send();
  path.world.run();
  CHECK(daemon.rings->in_cons == good);
  Memory::store(&daemon.rings->in_prod, good);
  daemon.type("two");
  path.world.run();
  CHECK(daemon.output == "onetwo");

  const ring::Index taken = daemon.rings->out_cons;
  daemon.reads = false;
  Memory::store(&daemon.rings->out_cons, taken + 1);
  daemon.type("three");
  path.world.run();
  CHECK(daemon.rings->out_prod == taken);
  Memory::store(&daemon.rings->out_cons, taken);
  daemon.reads = true;
  daemon.send();
  path.world.run();
  CHECK(daemon.output == "onetwothree");
}

TEST_CASE("output that is printed while the hypervisor is silent is announced when it answers") {
  TodayPath path;
  const DomainId domain = path.create();
  Xenconsoled daemon(path, domain, "xenconsoled");
  path.boot(domain, std::make_unique<LateSpeaker>());
  path.world.run_for(500ms);
  path.world.stall(path.xen_host);
  path.world.run_for(1s);
  CHECK(daemon.rings->out_prod == 4);
  CHECK(daemon.output.empty());
  path.world.go_on(path.xen_host);
  path.world.run();
  CHECK(daemon.output == "word");
}

TEST_CASE("input after the program's end is dropped and counted") {
  TodayPath path;
  const DomainId domain = path.create();
  Xenconsoled daemon(path, domain, "xenconsoled");
  daemon.reads = false;
  path.boot(domain, std::make_unique<PrintProgram>("last words", 0));
  path.world.run();
  daemon.type("too late");
  path.world.run();
  CHECK(daemon.rings->in_cons == daemon.rings->in_prod);
  Mapping frame =
      path.users.frame_map(path.builder->map_frame(domain, path.info(domain).shared_info_frame).value())
          .value();
  CHECK(Memory::load(&ring::channel_words(frame.frame())->guest_lost_input_bytes) == 8);
}

/// The sentences of the guest about its byte rings, without those of its boot.
std::string said_of_rings(const trace::MemorySink& sink, DomainId domain) {
  std::string text;
  for (const auto& [step, entry] : sink.entries()) {
    const bool of_rings =
        entry.kind == trace::Kind::bytes_written || entry.kind == trace::Kind::bytes_found ||
        entry.kind == trace::Kind::byte_index_moved || entry.kind == trace::Kind::byte_index_found ||
        trace::is(entry, trace::Fact::byte_rings);
    if (entry.domain == domain && of_rings) text += trace::sentence(entry) + "\n";
  }
  return text;
}

TEST_CASE(
    "the journal has what the guest does with its byte rings, and what it finds that xenconsoled has done") {
  trace::MemorySink sink([] { return 1; });
  TodayPath path;
  path.guest_sink = &sink;
  const DomainId domain = path.create();
  Xenconsoled daemon(path, domain, "xenconsoled");
  daemon.type("ea");  // before the guest boots
  path.boot(domain, std::make_unique<EchoProgram>());
  path.world.run();
  daemon.type("rly");
  path.world.run();
  CHECK(daemon.output == "early");
  CHECK(said_of_rings(sink, domain) ==
        R"(dom1 says: its console is two rings of bytes: in_cons 0, in_prod 2, out_cons 0, out_prod 0
dom1 finds dom1.in[0] 2 bytes "ea"
dom1 moves in_cons 0 -> 2 (2 bytes)
dom1 writes dom1.out[0] 2 bytes "ea"
dom1 moves out_prod 0 -> 2 (2 bytes)
dom1 finds out_cons 0 -> 2 (2 bytes)
dom1 finds in_prod 2 -> 5 (3 bytes)
dom1 finds dom1.in[2] 3 bytes "rly"
dom1 moves in_cons 2 -> 5 (3 bytes)
dom1 writes dom1.out[2] 3 bytes "rly"
dom1 moves out_prod 2 -> 5 (3 bytes)
dom1 finds out_cons 2 -> 5 (3 bytes)
)");
}

TEST_CASE("the journal's account of the byte rings adds up, and ends with what the frame holds") {
  trace::MemorySink sink([] { return 1; });
  TodayPath path;
  path.guest_sink = &sink;
  const DomainId domain = path.create();
  Xenconsoled daemon(path, domain, "xenconsoled");
  daemon.reads = false;
  path.boot(domain, std::make_unique<Speaker>(numbered_text(stream_bytes)));
  path.world.run();
  daemon.reads = true;
  for (int round = 0; round < 3; ++round) {
    daemon.type(numbered_text(700));
    daemon.serve();
    path.world.run_for(1ms);
  }
  path.world.run();
  trace::Replay replay;
  trace::Flow flow;
  for (const auto& [step, entry] : sink.entries()) {
    replay.take(step, entry);
    flow.take(step, entry);
    for (const trace::ByteRing which : {trace::ByteRing::in, trace::ByteRing::out}) {
      const auto waiting = replay.byte_ring(domain, which).waiting(which);
      REQUIRE(waiting);
    }
  }
  const trace::ReplayedByteRing& out = replay.byte_ring(domain, trace::ByteRing::out);
  const trace::ReplayedByteRing& in = replay.byte_ring(domain, trace::ByteRing::in);
  CHECK((out.prod == stream_bytes && out.cons == stream_bytes));
  CHECK((in.prod == daemon.rings->in_prod && in.cons == daemon.rings->in_cons));
  CHECK(flow.totals(domain, false).said == stream_bytes);
  CHECK(flow.totals(domain, false).unseen == stream_bytes);
  CHECK(flow.totals(domain, true).said == in.prod);
  for (const std::string& each : flow.imbalances()) FAIL_CHECK(each);
}

}  // namespace hvc_path_test
