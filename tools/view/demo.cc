// demo: the question of July 2005, answered by a run. A private machine boots one guest; its first words
// travel up to a viewer, then one key travels down and its echo comes back; every hop is told from the
// journal as it happened. From the hardware, the viewer is a console client in dom0's shell on the serial
// line, and the key is pressed at the far end of that.
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
#include "tools/command.h"
#include "tools/machine/builder.h"
#include "tools/view/story.h"

namespace ringside::tools {

namespace {

constexpr std::chrono::seconds part_timeout{20};
constexpr std::chrono::milliseconds between_reads{2};

/// Somebody at a console, or at a serial line, who types what he is told to; and a reader of the machine's
/// journal.
class Stage {
 public:
  /// `typed` is called with what is typed, before it leaves.
  Stage(LinuxHost& host, JournalReader& reader, Handle console, std::function<void(Bytes)> typed)
      : host_(host), reader_(reader), console_(std::move(console)), typed_(std::move(typed)) {
    host_.watch(console_, {.read = true}, [this](Ready) { see(); });
  }

  void type(const std::string& text) {
    const Bytes bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
    typed_(bytes);
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
  Handle console_;
  std::function<void(Bytes)> typed_;
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

void print_question(const DomainInfo& info, const BuiltDomain& built, const std::string& viewer) {
  std::printf(
      "How do console data travel in Xen?   (asked on a mailing list in July 2005)\n\n"
      "A hypervisor, dom0's control switch xcs, xend and one guest are now running as processes.\n\n"
      "  the page            shared_info frame %#x of domain %u, found with getdomaininfo; dom0 has mapped "
      "it\n"
      "  in it, byte 2048    two rings of 8 slots, 64 bytes a message: tx (guest -> dom0), rx (dom0 -> "
      "guest)\n"
      "  the event channel   port %u of the guest: says that a message has arrived, and nothing else\n"
      "  the viewer          %s\n",
      info.shared_info_frame, info.domain, built.guest_port, viewer.c_str());
}

const auto skip = [](const trace::Entry&) {};

/// One key, told in both directions. `around` says where somebody presses it.
Result<> tell_key(Stage& stage, Story& story, const std::string& around) {
  story.part("Down and up again: one key", around + " Time counts from the key.");
  stage.type("u");
  if (!stage.until_seen("u", [&](const trace::Entry& entry) { story.tell(entry); }))
    return never_came("the echo of \"u\"");
  print_seen(stage.take_seen());
  return Done{};
}

/// The viewer is on xend's own socket.
Result<> tell_from_viewer(LinuxHost& host, Privcmd& privcmd, JournalReader& reader,
                          const BuiltDomain& built) {
  auto journal = JournalWriter::open(host.machine().journal_directory(), "user");
  if (!journal) return journal.error();
  auto console = host.connect_local(built.path);
  if (!console) return console.error();
  const trace::Journal user(**journal, trace::actor(trace::Role::user));
  Stage stage(host, reader, std::move(*console), [&](Bytes bytes) {
    trace::Journal(user).bytes_passed(built.domain, trace::actor(trace::Role::xend), bytes);
  });
  Story story;
  if (auto set_going = privcmd.domain_unpause(built.domain); !set_going) return set_going;
  if (!stage.until_seen("$ ", skip)) return never_came("the guest's prompt");
  std::printf("\n%s\n", stage.take_seen().c_str());
  auto told = tell_key(stage, story,
                       "Somebody at the viewer presses \"u\". Follow it into the guest, and its echo back.");
  if (!told) return told;

  story.part("Sixty bytes at a time: a line of output",
             "The line is finished with \"name -a\" and Enter. The answer is longer than the 60 bytes of one "
             "message, "
             "so it takes several; they share one event.");
  stage.type("name -a\n");
  if (!stage.until_seen("$ ", [&](const trace::Entry& entry) { story.tell(entry); }))
    return never_came("the guest's answer");
  std::printf("\n%s\n\n", stage.take_seen().c_str());
  std::printf(
      "%llu hops told. Try:  ringside demo --from-hardware        or        ringside up && ringside create "
      "web "
      "&& ringside console web\n",
      static_cast<unsigned long long>(story.steps()));
  return Done{};
}

/// The viewer is `ringside console`, typed at dom0's shell on ttyS0.
Result<> tell_from_hardware(LinuxHost& host, Privcmd& privcmd, JournalReader& reader,
                            const BuiltDomain& built) {
  auto line = host.file_open(host.machine().com1_link(), Host::FileUse::output);
  if (!line) return line.error();
  Stage stage(host, reader, std::move(line->handle), [](Bytes) {});
  Story story;
  if (auto set_going = privcmd.domain_unpause(built.domain); !set_going) return set_going;
  stage.type("\r");
  if (!stage.until_seen("dom0# ", skip)) return never_came("dom0's prompt");
  stage.type("ringside console hello\r\r");
  if (!stage.until_seen("$ ", skip)) return never_came("the guest's prompt");
  std::printf("\nOn the serial line, in dom0's shell:\n\n%s\n", stage.take_seen().c_str());
  auto told =
      tell_key(stage, story,
               "Somebody at the far end of the serial line presses \"u\". Follow it through the chip, "
               "Xen, dom0's kernel, its tty and the console client there; then xend, xcs, the ring, the "
               "guest; and its echo all the way back.");
  if (!told) return told;
  std::printf("\n%llu hops told. What each is: ringside explain. Try:  ringside up && ringside uart\n",
              static_cast<unsigned long long>(story.steps()));
  return Done{};
}

Result<> tell_all(LinuxHost& host, bool from_hardware) {
  auto privcmd = host.connect_dom0();
  if (!privcmd) return privcmd.error();
  DomainSpec spec;
  spec.name = "hello";
  spec.paused = true;
  auto built = build_domain(host, *privcmd, spec);
  if (!built) return built.error();
  auto info = privcmd->domain_info(built->domain);
  if (!info) return info.error();
  auto reader = JournalReader::open(host.machine().journal_directory());
  if (!reader) return reader.error();
  print_question(**info, *built,
                 from_hardware ? "`ringside console`, in dom0's shell on the serial line"
                               : fmt::format("on xend's unix socket {}; `telnet localhost {}` would do",
                                             built->path, built->tcp_port));
  return from_hardware ? tell_from_hardware(host, *privcmd, **reader, *built)
                       : tell_from_viewer(host, *privcmd, **reader, *built);
}

int demo(bool from_hardware) {
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
  MachineSpec spec{.console_port_base = 0, .dies_with_us = true};
  if (from_hardware) {
    spec.serial = {"--com1", "pty"};
    spec.dom0_kernel = true;
  }
  Result<> told = start_machine(host, spec);
  if (told) told = tell_all(host, from_hardware);
  stop_machine(machine);
  return told ? exit_good : failed(told.error());
}

}  // namespace

void add_demo_command(CLI::App& app, Session& session) {
  CLI::App* command =
      app.add_subcommand("demo", "The whole path once, told hop by hop; needs nothing, takes seconds");
  command->footer(
      "Examples:\n"
      "  ringside demo                    from a viewer of xend's to the guest and back\n"
      "  ringside demo --from-hardware    from the serial line: the chip, Xen, dom0's tty, and then all of "
      "that\n"
      "  ringside demo | less");
  const auto from_hardware = std::make_shared<bool>(false);
  command->add_flag("--from-hardware", *from_hardware,
                    "The key is pressed at the far end of the serial line");
  command->callback(
      [&session, from_hardware] { session.run = [from_hardware] { return demo(*from_hardware); }; });
}

}  // namespace ringside::tools
