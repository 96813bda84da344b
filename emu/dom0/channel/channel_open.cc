// How a control channel is opened and closed: the event channel, the frame, the start indices of the rings,
// the wait.
#include <cerrno>
#include <utility>

#include "emu/dom0/channel/channel.h"

namespace ringside::dom0 {

namespace {

constexpr const char* cannot_open = "cannot open the control channel";

Error refuse(int code, DomainId domain, std::string why) {
  return {code, cannot_open, fmt::format("domain {}", domain), std::move(why), ""};
}

Result<DomainInfo> living_domain(Privcmd& privcmd, DomainId domain) {
  auto info = privcmd.domain_info(domain);
  if (!info) return info.error();
  if (!info->has_value() || (*info)->domain != domain || (*info)->state.dying != 0) {
    return refuse(ESRCH, domain, "there is no such domain");
  }
  return **info;
}

/// Owns the event channel until the control channel is complete.
class BoundPort {
 public:
  BoundPort(Privcmd& privcmd, bool is_new, ring::Port local)
      : privcmd_(privcmd), local_(local), is_new_(is_new) {}
  ~BoundPort() {
    // If closing fails, there is nothing left to do.
    if (is_new_) static_cast<void>(privcmd_.evtchn_close(DOMID_SELF, local_).ok());
  }
  void keep() { is_new_ = false; }

 private:
  Privcmd& privcmd_;
  ring::Port local_;
  bool is_new_;
};

}  // namespace

Result<std::unique_ptr<Channel>> Channel::open(Host& host, trace::Journal journal, Privcmd& privcmd,
                                               EventDevice& events, const Place& asked,
                                               ChannelCounters& counters, Events owner) {
  const DomainId domain = asked.domain;
  auto info = living_domain(privcmd, domain);
  if (!info) return info.error();
  if (asked.local_port != any_port && events.is_bound(asked.local_port)) {
    return refuse(EEXIST, domain, fmt::format("port {} has another use", asked.local_port));
  }
  Place place = asked;
  // A started domain keeps its port, so that the next controller finds its channel there.
  if (place.remote_port == any_port && place.local_port == any_port) place.remote_port = info->console_port;
  const bool is_new = place.remote_port == any_port && place.local_port == any_port;
  const bool mistaken = place.quirks.has(Quirk::abi_mismatch) && info->abi != ring::Abi::sring;
  const ring::Abi abi = mistaken ? ring::Abi::sring : info->abi;
  auto pair = privcmd.evtchn_bind_interdomain(DOMID_SELF, domain, place.local_port, place.remote_port);
  if (!pair) return pair.error();
  place.local_port = pair->port1;
  place.remote_port = pair->port2;
  BoundPort bound_port(privcmd, is_new, place.local_port);

  auto frame = privcmd.map_frame(domain, info->shared_info_frame);
  if (!frame) return frame.error();
  auto mapping = host.frame_map(*frame);
  if (!mapping) return mapping.error();
  std::byte* page = mapping->frame();
  const auto back = ring::Back<>::attach(ring::shared_ring(page, abi, ring::Ring::tx));
  const auto front = ring::Front<>::attach(ring::shared_ring(page, abi, ring::Ring::rx));
  if (!back || !front) return refuse(EBADMSG, domain, "its ring indices are impossible");

  if (auto bound = events.bind(place.local_port, EventDevice::Wake::owner, domain); !bound)
    return bound.error();
  if (!events.peer_kicks(place.local_port).valid()) {
    events.unbind(place.local_port);
    return refuse(ESRCH, domain, "no domain is at the other end of the event channel");
  }
  std::unique_ptr<Channel> channel(new Channel({host, privcmd, events, counters}, journal, place,
                                               {.rings = abi, .events = info->abi},
                                               std::move(mapping).value(), *back, *front, std::move(owner)));
  channel->trusts_indices_ = mistaken || place.quirks.has(Quirk::stale_indices);
  if (auto kept = channel->keep_early(info->shared_info_frame); !kept) return kept.error();
  bound_port.keep();
  channel->start();
  return channel;
}

Channel::Channel(const Parts& parts, trace::Journal journal, const Place& place, const Layouts& layouts,
                 Mapping frame, ring::Back<> back, ring::Front<> front, Events owner)
    : parts_(parts),
      journal_(journal),
      place_(place),
      frame_(std::move(frame)),
      tx_(ring::shared_ring(frame_.frame(), layouts.rings, ring::Ring::tx)),
      rx_(ring::shared_ring(frame_.frame(), layouts.rings, ring::Ring::rx)),
      back_(back),
      front_(front),
      guest_bits_(frame_.frame(), layouts.events),
      up_(frame_.frame()),
      owner_(std::move(owner)),
      published_responses_(back.rsp_prod_pvt()),
      published_requests_(front.req_prod_pvt()) {}

void Channel::start() {
  journal_.told(domain(), trace::Fact::channel_opened, {local_port(), remote_port()});
  take_over_requests();
  ring::ChannelWords* words = ring::channel_words(frame_.frame());
  take_over_tags(words->tagged);
  release();
  // The guest may have the kicks of a predecessor's port. When this count changes, the guest requests the
  // present ones.
  ring::NativeMemory::store(&words->attachments, ring::NativeMemory::load(&words->attachments) + 1);
  const ring::Raised outcome = guest_bits_.raise(remote_port());
  journal_.event_raised(domain(), trace::actor(trace::Role::domain, domain()), remote_port(), outcome);
  parts_.host.kick(parts_.events.peer_kicks(local_port()));
}

/// Without room for a new file the channel is opened without early answers. A file that exists must be read.
Result<> Channel::keep_early(std::uint32_t frame) {
  if (place_.early_directory.empty()) return Done{};
  auto made = EarlyStore::make(parts_.host, early_path(), frame);
  if (made) {
    early_ = std::move(made).value();
    return Done{};
  }
  if (made.error().code != ENOSPC) return made.error();
  parts_.host.warn(fmt::format("{}: domain {} gets no early answers", made.error().text(), domain()));
  return Done{};
}

std::string Channel::early_path() const {
  return place_.early_directory + "/" + EarlyStore::file_name(domain());
}

/// Attaching skips requests that a dead predecessor had taken and not answered. They are still in the slots.
/// Those that it had answered early are in the file.
void Channel::take_over_requests() {
  const ring::Index first = back_.rsp_prod_pvt();
  const std::uint32_t in_slots = ring::distance(back_.req_cons(), first);
  if (early_) {
    for (const EarlyStore::Kept& kept : early_->kept()) {
      if (ring::distance(kept.index, first) < in_slots) continue;
      remember({kept.message, kept.index});
      ++early_count_;
    }
  }
  for (ring::Index index = first; index != first + in_slots; ++index) {
    ring::ControlMessage message;
    ring::NativeMemory::copy_from_shared(&message, tx_.slots + ring::slot_of(index));
    if (message.length > ring::payload_bytes_max) message.length = ring::payload_bytes_max;
    remember({message, index});
  }
  if (in_slots != 0) journal_.told(domain(), trace::Fact::requests_unanswered, {in_slots, first});
}

void Channel::hold() {
  if (wait_ != 0) parts_.host.ring_wait_end(std::exchange(wait_, 0));
}

void Channel::release() {
  if (wait_ != 0) return;
  ring::ChannelWords* words = ring::channel_words(frame_.frame());
  mask();
  wait_ = parts_.host.ring_wait_start(parts_.events.kicks(local_port()),
                                      {.awaken = [this] { mask(); },
                                       .has_work = [this] { return has_work(); },
                                       .serve = [this] { turn(); },
                                       .try_sleep = [this] { return try_sleep(); },
                                       .own_cpu = &words->controller_cpu,
                                       .peer_cpu = &words->guest_cpu});
}

/// The tags of requests that reached the ring. A request whose tag a predecessor wrote but which it did not
/// publish is left out.
void Channel::take_over_tags(const ring::TaggedRequest* in_page) {
  tags_taken_ = front_.rsp_cons();
  for (std::size_t place = 0; place < tagged_.size(); ++place) {
    const ring::TaggedRequest sent{ring::NativeMemory::load(&in_page[place].tag),
                                   ring::NativeMemory::load(&in_page[place].index)};
    if (tag_age(sent) != 0) tagged_[place] = sent;
  }
}

Channel::~Channel() {
  hold();
  parts_.events.unbind(local_port());
}

void Channel::close_port() {
  journal_.told(domain(), trace::Fact::channel_closed);
  // The hypervisor may have closed it already, with the domain.
  static_cast<void>(parts_.privcmd.evtchn_close(DOMID_SELF, local_port()).ok());
  if (!early_) return;
  auto info = parts_.privcmd.domain_info(domain());
  if (!info) return;
  const bool exists = info->has_value() && (*info)->domain == domain() && (*info)->state.dying == 0 &&
                      early_->belongs_to((*info)->shared_info_frame);
  if (!exists) parts_.host.memory_forget(early_path());
}

bool Channel::still_bound() {
  const auto status = parts_.privcmd.evtchn_status(DOMID_SELF, local_port());
  return status && status.value().state == PortState::interdomain &&
         status.value().remote_domain == domain() && status.value().remote_port == remote_port();
}

}  // namespace ringside::dom0
