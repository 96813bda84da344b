// The guest's upcall, and its event towards the controller.
#include "emu/domu/guest_events.h"

#include <utility>

namespace ringside::domu {

GuestEvents::GuestEvents(Host& host, trace::Journal journal, DomainId domain, std::byte* frame, ring::Abi abi,
                         Channel channel)
    : host_(host),
      journal_(journal),
      domain_(domain),
      bits_(frame, abi),
      up_(frame),
      words_(ring::channel_words(frame)),
      channel_(std::move(channel)) {
  RS_CHECK(channel_.port > 0 && channel_.port < ring::ports_per_domain && channel_.reopen != nullptr);
}

GuestEvents::~GuestEvents() {
  if (wait_) host_.ring_wait_end(*wait_);
}

void GuestEvents::bind(ring::Port port, std::function<void()> handler) {
  RS_CHECK(port > 0 && port < ring::ports_per_domain && port != channel_.port && handler != nullptr);
  for (const Binding& binding : bindings_) RS_CHECK(binding.port != port);
  bindings_.push_back({port, std::move(handler)});
}

void GuestEvents::start(std::function<bool()> has_work, std::function<void()> serve) {
  RS_CHECK(!wait_);
  has_work_ = std::move(has_work);
  serve_ = std::move(serve);
  mask();
  RingWait wait;
  wait.awaken = [this] { mask(); };
  wait.has_work = [this] { return bits_.upcall_is_pending() || has_work_(); };
  wait.serve = [this] { upcall(); };
  wait.try_sleep = [this] { return try_sleep(); };
  wait.own_cpu = &words_->guest_cpu;
  wait.peer_cpu = &words_->controller_cpu;
  wait_ = host_.ring_wait_start(channel_.kicks, std::move(wait));
}

void GuestEvents::notify() {
  const ring::Raised outcome = up_.raise();
  journal_.event_raised(domain_, trace::dom0_actor, channel_.peer.port, outcome);
  if (outcome == ring::Raised::kick) host_.kick(channel_.peer.kicks);
  // The response will probably come soon: the guest stays awake, so that the controller need not kick it.
  if (wait_) host_.ring_wait_expect(*wait_);
}

void GuestEvents::follow_controller() {
  const std::uint32_t attachments = ring::NativeMemory::load(&words_->attachments);
  if (attachments == channel_.peer.attachments) return;
  channel_.peer.attachments = attachments;
  std::optional<Peer> peer = channel_.reopen();
  if (!peer) return;
  channel_.peer = std::move(*peer);
  journal_.told(domain_, trace::Fact::new_controller);
  // Events raised since the new controller attached went to the old one.
  host_.kick(channel_.peer.kicks);
}

void GuestEvents::upcall() {
  follow_controller();
  bits_.upcall([this](ring::Port port) {
    bits_.clear_pending(port);
    journal_.event_taken(domain_, port);
    if (port != channel_.port)
      deliver(port);  // the control channel is served below, with or without an event
  });
  // The control port is masked while the guest is awake, so the search above skips it. Its bit is cleared
  // before the rings are looked at: a later event sets it again.
  if (bits_.is_pending(channel_.port)) {
    bits_.clear_pending(channel_.port);
    journal_.event_taken(domain_, channel_.port);
  }
  serve_();
}

void GuestEvents::deliver(ring::Port port) {
  for (const Binding& binding : bindings_) {
    if (binding.port == port) {
      binding.handler();
      return;
    }
  }
  // The port is masked; otherwise its sender could keep this guest busy.
  bits_.set_mask(port);
  journal_.mask_changed(domain_, port, trace::MaskBit::set);
  journal_.refused(domain_, trace::actor(trace::Role::xen), trace::Refusal::stray_event);
  journal_.counted(domain_, trace::Counter::stray_events, strays_, strays_ + 1);
  ++strays_;
}

bool GuestEvents::try_sleep() {
  // Unmasks first and then looks: an event raised between the two finds the port unmasked and kicks; an
  // earlier one is found by the look. The other ports have no mask to clear; the upcall flag covers them.
  const bool pending = bits_.unmask(channel_.port);
  journal_.mask_changed(domain_, channel_.port, trace::MaskBit::clear);
  if (!pending && !bits_.upcall_is_pending() && !has_work_()) return true;
  mask();
  return false;
}

void GuestEvents::mask() {
  if (bits_.is_masked(channel_.port)) return;
  bits_.set_mask(channel_.port);
  journal_.mask_changed(domain_, channel_.port, trace::MaskBit::set);
}

}  // namespace ringside::domu
