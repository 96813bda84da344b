// watch: a running machine, looked at while it works. It has the terminal and the journal; what is shown is
// watch_screen's. A screen is drawn when something has changed, at most twenty times a second, and of it only
// the lines that are others than before.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include "emu/host/journal_log.h"
#include "emu/host/linux_host.h"
#include "emu/host/linux_terminal.h"
#include "tools/command.h"
#include "tools/page.h"
#include "tools/watch_screen.h"
#include "tools/watch_web.h"

namespace ringside::tools {

namespace {

using Memory = ring::NativeMemory;

constexpr std::chrono::milliseconds between_reads{5};
constexpr unsigned reads_per_frame = 10;
constexpr unsigned frames_per_second = 20;
constexpr char screen_begin[] = "\x1b[?1049h\x1b[?25l\x1b[2J";
constexpr char screen_end[] = "\x1b[0m\x1b[?25h\x1b[?1049l";

struct Options {
  WatchWebOptions web;
  bool in_browser = false;
  bool ascii = false;
};

class Watch {
 public:
  Watch(LinuxHost& host, JournalReader& journal, WatchScreen& screen, Handle input)
      : host_(host), journal_(journal), screen_(screen), input_(std::move(input)) {}

  int run() {
    const RawTerminal raw(0);
    std::fputs(screen_begin, stdout);
    host_.on_signal(SIGWINCH, [this] { forget(); });
    host_.watch(input_, {.read = true}, [this](Ready) { typed(); });
    read();
    const int status = host_.run();
    std::fputs(screen_end, stdout);
    std::fflush(stdout);
    return status;
  }

 private:
  /// What is on the terminal is not known any more.
  void forget() {
    drawn_.clear();
    std::fputs("\x1b[2J", stdout);
    changed_ = true;
  }

  void read() {
    if (journal_.read([this](const trace::Entry& entry) { screen_.take(entry); }) != 0) changed_ = true;
    if (journal_.lost() != 0) {
      host_.warn("this watch was stopped for too long, and entries were lost");
      return host_.stop(exit_could_not_run);
    }
    if (++reads_ % reads_per_frame == 0) frame();
    host_.timer_start(between_reads, [this] { read(); });
  }

  void frame() {
    if (++frames_ % frames_per_second == 0) {
      const auto rate = static_cast<unsigned>(screen_.steps() - counted_);
      if (rate != per_second_) changed_ = true;
      per_second_ = rate;
      counted_ = screen_.steps();
    }
    if (changed_) draw();
  }

  void draw() {
    changed_ = false;
    constexpr WindowSize without_terminal{24, 80};
    const WindowSize size = window_size(0).value_or(without_terminal);
    const auto lines = screen_.lines(size.columns, size.rows, per_second_);
    drawn_.resize(lines.size());
    std::string out;
    for (std::size_t at = 0; at < lines.size(); ++at) {
      if (lines[at] == drawn_[at]) continue;
      out += fmt::format("\x1b[{};1H{}\x1b[K", at + 1, lines[at]);
    }
    drawn_ = lines;
    std::fwrite(out.data(), 1, out.size(), stdout);
    std::fflush(stdout);
    if (std::ferror(stdout) != 0) host_.stop(exit_good);
  }

  void typed() {
    std::uint8_t keys[64];
    const Io io = host_.read(input_, keys);
    if (io.state == Io::State::closed) return host_.stop(exit_good);
    if (io.state != Io::State::moved) return;
    for (std::size_t at = 0; at < io.bytes; ++at) {
      const auto key = static_cast<char>(keys[at]);
      // ESC [ x, ESC O x and ESC [ 1 ~: what comes between the ESC and its letter says nothing new here.
      if (key == '\x1b') {
        escaped_ = true;
        continue;
      }
      if (escaped_ && (key == '[' || key == 'O')) continue;
      const bool home = escaped_ && (key == '1' || key == '7');
      const bool end = escaped_ && (key == '4' || key == '8');
      const auto asks = screen_.key(home ? 'H' : end ? 'F' : key, escaped_);
      if (key != '~') escaped_ = home || end;
      if (key == '~') escaped_ = false;
      if (asks == WatchScreen::Asks::leave) return host_.stop(exit_good);
      if (asks == WatchScreen::Asks::redraw) draw();
    }
  }

  LinuxHost& host_;
  JournalReader& journal_;
  WatchScreen& screen_;
  Handle input_;
  std::vector<std::string> drawn_;
  unsigned reads_ = 0;
  unsigned frames_ = 0;
  unsigned per_second_ = 0;
  std::uint64_t counted_ = 0;
  bool changed_ = true;
  bool escaped_ = false;
};

/// What the page says before anything is told: the shared indices, and which slots wait for an answer.
trace::ReplayedRing found_ring(const DomainPage& page, ring::Ring which) {
  trace::ReplayedRing its;
  const auto [req_prod, rsp_prod] = page.indices(which);
  const ring::SharedRing shared = page.ring(which);
  its.indices = {req_prod, 0, rsp_prod, 0};
  its.known = 1u << static_cast<unsigned>(trace::IndexName::req_prod) |
              1u << static_cast<unsigned>(trace::IndexName::rsp_prod);
  for (ring::Index at = 0; at < ring::slots_per_ring; ++at) {
    // The slot that the index `back` before req_prod stands for; before the first round some were never used.
    const ring::Index index = req_prod - 1 - at;
    if (at >= req_prod) continue;
    trace::ReplayedSlot& slot = its.slots[ring::slot_of(index)];
    slot.state = at < its.outstanding() ? trace::SlotState::request : trace::SlotState::stale;
    Memory::copy_from_shared(&slot.message, shared.slots + ring::slot_of(index));
  }
  return its;
}

/// The domain of that name; of none the first that there is, if there is one.
Result<std::optional<DomainInfo>> domain_of(Privcmd& privcmd, const std::string& name) {
  if (!name.empty()) {
    auto found = privcmd.domain_find(name);
    if (!found) return found.error();
    return std::optional(*found);
  }
  return privcmd.domain_info(1);
}

int watch_command(const Session& session, const Options& options) {
  if (!is_terminal(0) || !is_terminal(1))
    return failed({EINVAL, "cannot watch", "stdout", "it is no terminal", "ringside dump prints lines"});
  LinuxHost host("watch", session.machine());
  auto privcmd = host.connect_dom0();
  if (!privcmd) return failed(privcmd.error());
  auto domain = domain_of(*privcmd, options.web.domain);
  if (!domain) return failed(domain.error());
  auto journal = JournalReader::open(host.machine().journal_directory());
  if (!journal) return failed(journal.error());
  WatchStyle style{.colour = std::getenv("NO_COLOR") == nullptr, .ascii = options.ascii};
  WatchScreen screen(style, *domain ? std::optional((*domain)->domain) : std::nullopt);
  if (*domain) {
    const auto page = DomainPage::open(host, *privcmd, **domain);
    if (!page) return failed(page.error());
    for (const ring::Ring which : {ring::Ring::tx, ring::Ring::rx})
      screen.found((*domain)->domain, which, found_ring(page.value(), which));
  }
  auto input = host.standard_stream(0);
  if (!input) return failed(input.error());
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) host.on_signal(number, [&] { host.stop(exit_good); });
  host.watch(privcmd->connection(), {.read = true}, [&](Ready) { host.stop(exit_good); });
  return Watch(host, **journal, screen, std::move(*input)).run();
}

}  // namespace

void add_watch_command(CLI::App& app, Session& session) {
  CLI::App* command = add_command(
      app, session, "watch", "Watch a running machine: its rings, events, queues and screens as they change",
      "  ringside watch             the first domain, or the first that comes\n"
      "  ringside watch web         in one terminal, and `ringside console web` in another\n"
      "  ringside watch web --web             the replay page, live, and a keyboard for the domain web\n"
      "  ringside watch --web --port 8000     of all domains; without one it has no keyboard\n"
      "Keys: space stands still, , and . step, Home and End, ? lists them, q leaves.\n"
      "NO_COLOR in the environment: without colours.\n"
      "The page is served to this machine only, and only to who knows the address that is printed.");
  const auto options = std::make_shared<Options>();
  command->add_option("DOMAIN", options->web.domain, "Its name or number (default: the first; --web: all)");
  CLI::Option* ascii = command->add_flag("--ascii", options->ascii, "Without line-drawing characters");
  CLI::Option* browser = command->add_flag("--web", options->in_browser, "In a browser")->excludes(ascii);
  command->add_option("--port", options->web.port, "Of the page (default: any that is free)")->needs(browser);
  command->callback([&session, options] {
    session.run = [&session, options] {
      return options->in_browser ? watch_web(session, options->web) : watch_command(session, *options);
    };
  });
}

}  // namespace ringside::tools
