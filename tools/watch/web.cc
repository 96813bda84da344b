// watch --web: the replay page of a running machine, or one page for each of its domains. Steps are added as
// they happen; what the user types into a page goes to its domain's console, as from any other client of it.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emu/host/journal_log.h"
#include "emu/host/launch.h"
#include "emu/host/linux_host.h"
#include "emu/trace/journal.h"
#include "emu/trace/journal_file.h"
#include "emu/trace/json.h"
#include "tools/command.h"
#include "tools/machine/builder.h"
#include "tools/machine/console.h"
#include "tools/machine/live_start.h"
#include "tools/view/data.h"
#include "tools/view/page.h"
#include "tools/watch/web.h"
#include "tools/watch/web_keyboard.h"
#include "tools/watch/web_server.h"

namespace ringside::tools {

namespace {

constexpr std::size_t steps_per_event_max = 256;
/// The pages of many domains share this. For thirty it is enough for some 1400 typed keys each.
constexpr std::size_t web_kept_bytes_of_all_max = std::size_t{512} << 20;

/// Makes the keyboard for the domain's console, in its initial state.
std::unique_ptr<WebKeyboard> make_keyboard(LinuxHost& host, trace::Journal journal, const DomainInfo& info,
                                           std::function<void(const std::string&)> changed) {
  using Line = WebKeyboard::Line;
  WebKeyboard::Console console{.domain = info.domain, .name = info.name, .path = {}};
  Line line = Line::none;
  if (auto place = find_console(host, info, false)) {
    console.path = place->path;
    console.pty = place->pty;
    console.daemon = place->daemon;
    line = !place->attached.empty() ? Line::to_file : place->viewed ? Line::viewed : Line::open;
  } else {
    host.warn(place.error().text());
  }
  const bool pty = console.pty;
  auto keyboard = std::make_unique<WebKeyboard>(host, journal, std::move(console), line, life_of(info),
                                                std::move(changed));
  // Only xend refuses a second viewer. Whether another program has a pty open is known now.
  if (pty) keyboard->use();
  return keyboard;
}

/// `gone` if there is no such domain any more.
Life domain_life(Privcmd& privcmd, DomainId domain) {
  auto info = privcmd.domain_info(domain);
  if (!info || !info->has_value() || (*info)->domain != domain) return Life::gone;
  return life_of(**info);
}

/// A page: the journal from a moment on, as events of several steps each, until the server keeps no more; and
/// the keyboard of its domain.
class LivePage {
 public:
  /// `domain`: the only one that is shown; without it all are, and there is no keyboard. `open_journal` opens
  /// the journal, unless it is open.
  LivePage(LinuxHost& host, Privcmd& privcmd, std::optional<DomainInfo> domain, std::size_t kept_bytes_max,
           std::function<Result<>()> open_journal)
      : host_(host),
        privcmd_(privcmd),
        domain_(std::move(domain)),
        open_journal_(std::move(open_journal)),
        server_(host,
                {.page = [this] { return page(); }, .typed = [this](Bytes bytes) { return type(bytes); }},
                kept_bytes_max) {}

  Result<> begin(std::uint16_t port, const trace::Journal& journal) {
    if (auto begun = record(); !begun) return begun.error();
    if (auto listens = server_.listen(port); !listens) return listens.error();
    if (!domain_) return Done{};
    const auto say = [this](const std::string& why) { server_.say(trace::json_text(why)); };
    keyboard_ = make_keyboard(host_, journal, *domain_, say);
    say(keyboard_->why());
    return Done{};
  }

  [[nodiscard]] std::string name() const { return domain_ ? domain_->name : "the machine"; }
  [[nodiscard]] std::string address() const { return server_.address(); }
  [[nodiscard]] bool full() const { return server_.full(); }

  void take(trace::Entry entry) {
    if (server_.full()) return;
    if (domain_ && entry.domain != domain_->domain) return;
    if (start_->precedes(entry)) return;
    if (keyboard_ != nullptr) keyboard_->take(entry);
    if (!origin_ns_) origin_ns_ = entry.time_ns;
    entry.time_ns -= *origin_ns_;
    batch_ += (batch_.empty() ? "" : ",") + data_.step(++step_, entry);
    if (++in_batch_ == steps_per_event_max) send();
  }

  void send() {
    if (in_batch_ == 0) return;
    in_batch_ = 0;
    (void)server_.event("[" + std::exchange(batch_, {}) + "]");
  }

 private:
  /// Records from now on.
  Result<> record() {
    if (auto opened = open_journal_(); !opened) return opened.error();
    std::vector<DomainInfo> domains;
    if (domain_) {
      domains.push_back(*domain_);
    } else {
      auto all = privcmd_.domains();
      if (!all) return all.error();
      domains = std::move(*all);
    }
    start_.emplace(host_, privcmd_, host_.machine(), domains);
    data_ = {};
    (void)data_.begin(start_->header());  // the page has it already
    origin_ns_.reset();
    step_ = 0;
    batch_.clear();
    in_batch_ = 0;
    return Done{};
  }

  std::string page() {
    if (server_.full()) {
      server_.begin_anew();
      if (auto begun = record(); !begun) host_.stop(failed(begun.error()));
      if (keyboard_ != nullptr) keyboard_->renew(domain_life(privcmd_, domain_->domain));
    }
    if (keyboard_ != nullptr) keyboard_->use();
    return replay_page({run_data({start_->header(), {}, {}}, name())},
                       domain_ ? name() : std::string("no keyboard"));
  }

  std::string type(Bytes bytes) {
    return keyboard_ == nullptr ? "this page has no keyboard" : keyboard_->type(bytes);
  }

  LinuxHost& host_;
  Privcmd& privcmd_;
  std::optional<DomainInfo> domain_;
  std::function<Result<>()> open_journal_;
  WebServer server_;
  std::unique_ptr<WebKeyboard> keyboard_;
  std::optional<LiveStart> start_;
  StepData data_;
  std::optional<std::uint64_t> origin_ns_;
  std::uint64_t step_ = 0;
  std::string batch_;
  std::size_t in_batch_ = 0;
};

/// The pages of one process, which has one reader of the journal for all of them.
class LivePages {
 public:
  LivePages(LinuxHost& host, Privcmd& privcmd) : host_(host), privcmd_(privcmd) {}

  Result<> begin(const WatchWebOptions& options) {
    auto writer = JournalWriter::open(host_.machine().journal_directory(), "watch");
    if (!writer) return writer.error();
    writer_ = std::move(*writer);
    auto domains = domains_meant(privcmd_, options.domain);
    if (!domains) return domains.error();
    if (!options.each) {
      const auto domain = options.domain.empty() ? std::nullopt : std::optional(domains->front());
      return add(domain, options.port, web_kept_bytes_max);
    }
    std::erase_if(*domains, [](const DomainInfo& info) { return info.domain == 0; });
    if (domains->empty())
      return Error{ENOENT, "cannot watch each domain", "", "there is none yet",
                   "ringside create makes domains"};
    const std::size_t kept = std::min(web_kept_bytes_of_all_max / domains->size(), web_kept_bytes_max);
    for (const DomainInfo& info : *domains) {
      const std::uint32_t port = options.port == 0 ? 0 : options.port + info.domain;
      if (port > UINT16_MAX)
        return Error{EINVAL, fmt::format("cannot serve a page for {}", info.name),
                     fmt::format("port {}", port), "there is no such port", "choose a smaller --port"};
      if (auto added = add(info, static_cast<std::uint16_t>(port), kept); !added) return added.error();
    }
    return Done{};
  }

  [[nodiscard]] const std::vector<std::unique_ptr<LivePage>>& pages() const { return pages_; }

  /// Reads the journal. An error ends the watch.
  Result<> read() {
    if (reader_ == nullptr) return Done{};
    reader_->read([this](const trace::Entry& entry) {
      for (const auto& page : pages_) page->take(entry);
    });
    for (const auto& page : pages_) page->send();
    if (reader_->failure()) return *reader_->failure();
    if (reader_->lost() != 0)
      return Error{0, "cannot show the machine", "", "the page was too slow, and entries were lost", ""};
    // Without a reader, no process of the machine waits for this one.
    if (std::ranges::all_of(pages_, [](const auto& page) { return page->full(); })) reader_.reset();
    return Done{};
  }

 private:
  Result<> add(const std::optional<DomainInfo>& domain, std::uint16_t port, std::size_t kept_bytes_max) {
    const auto open_journal = [this]() -> Result<> {
      if (reader_ != nullptr) return Done{};
      auto reader = JournalReader::open(host_.machine().journal_directory());
      if (!reader) return reader.error();
      reader_ = std::move(*reader);
      return Done{};
    };
    pages_.push_back(std::make_unique<LivePage>(host_, privcmd_, domain, kept_bytes_max, open_journal));
    return pages_.back()->begin(port, trace::Journal(*writer_, trace::actor(trace::Role::client)));
  }

  LinuxHost& host_;
  Privcmd& privcmd_;
  std::unique_ptr<JournalWriter> writer_;
  std::unique_ptr<JournalReader> reader_;  ///< null: no page keeps more
  std::vector<std::unique_ptr<LivePage>> pages_;
};

}  // namespace

int watch_web(const Session& session, const WatchWebOptions& options) {
  LinuxHost host("watch", session.machine());
  auto privcmd = host.connect_dom0();
  if (!privcmd) return failed(privcmd.error());
  LivePages live(host, *privcmd);
  if (auto begun = live.begin(options); !begun) return failed(begun.error());
  std::function<void()> read_on = [&] {
    if (auto taken = live.read(); !taken) return host.stop(failed(taken.error()));
    host.timer_start(between_reads, read_on);
  };
  read_on();
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) host.on_signal(number, [&] { host.stop(exit_good); });
  host.watch(privcmd->connection(), {.read = true}, [&](Ready) { host.stop(exit_good); });
  for (const auto& page : live.pages()) {
    if (options.each) {
      std::printf("%s %s\n", page->name().c_str(), page->address().c_str());
    } else {
      std::printf("%s\nOpen it in a browser on this machine; Ctrl-C ends it.\n", page->address().c_str());
    }
  }
  // Without the address the command has no use.
  if (std::fflush(stdout) != 0) return exit_could_not_run;
  return host.run();
}

}  // namespace ringside::tools
