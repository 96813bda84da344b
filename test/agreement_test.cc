// Whether two runs agree: the permitted differences between a simulated run and one with processes.
#include "emu/script/agreement.h"

#include <string>

#include "emu/host/hypercall.h"
#include "emu/trace/journal.h"
#include "emu/trace/memory_sink.h"
#include "test/catch.h"

namespace agreement_test {

using namespace ringside;
using namespace ringside::script;
using trace::actor;
using trace::Role;

namespace {

constexpr trace::Actor guest = actor(Role::domain, 1);
constexpr trace::Actor viewer = actor(Role::client, 1);

/// A run with the entries that `tell` writes into a journal.
template <class Tell>
State run_of(Tell tell) {
  trace::MemorySink sink([] { return 1; });
  tell(trace::Journal(sink, actor(Role::xend)));
  State state;
  for (const auto& [step, entry] : sink.entries()) state.take(entry);
  return state;
}

void shows(trace::Journal journal, std::string_view text) {
  journal.bytes_passed(1, viewer, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

void says(trace::Journal journal, std::string_view text, ring::Index index) {
  const auto message = ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, ring::no_callback_id,
                                          {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  journal.as(guest).slot_written(1, ring::Ring::tx, index, trace::SlotUse::request, message);
}

void reads(trace::Journal journal, std::string_view text) {
  journal.as(guest).bytes_passed(1, actor(Role::tty, 1),
                                 {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

void sees(trace::Journal journal, std::string_view text) {
  journal.as(actor(Role::client))
      .bytes_passed(1, actor(Role::user), {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

}  // namespace

TEST_CASE("message boundaries and events without a kick are no disagreement") {
  const State one = run_of([](trace::Journal journal) {
    says(journal, "hello", 0);
    journal.as(guest).event_raised(1, actor(Role::dom0), 2, ring::Raised::kick);
    shows(journal, "hello");
  });
  const State other = run_of([](trace::Journal journal) {
    says(journal, "he", 0);
    says(journal, "llo", 1);
    shows(journal, "hel");
    shows(journal, "lo");
  });
  CHECK(disagreement(one, other) == std::nullopt);
}

TEST_CASE("bytes in a ring of today are compared, however they were divided") {
  const auto writing = [](std::vector<std::string_view> pieces) {
    return run_of([&](trace::Journal journal) {
      ring::Index index = 0;
      for (const std::string_view each : pieces) {
        journal.as(guest).bytes_written(1, trace::ByteRing::out, index,
                                        {reinterpret_cast<const std::uint8_t*>(each.data()), each.size()});
        index += static_cast<ring::Index>(each.size());
      }
    });
  };
  CHECK(disagreement(writing({"hello"}), writing({"he", "llo"})) == std::nullopt);
  const auto missing = disagreement(writing({"hello"}), writing({"hell"}));
  REQUIRE(missing.has_value());
  CHECK(missing->starts_with("dom1 writes dom1.out: 5 bytes in the simulation, 4 with processes"));
}

TEST_CASE("a byte that is missing, changed or in the wrong place is reported, with its place") {
  const auto showing = [](std::string_view text) {
    return run_of([text](trace::Journal journal) {
      shows(journal, text);
      sees(journal, "hello");
    });
  };
  const State one = showing("hello");
  const auto against = [&](std::string_view text) { return disagreement(one, showing(text)).value_or(""); };
  CHECK(against("hello").empty());
  CHECK(against("hell") ==
        "xend sends client1 bytes of dom1: 5 bytes in the simulation, 4 with processes; from byte 4 on \"o\" "
        "and "
        "nothing more");
  CHECK(against("hullo").find("from byte 1 on \"ello\" and \"ullo\"") != std::string::npos);
  CHECK(disagreement(one, run_of([](trace::Journal journal) {
                       shows(journal.as(actor(Role::xcs)), "hello");
                       sees(journal, "hello");
                     }))
            .has_value());
}

TEST_CASE("refusals, counters and effects of quirks are compared, levels are not") {
  const State none = run_of([](trace::Journal) {});
  CHECK(disagreement(none, run_of([](trace::Journal journal) {
                       journal.refused(1, guest, trace::Refusal::failed, {}, "no");
                     }))
            .has_value());
  CHECK(disagreement(none, run_of([](trace::Journal journal) {
                       journal.counted(1, trace::Counter::typed_bytes_lost, 0, 1);
                     }))
            .has_value());
  CHECK(
      disagreement(none, run_of([](trace::Journal journal) { journal.quirk(1, Quirk::xcs_drop_when_full); }))
          .has_value());
  CHECK_FALSE(disagreement(none, run_of([](trace::Journal journal) {
                             journal.counted(1, trace::Counter::requests_waiting, 0, 1);
                           }))
                  .has_value());
}

TEST_CASE("how often an event was refused for lack of a peer is not compared") {
  const auto refusing = [](int times, trace::Refusal why) {
    return run_of([=](trace::Journal journal) {
      for (int i = 0; i < times; ++i) journal.refused(1, guest, why, {2, 1});
    });
  };
  CHECK(disagreement(refusing(2, trace::Refusal::port_unbound), refusing(0, trace::Refusal::port_unbound)) ==
        std::nullopt);
  CHECK(disagreement(refusing(1, trace::Refusal::port_closed), refusing(0, trace::Refusal::port_closed))
            .has_value());
}

TEST_CASE("the progress of a killed daemon is not compared, but its guest's output is") {
  const auto killed = [](std::string_view shown, std::string_view said) {
    return run_of([&](trace::Journal journal) {
      says(journal, said, 0);
      shows(journal, shown);
      sees(journal, "hello");
      journal.as(actor(Role::dom0)).told(0, trace::Fact::killed, {}, "xcs");
    });
  };
  CHECK(disagreement(killed("hello", "hello"), killed("he", "hello")) == std::nullopt);
  CHECK(disagreement(killed("hello", "hello"), killed("hello", "he")).has_value());
}

TEST_CASE("the input of a domain that ended is compared as far as it came, and its output in full") {
  using trace::Fact;
  const auto ended = [](std::string_view read, std::string_view said, Fact how,
                        ShutdownReason reason = ShutdownReason::poweroff) {
    return run_of([&](trace::Journal journal) {
      reads(journal, read);
      says(journal, said, 0);
      journal.counted(1, trace::Counter::typed_bytes_lost, 0, static_cast<std::uint32_t>(read.size()));
      journal.as(actor(Role::xen)).told(1, how, {0, static_cast<std::uint32_t>(reason)});
    });
  };
  const Fact off = Fact::shut_down;
  CHECK(disagreement(ended("hello", "x", off), ended("he", "x", off)) == std::nullopt);
  CHECK(disagreement(ended("hello", "x", off), ended("hu", "x", off)).has_value());
  CHECK(disagreement(ended("hello", "xyz", off), ended("hello", "x", off)).has_value());
  const auto refusing = [](int times, Fact how) {
    return run_of([&](trace::Journal journal) {
      for (int each = 0; each < times; ++each)
        journal.as(actor(Role::domain, 1)).refused(1, actor(Role::dom0), trace::Refusal::input_unread);
      journal.as(actor(Role::xen)).told(1, how, {0, static_cast<std::uint32_t>(ShutdownReason::poweroff)});
    });
  };
  CHECK(disagreement(refusing(1, off), refusing(0, off)) == std::nullopt);
  CHECK(disagreement(refusing(1, Fact::created), refusing(0, Fact::created)).has_value());
  const ShutdownReason suspend = ShutdownReason::suspend;
  CHECK(disagreement(ended("hello", "x", off, suspend), ended("he", "x", off, suspend)).has_value());

  // The output of a domain that was killed or destroyed is compared as far as it came, too.
  const Fact killed = Fact::crashed;
  CHECK(disagreement(ended("a", "xyz", killed), ended("a", "x", killed)) == std::nullopt);
  CHECK(disagreement(ended("a", "xyz", killed), ended("a", "y", killed)).has_value());
  CHECK(disagreement(ended("a", "xyz", Fact::destroyed), ended("a", "x", Fact::destroyed)) == std::nullopt);
}

TEST_CASE(
    "output left unread in both runs is not compared; output left unread in one run is a disagreement") {
  const auto seen = [](std::string_view shown, std::string_view read) {
    return run_of([&](trace::Journal journal) {
      shows(journal, shown);
      sees(journal, read);
    });
  };
  CHECK(disagreement(seen("hello", "he"), seen("hell", "ll")) == std::nullopt);
  CHECK(disagreement(seen("hello", "hello"), seen("hello", "he")).has_value());
}

TEST_CASE("what a user sends to a console that hangs up is compared as far as it came") {
  const auto typing = [](std::string_view sent, std::string_view read, bool refused) {
    return run_of([&](trace::Journal journal) {
      trace::Journal user = journal.as(actor(Role::user, 1));
      user.bytes_passed(1, actor(Role::xend),
                        {reinterpret_cast<const std::uint8_t*>(sent.data()), sent.size()});
      reads(journal, read);
      if (refused) user.told(1, trace::Fact::hung_up);
    });
  };
  CHECK(disagreement(typing("", "", true), typing("lost", "", true)) == std::nullopt);
  CHECK(disagreement(typing("hullo", "", true), typing("he", "", true)).has_value());
  CHECK(disagreement(typing("", "", false), typing("lost", "", true)).has_value());
  CHECK(disagreement(typing("", "", true), typing("lost", "lost", true)).has_value());
}

TEST_CASE("output that a pty returns may go to any reader; lost output is a disagreement") {
  const trace::Actor daemon = actor(Role::xenctld);
  // Two readers, of whom the first left `returned` bytes unread.
  const auto read_by = [&](std::string_view first, std::string_view second, std::uint32_t returned,
                           std::string_view again) {
    return run_of([&](trace::Journal journal) {
      trace::Journal serves = journal.as(daemon);
      shows(serves, "hello");
      sees(journal, first);
      if (returned != 0) serves.told(1, trace::Fact::output_returned, {returned});
      if (!again.empty()) shows(serves, again);
      journal.as(actor(Role::client, 2))
          .bytes_passed(1, actor(Role::user, 1),
                        {reinterpret_cast<const std::uint8_t*>(second.data()), second.size()});
    });
  };
  const State whole = read_by("hello", "", 0, "");
  CHECK(disagreement(read_by("he", "llo", 3, "llo"), read_by("hell", "o", 1, "o")) == std::nullopt);
  CHECK(disagreement(read_by("he", "llo", 3, "llo"), whole) == std::nullopt);
  CHECK(disagreement(read_by("he", "lo", 3, "llo"), whole).has_value());
  CHECK(disagreement(read_by("he", "lo", 3, "llo"), read_by("hell", "o", 1, "o")).has_value());
  CHECK(disagreement(whole, read_by("he", "", 3, "")).has_value());
}

}  // namespace agreement_test
