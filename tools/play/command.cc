// ringside play: the server of an editor for scenarios, until a signal ends it.
#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "emu/host/linux_host.h"
#include "emu/trace/quote.h"
#include "tools/command.h"
#include "tools/embedded.h"
#include "tools/play/player.h"
#include "tools/play/server.h"
#include "tools/run/script_files.h"
#include "tools/view/page.h"

namespace ringside::tools {

namespace {

constexpr std::string_view example = "tour/01-hello.scn.start";
constexpr std::string_view golden_line = "golden\n";

struct PlayOptions {
  std::string file;
  std::uint16_t port = 0;  ///< 0: any that is free
  double timeout_s = 10;
};

/// The text that the page begins with.
Result<std::string> first_text(const std::string& path) {
  if (!path.empty()) {
    auto text = file_reader()(path);
    if (!text) return text;
    const auto refused = [&path](std::string why) {
      return Error{EINVAL, "cannot edit a scenario", path, std::move(why), ""};
    };
    if (text->size() > script::source_bytes_max)
      return refused(fmt::format("it is longer than {} bytes", script::source_bytes_max));
    // A browser would change what it cannot show.
    for (std::size_t at = 0; at < text->size();) {
      const std::size_t bytes = trace::character_at(*text, at).size();
      if (bytes == 0) return refused(fmt::format("its byte {} is not UTF-8", at + 1));
      at += bytes;
    }
    return text;
  }
  for (const embedded::File& each : embedded::labs) {
    if (each.path != example) continue;
    std::string text(each.text);
    // The editor has no golden journal for it.
    return text.erase(text.find(golden_line), golden_line.size());
  }
  RS_CHECK(false);
}

/// The editor, with `text` and the name of its file in it.
std::string editor_page(const std::string& text, const std::string& name) {
  std::string data =
      fmt::format("{{\"text\":{},\"name\":{}}}", trace::json_text(text), trace::json_text(name));
  // The text must not end the element that it is in.
  for (std::size_t at = 0; (at = data.find('<', at)) != std::string::npos;) data.replace(at, 1, "\\u003c");
  std::string page(embedded::play_page);
  fill_in(page, "/* STYLES */", embedded::page_plain_css);
  fill_in(page, "<!-- DATA -->", data);
  return page;
}

int play_command(PlayOptions options) {
  // A link of the page is that page's address, with the text behind "#".
  std::string text_in_link;
  if (options.file.starts_with("http://")) {
    const std::size_t at = options.file.find('#');
    if (at == std::string::npos)
      return failed({EINVAL, "cannot open a link", options.file, "it has no text: there is no # in it",
                     "quote it in the shell"});
    text_in_link = options.file.substr(at);
    options.file.clear();
  }
  auto text = first_text(options.file);
  if (!text) return failed(text.error());
  const bool is_file = !options.file.empty() && options.file != "-";
  const std::string name =
      is_file ? std::filesystem::path(options.file).filename().string() : std::string("scenario.scn");
  LinuxHost host("play", Machine(""));
  PlayServer server(host, editor_page(*text, name), is_file ? options.file : "", options.timeout_s);
  if (auto listens = server.listen(options.port); !listens) return failed(listens.error());
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) host.on_signal(number, [&] { host.stop(exit_good); });
  std::printf("%s%s\nOpen it in a browser on this machine; Ctrl-C ends it.\n", server.address().c_str(),
              text_in_link.c_str());
  // Without the address the command has no use.
  if (std::fflush(stdout) != 0) return exit_could_not_run;
  return host.run();
}

}  // namespace

void add_play_command(Command app, Session& session) {
  Command command =
      app.add_subcommand("play", "Edit a scenario in a browser, run it there, and see its replay page");
  command.footer(
      "The command prints the address of a page: an editor, the errors of check-scn, and the replay page of\n"
      "the run. Runs are simulated, one at a time, each in a process with limits. The page saves a\n"
      "text only as a download; this command writes no files, and reads only those in FILE's folder.\n"
      "Only programs on this machine can open the page, and only by the address that is printed. \"Copy\n"
      "link\" makes a link that holds the text. Another user opens it as the argument of this command.\n"
      "Ctrl-C ends it, with status 0.\n"
      "Examples:\n"
      "  ringside play                        a small scenario to begin with\n"
      "  ringside play hello.scn              FILE, with what it includes from its folder\n"
      "  ringside play hello.scn --port 8000  the same port each time\n"
      "  ringside play --timeout 60           for long runs\n"
      "  ringside play 'LINK'                 the text in a link; it runs when you press Run");
  const auto options = std::make_shared<PlayOptions>();
  command.add_option("FILE", options->file, "A scenario, or a link of the page; - is stdin");
  command.add_option("--port", options->port, "Port of the page (default: any free one)");
  command.add_option("--timeout", options->timeout_s, "Seconds of real time that a run may take")
      .range(0.1, 3600.0)
      .show_default();
  command.callback([&session, options] { session.run = [options] { return play_command(*options); }; });
  add_player_command(app, session);
}

}  // namespace ringside::tools
