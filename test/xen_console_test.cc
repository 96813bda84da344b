// Xen's serial layer and console, from a user at the far end of the line to dom0 and back.
#include <numeric>
#include <string>

#include "test/xen_machine.h"

namespace xen_console_test {

using namespace ringside;
using namespace ringside::test;

namespace {

constexpr const char* socket_path = "/com1";
constexpr const char* to_dom0 =
    "(XEN) *** Serial input -> DOM0 (type 'CTRL-a' three times to switch input to Xen).\r\n";
constexpr const char* to_xen =
    "(XEN) *** Serial input -> Xen (type 'CTRL-a' three times to switch input to DOM0).\r\n";

xen::HypervisorOptions with_line(std::string conswitch = "a", std::uint32_t bits_per_second = 0) {
  xen::HypervisorOptions options;
  options.console.line.end = xen::SerialLineOptions::End::socket;
  options.console.line.path = socket_path;
  options.console.line.bits_per_second = bits_per_second;
  options.console.conswitch = std::move(conswitch);
  return options;
}

/// A machine, and a user at the far end of its serial line.
struct Line : Machine {
  explicit Line(xen::HypervisorOptions options = with_line()) : Machine(std::move(options)) {
    stream = user.connect_local(socket_path).value();
    user.watch(stream, {.read = true}, [this](Ready) { read(); });
    virq = calls.evtchn_bind_virq(VIRQ_CONSOLE).value();
    world.run();
  }

  void read() {
    std::array<std::uint8_t, 4096> bytes;
    const Io io = user.read(stream, bytes);
    if (io.state == Io::State::moved) seen.append(bytes.begin(), bytes.begin() + static_cast<long>(io.bytes));
    if (io.state == Io::State::closed) user.watch_interest(stream, {});
  }
  void type(std::string_view text) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
    REQUIRE(user.write(stream, {bytes, text.size()}).bytes == text.size());
    world.run_for(std::chrono::milliseconds(1));
  }
  /// Reads as dom0's driver does.
  std::string read_as_dom0() {
    std::string all;
    for (;;) {
      std::array<std::uint8_t, console_read_bytes_usual> bytes;
      const std::size_t count = calls.console_read(bytes).value();
      if (count == 0) return all;
      all.append(bytes.begin(), bytes.begin() + static_cast<long>(count));
    }
  }
  /// The number of bytes that xen has printed since its start.
  std::uint64_t said() {
    const auto all = calls.dmesg().value();
    return all.position + all.text.size();
  }
  std::size_t virqs() const { return raised(trace::actor(trace::Role::dom0), virq); }
  std::uint32_t counted(const std::string& name) const {
    std::uint32_t value = 0;
    for (const auto& [step, entry] : sink.entries()) {
      if (entry.kind == trace::Kind::counted && trace::words_of(entry) == name) value = entry.to_value;
    }
    return value;
  }

  SimHost& xen_host = world.host("xen");
  SimHost& user = world.host("user");
  Handle stream;
  ring::Port virq = 0;
  std::string seen;
};

/// Output of xen that was kept.
struct Kept {
  std::string line;  ///< as it goes to the line
  std::size_t taken = 0;
  std::size_t dropped = 0;
};

/// The part of the messages about this many new domains that fits: the beginning of each of the three pieces
/// of a line. A line end takes two bytes of room.
Kept fitting(int domains, std::size_t room) {
  Kept kept;
  for (int domain = 1; domain <= domains; ++domain) {
    for (const std::string& piece :
         {std::string("(XEN) "), fmt::format("dom{0}: created dom{0}", domain), std::string("\n")}) {
      std::size_t taken = 0;
      for (; taken < piece.size(); ++taken) {
        const std::string sent = piece[taken] == '\n' ? "\r\n" : std::string(1, piece[taken]);
        if (kept.line.size() + sent.size() > room) break;
        kept.line += sent;
      }
      kept.taken += taken;
      kept.dropped += piece.size() - taken;
    }
  }
  return kept;
}

}  // namespace

TEST_CASE("after boot a typed character goes to dom0, with an event for each") {
  Line line;
  line.type("ab");
  CHECK(line.virqs() == 2);
  CHECK(line.read_as_dom0() == "ab");
  line.type("c");
  CHECK(line.virqs() == 3);
  CHECK(line.read_as_dom0() == "c");
}

TEST_CASE("the switch character three times switches; the first two are passed on, the third is not") {
  Line line;
  line.seen.clear();
  line.type("\x01\x01");
  CHECK(line.seen.empty());
  line.type("\x01");
  CHECK(line.seen == to_xen);
  CHECK(line.read_as_dom0() == "\x01\x01");
  line.type("z\x01\x01\x01x");
  CHECK(line.seen == std::string(to_xen) + to_dom0);
  CHECK(line.read_as_dom0() == "x");
}

TEST_CASE("another character between the switch characters resets their count") {
  Line line;
  line.seen.clear();
  line.type("\x01\x01-\x01\x01");
  CHECK(line.seen.empty());
  CHECK(line.read_as_dom0() == "\x01\x01-\x01\x01");
}

TEST_CASE("conswitch names the character, and an x leaves input at xen") {
  Line line(with_line("bx"));
  line.seen.clear();
  line.type("h");
  CHECK(line.seen.find("(XEN)  key 'h' (ascii '68') => ") != std::string::npos);
  CHECK(line.virqs() == 0);
  line.seen.clear();
  line.type("\x02\x02\x02");
  CHECK(line.seen ==
        "(XEN) *** Serial input -> DOM0 (type 'CTRL-b' three times to switch input to Xen).\r\n");
  line.type("h\x01\x01\x01");
  CHECK(line.read_as_dom0() == "h\x01\x01\x01");
  CHECK_FALSE(xen::is_conswitch(""));
  CHECK_FALSE(xen::is_conswitch("A"));
  CHECK_FALSE(xen::is_conswitch("ay"));
  CHECK_FALSE(xen::is_conswitch("axx"));
}

TEST_CASE("the ring to dom0 holds 128 bytes; more bytes are dropped and counted, and still raise the event") {
  Line line;
  line.type(std::string(100, 'a') + std::string(60, 'b'));
  line.world.run_for(xen::reader_patience);
  CHECK(line.counted("console input dropped") == 32);
  CHECK(line.virqs() == 160);
  CHECK(line.read_as_dom0() == std::string(100, 'a') + std::string(28, 'b'));
  line.type("c");
  CHECK(line.read_as_dom0() == "c");
}

TEST_CASE("keys show the domains, the chip, everything; an unknown one does nothing") {
  Line line(with_line("ax"));
  Guest guest = line.boot("web");
  line.world.run();
  line.seen.clear();
  line.type("%");
  CHECK(line.seen.empty());
  line.type("q");
  CHECK(line.seen.find("(XEN)  dom1 \"web\": running, 65536 KiB, frame 0x1001") != std::string::npos);
  CHECK(line.seen.find("(XEN)  dom0 \"Domain-0\": ") != std::string::npos);
  line.seen.clear();
  line.type("*");
  CHECK(line.seen.find("\"web\"") != std::string::npos);
  CHECK(line.seen.find("IER 07") != std::string::npos);
  CHECK_FALSE(line.xen_host.ended());
  line.type("R");
  CHECK(line.xen_host.ended());
}

TEST_CASE("only dom0 may use the console") {
  Line line;
  Guest guest = line.boot("web");
  std::array<std::uint8_t, 16> bytes{};
  CHECK(guest.calls->console_write(bytes).error().code == EPERM);
  CHECK(guest.calls->console_read(bytes).error().code == EPERM);
  CHECK(guest.calls->dmesg().error().code == EPERM);
  CHECK(guest.calls->dmesg_clear(1).error().code == EPERM);
  CHECK(guest.calls->evtchn_bind_virq(VIRQ_CONSOLE).error().code == EPERM);
}

TEST_CASE("a piece of output that is too long is refused") {
  Line line;
  HypercallArguments arguments{.op = HypercallOp::console_write};
  arguments.data_bytes = 128;
  const auto outcome = line.dom0.hypercall(line.calls.connection(), arguments, nullptr);
  CHECK(outcome.value().answer.result == -EINVAL);
}

TEST_CASE("dom0's output goes to the line, in pieces, with line ends for a terminal, and is not in dmesg") {
  Line line;
  line.seen.clear();
  std::string text(300, 'x');
  text[150] = '\n';
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  REQUIRE(line.calls.console_write({bytes, text.size()}).value() == text.size());
  line.world.run();
  text.insert(150, "\r");
  CHECK(line.seen == text);
  CHECK(line.calls.dmesg()->text.find("xxx") == std::string::npos);
}

TEST_CASE("while the far end does not read, dom0's output waits and xen's own is dropped and counted") {
  Line line;
  line.seen.clear();
  line.user.watch_interest(line.stream, {});
  const std::vector<std::uint8_t> much(100'000, 'x');
  std::size_t taken = 0;
  for (int tries = 0; tries < 10; ++tries) {
    taken += line.calls.console_write(std::span(much).subspan(taken)).value();
    line.world.run();
  }
  CHECK(taken < much.size());
  CHECK(line.counted("console output dropped") == 0);
  // Xen's own output may use the rest: nearly half of the queue.
  const std::uint64_t before = line.said();
  for (int each = 0; each < 500; ++each) (void)line.create();
  const std::uint64_t said = line.said() - before;
  const std::uint32_t dropped = line.counted("console output dropped");
  line.user.watch_interest(line.stream, {.read = true});
  line.world.run();
  // The queue, the connection and the line were full. The chip takes 16 bytes only once it is empty.
  const std::size_t full = xen::serial_transmit_bytes_max + 4096 + xen::line_sent_bytes_max;
  CHECK(line.seen.size() > full);
  CHECK(line.seen.size() <= full + xen::uart_fifo_bytes);
  const std::size_t room = line.seen.size() - taken;
  CHECK(room < xen::serial_transmit_bytes_max / 2);
  CHECK(room + console_write_bytes_max > xen::serial_transmit_bytes_max / 2);
  const Kept kept = fitting(500, room);
  CHECK(line.seen == std::string(taken, 'x') + kept.line);
  CHECK(dropped == kept.dropped);
  CHECK(kept.taken + kept.dropped == said);
  for (int tries = 0; tries < 1000 && taken < much.size(); ++tries) {
    taken += line.calls.console_write(std::span(much).subspan(taken)).value();
    line.world.run();
  }
  CHECK(taken == much.size());
  CHECK(std::ranges::count(line.seen, 'x') == static_cast<long>(much.size()));
}

TEST_CASE("dmesg has what xen has printed, until it is cleared") {
  Machine machine;
  Guest guest = machine.boot("web");
  machine.world.kill(*guest.host);
  machine.world.run();
  REQUIRE(machine.calls.domain_destroy(guest.domain));
  const auto said = machine.calls.dmesg().value();
  CHECK(said.position == 0);
  for (const char* line :
       {"(XEN) dom0: created Domain-0\n", "Serial input -> DOM0", "(XEN) dom1: created web\n",
        "(XEN) dom1: crashed: killed by signal 9 (SIGKILL)\n", "(XEN) dom1: destroyed web\n"}) {
    INFO(line);
    CHECK(said.text.find(line) != std::string::npos);
  }
  machine.create("late");
  REQUIRE(machine.calls.dmesg_clear(said.position + said.text.size()));
  CHECK(machine.calls.dmesg()->text == "(XEN) dom2: created late\n");
  // Output that was not printed yet cannot be cleared.
  REQUIRE(machine.calls.dmesg_clear(~std::uint64_t{0}));
  CHECK(machine.calls.dmesg()->text.empty());
  machine.create("next");
  CHECK(machine.calls.dmesg()->text == "(XEN) dom3: created next\n");
}

TEST_CASE("xen's ring keeps the last 16,384 bytes") {
  Machine machine;
  for (int each = 0; each < 1000; ++each) {
    const DomainId domain = machine.create();
    REQUIRE(machine.calls.domain_destroy(domain));
  }
  const auto said = machine.calls.dmesg().value();
  CHECK(said.text.size() == 16384);
  CHECK(said.position > 0);
  CHECK(said.text.ends_with("(XEN) dom1000: destroyed dom1000\n"));
}

TEST_CASE("if no connection to the line can be accepted xen warns, pauses, and tries again") {
  Line line;
  line.stream = Handle();
  line.world.run();
  line.world.fail_accepts(2);
  line.seen.clear();
  line.stream = line.user.connect_local(socket_path).value();
  line.user.watch(line.stream, {.read = true}, [&](Ready) { line.read(); });
  line.world.run();
  CHECK(line.xen_host.warnings().size() == 1);
  line.world.run_for(xen::accept_rest - std::chrono::milliseconds(1));
  CHECK(line.xen_host.warnings().size() == 1);
  line.world.run_for(std::chrono::milliseconds(1));
  CHECK(line.xen_host.warnings().size() == 2);
  line.world.run_for(xen::accept_rest);
  CHECK(line.xen_host.warnings().size() == 2);
  line.create("heard");
  line.world.run();
  CHECK(line.seen == "(XEN) dom1: created heard\r\n");
}

TEST_CASE("a paste at 115200 arrives completely when dom0 reads, at the line's speed") {
  Line line(with_line("a", 115200));
  std::string read;
  Wakes wakes(line.dom0, std::move(line.calls.evtchn_open(line.virq).value().kicks));
  line.dom0.kicks_watch(wakes.kicks, [&] {
    const Mapping page = line.frame(0, line.calls, line.dom0);
    ring::EventBits<> bits(page.frame(), ring::Abi::sring);
    bits.clear_pending(line.virq);
    read += line.read_as_dom0();
  });
  std::string paste(4000, 'p');
  std::iota(paste.begin(), paste.begin() + 26, 'a');
  const Time start = line.world.now();
  line.type(paste);
  REQUIRE(line.world.run_until([&] { return read.size() == paste.size(); }));
  CHECK(read == paste);
  CHECK(line.world.now() - start >= 3999 * xen::character_time(115200));
  CHECK(line.counted("console input dropped") == 0);
  CHECK(line.counted("overruns") == 0);
}

TEST_CASE("a paste at 115200 loses all but 128 bytes while dom0 does not read") {
  Line line(with_line("a", 115200));
  line.type(std::string(4000, 'p'));
  line.world.run_for(4000 * xen::character_time(115200));
  CHECK(line.counted("console input dropped") == 4000 - 128);
  CHECK(line.read_as_dom0() == std::string(128, 'p'));
  CHECK(line.counted("overruns") == 0);
}

TEST_CASE("the line may be disconnected and connected again, and output in between is lost") {
  Line line;
  line.stream = Handle();
  line.world.run();
  line.create("unheard");
  line.world.run();
  line.seen.clear();
  line.stream = line.user.connect_local(socket_path).value();
  line.user.watch(line.stream, {.read = true}, [&](Ready) { line.read(); });
  line.world.run();
  line.create("heard");
  line.world.run();
  CHECK(line.seen == "(XEN) dom2: created heard\r\n");
  line.type("k");
  CHECK(line.read_as_dom0() == "k");
}

}  // namespace xen_console_test
