// Grants, and what belongs to a connection of dom0 or of a program in a domain: ports and grants that end
// with it.
#include <cerrno>

#include "test/xen_machine.h"

namespace xen_grants_test {

using namespace ringside;
using namespace ringside::test;

namespace {

constexpr trace::Actor dom0_actor = trace::actor(trace::Role::dom0);

/// A process of dom0 that opens more than one connection, as a program of today does for each handle.
struct Process {
  Process(Machine& on, const std::string& name) : machine(&on), host(&on.world.host(name)) {}

  std::unique_ptr<Privcmd> open() { return machine->another(*host); }

  Machine* machine;
  SimHost* host;
};

Host::HypercallOutcome ask(SimHost& host, const Privcmd& calls, const HypercallArguments& arguments) {
  auto outcome = host.hypercall(calls.connection(), arguments, nullptr);
  REQUIRE(outcome);
  return std::move(*outcome);
}

std::uint32_t share(Process& process, const Privcmd& calls, HypercallArguments arguments) {
  arguments.op = HypercallOp::grant_share;
  const auto outcome = ask(*process.host, calls, arguments);
  REQUIRE(outcome.answer.result == 0);
  REQUIRE(outcome.handles.size() == 1);
  return static_cast<std::uint32_t>(outcome.answer.position);
}

int map_result(SimHost& host, const Privcmd& calls, DomainId domain, std::uint32_t reference,
               bool read_only = false) {
  return ask(host, calls,
             {.op = HypercallOp::grant_map, .domain = domain, .frame = reference, .read_only = read_only})
      .answer.result;
}

/// A program in a domain, which opens connections through dom0's.
struct Program {
  Program(Machine& on, DomainId in, const std::string& name)
      : machine(&on), domain(in), host(&on.world.host(name)) {}

  std::unique_ptr<Privcmd> open() {
    auto given = ask(machine->dom0, machine->calls,
                     {.op = HypercallOp::domain_connection, .domain = domain, .alone = 1});
    REQUIRE(given.handles.size() == 1);
    return std::make_unique<Privcmd>(*host, machine->world.give(std::move(given.handles[0]), *host));
  }
  [[nodiscard]] int result(const Privcmd& calls, const HypercallArguments& arguments) const {
    return ask(*host, calls, arguments).answer.result;
  }

  Machine* machine;
  DomainId domain;
  SimHost* host;
};

ring::Port bind_virq(Process& process, const Privcmd& calls, std::uint8_t alone) {
  const auto bound =
      ask(*process.host, calls, {.op = HypercallOp::evtchn_bind_virq, .virq = VIRQ_DOM_EXC, .alone = alone});
  REQUIRE(bound.answer.result == 0);
  return bound.answer.port;
}

}  // namespace

TEST_CASE("a granted frame is mapped by the domain that it is granted to, and by no other") {
  Machine machine;
  const Guest guest = machine.boot("web");
  const Guest other = machine.boot("other");
  Process toolstack(machine, "toolstack");
  const auto calls = toolstack.open();
  // A page of the guest, for a daemon of dom0.
  const HypercallArguments page{.domain = guest.domain, .domain2 = 0, .frame = grant_xenstore};
  CHECK(share(toolstack, *calls, page) == grant_xenstore);
  const auto granted = ask(*toolstack.host, *calls,
                           {.op = HypercallOp::grant_map, .domain = guest.domain, .frame = grant_xenstore});
  REQUIRE(granted.answer.result == 0);
  const Mapping one = toolstack.host->frame_map(granted.handles[0]).value();
  one.frame()[7] = std::byte{42};
  const auto again = ask(machine.dom0, machine.calls,
                         {.op = HypercallOp::grant_map, .domain = guest.domain, .frame = grant_xenstore});
  CHECK(machine.dom0.frame_map(again.handles[0]).value().frame()[7] == std::byte{42});
  // The other guest cannot tell whether there is such a grant.
  CHECK(map_result(*other.host, *other.calls, guest.domain, grant_xenstore) == -ENOENT);
  CHECK(map_result(*other.host, *other.calls, guest.domain, grant_console) == -ENOENT);
  CHECK(map_result(machine.dom0, machine.calls, guest.domain, grant_console) == -ENOENT);
  CHECK(machine.has_told(guest.domain, "domain 1 grants a frame to domain 0 under reference 1"));
}

TEST_CASE("a domain maps the frames that it grants itself") {
  Machine machine;
  const Guest guest = machine.boot("web");
  const Guest other = machine.boot("other");
  REQUIRE(machine.calls.grant_share(guest.domain, grant_console));
  CHECK(machine.calls.grant_share(guest.domain, grant_console).error().code == EEXIST);
  CHECK(guest.calls->grant_share(guest.domain, grant_xenstore).error().code == EPERM);
  const Mapping own =
      guest.host->frame_map(guest.calls->grant_map(DOMID_SELF, grant_console).value()).value();
  own.frame()[3] = std::byte{42};
  const Mapping seen =
      machine.dom0.frame_map(machine.calls.grant_map(guest.domain, grant_console).value()).value();
  CHECK(seen.frame()[3] == std::byte{42});
  CHECK(other.calls->grant_map(guest.domain, grant_console).error().code == ENOENT);
  // As the grantee of its own frame it has the grantee's rights.
  const HypercallArguments page{.domain = 0, .domain2 = 0, .frame = any_grant, .read_only = 1};
  Process toolstack(machine, "toolstack");
  const auto calls = toolstack.open();
  const std::uint32_t reference = share(toolstack, *calls, page);
  CHECK(map_result(*toolstack.host, *calls, 0, reference) == -EACCES);
  CHECK(map_result(*toolstack.host, *calls, 0, reference, true) == 0);
  CHECK(guest.calls->grant_map(DOMID_SELF, grant_xenstore).error().code == ENOENT);
}

TEST_CASE("a frame that is granted for reading is not mapped for writing") {
  Machine machine;
  const Guest guest = machine.boot("web");
  Process process(machine, "process");
  const auto calls = process.open();
  const std::uint32_t reference =
      share(process, *calls, {.domain2 = guest.domain, .frame = any_grant, .read_only = 1});
  CHECK(map_result(*guest.host, *guest.calls, 0, reference) == -EACCES);
  CHECK(map_result(*guest.host, *guest.calls, 0, reference, true) == 0);
}

TEST_CASE("the lowest free reference is given out first, and the number of references is limited") {
  Machine machine;
  Process process(machine, "process");
  const auto calls = process.open();
  const HypercallArguments any{.domain2 = 0, .frame = any_grant};
  CHECK(share(process, *calls, any) == grants_reserved);
  CHECK(share(process, *calls, any) == grants_reserved + 1);
  const auto refused = [&](HypercallArguments arguments) {
    arguments.op = HypercallOp::grant_share;
    return ask(*process.host, *calls, arguments).answer.result;
  };
  CHECK(refused({.domain2 = 0, .frame = grants_reserved}) == -EEXIST);
  CHECK(refused({.domain2 = 0, .frame = grants_reserved + xen::grants_max}) == -EINVAL);
  CHECK(refused({.domain2 = 5, .frame = any_grant}) == -ESRCH);
  const auto end = [&](std::uint32_t reference) {
    return ask(*process.host, *calls, {.op = HypercallOp::grant_end, .frame = reference}).answer.result;
  };
  CHECK(end(grants_reserved) == 0);
  CHECK(end(grants_reserved) == -ENOENT);
  CHECK(share(process, *calls, any) == grants_reserved);
  for (std::size_t made = 2; made < xen::grants_max; ++made) share(process, *calls, any);
  CHECK(refused(any) == -ENOSPC);
}

TEST_CASE("a guest grants nothing, and ends nothing") {
  Machine machine;
  const Guest guest = machine.boot("web");
  for (const HypercallOp op : {HypercallOp::grant_share, HypercallOp::grant_end, HypercallOp::grant_notify})
    CHECK(ask(*guest.host, *guest.calls, {.op = op, .domain2 = 0, .frame = any_grant}).answer.result ==
          -EPERM);
}

TEST_CASE("grants to a domain end with it, so that a later domain of its id cannot map them") {
  Machine machine;
  const DomainId domain = machine.create("web");
  Process process(machine, "process");
  const auto calls = process.open();
  const std::uint32_t reference = share(process, *calls, {.domain2 = domain, .frame = any_grant});
  REQUIRE(machine.calls.domain_destroy(domain));
  CHECK(ask(*process.host, *calls, {.op = HypercallOp::grant_end, .frame = reference}).answer.result ==
        -ENOENT);
}

TEST_CASE("when a process dies, its grants end, its byte is cleared and its peer gets an event") {
  Machine machine;
  Process server(machine, "server");
  Process client(machine, "client");
  const auto server_events = server.open();
  const auto server_grants = server.open();
  const auto client_calls = client.open();
  const ring::Port server_port =
      ask(*server.host, *server_events, {.op = HypercallOp::evtchn_alloc_unbound, .domain2 = 0, .alone = 1})
          .answer.port;
  const std::uint32_t reference =
      share(server, *server_grants, {.domain2 = 0, .frame = any_grant, .alone = 1});
  REQUIRE(ask(*server.host, *server_grants,
              {.op = HypercallOp::grant_notify, .port = server_port, .frame = reference, .position = 21})
              .answer.result == 0);
  const auto bound =
      ask(*client.host, *client_calls,
          {.op = HypercallOp::evtchn_bind_interdomain, .domain2 = 0, .port2 = server_port, .alone = 1});
  REQUIRE(bound.answer.result == 0);
  const auto granted =
      ask(*client.host, *client_calls, {.op = HypercallOp::grant_map, .domain = 0, .frame = reference});
  const Mapping page = client.host->frame_map(granted.handles[0]).value();
  page.frame()[21] = page.frame()[22] = std::byte{1};
  // Its connections close in the order in which they were opened: that of the port is the first.
  machine.world.kill(*server.host);
  machine.world.run();
  CHECK(page.frame()[21] == std::byte{0});
  CHECK(page.frame()[22] == std::byte{1});
  CHECK(machine.raised(dom0_actor, bound.answer.port) == 1);
  CHECK(map_result(*client.host, *client_calls, 0, reference) == -ENOENT);
  CHECK(machine.calls.evtchn_status(0, server_port)->state == PortState::closed);
  const PortStatus left = machine.calls.evtchn_status(0, bound.answer.port).value();
  CHECK(left.state == PortState::unbound);
}

TEST_CASE("a process of dom0 may request a port of its own for a virtual interrupt") {
  Machine machine;
  Process one(machine, "one");
  Process two(machine, "two");
  const auto one_calls = one.open();
  const auto two_calls = two.open();
  const ring::Port common = bind_virq(one, *one_calls, 0);
  CHECK(bind_virq(two, *two_calls, 0) == common);
  const ring::Port own = bind_virq(two, *two_calls, 1);
  CHECK(own != common);
  // A successor of the first process still finds the common port.
  CHECK(bind_virq(one, *one_calls, 0) == common);
  const DomainId domain = machine.create("web");
  REQUIRE(machine.calls.domain_destroy(domain));
  CHECK(machine.raised(dom0_actor, common) == 1);
  CHECK(machine.raised(dom0_actor, own) == 1);
  machine.world.kill(*two.host);
  machine.world.run();
  CHECK(machine.calls.evtchn_status(0, own)->state == PortState::closed);
  CHECK(machine.calls.evtchn_status(0, common)->state == PortState::virq);
}

TEST_CASE("a guest's port that was bound by a dead process can be bound again by the next one") {
  Machine machine;
  const Guest guest = machine.boot("web");
  const ring::Port port = machine.calls.evtchn_alloc_unbound(guest.domain, 0).value();
  Process first(machine, "first");
  Process second(machine, "second");
  const auto first_calls = first.open();
  const auto second_calls = second.open();
  const HypercallArguments bind{
      .op = HypercallOp::evtchn_bind_interdomain, .domain2 = guest.domain, .port2 = port, .alone = 1};
  HypercallArguments to_closed = bind;
  to_closed.port2 = port + 1;
  CHECK(ask(*first.host, *first_calls, to_closed).answer.result == -EINVAL);
  CHECK(ask(*first.host, *first_calls, bind).answer.result == 0);
  // While the first one lives, the port is its own.
  CHECK(ask(*second.host, *second_calls, bind).answer.result == -EINVAL);
  machine.world.kill(*first.host);
  machine.world.run();
  CHECK(ask(*second.host, *second_calls, bind).answer.result == 0);
}

TEST_CASE("a program in a domain grants, binds and is notified as its domain") {
  Machine machine;
  const Guest one = machine.boot("one");
  const Guest two = machine.boot("two");
  Program server(machine, one.domain, "server");
  Program client(machine, two.domain, "client");
  const auto server_calls = server.open();
  const auto client_calls = client.open();
  const auto offered = ask(*server.host, *server_calls,
                           {.op = HypercallOp::evtchn_alloc_unbound, .domain2 = two.domain, .alone = 1});
  const auto shared =
      ask(*server.host, *server_calls,
          {.op = HypercallOp::grant_share, .domain2 = two.domain, .frame = any_grant, .alone = 1});
  REQUIRE(offered.answer.result == 0);
  REQUIRE(shared.answer.result == 0);
  const auto reference = static_cast<std::uint32_t>(shared.answer.position);
  const ring::Port port = offered.answer.port;
  REQUIRE(server.result(*server_calls, {.op = HypercallOp::grant_notify, .port = port, .frame = reference}) ==
          0);
  const auto bound =
      ask(*client.host, *client_calls,
          {.op = HypercallOp::evtchn_bind_interdomain, .domain2 = one.domain, .port2 = port, .alone = 1});
  REQUIRE(bound.answer.result == 0);
  const auto granted = ask(*client.host, *client_calls,
                           {.op = HypercallOp::grant_map, .domain = one.domain, .frame = reference});
  REQUIRE(granted.answer.result == 0);
  const Mapping page = client.host->frame_map(granted.handles[0]).value();
  page.frame()[0] = std::byte{1};
  // The kernel of the domain does not see the event.
  const Mapping kernel = machine.frame(two.domain, machine.calls, machine.dom0);
  machine.world.kill(*server.host);
  machine.world.run();
  CHECK(page.frame()[0] == std::byte{0});
  CHECK(machine.raised(trace::actor(trace::Role::domain, two.domain), bound.answer.port) == 1);
  CHECK_FALSE(ring::EventBits<>(kernel.frame(), ring::Abi::sring).is_pending(bound.answer.port));
  CHECK(machine.calls.evtchn_status(one.domain, port)->state == PortState::closed);
  CHECK(map_result(*client.host, *client_calls, one.domain, reference) == -ENOENT);
  // The domain itself goes on.
  CHECK(machine.info(one.domain)->state.crashed == 0);
}

TEST_CASE("a program in a domain has no rights beyond its domain's") {
  Machine machine;
  const Guest one = machine.boot("one");
  const Guest two = machine.boot("two");
  REQUIRE(machine.calls.grant_share(one.domain, grant_console));
  const ring::Port port_of_kernel = one.calls->evtchn_alloc_unbound(DOMID_SELF, 0).value();
  Program program(machine, one.domain, "program");
  const auto calls = program.open();
  const auto result = [&](const HypercallArguments& arguments) { return program.result(*calls, arguments); };
  for (const DomainId target : {two.domain, DomainId{0}, DomainId{4000}}) {
    CHECK(result({.op = HypercallOp::grant_share, .domain = target, .frame = any_grant}) == -EPERM);
    CHECK(result({.op = HypercallOp::grant_end, .domain = target, .frame = 8}) == -EPERM);
    CHECK(result({.op = HypercallOp::grant_notify, .domain = target, .frame = 8}) == -ENOENT);
    CHECK(result({.op = HypercallOp::evtchn_alloc_unbound, .domain = target, .alone = 1}) == -EPERM);
    CHECK(result({.op = HypercallOp::domain_connection, .domain = target, .alone = 1}) == -EPERM);
    CHECK(result({.op = HypercallOp::domain_destroy, .domain = target}) == -EPERM);
  }
  CHECK(result({.op = HypercallOp::domain_connection, .alone = 1}) == -EPERM);
  // What belongs to its domain's kernel or builder is not the program's.
  CHECK(result({.op = HypercallOp::grant_end, .frame = grant_console}) == -ENOENT);
  CHECK(result({.op = HypercallOp::evtchn_open, .port = port_of_kernel}) == -EINVAL);
  CHECK(map_result(machine.dom0, machine.calls, one.domain, grant_console) == 0);
}

TEST_CASE("a frame that is granted for reading gets no notification of its reader") {
  Machine machine;
  const Guest guest = machine.boot("web");
  Process granter(machine, "granter");
  const auto granter_calls = granter.open();
  const std::uint32_t reference =
      share(granter, *granter_calls, {.domain2 = guest.domain, .frame = any_grant, .read_only = 1});
  Program program(machine, guest.domain, "program");
  const auto calls = program.open();
  CHECK(program.result(*calls, {.op = HypercallOp::grant_notify, .domain = 0, .frame = reference}) ==
        -EACCES);
}

TEST_CASE("the connection of a program is not that of its domain's kernel") {
  Machine machine;
  const Guest guest = machine.boot("web");
  Program program(machine, guest.domain, "program");
  auto calls = program.open();
  const DomainId domain = guest.domain;
  REQUIRE(machine.calls.domain_destroy(domain));
  machine.world.run();
  CHECK(program.result(*calls, {.op = HypercallOp::evtchn_alloc_unbound, .alone = 1}) == -ESRCH);
  // A new domain of that id would otherwise get its calls.
  CHECK(machine.calls.domain_create("new", ring::Abi::sring, 65536, false, domain).error().code == EEXIST);
  machine.world.kill(*program.host);
  machine.world.run();
  CHECK(machine.calls.domain_create("new", ring::Abi::sring, 65536, false, domain));
}

}  // namespace xen_grants_test
