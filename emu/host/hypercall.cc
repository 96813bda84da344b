// The typed caller of hypercalls: fills the argument structure, and names the call that failed.
#include "emu/host/hypercall.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "emu/host/host.h"

namespace ringside {

Result<Privcmd::Outcome> Privcmd::call(const char* what, const HypercallArguments& arguments,
                                       const Handle* handle) {
  auto outcome = host_->hypercall(connection_, arguments, handle);
  if (!outcome) return outcome.error();
  if (outcome->answer.result < 0) {
    const char* why = outcome->answer.why;
    return Error{-outcome->answer.result, what, "",
                 std::string(why, strnlen(why, sizeof outcome->answer.why)), ""};
  }
  return Outcome{outcome->answer, std::move(outcome->handles)};
}

void Privcmd::watch(std::function<void()> gone) {
  host_->hypervisor_watch(connection_, std::move(gone));
}

bool Privcmd::answers(std::function<void()> later) {
  return host_->hypervisor_answers(connection_, std::move(later));
}

void Privcmd::when_answered(const std::function<void()>& run) {
  if (answers(run)) run();
}

Result<> Privcmd::simple(const char* what, const HypercallArguments& arguments, const Handle* handle) {
  auto outcome = call(what, arguments, handle);
  if (!outcome) return outcome.error();
  return Done{};
}

namespace {

Error missing_handle(const char* what) {
  return {EPROTO, what, "", "the hypervisor answered without the handle", "are all programs of one version?"};
}

}  // namespace

Result<Privcmd::Created> Privcmd::domain_create(std::string_view name, ring::Abi abi,
                                                std::uint32_t memory_kib, bool preserve, DomainId id) {
  const char* what = "cannot create a domain";
  if (name.size() > domain_name_bytes_max) {
    return Error{ENAMETOOLONG, what, std::string(name),
                 fmt::format("a name has at most {} bytes", domain_name_bytes_max), "choose a shorter one"};
  }
  HypercallArguments arguments{.op = HypercallOp::domain_create, .domain = id};
  arguments.abi = abi;
  arguments.memory_kib = memory_kib;
  arguments.preserve = preserve;
  std::copy(name.begin(), name.end(), arguments.name);
  auto outcome = call(what, arguments);
  if (!outcome) return outcome.error();
  return Created{outcome->answer.domain, outcome->answer.info.shared_info_frame};
}

Result<Handle> Privcmd::domain_connection(DomainId domain) {
  const char* what = "cannot make the domain's connection";
  auto outcome = call(what, {.op = HypercallOp::domain_connection, .domain = domain});
  if (!outcome) return outcome.error();
  if (outcome->handles.empty()) return missing_handle(what);
  return std::move(outcome->handles[0]);
}

Result<> Privcmd::domain_set_process(DomainId domain, const Handle& process) {
  return simple("cannot name the domain's process", {.op = HypercallOp::domain_set_process, .domain = domain},
                &process);
}

Result<> Privcmd::domain_set_console_port(DomainId domain, ring::Port port, ring::Port store_port) {
  return simple(
      "cannot set the domain's console port",
      {.op = HypercallOp::domain_set_console_port, .domain = domain, .port = port, .port2 = store_port});
}

Result<> Privcmd::domain_pause(DomainId domain) {
  return simple("cannot pause the domain", {.op = HypercallOp::domain_pause, .domain = domain});
}

Result<> Privcmd::domain_unpause(DomainId domain) {
  return simple("cannot unpause the domain", {.op = HypercallOp::domain_unpause, .domain = domain});
}

Result<> Privcmd::domain_destroy(DomainId domain) {
  return simple("cannot destroy the domain", {.op = HypercallOp::domain_destroy, .domain = domain});
}

Result<std::optional<DomainInfo>> Privcmd::domain_info(DomainId first) {
  auto outcome = call("cannot read the domain's info", {.op = HypercallOp::domain_info, .domain = first});
  if (outcome) return std::optional(outcome->answer.info);
  if (outcome.error().code == ESRCH) return std::optional<DomainInfo>();
  return outcome.error();
}

Result<std::vector<DomainInfo>> Privcmd::domains() {
  std::vector<DomainInfo> all;
  for (DomainId next = 0; next <= domain_id_max;) {
    auto info = domain_info(next);
    if (!info) return info.error();
    if (!info->has_value()) break;
    all.push_back(**info);
    next = (*info)->domain + 1;
  }
  return all;
}

Result<DomainInfo> Privcmd::domain_find(std::string_view name_or_number) {
  auto all = domains();
  if (!all) return all.error();
  DomainId number = 0;
  const char* end = name_or_number.data() + name_or_number.size();
  const auto parsed = std::from_chars(name_or_number.data(), end, number);
  const bool is_number = parsed.ec == std::errc() && parsed.ptr == end;
  for (const DomainInfo& info : *all) {
    if (is_number ? info.domain == number : name_or_number == info.name) return info;
  }
  return Error{ESRCH, "no such domain", std::string(name_or_number), "the hypervisor does not know it",
               "ringside list shows the domains"};
}

Result<Privcmd::StartInfo> Privcmd::start_info() {
  const char* what = "cannot read the start info";
  auto outcome = call(what, {.op = HypercallOp::start_info});
  if (!outcome) return outcome.error();
  if (outcome->handles.empty()) return missing_handle(what);
  return StartInfo{outcome->answer.info, std::move(outcome->handles[0])};
}

Result<Handle> Privcmd::map_frame(DomainId domain, std::uint32_t frame) {
  const char* what = "cannot map the frame";
  auto outcome = call(what, {.op = HypercallOp::map_frame, .domain = domain, .frame = frame});
  if (!outcome) return outcome.error();
  if (outcome->handles.empty()) return missing_handle(what);
  return std::move(outcome->handles[0]);
}

Result<> Privcmd::sched_shutdown(ShutdownReason reason, int exit_status) {
  return simple("cannot shut down",
                {.op = HypercallOp::sched_shutdown, .reason = reason, .exit_status = exit_status});
}

Result<ring::Port> Privcmd::evtchn_alloc_unbound(DomainId domain, DomainId remote) {
  auto outcome = call("cannot allocate an unbound port",
                      {.op = HypercallOp::evtchn_alloc_unbound, .domain = domain, .domain2 = remote});
  if (!outcome) return outcome.error();
  return outcome->answer.port;
}

Result<Privcmd::PortPair> Privcmd::evtchn_bind_interdomain(DomainId domain1, DomainId domain2,
                                                           ring::Port port1, ring::Port port2, bool alone) {
  auto outcome = call("cannot bind the event channel", {.op = HypercallOp::evtchn_bind_interdomain,
                                                        .domain = domain1,
                                                        .domain2 = domain2,
                                                        .port = port1,
                                                        .port2 = port2,
                                                        .alone = alone});
  if (!outcome) return outcome.error();
  return PortPair{outcome->answer.port, outcome->answer.port2};
}

Result<ring::Port> Privcmd::evtchn_bind_virq(std::uint32_t virq, bool alone) {
  auto outcome = call("cannot bind the virtual interrupt",
                      {.op = HypercallOp::evtchn_bind_virq, .virq = virq, .alone = alone});
  if (!outcome) return outcome.error();
  return outcome->answer.port;
}

Result<ring::Port> Privcmd::evtchn_bind_pirq(std::uint32_t pirq) {
  auto outcome = call("cannot bind the interrupt", {.op = HypercallOp::evtchn_bind_pirq, .virq = pirq});
  if (!outcome) return outcome.error();
  return outcome->answer.port;
}

Result<> Privcmd::interrupt(std::uint32_t pirq) {
  return simple("cannot interrupt", {.op = HypercallOp::interrupt, .virq = pirq});
}

Result<ring::Port> Privcmd::evtchn_bind_ipi() {
  auto outcome = call("cannot bind an interprocessor interrupt", {.op = HypercallOp::evtchn_bind_ipi});
  if (!outcome) return outcome.error();
  return outcome->answer.port;
}

Result<> Privcmd::evtchn_close(DomainId domain, ring::Port port) {
  return simple("cannot close the port", {.op = HypercallOp::evtchn_close, .domain = domain, .port = port});
}

Result<> Privcmd::evtchn_send(ring::Port port) {
  return simple("cannot send the event", {.op = HypercallOp::evtchn_send, .port = port});
}

Result<PortStatus> Privcmd::evtchn_status(DomainId domain, ring::Port port) {
  auto outcome = call("cannot read the port's status",
                      {.op = HypercallOp::evtchn_status, .domain = domain, .port = port});
  if (!outcome) return outcome.error();
  return outcome->answer.status;
}

Result<Privcmd::PortHandles> Privcmd::evtchn_open(ring::Port port) {
  const char* what = "cannot open the port";
  auto outcome = call(what, {.op = HypercallOp::evtchn_open, .port = port});
  if (!outcome) return outcome.error();
  if (outcome->handles.empty()) return missing_handle(what);
  PortHandles handles{std::move(outcome->handles[0]), {}};
  if (outcome->handles.size() > 1) handles.peer_kicks = std::move(outcome->handles[1]);
  return handles;
}

Result<> Privcmd::window_set(DomainId domain, std::uint16_t rows, std::uint16_t columns) {
  return simple("cannot set the console's window",
                {.op = HypercallOp::window_set, .domain = domain, .rows = rows, .columns = columns});
}

Result<> Privcmd::memory_set(std::uint32_t memory_kib) {
  return simple("cannot set the memory size", {.op = HypercallOp::memory_set, .memory_kib = memory_kib});
}

Result<DomainInfo> Privcmd::domain_resume(DomainId domain) {
  auto outcome = call("cannot resume the domain", {.op = HypercallOp::domain_resume, .domain = domain});
  if (!outcome) return outcome.error();
  return outcome->answer.info;
}

Result<> Privcmd::grant_share(DomainId domain, std::uint32_t reference) {
  constexpr DomainId dom0 = 0;
  return simple("cannot grant a frame of the domain",
                {.op = HypercallOp::grant_share, .domain = domain, .domain2 = dom0, .frame = reference});
}

Result<Handle> Privcmd::grant_map(DomainId domain, std::uint32_t reference) {
  const char* what = "cannot map the granted frame";
  auto outcome = call(what, {.op = HypercallOp::grant_map, .domain = domain, .frame = reference});
  if (!outcome) return outcome.error();
  if (outcome->handles.empty()) return missing_handle(what);
  return std::move(outcome->handles[0]);
}

Result<std::size_t> Privcmd::console_write(std::span<const std::uint8_t> bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const auto piece = bytes.subspan(taken, std::min(bytes.size() - taken, console_write_bytes_max));
    HypercallArguments arguments{.op = HypercallOp::console_write};
    arguments.data_bytes = static_cast<std::uint16_t>(piece.size());
    std::ranges::copy(piece, arguments.data);
    auto outcome = call("cannot write to xen's console", arguments);
    if (!outcome) return outcome.error();
    const std::size_t count = std::min<std::size_t>(outcome->answer.data_bytes, piece.size());
    taken += count;
    if (count < piece.size()) break;
  }
  return taken;
}

Result<std::size_t> Privcmd::console_read(std::span<std::uint8_t> into) {
  HypercallArguments arguments{.op = HypercallOp::console_read};
  arguments.data_bytes = static_cast<std::uint16_t>(std::min(into.size(), hypercall_data_bytes_max));
  auto outcome = call("cannot read from xen's console", arguments);
  if (!outcome) return outcome.error();
  const std::size_t count = std::min<std::size_t>(outcome->answer.data_bytes, arguments.data_bytes);
  std::copy_n(outcome->answer.data, count, into.begin());
  return count;
}

Result<Privcmd::Dmesg> Privcmd::dmesg() {
  // Xen may print more meanwhile, but not without end.
  constexpr std::size_t bytes_max = 65536;
  Dmesg all{};
  std::uint64_t next = 0;
  while (all.text.size() < bytes_max) {
    auto outcome = call("cannot read xen's messages", {.op = HypercallOp::dmesg_read, .position = next});
    if (!outcome) return outcome.error();
    const HypercallAnswer& answer = outcome->answer;
    if (all.text.empty()) all.position = answer.position;
    const std::size_t count = std::min<std::size_t>(answer.data_bytes, hypercall_data_bytes_max);
    if (count == 0) break;
    all.text.append(answer.data, answer.data + count);
    next = answer.position + count;
  }
  return all;
}

Result<> Privcmd::dmesg_clear(std::uint64_t position) {
  return simple("cannot clear xen's messages", {.op = HypercallOp::dmesg_clear, .position = position});
}

}  // namespace ringside
