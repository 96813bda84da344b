// A whole machine on the simulated host: xenctld with real guests, and users at its ptys.
#pragma once

#include <memory>
#include <string>

#include "emu/dom0/xenctld/xenctld.h"
#include "test/guest_path.h"

namespace ringside::test {

struct XenctldPath : GuestPath {
  XenctldPath() { start_xenctld(); }

  void start_xenctld(std::size_t queue_limit_bytes = 0) {
    SimHost& host = world.host("xenctld");
    xenctld = std::make_unique<dom0::Xenctld>(
        host, trace::Journal(*console_sink, trace::actor(trace::Role::xenctld)),
        Privcmd(host, world.dom0_connection(host)),
        dom0::XenctldOptions{"/m/xenctld.sock", "/m", queue_limit_bytes});
    REQUIRE(xenctld->start().ok());
    requester = std::make_unique<User>(users, users.connect_local("/m/xenctld.sock").value());
    world.run();
  }
  void kill_xenctld() {
    world.kill(world.host("xenctld"));
    world.run();
    xenctld.reset();
  }

  std::string ask(std::string_view request) {
    requester->seen.clear();
    requester->type(std::string(request) + "\n");
    world.run_for(std::chrono::seconds(1));
    return requester->seen;
  }

  DomainId create(ring::Abi abi = ring::Abi::sring, bool preserve = false) {
    auto created = builder->domain_create("", abi, 1024, preserve);
    REQUIRE(created.ok());
    const DomainId domain = created->domain;
    REQUIRE(ask(fmt::format("console {}", domain)) == fmt::format("ok 1 0 0 /m/pty-{}\n", domain));
    return domain;
  }
  std::unique_ptr<User> open(DomainId domain) {
    auto file = users.file_open(fmt::format("/m/pty-{}", domain), Host::FileUse::output);
    REQUIRE(file.ok());
    return std::make_unique<User>(users, std::move(file->handle));
  }
  std::unique_ptr<dom0::Xenctld> xenctld;
  std::unique_ptr<User> requester;
};

}  // namespace ringside::test
