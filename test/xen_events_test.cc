// How events reach their receivers: the bits that the hypervisor sets, and its kicks.
#include <cerrno>

#include "ring/channel_words.h"
#include "test/xen_machine.h"

namespace xen_events_test {

using namespace ringside;
using namespace ringside::test;

namespace {

constexpr trace::Actor dom0_actor = trace::actor(trace::Role::dom0);

/// One guest with a console channel, and the state that both sides hold.
struct Channel : Machine {
  explicit Channel(ring::Abi abi = ring::Abi::sring)
      : guest(boot("web", abi)),
        pair(calls.evtchn_bind_interdomain(0, guest.domain, any_port, any_port).value()),
        page(frame(guest.domain, calls, dom0)),
        dom0_page(frame(0, calls, dom0)),
        guest_bits(page.frame(), abi),
        dom0_bits(dom0_page.frame(), ring::Abi::sring),
        guest_wakes(*guest.host, std::move(guest.calls->evtchn_open(pair.port2).value().kicks)),
        dom0_wakes(dom0, std::move(calls.evtchn_open(pair.port1).value().kicks)) {
    REQUIRE(calls.domain_set_console_port(guest.domain, pair.port2));
    settle();
  }

  /// Resets the counted wake-ups.
  void settle() {
    world.run();
    guest_wakes.count = dom0_wakes.count = 0;
  }
  [[nodiscard]] trace::Actor guest_actor() const { return trace::actor(trace::Role::domain, guest.domain); }

  Guest guest;
  Privcmd::PortPair pair;  ///< dom0's port, the guest's
  Mapping page;            ///< the guest's frame
  Mapping dom0_page;
  ring::EventBits<> guest_bits;
  ring::EventBits<> dom0_bits;
  Wakes guest_wakes;
  Wakes dom0_wakes;
};

}  // namespace

TEST_CASE("an event of a guest of today sets the bits of dom0, as its controller does not read its frame") {
  Channel channel;
  const ring::Port store_port = channel.calls.evtchn_alloc_unbound(channel.guest.domain, 0).value();
  REQUIRE(channel.calls.domain_set_console_port(channel.guest.domain, channel.pair.port2, store_port));
  REQUIRE(channel.guest.calls->evtchn_send(channel.pair.port2));
  channel.world.run();
  CHECK(channel.dom0_wakes.count == 1);
  CHECK(channel.dom0_bits.is_pending(channel.pair.port1));
  CHECK_FALSE(ring::UpEvents<>(channel.page.frame()).is_pending());
}

TEST_CASE("dom0's event sets the guest's bits and kicks its vcpu, once until it is taken") {
  const auto abi = GENERATE(ring::Abi::sring, ring::Abi::flat);
  Channel channel(abi);
  REQUIRE(channel.calls.evtchn_send(channel.pair.port1));
  REQUIRE(channel.calls.evtchn_send(channel.pair.port1));
  channel.world.run();
  CHECK(channel.guest_wakes.count == 1);
  CHECK(channel.guest_bits.is_pending(channel.pair.port2));
  CHECK(channel.guest_bits.upcall_is_pending());
  CHECK(channel.raised(channel.guest_actor(), channel.pair.port2) == 2);
  std::vector<ring::Port> found;
  channel.guest_bits.upcall([&](ring::Port port) {
    found.push_back(port);
    channel.guest_bits.clear_pending(port);
  });
  CHECK(found == std::vector<ring::Port>{channel.pair.port2});
  REQUIRE(channel.calls.evtchn_send(channel.pair.port1));
  channel.world.run();
  CHECK(channel.guest_wakes.count == 2);
}

TEST_CASE("a masked port and a selected word do not kick a guest") {
  Channel channel;
  channel.guest_bits.set_mask(channel.pair.port2);
  REQUIRE(channel.calls.evtchn_send(channel.pair.port1));
  channel.world.run();
  CHECK(channel.guest_wakes.count == 0);
  CHECK(channel.guest_bits.is_pending(channel.pair.port2));

  const auto other = channel.calls.evtchn_bind_interdomain(0, channel.guest.domain, 0, 0).value();
  const auto third = channel.calls.evtchn_bind_interdomain(0, channel.guest.domain, 0, 0).value();
  REQUIRE(channel.calls.evtchn_send(other.port1));
  REQUIRE(channel.calls.evtchn_send(third.port1));
  channel.world.run();
  CHECK(channel.guest_wakes.count == 1);
}

TEST_CASE("a guest's console event is announced in its own frame and kicks dom0's port") {
  Channel channel;
  Privcmd& guest = *channel.guest.calls;
  ring::UpEvents<> up(channel.page.frame());
  REQUIRE(guest.evtchn_send(channel.pair.port2));
  REQUIRE(guest.evtchn_send(channel.pair.port2));
  channel.world.run();
  CHECK(channel.dom0_wakes.count == 1);
  CHECK(up.is_pending());
  CHECK_FALSE(channel.dom0_bits.is_pending(channel.pair.port1));
  CHECK(channel.raised(dom0_actor, channel.pair.port1) == 2);

  up.set_mask();
  up.clear_pending();
  REQUIRE(guest.evtchn_send(channel.pair.port2));
  channel.world.run();
  CHECK(channel.dom0_wakes.count == 1);
  CHECK(up.unmask());
}

TEST_CASE("each port of dom0 is kicked separately, although all share a selector") {
  Channel channel;
  Privcmd& guest = *channel.guest.calls;
  const auto one = channel.calls.evtchn_bind_interdomain(0, channel.guest.domain, 0, 0).value();
  const auto two = channel.calls.evtchn_bind_interdomain(0, channel.guest.domain, 0, 0).value();
  Wakes one_wakes(channel.dom0, std::move(channel.calls.evtchn_open(one.port1).value().kicks));
  Wakes two_wakes(channel.dom0, std::move(channel.calls.evtchn_open(two.port1).value().kicks));
  REQUIRE(guest.evtchn_send(one.port2));
  REQUIRE(guest.evtchn_send(two.port2));
  REQUIRE(guest.evtchn_send(two.port2));
  channel.world.run();
  CHECK(one_wakes.count == 1);
  CHECK(two_wakes.count == 1);
  CHECK(channel.dom0_wakes.count == 0);
  CHECK(channel.dom0_bits.is_pending(one.port1));
  CHECK(channel.dom0_bits.is_pending(two.port1));

  channel.dom0_bits.clear_pending(two.port1);
  channel.dom0_bits.set_mask(two.port1);
  REQUIRE(guest.evtchn_send(two.port2));
  channel.world.run();
  CHECK(two_wakes.count == 1);
}

TEST_CASE("two guests reach each other through the hypervisor only") {
  Channel channel;
  Guest mail = channel.boot("mail");
  const ring::Port waits = channel.guest.calls->evtchn_alloc_unbound(DOMID_SELF, mail.domain).value();
  const auto pair = mail.calls->evtchn_bind_interdomain(DOMID_SELF, channel.guest.domain, 0, waits).value();
  const auto handles = mail.calls->evtchn_open(pair.port1).value();
  CHECK(handles.kicks.valid());
  CHECK_FALSE(handles.peer_kicks.valid());
  REQUIRE(mail.calls->evtchn_send(pair.port1));
  channel.world.run();
  CHECK(channel.guest_wakes.count == 1);
  CHECK(channel.guest_bits.is_pending(waits));
}

TEST_CASE("a guest interrupts itself through an ipi port") {
  Channel channel;
  const ring::Port ipi = channel.guest.calls->evtchn_bind_ipi().value();
  REQUIRE(channel.guest.calls->evtchn_send(ipi));
  channel.world.run();
  CHECK(channel.guest_wakes.count == 1);
  CHECK(channel.guest_bits.is_pending(ipi));
}

TEST_CASE("sending through a port without another end is refused") {
  Channel channel;
  Privcmd& guest = *channel.guest.calls;
  const ring::Port unbound = guest.evtchn_alloc_unbound(DOMID_SELF, 0).value();
  const ring::Port virq = guest.evtchn_bind_virq(VIRQ_TIMER).value();
  for (const ring::Port port : {0u, unbound, virq, 500u, 1024u}) {
    CHECK(guest.evtchn_send(port).error().code == EINVAL);
  }
  REQUIRE(channel.calls.evtchn_close(0, channel.pair.port1));
  CHECK(guest.evtchn_send(channel.pair.port2).error().code == EINVAL);
}

TEST_CASE("an opened channel returns both sides' kicks") {
  Channel channel;
  auto from_guest = channel.guest.calls->evtchn_open(channel.pair.port2).value();
  auto from_dom0 = channel.calls.evtchn_open(channel.pair.port1).value();
  channel.guest.host->kick(from_guest.peer_kicks);
  channel.world.run();
  CHECK(channel.dom0_wakes.count == 1);
  CHECK(channel.guest_wakes.count == 0);
  channel.dom0.kick(from_dom0.peer_kicks);
  channel.world.run();
  CHECK(channel.guest_wakes.count == 1);
}

TEST_CASE("all ports of a guest share its vcpu's kicks, and only interdomain ports have a peer") {
  Channel channel;
  const ring::Port virq = channel.guest.calls->evtchn_bind_virq(VIRQ_WINDOW).value();
  auto opened = channel.guest.calls->evtchn_open(virq).value();
  CHECK_FALSE(opened.peer_kicks.valid());
  Wakes by_other_port(*channel.guest.host, std::move(opened.kicks));
  auto from_dom0 = channel.calls.evtchn_open(channel.pair.port1).value();
  channel.dom0.kick(from_dom0.peer_kicks);
  channel.world.run();
  CHECK(channel.guest_wakes.count == 1);
  CHECK(by_other_port.count == 1);
  CHECK(channel.guest.calls->evtchn_open(99).error().code == EINVAL);
  CHECK(channel.guest.calls->evtchn_open(0).error().code == EINVAL);
}

TEST_CASE("a channel's kicks outlive the process of dom0 that served it") {
  Channel channel;
  SimHost& first = channel.world.host("xcs");
  auto calls = channel.another(first);
  const Handle opened = std::move(calls->evtchn_open(channel.pair.port1).value().kicks);
  auto guest_handles = channel.guest.calls->evtchn_open(channel.pair.port2).value();
  channel.world.kill(first);
  channel.world.run();

  SimHost& second = channel.world.host("xcs");
  auto again = channel.another(second);
  const auto pair = again->evtchn_bind_interdomain(0, channel.guest.domain, 0, channel.pair.port2).value();
  CHECK(pair.port1 == channel.pair.port1);
  Wakes wakes(second, std::move(again->evtchn_open(pair.port1).value().kicks));
  channel.world.run();
  wakes.count = 0;
  channel.guest.host->kick(guest_handles.peer_kicks);  // obtained before the death
  channel.world.run();
  CHECK(wakes.count == 1);
}

TEST_CASE("kicks of a closed port do not reach its next use") {
  Channel channel;
  auto old = channel.guest.calls->evtchn_open(channel.pair.port2).value();
  REQUIRE(channel.calls.evtchn_close(0, channel.pair.port1));
  const ring::Port virq = channel.calls.evtchn_bind_virq(VIRQ_DOM_EXC).value();
  REQUIRE(virq == channel.pair.port1);
  Wakes wakes(channel.dom0, std::move(channel.calls.evtchn_open(virq).value().kicks));
  channel.world.run();
  wakes.count = 0;
  channel.guest.host->kick(old.peer_kicks);
  channel.world.run();
  CHECK(wakes.count == 0);
}

TEST_CASE("a port begins without the bits of an earlier use") {
  Channel channel;
  REQUIRE(channel.calls.evtchn_close(0, channel.pair.port1));
  (void)channel.dom0_bits.raise(channel.pair.port1);
  channel.dom0_bits.set_mask(channel.pair.port1);
  const ring::Port virq = channel.calls.evtchn_bind_virq(VIRQ_DOM_EXC).value();
  REQUIRE(virq == channel.pair.port1);
  CHECK_FALSE(channel.dom0_bits.is_pending(virq));
  CHECK_FALSE(channel.dom0_bits.is_masked(virq));
}

TEST_CASE("binding a channel again leaves the events that wait in it") {
  Channel channel;
  REQUIRE(channel.calls.evtchn_send(channel.pair.port1));
  REQUIRE(channel.calls.evtchn_close(0, channel.pair.port1));
  REQUIRE(channel.calls.evtchn_bind_interdomain(0, channel.guest.domain, 0, channel.pair.port2));
  CHECK(channel.guest_bits.is_pending(channel.pair.port2));
}

TEST_CASE("a new window size is a virq for the guest") {
  Channel channel;
  REQUIRE(channel.calls.window_set(channel.guest.domain, 24, 80));  // not bound: nothing to raise
  channel.world.run();
  CHECK(channel.guest_wakes.count == 0);
  const ring::Port virq = channel.guest.calls->evtchn_bind_virq(VIRQ_WINDOW).value();
  REQUIRE(channel.calls.window_set(channel.guest.domain, 50, 132));
  channel.world.run();
  CHECK(channel.guest_wakes.count == 1);
  CHECK(channel.guest_bits.is_pending(virq));
  CHECK(channel.calls.window_set(channel.guest.domain, 0, 80).error().code == EINVAL);
  CHECK(channel.calls.window_set(channel.guest.domain, 24, 0).error().code == EINVAL);
  CHECK(channel.info(channel.guest.domain)->columns == 132);
}

TEST_CASE("dom0's virq reaches every process that has its port open") {
  Channel channel;
  SimHost& tool = channel.world.host("tool");
  auto tool_calls = channel.another(tool);
  const ring::Port port = channel.calls.evtchn_bind_virq(VIRQ_DOM_EXC).value();
  REQUIRE(tool_calls->evtchn_bind_virq(VIRQ_DOM_EXC).value() == port);
  Wakes one(channel.dom0, std::move(channel.calls.evtchn_open(port).value().kicks));
  Wakes two(tool, std::move(tool_calls->evtchn_open(port).value().kicks));
  channel.world.run();
  one.count = two.count = 0;
  REQUIRE(channel.guest.calls->sched_shutdown(ShutdownReason::poweroff, 0));
  channel.world.run();
  CHECK(one.count == 1);
  CHECK(two.count == 1);
  CHECK(channel.dom0_bits.is_pending(port));
}

}  // namespace xen_events_test
