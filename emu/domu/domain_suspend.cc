// How a guest is suspended and resumed.
//
// The guest puts no more requests into the tx ring and waits until all requests there have responses: a
// controller that attaches to the next page would skip a request without a response, or take it a second
// time. Input that the terminal has not taken yet is answered early, and its bytes stay in the guest. Then
// nothing is in transit in either direction, and the page can be given up. The hypervisor copies later
// requests of the controller to the new page, where the guest takes them.
#include <cerrno>
#include <utility>

#include "emu/domu/domain.h"

namespace ringside::domu {

namespace {

/// How often a guest whose process runs checks whether the domain was resumed.
constexpr Duration resume_check_interval = std::chrono::milliseconds(50);

}  // namespace

void DomU::suspend_requested() {
  if (phase_ != Phase::running || ending_asked_ || suspend_asked_) {
    journal_.refused(domain_, trace::dom0_actor, trace::Refusal::suspend_too_late);
    return;
  }
  suspend_asked_ = true;
  console_->hold_output(true);
}

bool DomU::can_suspend() const {
  const bool has_responses = ctrl_if_->outstanding() == 0 || options_.quirks.has(Quirk::ctrlif_suspend_early);
  return has_responses && console_->can_answer_all();
}

/// Suspends from a timer, because the caller is still using the channel that suspend() closes.
void DomU::suspend_when_possible() {
  if (suspend_timer_ != 0 || !can_suspend()) return;
  suspend_timer_ = host_.timer_start(Duration::zero(), [this] {
    suspend_timer_ = 0;
    if (suspend_asked_ && can_suspend()) suspend();
  });
}

void DomU::suspend() {
  if (ctrl_if_->outstanding() != 0) journal_.quirk(domain_, Quirk::ctrlif_suspend_early);
  console_->answer_all();
  ctrl_if_->suspend();
  const ring::Port console_port = events_->port();
  events_.reset();
  suspend_asked_ = false;
  phase_ = Phase::suspended;
  journal_.told(domain_, trace::Fact::suspends);
  for (const ring::Port port : {console_port, window_port_}) {
    // The port may be closed already.
    if (port != 0) static_cast<void>(privcmd_.evtchn_close(DOMID_SELF, port).ok());
  }
  // The guest continues in a timer's callback, because sched_shutdown() stops the domain: the timer runs
  // after the domain has been resumed.
  suspend_timer_ = host_.timer_start(Duration::zero(), [this] { continue_after_resume(); });
  const auto done = privcmd_.sched_shutdown(ShutdownReason::suspend, 0);
  if (!done) hypervisor_gone(done.error().why);
}

void DomU::continue_after_resume() {
  suspend_timer_ = 0;
  auto start_info = privcmd_.start_info();
  if (!start_info) return hypervisor_gone(start_info.error().why);
  if (start_info->info.suspended() || start_info->info.console_port == 0) {
    // Another process has sent this one a SIGCONT.
    suspend_timer_ = host_.timer_start(resume_check_interval, [this] { continue_after_resume(); });
    return;
  }
  if (auto attached = attach_again(*start_info); !attached) {
    phase_ = Phase::stopped;
    host_.program_kill_rest(process_);
    host_.warn(attached.error().text());
    host_.stop(exit_status_hypervisor_gone);
    return;
  }
  phase_ = Phase::running;
  journal_.told(domain_, trace::Fact::goes_on);
  console_->hold_output(false);
  console_->deliver_input();
  if (ended_while_suspended_) return program_ended(*std::exchange(ended_while_suspended_, std::nullopt));
  settle();
}

Result<> DomU::attach_again(const Privcmd::StartInfo& start_info) {
  auto frame = host_.frame_map(start_info.frame);
  if (!frame) return frame.error();
  frame_ = std::move(*frame);
  const DomainInfo& info = start_info.info;
  auto channel = open_channel(info.console_port);
  if (!channel) return channel.error();
  events_.emplace(host_, journal_, domain_, frame_.frame(), info.abi, std::move(*channel));
  if (auto attached = ctrl_if_->attach(frame_.frame(), info.abi); !attached) return attached;
  events_->start([this] { return ctrl_if_->has_work(); }, [this] { serve(); });
  return bind_window();
}

}  // namespace ringside::domu
