// A machine with xcs on the simulated host, and clients that send raw bytes, as programs of 2005 did.
#pragma once

#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emu/dom0/xcs/xcs.h"
#include "emu/trace/memory_sink.h"
#include "test/catch.h"
#include "test/fake_guest.h"

namespace ringside::test {

using dom0::XcsMessage;
using FrameBytes = std::vector<std::uint8_t>;

inline constexpr char xcs_path[] = "/var/lib/xen/xcs_socket";

/// "07 0000"-style hexadecimal; filled up with zeros to a whole frame.
[[nodiscard]] inline FrameBytes frame_of(const std::string& hexadecimal, std::string_view tail = "") {
  FrameBytes bytes;
  std::string digits;
  for (const char digit : hexadecimal) {
    if (digit == ' ') continue;
    digits += digit;
    if (digits.size() < 2) continue;
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(digits, nullptr, 16)));
    digits.clear();
  }
  bytes.insert(bytes.end(), tail.begin(), tail.end());
  RS_CHECK(digits.empty() && bytes.size() <= sizeof(XcsMessage));
  bytes.resize(sizeof(XcsMessage));
  return bytes;
}

[[nodiscard]] inline FrameBytes bytes_of(const XcsMessage& frame) {
  FrameBytes bytes(sizeof frame);
  std::memcpy(bytes.data(), &frame, sizeof frame);
  return bytes;
}

/// One connection.
class Wire {
 public:
  explicit Wire(SimHost& host) : host_(&host), stream_(host.connect_local(xcs_path).value()) {}

  /// Returns how many bytes the connection took.
  std::size_t write(Bytes bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const Io io = host_->write(stream_, bytes.subspan(done));
      if (io.state != Io::State::moved) break;
      done += io.bytes;
    }
    return done;
  }
  void send(const XcsMessage& frame) { RS_CHECK(write(bytes_of(frame)) == sizeof frame); }

  /// Reads all complete frames.
  std::vector<XcsMessage> read() {
    std::uint8_t piece[4096];
    for (;;) {
      const Io io = host_->read(stream_, piece);
      if (io.state == Io::State::closed) closed_ = true;
      if (io.state != Io::State::moved) break;
      pending_.insert(pending_.end(), piece, piece + io.bytes);
    }
    std::vector<XcsMessage> frames(pending_.size() / sizeof(XcsMessage));
    if (!frames.empty()) std::memcpy(frames.data(), pending_.data(), frames.size() * sizeof(XcsMessage));
    pending_.erase(pending_.begin(),
                   pending_.begin() + static_cast<std::ptrdiff_t>(frames.size() * sizeof(XcsMessage)));
    return frames;
  }
  /// Requires that nothing is left to read.
  [[nodiscard]] bool closed() {
    std::uint8_t byte;
    if (!closed_) {
      const Io io = host_->read(stream_, {&byte, 1});
      if (io.state == Io::State::moved) pending_.push_back(byte);
      closed_ = io.state == Io::State::closed;
    }
    return closed_;
  }
  void close() { stream_.close(); }
  /// Calls `ready` whenever there is something to read; `ready` must read it.
  void watch(std::function<void()> ready) {
    host_->watch(stream_, {.read = true, .write = false}, [ready = std::move(ready)](Ready) { ready(); });
  }

 private:
  SimHost* host_;
  Handle stream_;
  FrameBytes pending_;
  bool closed_ = false;
};

struct XcsFixture {
  SimWorld world;
  FakeHypervisor xen{world};
  trace::MemorySink sink{world.clock()};
  SimHost& client_host = world.host("client");
  SimHost* xcs_host = nullptr;
  std::unique_ptr<dom0::Xcs> xcs;

  Quirks quirks;
  Answer answer;

  explicit XcsFixture(Quirks its_quirks = {}, Answer its_answer = Answer::xend)
      : quirks(its_quirks), answer(its_answer) {
    start_xcs();
  }

  void start_xcs() {
    xcs_host = &world.host("xcs");
    xcs = std::make_unique<dom0::Xcs>(*xcs_host, trace::Journal(sink, trace::actor(trace::Role::xcs)),
                                      Privcmd(*xcs_host, world.dom0_connection(*xcs_host)),
                                      dom0::XcsOptions{.socket_path = xcs_path,
                                                       .session_seed = 2005,
                                                       .quirks = quirks,
                                                       .answer = answer,
                                                       .directory = "/m"});
    REQUIRE(xcs->start().ok());
  }
  void kill_xcs() {
    world.kill(*xcs_host);
    world.run();
    xcs.reset();
  }

  /// How often this quirk had an effect.
  [[nodiscard]] std::size_t bites(Quirk quirk) const {
    std::size_t count = 0;
    for (const auto& [step, entry] : sink.entries()) {
      count += is(entry, quirk) ? 1 : 0;
    }
    return count;
  }
  [[nodiscard]] const dom0::XcsCounters& counters() const { return xcs->counters(); }
  /// A domain with a guest in it; its channel will have its port 1.
  [[nodiscard]] std::unique_ptr<FakeGuest> boot(DomainId domain, ring::Abi abi = ring::Abi::sring) {
    xen.add_domain(domain, abi);
    return std::make_unique<FakeGuest>(xen, domain, 1, abi);
  }
};

/// A client with both its connections, which makes calls as the C library of 2005 did.
struct Client {
  XcsFixture& machine;
  Wire control{machine.client_host};
  Wire data{machine.client_host};
  std::uint64_t session = 0;

  explicit Client(XcsFixture& the_machine) : machine(the_machine) {
    session = call(connect(dom0::XCS_CONNECT_CTRL, 0)).u.connect.session_id;
    data.send(connect(dom0::XCS_CONNECT_DATA, session));
    machine.world.run();
    const auto replies = data.read();
    REQUIRE(replies.size() == 1);
    REQUIRE(replies[0].result == dom0::XCS_RSLT_OK);
  }

  XcsMessage call(const XcsMessage& frame) {
    control.send(frame);
    machine.world.run();
    const auto replies = control.read();
    REQUIRE(replies.size() == 1);
    return replies[0];
  }

  static XcsMessage connect(std::uint32_t type, std::uint64_t id) {
    XcsMessage frame;
    frame.type = type;
    frame.u.connect.session_id = id;
    return frame;
  }
  std::uint32_t bind(std::int32_t port, std::uint16_t type, std::uint32_t what = dom0::XCS_MSG_BIND) {
    XcsMessage frame;
    frame.type = what;
    frame.u.bind = {port, type};
    return call(frame).result;
  }
  XcsMessage virq_bind(std::uint16_t virq) {
    XcsMessage frame;
    frame.type = dom0::XCS_VIRQ_BIND;
    frame.u.virq = {0, virq};
    return call(frame);
  }
  XcsMessage interface(std::uint32_t type, std::uint32_t domain, std::int32_t local = 0,
                       std::int32_t remote = 0) {
    XcsMessage frame;
    frame.type = type;
    frame.u.interface = {domain, local, remote};
    return call(frame);
  }
  /// Opens the domain's channel and binds to all of it. Returns dom0's port.
  std::int32_t attach(std::uint32_t domain) {
    const XcsMessage reply = interface(dom0::XCS_CIF_NEW_CC, domain);
    REQUIRE(reply.result == dom0::XCS_RSLT_OK);
    REQUIRE(bind(reply.u.interface.local_port, dom0::xcs_type_wildcard) == dom0::XCS_RSLT_OK);
    return reply.u.interface.local_port;
  }

  static XcsMessage message(std::uint32_t type, std::uint32_t domain, const ring::ControlMessage& message) {
    XcsMessage frame;
    frame.type = type;
    frame.u.control = {domain, 0, message};
    return frame;
  }
  void request(std::uint32_t domain, std::string_view text) {
    data.send(message(dom0::XCS_REQUEST, domain, console_message(text, 0)));
  }
  /// Reads all frames, and answers requests with themselves, as xend did.
  std::vector<XcsMessage> read_and_echo() {
    machine.world.run();
    auto frames = data.read();
    for (XcsMessage frame : frames) {
      if (frame.type != dom0::XCS_REQUEST) continue;
      frame.type = dom0::XCS_RESPONSE;
      data.send(frame);
    }
    machine.world.run();
    return frames;
  }
};

[[nodiscard]] inline std::vector<std::string> texts_of(const std::vector<XcsMessage>& frames) {
  std::vector<std::string> texts;
  for (const XcsMessage& frame : frames) texts.push_back(text_of(frame.u.control.msg));
  return texts;
}

}  // namespace ringside::test
