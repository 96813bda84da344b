// The command ring-check: its options, what it checks, and its output.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <set>

#include "emu/host/domain_words.h"
#include "emu/host/launch.h"
#include "tools/command.h"
#include "tools/out_file.h"
#include "tools/ring_check/cc.h"
#include "tools/ring_check/children.h"
#include "tools/ring_check/explain.h"
#include "tools/ring_check/outputs.h"
#include "tools/ring_check/plan.h"
#include "tools/ring_check/progress.h"
#include "tools/ring_check/ring_process.h"
#include "tools/run/interruption.h"
#include "tools/run/progress.h"
#include "tools/shard.h"
#include "tools/view/page.h"

namespace ringside::tools {

namespace {

using check::ModelName;

struct Request {
  std::vector<std::string> rings;
  std::vector<std::string> models;
  std::uint32_t messages = 0;
  std::uint32_t bound = check::unbounded;
  std::uint64_t limit = 0;
  std::uint32_t parts = 1;
  std::string part;
  std::uint64_t unit_steps = 0;
  std::uint32_t divided_after_ms = 2000;
  std::string budget;
  unsigned at_once = 1;
  std::string shard;
  std::string replay;
  std::string explain;
  std::string junit;
  std::string journal;
  std::string html;
  bool thorough = false;
  bool list = false;
  bool first = false;
  bool tap = false;
  bool json = false;
};

/// The usual limit of a search: about a second. Small rings are proved in less; many searches of medium rings
/// need 2 to 5 million steps. The others need far more, so less is spent on the searches that follow.
constexpr SearchLimit usual_limit{.steps = 5'000'000};
constexpr SearchLimit usual_limit_of_bounded{.steps = 1'000'000};
/// ringside has many rings, and their check should be fast. --long searches more.
constexpr SearchLimit limit_of_own{.steps = 200'000};
constexpr SearchLimit limit_of_long{.executions = 1'000'000};

Error check_usage(std::string object, std::string why, std::string advice) {
  return {EINVAL, "cannot check rings", std::move(object), std::move(why), std::move(advice)};
}

int refused(const Error& error) {
  failed(error);
  return exit_usage;
}

/// The paths of ringside's own rings, which are built with this program. Some are built for an x86, and some
/// for C11, with the fences of other machines.
Result<std::vector<std::string>> own_rings() {
  namespace fs = std::filesystem;
  const fs::path beside = fs::path(own_program()).parent_path() / "emu" / "check" / "plugins";
  const fs::path folder = fs::exists(beside) ? beside : fs::path(RINGSIDE_RING_CHECK_DIR);
  std::vector<std::string> paths;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    if (entry.path().filename().string().starts_with("own_") && entry.path().extension() == ".so")
      paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  if (paths.empty())
    return check_usage("ringside's own rings", fmt::format("there are none in {}", folder.string()),
                       "name one with --ring");
  return paths;
}

/// "60", "60s", "5m"
Result<std::chrono::milliseconds> duration_in(const std::string& text) {
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  const std::string unit = text.substr(digits);
  if (digits == 0 || digits > 6 || (!unit.empty() && unit != "s" && unit != "m"))
    return check_usage("--budget " + text, "it is not a time", "--budget 60s, --budget 5m");
  return std::chrono::milliseconds(std::stoul(text.substr(0, digits)) * (unit == "m" ? 60000 : 1000));
}

std::vector<std::string> model_words() {
  std::vector<std::string> words;
  for (const check::ModelAbout& each : check::models_known) words.emplace_back(each.word);
  return words;
}

/// `words` are some of model_words().
std::vector<ModelName> models_of(const std::vector<std::string>& words) {
  std::vector<ModelName> models;
  for (const check::ModelAbout& each : check::models_known) {
    if (std::ranges::find(words, each.word) != words.end()) models.push_back(each.model);
  }
  return models;
}

/// An x86 needs fewer barriers than C11, so a build for an x86 is not checked under C11.
bool is_for_x86(const RingPlugin& plugin) {
  return plugin.name().find("_x86") != std::string::npos;
}

/// Writes the first counterexample as files for the other views.
Result<> leave_views(const Request& request, const RingVerdict& verdict) {
  if (!request.journal.empty()) {
    auto written = write_file("cannot write a journal", request.journal, verdict.journal);
    if (!written) return written;
  }
  if (request.html.empty()) return Done{};
  return write_file("cannot write a page", request.html, replay_page({verdict.page}));
}

/// Writes a report with one case, if one is wanted.
Result<> report_one(const Request& request, const JUnitCase& its) {
  if (request.junit.empty()) return Done{};
  return write_junit(request.junit, "ring-check", {its}, its.seconds);
}

/// Reports a ring that cannot be loaded, also in the JUnit file.
int could_not_check(const Request& request, const Error& error) {
  auto reported = report_one(request, {.group = error.object,
                                       .name = "loading",
                                       .outcome = JUnitOutcome::could_not_run,
                                       .message = error.text(),
                                       .report = {}});
  if (!reported) failed(reported.error());
  return failed(error);
}

int replay(const Request& request) {
  auto wanted = replay_from(request.replay);
  if (!wanted) return refused(wanted.error());
  if (request.rings.size() != 1)
    return refused(
        check_usage("--replay", "the string does not contain the ring", "name the ring with --ring"));
  auto plugin = RingPlugin::load(request.rings.front());
  if (!plugin) return could_not_check(request, plugin.error());
  RingJob& job = wanted->job;
  job.plugin = &*plugin;
  if (job.workload.kind == check::WorkloadKind::scenario &&
      job.workload.scenario >= plugin->ring().scenario_count)
    return refused(
        check_usage("--replay", "the ring has no such scenario", "the string is for another ring"));
  if (job.workload.kind == check::WorkloadKind::test ? job.workload.scenario >= plugin->tests().size()
                                                     : !plugin->is_ring())
    return refused(check_usage("--replay", "there is no such test", "the string is for another plug-in"));
  if (!request.junit.empty()) {
    if (auto begun = begin_junit(request.junit, "ring-check"); !begun) return failed(begun.error());
  }
  const RingVerdict verdict = replay_in_child(*wanted);
  std::printf("%s: %s\n%s\n%s", plugin->title().c_str(), job.what().c_str(), verdict.why.c_str(),
              verdict.report.c_str());
  auto reported = report_one(
      request, {.group = plugin->name(),
                .name = "replay of " + job.what(),
                .outcome = verdict.outcome == RingOutcome::failed      ? JUnitOutcome::failed
                           : verdict.outcome == RingOutcome::could_not ? JUnitOutcome::could_not_run
                                                                       : JUnitOutcome::passed,
                .message = verdict.why,
                .report = verdict.report});
  if (!reported) return failed(reported.error());
  if (verdict.outcome == RingOutcome::could_not) return exit_could_not_run;
  if (auto left = leave_views(request, verdict); !left) return failed(left.error());
  return verdict.outcome == RingOutcome::failed ? exit_expectation_failed : exit_good;
}

/// Refuses a ring that is named twice, which the loader loads once, and outputs that would overwrite the
/// rings or each other.
Result<> check_files(const Request& request) {
  for (auto ring = request.rings.begin(); ring != request.rings.end(); ++ring) {
    const auto is_same = [&](const std::string& other) {
      std::error_code none;
      return std::filesystem::equivalent(*ring, other, none);
    };
    if (std::any_of(request.rings.begin(), ring, is_same))
      return check_usage("--ring " + *ring, "the same file is named twice", "name it once");
  }
  const std::vector<std::string> outputs{request.junit, request.html, request.journal};
  auto good = check_outputs("cannot check rings", outputs, request.rings);
  return good ? check_distinct("cannot check rings", outputs) : good;
}

/// Refuses an output that the action does not write.
Result<> check_action(const Request& request) {
  const bool replays = !request.replay.empty();
  const char* const action = !request.explain.empty() ? "--explain"
                             : replays                ? "--replay"
                             : request.list           ? "--list"
                                                      : nullptr;
  if (action == nullptr) return Done{};
  const std::pair<const char*, bool> unwritten[] = {{"--junit", !request.junit.empty() && !replays},
                                                    {"--html", !request.html.empty() && !replays},
                                                    {"--journal", !request.journal.empty() && !replays},
                                                    {"--tap", request.tap},
                                                    {"--json", request.json && replays}};
  for (const auto& [output, is_wanted] : unwritten) {
    if (is_wanted) return check_usage(output, fmt::format("{} does not write it", action), "leave it out");
  }
  return Done{};
}

/// Keeps a part of each search that can be divided, "3/64", or a part of a part, "3/64,5/64".
Result<> keep_part(const std::string& text, std::vector<RingJob>& jobs) {
  check::PartOfPart part;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    auto its = shard_in("cannot check rings", text.substr(at, comma - at));
    if (!its) return its.error();
    part.push_back({.number = its->part - 1, .of = its->parts});
    at = comma + 1;
  }
  std::erase_if(jobs, [](const RingJob& job) {
    return job.task != RingTask::explore || job.bound != check::unbounded;
  });
  for (RingJob& job : jobs) job.part.insert(job.part.end(), part.begin(), part.end());
  return Done{};
}

int check_rings(const Request& request) {
  RingPlanOptions options;
  if (!request.models.empty()) options.models = models_of(request.models);
  if (request.messages != 0) options.messages = request.messages;
  if (request.bound != check::unbounded) options.bound = request.bound;
  options.thorough = request.thorough;
  options.parts = request.parts;
  options.limit = request.limit != 0      ? SearchLimit{.executions = request.limit}
                  : request.thorough      ? limit_of_long
                  : request.rings.empty() ? limit_of_own
                                          : usual_limit;
  const bool is_usual = request.limit == 0 && !request.thorough && !request.rings.empty();
  options.limit_of_bounded = is_usual ? usual_limit_of_bounded : options.limit;
  if (request.unit_steps != 0) {
    if (request.limit == 0) options.limit = {};
    options.limit.steps = request.unit_steps;
    options.limit_of_bounded = request.thorough ? limit_of_long : usual_limit_of_bounded;
  }
  RingJobsOptions run;
  run.at_once = request.at_once;
  run.divided_after = std::chrono::milliseconds(request.divided_after_ms);
  run.stop = [] { return ring_interruption() != 0; };
  if (!request.budget.empty()) {
    auto budget = duration_in(request.budget);
    if (!budget) return refused(budget.error());
    run.budget = *budget;
  }
  if (!request.junit.empty() && !request.list) {
    if (auto begun = begin_junit(request.junit, "ring-check"); !begun) return failed(begun.error());
  }
  std::vector<std::string> paths = request.rings;
  if (paths.empty()) {
    auto own = own_rings();
    if (!own) return failed(own.error());
    paths = *own;
  }
  std::vector<RingPlugin> plugins;
  plugins.reserve(paths.size());
  std::vector<RingJob> jobs;
  for (const std::string& path : paths) {
    auto plugin = RingPlugin::load(path);
    if (!plugin) return could_not_check(request, plugin.error());
    plugins.push_back(std::move(*plugin));
    RingPlanOptions its = options;
    if (request.models.empty() && is_for_x86(plugins.back())) its.models = {ModelName::sc, ModelName::tso};
    const std::vector<RingJob> more = plan_for(plugins.back(), its);
    jobs.insert(jobs.end(), more.begin(), more.end());
  }
  for (std::size_t at = 0; at < jobs.size(); ++at)
    jobs[at].number = fmt::format("{}of{}", at + 1, jobs.size());
  if (!request.shard.empty()) {
    if (auto kept = keep_shard("cannot check rings", request.shard, jobs); !kept)
      return refused(kept.error());
  }
  if (!request.part.empty()) {
    if (auto kept = keep_part(request.part, jobs); !kept) return refused(kept.error());
  }
  if (request.list) {
    for (const RingJob& job : jobs) std::printf("%s: %s\n", job.plugin->name().c_str(), job.what().c_str());
    return exit_good;
  }
  const RingFormat format = request.json  ? RingFormat::json
                            : request.tap ? RingFormat::tap
                                          : RingFormat::people;
  RingOutput output(format, request.junit, jobs.size());
  output.begin();
  std::optional<RingVerdict> first;
  // A ring with unseen accesses is not searched: the search would report false errors.
  std::set<const RingPlugin*> unseen;
  run.skip = [&](const RingJob& job) { return unseen.contains(job.plugin); };
  ProgressLine line;
  const auto began = std::chrono::steady_clock::now();
  if (line.is_seen()) {
    run.progress = [&](const RingJobsProgress& progress) {
      if (!line.is_due()) return;
      std::optional<std::chrono::duration<double>> budget_left;
      const auto took = std::chrono::steady_clock::now() - began;
      if (!request.budget.empty())
        budget_left = std::max(run.budget - took, std::chrono::steady_clock::duration::zero());
      line.show(ring_progress_text(progress, jobs, took, budget_left, ProgressLine::columns()));
    };
  }
  run_ring_jobs(jobs, run, [&](std::size_t number, const RingVerdict& verdict) {
    const RingJob& job = jobs[number];
    if (unseen.contains(job.plugin)) return true;
    line.clear();
    output.verdict(number, job, verdict);
    const bool comes_first = job.task == RingTask::conformance || job.task == RingTask::audit;
    if (comes_first && verdict.outcome == RingOutcome::could_not) unseen.insert(job.plugin);
    if (!verdict.journal.empty() && !first) first = verdict;
    return !request.first || verdict.outcome != RingOutcome::failed;
  });
  line.clear();
  const int signal = ring_interruption();
  if (auto ended = output.end(signal); !ended) return failed(ended.error());
  const bool wants_steps = !request.html.empty() || !request.journal.empty();
  if (!first && wants_steps)
    std::fprintf(stderr, "no page and no journal: %s\n",
                 output.failed() != 0 ? "one thread found the failures above, so there are no steps to show"
                                      : "no failure was found");
  if (first) {
    if (auto left = leave_views(request, *first); !left) return failed(left.error());
  }
  if (signal != 0) return status_of_signal_0 + signal;
  if (output.failed() != 0) return exit_expectation_failed;
  return output.could_not() != 0 ? exit_could_not_run : exit_good;
}

}  // namespace

void add_ring_check_command(Command app, Session& session) {
  Command command = app.add_subcommand(
      "ring-check",
      "Check a ring's code under every interleaving and memory order; without --ring, ringside's own rings");
  command.footer(
      "The ring's promises (its capabilities) select the tests: the exchange of messages from several start\n"
      "indices, attaching, attaching again, hostile peers. \"all\" is a proof for that number of messages;\n"
      "\"up to N deviations\" is not. \"not covered\" names what no search has reached; if a search ended\n"
      "at its limit, --long or --limit N searches more.\n"
      "First, one thread finds the habits of the ring's calls, and the first verdict notes them. A call\n"
      "that refuses without a reason is repeated; a call that waits is made only if its wait will end.\n"
      "armv8 does not order dependencies, and reports where load buffering would matter.\n"
      "Tests of threads need no ring (RING_CHECK_TESTS in <ringside/ring_check.h>).\n"
      "\n"
      "Examples:\n"
      "  ringside ring-check                                   ringside's own rings: both layouts, both "
      "directions; byte rings; the queue\n"
      "  ringside ring-check cc -shared -o ring.so ring.c      compiles a ring so that it can be checked\n"
      "  ringside ring-check --ring ./ring.so                  checks it, and shows the steps to an error\n"
      "  ringside ring-check cc -O2 -o test.so mpmc.c && ringside ring-check --ring ./test.so   tests of "
      "threads\n"
      "  ringside ring-check --ring ./ring.so --model c11 -j 2 --junit results.xml\n"
      "  ringside ring-check --ring ./ring.so --replay 'C11:exchange:3:0:0:A12B3'\n"
      "  ringside ring-check --explain 18                      describes that class of bugs, and where it "
      "has happened\n"
      "\n"
      "Exit codes: 0 all holds, 1 usage, 3 a check could not be made, 4 a ring is wrong.");
  auto request = std::make_shared<Request>();
  command
      .add_option("--ring", request->rings,
                  "A shared object with a ring (ring_check_plugin()) or tests of threads; may be repeated")
      .type_name("LIB.so");
  command
      .add_option("--model", request->models,
                  "sc (one memory, one order), tso (x86: stores wait in a buffer), c11 (the language's "
                  "rules, without load "
                  "buffering) or armv8; may be repeated. Default: the first three")
      .type_name("MODEL")
      .one_of(model_words());
  command.add_option("--msgs", request->messages, "Messages in an exchange, instead of 3").range(1u, 64u);
  command.add_option("--bound", request->bound,
                     "Only executions with at most N deviations from the plain order");
  command.add_option("--limit", request->limit,
                     "End each search after this many executions. Without --limit, it ends after 5,000,000 "
                     "steps (ringside's own rings: 200,000 steps; with --long: 1,000,000 executions). After "
                     "a search that reaches its limit, searches with 0, 1, 2 ... deviations share as many "
                     "executions (without --limit: 1,000,000 steps). The line of the search then says "
                     "\"up to N deviations\", or \"the first N\"");
  command
      .add_option("--budget", request->budget,
                  "Stop after this time: 60s, 5m. It does not raise the limit: give --long or --limit, too")
      .type_name("TIME");
  command
      .add_option(
          "-j,--jobs", request->at_once,
          "Jobs at the same time. When fewer are left, a search without a bound that has run for 2 s "
          "is divided into jobs; its verdict is that of the whole search. A search with the usual limit "
          "of steps ends too soon to be divided: give --long or --limit, too")
      .range(1u, 256u);
  command
      .add_option("--divided-after", request->divided_after_ms,
                  "Divide a search after this time, in ms, if a worker has nothing else to do")
      .hidden();
  command
      .add_option("--parts", request->parts,
                  "Divides each search without a bound into N jobs, for --shard, where one search takes long "
                  "(-j and ringside sweep do so by themselves). All of them together are the search: a call "
                  "that has only "
                  "some of them says "
                  "so, and proves nothing. Each has a limit of its own, and no searches with a bound follow")
      .range(1u, 4096u);
  command.add_option("--shard", request->shard, "Only part I of N of the jobs").type_name("I/N");
  command.add_option("--part", request->part, "Only this part of each search without a bound").hidden();
  command.add_option("--unit-steps", request->unit_steps, "End each search after this many steps").hidden();
  command
      .add_option("--replay", request->replay,
                  "Repeat one execution, from the string in a report, and print its steps")
      .type_name("STRING");
  command
      .add_option("--explain", request->explain,
                  "Describe a class of ring bugs, by its number; \"all\" lists them")
      .type_name("N");
  command.add_option("--junit", request->junit, "Write the results as JUnit XML, too").type_name("FILE");
  command
      .add_option("--html", request->html,
                  "Write the first counterexample as a page that plays it step by step")
      .type_name("FILE");
  command
      .add_option("--journal", request->journal,
                  "Write the first counterexample as a journal, for ringside view")
      .type_name("FILE");
  command.add_flag("--long", request->thorough,
                   "More messages, more starts, higher bounds: minutes instead of seconds");
  command.add_flag("--first", request->first, "Stop at the first failure");
  command.add_flag("--list", request->list, "List the jobs, one a line, without running them");
  const Option tap = command.add_flag("--tap", request->tap, "Results in the Test Anything Protocol");
  command.add_flag("--json", request->json, "Results as JSON, one object a line").excludes(tap);
  add_ring_compiler_commands(command, session);
  command.callback([request, &session] {
    // A compiler was chosen.
    if (session.run) return;
    session.run = [request] {
      if (auto good = check_action(*request); !good) return refused(good.error());
      if (!request->explain.empty()) return explain_ring_bug(request->explain, request->json);
      if (auto good = check_files(*request); !good) return refused(good.error());
      const RunInterruption interruption;
      const auto status = in_ring_process(
          [request] { return finished(request->replay.empty() ? check_rings(*request) : replay(*request)); },
          ring_load_patience, RunInterruption::signal);
      return status ? status.value() : could_not_check(*request, status.error());
    };
  });
}

}  // namespace ringside::tools
