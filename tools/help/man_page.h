// The man page of a command, from what it declares. Text only.
#pragma once

#include <string>

#include "tools/declared.h"

namespace ringside::tools {

/// roff for man(7): the page of the program itself, which lists the commands.
[[nodiscard]] std::string man_page_of_program(const DeclaredCommand& program);
/// The page of one of its commands, whose name in full is `path` ("ringside run").
[[nodiscard]] std::string man_page_of_command(const DeclaredCommand& command, const std::string& path);

}  // namespace ringside::tools
