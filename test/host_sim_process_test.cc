// The simulated host: hypercalls, and the ends of components and domains.
#include <cerrno>
#include <chrono>

#include "emu/host/sim.h"
#include "test/catch.h"

namespace host_sim_process_test {

using namespace ringside;
using namespace std::chrono_literals;

namespace {

/// A hypervisor that answers start_info with a frame and map_frame with what it was sent, and records its
/// callers.
struct TinyXen {
  explicit TinyXen(SimWorld& world) : host(world.host("xen")) {
    REQUIRE(host.hypercalls_serve({.call = [this](const auto& caller, const auto& arguments,
                                                  auto& handles) { return call(caller, arguments, handles); },
                                   .gone = [this](const auto& caller) { gone.push_back(caller.connection); }})
                .ok());
  }
  HypercallAnswer call(const HypercallCaller& caller, const HypercallArguments& arguments,
                       std::vector<Handle>& handles) {
    HypercallAnswer answer;
    answer.domain = caller.domain;
    last_caller = caller;
    if (arguments.op == HypercallOp::start_info) handles.push_back(host.handle_duplicate(frame).value());
    if (arguments.op == HypercallOp::domain_set_process) {
      process = std::move(handles.at(0));
      handles.clear();
    }
    if (arguments.op == HypercallOp::domain_connection) {
      handles.push_back(host.hypercall_connection(arguments.domain, false).value());
    }
    if (arguments.op == HypercallOp::domain_destroy) {
      host.domain_signal(arguments.domain, process, Host::DomainSignal::kill);
    }
    return answer;
  }

  SimHost& host;
  Handle frame = host.frame_create().value();
  Handle process;
  HypercallCaller last_caller;
  std::vector<std::uint32_t> gone;
};

}  // namespace

TEST_CASE("a hypercall is answered at once, and its handles then belong to the caller") {
  SimWorld world;
  TinyXen xen(world);
  SimHost& guest = world.host("guest");
  SimHost& tools = world.host("tools");
  Privcmd dom0(tools, world.dom0_connection(tools));
  Privcmd domain(guest, world.give(dom0.domain_connection(3).value(), guest));
  auto start = domain.start_info().value();
  CHECK(xen.last_caller.domain == 3);
  CHECK_FALSE(xen.last_caller.privileged());
  auto mapping = guest.frame_map(start.frame).value();
  auto same = xen.host.frame_map(xen.frame).value();
  mapping.frame()[0] = std::byte{1};
  CHECK(same.frame()[0] == std::byte{1});

  REQUIRE(dom0.domain_set_process(3, world.process_of(guest, tools)).ok());
  CHECK(xen.last_caller.privileged());
  CHECK(xen.host.process_number(xen.process) > 0);
}

TEST_CASE("the hypervisor is notified when a caller's last handle is closed") {
  SimWorld world;
  TinyXen xen(world);
  SimHost& tools = world.host("tools");
  auto connection = world.dom0_connection(tools);
  auto second = tools.handle_duplicate(connection).value();
  connection.close();
  world.run();
  CHECK(xen.gone.empty());
  second.close();
  CHECK(xen.gone.empty());  // never inside the close
  world.run();
  CHECK(xen.gone.size() == 1);
}

TEST_CASE("callers of a dead hypervisor get EPIPE, and a new one may start") {
  SimWorld world;
  SimHost& tools = world.host("tools");
  Handle connection;
  {
    TinyXen xen(world);
    CHECK(tools
              .hypercalls_serve(
                  {.call = [](auto&, auto&, auto&) { return HypercallAnswer{}; }, .gone = [](auto&) {}})
              .error()
              .code == EADDRINUSE);
    connection = world.dom0_connection(tools);
    bool told = false;
    tools.watch(connection, {.read = true}, [&](Ready) {
      told = true;
      tools.watch_interest(connection, {});
    });
    world.kill(xen.host);
    world.run();
    CHECK(told);
  }
  Privcmd dom0(tools, std::move(connection));
  CHECK(dom0.domain_info(0).error().code == EPIPE);
  TinyXen again(world);
  CHECK(again.host.name() == "xen");
  CHECK(Privcmd(tools, world.dom0_connection(tools)).start_info().ok());
}

TEST_CASE("a killed component runs no more, its handles close, and its end is reported") {
  SimWorld world;
  SimHost& victim = world.host("victim");
  SimHost& watcher = world.host("watcher");
  auto listener = watcher.listen_local("/machine/socket").value();
  auto near = victim.connect_local("/machine/socket").value();
  auto far = watcher.accept(listener).value().value();
  auto mapping = victim.frame_map(victim.frame_create().value()).value();
  auto process = world.process_of(victim, watcher);
  int ran = 0;
  std::optional<int> status;
  victim.timer_start(1s, [&] { ++ran; });
  victim.watch(near, {.write = true}, [&](Ready) { ++ran; });
  watcher.process_watch(process, [&](int ended) { status = ended; });
  world.kill(victim);
  world.run_for(2s);
  CHECK(ran == 0);
  CHECK(status == sim_status_killed);
  std::uint8_t byte;
  CHECK(watcher.read(far, {&byte, 1}).state == Io::State::closed);
  for (const auto& line : world.open_handles()) CHECK(line.rfind("watcher: ", 0) == 0);
  mapping.frame()[0] = std::byte{1};  // its objects still exist here and can be destroyed safely
  near.close();

  status.reset();
  auto late = world.process_of(victim, watcher);
  watcher.process_watch(late, [&](int ended) { status = ended; });
  world.run();
  CHECK(status == sim_status_killed);
  CHECK(&world.host("victim") != &victim);
  CHECK(&world.host("watcher") == &watcher);
}

TEST_CASE("a component that stops finishes its callback and runs no other") {
  SimWorld world;
  SimHost& host = world.host("a");
  std::string order;
  host.timer_start(0s, [&] {
    host.stop(4);
    host.warn("the last line");
    order += "1";
  });
  host.timer_start(0s, [&] { order += "2"; });
  world.run();
  CHECK(order == "1");
  CHECK(host.ended());
  CHECK(host.exit_status() == 4);
  CHECK(host.warnings() == std::vector<std::string>{"the last line"});
}

TEST_CASE("a stopped domain and its programs wait, a resumed one catches up") {
  SimWorld world;
  SimHost& xen = world.host("xen");
  SimHost& domain = world.host("domain");
  auto process = world.process_of(domain, xen);
  world.program("cat", [](const ProgramSpec&) { return std::make_unique<EchoProgram>(); });
  auto program = domain.program_start({.argv = {"cat"}}).value();
  world.run();
  int ran = 0;
  domain.timer_start(1s, [&] { ++ran; });
  xen.domain_signal(5, process, Host::DomainSignal::stop);
  const std::uint8_t typed[] = {'x'};
  REQUIRE(domain.write(program.terminal, typed).bytes == 1);
  world.run_for(3s);
  CHECK(ran == 0);
  std::uint8_t byte = 0;
  CHECK(domain.read(program.terminal, {&byte, 1}).state == Io::State::blocked);
  xen.domain_signal(5, process, Host::DomainSignal::resume);
  world.run();
  CHECK(ran == 1);
  CHECK(domain.read(program.terminal, {&byte, 1}).bytes == 1);
  CHECK(byte == 'x');
  REQUIRE(world.signals().size() == 2);
  CHECK(world.signals()[1].domain == 5);
  CHECK(world.signals()[1].signal == Host::DomainSignal::resume);
  CHECK(world.signals()[1].process == xen.process_number(process));
}

TEST_CASE("a domain may be killed by a hypercall of another component, its programs with it") {
  SimWorld world;
  TinyXen xen(world);
  SimHost& tools = world.host("tools");
  SimHost& domain = world.host("domain");
  Privcmd dom0(tools, world.dom0_connection(tools));
  auto own = world.dom0_connection(domain);
  world.program("idle", [](const ProgramSpec&) { return std::make_unique<IdleProgram>(); });
  auto program = domain.program_start({.argv = {"idle"}}).value();
  REQUIRE(dom0.domain_set_process(1, world.process_of(domain, tools)).ok());
  REQUIRE(dom0.domain_destroy(1).ok());
  CHECK(domain.ended());
  world.run();
  CHECK(xen.gone.size() == 1);
  for (const auto& line : world.open_handles()) CHECK(line.rfind("domain: ", 0) != 0);
}

TEST_CASE("callbacks that never run may own handles") {
  SimWorld world;
  SimHost& host = world.host("a");
  auto one = std::make_shared<Handle>(host.kicks_create().value());
  auto two = std::make_shared<Handle>(host.kicks_create().value());
  host.kicks_watch(*one, [two] {});
  host.timer_start(1s, [one] {});
  one.reset();
  two.reset();
  CHECK(world.open_handles().size() == 2);
  SECTION("when their component dies") {
    world.kill(host);
    world.run();
    CHECK(world.open_handles().empty());
  }
  SECTION("when the world ends") {}
}

TEST_CASE("events that became due while a component was stopped run before later ones") {
  SimWorld world;
  SimHost& host = world.host("one");
  std::string order;
  world.stall(host);
  host.timer_start(Duration{0}, [&] { order += "1"; });
  host.timer_start(Duration{0}, [&] { order += "2"; });
  world.run();
  host.timer_start(Duration{0}, [&] { order += "3"; });
  world.host("another").timer_start(Duration{0}, [&] { order += "x"; });
  REQUIRE(world.run_until([&] { return order == "x"; }));
  host.timer_start(Duration{0}, [&] { order += "4"; });
  world.go_on(host);
  world.run();
  CHECK(order == "x1234");
}

TEST_CASE("without descriptors a component opens nothing and keeps its handles, and later continues") {
  SimWorld world;
  SimHost& host = world.host("one");
  SimHost& other = world.host("other");
  const Handle listener = host.listen_local("/m/one").value();
  const Handle kicks = host.kicks_create().value();
  const Handle caller = other.connect_local("/m/one").value();
  world.exhaust_descriptors(host, true);
  CHECK(host.listen_local("/m/two").error().code == EMFILE);
  CHECK(host.connect_local("/m/one").error().code == EMFILE);
  CHECK(host.kicks_create().error().code == EMFILE);
  CHECK(host.handle_duplicate(kicks).error().code == EMFILE);
  CHECK(host.frame_create().error().code == EMFILE);
  CHECK(host.pty_create().error().code == EMFILE);
  CHECK(host.memory_keep("/m/kept", 64).error().code == EMFILE);
  CHECK(host.accept(listener).error().code == EMFILE);
  CHECK(other.kicks_create().ok());
  world.exhaust_descriptors(host, false);
  CHECK(host.accept(listener).value().has_value());
  CHECK(world.kept_files().empty());
}

TEST_CASE("on a full disk no new file can be made, and existing ones stay") {
  SimWorld world;
  SimHost& host = world.host("one");
  REQUIRE(host.memory_keep("/m/old", 64).ok());
  world.fill_disk(true);
  CHECK(host.memory_keep("/m/new", 64).error().code == ENOSPC);
  CHECK(host.memory_keep("/m/old", 64).ok());
  world.fill_disk(false);
  CHECK(host.memory_keep("/m/new", 64).ok());
  CHECK(world.kept_files() == std::vector<std::string>{"/m/new", "/m/old"});
}

}  // namespace host_sim_process_test
