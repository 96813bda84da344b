// Runs lessons, and writes their sheets as HTML. Text of scenarios is escaped.
#include "tools/lab/lessons.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <set>
#include <string_view>
#include <utility>

#include "emu/script/script.h"
#include "emu/trace/quote.h"
#include "emu/trace/sequence.h"
#include "tools/command.h"
#include "tools/lab/catalog.h"
#include "tools/run/jobs.h"
#include "tools/run/run_files.h"
#include "tools/run/script_files.h"
#include "tools/view/summary.h"

namespace ringside::tools {

namespace {

using trace::Sequence;
using trace::SequenceItem;
using trace::xml_text;

constexpr const char* cannot_show = "cannot make a sheet";
/// As many rows fit on a page of paper.
constexpr std::size_t picture_rows_max = 34;
/// Pixels; letters of 16 pixels are legible when this is the width of a page.
constexpr double picture_width = 1280;

/// A name for pages and links.
std::string page_stem(const std::string& path) {
  std::string stem = path.substr(path.rfind('/') + 1);
  if (stem.ends_with(".scn")) stem.resize(stem.size() - 4);
  std::ranges::replace_if(
      stem,
      [](char c) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        return !letter && c != '-' && c != '_';
      },
      '_');
  return stem;
}

int run_lesson(const script::Script& read, const std::vector<script::Scenario>& scenarios, Lesson& lesson) {
  std::set<std::string> seen;
  for (const script::Scenario& each : scenarios) {
    // Further runs of a scenario have other values.
    if (!seen.insert(each.stem).second) continue;
    const RunJob job{.script = &read, .scenario = &each, .seed = each.setup.seeds.first, .real = nullptr};
    const script::RunRecord record = perform(job, {}).record;
    if (record.outcome != script::Outcome::passed) {
      const bool failed_it = record.outcome == script::Outcome::failed;
      failed({EINVAL, cannot_show, lesson.file, failed_it ? "its run fails" : "it could not run",
              again_command(job) + " says why"});
      return failed_it ? exit_expectation_failed : exit_could_not_run;
    }
    lesson.runs.push_back({each.setup.title, journal_of_job(job, record)});
  }
  if (!lesson.runs.empty()) return exit_good;
  return failed({EINVAL, cannot_show, lesson.file, "it has no simulated run", "choose another scenario"});
}

int read_lesson(const std::string& path, const script::Reader& reader, std::vector<Lesson>& lessons) {
  script::Script read = script::read_script(path, reader);
  const std::vector<script::Scenario> scenarios = script::runs_of(read, script::Mode::sim, {});
  if (read.diagnostics.errors() != 0) {
    std::fputs(read.diagnostics.text(read.sources).c_str(), stderr);
    return exit_does_not_parse;
  }
  Lesson lesson{.file = path.substr(path.rfind('/') + 1),
                .stem = page_stem(path),
                .lines = read.sources.at(0).lines,
                .runs = {}};
  const auto twin = std::ranges::find(lessons, lesson.stem, &Lesson::stem);
  if (twin != lessons.end()) {
    failed({EINVAL, cannot_show, path, "another file gets the same name", "rename one of them"});
    return exit_usage;
  }
  if (const int status = run_lesson(read, scenarios, lesson); status != exit_good) return status;
  lessons.push_back(std::move(lesson));
  return exit_good;
}

/// The first step that no line which boots a domain causes; 0: the run's beginning.
std::uint64_t first_step(const trace::Journaled& journal) {
  for (const trace::JournalMark& mark : journal.marks) {
    if (mark.act == trace::JournalMark::Act::acts) return mark.after + 1;
  }
  return 0;
}

/// Leaves out the lanes in which nothing happens.
void drop_empty_lanes(Sequence& sequence) {
  std::vector<bool> used(sequence.lanes.size());
  for (const SequenceItem& item : sequence.items) {
    if (item.kind == SequenceItem::Kind::line) continue;
    used[item.from] = used[item.to] = true;
  }
  std::vector<std::size_t> place(used.size());
  std::vector<std::string> lanes;
  for (std::size_t lane = 0; lane < used.size(); ++lane) {
    place[lane] = lanes.size();
    if (used[lane]) lanes.push_back(sequence.lanes[lane]);
  }
  for (SequenceItem& item : sequence.items) {
    if (item.kind == SequenceItem::Kind::line) continue;
    item.from = place[item.from];
    item.to = place[item.to];
  }
  sequence.lanes = std::move(lanes);
}

bool in_loop(const Sequence& sequence, std::size_t at) {
  return std::ranges::any_of(sequence.loops, [at](const trace::SequenceLoop& loop) {
    return loop.first < at && at < loop.first + loop.size;
  });
}

/// The end of a part that begins at `begin`: before a line of the scenario if possible, and never in a loop.
std::size_t end_of_part(const Sequence& sequence, std::size_t begin) {
  const auto is_line = [&](std::size_t at) { return sequence.items[at].kind == SequenceItem::Kind::line; };
  if (sequence.items.size() - begin <= picture_rows_max) return sequence.items.size();
  std::size_t end = 0;
  for (std::size_t at = begin + 1; at <= begin + picture_rows_max; ++at) {
    if (is_line(at) && !is_line(at - 1) && !in_loop(sequence, at)) end = at;
  }
  for (std::size_t at = begin + picture_rows_max; end == 0; --at) {
    if (at == begin || !in_loop(sequence, at)) end = std::max(at, begin + 1);
  }
  return end;
}

/// The sequence in parts that fit on a page each.
std::vector<Sequence> parts_of(const Sequence& whole) {
  std::vector<Sequence> parts;
  for (std::size_t begin = 0; begin < whole.items.size();) {
    const std::size_t end = end_of_part(whole, begin);
    Sequence part;
    part.lanes = whole.lanes;
    part.items.assign(whole.items.begin() + static_cast<std::ptrdiff_t>(begin),
                      whole.items.begin() + static_cast<std::ptrdiff_t>(end));
    for (trace::SequenceLoop loop : whole.loops) {
      if (loop.first < begin || loop.first >= end) continue;
      loop.first -= begin;
      part.loops.push_back(loop);
    }
    if (end == whole.items.size()) part.left_out = whole.left_out;
    parts.push_back(std::move(part));
    begin = end;
  }
  for (std::size_t at = 0; at < parts.size(); ++at)
    parts[at].title =
        parts.size() == 1 ? whole.title : fmt::format("{}, {} of {}", whole.title, at + 1, parts.size());
  return parts;
}

/// What a picture shows, for those who do not see it.
std::string in_words(const Sequence& sequence) {
  std::string out = "<details><summary>The picture in words</summary>\n<ul>\n";
  for (const SequenceItem& item : sequence.items) {
    std::string words = sequence_label(item);
    if (item.kind != SequenceItem::Kind::line) {
      std::string way = sequence.lanes[item.from];
      if (item.to != item.from) way += " to " + sequence.lanes[item.to];
      words =
          fmt::format("step {}, {}: {}{}{}", item.step, way, words, item.text.empty() ? "" : ", ", item.text);
      if (item.lost) words += ", lost";
    }
    out += "<li>" + xml_text(words) + "</li>\n";
  }
  return out + "</ul>\n</details>\n";
}

std::string pictures(const LessonRun& run) {
  Sequence sequence = trace::sequence_of(run.journal, first_step(run.journal));
  drop_empty_lanes(sequence);
  std::string out;
  for (const Sequence& part : parts_of(sequence))
    out += "<figure>\n" + trace::to_svg(part, picture_width) + in_words(part) + "</figure>\n";
  return out;
}

/// The file after its opening comment, with the numbers of its lines.
std::string numbered_source(const std::vector<std::string>& lines) {
  std::size_t at = 0;
  while (at < lines.size() && (lines[at].empty() || lines[at].starts_with('#'))) ++at;
  std::string out = "<pre tabindex=\"0\"><code>";
  for (; at < lines.size(); ++at)
    out += fmt::format("<span class=\"number\">{:3}  </span>{}\n", at + 1, xml_text(lines[at]));
  return out + "</code></pre>\n";
}

}  // namespace

int read_lessons(const std::vector<std::string>& paths, const std::vector<StartingFile>& others,
                 std::vector<Lesson>& lessons) {
  if (!paths.empty()) {
    for (const std::string& path : paths) {
      if (const int status = read_lesson(path, file_reader(), lessons); status != exit_good) return status;
    }
    return exit_good;
  }
  for (const StartingFile& file : others) {
    const auto reader = [&file](const std::string&) -> Result<std::string> { return std::string(file.text); };
    if (const int status = read_lesson(file.name, reader, lessons); status != exit_good) return status;
  }
  return exit_good;
}

std::string sheet_of(const Lesson& lesson) {
  std::string out = fmt::format("<h1>{}</h1>\n<p class=\"quiet\">{}</p>\n",
                                xml_text(lesson.runs.front().title), xml_text(lesson.file));
  for (const std::string& each : opening_prose(lesson.lines)) out += "<p>" + xml_text(each) + "</p>\n";
  out += "<h2>The scenario</h2>\n" + numbered_source(lesson.lines);
  for (const LessonRun& run : lesson.runs) {
    out += lesson.runs.size() == 1 ? "<h2>The run</h2>\n"
                                   : fmt::format("<h2>The run of \u201c{}\u201d</h2>\n", xml_text(run.title));
    out += pictures(run);
  }
  return out;
}

}  // namespace ringside::tools
