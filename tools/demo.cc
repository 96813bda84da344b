// demo: the question of July 2005, answered by a run. A private machine boots one guest; its first words
// travel up to a viewer, then one key travels down and its echo comes back; every hop is told from the
// journal as it happened.
#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>

#include "emu/host/journal_log.h"
#include "emu/host/launch.h"
#include "emu/host/linux_host.h"
#include "emu/trace/journal.h"
#include "emu/trace/text.h"
#include "tools/builder.h"
#include "tools/command.h"
#include "tools/story.h"

namespace ringside::tools {

namespace {

constexpr std::chrono::seconds part_timeout{20};
constexpr std::chrono::milliseconds between_reads{2};

/// A viewer of the guest's console that types what it is told to, and a reader of the machine's journal.
class Stage {
 public:
  Stage(LinuxHost& host, JournalReader& reader, trace::Journal user, Handle console, DomainId domain)
      : host_(host), reader_(reader), user_(user), console_(std::move(console)), domain_(domain) {
    host_.watch(console_, {.read = true}, [this](Ready) { see(); });
  }

  void type(const std::string& text) {
    const Bytes bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
    user_.bytes_passed(domain_, trace::actor(trace::Role::xend), bytes);
    (void)host_.write(console_, bytes);
  }

  /// Runs the machine until what the viewer has seen since the last call ends in `text`, and everything that
  /// this set off has settled. Hands the entries to `tell` meanwhile. False when it never came.
  bool until_seen(const std::string& text, const std::function<void(const trace::Entry&)>& tell) {
    bool timed_out = false;
    int quiet_reads = 0;
    const auto timer = host_.timer_start(part_timeout, [&] {
      timed_out = true;
      host_.stop(0);
    });
    std::function<void()> look = [&] {
      quiet_reads = reader_.read(tell) == 0 ? quiet_reads + 1 : 0;
      if (quiet_reads >= quiet_reads_enough && seen_.ends_with(text)) return host_.stop(0);
      host_.timer_start(between_reads, look);
    };
    look();
    host_.run();
    host_.timer_cancel(timer);
    return !timed_out;
  }

  /// What the viewer has seen since the last call.
  std::string take_seen() { return std::exchange(seen_, {}); }

 private:
  static constexpr int quiet_reads_enough = 25;

  void see() {
    std::array<std::uint8_t, 4096> bytes;
    const Io io = host_.read(console_, bytes);
    if (io.state == Io::State::closed) host_.watch_interest(console_, {});
    if (io.state == Io::State::moved) seen_.append(reinterpret_cast<const char*>(bytes.data()), io.bytes);
  }

  LinuxHost& host_;
  JournalReader& reader_;
  trace::Journal user_;
  Handle console_;
  DomainId domain_;
  std::string seen_;
};

void print_seen(const std::string& text) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  std::printf("\n      the viewer has seen  %s\n", trace::quoted({bytes, text.size()}, text.size()).c_str());
}

Error never_came(const std::string& what) {
  return {ETIMEDOUT, "the demo stopped", what, "it did not arrive in time",
          "is this machine very busy? try again"};
}

void print_question(const DomainInfo& info, const BuiltDomain& built) {
  std::printf(
      "How do console data travel in Xen?   (asked on a mailing list in July 2005)\n\n"
      "A hypervisor, dom0's control switch xcs, xend and one guest are now running as processes.\n\n"
      "  the page            shared_info frame %#x of domain %u, found with getdomaininfo; dom0 has mapped "
      "it\n"
      "  in it, byte 2048    two rings of 8 slots, 64 bytes a message: tx (guest -> dom0), rx (dom0 -> "
      "guest)\n"
      "  the event channel   port %u of the guest: says that a message has arrived, and nothing else\n"
      "  the viewer          on xend's unix socket %s; `telnet localhost %u` would do\n",
      info.shared_info_frame, info.domain, built.guest_port, built.path.c_str(), built.tcp_port);
}

Result<> tell_all(LinuxHost& host, Privcmd& privcmd) {
  DomainSpec spec;
  spec.name = "hello";
  spec.paused = true;
  auto built = build_domain(host, privcmd, spec);
  if (!built) return built.error();
  auto info = privcmd.domain_info(built->domain);
  if (!info) return info.error();
  auto journal = JournalWriter::open(host.machine().journal_directory(), "user");
  if (!journal) return journal.error();
  auto reader = JournalReader::open(host.machine().journal_directory());
  if (!reader) return reader.error();
  auto console = host.connect_local(built->path);
  if (!console) return console.error();
  Stage stage(host, **reader, trace::Journal(**journal, trace::actor(trace::Role::user)), std::move(*console),
              built->domain);
  Story story;
  const auto skip = [](const trace::Entry&) {};
  const auto tell = [&](const trace::Entry& entry) { story.tell(entry); };

  print_question(**info, *built);
  if (auto set_going = privcmd.domain_unpause(built->domain); !set_going) return set_going;
  if (!stage.until_seen("$ ", skip)) return never_came("the guest's prompt");
  std::printf("\n%s\n", stage.take_seen().c_str());

  story.part("Down and up again: one key",
             "Somebody at the viewer presses \"u\". Follow it into the guest, and its echo "
             "back. Time counts from the key.");
  stage.type("u");
  if (!stage.until_seen("u", tell)) return never_came("the echo of \"u\"");
  print_seen(stage.take_seen());

  story.part("Sixty bytes at a time: a line of output",
             "The line is finished with \"name -a\" and Enter. The answer is longer than the 60 bytes of one "
             "message, "
             "so it takes several; they share one event.");
  stage.type("name -a\n");
  if (!stage.until_seen("$ ", tell)) return never_came("the guest's answer");
  std::printf("\n%s\n\n", stage.take_seen().c_str());
  std::printf(
      "%llu hops told. Try:  ringside exec        or        ringside up && ringside create web && ringside "
      "console web\n",
      static_cast<unsigned long long>(story.steps()));
  return Done{};
}

int demo() {
  auto directory = make_temporary_directory();
  if (!directory) return failed(directory.error());
  const Machine machine(*directory);
  LinuxHost host("demo", machine);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    host.on_signal(number, [&machine, number] {
      stop_machine(machine);
      std::_Exit(128 + number);
    });
  }
  Result<> told = start_machine(host, {.console_port_base = 0, .dies_with_us = true});
  if (told) {
    auto privcmd = host.connect_dom0();
    told = privcmd ? tell_all(host, *privcmd) : Result<>(privcmd.error());
  }
  stop_machine(machine);
  return told ? exit_good : failed(told.error());
}

}  // namespace

void add_demo_command(CLI::App& app, Session& session) {
  CLI::App* command =
      app.add_subcommand("demo", "The whole path once, told hop by hop; needs nothing, takes seconds");
  command->footer("Examples:\n  ringside demo\n  ringside demo | less");
  command->callback([&session] { session.run = demo; });
}

}  // namespace ringside::tools
