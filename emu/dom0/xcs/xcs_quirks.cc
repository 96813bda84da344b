// xcs: its errors of 2005, where they need more than a line. See emu/base/quirks.h.
#include "emu/dom0/xcs/xcs.h"

namespace ringside::dom0 {

/// True if the quirk is on; then records that it takes effect here.
bool Xcs::quirk(Quirk quirk, DomainId domain, std::optional<std::uint32_t> number, std::size_t bytes) {
  if (!options_.quirks.has(quirk)) return false;
  journal_.quirk(domain, quirk, number, bytes);
  return true;
}

/// xcs had one loop and blocking descriptors: while it waited for one client, it did nothing else.
void Xcs::hold_other_clients(Connection& connection) {
  if (held_by_ != 0) return;
  held_by_ = connection.number;
  host_.watch_interest(listener_, {});
  for (auto& [number, other] : connections_) update_interest(*other);
  for (Line& line : lines_) {
    if (line.channel != nullptr) line.channel->hold();
  }
}

void Xcs::release_clients() {
  held_by_ = 0;
  if (accepting_) host_.watch_interest(listener_, {.read = true, .write = false});
  for (auto& [number, other] : connections_) update_interest(*other);
  for (DomainId domain = 0; domain < lines_.size(); ++domain) {
    if (lines_[domain].channel == nullptr) continue;
    lines_[domain].channel->release();
    look_at(domain);
  }
}

void Xcs::crash(Quirk quirk, int signal, std::string_view why) {
  journal_.quirk(0, quirk);
  host_.warn(fmt::format("xcs is killed by signal {}: {} (quirk {})", signal, why, about(quirk).name));
  crashed_ = true;
  host_.stop(128 + signal);
}

/// An error message. It goes to descriptor 2, which may be a client's connection.
void Xcs::say(const std::string& text) {
  host_.warn(text);
  const auto client = connections_.find(descriptor2_);
  if (client == connections_.end() || !quirk(Quirk::xcs_fd2)) return;
  const std::string line = text + "\n";
  static_cast<void>(
      host_.write(client->second->stream, {reinterpret_cast<const std::uint8_t*>(line.data()), line.size()}));
}

}  // namespace ringside::dom0
