// A machine with a real hypervisor on the simulated host, for tests of the hypervisor: dom0 is one component
// that makes hypercalls, and guests are passive components.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emu/host/sim.h"
#include "emu/trace/memory_sink.h"
#include "emu/xen/hypervisor.h"
#include "test/catch.h"

namespace ringside::test {

/// A guest: a process that can be killed, and its connection to the hypervisor.
struct Guest {
  SimHost* host = nullptr;
  DomainId domain = 0;
  std::unique_ptr<Privcmd> calls;
};

struct Machine {
  explicit Machine(xen::HypervisorOptions options = {})
      : hypervisor(world.host("xen"), trace::Journal(sink, trace::actor(trace::Role::xen)),
                   std::move(options)),
        dom0((start(), world.host("dom0"))),
        calls(dom0, world.dom0_connection(dom0)) {}

  void start() { REQUIRE(hypervisor.start()); }

  /// Another process of dom0.
  std::unique_ptr<Privcmd> another(SimHost& process) {
    return std::make_unique<Privcmd>(process, world.dom0_connection(process));
  }

  DomainId create(std::string_view name = "", ring::Abi abi = ring::Abi::sring) {
    auto created = calls.domain_create(name, abi, 65536, false);
    REQUIRE(created);
    return created->domain;
  }

  Guest connect(DomainId domain) {
    SimHost& host = world.host("guest" + std::to_string(domain));
    auto connection = calls.domain_connection(domain);
    REQUIRE(connection);
    return {&host, domain, std::make_unique<Privcmd>(host, world.give(std::move(connection).value(), host))};
  }

  /// Creates a domain with a process and runs it.
  Guest boot(std::string_view name = "", ring::Abi abi = ring::Abi::sring) {
    Guest guest = connect(create(name, abi));
    REQUIRE(calls.domain_set_process(guest.domain, world.process_of(*guest.host, dom0)));
    REQUIRE(calls.domain_unpause(guest.domain));
    return guest;
  }

  /// Empty if the domain does not exist.
  std::optional<DomainInfo> info(DomainId domain) {
    auto found = calls.domain_info(domain);
    REQUIRE(found);
    if (!found->has_value() || (*found)->domain != domain) return std::nullopt;
    return **found;
  }

  /// The frame as `process` sees it.
  Mapping frame(DomainId domain, Privcmd& caller, SimHost& process) {
    auto handle = caller.map_frame(domain, info(domain)->shared_info_frame);
    REQUIRE(handle);
    return process.frame_map(*handle).value();
  }

  /// The journal's sentences about a domain's life, in order.
  std::vector<std::string> told(DomainId domain) const {
    std::vector<std::string> lines;
    for (const auto& [step, entry] : sink.entries()) {
      if (entry.kind != trace::Kind::told || entry.domain != domain) continue;
      lines.push_back(trace::words_of(entry));
    }
    return lines;
  }
  bool has_told(DomainId domain, const std::string& line) const {
    const auto lines = told(domain);
    return std::ranges::find(lines, line) != lines.end();
  }

  /// The number of events that xen raised at this port of this receiver.
  std::size_t raised(trace::Actor receiver, ring::Port port) const {
    return static_cast<std::size_t>(std::ranges::count_if(sink.entries(), [&](const auto& recorded) {
      const trace::Entry& entry = recorded.entry;
      return entry.kind == trace::Kind::event_raised && entry.peer == receiver && entry.port == port;
    }));
  }

  SimWorld world;
  trace::MemorySink sink{world.clock()};
  xen::Hypervisor hypervisor;
  SimHost& dom0;
  Privcmd calls;  ///< dom0's hypercalls
};

/// The last signal that the domain was sent; -1 = none.
inline int last_signal(const Machine& machine, DomainId domain) {
  for (auto each = machine.world.signals().rbegin(); each != machine.world.signals().rend(); ++each) {
    if (each->domain == domain) return static_cast<int>(each->signal);
  }
  return -1;
}

/// A console channel as xcs and xend make it: dom0's port and the guest's.
inline Privcmd::PortPair console(Machine& machine, DomainId domain) {
  const auto pair = machine.calls.evtchn_bind_interdomain(0, domain, any_port, any_port).value();
  REQUIRE(machine.calls.domain_set_console_port(domain, pair.port2));
  return pair;
}

/// Counts the wake-ups that reach a handle.
struct Wakes {
  Wakes(SimHost& host, Handle handle) : kicks(std::move(handle)) {
    host.kicks_watch(kicks, [this] { ++count; });
  }
  Wakes(const Wakes&) = delete;
  Wakes& operator=(const Wakes&) = delete;
  Handle kicks;
  int count = 0;
};

}  // namespace ringside::test
