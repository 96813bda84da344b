// stdin, stdout and stderr of a command: all three are open, and output waits for its reader.
#pragma once

#include <string_view>

namespace ringside {

/// Opens those that are closed: otherwise the next opened file would get their number, and output would go
/// into it. The replacement fails like a closed one. Then makes writes to stdout and stderr wait even if
/// another process that shares them has made them non-blocking: stdio would drop what does not fit. Call
/// once, before anything is printed.
void prepare_standard_streams();

/// The errno value of the first failed write to stdout; 0: none has failed.
[[nodiscard]] int stdout_error();

/// For a signal handler: ends the process with that status, and prints `words` on stdout. The buffers of
/// stdio are not written.
[[noreturn]] void end_with_words(std::string_view words, int status);

}  // namespace ringside
