// Boot, the control channel from dom0 to itself, and the end of the machine.
#include "emu/domu/dom0_kernel.h"

#include <cerrno>
#include <utility>

#include "emu/domu/exit_status.h"
#include "ring/channel_words.h"

namespace ringside::domu {

namespace {

constexpr DomainId dom0 = 0;

}  // namespace

Dom0Kernel::Dom0Kernel(Host& host, trace::Journal journal, Privcmd privcmd, Dom0KernelOptions options)
    : host_(host), journal_(journal), privcmd_(std::move(privcmd)), options_(std::move(options)) {}

Result<> Dom0Kernel::start() {
  RS_CHECK(!events_);
  auto start_info = privcmd_.start_info();
  if (!start_info) return start_info.error();
  auto frame = host_.frame_map(start_info->frame);
  if (!frame) return frame.error();
  frame_ = std::move(*frame);
  DomainInfo info = start_info->info;
  events_.emplace(host_, journal_, privcmd_, frame_.frame(), info.abi);
  ctrl_if_.emplace(host_, journal_, dom0, [this] { notify(); });
  if (auto attached = ctrl_if_->attach(frame_.frame(), info.abi); !attached) return attached;
  const auto failed = [this](const Error& error) { this->failed(error); };
  serial_.emplace(host_, journal_, privcmd_, options_.program, failed);
  RS_CHECK(ctrl_if_->register_receiver(
      ring::CMSG_SHUTDOWN, [this](Request request) { shutdown_requested(std::move(request)); },
      CtrlIf::Context::interrupt));
  tool_requests_.emplace(
      journal_, dom0, info.abi, *ctrl_if_, privcmd_,
      ToolRequests::Kernel{.print = [this](std::string_view text) { serial_->tty().print(text); },
                           .hypervisor_gone = [this](const std::string& why) { hypervisor_gone(why); }});
  if (auto opened = open_channel(info.console_port); !opened) return opened;
  info.console_port = channel_port_;
  print_boot_messages(info);
  if (auto bound = bind_console(); !bound) return bound;
  if (!options_.keyboard_socket.empty()) {
    if (auto bound = bind_keyboard(); !bound) return bound;
  }
  privcmd_.watch([this] { hypervisor_gone("it has closed the connection"); });
  serial_->tty().start();
  return Done{};
}

void Dom0Kernel::print_boot_messages(const DomainInfo& info) {
  serial_->tty().print("Linux version 2.6.11-xen0 (ringside) (no compiler, no kernel) #1 Fri Jul 1 2005\n");
  serial_->tty().print(fmt::format("Control interface: shared_info frame {:#x}, event channel {} <-> {}\n",
                                   info.shared_info_frame, channel_port_, controller_port_));
  serial_->tty().print("Xen virtual console successfully installed as ttyS0\n");
}

// -- the channel to itself

/// dom0 binds a port to another port of itself, and keeps one end; the other is for the controller.
Result<> Dom0Kernel::open_channel(ring::Port previous_port) {
  if (previous_port != any_port) {
    auto status = privcmd_.evtchn_status(DOMID_SELF, previous_port);
    if (!status) return status.error();
    const bool is_ours = status->state == PortState::interdomain && status->remote_domain == dom0;
    if (!is_ours) previous_port = any_port;
  }
  auto pair = privcmd_.evtchn_bind_interdomain(DOMID_SELF, DOMID_SELF, previous_port, any_port);
  if (!pair) return pair.error();
  channel_port_ = pair->port1;
  controller_port_ = pair->port2;
  attachments_ = ring::NativeMemory::load(&ring::channel_words(frame_.frame())->attachments);
  if (auto bound = events_->bind(channel_port_, [this] { channel_event(); }); !bound) return bound;
  return privcmd_.domain_set_console_port(DOMID_SELF, channel_port_);
}

void Dom0Kernel::channel_event() {
  const std::uint32_t attachments =
      ring::NativeMemory::load(&ring::channel_words(frame_.frame())->attachments);
  if (attachments != std::exchange(attachments_, attachments)) {
    // A new controller may have other kicks.
    if (auto opened = events_->open_again(channel_port_); !opened) return failed(opened.error());
    journal_.told(dom0, trace::Fact::new_controller);
  }
  ctrl_if_->serve();
}

void Dom0Kernel::notify() {
  const ring::Raised outcome = ring::UpEvents<>(frame_.frame()).raise();
  journal_.event_raised(dom0, trace::dom0_actor, controller_port_, outcome);
  if (outcome == ring::Raised::kick) host_.kick(events_->peer_kicks(channel_port_));
}

void Dom0Kernel::shutdown_requested(Request request) {
  const ring::ControlMessage message = request.message();
  ctrl_if_->respond(std::move(request));
  if (message.subtype == ring::CMSG_SHUTDOWN_SYSRQ) return tool_requests_->sysrq(message.payload());
  journal_.refused(dom0, journal_.self(), trace::Refusal::dom0_shutdown);
}

// -- devices

Result<> Dom0Kernel::bind_console() {
  auto port = privcmd_.evtchn_bind_virq(VIRQ_CONSOLE);
  if (!port) return port.error();
  return events_->bind(*port, [this] { serial_->interrupt(); });
}

Result<> Dom0Kernel::bind_keyboard() {
  screen_.emplace(host_, journal_, options_.program, [this] {
    if (auto raised = privcmd_.interrupt(keyboard_pirq); !raised) failed(raised.error());
  });
  auto port = privcmd_.evtchn_bind_pirq(keyboard_pirq);
  if (!port) return port.error();
  if (auto bound = events_->bind(*port, [this] { screen_->interrupt(); }); !bound) return bound;
  return screen_->start(options_.keyboard_socket);
}

void Dom0Kernel::failed(const Error& error) {
  if (error.code == EPIPE) return hypervisor_gone(error.why);
  host_.warn(error.text());
}

void Dom0Kernel::hypervisor_gone(const std::string& why) {
  if (std::exchange(gone_, true)) return;
  host_.warn(Error{EPIPE, "the hypervisor is gone", "dom0", why, "start the machine again with: ringside up"}
                 .text());
  host_.stop(exit_status_hypervisor_gone);
}

}  // namespace ringside::domu
