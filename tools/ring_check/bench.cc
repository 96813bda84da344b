// Makes the program, the space, the model and the execution of one job.
#include "tools/ring_check/bench.h"

#include "emu/check/schedule_text.h"
#include "emu/check/test_program.h"
#include "tools/ring_check/search.h"

namespace ringside::tools {

namespace {

using check::WorkloadKind;

bool is_hostile(WorkloadKind kind) {
  return kind == WorkloadKind::hostile_front || kind == WorkloadKind::hostile_back;
}

/// The state that the watchdog reads, from a signal handler.
struct Current {
  const check::Execution* execution = nullptr;
  const std::string* places = nullptr;
  std::uint32_t messages = 0;
  bool runs_ring_code = false;
  std::uint64_t begun = 0;  ///< how often ring code has been started
};
Current current;

/// The search restarts whenever more shared memory or a waiting loop is found; a few rounds are enough for a
/// ring.
constexpr int rounds_max = 100;

}  // namespace

Watched::Watched(const check::Execution* execution) {
  current.execution = execution;
  ++current.begun;
  current.runs_ring_code = true;
}

Watched::~Watched() {
  current.runs_ring_code = false;
  current.execution = nullptr;
}

void watch_places(const Places& places) {
  current.places = &places.text();
}

Bench::Bench(const RingJob& job) {
  const RingPlugin& plugin = *job.plugin;
  if (job.workload.kind == WorkloadKind::test) {
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

Result<> Bench::set_up(const RingJob& job, Places& places) {
  std::vector<check::Region> regions = places.regions();
  std::vector<check::Space::Found> words = places.words();
  // If the model has time, it is explored like memory (execution_operations.cc).
  if (program->history() != nullptr && check::has_time(job.model)) add_counts(regions, words);
  auto made =
      check::Space::make(ring == nullptr ? std::span<std::byte>() : job.plugin->page(),
                         ring == nullptr ? std::vector<check::Word>() : job.plugin->words(), regions, words);
  if (!made) return made.error();
  space.emplace(std::move(*made));
  {
    const Watched watched(nullptr);
    if (auto prepared = program->prepare(); !prepared) return prepared;
  }
  model = check::Model::make(job.model, *space);
  model->allow_races(is_hostile(job.workload.kind));
  execution = std::make_unique<check::Execution>(*space, *model, *program);
  execution->record_shared_memory(&places.shared_memory());
  execution->wait_at(places.waits());
  execution->wait_exactly(places.waits_exactly());
  return Done{};
}

/// Adds the counts of ended operations as words. They have no name, so reports do not show them.
void Bench::add_counts(std::vector<check::Region>& regions, std::vector<check::Space::Found>& words) const {
  auto* counts = reinterpret_cast<std::byte*>(program->history()->ended_counts());
  regions.push_back({counts, check::granule_bytes});
  for (std::uint32_t fiber = 0; fiber < check::fibers_max; ++fiber)
    words.push_back({"", {counts + fiber, 1}});
}

Result<> with_all_memory(const RingJob& job, Places& places, const std::function<void(Bench&)>& what) {
  current.messages = job.workload.messages;
  for (int round = 0; round < rounds_max; ++round) {
    Bench bench(job);
    if (auto ready = bench.set_up(job, places); !ready) return ready;
    what(bench);
    if (const void* load = bench.execution->found_wait(); load != nullptr) places.found_wait(load);
    if (bench.execution->has_found_effects()) places.found_effects();
    if (!places.learn()) return Done{};
  }
  return Error{EPROTO, "it cannot be checked", job.plugin->title(),
               "its ends share more memory in each execution", "place messages in less memory"};
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

std::uint32_t messages_of_current_try() {
  return current.messages;
}

RingProgress progress_of_current_try() {
  return {current.runs_ring_code, current.begun,
          current.execution == nullptr ? 0 : current.execution->steps_in_all()};
}

}  // namespace ringside::tools
