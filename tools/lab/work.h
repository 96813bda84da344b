// A student's folder: the starting files of a lab, the student's answers, and .lab, its state.
#pragma once

#include <cstdint>
#include <string>

#include "tools/lab/catalog.h"
#include "tools/record.h"

namespace ringside::tools {

struct LabWork {
  Lab lab;
  std::string folder;
  Record state;  ///< lab, student, number, and how many hints of each check were shown

  [[nodiscard]] std::uint32_t number() const { return state.number("number"); }
  [[nodiscard]] Result<> save() const;
};

/// Makes the folder with the starting files. It must not exist.
[[nodiscard]] Result<LabWork> start_lab(const Lab& lab, const std::string& folder, const std::string& student,
                                        std::uint32_t number);

/// The file in a student's folder that keeps the state.
inline constexpr const char* lab_state_file = ".lab";

/// Opens the folder of a lab: the present one, or lab-N in it. `number` 0 means the lab of the present
/// folder.
[[nodiscard]] Result<LabWork> open_lab(unsigned number);
/// `folder` is known.
[[nodiscard]] Result<LabWork> open_lab_folder(const std::string& folder);

/// Why a name cannot be a student's; empty if it can. It becomes a part of result.txt and of a CSV file.
[[nodiscard]] std::string problem_of_student(const std::string& name);

}  // namespace ringside::tools
