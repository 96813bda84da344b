// watch --web: the replay page of a machine that is at work. Its steps come as they happen; what is typed
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

/// A viewer of the console, whose keyboard is the page. The journal shows on the page what the console says.
class Keyboard {
 public:
  Keyboard(Host& host, trace::Journal journal, Handle console, DomainId domain)
      : host_(host),
        journal_(journal),
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
          .bytes_passed(domain_, trace::actor(trace::Role::xend), typed_.front().first(io.bytes), moment);
      typed_.drop(io.bytes);
    }
    host_.watch_interest(console_, {.read = true, .write = !typed_.empty()});
  }

  Host& host_;
  trace::Journal journal_;
  Handle console_;
  DomainId domain_;
  ByteQueue typed_;
  bool open_ = true;
};

/// Makes events of entries: an array of the page's steps each.
class StepEvents {
 public:
  StepEvents(WebServer& server, std::optional<DomainId> domain, const LiveStart& start)
      : server_(server), domain_(domain), start_(start) {
    (void)data_.begin(start.header());  // the page has it already
  }

  void take(trace::Entry entry) {
    if (domain_ && entry.domain != *domain_) return;
    if (start_.precedes(entry)) return;
    if (!origin_ns_) origin_ns_ = entry.time_ns;
    entry.time_ns -= *origin_ns_;
    batch_ += (batch_.empty() ? "" : ",") + data_.step(++step_, entry);
    if (++in_batch_ == steps_per_event_max) send();
  }
  /// False: the server keeps no more.
  bool send() {
    if (in_batch_ == 0) return true;
    in_batch_ = 0;
    kept_ = server_.event("[" + std::exchange(batch_, {}) + "]") && kept_;
    return kept_;
  }

 private:
  WebServer& server_;
  std::optional<DomainId> domain_;
  const LiveStart& start_;
  StepData data_;
  std::optional<std::uint64_t> origin_ns_;
  std::uint64_t step_ = 0;
  std::string batch_;
  std::size_t in_batch_ = 0;
  bool kept_ = true;
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
  auto reader = JournalReader::open(machine.journal_directory());
  if (!reader) return failed(reader.error());

  std::optional<Keyboard> keyboard;
  const std::string title = domain ? domains->front().name : "the machine";
  const LiveStart start(host, *privcmd, machine, *domains);
  std::string page =
      replay_page({run_data({start.header(), {}, {}}, title)}, domain ? title : std::string("no keyboard"));
  WebServer server(host, {.page = [&page] { return page; },
                          .typed = [&keyboard](Bytes bytes) { return keyboard && keyboard->type(bytes); }});
  if (auto listens = server.listen(options.port); !listens) return failed(listens.error());
  StepEvents steps(server, domain, start);
  if (domain) {
    if (auto console = find_console(host, *domain, false)) {
      keyboard.emplace(host, trace::Journal(**writer, trace::actor(trace::Role::client)), std::move(*console),
                       *domain);
    } else {
      host.warn(console.error().text());
    }
  }
  std::function<void()> read_on = [&] {
    (*reader)->read([&steps](const trace::Entry& entry) { steps.take(entry); });
    if (!steps.send()) {
      host.warn(fmt::format("the page has {} events, and gets no more (web_events_max): start watch again",
                            web_events_max));
      return;
    }
    if ((*reader)->failure()) return host.stop(failed(*(*reader)->failure()));
    if ((*reader)->lost() != 0) {
      host.warn("this page was made too slowly, and entries were lost");
      return host.stop(exit_could_not_run);
    }
    host.timer_start(between_reads, read_on);
  };
  read_on();
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) host.on_signal(number, [&] { host.stop(exit_good); });
  host.watch(privcmd->connection(), {.read = true}, [&](Ready) { host.stop(exit_good); });
  std::printf("%s\nOpen it in a browser on this machine; Ctrl-C ends it.\n", server.address().c_str());
  std::fflush(stdout);
  return host.run();
}

}  // namespace ringside::tools
