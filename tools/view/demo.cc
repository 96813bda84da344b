// demo: the answer to the question of July 2005, shown by a run. A private machine boots one guest. The
// guest's first output travels up to a viewer, then one key travels down and its echo comes back. Every hop
// is printed from the journal of the run. With --from-hardware, the viewer is a console client in dom0's
// shell on the serial line, and the key is pressed at the far end of that line.
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "emu/host/journal_log.h"
#include "emu/host/launch.h"
#include "emu/host/linux_host.h"
#include "emu/trace/journal.h"
#include "emu/trace/journal_file.h"
#include "emu/trace/replay.h"
#include "emu/trace/text.h"
#include "tools/command.h"
#include "tools/machine/builder.h"
#include "tools/machine/live_start.h"
#include "tools/machine/private_machine.h"
#include "tools/out_file.h"
#include "tools/view/data.h"
#include "tools/view/hop_printer.h"
#include "tools/view/page.h"

namespace ringside::tools {

namespace {

constexpr std::chrono::seconds part_timeout{120};
constexpr std::chrono::milliseconds between_journal_reads{2};

/// A simulated user at a console or a serial line, and a reader of the machine's journal from before the
/// guest has run.
class DemoViewer {
 public:
  using Passed = std::function<void(Bytes)>;
  /// `typed` is called with the bytes before they are sent; `shown` with those that have arrived.
  DemoViewer(LinuxHost& host, JournalReader& reader, DomainId guest, Handle console, Passed typed,
             Passed shown)
      : host_(host),
        reader_(reader),
        guest_(guest),
        console_(std::move(console)),
        typed_(std::move(typed)),
        shown_(std::move(shown)) {
    host_.watch(console_, {.read = true}, [this](Ready) { see(); });
  }

  void type(const std::string& text) {
    const Bytes bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
    typed_(bytes);
    (void)host_.write(console_, bytes);
  }

  /// Runs the machine until the output since take_seen() ends in `text`, and all its messages are complete.
  /// Calls `show` with each entry on the way. False when the text did not arrive in time.
  bool until_seen(const std::string& text, const std::function<void(const trace::Entry&)>& show) {
    bool timed_out = false;
    const auto timer = host_.timer_start(part_timeout, [&] {
      timed_out = true;
      host_.stop(0);
    });
    std::function<void()> look = [&] {
      reader_.read([&](const trace::Entry& entry) {
        note(entry);
        show(entry);
      });
      if (seen_.ends_with(text) && passed_bytes_.ends_with(text) && is_over()) return host_.stop(0);
      host_.timer_start(between_journal_reads, look);
    };
    look();
    host_.run();
    host_.timer_cancel(timer);
    return !timed_out;
  }

  /// The output that the viewer has received since the last call.
  std::string take_seen() {
    passed_bytes_.clear();
    return std::exchange(seen_, {});
  }

 private:
  void note(const trace::Entry& entry) {
    replay_.take(++entries_, entry);
    const auto bytes = entry.message.payload();
    if (entry.kind == trace::Kind::bytes_passed && entry.peer.role == trace::Role::user)
      passed_bytes_.append(bytes.begin(), bytes.end());
  }

  /// Whether both rings of the guest are at rest: each request was taken and answered, and each response was
  /// taken. That is the last hop of a message.
  [[nodiscard]] bool is_over() const {
    return std::ranges::all_of(std::array{ring::Ring::tx, ring::Ring::rx}, [this](ring::Ring ring) {
      const auto& indices = replay_.ring(guest_, ring).indices;
      return std::ranges::all_of(indices, [&](std::uint32_t index) { return index == indices[0]; });
    });
  }

  void see() {
    std::array<std::uint8_t, 4096> bytes;
    const Io io = host_.read(console_, bytes);
    if (io.state == Io::State::closed) host_.watch_interest(console_, {});
    if (io.state != Io::State::moved) return;
    shown_(std::span(bytes).first(io.bytes));
    seen_.append(reinterpret_cast<const char*>(bytes.data()), io.bytes);
  }

  LinuxHost& host_;
  JournalReader& reader_;
  DomainId guest_;
  Handle console_;
  Passed typed_;
  Passed shown_;
  trace::Replay replay_;
  std::uint64_t entries_ = 0;
  std::string seen_;
  std::string passed_bytes_;  ///< bytes sent to the viewer since take_seen(), according to the journal
};

void print_seen(const std::string& text) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  std::printf("\n      the viewer has seen  %s\n", trace::quoted({bytes, text.size()}, text.size()).c_str());
}

Error not_arrived(const std::string& what) {
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
      "  the event channel   port %u of the guest: says only that a message has arrived\n"
      "  the viewer          %s\n",
      info.shared_info_frame, info.domain, built.guest_port, viewer.c_str());
}

const auto skip = [](const trace::Entry&) {};

struct DemoOptions {
  bool from_hardware = false;
  std::string html;     ///< a path; empty: no page is written
  std::string journal;  ///< the same
};

/// Prints the explanation, and records the journal of its steps with the same numbers. A part becomes a
/// phase.
class DemoRecording {
 public:
  /// Begins with the rings as they are now: earlier entries are left out.
  DemoRecording(LinuxHost& host, Privcmd& privcmd, const DomainInfo& info) {
    journal_.header = LiveStart(host, privcmd, host.machine(), {info}).header();
  }

  void part(const std::string& heading, const std::string& introduction) {
    printer_.part(heading, introduction);
    const std::int64_t now = journal_.steps.empty() ? 0 : time_of(journal_.steps.back());
    journal_.marks.push_back({.kind = trace::JournalMark::Kind::phase,
                              .after = printer_.steps(),
                              .time_ns = now,
                              .text = heading});
  }
  void show(const trace::Entry& entry) {
    printer_.show(entry);
    trace::JournalStep step{printer_.steps(), entry};
    if (journal_.steps.empty()) origin_ns_ = entry.time_ns;
    step.entry.time_ns -= origin_ns_;
    journal_.steps.push_back(step);
  }
  [[nodiscard]] std::uint64_t steps() const { return printer_.steps(); }
  [[nodiscard]] const trace::Journaled& journal() const { return journal_; }

 private:
  static std::int64_t time_of(const trace::JournalStep& step) {
    return static_cast<std::int64_t>(step.entry.time_ns);
  }

  HopPrinter printer_;
  trace::Journaled journal_;
  std::uint64_t origin_ns_ = 0;
};

/// The output files. They are opened before the demo begins, so that an error is reported at once.
class Files {
 public:
  Result<> open(const DemoOptions& options) {
    for (const auto& [path, file] :
         {std::pair(&options.html, &html_), std::pair(&options.journal, &journal_)}) {
      if (path->empty()) continue;
      auto opened = OutFile::open(*path);
      if (!opened) return opened.error();
      file->emplace(std::move(*opened));
    }
    return Done{};
  }
  Result<> write(const trace::Journaled& journal) {
    if (journal_) {
      std::ostringstream text;
      trace::write_journal(text, journal);
      journal_->write(text.str());
      if (auto closed = journal_->close(); !closed) return closed;
    }
    if (!html_) return Done{};
    html_->write(replay_page({run_data(journal, "How do console data travel in Xen?")}));
    return html_->close();
  }

 private:
  std::optional<OutFile> html_;
  std::optional<OutFile> journal_;
};

/// Prints the hops of one key, down and up. `around` describes where the key is pressed.
Result<> show_key(DemoViewer& viewer, DemoRecording& recording, const std::string& around) {
  recording.part("Down and up again: one key", around + " Time counts from the key.");
  viewer.type("u");
  if (!viewer.until_seen("u", [&](const trace::Entry& entry) { recording.show(entry); }))
    return not_arrived("the echo of \"u\"");
  print_seen(viewer.take_seen());
  return Done{};
}

/// Counts the bytes, messages and events of the guest's output in these entries. On a busy machine the same
/// output may take other messages.
std::string output_counts(const std::vector<trace::Entry>& entries) {
  std::size_t bytes = 0;
  std::size_t messages = 0;
  std::size_t events = 0;
  for (const trace::Entry& entry : entries) {
    if (entry.actor.role != trace::Role::domain) continue;
    const bool request = entry.kind == trace::Kind::slot_written && entry.ring == ring::Ring::tx &&
                         entry.detail == static_cast<std::uint8_t>(trace::SlotUse::request);
    if (request && ring::is_console_data(entry.message)) {
      bytes += entry.message.payload().size();
      ++messages;
    }
    if (entry.kind == trace::Kind::event_raised && entry.peer == trace::dom0_actor) ++events;
  }
  return fmt::format(
      "The guest's echo and answer are {} bytes. A message holds 60, so they take {} messages; the guest "
      "raises its event {} "
      "times, because one event serves all messages that are published together, and a response needs one "
      "too.",
      bytes, messages, events);
}

/// The viewer is on xend's own socket.
Result<> show_from_viewer(LinuxHost& host, Privcmd& privcmd, JournalReader& reader, const DomainInfo& info,
                          const BuiltDomain& built, Files& files) {
  auto journal = JournalWriter::open(host.machine().journal_directory(), "user");
  if (!journal) return journal.error();
  auto console = host.connect_local(built.path);
  if (!console) return console.error();
  const trace::Actor user = trace::actor(trace::Role::user);
  trace::Journal of_client(**journal, trace::actor(trace::Role::client));
  DemoViewer viewer(
      host, reader, built.domain, std::move(*console),
      [&](Bytes bytes) {
        of_client.as(user).bytes_passed(built.domain, trace::actor(trace::Role::xend), bytes);
      },
      [&](Bytes bytes) { of_client.bytes_passed(built.domain, user, bytes); });
  if (auto set_going = privcmd.domain_unpause(built.domain); !set_going) return set_going;
  if (!viewer.until_seen("$ ", skip)) return not_arrived("the guest's prompt");
  std::printf("\n%s\n", viewer.take_seen().c_str());
  DemoRecording recording(host, privcmd, info);
  auto shown = show_key(viewer, recording,
                        "A user at the viewer presses \"u\". Follow it into the guest, and its echo back.");
  if (!shown) return shown;

  viewer.type("name -a\n");
  std::vector<trace::Entry> entries;
  if (!viewer.until_seen("$ ", [&](const trace::Entry& entry) { entries.push_back(entry); }))
    return not_arrived("the guest's answer");
  recording.part("Sixty bytes at a time: a line of output",
                 "The line is finished with \"name -a\" and Enter. " + output_counts(entries));
  for (const trace::Entry& entry : entries) recording.show(entry);
  std::printf("\n%s\n\n", viewer.take_seen().c_str());
  std::printf(
      "%llu hops shown. Try:  ringside demo --from-hardware        or        ringside up && ringside create "
      "web "
      "&& ringside console web\n",
      static_cast<unsigned long long>(recording.steps()));
  return files.write(recording.journal());
}

/// The viewer is `ringside console`, typed at dom0's shell on ttyS0.
Result<> show_from_hardware(LinuxHost& host, Privcmd& privcmd, JournalReader& reader, const DomainInfo& info,
                            const BuiltDomain& built, Files& files) {
  auto line = host.file_open(host.machine().com1_link(), Host::FileUse::output);
  if (!line) return line.error();
  DemoViewer viewer(
      host, reader, built.domain, std::move(line->handle), [](Bytes) {}, [](Bytes) {});
  if (auto set_going = privcmd.domain_unpause(built.domain); !set_going) return set_going;
  viewer.type("\r");
  if (!viewer.until_seen("dom0# ", skip)) return not_arrived("dom0's prompt");
  viewer.type("ringside console hello-world\r");
  if (!viewer.until_seen("$ ", skip)) return not_arrived("the guest's prompt");
  std::printf("\nOn the serial line, in dom0's shell:\n\n%s\n", viewer.take_seen().c_str());
  DemoRecording recording(host, privcmd, info);
  auto shown =
      show_key(viewer, recording,
               "A user at the far end of the serial line presses \"u\". Follow it through the chip, "
               "Xen, dom0's kernel, its tty and the console client there; then xend, xcs, the ring, the "
               "guest; and its echo all the way back.");
  if (!shown) return shown;
  std::printf("\n%llu hops shown. `ringside explain` describes each. Try:  ringside up && ringside uart\n",
              static_cast<unsigned long long>(recording.steps()));
  return files.write(recording.journal());
}

Result<> show_demo(LinuxHost& host, const DemoOptions& options, Files& files) {
  auto privcmd = host.connect_dom0();
  if (!privcmd) return privcmd.error();
  DomainSpec spec;
  spec.name = "hello-world";
  spec.paused = true;
  spec.dies_with_us = true;
  auto built = build_domain(host, *privcmd, spec);
  if (!built) return built.error();
  auto info = privcmd->domain_info(built->domain);
  if (!info) return info.error();
  auto reader = JournalReader::open(host.machine().journal_directory());
  if (!reader) return reader.error();
  print_question(**info, *built,
                 options.from_hardware
                     ? "`ringside console`, in dom0's shell on the serial line"
                     : fmt::format("on xend's unix socket {}; `telnet localhost {}` works, too", built->path,
                                   built->telnet_port));
  const auto show = options.from_hardware ? show_from_hardware : show_from_viewer;
  return show(host, *privcmd, **reader, **info, *built, files);
}

int demo(const DemoOptions& options) {
  if (auto good = check_distinct("cannot run the demo", {options.html, options.journal}); !good) {
    failed(good.error());
    return exit_usage;
  }
  Files files;
  if (auto opened = files.open(options); !opened) return failed(opened.error());
  auto own = PrivateMachine::make("demo");
  if (!own) return failed(own.error());
  LinuxHost& host = (*own)->host();
  const MachineLock& lock = (*own)->lock();
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    host.on_signal(number, [&lock, number] {
      stop_machine(lock);
      std::_Exit(128 + number);
    });
  }
  MachineSpec spec{.console_port_base = 0, .dies_with_us = true};
  if (options.from_hardware) {
    spec.serial = {"--com1", "pty"};
    spec.dom0_kernel = true;
  }
  Result<> shown = start_machine(host, spec, lock);
  if (shown) shown = show_demo(host, options, files);
  return shown ? exit_good : failed(shown.error());
}

}  // namespace

void add_demo_command(Command app, Session& session) {
  Command command = app.add_subcommand(
      "demo", "Show the whole path once, hop by hop; it needs no machine, and takes seconds");
  command.footer(
      "Examples:\n"
      "  ringside demo                    from a viewer of xend to the guest and back\n"
      "  ringside demo --from-hardware    from the serial line: the chip, Xen, dom0's tty, and then all of "
      "that\n"
      "  ringside demo | less\n"
      "  ringside demo --html demo.html   also a page that plays it, with the same step numbers");
  const auto options = std::make_shared<DemoOptions>();
  command.add_flag("--from-hardware", options->from_hardware,
                   "The key is pressed at the far end of the serial line");
  command.add_option("--html", options->html, "Write a replay page of the same steps there");
  command.add_option("--journal", options->journal,
                     "Write the journal of the same steps there, for `ringside view`");
  command.callback([&session, options] { session.run = [options] { return demo(*options); }; });
}

}  // namespace ringside::tools
