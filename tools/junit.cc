// Writes testsuites as XML.
#include "tools/junit.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "emu/trace/quote.h"
#include "tools/out_file.h"

namespace ringside::tools {

using trace::xml_text;

namespace {

struct JUnitSuite {
  std::string elements;
  std::string file;
  std::size_t tests = 0;
  std::size_t failures = 0;
  std::size_t errors = 0;
  double seconds = 0;

  void add(const JUnitCase& its);
};

std::string place_attributes(const std::string& file, std::uint32_t line) {
  if (file.empty()) return "";
  return fmt::format(" file=\"{}\"", xml_text(file)) + (line == 0 ? "" : fmt::format(" line=\"{}\"", line));
}

std::string counts(const JUnitSuite& its) {
  return fmt::format(R"(tests="{}" failures="{}" errors="{}" time="{:.3f}")", its.tests, its.failures,
                     its.errors, its.seconds);
}

void JUnitSuite::add(const JUnitCase& its) {
  file = its.file;
  ++tests;
  seconds += its.seconds;
  elements += fmt::format(R"(<testcase classname="{}" name="{}"{} time="{:.3f}")", xml_text(its.group),
                          xml_text(its.name), place_attributes(its.file, its.line), its.seconds);
  std::string inside;
  if (its.outcome != JUnitOutcome::passed) {
    const bool failed = its.outcome == JUnitOutcome::failed;
    ++(failed ? failures : errors);
    inside = fmt::format("<{0} message=\"{1}\">{2}</{0}>\n", failed ? "failure" : "error",
                         xml_text(its.message), xml_text(its.report));
  }
  if (!its.warnings.empty()) inside += fmt::format("<system-err>{}</system-err>\n", xml_text(its.warnings));
  elements += inside.empty() ? "/>\n" : fmt::format(">\n{}</testcase>\n", inside);
}

}  // namespace

Result<> write_junit(const std::string& path, std::string_view name, const std::vector<JUnitCase>& cases,
                     double seconds) {
  std::vector<std::pair<std::string, JUnitSuite>> suites;
  std::map<std::string, std::size_t> places;
  JUnitSuite whole;
  for (const JUnitCase& each : cases) {
    const auto [place, is_new] = places.try_emplace(each.group, suites.size());
    if (is_new) suites.emplace_back(each.group, JUnitSuite());
    suites[place->second].second.add(each);
  }
  for (const auto& [group, suite] : suites) {
    whole.tests += suite.tests;
    whole.failures += suite.failures;
    whole.errors += suite.errors;
  }
  whole.seconds = seconds;
  std::string text = fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" {}>\n",
                                 xml_text(name), counts(whole));
  for (const auto& [group, suite] : suites) {
    text += fmt::format("<testsuite name=\"{}\"{} {}>\n{}</testsuite>\n", xml_text(group),
                        place_attributes(suite.file, 0), counts(suite), suite.elements);
  }
  return write_file("cannot write results", path, text + "</testsuites>\n");
}

Result<> begin_junit(const std::string& path, std::string_view name) {
  std::error_code problem;
  const auto status = std::filesystem::status(path, problem);
  if (path == "-" || (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)))
    return Done{};
  return write_junit(path, name,
                     {{.group = std::string(name),
                       .name = "the run has ended",
                       .outcome = JUnitOutcome::could_not_run,
                       .message = "the run has not ended",
                       .report = "It is still running, has died, or could not start: its output says why."}},
                     0);
}

}  // namespace ringside::tools
