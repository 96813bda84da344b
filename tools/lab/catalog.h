// The labs and the steps of the tour, from the text files of scenarios/labs that are part of the program.
// tools/lab/README.md describes their form. A file that breaks it is a programmer's mistake, and aborts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emu/base/check.h"

namespace ringside::tools {

/// One property of a student's work, judged by a function of check.sh.
struct LabCheck {
  std::string name;
  std::string what;     ///< for the student: what is checked
  std::string command;  ///< the function and its arguments
  std::vector<std::string> hints;
  std::string required;  ///< a check before it: unless that is good, this one is not tried; empty: none
};

/// A number in a lab's texts that differs between students.
struct LabValue {
  std::string name;
  std::uint32_t from = 0;
  std::uint32_t to = 0;
};

struct Lab {
  unsigned number = 0;
  std::string folder;  ///< in scenarios/labs: "2-ring-by-hand"
  std::string title;
  unsigned minutes = 0;
  std::string needs;  ///< besides this program: "gcc or clang"; empty: nothing
  std::vector<LabValue> values;
  std::vector<std::string> handed_in;  ///< the files that are judged
  std::vector<LabCheck> checks;
};

/// All labs, in order.
[[nodiscard]] std::vector<Lab> labs();
/// The error names the labs that there are.
[[nodiscard]] Result<Lab> lab_of(unsigned number);

/// The values of a student: they follow from the number in the student's folder.
[[nodiscard]] std::vector<std::pair<std::string, std::uint32_t>> values_of(const Lab& lab,
                                                                           std::uint32_t number);

/// Replaces each @NAME@ by the student's value of that name.
[[nodiscard]] std::string with_values(std::string_view text, const Lab& lab, std::uint32_t number);

/// The same in the texts of its checks.
[[nodiscard]] Lab with_values(Lab lab, std::uint32_t number);

/// A file that `lab start` copies into a student's folder.
struct StartingFile {
  std::string name;
  std::string_view text;
};
[[nodiscard]] std::vector<StartingFile> starting_files(const Lab& lab);
/// The files of a lab, and those that all labs share, by their name without folder: for the checks.
[[nodiscard]] std::vector<StartingFile> files_of_checks(const Lab& lab);

/// The text about the course, for lecturers.
[[nodiscard]] std::string_view course_text();
/// The lessons that the labs and the lecture use: scenarios, by the names of their files.
[[nodiscard]] std::vector<StartingFile> lesson_files();
/// Those that the text of a lab names.
[[nodiscard]] std::vector<StartingFile> lesson_files(const Lab& lab);

struct TourStep {
  std::string title;
  std::string text;     ///< lines
  std::string command;  ///< of a shell
};
[[nodiscard]] std::vector<TourStep> tour_steps();
/// The files that the commands of the tour use.
[[nodiscard]] std::vector<StartingFile> tour_files();

}  // namespace ringside::tools
