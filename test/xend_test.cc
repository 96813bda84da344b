// xend against a scripted xcs and hypervisor: consoles, traffic, and answers to requests.
#include "test/catch.h"
#include "test/xend_fixture.h"

namespace xend_test {

using namespace ringside;
using namespace ringside::dom0;
using namespace ringside::test;

namespace {

struct AnyPortFixture : XendFixture {
  AnyPortFixture() : XendFixture(0) {}
};

struct HighPortFixture : XendFixture {
  HighPortFixture() : XendFixture(65'530) {}
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

TEST_CASE_METHOD(XendFixture,
                 "a console is made with a channel, a binding, a port in the start info, and listeners") {
  xen.add(1);
  CHECK(ask("console 1") == "ok 1 9601 19601 /m/console-9601\n");
  CHECK(xen.domains[1].console_port == 1);
  REQUIRE(xcs->called(XCS_CIF_NEW_CC) == 1);
  const auto& bind = xcs->calls.back();
  CHECK(bind.type == XCS_MSG_BIND);
  CHECK(bind.u.bind.port == 11);
  CHECK(bind.u.bind.type == xcs_type_wildcard);
  CHECK(ask("consoles") == "ok 1\n1 9601 19601 listening 0 0 /m/console-9601\n");
  CHECK(ask("console 1") == "ok 1 9601 19601 /m/console-9601\n");
  CHECK(xcs->called(XCS_CIF_NEW_CC) == 1);
}

TEST_CASE_METHOD(AnyPortFixture, "port base 0 takes any free port and names it") {
  xen.add(1);
  CHECK(ask("console 1") == "ok 1 49152 49153 /m/console-49152\n");
  CHECK(ask("consoles") == "ok 1\n1 49152 49153 listening 0 0 /m/console-49152\n");
}

TEST_CASE_METHOD(HighPortFixture, "a TCP port beyond the last one is refused") {
  xen.add(6);
  CHECK(ask("console 6").find("65536") != std::string::npos);
  CHECK(ask("consoles") == "ok 0\n");
}

TEST_CASE_METHOD(XendFixture, "meaningless requests are answered with errors") {
  CHECK(ask("").starts_with("error unknown request"));
  CHECK(ask("make tea").starts_with("error unknown request"));
  CHECK(ask("console") == "error usage: console <domid>\n");
  CHECK(ask("console 1 2") == "error usage: console <domid>\n");
  CHECK(ask("console 1 2 3 4 5") == "error usage: console <domid>\n");
  CHECK(ask("console 0") == "error not a domain id from 1 to 4095\n");
  CHECK(ask("console 4096") == "error not a domain id from 1 to 4095\n");
  CHECK(ask("console -1") == "error not a domain id from 1 to 4095\n");
  CHECK(ask("console one") == "error not a domain id from 1 to 4095\n");
  CHECK(ask("console 5") == "error no console: domain 5: there is no such domain\n");
  CHECK(ask("forget 5") == "error domain 5 has no console here\n");
  CHECK(ask("shutdown 5 poweroff") == "error domain 5 has no console here\n");
  CHECK(ask("shutdown 5 later") == "error usage: shutdown <domid> poweroff|reboot\n");
  CHECK(ask("sysrq 5 hh") == "error usage: sysrq <domid> <key>\n");
  xen.add(6);
  xen.crash(6);
  CHECK(ask("console 6") == "error no console: domain 6: it has ended\n");
}

TEST_CASE_METHOD(XendFixture, "a busy TCP port is named, with advice") {
  auto squatter = users.listen_tcp(9601).value();
  xen.add(1);
  const std::string answer = ask("console 1");
  CHECK(answer.starts_with("error cannot listen: TCP port 9601"));
  CHECK(answer.find("--console-port-base") != std::string::npos);
  CHECK(xcs->called(XCS_CIF_NEW_CC) == 0);
  CHECK(ask("consoles") == "ok 0\n");
  CHECK(world.kept_files().empty());
}

TEST_CASE_METHOD(XendFixture, "when xcs refuses, the console is not made and nothing is left over") {
  const auto type = GENERATE(as<std::uint32_t>(), XCS_CIF_NEW_CC, XCS_MSG_BIND);
  xcs->results[type] = XCS_RSLT_FAILED;
  xen.add(1);
  CHECK(ask("console 1").starts_with("error no console: domain 1: xcs cannot"));
  CHECK(ask("consoles") == "ok 0\n");
  CHECK(xcs->called(XCS_CIF_FREE_CC) == (type == XCS_MSG_BIND ? 1 : 0));
  CHECK(users.listen_tcp(9601).ok());
}

TEST_CASE_METHOD(XendFixture, "a domain that ends while its console is made causes only an error") {
  xen.add(1);
  xcs->on_call = [this](const XcsMessage& call) {
    if (call.type == XCS_MSG_BIND) xen.domains.erase(1);
  };
  CHECK(ask("console 1").starts_with("error cannot set the domain's console port"));
  CHECK(xcs->called(XCS_MSG_UNBIND) == 1);
  CHECK(xcs->called(XCS_CIF_FREE_CC) == 1);
  CHECK(ask("consoles") == "ok 0\n");
}

TEST_CASE_METHOD(XendFixture, "bytes travel both ways, and every request is answered") {
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

TEST_CASE_METHOD(XendFixture, "a request that comes before the binding is confirmed is not lost") {
  xen.add(1);
  xcs->on_call = [this](const XcsMessage& call) {
    if (call.type == XCS_MSG_BIND) xcs->output(1, "early");
  };
  CHECK(ask("console 1").starts_with("ok"));
  CHECK(xcs->answers(1) == 1);
  CHECK(ask("consoles") == "ok 1\n1 9601 19601 listening 5 0 /m/console-9601\n");
}

TEST_CASE_METHOD(XendFixture, "one domain's stuck viewer delays no other domain") {
  create(1);
  create(2);
  auto stuck = view(1);
  stuck->read(false);
  auto lively = view(2);
  const std::string line(60, 'x');
  for (int i = 0; i < 1300; ++i) {
    xcs->output(1, line);
    world.run();
    if (xcs->answers(1) + ring::slots_per_ring == static_cast<std::size_t>(i) + 1) break;
  }
  for (int i = 0; i < 100; ++i) xcs->output(2, "y");
  world.run();
  CHECK(lively->seen == std::string(100, 'y'));
  CHECK(xcs->answers(2) == 100);
}

TEST_CASE_METHOD(XendFixture, "input waits for the guest's answers, seven at a time") {
  create(1);
  auto viewer = view(1);
  viewer->type(std::string(600, 'a'));
  world.run();
  CHECK(xcs->input(1).size() == 7 * 60);
  // Answers to other clients' input, or to other requests, do not allow more input.
  xcs->send_control(XCS_RESPONSE, 1, {ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 1, 0, {}});
  xcs->send_control(XCS_RESPONSE, 1, {ring::CMSG_MEM_REQUEST, 0, 0, 0, {}});
  world.run();
  CHECK(xcs->input(1).size() == 7 * 60);
  for (int i = 0; i < 3; ++i) xcs->accept_input(1);
  world.run();
  CHECK(xcs->input(1).size() == 600);
}

TEST_CASE_METHOD(XendFixture, "an xcs that does not read makes the viewer wait, and no byte is lost") {
  create(1);
  auto viewer = view(1);
  xcs->stop_reading();
  std::size_t produced = 0;
  // More answers than the connection and the queue hold.
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

TEST_CASE_METHOD(XendFixture, "frames for other programs are refused") {
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

TEST_CASE_METHOD(XendFixture,
                 "shutdown and sysrq reach the guest, and the caller is told when it has answered") {
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

TEST_CASE_METHOD(XendFixture, "a guest that does not answer delays its caller by ten seconds, and is named") {
  create(1);
  User first(users, users.connect_local("/m/xend.sock").value());
  first.type("shutdown 1 poweroff\n");
  world.run();
  world.run_for(control_patience / 2);
  User second(users, users.connect_local("/m/xend.sock").value());
  second.type("sysrq 1 h\n");
  world.run();
  world.run_for(control_patience / 2);
  const std::string said =
      "error domain 1 has not answered within 10 s: its guest takes no control messages, or is busy. "
      "ringside "
      "destroy ends it\n";
  CHECK(first.seen == said);
  CHECK(second.seen.empty());
  world.run_for(control_patience / 2);
  CHECK(second.seen == said);
  // The second request was never sent, and is not sent now. The first may still be answered, but no caller is
  // told twice.
  REQUIRE(xcs->came(XCS_REQUEST, 1).size() == 1);
  xcs->send_control(XCS_RESPONSE, 1, answer_to(xcs->came(XCS_REQUEST, 1)[0]));
  world.run();
  CHECK(first.seen == said);
  CHECK(xcs->came(XCS_REQUEST, 1).size() == 1);
  // The next request to the guest works as usual.
  CHECK(ask("sysrq 1 h").empty());
  REQUIRE(xcs->came(XCS_REQUEST, 1).size() == 2);
  xcs->send_control(XCS_RESPONSE, 1, answer_to(xcs->came(XCS_REQUEST, 1)[1]));
  world.run();
  CHECK(ask_line->seen == "ok\n");
}

TEST_CASE_METHOD(XendFixture, "control requests are sent one at a time, and at most eight wait") {
  create(1);
  std::vector<std::unique_ptr<User>> crowd;
  for (std::size_t i = 0; i <= control_calls_max; ++i) {
    crowd.push_back(std::make_unique<User>(users, users.connect_local("/m/xend.sock").value()));
    crowd.back()->type("sysrq 1 h\n");
    world.run();
  }
  CHECK(xcs->came(XCS_REQUEST, 1).size() == 1);
  CHECK(crowd.back()->seen == "error domain 1 has not answered 8 earlier requests\n");
  // An answer with another id belongs to another client.
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

}  // namespace xend_test
