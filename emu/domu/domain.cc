// The guest's life: boot, run, respond to the tools, end.
#include "emu/domu/domain.h"

#include <cerrno>
#include <utility>

namespace ringside::domu {

namespace {

const char* name_of(ring::Abi abi) {
  return abi == ring::Abi::flat ? "flat" : "sring";
}

constexpr const char* kernel_2005 = "2.6.11-xenU (ringside) (no compiler, no kernel) #1 Fri Jul 1 2005";
constexpr const char* kernel_today = "6.1.0-xenU (ringside) (no compiler, no kernel)";

std::string interface_2005(const DomainInfo& info) {
  return fmt::format("Control interface: shared_info frame {:#x}, offset {}, {} layout, event channel {}\n",
                     info.shared_info_frame, ring::control_interface_offset, name_of(info.abi),
                     info.console_port);
}

std::string interface_today(const DomainInfo& info) {
  return fmt::format(
      "Console: grant reference {}, rings of {} and {} bytes, event channel {}\n"
      "Xenstore: grant reference {}, event channel {}\n",
      grant_console, sizeof ring::ByteRings::in, sizeof ring::ByteRings::out, info.console_port,
      grant_xenstore, info.store_port);
}

}  // namespace

DomU::DomU(Host& host, trace::Journal journal, Privcmd privcmd, DomUOptions options)
    : host_(host), journal_(journal), privcmd_(std::move(privcmd)), options_(std::move(options)) {
  RS_CHECK(!options_.argv.empty());
}

DomU::~DomU() {
  if (spin_timer_ != 0) host_.timer_cancel(spin_timer_);
  if (suspend_timer_ != 0) host_.timer_cancel(suspend_timer_);
}

// -- boot

Result<> DomU::start() {
  RS_CHECK(phase_ == Phase::off);
  const std::size_t buffer_bytes = options_.console_buffer_bytes;
  if (buffer_bytes < transmit_buffer_bytes_min || buffer_bytes > transmit_buffer_bytes_max) {
    return Error{EINVAL, "cannot boot the guest", fmt::format("a console buffer of {} bytes", buffer_bytes),
                 fmt::format("it must have {} to {}", transmit_buffer_bytes_min, transmit_buffer_bytes_max),
                 ""};
  }
  auto start_info = privcmd_.start_info();
  if (!start_info) return start_info.error();
  const DomainInfo info = start_info->info;
  if (info.console_port == 0 || info.console_port >= ring::ports_per_domain) {
    return Error{EINVAL, "cannot boot the guest", fmt::format("domain {}", info.domain),
                 "its start info names no control channel",
                 "ask xend for a console before the domain is started"};
  }
  auto frame = host_.frame_map(start_info->frame);
  if (!frame) return frame.error();
  frame_ = std::move(*frame);
  domain_ = info.domain;
  journal_ = journal_.as(trace::actor(trace::Role::domain, domain_));

  if (auto connected = info.today() ? connect_today(info) : connect(info); !connected) return connected;
  phase_ = Phase::running;
  if (!options_.quiet) print_boot_messages(info);
  start_program(info);
  // After start_info: it reads the window's size, and VIRQ_WINDOW reports each later change.
  if (auto bound = bind_window(); !bound) return bound;
  privcmd_.watch([this] { hypervisor_gone("it has closed the connection"); });
  settle();
  return Done{};
}

Result<GuestEvents::Channel> DomU::open_channel(ring::Port port) {
  const std::uint32_t attachments =
      ring::NativeMemory::load(&ring::channel_words(frame_.frame())->attachments);
  auto handles = privcmd_.evtchn_open(port);
  if (!handles) return handles.error();
  auto status = privcmd_.evtchn_status(DOMID_SELF, port);
  if (!status) return status.error();
  if (status->state != PortState::interdomain || !handles->peer_kicks.valid()) {
    return Error{ENOTCONN, "cannot boot the guest", fmt::format("domain {}, port {}", domain_, port),
                 "no process is at the other end of its control channel", "is xcs running?"};
  }
  GuestEvents::Channel channel;
  channel.port = port;
  channel.kicks = std::move(handles->kicks);
  channel.peer = {status->remote_port, std::move(handles->peer_kicks), attachments};
  channel.reopen = [this, port]() -> std::optional<GuestEvents::Peer> {
    auto again = open_channel(port);
    if (!again) return std::nullopt;
    return std::move(again->peer);
  };
  return channel;
}

Result<> DomU::connect(const DomainInfo& info) {
  auto channel = open_channel(info.console_port);
  if (!channel) return channel.error();
  events_.emplace(host_, journal_, domain_, frame_.frame(), info.abi, std::move(*channel));
  ctrl_if_.emplace(
      host_, journal_, domain_, [this] { events_->notify(); }, options_.quirks);
  console_.emplace(host_, journal_, domain_, *ctrl_if_,
                   ConsoleTty::Setup{options_.console_buffer_bytes, [this] { settle(); }, options_.quirks});
  register_receivers(info.abi);
  if (requests_held_) ctrl_if_->hold_requests(true);
  if (auto attached = ctrl_if_->attach(frame_.frame(), info.abi); !attached) return attached;
  events_->start([this] { return ctrl_if_->has_work(); }, [this] { serve(); });
  return Done{};
}

Result<> DomU::bind_window() {
  auto port = privcmd_.evtchn_bind_virq(VIRQ_WINDOW);
  if (!port) return port.error();
  window_port_ = *port;
  events_->bind(*port, [this] { read_window(); });
  read_window();
  return Done{};
}

void DomU::register_receivers(ring::Abi abi) {
  const auto interrupt = CtrlIf::Context::interrupt;
  RS_CHECK(ctrl_if_->register_receiver(
      ring::CMSG_SHUTDOWN, [this](Request request) { shutdown_requested(std::move(request)); }, interrupt));
  tool_requests_.emplace(
      journal_, domain_, abi, *ctrl_if_, privcmd_,
      ToolRequests::Kernel{.print = [this](std::string_view text) { console_->print(text); },
                           .hypervisor_gone = [this](const std::string& why) { hypervisor_gone(why); }});
}

void DomU::print_boot_messages(const DomainInfo& info) {
  const bool today = info.today();
  std::string text = fmt::format("Linux version {}\n", today ? kernel_today : kernel_2005);
  text += today ? interface_today(info) : interface_2005(info);
  for (const std::string& line : options_.boot_lines) text += line + "\n";
  text += today ? "printk: console [hvc0] enabled\n" : "Xen virtual console successfully installed as tty1\n";
  console_in_use().print(text);
}

void DomU::start_program(const DomainInfo& info) {
  ProgramSpec spec{.argv = options_.argv, .raw = options_.raw};
  if (info.rows != 0 && info.columns != 0) {
    spec.rows = info.rows;
    spec.columns = info.columns;
  }
  auto program = host_.program_start(spec);
  if (!program) {
    // Printed on the console, even if `quiet`: the user who started the domain sees nothing else.
    console_in_use().print(program.error().text() + "\n");
    exit_status_ = exit_status_no_program;
    phase_ = Phase::ending;
    console_in_use().hang_up_input();
    return;
  }
  process_ = std::move(program->process);
  journal_.told(domain_, trace::Fact::program_runs, {}, options_.argv.front());
  host_.process_watch(process_, [this](int status) { program_ended(status); });
  console_in_use().open(std::move(program->terminal));
}

// -- running

void DomU::serve() {
  if (hvc_) {
    hvc_->serve();
  } else {
    CtrlIf::Batch batch(*ctrl_if_);
    ctrl_if_->serve();
    console_->deliver_input();
  }
  settle();
}

void DomU::log(std::string_view text) {
  console_in_use().print(text);
}

void DomU::throttle(bool full) {
  {
    CtrlIf::Batch batch(*ctrl_if_);
    console_->set_ixoff(true);
    full ? console_->throttle() : console_->unthrottle();
  }
  settle();
}

void DomU::hold_requests(bool hold) {
  requests_held_ = hold;
  if (!ctrl_if_) return;
  {
    CtrlIf::Batch batch(*ctrl_if_);
    ctrl_if_->hold_requests(hold);
    console_->deliver_input();
  }
  settle();
}

void DomU::read_window() {
  auto start_info = privcmd_.start_info();
  if (!start_info) {
    if (start_info.error().code == EPIPE) hypervisor_gone(start_info.error().why);
    return;
  }
  const DomainInfo& info = start_info->info;
  if (info.rows != 0 && info.columns != 0) console_in_use().resize(info.rows, info.columns);
}

void DomU::shutdown_requested(Request request) {
  const ring::ControlMessage message = request.message();
  ctrl_if_->respond(std::move(request));
  switch (message.subtype) {
    case ring::CMSG_SHUTDOWN_POWEROFF:
      end(ShutdownReason::poweroff);
      break;
    case ring::CMSG_SHUTDOWN_REBOOT:
      end(ShutdownReason::reboot);
      break;
    case ring::CMSG_SHUTDOWN_SUSPEND:
      suspend_requested();
      break;
    case ring::CMSG_SHUTDOWN_SYSRQ:
      tool_requests_->sysrq(message.payload());
      break;
    default:
      journal_.refused(domain_, trace::dom0_actor, trace::Refusal::shutdown_subtype);
  }
}

// -- the end

void DomU::end(ShutdownReason reason) {
  if (phase_ != Phase::running || ending_asked_) return;
  ending_asked_ = true;
  reason_ = reason;
  if (!options_.quiet) {
    console_in_use().print(reason == ShutdownReason::reboot ? "Restarting system.\n" : "System halted.\n");
  }
  host_.program_kill_rest(process_);
}

void DomU::program_ended(int status) {
  if (phase_ == Phase::suspended) ended_while_suspended_ = status;
  if (phase_ != Phase::running) return;
  // A requested suspension is abandoned: the guest shuts down instead.
  if (std::exchange(suspend_asked_, false)) console_->hold_output(false);
  phase_ = Phase::ending;
  exit_status_ = status;
  journal_.told(domain_, trace::Fact::program_ended, {static_cast<std::uint32_t>(status)});
  // Processes that it left running would keep the terminal open for ever.
  host_.program_kill_rest(process_);
  console_in_use().hang_up_input();
  settle();
}

void DomU::settle() {
  if (suspend_asked_) return suspend_when_possible();
  if (phase_ != Phase::ending) return;
  if (!has_drained()) return spin();
  phase_ = Phase::stopped;
  const auto done = privcmd_.sched_shutdown(reason_, exit_status_);
  if (!done) {
    host_.warn(done.error().text());
    host_.stop(exit_status_hypervisor_gone);
    return;
  }
  host_.stop(0);
}

bool DomU::has_drained() const {
  if (hvc_) return hvc_->output_ended();
  return console_->output_ended() && ctrl_if_->outstanding() == 0 && ctrl_if_->owed() == 0;
}

/// With the quirk, polls until all responses have arrived; without it, their events call settle().
void DomU::spin() {
  if (!options_.quirks.has(Quirk::kcons_flush_spin) || spin_timer_ != 0) return;
  journal_.quirk(domain_, Quirk::kcons_flush_spin);
  spin_timer_ = host_.timer_start(Duration::zero(), [this] {
    spin_timer_ = 0;
    settle();
  });
}

void DomU::hypervisor_gone(const std::string& why) {
  if (phase_ == Phase::stopped) return;
  phase_ = Phase::stopped;
  if (process_.valid()) host_.program_kill_rest(process_);
  host_.warn(Error{EPIPE, "the hypervisor is gone", fmt::format("domain {}", domain_), why,
                   "the guest stops; start the machine again with: ringside up"}
                 .text());
  host_.stop(exit_status_hypervisor_gone);
}

}  // namespace ringside::domu
