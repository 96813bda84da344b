// The subcommand `bench`: its options, the parts that it runs, and the output of its report.
#include "tools/bench/bench.h"

#include <cerrno>
#include <cstdio>
#include <iterator>
#include <optional>

#include "emu/host/domain_words.h"
#include "tools/command.h"
#include "tools/out_file.h"

namespace ringside::tools {

namespace {

struct BenchOptions {
  std::string only;
  std::size_t rounds = bench::BenchLimits().rounds;
  bool quick = false;
  bool json = false;
  std::string log;
  std::string act;  ///< hidden option: this process is the program at the end of a path
  std::uint64_t bytes = 0;
};

using Measure = Result<std::vector<bench::Table>> (*)(const bench::BenchLimits&, const bench::Interruption&);

struct Part {
  const char* name;
  Measure measure;
};
constexpr Part parts[] = {
    {"ring", bench::measure_ring}, {"path", bench::measure_path}, {"script", bench::measure_script}};

bench::BenchLimits limits_of(const BenchOptions& options) {
  bench::BenchLimits limits;
  limits.rounds = options.rounds;
  if (options.quick) {
    limits.rounds = std::min<std::size_t>(options.rounds, 2);
    limits.sample_seconds = 0.002;
    limits.path_bytes_max = 128u << 10;
  }
  return limits;
}

int run_bench(const BenchOptions& options) {
  if (!options.act.empty()) return bench::act_program(options.act, options.bytes);
  bench::Context context = bench::context_of_this_run();
  const bench::BenchLimits limits = limits_of(options);
  context.rounds = limits.rounds;
  // The log is opened before the measurement, which takes a minute, so that a wrong path fails at once.
  std::optional<OutFile> log;
  if (!options.log.empty()) {
    auto opened = OutFile::append(options.log);
    if (!opened) return failed(opened.error());
    log = std::move(*opened);
  }
  std::vector<bench::Table> tables;
  {
    const bench::Interruption interruption;
    for (const Part& part : parts) {
      if (!options.only.empty() && options.only != part.name) continue;
      auto measured = part.measure(limits, interruption);
      if (!measured) {
        failed(measured.error());
        return measured.error().code == EINTR ? status_of_signal_0 + interruption.signal()
                                              : exit_could_not_run;
      }
      std::move(measured->begin(), measured->end(), std::back_inserter(tables));
    }
  }
  const std::string line = bench::as_json(context, tables);
  if (log) {
    log->write(line + "\n");
    if (auto written = log->close(); !written) return failed(written.error());
  }
  const std::string shown = options.json ? line + "\n" : bench::as_text(context, tables);
  std::fwrite(shown.data(), 1, shown.size(), stdout);
  return exit_good;
}

}  // namespace

void add_bench_command(Command app, Session& session) {
  Command command =
      app.add_subcommand("bench", "Measure the ring and the whole path, side by side with alternatives");
  command.footer(
      "ring: 64-byte control messages and their answers between two processes, compared with a pipe, a unix\n"
      "      socket and boost::interprocess::message_queue; on two CPUs, on one, and on any\n"
      "path: bytes through console client, xend, xcs, ring, guest and pty, compared with two socats over\n"
      "      the same kind of pty\n"
      "script: scenarios in simulation, with 1 to 1000 domains; entries are those of the journal\n\n"
      "Compare only ratios, and only within one run. Takes less than two minutes.\n"
      "Examples:\n"
      "  ringside bench\n"
      "  ringside bench --only ring --rounds 21\n"
      "  ringside bench --log test/benchmarks.jsonl        appends one line");
  const auto options = std::make_shared<BenchOptions>();
  command.add_option("--only", options->only, "One part only").one_of({"ring", "path", "script"});
  command
      .add_option("--rounds", options->rounds, "Rounds, at least 1; the results of fewer than 11 are inexact")
      .range(1, 1000)
      .show_default();
  command.add_flag("--quick", options->quick,
                   "A few tiny rounds: test that everything runs, without useful figures");
  command.add_flag("--json", options->json, "Print one JSON line");
  command.add_option("--log", options->log, "Append the JSON line to this file").type_name("FILE");
  command.add_option("--act", options->act).hidden();
  command.add_option("--bytes", options->bytes).hidden();
  command.callback([&session, options] { session.run = [options] { return run_bench(*options); }; });
}

}  // namespace ringside::tools
