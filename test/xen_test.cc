// The hypervisor: permissions, the life of domains, and how events reach their receivers.
#include <cerrno>

#include "ring/channel_words.h"
#include "test/xen_machine.h"

namespace xen_test {

using namespace ringside;
using namespace ringside::test;
using Signal = Host::DomainSignal;

namespace {

constexpr trace::Actor dom0_actor = trace::actor(trace::Role::dom0);
constexpr DomainId no_domain = 77;

Result<Host::HypercallOutcome> raw_call(SimHost& host, const Privcmd& calls,
                                        const HypercallArguments& arguments) {
  return host.hypercall(calls.connection(), arguments, nullptr);
}

}  // namespace

TEST_CASE("dom0 exists from the start, and has a frame") {
  Machine machine;
  const auto info = machine.info(0);
  REQUIRE(info);
  CHECK(std::string(info->name) == "Domain-0");
  CHECK(info->state.running == 1);
  CHECK(info->shared_info_frame != 0);
  CHECK(machine.calls.start_info().value().info.domain == 0);
}

TEST_CASE("a new domain is paused, has a zeroed frame of its own and the first free id") {
  Machine machine;
  const DomainId web = machine.create("web");
  CHECK(web == 1);
  const auto info = machine.info(web);
  REQUIRE(info);
  CHECK(info->state.paused == 1);
  CHECK(info->state.running == 0);
  CHECK(info->memory_kib == 65536);
  CHECK(info->shared_info_frame != machine.info(0)->shared_info_frame);
  const Mapping page = machine.frame(web, machine.calls, machine.dom0);
  const bool zeroed = std::all_of(page.frame() + 2048, page.frame() + ring::frame_bytes,
                                  [](std::byte byte) { return byte == std::byte{0}; });
  CHECK(zeroed);
  CHECK(machine.told(web).front() == "created web");
}

TEST_CASE("names are unique, are not numbers, and are generated when none is given") {
  Machine machine;
  const DomainId nameless = machine.create();
  CHECK(std::string(machine.info(nameless)->name) == "dom1");
  machine.create("web");
  const auto code = [&](std::string_view name) {
    return machine.calls.domain_create(name, ring::Abi::sring, 0, false).error().code;
  };
  CHECK(code("web") == EEXIST);
  CHECK(code("Domain-0") == EEXIST);
  CHECK(code("42") == EINVAL);
  CHECK(code("two words") == EINVAL);
  CHECK(code("line\n") == EINVAL);
  machine.create("4a");
  HypercallArguments endless{.op = HypercallOp::domain_create};
  std::ranges::fill(endless.name, 'x');
  CHECK(raw_call(machine.dom0, machine.calls, endless)->answer.result == -EINVAL);
  HypercallArguments strange{.op = HypercallOp::domain_create};
  strange.abi = static_cast<ring::Abi>(9);
  CHECK(raw_call(machine.dom0, machine.calls, strange)->answer.result == -EINVAL);
}

TEST_CASE("a generated name skips one that is already taken") {
  Machine machine;
  machine.create("dom2");
  CHECK(machine.create() == 3);
  REQUIRE(machine.calls.domain_destroy(1));
  CHECK(std::string(machine.info(machine.create("dom2"))->name) == "dom2");
}

TEST_CASE("ids are not reused before all others were used") {
  Machine machine;
  const DomainId first = machine.create();
  const std::uint32_t first_frame = machine.info(first)->shared_info_frame;
  REQUIRE(machine.calls.domain_destroy(first));
  const DomainId kept = machine.create("kept");
  CHECK(kept == 2);
  for (DomainId id = 3; id <= domain_id_max; ++id) {
    REQUIRE(machine.create() == id);
    REQUIRE(machine.calls.domain_destroy(id));
  }
  CHECK(machine.create() == 1);
  CHECK(machine.info(1)->shared_info_frame != first_frame);
  CHECK(machine.create() == 3);
}

TEST_CASE("a builder may request an id, and gets that one or a refusal") {
  Machine machine;
  const auto ask = [&](DomainId id) {
    return machine.calls.domain_create("", ring::Abi::sring, 65536, false, id);
  };
  CHECK(ask(1025).value().domain == 1025);
  CHECK(ask(1025).error().code == EEXIST);
  CHECK(ask(domain_id_max + 1).error().code == EINVAL);
  CHECK(machine.create() == 1);

  Guest left = machine.connect(1);
  REQUIRE(machine.calls.domain_destroy(1));
  CHECK(ask(1).error().code == EEXIST);
  left.calls.reset();
  machine.world.run();
  CHECK(ask(1).value().domain == 1);
}

TEST_CASE("an id is not reused while a connection of its last domain is open") {
  Machine machine;
  Guest stale = machine.connect(machine.create());
  REQUIRE(machine.calls.domain_destroy(1));
  for (DomainId id = 2; id <= domain_id_max; ++id) {
    REQUIRE(machine.create() == id);
    REQUIRE(machine.calls.domain_destroy(id));
  }
  CHECK(machine.create() == 2);
  CHECK(stale.calls->start_info().error().code == ESRCH);
  stale.calls.reset();
  machine.world.run();
  for (DomainId id = 3; id <= domain_id_max; ++id) {
    REQUIRE(machine.create() == id);
    REQUIRE(machine.calls.domain_destroy(id));
  }
  CHECK(machine.create() == 1);
}

TEST_CASE("one domain more than the limit is refused, and the limit is named") {
  Machine machine({.dom0_abi = ring::Abi::sring, .domains_max = 2});
  machine.create();
  machine.create();
  const auto refused = machine.calls.domain_create("", ring::Abi::sring, 0, false);
  CHECK(refused.error().code == ENOMEM);
  CHECK(refused.error().why == "2 domains exist, which is the limit (domains_max)");
  REQUIRE(machine.calls.domain_destroy(1));
  CHECK(machine.create() == 3);
}

TEST_CASE("only dom0 manages domains") {
  Machine machine;
  Guest guest = machine.boot();
  const DomainId other = machine.create("other");
  Privcmd& calls = *guest.calls;
  CHECK(calls.domain_create("x", ring::Abi::sring, 0, false).error().code == EPERM);
  for (const DomainId target : {guest.domain, other, DomainId{0}, no_domain}) {
    CHECK(calls.domain_connection(target).error().code == EPERM);
    CHECK(calls.domain_pause(target).error().code == EPERM);
    CHECK(calls.domain_unpause(target).error().code == EPERM);
    CHECK(calls.domain_destroy(target).error().code == EPERM);
    CHECK(calls.domain_set_console_port(target, 1).error().code == EPERM);
    CHECK(calls.window_set(target, 24, 80).error().code == EPERM);
    const Handle process = machine.world.process_of(*guest.host, *guest.host);
    CHECK(calls.domain_set_process(target, process).error().code == EPERM);
  }
  CHECK(machine.info(guest.domain)->state.paused == 0);
}

TEST_CASE("a guest may name only itself") {
  Machine machine;
  Guest guest = machine.boot();
  const DomainId other = machine.create("other");
  Privcmd& calls = *guest.calls;
  const std::uint32_t others_frame = machine.info(other)->shared_info_frame;
  for (const DomainId target : {other, DomainId{0}, no_domain}) {
    CHECK(calls.domain_info(target).error().code == EPERM);
    CHECK(calls.map_frame(target, others_frame).error().code == EPERM);
    CHECK(calls.evtchn_alloc_unbound(target, guest.domain).error().code == EPERM);
    CHECK(calls.evtchn_close(target, 1).error().code == EPERM);
    CHECK(calls.evtchn_status(target, 1).error().code == EPERM);
    CHECK(calls.evtchn_bind_interdomain(target, guest.domain, 0, 0).error().code == EPERM);
  }
  CHECK(calls.evtchn_bind_interdomain(DOMID_SELF, other, 0, 0).error().code == EPERM);
  CHECK(calls.evtchn_bind_virq(VIRQ_CONSOLE).error().code == EPERM);
  CHECK(calls.evtchn_bind_virq(VIRQ_DOM_EXC).error().code == EPERM);
  CHECK(calls.evtchn_status(0, 1).error().why == "domain 1 may only name itself, not domain 0");

  CHECK(calls.domain_info(DOMID_SELF).value()->domain == guest.domain);
  CHECK(calls.map_frame(DOMID_SELF, others_frame).error().code == EINVAL);
  CHECK(calls.map_frame(guest.domain, machine.info(guest.domain)->shared_info_frame));
  CHECK(calls.evtchn_alloc_unbound(DOMID_SELF, 0).value() == 1);
  CHECK(calls.evtchn_status(guest.domain, 1)->remote_domain == 0);
  CHECK(calls.evtchn_bind_interdomain(DOMID_SELF, DOMID_SELF, 0, 0)->port2 == 3);
  CHECK(calls.evtchn_bind_virq(VIRQ_TIMER).value() == 4);
}

TEST_CASE("an unknown domain is ESRCH, an unknown virq EINVAL, an unknown hypercall ENOSYS") {
  Machine machine;
  Privcmd& calls = machine.calls;
  CHECK(calls.domain_connection(no_domain).error().code == ESRCH);
  CHECK(calls.domain_pause(no_domain).error().code == ESRCH);
  CHECK(calls.domain_unpause(no_domain).error().code == ESRCH);
  CHECK(calls.domain_destroy(no_domain).error().code == ESRCH);
  CHECK(calls.map_frame(no_domain, 1).error().code == ESRCH);
  CHECK(calls.evtchn_alloc_unbound(0, no_domain).error().code == ESRCH);
  CHECK(calls.evtchn_bind_interdomain(0, no_domain, 0, 0).error().code == ESRCH);
  CHECK(calls.evtchn_status(no_domain, 1).error().code == ESRCH);
  CHECK(calls.evtchn_bind_virq(virqs).error().code == EINVAL);
  CHECK(calls.window_set(no_domain, 24, 80).error().code == ESRCH);
  const auto answer = raw_call(machine.dom0, calls, {.op = static_cast<HypercallOp>(999)})->answer;
  CHECK(answer.result == -ENOSYS);
  CHECK(std::string(answer.why) == "there is no hypercall 999");
  CHECK(machine.sink.count(trace::Kind::refused) == 11);
}

TEST_CASE("dom0 itself is not paused, destroyed or shut down") {
  Machine machine;
  CHECK(machine.calls.domain_pause(0).error().code == EINVAL);
  CHECK(machine.calls.domain_destroy(DOMID_SELF).error().code == EINVAL);
  CHECK(machine.calls.domain_connection(0).error().code == EINVAL);
  CHECK(machine.calls.sched_shutdown(ShutdownReason::poweroff, 0).error().code == EINVAL);
}

TEST_CASE("domains are listed in the order of their ids, up to the end") {
  Machine machine;
  machine.create("a");
  machine.create("b");
  const auto all = machine.calls.domains().value();
  REQUIRE(all.size() == 3);
  CHECK(all[2].domain == 2);
  CHECK(machine.calls.domain_find("b")->domain == 2);
  CHECK(machine.calls.domain_find("1")->domain == 1);
  CHECK(machine.sink.count(trace::Kind::refused) == 0);  // reading to the end is no error
}

TEST_CASE("a guest's start info has its id, its frame and its console port") {
  Machine machine;
  Guest guest = machine.boot("web", ring::Abi::flat);
  const auto pair = console(machine, guest.domain);
  REQUIRE(machine.calls.window_set(guest.domain, 50, 132));
  auto start = guest.calls->start_info().value();
  CHECK(start.info.domain == guest.domain);
  CHECK(start.info.abi == ring::Abi::flat);
  CHECK(start.info.console_port == pair.port2);
  CHECK(start.info.rows == 50);
  CHECK(start.info.columns == 132);
  const Mapping own = guest.host->frame_map(start.frame).value();
  const Mapping seen = machine.frame(guest.domain, machine.calls, machine.dom0);
  own.frame()[2048] = std::byte{42};
  CHECK(seen.frame()[2048] == std::byte{42});
}

TEST_CASE("a console port must be connected to dom0") {
  Machine machine;
  Guest guest = machine.boot();
  const auto code = [&](ring::Port port) {
    return machine.calls.domain_set_console_port(guest.domain, port).error().code;
  };
  CHECK(code(0) == EINVAL);
  CHECK(code(1024) == EINVAL);
  CHECK(code(1) == EINVAL);
  (void)guest.calls->evtchn_bind_ipi();
  CHECK(code(1) == EINVAL);
  (void)guest.calls->evtchn_alloc_unbound(DOMID_SELF, guest.domain);
  CHECK(code(2) == EINVAL);
  (void)guest.calls->evtchn_alloc_unbound(DOMID_SELF, 0);
  CHECK(machine.calls.domain_set_console_port(guest.domain, 3));
  CHECK(machine.told(guest.domain).back() == "its console port is 3");
  CHECK_FALSE(machine.info(guest.domain)->today());
  // So must a store's port be, of a domain of today.
  CHECK(machine.calls.domain_set_console_port(guest.domain, 3, 2).error().code == EINVAL);
  CHECK_FALSE(machine.info(guest.domain)->today());
  (void)guest.calls->evtchn_alloc_unbound(DOMID_SELF, 0);
  CHECK(machine.calls.domain_set_console_port(guest.domain, 3, 4));
  CHECK(machine.info(guest.domain)->today());
  CHECK(guest.calls->start_info()->info.store_port == 4);
}

TEST_CASE("pausing stops the process once, unpausing resumes it once") {
  Machine machine;
  Guest guest = machine.boot();
  CHECK(last_signal(machine, guest.domain) == static_cast<int>(Signal::resume));
  REQUIRE(machine.calls.domain_pause(guest.domain));
  CHECK(machine.info(guest.domain)->state.paused == 1);
  CHECK(last_signal(machine, guest.domain) == static_cast<int>(Signal::stop));
  const std::size_t signals = machine.world.signals().size();
  REQUIRE(machine.calls.domain_pause(guest.domain));
  CHECK(machine.world.signals().size() == signals);
  REQUIRE(machine.calls.domain_unpause(guest.domain));
  CHECK(last_signal(machine, guest.domain) == static_cast<int>(Signal::resume));
  REQUIRE(machine.calls.domain_unpause(guest.domain));
  CHECK(machine.world.signals().size() == signals + 1);
  CHECK(machine.has_told(guest.domain, "paused"));
  CHECK(machine.has_told(guest.domain, "unpaused"));
}

TEST_CASE("a process that is set for a paused domain is stopped, for an unpaused one resumed") {
  Machine machine;
  Guest paused = machine.connect(machine.create());
  REQUIRE(machine.calls.domain_set_process(1, machine.world.process_of(*paused.host, machine.dom0)));
  CHECK(last_signal(machine, 1) == static_cast<int>(Signal::stop));
  Guest unpaused = machine.connect(machine.create());
  REQUIRE(machine.calls.domain_unpause(2));
  REQUIRE(machine.calls.domain_set_process(2, machine.world.process_of(*unpaused.host, machine.dom0)));
  CHECK(last_signal(machine, 2) == static_cast<int>(Signal::resume));
  const auto info = machine.info(2);
  CHECK(info->state.running == 1);
  CHECK(info->process > 0);
}

TEST_CASE("a domain has one process, and needs a handle to it") {
  Machine machine;
  Guest guest = machine.boot();
  const Handle process = machine.world.process_of(*guest.host, machine.dom0);
  CHECK(machine.calls.domain_set_process(guest.domain, process).error().code == EBUSY);
  const DomainId bare = machine.create();
  const HypercallArguments none{.op = HypercallOp::domain_set_process, .domain = bare};
  CHECK(raw_call(machine.dom0, machine.calls, none)->answer.result == -EINVAL);
  CHECK(machine.info(bare)->state.running == 0);
}

TEST_CASE("a guest that shuts down gives its reason once, and dom0 gets a virq") {
  Machine machine;
  const ring::Port exc = machine.calls.evtchn_bind_virq(VIRQ_DOM_EXC).value();
  Wakes wakes(machine.dom0, std::move(machine.calls.evtchn_open(exc).value().kicks));
  machine.world.run();
  wakes.count = 0;
  Guest guest = machine.boot("web");
  Privcmd& calls = *guest.calls;
  CHECK(calls.sched_shutdown(static_cast<ShutdownReason>(4), 0).error().code == EINVAL);
  CHECK(calls.sched_shutdown(ShutdownReason::poweroff, 256).error().code == EINVAL);
  CHECK(calls.sched_shutdown(ShutdownReason::poweroff, -1).error().code == EINVAL);
  REQUIRE(calls.sched_shutdown(ShutdownReason::reboot, 7));
  CHECK(calls.sched_shutdown(ShutdownReason::poweroff, 0).error().code == EINVAL);
  machine.world.run();
  CHECK(wakes.count == 1);
  CHECK(machine.raised(dom0_actor, exc) == 1);

  machine.world.kill(*guest.host);  // it ends normally: no crash
  machine.world.run();
  const auto info = machine.info(guest.domain);
  CHECK(info->state.shutdown == 1);
  CHECK(info->state.crashed == 0);
  CHECK(info->state.running == 0);
  CHECK(info->process == 0);
  CHECK(info->reason == ShutdownReason::reboot);
  CHECK(info->exit_status == 7);
  CHECK(machine.raised(dom0_actor, exc) == 1);
  CHECK(machine.has_told(guest.domain, "shut down: reboot, exit status 7"));
}

TEST_CASE("a guest whose process dies has crashed, and stays until it is destroyed") {
  Machine machine;
  const ring::Port exc = machine.calls.evtchn_bind_virq(VIRQ_DOM_EXC).value();
  Guest guest = machine.boot();
  machine.world.kill(*guest.host);
  machine.world.run();
  const auto info = machine.info(guest.domain);
  REQUIRE(info);
  CHECK(info->state.crashed == 1);
  CHECK(info->state.running == 0);
  CHECK(info->reason == ShutdownReason::crash);
  CHECK(info->exit_status == 137);
  CHECK(machine.raised(dom0_actor, exc) == 1);
  CHECK(last_signal(machine, guest.domain) ==
        static_cast<int>(Signal::kill));  // processes that it left running
  const Handle process = machine.world.process_of(machine.dom0, machine.dom0);
  CHECK(machine.calls.domain_set_process(guest.domain, process).error().code == EINVAL);
  REQUIRE(machine.calls.domain_destroy(guest.domain));
  CHECK_FALSE(machine.info(guest.domain));
}

TEST_CASE("a guest that closes its connection without shutting down has crashed and is killed") {
  Machine machine;
  Guest guest = machine.boot();
  guest.calls.reset();
  machine.world.run();
  CHECK(machine.info(guest.domain)->state.crashed == 0);  // it may be dying; its end would report the reason
  machine.world.run_for(std::chrono::seconds(2));
  CHECK(machine.info(guest.domain)->state.crashed == 1);
  CHECK(machine.has_told(guest.domain, "crashed: it closed its connection"));
  CHECK(guest.host->ended());
}

TEST_CASE("destroying a domain kills its process, frees its name and its ports, and raises dom0's virq") {
  Machine machine;
  const ring::Port exc = machine.calls.evtchn_bind_virq(VIRQ_DOM_EXC).value();
  Guest guest = machine.boot("web");
  const auto pair = console(machine, guest.domain);
  const auto opened = machine.calls.evtchn_open(pair.port1);
  const std::uint32_t frame = machine.info(guest.domain)->shared_info_frame;
  REQUIRE(machine.calls.domain_destroy(guest.domain));
  machine.world.run();
  CHECK(guest.host->ended());
  CHECK_FALSE(machine.info(guest.domain));
  CHECK(machine.raised(dom0_actor, exc) == 1);
  CHECK(machine.calls.evtchn_status(0, pair.port1)->state == PortState::unbound);
  CHECK(machine.calls.map_frame(guest.domain, frame).error().code == ESRCH);
  CHECK(machine.told(guest.domain).back() == "destroyed web");
  CHECK(machine.create("web") == 2);
}

TEST_CASE("a machine that ends kills every guest and keeps dom0") {
  Machine machine;
  Guest one = machine.boot();
  Guest two = machine.boot();
  machine.create();
  machine.hypervisor.shutdown_all();
  machine.world.run();
  CHECK(one.host->ended());
  CHECK(two.host->ended());
  CHECK(machine.calls.domains()->size() == 1);
}

TEST_CASE("a call that timed out is carried out, and its answer goes to no other call") {
  Machine machine;
  SimHost& xen = machine.world.host("xen");
  const DomainId one = machine.create("one");
  const auto after_silence = [&](const auto& call) {
    machine.world.stall(xen);
    CHECK(call().error().code == ETIMEDOUT);
    CHECK(call().error().code == ETIMEDOUT);
    machine.world.go_on(xen);
    machine.world.run();
  };
  const auto create_two = [&] { return machine.calls.domain_create("two", ring::Abi::sring, 65536, false); };
  after_silence(create_two);
  // The same call is repeated: it was carried out once, and this is its answer.
  auto two = create_two();
  REQUIRE(two);
  CHECK(machine.info(two->domain)->name == std::string("two"));
  CHECK(create_two().error().code == EEXIST);

  const std::size_t handles = machine.world.open_handles().size();
  after_silence([&] { return machine.calls.map_frame(two->domain, two->shared_info_frame); });
  CHECK(machine.info(one)->domain == one);
  CHECK(machine.world.open_handles().size() == handles);
}

TEST_CASE("a caller that asks whether the hypervisor answers is called back when it does") {
  Machine machine;
  SimHost& xen = machine.world.host("xen");
  int called = 0;
  machine.calls.when_answered([&] { ++called; });
  CHECK(called == 1);
  machine.world.stall(xen);
  machine.calls.when_answered([&] { ++called; });
  machine.world.run();
  CHECK(called == 1);
  machine.world.go_on(xen);
  machine.world.run();
  CHECK(called == 2);
  machine.world.kill(xen);
  machine.world.run();
  machine.calls.when_answered([&] { ++called; });
  CHECK(called == 3);
}

}  // namespace xen_test
