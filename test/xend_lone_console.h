// One console of xend alone: its viewer on one side; on the other the test acts as xend and the guest.
#pragma once

#include "emu/dom0/xcs/xcs_proto.h"
#include "emu/dom0/xend/xend_console.h"
#include "test/catch.h"
#include "test/dom0_machine.h"

namespace ringside::test {

using dom0::ConsoleStore;
using dom0::XcsType;
using dom0::XendConsole;

inline constexpr DomainId lone_domain = 7;

struct XendLoneConsole {
  XendLoneConsole() { REQUIRE(console.listen(9607, "/m").ok()); }

  std::unique_ptr<User> attach() {
    auto user = std::make_unique<User>(users, users.connect_local(console.path()).value());
    world.run();
    return user;
  }
  void output(std::string_view text) {
    console.guest_request(
        ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, ring::no_callback_id, bytes_of(text)),
        number++);
    console.settle();
  }
  /// `bytes` of output in full messages, each different.
  std::string output_bytes(std::size_t bytes) {
    std::string all;
    while (all.size() < bytes) {
      std::string piece = fmt::format("{:060}", produced++).substr(0, bytes - all.size());
      output(piece);
      all += piece;
    }
    return all;
  }
  std::size_t answers() const { return sent_of(dom0::XCS_RESPONSE).size(); }
  std::vector<ring::ControlMessage> sent_of(XcsType type) const {
    std::vector<ring::ControlMessage> found;
    for (const auto& [sent_type, message] : sent) {
      if (sent_type == type) found.push_back(message);
    }
    return found;
  }
  std::string input() const {
    std::string text;
    for (const auto& message : sent_of(dom0::XCS_REQUEST)) text += text_of(message);
    return text;
  }
  ConsoleStore store(DomainId id) {
    return ConsoleStore::make(world.host("xend"), fmt::format("/m/console-{}.kept", id),
                              {.output_bytes_max = dom0::console_output_bytes_max}, 0x1000 + id)
        .value();
  }
  std::size_t told(trace::Kind kind) const { return sink.count(kind); }

  SimWorld world;
  SimHost& users = world.host("users");
  trace::MemorySink sink{world.clock()};
  std::vector<std::pair<XcsType, ring::ControlMessage>> sent;
  bool wire_open = true;
  int left = 0;
  bool numbers = false;
  std::uint32_t number = 0;  ///< number of the next output
  std::vector<std::uint32_t> tags;
  std::size_t produced = 0;
  XendConsole console{world.host("xend"),
                      trace::Journal(sink, trace::actor(trace::Role::xend)),
                      lone_domain,
                      store(lone_domain),
                      {.has_room = [this] { return wire_open; },
                       .numbers = [this] { return numbers; },
                       .send =
                           [this](const ring::ControlMessage& message, std::uint32_t tag) {
                             sent.emplace_back(dom0::XCS_REQUEST, message);
                             tags.push_back(tag);
                             return dom0::ConsoleGuest::Sent::taken;
                           },
                       .respond =
                           [this](const ring::ControlMessage& message, std::uint32_t its_number) {
                             sent.emplace_back(dom0::XCS_RESPONSE, message);
                             tags.push_back(its_number);
                           },
                       .flush = [] {},
                       .reader_left = [this] { ++left; }}};
};

}  // namespace ringside::test
