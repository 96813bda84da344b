// Writes the page. Texts of failures are escaped; the steps of an example are the page that its own command
// writes.
#include "tools/sweep/page.h"

#include <fmt/format.h>

#include <filesystem>

#include "emu/trace/quote.h"
#include "tools/embedded.h"
#include "tools/out_file.h"
#include "tools/shell.h"
#include "tools/view/page.h"

namespace ringside::tools {

namespace files = std::filesystem;
using trace::xml_text;

namespace {

/// Further failures are listed without their steps.
constexpr std::size_t examples_max = 100;

std::string text_of(const std::string& text) {
  return xml_text(trace::printable(text));
}

std::string page_name(std::size_t number) {
  return fmt::format("failure-{}.html", number);
}

/// The page that the example's command writes, relative to the folder; empty: it has written none.
std::string example_page(const SweepPlan& plan, const ShellFolder& place, const SweepFailure& failure,
                         const files::path& folder, std::size_t number) {
  if (!failure.has_steps || number > examples_max) return "";
  const std::string name = page_name(number);
  std::error_code problem;
  // A run with both modes has two pages and an index, in a folder of that name.
  const std::string away =
      plan.command[0] == "run" ? " --out " + shell_word(place.path() + "/out") : std::string();
  const auto ran =
      run_shell(fmt::format("{}cd {} && {}{} --html {}", place.settings(), shell_word(plan.folder),
                            failure.again, away, shell_word((folder / name).string())));
  if (!ran || !files::exists(folder / name, problem)) return "";
  return files::is_directory(folder / name, problem) ? name + "/index.html" : name;
}

std::string section(const SweepFailure& failure, const std::string& page) {
  std::string text = fmt::format(
      "<section class=\"failure\">\n<h2>{}</h2>\n<p class=\"count\">{} time{}: {}</p>\n<p "
      "class=\"first\">{}</p>\n",
      text_of(failure.name), failure.count, failure.count == 1 ? "" : "s", text_of(failure.outcome),
      text_of(failure.first));
  if (!failure.again.empty()) text += fmt::format("<pre>{}</pre>\n", text_of(failure.again));
  if (!page.empty()) {
    text += fmt::format(
        "<details><summary>The steps of the smallest example, or <a href=\"{0}\">on a page of their "
        "own</a></summary>\n<iframe src=\"{0}\" loading=\"lazy\" title=\"the steps\"></iframe></details>\n",
        page);
  }
  return text + "</section>\n";
}

}  // namespace

Result<> write_sweep_pages(const SweepPlan& plan, const SweepResults& results, const std::string& folder) {
  std::error_code problem;
  const files::path to = files::absolute(folder, problem);
  files::create_directories(to, problem);
  if (problem) return Error{problem.value(), "cannot make a folder", folder, problem.message(), ""};
  auto place = ShellFolder::make();
  if (!place) return place.error();
  // Those of an earlier report.
  for (std::size_t old = 1; old <= examples_max; ++old) files::remove_all(to / page_name(old), problem);
  std::string sections;
  std::size_t number = 0;
  for (const SweepFailure& each : results.failures()) {
    ++number;
    sections += section(each, example_page(plan, *place, each, to, number));
  }
  if (number == 0) sections = "<p class=\"good\">\u2713 no failure</p>\n";
  for (const std::string& each : results.open_searches())
    sections += fmt::format("<p class=\"open\">{}</p>\n", text_of(each));
  std::string words = "ringside sweep --";
  for (const std::string& word : plan.command) words += " " + word;
  std::string page(embedded::page_sweep);
  fill_in(page, "/* STYLES */", embedded::page_plain_css);
  fill_in(page, "<!-- COMMAND -->", text_of(words));
  fill_in(page, "<!-- SUMMARY -->", text_of(results.total()) + ".");
  fill_in(page, "<!-- FAILURES -->", sections);
  return write_file("cannot write the page", (to / "index.html").string(), page);
}

}  // namespace ringside::tools
