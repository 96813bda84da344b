// Reads lab.txt and tour.txt, line by line.
#include "tools/lab/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <sstream>

#include "tools/embedded.h"

namespace ringside::tools {

namespace {

constexpr std::string_view starting_suffix = ".start";
constexpr std::string_view lab_file = "lab.txt";
constexpr std::string_view tour_folder = "tour/";

/// Takes the first word of `text`, and the spaces after it.
std::string take_word(std::string& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  std::string word = text.substr(0, end);
  text.erase(0, std::min(text.find_first_not_of(' ', end), text.size()));
  return word;
}

void read_check_line(LabCheck& check, const std::string& word, const std::string& rest) {
  if (word == "run") {
    check.command = rest;
  } else if (word == "requires") {
    check.required = rest;
  } else {
    RS_CHECK(word == "hint");
    check.hints.push_back(rest);
  }
}

/// "check NAME WHAT" begins a check; its other lines are indented.
void read_lab_line(Lab& lab, std::string line) {
  const bool of_check = line.starts_with("  ");
  if (of_check) line.erase(0, 2);
  const std::string word = take_word(line);
  if (of_check) return read_check_line(lab.checks.back(), word, line);
  if (word == "title") {
    lab.title = line;
  } else if (word == "minutes") {
    lab.minutes = static_cast<unsigned>(std::stoul(line));
  } else if (word == "needs") {
    lab.needs = line;
  } else if (word == "vary") {
    LabValue value{.name = take_word(line)};
    value.from = static_cast<std::uint32_t>(std::stoul(take_word(line)));
    value.to = static_cast<std::uint32_t>(std::stoul(line));
    lab.values.push_back(value);
  } else if (word == "hand-in") {
    while (!line.empty()) lab.handed_in.push_back(take_word(line));
  } else {
    RS_CHECK(word == "check");
    std::string name = take_word(line);
    lab.checks.push_back({.name = std::move(name), .what = line, .command = {}, .hints = {}, .required = {}});
  }
}

Lab read_lab(const embedded::File& file) {
  Lab lab;
  lab.folder = file.path.substr(0, file.path.find('/'));
  lab.number = static_cast<unsigned>(std::stoul(lab.folder));
  std::istringstream lines{std::string(file.text)};
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && !line.starts_with('#')) read_lab_line(lab, line);
  }
  for (const LabCheck& check : lab.checks) {
    RS_CHECK(!check.command.empty() && !check.hints.empty());
    const auto required = std::ranges::find(lab.checks, check.required, &LabCheck::name);
    RS_CHECK(check.required.empty() || required < std::ranges::find(lab.checks, check.name, &LabCheck::name));
  }
  RS_CHECK(!lab.checks.empty() && !lab.handed_in.empty() && !lab.title.empty());
  return lab;
}

}  // namespace

std::vector<Lab> labs() {
  std::vector<Lab> all;
  for (const embedded::File& file : embedded::labs) {
    if (file.path.ends_with(fmt::format("/{}", lab_file))) all.push_back(read_lab(file));
  }
  std::ranges::sort(all, {}, &Lab::number);
  return all;
}

Result<Lab> lab_of(unsigned number) {
  std::vector<Lab> all = labs();
  const auto found = std::ranges::find(all, number, &Lab::number);
  if (found != all.end()) return *found;
  return Error{ENOENT, "there is no lab", std::to_string(number),
               fmt::format("the labs are 1 to {}", all.size()), "ringside lab list"};
}

std::vector<std::pair<std::string, std::uint32_t>> values_of(const Lab& lab, std::uint32_t number) {
  // minstd_rand and seed_seq give the same numbers everywhere.
  std::seed_seq seed{number, lab.number};
  std::minstd_rand next(seed);
  std::vector<std::pair<std::string, std::uint32_t>> values;
  for (const LabValue& value : lab.values) {
    const auto drawn = static_cast<std::uint32_t>(next() % (value.to - value.from + 1));
    values.emplace_back(value.name, value.from + drawn);
  }
  return values;
}

std::string with_values(std::string_view text, const Lab& lab, std::uint32_t number) {
  std::string result(text);
  for (const auto& [name, value] : values_of(lab, number)) {
    const std::string mark = "@" + name + "@";
    for (std::size_t at = 0; (at = result.find(mark, at)) != std::string::npos;)
      result.replace(at, mark.size(), std::to_string(value));
  }
  return result;
}

Lab with_values(Lab lab, std::uint32_t number) {
  for (LabCheck& check : lab.checks) {
    for (std::string* text : {&check.what, &check.command}) *text = with_values(*text, lab, number);
    for (std::string& hint : check.hints) hint = with_values(hint, lab, number);
  }
  return lab;
}

std::vector<StartingFile> starting_files(const Lab& lab) {
  std::vector<StartingFile> files;
  const std::string folder = lab.folder + "/";
  for (const embedded::File& file : embedded::labs) {
    if (!file.path.starts_with(folder)) continue;
    std::string_view name = file.path.substr(folder.size());
    const bool starts = name.ends_with(starting_suffix);
    if (starts) name.remove_suffix(starting_suffix.size());
    if (starts || name == "README.md") files.push_back({std::string(name), file.text});
  }
  return files;
}

std::vector<StartingFile> files_of_checks(const Lab& lab) {
  std::vector<StartingFile> files;
  const std::string folder = lab.folder + "/";
  for (const embedded::File& file : embedded::labs) {
    std::string_view name = file.path;
    if (name.starts_with(folder)) name.remove_prefix(folder.size());
    if (name.find('/') == std::string_view::npos) files.push_back({std::string(name), file.text});
  }
  return files;
}

std::string_view course_text() {
  const auto found = std::ranges::find(embedded::labs, "course/README.md", &embedded::File::path);
  RS_CHECK(found != embedded::labs.end());
  return found->text;
}

std::vector<StartingFile> lesson_files() {
  std::vector<StartingFile> files;
  for (const embedded::File& file : embedded::labs) {
    std::string_view name = file.path.substr(file.path.rfind('/') + 1);
    if (name.ends_with(starting_suffix)) name.remove_suffix(starting_suffix.size());
    // A student's own scenario has no number.
    const bool lesson = name.ends_with(".scn") && name.front() >= '0' && name.front() <= '9';
    const bool known = std::ranges::find(files, name, &StartingFile::name) != files.end();
    if (lesson && !known) files.push_back({std::string(name), file.text});
  }
  std::ranges::sort(files, {}, &StartingFile::name);
  return files;
}

std::vector<StartingFile> lesson_files(const Lab& lab) {
  std::string_view text;
  for (const StartingFile& file : starting_files(lab)) {
    if (file.name == "README.md") text = file.text;
  }
  std::vector<StartingFile> files = lesson_files();
  std::erase_if(files, [&](const StartingFile& file) { return text.find(file.name) == text.npos; });
  return files;
}

std::vector<TourStep> tour_steps() {
  std::vector<TourStep> steps;
  for (const embedded::File& file : embedded::labs) {
    if (file.path != "tour/tour.txt") continue;
    std::istringstream lines{std::string(file.text)};
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with('#')) continue;
      if (line.starts_with("step ")) {
        steps.push_back({.title = line.substr(5), .text = {}, .command = {}});
        continue;
      }
      RS_CHECK(!steps.empty());
      if (line.starts_with("$ ")) {
        RS_CHECK(steps.back().command.empty());
        steps.back().command = line.substr(2);
      } else if (!line.empty()) {
        steps.back().text += line + "\n";
      }
    }
  }
  for (const TourStep& step : steps) RS_CHECK(!step.command.empty());
  return steps;
}

std::vector<StartingFile> tour_files() {
  std::vector<StartingFile> files;
  for (const embedded::File& file : embedded::labs) {
    if (!file.path.starts_with(tour_folder) || !file.path.ends_with(starting_suffix)) continue;
    std::string_view name = file.path.substr(tour_folder.size());
    name.remove_suffix(starting_suffix.size());
    files.push_back({std::string(name), file.text});
  }
  return files;
}

}  // namespace ringside::tools
