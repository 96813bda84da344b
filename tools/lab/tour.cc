// The command tour: steps that each explain something and run a command. Plain lines only, without cursor
// movement or colour, so that a screen reader and a small terminal show all. The next step is kept in a file.
#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include "emu/host/domain_words.h"
#include "tools/command.h"
#include "tools/lab/catalog.h"
#include "tools/out_file.h"
#include "tools/record.h"
#include "tools/run/interruption.h"
#include "tools/shell.h"

namespace ringside::tools {

namespace {

namespace fs = std::filesystem;

constexpr const char* cannot_tour = "cannot continue the tour";

/// Where the next step is kept: $XDG_STATE_HOME/ringside/tour, or in ~/.local/state. Empty without a home.
std::string tour_state_path() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return std::string(state) + "/ringside/tour";
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return std::string(home) + "/.local/state/ringside/tour";
  return "";
}

/// 1 if nothing is kept.
Result<std::size_t> kept_step(std::size_t steps) {
  const std::string path = tour_state_path();
  std::error_code ignored;
  if (path.empty() || !fs::exists(path, ignored)) return std::size_t{1};
  auto state = Record::read(cannot_tour, path);
  if (!state) return state.error();
  const std::size_t step = state->number("step");
  if (step >= 1 && step <= steps) return step;
  return Error{EINVAL, cannot_tour, path, "it names no step", "remove it, or begin with --step 1"};
}

/// After the last step nothing is kept: the next tour begins at 1.
Result<> keep_step(std::size_t step, std::size_t steps) {
  const std::string path = tour_state_path();
  if (path.empty()) return Done{};
  std::error_code problem;
  if (step > steps) {
    fs::remove(path, problem);
    return Done{};
  }
  fs::create_directories(fs::path(path).parent_path(), problem);
  Record state;
  state.set("step", step);
  return write_file("cannot keep the place in the tour", path, state.text());
}

/// Shows a step. Returns the exit status of an interrupted one, otherwise exit_good. The folder lives only
/// while the command runs, so that a tour that is killed at its prompt leaves nothing.
int show_step(const TourStep& step, std::size_t number, std::size_t steps) {
  fmt::print("\nStep {} of {}: {}\n{}\n$ {}\n", number, steps, step.title, step.text, step.command);
  auto folder = ShellFolder::make();
  if (!folder) return failed(folder.error());
  for (const StartingFile& file : tour_files()) {
    if (auto written = write_file(cannot_tour, folder->path() + "/" + file.name, file.text); !written)
      return failed(written.error());
  }
  const RunInterruption interruption;
  auto output =
      run_shell(folder->settings() + "cd " + shell_word(folder->path()) + "\n" + step.command,
                [](std::string_view line) {
                  // A guest's terminal ends its lines with CR LF.
                  const bool returns = line.ends_with("\r\n");
                  fmt::print("{}{}", line.substr(0, line.size() - (returns ? 2 : 0)), returns ? "\n" : "");
                  std::fflush(stdout);
                });
  if (RunInterruption::signal() != 0) return status_of_signal_0 + RunInterruption::signal();
  if (!output) return failed(output.error());
  if (output->status != 0)
    fmt::print("(The command ended with status {}; the other steps do not need it.)\n", output->status);
  return exit_good;
}

/// Waits for a line. False: leave, after q or at the end of stdin.
bool wants_more(std::size_t next) {
  fmt::print("\nEnter: step {}. q and Enter: leave.\n", next);
  std::fflush(stdout);
  std::string line;
  return std::getline(std::cin, line) && !line.starts_with('q');
}

int tour(std::size_t first) {
  const std::vector<TourStep> steps = tour_steps();
  if (first == 0) {
    auto kept = kept_step(steps.size());
    if (!kept) return failed(kept.error());
    first = *kept;
    if (first > 1) fmt::print("Continues where you left. ringside tour --step 1 begins again.\n");
  }
  if (first > steps.size())
    return failed({ENOENT, cannot_tour, std::to_string(first), fmt::format("it has {} steps", steps.size()),
                   "ringside tour --list"});
  for (std::size_t number = first; number <= steps.size(); ++number) {
    if (const int status = show_step(steps[number - 1], number, steps.size()); status != exit_good)
      return status;
    if (auto kept = keep_step(number + 1, steps.size()); !kept) return failed(kept.error());
    if (number == steps.size()) break;
    if (!wants_more(number + 1)) {
      fmt::print("ringside tour --step {} goes on from here{}.\n", number + 1,
                 tour_state_path().empty() ? "" : ", and so does ringside tour");
      return exit_good;
    }
  }
  fmt::print("\nThat was the tour. Next: ringside lab list\n");
  return exit_good;
}

int list_steps() {
  std::size_t number = 0;
  for (const TourStep& step : tour_steps()) fmt::print("{}  {}\n", ++number, step.title);
  return exit_good;
}

struct TourRequest {
  std::uint32_t step = 0;
  bool list = false;
};

}  // namespace

void add_tour_command(Command app, Session& session) {
  Command command = app.add_subcommand("tour", "A tour of ten minutes: each step runs something");
  command.footer(
      "Each step prints plain lines and waits for Enter. It can be left with q, and continues there later.\n"
      "Examples:\n"
      "  ringside tour              begins, or continues where you left\n"
      "  ringside tour --step 1     begins again\n"
      "  ringside tour --list");
  const auto request = std::make_shared<TourRequest>();
  command.add_option("--step", request->step, "Begin with this step").range(1u, 99u);
  command.add_flag("--list", request->list, "List the steps");
  command.callback([&session, request] {
    session.run = [request] { return request->list ? list_steps() : tour(request->step); };
  });
}

}  // namespace ringside::tools
