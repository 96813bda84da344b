// Parsing of lines: every act and every pattern of the language, and values of all kinds.
#include "test/script_text.h"

namespace script_test {

using namespace ringside;
using namespace ringside::script;
using namespace ringside::test;
using namespace std::chrono_literals;
using trace::Role;

TEST_CASE("the four examples are read without an error") {
  const std::pair<std::string, std::size_t> examples[] = {
      {hello, 1}, {long_input, 6}, {forged_index, 2}, {pty, 1}};
  for (const auto& [text, runs] : examples) {
    Parsed reading = read_text(text);
    check_all(reading.script);
    CHECK(reading.said() == "");
    CHECK(reading.runs.size() == runs);
  }
}

TEST_CASE("each statement of the scenario hello is parsed") {
  const Parsed reading = read_text(hello);
  const auto& statements = reading.runs.at(0).statements;
  REQUIRE(statements.size() == 8);
  CHECK(reading.runs[0].setup.title == "Hello, world");
  CHECK(reading.runs[0].name == "test");
  const auto& prints = std::get<Prints>(std::get<Act>(statements[2].what));
  CHECK(prints.domain.domain == 1);
  CHECK(prints.payload.bytes() == "hello\n");
  const auto& ring = std::get<RingState>(std::get<Expect>(statements[3].what).pattern.what);
  CHECK(ring.ring.domain == 1);
  CHECK(ring.tests.size() == 2);
  CHECK(ring.tests[1].index == RingIndex::rsp_prod);
  CHECK(ring.tests[1].number == 0);
  const auto& forwards = std::get<Forwards>(std::get<Expect>(statements[5].what).pattern.what);
  CHECK(forwards.who.role == Role::xcs);
  CHECK(forwards.message.length_min == 6);
  CHECK(forwards.message.payload->bytes() == "hello\n");
  CHECK(forwards.from->domain == 1);
  CHECK(forwards.to->role == Role::xend);
}

TEST_CASE("xen's acts are parsed") {
  CHECK(act_of<Life>("xen boots dom2, dom5..dom7").domains.size() == 4);
  CHECK(act_of<Life>("xen boots dom2 running shell").shell);
  const std::pair<std::string, Life::Verb> verbs[] = {
      {"creates dom2", Life::Verb::creates},   {"boots dom2", Life::Verb::boots},
      {"pauses dom1", Life::Verb::pauses},     {"unpauses dom1", Life::Verb::unpauses},
      {"destroys dom1", Life::Verb::destroys}, {"kills dom1", Life::Verb::kills}};
  for (const auto& [words, verb] : verbs) CHECK(act_of<Life>("xen " + words).verb == verb);
}

TEST_CASE("a guest's acts are parsed") {
  CHECK(act_of<Logs>("dom1 logs \"oops\"").payload.bytes() == "oops");
  CHECK(act_of<Ends>("dom1 ends").domain.domain == 1);
  const auto writes =
      act_of<WritesSlot>("dom1 writes rx[7] response type 5 subtype 3 id 9 length 255 |00 ff|");
  CHECK(writes.ring.ring == RingName::rx);
  CHECK(writes.slot == 7);
  CHECK(writes.message.response);
  CHECK(writes.message.type == 5);
  CHECK(writes.message.subtype == 3);
  CHECK(writes.message.id == 9);
  CHECK(writes.message.length_max == 255);
  CHECK(writes.message.payload->bytes() == std::string("\0\xff", 2));
  const auto sets = act_of<SetsIndex>("dom1 sets tx.rsp_prod to 0xffffffff");
  CHECK(sets.number == 0xffffffff);
  CHECK(sets.index == RingIndex::rsp_prod);
  CHECK_FALSE(sets.adds);
  CHECK(act_of<SetsIndex>("xcs adds 20 to dom1.rx.req_prod").adds);
  CHECK(act_of<FillsRing>("dom1 fills dom1.tx").ring.domain == 1);
  CHECK(act_of<Notifies>("dom1 notifies dom0.xcs").peer.role == Role::xcs);
  CHECK_FALSE(act_of<Answering>("dom1 stops answering").on);
}

TEST_CASE("acts of users and of the serial line are parsed") {
  CHECK(act_of<Connects>("user[anna] connects to dom1 by tcp").by == Connects::By::tcp);
  CHECK(act_of<Connects>("user2 connects to dom1").user.name == "2");
  CHECK(act_of<Disconnects>("user disconnects from dom1").user.name.empty());
  act_of<EndsTyping>("user ends typing");
  const auto types = act_of<Types>("user types 1000 bytes of \"abc\" in one write");
  CHECK(types.in_one_write);
  CHECK(types.payload.size() == 1000);
  CHECK(types.payload.at(999) == 'a');
  CHECK(act_of<Types>("uart types \"\\x01\\x01\\x01\"").payload.bytes() == "\1\1\1");
  CHECK(act_of<Reading>("user starts reading").on);
  CHECK(act_of<Reading>("dom1 starts reading").who.domain == 1);
  CHECK_FALSE(act_of<Reading>("dom0 stops reading").on);
}

TEST_CASE("acts on dom0's processes and on ptys, and faults, are parsed") {
  CHECK(act_of<Runs>("xend stalls").verb == Runs::Verb::stalls);
  CHECK(act_of<Runs>("xcs stops").verb == Runs::Verb::stops);
  const auto drops = act_of<Fault>("fault drops next 3 events dom1 -> xcs");
  CHECK(drops.number == 3);
  CHECK(drops.events);
  const auto delays = act_of<Fault>("fault delays every message xend -> xcs by 1.5ms");
  CHECK(delays.which == Fault::Which::every);
  CHECK(delays.by == 1500us);
  CHECK(act_of<Fault>("fault duplicates 100% events xcs -> dom1").number == 100);
  CHECK(act_of<Fault>("fault reorders next message xend -> xcs").number == 1);
  act_of<HealsAll>("fault heals all");
  CHECK(act_of<HandlesPty>("xenctld attaches pty to dom1 as P").name == "P");
  const Parsed detaches = read_lines("xenctld attaches pty to dom1\nxenctld detaches pty from dom1");
  REQUIRE(detaches.script.diagnostics.errors() == 0);
  const script::Statement& last = detaches.runs.at(0).statements.back();
  CHECK_FALSE(std::get<HandlesPty>(std::get<Act>(last.what)).attaches);
}

TEST_CASE("a domain is suspended and resumed by the daemon that keeps its console") {
  CHECK(act_of<Suspension>("xend suspends dom1").suspends);
  const Parsed resumes = read_lines("xend suspends dom1\nxend resumes dom1");
  REQUIRE(resumes.script.diagnostics.errors() == 0);
  const auto wakes = std::get<Suspension>(std::get<Act>(resumes.runs.at(0).statements.back().what));
  CHECK_FALSE(wakes.suspends);
  CHECK(wakes.domain.domain == 1);
}

TEST_CASE("a raw client's acts are parsed") {
  CHECK(act_of<ClientOpens>("client opens data").side == Side::data);
  CHECK(act_of<ClientConnects>("client[b] connects data session 77").session == 77u);
  CHECK_FALSE(act_of<ClientConnects>("client[b] connects").side);
  CHECK(act_of<ClientCloses>("client closes control").side == Side::control);
  const auto binds = act_of<ClientBinds>("client binds port 1 type console");
  CHECK(binds.port == 1u);
  CHECK(binds.type == 0);
  CHECK_FALSE(act_of<ClientBinds>("client unbinds port any type any").port);
  CHECK(act_of<ClientBindsVirq>("client binds virq dom-exc").virq == 3);
  CHECK(act_of<ClientChannel>("client attaches to dom9 local 4 remote 5").remote_port == 5);
  CHECK_FALSE(act_of<ClientChannel>("client detaches from dom9").opens);
  CHECK(act_of<ClientSends>("client sends request console \"abc\" to dom9").domain.domain == 9);
  CHECK(act_of<ClientSendsBytes>("client sends 40 bytes of |00| on control").payload.size() == 40);
  CHECK(act_of<ClientSaysBye>("client says bye on data").side == Side::data);
  CHECK(act_of<ClientNotifies>("client notifies port 3").port == 3);
  CHECK(act_of<Answering>("client starts answering").on);
}

TEST_CASE("patterns of output are parsed") {
  CHECK(pattern_of<Shows>("dom1 reads \"root\"...").payload.kind == Payload::Kind::prefix);
  CHECK(pattern_of<Shows>("user sees /login: $/").payload.kind == Payload::Kind::regex);
  CHECK(pattern_of<Shows>("uart shows \"a\"").place.kind == Place::Kind::uart);
  CHECK(pattern_of<Shows>("pty shows \"a\"").place.kind == Place::Kind::pty);
  const Statement none = statement_of("expect no more bytes at dom1 for 50ms");
  const auto& expect_no = std::get<ExpectNo>(none.what);
  CHECK(std::holds_alternative<BytesAt>(expect_no.pattern.what));
  CHECK(expect_no.more);
  CHECK(expect_no.during == 50ms);
}

TEST_CASE("patterns of messages, events and reports are parsed") {
  CHECK(pattern_of<Receives>("dom1 receives request shutdown subtype sysrq from xcs").message.subtype == 3);
  CHECK(pattern_of<ReceivesReply>("client receives badrequest").result == 6);
  pattern_of<ReceivesVirq>("client receives virq");
  CHECK_FALSE(pattern_of<IsCutOff>("client receives end").side.has_value());
  CHECK(pattern_of<IsCutOff>("client receives end on data").side == Side::data);
  CHECK(pattern_of<IsCutOff>("user receives end").who.role == trace::Role::user);
  CHECK(pattern_of<Receives>("client receives request console from dom1").from->domain == 1);
  CHECK(pattern_of<Sends>("xend sends xcs request console length 1..60").message.length_max == 60);
  const auto count = pattern_of<ForwardsCount>("xcs forwards 1 real and 7 stale messages from dom1");
  CHECK(count.real == 1);
  CHECK(count.stale == 7);
  CHECK(pattern_of<ForwardsCount>("xcs forwards 8 messages from dom1").real == 8);
  CHECK(pattern_of<EventRaised>("event xcs -> dom1").to.domain == 1);
  pattern_of<TakesEvent>("dom1 takes event");
  CHECK(pattern_of<SlotWritten>("xcs writes dom1.rx[3] request console").slot == 3);
  CHECK(pattern_of<IndexMoved>("xcs moves dom1.rx req_cons 7 -> 8").index == RingIndex::req_cons);
  CHECK(pattern_of<Refuses>("xcs refuses dom1 \"indices\"").reason->unit == "indices");
  CHECK(pattern_of<Says>("xen says /dom1 .*/").text.kind == Payload::Kind::regex);
  const Parsed quirky = read_text("scenario \"t\"\nquirk xcs-fd2 on\nexpect quirk xcs-fd2 bites\n");
  REQUIRE(quirky.runs.size() == 1);
  const auto& bites = std::get<Expect>(quirky.runs[0].statements.at(0).what);
  CHECK(std::get<QuirkBites>(bites.pattern.what).quirk == Quirk::xcs_fd2);
}

TEST_CASE("states of rings and counters are parsed") {
  const auto dotted = pattern_of<RingState>("dom1.tx.req_prod >= 3");
  CHECK(dotted.tests.at(0).compare == Compare::at_least);
  CHECK(pattern_of<RingState>("dom1.rx settles at rsp_prod 0 req_cons < 8").tests.size() == 2);
  CHECK(pattern_of<CounterState>("xcs.dropped of dom1 settles at 9").of->domain == 1);
  CHECK(pattern_of<CounterState>("dom0.xcs.refused != 2").compare == Compare::unequal);
  CHECK(pattern_of<CounterState>("uart.overrun is 1").counter == "overrun");
  CHECK(pattern_of<CounterState>("dom1.dropped <= 1").actor.domain == 1);
  CHECK(pattern_of<CounterChanges>("xend.lost changes").counter == "lost");
}

TEST_CASE("limits, labels and times of a line are parsed") {
  const Statement limited = statement_of("after 3s expect user sees \"a\" within 20ms as SEEN");
  CHECK(limited.when->delay == 3s);
  CHECK_FALSE(limited.when->absolute);
  const auto& expect = std::get<Expect>(limited.what);
  CHECK(expect.within == 20ms);
  CHECK(expect.label == "SEEN");
  CHECK(limited.only_sim.empty());
  CHECK(std::get<Expect>(statement_of("expect user sees \"a\" now").what).now);
  CHECK_FALSE(statement_of("expect user sees \"a\" now").only_sim.empty());
  const Statement pause = statement_of("at 2min");
  CHECK(std::holds_alternative<Waits>(std::get<Act>(pause.what)));
  CHECK(pause.when->delay == 120s);
  CHECK_FALSE(pause.only_sim.empty());
}

TEST_CASE("numbers have units, and texts escapes") {
  CHECK(act_of<Types>("user types 2KiB bytes of \"a\"").payload.size() == 2048);
  CHECK(act_of<Types>("user types \"\\r\\t\\0\\e\\\"\\\\\\{N}\"").payload.bytes() ==
        std::string("\r\t\0\x1b\"\\{N}", 9));
  CHECK(act_of<Types>("user types \"{a} # no comment\"").payload.bytes() == "{a} # no comment");
  CHECK(read_lines("user types 1.5 bytes of \"a\"").says("only durations have fractions"));
  CHECK(read_lines("after 0.3ns").says("too precise"));
  CHECK(read_lines("user types 65MiB bytes of \"a\"").says("it is too large"));
}

TEST_CASE("a span is at the word, also after a name") {
  Parsed reading = read_text(long_input);
  const Sources& sources = reading.script.sources;
  const Statement& typing = reading.runs.at(1).statements.at(3);
  const auto& types = std::get<Types>(std::get<Act>(typing.what));
  CHECK(types.payload.size() == 480);
  CHECK(sources.text(types.payload.span) == "{BYTES} bytes of \"abc\"");
  CHECK(sources.place(types.payload.span) == "test.scn:12:12");
  const auto& dropped = std::get<Expect>(reading.runs[1].statements.at(5).what);
  CHECK(sources.text(dropped.pattern.subject) == "xcs.dropped");
}

TEST_CASE("the daemons at dom0's end follow from the actors named") {
  CHECK(read_text(hello).runs.at(0).setup.controller == Controller::xcs);
  CHECK(read_text(pty).runs.at(0).setup.controller == Controller::xenctld);
  CHECK(read_lines("dom1 prints \"a\"\nexpect pty shows \"a\"").runs.at(0).setup.controller ==
        Controller::xenctld);
}

}  // namespace script_test
