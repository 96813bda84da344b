// Two queues in shared memory, one for each direction: ringside's (ring/queue.h), and boost's spsc_queue.
// Both have 1024 slots, and both have the same notification and wait: a flag says whether the receiver
// sleeps, and the linux host's loop waits as it does for a channel.
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <boost/lockfree/spsc_queue.hpp>
#include <new>
#include <optional>
#include <span>

#include "emu/host/linux_host.h"
#include "ring/queue.h"
#include "ring/sleep_flag.h"
#include "tools/bench/bench.h"

namespace ringside::tools::bench {

namespace {

using ring::ControlMessage;

constexpr std::uint32_t queue_slots = 1024;
/// Messages that are made visible together, at most.
constexpr std::size_t batch_max = 32;

struct OwnQueue {
  using Shared = ring::Queue<ControlMessage, queue_slots>;

  struct Out : ring::Producer<Shared> {
    using Producer::Producer;
  };
  struct In : ring::Consumer<Shared> {
    using Consumer::Consumer;
  };
};

struct SpscQueue {
  struct Shared {
    boost::lockfree::spsc_queue<ControlMessage, boost::lockfree::capacity<queue_slots>> queue;
    alignas(ring::cache_line_bytes) std::uint32_t consumer_asleep = 0;
  };

  class Out {
   public:
    explicit Out(Shared& shared) : queue_(shared.queue), consumer_(&shared.consumer_asleep) {}
    std::size_t put_many(std::span<const ControlMessage> messages) {
      return queue_.push(messages.data(), messages.size());
    }
    [[nodiscard]] bool must_wake() { return consumer_.must_wake(); }

   private:
    decltype(Shared::queue)& queue_;
    ring::SleepFlag<> consumer_;
  };

  class In {
   public:
    explicit In(Shared& shared) : queue_(shared.queue), own_(&shared.consumer_asleep) {}
    [[nodiscard]] std::size_t waiting() { return queue_.read_available(); }
    std::size_t take_many(std::span<ControlMessage> into) { return queue_.pop(into.data(), into.size()); }
    [[nodiscard]] bool may_sleep() {
      own_.begin_sleep();
      if (waiting() == 0) return true;
      own_.end_sleep();
      return false;
    }
    void end_sleep() { own_.end_sleep(); }

   private:
    decltype(Shared::queue)& queue_;
    ring::SleepFlag<> own_;
  };
};

template <class Kind>
struct SharedMemory {
  typename Kind::Shared requests;
  typename Kind::Shared responses;
  alignas(ring::cache_line_bytes) std::uint32_t asking_cpu;
  alignas(ring::cache_line_bytes) std::uint32_t answering_cpu;
};

template <class Kind>
class QueuePair final : public Transport {
 public:
  using Memory = SharedMemory<Kind>;

  QueuePair(Memory& memory, Handle asking_kicks, Handle answering_kicks)
      : memory_(memory), kicks_{std::move(asking_kicks), std::move(answering_kicks)} {}
  ~QueuePair() override { munmap(&memory_, sizeof(Memory)); }

  static Result<std::unique_ptr<Transport>> make() {
    void* memory = mmap(nullptr, sizeof(Memory), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return system_error("cannot map memory", "");
    auto asking = host_of_parent().kicks_create();
    if (!asking) return asking.error();
    auto answering = host_of_parent().kicks_create();
    if (!answering) return answering.error();
    return std::unique_ptr<Transport>(
        std::make_unique<QueuePair>(*new (memory) Memory(), std::move(*asking), std::move(*answering)));
  }

  std::optional<std::uint64_t> ask(const Traffic& traffic) override {
    NumberedMessages numbered(traffic);
    const std::uint64_t window = traffic.one_at_a_time ? 1 : queue_slots;
    typename Kind::Out out(memory_.requests);
    typename Kind::In in(memory_.responses);
    LinuxHost host("bench", Machine("/nowhere"));
    const auto turn = [&](const Handle& peer) {
      std::array<ControlMessage, batch_max> batch;
      bool sent = false;
      while (const std::size_t count = in.take_many(batch))
        for (std::size_t i = 0; i < count; ++i) numbered.answered(batch[i]);
      while (numbered.more() && numbered.unanswered() < window) {
        std::size_t count = 0;
        while (count < batch_max && numbered.more() && numbered.unanswered() < window)
          batch[count++] = numbered.next();
        // There is room for all that may be unanswered.
        RS_CHECK(out.put_many(std::span(batch).first(count)) == count);
        if (out.must_wake()) host.kick(peer);
        sent = true;
      }
      if (numbered.finished()) host.stop(0);
      return sent;
    };
    run(host, in, Side::asks, turn);
    return numbered.result();
  }

  bool answer() override {
    typename Kind::Out out(memory_.responses);
    typename Kind::In in(memory_.requests);
    LinuxHost host("bench", Machine("/nowhere"));
    const auto turn = [&](const Handle& peer) {
      std::array<ControlMessage, batch_max> batch;
      bool sent = false;
      while (const std::size_t count = in.take_many(batch)) {
        RS_CHECK(out.put_many(std::span(batch).first(count)) == count);
        if (out.must_wake()) host.kick(peer);
        sent = true;
        if (is_last(batch[count - 1])) host.stop(0);
      }
      return sent;
    };
    run(host, in, Side::answers, turn);
    return true;
  }

 private:
  static LinuxHost& host_of_parent() {
    static LinuxHost host("bench", Machine("/nowhere"));
    return host;
  }
  [[nodiscard]] Handle copy_of(LinuxHost& host, Side side) const {
    const int copy = dup(kicks_[side == Side::asks ? 0 : 1].number());
    RS_CHECK(copy >= 0);
    return host.adopt(copy);
  }

  /// Takes turns until one of them stops the host. `turn` returns whether it sent something.
  template <class In, class Turn>
  void run(LinuxHost& host, In& in, Side side, const Turn& turn) {
    const bool asks = side == Side::asks;
    const Handle own = copy_of(host, side);
    const Handle peer = copy_of(host, asks ? Side::answers : Side::asks);
    Host::WaitId wait = 0;
    const auto serve = [&] {
      if (turn(peer)) host.ring_wait_expect(wait);
    };
    wait = host.ring_wait_start(own, {.awaken = [&in] { in.end_sleep(); },
                                      .has_work = [&in] { return in.waiting() != 0; },
                                      .serve = serve,
                                      .try_sleep = [&in] { return in.may_sleep(); },
                                      .own_cpu = asks ? &memory_.asking_cpu : &memory_.answering_cpu,
                                      .peer_cpu = asks ? &memory_.answering_cpu : &memory_.asking_cpu});
    serve();
    host.run();
    host.ring_wait_end(wait);
  }

  Memory& memory_;
  std::array<Handle, 2> kicks_;  ///< by Side
};

}  // namespace

std::vector<TransportKind> queue_transports() {
  return {{.name = "queue 1024", .make = QueuePair<OwnQueue>::make},
          {.name = "spsc_queue 1024", .make = QueuePair<SpscQueue>::make}};
}

}  // namespace ringside::tools::bench
