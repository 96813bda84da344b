// The course as pages for a browser and for paper: the lecturer's page, the text of each lab, a sheet of each
// lesson with its slides and its run, and a quiz. Their text is that of the labs and of
// scenarios/labs/README.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringside::tools {

struct LabPagesOptions {
  std::string folder;
  std::vector<std::string> lessons;  ///< scenarios; none: those that the labs use
  std::uint32_t lab = 0;             ///< the only one; 0: all
  std::uint32_t number = 1;          ///< of the student whose values the texts have
};

/// Writes the files into the folder, which it makes. Returns the exit status.
[[nodiscard]] int write_lab_pages(const LabPagesOptions& options);

}  // namespace ringside::tools
