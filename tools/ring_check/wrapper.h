// What the compiler wrapper has a compiler do, worked out from the arguments that a user gave: which
// commands, in which order, and what is changed in between. Runs nothing and touches no file.
#pragma once

#include <string>
#include <vector>

#include "emu/base/check.h"

namespace ringside::tools {

enum class CompilerKind : std::uint8_t { gcc, clang };

struct CompilerRequest {
  std::vector<std::string> compiler;  ///< with what stands before its arguments: {"ccache", "gcc"}
  CompilerKind kind = CompilerKind::gcc;
  std::vector<std::string> arguments;
  std::string include_directory;  ///< where ringside/ring_check.h is
  std::string scratch;            ///< a directory for what is between source and object
};

struct CompilerStep {
  std::vector<std::string> command;
  std::string rewrite;  ///< an assembler file whose barriers are rewritten after the command; empty: none
};

/// The error is the user's: an argument that cannot be had together with the checker.
[[nodiscard]] Result<std::vector<CompilerStep>> plan_compilation(const CompilerRequest& request);

}  // namespace ringside::tools
