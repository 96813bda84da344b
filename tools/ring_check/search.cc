// Searches of a ring's executions, repeated until all the shared memory of its ends is known.
#include "tools/ring_check/search.h"

#include <algorithm>
#include <memory>
#include <set>
#include <sstream>

#include "emu/check/recording.h"
#include "emu/check/schedule_text.h"
#include "tools/ring_check/bench.h"
#include "tools/ring_check/counterexample.h"
#include "tools/ring_check/counterexample_page.h"
#include "tools/ring_check/names.h"
#include "tools/ring_check/places.h"

namespace ringside::tools {

namespace {

using check::End;
using check::WorkloadKind;
using Clock = std::chrono::steady_clock;

/// The longest time of the search for a counterexample with fewer deviations.
constexpr auto minimising_time = std::chrono::seconds(5);

/// The most messages that are tried. For a ring with more places, the verdict says that not all were used.
constexpr std::uint32_t messages_max = 4096;
/// For each deviation, a search takes as many executions as one execution has steps. So the bound follows
/// from the steps of one execution.
std::uint32_t deviations_for(std::uint32_t steps) {
  if (steps > 2500) return 0;
  if (steps > 800) return 1;
  return 3;
}

/// The highest bound that is tried: a search with a higher one takes too long.
constexpr std::uint32_t bound_max = 8;

/// A part gets so many branches, because some are much longer than others.
constexpr std::uint64_t branches_in_part = 32;
/// If there are not so many after these further steps, there are few executions.
constexpr std::uint32_t branch_depth_max = 64;
/// The steps of the searches from which parts learn of shared memory: less time than the start of a process.
constexpr std::uint64_t learning_steps = 200'000;

SearchCounts* counted_in = nullptr;

/// Tells that the search of a job runs, which can be divided.
class Searching {
 public:
  Searching(const RingJob& job, const std::string& places)
      : counts_(job.tells_search ? counted_in : nullptr) {
    if (counts_ == nullptr) return;
    counts_->knows_places = places.size() <= counts_->places.size();
    counts_->places_bytes = counts_->knows_places ? places.copy(counts_->places.data(), places.size()) : 0;
    tell(true);
  }
  ~Searching() { tell(false); }
  Searching(const Searching&) = delete;
  Searching& operator=(const Searching&) = delete;

 private:
  void tell(bool runs) {
    if (counts_ != nullptr) counts_->is_searching = runs;
  }
  SearchCounts* counts_;
};

/// Words of the ring's table keep their names, and the checker's own words have none.
std::vector<std::string> names_of_words(const ring_check_ring& ring, const check::Space& space,
                                        MemoryNames& names) {
  std::vector<std::string> of_words;
  for (const check::Word& word : space.words()) {
    const bool is_declared =
        std::any_of(ring.words, ring.words + ring.word_count,
                    [&](const ring_check_word& each) { return each.offset == word.offset; });
    std::string name = word.name;
    if (!name.empty() && !is_declared) {
      if (std::string field = names.name_of(space.at(word.offset), word.size); !field.empty()) name = field;
    }
    of_words.push_back(std::move(name));
  }
  return of_words;
}

/// Sets why, replay and report of the verdict on a failed execution. False: it does not fail again.
bool report(const RingJob& job, Bench& bench, const Places& places, const check::Schedule& schedule,
            RingVerdict& verdict) {
  MemoryNames names(*job.plugin, *bench.space, [&](const void* address) { return places.name_of(address); });
  check::Recording recording;
  {
    const Watched watched(bench.execution.get());
    recording = check::record(*bench.execution, schedule, [&] { names.look(); });
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
  about.field_of = [&](const std::byte* address, std::uint32_t bytes) {
    return names.name_of(address, bytes);
  };
  about.word_names = names_of_words(ring, *bench.space, names);
  std::set<const void*> code;
  for (const check::Step& step : recording.steps) {
    if (step.op.code != nullptr) code.insert(step.op.code);
  }
  const auto lines = job.plugin->locate({code.begin(), code.end()});
  verdict.why = check::verdict_text(recording, *bench.space, about);
  const check::Locate locate = [&](const void* at) {
    const auto found = lines.find(at);
    return found == lines.end() ? std::string() : found->second.where;
  };
  verdict.report = check::report_text(recording, *bench.space, about, locate) + source_text(recording, lines);
  if (const std::string advice = names.advice(); !advice.empty())
    verdict.report += fmt::format("\n       {}\n", advice);
  std::ostringstream journal;
  trace::write_journal(journal, journal_of(job, recording, *bench.space, about, lines, verdict.why));
  verdict.journal = journal.str();
  verdict.replay = replay_text(job, places.text(), bench.execution->so_far());
  verdict.page =
      counterexample_page_data(job, recording, *bench.space, about, lines, verdict.why, verdict.replay);
  return recording.end != End::complete;
}

/// Makes one search, within the limit and the time. Subtracts its executions and steps from the limit, and
/// counts them. `towards_limit`: the executions of all searches that share the limit; null: it is not shared.
check::Exploration explore_until(Bench& bench, std::uint32_t bound, SearchLimit& left,
                                 Clock::time_point until, const check::PartOfPart& part = {},
                                 std::atomic<std::uint64_t>* towards_limit = nullptr) {
  const Watched watched(bench.execution.get());
  const std::uint64_t limit = left.executions;
  SearchLimit done{0, 0};
  const auto tell = [&](const check::Exploration& so_far) {
    const std::uint64_t executions = so_far.executions + so_far.redundant;
    if (counted_in != nullptr) {
      counted_in->executions += executions - done.executions;
      counted_in->steps += so_far.steps - done.steps;
    }
    if (towards_limit != nullptr) *towards_limit += executions - done.executions;
    done = {executions, so_far.steps};
  };
  check::Exploration found =
      check::explore(*bench.execution, {.bound = bound,
                                        .executions = left.executions,
                                        .steps = left.steps,
                                        .part = part,
                                        .enough = [&](const check::Exploration& so_far) {
                                          tell(so_far);
                                          if (towards_limit != nullptr && *towards_limit >= limit)
                                            return true;
                                          return Clock::now() > until;
                                        }});
  tell(found);
  left.executions -=
      std::min(left.executions, towards_limit == nullptr ? done.executions : towards_limit->load());
  // It is repeated.
  if (towards_limit != nullptr && found.found_memory) *towards_limit -= done.executions;
  left.steps -= std::min(left.steps, done.steps);
  return found;
}

struct PartWithDepths {
  check::PartOfPart part;
  std::uint64_t steps_to_branches = 0;  ///< that the search makes only to find the part's branches
};

/// The part with the least depths that have enough branches. A search that found memory ends early, and is
/// repeated with it.
PartWithDepths with_depths(Bench& bench, const check::PartOfPart& wanted, Clock::time_point until) {
  PartWithDepths found;
  check::PartOfPart& part = found.part;
  std::uint32_t depth = 0;
  for (check::SearchPart its : wanted) {
    const std::uint32_t depth_max = depth + branch_depth_max;
    for (its.depth = depth + 1; its.depth < depth_max; ++its.depth) {
      check::PartOfPart none = part;
      // This part has no branch: they are counted only.
      none.push_back({.number = its.of, .of = its.of, .depth = its.depth});
      SearchLimit no_limit;
      const check::Exploration counted = explore_until(bench, check::unbounded, no_limit, until, none);
      found.steps_to_branches = counted.steps;
      if (counted.branches >= its.of * branches_in_part || counted.found_memory || counted.stopped) break;
    }
    depth = its.depth;
    part.push_back(its);
  }
  return found;
}

/// Searches with a bound of 0, 1, 2 ... deviations, which reach more of the code than a small part does: so
/// all parts know the same shared memory. Returns whether more of it was found.
bool learns_memory(Bench& bench, Clock::time_point until) {
  SearchLimit left{.steps = learning_steps};
  for (std::uint32_t bound = 0; !left.is_reached(); ++bound) {
    const check::Exploration found = explore_until(bench, bound, left, until);
    if (found.found_memory) return true;
    if (found.failed() || found.strayed || found.stopped || !found.bounded) break;
  }
  return false;
}

/// Returns the failure with the fewest deviations from the plain order that is found in time. It may be
/// another failure.
check::Schedule minimised(Bench& bench, const check::Exploration& found) {
  const auto until = Clock::now() + minimising_time;
  SearchLimit none;
  for (std::uint32_t bound = 0; bound < found.deviations; ++bound) {
    const check::Exploration smaller = explore_until(bench, bound, none, until);
    if (smaller.failed()) return smaller.schedule;
    if (smaller.stopped) break;
  }
  return found.schedule;
}

/// What was measured of a job's execution in the plain order.
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

/// Returns the job with enough messages to use each place of the ring twice, or with the most that one
/// execution can have.
Result<RingJob> long_enough(RingJob job, Places& places, std::optional<check::Usage>& usage) {
  std::uint32_t fits = 0;  // the most messages of an execution that ended
  std::uint32_t bound = 0;
  for (;;) {
    auto measured = measure(job, places);
    if (!measured) return measured.error();
    if (measured->end == End::endless) {
      // Halves the number until the execution ends; the last number that ended is the longest possible.
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
    // The search reports a failure.
    if (measured->end != End::complete || measured->usage.all_places_reused() || was_halved ||
        2 * fits > messages_max)
      break;
    job.workload.messages = 2 * fits;
  }
  job.bound = bound;
  return job;
}

constexpr const char* no_access =
    "no access to shared memory was seen: the code was not compiled with the checker's flags (build it with: "
    "ringside ring-check cc)";
constexpr const char* nothing_shared =
    "its threads share no memory that one of them writes, so that there is nothing to test";
constexpr const char* strays =
    "it does not behave the same when it is run the same way again, so that there is no result: it has state "
    "that cannot be restored between executions (the time, random numbers, files, mapped memory, the state "
    "of a library)";

/// Records the cases that the model allows and that a search without a failure has not tried.
void note_gaps(const RingJob& job, const Bench& bench, RingVerdict& verdict) {
  verdict.hides_failures = job.plugin->hides_weak_exchanges() && bench.model->has_spurious_failures();
  const auto place = [&](const void* code) {
    return code == nullptr ? std::string() : job.plugin->code_at(code) + " ";
  };
  for (const check::Buffering& each : bench.model->buffering()) {
    verdict.buffering.push_back(fmt::format("{}reads {} and {}writes {} after it", place(each.load_code),
                                            bench.space->words()[each.loaded].name, place(each.store_code),
                                            bench.space->words()[each.stored].name));
  }
}

/// The model does not order dependencies. Returns a note if the failure disappears when each load is ordered
/// before all that follows it.
std::string dependency_text(const RingJob& job, Bench& bench, Clock::time_point deadline) {
  bench.model->order_dependencies(true);
  SearchLimit limit = job.limit;
  const check::Exploration strict = explore_until(bench, job.bound, limit, deadline);
  bench.model->order_dependencies(false);
  if (strict.failed() || strict.found_memory || strict.strayed) return "";
  return fmt::format(
      " ({}if nothing orders a load and what follows it in its thread: an address, data or control "
      "dependency would order them, but this model sees none; use an acquiring load, or ring_check_rmb() "
      "after the load)",
      strict.whole() ? "only " : "perhaps only ");
}

/// Why the last execution has no verdict.
std::string refusal_text(const Bench& bench, const Places& places) {
  const std::byte* changed = bench.execution->changed_unseen();
  if (changed == nullptr) return bench.execution->failure();
  return fmt::format(
      "{} changes by a store that no compiler has announced, so that no search is valid (memory that a "
      "library, a function compiled without ringside ring-check cc or an asm block writes)",
      places.name_of(changed));
}

/// Searches with the known memory; if the limit or the time ends the search, searches with a bound follow.
RingVerdict search_once(const RingJob& job, Bench& bench, const Places& places, Clock::time_point deadline) {
  RingVerdict verdict;
  SearchLimit left = job.limit;
  std::atomic<std::uint64_t>* const towards_limit =
      job.shares_limit && counted_in != nullptr ? &counted_in->towards_limit : nullptr;
  const auto search = [&](std::uint32_t bound, Clock::time_point until, const check::PartOfPart& part = {}) {
    check::Exploration found = explore_until(bench, bound, left, until, part, towards_limit);
    verdict.executions += found.executions;
    verdict.redundant += found.redundant;
    verdict.steps += found.steps;
    return found;
  };
  // The other half of the time is for the searches with a bound, which have no parts.
  const auto now = Clock::now();
  const auto until = job.is_part() || job.has_only_bounds ? deadline : now + (deadline - now) / 2;
  if (job.is_part() && !job.places && learns_memory(bench, until)) return verdict;
  const auto [part, steps_to_branches] = with_depths(bench, job.part, until);
  // They do not count: otherwise a part that is as small as possible could be too large.
  left.steps += std::min(steps_to_branches, ~std::uint64_t{0} - left.steps);
  for (const check::SearchPart& each : part)
    verdict.division += fmt::format("{}{}", verdict.division.empty() ? "" : ".", each.depth);
  if (job.is_part()) verdict.division += " " + places.text();
  check::Exploration found;
  found.stopped = job.has_only_bounds;
  if (!found.stopped) {
    const Searching searching(job, places.text());
    found = search(job.bound, until, part);
  }
  verdict.outcome = found.stopped   ? RingOutcome::stopped
                    : found.bounded ? RingOutcome::bounded
                                    : RingOutcome::whole;
  verdict.bound = job.bound;
  verdict.was_limited = found.stopped && left.is_reached();
  verdict.is_too_large = found.stopped && left.steps == 0 && job.bound == check::unbounded;
  left = job.limit_of_bounded;
  const std::uint32_t bounds = job.is_part() ? 0 : std::min(job.bound, bound_max + 1);
  for (std::uint32_t bound = 0; found.stopped && bound < bounds; ++bound) {
    check::Exploration part = search(bound, deadline);
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
  if (!found.failed()) {
    note_gaps(job, bench, verdict);
    return verdict;
  }
  if (bench.execution->is_refused()) {
    verdict.outcome = RingOutcome::could_not;
    verdict.why = refusal_text(bench, places);
    return verdict;
  }
  verdict.outcome = RingOutcome::failed;
  if (report(job, bench, places, minimised(bench, found), verdict)) {
    if (job.model == check::ModelName::armv8) verdict.why += dependency_text(job, bench, deadline);
    return verdict;
  }
  verdict = {};
  verdict.why = strays;
  return verdict;
}

}  // namespace

namespace {

/// Returns the failure with the fewest messages that is found in time. Tries searches with one message, two,
/// and so on. It may be another failure.
RingVerdict with_fewer_messages(RingJob job, Places& places, Clock::time_point deadline, RingVerdict found) {
  const auto until = std::min(deadline, Clock::now() + minimising_time);
  const std::uint32_t messages = job.workload.messages;
  job = job.whole();
  for (job.workload.messages = 1; job.workload.messages < messages; ++job.workload.messages) {
    if (Clock::now() > until) break;
    RingVerdict shorter;
    const auto done =
        with_all_memory(job, places, [&](Bench& bench) { shorter = search_once(job, bench, places, until); });
    if (!done || shorter.outcome != RingOutcome::failed) continue;
    shorter.executions = found.executions;
    shorter.redundant = found.redundant;
    shorter.steps = found.steps;
    shorter.messages = job.workload.messages;
    return shorter;
  }
  return found;
}

}  // namespace

void count_searches_in(SearchCounts* to) {
  counted_in = to;
}

RingVerdict search_ring(RingJob job, Clock::time_point deadline) {
  RingVerdict verdict;
  Places places(*job.plugin);
  watch_places(places);
  if (job.places) {
    if (auto known = places.learn_from(*job.places); !known) {
      verdict.why = known.error().text();
      return verdict;
    }
  }
  std::optional<check::Usage> usage;
  if (job.until_used_again) {
    auto longer = long_enough(job, places, usage);
    if (!longer) {
      verdict.why = longer.error().text();
      return verdict;
    }
    job = *longer;
  } else if (job.workload.kind == WorkloadKind::exchange || job.workload.kind == WorkloadKind::full) {
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
  if (job.until_used_again) verdict.messages = job.workload.messages;
  if (verdict.outcome == RingOutcome::failed)
    verdict = with_fewer_messages(job, places, deadline, std::move(verdict));
  if (verdict.outcome != RingOutcome::could_not) verdict.usage = usage;
  return verdict;
}

RingVerdict replay_ring(const RingJob& job, const std::string& shared, const check::Schedule& schedule) {
  RingVerdict verdict;
  Places places(*job.plugin);
  if (auto known = places.learn_from(shared); !known) {
    verdict.why = known.error().text();
    return verdict;
  }
  watch_places(places);
  const auto done = with_all_memory(job, places, [&](Bench& bench) {
    verdict = {};
    check::Replay replay(schedule);
    End end = End::complete;
    {
      const Watched watched(bench.execution.get());
      end = bench.execution->run(replay);
    }
    if (!replay.fitted()) {
      verdict.why = "this ring does not do those steps: the string is from another ring or another build";
      return;
    }
    verdict.executions = 1;
    if (bench.execution->is_refused()) {
      verdict.why = refusal_text(bench, places);
      return;
    }
    static_cast<void>(report(job, bench, places, schedule, verdict));
    verdict.outcome = end == End::complete ? RingOutcome::whole : RingOutcome::failed;
  });
  if (!done) verdict.why = done.error().text();
  return verdict;
}

}  // namespace ringside::tools
