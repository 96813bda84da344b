// The event device alone, with a hypervisor that raises events for the test.
#include "emu/dom0/channel/event_device.h"

#include "emu/trace/memory_sink.h"
#include "test/catch.h"
#include "test/fake_hypervisor.h"

namespace event_device_test {

using namespace ringside;
using namespace ringside::dom0;

namespace {

using Read = EventDevice::Read;

/// A daemon with an event device, and VIRQ_DOM_EXC bound at port 1.
struct Fixture {
  SimWorld world;
  test::FakeHypervisor xen{world};
  SimHost& host = world.host("daemon");
  trace::MemorySink sink{world.clock()};
  trace::Journal journal{sink, trace::actor(trace::Role::xcs)};
  Privcmd privcmd{host, world.dom0_connection(host)};
  std::unique_ptr<EventDevice> device = EventDevice::open(host, journal, privcmd).value();
  ring::EventBits<> bits{xen.frame(0), ring::Abi::sring};
  int readable = 0;

  Fixture() {
    device->on_readable([this] { ++readable; });
    REQUIRE(privcmd.evtchn_bind_virq(VIRQ_DOM_EXC).value() == 1);
  }

  std::vector<std::uint16_t> read_all() {
    std::vector<std::uint16_t> ports;
    std::uint16_t port = 0;
    while (device->read(port) == Read::port) ports.push_back(port);
    return ports;
  }
};

using Ports = std::vector<std::uint16_t>;

}  // namespace

TEST_CASE("a raised port is read once, masked and no longer pending") {
  Fixture f;
  REQUIRE(f.device->bind(1, EventDevice::Wake::device, 0));
  f.xen.raise_in_dom0(1);
  CHECK(f.bits.is_pending(1));
  f.world.run();
  CHECK(f.readable == 1);
  CHECK(f.bits.is_masked(1));
  CHECK_FALSE(f.bits.is_pending(1));
  CHECK(f.read_all() == Ports{1});
  CHECK(f.sink.count(trace::Kind::event_taken) == 1);
}

TEST_CASE("a port that was not written back is not delivered again") {
  Fixture f;
  REQUIRE(f.device->bind(1, EventDevice::Wake::device, 0));
  f.xen.raise_in_dom0(1);
  f.world.run();
  CHECK(f.read_all() == Ports{1});
  CHECK(f.xen.raise_in_dom0(1) == ring::Raised::masked);
  f.world.run();
  CHECK(f.read_all().empty());
  SECTION("it is delivered after it was written back, since it was raised before that") {
    f.device->write(1);
    CHECK(f.read_all() == Ports{1});
    f.device->write(1);
    CHECK(f.read_all().empty());
    CHECK_FALSE(f.bits.is_masked(1));
  }
}

TEST_CASE("an event that a dead predecessor left pending is delivered to the next binder of the port") {
  Fixture f;
  f.bits.set_mask(1);
  CHECK(f.bits.raise(1) == ring::Raised::masked);
  REQUIRE(f.device->bind(1, EventDevice::Wake::device, 0));
  CHECK(f.read_all() == Ports{1});
}

TEST_CASE("a kick without an event delivers nothing") {
  Fixture f;
  REQUIRE(f.device->bind(1, EventDevice::Wake::device, 0));
  f.xen.host().kick(f.xen.port_kicks(1));
  f.world.run();
  CHECK(f.read_all().empty());
}

TEST_CASE("another daemon's upcall does not suppress this one's event") {
  Fixture f;
  SimHost& other_host = f.world.host("other daemon");
  Privcmd other_privcmd(other_host, f.world.dom0_connection(other_host));
  auto other = EventDevice::open(other_host, f.journal, other_privcmd).value();
  REQUIRE(other_privcmd.evtchn_bind_virq(VIRQ_DEBUG).value() == 2);
  REQUIRE(other->bind(2, EventDevice::Wake::device, 0));
  REQUIRE(f.device->bind(1, EventDevice::Wake::device, 0));
  // Both ports are in one selector word. The other daemon wakes first and finds both.
  f.xen.raise_in_dom0(2);
  CHECK(f.xen.raise_in_dom0(1) == ring::Raised::already_selected);
  f.world.run();
  CHECK(f.bits.selector_word() == 0);
  std::uint16_t port = 0;
  CHECK(other->read(port) == Read::port);
  CHECK(port == 2);
  CHECK(other->read(port) == Read::nothing);
  CHECK(f.read_all() == Ports{1});
}

TEST_CASE("a daemon raises the event of a sender that cannot reach dom0's bits") {
  Fixture f;
  f.xen.add_domain(1);
  REQUIRE(f.privcmd.evtchn_bind_interdomain(DOMID_SELF, 1, 0, 0).value().port1 == 2);
  REQUIRE(f.device->bind(2, EventDevice::Wake::owner, 1));
  CHECK(f.device->peer_kicks(2).valid());
  f.device->raise(2);
  f.device->raise(2);
  CHECK(f.read_all() == Ports{2});
  CHECK(f.bits.is_pending(2));
  f.device->write(2);
  CHECK(f.read_all() == Ports{2});
}

TEST_CASE("only valid ports are bound, and each once") {
  Fixture f;
  REQUIRE(f.device->bind(1, EventDevice::Wake::device, 0));
  CHECK(f.device->bind(1, EventDevice::Wake::device, 0).error().code == EEXIST);
  CHECK(f.device->bind(0, EventDevice::Wake::device, 0).error().code == EINVAL);
  CHECK(f.device->bind(1024, EventDevice::Wake::device, 0).error().code == EINVAL);
  CHECK(f.device->bind(7, EventDevice::Wake::device, 0).error().code == EINVAL);
  f.device->unbind(1);
  CHECK_FALSE(f.device->is_bound(1));
  CHECK(f.device->bind(1, EventDevice::Wake::device, 0).ok());
}

TEST_CASE("writing back a port that is not bound has no effect") {
  Fixture f;
  f.bits.set_mask(5);
  f.device->write(5);
  f.device->write(0xffff);
  CHECK(f.bits.is_masked(5));
}

TEST_CASE("the 2049th waiting port is an overflow, and a reset queues every bound port") {
  Fixture f;
  REQUIRE(f.device->bind(1, EventDevice::Wake::device, 0));
  // A reader that unmasks ports without reading them can have one port waiting many times.
  const auto raise_again = [&] {
    f.device->raise(1);
    f.device->write(1);
  };
  for (std::size_t waiting = 0; waiting < event_queue_ports_max; ++waiting) raise_again();
  SECTION("a full queue is no overflow yet") {
    CHECK(f.read_all().size() == event_queue_ports_max);
  }
  SECTION("one more is") {
    raise_again();
    std::uint16_t port = 0;
    CHECK(f.device->read(port) == Read::overflow);
    CHECK(f.device->read(port) == Read::overflow);
    f.device->reset();
    CHECK(f.read_all() == Ports{1});
    f.device->write(1);
    f.xen.raise_in_dom0(1);
    f.world.run();
    CHECK(f.read_all() == Ports{1});
  }
}

}  // namespace event_device_test
