// The hypervisor against callers who die at any moment and guests who call anything.
#include <cerrno>
#include <map>
#include <random>

#include "test/xen_machine.h"

using namespace ringside;
using namespace ringside::test;

namespace {

/// Everything that must hold between the ports of all domains, whatever was called.
void check_ports(Machine& machine) {
  std::map<std::pair<DomainId, ring::Port>, PortStatus> ports;
  const auto domains = machine.calls.domains().value();
  for (const DomainInfo& info : domains) {
    std::map<std::uint32_t, int> bound_virqs;
    for (ring::Port port = 1; port < ring::ports_per_domain; ++port) {
      const PortStatus status = machine.calls.evtchn_status(info.domain, port).value();
      if (status.state == PortState::closed) continue;
      ports[{info.domain, port}] = status;
      if (status.state != PortState::virq) continue;
      REQUIRE(status.number < virqs);
      REQUIRE(++bound_virqs[status.number] == 1);
      const bool only_dom0 = status.number == VIRQ_CONSOLE || status.number == VIRQ_DOM_EXC;
      REQUIRE((!only_dom0 || info.domain == 0));
    }
  }
  for (const auto& [end, status] : ports) {
    if (status.state != PortState::interdomain) continue;
    const auto other = ports.find({status.remote_domain, status.remote_port});
    REQUIRE(other != ports.end());
    REQUIRE(other->second.state == PortState::interdomain);
    REQUIRE(other->second.remote_domain == end.first);
    REQUIRE(other->second.remote_port == end.second);
    REQUIRE(other->first != end);
  }
}

/// What is asked of a hypercall that a guest makes up: mostly near the truth, sometimes far from it.
class Dice {
 public:
  explicit Dice(std::uint32_t seed) : random_(seed) {}

  std::uint32_t below(std::uint32_t end) { return static_cast<std::uint32_t>(random_() % end); }
  template <class T, std::size_t N>
  T one_of(const T (&values)[N]) {
    return values[below(N)];
  }
  std::uint32_t number() { return below(8) == 0 ? static_cast<std::uint32_t>(random_()) : below(9); }
  DomainId domain() { return below(3) == 0 ? number() : one_of({DomainId{0}, DomainId{1}, DomainId{2}, DOMID_SELF}); }

  HypercallArguments arguments() {
    HypercallArguments made{.op = static_cast<HypercallOp>(below(22))};
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

TEST_CASE("a guest that calls anything at all disturbs nobody") {
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
  constexpr int calls = 5000;
  for (int call = 0; call < calls; ++call) {
    HypercallArguments made = dice.arguments();
    // It goes on for as long as possible.
    if (made.op == HypercallOp::sched_shutdown) made.reason = static_cast<ShutdownReason>(4 + dice.below(99));
    const Handle process = machine.world.process_of(*hostile.host, *hostile.host);
    const auto outcome = hostile.host->hypercall(hostile.calls->connection(), made,
                                                 dice.below(4) == 0 ? &process : nullptr);
    REQUIRE(outcome);
    if (call % 50 == 0) check_ports(machine);
    // dom0 and the victim live on meanwhile.
    if (call % 97 == 0) (void)machine.calls.evtchn_bind_interdomain(0, hostile.domain, 0, dice.number());
    if (call % 101 == 0) (void)machine.calls.evtchn_close(0, own.port1 + 1 + dice.below(5));
  }
  check_ports(machine);

  const DomainInfo after = *machine.info(victim.domain);
  CHECK(std::memcmp(&before, &after, sizeof before) == 0);
  const PortStatus status = machine.calls.evtchn_status(0, console.port1).value();
  CHECK(status.remote_domain == victim.domain);
  CHECK(status.remote_port == console.port2);
  CHECK(std::equal(page_before.begin(), page_before.end(), victims_page.frame()));
  CHECK(machine.calls.domains()->size() == 3);
  REQUIRE(machine.calls.domain_destroy(hostile.domain));
  check_ports(machine);
}
