// The rules of event channels, tested on the table alone.
#include "emu/xen/event_channels.h"

#include <cerrno>
#include <string>
#include <vector>

#include "emu/trace/memory_sink.h"
#include "test/catch.h"

namespace event_channels_test {

using namespace ringside;
using namespace ringside::xen;

namespace {

constexpr DomainId web = 5;
constexpr DomainId mail = 9;

struct Channels {
  trace::MemorySink sink{[] { return std::uint64_t{0}; }};
  int prepared = 0;
  bool prepare_fails = false;
  EventChannels table{[this](DomainId, ring::Port, bool) -> Result<Kicks> {
                        if (prepare_fails) return Error{EMFILE, "cannot make kicks", "", "none left", ""};
                        ++prepared;
                        return Kicks();
                      },
                      trace::Journal(sink, trace::actor(trace::Role::xen))};

  Channels() {
    table.add_domain(0);
    table.add_domain(web);
    table.add_domain(mail);
  }

  EventChannels::Pair bind(DomainId domain1, DomainId domain2, ring::Port port1 = any_port,
                           ring::Port port2 = any_port) {
    return table.bind_interdomain(domain1, domain2, port1, port2, true).value();
  }
  int bind_error(DomainId domain1, DomainId domain2, ring::Port port1, ring::Port port2,
                 bool may_open_second = true) {
    return table.bind_interdomain(domain1, domain2, port1, port2, may_open_second).error().code;
  }
  /// The journal's sentences about a domain.
  std::vector<std::string> told(DomainId domain) const {
    std::vector<std::string> lines;
    for (const auto& [step, entry] : sink.entries()) {
      if (entry.kind == trace::Kind::told && entry.domain == domain) lines.push_back(trace::words_of(entry));
    }
    return lines;
  }
  PortStatus status(DomainId domain, ring::Port port) { return table.status(domain, port).value(); }
  PortState state(DomainId domain, ring::Port port) { return status(domain, port).state; }
};

}  // namespace

TEST_CASE("the first port of a domain is 1, and the lowest closed port is allocated first") {
  Channels channels;
  CHECK(channels.table.alloc_unbound(web, 0).value() == 1);
  CHECK(channels.table.bind_virq(web, VIRQ_TIMER).value() == 2);
  CHECK(channels.table.bind_ipi(web).value() == 3);
  REQUIRE(channels.table.close(web, 2));
  CHECK(channels.table.alloc_unbound(web, 0).value() == 2);
}

TEST_CASE("the journal has the binding of each port, under the domain with the higher number") {
  Channels channels;
  (void)channels.bind(0, web);
  REQUIRE(channels.table.bind_virq(web, VIRQ_PARITY_ERR));
  REQUIRE(channels.table.bind_virq(web, VIRQ_PARITY_ERR));  // again: changes nothing
  REQUIRE(channels.table.bind_pirq(0, 7));
  REQUIRE(channels.table.bind_ipi(web));
  using Lines = std::vector<std::string>;
  CHECK(channels.told(web) == Lines{"domain 0 port 1 <-> domain 5 port 1", "port 2 is bound to virq 4",
                                    "port 3 is bound to an ipi"});
  CHECK(channels.told(0) == Lines{"port 2 is bound to pirq 7"});
}

TEST_CASE("the status of a port is reported") {
  Channels channels;
  (void)channels.table.alloc_unbound(web, mail);
  (void)channels.table.bind_virq(web, VIRQ_WINDOW);
  (void)channels.table.bind_ipi(web);
  CHECK(channels.state(web, 1) == PortState::unbound);
  CHECK(channels.status(web, 1).remote_domain == mail);
  CHECK(channels.state(web, 2) == PortState::virq);
  CHECK(channels.status(web, 2).number == VIRQ_WINDOW);
  CHECK(channels.state(web, 3) == PortState::ipi);
  CHECK(channels.state(web, 4) == PortState::closed);
}

TEST_CASE("ports outside of 1 to 1023 do not exist") {
  Channels channels;
  for (const ring::Port port : {0u, 1024u, 0xffffffffu}) {
    CHECK(channels.table.status(web, port).error().code == EINVAL);
    CHECK(channels.table.close(web, port).error().code == EINVAL);
  }
  for (const ring::Port port : {1024u, 0xffffffffu}) {
    CHECK(channels.bind_error(web, 0, port, any_port) == EINVAL);
    CHECK(channels.bind_error(web, 0, any_port, port) == EINVAL);
  }
  CHECK(channels.table.status(web, 1024).error().why == "domain 5 has no port 1024: ports are 1 to 1023");
}

TEST_CASE("binding with two wildcards allocates both ports and connects them") {
  Channels channels;
  (void)channels.table.bind_virq(0, VIRQ_DOM_EXC);
  const auto pair = channels.bind(0, web);
  CHECK(pair.port1 == 2);
  CHECK(pair.port2 == 1);
  CHECK(channels.state(0, 2) == PortState::interdomain);
  CHECK(channels.status(0, 2).remote_domain == web);
  CHECK(channels.status(0, 2).remote_port == 1);
  CHECK(channels.status(web, 1).remote_domain == 0);
  CHECK(channels.status(web, 1).remote_port == 2);
}

TEST_CASE("for a bound pair a wildcard on either side returns the existing ports") {
  Channels channels;
  const auto pair = channels.bind(0, web, 7, 3);
  const int prepared = channels.prepared;
  CHECK(channels.bind(0, web, 7, any_port).port2 == pair.port2);
  CHECK(channels.bind(0, web, any_port, 3).port1 == pair.port1);
  CHECK(channels.bind(web, 0, 3, any_port).port2 == 7);
  const auto same = channels.bind(0, web, 7, 3);
  CHECK(same.port1 == 7);
  CHECK(same.port2 == 3);
  CHECK(channels.prepared == prepared);  // no port was prepared again
}

TEST_CASE("two wildcards always make a new pair") {
  Channels channels;
  const auto first = channels.bind(0, web);
  const auto second = channels.bind(0, web);
  CHECK(second.port1 != first.port1);
  CHECK(second.port2 != first.port2);
}

TEST_CASE("a port that is bound elsewhere cannot be bound again") {
  Channels channels;
  channels.bind(0, web, 1, 1);
  CHECK(channels.bind_error(0, mail, 1, any_port) == EINVAL);
  CHECK(channels.bind_error(mail, web, any_port, 1) == EINVAL);
  CHECK(channels.bind_error(0, web, 1, 2) == EINVAL);
  CHECK(channels.bind_error(0, web, 2, 1) == EINVAL);
  (void)channels.table.bind_virq(0, VIRQ_CONSOLE);  // port 2
  CHECK(channels.bind_error(0, web, 2, any_port) == EINVAL);
  (void)channels.table.bind_ipi(web);  // port 2
  CHECK(channels.bind_error(0, web, any_port, 2) == EINVAL);
}

TEST_CASE("only the domain that an unbound port waits for can bind to it") {
  Channels channels;
  const ring::Port port = channels.table.alloc_unbound(0, web).value();
  CHECK(channels.bind_error(mail, 0, any_port, port) == EINVAL);
  CHECK(channels.bind_error(0, mail, port, any_port) == EINVAL);
  CHECK(channels.bind(web, 0, any_port, port).port1 == 1);
}

TEST_CASE("a caller that may not open a port of the second domain needs one that waits") {
  Channels channels;
  CHECK(channels.bind_error(web, 0, any_port, any_port, false) == EPERM);
  CHECK(channels.bind_error(web, 0, any_port, 4, false) == EPERM);
  CHECK(channels.state(web, 1) == PortState::closed);
  const ring::Port port = channels.table.alloc_unbound(0, web).value();
  REQUIRE(channels.table.bind_interdomain(web, 0, any_port, port, false));
  CHECK(channels.status(0, port).remote_port == 1);
}

TEST_CASE("closing one end leaves the other waiting for the same domain, which may bind again") {
  Channels channels;
  channels.bind(0, web, 4, 1);
  REQUIRE(channels.table.close(0, 4));
  CHECK(channels.state(0, 4) == PortState::closed);
  CHECK(channels.state(web, 1) == PortState::unbound);
  CHECK(channels.status(web, 1).remote_domain == 0);
  CHECK(channels.status(web, 1).remote_port == 0);
  const auto again = channels.bind(0, web, any_port, 1);
  CHECK(again.port1 == 1);
  CHECK(channels.status(web, 1).remote_port == 1);
}

TEST_CASE("two given ports are bound to each other, so that a channel can be attached again") {
  Channels channels;
  const auto pair = channels.bind(0, web, 30, 20);
  CHECK(pair.port1 == 30);
  REQUIRE(channels.table.close(web, 20));
  CHECK(channels.bind(0, web, 30, 20).port2 == 20);
  CHECK(channels.state(0, 30) == PortState::interdomain);
}

TEST_CASE("a domain can be bound to itself, but a port cannot") {
  Channels channels;
  const auto pair = channels.bind(0, 0);
  CHECK(pair.port1 == 1);
  CHECK(pair.port2 == 2);
  CHECK(channels.bind(0, 0, any_port, 3).port1 == 4);
  CHECK(channels.bind(0, 0, 5, any_port).port2 == 6);
  CHECK(channels.bind_error(0, 0, 7, 7) == EINVAL);
  REQUIRE(channels.table.close(0, 1));
  CHECK(channels.state(0, 2) == PortState::unbound);
  CHECK(channels.status(0, 2).remote_domain == 0);
}

TEST_CASE("a virq is bound once, and closing its port frees it") {
  Channels channels;
  const ring::Port port = channels.table.bind_virq(0, VIRQ_DOM_EXC).value();
  CHECK(channels.table.bind_virq(0, VIRQ_DOM_EXC).value() == port);
  CHECK(channels.table.virq_ports(0, VIRQ_DOM_EXC) == std::vector{port});
  REQUIRE(channels.table.close(0, port));
  CHECK(channels.table.virq_ports(0, VIRQ_DOM_EXC).empty());
  CHECK(channels.table.close(0, port).error().code == EINVAL);
}

TEST_CASE("the 1024th port is refused, and the refusal names the limit") {
  Channels channels;
  for (ring::Port port = 1; port < ring::ports_per_domain; ++port) {
    REQUIRE(channels.table.bind_ipi(web).value() == port);
  }
  const auto refused = channels.table.bind_ipi(web);
  CHECK(refused.error().code == ENOSPC);
  CHECK(refused.error().why == "domain 5 has no free port: all 1023 are in use (ports_per_domain)");
  CHECK(channels.table.bind_virq(web, VIRQ_TIMER).error().code == ENOSPC);
  CHECK(channels.table.alloc_unbound(web, 0).error().code == ENOSPC);
}

TEST_CASE("a binding that finds no port on one side opens none on the other") {
  Channels channels;
  for (ring::Port port = 1; port < ring::ports_per_domain; ++port) (void)channels.table.bind_ipi(web);
  CHECK(channels.bind_error(0, web, any_port, any_port) == ENOSPC);
  CHECK(channels.state(0, 1) == PortState::closed);
  CHECK(channels.bind_error(web, 0, any_port, any_port) == ENOSPC);
  CHECK(channels.state(0, 1) == PortState::closed);
}

TEST_CASE("the last port of a domain cannot be both ends of a channel") {
  Channels channels;
  for (ring::Port port = 1; port < ring::ports_per_domain - 1; ++port) (void)channels.table.bind_ipi(0);
  CHECK(channels.bind_error(0, 0, any_port, any_port) == ENOSPC);
  CHECK(channels.bind_error(0, 0, any_port, ring::ports_per_domain - 1) == ENOSPC);
  CHECK(channels.state(0, ring::ports_per_domain - 1) == PortState::closed);
}

TEST_CASE("a port that cannot be prepared stays closed") {
  Channels channels;
  channels.prepare_fails = true;
  CHECK(channels.table.bind_ipi(web).error().code == EMFILE);
  CHECK(channels.bind_error(0, web, any_port, any_port) == EMFILE);
  channels.prepare_fails = false;
  CHECK(channels.table.bind_ipi(web).value() == 1);
  CHECK(channels.state(0, 1) == PortState::closed);
}

TEST_CASE("a removed domain leaves its peers' ports waiting") {
  Channels channels;
  channels.bind(mail, web);
  channels.table.remove_domain(web);
  CHECK(channels.state(mail, 1) == PortState::unbound);
  CHECK(channels.status(mail, 1).remote_domain == web);
}

TEST_CASE("a port that waited for a domain does not wait for the next one of that id") {
  Channels channels;
  channels.bind(mail, web);
  (void)channels.table.alloc_unbound(0, web);
  channels.table.opened(1, 77);
  channels.table.remove_domain(web);
  CHECK(channels.state(0, 1) == PortState::unbound);
  channels.table.add_domain(web);
  CHECK(channels.state(mail, 1) == PortState::closed);
  CHECK(channels.state(0, 1) == PortState::closed);
}

TEST_CASE("dom0's port to a domain that is gone stays while a process has it open") {
  Channels channels;
  channels.bind(0, web);  // port 1, opened by two
  channels.bind(0, web);  // port 2, not opened
  channels.bind(0, mail);
  channels.table.opened(1, 77);
  channels.table.opened(1, 77);
  channels.table.opened(1, 78);
  channels.table.remove_domain(web);
  CHECK(channels.state(0, 1) == PortState::unbound);
  CHECK(channels.state(0, 2) == PortState::closed);
  channels.table.connection_gone(0, 77);
  CHECK(channels.state(0, 1) == PortState::unbound);
  channels.table.connection_gone(0, 78);
  CHECK(channels.state(0, 1) == PortState::closed);
  CHECK(channels.state(0, 3) == PortState::interdomain);
}

TEST_CASE("a process that dies leaves its domain's ports as they are") {
  Channels channels;
  const auto pair = channels.bind(0, web);
  (void)channels.table.bind_virq(0, VIRQ_DOM_EXC);
  channels.table.opened(pair.port1, 77);
  channels.table.connection_gone(0, 77);
  CHECK(channels.state(0, pair.port1) == PortState::interdomain);
  CHECK(channels.state(0, 2) == PortState::virq);
}

}  // namespace event_channels_test
