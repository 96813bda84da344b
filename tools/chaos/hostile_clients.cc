// Each hostile client is a raw client of the stage, named by its number.
#include "tools/chaos/hostile_clients.h"

#include <vector>

#include "emu/dom0/xcs/client.h"

namespace ringside::chaos {

using script::Lane;

bool HostileClients::half_session() {
  return open(Lane::control);
}

bool HostileClients::half_frame(std::size_t bytes) {
  return open(Lane::data) && stage_.client_sends(last(), Lane::data, std::vector<std::uint8_t>(bytes, 1));
}

bool HostileClients::open(Lane lane) {
  ++count_;
  return static_cast<bool>(stage_.client_opens(last(), lane));
}

bool HostileClients::unreading_client(DomainId domain) {
  ++count_;
  if (!stage_.client_connects(last())) return false;
  auto ports = stage_.console_ports(domain);
  if (!ports) return false;
  (void)stage_.client_reads(last(), false);
  const auto bind = dom0::bind_message(dom0::XCS_MSG_BIND, static_cast<std::int32_t>(ports->port1),
                                       dom0::xcs_type_wildcard);
  return static_cast<bool>(stage_.client_sends(last(), Lane::control,
                                               {reinterpret_cast<const std::uint8_t*>(&bind), sizeof bind}));
}

void HostileClients::leave() {
  for (std::uint32_t each = 1; each <= count_; ++each) {
    for (const Lane lane : {Lane::control, Lane::data})
      (void)stage_.client_closes(std::to_string(each), lane);
  }
}

}  // namespace ringside::chaos
