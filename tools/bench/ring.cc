// Measures the ring between two processes, as a guest and its controller use it: the real Front and Back over
// one sealed frame, event bits and kicks, and the linux host's loop on both sides. It also measures the same
// rings without events, with both processes polling, as the limit of that layout.
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>

#include "emu/domu/guest_events.h"
#include "emu/host/linux_descriptors.h"
#include "emu/host/linux_host.h"
#include "ring/back.h"
#include "ring/channel_words.h"
#include "ring/event_bits.h"
#include "ring/front.h"
#include "tools/bench/bench.h"

namespace ringside::tools::bench {

namespace {

using ring::ControlMessage;

constexpr ring::Abi abi = ring::Abi::sring;
constexpr ring::Port port = 1;
constexpr DomainId guest_domain = 1;

/// The asking end, which drives the ring as a guest does. Only the source of the requests differs from a
/// guest.
class Requester {
 public:
  Requester(std::byte* frame, const Traffic& traffic)
      : front_(*ring::Front<>::attach(ring::shared_ring(frame, abi, ring::Ring::tx))),
        numbered_(traffic),
        window_(traffic.one_at_a_time ? 1 : ring::slots_per_ring) {}

  [[nodiscard]] bool has_work() const { return front_.has_response(); }
  [[nodiscard]] bool finished() const { return numbered_.finished(); }
  [[nodiscard]] std::optional<std::uint64_t> result() const { return numbered_.result(); }

  /// Takes all answers and puts as many requests as there is room for. True when it published something.
  [[nodiscard]] bool turn() {
    ControlMessage response;
    while (front_.take_response(response) == ring::TakeResponse::taken) numbered_.answered(response);
    bool news = false;
    while (numbered_.more() && front_.outstanding() < window_) {
      RS_CHECK(front_.put_request(numbered_.next()));
      front_.publish();
      news = true;
    }
    return news;
  }

 private:
  ring::Front<> front_;
  NumberedMessages numbered_;
  std::uint32_t window_;
};

/// The answering end. It answers each request with the request itself.
class Responder {
 public:
  explicit Responder(std::byte* frame)
      : back_(*ring::Back<>::attach(ring::shared_ring(frame, abi, ring::Ring::tx))) {}

  [[nodiscard]] bool has_work() const { return back_.has_request(); }
  [[nodiscard]] bool finished() const { return finished_; }

  /// Answers all requests. True when it published something.
  [[nodiscard]] bool turn() {
    ControlMessage request;
    bool news = false;
    while (back_.take_request(request) == ring::TakeRequest::taken) {
      RS_CHECK(back_.put_response(request));
      back_.publish();
      finished_ = is_last(request);
      news = true;
    }
    return news;
  }

 private:
  ring::Back<> back_;
  bool finished_ = false;
};

/// The frame and the two kicks of a channel, made before the processes are forked. Each process has its own
/// host and its own mapping; they inherit only descriptors.
struct Channel {
  LinuxHost host{"bench", Machine("/nowhere")};
  Handle frame;
  Handle guest_kicks;
  Handle controller_kicks;

  static Result<std::unique_ptr<Channel>> make() {
    auto channel = std::make_unique<Channel>();
    auto frame = channel->host.frame_create();
    if (!frame) return frame.error();
    auto guest_kicks = channel->host.kicks_create();
    if (!guest_kicks) return guest_kicks.error();
    auto controller_kicks = channel->host.kicks_create();
    if (!controller_kicks) return controller_kicks.error();
    channel->frame = std::move(*frame);
    channel->guest_kicks = std::move(*guest_kicks);
    channel->controller_kicks = std::move(*controller_kicks);
    return channel;
  }
};

/// The host of one side, and its part of the channel.
struct ChannelSide {
  LinuxHost host{"bench", Machine("/nowhere")};
  trace::NullSink silent;
  Mapping mapping;
  Handle guest_kicks;
  Handle controller_kicks;

  /// In a process of its own, which ends if it lacks something.
  explicit ChannelSide(const Channel& channel) {
    const Handle frame = copy_of(channel.frame);
    auto mapped = host.frame_map(frame);
    if (!mapped) give_up(mapped.error());
    mapping = std::move(*mapped);
    guest_kicks = copy_of(channel.guest_kicks);
    controller_kicks = copy_of(channel.controller_kicks);
  }

 private:
  Handle copy_of(const Handle& inherited) {
    const int copy = dup(inherited.number());
    if (copy < 0) give_up(system_error("cannot copy a descriptor", "", "raise ulimit -n"));
    return host.adopt(copy);
  }
  [[noreturn]] void give_up(const Error& error) {
    host.warn(error.text());
    _exit(1);
  }
};

/// The controller's side of the events, as in the control switch.
class ControllerEvents {
 public:
  ControllerEvents(ChannelSide& side, Responder& responder)
      : side_(side),
        responder_(responder),
        up_(side.mapping.frame()),
        guest_bits_(side.mapping.frame(), abi) {
    ring::ChannelWords* words = ring::channel_words(side.mapping.frame());
    up_.set_mask();
    wait_ = side.host.ring_wait_start(side.controller_kicks,
                                      {.awaken = [this] { up_.set_mask(); },
                                       .has_work = [this] { return responder_.has_work(); },
                                       .serve = [this] { turn(); },
                                       .try_sleep = [this] { return try_sleep(); },
                                       .own_cpu = &words->controller_cpu,
                                       .peer_cpu = &words->guest_cpu});
  }
  ~ControllerEvents() { side_.host.ring_wait_end(wait_); }
  ControllerEvents(const ControllerEvents&) = delete;
  ControllerEvents& operator=(const ControllerEvents&) = delete;

 private:
  void turn() {
    if (up_.is_pending()) up_.clear_pending();
    if (responder_.turn()) {
      if (guest_bits_.raise(port) == ring::Raised::kick) side_.host.kick(side_.guest_kicks);
      side_.host.ring_wait_expect(wait_);
    }
    if (responder_.finished()) side_.host.stop(0);
  }

  bool try_sleep() {
    if (!up_.unmask() && !responder_.has_work()) return true;
    up_.set_mask();
    return false;
  }

  ChannelSide& side_;
  Responder& responder_;
  ring::UpEvents<> up_;
  ring::EventBits<> guest_bits_;
  Host::WaitId wait_ = 0;
};

/// Common part of both kinds of ring. The answering end attaches before the clock starts, since attaching
/// skips all earlier requests.
class RingTransport : public Transport {
 public:
  explicit RingTransport(std::unique_ptr<Channel> channel) : channel_(std::move(channel)) {}

  void enter(Side side) override {
    side_.emplace(*channel_);
    if (side == Side::answers) responder_.emplace(side_->mapping.frame());
  }

 protected:
  std::unique_ptr<Channel> channel_;
  std::optional<ChannelSide> side_;
  std::optional<Responder> responder_;
};

class OurRing final : public RingTransport {
 public:
  using RingTransport::RingTransport;

  std::optional<std::uint64_t> ask(const Traffic& traffic) override {
    Requester requester(side_->mapping.frame(), traffic);
    domu::GuestEvents::Channel channel;
    channel.port = port;
    channel.kicks = std::move(side_->guest_kicks);
    channel.peer = {port, std::move(side_->controller_kicks), 0};
    channel.reopen = [] { return std::nullopt; };
    domu::GuestEvents events(side_->host, trace::Journal(side_->silent, {}), guest_domain,
                             side_->mapping.frame(), abi, std::move(channel));
    const auto turn = [&] {
      if (requester.turn()) events.notify();
      if (requester.finished()) side_->host.stop(0);
    };
    events.start([&] { return requester.has_work(); }, turn);
    turn();
    side_->host.run();
    return requester.result();
  }

  bool answer() override {
    const ControllerEvents events(*side_, *responder_);
    side_->host.run();
    return true;
  }
};

/// Uses no events: both sides poll. The number of polls is limited, so that a dead peer is noticed.
class SpinningRing final : public RingTransport {
 public:
  using RingTransport::RingTransport;

  std::optional<std::uint64_t> ask(const Traffic& traffic) override {
    Requester requester(side_->mapping.frame(), traffic);
    (void)requester.turn();
    return spin(requester) ? requester.result() : std::nullopt;
  }

  bool answer() override { return spin(*responder_); }

 private:
  static constexpr int looks_max = 100'000'000;

  template <class End>
  static bool spin(End& end) {
    for (int looks = 0; !end.finished(); ++looks) {
      if (end.has_work()) {
        (void)end.turn();
        looks = 0;
      }
      if (looks == looks_max) return false;
#if defined(__x86_64__) || defined(__i386__)
      __builtin_ia32_pause();
#endif
    }
    return true;
  }
};

template <class Kind>
Result<std::unique_ptr<Transport>> make_ring() {
  auto channel = Channel::make();
  if (!channel) return channel.error();
  return std::unique_ptr<Transport>(std::make_unique<Kind>(std::move(*channel)));
}

std::vector<TransportKind> all_transports() {
  std::vector<TransportKind> kinds = peer_transports();
  kinds.insert(kinds.begin() + 1, {.name = "ring", .make = make_ring<OurRing>});
  kinds.insert(kinds.begin() + 2,
               {.name = "ring, only looking", .make = make_ring<SpinningRing>, .only_apart = true});
  for (TransportKind& each : queue_transports()) kinds.push_back(std::move(each));
  return kinds;
}

// -- rounds

enum : std::size_t { rate_column, round_trip_column, cpu_column, columns };

/// One transport in one place.
struct RingLane {
  const TransportKind* kind;
  Row* row;
  int asking_cpu;
  int answering_cpu;
};

Result<PairTimes> sample(const RingLane& lane, const Traffic& traffic, const Interruption& interruption) {
  auto transport = lane.kind->make();
  if (!transport) return transport.error();
  auto times = time_pair(**transport, traffic, lane.asking_cpu, lane.answering_cpu, interruption);
  if (times || times.error().code == EINTR) return times;
  Error error = times.error();
  error.object = "messages through " + lane.kind->name;
  return error;
}

Result<> run_lane(const RingLane& lane, const BenchLimits& limits, bool kept,
                  const Interruption& interruption) {
  auto stream = sample(lane, {limits.sample_seconds, false}, interruption);
  if (!stream) return stream.error();
  auto trips = sample(lane, {limits.sample_seconds, true}, interruption);
  if (!trips) return trips.error();
  if (!kept) return Done{};
  lane.row->samples[rate_column].push_back(stream->messages / stream->seconds);
  lane.row->samples[round_trip_column].push_back(trips->seconds / trips->messages);
  lane.row->samples[cpu_column].push_back(stream->cpu_seconds / stream->messages);
  return Done{};
}

struct RingPlace {
  std::string name;
  std::string title;
  int asking_cpu;
  int answering_cpu;
};

std::vector<Table> empty_tables(const std::vector<TransportKind>& kinds, const std::vector<int>& cpus,
                                std::vector<RingLane>& lanes) {
  const bool two = cpus.size() > 1;
  const int first = cpus.empty() ? any_cpu : cpus[0];
  const int second = two ? cpus[1] : first;
  const std::vector<RingPlace> places = {
      {"2core", two ? fmt::format("one on CPU {}, one on CPU {}", first, second) : "on two CPUs", first,
       second},
      {"1core", fmt::format("both on CPU {}", first), first, first},
      {"free", "on any CPU", any_cpu, any_cpu}};
  std::vector<Table> tables;
  for (const RingPlace& place : places) {
    Table table{.part = "ring",
                .place = place.name,
                .title = "64-byte messages, each answered, between two processes, " + place.title,
                .peer = kinds[0].name,
                .columns = {{"messages_per_second", "million/s", 1e6},
                            {"round_trip_seconds", "round trip us", 1e-6},
                            {"cpu_seconds_per_message", "CPU ns a message", 1e-9}},
                .rows = {},
                .missing = {}};
    if (place.name == "2core" && !two) table.missing = "skipped: this process may use one CPU only";
    for (const TransportKind& kind : kinds) {
      if (!table.missing.empty()) break;
      Row row{kind.name, std::vector<std::vector<double>>(columns), {}};
      if (kind.only_apart && place.name != "2core") row.missing = "makes sense on two CPUs only";
      table.rows.push_back(std::move(row));
    }
    tables.push_back(std::move(table));
  }
  for (std::size_t i = 0; i < tables.size(); ++i) {
    for (std::size_t j = 0; j < tables[i].rows.size(); ++j) {
      Row& row = tables[i].rows[j];
      if (row.missing.empty())
        lanes.push_back({&kinds[j], &row, places[i].asking_cpu, places[i].answering_cpu});
    }
  }
  return tables;
}

}  // namespace

Result<std::vector<Table>> measure_ring(const BenchLimits& limits, const Interruption& interruption) {
  constexpr std::size_t warm_ups = 1;
  const std::vector<TransportKind> kinds = all_transports();
  std::vector<RingLane> lanes;
  std::vector<Table> tables = empty_tables(kinds, allowed_cpus(), lanes);
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t round = 0; round < warm_ups + limits.rounds; ++round) {
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    if (round > warm_ups && spent.count() > limits.budget_seconds) break;
    for (const RingLane& lane : lanes) {
      auto done = run_lane(lane, limits, round >= warm_ups, interruption);
      if (!done) return done.error();
    }
  }
  return tables;
}

}  // namespace ringside::tools::bench
