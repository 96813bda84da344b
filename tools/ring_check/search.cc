// Executions of a ring, one search after the other until all the memory that its ends share is known.
#include "tools/ring_check/search.h"

#include <algorithm>
#include <memory>
#include <set>
#include <sstream>

#include "emu/check/recording.h"
#include "emu/check/schedule_text.h"
#include "emu/check/test_program.h"
#include "tools/ring_check/audit.h"
#include "tools/ring_check/counterexample.h"
#include "tools/ring_check/places.h"

namespace ringside::tools {

namespace {

using check::End;
using check::Play;
using Clock = std::chrono::steady_clock;

/// A counterexample is looked for among those with few deviations for so long at most.
constexpr auto minimising_time = std::chrono::seconds(5);

/// Messages are added no further. A ring with more places says in its verdict that they were not all used.
constexpr std::uint32_t messages_max = 4096;
/// A search takes as many executions as one has steps, for each deviation: so many of them at most, by the
/// steps of one execution.
std::uint32_t deviations_for(std::uint32_t steps) {
  if (steps > 2500) return 0;
  if (steps > 800) return 1;
  return 3;
}

/// Nobody waits for a search with a higher one.
constexpr std::uint32_t bound_max = 8;

bool is_hostile(Play play) {
  return play == Play::hostile_front || play == Play::hostile_back;
}

/// What the watchdog looks at, from a signal handler.
struct Current {
  const check::Execution* execution = nullptr;
  const std::string* places = nullptr;
  bool runs_ring_code = false;
  std::uint64_t begun = 0;  ///< how often ring code has been begun with
};
Current current;

/// For as long as ring code runs; `execution` once there is one.
class Watched {
 public:
  explicit Watched(const check::Execution* execution) {
    current.execution = execution;
    ++current.begun;
    current.runs_ring_code = true;
  }
  ~Watched() {
    current.runs_ring_code = false;
    current.execution = nullptr;
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
};

/// Everything that one try needs, in the order in which it is built.
struct Bench {
  explicit Bench(const RingJob& job) {
    const RingPlugin& plugin = *job.plugin;
    if (job.workload.play == Play::test) {
      program = std::make_unique<check::TestProgram>(
          plugin.tests()[job.workload.scenario], plugin.state(),
          [&](const void* function) { return plugin.function_at(function); });
      return;
    }
    auto of_ring =
        std::make_unique<check::RingProgram>(plugin.ring(), plugin.page(), plugin.state(), job.workload);
    ring = of_ring.get();
    program = std::move(of_ring);
  }

  [[nodiscard]] Result<> set_up(const RingJob& job, Places& places) {
    std::vector<check::Region> regions = places.regions();
    std::vector<check::Space::Found> words = places.words();
    // Time is tried as memory is, and under C11 there is none (execution_operations.cc).
    if (program->history() != nullptr && job.model != check::ModelName::c11) add_counts(regions, words);
    auto made = check::Space::make(ring == nullptr ? std::span<std::byte>() : job.plugin->page(),
                                   ring == nullptr ? std::vector<check::Word>() : job.plugin->words(),
                                   regions, words);
    if (!made) return made.error();
    space.emplace(std::move(*made));
    {
      const Watched watched(nullptr);
      if (auto prepared = program->prepare(); !prepared) return prepared;
    }
    model = check::Model::make(job.model, *space);
    model->forgive_races(is_hostile(job.workload.play));
    execution = std::make_unique<check::Execution>(*space, *model, *program);
    execution->watch_elsewhere(&places.elsewhere());
    return Done{};
  }

  /// Reports do not show these words, which have no name.
  void add_counts(std::vector<check::Region>& regions, std::vector<check::Space::Found>& words) const {
    auto* counts = reinterpret_cast<std::byte*>(program->history()->ended_counts());
    regions.push_back({counts, check::granule_bytes});
    for (std::uint32_t fiber = 0; fiber < check::fibers_max; ++fiber)
      words.push_back({"", {counts + fiber, 1}});
  }

  std::unique_ptr<check::Program> program;
  check::RingProgram* ring = nullptr;  ///< the program, if it is a ring's
  std::optional<check::Space> space;
  std::unique_ptr<check::Model> model;
  std::unique_ptr<check::Execution> execution;
};

/// Each time that more memory turns out to be shared, everything begins anew; a ring's is known after a few.
constexpr int rounds_max = 100;

/// Does `what` with a bench that knows all the memory that the ends share as far as `what` shows it.
Result<> with_all_memory(const RingJob& job, Places& places, const std::function<void(Bench&)>& what) {
  for (int round = 0; round < rounds_max; ++round) {
    Bench bench(job);
    if (auto ready = bench.set_up(job, places); !ready) return ready;
    what(bench);
    if (!places.learn()) return Done{};
  }
  return Error{EPROTO, "it cannot be checked", job.plugin->title(), "its ends find ever more memory to share",
               "a message should lie in as little memory as it can"};
}

/// Fills in why, replay and report of a verdict on an execution that failed. False: it does not fail again.
bool report(const RingJob& job, Bench& bench, const Places& places, const check::Schedule& schedule,
            RingVerdict& verdict) {
  check::Recording recording;
  {
    const Watched watched(bench.execution.get());
    recording = check::record(*bench.execution, schedule);
  }
  check::ReportAbout about;
  about.model = job.model;
  about.is_ring = bench.ring != nullptr;
  for (std::uint32_t fiber = 0; fiber < bench.program->fiber_count(); ++fiber)
    about.fibers.push_back(bench.program->fiber_name(fiber));
  const ring_check_ring& ring = job.plugin->ring();
  about.slots_offset = ring.slots_offset;
  about.slot_bytes = ring.slot_bytes;
  about.slots = ring.slots;
  about.name_of = [&](const void* address) { return places.name_of(address); };
  std::set<const void*> code;
  for (const check::Step& step : recording.steps) {
    if (step.op.code != nullptr) code.insert(step.op.code);
  }
  const auto lines = job.plugin->locate({code.begin(), code.end()});
  verdict.why = check::verdict_text(recording, *bench.space, about);
  const check::Locate locate = [&](const void* at) {
    const auto found = lines.find(at);
    return found == lines.end() ? std::string() : found->second;
  };
  verdict.report = check::report_text(recording, *bench.space, about, locate);
  std::ostringstream journal;
  trace::write_journal(journal, journal_of(job, recording, *bench.space, about, locate, verdict.why));
  verdict.journal = journal.str();
  verdict.replay = replay_text(job, places.text(), bench.execution->so_far());
  return recording.end != End::complete;
}

/// The same failure, or another one, with as few deviations from the plain order as there is one.
check::Schedule minimised(Bench& bench, const check::Exploration& found) {
  const Watched watched(bench.execution.get());
  const auto until = Clock::now() + minimising_time;
  for (std::uint32_t bound = 0; bound < found.deviations; ++bound) {
    const check::Exploration smaller =
        check::explore(*bench.execution, {.bound = bound, .enough = [&] { return Clock::now() > until; }});
    if (smaller.failed()) return smaller.schedule;
    if (smaller.stopped) break;
  }
  return found.schedule;
}

/// What the plain execution of a job uses.
struct Measured {
  check::Usage usage;
  std::uint32_t steps = 0;
  End end = End::complete;
};

Result<Measured> measure(const RingJob& job, Places& places) {
  Measured measured;
  const auto done = with_all_memory(job, places, [&](Bench& bench) {
    const Watched watched(bench.execution.get());
    measured.usage = check::usage_of(*bench.execution, *bench.ring, job.plugin->ring(), measured.end);
    measured.steps = bench.execution->steps();
  });
  if (!done) return done.error();
  return measured;
}

/// With as many messages as use each place of the ring again, or as many as an execution can have.
Result<RingJob> long_enough(RingJob job, Places& places, std::optional<check::Usage>& usage) {
  std::uint32_t fits = 0;  // the most messages whose execution ended
  std::uint32_t bound = 0;
  for (;;) {
    auto measured = measure(job, places);
    if (!measured) return measured.error();
    if (measured->end == End::endless) {
      // Half of it, until it ends; the last that ended is as long as it can be.
      if (fits != 0 || job.workload.messages == 1) {
        job.workload.messages = std::max(fits, 1u);
        break;
      }
      job.workload.messages /= 2;
      continue;
    }
    usage = measured->usage;
    bound = std::min(job.bound, deviations_for(measured->steps));
    const bool was_halved = fits == 0 && job.workload.messages < job.plugin->ring().slots;
    fits = job.workload.messages;
    // What fails is for the search to find.
    if (measured->end != End::complete || measured->usage.every_place_again() || was_halved ||
        2 * fits > messages_max)
      break;
    job.workload.messages = 2 * fits;
  }
  job.bound = bound;
  return job;
}

constexpr const char* no_access =
    "no access to shared memory was seen: it was not compiled with the checker's flags (build it with: "
    "ringside ring-check cc)";
constexpr const char* nothing_shared =
    "its threads share no memory that one of them writes, so that there is nothing to try";
constexpr const char* strays =
    "it does not do the same when it is run the same way again, so that nothing follows from it: it has a "
    "state "
    "that cannot be put back between executions (the time, random numbers, files, memory of the system, what "
    "a "
    "library keeps)";

/// One search with the memory that is known.
RingVerdict search_once(const RingJob& job, Bench& bench, const Places& places, Clock::time_point deadline) {
  RingVerdict verdict;
  const auto search = [&](std::uint32_t bound) {
    const Watched watched(bench.execution.get());
    check::Exploration found =
        check::explore(*bench.execution, {.bound = bound, .executions = job.executions_max, .enough = [&] {
                                            return Clock::now() > deadline;
                                          }});
    verdict.executions += found.executions;
    verdict.redundant += found.redundant;
    verdict.steps += found.steps;
    return found;
  };
  check::Exploration found = search(job.bound);
  verdict.outcome = found.stopped   ? RingOutcome::stopped
                    : found.bounded ? RingOutcome::bounded
                                    : RingOutcome::whole;
  verdict.bound = job.bound;
  for (std::uint32_t bound = 0; found.stopped && bound < std::min(job.bound, bound_max + 1); ++bound) {
    check::Exploration part = search(bound);
    if (part.stopped) break;
    if (part.failed() || part.strayed || part.found_memory) found = std::move(part);
    if (found.failed() || found.strayed || found.found_memory) break;
    verdict.outcome = RingOutcome::bounded;
    verdict.bound = bound;
  }
  if (found.found_memory) return verdict;
  const bool shares_nothing = bench.execution->accesses() == 0;
  const bool is_unseen =
      shares_nothing && (bench.ring != nullptr || bench.execution->accesses_elsewhere() == 0);
  if (found.strayed || is_unseen || (shares_nothing && !found.failed())) {
    verdict.outcome = RingOutcome::could_not;
    verdict.why = found.strayed ? strays : is_unseen ? no_access : nothing_shared;
    return verdict;
  }
  if (!found.failed()) return verdict;
  if (bench.execution->is_refused()) {
    verdict.outcome = RingOutcome::could_not;
    verdict.why = found.failure;
    return verdict;
  }
  verdict.outcome = RingOutcome::failed;
  if (report(job, bench, places, minimised(bench, found), verdict)) return verdict;
  verdict = {};
  verdict.why = strays;
  return verdict;
}

}  // namespace

RingVerdict search_ring(RingJob job, Clock::time_point deadline) {
  RingVerdict verdict;
  Places places(*job.plugin);
  current.places = &places.text();
  std::optional<check::Usage> usage;
  if (job.until_used_again) {
    auto longer = long_enough(job, places, usage);
    if (!longer) {
      verdict.why = longer.error().text();
      return verdict;
    }
    job = *longer;
  } else if (job.workload.play == Play::exchange || job.workload.play == Play::full) {
    auto measured = measure(job, places);
    if (!measured) {
      verdict.why = measured.error().text();
      return verdict;
    }
    usage = measured->usage;
  }
  const auto done = with_all_memory(
      job, places, [&](Bench& bench) { verdict = search_once(job, bench, places, deadline); });
  if (!done) {
    verdict = {};
    verdict.why = done.error().text();
  }
  if (verdict.outcome != RingOutcome::could_not) verdict.usage = usage;
  if (job.until_used_again) verdict.messages = job.workload.messages;
  return verdict;
}

RingVerdict audit_ring(const RingJob& job) {
  RingVerdict verdict;
  Audit found;
  Places places(*job.plugin);
  Bench bench(job);
  if (auto ready = bench.set_up(job, places); !ready) {
    verdict.why = ready.error().text();
    return verdict;
  }
  {
    const Watched watched(nullptr);
    found = audit(*job.plugin, *bench.space, *bench.model, *bench.program);
  }
  verdict.outcome = RingOutcome::whole;
  verdict.executions = 1;
  verdict.steps = found.touches;
  if (found.unseen.empty()) return verdict;
  std::vector<const void*> code;
  for (const Unannounced& each : found.unseen) code.push_back(each.code);
  std::sort(code.begin(), code.end());
  code.erase(std::unique(code.begin(), code.end()), code.end());
  const auto lines = job.plugin->locate(code);
  verdict.outcome = RingOutcome::could_not;
  verdict.why =
      "accesses to the page that the compiler does not announce, so that no search would be worth anything "
      "(compile all of the ring "
      "with: ringside ring-check cc):";
  for (const Unannounced& each : found.unseen) {
    const auto line = lines.find(each.code);
    verdict.why += fmt::format(" byte {} at {};", each.offset,
                               line == lines.end() ? "a place without debug information" : line->second);
  }
  verdict.why.pop_back();
  return verdict;
}

RingVerdict replay_ring(const RingJob& job, const std::string& shared, const check::Schedule& schedule) {
  RingVerdict verdict;
  Places places(*job.plugin);
  if (auto known = places.learn_from(shared); !known) {
    verdict.why = known.error().text();
    return verdict;
  }
  current.places = &places.text();
  const auto done = with_all_memory(job, places, [&](Bench& bench) {
    verdict = {};
    check::Replay replay(schedule);
    End end = End::complete;
    {
      const Watched watched(bench.execution.get());
      end = bench.execution->run(replay);
    }
    if (!replay.fitted()) {
      verdict.why =
          "this ring does not do those steps: the string is of another ring, or of another build of it";
      return;
    }
    verdict.executions = 1;
    static_cast<void>(report(job, bench, places, schedule, verdict));
    verdict.outcome = end == End::complete ? RingOutcome::whole : RingOutcome::failed;
  });
  if (!done) verdict.why = done.error().text();
  return verdict;
}

RingVerdict drive_watched(const std::function<RingVerdict()>& drive) {
  const Watched watched(nullptr);
  return drive();
}

std::string schedule_of_current_try() {
  return current.execution == nullptr ? std::string() : check::to_text(current.execution->so_far());
}

std::string places_of_current_try() {
  return current.places == nullptr ? std::string() : *current.places;
}

RingProgress progress_of_current_try() {
  return {current.runs_ring_code, current.begun,
          current.execution == nullptr ? 0 : current.execution->steps_in_all()};
}

}  // namespace ringside::tools
