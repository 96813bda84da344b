// The subcommand `chaos`: runs thousands of simulated machines with faults and checks that nothing was lost.
#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <sstream>

#include "emu/host/domain_words.h"
#include "tools/chaos/trial.h"
#include "tools/command.h"
#include "tools/machine/builder.h"
#include "tools/out_file.h"
#include "tools/run/interruption.h"
#include "tools/run/real_stage.h"

namespace ringside::tools {

namespace {

struct ChaosOptions {
  std::uint64_t seed = 1;
  std::uint64_t count = 1000;
  double seconds = 0;
  std::size_t length = chaos::steps_usual;
  std::size_t tries = 2000;
  bool list = false;
  std::string journal;
  std::string mode = "sim";
  script::Dom0 dom0 = script::Dom0::xcs_xend;
  Answer answer = Answer::xend;

  [[nodiscard]] chaos::TrialOptions trial() const { return {.dom0 = dom0, .answer = answer}; }
};

std::uint64_t seed_at_work = 0;

/// Prints the seed when a failed check aborts the process.
void name_seed(int signal) {
  std::fputs(fmt::format("chaos: seed {} ended the program: ringside chaos --seed {} --count 1\n",
                         seed_at_work, seed_at_work)
                 .c_str(),
             stderr);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void print(const chaos::Plan& plan, const ChaosOptions& options) {
  for (const chaos::PlanStep& each : plan) std::puts(("  " + text_of(each, options.dom0)).c_str());
}

bool has_xcs(const ChaosOptions& options) {
  return options.dom0 == script::Dom0::xcs_xend;
}
const char* controller_of(const ChaosOptions& options) {
  return has_xcs(options) ? "xcs" : name_of(script::console_keeper(options.dom0));
}

/// Writes the journal of a run of `plan`.
Result<> write_chaos_journal(trace::Journaled& journal, std::uint64_t seed, const chaos::Plan& plan,
                             const ChaosOptions& options) {
  trace::JournalScenario steps;
  steps.name = "chaos";
  steps.title = fmt::format("seed {}", seed);
  for (const chaos::PlanStep& each : plan) steps.lines.push_back(text_of(each, options.dom0));
  journal.header = {.made_by = "ringside " RINGSIDE_VERSION,
                    .mode = options.mode,
                    .controller = controller_of(options),
                    .answer = has_xcs(options) ? std::string(name_of(options.answer)) : "",
                    .seed = seed,
                    .scenario = std::move(steps)};
  if (!journal.steps.empty()) {
    const auto origin = journal.steps.front().entry.time_ns;
    for (trace::JournalStep& each : journal.steps) each.entry.time_ns -= origin;
  }
  std::ostringstream text;
  trace::write_journal(text, journal);
  return write_file("cannot write the journal", options.journal, text.str());
}

std::string command_again(const ChaosOptions& options, std::uint64_t seed) {
  std::string command = fmt::format("ringside chaos --seed {} --count 1", seed);
  if (options.length != chaos::steps_usual) command += fmt::format(" --length {}", options.length);
  if (options.mode != "sim") command += " --mode " + options.mode;
  if (!has_xcs(options)) command += fmt::format(" --dom0 {}", controller_of(options));
  if (options.answer == Answer::xcs) command += " --answer xcs";
  return command;
}

/// Reports a failure between processes. A repetition may behave differently, so the list is not shortened.
void report_real(const ChaosOptions& options, std::uint64_t seed, const chaos::Plan& plan,
                 const chaos::Outcome& outcome) {
  std::puts(fmt::format("FAIL seed {}, between processes: {}", seed, outcome.mistake).c_str());
  print(plan, options);
  for (const std::string& line : outcome.warnings) std::puts(line.c_str());
  std::puts(fmt::format("again (may behave differently): {}", command_again(options, seed)).c_str());
}

/// Reports a failure, and returns the shortest list of steps found that still fails.
chaos::Plan report(const ChaosOptions& options, std::uint64_t seed, const chaos::Plan& plan,
                   const std::string& mistake) {
  std::puts(fmt::format("FAIL seed {}: {}", seed, mistake).c_str());
  chaos::Plan small = chaos::shrunk(seed, plan, options.trial(), options.tries);
  std::puts(fmt::format("{} of its {} steps are enough:", small.size(), plan.size()).c_str());
  print(small, options);
  std::puts(fmt::format("then: {}", chaos::carry_out(seed, small, options.trial()).mistake).c_str());
  std::puts(fmt::format("again: {}", command_again(options, seed)).c_str());
  return small;
}

int chaos_command(const ChaosOptions& options) {
  if (!has_xcs(options) && options.answer == Answer::xcs) {
    return failed({EINVAL, "cannot run machines", "--answer xcs",
                   fmt::format("with {} there is no xcs", controller_of(options)),
                   "leave out --answer xcs or --dom0"});
  }
  std::signal(SIGABRT, name_seed);
  const auto began = std::chrono::steady_clock::now();
  const auto taken = [began] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  };
  const RunInterruption interruption;
  chaos::MakeStage make;
  if (options.mode == "real") {
    make = [](script::StagePlan plan) {
      return std::make_unique<RealStage>(std::move(plan), [] { return RunInterruption::signal() != 0; });
    };
  }
  std::uint64_t runs = 0;
  std::uint64_t steps_done = 0;
  std::uint64_t bytes = 0;
  chaos::Plan plan;
  trace::Journaled journal;
  bool found = false;
  while (!found && runs < options.count && (options.seconds == 0 || taken() < options.seconds) &&
         RunInterruption::signal() == 0) {
    seed_at_work = options.seed + runs++;
    plan = chaos::plan_of(seed_at_work, options.length);
    if (options.list) {
      std::puts(fmt::format("seed {}", seed_at_work).c_str());
      print(plan, options);
      continue;
    }
    journal = {};
    chaos::TrialOptions trial = options.trial();
    trial.journal = options.journal.empty() ? nullptr : &journal;
    trial.make = make;
    const chaos::Outcome outcome = chaos::carry_out(seed_at_work, plan, trial);
    if (make && RunInterruption::signal() != 0) break;
    if (outcome.obstacle) return failed(*outcome.obstacle);
    steps_done += outcome.steps_done;
    bytes += outcome.bytes;
    found = !outcome.mistake.empty();
    if (!found) continue;
    if (make) {
      report_real(options, seed_at_work, plan, outcome);
    } else {
      plan = report(options, seed_at_work, plan, outcome.mistake);
      journal = {};
      trial = options.trial();
      trial.journal = &journal;
      (void)chaos::carry_out(seed_at_work, plan, trial);
    }
  }
  if (!options.journal.empty()) {
    if (auto written = write_chaos_journal(journal, seed_at_work, plan, options); !written)
      return failed(written.error());
  }
  if (found) return exit_expectation_failed;
  const int signal = RunInterruption::signal();
  const int status = signal == 0 ? exit_good : status_of_signal_0 + signal;
  if (options.list) return status;
  const std::string interrupted =
      signal == 0 ? "" : fmt::format("interrupted by {} after ", trace::signal_name(signal));
  if (runs == 0) {
    std::puts((interrupted + "no run").c_str());
    return status;
  }
  std::puts(
      fmt::format(
          "{}{} runs, seeds {} to {}: {} steps, {} bytes, nothing lost; {:.1f} s, {:.0f} steps a second",
          interrupted, runs, options.seed, options.seed + runs - 1, steps_done, bytes, taken(),
          static_cast<double>(steps_done) / taken())
          .c_str());
  return status;
}

constexpr char chaos_help[] =
    "Simulated machines, each with a list of work and faults drawn from its seed: daemons are killed,\n"
    "stopped and started; domains are created, suspended, killed and destroyed; viewers leave, close only\n"
    "their sending side, or do not read; events are lost, late and doubled; other clients use xcs's\n"
    "socket; descriptors run out, the disk is full, the clock jumps. At the end of a run each byte must\n"
    "have arrived, or be counted as lost, and no daemon may keep data of a domain or viewer that is gone.\n"
    "The first machine that fails this ends the command, with a short list of steps that still fails.\n"
    "SIGINT, SIGTERM and SIGHUP end the command after the present run, with a summary; the same signal\n"
    "again ends it at once.\n"
    "Exit status: 0 no byte was lost, 1 usage, 3 a machine could not run, 4 a byte was lost; 128 + the\n"
    "number of the signal that ended it.\n"
    "Examples:\n"
    "  ringside chaos                              1000 machines\n"
    "  ringside chaos --seed 1 --seconds 3600 --count 1000000000\n"
    "  ringside chaos --seed 17 --count 1 --list   the steps of seed 17\n"
    "  ringside chaos --length 500 --count 100     longer runs\n"
    "  ringside chaos --mode real --count 10       machines of processes\n"
    "  ringside chaos --dom0 xenctld               machines whose consoles are ptys\n"
    "  ringside chaos --dom0 xenconsoled           machines of today\n"
    "  ringside chaos --answer xcs                 xcs answers early\n"
    "  ringside chaos --seed 17 --count 1 --journal 17.jsonl && ringside view 17.jsonl --html 17.html";

}  // namespace

void add_chaos_command(Command app, Session& session) {
  Command command = app.add_subcommand(
      "chaos", "Run simulated machines with random faults, and check that nothing is lost");
  command.footer(chaos_help);
  const auto options = std::make_shared<ChaosOptions>();
  // The limit keeps the last seed within 64 bits.
  constexpr std::uint64_t seeds_max = std::uint64_t{1} << 62;
  command.add_option("--seed", options->seed, "The first seed")
      .range<std::uint64_t>(0, seeds_max)
      .show_default();
  command.add_option("--count", options->count, "How many seeds")
      .range<std::uint64_t>(1, seeds_max)
      .show_default();
  command
      .add_option("--seconds", options->seconds,
                  "Start no new run after this many seconds of real time (0: no limit)")
      .range(0.0, 86400.0 * 365)
      .show_default();
  command.add_option("--length", options->length, "Steps of each run")
      .range<std::size_t>(2, 100'000)
      .show_default();
  command
      .add_option("--tries", options->tries, "The most runs to spend on shortening a failure's list of steps")
      .range<std::size_t>(0, 1'000'000)
      .show_default();
  command.add_option("--mode", options->mode, "Run in the simulation (sim) or with processes (real)")
      .one_of({"sim", "real"})
      .show_default();
  command.add_choice(
      "--dom0", options->dom0,
      {{"xcs", script::Dom0::xcs_xend},
       {"xenctld", script::Dom0::xenctld},
       {"xenconsoled", script::Dom0::xenconsoled}},
      "What serves the consoles: xcs, with xend behind it (default), xenctld, with a pty for each domain, or "
      "today's xenconsoled");
  add_answer(command, options->answer);
  command.add_flag("--list", options->list, "Run nothing: print the steps");
  command
      .add_option("--journal", options->journal,
                  "Write the journal of the last run, or of a failure's short list, to this file")
      .type_name("FILE");
  command.callback([&session, options] { session.run = [options] { return chaos_command(*options); }; });
}

}  // namespace ringside::tools
