// demo: the answer to the question of July 2005, shown by a run. A private machine boots one guest. The
// guest's first output travels up to a viewer, then one key travels down and its echo comes back. Every hop
// is printed from the journal of the run. With --from-hardware, the viewer is a console client in dom0's
// shell on the serial line, and the key is pressed at the far end of that line. With --now, the console is
// that of today's Xen; with --then-and-now, one key is shown in both.
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
#include <vector>

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
#include "tools/view/cost.h"
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
  /// taken. That is the last hop of a message. In a guest of today: each byte was taken, and the guest knows.
  [[nodiscard]] bool is_over() const {
    if (replay_.is_today(guest_)) {
      return std::ranges::all_of(std::array{trace::ByteRing::in, trace::ByteRing::out}, [this](auto ring) {
        const auto& its = replay_.byte_ring(guest_, ring);
        return its.prod == its.cons;
      });
    }
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

enum class Era : std::uint8_t { then, now };

constexpr const char* the_question =
    "How do console data travel in Xen?   (asked on a mailing list in July 2005)\n\n";

void print_question_now(const BuiltDomain& built) {
  std::printf(
      "%s"
      "Today's answer. A hypervisor, the console daemon xenconsoled and one guest are now running as "
      "processes.\n\n"
      "  the frame           one page of domain %u, which it grants to dom0 as reference 0\n"
      "  in it               two rings of bytes: in (dom0 -> guest, 1024), out (guest -> dom0, 2048), and "
      "four "
      "indices\n"
      "  the event channel   port %u of the guest: says only: look at the rings\n"
      "  the viewer          at xenconsoled's pty, %s\n",
      the_question, built.domain, built.guest_port, built.path.c_str());
}

void print_question(const DomainInfo& info, const BuiltDomain& built, const std::string& viewer) {
  std::printf(
      "%s"
      "A hypervisor, dom0's control switch xcs, xend and one guest are now running as processes.\n\n"
      "  the page            shared_info frame %#x of domain %u, found with getdomaininfo; dom0 has mapped "
      "it\n"
      "  in it, byte 2048    two rings of 8 slots, 64 bytes a message: tx (guest -> dom0), rx (dom0 -> "
      "guest)\n"
      "  the event channel   port %u of the guest: says only that a message has arrived\n"
      "  the viewer          %s\n",
      the_question, info.shared_info_frame, info.domain, built.guest_port, viewer.c_str());
}

const auto skip = [](const trace::Entry&) {};

struct DemoOptions {
  bool from_hardware = false;
  bool now = false;
  bool then_and_now = false;
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
  /// The page has all runs, and the journal file the only one.
  Result<> write(const std::vector<trace::Journaled>& runs) {
    if (journal_) {
      std::ostringstream text;
      trace::write_journal(text, runs.at(0));
      journal_->write(text.str());
      if (auto closed = journal_->close(); !closed) return closed;
    }
    if (!html_) return Done{};
    std::vector<std::string> pages;
    for (const trace::Journaled& run : runs)
      pages.push_back(run_data(run, runs.size() == 1                 ? "How do console data travel in Xen?"
                                    : run.header.controller == "xcs" ? "One key in 2005"
                                                                     : "One key today"));
    html_->write(replay_page(pages));
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

/// The same of a guest of today.
std::string output_counts_now(const std::vector<trace::Entry>& entries) {
  std::size_t bytes = 0;
  std::size_t moves = 0;
  for (const trace::Entry& entry : entries) {
    if (entry.kind != trace::Kind::byte_index_moved) continue;
    if (static_cast<trace::ByteIndex>(entry.detail) != trace::ByteIndex::out_prod) continue;
    bytes += entry.to_value - entry.from_value;
    ++moves;
  }
  return fmt::format(
      "The guest's echo and answer are {} bytes. They need no messages: the guest moves out_prod {} times, "
      "with an "
      "event after each, and nothing is answered.",
      bytes, moves);
}

/// The viewer is on xend's own socket, or today at xenconsoled's pty. `with_line`: after a key, a line of
/// output is shown, too.
Result<trace::Journaled> show_from_viewer(LinuxHost& host, Privcmd& privcmd, JournalReader& reader,
                                          const DomainInfo& info, const BuiltDomain& built, Era era,
                                          bool with_line) {
  auto journal = JournalWriter::open(host.machine().journal_directory(), "user");
  if (!journal) return journal.error();
  const auto open = [&]() -> Result<Handle> {
    if (era == Era::then) return host.connect_local(built.path);
    auto pty = host.file_open(built.path, Host::FileUse::output);
    return pty ? Result<Handle>(std::move(pty->handle)) : pty.error();
  };
  auto console = open();
  if (!console) return console.error();
  const trace::Role daemon = era == Era::then ? trace::Role::xend : trace::Role::xenconsoled;
  const trace::Actor user = trace::actor(trace::Role::user);
  trace::Journal of_client(**journal, trace::actor(trace::Role::client));
  DemoViewer viewer(
      host, reader, built.domain, std::move(*console),
      [&](Bytes bytes) { of_client.as(user).bytes_passed(built.domain, trace::actor(daemon), bytes); },
      [&](Bytes bytes) { of_client.bytes_passed(built.domain, user, bytes); });
  if (auto set_going = privcmd.domain_unpause(built.domain); !set_going) return set_going.error();
  if (!viewer.until_seen("$ ", skip)) return not_arrived("the guest's prompt");
  std::printf("\n%s\n", viewer.take_seen().c_str());
  DemoRecording recording(host, privcmd, info);
  auto shown = show_key(viewer, recording,
                        "A user at the viewer presses \"u\". Follow it into the guest, and its echo back.");
  if (!shown) return shown.error();
  if (!with_line) return recording.journal();

  viewer.type("name -a\n");
  std::vector<trace::Entry> entries;
  if (!viewer.until_seen("$ ", [&](const trace::Entry& entry) { entries.push_back(entry); }))
    return not_arrived("the guest's answer");
  recording.part(era == Era::then ? "Sixty bytes at a time: a line of output"
                                  : "As many bytes as there are: a line of output",
                 "The line is finished with \"name -a\" and Enter. " +
                     (era == Era::then ? output_counts(entries) : output_counts_now(entries)));
  for (const trace::Entry& entry : entries) recording.show(entry);
  std::printf("\n%s\n\n", viewer.take_seen().c_str());
  std::printf(
      "%llu hops shown. Try:  ringside demo %s        or        ringside up%s && ringside create "
      "web "
      "&& ringside console web\n",
      static_cast<unsigned long long>(recording.steps()),
      era == Era::then ? "--from-hardware" : "--then-and-now", era == Era::then ? "" : " --dom0 xenconsoled");
  return recording.journal();
}

/// The viewer is `ringside console`, typed at dom0's shell on ttyS0.
Result<trace::Journaled> show_from_hardware(LinuxHost& host, Privcmd& privcmd, JournalReader& reader,
                                            const DomainInfo& info, const BuiltDomain& built) {
  auto line = host.file_open(host.machine().com1_link(), Host::FileUse::output);
  if (!line) return line.error();
  DemoViewer viewer(
      host, reader, built.domain, std::move(line->handle), [](Bytes) {}, [](Bytes) {});
  if (auto set_going = privcmd.domain_unpause(built.domain); !set_going) return set_going.error();
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
  if (!shown) return shown.error();
  std::printf("\n%llu hops shown. `ringside explain` describes each. Try:  ringside up && ringside uart\n",
              static_cast<unsigned long long>(recording.steps()));
  return recording.journal();
}

Result<trace::Journaled> show_demo(LinuxHost& host, const DemoOptions& options, Era era) {
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
  if (era == Era::now) {
    print_question_now(*built);
  } else {
    print_question(**info, *built,
                   options.from_hardware
                       ? "`ringside console`, in dom0's shell on the serial line"
                       : fmt::format("on xend's unix socket {}; `telnet localhost {}` works, too",
                                     built->path, built->telnet_port));
  }
  if (options.from_hardware) return show_from_hardware(host, *privcmd, **reader, **info, *built);
  return show_from_viewer(host, *privcmd, **reader, **info, *built, era, !options.then_and_now);
}

/// Starts a machine, shows its path, and ends it.
Result<trace::Journaled> demo_of(const DemoOptions& options, Era era) {
  auto own = PrivateMachine::make("demo");
  if (!own) return own.error();
  LinuxHost& host = (*own)->host();
  const MachineLock& lock = (*own)->lock();
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    host.on_signal(number, [&lock, number] {
      stop_machine(lock);
      std::_Exit(128 + number);
    });
  }
  MachineSpec spec{.console_port_base = 0, .dies_with_us = true};
  if (era == Era::now) spec.dom0 = Dom0Kind::xenconsoled;
  if (options.from_hardware) {
    spec.serial = {"--com1", "pty"};
    spec.dom0_kernel = true;
  }
  if (auto started = start_machine(host, spec, lock); !started) return started.error();
  return show_demo(host, options, era);
}

int demo(const DemoOptions& options) {
  if (auto good = check_distinct("cannot run the demo", {options.html, options.journal}); !good) {
    failed(good.error());
    return exit_usage;
  }
  Files files;
  if (auto opened = files.open(options); !opened) return failed(opened.error());
  std::vector<Era> eras{options.now ? Era::now : Era::then};
  if (options.then_and_now) eras = {Era::then, Era::now};
  std::vector<trace::Journaled> runs;
  for (const Era era : eras) {
    auto shown = demo_of(options, era);
    if (!shown) return failed(shown.error());
    runs.push_back(std::move(*shown));
  }
  if (options.then_and_now) std::fputs(cost_table(runs[0], runs[1]).c_str(), stdout);
  const auto written = files.write(runs);
  return written ? exit_good : failed(written.error());
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
      "  ringside demo --now              the console of today's Xen: xenconsoled and two rings of bytes\n"
      "  ringside demo --then-and-now --html keys.html    one key in both, its cost, and a page of both "
      "runs\n"
      "  ringside demo | less\n"
      "  ringside demo --html demo.html   also a page that plays it, with the same step numbers");
  const auto options = std::make_shared<DemoOptions>();
  const Option from_hardware = command.add_flag("--from-hardware", options->from_hardware,
                                                "The key is pressed at the far end of the serial line");
  const Option now = command.add_flag("--now", options->now, "Show today's console; no package is needed")
                         .excludes(from_hardware);
  const Option both = command
                          .add_flag("--then-and-now", options->then_and_now,
                                    "Show one key in 2005 and today, and what it cost")
                          .excludes(from_hardware)
                          .excludes(now);
  command.add_option("--html", options->html, "Write a replay page of the same steps there");
  command
      .add_option("--journal", options->journal,
                  "Write the journal of the same steps there, for `ringside view`")
      .excludes(both);
  command.callback([&session, options] { session.run = [options] { return demo(*options); }; });
}

}  // namespace ringside::tools
