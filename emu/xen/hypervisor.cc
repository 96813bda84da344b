// Dispatch of hypercalls, privilege, and the life of domains; hypervisor_ends.cc handles their end.
#include "emu/xen/hypervisor.h"

#include <algorithm>
#include <cstring>

#include "emu/xen/refusal.h"

namespace ringside::xen {

namespace {

trace::Actor caller_actor(const HypercallCaller& caller) {
  if (caller.privileged()) return trace::dom0_actor;
  return trace::actor(trace::Role::domain, caller.domain);
}

void copy_text(std::span<char> into, std::string_view text) {
  const std::size_t bytes = std::min(text.size(), into.size() - 1);
  std::ranges::copy(text.substr(0, bytes), into.begin());
  into[bytes] = '\0';
}

}  // namespace

Hypervisor::Hypervisor(Host& host, trace::Journal journal, HypervisorOptions options)
    : host_(host),
      journal_(journal),
      dom0_abi_(options.dom0_abi),
      domains_(host, options.domains_max),
      channels_(
          [this](DomainId domain, ring::Port port, bool owned) { return prepare_port(domain, port, owned); },
          journal),
      grants_(host, journal),
      serial_console_(host, journal, std::move(options.console),
                      [this] { raise_virq(domains_.living(dom0_id), VIRQ_CONSOLE, dom0_id); }) {
  add_keys();
}

Result<> Hypervisor::start() {
  if (auto started = serial_console_.start(); !started) return started;
  if (auto added = domains_.add_dom0(dom0_abi_); !added) return added.error();
  channels_.add_domain(dom0_id);
  tell(dom0_id, trace::Fact::created, {}, dom0_name);
  auto served = host_.hypercalls_serve(
      {.call = [this](const HypercallCaller& caller, const HypercallArguments& arguments,
                      std::vector<Handle>& handles) { return serve(caller, arguments, handles); },
       .gone = [this](const HypercallCaller& caller) { gone(caller); }});
  if (served) serial_console_.console().end_boot();
  return served;
}

void Hypervisor::shutdown_all() {
  while (const Domain* domain = domains_.first_from(dom0_id + 1)) destroy(domain->info.domain);
}

HypercallAnswer Hypervisor::serve(const HypercallCaller& caller, const HypercallArguments& arguments,
                                  std::vector<Handle>& handles) {
  HypercallAnswer answer;
  Call call{caller, arguments, std::exchange(handles, {}), handles, answer};
  if (auto done = dispatch(call); !done) {
    const Error& error = done.error();
    handles.clear();
    answer = {};
    answer.result = error.code > 0 ? -error.code : -EIO;
    const std::string why = error.what.empty() ? error.why : error.text();
    copy_text(answer.why, why);
    // Reading beyond the last domain is no mistake, so the journal does not record it.
    const bool end_of_table = arguments.op == HypercallOp::domain_info && error.code == ESRCH;
    if (end_of_table) return answer;
    const auto reason = static_cast<trace::Refusal>(error.reason);
    if (reason == trace::Refusal::failed)
      journal_.refused(caller.domain, caller_actor(caller), reason, {static_cast<std::uint32_t>(error.code)},
                       why);
    else
      journal_.refused(caller.domain, caller_actor(caller), reason, error.numbers, error.object);
  }
  return answer;
}

Result<> Hypervisor::dispatch(Call& call) {
  if (domains_.find(call.caller.domain) == nullptr) {
    return refusal(ESRCH, trace::Refusal::caller_gone, call.caller.domain);
  }
  switch (call.arguments.op) {
    case HypercallOp::domain_create:
      return domain_create(call);
    case HypercallOp::domain_connection:
      return domain_connection(call);
    case HypercallOp::domain_set_process:
      return domain_set_process(call);
    case HypercallOp::domain_set_console_port:
      return domain_set_console_port(call);
    case HypercallOp::domain_pause:
      return domain_pause(call);
    case HypercallOp::domain_unpause:
      return domain_unpause(call);
    case HypercallOp::domain_destroy:
      return domain_destroy(call);
    case HypercallOp::domain_info:
      return domain_info(call);
    case HypercallOp::start_info:
      return start_info(call);
    case HypercallOp::map_frame:
      return map_frame(call);
    case HypercallOp::sched_shutdown:
      return sched_shutdown(call);
    case HypercallOp::evtchn_alloc_unbound:
      return evtchn_alloc_unbound(call);
    case HypercallOp::evtchn_bind_interdomain:
      return evtchn_bind_interdomain(call);
    case HypercallOp::evtchn_bind_virq:
      return evtchn_bind_virq(call);
    case HypercallOp::evtchn_bind_pirq:
      return evtchn_bind_pirq(call);
    case HypercallOp::evtchn_bind_ipi:
      return evtchn_bind_ipi(call);
    case HypercallOp::evtchn_close:
      return evtchn_close(call);
    case HypercallOp::evtchn_send:
      return evtchn_send(call);
    case HypercallOp::evtchn_status:
      return evtchn_status(call);
    case HypercallOp::evtchn_open:
      return evtchn_open(call);
    case HypercallOp::window_set:
      return window_set(call);
    case HypercallOp::memory_set:
      return memory_set(call);
    case HypercallOp::domain_resume:
      return domain_resume(call);
    case HypercallOp::console_write:
      return console_write(call);
    case HypercallOp::console_read:
      return console_read(call);
    case HypercallOp::dmesg_read:
      return dmesg_read(call);
    case HypercallOp::dmesg_clear:
      return dmesg_clear(call);
    case HypercallOp::interrupt:
      return interrupt(call);
    case HypercallOp::grant_share:
      return grant_share(call);
    case HypercallOp::grant_end:
      return grant_end(call);
    case HypercallOp::grant_map:
      return grant_map(call);
    case HypercallOp::grant_notify:
      return grant_notify(call);
  }
  return refusal(ENOSYS, trace::Refusal::no_such_hypercall, static_cast<std::uint32_t>(call.arguments.op));
}

/// A connection has closed: its process closed it or died.
void Hypervisor::gone(const HypercallCaller& caller) {
  if (caller.may_own()) {
    end_grants_of(caller);
    channels_.connection_gone(caller.domain, caller.connection);
  }
  if (!caller.privileged()) {
    if (domains_.connection_gone(caller.domain, caller.program)) disconnected(caller.domain);
    return;
  }
  for (const Domain* domain = domains_.first_from(dom0_id + 1); domain != nullptr;) {
    const DomainId id = domain->info.domain;
    if (domain->builder == caller.connection) {
      tell(id, trace::Fact::builder_gone);
      destroy(id);
    }
    domain = domains_.first_from(id + 1);
  }
}

// ---- privilege

DomainId Hypervisor::resolve(const Call& call, DomainId domain) {
  return domain == DOMID_SELF ? call.caller.domain : domain;
}

/// A guest may name only itself. It must not learn whether other domains exist, hence EPERM before ESRCH.
Result<Domain*> Hypervisor::own_or_any(const Call& call, DomainId domain) {
  const DomainId id = resolve(call, domain);
  if (!call.caller.privileged() && id != call.caller.domain) {
    return refusal(EPERM, trace::Refusal::names_another, call.caller.domain, id);
  }
  Domain* found = domains_.find(id);
  if (found == nullptr) return refusal(ESRCH, trace::Refusal::no_such_domain, id);
  return found;
}

/// For calls that only dom0 may make, about a domain other than itself.
Result<Domain*> Hypervisor::guest_of_dom0(const Call& call) {
  if (!call.caller.privileged()) {
    return refusal(EPERM, trace::Refusal::only_dom0, call.caller.domain);
  }
  auto found = own_or_any(call, call.arguments.domain);
  if (found && (*found)->info.domain == dom0_id) return refusal(EINVAL, trace::Refusal::not_to_dom0);
  return found;
}

// ---- the life of domains

Result<> Hypervisor::domain_create(Call& call) {
  const HypercallArguments& arguments = call.arguments;
  if (!call.caller.privileged()) {
    return refusal(EPERM, trace::Refusal::only_dom0_creates, call.caller.domain);
  }
  const std::string_view name(arguments.name, strnlen(arguments.name, sizeof arguments.name));
  if (arguments.abi != ring::Abi::flat && arguments.abi != ring::Abi::sring) {
    return refusal(EINVAL, trace::Refusal::no_such_abi, static_cast<unsigned>(arguments.abi));
  }
  if (arguments.memory_kib > memory_kib_max) {
    return refusal(EINVAL, trace::Refusal::memory_limit, memory_kib_max);
  }
  auto added = domains_.add({.name = name,
                             .abi = arguments.abi,
                             .memory_kib = arguments.memory_kib,
                             .preserve = arguments.preserve != 0,
                             .id = arguments.domain == DOMID_SELF ? 0 : arguments.domain});
  if (!added) return added.error();
  Domain& domain = **added;
  domain.builder = call.caller.connection;
  channels_.add_domain(domain.info.domain);
  call.answer.domain = domain.info.domain;
  call.answer.info = domain.info;
  tell(domain.info.domain, trace::Fact::created, {}, domain.name());
  return Done{};
}

Result<> Hypervisor::domain_connection(Call& call) {
  auto domain = guest_of_dom0(call);
  if (!domain) return domain.error();
  const DomainId id = (*domain)->info.domain;
  const bool program = call.arguments.alone != 0;
  if (program) {
    if ((*domain)->over()) return refusal(EINVAL, trace::Refusal::domain_ended, id);
    if (auto provided = domains_.provide_program_frame(**domain); !provided) return provided;
  }
  auto connection = host_.hypercall_connection(id, program);
  if (!connection) return connection.error();
  domains_.connection_made(id, program);
  call.handles.push_back(std::move(connection).value());
  return Done{};
}

Result<> Hypervisor::domain_set_process(Call& call) {
  auto found = guest_of_dom0(call);
  if (!found) return found.error();
  Domain& domain = **found;
  const DomainId id = domain.info.domain;
  if (call.given.size() != 1 || !call.given[0].valid()) {
    return refusal(EINVAL, trace::Refusal::process_missing, call.given.size());
  }
  if (domain.over()) return refusal(EINVAL, trace::Refusal::domain_ended, id);
  if (domain.info.state.running)
    return refusal(EBUSY, trace::Refusal::process_there, id, domain.info.process);
  const std::int32_t number = host_.process_number(call.given[0]);
  if (number <= 0) return refusal(EINVAL, trace::Refusal::process_dead);
  domain.process = std::move(call.given[0]);
  domain.info.process = number;
  domain.info.state.running = 1;
  domain.builder.reset();
  tell(id, trace::Fact::runs_as_process, {static_cast<std::uint32_t>(domain.info.process)});
  // The builder has started the process stopped, so that it cannot run before this call.
  host_.domain_signal(id, domain.process,
                      domain.info.state.paused ? Host::DomainSignal::stop : Host::DomainSignal::resume);
  host_.process_watch(domain.process, [this, id](int status) { process_ended(id, status); });
  return Done{};
}

Result<> Hypervisor::domain_set_console_port(Call& call) {
  // dom0's kernel sets its own console port: the channel from dom0 to itself.
  const bool own = call.caller.privileged() && resolve(call, call.arguments.domain) == dom0_id;
  auto found = own ? own_or_any(call, dom0_id) : guest_of_dom0(call);
  if (!found) return found.error();
  Domain& domain = **found;
  const DomainId id = domain.info.domain;
  const ring::Port port = call.arguments.port;
  const ring::Port store_port = call.arguments.port2;
  if (auto good = leads_to_dom0(id, port); !good) return good;
  if (store_port != any_port) {
    if (auto good = leads_to_dom0(id, store_port); !good) return good;
  }
  domain.info.console_port = port;
  domain.info.store_port = store_port;
  tell(id, trace::Fact::console_port, {port});
  return Done{};
}

Result<> Hypervisor::leads_to_dom0(DomainId domain, ring::Port port) {
  auto status = channels_.status(domain, port);
  if (!status) return status.error();
  const bool leads_somewhere = status->state == PortState::unbound || status->state == PortState::interdomain;
  if (!leads_somewhere || status->remote_domain != dom0_id)
    return refusal(EINVAL, trace::Refusal::port_not_to_dom0, port, domain);
  return Done{};
}

Result<> Hypervisor::domain_pause(Call& call) {
  auto found = guest_of_dom0(call);
  if (!found) return found.error();
  Domain& domain = **found;
  if (domain.info.state.paused) return Done{};
  domain.info.state.paused = 1;
  tell(domain.info.domain, trace::Fact::paused);
  if (domain.process.valid()) {
    host_.domain_signal(domain.info.domain, domain.process, Host::DomainSignal::stop);
  }
  return Done{};
}

Result<> Hypervisor::domain_unpause(Call& call) {
  auto found = guest_of_dom0(call);
  if (!found) return found.error();
  Domain& domain = **found;
  domain.builder.reset();
  if (!domain.info.state.paused) return Done{};
  if (domain.info.suspended()) {
    return refusal(EINVAL, trace::Refusal::domain_suspended, domain.info.domain);
  }
  domain.info.state.paused = 0;
  tell(domain.info.domain, trace::Fact::unpaused);
  if (domain.process.valid()) {
    host_.domain_signal(domain.info.domain, domain.process, Host::DomainSignal::resume);
  }
  return Done{};
}

Result<> Hypervisor::domain_destroy(Call& call) {
  auto domain = guest_of_dom0(call);
  if (!domain) return domain.error();
  destroy((*domain)->info.domain);
  return Done{};
}

Result<> Hypervisor::domain_info(Call& call) {
  const DomainId first = resolve(call, call.arguments.domain);
  if (!call.caller.privileged() && first != call.caller.domain) {
    return refusal(EPERM, trace::Refusal::asks_about_another, call.caller.domain, first);
  }
  const Domain* domain = domains_.first_from(first);
  if (domain == nullptr) return refusal(ESRCH, trace::Refusal::end_of_domains, first);
  call.answer.domain = domain->info.domain;
  call.answer.info = domain->info;
  return Done{};
}

Result<> Hypervisor::start_info(Call& call) {
  const Domain& domain = domains_.living(call.caller.domain);
  call.answer.domain = domain.info.domain;
  call.answer.info = domain.info;
  return hand_out(call, call.caller.program ? domain.program_frame : domain.frame);
}

Result<> Hypervisor::map_frame(Call& call) {
  auto domain = own_or_any(call, call.arguments.domain);
  if (!domain) return domain.error();
  if (call.arguments.frame != (*domain)->info.shared_info_frame) {
    return refusal(EINVAL, trace::Refusal::frame_of_another, call.arguments.frame, (*domain)->info.domain);
  }
  return hand_out(call, (*domain)->frame);
}

Result<> Hypervisor::window_set(Call& call) {
  auto found = guest_of_dom0(call);
  if (!found) return found.error();
  if (call.arguments.rows == 0 || call.arguments.columns == 0) {
    return refusal(EINVAL, trace::Refusal::window_empty);
  }
  DomainInfo& info = (*found)->info;
  info.rows = call.arguments.rows;
  info.columns = call.arguments.columns;
  tell(info.domain, trace::Fact::window, {info.rows, info.columns});
  raise_virq(**found, VIRQ_WINDOW, info.domain);
  return Done{};
}

/// Only changes the number: no memory is allocated. A guest accepts any target up to the size it was created
/// with.
Result<> Hypervisor::memory_set(Call& call) {
  DomainInfo& info = domains_.living(call.caller.domain).info;
  const std::uint32_t wanted = call.arguments.memory_kib;
  if (info.domain == dom0_id) return refusal(EINVAL, trace::Refusal::memory_of_dom0);
  if (wanted < memory_kib_min) return refusal(EINVAL, trace::Refusal::memory_too_small, memory_kib_min);
  if (wanted > info.memory_max_kib) {
    return refusal(ENOMEM, trace::Refusal::memory_too_large, info.domain, info.memory_max_kib);
  }
  const std::uint32_t before = std::exchange(info.memory_kib, wanted);
  // Not printed on the console: a guest may repeat this without limit, and all domains share the line and the
  // console ring.
  journal_.told(info.domain, trace::Fact::memory, {wanted, before});
  return Done{};
}

}  // namespace ringside::xen
