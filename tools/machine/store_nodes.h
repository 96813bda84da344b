// What a toolstack of today keeps in xenstore about domains: their names, and where the daemons find the
// console and the store's own connection of a domain of today.
#pragma once

#include <string>

#include "emu/host/hypercall.h"
#include "emu/host/linux_host.h"

namespace ringside::tools {

/// Makes the store agree with the hypervisor: adds the nodes of domains that have none, and introduces those
/// of today; removes the nodes of domains that are gone.
[[nodiscard]] Result<> update_store(const Machine& machine, Privcmd& privcmd);

/// Adds the nodes of that domain only.
[[nodiscard]] Result<> add_to_store(const Machine& machine, const DomainInfo& info);

/// The path of the pty that xenconsoled has made for the domain; empty if it has made none.
[[nodiscard]] Result<std::string> tty_in_store(const Machine& machine, DomainId domain);
/// The same, but waits until there is one.
[[nodiscard]] Result<std::string> wait_for_tty(LinuxHost& host, DomainId domain);

}  // namespace ringside::tools
