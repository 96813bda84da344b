// The steps of the compiler wrapper, from the user's arguments: the commands, their order, and the rewriting
// between them. It runs nothing and accesses no files.
#pragma once

#include <string>
#include <vector>

#include "emu/base/check.h"

namespace ringside::tools {

enum class CompilerKind : std::uint8_t { gcc, clang };

struct CompilerRequest {
  std::vector<std::string> compiler;  ///< the words before its arguments: {"ccache", "gcc"}
  CompilerKind kind = CompilerKind::gcc;
  std::vector<std::string> arguments;
  std::string include_directory;  ///< where ringside/ring_check.h is
  std::string scratch;            ///< a directory for intermediate files
};

struct CompilerStep {
  std::vector<std::string> command;
  std::string rewrite;  ///< an assembler file whose barriers are rewritten after the command; empty: none
};

/// An error is the user's: an argument that is not possible with the checker.
[[nodiscard]] Result<std::vector<CompilerStep>> plan_compilation(const CompilerRequest& request);

}  // namespace ringside::tools
