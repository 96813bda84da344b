// How a guest is suspended and resumed.
//
// It puts no more requests into the tx ring and waits until all requests there have responses: the next end
// that attaches would forget a request without a response, or see it twice. Input that the terminal has not
// taken yet is answered early and its bytes stay here. Then nothing is in transit in either direction, and
// the page can be given up. Later requests of the controller in the old page are copied by the hypervisor,
// and are taken from the new page.
#include <cerrno>
#include <utility>

#include "emu/domu/domain.h"

namespace ringside::domu {

namespace {

/// How often a guest checks whether it was resumed, if its process runs before that.
constexpr Duration sleep_again = std::chrono::milliseconds(50);

}  // namespace

void DomU::suspend_requested() {
  if (phase_ != Phase::running || ending_asked_ || suspend_asked_) {
    journal_.refused(domain_, trace::dom0_actor, trace::Refusal::suspend_too_late);
    return;
  }
  suspend_asked_ = true;
  console_->hold_output(true);
}

bool DomU::quiet() const {
  const bool has_responses = ctrl_if_->outstanding() == 0 || options_.quirks.has(Quirk::ctrlif_suspend_early);
  return has_responses && console_->can_answer_all();
}

/// From a timer: the caller is serving the channel that is to be torn down.
void DomU::suspend_when_quiet() {
  if (suspend_timer_ != 0 || !quiet()) return;
  suspend_timer_ = host_.timer_start(Duration::zero(), [this] {
    suspend_timer_ = 0;
    if (suspend_asked_ && quiet()) suspend();
  });
}

void DomU::suspend() {
  if (ctrl_if_->outstanding() != 0) journal_.quirk(domain_, Quirk::ctrlif_suspend_early);
  console_->answer_all();
  ctrl_if_->suspend();
  const ring::Port console_port = events_->port();
  events_.reset();
  suspend_asked_ = false;
  phase_ = Phase::asleep;
  journal_.told(domain_, trace::Fact::suspends);
  for (const ring::Port port : {console_port, window_port_}) {
    // The port may be closed already.
    if (port != 0) static_cast<void>(privcmd_.evtchn_close(DOMID_SELF, port).ok());
  }
  // Later than this callback: nothing here runs again before the domain has been resumed, but a component
  // finishes its current callback.
  suspend_timer_ = host_.timer_start(Duration::zero(), [this] { wake(); });
  const auto done = privcmd_.sched_shutdown(ShutdownReason::suspend, 0);
  if (!done) hypervisor_gone(done.error().why);
}

void DomU::wake() {
  suspend_timer_ = 0;
  auto start_info = privcmd_.start_info();
  if (!start_info) return hypervisor_gone(start_info.error().why);
  if (start_info->info.suspended() || start_info->info.console_port == 0) {
    // Another process has sent this one a SIGCONT.
    suspend_timer_ = host_.timer_start(sleep_again, [this] { wake(); });
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
  if (ended_asleep_) return program_ended(*std::exchange(ended_asleep_, std::nullopt));
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
