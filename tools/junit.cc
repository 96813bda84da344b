// One testsuite, a testcase for each result.
#include "tools/junit.h"

#include <fmt/format.h>

#include <algorithm>

#include "emu/trace/quote.h"
#include "tools/out_file.h"

namespace ringside::tools {

using trace::xml_text;

namespace {

std::string element(const JUnitCase& its) {
  const std::string head = fmt::format("<testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\"",
                                       xml_text(its.group), xml_text(its.name), its.seconds);
  if (its.outcome == JUnitOutcome::passed) return head + "/>\n";
  const std::string_view tag = its.outcome == JUnitOutcome::failed ? "failure" : "error";
  return fmt::format("{0}>\n<{1} message=\"{2}\">{3}</{1}>\n</testcase>\n", head, tag, xml_text(its.message),
                     xml_text(its.report));
}

}  // namespace

Result<> write_junit(const std::string& path, std::string_view suite, const std::vector<JUnitCase>& cases,
                     double seconds) {
  const auto count = [&](JUnitOutcome outcome) {
    return std::ranges::count(cases, outcome, &JUnitCase::outcome);
  };
  std::string text = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites><testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{:.3f}\">\n",
      xml_text(suite), cases.size(), count(JUnitOutcome::failed), count(JUnitOutcome::could_not_run),
      seconds);
  for (const JUnitCase& each : cases) text += element(each);
  text += "</testsuite></testsuites>\n";
  return write_file("cannot write results", path, text);
}

}  // namespace ringside::tools
