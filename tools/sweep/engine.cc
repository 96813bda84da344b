// Starts the program that distributes the units, in a session of its own, so that all of it can be ended: by
// a signal to the sweep, and also when the sweep is killed.
#include "tools/sweep/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "emu/host/launch.h"
#include "tools/out_file.h"
#include "tools/shell.h"

namespace ringside::tools {

namespace {

/// Slurm's default MaxArraySize is 1001. A task of an array does every N-th unit.
constexpr std::size_t slurm_tasks_max = 1000;

/// Prints an empty line each second, until it has no reader, because the sweep was killed; then ends the
/// engine.
constexpr char watcher_script[] = R"(
(trap '' PIPE; while echo; do sleep 1 >/dev/null; done 2>/dev/null; kill -TERM -$$) &
watcher=$!
trap 'kill "$watcher"' EXIT
)";
/// $todo has the names of the units, one a line; $program does one.
constexpr char local_script[] =
    R"([ "$jobs" -gt 0 ] || jobs=$(nproc); xargs -P "$jobs" -I UNIT sh -c 'eval "$program $1" || :' sh UNIT <"$todo")";
constexpr char parallel_script[] =
    R"(parallel --will-cite --retries 3 -S "$where" --workdir "$PWD" -a "$todo" "$program {}")";
/// The tasks' output goes to files, so the units' files tell which units are done.
constexpr char slurm_script[] = R"SH(
job=$(sbatch --parsable --partition="$where" --array="1-$tasks" --job-name=ringside --output="$sweep/slurm-%a.log" \
  --wrap "for unit in \$(awk -v n=$tasks -v t=\$SLURM_ARRAY_TASK_ID 'NR % n == t % n' \"\$todo\"); do $program \$unit || :; done") || exit 3
job=${job%%;*}
trap 'scancel "$job"; exit 143' TERM INT HUP
done_units() { ls "$sweep" | sed -n 's/^unit-\(.*\)\.jsonl$/unit \1/p'; }
while [ -n "$(squeue -h -j "$job" 2>/dev/null)" ]; do done_units; sleep 1; done
done_units
cat "$sweep"/slurm-*.log | grep -v '^unit ' | sort -u | head -n 20
rm -f "$sweep"/slurm-*.log)SH";

std::string setting(const char* name, const std::string& value) {
  return fmt::format("{}={}; export {}\n", name, shell_word(value), name);
}

const char* script_of(SweepEngine::Kind kind) {
  switch (kind) {
    case SweepEngine::Kind::local:
      return local_script;
    case SweepEngine::Kind::parallel:
      return parallel_script;
    case SweepEngine::Kind::slurm:
      return slurm_script;
    case SweepEngine::Kind::list:
      break;
  }
  return "";
}

/// The program that an engine needs, and its Debian package.
std::pair<const char*, const char*> needed_by(SweepEngine::Kind kind) {
  switch (kind) {
    case SweepEngine::Kind::parallel:
      return {"parallel", "parallel"};
    case SweepEngine::Kind::slurm:
      return {"sbatch", "slurm-client"};
    case SweepEngine::Kind::local:
    case SweepEngine::Kind::list:
      break;
  }
  return {"xargs", "findutils"};
}

// A signal handler can only reach globals.
volatile std::sig_atomic_t engine_group = 0;
volatile std::sig_atomic_t ended_by = 0;

void end_engine(int number) {
  ended_by = number;
  if (engine_group > 0) ::kill(-engine_group, SIGTERM);
}

/// During its lifetime a signal ends the engine, whose output then ends, too. An ignored one stays ignored.
class EngineSignals {
 public:
  EngineSignals() {
    ended_by = 0;
    for (std::size_t at = 0; at < numbers.size(); ++at) {
      struct sigaction caught {};
      caught.sa_handler = end_engine;
      caught.sa_flags = static_cast<int>(SA_RESTART);
      sigaction(numbers[at], nullptr, &before_[at]);
      if (before_[at].sa_handler != SIG_IGN) sigaction(numbers[at], &caught, nullptr);
    }
  }
  ~EngineSignals() {
    for (std::size_t at = 0; at < numbers.size(); ++at) sigaction(numbers[at], &before_[at], nullptr);
    engine_group = 0;
  }
  EngineSignals(const EngineSignals&) = delete;
  EngineSignals& operator=(const EngineSignals&) = delete;

 private:
  static constexpr std::array numbers{SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, numbers.size()> before_{};
};

}  // namespace

Result<SweepEngine> SweepEngine::in(const std::string& text, unsigned jobs) {
  const std::size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  const std::string where = colon == std::string::npos ? "" : text.substr(colon + 1);
  SweepEngine engine{.kind = Kind::local, .where = where, .jobs = jobs};
  if (name == "parallel" && !where.empty())
    engine.kind = Kind::parallel;
  else if (name == "slurm" && !where.empty())
    engine.kind = Kind::slurm;
  else if (text == "list")
    engine.kind = Kind::list;
  else if (text != "local")
    return Error{EINVAL, "cannot sweep", "--on " + text, "there is no such engine",
                 "local, parallel:HOST,HOST, slurm:PARTITION or list"};
  const auto [program, package] = needed_by(engine.kind);
  if (find_program(program).empty())
    return Error{ENOENT, "cannot sweep", "--on " + text, fmt::format("{} is not installed", program),
                 fmt::format("apt-get install {}", package)};
  return engine;
}

Result<int> do_units(const SweepEngine& engine, const std::string& sweep,
                     const std::vector<std::string>& units, bool last_try,
                     const std::function<bool(const std::string& line)>& line) {
  std::error_code problem;
  const std::string folder = std::filesystem::absolute(sweep, problem).string();
  const std::string todo = folder + "/todo";
  if (auto written = write_file("cannot sweep", todo, fmt::format("{}\n", fmt::join(units, "\n"))); !written)
    return written.error();
  const std::string program = fmt::format("{} sweep --dir {} {}--unit", shell_word(own_program()),
                                          shell_word(folder), last_try ? "--last-try " : "");
  const std::string script = setting("jobs", std::to_string(engine.jobs)) + setting("where", engine.where) +
                             setting("todo", todo) + setting("sweep", folder) +
                             setting("tasks", std::to_string(std::min(units.size(), slurm_tasks_max))) +
                             setting("program", program) + script_of(engine.kind) + "\n";
  std::fflush(stdout);
  const std::string command =
      "exec setsid sh -c " +
      shell_word(std::string("exec </dev/null 2>&1\necho $$\n") + watcher_script + script);
  const EngineSignals signals;
  std::FILE* output = ::popen(command.c_str(), "r");
  if (output == nullptr)
    return Error{errno, "cannot sweep", "/bin/sh", std::generic_category().message(errno), ""};
  char text[4096];
  if (std::fgets(text, sizeof text, output) != nullptr) engine_group = std::atoi(text);
  if (ended_by != 0) end_engine(ended_by);  // it came before the engine was known
  bool goes_on = true;
  while (std::fgets(text, sizeof text, output) != nullptr) {
    std::string said(text);
    while (said.ends_with('\n')) said.pop_back();
    if (said.empty() || !goes_on || line(said)) continue;
    goes_on = false;
    ::kill(-engine_group, SIGTERM);
  }
  ::pclose(output);
  std::filesystem::remove(todo, problem);
  return static_cast<int>(ended_by);
}

}  // namespace ringside::tools
