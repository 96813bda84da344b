// xend on a scripted machine, and a client that sends it requests.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "emu/dom0/xend/xend.h"
#include "test/catch.h"
#include "test/dom0_machine.h"

namespace ringside::test {

struct XendFixture {
  explicit XendFixture(std::uint16_t port_base = 9600, Quirks quirks = {})
      : xend(host, trace::Journal(sink, trace::actor(trace::Role::xend)),
             Privcmd(host, world.dom0_connection(host)),
             {.xcs_socket = "/m/xcs_socket",
              .management_socket = "/m/xend.sock",
              .console_directory = "/m",
              .console_port_base = port_base,
              .quirks = quirks}) {
    xcs.emplace(world, "xcs", "/m/xcs_socket");
    REQUIRE(xend.start([this] { ready = true; }).ok());
    world.run();
    REQUIRE(ready);
    ask_line = std::make_unique<User>(users, users.connect_local("/m/xend.sock").value());
  }

  /// The answer to one request, as far as it has arrived.
  std::string ask(std::string_view request) {
    ask_line->seen.clear();
    ask_line->type(std::string(request) + "\n");
    world.run();
    return ask_line->seen;
  }
  void create(DomainId domain) {
    xen.add(domain);
    REQUIRE(ask(fmt::format("console {}", domain)) ==
            fmt::format("ok 1 {0} 1{0} /m/console-{0}\n", 9600 + domain));
  }
  std::unique_ptr<User> view(DomainId domain) {
    auto stream = users.connect_tcp(static_cast<std::uint16_t>(9600 + domain));
    REQUIRE(stream.ok());
    auto user = std::make_unique<User>(users, std::move(stream).value());
    world.run();
    return user;
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
  void start_xcs(bool numbers = false) {
    xcs.emplace(world, "xcs", "/m/xcs_socket");
    xcs->numbers = numbers;
    world.run_for(2 * dom0::xcs_retry_delay);
  }
  bool told(std::string_view text) const {
    for (const auto& recorded : sink.entries()) {
      if (trace::words_of(recorded.entry).find(text) != std::string::npos) return true;
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
  SimHost& users = world.host("users");
  ScriptedXen xen{world};
  SimHost& host = world.host("xend");
  trace::MemorySink sink{world.clock()};
  std::optional<ScriptedXcs> xcs;
  bool ready = false;
  dom0::Xend xend;
  std::unique_ptr<User> ask_line;
};

}  // namespace ringside::test
