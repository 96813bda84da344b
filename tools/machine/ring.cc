// ring: prints the present content of a domain's shared page.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "emu/host/linux_host.h"
#include "emu/trace/text.h"
#include "ring/channel_words.h"
#include "ring/event_bits.h"
#include "ring/layout.h"
#include "tools/command.h"
#include "tools/machine/page.h"

namespace ringside::tools {

namespace {

using Memory = ring::NativeMemory;

/// Of waiting bytes, as text.
constexpr std::size_t bytes_per_line = 64;

/// What a slot holds, according to the two shared indices. The private indices are known to their owners
/// only.
const char* slot_use(std::uint32_t slot, ring::Index req_prod, ring::Index rsp_prod) {
  const std::uint32_t requests = ring::distance(req_prod, rsp_prod);
  const std::uint32_t behind_request = ring::slot_of(req_prod - 1 - slot);
  if (requests <= ring::slots_per_ring && behind_request < requests) return "request ";
  // Counts back from rsp_prod. Before the first round is complete some slots have never been used.
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
              unanswered > ring::slots_per_ring ? "   <- impossible: a faulty index" : "");
  for (std::uint32_t slot = 0; slot < ring::slots_per_ring; ++slot) {
    ring::ControlMessage message;
    Memory::copy_from_shared(&message, shared.slots + slot);
    std::printf("    [%u] %s %s\n", slot, slot_use(slot, req_prod, rsp_prod),
                trace::message_text(message).c_str());
  }
}

void print_bytes(const char* name, const char* direction, const char* prod, const char* cons,
                 const BytePage::Ring& ring) {
  const auto size = static_cast<std::uint32_t>(ring.bytes.size());
  const auto waiting = ring.waiting();
  std::printf("%-4s %s\n", name, direction);
  std::printf("    %s %u (byte %u)   %s %u (byte %u)   waiting %u of %u%s\n", prod, ring.prod,
              ring.prod % size, cons, ring.cons, ring.cons % size, ring::distance(ring.prod, ring.cons), size,
              waiting ? "" : "   <- impossible: a faulty index");
  const std::vector<std::uint8_t> bytes = ring.copy();
  for (std::size_t at = 0; at < bytes.size(); at += bytes_per_line) {
    const auto line = std::span(bytes).subspan(at).first(std::min(bytes_per_line, bytes.size() - at));
    std::printf("    %s\n", trace::quoted(line, bytes_per_line).c_str());
  }
}

/// The rings of a domain of today.
int print_today(LinuxHost& host, Privcmd& privcmd, const DomainInfo& info) {
  auto page = BytePage::open(host, privcmd, info.domain);
  if (!page) return failed(page.error());
  auto own = DomainPage::open(host, privcmd, info);
  if (!own) return failed(own.error());
  const ring::Port port = info.console_port;
  const ring::EventBits<> bits(own->frame(), info.abi);
  std::printf("domain %u \"%s\": console frame granted to dom0 as reference %u, port %u\n", info.domain,
              info.name, grant_console, port);
  std::printf("to the guest:      port %u pending %d masked %d   selector %#x   upcall_pending %d\n", port,
              bits.is_pending(port), bits.is_masked(port), bits.selector_word(), bits.upcall_is_pending());
  print_bytes("out", "guest -> xenconsoled", "out_prod", "out_cons", page->out());
  print_bytes("in", "xenconsoled -> guest", "in_prod", "in_cons", page->in());
  return exit_good;
}

int ring_command(const Session& session, const std::string& name) {
  LinuxHost host("ring", session.machine());
  auto privcmd = host.connect_dom0();
  if (!privcmd) return failed(privcmd.error());
  auto info = privcmd->domain_find(name);
  if (!info) return failed(info.error());
  if (info->today()) return print_today(host, *privcmd, *info);
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
  std::printf("lost: %s\n", page.lost().text().c_str());
  print_ring(page, ring::Ring::tx);
  print_ring(page, ring::Ring::rx);
  return exit_good;
}

}  // namespace

void add_ring_command(Command app, Session& session) {
  Command ring =
      add_command(app, session, "ring", "Show both rings of a domain: indices, slots, event bits",
                  "  ringside ring web        of a domain of today: four indices, and the bytes that wait");
  const auto domain = std::make_shared<std::string>();
  ring.add_option("DOMAIN", *domain, "Its name or number").required();
  ring.callback(
      [&session, domain] { session.run = [&session, domain] { return ring_command(session, *domain); }; });
}

}  // namespace ringside::tools
