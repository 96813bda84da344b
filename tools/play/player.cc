// Checks a scenario as check-scn does, runs one of its runs as run does, and makes its page.
#include "tools/play/player.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <new>

#include "emu/host/launch.h"
#include "emu/trace/quote.h"
#include "tools/run/jobs.h"
#include "tools/run/run_files.h"
#include "tools/run/script_files.h"
#include "tools/view/data.h"
#include "tools/view/page.h"

namespace ringside::tools {

namespace {

using script::Scenario;
using script::Span;
using trace::json_text;

/// The name of a scenario that is in no file.
constexpr const char* nameless = "scenario.scn";
constexpr const char* only_real =
    "This scenario has `mode real`: it runs with processes only, and this page only simulates. Remove that "
    "line, or save the text and use: ringside run --mode real FILE";
/// A browser takes gigabytes for a longer page. The longest run of the library has 366,917 steps.
constexpr std::uint64_t page_steps_max = 500'000;
constexpr std::uint64_t seed_max = 999'999'999'999'999'999;

struct PlayerOptions {
  std::string path;
  double timeout_s = 10;
};

struct PlayRequest {
  std::string seed;
  std::string run;
  std::string text;
};

PlayRequest request_in(const std::string& all) {
  const std::size_t first = std::min(all.find('\n'), all.size());
  const std::size_t second = std::min(all.find('\n', first + 1), all.size());
  if (second == all.size()) return {};
  return {all.substr(0, first), all.substr(first + 1, second - first - 1), all.substr(second + 1)};
}

/// Reads the scenario's own text, and other files only if they are below its folder once links are followed.
script::Reader reader_of(const PlayerOptions& options, const std::string& path, const std::string& text) {
  return [&options, path, text](const std::string& asked) -> Result<std::string> {
    namespace fs = std::filesystem;
    if (asked == path) return text;
    const auto refused = [&asked](const char* why, const char* advice) {
      return Error{EACCES, "cannot read a file", asked, why, advice};
    };
    if (options.path.empty())
      return refused("this scenario is in no folder", "ringside play FILE reads files beside FILE");
    std::error_code problem;
    const fs::path folder = fs::canonical(fs::absolute(options.path, problem).parent_path(), problem);
    const fs::path file = fs::weakly_canonical(fs::absolute(asked, problem), problem);
    const fs::path inside = file.lexically_relative(folder);
    if (problem || folder.empty() || inside.empty() || *inside.begin() == ".." || inside.is_absolute())
      return refused("it is not in the folder of the scenario", "");
    return file_reader(Streams::refused)(asked);
  };
}

std::string joined(const std::vector<std::string>& objects) {
  return fmt::format("[{}]", fmt::join(objects, ","));
}

/// The errors and warnings in the order of check-scn. Those of included files have no line here.
std::string problems_in(const script::Script& read) {
  std::vector<const script::Diagnostic*> ordered;
  for (const script::Diagnostic& each : read.diagnostics.all()) ordered.push_back(&each);
  std::ranges::stable_sort(ordered, {}, [](const script::Diagnostic* each) { return each->span; });
  std::vector<std::string> objects;
  for (const script::Diagnostic* each : ordered) {
    const bool here = !each->span.nowhere() && each->span.source == 0;
    objects.push_back(fmt::format(R"({{"error":{},"line":{},"column":{},"text":{}}})",
                                  each->severity == script::Severity::error, here ? each->span.line : 0,
                                  here ? read.sources.column(each->span) : 0,
                                  json_text(each->text(read.sources))));
  }
  const std::size_t found = read.diagnostics.errors() + read.diagnostics.warnings();
  if (found > ordered.size())
    objects.push_back(fmt::format(R"({{"error":true,"line":0,"column":0,"text":"... and {} more\n"}})",
                                  found - ordered.size()));
  return joined(objects);
}

std::string failures_in(const script::Script& read, const script::RunRecord& record) {
  std::vector<std::string> objects;
  const auto add = [&](const Span& span, const std::string& text) {
    if (!span.nowhere() && span.source == 0)
      objects.push_back(fmt::format(R"({{"line":{},"column":{},"text":{}}})", span.line,
                                    read.sources.column(span), json_text(text)));
  };
  for (const script::Failure& each : record.failures) add(each.marked, script::failure_instead(each));
  if (record.outcome == script::Outcome::could_not_run) add(record.error_line, record.error.text());
  return joined(objects);
}

std::string_view outcome_word(script::Outcome outcome) {
  switch (outcome) {
    case script::Outcome::passed:
      return "passed";
    case script::Outcome::failed:
      return "failed";
    case script::Outcome::could_not_run:
      break;
  }
  return "could not run";
}

/// `why` it was not run; empty: its own text has errors.
std::string refusal(const script::Script& read, const std::string& why) {
  return fmt::format("{{\"outcome\":\"not run\",\"report\":{},\"problems\":{}}}\n", json_text(why),
                     problems_in(read));
}

std::string played(const PlayRequest& request, const PlayerOptions& options) {
  const std::string path = options.path.empty() ? nameless : options.path;
  script::Script read = script::read_script(path, reader_of(options, path, request.text));
  (void)script::check_all(read);
  if (read.diagnostics.errors() != 0) return refusal(read, "");
  const std::vector<Scenario> runs = script::runs_of(read, script::Mode::sim, {});
  if (runs.empty()) return refusal(read, only_real);
  const bool digits = std::ranges::all_of(request.seed, [](char each) { return each >= '0' && each <= '9'; });
  if (!digits || request.seed.size() > std::to_string(seed_max).size())
    return refusal(read, fmt::format("A seed is a number from 0 to {}.", seed_max));

  std::vector<std::string> names;
  for (const Scenario& each : runs) names.push_back(trace::printable(each.name));
  const auto wanted = std::ranges::find(names, request.run);
  const std::size_t at = wanted == names.end() ? 0 : static_cast<std::size_t>(wanted - names.begin());
  const Scenario& scenario = runs[at];
  const RunJob job{&read, &scenario,
                   request.seed.empty() ? scenario.setup.seeds.first : std::stoull(request.seed), nullptr};
  RunJobOptions run_options;
  run_options.timeout = std::chrono::duration<double>(options.timeout_s);
  const script::RunRecord record = perform(job, run_options).record;

  for (std::string& each : names) each = json_text(each);
  std::string notes = script::warnings_report(scenario, read.sources, record);
  if (scenario.setup.golden) notes += "golden: the run is not compared with its golden journal here\n";
  const bool has_page = record.state.steps() <= page_steps_max;
  if (!has_page)
    notes += fmt::format("There is no page of this run: it has {} steps, and a page has at most {}.\n",
                         record.state.steps(), page_steps_max);
  const script::ReportContext context{.seed = job.seed, .again = again_command(job), .journal = {}};
  std::string answer =
      fmt::format(R"({{"outcome":"{}","report":{},"problems":{},"failures":{},"notes":{},"runs":{},"at":{},)"
                  R"("seed":{},"judged":{},"time":{}}})",
                  outcome_word(record.outcome),
                  json_text(script::failure_report(scenario, read.sources, record, context)),
                  problems_in(read), failures_in(read, record), json_text(notes), joined(names), at, job.seed,
                  record.judged, json_text(script::time_text(record.ended - record.began)));
  answer += '\n';
  if (!has_page) return answer;
  return answer + replay_page({run_data(journal_of_job(job, record), scenario.name)});
}

std::string answer_to(const PlayRequest& request, const PlayerOptions& options) {
  try {
    return played(request, options);
  } catch (const std::bad_alloc&) {
    return not_played("The run needs more memory than it may have. Fewer bytes, fewer repeats?");
  }
}

int player_command(const PlayerOptions& options) {
  using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
  const File in(::fdopen(connection_descriptor, "r"), std::fclose);
  const File out(::fdopen(connection_descriptor, "w"), [](std::FILE*) { return 0; });
  if (in == nullptr || out == nullptr)
    return failed({errno, "cannot run a scenario", "", "no server has started this process",
                   "ringside play starts it"});
  std::string request;
  char piece[65536];
  while (const std::size_t count = std::fread(piece, 1, sizeof piece, in.get())) request.append(piece, count);
  const std::string answer = answer_to(request_in(request), options);
  std::fwrite(answer.data(), 1, answer.size(), out.get());
  return std::fflush(out.get()) == 0 ? exit_good : exit_could_not_run;
}

}  // namespace

std::vector<std::string> player_arguments(const std::string& path, double timeout_s) {
  return {"player", "--timeout", fmt::format("{}", timeout_s), "--", path};
}

std::string not_played(std::string_view why) {
  return fmt::format("{{\"outcome\":\"not run\",\"report\":{},\"problems\":[]}}\n", json_text(why));
}

void add_player_command(Command app, Session& session) {
  Command command = app.add_subcommand("player", "The process that runs a scenario for `ringside play`");
  command.hidden();
  const auto options = std::make_shared<PlayerOptions>();
  command.add_option("PATH", options->path, "The name of the scenario, or an empty word");
  command.add_option("--timeout", options->timeout_s, "Seconds that the run may take");
  command.callback([&session, options] { session.run = [options] { return player_command(*options); }; });
}

}  // namespace ringside::tools
