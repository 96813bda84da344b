// xend when something ends: a domain, its viewer, xcs, the hypervisor.
#include "test/catch.h"
#include "test/xend_fixture.h"

namespace xend_end_test {

using namespace ringside;
using namespace ringside::dom0;
using namespace ringside::test;

namespace {

/// The message that dom0 adds to the output of a crashed domain of ScriptedXen.
const std::string crash_words =
    "\r\n[ringside] domain  crashed: it ended with status 0 and without shutting down\r\n";

XcsMessage numbered_output(DomainId domain, std::uint32_t number) {
  XcsMessage frame =
      control_message(XCS_REQUEST, domain, 10 + domain,
                      ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 0, bytes_of("z")));
  frame.result = number;
  return frame;
}

}  // namespace

TEST_CASE_METHOD(XendFixture, "a caller that waits for a guest that goes away gets an error") {
  create(1);
  CHECK(ask("shutdown 1 poweroff").empty());
  ask_line->type("forget 1\n");  // waits for its turn
  xen.domains.erase(1);
  dom_exc();
  CHECK(ask_line->seen == "error domain 1 is gone\nerror domain 1 has no console here\n");
}

TEST_CASE_METHOD(XendFixture,
                 "a domain that has shut down is destroyed, its viewer disconnected, its channel freed") {
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
  CHECK(ask("consoles") == "ok 1\n2 9602 19602 listening 0 0 /m/console-9602\n");
  CHECK(users.listen_tcp(9601).ok());
}

TEST_CASE_METHOD(XendFixture,
                 "last output that arrives after the end of the domain still reaches the viewer") {
  create(1);
  auto viewer = view(1);
  const bool before_reply = GENERATE(true, false);
  (before_reply ? xcs->on_call : xcs->on_answered) = [this](const XcsMessage& call) {
    // xcs reads the ring only now.
    if (call.type == XCS_MSG_BIND) xcs->output(1, "overtaken");
  };
  xen.crash(1);
  dom_exc();
  CHECK(viewer->seen == "overtaken" + crash_words);
  CHECK(viewer->cut_off);
}

TEST_CASE_METHOD(XendFixture, "a mark fetches the last output, even if it comes late") {
  create(1);
  auto viewer = view(1);
  kill_xcs();
  start_xcs(true);
  xcs->on_frame = [this](const XcsMessage& frame) {
    if (frame.type == XCS_MARK) xcs->output(1, "overtaken");
  };
  const std::size_t binds = xcs->called(XCS_MSG_BIND);
  xen.crash(1);
  dom_exc();
  CHECK(viewer->seen == "overtaken" + crash_words);
  CHECK(viewer->cut_off);
  CHECK(xcs->called(XCS_MSG_BIND) == binds);
}

TEST_CASE_METHOD(XendFixture, "the mark waits until xcs takes frames, and is sent again to another xcs") {
  create(1);
  auto viewer = view(1);
  kill_xcs();
  start_xcs(true);
  xcs->stop_reading();
  for (std::size_t i = 0; i < client_frames_max + 200; ++i) {
    xcs->send(numbered_output(1, static_cast<std::uint32_t>(i)));
    world.run();
  }
  xen.crash(1);
  dom_exc();
  CHECK_FALSE(viewer->cut_off);
  const bool reads_again = GENERATE(true, false);
  if (reads_again) {
    xcs->go_on_reading();
    world.run();
    CHECK(xcs->answers(1) > client_frames_max);
  } else {
    kill_xcs();
    CHECK_FALSE(viewer->cut_off);
    start_xcs(true);
  }
  CHECK(xcs->came(XCS_MARK, 1).size() == 1);
  CHECK(viewer->cut_off);
  CHECK(viewer->seen.ends_with(crash_words));
}

TEST_CASE_METHOD(XendFixture,
                 "a slow viewer gets all output of a domain that is gone, while its id is reused") {
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

TEST_CASE_METHOD(
    XendFixture,
    "the number of viewers of domains that are gone is limited; the oldest is disconnected first") {
  std::vector<std::unique_ptr<User>> viewers;
  for (DomainId domain = 1; domain <= last_readers_max + 1; ++domain) {
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

TEST_CASE_METHOD(XendFixture, "a crashed or preserved domain keeps its last output until it is destroyed") {
  create(1);
  const bool crashed = GENERATE(true, false);
  if (crashed) {
    xen.crash(1);
  } else {
    xen.domains[1].preserve = 1;
    xen.shut_down(1);
  }
  const std::string kept = crashed ? "last words" + crash_words : "last words";
  xcs->output(1, "last words");
  dom_exc();
  CHECK(xen.destroyed.empty());
  // Only the guest's own bytes: the message about a crash is kept apart.
  CHECK(ask("consoles") == "ok 1\n1 9601 19601 listening 10 0 /m/console-9601\n");
  CHECK(ask("shutdown 1 poweroff") == "error domain 1 has ended\n");
  auto viewer = view(1);
  CHECK(viewer->seen == kept);
  CHECK(viewer->cut_off);
  // It has ended already, so xcs gets no further call for its last output.
  const std::size_t asked = xcs->calls.size();
  dom_exc();
  CHECK(xcs->called(XCS_CIF_FREE_CC) == 0);
  CHECK(xcs->called(XCS_MSG_BIND) > 0);
  for (std::size_t each = asked; each < xcs->calls.size(); ++each)
    CHECK(xcs->calls[each].type != XCS_MSG_BIND);
  xen.domains.erase(1);
  dom_exc();
  CHECK(ask("consoles") == "ok 0\n");
  CHECK(xcs->called(XCS_CIF_FREE_CC) == 1);
}

TEST_CASE_METHOD(XendFixture, "a guest that shut down because it crashed is kept too") {
  create(1);
  xen.shut_down(1, ShutdownReason::crash);
  dom_exc();
  CHECK(xen.destroyed.empty());
  CHECK(ask("consoles").starts_with("ok 1\n"));
}

TEST_CASE_METHOD(XendFixture, "a domain that is dying counts as gone") {
  create(1);
  xen.domains[1].state.dying = 1;
  dom_exc();
  CHECK(ask("consoles") == "ok 0\n");
  CHECK(xcs->called(XCS_CIF_FREE_CC) == 1);
}

TEST_CASE_METHOD(XendFixture, "domains without a requested console are ignored") {
  create(1);
  xen.add(2);
  xen.shut_down(2);
  dom_exc();
  CHECK(xen.destroyed.empty());
  CHECK(xen.domains.contains(2));
}

TEST_CASE_METHOD(XendFixture, "a virq that arrives before the reply with its port is handled") {
  create(1);
  kill_xcs();
  xcs.emplace(world, "xcs", "/m/xcs_socket");
  xcs->on_call = [this](const XcsMessage& call) {
    if (call.type != XCS_VIRQ_BIND) return;
    xen.shut_down(1);
    xcs->virq();
  };
  world.run_for(2 * xcs_retry_delay);
  CHECK(xen.destroyed == std::vector<DomainId>{1});
}

TEST_CASE_METHOD(XendFixture, "a domain with a reused id does not get the old console") {
  create(1);
  xen.add(1);                                 // another frame: the event of the old one's end is on its way
  CHECK(ask("console 1").starts_with("ok"));  // answered when the old one has ended
  CHECK(xcs->called(XCS_CIF_FREE_CC) == 1);
}

TEST_CASE_METHOD(XendFixture,
                 "a new domain's console waits until the end of the old one of its id is known") {
  create(1);
  kill_xcs();
  start_xcs(true);
  xcs->stop_reading();
  xen.add(1);
  CHECK(ask("console 1").empty());
  User other(users, users.connect_local("/m/xend.sock").value());
  other.type("console 1\n");
  world.run();
  CHECK(other.seen == "error the console of domain 1 is being closed\n");
  const bool reads_again = GENERATE(true, false);
  if (reads_again) {
    xcs->go_on_reading();
    world.run();
    CHECK(ask_line->seen.starts_with("ok 1 "));
  } else {
    kill_xcs();
    CHECK(ask_line->seen.starts_with("error "));
  }
}

TEST_CASE_METHOD(XendFixture, "forget closes a console whose domain continues") {
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

TEST_CASE_METHOD(XendFixture, "a console that is being opened can be neither used nor forgotten yet") {
  xen.add(1);
  xcs->unanswered = {XCS_CIF_NEW_CC};
  CHECK(ask("console 1").empty());
  User other(users, users.connect_local("/m/xend.sock").value());
  other.type("console 1\nforget 1\n");
  world.run();
  CHECK(other.seen ==
        "error the console of domain 1 is being opened\nerror the console of domain 1 is being opened\n");
}

TEST_CASE_METHOD(XendFixture,
                 "after a restart of xcs viewers stay, and channels and bindings are set up again") {
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
    // The same ports as before.
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

TEST_CASE_METHOD(
    XendFixture,
    "callers that wait when xcs goes get an error, and later requests continue when it is back") {
  create(1);
  CHECK(ask("sysrq 1 h").empty());
  User builder(users, users.connect_local("/m/xend.sock").value());
  xen.add(2);
  xcs->unanswered = {XCS_CIF_NEW_CC};
  builder.type("console 2\n");
  world.run();
  kill_xcs();
  CHECK(ask_line->seen == "error xcs is gone: whether the guest got the request is unknown\n");
  CHECK(builder.seen == "error no console: domain 2: xcs is gone\n");
  CHECK(ask("shutdown 1 poweroff").empty());
  start_xcs();
  CHECK(xcs->came(XCS_REQUEST, 1).size() == 1);
}

TEST_CASE_METHOD(XendFixture, "a domain that ended while xcs was away is noticed when it is back") {
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

TEST_CASE_METHOD(XendFixture, "a port that has another use after xcs was away is replaced") {
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

TEST_CASE_METHOD(XendFixture, "a living domain that xcs refuses causes a warning, and keeps its viewer") {
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

TEST_CASE_METHOD(XendFixture, "a domain that was ending when xcs died ends with the next xcs") {
  create(1);
  auto viewer = view(1);
  xcs->unanswered = {XCS_MSG_BIND};
  xen.shut_down(1);
  dom_exc();
  kill_xcs();
  CHECK_FALSE(viewer->cut_off);
  start_xcs();
  CHECK(viewer->cut_off);
  CHECK(xen.destroyed == std::vector<DomainId>{1});
}

TEST_CASE_METHOD(XendFixture, "the end of the hypervisor ends xend, with a warning") {
  create(1);
  world.kill(xen.host());
  world.run();
  CHECK(warned("the hypervisor is gone"));
  CHECK(host.exit_status() == 3);
}

TEST_CASE_METHOD(XendFixture, "the journal has a console's life") {
  create(1);
  auto viewer = view(1);
  xen.shut_down(1);
  dom_exc();
  for (const char* text :
       {"session with xcs", "console listening on port 9601", "console connected: viewer 1",
        "console viewer 1 has read to the end", "domain ended", "console closed"}) {
    INFO(text);
    CHECK(told(text));
  }
}

TEST_CASE("a machine with consoles leaves no handle behind") {
  XendFixture fixture;
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
  // The first viewer has left, and the second was disconnected with its domain.
  CHECK(world->open_handles().size() == before - 2);
}

}  // namespace xend_end_test
