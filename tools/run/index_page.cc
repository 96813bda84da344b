// Writes the index as HTML. Text of scenarios and results is escaped.
#include "tools/run/index_page.h"

#include <fmt/format.h>

#include <filesystem>

#include "emu/trace/quote.h"
#include "tools/embedded.h"
#include "tools/out_file.h"
#include "tools/run/run_files.h"
#include "tools/view/page.h"
#include "tools/view/summary.h"

namespace ringside::tools {

namespace {

using script::Outcome;
using trace::xml_text;

/// A lesson with more runs shows them on request.
constexpr std::size_t runs_open_max = 6;

std::string html_paragraph(const std::string& text, const char* kind = nullptr) {
  if (text.empty()) return "";
  return fmt::format("<p{}>{}</p>\n", kind == nullptr ? "" : fmt::format(" class=\"{}\"", kind),
                     xml_text(text));
}

std::string_view verdict_words(Outcome outcome) {
  switch (outcome) {
    case Outcome::passed:
      return "\u2713 passed";
    case Outcome::failed:
      return "\u2717 failed";
    case Outcome::could_not_run:
      break;
  }
  return "\u2717 could not run";
}

std::string html_link(const std::string& folder, const std::string& page, const std::string& words) {
  std::error_code ignored;
  if (page.empty() || !std::filesystem::exists(std::filesystem::path(folder) / page, ignored)) return "";
  return fmt::format("<a href=\"{}\">{}</a>", xml_text(page), xml_text(words));
}

}  // namespace

void IndexPage::add(const RunJob& job, const RunResult& result) {
  if (++runs_ > index_runs_max) return;
  const script::Scenario& scenario = *job.scenario;
  const std::string& title = scenario.setup.title;
  if (lessons_.empty() || lessons_.back().path != scenario.path || lessons_.back().title != title) {
    const auto& source = job.script->sources.at(scenario.setup.title_span.source);
    lessons_.push_back({scenario.path, title, opening_prose(source.lines), {}});
  }
  Ended ended{.name = fmt::format("{} seed {}", scenario.name, job.seed),
              .page = run_page_name(job),
              .twin = {},
              .outcome = result.outcome,
              .first = result.first};
  if (job.real != nullptr) ended.twin = run_page_name({job.script, job.real, job.seed});
  lessons_.back().runs.push_back(std::move(ended));
}

std::string IndexPage::markup(const Lesson& lesson, const std::string& folder) {
  std::string items;
  std::size_t passed = 0;
  for (const Ended& run : lesson.runs) {
    const bool good = run.outcome == Outcome::passed;
    if (good) ++passed;
    const std::string name = trace::printable(run.name);
    std::string linked = html_link(folder, run.page, name);
    if (linked.empty()) linked = xml_text(name);
    if (const std::string twin = html_link(folder, run.twin, "with processes"); !twin.empty())
      linked += ", " + twin;
    items += fmt::format("<li{}>{} <span class=\"verdict\">{}</span>{}</li>\n", good ? "" : " class=\"bad\"",
                         linked, verdict_words(run.outcome),
                         good || run.first.empty() ? ""
                                                   : fmt::format(" <span class=\"first\">{}</span>",
                                                                 xml_text(trace::printable(run.first))));
  }
  const bool all_good = passed == lesson.runs.size();
  std::string list = fmt::format("<ul>\n{}</ul>\n", items);
  if (lesson.runs.size() > runs_open_max) {
    list = fmt::format("<details{}><summary>{} runs, {}</summary>{}</details>\n", all_good ? "" : " open",
                       lesson.runs.size(), all_good ? "\u2713 all passed" : fmt::format("{} passed", passed),
                       list);
  }
  std::string prose;
  for (const std::string& each : lesson.prose) prose += html_paragraph(each);
  return fmt::format("<section class=\"lesson{}\">\n<h2>{}</h2>\n{}{}{}</section>\n", all_good ? "" : " bad",
                     xml_text(lesson.title), html_paragraph(trace::printable(lesson.path), "path"), prose,
                     list);
}

Result<> IndexPage::write(const std::string& folder, const std::vector<UnreadableFile>& unreadable,
                          const std::string& interruption) const {
  std::string runs;
  std::size_t count = 0;
  std::size_t failed = 0;
  for (const UnreadableFile& each : unreadable) {
    runs += fmt::format(
        "<section class=\"lesson bad\">\n<h2>{}</h2>\n<p class=\"bad\"><span class=\"verdict\">\u2717 does "
        "not "
        "parse</span> <span class=\"first\">{}</span></p>\n</section>\n",
        xml_text(trace::printable(each.path)), xml_text(trace::printable(each.first)));
  }
  for (const Lesson& lesson : lessons_) {
    runs += markup(lesson, folder);
    count += lesson.runs.size();
    for (const Ended& run : lesson.runs) failed += run.outcome == Outcome::passed ? 0 : 1;
  }
  std::string summary =
      fmt::format("{} run{}: {} passed, {} did not", count, count == 1 ? "" : "s", count - failed, failed);
  if (!unreadable.empty())
    summary +=
        fmt::format("; {} file{} not parse", unreadable.size(), unreadable.size() == 1 ? " does" : "s do");
  if (runs_ > count) summary += fmt::format("; {} more are not listed", runs_ - count);
  if (!interruption.empty()) summary += "; " + interruption;
  std::string page(embedded::page_index);
  fill_in(page, "/* STYLES */", embedded::page_plain_css);
  fill_in(page, "<!-- SUMMARY -->", xml_text(summary) + ".");
  fill_in(page, "<!-- RUNS -->", runs);
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  return write_file("cannot write the index", (std::filesystem::path(folder) / "index.html").string(), page);
}

}  // namespace ringside::tools
