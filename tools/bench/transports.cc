// The ring's peers: the usual ways to carry 64-byte messages and their answers between two processes. Each is
// used in its fastest way: with as many messages in flight as it has room for, and with answers collected in
// bulk where possible.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/interprocess/ipc/message_queue.hpp>
#include <cerrno>
#include <span>

#include "emu/host/linux_descriptors.h"
#include "tools/bench/bench.h"

namespace ringside::tools::bench {

namespace {

namespace bip = boost::interprocess;
using ring::ControlMessage;
using Messages = std::span<ControlMessage>;

constexpr std::size_t message_bytes = sizeof(ControlMessage);
constexpr std::size_t bulk_max = 1024;
/// Half of a pipe's usual 64 KiB, so that neither side has to wait until the pipe has room.
constexpr std::size_t pipe_window_max = 512;
/// The usual buffer of a unix socket holds about 270 small packets.
constexpr std::size_t socket_window = 128;

/// Asks and answers over any pair of blocking channels. At most `window` messages are in flight. Both
/// directions must have room for that many, so that the two sides cannot deadlock.
class Blocking : public Transport {
 public:
  Blocking(std::size_t window, std::size_t per_send) : window_(window), per_send_(per_send) {
    RS_CHECK(per_send <= window && per_send <= bulk_max);
  }

  std::optional<std::uint64_t> ask(const Traffic& traffic) override {
    const std::size_t window = traffic.one_at_a_time ? 1 : window_;
    NumberedMessages numbered(traffic);
    while (!numbered.finished()) {
      while (numbered.more() && numbered.unanswered() < window) {
        std::size_t count = 0;
        while (count < per_send_ && numbered.more() && numbered.unanswered() < window) {
          bulk_[count++] = numbered.next();
        }
        if (!send(Side::asks, Messages(bulk_).first(count))) return std::nullopt;
      }
      // Takes at least half of the answers before it sends again: otherwise each answer would wake this side.
      do {
        const std::size_t count = receive(Side::asks, bulk_);
        if (count == 0) return std::nullopt;
        for (std::size_t i = 0; i < count; ++i) numbered.answered(bulk_[i]);
      } while (numbered.unanswered() > window / 2);
    }
    return numbered.result();
  }

  bool answer() override {
    for (bool last = false; !last;) {
      const std::size_t count = receive(Side::answers, bulk_);
      if (count == 0) return false;
      last = is_last(bulk_[count - 1]);
      for (std::size_t i = 0; i < count; i += per_send_) {
        if (!send(Side::answers, Messages(bulk_).subspan(i, std::min(per_send_, count - i)))) return false;
      }
    }
    return true;
  }

 protected:
  [[nodiscard]] virtual bool send(Side from, Messages messages) = 0;
  /// Waits for at least one message. Returns the number of messages received, or 0 at the end of the stream.
  [[nodiscard]] virtual std::size_t receive(Side at, Messages messages) = 0;

 private:
  std::size_t window_;
  std::size_t per_send_;
  std::array<ControlMessage, bulk_max> bulk_;
};

/// Closes the descriptors of the other side, so that this side notices when the other one dies.
class Descriptors : public Blocking {
 public:
  struct Ends {
    Fd in;
    Fd out;
  };
  Descriptors(std::size_t window, std::size_t per_send, Ends asks, Ends answers)
      : Blocking(window, per_send), ends_{std::move(asks), std::move(answers)} {}

  void enter(Side side) override { ends_[side == Side::asks ? 1 : 0] = {}; }

 protected:
  [[nodiscard]] const Ends& of(Side side) const { return ends_[side == Side::asks ? 0 : 1]; }

 private:
  std::array<Ends, 2> ends_;
};

class Pipes final : public Descriptors {
 public:
  using Descriptors::Descriptors;

  static Result<std::unique_ptr<Transport>> make(std::size_t per_send) {
    std::array<std::array<int, 2>, 2> pipes{};
    for (auto& pipe : pipes) {
      if (pipe2(pipe.data(), O_CLOEXEC) != 0) return system_error("cannot make a pipe", "");
    }
    const auto capacity = static_cast<std::size_t>(std::max(fcntl(pipes[0][0], F_GETPIPE_SZ), 4096));
    const std::size_t window = std::min(pipe_window_max, capacity / message_bytes);
    return std::unique_ptr<Transport>(std::make_unique<Pipes>(
        window, per_send, Ends{Fd(pipes[1][0]), Fd(pipes[0][1])}, Ends{Fd(pipes[0][0]), Fd(pipes[1][1])}));
  }

 protected:
  bool send(Side from, Messages messages) override {
    // A pipe takes up to 4096 bytes in one piece.
    const auto bytes = static_cast<ssize_t>(messages.size_bytes());
    return write(of(from).out.get(), messages.data(), messages.size_bytes()) == bytes;
  }

  std::size_t receive(Side at, Messages messages) override {
    const ssize_t bytes = read(of(at).in.get(), messages.data(), messages.size_bytes());
    // Each write has whole messages, and each read frees room for whole messages. So a read returns whole
    // messages.
    return bytes > 0 && static_cast<std::size_t>(bytes) % message_bytes == 0
               ? static_cast<std::size_t>(bytes) / message_bytes
               : 0;
  }
};

class Packets final : public Descriptors {
 public:
  using Descriptors::Descriptors;

  static Result<std::unique_ptr<Transport>> make() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
      return system_error("cannot make a socket pair", "");
    }
    return std::unique_ptr<Transport>(
        std::make_unique<Packets>(socket_window, 1, Ends{Fd(ends[0]), Fd()}, Ends{Fd(ends[1]), Fd()}));
  }

 protected:
  bool send(Side from, Messages messages) override {
    return ::send(of(from).in.get(), messages.data(), message_bytes, MSG_NOSIGNAL) ==
           static_cast<ssize_t>(message_bytes);
  }

  std::size_t receive(Side at, Messages messages) override {
    return recv(of(at).in.get(), messages.data(), message_bytes, 0) == static_cast<ssize_t>(message_bytes)
               ? 1
               : 0;
  }
};

/// Two queues, one for each direction. Their names are removed as soon as they exist, so that nothing can be
/// left behind. The processes inherit the mappings.
class Queues final : public Blocking {
 public:
  Queues(std::size_t depth, const std::string& name)
      : Blocking(depth, 1),
        requests_(bip::create_only, (name + "-requests").c_str(), depth, message_bytes),
        responses_(bip::create_only, (name + "-responses").c_str(), depth, message_bytes) {}

  static Result<std::unique_ptr<Transport>> make(std::size_t depth) {
    const std::string name = fmt::format("ringside-bench-{}", getpid());
    const auto remove_names = [&name] {
      bip::message_queue::remove((name + "-requests").c_str());
      bip::message_queue::remove((name + "-responses").c_str());
    };
    try {
      auto queues = std::make_unique<Queues>(depth, name);
      remove_names();
      return std::unique_ptr<Transport>(std::move(queues));
    } catch (const bip::interprocess_exception& failure) {
      remove_names();
      return Error{failure.get_native_error(), "cannot make a message queue", name, failure.what(), ""};
    }
  }

 protected:
  bool send(Side from, Messages messages) override {
    (from == Side::asks ? requests_ : responses_).send(messages.data(), message_bytes, 0);
    return true;
  }

  std::size_t receive(Side at, Messages messages) override {
    bip::message_queue::size_type bytes = 0;
    unsigned priority = 0;
    (at == Side::asks ? responses_ : requests_).receive(messages.data(), message_bytes, bytes, priority);
    return bytes == message_bytes ? 1 : 0;
  }

 private:
  bip::message_queue requests_;
  bip::message_queue responses_;
};

}  // namespace

std::vector<TransportKind> peer_transports() {
  return {
      {.name = "pipe", .make = [] { return Pipes::make(1); }},
      {.name = "pipe, 8 a write", .make = [] { return Pipes::make(8); }},
      {.name = "unix seqpacket", .make = [] { return Packets::make(); }},
      {.name = "message_queue 8", .make = [] { return Queues::make(8); }},
      {.name = "message_queue 1024", .make = [] { return Queues::make(1024); }},
  };
}

}  // namespace ringside::tools::bench
