// A whole machine on the simulated host: xend behind a real xcs, and users at its consoles.
#pragma once

#include <memory>
#include <string>

#include "emu/dom0/xcs/xcs.h"
#include "emu/dom0/xend/xend.h"
#include "test/guest_path.h"

namespace ringside::test {

struct Path : GuestPath {
  explicit Path(Answer its_answer = Answer::xend) : answer(its_answer) {
    start_xcs();
    start_xend();
    requester = std::make_unique<User>(users, users.connect_local("/m/xend.sock").value());
  }

  void start_xcs() {
    SimHost& host = world.host("xcs");
    xcs = std::make_unique<dom0::Xcs>(
        host, trace::Journal(sink, trace::actor(trace::Role::xcs)),
        Privcmd(host, world.dom0_connection(host)),
        dom0::XcsOptions{
            .socket_path = "/m/xcs_socket", .session_seed = 2005, .answer = answer, .directory = "/m"});
    REQUIRE(xcs->start().ok());
  }
  void kill_xcs() {
    world.kill(world.host("xcs"));
    world.run();
    xcs.reset();
  }

  void start_xend() {
    SimHost& host = world.host("xend");
    xend = std::make_unique<dom0::Xend>(host, trace::Journal(*console_sink, trace::actor(trace::Role::xend)),
                                        Privcmd(host, world.dom0_connection(host)),
                                        dom0::XendOptions{"/m/xcs_socket", "/m/xend.sock", "/m", 9600});
    REQUIRE(xend->start([] {}).ok());
    world.run();
  }
  void kill_xend() {
    world.kill(world.host("xend"));
    world.run();
    xend.reset();
  }

  std::string ask(std::string_view request) {
    requester->seen.clear();
    requester->type(std::string(request) + "\n");
    world.run();
    return requester->seen;
  }

  /// A paused domain with a console.
  DomainId create(ring::Abi abi = ring::Abi::sring, bool preserve = false) {
    auto created = builder->domain_create("", abi, 1024, preserve);
    REQUIRE(created.ok());
    const DomainId domain = created->domain;
    REQUIRE(ask(fmt::format("console {}", domain)) ==
            fmt::format("ok 1 {0} 1{0} /m/console-{0}\n", 9600 + domain));
    return domain;
  }
  std::unique_ptr<User> view(DomainId domain) {
    return std::make_unique<User>(users,
                                  users.connect_tcp(static_cast<std::uint16_t>(9600 + domain)).value());
  }
  const Answer answer;
  std::unique_ptr<dom0::Xcs> xcs;
  std::unique_ptr<dom0::Xend> xend;
  std::unique_ptr<User> requester;
};

}  // namespace ringside::test
