// watch --web: the replay page of a running machine. Its steps are added as they happen; what the user types
// into the page goes to the domain's console, as from any other client of it.
#include <fmt/format.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emu/base/byte_queue.h"
#include "emu/host/journal_log.h"
#include "emu/host/launch.h"
#include "emu/host/linux_host.h"
#include "emu/trace/journal.h"
#include "emu/trace/journal_file.h"
#include "tools/command.h"
#include "tools/machine/builder.h"
#include "tools/machine/console.h"
#include "tools/machine/live_start.h"
#include "tools/view/data.h"
#include "tools/view/page.h"
#include "tools/watch/web.h"
#include "tools/watch/web_server.h"

namespace ringside::tools {

namespace {

constexpr std::size_t typed_waiting_bytes_max = 65'536;
constexpr std::size_t steps_per_event_max = 256;

/// A client of the console, whose keyboard is the page. The page shows the console's output from the journal.
class Keyboard {
 public:
  Keyboard(Host& host, trace::Journal journal, trace::Role daemon, Handle console, DomainId domain)
      : host_(host),
        journal_(journal),
        daemon_(trace::actor(daemon)),
        console_(std::move(console)),
        domain_(domain),
        typed_(typed_waiting_bytes_max) {
    host_.watch(console_, {.read = true}, [this](Ready ready) { pump(ready); });
  }

  bool type(Bytes bytes) {
    if (!open_ || bytes.size() > typed_.room()) return false;
    typed_.push(bytes);
    pump({.write = true});
    return true;
  }

 private:
  void pump(Ready ready) {
    std::array<std::uint8_t, 16'384> bytes;
    if (ready.read) {
      const auto moment = journal_.moment();
      const Io io = host_.read(console_, bytes);
      journal_.bytes_passed(domain_, trace::actor(trace::Role::user), std::span(bytes).first(io.bytes),
                            moment);
      if (io.state == Io::State::closed) {
        open_ = false;
        return host_.watch_interest(console_, {});
      }
    }
    while (!typed_.empty()) {
      const auto moment = journal_.moment();
      const Io io = host_.write(console_, typed_.front());
      if (io.state != Io::State::moved) break;
      journal_.as(trace::actor(trace::Role::user))
          .bytes_passed(domain_, daemon_, typed_.front().first(io.bytes), moment);
      typed_.drop(io.bytes);
    }
    host_.watch_interest(console_, {.read = true, .write = !typed_.empty()});
  }

  Host& host_;
  trace::Journal journal_;
  trace::Actor daemon_;
  Handle console_;
  DomainId domain_;
  ByteQueue typed_;
  bool open_ = true;
};

/// The contents of the page: the journal from a moment on, as events of several steps each, until the server
/// keeps no more.
class Recording {
 public:
  /// `domain`: the only domain shown, if one is given.
  static Result<std::unique_ptr<Recording>> begin(Host& host, Privcmd& privcmd, const Machine& machine,
                                                  WebServer& server, const std::vector<DomainInfo>& domains,
                                                  std::optional<DomainId> domain) {
    auto reader = JournalReader::open(machine.journal_directory());
    if (!reader) return reader.error();
    return std::unique_ptr<Recording>(
        new Recording(server, domain, LiveStart(host, privcmd, machine, domains), std::move(*reader)));
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
            std::unique_ptr<JournalReader> reader)
      : server_(server), domain_(domain), start_(std::move(start)), reader_(std::move(reader)) {
    (void)data_.begin(start_.header());  // the page has it already
  }

  void take(trace::Entry entry) {
    if (server_.full()) return;
    if (domain_ && entry.domain != *domain_) return;
    if (start_.precedes(entry)) return;
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
  std::unique_ptr<JournalReader> reader_;  ///< none: the server keeps no more
  StepData data_;
  std::optional<std::uint64_t> origin_ns_;
  std::uint64_t step_ = 0;
  std::string batch_;
  std::size_t in_batch_ = 0;
};

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

  std::optional<Keyboard> keyboard;
  const std::string title = domain ? domains->front().name : "the machine";
  std::unique_ptr<Recording> recording;
  std::unique_ptr<WebServer> server;
  const auto begin = [&]() -> Result<> {
    auto begun = Recording::begin(host, *privcmd, machine, *server, *domains, domain);
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
    }
    const trace::JournalHeader header = recording != nullptr ? recording->header() : trace::JournalHeader{};
    return replay_page({run_data({header, {}, {}}, title)}, domain ? title : std::string("no keyboard"));
  };
  server =
      std::make_unique<WebServer>(host, WebServer::Callbacks{.page = page, .typed = [&keyboard](Bytes bytes) {
                                                               return keyboard && keyboard->type(bytes);
                                                             }});
  if (auto begun = begin(); !begun) return failed(begun.error());
  if (auto listens = server->listen(options.port); !listens) return failed(listens.error());
  if (domain) {
    if (auto console = find_console(host, *domain, false)) {
      const bool xenctld = running_dom0(host.machine()) == Dom0Kind::xenctld;
      keyboard.emplace(host, trace::Journal(**writer, trace::actor(trace::Role::client)),
                       xenctld ? trace::Role::xenctld : trace::Role::xend, std::move(*console), *domain);
    } else {
      host.warn(console.error().text());
    }
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
