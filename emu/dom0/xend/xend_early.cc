// How xend takes output that xcs has answered early and can no longer send, because the domain was destroyed
// while xcs, xend or both were dead.
#include "emu/dom0/channel/early_store.h"
#include "emu/dom0/xcs/xcs_frames.h"
#include "emu/dom0/xend/xend.h"

namespace ringside::dom0 {

std::string Xend::early_path(DomainId id) const {
  return options_.console_directory + "/" + EarlyStore::file_name(id);
}

void Xend::take_output_elsewhere(Domain& domain) {
  const auto store = EarlyStore::find(host_, early_path(domain.id));
  if (!store || !store->belongs_to(domain.frame)) return;
  for (const EarlyStore::Kept& kept : store->kept()) {
    XcsMessage frame = control_message(XCS_REQUEST, domain.id, domain.local_port, kept.message);
    frame.result = kept.index;
    tell_taken(journal_, trace::actor(trace::Role::xcs), frame, true);
    domain.console->guest_request(kept.message, kept.index);
  }
}

void Xend::forget_output_elsewhere(DomainId id) {
  host_.memory_forget(early_path(id));
}

std::size_t Xend::count_output_elsewhere(DomainId id, const ConsoleStore& console) {
  const auto store = EarlyStore::find(host_, early_path(id));
  std::size_t bytes = 0;
  if (store) {
    for (const EarlyStore::Kept& kept : store->kept()) {
      if (console.output_known(kept.index, requests_under_way_max(Answer::xcs))) continue;
      XcsMessage frame = control_message(XCS_REQUEST, id, any_port, kept.message);
      frame.result = kept.index;
      tell_taken(journal_, trace::actor(trace::Role::xcs), frame, true);
      bytes += kept.message.payload().size();
    }
  }
  forget_output_elsewhere(id);
  return bytes;
}

void Xend::frame_moves(DomainId id) {
  if (auto store = EarlyStore::find(host_, early_path(id))) store->moves();
}

void Xend::frame_moved(DomainId id, std::optional<std::uint32_t> frame) {
  if (auto store = EarlyStore::find(host_, early_path(id))) store->moved(frame);
}

}  // namespace ringside::dom0
