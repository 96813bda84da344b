// watch: a view of a running machine. WatchHistory keeps the history, draw_watch draws it, WatchTerminal
// sends it to the terminal. This file drives them: the journal, a clock, keys, and the choice of the domain.
//
// A picture is drawn when something has changed, at most twenty times a second, even if more happens. The
// journal is read every few milliseconds, so that no process of the machine waits for a picture.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include "emu/host/journal_log.h"
#include "emu/host/linux_host.h"
#include "emu/host/linux_terminal.h"
#include "tools/command.h"
#include "tools/machine/builder.h"
#include "tools/machine/live_start.h"
#include "tools/watch/keys.h"
#include "tools/watch/screen.h"
#include "tools/watch/terminal.h"
#include "tools/watch/web.h"

namespace ringside::tools {

namespace {

constexpr std::chrono::milliseconds between_frames{50};
constexpr std::chrono::seconds between_rates{1};
constexpr std::chrono::seconds notice_lasts{8};
constexpr std::uint64_t ns_per_ms = 1'000'000;
constexpr char other_ways[] = "ringside dump prints lines, ringside watch --web makes a page";

struct WatchOptions {
  WatchWebOptions web;
  bool in_browser = false;
  bool ascii = false;
  std::string kinds = std::string(kinds_name(WatchKinds::all));
};

std::string called(DomainId domain, std::string_view name) {
  return fmt::format("dom{} \"{}\"", domain, name);
}

class Watch {
 public:
  Watch(LinuxHost& host, Privcmd& privcmd, std::unique_ptr<JournalReader> journal, std::string name,
        WatchKinds kinds, bool ascii)
      : host_(host),
        privcmd_(privcmd),
        journal_(std::move(journal)),
        wanted_(std::move(name)),
        ascii_(ascii),
        xenctld_(running_dom0(host.machine()) == Dom0Kind::xenctld) {
    history_.select(kinds);
  }

  /// Begins with the selected domain; without a selection with the first one, if there is one.
  Result<> begin() {
    if (wanted_.empty()) {
      auto first = privcmd_.domain_info(1);
      if (!first) return first.error();
      waits_ = !first.value().has_value();
      if (!waits_) follow(**first);
      return Done{};
    }
    auto info = privcmd_.domain_find(wanted_);
    if (!info) return info.error();
    wanted_ = info->name;
    follow(*info);
    return Done{};
  }

  int run(WatchTerminal& terminal) {
    terminal_ = &terminal;
    for (const int number : {SIGINT, SIGTERM, SIGQUIT, SIGHUP})
      host_.on_signal(number, [this] { leave(""); });
    host_.on_signal(SIGWINCH, [this] { changed_ = true; });
    host_.on_signal(SIGTSTP, [this] {
      terminal_->suspend();
      std::raise(SIGSTOP);
    });
    host_.on_signal(SIGCONT, [this] {
      terminal_->resume();
      changed_ = true;
    });
    host_.watch(privcmd_.connection(), {.read = true}, [this](Ready) { leave("the machine was shut down"); });
    read();
    return host_.run();
  }

  void typed(std::uint8_t byte) {
    if (const auto key = keys_.take(byte)) {
      pressed(*key);
      changed_ = true;
    }
  }
  /// Why it ended, if the user did not end it.
  [[nodiscard]] const std::string& end_message() const { return end_message_; }

 private:
  /// Shows a domain that exists already.
  void follow(const DomainInfo& info) {
    follow_new(info.domain, info.name, life_of(info));
    start_.emplace(host_, privcmd_, host_.machine(), std::vector{info});
    history_.begin(start_->header());
  }

  void follow_new(DomainId domain, std::string_view name, Life life) {
    const WatchKinds kinds = history_.selected();
    history_ = WatchHistory(domain, life);
    history_.select(kinds);
    start_.reset();
    who_ = called(domain, name);
    counted_ = 0;
    waits_ = false;
    changed_ = true;
  }

  void read() {
    std::uint64_t newest_ns = 0;
    const std::size_t count = journal_->read([&](const trace::Entry& entry) {
      newest_ns = entry.time_ns;
      take(entry);
    });
    if (count != 0) {
      const std::uint64_t now_ns = static_cast<std::uint64_t>(host_.now().count());
      behind_ms_ = static_cast<unsigned>(now_ns > newest_ns ? (now_ns - newest_ns) / ns_per_ms : 0);
      changed_ = true;
    }
    if (journal_->failure()) return leave(journal_->failure()->text(), exit_could_not_run);
    if (journal_->lost() != 0) restart_history();
    frame();
    host_.timer_start(between_reads, [this] { read(); });
  }

  void take(const trace::Entry& entry) {
    if (start_ && start_->precedes(entry)) return;
    const bool xens = entry.actor.role == trace::Role::xen;
    if (xens && is(entry, trace::Fact::created) && waits_ && !history_.paused()) {
      const std::string_view name = text_of(entry);
      if (wanted_.empty() || wanted_ == name) follow_new(entry.domain, name, Life::unknown);
    }
    history_.take(entry);
    const bool destroyed = xens && is(entry, trace::Fact::destroyed) && entry.domain == history_.domain();
    if (!waits_ && destroyed) waits_ = true;
  }

  /// Begins a new history: the journal dropped this reader, because the process was stopped for too long.
  void restart_history() {
    journal_.reset();
    auto journal = JournalReader::open(host_.machine().journal_directory());
    if (!journal) return leave(journal.error().text(), exit_could_not_run);
    journal_ = std::move(*journal);
    search_domains();
    say("entries were lost while watch was stopped: the history starts again");
  }

  /// Searches the existing domains for the one that is shown or awaited.
  void search_domains() {
    auto all = privcmd_.domains();
    if (!all) return;
    for (const DomainInfo& info : *all) {
      const bool same = !waits_ && info.domain == history_.domain();
      const bool next =
          waits_ && info.domain > history_.domain() && (wanted_.empty() || wanted_ == info.name);
      if (same || next) return follow(info);
    }
    waits_ = true;
  }

  void next_domain() {
    auto next = privcmd_.domain_info(history_.domain() + 1);
    if (next && !next.value()) next = privcmd_.domain_info(1);
    if (!next || !next.value() || (*next)->domain == history_.domain())
      return say("there is no other domain");
    follow(**next);
    if (!wanted_.empty()) wanted_ = (*next)->name;
  }

  void say(std::string notice) {
    notice_ = std::move(notice);
    notice_until_ = host_.now() + notice_lasts;
  }

  void frame() {
    const Time now = host_.now();
    if (now - rated_at_ >= between_rates) {
      const auto seconds = std::chrono::duration<double>(now - rated_at_).count();
      const auto rate = static_cast<unsigned>(static_cast<double>(history_.newest() - counted_) / seconds);
      changed_ = changed_ || rate != per_second_;
      per_second_ = rate;
      counted_ = history_.newest();
      rated_at_ = now;
    }
    if (!notice_.empty() && now >= notice_until_) {
      notice_.clear();
      changed_ = true;
    }
    if (!changed_ || now - drawn_at_ < between_frames) return;
    constexpr WindowSize unknown{24, 80};
    const WindowSize size = window_size(1).value_or(unknown);
    Canvas canvas(size.columns, size.rows, ascii_);
    draw_watch(canvas, {who_, per_second_, behind_ms_, notice(), help_, xenctld_}, history_);
    if (!terminal_->draw(canvas)) return;
    drawn_at_ = now;
    changed_ = false;
  }

  [[nodiscard]] std::string notice() const {
    if (!notice_.empty() || !waits_ || history_.paused()) return notice_;
    const std::string next = wanted_.empty() ? "the next domain" : fmt::format("another \"{}\"", wanted_);
    if (history_.domain() == 0) return "waiting for " + next + " (ringside create)";
    return fmt::format("{} has ended; waiting for {}   (q quits)", who_, next);
  }

  void pressed(const WatchKey& key) {
    using Name = WatchKey::Name;
    notice_.clear();
    switch (key.name) {
      case Name::character:
        return character(key.character);
      case Name::left:
        return step(-1);
      case Name::right:
        return step(1);
      case Name::up:
        return step(-10);
      case Name::down:
        return step(10);
      case Name::home:
        return history_.go(0);
      case Name::end:
        return go_on();
    }
  }

  void character(char key) {
    constexpr char control_c = 3;
    constexpr char control_l = 12;
    if (key >= '0' && key <= '9') {
      const std::uint64_t kept = history_.last_kept() + 1 - history_.first_kept();
      return history_.go(history_.first_kept() + kept * static_cast<std::uint64_t>(key - '0') / 10);
    }
    switch (key) {
      case ' ':
        return history_.paused() ? go_on() : history_.pause();
      case ',':
        return step(-1);
      case '.':
        return step(1);
      case '?':
        help_ = !help_;
        return;
      case '\t':
        return next_domain();
      case 'k':
        return history_.select(kinds_after(history_.selected()));
      case 'f':
        return follow_byte();
      case 'a':
        history_.select(WatchKinds::all);
        return history_.follow_none();
      case '[':
      case ']':
        return say("a live machine has no phases; the replay page of a scenario has");
      case control_l:
        return terminal_->forget();
      case 'q':
      case control_c:
        return leave("");
      default:
        return;
    }
  }

  /// Steps that the filters leave out are skipped.
  void step(int by) {
    history_.pause();
    std::uint64_t at = history_.shown().step;
    for (int count = std::abs(by); count > 0; --count) at = history_.next_shown(at, by < 0);
    history_.go(at);
  }

  void follow_byte() {
    if (!history_.follow_byte()) say("no kept step has bytes");
  }

  void go_on() {
    history_.go_on();
    counted_ = std::max(counted_, history_.newest());
    // While paused, the creation of a domain was ignored.
    if (waits_) search_domains();
  }

  void leave(const std::string& why, int status = exit_good) {
    end_message_ = why;
    terminal_->leave([this, status] { host_.stop(status); });
  }

  LinuxHost& host_;
  Privcmd& privcmd_;
  std::unique_ptr<JournalReader> journal_;
  WatchTerminal* terminal_ = nullptr;
  std::optional<LiveStart> start_;  ///< of a domain that existed before the watch
  WatchHistory history_;
  WatchKeys keys_;
  std::string wanted_;  ///< the name of the only domain to be shown; empty: any
  std::string who_ = "no domain yet";
  bool waits_ = false;  ///< for a domain to be created
  bool ascii_;
  bool xenctld_;
  bool help_ = false;
  bool changed_ = true;
  std::string notice_;
  std::string end_message_;
  Time notice_until_{};
  Time drawn_at_{};
  Time rated_at_{};
  std::uint64_t counted_ = 0;
  unsigned per_second_ = 0;
  unsigned behind_ms_ = 0;
};

/// Whether the locale has UTF-8: the first of these variables that is set decides.
bool has_utf8() {
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(variable);
    if (value == nullptr || *value == 0) continue;
    const std::string_view text = value;
    return text.find("UTF-8") != std::string_view::npos || text.find("utf8") != std::string_view::npos;
  }
  return false;
}

bool wants_colours() {
  const char* no_colour = std::getenv("NO_COLOR");
  return no_colour == nullptr || *no_colour == 0;
}

int watch_command(const Session& session, const WatchOptions& options) {
  for (const int fd : {0, 1}) {
    if (!is_terminal(fd))
      return failed(
          {EINVAL, "cannot watch", fd == 0 ? "stdin" : "stdout", "it is not a terminal", other_ways});
  }
  auto words = Terminfo::of_terminal();
  if (!words) return failed({ENOTTY, "cannot watch", words.error().object, words.error().why, other_ways});
  LinuxHost host("watch", session.machine());
  auto privcmd = host.connect_dom0();
  if (!privcmd) return failed(privcmd.error());
  auto journal = JournalReader::open(host.machine().journal_directory());
  if (!journal) return failed(journal.error());
  Watch watch(host, *privcmd, std::move(*journal), options.web.domain,
              kinds_named(options.kinds).value_or(WatchKinds::all), options.ascii || !has_utf8());
  if (auto begun = watch.begin(); !begun) return failed(begun.error());
  auto input = host.standard_stream(0);
  if (!input) return failed(input.error());
  auto output = host.standard_stream(1);
  if (!output) return failed(output.error());
  int status = exit_good;
  {
    WatchTerminal terminal(
        host, std::move(*input), std::move(*output), std::move(*words), wants_colours(),
        [&watch](std::uint8_t byte) { watch.typed(byte); }, [&host] { host.stop(exit_good); });
    status = watch.run(terminal);
  }
  if (!watch.end_message().empty()) host.warn(watch.end_message());
  return status;
}

}  // namespace

void add_watch_command(Command app, Session& session) {
  Command command = add_command(
      app, session, "watch", "Watch a running machine: its rings, events, queues and screens as they change",
      "  ringside watch             the first domain that exists, or is created\n"
      "  ringside watch web         in one terminal, and `ringside console web` in another\n"
      "  ringside watch web --ascii           without line drawing; NO_COLOR=1 in the environment: without "
      "colours\n"
      "  ringside watch web --web             the replay page, live, and a keyboard for the domain web\n"
      "  ringside watch --web --port 8000     a page of all domains, without a keyboard\n"
      "  ringside watch --web --each --port 8000    for a class: a page with a keyboard for each domain, "
      "that\n"
      "                             of domain 17 at port 8017\n"
      "  ringside watch web --only trouble    what was refused, lost or counted, and quirks\n"
      "Keys: space pauses, , and . step, k selects kinds, f follows a byte, Tab shows the next domain, ? "
      "lists all, q quits.\n"
      "Only programs on this machine can open the page, and only by the address that is printed.");
  const auto options = std::make_shared<WatchOptions>();
  const Option domain = command.add_option("DOMAIN", options->web.domain,
                                           "Its name or number (default: the first; --web: all)");
  const Option ascii = command.add_flag("--ascii", options->ascii, "Draw with ASCII characters only");
  const Option browser =
      command.add_flag("--web", options->in_browser, "Serve a page for a browser").excludes(ascii);
  command.add_option("--only", options->kinds, "Show only entries of this kind; the key k changes it")
      .one_of({watch_kinds_names.begin(), watch_kinds_names.end()})
      .excludes(browser);
  command
      .add_option("--port", options->web.port,
                  "Port of the page (default: any free one); with --each that number + the domain's")
      .needs(browser);
  command
      .add_flag(
          "--each", options->web.each,
          "A page with a keyboard for each domain that exists now; prints a line for each, its name and "
          "the address")
      .needs(browser)
      .excludes(domain);
  command.callback([&session, options] {
    session.run = [&session, options] {
      return options->in_browser ? watch_web(session, options->web) : watch_command(session, *options);
    };
  });
}

}  // namespace ringside::tools
