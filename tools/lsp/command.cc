// ringside lsp: reads an editor's messages from stdin, and writes the answers to stdout. A message is JSON
// behind a header with its length. All happens in one thread, one message after the other.
#include <fmt/format.h>

#include <array>
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

constexpr std::size_t header_line_bytes_max = 1024;
/// A scenario has at most 1 MiB, and a byte of it takes up to six as JSON.
constexpr std::size_t message_bytes_max = 16 << 20;

Error unreadable(std::string why) {
  return {EBADMSG, "cannot read a message", "stdin", std::move(why), ""};
}
Error cut_short() {
  return unreadable(std::ferror(stdin) != 0 ? std::generic_category().message(errno)
                                            : "it ends within a message");
}

/// The next message; empty at the end of stdin. After an error, the beginning of the next one is not known.
Result<std::optional<std::string>> read_message() {
  constexpr std::string_view field = "content-length: ";
  std::optional<std::size_t> length;
  for (std::string line; line != "\r\n";) {
    std::array<char, header_line_bytes_max + 1> bytes{};
    if (std::fgets(bytes.data(), bytes.size(), stdin) == nullptr) {
      if (line.empty() && std::ferror(stdin) == 0) return std::optional<std::string>{};
      return cut_short();
    }
    line = bytes.data();
    if (!line.ends_with('\n') && std::feof(stdin) != 0) return cut_short();
    for (char& each : line) each = static_cast<char>(std::tolower(static_cast<unsigned char>(each)));
    if (!line.ends_with("\r\n") || (line.size() > 2 && line.find(':') == std::string::npos))
      return unreadable("its header is wrong: messages begin with Content-Length: N");
    if (!line.starts_with(field)) continue;
    const char* const digits = line.data() + field.size();
    const auto [end, problem] = std::from_chars(digits, line.data() + line.size(), length.emplace());
    if (problem == std::errc::invalid_argument || *end != '\r')
      return unreadable("its Content-Length is not a number");
    if (problem != std::errc{} || *length > message_bytes_max)
      return unreadable(fmt::format("it is longer than {} bytes", message_bytes_max));
  }
  if (!length) return unreadable("its header has no Content-Length");
  std::string message(*length, '\0');
  if (std::fread(message.data(), 1, *length, stdin) != *length) return cut_short();
  return std::optional(std::move(message));
}

void send(const std::string& message) {
  std::fputs(fmt::format("Content-Length: {}\r\n\r\n{}", message.size(), message).c_str(), stdout);
  std::fflush(stdout);
}

int serve_editor() {
  LanguageServer server(file_reader(Streams::refused), send);
  SessionState state = SessionState::starting;
  while (state != SessionState::ended_in_order && std::ferror(stdout) == 0) {
    const auto message = read_message();
    if (!message) {
      send(fmt::format(R"({{"jsonrpc":"2.0","id":null,"error":{{"code":-32700,"message":{}}}}})",
                       trace::json_text(message.error().text())));
      return failed(message.error());
    }
    state = message.value() ? server.take(*message.value()) : SessionState::ended_early;
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
      "warnings are those of check-scn, and the layout is that of fmt. Words are completed and explained.\n"
      "The exit status is 0 after shutdown and exit, 1 if the editor leaves without them, and 3 if a\n"
      "message cannot be read.\n"
      "Examples:\n"
      "  ringside lsp                         editors do this: tools/editors/README.md");
  command.callback([&session] { session.run = serve_editor; });
}

}  // namespace ringside::tools
