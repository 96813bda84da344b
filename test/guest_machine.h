// A machine on the simulated host around one guest: enough of a hypervisor to boot it, and a controller that
// serves its page as xcs would, but that answers, withholds answers and sets wrong indices as the test wants.
#pragma once

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "emu/domu/domain.h"
#include "emu/host/sim.h"
#include "emu/trace/memory_sink.h"
#include "test/guest_page.h"

namespace ringside::test {

inline constexpr DomainId guest_domain = 3;
inline constexpr ring::Port guest_console_port = 1;
inline constexpr ring::Port guest_window_port = 2;
inline constexpr ring::Port controller_port = 7;

/// The other end of the guest's page, as a separate component.
class GuestController {
 public:
  GuestController(SimHost& host, Mapping frame, ring::Abi abi, Handle kicks, Handle vcpu)
      : host_(host),
        frame_(std::move(frame)),
        tx_(ring::Back<>::attach(shared_ring(frame_.frame(), abi, ring::Ring::tx)).value()),
        rx_(ring::Front<>::attach(shared_ring(frame_.frame(), abi, ring::Ring::rx)).value()),
        up_(frame_.frame()),
        bits_(frame_.frame(), abi),
        kicks_(std::move(kicks)),
        vcpu_(std::move(vcpu)) {
    ++ring::channel_words(frame_.frame())->attachments;
    RingWait wait;
    wait.awaken = [this] { up_.set_mask(); };
    wait.has_work = [this] { return up_.is_pending(); };
    wait.serve = [this] { serve(); };
    wait.try_sleep = [this] {
      if (!up_.unmask()) return true;
      up_.set_mask();
      return false;
    };
    wait_ = host_.ring_wait_start(kicks_, std::move(wait));
    host_.kick(vcpu_);
    serve();
  }
  ~GuestController() { host_.ring_wait_end(wait_); }

  /// Answers each request as it is taken (the default), or only when answer() is called.
  void answer_at_once(bool on) { answers_at_once_ = on; }
  /// Answers at most `count` of the unanswered requests.
  void answer(std::uint32_t count) {
    for (; count > 0 && tx_.unanswered() > 0; --count) REQUIRE(tx_.put_response(next_answer_));
    tx_.publish();
    notify();
  }
  /// Sets the form of its answers; by default they contain only the id of a console message.
  void answer_with(const ring::ControlMessage& message) { next_answer_ = message; }

  /// Types `text`: 60 bytes a message, as fast as the guest takes them.
  void type(std::string_view text) {
    input_ += text;
    pump();
  }
  [[nodiscard]] std::size_t untyped_bytes() const { return input_.size(); }
  /// A request of any kind; false when the ring is full.
  bool ask(const ring::ControlMessage& request) {
    const bool put = rx_.put_request(request);
    rx_.publish();
    notify();
    return put;
  }
  void raise(ring::Port port) {
    if (bits_.raise(port) == ring::Raised::kick) host_.kick(vcpu_);
  }
  void notify() {
    raise(guest_console_port);
    host_.ring_wait_expect(wait_);
  }

  [[nodiscard]] const std::string& output() const { return output_; }
  [[nodiscard]] const std::vector<ring::ControlMessage>& answers() const { return answers_; }
  [[nodiscard]] std::uint32_t unanswered() const { return tx_.unanswered(); }
  [[nodiscard]] std::byte* frame() const { return frame_.frame(); }

 private:
  void serve() {
    up_.clear_pending();
    ring::ControlMessage message;
    while (rx_.take_response(message) == ring::TakeResponse::taken) answers_.push_back(message);
    while (tx_.take_request(message) == ring::TakeRequest::taken) output_ += text_of(message);
    if (answers_at_once_ && tx_.unanswered() > 0) answer(ring::slots_per_ring);
    pump();
  }
  void pump() {
    bool put = false;
    while (!input_.empty() && !rx_.full()) {
      const auto message =
          ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 0, bytes_of(input_));
      put = rx_.put_request(message);
      input_.erase(0, message.length);
    }
    if (!put) return;
    rx_.publish();
    notify();
  }

  SimHost& host_;
  Mapping frame_;
  ring::Back<> tx_;
  ring::Front<> rx_;
  ring::UpEvents<> up_;
  ring::EventBits<> bits_;
  Handle kicks_;
  Handle vcpu_;
  Host::WaitId wait_ = 0;
  bool answers_at_once_ = true;
  ring::ControlMessage next_answer_ = text_message("");
  std::string input_;
  std::string output_;
  std::vector<ring::ControlMessage> answers_;
};

struct GuestMachine {
  explicit GuestMachine(ring::Abi abi = ring::Abi::sring) {
    info.domain = guest_domain;
    info.abi = abi;
    info.shared_info_frame = 0x1234;
    info.console_port = guest_console_port;
    info.memory_max_kib = 65536;
    frame = xen.frame_create().value();
    vcpu = xen.kicks_create().value();
    REQUIRE(xen.hypercalls_serve(
                   {.call = [this](const HypercallCaller&, const HypercallArguments& arguments,
                                   std::vector<Handle>& handles) { return answer(arguments, handles); },
                    .gone = [](const HypercallCaller&) {}})
                .ok());
    start_controller();
  }

  /// Starts a controller in a process of its own, which replaces an existing one.
  void start_controller() {
    if (controller) {
      SimHost& old = world.host("xcs");
      controller.reset();
      world.kill(old);
      world.run();
    }
    SimHost& host = world.host("xcs");
    dom0_port = xen.kicks_create().value();
    const Handle its_frame = world.give(xen.handle_duplicate(frame).value(), host);
    controller = std::make_unique<GuestController>(host, host.frame_map(its_frame).value(), info.abi,
                                                   world.give(xen.handle_duplicate(dom0_port).value(), host),
                                                   world.give(xen.handle_duplicate(vcpu).value(), host));
  }
  /// Boots a guest that runs the scripted program `program`, quietly unless the options say otherwise.
  Result<> boot(std::unique_ptr<SimProgram> program,
                domu::DomUOptions options = {.argv = {"program"}, .quiet = true}) {
    running = program.get();
    auto holder = std::make_shared<std::unique_ptr<SimProgram>>(std::move(program));
    if (running != nullptr)
      world.program("program", [holder](const ProgramSpec&) { return std::move(*holder); });
    Privcmd privcmd(host, world.give(xen.hypercall_connection(guest_domain, false).value(), host));
    domu = std::make_unique<domu::DomU>(host, trace::Journal(sink, trace::actor(trace::Role::domain)),
                                        std::move(privcmd), std::move(options));
    return domu->start();
  }
  void set_window(std::uint16_t rows, std::uint16_t columns) {
    info.rows = rows;
    info.columns = columns;
    controller->raise(guest_window_port);
  }

  HypercallAnswer answer(const HypercallArguments& arguments, std::vector<Handle>& handles) {
    HypercallAnswer given;
    given.info = info;
    switch (arguments.op) {
      case HypercallOp::start_info:
        handles.push_back(xen.handle_duplicate(frame).value());
        break;
      case HypercallOp::evtchn_open:
        handles.push_back(xen.handle_duplicate(vcpu).value());
        handles.push_back(xen.handle_duplicate(dom0_port).value());
        break;
      case HypercallOp::evtchn_status:
        given.status = {.state = PortState::interdomain, .remote_port = controller_port};
        break;
      case HypercallOp::evtchn_bind_virq:
        given.port = guest_window_port;
        break;
      case HypercallOp::evtchn_close:
        closed.push_back(arguments.port);
        break;
      case HypercallOp::memory_set:
        memory_kib = arguments.memory_kib;
        if (memory_kib > info.memory_max_kib) given.result = -ENOMEM;
        break;
      case HypercallOp::sched_shutdown:
        shutdown = {arguments.reason, arguments.exit_status};
        info.state.shutdown = 1;
        info.reason = arguments.reason;
        break;
      default:
        given.result = -ENOSYS;
    }
    return given;
  }

  SimWorld world;
  trace::MemorySink sink{world.clock()};
  SimHost& xen = world.host("xen");
  SimHost& host = world.host("guest");
  DomainInfo info;
  Handle frame;
  Handle vcpu;
  Handle dom0_port;
  std::optional<std::pair<ShutdownReason, int>> shutdown;
  std::vector<ring::Port> closed;
  std::uint32_t memory_kib = 0;  ///< the last requested value
  std::unique_ptr<GuestController> controller;
  SimProgram* running = nullptr;  ///< the program; lives as long as the world
  std::unique_ptr<domu::DomU> domu;
};

}  // namespace ringside::test
