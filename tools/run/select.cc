// Selects the runs of a command line.
#include "tools/run/select.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <set>

#include "emu/script/suggest.h"
#include "emu/trace/quote.h"
#include "tools/run/script_files.h"
#include "tools/shard.h"

namespace ringside::tools {

namespace {

using script::Mode;
using script::Scenario;

struct Seeds {
  std::uint64_t first = 1;
  std::uint64_t last = 1;
};

Error usage(const std::string& object, const std::string& why, const std::string& advice) {
  return {EINVAL, "cannot run", object, why, advice};
}

std::optional<std::uint64_t> number_in(std::string_view text) {
  if (text.empty() || text.size() > 18 ||
      !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
    return {};
  return std::stoull(std::string(text));
}

/// "7", "1..500"
std::optional<Seeds> seeds_in(const std::string& text) {
  const std::size_t dots = text.find("..");
  const auto first = number_in(text.substr(0, dots));
  const auto last = dots == std::string::npos ? first : number_in(text.substr(dots + 2));
  if (!first || !last || *last < *first) return {};
  return Seeds{*first, *last};
}

/// Adds a file unless it was already named.
void add_file(const std::string& path, std::vector<std::string>& files, std::set<std::string>& known) {
  std::error_code ignored;
  const auto whole = std::filesystem::absolute(path, ignored).lexically_normal();
  if (known.insert(path == "-" ? path : whole.string()).second) files.push_back(path);
}

Result<std::vector<std::string>> files_of(const std::vector<std::string>& paths) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  std::set<std::string> known;
  for (const std::string& path : paths) {
    std::error_code problem;
    if (!fs::is_directory(path, problem)) {
      add_file(path, files, known);
      continue;
    }
    std::vector<std::string> inside;
    for (fs::recursive_directory_iterator at(path, problem), end; !problem && at != end;
         at.increment(problem)) {
      // A broken link is listed, too: reading it reports the error.
      if (at->path().extension() != ".scn") continue;
      if (at->is_regular_file(problem) || !at->exists(problem)) inside.push_back(at->path().string());
      problem.clear();
    }
    if (problem) return Error{problem.value(), "cannot look into a folder", path, problem.message(), ""};
    if (inside.empty()) return usage(path, "there is no .scn file in it", "");
    std::ranges::sort(inside);
    for (const std::string& file : inside) add_file(file, files, known);
  }
  return files;
}

/// Gives runs of different scenarios different names. If two files have the same name, their paths are used.
void name_runs(RunPlan& plan) {
  std::map<std::string, std::size_t> count;
  for (const script::Script& each : plan.scripts) {
    for (const script::ScenarioTemplate& scenario_template : each.templates) ++count[scenario_template.stem];
  }
  std::set<std::string> given;
  for (script::Script& each : plan.scripts) {
    for (script::ScenarioTemplate& scenario_template : each.templates) {
      std::string name = scenario_template.stem;
      if (count[scenario_template.stem] > 1)
        name = trace::printable(scenario_template.path) + scenario_template.number_suffix;
      scenario_template.shown = name;
      // A file that is included twice gets numbers.
      for (std::size_t number = 2; !given.insert(scenario_template.shown).second; ++number)
        scenario_template.shown = fmt::format("{}~{}", name, number);
    }
  }
}

UnreadableFile unreadable_file(const std::string& path, const script::Script& read) {
  const auto& all = read.diagnostics.all();
  const auto first = std::ranges::find(all, script::Severity::error, &script::Diagnostic::severity);
  UnreadableFile file{.path = path, .report = read.diagnostics.text(read.sources)};
  if (first == all.end()) return file;
  file.first = trace::printable(first->message);
  if (first->span.nowhere()) return file;
  file.first = fmt::format("{}: {}", read.sources.place(first->span), file.first);
  if (first->span.source == 0) file.line = first->span.line;
  return file;
}

/// Reads all files before anything runs. Prints their errors; a file with errors has no runs.
void read_all(const std::vector<std::string>& files, const RunSelection& selection,
              const script::Given& given, RunPlan& plan) {
  for (const std::string& file : files) plan.scripts.push_back(script::read_script(file, file_reader()));
  name_runs(plan);
  for (std::size_t at = 0; at < files.size(); ++at) {
    script::Script& read = plan.scripts[at];
    std::vector<Scenario>& runs = plan.scenarios.emplace_back();
    for (const Mode mode : selection.modes) {
      for (Scenario& run : script::runs_of(read, mode, given)) runs.push_back(std::move(run));
    }
    std::fputs(read.diagnostics.text(read.sources).c_str(), stderr);
    if (read.diagnostics.errors() == 0) continue;
    plan.unreadable.push_back(unreadable_file(files[at], read));
    runs.clear();
  }
}

/// Whether processes can carry out the statement.
bool for_processes(const script::Statement& statement) {
  if (!statement.only_sim.empty()) return false;
  const auto* block = std::get_if<script::Together>(&statement.what);
  return block == nullptr || std::ranges::all_of(block->statements, for_processes);
}

bool can_run(const Scenario& scenario) {
  return scenario.mode == Mode::sim || std::ranges::all_of(scenario.statements, for_processes);
}

bool is_wanted(const Scenario& scenario, const RunSelection& options) {
  const bool tagged =
      options.tag.empty() || std::ranges::find(scenario.setup.tags, options.tag) != scenario.setup.tags.end();
  const std::string whole = scenario.stem + scenario.values;
  const bool named = options.name.empty() || scenario.name == options.name || scenario.stem == options.name ||
                     whole == options.name;
  return tagged && named;
}

/// The same run in the other mode, if processes can carry it out.
const Scenario* twin_of(const Scenario& scenario, const std::vector<Scenario>& all) {
  for (const Scenario& other : all) {
    const Scenario& real = other.mode == Mode::real ? other : scenario;
    if (other.mode != scenario.mode && other.name == scenario.name && can_run(real)) return &other;
  }
  return nullptr;
}

Result<> add_jobs(const RunSelection& options, RunPlan& plan) {
  std::optional<Seeds> asked;
  if (!options.seed.empty()) {
    asked = seeds_in(options.seed);
    if (!asked)
      return usage("--seed " + options.seed, "a seed is a number or a range", "--seed 7, --seed 1..500");
  }
  const bool pairs = options.modes.size() > 1;
  for (std::size_t at = 0; at < plan.scripts.size(); ++at) {
    for (const Scenario& each : plan.scenarios[at]) {
      if (!is_wanted(each, options)) continue;
      const Scenario* twin = pairs ? twin_of(each, plan.scenarios[at]) : nullptr;
      if (!can_run(each)) ++plan.only_simulated;
      // A twin runs together with its other half.
      if (!can_run(each) || (each.mode == Mode::real && twin != nullptr)) continue;
      Seeds seeds = asked.value_or(Seeds{each.setup.seeds.first, each.setup.seeds.last});
      // With processes one seed is enough: it decides only faults and the order in `together`.
      if (each.mode == Mode::real) seeds.last = seeds.first;
      if (!plan.jobs.add({&plan.scripts[at], &each, seeds.first, twin}, seeds.last))
        return usage(each.name, fmt::format("these are more than {} runs", run_jobs_max), "--seed 1..1000");
    }
  }
  if (plan.jobs.size() == 0 && plan.unreadable.empty())
    return usage("", "no scenario matches", "--list shows all of them");
  return Done{};
}

Result<script::Given> given_in(const std::vector<std::string>& params) {
  script::Given given;
  for (const std::string& each : params) {
    const std::size_t sign = each.find('=');
    if (sign == 0 || sign == std::string::npos)
      return usage("-p " + each, "it is not a name and a value", "-p BYTES=481");
    given.emplace_back(each.substr(0, sign), each.substr(sign + 1));
  }
  return given;
}

/// Refuses a parameter name that no scenario has, since it would silently change nothing.
Result<> check_names(const script::Given& given, const RunPlan& plan) {
  std::vector<std::string> known;
  for (const script::Script& each : plan.scripts) {
    for (const script::ScenarioTemplate& scenario_template : each.templates) {
      for (const std::string& name : scenario_template.names()) {
        if (std::ranges::find(known, name) == known.end()) known.push_back(name);
      }
    }
  }
  for (const auto& [name, value] : given) {
    // A file that could not be read might have it.
    if (!plan.unreadable.empty() || std::ranges::find(known, name) != known.end()) continue;
    return usage("-p " + name, "there is no parameter of that name",
                 known.empty() ? "there are no parameters" : script::suggestion(name, known, "there are"));
  }
  return Done{};
}

}  // namespace

int bad_selection(const std::string& object, const std::string& why, const std::string& advice) {
  failed(usage(object, why, advice));
  return exit_usage;
}

int select_jobs(const RunSelection& selection, RunPlan& plan) {
  const auto refused = [](const Error& error) {
    failed(error);
    return exit_usage;
  };
  auto given = given_in(selection.params);
  if (!given) return refused(given.error());
  auto files = files_of(selection.paths);
  if (!files) return failed(files.error());
  read_all(*files, selection, *given, plan);
  if (auto checked = check_names(*given, plan); !checked) return refused(checked.error());
  if (auto added = add_jobs(selection, plan); !added) return refused(added.error());
  if (!selection.shard.empty()) {
    auto kept = keep_shard("cannot run", selection.shard, plan.unreadable);
    if (!kept) return refused(kept.error());
    const Shard shard = shard_in("cannot run", selection.shard).value();
    plan.jobs.keep_part(shard.part, shard.parts);
  }
  return exit_good;
}

void add_selection(Command command, RunSelection& its) {
  command.add_option("FILE", its.paths, "Scenarios, or folders of them; - is stdin").required();
  command.add_option("--seed", its.seed, "One seed, or a range A..B, in place of the scenario's")
      .type_name("SEED");
  command.add_option("-p,--param", its.params, "Only the runs with this value; may be repeated")
      .type_name("NAME=VALUE")
      .one_at_a_time();
  command.add_option("--name", its.name, "Only the scenario of that name").type_name("NAME");
  command.add_option("--tag", its.tag, "Only scenarios with that tag").type_name("TAG");
}

}  // namespace ringside::tools
