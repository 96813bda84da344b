// The journal: the entry of each call of Journal, no entry without a listener, and entries as text.
#include "emu/trace/journal.h"
#include "emu/trace/text.h"
#include "test/catch.h"
#include "test/ring_page.h"

namespace trace_test {

using namespace ringside;
using namespace ringside::trace;
using ringside::test::text_message;

namespace {

/// Keeps entries; stamps them 100 microseconds apart.
class KeepingSink final : public Sink {
 public:
  KeepingSink() : Sink(&listeners) {}
  void write(Entry& entry) override {
    if (entry.time_ns == 0) entry.time_ns = now_ns();
    entries.push_back(entry);
  }
  [[nodiscard]] std::uint64_t now_ns() const override { return 1'000'000 + 100'000 * entries.size(); }
  std::uint32_t listeners = 1;
  std::vector<Entry> entries;
};

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// The sentence of the only entry that `say` writes.
template <class Say>
std::string said(Actor self, Say say) {
  KeepingSink sink;
  Journal journal(sink, self);
  say(journal);
  REQUIRE(sink.entries.size() == 1);
  return sentence(sink.entries.front());
}

constexpr Actor xcs = actor(Role::xcs);
constexpr Actor xend = actor(Role::xend);
constexpr Actor dom1 = actor(Role::domain, 1);

}  // namespace

TEST_CASE("a written slot has its writer, ring, slot and message") {
  CHECK(said(xcs, [](Journal& journal) {
          journal.slot_written(1, ring::Ring::rx, 15, SlotUse::request, text_message("abc"));
        }) == R"(xcs writes dom1.rx[7] request console length 3 "abc")");
  CHECK(said(dom1, [](Journal& journal) {
          journal.slot_written(1, ring::Ring::rx, 0, SlotUse::response, {ring::CMSG_CONSOLE, 0, 1, 0, {}});
        }) == "dom1 writes dom1.rx[0] response console id 1 length 0");
}

TEST_CASE("an index move has old and new value, also over the wrap") {
  CHECK(said(xcs, [](Journal& journal) {
          journal.index_moved(1, ring::Ring::rx, IndexName::req_prod, 7, 8);
        }) == "xcs moves dom1.rx req_prod 7 -> 8");
  CHECK(said(dom1, [](Journal& journal) {
          journal.index_moved(1, ring::Ring::tx, IndexName::rsp_cons, 0xffffffff, 1);
        }) == "dom1 moves dom1.tx rsp_cons 4294967295 -> 1");
}

TEST_CASE("bytes and indices of a byte ring are done or found, and have their place") {
  CHECK(said(dom1, [](Journal& journal) { journal.byte_index_moved(1, ByteIndex::out_prod, 4090, 4130); }) ==
        "dom1 moves out_prod 4090 -> 4130 (40 bytes)");
  CHECK(said(dom1, [](Journal& journal) { journal.byte_index_found(1, ByteIndex::out_cons, 4000, 4130); }) ==
        "dom1 finds out_cons 4000 -> 4130 (130 bytes)");
  CHECK(said(dom1, [](Journal& journal) {
          journal.byte_index_found(1, ByteIndex::in_prod, 0xffffffff, 0);
        }) == "dom1 finds in_prod 4294967295 -> 0 (1 byte)");
  CHECK(said(dom1, [](Journal& journal) { journal.byte_index_found(1, ByteIndex::in_prod, 0, 1025); }) ==
        "dom1 finds in_prod 0 -> 1025 (impossible: the ring holds 1024 bytes)");
  CHECK(said(dom1, [](Journal& journal) {
          journal.bytes_written(1, ByteRing::out, 4090, bytes_of("hello\n"));
        }) == R"(dom1 writes dom1.out[2042] 6 bytes "hello\n")");
  CHECK(said(dom1, [](Journal& journal) { journal.bytes_found(1, ByteRing::in, 1024, bytes_of("q")); }) ==
        R"(dom1 finds dom1.in[0] 1 byte "q")");
  CHECK(said(xcs, [](Journal& journal) { journal.byte_index_moved(1, ByteIndex::in_cons, 1, 2); }) ==
        "xcs moves in_cons 1 -> 2 (1 byte) (dom1)");
}

TEST_CASE("a long run of bytes in a byte ring is several entries, each with its index") {
  KeepingSink sink;
  const std::string text(130, 'x');
  Journal(sink, dom1).bytes_written(1, ByteRing::out, 0xffffffe0, bytes_of(text), 77);
  REQUIRE(sink.entries.size() == 3);
  CHECK(sink.entries[0].from_value == 0xffffffe0);
  CHECK(sink.entries[1].from_value == 0xffffffe0 + 60);
  CHECK(sink.entries[2].from_value == 0x58);
  CHECK(sink.entries[2].message.length == 10);
  for (const Entry& entry : sink.entries) CHECK(entry.time_ns == 77);
}

TEST_CASE("events have their outcome") {
  const auto raise = [](ring::Raised outcome) {
    return said(dom1, [&](Journal& journal) { journal.event_raised(1, xcs, 3, outcome); });
  };
  CHECK(raise(ring::Raised::kick) == "event dom1 -> xcs: kick (port 3)");
  CHECK(raise(ring::Raised::already_pending) == "event dom1 -> xcs: already pending (port 3)");
  CHECK(raise(ring::Raised::masked) == "event dom1 -> xcs: masked (port 3)");
  CHECK(raise(ring::Raised::already_selected) == "event dom1 -> xcs: already selected (port 3)");
  CHECK(said(actor(Role::xen), [](Journal& journal) {
          journal.event_raised(0, actor(Role::dom0), 3, ring::Raised::kick, EventSource::virq, 2);
        }) == "event xen -> dom0 for virq 2: kick (port 3)");
  CHECK(said(actor(Role::xen), [](Journal& journal) {
          journal.event_raised(0, actor(Role::dom0), 4, ring::Raised::masked, EventSource::pirq, 1);
        }) == "event xen -> dom0 for pirq 1: masked (port 4)");
  CHECK(said(xcs, [](Journal& journal) { journal.event_taken(1, 3); }) == "xcs takes event (dom1 port 3)");
  CHECK(said(dom1, [](Journal& journal) { journal.event_taken(1, 3); }) == "dom1 takes event (port 3)");
  CHECK(said(xcs, [](Journal& journal) { journal.mask_changed(1, 3, MaskBit::set); }) ==
        "xcs masks events (dom1 port 3)");
  CHECK(said(dom1, [](Journal& journal) { journal.mask_changed(1, 3, MaskBit::clear); }) ==
        "dom1 unmasks events (port 3)");
}

TEST_CASE("frames carry their type, and the control message if they have one") {
  CHECK(said(xend, [](Journal& journal) {
          journal.frame_passed(1, xcs, frame_request, 1, text_message("a"));
        }) == R"(xend sends xcs request console length 1 "a" (dom1 port 1))");
  CHECK(said(xcs, [](Journal& journal) { journal.frame_passed(0, xend, 11, 2, {}); }) ==
        "xcs sends xend virq (port 2)");
  CHECK(said(xend, [](Journal& journal) { journal.frame_passed(7, xcs, 7, 0, {}); }) ==
        "xend sends xcs new-cc (dom7)");
  CHECK(said(actor(Role::client, 2), [](Journal& journal) { journal.frame_passed(0, xcs, 77, 0, {}); }) ==
        "client2 sends xcs type 77");
}

TEST_CASE("bytes are counted and quoted; long runs are several entries") {
  CHECK(said(actor(Role::user), [](Journal& journal) { journal.bytes_passed(1, xend, bytes_of("a")); }) ==
        R"(user sends xend 1 byte "a" (dom1))");
  CHECK(said(actor(Role::tty, 1), [](Journal& journal) {
          journal.bytes_passed(1, actor(Role::program, 1), bytes_of("ls\n"));
        }) == R"(dom1.tty sends dom1.program 3 bytes "ls\n")");
  KeepingSink sink;
  Journal(sink, actor(Role::user)).bytes_passed(1, xend, bytes_of(std::string(121, 'x')));
  REQUIRE(sink.entries.size() == 3);
  CHECK(sink.entries[0].message.length == 60);
  CHECK(sink.entries[1].message.length == 60);
  CHECK(sink.entries[2].message.length == 1);
}

TEST_CASE("refusals, counters and the lives of domains are sentences") {
  CHECK(said(xcs, [](Journal& journal) {
          journal.refused(1, dom1, Refusal::failed, {}, "req_prod jumped by 20");
        }) == "xcs refuses dom1: req_prod jumped by 20");
  CHECK(said(dom1, [](Journal& journal) {
          journal.refused(1, dom1, Refusal::failed, {}, "an answer that came too late");
        }) == "dom1 refuses: an answer that came too late");
  CHECK(said(xend, [](Journal& journal) {
          journal.refused(1, actor(Role::user, 2), Refusal::failed, {}, "it is taken");
        }) == "xend refuses user2: it is taken (dom1)");
  CHECK(said(xcs, [](Journal& journal) { journal.counted(1, Counter::overruns, 0, 1); }) ==
        "xcs.overruns 0 -> 1 (dom1)");
  CHECK(said(actor(Role::xen), [](Journal& journal) { journal.told(1, Fact::paused); }) ==
        "xen says of dom1: paused");
  CHECK(said(dom1, [](Journal& journal) { journal.told(1, Fact::program_runs, {}, "sh"); }) ==
        "dom1 says: runs sh");
  CHECK(said(xcs, [](Journal& journal) { journal.told(0, Fact::checked_step, {}, "is ready"); }) ==
        "xcs says: is ready");
}

TEST_CASE("words are made of an entry's numbers and its argument") {
  const auto told = [](Fact fact, const Values& values = {}, std::string_view argument = {}) {
    return words_of(fact, values, argument);
  };
  CHECK(told(Fact::created, {}, "web") == "created web");
  CHECK(told(Fact::ports_bound, {0, 2, 1, 3}) == "domain 0 port 2 <-> domain 1 port 3");
  CHECK(told(Fact::port_closed, {4, 1, 2}) == "port 4 of domain 1 closes, was interdomain");
  CHECK(told(Fact::port_closed, {4, 1, 99}) == "port 4 of domain 1 closes, was 99");
  CHECK(told(Fact::shut_down, {3, 1}) == "shut down: reboot, exit status 3");
  CHECK(told(Fact::resumed, {0x1c, 0x1a}) == "resumed: frame 0x1c, was 0x1a");
  CHECK(told(Fact::crashed, {11, 139}) == "crashed: killed by signal 11 (SIGSEGV)");
  CHECK(told(Fact::crashed, {31, 159}) ==
        "crashed: killed by signal 31 (SIGSYS: a system call that it may not make)");
  CHECK(told(Fact::crashed, {64, 192}) == "crashed: killed by signal 64");
  CHECK(told(Fact::crashed, {0, 3}) == "crashed: it ended with status 3 and without shutting down");
  CHECK(told(Fact::crashed, {0, crash_status_unknown}) ==
        "crashed: its process ended, and its status is unknown");
  CHECK(told(Fact::init_runs, {0, 1}, "sh") == "init runs sh on tty1");
  // An argument is no format.
  CHECK(told(Fact::created, {}, "{0}{text}") == "created {0}{text}");
  CHECK(said(xend, [](Journal& journal) { journal.told(1, Fact::console_adopted); }) ==
        "xend says of dom1: console taken up from an earlier xend");
  CHECK(said(xcs, [](Journal& journal) {
          journal.refused(1, dom1, Refusal::call, {3, 5});
        }) == "xcs refuses dom1: call of type 3: result 5");
}

TEST_CASE("unchanged values are not written, and no entry is without a listener") {
  KeepingSink sink;
  Journal journal(sink, xcs);
  journal.index_moved(1, ring::Ring::tx, IndexName::req_prod, 4, 4);
  journal.counted(1, Counter::overruns, 2, 2);
  journal.bytes_passed(1, xend, {});
  CHECK(sink.entries.empty());
  sink.listeners = 0;
  journal.told(1, Fact::checked_step, {}, "unheard");
  journal.event_taken(1, 1);
  CHECK(sink.entries.empty());
  sink.listeners = 1;
  journal.as(xend).told(0, Fact::checked_step, {}, "heard");
  REQUIRE(sink.entries.size() == 1);
  CHECK(sink.entries.front().actor == xend);
}

TEST_CASE("a line is time since the origin, step and sentence, in columns") {
  KeepingSink sink;
  Journal(sink, xcs).told(0, Fact::checked_step, {}, "is ready");
  CHECK(to_text(sink.entries.front(), 21, 0) == "      1.000     21  xcs says: is ready");
  CHECK(to_text(sink.entries.front(), 1, 1'000'000) == "      0.000      1  xcs says: is ready");
  CHECK(to_text(sink.entries.front(), 1, 1'500'000) == "     -0.500      1  xcs says: is ready");
}

TEST_CASE("text of a peer is escaped for a terminal") {
  CHECK(escaped(bytes_of("a\"b\\c\n\r\t\x1b[2J\x7f\xc3\xa9")) == R"(a\"b\\c\n\r\t\x1b[2J\x7f\xc3\xa9)");
  CHECK(escaped(bytes_of({"\0x", 2})) == R"(\x00x)");
  CHECK(said(xcs, [](Journal& journal) { journal.refused(1, dom1, Refusal::failed, {}, "\x1b[31m"); }) ==
        R"(xcs refuses dom1: \x1b[31m)");
}

TEST_CASE("quotes are truncated on request, and marked") {
  CHECK(quoted(bytes_of(""), 4) == R"("")");
  CHECK(quoted(bytes_of("abcd"), 4) == R"("abcd")");
  CHECK(quoted(bytes_of("abcde"), 4) == R"("abcd"...)");
  CHECK(message_text(text_message(std::string(60, 'a'))) ==
        "console length 60 \"" + std::string(shown_bytes_max, 'a') + "\"...");
}

TEST_CASE("messages show their differences from a plain console message") {
  const std::uint8_t key[] = {'h', 0, 0, 0};
  CHECK(message_text(ring::make_message(ring::CMSG_SHUTDOWN, ring::CMSG_SHUTDOWN_SYSRQ, 2, key)) ==
        R"(shutdown sysrq id 2 length 4 key "h")");
  CHECK(message_text({5, 0, 255, 0, {}}) == "type 5 id 255 length 0");
  CHECK(message_text({ring::CMSG_CONSOLE, 9, 3, 0, {}}) == "console subtype 9 id 3 length 0");
}

TEST_CASE("messages in a form of 2005 are decoded, others are shown as bytes") {
  const auto said = [](std::uint8_t type, std::uint8_t subtype, std::vector<std::uint8_t> payload) {
    return message_text(ring::make_message(type, subtype, 1, payload));
  };
  CHECK(said(ring::CMSG_SHUTDOWN, ring::CMSG_SHUTDOWN_POWEROFF, {}) == "shutdown poweroff id 1 length 0");
  CHECK(said(ring::CMSG_SHUTDOWN, ring::CMSG_SHUTDOWN_SUSPEND, {7}) ==
        "shutdown suspend id 1 length 1 hex 07");
  CHECK(said(ring::CMSG_SHUTDOWN, 9, {}) == "shutdown subtype 9 id 1 length 0");
  CHECK(said(ring::CMSG_SHUTDOWN, ring::CMSG_SHUTDOWN_SYSRQ, {0x1b}) ==
        R"(shutdown sysrq id 1 length 1 key "\x1b")");
  CHECK(said(ring::CMSG_MEM_REQUEST, 0, {0, 16, 0, 0, 0, 0, 0, 0}) ==
        "mem-request set id 1 length 8 target 4096 pages status 0");
  CHECK(said(ring::CMSG_MEM_REQUEST, 0, {0, 16, 0, 0, 0xf4, 0xff, 0xff, 0xff}) ==
        "mem-request set id 1 length 8 target 4096 pages status -12");
  CHECK(said(ring::CMSG_MEM_REQUEST, 0, {0, 16}) == "mem-request set id 1 length 2 hex 00 10");
  CHECK(said(ring::CMSG_MEM_REQUEST, 3, {1}) == "mem-request subtype 3 id 1 length 1 hex 01");
  CHECK(said(ring::CMSG_VCPU_HOTPLUG, 1, {2, 0, 0, 0, 0, 0, 0, 0}) ==
        "vcpu-hotplug on id 1 length 8 vcpu 2 status 0");
  CHECK(said(ring::CMSG_VCPU_HOTPLUG, 0, {}) == "vcpu-hotplug off id 1 length 0");
  CHECK(said(ring::CMSG_NETIF_FE, 2, {0xab, 0x0d}) == "netif-fe subtype 2 id 1 length 2 hex ab 0d");
  CHECK(said(77, 0, {255}) == "type 77 id 1 length 1 hex ff");
  CHECK(said(ring::CMSG_DEBUG, 0, std::vector<std::uint8_t>(33, 0)).ends_with("00 00 ..."));
}

TEST_CASE("every type, role, index and outcome of 2005 has a name, and no two share one") {
  const char* types[] = {"console",      "blkif-be", "blkif-fe",    "netif-be", "netif-fe",
                         "type 5",       "shutdown", "mem-request", "usbif-be", "usbif-fe",
                         "vcpu-hotplug", "debug",    "type 12"};
  for (std::size_t type = 0; type < std::size(types); ++type)
    CHECK(message_type_name(static_cast<std::uint8_t>(type)) == types[type]);
  const char* roles[] = {"xen",  "dom0",   "xcs",  "xend",     "xenctld",      "xenconsoled", "uart",
                         "user", "client", "dom0", "dom0.tty", "dom0.program", "actor 12"};
  for (std::size_t role = 0; role < std::size(roles); ++role) {
    CHECK(actor_name({static_cast<Role>(role), 0, 0}) == roles[role]);
  }
  CHECK(index_name(IndexName::req_cons) == "req_cons");
  CHECK(index_name(IndexName::rsp_prod) == "rsp_prod");
  CHECK(ring_name(12, ring::Ring::tx) == "dom12.tx");
}

TEST_CASE("an invalid entry still makes one harmless line") {
  Entry entry;
  std::memset(static_cast<void*>(&entry), 0xff, sizeof entry);
  CHECK(sentence(entry) == "actor 255 entry of unknown kind 255");
  for (std::uint8_t kind = 0; kind <= static_cast<std::uint8_t>(Kind::frame_taken); ++kind) {
    entry.kind = static_cast<Kind>(kind);
    const std::string line = to_text(entry, 1, 0);
    CHECK(line.size() < 400);
    for (const char letter : line) CHECK((letter >= ' ' && letter <= '~'));
  }
}

}  // namespace trace_test
