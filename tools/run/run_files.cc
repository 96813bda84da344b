// Writes the files of runs.
#include "tools/run/run_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <sstream>

#include "emu/script/journal_of.h"
#include "emu/script/print.h"
#include "emu/trace/quote.h"
#include "tools/out_file.h"
#include "tools/view/data.h"
#include "tools/view/export.h"
#include "tools/view/page.h"

namespace ringside::tools {

namespace {

constexpr std::array kept_files{"report.txt", "scenario.kept", "journal.jsonl", "page.html",
                                "capture.pcapng"};

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// FNV-1a
std::uint32_t hash_of(std::string_view text) {
  std::uint32_t hash = 0x811c9dc5;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193;
  return hash;
}

/// "long-input-BYTES=481,LOSS=off-seed-1". A name with replaced or cut characters gets a hash, so that it
/// stays different from other names.
std::string file_stem(const RunJob& job) {
  constexpr std::size_t name_bytes_max = 150;
  const script::Scenario& scenario = *job.scenario;
  const std::size_t values_size = scenario.values.size();
  const std::string shown = scenario.name.substr(0, scenario.name.size() - values_size);
  std::string name = shown;
  if (values_size != 0) name += "-" + scenario.values.substr(1, values_size - 2);
  // A "=" in the name itself would look like a value.
  bool changed = shown.find('=') != std::string::npos || name.size() > name_bytes_max;
  // A name with a dot in front would be a hidden file.
  if (name.starts_with('.')) {
    name.front() = '_';
    changed = true;
  }
  for (char& c : name) {
    if (is_letter_or_digit(c) || std::string_view("-_=,.").find(c) != std::string_view::npos) continue;
    c = '_';
    changed = true;
  }
  if (name.size() > name_bytes_max) name.resize(name_bytes_max);
  if (changed) name += fmt::format("-{:08x}", hash_of(scenario.name));
  const bool real = scenario.mode == script::Mode::real;
  return fmt::format("{}-seed-{}{}", name, job.seed, real ? "-real" : "");
}

/// Writes a file of a run: to the place's file, or to the run's own file in the place's folder, which it
/// creates. Returns the path.
Result<std::string> write_run_file(const char* what, const RunPlace& place, const RunJob& job,
                                   const char* suffix, const std::string& text) {
  std::string path = place.path;
  if (!place.is_file) {
    std::error_code problem;
    std::filesystem::create_directories(path, problem);
    path = (std::filesystem::path(path) / (file_stem(job) + suffix)).string();
  }
  if (auto written = write_file(what, path, text); !written) return written.error();
  return path;
}

std::string journal_text(const trace::Journaled& journal) {
  std::ostringstream text;
  trace::write_journal(text, journal);
  return text.str();
}

std::string page_text(const RunJob& job, const trace::Journaled& journal) {
  return replay_page({run_data(journal, job.scenario->name)});
}

std::string capture_bytes(const trace::Journaled& journal) {
  std::string capture;
  write_capture(journal, trace::capture_link_type_default, [&](std::string_view part) { capture += part; });
  return capture;
}

std::filesystem::path kept_folder(const RunJob& job, const RunJobOptions& options) {
  return std::filesystem::path(options.keep_failed) / file_stem(job);
}

/// The scenario with its values and includes inserted, so that it needs no other file.
std::string scenario_text(const RunJob& job) {
  script::Scenario scenario = *job.scenario;
  scenario.setup.seeds = {job.seed, job.seed};
  scenario.setup.golden = false;  // the golden journal belongs to the original file
  return fmt::format("# As it was run by: {}\n{}", again_command(job), script::written(scenario));
}

}  // namespace

std::string as_word(const std::string& text) {
  const bool plain = !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_letter_or_digit(c) || std::string_view("._-/=,+:@%").find(c) != std::string_view::npos;
  });
  if (plain) return text;
  const bool ansi = trace::printable(text) != text;
  std::string quoted = ansi ? "$'" : "'";
  for (const char c : text) {
    if (const auto byte = static_cast<unsigned char>(c); ansi && (byte < 0x20 || byte > 0x7e))
      quoted += fmt::format("\\x{:02x}", byte);
    else if (ansi && (c == '\'' || c == '\\'))
      quoted.append(1, '\\').append(1, c);
    else
      quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return quoted + "'";
}

std::string again_command(const RunJob& job) {
  std::string text = "ringside run " + as_word(job.scenario->path);
  if (job.script->templates.size() > 1) text += " --name " + as_word(job.scenario->stem);
  for (const script::Binding& each : job.scenario->bindings) {
    if (each.in_name) text += " -p " + as_word(each.name + "=" + each.value);
  }
  if (job.scenario->mode == script::Mode::real) text += " --mode real";
  if (job.real != nullptr) text += " --mode both";
  return fmt::format("{} --seed {}", text, job.seed);
}

std::string run_page_name(const RunJob& job) {
  return file_stem(job) + ".html";
}

std::string look_command(const std::string& journal, const script::RunRecord& record) {
  script::Step step = record.state.last_step();
  if (!record.failures.empty()) {
    const script::Failure& first = record.failures.front();
    step = first.focus != 0 ? first.focus : first.step;
  }
  return fmt::format("ringside view {} --html page.html, and then page.html#step={}", as_word(journal), step);
}

trace::Journaled journal_of_job(const RunJob& job, const script::RunRecord& record) {
  trace::Journaled journal =
      script::journal_of(*job.scenario, job.script->sources, record, job.seed, "ringside " RINGSIDE_VERSION);
  if (journal.header.scenario) journal.header.scenario->again = again_command(job);
  return journal;
}

Result<std::string> write_run_journal(const RunJob& job, const RunJobOptions& options,
                                      const trace::Journaled& journal) {
  const RunPlace place = options.journal.wanted() ? options.journal : RunPlace{options.out};
  return write_run_file("cannot write a journal", place, job, ".jsonl", journal_text(journal));
}

std::string write_run_views(const RunJob& job, const RunJobOptions& options,
                            const trace::Journaled& journal) {
  std::string problems;
  const auto add_problem = [&problems](const Result<std::string>& written) {
    if (!written) problems += "ringside: " + written.error().text() + "\n";
  };
  if (options.html.wanted())
    add_problem(write_run_file("cannot write a page", options.html, job, ".html", page_text(job, journal)));
  if (options.pcap.wanted()) {
    add_problem(
        write_run_file("cannot write a capture", options.pcap, job, ".pcapng", capture_bytes(journal)));
  }
  return problems;
}

std::string kept_journal(const RunJob& job, const RunJobOptions& options) {
  return (kept_folder(job, options) / "journal.jsonl").string();
}

std::string keep_failed(const RunJob& job, const RunJobOptions& options, const script::RunRecord& record,
                        const std::string& report) {
  const std::filesystem::path folder = kept_folder(job, options);
  const trace::Journaled journal = journal_of_job(job, record);
  const bool real = job.scenario->mode == script::Mode::real;
  const std::string here =
      fmt::format("     here   ringside run scenario.kept{}\n", real ? " --mode real" : "");
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  const std::array<std::string, kept_files.size()> texts{report + here, scenario_text(job),
                                                         journal_text(journal), page_text(job, journal),
                                                         capture_bytes(journal)};
  for (std::size_t at = 0; at < kept_files.size(); ++at) {
    auto kept = write_file("cannot keep a failed run", (folder / kept_files[at]).string(), texts[at]);
    if (!kept) return "ringside: " + kept.error().text() + "\n";
  }
  return "";
}

void forget_failed(const RunJob& job, const RunJobOptions& options) {
  const std::filesystem::path folder = kept_folder(job, options);
  std::error_code ignored;
  for (const char* file : kept_files) std::filesystem::remove(folder / file, ignored);
  // Removes the folder only if it is empty.
  std::filesystem::remove(folder, ignored);
}

}  // namespace ringside::tools
