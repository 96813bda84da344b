// Writes the course as pages.
#include "tools/lab/pages.h"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <string_view>
#include <utility>

#include "emu/trace/quote.h"
#include "tools/command.h"
#include "tools/embedded.h"
#include "tools/lab/catalog.h"
#include "tools/lab/lessons.h"
#include "tools/lab/markdown.h"
#include "tools/out_file.h"
#include "tools/view/data.h"
#include "tools/view/page.h"
#include "tools/view/quiz.h"
#include "tools/view/slides.h"

namespace ringside::tools {

namespace {

using trace::xml_text;

constexpr const char* cannot_write = "cannot write the pages of the labs";
constexpr std::string_view goal_mark = "<strong>Goal.</strong> ";

std::string anchor(std::string_view page, std::string_view words) {
  return fmt::format("<a href=\"{}\">{}</a>", page, words);
}

std::string lab_page_name(const Lab& lab) {
  return fmt::format("lab-{}.html", lab.number);
}

/// The pages of a lesson's run, which are made by name.
std::string lesson_page_name(std::string_view kind, const Lesson& lesson, std::size_t run = 0) {
  return fmt::format("{}-{}{}.html", kind, lesson.stem, run == 0 ? "" : fmt::format("-{}", run + 1));
}

/// The words between the two, after `from`; the texts have them.
std::string between(const std::string& text, std::string_view from, std::string_view to) {
  const std::size_t begin = text.find(from);
  RS_CHECK(begin != std::string::npos);
  const std::size_t end = text.find(to, begin);
  RS_CHECK(end != std::string::npos);
  return text.substr(begin + from.size(), end - begin - from.size());
}

class LabPages {
 public:
  LabPages(LabPagesOptions options, std::vector<Lab> labs, std::vector<Lesson> lessons)
      : options_(std::move(options)), labs_(std::move(labs)), lessons_(std::move(lessons)) {}

  Result<> make() {
    add_quiz();
    for (const Lab& lab : labs_) {
      if (auto made = lab_page(lab); !made) return made;
    }
    for (const Lesson& lesson : lessons_) add_lesson(lesson);
    return index();
  }

  /// Nothing is written before all of it is made.
  Result<std::size_t> write() const {
    std::error_code problem;
    std::filesystem::create_directories(options_.folder, problem);
    if (problem) return Error{problem.value(), cannot_write, options_.folder, problem.message(), ""};
    for (const auto& [name, text] : files_) {
      const std::string path = (std::filesystem::path(options_.folder) / name).string();
      if (auto written = write_file(cannot_write, path, text); !written) return written.error();
    }
    return files_.size();
  }

 private:
  /// `title` and `text` are HTML.
  void add(const std::string& name, const std::string& title, const std::string& text) {
    std::string page(embedded::page_sheet);
    fill_in(page, "<!-- TITLE -->", title);
    fill_in(page, "/* STYLES */", embedded::page_plain_css);
    std::string links = anchor("index.html", "Course");
    for (const Lab& lab : labs_)
      links += "\n" + anchor(lab_page_name(lab), fmt::format("Lab {}", lab.number));
    if (!quiz_lesson_.empty()) links += "\n" + anchor("quiz.html", "Quiz");
    fill_in(page, "<!-- LINKS -->", links);
    fill_in(page, "<!-- TEXT -->", text);
    files_[name] = std::move(page);
  }

  /// Lessons that a text names become links to their sheets.
  [[nodiscard]] std::string with_links(std::string html) const {
    for (const Lesson& lesson : lessons_) {
      const std::string named = fmt::format("<code>{}</code>", xml_text(lesson.file));
      const std::string linked = anchor(lesson_page_name("sheet", lesson), named);
      for (std::size_t at = 0; (at = html.find(named, at)) != std::string::npos; at += linked.size())
        html.replace(at, named.size(), linked);
    }
    return html;
  }

  Result<> lab_page(const Lab& lab) {
    std::string text;
    std::string files;
    for (const StartingFile& file : starting_files(lab)) {
      if (file.name == "README.md")
        text = with_values(file.text, lab, options_.number);
      else
        files += fmt::format("{}<code>{}</code>", files.empty() ? "" : ", ", xml_text(file.name));
    }
    auto html = html_of_markdown(lab.folder + "/README.md", text);
    if (!html) return html.error();
    goals_[lab.number] = between(*html, goal_mark, "</p>");
    const Lab valued = with_values(lab, options_.number);
    std::string page = with_links(*html);
    page +=
        "<h2>What is checked</h2>\n<table>\n<thead><tr><th scope=\"col\">check</th><th "
        "scope=\"col\">what</th></tr>"
        "</thead>\n<tbody>\n";
    for (const LabCheck& check : valued.checks)
      page += fmt::format("<tr><th scope=\"row\"><code>{}</code></th><td>{}</td></tr>\n",
                          xml_text(check.name), xml_text(check.what));
    page += "</tbody>\n</table>\n";
    std::string start = fmt::format("ringside lab start {}", lab.number);
    if (!lab.values.empty()) start += fmt::format(" --number {}", options_.number);
    page += fmt::format(
        "<p class=\"quiet\"><code>{}</code> makes a folder with this text and its files: {}.{}</p>\n", start,
        files, lab.values.empty() ? "" : " Without the number, a student gets other values.");
    const std::size_t heading_end = page.find("</h1>\n");
    RS_CHECK(heading_end != std::string::npos);
    page.insert(heading_end + 6, fmt::format("<p class=\"quiet\">Needs {}.</p>\n", needs_of(lab)));
    add(lab_page_name(lab), between(*html, "\">", "</h1>"), page);
    return Done{};
  }

  /// "60 minutes, gcc or clang"
  static std::string needs_of(const Lab& lab) {
    return fmt::format("{} minutes{}{}", lab.minutes, lab.needs.empty() ? "" : ", ", xml_text(lab.needs));
  }

  void add_lesson(const Lesson& lesson) {
    add(lesson_page_name("sheet", lesson), xml_text(lesson.runs.front().title), sheet_of(lesson));
    for (std::size_t run = 0; run < lesson.runs.size(); ++run) {
      const trace::Journaled& journal = lesson.runs[run].journal;
      files_[lesson_page_name("slides", lesson, run)] = slides_page(journal, 0, ~std::uint64_t{0});
      files_[lesson_page_name("run", lesson, run)] = replay_page({run_data(journal, lesson.file)});
    }
  }

  /// Of the run that has most to ask about.
  void add_quiz() {
    Quiz best;
    for (const Lesson& lesson : lessons_) {
      for (const LessonRun& run : lesson.runs) {
        Quiz quiz = quiz_of(run.journal, options_.number);
        if (quiz.askable <= best.askable) continue;
        best = std::move(quiz);
        quiz_lesson_ = run.title;
      }
    }
    if (best.questions != 0) files_["quiz.html"] = best.page;
  }

  [[nodiscard]] std::string table_of_labs() const {
    std::string out =
        "<h2>The labs</h2>\n<table>\n<thead><tr><th scope=\"col\">lab</th>"
        "<th scope=\"col\">needs</th><th scope=\"col\">goal</th></tr></thead>\n<tbody>\n";
    for (const Lab& lab : labs_)
      out += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>\n",
                         anchor(lab_page_name(lab), fmt::format("{}. {}", lab.number, xml_text(lab.title))),
                         needs_of(lab), goals_.at(lab.number));
    return out + "</tbody>\n</table>\n";
  }

  [[nodiscard]] std::string table_of_lessons() const {
    if (lessons_.empty()) return "";
    std::string out =
        "<h2>Lessons</h2>\n<table>\n<thead><tr><th scope=\"col\">sheet, for paper</th><th "
        "scope=\"col\">slides</th>"
        "<th scope=\"col\">the run, step by step</th></tr></thead>\n<tbody>\n";
    for (const Lesson& lesson : lessons_) {
      std::string slides;
      std::string runs;
      for (std::size_t run = 0; run < lesson.runs.size(); ++run) {
        const std::string title = xml_text(lesson.runs[run].title);
        if (run != 0) {
          slides += "<br>";
          runs += "<br>";
        }
        slides += anchor(lesson_page_name("slides", lesson, run), "slides: " + title);
        runs += anchor(lesson_page_name("run", lesson, run), "run: " + title);
      }
      out += fmt::format(
          "<tr><th scope=\"row\">{}<br><span class=\"quiet\">{}</span></th><td>{}</td><td>{}</td></tr>\n",
          anchor(lesson_page_name("sheet", lesson), xml_text(lesson.runs.front().title)),
          xml_text(lesson.file), slides, runs);
    }
    out += "</tbody>\n</table>\n";
    if (!quiz_lesson_.empty())
      out += fmt::format("<p>{} is made of the run \u201c{}\u201d.</p>\n", anchor("quiz.html", "The quiz"),
                         xml_text(quiz_lesson_));
    return out;
  }

  Result<> index() {
    auto html = html_of_markdown("labs/README.md", course_text());
    if (!html) return html.error();
    const std::string title = between(*html, "\">", "</h1>");
    // After the lecture, which is the first part.
    const std::size_t second_part = html->find("<h2", html->find("<h2") + 1);
    RS_CHECK(second_part != std::string::npos);
    std::string page = *html;
    page.insert(second_part, table_of_labs() + table_of_lessons());
    add("index.html", title, with_links(std::move(page)));
    return Done{};
  }

  LabPagesOptions options_;
  std::vector<Lab> labs_;
  std::vector<Lesson> lessons_;
  std::map<unsigned, std::string> goals_;     ///< of the labs, as HTML
  std::map<std::string, std::string> files_;  ///< by name
  std::string quiz_lesson_;                   ///< the title of the quiz's run
};

}  // namespace

int write_lab_pages(const LabPagesOptions& options) {
  std::vector<Lab> chosen = labs();
  if (options.lab != 0) {
    auto only = lab_of(options.lab);
    if (!only) return failed(only.error());
    chosen = {*only};
  }
  std::vector<Lesson> lessons;
  const auto others = options.lab == 0 ? lesson_files() : lesson_files(chosen.front());
  if (const int status = read_lessons(options.lessons, others, lessons); status != exit_good) return status;
  LabPages pages(options, std::move(chosen), std::move(lessons));
  if (auto made = pages.make(); !made) return failed(made.error());
  auto written = pages.write();
  if (!written) return failed(written.error());
  fmt::print(
      "{}/index.html: open it in a browser, or print it; the folder has {} pages, which need no other file\n",
      options.folder, *written);
  return exit_good;
}

}  // namespace ringside::tools
