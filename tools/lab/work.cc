// Makes and opens students' folders.
#include "tools/lab/work.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <filesystem>

#include "tools/out_file.h"

namespace ringside::tools {

namespace {

namespace fs = std::filesystem;

constexpr const char* cannot_start = "cannot start a lab";
constexpr const char* cannot_open = "cannot open a lab";
const std::string state_file = std::string("/") + lab_state_file;
constexpr std::size_t student_bytes_max = 60;

}  // namespace

std::string problem_of_student(const std::string& name) {
  const bool plain = std::ranges::all_of(name, [](char each) {
    const auto byte = static_cast<unsigned char>(each);
    return byte >= 0x80 || std::isalnum(byte) != 0 ||
           std::string_view(" .-_'@").find(each) != std::string::npos;
  });
  if (name.empty() || name.size() > student_bytes_max)
    return fmt::format("a name has 1 to {} bytes", student_bytes_max);
  if (!plain || name.front() == '-' || name.front() == '@')
    return "a name has letters, digits, spaces, and . - _ ' @, and begins with neither - nor @";
  return "";
}

Result<> LabWork::save() const {
  return write_file("cannot keep the state of a lab", folder + state_file, state.text());
}

Result<LabWork> start_lab(const Lab& lab, const std::string& folder, const std::string& student,
                          std::uint32_t number) {
  std::error_code problem;
  if (fs::exists(folder, problem))
    return Error{
        EEXIST, cannot_start, folder, "it exists already",
        fmt::format("work in it, or choose another folder: ringside lab start {} FOLDER", lab.number)};
  if (!fs::create_directories(folder, problem) && problem)
    return Error{problem.value(), cannot_start, folder, problem.message(), ""};
  for (const StartingFile& file : starting_files(lab)) {
    const std::string text = with_values(file.text, lab, number);
    if (auto written = write_file(cannot_start, folder + "/" + file.name, text); !written)
      return written.error();
  }
  LabWork work{.lab = lab, .folder = folder, .state = {}};
  work.state.set("lab", lab.number);
  work.state.set("student", student);
  work.state.set("number", number);
  if (auto saved = work.save(); !saved) return saved.error();
  return work;
}

Result<LabWork> open_lab_folder(const std::string& folder) {
  const std::string path = folder + state_file;
  auto state = Record::read(cannot_open, path);
  if (!state) return state.error();
  auto lab = lab_of(state->number("lab"));
  if (!lab) return Error{EINVAL, cannot_open, path, lab.error().text(), ""};
  return LabWork{
      .lab = with_values(*lab, state->number("number")), .folder = folder, .state = std::move(*state)};
}

Result<LabWork> open_lab(unsigned number) {
  std::error_code ignored;
  if (fs::exists(std::string(".") + state_file, ignored)) {
    auto here = open_lab_folder(".");
    if (!here || number == 0 || here->lab.number == number) return here;
  }
  if (number == 0)
    return Error{ENOENT, cannot_open, ".", "this folder has no started lab",
                 "go to its folder, or name the lab: ringside lab check 1"};
  auto known = lab_of(number);
  if (!known) return known.error();
  const std::string folder = fmt::format("lab-{}", number);
  if (!fs::exists(folder + state_file, ignored))
    return Error{ENOENT, cannot_open, folder, "this lab was not started here",
                 fmt::format("ringside lab start {}", number)};
  return open_lab_folder(folder);
}

}  // namespace ringside::tools
