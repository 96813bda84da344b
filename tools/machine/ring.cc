// ring: prints the present content of a domain's shared page.
#include <cstdio>
#include <memory>
#include <string>

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
  std::printf("lost: %s\n", page.lost().text().c_str());
  print_ring(page, ring::Ring::tx);
  print_ring(page, ring::Ring::rx);
  return exit_good;
}

}  // namespace

void add_ring_command(Command app, Session& session) {
  Command ring = add_command(app, session, "ring", "Show both rings of a domain: indices, slots, event bits",
                             "  ringside ring web");
  const auto domain = std::make_shared<std::string>();
  ring.add_option("DOMAIN", *domain, "Its name or number").required();
  ring.callback(
      [&session, domain] { session.run = [&session, domain] { return ring_command(session, *domain); }; });
}

}  // namespace ringside::tools
