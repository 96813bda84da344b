// The 16550: registers, FIFOs, interrupts, the time of characters, and line errors.
#include "emu/xen/uart.h"

#include <string>

#include "emu/host/sim.h"
#include "emu/trace/memory_sink.h"
#include "test/catch.h"

namespace uart_test {

using namespace ringside;
using namespace ringside::xen;
using namespace ringside::xen::uart;
using Register = UartRegister;

namespace {

struct Chip {
  explicit Chip(std::uint32_t bits_per_second = 0)
      : host(world.host("xen")),
        chip(host, trace::Journal(sink, trace::actor(trace::Role::uart)), bits_per_second,
             {.interrupt =
                  [this](bool raised) {
                    interrupts += raised;
                    high = raised;
                  },
              .send =
                  [this](std::uint8_t character) {
                    if (blocked) return false;
                    line += static_cast<char>(character);
                    return true;
                  },
              .room = [this] { ++rooms; }}) {}

  /// Sets the chip up as the driver does: FIFOs, a trigger of 14, these interrupts.
  void set_up(std::uint8_t interrupts_wanted) {
    chip.write(Register::interrupt_or_fifo, fcr_enable | fcr_trigger_14);
    chip.write(Register::modem_control, mcr_out2);
    chip.write(Register::interrupt_enable, interrupts_wanted);
  }
  void receive(int count) {
    for (int each = 0; each < count; ++each) chip.receive(static_cast<std::uint8_t>('a' + each));
  }
  std::uint8_t reason() { return chip.read(Register::interrupt_or_fifo) & 0x0f; }

  SimWorld world;
  trace::MemorySink sink{world.clock()};
  SimHost& host;
  std::string line;
  bool blocked = false;
  bool high = false;
  int interrupts = 0;
  int rooms = 0;
  Uart chip;
};

}  // namespace

TEST_CASE("registers keep written values, and the divisor is behind its latch") {
  Chip c;
  c.chip.write(Register::scratch, 0x5a);
  CHECK(c.chip.read(Register::scratch) == 0x5a);
  c.chip.write(Register::line_control, lcr_8n1 | lcr_divisor_latch);
  c.chip.write(Register::data, 12);
  c.chip.write(Register::interrupt_enable, 1);
  CHECK(c.chip.read(Register::data) == 12);
  CHECK(c.chip.read(Register::interrupt_enable) == 1);
  c.chip.write(Register::line_control, lcr_8n1);
  CHECK(c.chip.read(Register::interrupt_enable) == 0);
  CHECK(c.line.empty());
  CHECK(c.chip.read(Register::line_control) == lcr_8n1);
  CHECK((c.chip.read(Register::modem_status) & msr_clear_to_send) != 0);
}

TEST_CASE("the fourteenth character raises the interrupt, and reading below lowers it") {
  Chip c;
  c.set_up(ier_data);
  c.receive(13);
  CHECK_FALSE(c.high);
  c.chip.receive('n');
  CHECK(c.high);
  CHECK(c.reason() == iir_data);
  CHECK(c.chip.read(Register::data) == 'a');
  CHECK_FALSE(c.high);
  CHECK(c.chip.receive_room() == 3);
}

TEST_CASE("fewer characters than the trigger are announced after four times a character's time") {
  Chip c(9600);
  c.set_up(ier_data);
  c.receive(3);
  c.world.run_for(4 * character_time(9600) - std::chrono::nanoseconds(1));
  CHECK_FALSE(c.high);
  c.world.run_for(std::chrono::nanoseconds(1));
  CHECK(c.high);
  CHECK(c.reason() == iir_timeout);
  for (const std::uint8_t each : {'a', 'b', 'c'}) CHECK(c.chip.read(Register::data) == each);
  CHECK_FALSE(c.high);
  CHECK(c.reason() == iir_none);
}

TEST_CASE("the seventeenth character of a full FIFO is lost, marked and counted") {
  Chip c;
  c.set_up(ier_data | ier_line_status);
  c.receive(16);
  CHECK(c.chip.counters().overruns == 0);
  c.chip.receive('!');
  CHECK(c.chip.counters().overruns == 1);
  CHECK(c.reason() == iir_line_status);
  CHECK((c.chip.read(Register::line_status) & lsr_overrun) != 0);
  CHECK((c.chip.read(Register::line_status) & lsr_overrun) == 0);
  // The line may continue as soon as there is room, and is notified once.
  std::string read(1, static_cast<char>(c.chip.read(Register::data)));
  CHECK(c.rooms == 1);
  while ((c.chip.read(Register::line_status) & lsr_data) != 0)
    read += static_cast<char>(c.chip.read(Register::data));
  CHECK(read == "abcdefghijklmnop");
  CHECK(c.rooms == 1);
}

TEST_CASE("one timer for each character sends to a slow line") {
  Chip c(9600);
  c.set_up(0);
  const std::uint64_t before = c.world.steps();
  for (int each = 0; each < 16; ++each) c.chip.write(Register::data, static_cast<std::uint8_t>('a' + each));
  c.world.run_for(std::chrono::seconds(1));
  CHECK(c.line == "abcdefghijklmnop");
  CHECK(c.world.steps() - before <= 16);
}

TEST_CASE("without FIFOs the second character overruns") {
  Chip c;
  c.chip.receive('a');
  c.chip.receive('b');
  CHECK(c.chip.counters().overruns == 1);
  CHECK(c.chip.read(Register::data) == 'a');
}

TEST_CASE("a faulty character reports its error once, when it is at the front, and is counted") {
  struct Case {
    LineFault fault;
    std::uint8_t bit;
    std::uint32_t UartCounters::*counter;
  };
  const auto [fault, bit, counter] =
      GENERATE(Case{LineFault::parity, lsr_parity, &UartCounters::parity_errors},
               Case{LineFault::framing, lsr_framing, &UartCounters::framing_errors},
               Case{LineFault::break_condition, lsr_break, &UartCounters::breaks});
  Chip c;
  c.set_up(ier_data | ier_line_status);
  c.chip.receive('a');
  c.chip.receive('b', fault);
  CHECK(c.chip.counters().*counter == 1);
  // The error is not at the front yet; only its presence is reported.
  CHECK(c.chip.read(Register::line_status) == (lsr_data | lsr_fifo_error | lsr_transmit_empty | lsr_idle));
  CHECK_FALSE(c.high);
  CHECK(c.chip.read(Register::data) == 'a');
  CHECK(c.high);
  CHECK(c.reason() == iir_line_status);
  CHECK((c.chip.read(Register::line_status) & bit) != 0);
  CHECK((c.chip.read(Register::line_status) & (bit | lsr_fifo_error)) == 0);
  CHECK(c.chip.read(Register::data) == 'b');
}

TEST_CASE("sending takes time on the line, and the empty FIFO is announced once") {
  Chip c(1000);  // a character takes 10 ms
  c.set_up(ier_transmit_empty);
  CHECK(c.reason() == iir_transmit_empty);
  CHECK(c.reason() == iir_none);
  for (const char each : {'x', 'y', 'z'}) c.chip.write(Register::data, static_cast<std::uint8_t>(each));
  CHECK(c.line == "x");
  CHECK_FALSE(c.high);
  c.world.run_for(std::chrono::milliseconds(10));
  CHECK(c.line == "xy");
  c.world.run_for(std::chrono::milliseconds(10));
  CHECK(c.line == "xyz");
  CHECK(c.high);
  CHECK(c.reason() == iir_transmit_empty);
  CHECK_FALSE(c.high);
  CHECK((c.chip.read(Register::line_status) & lsr_idle) == 0);
  c.world.run_for(std::chrono::milliseconds(10));
  CHECK((c.chip.read(Register::line_status) & lsr_idle) != 0);
}

TEST_CASE("a line that takes nothing is not clear to send, and waiting characters leave when it is") {
  Chip c;
  c.set_up(0);
  c.blocked = true;
  c.chip.write(Register::data, 'x');
  CHECK((c.chip.read(Register::line_status) & lsr_transmit_empty) == 0);
  CHECK((c.chip.read(Register::modem_status) & msr_clear_to_send) == 0);
  c.blocked = false;
  c.chip.line_ready();
  CHECK(c.line == "x");
  CHECK((c.chip.read(Register::modem_status) & msr_clear_to_send) != 0);
}

TEST_CASE("without OUT2 no interrupt leaves the chip") {
  Chip c;
  c.set_up(ier_data);
  c.chip.write(Register::modem_control, 0);
  c.receive(16);
  CHECK_FALSE(c.high);
  c.chip.write(Register::modem_control, mcr_out2);
  CHECK(c.high);
}

}  // namespace uart_test
