// Makes the plan of a sweep with its identity, and reads and writes it as a file.
#include "tools/sweep/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "emu/host/launch.h"
#include "emu/script/scenario_template.h"
#include "tools/built.h"
#include "tools/command.h"
#include "tools/out_file.h"
#include "tools/record.h"
#include "tools/run/golden.h"
#include "tools/run/script_files.h"
#include "tools/shell.h"

namespace ringside::tools {

namespace files = std::filesystem;

namespace {

constexpr char heading[] = "a sweep of ringside";
constexpr char format_number[] = "1";

/// The sweep itself divides the work, collects the results and names the failures.
constexpr std::array own_options{"--shard",         "--json",    "--tap",    "--junit",     "--journal",
                                 "--html",          "--pcap",    "--list",   "--tape",      "--replay",
                                 "--until-failure", "--dry-run", "--update", "--budget",    "--out",
                                 "--keep-failed",   "--explain", "--part",   "--unit-steps"};

Error no_plan(const std::string& object, const std::string& why, const std::string& advice) {
  return {EINVAL, "cannot sweep", object, why, advice};
}

/// FNV-1a
class Digest {
 public:
  void take(std::string_view text) {
    for (const char c : text) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    hash_ = (hash_ ^ 0x100) * 0x100000001b3;  // the end: "a", "b" is not "ab"
  }
  [[nodiscard]] std::string text() const { return fmt::format("{:016x}", hash_); }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

void take_file(const std::string& path, Digest& digest) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  digest.take(text.str());
}

/// Takes a scenario with all files that it includes, and its golden journal.
void take_scenario(const std::string& path, Digest& digest) {
  const script::Script read = script::read_script(path, file_reader());
  for (std::uint32_t at = 0; at < read.sources.size(); ++at) {
    for (const std::string& line : read.sources.at(at).lines) digest.take(line);
  }
  take_file(golden_path(path), digest);
}

void take_path(const std::string& path, Digest& digest) {
  std::error_code problem;
  if (!files::is_directory(path, problem)) {
    if (!files::is_regular_file(path, problem)) return;
    path.ends_with(".scn") ? take_scenario(path, digest) : take_file(path, digest);
    return;
  }
  std::vector<std::string> inside;
  for (files::recursive_directory_iterator at(path, problem), end; !problem && at != end;
       at.increment(problem)) {
    if (at->path().extension() == ".scn") inside.push_back(at->path().string());
  }
  std::ranges::sort(inside);
  for (const std::string& each : inside) take_scenario(each, digest);
}

/// The error of a command that was not carried out, with the first line that it printed.
Error refused(const ShellOutput& output) {
  const std::string line = output.text.substr(0, output.text.find('\n'));
  return no_plan("", fmt::format("the command ends with status {}: {}", output.status, line), "");
}

std::string words_of(const std::vector<std::string>& command) {
  std::string text;
  for (const std::string& word : command) text += " " + shell_word(word);
  return text;
}

}  // namespace

std::optional<SweepUnit> SweepUnit::named(const std::string& name, std::uint64_t units) {
  SweepUnit unit{.number = 0, .of = units, .part = {}};
  const char* at = name.data();
  const char* const end = at + name.size();
  const auto number = [&](auto& into) {
    const auto read = std::from_chars(at, end, into);
    at = read.ptr;
    return read.ec == std::errc() && into != 0;
  };
  if (!number(unit.number)) return std::nullopt;
  constexpr std::string_view of_all = "of";
  if (std::string_view(at, end).starts_with(of_all)) {
    at += of_all.size();
    if (!number(unit.of) || at == end) return std::nullopt;
  }
  while (at != end) {
    if (*at++ != '.' || !number(unit.part.emplace_back()) || unit.part.back() > unit_parts)
      return std::nullopt;
  }
  if (unit.number > unit.of || unit.part.size() > unit_parts_deep_max) return std::nullopt;
  return unit;
}

Result<SweepPlan> SweepPlan::of(const std::vector<std::string>& command) {
  if (command.empty() || (command[0] != "run" && command[0] != "ring-check"))
    return no_plan(command.empty() ? "" : command[0], "only `run` and `ring-check` can be divided into units",
                   "ringside sweep -- run scenarios --seed 1..1000000");
  SweepPlan plan;
  plan.command = command;
  plan.version = fmt::format("{} {}", RINGSIDE_VERSION, std::string(built_from_commit));
  Digest digest;
  digest.take(plan.version);
  for (const std::string& word : command) {
    const std::string name = word.substr(0, word.find('='));
    if (std::ranges::find(own_options, name) != own_options.end())
      return no_plan(word, "a sweep sets it for each unit, or reports for all units", "leave it out");
    if (word == "-") return no_plan("-", "each unit reads the files again", "name a file");
    if (word.find('\n') != std::string::npos) return no_plan("", "a word has a line end", "");
    digest.take(word);
    take_path(word, digest);
  }
  plan.id = digest.text();
  std::error_code problem;
  plan.folder = files::current_path(problem).string();
  return plan;
}

Result<SweepPlan> SweepPlan::read(const std::string& sweep) {
  const std::string path = (files::path(sweep) / "plan").string();
  std::error_code problem;
  if (!files::exists(path, problem))
    return Error{ENOENT, "cannot sweep", sweep, "there is no sweep in this folder",
                 "name another, or give its --units"};
  auto record = Record::read("cannot sweep", path);
  if (!record) return record.error();
  if (record->get(heading) != format_number)
    return Error{EPROTO, "cannot sweep", path, "it is not the plan of a sweep, or of another version",
                 "remove the folder, or name another"};
  SweepPlan plan;
  for (const auto& [number, word] : record->with_prefix("word ")) plan.command.push_back(word);
  plan.id = record->get("id");
  plan.version = record->get("version");
  plan.units = record->number("units");
  plan.steps = std::strtoull(record->get("steps").c_str(), nullptr, 10);
  plan.folder = record->get("folder");
  return plan;
}

Result<> SweepPlan::write(const std::string& sweep) const {
  Record record;
  record.set(heading, format_number);
  record.set("id", id);
  record.set("version", version);
  record.set("units", units);
  record.set("steps", steps);
  record.set("folder", folder);
  for (std::size_t at = 0; at < command.size(); ++at) record.set(fmt::format("word {}", at), command[at]);
  std::error_code problem;
  files::create_directories(sweep, problem);
  if (problem) return Error{problem.value(), "cannot make a folder", sweep, problem.message(), ""};
  return write_file("cannot sweep", (files::path(sweep) / "plan").string(), record.text());
}

std::string SweepPlan::shell_command(const SweepUnit& unit, const std::string& out) const {
  std::string more;
  if (command[0] == "run") {
    more = " --out " + shell_word(out);
  } else {
    if (steps != 0) more = fmt::format(" --unit-steps {}", steps);
    for (std::size_t at = 0; at < unit.part.size(); ++at)
      more += fmt::format("{}{}/{}", at == 0 ? " --part " : ",", unit.part[at], unit_parts);
  }
  return fmt::format("cd {} && {}{} --json --shard {}/{}{}", shell_word(folder), shell_word(own_program()),
                     words_of(command), unit.number, unit.of, more);
}

/// How many runs the command has, at most a tenth too many. A part is every N-th run.
Result<std::uint64_t> count_runs(const SweepPlan& plan, const std::string& folder) {
  constexpr std::uint64_t enough = 10;
  for (std::uint64_t parts = 1'000'000'000;; parts /= 10) {
    std::uint64_t runs = 0;
    auto listed = run_shell(plan.shell_command({.number = 1, .of = parts, .part = {}}, folder) + " --dry-run",
                            [&](std::string_view) { ++runs; });
    if (!listed) return listed.error();
    if (listed->status == exit_usage) return refused(*listed);
    if (runs >= enough || parts == 1) return std::max<std::uint64_t>(runs, 1) * parts;
  }
}

Result<std::uint64_t> measure_units(const SweepPlan& plan, double seconds_per_unit) {
  using Clock = std::chrono::steady_clock;
  constexpr double sample_seconds = 2;
  auto temporary = ShellFolder::make();
  if (!temporary) return temporary.error();
  if (plan.command[0] == "ring-check") {  // large searches are divided later
    std::uint64_t searches = 0;
    auto listed = run_shell(plan.shell_command({.number = 1, .of = 1, .part = {}}, "") + " --list",
                            [&](std::string_view) { ++searches; });
    if (!listed) return listed.error();
    if (listed->status != exit_good) return refused(*listed);
    return std::clamp<std::uint64_t>(searches, 1, sweep_units_max);
  }
  auto runs = count_runs(plan, temporary->path());
  if (!runs) return runs.error();
  // Tries one run, then larger and larger parts, until one takes long enough for an estimate, and none that
  // takes much longer.
  for (std::uint64_t parts = *runs;;) {
    const auto began = Clock::now();
    auto ran = run_shell(plan.shell_command({.number = 1, .of = parts, .part = {}}, temporary->path()) +
                         " >/dev/null");
    if (!ran) return ran.error();
    if (ran->status == exit_usage) return refused(*ran);
    const double took = std::chrono::duration<double>(Clock::now() - began).count();
    if (took < sample_seconds && parts > 1) {
      const double larger = std::clamp(2 * sample_seconds / took, 2.0, 10.0);
      parts = std::max<std::uint64_t>(static_cast<std::uint64_t>(static_cast<double>(parts) / larger), 1);
      continue;
    }
    const double all = took * static_cast<double>(parts);
    const double units = std::min(all / seconds_per_unit + 1, static_cast<double>(sweep_units_max));
    return std::min(static_cast<std::uint64_t>(units), *runs);
  }
}

}  // namespace ringside::tools
