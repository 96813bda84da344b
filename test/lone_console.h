// One console of xenctld alone: programs open its pty on one side, and the test acts as the channel and the
// guest on the other.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emu/dom0/channel/channel.h"
#include "emu/dom0/xenctld/xenctld_console.h"
#include "test/catch.h"
#include "test/dom0_machine.h"

namespace ringside::test {

inline constexpr DomainId lone_domain = 7;
inline const std::string link_path = "/m/pty-7";

struct LoneConsole {
  using Sent = dom0::ConsoleGuest::Sent;
  explicit LoneConsole(std::size_t limit_bytes = 0) : limit_bytes(limit_bytes) { start(); }

  /// Restarts it as the next xenctld does after the death of the last.
  void start_again() {
    console.reset();
    sent.clear();
    start();
    for (const auto& request : std::vector(waiting)) console->guest_request(request.message, request.index);
    console->settle();
  }
  void start() {
    console = std::make_unique<dom0::XenctldConsole>(
        daemon, trace::Journal(sink, trace::actor(trace::Role::xenctld)), lone_domain, link_path, limit_bytes,
        dom0::ConsoleStore::make(daemon, "/m/console-7.kept", dom0::XenctldConsole::store_shape(limit_bytes),
                                 1)
            .value(),
        dom0::ConsoleGuest{
            .has_room = [] { return true; },
            .numbers = [] { return true; },
            .send =
                [this](const ring::ControlMessage& message, std::uint32_t tag) {
                  if (ring_full) return Sent::full;
                  if (outcomes.contains(tag)) return outcomes[tag];
                  sent.push_back(message);
                  return Sent::taken;
                },
            .respond =
                [this](const ring::ControlMessage& message, std::uint32_t number) {
                  answered.push_back(message);
                  REQUIRE(std::erase_if(waiting, [number](const dom0::Channel::UnansweredRequest& request) {
                            return request.index == number;
                          }) == 1);
                },
            .flush = [] {},
            .reader_left = [] {}});
    REQUIRE(console->start().ok());
  }

  /// A program opens the file at this path.
  std::unique_ptr<User> arrive(const std::string& path = link_path) {
    auto file = users.file_open(path, Host::FileUse::output);
    REQUIRE(file.ok());
    return std::make_unique<User>(users, std::move(file->handle));
  }
  /// A program opens it and continues with its work.
  std::unique_ptr<User> open(const std::string& path = link_path) {
    auto user = arrive(path);
    world.run_for(std::chrono::seconds(1));
    return user;
  }
  void leave(std::unique_ptr<User>& user) {
    user->leave();
    world.run_for(std::chrono::seconds(1));
  }
  /// A reader opens the pty and leaves without reading. Returns its pty.
  std::string left_unread(std::string_view text) {
    auto reader = open();
    std::string pty = world.link_target(link_path).value();
    reader->read(false);
    CHECK(output(text));
    world.run();
    reader->leave();
    return pty;
  }
  /// Sends output as a guest with at most eight unanswered requests: false when it has to wait.
  bool output(std::string_view text) {
    if (waiting.size() == ring::slots_per_ring) return false;
    waiting.push_back({ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, ring::no_callback_id,
                                          bytes_of(text)),
                       next_index++});
    console->guest_request(waiting.back().message, waiting.back().index);
    console->settle();
    return true;
  }
  /// Sends as much output as the guest can, at most `bytes`.
  std::string output_bytes(std::size_t bytes) {
    std::string all;
    while (all.size() < bytes) {
      const std::string piece = fmt::format("{:060}", produced).substr(0, bytes - all.size());
      if (!output(piece)) break;
      ++produced;
      all += piece;
    }
    return all;
  }
  std::string input() const {
    std::string text;
    for (const auto& message : sent) text += text_of(message);
    return text;
  }
  std::string status() const { return std::string(console->device().status_name()); }

  SimWorld world;
  SimHost& users = world.host("users");
  SimHost& daemon = world.host("xenctld");
  trace::MemorySink sink{world.clock()};
  std::vector<dom0::Channel::UnansweredRequest> waiting;
  ring::Index next_index = 0;
  std::vector<ring::ControlMessage> answered;
  std::vector<ring::ControlMessage> sent;
  bool ring_full = false;
  std::map<std::uint32_t, Sent> outcomes;  ///< of input that was in the ring before
  std::size_t limit_bytes;
  std::size_t produced = 0;
  std::unique_ptr<dom0::XenctldConsole> console;
};

}  // namespace ringside::test
