// The invariants of the event channels of all domains after any calls. For unit tests and for the fuzz
// target.
#pragma once

#include <map>

#include "test/xen_machine.h"

namespace ringside::test {

/// Checks that the other end of a channel leads back, and that virqs are in allowed places.
inline PortStatus check_port(Machine& machine, DomainId domain, ring::Port port) {
  const PortStatus status = machine.calls.evtchn_status(domain, port).value();
  if (status.state == PortState::virq) {
    REQUIRE(status.number < virqs);
    const bool only_dom0 = status.number == VIRQ_CONSOLE || status.number == VIRQ_DOM_EXC;
    REQUIRE((!only_dom0 || domain == 0));
  }
  if (status.state != PortState::interdomain) return status;
  const PortStatus other = machine.calls.evtchn_status(status.remote_domain, status.remote_port).value();
  REQUIRE(other.state == PortState::interdomain);
  REQUIRE(other.remote_domain == domain);
  REQUIRE(other.remote_port == port);
  REQUIRE((status.remote_domain != domain || status.remote_port != port));
  return status;
}

/// Checks the ports below `end` of all domains.
inline void check_ports(Machine& machine, ring::Port end) {
  const auto domains = machine.calls.domains().value();
  for (const DomainInfo& info : domains) {
    std::map<std::uint32_t, int> bound_virqs;
    for (ring::Port port = 1; port < end; ++port) {
      const PortStatus status = check_port(machine, info.domain, port);
      if (status.state == PortState::virq) REQUIRE(++bound_virqs[status.number] == 1);
    }
  }
}

/// The number of handles and mappings that the hypervisor holds.
inline std::size_t handles_of_xen(const Machine& machine) {
  const auto open = machine.world.open_handles();
  return static_cast<std::size_t>(
      std::ranges::count_if(open, [](const std::string& line) { return line.starts_with("xen:"); }));
}

}  // namespace ringside::test
