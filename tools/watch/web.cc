// watch --web: the replay page of a running machine. Its steps are added as they happen; what the user types
// into the page goes to the domain's console, as from any other client of it.
#include <fmt/format.h>

#include <csignal>
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

/// Makes the keyboard for the domain's console, in its initial state.
std::unique_ptr<WebKeyboard> make_keyboard(LinuxHost& host, trace::Journal journal, const DomainInfo& info,
                                           std::function<void(const std::string&)> changed) {
  using Line = WebKeyboard::Line;
  WebKeyboard::Console console{.domain = info.domain, .name = info.name, .path = {}, .pty = false};
  Line line = Line::none;
  if (auto place = find_console(host, info, false)) {
    console.path = place->path;
    console.pty = place->pty;
    line = !place->attached.empty() ? Line::to_file : place->viewed ? Line::viewed : Line::open;
  } else {
    host.warn(place.error().text());
  }
  return std::make_unique<WebKeyboard>(host, journal, std::move(console), line, life_of(info),
                                       std::move(changed));
}

/// The contents of the page: the journal from a moment on, as events of several steps each, until the server
/// keeps no more.
class Recording {
 public:
  /// `domain`: the only domain shown, if one is given.
  static Result<std::unique_ptr<Recording>> begin(Host& host, Privcmd& privcmd, const Machine& machine,
                                                  WebServer& server, const std::vector<DomainInfo>& domains,
                                                  std::optional<DomainId> domain,
                                                  std::function<void(const trace::Entry&)> seen) {
    auto reader = JournalReader::open(machine.journal_directory());
    if (!reader) return reader.error();
    return std::unique_ptr<Recording>(new Recording(
        server, domain, LiveStart(host, privcmd, machine, domains), std::move(*reader), std::move(seen)));
  }

  [[nodiscard]] const trace::JournalHeader& header() const { return start_.header(); }

  /// Reads the journal. An error ends the watch.
  Result<> read() {
    if (reader_ == nullptr) return Done{};
    reader_->read([this](const trace::Entry& entry) { take(entry); });
    send();
    if (reader_->failure()) return *reader_->failure();
    if (reader_->lost() != 0)
      return Error{0, "cannot show the machine", "", "the page was too slow, and entries were lost", ""};
    // Without a reader, no process of the machine waits for this one.
    if (server_.full()) reader_.reset();
    return Done{};
  }

 private:
  Recording(WebServer& server, std::optional<DomainId> domain, LiveStart start,
            std::unique_ptr<JournalReader> reader, std::function<void(const trace::Entry&)> seen)
      : server_(server),
        domain_(domain),
        start_(std::move(start)),
        reader_(std::move(reader)),
        seen_(std::move(seen)) {
    (void)data_.begin(start_.header());  // the page has it already
  }

  void take(trace::Entry entry) {
    if (server_.full()) return;
    if (domain_ && entry.domain != *domain_) return;
    if (start_.precedes(entry)) return;
    seen_(entry);
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

  WebServer& server_;
  std::optional<DomainId> domain_;
  LiveStart start_;
  std::unique_ptr<JournalReader> reader_;  ///< null: the server keeps no more
  std::function<void(const trace::Entry&)> seen_;
  StepData data_;
  std::optional<std::uint64_t> origin_ns_;
  std::uint64_t step_ = 0;
  std::string batch_;
  std::size_t in_batch_ = 0;
};

/// `gone` if there is no such domain any more.
Life domain_life(Privcmd& privcmd, DomainId domain) {
  auto info = privcmd.domain_info(domain);
  if (!info || !info->has_value() || (*info)->domain != domain) return Life::gone;
  return life_of(**info);
}

}  // namespace

int watch_web(const Session& session, const WatchWebOptions& options) {
  const Machine machine = session.machine();
  LinuxHost host("watch", machine);
  auto privcmd = host.connect_dom0();
  if (!privcmd) return failed(privcmd.error());
  auto domains = domains_meant(*privcmd, options.domain);
  if (!domains) return failed(domains.error());
  const auto domain = options.domain.empty() ? std::nullopt : std::optional(domains->front().domain);
  auto writer = JournalWriter::open(machine.journal_directory(), "watch");
  if (!writer) return failed(writer.error());

  std::unique_ptr<WebKeyboard> keyboard;
  const std::string title = domain ? domains->front().name : "the machine";
  std::unique_ptr<Recording> recording;
  std::unique_ptr<WebServer> server;
  const auto begin = [&]() -> Result<> {
    auto begun = Recording::begin(host, *privcmd, machine, *server, *domains, domain,
                                  [&keyboard](const trace::Entry& entry) {
                                    if (keyboard != nullptr) keyboard->take(entry);
                                  });
    if (!begun) return begun.error();
    recording = std::move(*begun);
    return Done{};
  };
  const auto page = [&] {
    if (server->full()) {
      server->begin_anew();
      recording.reset();  // there are at most journal_readers_max readers at a time
      if (auto domains_now = domains_meant(*privcmd, options.domain)) *domains = std::move(*domains_now);
      if (auto begun = begin(); !begun) host.stop(failed(begun.error()));
      if (keyboard != nullptr) keyboard->renew(domain_life(*privcmd, *domain));
    }
    const trace::JournalHeader header = recording != nullptr ? recording->header() : trace::JournalHeader{};
    return replay_page({run_data({header, {}, {}}, title)}, domain ? title : std::string("no keyboard"));
  };
  server = std::make_unique<WebServer>(
      host, WebServer::Callbacks{.page = page, .typed = [&keyboard](Bytes bytes) {
                                   return keyboard == nullptr ? "this page has no keyboard"
                                                              : keyboard->type(bytes);
                                 }});
  if (auto begun = begin(); !begun) return failed(begun.error());
  if (auto listens = server->listen(options.port); !listens) return failed(listens.error());
  if (domain) {
    const auto say = [&server](const std::string& why) { server->say(trace::json_text(why)); };
    keyboard = make_keyboard(host, trace::Journal(**writer, trace::actor(trace::Role::client)),
                             domains->front(), say);
    say(keyboard->why());
  }
  std::function<void()> read_on = [&] {
    if (auto taken = recording->read(); !taken) return host.stop(failed(taken.error()));
    host.timer_start(between_reads, read_on);
  };
  read_on();
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) host.on_signal(number, [&] { host.stop(exit_good); });
  host.watch(privcmd->connection(), {.read = true}, [&](Ready) { host.stop(exit_good); });
  std::printf("%s\nOpen it in a browser on this machine; Ctrl-C ends it.\n", server->address().c_str());
  // Without the address the command has no use.
  if (std::fflush(stdout) != 0) return exit_could_not_run;
  return host.run();
}

}  // namespace ringside::tools
