// The simulated stage: whole machines, driven act by act as a scenario drives them.
#include "emu/script/sim_stage.h"

#include <cerrno>
#include <cstring>

#include "emu/dom0/xcs/client.h"
#include "emu/trace/text.h"
#include "test/catch.h"

namespace sim_stage_test {

using namespace ringside;
using namespace ringside::script;

namespace {

using trace::Role;
constexpr trace::Actor dom1 = trace::actor(Role::domain, 1);
constexpr trace::Actor xcs = trace::actor(Role::xcs);
constexpr trace::Actor xend = trace::actor(Role::xend);

ring::ControlMessage message(std::string_view text) {
  return ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, ring::no_callback_id,
                            {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

/// A started machine and its journal.
struct Machine {
  explicit Machine(StagePlan plan = {}, Choice choice = Choice::first()) {
    plan.journal = [this](std::uint64_t step, const trace::Entry& entry) {
      REQUIRE(step == journal.size() + 1);
      journal.push_back(entry);
    };
    stage.emplace(std::move(plan), std::move(choice));
    must(stage->start());
  }

  template <class T>
  static T must(Result<T> result) {
    if (!result) FAIL(result.error().text());
    if constexpr (!std::is_same_v<T, Done>) return std::move(*result);
    return T{};
  }
  void boot(DomainId domain = 1) { must(stage->boot(domain, GuestProgram::script)); }
  void settle() { REQUIRE(stage->settle(stage->now() + std::chrono::seconds(60))); }
  /// Whether the journal has an entry with this text.
  [[nodiscard]] bool says(const std::string& part) const {
    return std::ranges::any_of(journal, [&](const trace::Entry& entry) {
      return trace::sentence(entry).find(part) != std::string::npos;
    });
  }
  std::uint32_t index(ring::Ring ring, trace::IndexName name, DomainId domain = 1) {
    return must(stage->read_index(domain, ring, name));
  }
  std::uint32_t requests(ring::Ring ring = ring::Ring::tx) { return index(ring, trace::IndexName::req_prod); }
  std::uint32_t responses(ring::Ring ring = ring::Ring::tx) {
    return index(ring, trace::IndexName::rsp_prod);
  }

  std::vector<trace::Entry> journal;
  std::optional<SimStage> stage;
};

StagePlan with_xenctld() {
  return {.dom0 = Dom0::xenctld};
}

std::string letters(std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += "abc";
  text.resize(bytes);
  return text;
}

}  // namespace

TEST_CASE("a guest's output is seen by its user, and its slot is free again") {
  Machine machine;
  machine.boot();
  Machine::must(machine.stage->user_connects("", 1, Way::local));
  Machine::must(machine.stage->print(1, "hello\n"));
  machine.settle();
  CHECK(machine.stage->user_saw("") == "hello\n");
  CHECK(machine.requests() == 1);
  CHECK(machine.responses() == 1);
  CHECK(machine.says("dom1 writes dom1.tx[0] request console length 6"));
  CHECK(machine.says("event dom1 -> dom0"));
}

TEST_CASE("a user's input is read by the guest's program, key by key or at once") {
  Machine machine;
  machine.boot();
  Machine::must(machine.stage->user_connects("", 1, Way::tcp));
  Machine::must(machine.stage->user_types("", letters(70), Typing::once));
  machine.settle();
  CHECK(machine.stage->program_read(1) == letters(70));
  CHECK(machine.requests(ring::Ring::rx) == 2);
  Machine::must(machine.stage->user_types("", "xyz", Typing::keys));
  machine.settle();
  CHECK(machine.stage->program_read(1) == letters(70) + "xyz");
}

TEST_CASE("a created domain is paused until it is unpaused") {
  Machine machine;
  Machine::must(machine.stage->create(1, GuestProgram::script));
  Machine::must(machine.stage->print(1, "early"));
  machine.settle();
  CHECK(machine.requests() == 0);
  Machine::must(machine.stage->unpause(1));
  machine.settle();
  CHECK(machine.requests() == 1);
  Machine::must(machine.stage->pause(1));
  Machine::must(machine.stage->print(1, "late"));
  machine.settle();
  CHECK(machine.requests() == 1);
}

TEST_CASE("input for a paused guest waits, seven messages of it in the ring") {
  Machine machine;
  machine.boot();
  Machine::must(machine.stage->user_connects("", 1, Way::local));
  machine.settle();
  Machine::must(machine.stage->pause(1));
  Machine::must(machine.stage->user_types("", letters(1000), Typing::once));
  machine.settle();
  // xend keeps one slot free.
  CHECK(machine.requests(ring::Ring::rx) - machine.responses(ring::Ring::rx) == 7);
  Machine::must(machine.stage->unpause(1));
  machine.settle();
  CHECK(machine.stage->program_read(1) == letters(1000));
}

TEST_CASE("a domain has the requested id, again after it was destroyed") {
  Machine machine;
  machine.boot(7);
  CHECK(machine.stage->boot(7, GuestProgram::script).error().code == EEXIST);
  Machine::must(machine.stage->destroy(7));
  machine.boot(7);
  Machine::must(machine.stage->user_connects("", 7, Way::local));
  Machine::must(machine.stage->print(7, "again"));
  machine.settle();
  CHECK(machine.stage->user_saw("") == "again");
}

TEST_CASE("acts on missing things are refused with a reason") {
  Machine machine;
  CHECK(machine.stage->print(1, "x").error().code == ESRCH);
  CHECK(machine.stage->user_types("", "x", Typing::keys).error().code == ENOTCONN);
  CHECK(machine.stage->user_connects("", 3, Way::tcp).error().code == ESRCH);
  CHECK(machine.stage->daemon_stops(Daemon::xenctld).error().code == EINVAL);
  CHECK(machine.stage->uart_types("x", Typing::keys).error().code == ENODEV);
  machine.boot();
  CHECK(machine.stage->pty_attaches("P", 1).error().code == EOPNOTSUPP);
  CHECK(machine.stage->set_index(dom1, 1, ring::Ring::tx, trace::IndexName::req_cons, 1).error().code ==
        EINVAL);
  CHECK(machine.stage->write_slot(dom1, 1, ring::Ring::tx, 8, trace::SlotUse::request, message("x"))
            .error()
            .code == EINVAL);
  Machine::must(machine.stage->kill(1));
  CHECK(machine.stage->print(1, "x").error().code == ESRCH);
  CHECK(machine.stage->kill(1).error().code == ESRCH);
}

TEST_CASE("a guest with a wrong req_prod is refused, and its neighbour is not affected") {
  Machine machine;
  machine.boot(1);
  machine.boot(2);
  Machine::must(machine.stage->user_connects("", 2, Way::local));
  machine.settle();
  Machine::must(
      machine.stage->write_slot(dom1, 1, ring::Ring::tx, 0, trace::SlotUse::request, message("hello")));
  Machine::must(machine.stage->set_index(dom1, 1, ring::Ring::tx, trace::IndexName::req_prod, 100));
  Machine::must(machine.stage->notify(dom1, xcs));
  Machine::must(machine.stage->print(2, "still here"));
  machine.settle();
  CHECK(machine.stage->user_saw("") == "still here");
  CHECK(machine.says("impossible ring indices"));
}

TEST_CASE("a filled ring is full, and is served after the event that was not raised") {
  Machine machine;
  machine.boot();
  Machine::must(machine.stage->user_connects("", 1, Way::local));
  machine.settle();
  Machine::must(machine.stage->fill(dom1, 1, ring::Ring::tx));
  machine.settle();
  CHECK(machine.requests() == 8);
  CHECK(machine.responses() == 0);
  Machine::must(machine.stage->notify(dom1, xcs));
  machine.settle();
  CHECK(machine.responses() == 8);
  CHECK(machine.stage->user_saw("").size() == 480);
}

TEST_CASE("eight requests wait in the rx ring of a guest that does not answer") {
  Machine machine;
  machine.boot();
  Machine::must(machine.stage->user_connects("", 1, Way::local));
  Machine::must(machine.stage->answering(1, false));
  machine.settle();
  Machine::must(machine.stage->user_types("", letters(600), Typing::once));
  machine.settle();
  CHECK(machine.requests(ring::Ring::rx) >= 7);
  CHECK(machine.responses(ring::Ring::rx) == 0);
  Machine::must(machine.stage->answering(1, true));
  machine.settle();
  CHECK(machine.stage->program_read(1) == letters(600));
}

TEST_CASE("a daemon that does not answer shows output, and the guest stops after eight requests") {
  const auto kind = GENERATE(Dom0::xcs_xend, Dom0::xenctld);
  Machine machine(StagePlan{.dom0 = kind});
  const Daemon daemon = kind == Dom0::xenctld ? Daemon::xenctld : Daemon::xend;
  machine.boot();
  if (kind == Dom0::xenctld) {
    Machine::must(machine.stage->pty_attaches("", 1));
  } else {
    Machine::must(machine.stage->user_connects("", 1, Way::local));
    CHECK(machine.stage->daemon_answers(Daemon::xcs, false).error().code == EINVAL);
  }
  const auto seen = [&] {
    return std::string(kind == Dom0::xenctld ? machine.stage->pty_showed("") : machine.stage->user_saw(""));
  };
  Machine::must(machine.stage->daemon_answers(daemon, false));
  machine.settle();
  Machine::must(machine.stage->print(1, letters(600)));
  machine.settle();
  CHECK(seen() == letters(480));
  CHECK(machine.requests() == 8);
  CHECK(machine.responses() == 0);
  Machine::must(machine.stage->daemon_answers(daemon, true));
  machine.settle();
  CHECK(seen() == letters(600));
  CHECK(machine.responses() == 10);
}

TEST_CASE("output under xenctld waits for a pty") {
  Machine machine(with_xenctld());
  machine.boot();
  Machine::must(machine.stage->print(1, "Linux version 2.6.11-xenU\n"));
  machine.settle();
  CHECK(machine.requests() == 1);
  CHECK(machine.responses() == 1);
  const Time attached = machine.stage->now();
  Machine::must(machine.stage->pty_attaches("P", 1));
  while (machine.stage->pty_showed("P").empty()) {
    REQUIRE(machine.stage->advance(attached + std::chrono::milliseconds(10)));
  }
  CHECK(machine.stage->pty_showed("P") == "Linux version 2.6.11-xenU\n");
  Machine::must(machine.stage->pty_types("P", "root\n", Typing::keys));
  machine.settle();
  CHECK(machine.stage->program_read(1) == "root\n");
  Machine::must(machine.stage->pty_detaches("P"));
  // Now it has a pty of its own.
  Machine::must(machine.stage->user_connects("", 1, Way::local));
  Machine::must(machine.stage->print(1, "more"));
  machine.settle();
  CHECK(machine.stage->user_saw("") == "more");
}

TEST_CASE("a second user is refused and can connect later") {
  Machine machine;
  machine.boot();
  Machine::must(machine.stage->user_connects("anna", 1, Way::tcp));
  machine.settle();
  Machine::must(machine.stage->user_connects("ben", 1, Way::local));
  machine.settle();
  CHECK(machine.stage->user_saw("ben") == "Cannot connect to console 9601 on domain 1\n");
  CHECK(machine.stage->user_actor("anna") == trace::actor(Role::user, 1));
  CHECK(machine.stage->user_actor("ben") == trace::actor(Role::user, 2));
  Machine::must(machine.stage->user_disconnects("anna"));
  machine.settle();
  Machine::must(machine.stage->user_connects("ben", 1, Way::local));
  Machine::must(machine.stage->print(1, "hi"));
  machine.settle();
  CHECK(machine.stage->user_saw("ben").ends_with("hi"));
  Machine::must(machine.stage->user_ends_typing("ben"));
  CHECK(machine.stage->user_types("ben", "x", Typing::keys).error().code == EPIPE);
}

TEST_CASE("the far end of the serial line is dom0's console") {
  Machine machine(StagePlan{.uart = true});
  machine.settle();
  Machine::must(machine.stage->print(0, "login: "));
  Machine::must(machine.stage->uart_types("root", Typing::keys));
  machine.settle();
  CHECK(machine.stage->uart_showed().ends_with("login: "));
  CHECK(machine.stage->program_read(0) == "root");
  Machine::must(machine.stage->uart_types("\x01\x01\x01", Typing::keys));
  machine.settle();
  CHECK(machine.stage->uart_showed().find("*** Serial input -> Xen") != std::string_view::npos);
  CHECK(machine.stage->fill(xcs, 0, ring::Ring::tx).error().code == EINVAL);
  CHECK(machine.stage->user_connects("", 0, Way::tcp).error().code == EINVAL);
  CHECK(machine.stage->pause(0).error().code == EINVAL);
}

TEST_CASE("a guest can print a kernel message and end its program") {
  Machine machine;
  machine.boot();
  Machine::must(machine.stage->user_connects("", 1, Way::local));
  machine.settle();
  Machine::must(machine.stage->log(1, "oops\n"));
  machine.settle();
  CHECK(machine.stage->user_saw("") == "oops\r\n");
  Machine::must(machine.stage->end(1, 3));
  machine.settle();
  CHECK(machine.says("its program has ended with status 3"));
  CHECK(machine.stage->end(1, 3).error().code == ESRCH);
}

TEST_CASE("the built-in shell answers on a simulated console") {
  Machine machine;
  Machine::must(machine.stage->boot(1, GuestProgram::shell));
  Machine::must(machine.stage->user_connects("", 1, Way::local));
  Machine::must(machine.stage->user_types("", "hostname\necho one two\n", Typing::keys));
  machine.settle();
  CHECK(machine.stage->user_saw("").find("dom1\n") != std::string_view::npos);
  CHECK(machine.stage->user_saw("").find("one two\n") != std::string_view::npos);
  Machine::must(machine.stage->user_types("", "exit 4\n", Typing::once));
  machine.settle();
  CHECK(machine.says("its program has ended with status 4"));
}

TEST_CASE("daemons stop, stall and start again, and no byte is lost") {
  Machine machine;
  machine.boot();
  Machine::must(machine.stage->user_connects("", 1, Way::local));
  machine.settle();
  SECTION("xcs is stalled") {
    Machine::must(machine.stage->daemon_stalls(Daemon::xcs));
    Machine::must(machine.stage->print(1, "waits"));
    machine.settle();
    CHECK(machine.stage->user_saw("").empty());
    Machine::must(machine.stage->daemon_starts(Daemon::xcs));
  }
  SECTION("xcs is stopped and started") {
    Machine::must(machine.stage->daemon_stops(Daemon::xcs));
    Machine::must(machine.stage->print(1, "waits"));
    machine.settle();
    CHECK(machine.stage->user_saw("").empty());
    Machine::must(machine.stage->daemon_starts(Daemon::xcs));
    CHECK(machine.stage->daemon_starts(Daemon::xcs).error().code == EEXIST);
  }
  SECTION("xend is stopped and started") {
    Machine::must(machine.stage->daemon_stops(Daemon::xend));
    Machine::must(machine.stage->print(1, "waits"));
    machine.settle();
    Machine::must(machine.stage->daemon_starts(Daemon::xend));
    machine.settle();
    Machine::must(machine.stage->user_connects("", 1, Way::local));
  }
  machine.settle();
  CHECK(machine.stage->user_saw("") == "waits");
}

TEST_CASE("a raw client gets what it has bound, and its answer frees the slot") {
  Machine machine;
  machine.boot();
  machine.settle();
  Machine::must(machine.stage->client_connects(""));
  CHECK(machine.stage->client_session("") != 0);
  CHECK(machine.stage->client_number("", Lane::data) == machine.stage->client_number("", Lane::control) + 1);
  Machine::must(machine.stage->daemon_stops(Daemon::xend));
  machine.settle();
  const auto bind = dom0::bind_message(dom0::XCS_MSG_BIND, dom0::xcs_port_wildcard, dom0::xcs_type_wildcard);
  Machine::must(machine.stage->client_sends("", Lane::control,
                                            {reinterpret_cast<const std::uint8_t*>(&bind), sizeof bind}));
  Machine::must(machine.stage->print(1, "for whom"));
  machine.settle();
  CHECK(machine.responses() == 0);
  auto frames = Machine::must(machine.stage->client_received("", Lane::data));
  REQUIRE(frames.size() == 2);
  CHECK(frames[1].type == dom0::XCS_REQUEST);

  Machine::must(machine.stage->client_answers("", true));
  Machine::must(machine.stage->print(1, "for me"));
  machine.settle();
  CHECK(machine.responses() == 1);
  Machine::must(machine.stage->client_closes("", Lane::data));
  CHECK(machine.stage->client_closes("unknown", Lane::data).error().code == ENOTCONN);
}

TEST_CASE("half a frame has no effect until the rest of it comes") {
  Machine machine;
  Machine::must(machine.stage->client_opens("", Lane::control));
  const auto connect = dom0::connect_message(dom0::XCS_CONNECT_CTRL, 0);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&connect);
  Machine::must(machine.stage->client_sends("", Lane::control, {bytes, 40}));
  machine.settle();
  CHECK(Machine::must(machine.stage->client_received("", Lane::control)).empty());
  Machine::must(machine.stage->client_sends("", Lane::control, {bytes + 40, 40}));
  machine.settle();
  CHECK(Machine::must(machine.stage->client_received("", Lane::control)).size() == 1);
}

}  // namespace sim_stage_test
