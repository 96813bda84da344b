// ring and dump: the shared page as it is, and the control messages as they pass.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "emu/dom0/client.h"
#include "emu/host/journal_log.h"
#include "emu/host/linux_host.h"
#include "emu/trace/text.h"
#include "ring/channel_words.h"
#include "ring/event_bits.h"
#include "ring/layout.h"
#include "tools/command.h"
#include "tools/page.h"

namespace ringside::tools {

namespace {

using Memory = ring::NativeMemory;

/// What a slot holds, judged from the two shared indices alone: the private ones are known to their owners
/// only.
const char* slot_use(std::uint32_t slot, ring::Index req_prod, ring::Index rsp_prod) {
  const std::uint32_t requests = ring::distance(req_prod, rsp_prod);
  const std::uint32_t behind_request = ring::slot_of(req_prod - 1 - slot);
  if (requests <= ring::slots_per_ring && behind_request < requests) return "request ";
  // Counted back from rsp_prod; before the first round some slots have never been used.
  if (ring::slot_of(rsp_prod - 1 - slot) < rsp_prod) return "response";
  return "free    ";
}

void print_ring(const DomainPage& page, ring::Ring which) {
  const ring::SharedRing shared = page.ring(which);
  const auto [req_prod, rsp_prod] = page.indices(which);
  const std::uint32_t unanswered = ring::distance(req_prod, rsp_prod);
  std::printf("%s  %s\n", which == ring::Ring::tx ? "tx" : "rx",
              which == ring::Ring::tx ? "guest -> controller" : "controller -> guest");
  std::printf("    req_prod %u (slot %u)   rsp_prod %u (slot %u)   unanswered %u of 8%s\n", req_prod,
              ring::slot_of(req_prod), rsp_prod, ring::slot_of(rsp_prod), unanswered,
              unanswered > ring::slots_per_ring ? "   <- impossible: a side lies" : "");
  for (std::uint32_t slot = 0; slot < ring::slots_per_ring; ++slot) {
    ring::ControlMessage message;
    Memory::copy_from_shared(&message, shared.slots + slot);
    std::printf("    [%u] %s %s\n", slot, slot_use(slot, req_prod, rsp_prod),
                trace::message_text(message).c_str());
  }
}

int ring_command(const Session& session, const std::string& name) {
  LinuxHost host("ring", session.machine());
  auto privcmd = host.connect_dom0();
  if (!privcmd) return failed(privcmd.error());
  const auto info = privcmd->domain_find(name);
  if (!info) return failed(info.error());
  const auto mapped = DomainPage::open(host, *privcmd, info.value());
  if (!mapped) return failed(mapped.error());
  const DomainPage& page = mapped.value();
  std::byte* frame = page.frame();
  const ring::Abi abi = info.value().abi;
  const ring::Port port = info.value().console_port;
  const ring::EventBits<> bits(frame, abi);
  const ring::UpEvents<> up(frame);
  std::printf("domain %u \"%s\": shared_info frame %#x, control interface at byte %zu, layout %s, port %u\n",
              info.value().domain, info.value().name, info.value().shared_info_frame,
              ring::control_interface_offset, abi == ring::Abi::flat ? "flat" : "sring", port);
  std::printf("to the guest:      port %u pending %d masked %d   selector %#x   upcall_pending %d\n", port,
              bits.is_pending(port), bits.is_masked(port), bits.selector_word(), bits.upcall_is_pending());
  std::printf("to the controller: pending %d masked %d\n", up.is_pending(), up.is_masked());
  print_ring(page, ring::Ring::tx);
  print_ring(page, ring::Ring::rx);
  return exit_good;
}

struct DumpOptions {
  bool all = false;    ///< every journal entry, not only the messages
  bool xcs = false;    ///< as a client of xcs, not from the journal
  std::string domain;  ///< its name or number; empty: every domain
};

/// Prints entries as numbered lines, those of one domain or of all.
class Printer {
 public:
  explicit Printer(std::optional<DomainId> domain) : domain_(domain) {}

  void print(const trace::Entry& entry) {
    ++step_;
    if (!origin_ns_) origin_ns_ = entry.time_ns;
    if (domain_ && entry.domain != *domain_) return;
    std::printf("%s\n", trace::to_text(entry, step_, *origin_ns_).c_str());
  }
  void skip() { ++step_; }
  /// False when nobody reads any more.
  [[nodiscard]] static bool flush() {
    std::fflush(stdout);
    return std::ferror(stdout) == 0;
  }

 private:
  std::optional<DomainId> domain_;
  std::uint64_t step_ = 0;
  std::optional<std::uint64_t> origin_ns_;
};

/// A control message that passes, a slot being filled or a frame on xcs's sockets; or what a quirk made of one.
bool is_message(const trace::Entry& entry) {
  return entry.kind == trace::Kind::slot_written || entry.kind == trace::Kind::frame_passed ||
         entry.kind == trace::Kind::quirk;
}

int dump_journal(LinuxHost& host, Printer& printer, bool all) {
  auto reader = JournalReader::open(host.machine().journal_directory());
  if (!reader) return failed(reader.error());
  constexpr std::chrono::milliseconds between_reads{5};
  std::function<void()> read_on = [&] {
    (*reader)->read([&](const trace::Entry& entry) {
      if (all || is_message(entry)) return printer.print(entry);
      printer.skip();
    });
    if (!Printer::flush()) return host.stop(exit_good);
    if ((*reader)->lost() != 0) {
      host.warn("this dump was stopped or read too slowly, and entries were lost");
      return host.stop(exit_could_not_run);
    }
    host.timer_start(between_reads, read_on);
  };
  read_on();
  return host.run();
}

/// What xcs sends to a client that has bound everything. It only listens: an answer would be a second one.
int dump_xcs(LinuxHost& host, Printer& printer) {
  trace::NullSink sink;
  const auto gone = [&](const Error& error) { host.stop(failed(error)); };
  const auto print = [&](const dom0::XcsMessage& frame) {
    if (frame.type != dom0::XCS_REQUEST && frame.type != dom0::XCS_RESPONSE) return;
    trace::Entry entry;
    entry.time_ns = static_cast<std::uint64_t>(host.now().count());
    entry.kind = trace::Kind::frame_passed;
    entry.detail = static_cast<std::uint8_t>(frame.type);
    entry.actor = trace::actor(trace::Role::xcs);
    entry.peer = trace::actor(trace::Role::client);
    entry.domain = frame.u.control.remote_dom;
    entry.port = static_cast<ring::Port>(frame.u.control.local_port);
    entry.message = frame.u.control.msg;
    printer.print(entry);
  };
  const auto flush = [&] {
    if (!Printer::flush()) host.stop(exit_good);
  };
  dom0::XcsClient client(host, trace::Journal(sink, trace::actor(trace::Role::client)),
                         {.frame = print, .pause = flush, .room = [] {}, .lost = gone});
  const std::string path = host.machine().xcs_socket();
  const auto bind = [&] {
    client.call(
        dom0::bind_message(dom0::XCS_MSG_BIND, dom0::xcs_port_wildcard, dom0::xcs_type_wildcard),
        [&](const dom0::XcsMessage& reply) {
          if (reply.result == dom0::XCS_RSLT_OK) return;
          gone({EPROTO, "xcs refused to be listened to", path, fmt::format("result {}", reply.result), ""});
        });
  };
  if (auto connected = client.connect(path, bind); !connected) {
    return failed({connected.error().code, "cannot listen to xcs", path, "xcs does not run", "ringside up"});
  }
  return host.run();
}

int dump_command(const Session& session, const DumpOptions& options) {
  LinuxHost host("dump", session.machine());
  // To know that a machine is there, and when it ends.
  auto privcmd = host.connect_dom0();
  if (!privcmd) return failed(privcmd.error());
  std::optional<DomainId> domain;
  if (!options.domain.empty()) {
    auto info = privcmd->domain_find(options.domain);
    if (!info) return failed(info.error());
    domain = info->domain;
  }
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) host.on_signal(number, [&] { host.stop(exit_good); });
  host.watch(privcmd->connection(), {.read = true}, [&](Ready) { host.stop(exit_good); });
  Printer printer(domain);
  return options.xcs ? dump_xcs(host, printer) : dump_journal(host, printer, options.all);
}

}  // namespace

void add_look_commands(CLI::App& app, Session& session) {
  CLI::App* ring = add_command(
      app, session, "ring", "Show both rings of a domain: indices, slots, event bits", "  ringside ring web");
  const auto domain = std::make_shared<std::string>();
  ring->add_option("DOMAIN", *domain, "Its name or number")->required();
  ring->callback(
      [&session, domain] { session.run = [&session, domain] { return ring_command(session, *domain); }; });

  CLI::App* dump = add_command(
      app, session, "dump", "Print every control message as it passes, until Ctrl-C",
      "  ringside dump              from the journal: what is written to slots, what passes xcs's sockets\n"
      "  ringside dump web          of one domain\n"
      "  ringside dump --all        events, indices and bytes too\n"
      "  ringside dump --xcs        as a client of xcs, like xcsdump: what guests ask and answer");
  const auto options = std::make_shared<DumpOptions>();
  dump->add_option("DOMAIN", options->domain, "Its name or number (default: all)");
  CLI::Option* all = dump->add_flag("--all", options->all, "Every journal entry, not only the messages");
  dump->add_flag(
          "--xcs", options->xcs,
          "From a session with xcs, bound to everything. It sees copies of what comes from guests, and "
          "answers nothing")
      ->excludes(all);
  dump->callback(
      [&session, options] { session.run = [&session, options] { return dump_command(session, *options); }; });
}

}  // namespace ringside::tools
