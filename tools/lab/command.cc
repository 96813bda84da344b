// The command lab: list, start, check, hint, collect, html.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <random>
#include <sstream>

#include "emu/host/domain_words.h"
#include "tools/command.h"
#include "tools/lab/collect.h"
#include "tools/lab/grade.h"
#include "tools/lab/pages.h"
#include "tools/lab/work.h"
#include "tools/out_file.h"

namespace ringside::tools {

namespace {

struct LabRequest {
  std::uint32_t number = 0;
  std::string where;  ///< of check and hint: a lab's number, or else a check of the lab in this folder
  std::string folder;
  std::string student;
  std::string check;
  std::uint32_t values = 0;  ///< the student's number; 0: drawn
  CollectOptions collect;
  LabPagesOptions pages;
};

constexpr std::uint32_t numbers_max = 9999;

std::string default_student() {
  for (const char* name : {"USER", "LOGNAME"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && problem_of_student(value).empty()) return value;
  }
  return "student";
}

int list_labs() {
  const std::vector<Lab> all = labs();
  std::size_t width = 0;
  for (const Lab& lab : all) width = std::max(width, lab.title.size());
  for (const Lab& lab : all) {
    fmt::print("{}  {:<{}}  {:>2} minutes, {} checks\n", lab.number, lab.title, width, lab.minutes,
               lab.checks.size());
    if (!lab.needs.empty()) fmt::print("   needs {}\n", lab.needs);
  }
  fmt::print("\nringside lab start 1    makes the folder lab-1; begin with its README.md\n");
  return exit_good;
}

int start(const LabRequest& request) {
  auto lab = lab_of(request.number);
  if (!lab) return failed(lab.error());
  const std::string folder = request.folder.empty() ? fmt::format("lab-{}", lab->number) : request.folder;
  const std::uint32_t number =
      request.values != 0 ? request.values : 1 + std::random_device{}() % numbers_max;
  auto work = start_lab(*lab, folder, request.student, number);
  if (!work) return failed(work.error());
  fmt::print("lab {}: {}\n", lab->number, lab->title);
  fmt::print("{} has:", folder);
  for (const StartingFile& file : starting_files(*lab)) fmt::print(" {}", file.name);
  fmt::print("\nRead README.md there; then `ringside lab check` in that folder says what is good.\n");
  return exit_good;
}

void print_lines(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) fmt::print("         {}\n", line);
}

Result<LabCheck> check_of(const Lab& lab, const std::string& name) {
  const auto found = std::ranges::find(lab.checks, name, &LabCheck::name);
  if (found != lab.checks.end()) return *found;
  std::string names;
  for (const LabCheck& each : lab.checks) names += (names.empty() ? "" : ", ") + each.name;
  return Error{ENOENT, "there is no check", name, fmt::format("lab {} has others", lab.number), names};
}

/// Opens the lab that is meant, and sets the check that is meant.
Result<LabWork> open_work(LabRequest& request) {
  const auto number = number_in_option(request.where);
  if (!number && !request.where.empty()) {
    if (!request.check.empty())
      return Error{EINVAL, "there is no lab", request.where, "a lab has a number", "ringside lab list"};
    request.check = request.where;
  }
  return open_lab(static_cast<std::uint32_t>(number.value_or(0)));
}

int check(LabRequest& request) {
  auto work = open_work(request);
  if (!work) return failed(work.error());
  Lab& lab = work->lab;
  if (!request.check.empty()) {
    auto only = check_of(lab, request.check);
    if (!only) return failed(only.error());
    lab.checks = {*only};
  }
  fmt::print("lab {}: {}\n", lab.number, lab.title);
  std::size_t width = 0;
  for (const LabCheck& each : lab.checks) width = std::max(width, each.name.size());
  const LabCheck* first_wrong = nullptr;
  const auto show = [&](const LabCheck& its, const LabVerdict& verdict) {
    fmt::print("  {:<11}  {:<{}}  {}\n", outcome_word(verdict.outcome), its.name, width, its.what);
    print_lines(verdict.reason);
    std::fflush(stdout);
    if (verdict.outcome == LabOutcome::wrong && first_wrong == nullptr) first_wrong = &its;
  };
  const std::uint32_t seed = 1 + std::random_device{}() % 1'000'000;
  auto grading = grade_lab(lab, work->folder, work->number(), seed, show);
  if (!grading) return failed(grading.error());
  if (grading->signal != 0) return status_of_signal_0 + grading->signal;
  const std::size_t good = grading->count(LabOutcome::good);
  if (request.check.empty()) {
    auto result = lab_result(lab, work->folder, work->state, seed, *grading);
    if (!result) return failed(result.error());
    const std::string path = work->folder + "/" + lab_result_file;
    if (auto written = write_file("cannot write a result", path, result->text()); !written)
      return failed(written.error());
    fmt::print("{} of {} are good; {} is written\n", good, lab.checks.size(), path);
  }
  if (first_wrong != nullptr) fmt::print("a hint: ringside lab hint {} {}\n", lab.number, first_wrong->name);
  if (grading->count(LabOutcome::wrong) != 0) return exit_expectation_failed;
  return good == lab.checks.size() ? exit_good : exit_could_not_run;
}

/// The check that `name` says; without a name the first one that is not good in the last result.
Result<LabCheck> check_for_hint(const LabWork& work, const std::string& name) {
  const Lab& lab = work.lab;
  if (!name.empty()) return check_of(lab, name);
  auto result = Record::read("cannot read a result", work.folder + "/" + lab_result_file);
  if (!result) return lab.checks.front();
  for (const LabCheck& each : lab.checks) {
    if (result->get("check " + each.name) != outcome_word(LabOutcome::good)) return each;
  }
  return Error{ENOENT, "no hint", fmt::format("lab {}", lab.number), "all its checks are good",
               "name a check to see its hints"};
}

int hint(LabRequest& request) {
  auto work = open_work(request);
  if (!work) return failed(work.error());
  auto its = check_for_hint(*work, request.check);
  if (!its) return failed(its.error());
  const std::string line = "hint " + its->name;
  const std::size_t shown = std::min<std::size_t>(work->state.number(line) + 1, its->hints.size());
  fmt::print("{}: {}\n", its->name, its->what);
  for (std::size_t at = 0; at < shown; ++at)
    fmt::print("  {} of {}: {}\n", at + 1, its->hints.size(), its->hints[at]);
  fmt::print("{} The result counts hints.\n",
             shown < its->hints.size() ? "Once more shows the next hint." : "It has no more hints.");
  work->state.set(line, shown);
  if (auto saved = work->save(); !saved) return failed(saved.error());
  return exit_good;
}

Command add_lab_subcommand(Command lab, Session& session, const std::string& name, const std::string& what,
                           const std::string& examples, std::function<int()> run) {
  Command command = lab.add_subcommand(name, what);
  command.footer("Examples:\n" + examples);
  command.callback([&session, run = std::move(run)] { session.run = run; });
  return command;
}

void add_start(Command lab, Session& session, const std::shared_ptr<LabRequest>& request) {
  request->student = default_student();
  Command command = add_lab_subcommand(lab, session, "start",
                                       "Make the folder of a lab: its text, and the files to work on",
                                       "  ringside lab start 2                     makes lab-2\n"
                                       "  ringside lab start 2 ada-2 --student Ada",
                                       [request] { return start(*request); });
  command.add_option("N", request->number, "The lab").required();
  command.add_option("FOLDER", request->folder, "The folder to make (default: lab-N)");
  command.add_option("--student", request->student, "The name in the result")
      .check(problem_of_student)
      .show_default();
  command
      .add_option("--number", request->values,
                  "The number that the values in the text follow from (default: a random one)")
      .range(1u, numbers_max);
}

void add_check_and_hint(Command lab, Session& session, const std::shared_ptr<LabRequest>& request) {
  Command checked = add_lab_subcommand(
      lab, session, "check", "Judge the work in a lab's folder, and write result.txt",
      "  ringside lab check          in the folder of a lab\n"
      "  ringside lab check 2        the same for lab-2 in this folder\n"
      "  ringside lab check --only tso\n"
      "Scenarios run with seeds that differ each time; a program is compiled, run and checked. The programs\n"
      "are the student's, and run with the rights of the user.\n"
      "Exit status: 0 all good, 3 something could not be checked, 4 something is wrong.",
      [request] { return check(*request); });
  checked.add_option("N", request->where, "The lab's number; or one check of the lab in this folder");
  checked.add_option("--only", request->check, "One check, by its name; writes no result").type_name("CHECK");
  Command hinted = add_lab_subcommand(lab, session, "hint", "Show a hint; each call shows one more",
                                      "  ringside lab hint           for the first check that was not good\n"
                                      "  ringside lab hint full      for the check `full`\n"
                                      "  ringside lab hint 2 full    for that of lab 2, from another folder",
                                      [request] { return hint(*request); });
  hinted.add_option("N", request->where, "The lab's number; or a check of the lab in this folder");
  hinted.add_option("CHECK", request->check, "The name of a check");
}

void add_collect(Command lab, Session& session, const std::shared_ptr<LabRequest>& request) {
  Command command = add_lab_subcommand(
      lab, session, "collect", "Collect the results below a folder, for a lecturer",
      "  ringside lab collect handed-in                   a table\n"
      "  ringside lab collect handed-in --csv >class.csv\n"
      "  ringside lab collect handed-in --csv --regrade   checks everything again\n"
      "Results are the files result.txt of the labs, and the text files that a quiz makes. A quiz has no\n"
      "files to check again.\n"
      "The digests in a result show accidents and simple edits: a changed file, a changed line. They are no\n"
      "signature. Who reads the program's source can make a result; --regrade then shows what the files are\n"
      "worth. It runs the students' programs with your rights: use a machine or an account for that.\n"
      "Exit status: 0 all are intact, 3 one could not be read, 4 one is not intact.",
      [request] { return collect_labs(request->collect); });
  command.add_option("DIR", request->collect.folder, "A folder with the students' folders").required();
  command.add_flag("--csv", request->collect.csv, "As comma-separated values");
  command.add_flag("--regrade", request->collect.regrade, "Check each folder again, with other seeds");
}

void add_html(Command lab, Session& session, const std::shared_ptr<LabRequest>& request) {
  Command command = add_lab_subcommand(
      lab, session, "html", "Write the course as pages, for a lecturer",
      "  ringside lab html class                       open class/index.html\n"
      "  ringside lab html class --number 7            the labs' texts with the values of student 7\n"
      "  ringside lab html class --lab 2               only one lab, and the lessons that it names\n"
      "  ringside lab html class scenarios/5*.scn      sheets of these lessons\n"
      "index.html has the lecture by the minute and the labs. Each lab has a page; each lesson has a sheet "
      "for\n"
      "paper, slides, and its run; quiz.html asks about a run, and `ringside lab collect` reads its "
      "results.\n"
      "Files with the same names are replaced; others stay.",
      [request] { return write_lab_pages(request->pages); });
  command.add_option("DIR", request->pages.folder, "The folder; it is made if there is none").required();
  command.add_option("FILE", request->pages.lessons,
                     "Scenarios to make sheets of (default: those that the labs use, or that lab N names)");
  command.add_option("--lab", request->pages.lab, "Only this lab").type_name("N").range(1u, numbers_max);
  command
      .add_option("--number", request->pages.number,
                  "The number that the values in the labs' texts follow from")
      .range(1u, numbers_max)
      .show_default();
}

}  // namespace

void add_lab_command(Command app, Session& session) {
  Command command = app.add_subcommand("lab", "A course of six labs, with checks of the work");
  command.footer(
      "Examples:\n"
      "  ringside lab list\n"
      "  ringside lab start 1 && cd lab-1\n"
      "  ringside lab check\n"
      "  ringside lab hint\n"
      "  ringside lab html class                     for the lecturer: pages for a browser and for paper\n"
      "  ringside lab collect handed-in --csv        for the lecturer: the results");
  const auto request = std::make_shared<LabRequest>();
  add_lab_subcommand(command, session, "list", "List the labs", "  ringside lab list", list_labs);
  add_start(command, session, request);
  add_check_and_hint(command, session, request);
  add_collect(command, session, request);
  add_html(command, session, request);
  command.callback([&session] {
    if (!session.run) throw_missing("SUBCOMMAND");
  });
}

}  // namespace ringside::tools
