// Runs a job, and makes and reads the strings for replays.
#include "tools/ring_check/job.h"

#include <algorithm>
#include <charconv>

#include "emu/check/conformance.h"
#include "emu/check/schedule_text.h"
#include "tools/ring_check/audit.h"
#include "tools/ring_check/search.h"
#include "tools/ring_check/stress.h"

namespace ringside::tools {

namespace {

using check::ModelName;
using check::WorkloadKind;
using Clock = std::chrono::steady_clock;

constexpr WorkloadKind workload_kinds[] = {
    WorkloadKind::exchange,   WorkloadKind::full,          WorkloadKind::attach,
    WorkloadKind::reattach,   WorkloadKind::hostile_front, WorkloadKind::hostile_back,
    WorkloadKind::two_fronts, WorkloadKind::scenario,      WorkloadKind::test};

/// A message's number must fit into the id of a ring's message.
constexpr std::uint32_t threads_messages_max = (1u << 24) - 1;

/// Calls the ring's functions without exploration.
RingVerdict drive_ring(const RingJob& job) {
  RingVerdict verdict;
  verdict.outcome = RingOutcome::whole;
  check::Subject subject;
  subject.ring = &job.plugin->ring();
  subject.fresh = [&] { job.plugin->state().restore(); };
  if (job.task == RingTask::random) {
    const check::LongRun run = check::run_long(subject, job.workload.start, job.workload.messages);
    verdict.executions = 1;
    verdict.steps = run.calls;
    verdict.why = run.broken;
  } else if (job.task == RingTask::threads) {
    // The habits are found by fibers, before threads call.
    const check::Subject with_habits = subject.with_habits();
    job.plugin->make_current_in_threads();
    const check::LongRun run =
        stress_ring(with_habits, threads_messages_max, std::chrono::milliseconds(job.workload.start));
    verdict.executions = 1;
    verdict.steps = run.messages;
    verdict.why = run.broken;
  } else {
    for (const check::ConformanceCheck& each : check::check_conformance(subject)) {
      ++verdict.executions;
      if (each.outcome != check::Conforms::fail) continue;
      if (verdict.why.empty()) verdict.why = fmt::format("{}: {}", each.name, each.why);
      verdict.report += fmt::format(
          "       failed: {}\n"
          "               {}\n",
          each.name, each.why);
    }
    if (verdict.why.empty()) verdict.note = check::text_of(subject.with_habits().habits);
  }
  if (!verdict.why.empty()) verdict.outcome = RingOutcome::failed;
  return verdict;
}

}  // namespace

RingJob RingJob::whole() const {
  RingJob job = *this;
  job.part = {};
  job.tells_search = job.shares_limit = job.has_only_bounds = false;
  job.places.reset();
  return job;
}

std::string RingJob::what() const {
  if (is_part()) {
    std::string text;
    for (const check::SearchPart& each : part)
      text = fmt::format("part {} of {}{}{}", each.number + 1, each.of, text.empty() ? "" : " of ", text);
    return fmt::format("{}, {}", whole().what(), text);
  }
  if (task == RingTask::conformance) return "conformance, one thread";
  if (task == RingTask::audit) {
    return fmt::format("audit: every access to {} is announced",
                       workload.kind == WorkloadKind::test ? "what threads share" : "the page");
  }
  if (task == RingTask::random) return fmt::format("{} messages at random, one thread", workload.messages);
  if (task == RingTask::threads) return fmt::format("two real threads for {} ms", workload.start);
  if (workload.kind == WorkloadKind::test) {
    const std::string name = plugin == nullptr ? "test" : plugin->tests()[workload.scenario].name;
    return fmt::format("{} {}", check::name_of(model), name);
  }
  std::string text = fmt::format("{} {}", check::name_of(model), check::name_of(workload.kind));
  switch (workload.kind) {
    case WorkloadKind::exchange:
    case WorkloadKind::attach:
    case WorkloadKind::reattach:
    case WorkloadKind::two_fronts:
      text += fmt::format(" of {} message{}", workload.messages, workload.messages == 1 ? "" : "s");
      break;
    case WorkloadKind::full:
      text += fmt::format(" ring, {} message{} more", workload.messages, workload.messages == 1 ? "" : "s");
      break;
    case WorkloadKind::hostile_front:
    case WorkloadKind::hostile_back:
      text += fmt::format(", {} write{}", workload.messages, workload.messages == 1 ? "" : "s");
      break;
    case WorkloadKind::scenario:
      text +=
          fmt::format(" \"{}\"", plugin == nullptr ? "" : plugin->ring().scenarios[workload.scenario].name);
      break;
    case WorkloadKind::test:
      break;
  }
  if (workload.start != 0) text += fmt::format(" from {}", workload.start);
  return text;
}

std::string replay_text(const RingJob& job, const std::string& places, const check::Schedule& schedule) {
  return fmt::format("{}:{}:{}:{}:{}:{}{}{}", check::name_of(job.model), check::name_of(job.workload.kind),
                     job.workload.messages, job.workload.start, job.workload.scenario, places,
                     places.empty() ? "" : ":", check::to_text(schedule));
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
  if (parts.size() != 6 && parts.size() != 7)
    return unreadable("it does not have the form MODEL:WHAT:MESSAGES:START:SCENARIO:STEPS");
  RingReplay replay;
  if (parts.size() == 7) replay.places = parts[5];
  const auto* const known = std::ranges::find(check::models_known, parts[0], &check::ModelAbout::name);
  if (known == check::models_known.end())
    return unreadable(fmt::format("there is no model \"{}\"", parts[0]));
  replay.job.model = known->model;
  const auto* const kind = std::find_if(std::begin(workload_kinds), std::end(workload_kinds),
                                        [&](WorkloadKind name) { return check::name_of(name) == parts[1]; });
  if (kind == std::end(workload_kinds))
    return unreadable(fmt::format("there is no workload \"{}\"", parts[1]));
  replay.job.workload.kind = *kind;
  std::uint32_t* const numbers[] = {&replay.job.workload.messages, &replay.job.workload.start,
                                    &replay.job.workload.scenario};
  for (std::size_t i = 0; i < std::size(numbers); ++i) {
    const std::string& part = parts[i + 2];
    const auto read = std::from_chars(part.data(), part.data() + part.size(), *numbers[i]);
    if (read.ec != std::errc() || read.ptr != part.data() + part.size())
      return unreadable(fmt::format("\"{}\" is not a number", part));
  }
  auto schedule = check::schedule_from(parts.back());
  if (!schedule) return schedule.error();
  replay.schedule = std::move(*schedule);
  return replay;
}

RingVerdict try_ring(const RingJob& job, Clock::time_point deadline) {
  const auto began = Clock::now();
  job.plugin->make_current();
  RingVerdict verdict = job.task == RingTask::explore ? search_ring(job, deadline)
                        : job.task == RingTask::audit ? audit_ring(job)
                                                      : drive_watched([&] { return drive_ring(job); });
  verdict.seconds = std::chrono::duration<double>(Clock::now() - began).count();
  return verdict;
}

}  // namespace ringside::tools
