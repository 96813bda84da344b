// dump: prints control messages while they pass, or writes them to a capture.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "emu/dom0/xcs/client.h"
#include "emu/dom0/xcs/xcs_frames.h"
#include "emu/host/journal_log.h"
#include "emu/host/linux_host.h"
#include "emu/trace/json.h"
#include "emu/trace/pcapng.h"
#include "emu/trace/text.h"
#include "tools/command.h"
#include "tools/machine/live_start.h"
#include "tools/out_file.h"

namespace ringside::tools {

namespace {

struct DumpOptions {
  bool all = false;    ///< every journal entry, not only the messages
  bool xcs = false;    ///< as a client of xcs, not from the journal
  std::string domain;  ///< its name or number; empty: every domain
  std::string write;   ///< the path of a capture or journal; empty: lines are printed
  std::uint16_t link_type = trace::capture_link_type_default;
};

enum class Form : std::uint8_t { lines, capture, journal };

/// The destination of entries, those of one domain or of all: lines on stdout, or a file.
class Output {
 public:
  Output(Form form, std::optional<DomainId> domain, std::optional<OutFile> file, std::uint16_t link_type)
      : form_(form), domain_(domain), file_(std::move(file)), link_type_(link_type) {}

  void put(const trace::Entry& entry) {
    ++step_;
    if (!origin_ns_) origin_ns_ = entry.time_ns;
    if (domain_ && entry.domain != *domain_) return;
    ++written_;
    switch (form_) {
      case Form::lines:
        std::printf("%s\n", trace::to_text(entry, step_, *origin_ns_).c_str());
        return;
      case Form::capture:
        return file_->write(capture_->packet(entry, step_));
      case Form::journal:
        return file_->write(trace::to_json_line(entry, step_, *origin_ns_) + "\n");
    }
  }
  void skip() { ++step_; }
  /// False when the reader has ended, or no more can be written.
  [[nodiscard]] bool flush() {
    if (file_) return file_->flush();
    std::fflush(stdout);
    return std::ferror(stdout) == 0;
  }
  [[nodiscard]] bool wants_all() const { return form_ != Form::lines; }
  /// Writes the header at once, so that a file without entries is valid, too.
  void begin(const trace::JournalHeader& header, std::uint64_t now_ns) {
    if (form_ == Form::lines) return;
    origin_ns_ = now_ns;
    if (form_ == Form::journal) return file_->write(trace::to_json_line(header) + "\n");
    capture_.emplace(now_ns, link_type_);
    file_->write(capture_->begin(header));
  }
  [[nodiscard]] Result<> close() { return file_ ? file_->close() : Result<>(Done{}); }
  [[nodiscard]] std::uint64_t written() const { return written_; }

 private:
  Form form_;
  std::optional<DomainId> domain_;
  std::optional<OutFile> file_;
  std::uint16_t link_type_;
  std::optional<trace::Pcapng> capture_;
  std::uint64_t step_ = 0;
  std::uint64_t written_ = 0;
  std::optional<std::uint64_t> origin_ns_;
};

/// Whether the entry is a passing control message: a filled slot, a frame on xcs's sockets, or the effect of
/// a quirk on one; or bytes in a byte ring, which has no messages.
bool is_message(const trace::Entry& entry) {
  return entry.kind == trace::Kind::slot_written || entry.kind == trace::Kind::frame_passed ||
         entry.kind == trace::Kind::quirk || entry.kind == trace::Kind::bytes_written ||
         entry.kind == trace::Kind::bytes_found;
}

int dump_journal(LinuxHost& host, Privcmd& privcmd, Output& output, const std::vector<DomainInfo>& domains,
                 bool all) {
  auto reader = JournalReader::open(host.machine().journal_directory());
  if (!reader) return failed(reader.error());
  const LiveStart start(host, privcmd, host.machine(), domains);
  output.begin(start.header(), static_cast<std::uint64_t>(host.now().count()));
  constexpr std::chrono::milliseconds between_reads{5};
  std::function<void()> read_on = [&] {
    (*reader)->read([&](const trace::Entry& entry) {
      if (output.wants_all() ? !start.precedes(entry) : all || is_message(entry)) return output.put(entry);
      output.skip();
    });
    if (!output.flush()) return host.stop(exit_good);
    if ((*reader)->failure()) return host.stop(failed(*(*reader)->failure()));
    if ((*reader)->lost() != 0) {
      host.warn("this dump was stopped or read too slowly, and entries were lost");
      return host.stop(exit_could_not_run);
    }
    host.timer_start(between_reads, read_on);
  };
  read_on();
  return host.run();
}

/// Prints the frames that xcs sends to a client that has bound everything. This client sends no responses:
/// xcs would take them for second responses.
int dump_xcs(LinuxHost& host, Privcmd& privcmd, Output& output) {
  trace::NullSink sink;
  // Frames do not describe rings.
  output.begin(LiveStart(host, privcmd, host.machine(), {}).header(),
               static_cast<std::uint64_t>(host.now().count()));
  const auto gone = [&](const Error& error) { host.stop(failed(error)); };
  const auto print = [&](const dom0::XcsMessage& frame) {
    if (frame.type != dom0::XCS_REQUEST && frame.type != dom0::XCS_RESPONSE && frame.type != dom0::XCS_VIRQ)
      return;
    const dom0::XcsFrameAbout about = dom0::about_frame(frame);
    trace::Entry entry;
    entry.time_ns = static_cast<std::uint64_t>(host.now().count());
    entry.kind = trace::Kind::frame_passed;
    entry.detail = static_cast<std::uint8_t>(frame.type);
    entry.actor = trace::actor(trace::Role::xcs);
    entry.peer = trace::actor(trace::Role::client);
    entry.domain = about.domain;
    entry.port = about.port;
    entry.message = about.message;
    output.put(entry);
  };
  const auto flush = [&] {
    if (!output.flush()) host.stop(exit_good);
  };
  dom0::XcsClient client(host, trace::Journal(sink, trace::actor(trace::Role::client)),
                         {.frame = print, .pause = flush, .room = [] {}, .lost = gone});
  const std::string path = host.machine().xcs_socket();
  const auto bind = [&] {
    client.call(dom0::bind_message(dom0::XCS_MSG_BIND, dom0::xcs_port_wildcard, dom0::xcs_type_wildcard),
                [&](const dom0::XcsMessage& reply) {
                  if (reply.result == dom0::XCS_RSLT_OK) return;
                  gone({EPROTO, "xcs refused the binding", path, fmt::format("result {}", reply.result), ""});
                });
  };
  if (auto connected = client.connect(path, bind); !connected) {
    return failed({connected.error().code, "cannot listen to xcs", path, "xcs does not run", "ringside up"});
  }
  return host.run();
}

constexpr char to_stdout[] = "-";

Form form_of(const std::string& path) {
  if (path.empty()) return Form::lines;
  const bool capture = path == to_stdout || path.ends_with(".pcapng") || path.ends_with(".pcap");
  return capture ? Form::capture : Form::journal;
}

Result<Output> output_of(const DumpOptions& options, std::optional<DomainId> domain) {
  const Form form = form_of(options.write);
  if (form == Form::lines) return Output(form, domain, std::nullopt, options.link_type);
  auto file = OutFile::open_growing(options.write, true);
  if (!file) return file.error();
  return Output(form, domain, std::move(*file), options.link_type);
}

int end_of(Output& output, const DumpOptions& options, int status) {
  const auto closed = output.close();
  if (options.write.empty() || options.write == to_stdout) return status;  // its reader may have ended
  if (!closed) return failed(closed.error());
  std::fprintf(stderr, "%llu entries in %s\n", static_cast<unsigned long long>(output.written()),
               options.write.c_str());
  return status;
}

int dump_command(const Session& session, const DumpOptions& options) {
  LinuxHost host("dump", session.machine());
  // The connection shows that a machine is running, and when it ends.
  auto privcmd = host.connect_dom0();
  if (!privcmd) return failed(privcmd.error());
  auto domains = domains_meant(*privcmd, options.domain);
  if (!domains) return failed(domains.error());
  const auto domain = options.domain.empty() ? std::nullopt : std::optional(domains->front().domain);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) host.on_signal(number, [&] { host.stop(exit_good); });
  host.watch(privcmd->connection(), {.read = true}, [&](Ready) { host.stop(exit_good); });
  auto output = output_of(options, domain);
  if (!output) return failed(output.error());
  const int status = options.xcs ? dump_xcs(host, *privcmd, *output)
                                 : dump_journal(host, *privcmd, *output, *domains, options.all);
  return end_of(*output, options, status);
}

constexpr char dump_examples[] =
    "  ringside dump              from the journal: messages in slots, and frames on xcs's sockets\n"
    "  ringside dump web          of one domain; of a domain of today the bytes in its byte rings\n"
    "  ringside dump --all        events, indices and bytes too\n"
    "  ringside dump --xcs        as a client of xcs, like xcsdump: the guests' requests and responses\n"
    "  ringside dump -w web.pcapng web               a capture of everything, for Wireshark\n"
    "  ringside dump -w - | wireshark -k -i -        the same, live\n"
    "  ringside dump -w web.jsonl web                a journal: ringside view web.jsonl --html web.html "
    "plays it";

}  // namespace

void add_dump_command(Command app, Session& session) {
  Command dump = add_command(app, session, "dump", "Print every control message as it passes, until Ctrl-C",
                             dump_examples);
  const auto options = std::make_shared<DumpOptions>();
  dump.add_option("DOMAIN", options->domain, "Its name or number (default: all)");
  const Option all = dump.add_flag("--all", options->all, "Print every journal entry, not only the messages");
  dump.add_flag("--xcs", options->xcs,
                "Print what xcs sends to a session that is bound to everything: it gets copies of the "
                "guests' messages, and "
                "never responds")
      .excludes(all);
  const Option write =
      dump.add_option("-w,--write", options->write,
                      "Write every entry to this file, and print nothing. The file is a capture if its "
                      "name ends in .pcapng or .pcap, or is - (stdout). Every other file, as "
                      "web.jsonl, is a journal for `ringside view`");
  dump.add_option("--link-type", options->link_type,
                  "The link type of the capture, one of the numbers for private use (USER0 to USER15)")
      .range(trace::capture_link_type_default, trace::capture_link_type_max)
      .show_default()
      .needs(write);
  dump.callback(
      [&session, options] { session.run = [&session, options] { return dump_command(session, *options); }; });
}

}  // namespace ringside::tools
