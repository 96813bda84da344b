// Makes the jobs from the capabilities.
#include "tools/ring_check/plan.h"

#include <algorithm>

namespace ringside::tools {

namespace {

/// A fixed seed, so that the calls are the same on every machine.
constexpr std::uint32_t workload_seed = 20050705;
constexpr std::uint32_t threads_ms = 2000;
/// A full ring with more slots is searched with a bound, because the other end takes that many messages.
constexpr std::uint32_t slots_searched_whole_max = 4;

}  // namespace

using check::ModelName;
using check::WorkloadKind;

std::vector<RingJob> plan_for(const RingPlugin& plugin, const RingPlanOptions& options) {
  const ring_check_ring& ring = plugin.ring();
  const auto can = [&](std::uint32_t capability) { return (ring.capabilities & capability) != 0; };
  std::vector<RingJob> jobs;
  const auto add = [&](ModelName model, WorkloadKind kind, std::uint32_t messages, std::uint32_t start = 0,
                       std::uint32_t bound = check::unbounded, std::uint32_t scenario = 0) {
    RingJob job;
    job.plugin = &plugin;
    job.model = model;
    job.workload = {kind, messages, start, scenario};
    job.limit = options.limit;
    job.limit_of_bounded = options.limit_of_bounded;
    job.bound = options.bound.value_or(bound);
    const std::uint32_t parts = job.bound == check::unbounded ? options.parts : 1;
    for (std::uint32_t number = 0; number < parts; ++number) {
      if (parts > 1) job.part = {{.number = number, .of = parts}};
      jobs.push_back(job);
    }
  };
  if (ring.push_req != nullptr) {
    RingJob one_thread;
    one_thread.plugin = &plugin;
    one_thread.task = RingTask::conformance;
    jobs.push_back(one_thread);
    one_thread.task = RingTask::audit;
    one_thread.workload.messages = 3;
    jobs.push_back(one_thread);
    one_thread.task = RingTask::random;
    one_thread.workload.messages = options.thorough ? 1'000'000 : 10'000;
    one_thread.workload.start = workload_seed;
    jobs.push_back(one_thread);
  }
  const auto add_audit = [&](WorkloadKind kind) {
    RingJob audit;
    audit.plugin = &plugin;
    audit.task = RingTask::audit;
    audit.workload.kind = kind;
    jobs.push_back(audit);
  };
  if (ring.push_req == nullptr && ring.scenario_count != 0) add_audit(WorkloadKind::scenario);
  if (!plugin.tests().empty()) add_audit(WorkloadKind::test);
  for (const ModelName model : options.models) {
    for (std::uint32_t i = 0; i < ring.scenario_count; ++i)
      add(model, WorkloadKind::scenario, 0, 0, check::unbounded, i);
    for (std::uint32_t i = 0; i < plugin.tests().size(); ++i)
      add(model, WorkloadKind::test, 0, 0, check::unbounded, i);
    if (ring.push_req == nullptr) continue;
    // With many words, two hostile writes are a million executions.
    const std::uint32_t hostile_writes = options.thorough || ring.word_count <= 4 ? 2 : 1;
    const std::uint32_t messages = options.messages.value_or(3);
    if (model == ModelName::sc) {
      // The effects of a hostile peer and of a lock do not depend on the memory order.
      if (can(RING_CHECK_HOSTILE_FRONT)) add(model, WorkloadKind::hostile_front, hostile_writes);
      if (can(RING_CHECK_HOSTILE_BACK)) add(model, WorkloadKind::hostile_back, hostile_writes);
      if (can(RING_CHECK_TWO_FRONTS)) add(model, WorkloadKind::two_fronts, std::min(2u, ring.slots));
    }
    if (can(RING_CHECK_ATTACH_RUNNING)) add(model, WorkloadKind::attach, std::min(2u, messages));
    if (can(RING_CHECK_REATTACH)) add(model, WorkloadKind::reattach, std::min(2u, messages));
    if (can(RING_CHECK_ANY_START)) {
      add(model, WorkloadKind::exchange, std::min(2u, messages), ring.slots - 1);
      add(model, WorkloadKind::exchange, std::min(2u, messages), 0xffffffffu);
      if (options.thorough) add(model, WorkloadKind::exchange, messages, 0x7fffffffu);
    }
    add(model, WorkloadKind::exchange, messages);
    // A slot is reused while its last message may still be in use.
    add(model, WorkloadKind::full, can(RING_CHECK_RESPONSES) ? 1 : std::min(2u, messages), 0,
        ring.slots <= slots_searched_whole_max ? check::unbounded : 1);
    if (options.thorough) add(model, WorkloadKind::exchange, messages + 1);
    if (!options.messages) {
      // Enough messages for two rounds of a ring that keeps one slot empty, and for errors in later messages.
      add(model, WorkloadKind::exchange, 2 * ring.slots + 2, 0, options.thorough ? 3 : 2);
      jobs.back().until_used_again = true;
    }
  }
  if (ring.push_req != nullptr && options.thorough) {
    RingJob two_threads;
    two_threads.plugin = &plugin;
    two_threads.task = RingTask::threads;
    two_threads.workload.start = threads_ms;
    jobs.push_back(two_threads);
  }
  return jobs;
}

}  // namespace ringside::tools
