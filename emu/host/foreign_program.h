// Becoming a program that is not ringside's, in the foreground.
#pragma once

#include <string>
#include <vector>

#include "emu/base/check.h"

namespace ringside {

/// Becomes the program in the file `path`. It starts with the usual handling of SIGPIPE. Returns only with an
/// error.
[[nodiscard]] Error become_foreign_program(const std::string& path, std::vector<std::string> words);

/// For a program that insists on being root and needs no privilege: puts this process into a user namespace
/// in which it is root. Does nothing if it is root already.
[[nodiscard]] Result<> seem_to_be_root();

}  // namespace ringside
