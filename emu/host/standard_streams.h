// stdin, stdout and stderr of a command: none is missing, and what is printed waits for its reader.
#pragma once

#include <string_view>

namespace ringside {

/// Opens those that are closed: the next file to be opened would get their number, and what is printed would
/// go there. What takes their place fails as a closed one does. Then lets stdout and stderr wait where
/// somebody who shares them has made them non-blocking: stdio would drop what does not fit. Once, before
/// anything is printed.
void prepare_standard_streams();

/// The errno value of the first write to stdout that failed since; 0: none did.
[[nodiscard]] int stdout_error();

/// For a signal handler: ends the process with that status, and with those words on stdout. Nothing that
/// stdio has is written any more.
[[noreturn]] void end_with_words(std::string_view words, int status);

}  // namespace ringside
