// A search, the smallest counterexample, its report; and strings for replaying it.
#include "tools/ring_check/job.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <sstream>

#include "emu/check/conformance.h"
#include "emu/check/recording.h"
#include "emu/check/schedule_text.h"
#include "tools/ring_check/audit.h"
#include "tools/ring_check/counterexample.h"
#include "tools/ring_check/stress.h"

namespace ringside::tools {

namespace {

using check::End;
using check::ModelName;
using check::Play;
using Clock = std::chrono::steady_clock;

constexpr ModelName models[] = {ModelName::sc, ModelName::tso, ModelName::c11};
constexpr Play plays[] = {Play::exchange,      Play::full,         Play::attach,     Play::reattach,
                          Play::hostile_front, Play::hostile_back, Play::two_fronts, Play::scenario};

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
  explicit Bench(const RingJob& job)
      : program(job.plugin->ring(), job.plugin->page(), job.plugin->variables(), job.workload) {}

  [[nodiscard]] Result<> set_up(const RingJob& job) {
    // Two threads at one end share that end's variables as well.
    std::span<std::byte> also;
    if (job.workload.play == Play::two_fronts && !job.plugin->variables().empty())
      also = job.plugin->variables().front().memory;
    auto made = check::Space::make(job.plugin->page(), job.plugin->words(), also);
    if (!made) return made.error();
    space.emplace(std::move(*made));
    {
      const Watched watched(nullptr);
      if (auto prepared = program.prepare(); !prepared) return prepared;
    }
    model = check::Model::make(job.model, *space);
    model->forgive_races(is_hostile(job.workload.play));
    execution = std::make_unique<check::Execution>(*space, *model, program);
    return Done{};
  }

  check::RingProgram program;
  std::optional<check::Space> space;
  std::unique_ptr<check::Model> model;
  std::unique_ptr<check::Execution> execution;
};

/// Fills in why, replay and report of a verdict on an execution that failed.
void report(const RingJob& job, Bench& bench, const check::Schedule& schedule, RingVerdict& verdict) {
  check::Recording recording;
  {
    const Watched watched(bench.execution.get());
    recording = check::record(*bench.execution, schedule);
  }
  check::ReportAbout about;
  about.model = job.model;
  for (std::uint32_t fiber = 0; fiber < bench.program.fiber_count(); ++fiber)
    about.fibers.push_back(bench.program.fiber_name(fiber));
  const ring_check_ring& ring = job.plugin->ring();
  about.slots_offset = ring.slots_offset;
  about.slot_bytes = ring.slot_bytes;
  about.slots = ring.slots;
  std::set<const void*> code;
  for (const check::Step& step : recording.steps) {
    if (step.op.code != nullptr) code.insert(step.op.code);
  }
  const auto places = job.plugin->locate({code.begin(), code.end()});
  verdict.why = check::verdict_text(recording, *bench.space, about);
  const check::Locate locate = [&](const void* at) {
    const auto found = places.find(at);
    return found == places.end() ? std::string() : found->second;
  };
  verdict.report = check::report_text(recording, *bench.space, about, locate);
  std::ostringstream journal;
  trace::write_journal(journal, journal_of(job, recording, *bench.space, about, locate, verdict.why));
  verdict.journal = journal.str();
  verdict.replay = replay_text(job, bench.execution->so_far());
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

Result<Measured> measure(const RingJob& job) {
  Bench bench(job);
  if (auto ready = bench.set_up(job); !ready) return ready.error();
  const Watched watched(bench.execution.get());
  Measured measured;
  measured.usage = check::usage_of(*bench.execution, bench.program, job.plugin->ring(), measured.end);
  measured.steps = bench.execution->steps();
  return measured;
}

/// With as many messages as use each place of the ring again, or as many as an execution can have.
Result<RingJob> long_enough(RingJob job, std::optional<check::Usage>& usage) {
  std::uint32_t fits = 0;  // the most messages whose execution ended
  std::uint32_t bound = 0;
  for (;;) {
    auto measured = measure(job);
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

RingVerdict search_ring(RingJob job, Clock::time_point deadline) {
  RingVerdict verdict;
  if (job.until_used_again) {
    auto longer = long_enough(job, verdict.usage);
    if (!longer) {
      verdict.why = longer.error().text();
      return verdict;
    }
    job = *longer;
    verdict.messages = job.workload.messages;
  } else if (job.workload.play == Play::exchange || job.workload.play == Play::full) {
    auto measured = measure(job);
    if (!measured) {
      verdict.why = measured.error().text();
      return verdict;
    }
    verdict.usage = measured->usage;
  }
  Bench bench(job);
  if (auto ready = bench.set_up(job); !ready) {
    verdict.why = ready.error().text();
    return verdict;
  }
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
    if (part.failed()) found = std::move(part);
    verdict.outcome = RingOutcome::bounded;
    verdict.bound = bound;
    if (found.failed()) break;
  }
  if (bench.execution->accesses() == 0) {
    verdict.outcome = RingOutcome::could_not;
    verdict.why =
        "no access to the page was seen: the ring was not compiled with the checker's flags (build it with: "
        "ringside ring-check cc)";
    return verdict;
  }
  if (found.failed()) {
    verdict.outcome = RingOutcome::failed;
    report(job, bench, minimised(bench, found), verdict);
    return verdict;
  }
  return verdict;
}

/// A message's number must fit into what rings carry as its id.
constexpr std::uint32_t threads_messages_max = (1u << 24) - 1;

RingVerdict audit_ring(const RingJob& job) {
  RingVerdict verdict;
  Bench bench(job);
  if (auto ready = bench.set_up(job); !ready) {
    verdict.why = ready.error().text();
    return verdict;
  }
  Audit found;
  {
    const Watched watched(nullptr);
    found = audit(*job.plugin, *bench.space, *bench.model, bench.program);
  }
  verdict.outcome = RingOutcome::whole;
  verdict.executions = 1;
  verdict.steps = found.touches;
  if (found.unseen.empty()) return verdict;
  std::vector<const void*> code;
  for (const Unannounced& each : found.unseen) code.push_back(each.code);
  std::sort(code.begin(), code.end());
  code.erase(std::unique(code.begin(), code.end()), code.end());
  const auto places = job.plugin->locate(code);
  verdict.outcome = RingOutcome::could_not;
  verdict.why =
      "accesses to the page that the compiler does not announce, so that no search would be worth anything "
      "(compile all of the ring "
      "with: ringside ring-check cc):";
  for (const Unannounced& each : found.unseen) {
    const auto place = places.find(each.code);
    verdict.why += fmt::format(" byte {} at {};", each.offset,
                               place == places.end() ? "a place without debug information" : place->second);
  }
  verdict.why.pop_back();
  return verdict;
}

/// The ring's functions, not explored but called as they are.
RingVerdict drive_ring(const RingJob& job) {
  const Watched watched(nullptr);
  RingVerdict verdict;
  verdict.outcome = RingOutcome::whole;
  check::Subject subject;
  subject.ring = &job.plugin->ring();
  subject.fresh = [&] {
    for (const check::Segment& segment : job.plugin->variables())
      std::copy(segment.as_loaded.begin(), segment.as_loaded.end(), segment.memory.begin());
  };
  if (job.task == RingTask::random) {
    const check::LongRun run = check::run_long(subject, job.workload.start, job.workload.messages);
    verdict.executions = 1;
    verdict.steps = run.calls;
    verdict.why = run.broken;
  } else if (job.task == RingTask::threads) {
    const check::LongRun run =
        stress_ring(subject, threads_messages_max, std::chrono::milliseconds(job.workload.start));
    verdict.executions = 1;
    verdict.steps = run.messages;
    verdict.why = run.broken;
  } else {
    for (const check::ConformanceCheck& each : check::check_conformance(subject)) {
      ++verdict.executions;
      if (each.outcome != check::Conforms::fail) continue;
      if (verdict.why.empty()) verdict.why = fmt::format("{}: {}", each.name, each.why);
      verdict.report += fmt::format("       not so: {}\n               {}\n", each.name, each.why);
    }
  }
  if (!verdict.why.empty()) verdict.outcome = RingOutcome::failed;
  return verdict;
}

}  // namespace

std::string RingJob::what() const {
  if (task == RingTask::conformance) return "conformance, one thread";
  if (task == RingTask::audit) return "audit: every access to the page is announced";
  if (task == RingTask::random) return fmt::format("{} messages at random, one thread", workload.messages);
  if (task == RingTask::threads) return fmt::format("two real threads for {} ms", workload.start);
  std::string text = fmt::format("{} {}", check::name_of(model), check::name_of(workload.play));
  switch (workload.play) {
    case Play::exchange:
    case Play::attach:
    case Play::reattach:
    case Play::two_fronts:
      text += fmt::format(" of {} messages", workload.messages);
      break;
    case Play::full:
      text += fmt::format(" ring, {} message{} more", workload.messages, workload.messages == 1 ? "" : "s");
      break;
    case Play::hostile_front:
    case Play::hostile_back:
      text += fmt::format(", {} blows", workload.messages);
      break;
    case Play::scenario:
      text +=
          fmt::format(" \"{}\"", plugin == nullptr ? "" : plugin->ring().scenarios[workload.scenario].name);
      break;
  }
  if (workload.start != 0) text += fmt::format(" from {}", workload.start);
  return text;
}

std::string replay_text(const RingJob& job, const check::Schedule& schedule) {
  return fmt::format("{}:{}:{}:{}:{}:{}", check::name_of(job.model), check::name_of(job.workload.play),
                     job.workload.messages, job.workload.start, job.workload.scenario,
                     check::to_text(schedule));
}

Result<RingReplay> replay_from(const std::string& text) {
  const auto unreadable = [&](std::string why) {
    return Error{EINVAL, "cannot replay", fmt::format("\"{}\"", text), std::move(why),
                 "give the whole string that a report prints"};
  };
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t colon = std::min(text.find(':', at), text.size());
    parts.push_back(text.substr(at, colon - at));
    at = colon + 1;
  }
  if (parts.size() != 6) return unreadable("it has not the form MODEL:WHAT:MESSAGES:START:SCENARIO:STEPS");
  RingReplay replay;
  const auto* const model = std::find_if(std::begin(models), std::end(models),
                                         [&](ModelName name) { return check::name_of(name) == parts[0]; });
  if (model == std::end(models)) return unreadable(fmt::format("there is no model \"{}\"", parts[0]));
  replay.job.model = *model;
  const auto* const play = std::find_if(std::begin(plays), std::end(plays),
                                        [&](Play name) { return check::name_of(name) == parts[1]; });
  if (play == std::end(plays)) return unreadable(fmt::format("nothing is called \"{}\"", parts[1]));
  replay.job.workload.play = *play;
  std::uint32_t* const numbers[] = {&replay.job.workload.messages, &replay.job.workload.start,
                                    &replay.job.workload.scenario};
  for (std::size_t i = 0; i < std::size(numbers); ++i) {
    const std::string& part = parts[i + 2];
    const auto read = std::from_chars(part.data(), part.data() + part.size(), *numbers[i]);
    if (read.ec != std::errc() || read.ptr != part.data() + part.size())
      return unreadable(fmt::format("\"{}\" is no number", part));
  }
  auto schedule = check::schedule_from(parts[5]);
  if (!schedule) return schedule.error();
  replay.schedule = std::move(*schedule);
  return replay;
}

RingVerdict try_ring(const RingJob& job, Clock::time_point deadline) {
  const auto began = Clock::now();
  RingVerdict verdict = job.task == RingTask::explore ? search_ring(job, deadline)
                        : job.task == RingTask::audit ? audit_ring(job)
                                                      : drive_ring(job);
  verdict.seconds = std::chrono::duration<double>(Clock::now() - began).count();
  return verdict;
}

RingVerdict replay_ring(const RingJob& job, const check::Schedule& schedule) {
  RingVerdict verdict;
  Bench bench(job);
  if (auto ready = bench.set_up(job); !ready) {
    verdict.why = ready.error().text();
    return verdict;
  }
  check::Replay replay(schedule);
  End end = End::complete;
  {
    const Watched watched(bench.execution.get());
    end = bench.execution->run(replay);
  }
  if (!replay.fitted()) {
    verdict.why =
        "this ring does not do those steps: the string is of another ring, or of another build of it";
    return verdict;
  }
  verdict.executions = 1;
  report(job, bench, schedule, verdict);
  verdict.outcome = end == End::complete ? RingOutcome::whole : RingOutcome::failed;
  return verdict;
}

std::string schedule_of_current_try() {
  return current.execution == nullptr ? std::string() : check::to_text(current.execution->so_far());
}

RingProgress progress_of_current_try() {
  return {current.runs_ring_code, current.begun,
          current.execution == nullptr ? 0 : current.execution->steps_in_all()};
}

}  // namespace ringside::tools
