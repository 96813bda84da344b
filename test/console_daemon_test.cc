// The common part of xend and xenctld: the state of domains, and the answers to programs that ask about them.
#include "emu/dom0/xenctld/xenctld.h"
#include "test/catch.h"
#include "test/fake_guest.h"
#include "test/xend_fixture.h"

namespace console_daemon_test {

using namespace ringside;
using namespace ringside::dom0;
using namespace ringside::test;

namespace {

/// A xenctld that takes over a console of an earlier one.
struct TakenUp {
  TakenUp() {
    xen.add_domain(1);
    xen.set_console_port(1, 1);
  }
  void start(std::string_view kept) {
    {
      auto store = ConsoleStore::make(host, "/m/console-1.kept", XenctldConsole::store_shape(0),
                                      xen.info(1).shared_info_frame);
      REQUIRE(store.ok());
      store->output_take(bytes_of(kept), std::nullopt);
    }
    REQUIRE(xenctld.start().ok());
    world.run();
  }

  SimWorld world;
  SimHost& users = world.host("users");
  FakeHypervisor xen{world};
  SimHost& host = world.host("xenctld");
  trace::MemorySink sink{world.clock()};
  Xenctld xenctld{host, trace::Journal(sink, trace::actor(trace::Role::xenctld)),
                  Privcmd(host, world.dom0_connection(host)), XenctldOptions{"/m/xenctld.sock", "/m", 0}};
};

}  // namespace

TEST_CASE_METHOD(XendFixture,
                 "a request to suspend is answered if xcs dies before it has freed the channel") {
  create(1);
  xcs->unanswered = {XCS_CIF_FREE_CC};
  CHECK(ask("suspend 1").empty());
  xen.shut_down(1, ShutdownReason::suspend);
  dom_exc();
  CHECK(ask_line->seen.empty());
  kill_xcs();
  CHECK(ask_line->seen == "ok\n");
}

TEST_CASE_METHOD(
    XendFixture,
    "a domain suspended under another daemon stays suspended when it cannot be given a channel") {
  xen.add(1);
  xen.shut_down(1, ShutdownReason::suspend);
  xcs->results[XCS_CIF_NEW_CC] = XCS_RSLT_FAILED;
  CHECK(ask("resume 1").starts_with("error no console: domain 1: xcs cannot open its channel"));
  CHECK(ask("console 1") == "error domain 1 is suspended\n");
  xcs->results.clear();
  CHECK(ask("resume 1") == "ok 1 9601 19601 /m/console-9601\n");
  CHECK(told("domain resumed"));
}

TEST_CASE_METHOD(XendFixture, "a console that xcs no longer serves is reported as having lost its channel") {
  create(1);
  kill_xcs();
  xcs.emplace(world, "xcs", "/m/xcs_socket");
  xcs->results[XCS_CIF_NEW_CC] = XCS_RSLT_FAILED;
  world.run_for(2 * xcs_retry_delay);
  CHECK(ask("console 1") == "error domain 1 has lost its channel\n");
}

TEST_CASE_METHOD(TakenUp,
                 "at its start xenctld removes a domain that is dying, and counts the unread bytes") {
  xen.info(1).state.dying = 1;
  start("never read");
  CHECK(world.kept_files().empty());
  CHECK(sink.count(trace::Kind::counted) == 1);
  CHECK(host.warnings().empty());
}

TEST_CASE_METHOD(TakenUp, "under xenctld an answer that a guest sent before its end counts") {
  start("");
  FakeGuest guest(xen, 1);
  User first(users, users.connect_local("/m/xenctld.sock").value());
  first.type("sysrq 1 h\n");
  world.run();
  CHECK(first.seen.empty());
  ring::ControlMessage request;
  REQUIRE(guest.rx.take_request(request) == ring::TakeRequest::taken);
  REQUIRE(guest.rx.put_response(ring::default_reply(request)));
  // Its event is still on the way when xenctld looks after the domain.
  guest.rx.publish();
  xen.info(1).state.crashed = 1;
  User second(users, users.connect_local("/m/xenctld.sock").value());
  second.type("console 1\n");
  world.run();
  CHECK(first.seen == "ok\n");
}

}  // namespace console_daemon_test
