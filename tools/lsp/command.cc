// ringside lsp: reads an editor's messages from stdin, and writes the answers to stdout. A message is JSON
// behind a header with its length. All happens in one thread, one message after the other.
#include <fmt/format.h>

#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "emu/trace/quote.h"
#include "tools/command.h"
#include "tools/lsp/server.h"
#include "tools/run/script_files.h"

namespace ringside::tools {

namespace {

constexpr std::size_t header_bytes_max = 4096;
/// A scenario has at most 1 MiB, and a byte of it takes up to six as JSON.
constexpr std::size_t message_bytes_max = 16 << 20;

Error unreadable(int code, std::string why, std::string advice = "") {
  return {code, "cannot read a message", "stdin", std::move(why), std::move(advice)};
}
Error cut_short() {
  if (std::ferror(stdin) != 0) return unreadable(EIO, std::generic_category().message(errno));
  return unreadable(EPIPE, "it ends within a message");
}

/// The next message; empty at the end of stdin. After an error, the beginning of the next one is not known.
Result<std::optional<std::string>> read_message() {
  std::optional<std::size_t> length;
  std::size_t header_bytes = 0;
  for (std::string line; line != "\r\n"; header_bytes += line.size()) {
    line.clear();
    while (!line.ends_with('\n')) {
      const int byte = std::getc(stdin);
      if (byte == EOF && header_bytes + line.size() == 0 && std::ferror(stdin) == 0)
        return std::optional<std::string>{};
      if (byte == EOF) return cut_short();
      line += static_cast<char>(std::tolower(byte));
      if (header_bytes + line.size() > header_bytes_max)
        return unreadable(EMSGSIZE, "its header is too long");
    }
    constexpr std::string_view field = "content-length: ";
    if (!line.ends_with("\r\n") || (line.size() > 2 && line.find(':') == std::string::npos))
      return unreadable(EBADMSG, "its header is wrong", "messages begin with Content-Length: N");
    if (!line.starts_with(field)) continue;
    const char* const digits = line.data() + field.size();
    const auto [end, problem] = std::from_chars(digits, line.data() + line.size(), length.emplace());
    if (problem == std::errc::invalid_argument || *end != '\r')
      return unreadable(EBADMSG, "its Content-Length is not a number");
    if (problem != std::errc{} || *length > message_bytes_max)
      return unreadable(EMSGSIZE, fmt::format("it is longer than {} bytes", message_bytes_max));
  }
  if (!length) return unreadable(EBADMSG, "its header has no Content-Length");
  std::string message(*length, '\0');
  if (std::fread(message.data(), 1, *length, stdin) != *length) return cut_short();
  return std::optional(std::move(message));
}

void send(const std::string& message) {
  std::fputs(fmt::format("Content-Length: {}\r\n\r\n{}", message.size(), message).c_str(), stdout);
  std::fflush(stdout);
}

int serve_editor() {
  const LanguageServer server = language_server(RINGSIDE_VERSION, file_reader(Streams::refused), send);
  while (std::ferror(stdout) == 0) {
    const auto message = read_message();
    if (!message) {
      send(fmt::format(R"({{"jsonrpc":"2.0","id":null,"error":{{"code":-32700,"message":{}}}}})",
                       trace::json_text(message.error().text())));
      return failed(message.error());
    }
    const SessionState state = message.value() ? server(*message.value()) : SessionState::ended_early;
    if (state == SessionState::ended_in_order) return exit_good;
    if (state != SessionState::ended_early) continue;
    failed({0, "the editor has left early", "", "it did not send shutdown and then exit", ""});
    return exit_usage;
  }
  return exit_good;  // finished() reports what could not be written
}

}  // namespace

void add_lsp_command(Command app, Session& session) {
  Command command =
      app.add_subcommand("lsp", "A language server: errors, completion and meanings of scenarios in editors");
  command.footer(
      "An editor starts it, and speaks the Language Server Protocol with it on stdin and stdout. Errors and\n"
      "warnings are those of check-scn, and the layout is that of fmt. Included files may be open, too.\n"
      "Exit status: 0 after shutdown and exit; 1 when the editor leaves without them; 3 when a message "
      "cannot\n"
      "be read.\n"
      "Examples:\n"
      "  ringside lsp                         editors do this: tools/editors/README.md");
  command.callback([&session] { session.run = serve_editor; });
}

}  // namespace ringside::tools
