// The hypervisor against callers that die at any moment, and guests that make arbitrary calls.
#include <cerrno>
#include <cstring>
#include <map>
#include <random>

#include "test/port_promise.h"

namespace xen_hostile_test {

using namespace ringside;
using namespace ringside::test;

namespace {

/// Checks the ports that one call could have changed: those that it named, or got as the answer.
void check_named_ports(Machine& machine, const HypercallArguments& made, const HypercallAnswer& answer) {
  for (const ring::Port port : {made.port, made.port2, answer.port, answer.port2}) {
    if (port == any_port || port >= ring::ports_per_domain) continue;
    for (const DomainId domain : {0u, 1u, 2u}) check_port(machine, domain, port);
  }
}

/// Random arguments of a guest's hypercall: mostly near the truth, sometimes far from it.
class Dice {
 public:
  explicit Dice(std::uint32_t seed) : random_(seed) {}

  std::uint32_t below(std::uint32_t end) { return static_cast<std::uint32_t>(random_() % end); }
  template <class T, std::size_t N>
  T one_of(const T (&values)[N]) {
    return values[below(N)];
  }
  std::uint32_t number() { return below(8) == 0 ? static_cast<std::uint32_t>(random_()) : below(24); }
  DomainId domain() {
    return below(3) == 0 ? number() : one_of({DomainId{0}, DomainId{1}, DomainId{2}, DOMID_SELF});
  }

  HypercallArguments arguments() {
    HypercallArguments made{.op = static_cast<HypercallOp>(below(22))};
    // Otherwise ports would only fill up.
    if (below(4) == 0) made.op = HypercallOp::evtchn_close;
    made.domain = domain();
    made.domain2 = domain();
    made.port = number();
    made.port2 = number();
    made.frame = below(2) == 0 ? 0x1000 + below(4) : number();
    made.virq = number();
    made.reason = static_cast<ShutdownReason>(number());
    made.exit_status = static_cast<std::int32_t>(random_());
    made.memory_kib = number();
    made.abi = static_cast<ring::Abi>(below(256));
    made.preserve = static_cast<std::uint8_t>(below(256));
    made.rows = static_cast<std::uint16_t>(number());
    made.columns = static_cast<std::uint16_t>(number());
    for (char& each : made.name) each = static_cast<char>(below(256));
    return made;
  }

 private:
  std::mt19937 random_;
};

}  // namespace

TEST_CASE("a guest that makes arbitrary calls disturbs no other") {
  const auto seed = GENERATE(1u, 2u, 3u, 4u);
  CAPTURE(seed);
  Machine machine;
  Guest victim = machine.boot("victim");
  Guest hostile = machine.boot("hostile");
  const auto console = machine.calls.evtchn_bind_interdomain(0, victim.domain, 0, 0).value();
  REQUIRE(machine.calls.domain_set_console_port(victim.domain, console.port2));
  const auto own = machine.calls.evtchn_bind_interdomain(0, hostile.domain, 0, 0).value();
  REQUIRE(machine.calls.domain_set_console_port(hostile.domain, own.port2));
  const DomainInfo before = *machine.info(victim.domain);
  const Mapping victims_page = machine.frame(victim.domain, machine.calls, machine.dom0);
  const std::vector<std::byte> page_before(victims_page.frame(), victims_page.frame() + ring::frame_bytes);

  Dice dice(seed);
  std::map<HypercallOp, int> succeeded;
  constexpr int calls = 5000;
  constexpr ring::Port usual_ports = 64;  // the others are checked occasionally
  for (int call = 0; call < calls; ++call) {
    HypercallArguments made = dice.arguments();
    // The guest must stay alive as long as possible.
    if (made.op == HypercallOp::sched_shutdown) made.reason = static_cast<ShutdownReason>(4 + dice.below(99));
    const Handle process = machine.world.process_of(*hostile.host, *hostile.host);
    auto outcome =
        hostile.host->hypercall(hostile.calls->connection(), made, dice.below(4) == 0 ? &process : nullptr);
    REQUIRE(outcome);
    if (outcome->answer.result == 0) ++succeeded[made.op];
    check_named_ports(machine, made, outcome->answer);
    if (call % 50 == 0) check_ports(machine, usual_ports);
    if (call % 500 == 0) {
      check_ports(machine, ring::ports_per_domain);
      machine.world.run();
      machine.sink.clear();
    }
    // dom0 makes calls of its own about the hostile guest.
    if (call % 97 == 0) (void)machine.calls.evtchn_bind_interdomain(0, hostile.domain, 0, dice.number());
    if (call % 101 == 0) (void)machine.calls.evtchn_close(0, own.port1 + 1 + dice.below(5));
    if (call % 103 == 0) (void)machine.calls.evtchn_alloc_unbound(0, hostile.domain);
  }
  check_ports(machine, ring::ports_per_domain);

  // Some calls must succeed: a test in which all are refused would prove little.
  using enum HypercallOp;
  for (const HypercallOp op :
       {domain_info, start_info, map_frame, evtchn_alloc_unbound, evtchn_bind_interdomain, evtchn_bind_virq,
        evtchn_bind_ipi, evtchn_close, evtchn_send, evtchn_status, evtchn_open}) {
    CAPTURE(static_cast<std::uint32_t>(op));
    CHECK(succeeded[op] > 0);
  }

  const DomainInfo after = *machine.info(victim.domain);
  CHECK(std::memcmp(&before, &after, sizeof before) == 0);
  const PortStatus status = machine.calls.evtchn_status(0, console.port1).value();
  CHECK(status.remote_domain == victim.domain);
  CHECK(status.remote_port == console.port2);
  CHECK(std::equal(page_before.begin(), page_before.end(), victims_page.frame()));
  CHECK(machine.calls.domains()->size() == 3);
  REQUIRE(machine.calls.domain_destroy(hostile.domain));
  check_ports(machine, ring::ports_per_domain);
}

TEST_CASE("a domain ends with its builder until it has a process or runs") {
  Machine machine;
  SimHost& builder = machine.world.host("builder");
  auto calls = machine.another(builder);
  const std::size_t handles = handles_of_xen(machine);
  const DomainId domain = calls->domain_create("web", ring::Abi::sring, 0, false)->domain;
  SimHost& guest = machine.world.host("guest");
  bool survives = false;

  SECTION("after creating it") {}
  SECTION("after getting the guest's connection") {
    const Handle connection = calls->domain_connection(domain).value();
    machine.world.kill(builder);
    machine.world.run();
  }
  SECTION("after making its channel") {
    REQUIRE(calls->evtchn_bind_interdomain(0, domain, 0, 0));
    REQUIRE(calls->evtchn_open(1));
  }
  SECTION("after it has its process") {
    REQUIRE(calls->domain_set_process(domain, machine.world.process_of(guest, builder)));
    survives = true;
  }
  SECTION("after it was unpaused") {
    REQUIRE(calls->domain_unpause(domain));
    survives = true;
  }
  if (!builder.ended()) machine.world.kill(builder);
  machine.world.run();
  CHECK(machine.info(domain).has_value() == survives);
  if (survives) REQUIRE(machine.calls.domain_destroy(domain));
  machine.world.run();
  CHECK(handles_of_xen(machine) == handles);
  CHECK(machine.calls.evtchn_status(0, 1)->state == PortState::closed);
  machine.create("web");
}

TEST_CASE("a guest that dies in any state has crashed, and leaves nothing after it is destroyed") {
  Machine machine;
  const std::size_t handles = handles_of_xen(machine);
  Guest guest = machine.connect(machine.create("web"));
  SECTION("before it has a process") {
    guest.calls.reset();
  }
  SECTION("stopped, with a process") {
    REQUIRE(machine.calls.domain_set_process(1, machine.world.process_of(*guest.host, machine.dom0)));
  }
  SECTION("running, with every kind of port") {
    REQUIRE(machine.calls.domain_set_process(1, machine.world.process_of(*guest.host, machine.dom0)));
    REQUIRE(machine.calls.domain_unpause(1));
    REQUIRE(machine.calls.evtchn_bind_interdomain(0, 1, 0, 0));
    REQUIRE(guest.calls->evtchn_alloc_unbound(DOMID_SELF, 0));
    REQUIRE(guest.calls->evtchn_bind_virq(VIRQ_WINDOW));
    REQUIRE(guest.calls->evtchn_bind_ipi());
    REQUIRE(guest.calls->evtchn_bind_interdomain(DOMID_SELF, DOMID_SELF, 0, 0));
    for (ring::Port port = 1; port <= 6; ++port) REQUIRE(guest.calls->evtchn_open(port));
    REQUIRE(guest.calls->start_info());
  }
  machine.world.kill(*guest.host);
  machine.world.run();
  CHECK(machine.info(1)->state.crashed == 1);
  REQUIRE(machine.calls.domain_destroy(1));
  machine.world.run();
  CHECK(handles_of_xen(machine) == handles);
  CHECK(machine.calls.evtchn_status(0, 1)->state == PortState::closed);
}

TEST_CASE("daemons that die repeatedly do not use up dom0's ports") {
  Machine machine;
  const std::size_t handles = handles_of_xen(machine);
  for (int round = 0; round < 1100; ++round) {
    SimHost& daemon = machine.world.host("xcs");
    auto calls = machine.another(daemon);
    const DomainId domain = machine.create();
    auto pair = calls->evtchn_bind_interdomain(0, domain, 0, 0);
    REQUIRE(pair);
    if (round % 2 == 0) REQUIRE(calls->evtchn_open(pair->port1));
    if (round % 3 == 0) REQUIRE(machine.calls.domain_destroy(domain));
    machine.world.kill(daemon);
    machine.world.run();
    if (round % 3 != 0) REQUIRE(machine.calls.domain_destroy(domain));
    machine.sink.clear();
  }
  CHECK(machine.calls.evtchn_status(0, 1)->state == PortState::closed);
  CHECK(handles_of_xen(machine) == handles);
}

TEST_CASE("unrequested handles are returned") {
  Machine machine;
  Guest guest = machine.boot();
  const std::size_t handles = handles_of_xen(machine);
  const Handle process = machine.world.process_of(*guest.host, *guest.host);
  for (std::uint32_t op = 0; op < 25; ++op) {
    const HypercallArguments made{.op = static_cast<HypercallOp>(op), .exit_status = -1};
    auto outcome = guest.host->hypercall(guest.calls->connection(), made, &process);
    REQUIRE(outcome);
    if (outcome->answer.result < 0) CHECK(outcome->handles.empty());
  }
  CHECK(handles_of_xen(machine) == handles);
}

TEST_CASE("a reason that does not fit is truncated") {
  Machine machine;
  const std::string name(domain_name_bytes_max, '9');
  const auto refused = machine.calls.domain_create(name, ring::Abi::sring, 0, false);
  CHECK(refused.error().code == EINVAL);
  CHECK(refused.error().why.starts_with("the name 999"));
  CHECK(refused.error().why.size() <= sizeof(HypercallAnswer::why) - 1);
}

TEST_CASE("domains that are created, paused, killed and destroyed in any order leave nothing") {
  const auto seed = GENERATE(1u, 2u, 3u);
  CAPTURE(seed);
  Machine machine({.dom0_abi = ring::Abi::sring, .domains_max = 6});
  REQUIRE(machine.calls.evtchn_bind_virq(VIRQ_DOM_EXC));
  const std::size_t handles = handles_of_xen(machine);
  Dice dice(seed);
  std::vector<Guest> guests;
  int crashes = 0;
  for (int step = 0; step < 2000; ++step) {
    const std::size_t which = guests.empty() ? 0 : dice.below(static_cast<std::uint32_t>(guests.size()));
    if (guests.size() < 6 && (guests.empty() || dice.below(4) == 0)) {
      guests.push_back(dice.below(3) == 0 ? machine.connect(machine.create()) : machine.boot());
      continue;
    }
    const Guest& guest = guests[which];
    switch (dice.below(8)) {
      case 0:
        REQUIRE(machine.calls.domain_pause(guest.domain));
        break;
      case 1:
        REQUIRE(machine.calls.domain_unpause(guest.domain));
        break;
      case 2:
        REQUIRE(machine.calls.evtchn_bind_interdomain(0, guest.domain, 0, 0));
        break;
      case 3:
        (void)machine.calls.evtchn_close(0, 1 + dice.below(8));
        break;
      case 4:
        (void)machine.calls.domain_set_console_port(guest.domain, 1 + dice.below(4));
        break;
      case 5:
        if (!guest.host->ended()) (void)guest.calls->sched_shutdown(ShutdownReason::poweroff, 3);
        break;
      case 6:
        if (!guest.host->ended()) machine.world.kill(*guest.host);
        machine.world.run();
        if (machine.info(guest.domain)->state.shutdown == 0) {
          REQUIRE(machine.info(guest.domain)->state.crashed == 1);
          ++crashes;
        }
        break;
      case 7:
        REQUIRE(machine.calls.domain_destroy(guest.domain));
        guests.erase(guests.begin() + static_cast<std::ptrdiff_t>(which));
        break;
    }
    if (dice.below(3) == 0) machine.world.run();
    if (step % 10 == 0) check_ports(machine, 64);
    if (step % 100 == 0) machine.sink.clear();
  }
  CHECK(crashes > 10);
  while (!guests.empty()) {
    REQUIRE(machine.calls.domain_destroy(guests.back().domain));
    guests.pop_back();
  }
  for (ring::Port port = 1; port < ring::ports_per_domain; ++port) (void)machine.calls.evtchn_close(0, port);
  REQUIRE(machine.calls.evtchn_bind_virq(VIRQ_DOM_EXC));
  machine.world.run();
  CHECK(handles_of_xen(machine) == handles);
}

TEST_CASE("a guest that keeps changing its memory does not flood xen's console") {
  Machine machine;
  Guest busy = machine.boot("busy");
  const std::string before = machine.calls.dmesg()->text;
  for (std::uint32_t turn = 0; turn < 10'000; ++turn) REQUIRE(busy.calls->memory_set(2048 + turn % 2));
  CHECK(machine.calls.dmesg()->text == before);
  // The journal has it; only the console does not.
  CHECK(machine.told(busy.domain).back() == "its memory is 2049 KiB, was 2048");
}

}  // namespace xen_hostile_test
