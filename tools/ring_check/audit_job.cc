// The audit of a ring and of tests of threads, and its messages.
#include <unistd.h>

#include <algorithm>

#include "emu/check/explore.h"
#include "tools/ring_check/audit.h"
#include "tools/ring_check/bench.h"

namespace ringside::tools {

namespace {

using check::WorkloadKind;

/// The limits for each test. An access costs two faults here, a thousand times its cost in a search.
constexpr std::uint64_t executions_audited_max = 256;
constexpr std::uint32_t deviations_audited = 1;
/// The most names in a message.
constexpr std::size_t named_max = 8;

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), named_max); ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > named_max) text += fmt::format(", and {} more", names.size() - named_max);
  return text;
}

/// Adds the text, unless it is there already.
void add_once(std::vector<std::string>& texts, const std::string& text) {
  if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(text);
}

RingVerdict audit_page(const RingJob& job) {
  RingVerdict verdict;
  Places places(*job.plugin);
  // Loops that wait must be known first: each of their loads costs two faults.
  auto ready = with_all_memory(job, places, [](Bench& bench) {
    const Watched watched(bench.execution.get());
    check::Replay plain_order({});
    static_cast<void>(bench.execution->run(plain_order));
  });
  Bench bench(job);
  if (ready) ready = bench.set_up(job, places);
  if (!ready) {
    verdict.why = ready.error().text();
    return verdict;
  }
  Audit found;
  {
    const Watched watched(nullptr);
    found = audit({{job.plugin->area()}, nullptr, places.waits()}, *bench.space, *bench.model, *bench.program,
                  nullptr, [](check::Execution& execution) {
                    check::Replay plain_order({});
                    static_cast<void>(execution.run(plain_order));
                  });
  }
  verdict.executions = 1;
  verdict.steps = found.touches;
  const auto page = job.plugin->page();
  std::vector<std::string> unseen;
  for (const Unannounced& each : found.unseen) {
    if (each.address < page.data() || each.address >= page.data() + page.size()) continue;
    add_once(unseen,
             fmt::format("byte {} at {}", each.address - page.data(), job.plugin->code_at(each.code)));
  }
  if (unseen.empty()) {
    verdict.outcome = RingOutcome::whole;
  } else {
    verdict.why = fmt::format(
        "accesses to the page that the compiler does not announce, so that no search would be valid (compile "
        "all of the ring with: ringside ring-check cc): {}",
        list_of(unseen));
  }
  return verdict;
}

/// The plug-in's variables and its heap.
std::vector<std::span<std::byte>> kept_memory(const RingPlugin& plugin) {
  const auto unit = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  std::vector<std::span<std::byte>> areas;
  for (const auto& each : plugin.state().variables()) {
    const auto begin = reinterpret_cast<std::uintptr_t>(each.memory.data()) / unit * unit;
    const auto end =
        (reinterpret_cast<std::uintptr_t>(each.memory.data()) + each.memory.size() + unit - 1) / unit * unit;
    areas.push_back({reinterpret_cast<std::byte*>(begin), end - begin});
  }
  if (const auto heap = check::ring_heap().memory(); !heap.empty()) areas.push_back(heap);
  return areas;
}

/// Adds the unannounced accesses of one test to shared memory to `unseen`.
Result<> audit_test(const RingJob& job, Audited audited, RingVerdict& verdict,
                    std::vector<std::string>& unseen) {
  Places places(*job.plugin);
  std::vector<Unannounced> shared;
  auto done = with_all_memory(job, places, [&](Bench& bench) {
    Audit found;
    {
      const Watched watched(bench.execution.get());
      check::Replay plain_order({});
      static_cast<void>(bench.execution->run(plain_order));
    }
    if (bench.execution->found_wait() != nullptr) return;
    audited.waits = places.waits();
    {
      const Watched watched(nullptr);
      found = audit(audited, *bench.space, *bench.model, *bench.program, &places.shared_memory(),
                    [&](check::Execution& execution) {
                      // The searches report a failure of the test.
                      check::Limits limits;
                      limits.bound = deviations_audited;
                      limits.executions = executions_audited_max;
                      verdict.executions += check::explore(execution, limits).executions;
                    });
    }
    verdict.steps += found.touches;
    shared.clear();
    for (const Unannounced& each : found.unseen) {
      std::uint32_t offset = 0;
      if (bench.space->find(each.address, 1, offset)) {
        shared.push_back(each);
      } else {
        // Memory of one thread alone is private.
        places.shared_memory().touched(each.fiber, each.address, 1, each.writes, false);
      }
    }
  });
  for (const Unannounced& each : shared) {
    add_once(unseen, fmt::format("{} {} at {}", each.writes ? "writes" : "reads",
                                 places.name_of(each.address), job.plugin->code_at(each.code)));
  }
  return done;
}

RingVerdict audit_tests(RingJob job) {
  RingVerdict verdict;
  if (const auto unmarked = job.plugin->unmarked_functions(); !unmarked.empty()) {
    verdict.why = fmt::format(
        "functions that ringside ring-check cc has not compiled, so that their accesses to shared memory are "
        "not seen and no search would be valid: {}",
        list_of(unmarked));
    return verdict;
  }
  const Audited audited{kept_memory(*job.plugin), job.plugin, {}};
  std::vector<std::string> unseen;
  for (job.workload.scenario = 0; job.workload.scenario < job.plugin->tests().size();
       ++job.workload.scenario) {
    if (auto done = audit_test(job, audited, verdict, unseen); !done) {
      verdict.why = done.error().text();
      return verdict;
    }
  }
  if (unseen.empty()) {
    verdict.outcome = RingOutcome::whole;
  } else {
    verdict.why = fmt::format(
        "unannounced accesses to shared memory, so that no search would be valid (memory that a library, a "
        "function without the flags or an asm block accesses): {}",
        list_of(unseen));
  }
  return verdict;
}

}  // namespace

RingVerdict audit_ring(const RingJob& job) {
  return job.workload.kind == WorkloadKind::test ? audit_tests(job) : audit_page(job);
}

}  // namespace ringside::tools
