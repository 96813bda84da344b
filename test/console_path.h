// A whole machine on the simulated host: xend behind a real xcs, in front of real guests, under a real
// hypervisor, and people at its consoles.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "emu/dom0/xcs.h"
#include "emu/dom0/xend.h"
#include "emu/domu/domain.h"
#include "emu/xen/hypervisor.h"
#include "test/catch.h"
#include "test/dom0_machine.h"

namespace ringside::test {

/// Text that shows where a byte went missing or came twice.
[[nodiscard]] inline std::string numbered_text(std::size_t bytes) {
  std::string text;
  for (unsigned number = 0; text.size() < bytes; ++number) text += std::to_string(number) + ' ';
  text.resize(bytes);
  return text;
}

struct Path {
  Path() {
    REQUIRE(hypervisor.start().ok());
    start_xcs();
    start_xend();
    builder = std::make_unique<Privcmd>(people, world.dom0_connection(people));
    asking = std::make_unique<Person>(people, people.connect_local("/m/xend.sock").value());
  }

  void start_xcs() {
    SimHost& host = world.host("xcs");
    xcs = std::make_unique<dom0::Xcs>(host, trace::Journal(sink, trace::actor(trace::Role::xcs)),
                                      Privcmd(host, world.dom0_connection(host)),
                                      dom0::XcsOptions{.socket_path = "/m/xcs_socket", .session_seed = 2005});
    REQUIRE(xcs->start().ok());
  }
  void kill_xcs() {
    world.kill(world.host("xcs"));
    world.run();
    xcs.reset();
  }

  void start_xend() {
    SimHost& host = world.host("xend");
    xend = std::make_unique<dom0::Xend>(host, trace::Journal(sink, trace::actor(trace::Role::xend)),
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
    asking->seen.clear();
    asking->type(std::string(request) + "\n");
    world.run();
    return asking->seen;
  }

  /// A paused domain with a console.
  DomainId create(ring::Abi abi = ring::Abi::sring, bool preserve = false) {
    auto created = builder->domain_create("", abi, 1024, preserve);
    REQUIRE(created.ok());
    const DomainId domain = created->domain;
    REQUIRE(ask(fmt::format("console {}", domain)) ==
            fmt::format("ok 1 {} /m/console-{}\n", 9600 + domain, 9600 + domain));
    return domain;
  }
  /// Runs `program` in the domain. The answer lives as long as the world.
  template <class Program>
  Program& boot(DomainId domain, std::unique_ptr<Program> program) {
    Program& running = *program;
    const std::string name = fmt::format("program of {}", domain);
    auto holder = std::make_shared<std::unique_ptr<SimProgram>>(std::move(program));
    world.program(name, [holder](const ProgramSpec&) { return std::move(*holder); });
    SimHost& host = world.host(fmt::format("dom{}", domain));
    auto connection = builder->domain_connection(domain);
    REQUIRE(connection.ok());
    const Handle process = world.process_of(host, people);
    REQUIRE(builder->domain_set_process(domain, process).ok());
    REQUIRE(builder->domain_unpause(domain).ok());
    guests.push_back(
        std::make_unique<domu::DomU>(host, trace::Journal(sink, trace::actor(trace::Role::domain, domain)),
                                     Privcmd(host, world.give(std::move(*connection), host)),
                                     domu::DomUOptions{.argv = {name}, .raw = true, .quiet = true}));
    REQUIRE(guests.back()->start().ok());
    return running;
  }
  std::unique_ptr<Person> view(DomainId domain) {
    return std::make_unique<Person>(people,
                                    people.connect_tcp(static_cast<std::uint16_t>(9600 + domain)).value());
  }
  bool domain_exists(DomainId domain) {
    auto info = builder->domain_info(domain);
    return info.ok() && info->has_value() && (*info)->domain == domain && (*info)->state.dying == 0;
  }

  SimWorld world;
  trace::NullSink sink;
  SimHost& people = world.host("people");
  SimHost& xen_host = world.host("xen");
  xen::Hypervisor hypervisor{xen_host, trace::Journal(sink, trace::actor(trace::Role::xen))};
  std::unique_ptr<dom0::Xcs> xcs;
  std::unique_ptr<dom0::Xend> xend;
  std::unique_ptr<Privcmd> builder;
  std::unique_ptr<Person> asking;
  std::vector<std::unique_ptr<domu::DomU>> guests;
};

}  // namespace ringside::test
