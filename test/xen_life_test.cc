// The hypervisor: memory sizes, crash reports, and suspending and resuming a domain.
#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "ring/channel_words.h"
#include "test/xen_machine.h"

namespace xen_life_test {

using namespace ringside;
using namespace ringside::test;
using Signal = Host::DomainSignal;

namespace {

constexpr trace::Actor dom0_actor = trace::actor(trace::Role::dom0);

}  // namespace

TEST_CASE("a guest sets its own memory size, up to what it was created with") {
  Machine machine;
  Guest guest = machine.boot();
  REQUIRE(guest.calls->memory_set(32768));
  CHECK(machine.info(guest.domain)->memory_kib == 32768);
  CHECK(machine.info(guest.domain)->memory_max_kib == 65536);
  CHECK(guest.calls->memory_set(65537).error().code == ENOMEM);
  CHECK(guest.calls->memory_set(memory_kib_min - 1).error().code == EINVAL);
  CHECK(machine.calls.memory_set(4096).error().code == EINVAL);
  CHECK(machine.info(guest.domain)->memory_kib == 32768);
  REQUIRE(guest.calls->memory_set(65536));
  CHECK(machine.calls.domain_create("much", ring::Abi::sring, memory_kib_max + 1, false).error().code ==
        EINVAL);
}

TEST_CASE("a crash is reported with its signal, and the controller is kicked whatever the page contains") {
  Machine machine;
  Guest guest = machine.boot();
  const auto pair = console(machine, guest.domain);
  // The guest died between setting the bit and kicking.
  const Mapping page = machine.frame(guest.domain, machine.calls, machine.dom0);
  REQUIRE(ring::UpEvents<>(page.frame()).raise() == ring::Raised::kick);
  Wakes wakes(machine.dom0, std::move(machine.calls.evtchn_open(pair.port1).value().kicks));
  machine.world.run();
  wakes.count = 0;
  machine.world.kill(*guest.host);
  machine.world.run();
  CHECK(wakes.count == 1);
  CHECK(machine.info(guest.domain)->signal == 9);
  CHECK(machine.has_told(guest.domain, "crashed: killed by signal 9 (SIGKILL)"));
}

TEST_CASE("a guest whose process ends by itself has crashed with its exit status, and no signal") {
  Machine machine;
  Guest guest = machine.boot();
  guest.host->stop(3);
  machine.world.run();
  const auto info = machine.info(guest.domain);
  CHECK(info->state.crashed == 1);
  CHECK(info->exit_status == 3);
  CHECK(info->signal == 0);
}

TEST_CASE("a suspended guest is stopped, and is resumed in another frame with no ports") {
  Machine machine;
  const ring::Port exc = machine.calls.evtchn_bind_virq(VIRQ_DOM_EXC).value();
  const ring::Abi abi = GENERATE(ring::Abi::sring, ring::Abi::flat);
  Guest guest = machine.boot("web", abi);
  const auto pair = console(machine, guest.domain);
  CHECK(machine.calls.domain_resume(guest.domain).error().code == EINVAL);
  const Mapping old_page = machine.frame(guest.domain, *guest.calls, *guest.host);
  std::memset(old_page.frame(), 0x5a, ring::frame_bytes);
  const DomainInfo before = *machine.info(guest.domain);

  REQUIRE(guest.calls->sched_shutdown(ShutdownReason::suspend, 0));
  CHECK(machine.info(guest.domain)->suspended());
  CHECK(machine.info(guest.domain)->state.paused == 1);
  CHECK(last_signal(machine, guest.domain) == static_cast<int>(Signal::stop));
  CHECK(machine.raised(dom0_actor, exc) == 1);
  CHECK(machine.calls.domain_unpause(guest.domain).error().code == EINVAL);
  CHECK(guest.calls->domain_resume(guest.domain).error().code == EPERM);

  const auto resumed = machine.calls.domain_resume(guest.domain);
  REQUIRE(resumed);
  const DomainInfo& info = resumed.value();
  CHECK(info.shared_info_frame != before.shared_info_frame);
  CHECK(info.console_port == 0);
  CHECK(info.state.shutdown == 0);
  CHECK(info.state.paused == 1);
  CHECK(info.process == before.process);
  CHECK(std::string(info.name) == "web");
  CHECK(machine.calls.map_frame(guest.domain, before.shared_info_frame).error().code == EINVAL);
  CHECK(machine.calls.evtchn_status(guest.domain, pair.port2)->state == PortState::closed);
  CHECK(machine.calls.evtchn_status(0, pair.port1)->state == PortState::unbound);
  const Mapping page = machine.frame(guest.domain, machine.calls, machine.dom0);
  const auto is = [&](std::size_t from, std::size_t bytes, int value) {
    return std::all_of(page.frame() + from, page.frame() + from + bytes,
                       [value](std::byte each) { return std::to_integer<int>(each) == value; });
  };
  CHECK(is(ring::control_interface_offset, ring::control_interface_bytes, 0x5a));
  CHECK(is(ring::control_interface_offset + ring::control_interface_bytes, 64, 0));
  constexpr std::size_t lost = offsetof(ring::ChannelWords, controller_lost_bytes);
  CHECK(is(ring::channel_words_offset, lost, 0));
  CHECK(is(ring::channel_words_offset + lost, 4, 0x5a));
  CHECK(is(ring::channel_words_offset + lost + 4, offsetof(ring::ChannelWords, tagged) - lost - 4, 0));
  CHECK(is(ring::channel_words_offset + offsetof(ring::ChannelWords, tagged), 64, 0x5a));
  CHECK(is(260, 1700, 0));
  CHECK(machine.calls.domain_resume(guest.domain).error().code == EINVAL);
  REQUIRE(machine.calls.domain_unpause(guest.domain));
  CHECK(last_signal(machine, guest.domain) == static_cast<int>(Signal::resume));
}

TEST_CASE("a suspended guest whose process dies has crashed") {
  Machine machine;
  Guest guest = machine.boot();
  REQUIRE(guest.calls->sched_shutdown(ShutdownReason::suspend, 0));
  machine.world.kill(*guest.host);
  machine.world.run();
  const auto info = machine.info(guest.domain);
  CHECK(info->state.crashed == 1);
  CHECK_FALSE(info->suspended());
  CHECK(machine.calls.domain_resume(guest.domain).error().code == EINVAL);
}

}  // namespace xen_life_test
