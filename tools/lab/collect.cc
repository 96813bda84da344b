// Finds the results below a folder, verifies them, and prints them.
#include "tools/lab/collect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <vector>

#include "tools/command.h"
#include "tools/lab/grade.h"
#include "tools/lab/work.h"

namespace ringside::tools {

namespace {

namespace fs = std::filesystem;

constexpr const char* cannot_collect = "cannot collect results";
constexpr const char* intact = "intact";

using CollectRow = std::vector<std::string>;
const CollectRow collect_titles = {"student", "lab",     "number", "good",  "checks",
                                   "hints",   "checked", "state",  "folder"};
constexpr std::size_t state_column = 7;

/// The first line of what a quiz's page makes (tools/page/quiz.html).
constexpr const char* quiz_line = "ringside quiz result: version 1";

/// Files of quizzes have any name: systems for handing in rename files.
bool is_quiz_result(const fs::path& path) {
  if (path.extension() != ".txt") return false;
  std::ifstream file(path, std::ios::binary);
  std::string line(std::string_view(quiz_line).size(), ' ');
  return file.read(line.data(), static_cast<std::streamsize>(line.size())) && line == quiz_line;
}

/// The folders of labs, and the files of quizzes.
Result<std::vector<std::string>> places_of_results(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code problem;
  for (fs::recursive_directory_iterator at(folder, problem), end; !problem && at != end;
       at.increment(problem)) {
    if (!at->is_regular_file(problem)) continue;
    const fs::path folder_of = at->path().parent_path();
    if (at->path().filename() == lab_result_file ||
        (at->path().filename() == lab_state_file && !fs::exists(folder_of / lab_result_file, problem)))
      found.push_back(folder_of.string());
    else if (is_quiz_result(at->path()))
      found.push_back(at->path().string());
  }
  if (problem) return Error{problem.value(), cannot_collect, folder, problem.message(), ""};
  if (found.empty())
    return Error{
        ENOENT, cannot_collect, folder, "no folder below it is that of a lab",
        "students make it with `ringside lab check` and hand in the whole folder; the page of a quiz "
        "makes its own"};
  std::ranges::sort(found);
  return found;
}

/// A spreadsheet must neither split a value nor run it as a formula.
std::string csv_value(std::string value) {
  if (!value.empty() && std::string_view("=+-@\t\r").find(value.front()) != std::string_view::npos)
    value = "'" + value;
  if (value.find_first_of(",\"\n\r") == std::string::npos) return value;
  std::string text = "\"";
  for (const char each : value) text += each == '"' ? std::string("\"\"") : std::string(1, each);
  return text + "\"";
}

/// Checks the folder again. What it finds is compared with what the result says.
Result<std::string> regrade(const Lab& lab, const std::string& folder, const Record& result) {
  auto grading = grade_lab(lab, folder, result.number("number"), std::random_device{}() % 1'000'000,
                           [](const LabCheck&, const LabVerdict&) {});
  if (!grading) return grading.error();
  if (grading->signal != 0) return Error{EINTR, cannot_collect, folder, "it was interrupted", ""};
  const std::size_t good = grading->count(LabOutcome::good);
  if (grading->count(LabOutcome::could_not) != 0) return std::string("not all could be checked again");
  if (good != result.number("good")) return fmt::format("checked again: {} are good", good);
  return std::string();
}

CollectRow row_of(const Record& result, const std::string& state, const std::string& place) {
  CollectRow row;
  for (const char* name : {"student", "lab", "number", "good", "checks", "hints", "checked"})
    row.push_back(result.get(name));
  row.push_back(state.empty() ? intact : state);
  row.push_back(place);
  // An edited result may have anything in it.
  for (std::string& value : row) {
    std::ranges::replace_if(
        value, [](char each) { return static_cast<unsigned char>(each) < ' ' || each == 0x7f; }, '?');
  }
  return row;
}

/// There are no files to judge: only the page knew the answers.
Result<CollectRow> quiz_row(const std::string& file) {
  auto result = Record::read(cannot_collect, file);
  if (!result) return result.error();
  auto digested = has_its_digest(*result);
  if (!digested) return digested.error();
  return row_of(*result, *digested ? "" : result_was_edited, file);
}

Result<CollectRow> lab_row(const CollectOptions& options, const std::string& folder,
                           std::map<std::string, std::string>& seen) {
  const bool checked = fs::exists(folder + "/" + lab_result_file);
  auto result = Record::read(cannot_collect, folder + "/" + (checked ? lab_result_file : lab_state_file));
  if (!result) return result.error();
  auto lab = lab_of(result->number("lab"));
  if (!lab) return Error{EINVAL, cannot_collect, folder, lab.error().text(), ""};
  *lab = with_values(*lab, result->number("number"));
  std::string state = "not checked: there is no result.txt";
  if (checked) {
    auto problem = problem_of_result(*lab, folder);
    if (!problem) return problem.error();
    state = *problem;
  }
  const auto add = [&state](const std::string& more) {
    if (!more.empty()) state += (state.empty() ? "" : "; ") + more;
  };
  std::string files = result->get("lab");
  for (const auto& [name, digest] : result->with_prefix("file ")) files += " " + digest;
  const auto [first, is_new] = seen.emplace(files, folder);
  if (checked && !is_new) add("the same files as " + first->second);
  if (options.regrade) {
    auto again = regrade(*lab, folder, *result);
    if (!again) return again.error();
    add(*again);
  }
  return row_of(*result, state, folder);
}

void print_rows(const std::vector<CollectRow>& rows, bool csv) {
  std::vector<std::size_t> widths(collect_titles.size());
  for (const CollectRow& row : rows) {
    for (std::size_t at = 0; at < row.size(); ++at) widths[at] = std::max(widths[at], row[at].size());
  }
  for (const CollectRow& row : rows) {
    std::string line;
    for (std::size_t at = 0; at < row.size(); ++at) {
      const bool last = at + 1 == row.size();
      line += csv    ? csv_value(row[at]) + (last ? "" : ",")
              : last ? row[at]
                     : fmt::format("{:<{}}  ", row[at], widths[at]);
    }
    std::printf("%s\n", line.c_str());
  }
}

}  // namespace

int collect_labs(const CollectOptions& options) {
  auto places = places_of_results(options.folder);
  if (!places) return failed(places.error());
  std::vector<CollectRow> rows = {collect_titles};
  std::map<std::string, std::string> seen;
  int status = exit_good;
  for (const std::string& place : *places) {
    auto row = is_quiz_result(place) ? quiz_row(place) : lab_row(options, place, seen);
    if (!row) {
      // The others are collected all the same.
      status = failed(row.error());
      continue;
    }
    if ((*row)[state_column] != intact && status == exit_good) status = exit_expectation_failed;
    rows.push_back(std::move(*row));
  }
  print_rows(rows, options.csv);
  return status;
}

}  // namespace ringside::tools
