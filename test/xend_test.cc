// xend against a scripted xcs and hypervisor: what it makes, what it answers, what it does when either ends.
#include "emu/dom0/xend.h"

#include "test/catch.h"
#include "test/dom0_machine.h"

using namespace ringside;
using namespace ringside::dom0;
using namespace ringside::test;

namespace {

struct Fixture {
  explicit Fixture(std::uint16_t port_base = 9600)
      : xend(host, trace::Journal(sink, trace::actor(trace::Role::xend)),
             Privcmd(host, world.dom0_connection(host)),
             {.xcs_socket = "/m/xcs_socket",
              .management_socket = "/m/xend.sock",
              .console_directory = "/m",
              .console_port_base = port_base}) {
    xcs.emplace(world, "xcs", "/m/xcs_socket");
    REQUIRE(xend.start([this] { ready = true; }).ok());
    world.run();
    REQUIRE(ready);
    ask_line = std::make_unique<Person>(people, people.connect_local("/m/xend.sock").value());
  }

  /// The answer to one request, as far as it comes now.
  std::string ask(std::string_view request) {
    ask_line->seen.clear();
    ask_line->type(std::string(request) + "\n");
    world.run();
    return ask_line->seen;
  }
  void create(DomainId domain) {
    xen.add(domain);
    REQUIRE(ask(fmt::format("console {}", domain)) ==
            fmt::format("ok 1 {} /m/console-{}\n", 9600 + domain, 9600 + domain));
  }
  std::unique_ptr<Person> view(DomainId domain) {
    auto stream = people.connect_tcp(static_cast<std::uint16_t>(9600 + domain));
    REQUIRE(stream.ok());
    auto person = std::make_unique<Person>(people, std::move(stream).value());
    world.run();
    return person;
  }
  void dom_exc() {
    xcs->virq();
    world.run();
  }
  void kill_xcs() {
    world.kill(xcs->host());
    world.run();
    xcs.reset();
  }
  void start_xcs() {
    xcs.emplace(world, "xcs", "/m/xcs_socket");
    world.run_for(2 * xcs_retry_delay);
  }
  std::size_t virqs_rearmed() const {
    std::size_t count = 0;
    for (const auto& frame : xcs->frames) count += frame.type == XCS_VIRQ && frame.u.virq.port == 3 ? 1 : 0;
    return count;
  }
  bool told(std::string_view text) const {
    for (const auto& recorded : sink.entries()) {
      if (text_of(recorded.entry.message).find(text) != std::string::npos) return true;
    }
    return false;
  }
  bool warned(std::string_view text) const {
    for (const std::string& line : host.warnings()) {
      if (line.find(text) != std::string::npos) return true;
    }
    return false;
  }

  SimWorld world;
  SimHost& people = world.host("people");
  ScriptedXen xen{world};
  SimHost& host = world.host("xend");
  trace::MemorySink sink{world.clock()};
  std::optional<ScriptedXcs> xcs;
  bool ready = false;
  Xend xend;
  std::unique_ptr<Person> ask_line;
};

struct AnyPortFixture : Fixture {
  AnyPortFixture() : Fixture(0) {}
};

struct HighPortFixture : Fixture {
  HighPortFixture() : Fixture(65'530) {}
};

ring::ControlMessage answer_to(const ring::ControlMessage& request) {
  return ring::default_reply(request);
}

}  // namespace

TEST_CASE("starting fails without xcs, and when the socket for requests is taken") {
  SimWorld world;
  ScriptedXen xen(world);
  SimHost& host = world.host("xend");
  trace::NullSink sink;
  const auto make = [&] {
    return std::make_unique<Xend>(host, trace::Journal(sink, {}), Privcmd(host, world.dom0_connection(host)),
                                  XendOptions{"/m/xcs_socket", "/m/xend.sock", "/m", 9600});
  };
  CHECK_FALSE(make()->start(nullptr).ok());
  ScriptedXcs xcs(world, "xcs", "/m/xcs_socket");
  auto taken = host.listen_local("/m/xend.sock").value();
  CHECK_FALSE(make()->start(nullptr).ok());
}

TEST_CASE_METHOD(Fixture, "a console is made: channel, binding, start info, listeners") {
  xen.add(1);
  CHECK(ask("console 1") == "ok 1 9601 /m/console-9601\n");
  CHECK(xen.domains[1].console_port == 1);
  REQUIRE(xcs->called(XCS_CIF_NEW_CC) == 1);
  const auto& bind = xcs->calls.back();
  CHECK(bind.type == XCS_MSG_BIND);
  CHECK(bind.u.bind.port == 11);
  CHECK(bind.u.bind.type == xcs_type_wildcard);
  CHECK(ask("consoles") == "ok 1\n1 9601 listening 0 0 /m/console-9601\n");
  CHECK(ask("console 1") == "ok 1 9601 /m/console-9601\n");
  CHECK(xcs->called(XCS_CIF_NEW_CC) == 1);
}

TEST_CASE_METHOD(AnyPortFixture, "port base 0 takes any free port and names it") {
  xen.add(1);
  CHECK(ask("console 1") == "ok 1 49152 /m/console-49152\n");
  CHECK(ask("consoles") == "ok 1\n1 49152 listening 0 0 /m/console-49152\n");
}

TEST_CASE_METHOD(HighPortFixture, "a TCP port beyond the last one is refused") {
  xen.add(6);
  CHECK(ask("console 6").find("65536") != std::string::npos);
  CHECK(ask("consoles") == "ok 0\n");
}

TEST_CASE_METHOD(Fixture, "requests that make no sense are answered with errors") {
  CHECK(ask("").starts_with("error unknown request"));
  CHECK(ask("make tea").starts_with("error unknown request"));
  CHECK(ask("console") == "error usage: console <domid>\n");
  CHECK(ask("console 1 2") == "error usage: console <domid>\n");
  CHECK(ask("console 1 2 3 4 5") == "error usage: console <domid>\n");
  CHECK(ask("console 0") == "error not a domain id from 1 to 1024\n");
  CHECK(ask("console 1025") == "error not a domain id from 1 to 1024\n");
  CHECK(ask("console -1") == "error not a domain id from 1 to 1024\n");
  CHECK(ask("console one") == "error not a domain id from 1 to 1024\n");
  CHECK(ask("console 5") == "error no console: domain 5: there is no such domain\n");
  CHECK(ask("forget 5") == "error domain 5 has no console here\n");
  CHECK(ask("shutdown 5 poweroff") == "error domain 5 has no console here\n");
  CHECK(ask("shutdown 5 later") == "error usage: shutdown <domid> poweroff|reboot\n");
  CHECK(ask("sysrq 5 hh") == "error usage: sysrq <domid> <key>\n");
  xen.add(6);
  xen.crash(6);
  CHECK(ask("console 6") == "error no console: domain 6: it has ended\n");
}

TEST_CASE_METHOD(Fixture, "a busy TCP port is named, with the way out") {
  auto squatter = people.listen_tcp(9601).value();
  xen.add(1);
  const std::string answer = ask("console 1");
  CHECK(answer.starts_with("error cannot listen: TCP port 9601"));
  CHECK(answer.find("--console-port-base") != std::string::npos);
  CHECK(xcs->called(XCS_CIF_NEW_CC) == 0);
  CHECK(ask("consoles") == "ok 0\n");
}

TEST_CASE_METHOD(Fixture, "when xcs refuses, the console is not made and nothing stays behind") {
  const auto type = GENERATE(as<std::uint32_t>(), XCS_CIF_NEW_CC, XCS_MSG_BIND);
  xcs->results[type] = XCS_RSLT_FAILED;
  xen.add(1);
  CHECK(ask("console 1").starts_with("error no console: domain 1: xcs cannot"));
  CHECK(ask("consoles") == "ok 0\n");
  CHECK(xcs->called(XCS_CIF_FREE_CC) == (type == XCS_MSG_BIND ? 1 : 0));
  CHECK(people.listen_tcp(9601).ok());
}

TEST_CASE_METHOD(Fixture, "a domain that goes while its console is made costs an error and nothing else") {
  xen.add(1);
  xcs->on_call = [this](const XcsMessage& call) {
    if (call.type == XCS_MSG_BIND) xen.domains.erase(1);
  };
  CHECK(ask("console 1").starts_with("error cannot set the domain's console port"));
  CHECK(xcs->called(XCS_MSG_UNBIND) == 1);
  CHECK(xcs->called(XCS_CIF_FREE_CC) == 1);
  CHECK(ask("consoles") == "ok 0\n");
}

TEST_CASE_METHOD(Fixture, "bytes travel both ways, and every request is answered") {
  create(1);
  create(2);
  auto one = view(1);
  auto two = view(2);
  xcs->output(1, "from one");
  xcs->output(2, "from two");
  one->type("to one");
  world.run();
  CHECK(one->seen == "from one");
  CHECK(two->seen == "from two");
  CHECK(xcs->answers(1) == 1);
  CHECK(xcs->answers(2) == 1);
  CHECK(xcs->input(1) == "to one");
  CHECK(xcs->input(2).empty());
}

TEST_CASE_METHOD(Fixture, "a request that comes before the binding is confirmed is not lost") {
  xen.add(1);
  xcs->on_call = [this](const XcsMessage& call) {
    if (call.type == XCS_MSG_BIND) xcs->output(1, "early");
  };
  CHECK(ask("console 1").starts_with("ok"));
  CHECK(xcs->answers(1) == 1);
  CHECK(ask("consoles") == "ok 1\n1 9601 listening 5 0 /m/console-9601\n");
}

TEST_CASE_METHOD(Fixture, "one domain's stuck viewer delays no other domain") {
  create(1);
  create(2);
  auto stuck = view(1);
  stuck->read(false);
  auto lively = view(2);
  const std::string line(60, 'x');
  for (int i = 0; i < 1300; ++i) {
    xcs->output(1, line);
    world.run();
    if (xcs->answers(1) + console_owed_max == static_cast<std::size_t>(i) + 1) break;
  }
  for (int i = 0; i < 100; ++i) xcs->output(2, "y");
  world.run();
  CHECK(lively->seen == std::string(100, 'y'));
  CHECK(xcs->answers(2) == 100);
}

TEST_CASE_METHOD(Fixture, "input waits for the guest's answers, seven at a time") {
  create(1);
  auto viewer = view(1);
  viewer->type(std::string(600, 'a'));
  world.run();
  CHECK(xcs->input(1).size() == 7 * 60);
  // Answers to other clients' input, or to other things, open no window.
  xcs->send_control(XCS_RESPONSE, 1, {ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 1, 0, {}});
  xcs->send_control(XCS_RESPONSE, 1, {ring::CMSG_MEM_REQUEST, 0, 0, 0, {}});
  world.run();
  CHECK(xcs->input(1).size() == 7 * 60);
  for (int i = 0; i < 3; ++i) xcs->accept_input(1);
  world.run();
  CHECK(xcs->input(1).size() == 600);
}

TEST_CASE_METHOD(Fixture, "an xcs that does not read makes the viewer wait, and nothing is lost") {
  create(1);
  auto viewer = view(1);
  xcs->stop_reading();
  std::size_t produced = 0;
  // More answers than the connection and the queue take.
  for (; produced < client_frames_max + 200; ++produced) {
    xcs->output(1, "z");
    world.run();
  }
  viewer->type("typed");
  world.run();
  CHECK(viewer->seen.size() < produced);
  xcs->go_on_reading();
  world.run();
  CHECK(viewer->seen.size() >= client_frames_max);
  CHECK(xcs->answers(1) == viewer->seen.size());
  CHECK(xcs->input(1) == "typed");
}

TEST_CASE_METHOD(Fixture, "frames of strangers are refused and harm nobody") {
  create(1);
  auto viewer = view(1);
  xcs->output(99, "who");
  xcs->send(control_message(XCS_REQUEST, 1, 500, ring::make_message(0, 0, 0, bytes_of("wrong port"))));
  xcs->send(control_message(XCS_REQUEST, 0xffffffff, 11, {}));
  xcs->send(interface_message(XCS_CIF_NEW_CC, 1, 11, 1));
  xcs->send(interface_message(static_cast<XcsType>(999), 1, 11, 1));
  world.run();
  CHECK(viewer->seen.empty());
  CHECK(sink.count(trace::Kind::refused) == 5);
  xcs->output(1, "fine");
  world.run();
  CHECK(viewer->seen == "fine");
}

TEST_CASE_METHOD(Fixture, "shutdown and sysrq reach the guest, and are answered when it has") {
  create(1);
  CHECK(ask("shutdown 1 poweroff").empty());
  auto requests = xcs->came(XCS_REQUEST, 1);
  REQUIRE(requests.size() == 1);
  CHECK((requests[0].type == ring::CMSG_SHUTDOWN && requests[0].subtype == ring::CMSG_SHUTDOWN_POWEROFF));
  CHECK(requests[0].length == 0);
  xcs->send_control(XCS_RESPONSE, 1, answer_to(requests[0]));
  world.run();
  CHECK(ask_line->seen == "ok\n");

  CHECK(ask("shutdown 1 reboot").empty());
  xcs->send_control(XCS_RESPONSE, 1, answer_to(xcs->came(XCS_REQUEST, 1).back()));
  world.run();
  CHECK(ask_line->seen == "ok\n");
  CHECK(xcs->came(XCS_REQUEST, 1).back().subtype == ring::CMSG_SHUTDOWN_REBOOT);

  CHECK(ask("sysrq 1 h").empty());
  const auto sysrq = xcs->came(XCS_REQUEST, 1).back();
  CHECK(sysrq.subtype == ring::CMSG_SHUTDOWN_SYSRQ);
  CHECK(text_of(sysrq) == std::string("h\0\0\0", 4));
}

TEST_CASE_METHOD(Fixture, "control requests go one at a time, and no more than eight wait") {
  create(1);
  std::vector<std::unique_ptr<Person>> crowd;
  for (std::size_t i = 0; i <= control_calls_max; ++i) {
    crowd.push_back(std::make_unique<Person>(people, people.connect_local("/m/xend.sock").value()));
    crowd.back()->type("sysrq 1 h\n");
    world.run();
  }
  CHECK(xcs->came(XCS_REQUEST, 1).size() == 1);
  CHECK(crowd.back()->seen == "error domain 1 has not answered 8 earlier requests\n");
  // An answer with another id is another client's.
  auto other = answer_to(xcs->came(XCS_REQUEST, 1)[0]);
  other.id = 200;
  xcs->send_control(XCS_RESPONSE, 1, other);
  world.run();
  CHECK(crowd[0]->seen.empty());
  xcs->send_control(XCS_RESPONSE, 1, answer_to(xcs->came(XCS_REQUEST, 1)[0]));
  world.run();
  CHECK(crowd[0]->seen == "ok\n");
  CHECK(crowd[1]->seen.empty());
  CHECK(xcs->came(XCS_REQUEST, 1).size() == 2);
}

TEST_CASE_METHOD(Fixture, "whoever waits for a guest that goes away gets an error") {
  create(1);
  CHECK(ask("shutdown 1 poweroff").empty());
  ask_line->type("forget 1\n");  // waits its turn
  xen.domains.erase(1);
  dom_exc();
  CHECK(ask_line->seen == "error domain 1 is gone\nerror domain 1 has no console here\n");
}

TEST_CASE_METHOD(Fixture, "a domain that has shut down is destroyed, its viewer let go, its channel freed") {
  create(1);
  create(2);
  auto viewer = view(1);
  xcs->output(1, "bye");
  xen.shut_down(1);
  dom_exc();
  CHECK(viewer->seen == "bye");
  CHECK(viewer->cut_off);
  CHECK(xen.destroyed == std::vector<DomainId>{1});
  CHECK(xcs->called(XCS_MSG_UNBIND) == 1);
  CHECK(xcs->called(XCS_CIF_FREE_CC) == 1);
  CHECK(ask("consoles") == "ok 1\n2 9602 listening 0 0 /m/console-9602\n");
  CHECK(virqs_rearmed() == 1);
  CHECK(people.listen_tcp(9601).ok());
}

TEST_CASE_METHOD(Fixture, "last output that the news of the end has overtaken still reaches the viewer") {
  create(1);
  auto viewer = view(1);
  const bool before_reply = GENERATE(true, false);
  (before_reply ? xcs->on_call : xcs->on_answered) = [this](const XcsMessage& call) {
    // xcs gets to the ring only now.
    if (call.type == XCS_MSG_BIND) xcs->output(1, "overtaken");
  };
  xen.crash(1);
  dom_exc();
  CHECK(viewer->seen == "overtaken");
  CHECK(viewer->cut_off);
}

TEST_CASE_METHOD(Fixture, "a slow viewer sees all of a domain that is gone, while its id goes to another") {
  create(1);
  auto viewer = view(1);
  viewer->read(false);
  const std::string line(60, 'x');
  for (int i = 0; i < 300; ++i) xcs->output(1, line);
  world.run();
  xen.shut_down(1);
  dom_exc();
  CHECK_FALSE(viewer->cut_off);
  create(1);
  auto next = view(1);
  xcs->output(1, "new");
  world.run();
  CHECK(next->seen == "new");
  viewer->read(true);
  world.run();
  CHECK(viewer->seen.size() == 300 * 60);
  CHECK(viewer->cut_off);
}

TEST_CASE_METHOD(Fixture, "viewers of domains that are gone are limited, the oldest goes first") {
  std::vector<std::unique_ptr<Person>> viewers;
  for (DomainId domain = 1; domain <= last_viewers_max + 1; ++domain) {
    create(domain);
    viewers.push_back(view(domain));
    viewers.back()->read(false);
    for (int i = 0; i < 100; ++i) xcs->output(domain, std::string(60, 'x'));
    world.run();
    xen.shut_down(domain);
    dom_exc();
  }
  CHECK(warned("the viewer of domain 1, which is gone, is cut off"));
  for (auto& viewer : viewers) viewer->read(true);
  world.run();
  CHECK(viewers[0]->seen.size() < 6000);
  for (std::size_t i = 1; i < viewers.size(); ++i) CHECK(viewers[i]->seen.size() == 6000);
}

TEST_CASE_METHOD(Fixture, "a crashed or preserved domain keeps its last output until it is destroyed") {
  create(1);
  const bool crashed = GENERATE(true, false);
  if (crashed) {
    xen.crash(1);
  } else {
    xen.domains[1].preserve = 1;
    xen.shut_down(1);
  }
  xcs->output(1, "last words");
  dom_exc();
  CHECK(xen.destroyed.empty());
  CHECK(ask("consoles") == "ok 1\n1 9601 listening 10 0 /m/console-9601\n");
  CHECK(ask("shutdown 1 poweroff") == "error domain 1 has ended\n");
  auto viewer = view(1);
  CHECK(viewer->seen == "last words");
  CHECK(viewer->cut_off);
  dom_exc();
  CHECK(xcs->called(XCS_CIF_FREE_CC) == 0);
  xen.domains.erase(1);
  dom_exc();
  CHECK(ask("consoles") == "ok 0\n");
  CHECK(xcs->called(XCS_CIF_FREE_CC) == 1);
}

TEST_CASE_METHOD(Fixture, "a guest that shut down because it crashed is kept too") {
  create(1);
  xen.shut_down(1, ShutdownReason::crash);
  dom_exc();
  CHECK(xen.destroyed.empty());
  CHECK(ask("consoles").starts_with("ok 1\n"));
}

TEST_CASE_METHOD(Fixture, "a domain that is dying counts as gone") {
  create(1);
  xen.domains[1].state.dying = 1;
  dom_exc();
  CHECK(ask("consoles") == "ok 0\n");
  CHECK(xcs->called(XCS_CIF_FREE_CC) == 1);
}

TEST_CASE_METHOD(Fixture, "domains that nobody asked a console for are left alone") {
  create(1);
  xen.add(2);
  xen.shut_down(2);
  dom_exc();
  CHECK(xen.destroyed.empty());
  CHECK(xen.domains.contains(2));
}

TEST_CASE_METHOD(Fixture, "an interrupt that beats the reply naming its port is armed again") {
  kill_xcs();
  xcs.emplace(world, "xcs", "/m/xcs_socket");
  xcs->on_call = [this](const XcsMessage& call) {
    if (call.type == XCS_VIRQ_BIND) xcs->virq();
  };
  world.run_for(2 * xcs_retry_delay);
  CHECK(virqs_rearmed() == 1);
}

TEST_CASE_METHOD(Fixture, "an id that has come round to another domain is not given the old console") {
  create(1);
  xen.add(1);  // another frame: the news of the old one's end is on its way
  CHECK(ask("console 1") == "error the console of domain 1 is being closed\n");
  world.run();
  CHECK(ask("console 1").starts_with("ok"));
  CHECK(xcs->called(XCS_CIF_FREE_CC) == 1);
}

TEST_CASE_METHOD(Fixture, "forget closes a console whose domain goes on") {
  create(1);
  auto viewer = view(1);
  xcs->output(1, "text");
  world.run();
  CHECK(ask("forget 1") == "ok\n");
  CHECK(viewer->seen == "text");
  CHECK(viewer->cut_off);
  CHECK(xen.domains.contains(1));
  CHECK(xcs->called(XCS_CIF_FREE_CC) == 1);
  CHECK(ask("consoles") == "ok 0\n");
  create(1);
}

TEST_CASE_METHOD(Fixture, "a console that is being opened can be neither had nor forgotten yet") {
  xen.add(1);
  xcs->unanswered = {XCS_CIF_NEW_CC};
  CHECK(ask("console 1").empty());
  Person other(people, people.connect_local("/m/xend.sock").value());
  other.type("console 1\nforget 1\n");
  world.run();
  CHECK(other.seen ==
        "error the console of domain 1 is being opened\nerror the console of domain 1 is being opened\n");
}

TEST_CASE_METHOD(Fixture, "xcs may come back: viewers stay, channels and bindings are set up again") {
  create(1);
  create(2);
  auto viewer = view(1);
  viewer->type(std::string(600, 'a'));
  world.run();
  kill_xcs();
  CHECK(warned("the connection to xcs is lost"));
  CHECK(warned("trying again every 100 ms"));
  CHECK(host.warnings().size() == 1);
  CHECK(ask("console 3") == "error xcs is gone: try again when it is back\n");
  world.run_for(10 * xcs_retry_delay);
  CHECK(host.warnings().size() == 1);
  CHECK_FALSE(viewer->cut_off);

  start_xcs();
  CHECK(warned("xcs is back"));
  CHECK(xcs->called(XCS_VIRQ_BIND) == 1);
  REQUIRE(xcs->called(XCS_CIF_NEW_CC) == 2);
  for (const auto& call : xcs->calls) {
    if (call.type != XCS_CIF_NEW_CC) continue;
    // The ports of before.
    CHECK(call.u.interface.local_port == static_cast<std::int32_t>(10 + call.u.interface.dom));
    CHECK(call.u.interface.remote_port == 1);
  }
  CHECK(xcs->called(XCS_MSG_BIND) == 2);
  xcs->output(1, "again");
  world.run();
  CHECK(viewer->seen == "again");
  CHECK(xcs->answers(1) == 1);
  CHECK(xcs->input(1) == std::string(180, 'a'));
}

TEST_CASE_METHOD(Fixture,
                 "who waits when xcs goes is told, and what waits after it goes on when it is back") {
  create(1);
  CHECK(ask("sysrq 1 h").empty());
  Person builder(people, people.connect_local("/m/xend.sock").value());
  xen.add(2);
  xcs->unanswered = {XCS_CIF_NEW_CC};
  builder.type("console 2\n");
  world.run();
  kill_xcs();
  CHECK(ask_line->seen == "error xcs is gone: nobody knows whether the guest was asked\n");
  CHECK(builder.seen == "error no console: domain 2: xcs is gone\n");
  CHECK(ask("shutdown 1 poweroff").empty());
  start_xcs();
  CHECK(xcs->came(XCS_REQUEST, 1).size() == 1);
}

TEST_CASE_METHOD(Fixture, "a domain that ended while xcs was away is noticed when it is back") {
  create(1);
  create(2);
  auto viewer = view(1);
  kill_xcs();
  xen.shut_down(1);
  xen.domains.erase(2);
  xcs.emplace(world, "xcs", "/m/xcs_socket");
  xcs->results[XCS_CIF_NEW_CC] = XCS_RSLT_FAILED;
  world.run_for(2 * xcs_retry_delay);
  CHECK(xen.destroyed == std::vector<DomainId>{1});
  CHECK(viewer->cut_off);
  CHECK(ask("consoles") == "ok 0\n");
}

TEST_CASE_METHOD(Fixture, "a port that has another use after xcs was away is replaced") {
  create(1);
  kill_xcs();
  xcs.emplace(world, "xcs", "/m/xcs_socket");
  xcs->results[XCS_CIF_NEW_CC] = XCS_RSLT_FAILED;
  xcs->on_call = [this](const XcsMessage& call) {
    if (call.type == XCS_CIF_NEW_CC && call.u.interface.local_port == 0) xcs->results.clear();
  };
  world.run_for(2 * xcs_retry_delay);
  CHECK(xcs->called(XCS_CIF_NEW_CC) == 2);
  xcs->output(1, "alive");
  world.run();
  CHECK(xcs->answers(1) == 1);
  CHECK(host.warnings().size() == 2);  // gone, back
}

TEST_CASE_METHOD(Fixture,
                 "a living domain that xcs will not serve again is warned of, and keeps its viewer") {
  create(1);
  auto viewer = view(1);
  kill_xcs();
  xcs.emplace(world, "xcs", "/m/xcs_socket");
  xcs->guest_port = 2;
  world.run_for(2 * xcs_retry_delay);
  CHECK(warned("the console of domain 1 is cut off: xcs opened its channel on port 2 instead of 1"));
  CHECK(xcs->called(XCS_CIF_FREE_CC) == 1);
  CHECK_FALSE(viewer->cut_off);
}

TEST_CASE_METHOD(Fixture, "xcs may go in the middle of a domain's end") {
  create(1);
  auto viewer = view(1);
  xcs->unanswered = {XCS_MSG_BIND};
  xen.shut_down(1);
  dom_exc();
  CHECK_FALSE(viewer->cut_off);
  kill_xcs();
  CHECK(viewer->cut_off);
  CHECK(xen.destroyed == std::vector<DomainId>{1});
}

TEST_CASE_METHOD(Fixture, "the end of the hypervisor ends xend, with a warning") {
  create(1);
  world.kill(xen.host());
  world.run_for(2 * hypervisor_look_delay);
  CHECK(warned("the hypervisor is gone"));
  CHECK(host.exit_status() == 3);
}

TEST_CASE_METHOD(Fixture, "the journal tells a console's life") {
  create(1);
  auto viewer = view(1);
  xen.shut_down(1);
  dom_exc();
  for (const char* text :
       {"session with xcs", "console listening on port 9601", "console connected: viewer 1",
        "console viewer 1 has seen the end", "domain ended", "console closed"}) {
    INFO(text);
    CHECK(told(text));
  }
}

TEST_CASE("a machine with consoles leaves no handle behind") {
  Fixture fixture;
  SimWorld* world = &fixture.world;
  fixture.create(1);
  auto viewer = fixture.view(1);
  const std::size_t before = world->open_handles().size();
  fixture.create(2);
  viewer = fixture.view(2);
  fixture.xen.shut_down(2);
  fixture.dom_exc();
  viewer.reset();
  fixture.world.run();
  // Both viewers are gone with their domains, or by themselves.
  CHECK(world->open_handles().size() == before - 2);
}
