// The subcommand `sweep`: a command's work in units, done by an engine, with one report.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <set>

#include "emu/host/domain_words.h"
#include "tools/command.h"
#include "tools/junit.h"
#include "tools/out_file.h"
#include "tools/run/progress.h"
#include "tools/shell.h"
#include "tools/sweep/engine.h"
#include "tools/sweep/page.h"
#include "tools/sweep/plan.h"
#include "tools/sweep/results.h"

namespace ringside::tools {

namespace files = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;

/// How often a unit is tried that an engine did not finish, for example because a machine died or a disk was
/// full.
constexpr int rounds_max = 3;
/// The most errors of units that are printed. Usually all units have the same one.
constexpr std::size_t errors_told_max = 10;

struct SweepRequest {
  std::vector<std::string> command;
  std::string on = "local";
  std::string folder;
  std::string junit;
  std::string html;
  std::uint64_t units = 0;
  std::string unit;
  double seconds = unit_seconds;
  unsigned jobs = 0;
  bool json = false;
  bool merge = false;
  bool last_try = false;
  bool until_failure = false;
};

/// The sweep of the request, with its folder. A folder with the same sweep is continued.
Result<SweepPlan> plan_of(SweepRequest& request) {
  auto plan = SweepPlan::of(request.command);
  if (!plan) return plan;
  if (request.folder.empty()) request.folder = fmt::format("out/sweep-{}", plan->id);
  auto known = SweepPlan::read(request.folder);
  if (!known && known.error().code != ENOENT) return known;
  if (known) {
    if (known->id != plan->id)
      return Error{EEXIST, "cannot sweep", request.folder,
                   known->version == plan->version
                       ? "it has another sweep, or the files of the command have changed"
                       : fmt::format("its sweep was begun by ringside {}, and this is {}", known->version,
                                     plan->version),
                   "name another folder, or remove it"};
    if (request.units != 0 && request.units != known->units)
      return Error{EEXIST, "cannot sweep", request.folder,
                   fmt::format("its sweep has {} units", known->units),
                   "leave out --units, or name another folder"};
    plan->units = known->units;
    return plan;
  }
  plan->units = request.units;
  plan->steps = static_cast<std::uint64_t>(request.seconds * steps_per_second);
  if (request.merge) {
    // The units may be there without the plan, from other machines.
    if (plan->units == 0) return known.error();
    return plan;
  }
  if (plan->units == 0) {
    auto measured = measure_units(*plan, request.seconds);
    if (!measured) return measured.error();
    plan->units = *measured;
  }
  if (auto written = plan->write(request.folder); !written) return written.error();
  return plan;
}

std::string progress_of(const SweepResults& results, std::uint64_t before, Clock::duration took) {
  const double seconds = std::chrono::duration<double>(took).count();
  const std::uint64_t here = results.units() - before;
  std::string text =
      fmt::format("[{}/{} units] {} results", results.units(), results.wanted(), results.results());
  if (here != 0 && seconds > 0) {
    const double left =
        seconds / static_cast<double>(here) * static_cast<double>(results.wanted() - results.units());
    text += fmt::format(", {} left", rough_time(left));
  }
  if (results.failed()) text += ", with failures";
  return text.substr(0, ProgressLine::columns());
}

/// Returns the exit status.
int refused(const Error& error) {
  failed(error);
  return error.code == EINVAL ? exit_usage : exit_could_not_run;
}

int report(const SweepRequest& request, const SweepPlan& plan, const SweepResults& results,
           Clock::time_point began, int signal) {
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  std::fputs((request.json ? results.json() : results.text()).c_str(), stdout);
  if (!request.junit.empty()) {
    if (auto written = results.write_junit_report(request.junit, seconds); !written)
      return failed(written.error());
  }
  if (!request.html.empty()) {
    if (auto written = write_sweep_pages(plan, results, request.html); !written)
      return failed(written.error());
  }
  if (results.units() < results.wanted())
    std::fprintf(stderr, "the same command continues from here; the finished units are in %s\n",
                 request.folder.c_str());
  return signal != 0 ? status_of_signal_0 + signal : results.status();
}

/// Adds the units that are done already.
Result<> add_known(const SweepRequest& request, SweepResults& results) {
  // A unit that is added may want parts.
  for (std::uint64_t before = 0;;) {
    for (const std::string& unit : results.missing()) {
      std::error_code problem;
      if (!files::exists(unit_file(request.folder, unit), problem)) continue;
      if (auto added = results.add(unit_file(request.folder, unit)); !added) return added.error();
    }
    if (results.units() == before) return Done{};
    before = results.units();
  }
}

/// The missing units that were tried least, which are either all new or all lost; empty: each was tried
/// often enough. Adds a try to them.
std::vector<std::string> next_units(const SweepResults& results, std::map<std::string, int>& tries) {
  std::vector<std::string> units = results.missing();
  int least = rounds_max;
  for (const std::string& unit : units) least = std::min(least, tries[unit]);
  if (least == rounds_max) return {};
  std::erase_if(units, [&](const std::string& unit) { return tries[unit] != least; });
  for (const std::string& unit : units) ++tries[unit];
  return units;
}

Result<int> do_all(const SweepRequest& request, const SweepEngine& engine, SweepResults& results) {
  const auto began = Clock::now();
  const std::uint64_t before = results.units();
  ProgressLine line;
  std::set<std::string> told;
  std::map<std::string, int> tries;
  for (;;) {
    if (request.until_failure && results.failed()) return 0;
    const auto units = next_units(results, tries);
    if (units.empty()) return 0;
    const std::set<std::string> todo(units.begin(), units.end());
    Result<> merged = Done{};
    const auto take = [&](const std::string& said) {
      constexpr std::string_view unit_done = "unit ";
      if (!said.starts_with(unit_done)) {
        line.clear();
        if (told.size() < errors_told_max && told.insert(said).second)
          std::fprintf(stderr, "%s\n", said.c_str());
        return true;
      }
      const std::string unit = said.substr(unit_done.size());
      if (!todo.contains(unit)) return true;  // Slurm's script names all units that are done
      auto added = results.add(unit_file(request.folder, unit));
      if (!added) {
        merged = added.error();
        return false;
      }
      if (line.is_due()) line.show(progress_of(results, before, Clock::now() - began));
      return !(request.until_failure && *added);
    };
    auto signal = do_units(engine, request.folder, units, tries[units.front()] == rounds_max, take);
    line.clear();
    remove_work(request.folder);
    if (!signal) return signal;
    if (!merged) return merged.error();
    if (*signal != 0) return signal;
  }
}

/// Does one unit, and writes its results to the folder: for an engine, or for a machine that has only this
/// unit.
int one_unit(SweepRequest& request) {
  auto plan = request.command.empty() ? SweepPlan::read(request.folder) : plan_of(request);
  if (!plan) return refused(plan.error());
  if (!SweepUnit::named(request.unit, plan->units))
    return refused({EINVAL, "cannot sweep", fmt::format("--unit {}", request.unit),
                    fmt::format("there are {} units", plan->units), ""});
  if (auto did = do_unit(request.folder, *plan, request.unit, request.last_try); !did)
    return failed(did.error());
  std::printf("unit %s\n", request.unit.c_str());
  return exit_good;
}

void list_units(const SweepRequest& request, const SweepPlan& plan, const SweepResults& results) {
  std::string words;
  for (const std::string& word : plan.command) words += " " + shell_word(word);
  const std::string time =
      request.seconds == unit_seconds ? "" : fmt::format("--unit-time {} ", request.seconds);
  for (const std::string& unit : results.missing()) {
    std::puts(fmt::format("ringside sweep --dir {} --units {} {}--unit {} --{}", shell_word(request.folder),
                          plan.units, time, unit, words)
                  .c_str());
  }
}

int sweep(SweepRequest& request) {
  const auto began = Clock::now();
  if (!request.unit.empty()) return one_unit(request);
  if (auto good = check_outputs("cannot sweep", {request.junit}, request.command); !good)
    return refused(good.error());
  auto engine = SweepEngine::in(request.on, request.jobs);
  if (!engine) return refused(engine.error());
  if (!request.junit.empty() && engine->kind != SweepEngine::Kind::list) {
    if (auto begun = begin_junit(request.junit, "ringside sweep"); !begun) return failed(begun.error());
  }
  auto plan = plan_of(request);
  if (!plan) return refused(plan.error());
  SweepResults results(*plan);
  if (auto added = add_known(request, results); !added) return failed(added.error());
  if (engine->kind == SweepEngine::Kind::list) {
    list_units(request, *plan, results);
    return exit_good;
  }
  int signal = 0;
  if (!request.merge) {
    auto ended = do_all(request, *engine, results);
    if (!ended) return failed(ended.error());
    signal = *ended;
  }
  return report(request, *plan, results, began, signal);
}

constexpr char sweep_examples[] =
    "COMMAND is `run` or `ring-check` with its arguments. Its work is divided into units of about a minute;\n"
    "an engine distributes them, and the results are merged into one report, which has each kind of failure\n"
    "once, with its smallest example. A unit may be done again anywhere: its results are kept whole or not\n"
    "at all, and count once. The same command continues an interrupted sweep. All machines need the same\n"
    "ringside, and the same folder at the same path (for `list`: the same files).\n"
    "A search of ring-check has no limit here, unless COMMAND has --limit. One that does not end within a\n"
    "unit is divided into units, again and again. The report names the searches that are not complete.\n"
    "Engines (--on):\n"
    "  local                 the cores of this machine\n"
    "  parallel:HOST,HOST    GNU parallel over ssh; 8/HOST: 8 at a time\n"
    "  slurm:PARTITION       a job array of Slurm\n"
    "  list                  prints a command for each missing unit, for the matrix of a CI; --merge makes\n"
    "                        the report. When the units of large searches are done, it prints their parts\n"
    "Examples:\n"
    "  ringside sweep -- run scenarios --seed 1..1000000\n"
    "  ringside sweep --html report -- ring-check --ring ./ring.so --long\n"
    "  ringside sweep --on parallel:alpha,beta --junit r.xml -- run scenarios --seed 1..1000000\n"
    "  ringside sweep --on slurm:debug -- ring-check --ring ./ring.so --long\n"
    "  ringside sweep --on list --units 20 --dir out -- run scenarios --seed 1..1000000\n"
    "  ringside sweep --merge --dir out -- run scenarios --seed 1..1000000\n"
    "Exit status: that of the command; 3 if units are missing.";

}  // namespace

void add_sweep_command(Command app, Session& session) {
  Command command =
      app.add_subcommand("sweep", "Divide a long run or ring-check among cores, hosts or a cluster");
  command.footer(sweep_examples);
  const auto request = std::make_shared<SweepRequest>();
  command.add_option("COMMAND", request->command, "run or ring-check, with arguments, after --");
  command.add_option("--on", request->on, "The engine that distributes the units")
      .type_name("ENGINE")
      .show_default();
  command
      .add_option("--dir", request->folder,
                  "The folder of the plan and the units' results (default: one in out/ for each command)")
      .type_name("DIR");
  command.add_option("--units", request->units, "The number of units, instead of a measured one")
      .range(std::uint64_t{1}, sweep_units_max);
  command
      .add_option("--unit-time", request->seconds,
                  "Seconds that a unit should take; of a search, 5,000,000 steps each")
      .range(0.01, 86400.0)
      .show_default();
  command
      .add_option("-j,--jobs", request->jobs,
                  "With --on local: units at the same time (default: the number of cores)")
      .range(1u, 1024u);
  command.add_flag("--until-failure", request->until_failure, "End with the first unit that has a failure");
  command.add_option("--junit", request->junit, "Write the report there, as JUnit XML").type_name("FILE");
  command
      .add_option("--html", request->html,
                  "Write the report there as pages: index.html has each kind of failure once, with the steps "
                  "of its smallest example and the command that shows it")
      .type_name("DIR");
  command.add_flag("--json", request->json, "Print the report as JSON");
  const Option merge = command.add_flag("--merge", request->merge, "Only report on the units that are there");
  command.add_option("--unit", request->unit, "Only do this unit, and report nothing")
      .type_name("UNIT")
      .excludes(merge);
  command.add_flag("--last-try", request->last_try, "Count a run that could not be made as a result")
      .hidden();
  command.callback([&session, request] {
    if (request->command.empty() && (request->unit.empty() || request->folder.empty()))
      throw_missing("COMMAND");
    session.run = [request] { return sweep(*request); };
  });
}

}  // namespace ringside::tools
