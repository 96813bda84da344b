// Xen's serial layer alone: the receiver of a character, and characters without a receiver.
#include "emu/xen/serial_port.h"

#include <string>

#include "emu/host/sim.h"
#include "emu/trace/memory_sink.h"
#include "test/catch.h"

namespace serial_port_test {

using namespace ringside;
using namespace ringside::xen;

namespace {

struct Port {
  Port() { port.start(); }
  void receive(std::string_view text) {
    for (const char each : text) chip.receive(static_cast<std::uint8_t>(each));
    world.run_for(std::chrono::milliseconds(1));
  }
  SerialPort::Receiver into(std::string& text) {
    return [&text](std::uint8_t character) { text += static_cast<char>(character); };
  }
  std::size_t write(SerialHalf half, std::string_view text) {
    return port.write(half, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }

  SimWorld world;
  trace::NullSink sink;
  SimHost& host = world.host("xen");
  trace::Journal journal{sink, trace::actor(trace::Role::xen)};
  std::string line;
  bool blocked = false;
  Uart chip{host,
            journal,
            0,
            {.interrupt = [this](bool raised) { port.interrupt(raised); },
             .send =
                 [this](std::uint8_t character) {
                   if (!blocked) line += static_cast<char>(character);
                   return !blocked;
                 },
             .room = {}}};
  SerialPort port{chip, journal};
};

}  // namespace

TEST_CASE("the top bit selects the receiver of a character, which sees seven bits") {
  Port p;
  std::string high;
  std::string low;
  std::string both;
  p.port.set_receiver(SerialHalf::both, p.into(both));
  p.receive("a\xe2");
  CHECK(both == "ab");
  p.port.set_receiver(SerialHalf::high, p.into(high));
  p.receive("c\xe4");
  CHECK(both == "abc");
  CHECK(high == "d");
  p.port.set_receiver(SerialHalf::low, p.into(low));
  p.receive("e\xe6");
  CHECK(both == "abc");
  CHECK(high == "df");
  CHECK(low == "e");
}

TEST_CASE("32 characters wait for a receiver; more are dropped and counted") {
  Port p;
  p.receive(std::string(20, 'l') + std::string(15, '\xe8'));
  CHECK(p.port.unclaimed_dropped() == 3);
  std::string low;
  std::string rest;
  p.port.set_receiver(SerialHalf::low, p.into(low));
  CHECK(low == std::string(20, 'l'));
  p.port.set_receiver(SerialHalf::both, p.into(rest));
  CHECK(rest == std::string(12, 'h'));
  p.receive("x");
  CHECK(low == std::string(20, 'l') + "x");
}

TEST_CASE("output has the bit of its half, and a line end becomes two characters") {
  Port p;
  CHECK(p.write(SerialHalf::both, "a\n\xff") == 3);
  CHECK(p.line == "a\r\n\xff");
  p.line.clear();
  CHECK(p.write(SerialHalf::high, "a\n") == 2);
  CHECK(p.line == "\xe1\x8d\x8a");
  p.line.clear();
  CHECK(p.write(SerialHalf::low, "\xe1") == 1);
  CHECK(p.line == "a");
}

TEST_CASE("output that the line does not take waits, up to 16,384 bytes, and leaves in order") {
  Port p;
  p.blocked = true;
  std::string text(20'000, 'x');
  for (std::size_t each = 0; each < text.size(); ++each) text[each] = static_cast<char>('a' + each % 26);
  const std::size_t taken = p.write(SerialHalf::both, text);
  CHECK(taken == serial_transmit_bytes_max);
  CHECK(p.line.empty());
  p.blocked = false;
  p.chip.line_ready();
  p.world.run_for(std::chrono::seconds(1));
  CHECK(p.line == text.substr(0, taken));
  CHECK(p.port.transmit_room() == serial_transmit_bytes_max);
}

}  // namespace serial_port_test
