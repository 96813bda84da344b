// The hypercalls about Xen's console, which only dom0 may make, and the keys that need the hypervisor's data.
#include <algorithm>

#include "emu/host/domain_words.h"
#include "emu/xen/hypervisor.h"
#include "emu/xen/refusal.h"

namespace ringside::xen {

namespace {

std::string state_words(const DomainInfo& info) {
  std::string words;
  const auto add = [&words](bool holds, std::string_view word) {
    if (!holds) return;
    if (!words.empty()) words += ' ';
    words += word;
  };
  add(info.state.running != 0, "running");
  add(info.state.paused != 0, "paused");
  add(info.state.crashed != 0, "crashed");
  add(info.state.shutdown != 0, reason_name(info.reason));
  return words.empty() ? "idle" : words;
}

}  // namespace

/// Writes the fact to the journal, as one of the domain, and prints it on Xen's console. Only for actions of
/// dom0, and for what a domain can do only once: a guest must not be able to flood the console.
void Hypervisor::tell(DomainId domain, trace::Fact what, const trace::Values& values,
                      std::string_view argument) {
  journal_.told(domain, what, values, argument);
  serial_console_.console().print(fmt::format("dom{}: {}", domain, trace::words_of(what, values, argument)));
}

void Hypervisor::add_keys() {
  KeyHandlers& keys = serial_console_.keys();
  keys.add('q', "show the domains", true, [this] { show_domains(); });
  keys.add('R', "reboot: stop the machine (ringside up starts it again)", false, [this] {
    serial_console_.console().print("'R' pressed: the machine goes down");
    host_.stop(0);
  });
}

void Hypervisor::show_domains() {
  Console& console = serial_console_.console();
  console.print("'q' pressed: domains");
  for (const Domain* each = domains_.first_from(0); each != nullptr;) {
    const DomainInfo& info = each->info;
    console.print(fmt::format(" dom{} \"{}\": {}, {} KiB, frame {:#x}, console port {}, process {}",
                              info.domain, info.name, state_words(info), info.memory_kib,
                              info.shared_info_frame, info.console_port, info.process));
    each = domains_.first_from(info.domain + 1);
  }
}

Result<> Hypervisor::only_dom0(const Call& call) {
  if (call.caller.privileged()) return Done{};
  return refusal(EPERM, trace::Refusal::console_of_dom0, call.caller.domain);
}

Result<> Hypervisor::console_write(Call& call) {
  if (auto may = only_dom0(call); !may) return may;
  const std::size_t bytes = call.arguments.data_bytes;
  if (bytes > console_write_bytes_max) {
    return refusal(EINVAL, trace::Refusal::output_too_long, console_write_bytes_max, bytes);
  }
  call.answer.data_bytes = static_cast<std::uint32_t>(
      serial_console_.console().write(std::span(call.arguments.data).first(bytes)));
  return Done{};
}

Result<> Hypervisor::console_read(Call& call) {
  if (auto may = only_dom0(call); !may) return may;
  const std::size_t bytes = std::min<std::size_t>(call.arguments.data_bytes, sizeof call.answer.data);
  call.answer.data_bytes =
      static_cast<std::uint32_t>(serial_console_.console().read(std::span(call.answer.data).first(bytes)));
  return Done{};
}

Result<> Hypervisor::dmesg_read(Call& call) {
  if (auto may = only_dom0(call); !may) return may;
  const Console::Piece piece =
      serial_console_.console().dmesg_read(call.arguments.position, call.answer.data);
  call.answer.position = piece.position;
  call.answer.data_bytes = static_cast<std::uint32_t>(piece.bytes);
  return Done{};
}

Result<> Hypervisor::dmesg_clear(Call& call) {
  if (auto may = only_dom0(call); !may) return may;
  serial_console_.console().dmesg_clear(call.arguments.position);
  return Done{};
}

}  // namespace ringside::xen
