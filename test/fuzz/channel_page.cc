// A control channel whose guest writes anything anywhere into its page: the channel writes only its own
// words, forwards at most 8 messages at a time and none longer than 60 bytes, bounds what it keeps, and comes
// to rest.
#include <algorithm>
#include <array>
#include <cstring>

#include "emu/dom0/channel/channel.h"
#include "emu/trace/memory_sink.h"
#include "test/fake_guest.h"
#include "test/fuzz/input.h"
#include "test/fuzz/targets.h"

namespace ringside::fuzz {

namespace {

using namespace dom0;

struct ChannelMachine {
  SimWorld world;
  test::FakeHypervisor xen{world};
  trace::NullSink sink;
  SimHost& host = world.host("xenctld");
  trace::Journal journal{sink, trace::actor(trace::Role::xenctld)};
  Privcmd privcmd{host, world.dom0_connection(host)};
  std::unique_ptr<EventDevice> events = EventDevice::open(host, journal, privcmd).value();
  ChannelCounters counters;
  std::unique_ptr<Channel> channel;
  std::size_t requests = 0;
  std::size_t responses = 0;
  std::size_t sent = 0;
  std::array<std::byte, ring::frame_bytes> shadow{};

  explicit ChannelMachine(ring::Abi abi) {
    world.limit_steps(100'000);
    xen.add_domain(1, abi);
    close_off(abi);
    events->on_readable([this] {
      std::uint16_t port = 0;
      while (events->read(port) == EventDevice::Read::port) events->write(port);
    });
  }

  void open() {
    auto opened = Channel::open(host, journal, privcmd, *events, {.domain = 1}, counters,
                                {.request =
                                     [this](const Channel::UnansweredRequest& owed) {
                                       ++requests;
                                       RS_CHECK(owed.message.payload().size() <= ring::payload_bytes_max);
                                     },
                                 .response =
                                     [this](const ring::ControlMessage& message, std::uint32_t) {
                                       ++responses;
                                       RS_CHECK(message.length <= ring::payload_bytes_max);
                                     },
                                 .room = [] {},
                                 .turned = [] {}});
    if (!opened) return;
    channel = std::move(opened).value();
    channel->flush();
  }
  [[nodiscard]] std::byte* page() { return xen.frame(1); }

  /// The guest's writes are known; the channel has made all other changes of the page.
  void guest_writes(std::size_t at, Bytes bytes) {
    const std::size_t count = std::min(bytes.size(), ring::frame_bytes - at);
    if (count == 0) return;
    std::memcpy(page() + at, bytes.data(), count);
    std::memcpy(shadow.data() + at, bytes.data(), count);
  }
  /// Marks the bytes that the channel must not write: those after the event bits, except its indices, the
  /// slots and the channel's words.
  void close_off(ring::Abi abi) {
    std::vector<bool> open(ring::frame_bytes);
    const auto set_open = [&](const void* first, std::size_t count) {
      const auto at = static_cast<const std::byte*>(first) - page();
      std::fill_n(open.begin() + at, count, true);
    };
    const ring::SharedRing tx = ring::shared_ring(page(), abi, ring::Ring::tx);
    const ring::SharedRing rx = ring::shared_ring(page(), abi, ring::Ring::rx);
    constexpr std::size_t slots_bytes = ring::slots_per_ring * sizeof(ring::ControlMessage);
    set_open(page(), ring::control_interface_offset);
    set_open(tx.rsp_prod, sizeof(ring::Index));
    set_open(tx.slots, slots_bytes);
    set_open(rx.req_prod, sizeof(ring::Index));
    set_open(rx.slots, slots_bytes);
    set_open(ring::channel_words(page()), sizeof(ring::ChannelWords));
    for (std::size_t at = 0; at < open.size(); ++at) {
      if (open[at]) continue;
      if (at == 0 || open[at - 1]) closed.push_back({at, 0});
      ++closed.back().count;
    }
  }
  void check_page() {
    for (const auto& [first, count] : closed)
      RS_CHECK(std::memcmp(page() + first, shadow.data() + first, count) == 0);
  }

  struct Range {
    std::size_t first;
    std::size_t count;
  };
  std::vector<Range> closed;
};

}  // namespace

void channel_page(Bytes input) {
  Input from(input);
  const ring::Abi abi = from.below(2) == 0 ? ring::Abi::sring : ring::Abi::flat;
  ChannelMachine machine(abi);
  test::FakeGuest guest(machine.xen, 1, 1, abi);
  while (!from.empty()) {
    const std::size_t before = machine.requests + machine.responses;
    const std::uint32_t what = from.below(16);
    switch (what) {
      case 0:
      case 1: {  // an index, near where it is or anywhere
        std::uint32_t* index = what == 0 ? guest.tx_shared.req_prod : guest.rx_shared.rsp_prod;
        const std::uint32_t value = from.below(4) == 0 ? from.word() : *index + from.below(10);
        machine.guest_writes(static_cast<std::size_t>(reinterpret_cast<std::byte*>(index) - machine.page()),
                             {reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
        break;
      }
      case 2: {
        const std::size_t at = from.word() % ring::frame_bytes;
        machine.guest_writes(at, from.bytes(from.byte()));
        break;
      }
      case 3: {  // a slot
        const auto* slots =
            reinterpret_cast<std::byte*>(from.below(2) == 0 ? guest.tx_shared.slots : guest.rx_shared.slots);
        machine.guest_writes(static_cast<std::size_t>(slots - machine.page()) + from.below(8) * 64,
                             from.bytes(8));
        break;
      }
      case 4:
        machine.channel.reset();
        machine.open();
        break;
      case 5:
      case 6:
        if (machine.channel == nullptr) break;
        static_cast<void>(machine.channel->send_request(test::console_message("x"), from.below(3)));
        if (what == 6) machine.channel->flush();
        break;
      case 7:
      case 8:
        if (machine.channel == nullptr) break;
        static_cast<void>(machine.channel->respond(
            test::console_message(""), what == 7 ? std::nullopt : std::optional<ring::Index>(from.number())));
        break;
      case 9:
        if (machine.channel != nullptr) machine.channel->flush();
        break;
      case 10:
        machine.world.run_for(std::chrono::milliseconds(from.byte()));
        break;
      default:
        if (machine.channel != nullptr)
          machine.xen.host().kick(machine.xen.port_kicks(machine.channel->local_port()));
        break;
    }
    machine.world.run();
    if (machine.channel != nullptr) {
      RS_CHECK(machine.channel->unanswered().size() <= ring::slots_per_ring);
      RS_CHECK(machine.channel->queued() <= channel_queue_messages_max);
    }
    // Each turn forwards at most a full ring; messages that are answered here are not forwarded again.
    RS_CHECK(machine.requests + machine.responses - before <= 4 * ring::slots_per_ring);
    machine.check_page();
  }
}

}  // namespace ringside::fuzz
