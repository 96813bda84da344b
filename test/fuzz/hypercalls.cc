// The hypervisor's dispatch, called by a malicious guest or by a faulty process of dom0. A guest changes
// nothing of other domains; a refusal has an error and a reason; channels have two ends; and once all domains
// are gone, xen holds what it held before.
#include <cstring>

#include "test/fuzz/input.h"
#include "test/fuzz/targets.h"
#include "test/port_promise.h"

namespace ringside::fuzz {

namespace {

DomainId domain_from(Input& input) {
  constexpr DomainId usual[] = {0, 1, 2, 3, DOMID_SELF};
  const std::uint8_t which = input.byte();
  return which < 0xf0 ? usual[which % std::size(usual)] : input.word();
}

HypercallArguments arguments_from(Input& input) {
  const std::uint8_t op = input.byte();
  HypercallArguments made{.op = static_cast<HypercallOp>(op < 240 ? op % 30 : 28 + op % 4)};
  made.domain = domain_from(input);
  made.domain2 = domain_from(input);
  made.port = input.number();
  made.port2 = input.number();
  const std::uint8_t few = input.byte();
  made.frame = (few & 1) != 0 ? input.word() : (few & 2) != 0 ? few / 4 % 16 : 0x1000 + few / 2 % 4;
  made.virq = (few & 2) != 0 ? input.number() : few / 4 % virqs;
  made.reason = static_cast<ShutdownReason>(few % 5);
  made.memory_kib = (few & 4) != 0 ? input.word() : memory_kib_min;
  made.abi = static_cast<ring::Abi>(few / 8 % 3);
  made.preserve = few / 16 % 3;
  made.rows = made.columns = few;
  made.alone = few / 32 % 2;
  made.read_only = few / 64 % 2;
  if ((few & 8) != 0) {
    const std::string name = input.text(input.byte() % sizeof made.name + 1);
    std::memcpy(made.name, name.data(), std::min(name.size(), sizeof made.name));
    const std::string data = input.text(16);
    std::memcpy(made.data, data.data(), data.size());
    made.data_bytes = static_cast<std::uint16_t>(input.number());
    made.position = input.number();
  }
  return made;
}

struct Victim {
  DomainId domain = 0;
  DomainInfo info;
  Privcmd::PortPair console{};
  Mapping page;
  std::vector<std::byte> page_before;
};

void check_victim(test::Machine& machine, const Victim& victim) {
  const auto info = machine.info(victim.domain);
  RS_CHECK(info.has_value());
  RS_CHECK(std::memcmp(&*info, &victim.info, sizeof *info) == 0);
  const PortStatus status = machine.calls.evtchn_status(0, victim.console.port1).value();
  RS_CHECK(status.remote_domain == victim.domain && status.remote_port == victim.console.port2);
  RS_CHECK(std::memcmp(victim.page.frame(), victim.page_before.data(), ring::frame_bytes) == 0);
}

}  // namespace

void hypercalls(Bytes input) {
  Input from(input);
  test::Machine machine;
  machine.world.limit_steps(100'000);
  SimHost& other = machine.world.host("other");
  auto others = machine.another(other);
  machine.world.run();
  const std::size_t handles = test::handles_of_xen(machine);
  std::size_t granted = 0;  // by dom0, which never ends
  {
    const test::Guest victim_guest = machine.boot("victim");
    const test::Guest hostile = machine.boot("hostile");
    Victim victim;
    victim.domain = victim_guest.domain;
    victim.console = test::console(machine, victim.domain);
    victim.info = *machine.info(victim.domain);
    victim.page = machine.frame(victim.domain, machine.calls, machine.dom0);
    victim.page_before.assign(victim.page.frame(), victim.page.frame() + ring::frame_bytes);
    const bool privileged = from.below(2) == 1;
    SimHost& caller = privileged ? other : *hostile.host;
    const Privcmd& calls = privileged ? *others : *hostile.calls;
    std::vector<Handle> answered;
    while (!from.empty()) {
      if (caller.ended()) break;
      const HypercallArguments made = arguments_from(from);
      const Handle process = from.below(4) == 0 ? machine.world.process_of(*hostile.host, caller) : Handle();
      auto outcome = caller.hypercall(calls.connection(), made, process.valid() ? &process : nullptr);
      if (!outcome) break;  // its connection was closed
      const HypercallAnswer& answer = outcome->answer;
      RS_CHECK(answer.result <= 0 && answer.result > -4096);
      RS_CHECK(answer.result == 0 || answer.why[0] != '\0');
      RS_CHECK(answer.result == 0 || outcome->handles.empty());
      if (made.op == HypercallOp::grant_share && answer.result == 0) ++granted;
      for (Handle& each : outcome->handles) answered.push_back(std::move(each));
      if (answered.size() > 16) answered.clear();
      if (from.below(8) == 0) machine.world.run();
      if (!privileged) check_victim(machine, victim);
    }
    test::check_ports(machine, 64);
  }
  machine.world.kill(other);
  machine.world.run();
  const auto domains = machine.calls.domains().value();
  for (const DomainInfo& each : domains) {
    if (each.domain != 0) static_cast<void>(machine.calls.domain_destroy(each.domain));
  }
  machine.world.kill(machine.world.host("guest1"));
  machine.world.kill(machine.world.host("guest2"));
  machine.world.run_for(std::chrono::seconds(5));
  RS_CHECK(machine.calls.domains()->size() == 1);
  RS_CHECK(test::handles_of_xen(machine) <= handles + pirqs + virqs + granted);
}

}  // namespace ringside::fuzz
