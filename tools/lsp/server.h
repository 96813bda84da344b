// The language server for scenarios: what an editor asks, and the answers. It keeps the text of the documents
// that are open in the editor. It uses no streams; command.cc reads and writes them.
#pragma once

#include <functional>
#include <string>

#include "emu/script/source.h"

namespace ringside::tools {

enum class SessionState : std::uint8_t { starting, serving, shut_down, ended_in_order, ended_early };

/// Handles a message, which may be any bytes, and returns the state after it.
using LanguageServer = std::function<SessionState(const std::string& message)>;

/// `disk` reads included files that are not open. `send` sends JSON to the editor.
[[nodiscard]] LanguageServer language_server(std::string version, script::Reader disk,
                                             std::function<void(const std::string& message)> send);

}  // namespace ringside::tools
