// Runs the checks of a lab, and makes and verifies results.
#include "tools/lab/grade.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>

#include "tools/in_file.h"
#include "tools/options.h"
#include "tools/out_file.h"
#include "tools/run/interruption.h"
#include "tools/shell.h"

namespace ringside::tools {

namespace {

namespace fs = std::filesystem;

constexpr const char* cannot_grade = "cannot check a lab";
constexpr std::uint64_t handed_in_bytes_max = 1 << 20;
/// Ends checks that hang; a check takes seconds.
constexpr int check_limit_s = 900;
constexpr int status_wrong = 1;
constexpr int status_timeout = 124;
constexpr const char* digest_name = "digest";

/// The SHA-256 digest of a text.
Result<std::string> digest_of(const std::string& text) {
  auto folder = ShellFolder::make();
  if (!folder) return folder.error();
  const std::string path = folder->path() + "/text";
  if (auto written = write_file("cannot make a digest", path, text); !written) return written.error();
  auto output = run_shell("sha256sum <" + shell_word(path));
  if (!output) return output.error();
  const std::string digest = output->text.substr(0, output->text.find(' '));
  if (output->status != 0 || digest.size() != 64)
    return Error{ENOENT, "cannot make a digest", "sha256sum", output->text, "install coreutils"};
  return digest;
}

Result<> copy_files(const Lab& lab, const std::string& from, const std::string& to) {
  for (const std::string& name : lab.handed_in) {
    const std::string path = fmt::format("{}/{}", from, name);
    std::error_code problem;
    // The check that needs it reports that it is missing.
    if (!fs::exists(path, problem)) continue;
    if (auto checked = check_input(cannot_grade, path, handed_in_bytes_max, Streams::refused); !checked)
      return checked.error();
    if (!fs::copy_file(path, fmt::format("{}/{}", to, name), problem))
      return Error{problem.value(), cannot_grade, path, problem.message(), ""};
  }
  return Done{};
}

/// The scripts of the lab, and what they need of the environment.
Result<std::string> prepare(const Lab& lab, const std::string& student, std::uint32_t number,
                            const ShellFolder& folder) {
  std::error_code problem;
  fs::create_directory(folder.path() + "/lab", problem);
  fs::create_directory(folder.path() + "/work", problem);
  if (problem) return Error{problem.value(), cannot_grade, folder.path(), problem.message(), ""};
  for (const StartingFile& file : files_of_checks(lab)) {
    const std::string path = folder.path() + "/lab/" + file.name;
    if (auto written = write_file(cannot_grade, path, with_values(file.text, lab, number)); !written)
      return written.error();
  }
  if (auto copied = copy_files(lab, student, folder.path() + "/work"); !copied) return copied.error();
  return folder.settings() + fmt::format("export LAB={}\ncd {} || exit 3\n",
                                         shell_word(folder.path() + "/lab"),
                                         shell_word(folder.path() + "/work"));
}

LabVerdict verdict_of(const ShellOutput& output) {
  LabVerdict verdict{.outcome = LabOutcome::could_not, .reason = output.text};
  if (output.status == 0) return {.outcome = LabOutcome::good, .reason = {}};
  if (output.status == status_wrong) verdict.outcome = LabOutcome::wrong;
  if (output.status == status_timeout) {
    verdict.outcome = LabOutcome::wrong;
    verdict.reason += fmt::format("it did not end within {} s\n", check_limit_s);
  }
  return verdict;
}

/// The verdict on a check that is not tried, because the one that it requires is not good; `verdicts` are
/// those of the lab's first checks. Empty: it can be tried.
std::optional<LabVerdict> verdict_untried(const Lab& lab, const LabCheck& check,
                                          const std::vector<LabVerdict>& verdicts) {
  for (std::size_t at = 0; at < verdicts.size(); ++at) {
    if (lab.checks[at].name != check.required || verdicts[at].outcome == LabOutcome::good) continue;
    return LabVerdict{verdicts[at].outcome,
                      fmt::format("not tried, because `{}` is not good\n", check.required)};
  }
  return std::nullopt;
}

std::string now_text() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

/// A version of the checks: results that other checks made are not compared with these.
Result<std::string> digest_of_checks(const Lab& lab) {
  std::string text;
  for (const StartingFile& file : files_of_checks(lab)) text += fmt::format("{}\n{}", file.name, file.text);
  return digest_of(text);
}

/// Its digests are those of the files at this moment; a missing file has "-".
Result<> add_file_digests(const Lab& lab, const std::string& folder, Record& record) {
  for (const std::string& name : lab.handed_in) {
    const std::string path = fmt::format("{}/{}", folder, name);
    auto output = run_shell("sha256sum <" + shell_word(path));
    if (!output) return output.error();
    record.set("file " + name, output->status == 0 ? output->text.substr(0, output->text.find(' ')) : "-");
  }
  return Done{};
}

}  // namespace

std::string_view outcome_word(LabOutcome outcome) {
  switch (outcome) {
    case LabOutcome::good:
      return "good";
    case LabOutcome::wrong:
      return "wrong";
    case LabOutcome::could_not:
      return "not checked";
  }
  return "";
}

std::size_t LabGrading::count(LabOutcome outcome) const {
  return static_cast<std::size_t>(std::ranges::count(verdicts, outcome, &LabVerdict::outcome));
}

Result<LabGrading> grade_lab(
    const Lab& lab, const std::string& folder, std::uint32_t number, std::uint32_t seed,
    const std::function<void(const LabCheck& check, const LabVerdict& verdict)>& done) {
  auto temporary = ShellFolder::make();
  if (!temporary) return temporary.error();
  auto settings = prepare(lab, folder, number, *temporary);
  if (!settings) return settings.error();
  const RunInterruption interruption;
  LabGrading grading;
  for (const LabCheck& check : lab.checks) {
    if (auto untried = verdict_untried(lab, check, grading.verdicts)) {
      grading.verdicts.push_back(*untried);
      done(check, *untried);
      continue;
    }
    // In the foreground, so that Ctrl-C reaches the check, too.
    auto output = run_shell(
        *settings + fmt::format("export SEED={}\n", seed) +
        fmt::format("timeout --foreground -k 10 {} sh \"$LAB/check.sh\" {}", check_limit_s, check.command));
    grading.signal = RunInterruption::signal();
    if (grading.signal != 0) break;
    if (!output) return output.error();
    grading.verdicts.push_back(verdict_of(*output));
    done(check, grading.verdicts.back());
  }
  return grading;
}

Result<Record> lab_result(const Lab& lab, const std::string& folder, const Record& state, std::uint32_t seed,
                          const LabGrading& grading) {
  Record result;
  result.set("ringside lab result", "version 1");
  result.set("lab", lab.number);
  result.set("student", state.get("student"));
  result.set("number", state.number("number"));
  result.set("checked", now_text());
  result.set("seed", seed);
  std::uint64_t hints = 0;
  for (const auto& [check, shown] : state.with_prefix("hint ")) hints += number_in_option(shown).value_or(0);
  result.set("hints", hints);
  result.set("good", grading.count(LabOutcome::good));
  result.set("checks", lab.checks.size());
  for (std::size_t at = 0; at < grading.verdicts.size(); ++at)
    result.set("check " + lab.checks[at].name, std::string(outcome_word(grading.verdicts[at].outcome)));
  if (auto added = add_file_digests(lab, folder, result); !added) return added.error();
  auto checks = digest_of_checks(lab);
  if (!checks) return checks.error();
  result.set("checks' digest", *checks);
  auto digest = digest_of(result.text());
  if (!digest) return digest.error();
  result.set(digest_name, *digest);
  return result;
}

Result<bool> has_its_digest(const Record& result) {
  const std::string text = result.text();
  const std::size_t last = text.rfind(fmt::format("{}: ", digest_name));
  auto digest = digest_of(text.substr(0, last));
  if (!digest) return digest.error();
  return last != std::string::npos && *digest == result.get(digest_name);
}

Result<std::string> problem_of_result(const Lab& lab, const std::string& folder) {
  auto result = Record::read(cannot_grade, folder + "/" + lab_result_file);
  if (!result) return result.error();
  auto digested = has_its_digest(*result);
  if (!digested) return digested.error();
  if (!*digested) return std::string(result_was_edited);
  Record now;
  if (auto added = add_file_digests(lab, folder, now); !added) return added.error();
  for (const auto& [name, then] : result->with_prefix("file ")) {
    if (now.get("file " + name) == then) continue;
    if (now.get("file " + name) == "-") return fmt::format("{} is missing", name);
    return fmt::format("{} was changed after the check", name);
  }
  auto checks = digest_of_checks(lab);
  if (!checks) return checks.error();
  if (*checks != result->get("checks' digest")) return std::string("checked by another version of the labs");
  return std::string();
}

}  // namespace ringside::tools
