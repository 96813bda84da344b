// One unit of a sweep: its part of the command is run, and its results are kept whole or not at all. Of the
// runs of a scenario that have passed only the number is kept, so that a merge reads little.
#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "emu/trace/quote.h"
#include "tools/command.h"
#include "tools/out_file.h"
#include "tools/run/script_files.h"
#include "tools/shell.h"
#include "tools/sweep/plan.h"

namespace ringside::tools {

namespace files = std::filesystem;

namespace {

Error no_unit(const std::string& unit, const std::string& why, const std::string& advice) {
  return {EIO, "cannot do a unit", unit, why, advice};
}

/// Refuses another program or other files, whose results would not belong to this sweep.
Result<> check_same(const SweepPlan& plan, const std::string& unit) {
  std::error_code problem;
  files::current_path(plan.folder, problem);
  if (problem)
    return no_unit(unit, fmt::format("{}: {}", plan.folder, problem.message()),
                   "a sweep's machines share its folders");
  auto here = SweepPlan::of(plan.command);
  if (!here) return here.error();
  if (here->version != plan.version)
    return no_unit(
        unit, fmt::format("this is ringside {}, and the sweep was begun by {}", here->version, plan.version),
        "use the same version everywhere, or begin the sweep again");
  if (here->id != plan.id)
    return no_unit(unit, "the files of the command have changed since the sweep was begun",
                   "restore them, or begin the sweep again");
  return Done{};
}

constexpr std::string_view work_prefix = ".work-";

/// The folder in which the unit's results are written. It is inside the sweep's folder, so that remove_work()
/// finds what a killed process left.
class WorkFolder {
 public:
  WorkFolder(const std::string& sweep, const std::string& unit) {
    std::error_code problem;
    const std::string name = fmt::format("{}{}-{:08x}", work_prefix, unit, std::random_device{}());
    path_ = (files::absolute(sweep, problem) / name).string();
    files::create_directories(path_, problem);
  }
  ~WorkFolder() {
    std::error_code problem;
    files::remove_all(path_, problem);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

bool has(const std::string& line, std::string_view what) {
  return line.find(what) != std::string::npos;
}

/// The fields that name the scenario of a run that has passed without a warning: `"name":...,"file":...`.
/// Empty for any other result.
std::string passed_scenario(const std::string& line) {
  const std::size_t end = line.find(R"(,"line":)");
  if (end == std::string::npos || !line.starts_with(R"({"name":)") || !has(line, R"("outcome":"passed")") ||
      !has(line, R"("warnings":"")"))
    return "";
  return line.substr(1, end - 1);
}

/// What the unit's results say of it: whether each line is one, and whether a run could not be made.
struct UnitLook {
  std::map<std::string, std::uint64_t> passed;  ///< runs by passed_scenario()
  std::uint64_t others = 0;
  bool whole = true;
  bool could_not = false;
};

UnitLook look_at(const std::string& path) {
  UnitLook look;
  std::ifstream file(path, std::ios::binary);
  for (std::string line; std::getline(file, line);) {
    // The last line has an end, too. The merge reads them as JSON.
    if (!line.starts_with('{') || !line.ends_with('}') || file.eof()) look.whole = false;
    if (has(line, R"("outcome":"could not run")")) look.could_not = true;
    if (const std::string scenario = passed_scenario(line); !scenario.empty()) {
      ++look.passed[scenario];
    } else {
      ++look.others;
    }
  }
  return look;
}

/// The line of its output that says why it ended: the last one; of a command line that was refused, the
/// first.
std::string told_line(const ShellOutput& ran) {
  const std::size_t end = ran.text.find_last_not_of('\n');
  if (end == std::string::npos) return "";
  if (ran.status == exit_usage) return ran.text.substr(0, ran.text.find('\n'));
  const std::size_t line = ran.text.rfind('\n', end) + 1;
  return ran.text.substr(line, end + 1 - line);
}

}  // namespace

std::string unit_file(const std::string& sweep, const std::string& unit) {
  return (files::path(sweep) / fmt::format("unit-{}.jsonl", unit)).string();
}

void remove_work(const std::string& sweep) {
  std::error_code problem;
  for (const auto& each : files::directory_iterator(sweep, problem)) {
    if (each.path().filename().string().starts_with(work_prefix)) files::remove_all(each.path(), problem);
  }
}

Result<> do_unit(const std::string& sweep, const SweepPlan& plan, const std::string& unit, bool last_try) {
  std::error_code problem;
  const auto its = SweepUnit::named(unit, plan.units);
  if (!its) return no_unit(unit, fmt::format("there are {} units", plan.units), "");
  const std::string path = files::absolute(unit_file(sweep, unit), problem).string();
  if (files::exists(path, problem)) return Done{};
  if (auto same = check_same(plan, unit); !same) return same;
  const WorkFolder work(sweep, unit);
  const std::string results = work.path() + "/results";
  auto ran =
      run_shell(fmt::format("{} >{}", plan.shell_command(*its, work.path() + "/out"), shell_word(results)));
  if (!ran) return ran.error();
  const UnitLook look = look_at(results);
  const bool good = ran->status == exit_good || ran->status == exit_does_not_parse ||
                    ran->status == exit_expectation_failed ||
                    (ran->status == exit_could_not_run && look.could_not && last_try);
  if (look.whole && look.could_not && !good)
    return no_unit(unit, "one of its runs could not be made", "it is tried again");
  if (!good || !look.whole) {
    return no_unit(unit, fmt::format("status {}: {}", ran->status, told_line(*ran)), "");
  }
  // Two machines may do the same unit at the same time: each writes a file of its own, and renames it.
  auto beside = OutFile::open(path);
  if (!beside) return beside.error();
  beside->write(fmt::format("{{\"sweep\":{},\"unit\":{},\"of\":{},\"lines\":{}}}\n",
                            trace::json_text(plan.id), trace::json_text(unit), plan.units,
                            look.passed.size() + look.others));
  for (const auto& [scenario, runs] : look.passed)
    beside->write(fmt::format("{{{},\"outcome\":\"passed\",\"runs\":{}}}\n", scenario, runs));
  std::ifstream file(results, std::ios::binary);
  for (std::string line; std::getline(file, line);) {
    if (passed_scenario(line).empty()) beside->write(line + "\n");
  }
  return beside->close();
}

}  // namespace ringside::tools
