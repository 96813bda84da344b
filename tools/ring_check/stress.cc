// Runs the front on one thread and the back on another. An event is an eventfd, so that the ends really
// sleep; a timeout detects an end that sleeps with work left.
#include "tools/ring_check/stress.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>

namespace ringside::tools {

namespace {

using check::CheckFailed;
using Clock = std::chrono::steady_clock;

/// How long an end waits for the other one, on a machine that also does other work.
constexpr std::chrono::seconds patience{10};
/// The interval at which a waiting end checks whether the run is over.
constexpr int look_ms = 20;
/// A call that waits reads the clock after this many accesses; no message needs so many.
constexpr std::uint32_t looks_between_clocks = 10'000;
/// The front promises this many messages at once, and then sends them.
constexpr std::uint32_t promised_at_once = 64;
constexpr std::size_t page_alignment = 64;

struct Page {
  explicit Page(std::size_t bytes)
      : bytes((bytes + page_alignment - 1) / page_alignment * page_alignment),
        memory(static_cast<std::byte*>(std::aligned_alloc(page_alignment, this->bytes)), &std::free) {
    std::memset(memory.get(), 0, this->bytes);
  }
  std::size_t bytes;
  std::unique_ptr<std::byte, void (*)(void*)> memory;
};

/// The data of the run, for both threads.
struct Run {
  const ring_check_ring& ring;
  const check::Habits& habits;
  std::uint32_t messages;
  Clock::time_point end;
  /// A pop that waits is called only for promised messages; otherwise it would wait for ever after the last
  /// message.
  std::atomic<std::uint32_t> promised{0};
  std::atomic<std::uint32_t> made{0};  ///< all messages of the run, once `all_made`
  std::atomic<bool> all_made{false};
  std::atomic<bool> stop{false};  ///< an end has found an error

  [[nodiscard]] bool can(ring_check_capability capability) const {
    return (ring.capabilities & capability) != 0;
  }
};

/// Thrown in a call that waits: the other end has found an error.
struct Stopped {};

/// The call of the ring that runs on this thread.
struct CurrentCall {
  int side = RING_CHECK_FRONT;
  std::uint32_t looks = 0;
  std::optional<Clock::time_point> waits_since;
};
thread_local CurrentCall current_call;

const char* name_of_end(int side) {
  return side == RING_CHECK_FRONT ? "the front" : "the back";
}

class Events final : public check::CheckServices {
 public:
  explicit Events(Run& run)
      : run_(run),
        counters_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)} {}
  ~Events() override {
    close(counters_[0]);
    close(counters_[1]);
  }
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  [[nodiscard]] bool has_threads() const override { return true; }
  void notify(int side) override {
    const std::uint64_t one = 1;
    (void)!write(counters_[side & 1], &one, sizeof one);
  }
  void wait(int side) override {
    if (!sleep(
            side, [] { return false; }, [] { return false; }))
      throw Stopped{};
  }
  void await() override {
    std::this_thread::yield();
    looked();
  }
  /// A call that waits by polling must end with the run, and has a timeout.
  void looked() override {
    CurrentCall& call = current_call;
    if (++call.looks % looks_between_clocks != 0) return;
    if (run_.stop) throw Stopped{};
    const auto now = Clock::now();
    if (!call.waits_since) call.waits_since = now;
    if (now - *call.waits_since > patience)
      throw CheckFailed{fmt::format("{} waits inside a call for {} s, without a result",
                                    name_of_end(call.side), patience.count())};
    // The other end may need this processor.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  [[noreturn]] void fail(const char* text) override {
    throw CheckFailed{std::string("ring_check_fail: ") + text};
  }
  std::uint32_t choose(std::uint32_t, const char*) override { return 0; }

  /// Waits until the event of `side` is raised, and takes it. False: `over` returned true. `has_work` is
  /// called after the timeout: it may take a message, because the run has failed then.
  template <class Over, class HasWork>
  bool sleep(int side, Over over, HasWork has_work) {
    ++sleeps_;
    const auto until = Clock::now() + patience;
    for (;;) {
      pollfd ready{counters_[side & 1], POLLIN, 0};
      poll(&ready, 1, look_ms);
      std::uint64_t count = 0;
      if (read(counters_[side & 1], &count, sizeof count) == sizeof count) return true;
      if (run_.stop || over()) return false;
      if (Clock::now() < until) continue;
      const char* name = name_of_end(side);
      if (has_work())
        throw CheckFailed{
            fmt::format("{} slept for {} s with work left, without a notification", name, patience.count())};
      if (Clock::now() > until + patience)
        throw CheckFailed{fmt::format("{} waited for {} s, and no message came", name, 2 * patience.count())};
    }
  }

  [[nodiscard]] std::uint64_t sleeps() const { return sleeps_; }

 private:
  Run& run_;
  int counters_[2];
  std::atomic<std::uint64_t> sleeps_{0};
};

void compare(const char* what, const ring_check_item& seen, const ring_check_item& expected) {
  if (seen.id == expected.id && seen.length == expected.length &&
      std::memcmp(seen.bytes, expected.bytes, expected.length) == 0)
    return;
  throw CheckFailed{
      fmt::format("{} {} came out as number {}, {} bytes{}", what, expected.id, seen.id, seen.length,
                  seen.id == expected.id && seen.length == expected.length ? ", with other contents" : "")};
}

/// Repeats a call as a caller that knows the habits does.
template <class Call>
int call_of(const Run& run, int side, const char* function, Call call) {
  int done = 0;
  for (std::uint32_t again = 0; done == 0 && again <= run.habits.refusals; ++again) {
    current_call = {side, 0, {}};
    done = call();
  }
  if (done < 0)
    throw CheckFailed{fmt::format("{} returned {} although the peer did nothing wrong", function, done)};
  return done;
}

/// The steps of an end that has found nothing. False: the run is over for this end.
template <class Over>
bool rest(Run& run, Events& events, int side, Over over) {
  if (run.stop) return false;
  if (run.can(RING_CHECK_SPINS)) {
    std::this_thread::yield();
    return !over();
  }
  const bool is_front = side == RING_CHECK_FRONT;
  if ((is_front ? run.ring.front_final_check : run.ring.back_final_check)() != 0) return !over();
  const auto has_work = [&] {
    ring_check_item item{};
    // If a pop waits, an end with a message to pop is inside that call.
    if (is_front ? run.habits.pop_response_waits : run.habits.pop_waits) return false;
    if (is_front) return run.can(RING_CHECK_RESPONSES) && run.ring.pop_rsp(&item) == 1;
    return run.ring.pop_req(&item) == 1;
  };
  if (!events.sleep(side, over, has_work)) return false;
  auto* woken = is_front ? run.ring.front_woken : run.ring.back_woken;
  if (woken != nullptr) woken();
  return true;
}

void run_front(Run& run, Events& events) {
  const bool answers = run.can(RING_CHECK_RESPONSES);
  std::uint32_t promised = 0;
  std::uint32_t made = 0;
  std::uint32_t answered = 0;
  const auto done = [&] { return run.all_made && (!answers || answered == made); };
  while (!done()) {
    bool moved = false;
    if (made == promised && !run.all_made)
      run.promised = promised = std::min(promised + promised_at_once, run.messages);
    while (made < promised) {
      // If the push waits, only this end could make room.
      if (run.habits.push_waits && answers && made - answered >= run.ring.slots) break;
      const ring_check_item item = check::request_item(run.ring, made + 1);
      if (call_of(run, RING_CHECK_FRONT, "push_req", [&] { return run.ring.push_req(&item); }) == 0) break;
      ++made;
      moved = true;
    }
    if (moved && run.ring.front_publish != nullptr) run.ring.front_publish();
    ring_check_item item{};
    while (answers && answered < made &&
           call_of(run, RING_CHECK_FRONT, "pop_rsp", [&] { return run.ring.pop_rsp(&item); }) == 1) {
      compare("response", item, check::response_item(run.ring, ++answered));
      moved = true;
    }
    if (made == promised && (made == run.messages || Clock::now() > run.end)) {
      run.made = made;
      run.all_made = true;
    }
    if (moved || done()) continue;
    if (!rest(run, events, RING_CHECK_FRONT,
              [&] { return done() || (!answers && Clock::now() > run.end); }) &&
        run.stop)
      return;
  }
}

void run_back(Run& run, Events& events) {
  const bool answers = run.can(RING_CHECK_RESPONSES);
  std::uint32_t taken = 0;
  const auto done = [&] { return run.all_made && taken == run.made; };
  while (!done()) {
    bool moved = false;
    ring_check_item item{};
    while (!done() && (!run.habits.pop_waits || taken < run.promised) &&
           call_of(run, RING_CHECK_BACK, "pop_req", [&] { return run.ring.pop_req(&item); }) == 1) {
      compare("request", item, check::request_item(run.ring, ++taken));
      moved = true;
      if (!answers) continue;
      const ring_check_item response = check::response_item(run.ring, taken);
      if (call_of(run, RING_CHECK_BACK, "push_rsp", [&] { return run.ring.push_rsp(&response); }) == 0)
        throw CheckFailed{"there was no room for a response"};
      // The next call may wait for a request that needs the room of this response.
      if (run.habits.pop_waits && run.ring.back_publish != nullptr) run.ring.back_publish();
    }
    if (moved && answers && run.ring.back_publish != nullptr) run.ring.back_publish();
    if (moved || done()) continue;
    if (run.habits.pop_waits && !run.stop) {
      std::this_thread::yield();
      continue;
    }
    if (!rest(run, events, RING_CHECK_BACK, done) && run.stop) return;
  }
}

}  // namespace

check::LongRun stress_ring(const check::Subject& subject, std::uint32_t messages,
                           std::chrono::milliseconds time) {
  const ring_check_ring& ring = *subject.ring;
  check::LongRun result;
  if (subject.fresh) subject.fresh();
  Page page(ring.page_bytes);
  Run run{ring, subject.habits, messages, Clock::now() + time};
  Events events(run);
  const check::CheckServicesScope scope(events);
  ring.init(page.memory.get(), 0);
  if (ring.front_attach(page.memory.get(), 0) != 0 || ring.back_attach(page.memory.get(), 0) != 0) {
    result.broken = "an end refused a page that init had made";
    return result;
  }
  std::string found[2];
  const auto guarded = [&](int side, void (*end)(Run&, Events&)) {
    try {
      end(run, events);
    } catch (const CheckFailed& broken) {
      found[side] = broken.why;
      run.stop = true;
    } catch (const Stopped&) {
      // The end with the error reports it.
    }
  };
  {
    const std::jthread back([&] { guarded(RING_CHECK_BACK, run_back); });
    guarded(RING_CHECK_FRONT, run_front);
  }
  result.messages = run.made;
  result.calls = events.sleeps();
  result.broken = found[RING_CHECK_FRONT].empty() ? found[RING_CHECK_BACK] : found[RING_CHECK_FRONT];
  return result;
}

}  // namespace ringside::tools
