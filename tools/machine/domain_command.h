// What commands on one domain share. The functions are defined in domains.cc.
#pragma once

#include <functional>
#include <string>

#include "emu/host/linux_host.h"
#include "tools/command.h"
#include "tools/machine/builder.h"

namespace ringside::tools {

/// A host and a connection as dom0, for commands that make a few requests.
struct Dom0 {
  LinuxHost host;
  Result<Privcmd> privcmd;

  Dom0(const Session& session, const std::string& name)
      : host(name, session.machine()), privcmd(host.connect_dom0()) {}
};

using Act = std::function<Result<>(Dom0&, const DomainInfo&)>;

/// Adds a command whose argument is a domain. `act` gets that domain.
Command add_domain_command(Command app, Session& session, const std::string& name, const std::string& what,
                           const std::string& examples, Act act);
/// Sends one request to dom0's daemon. The answer is success or an error.
Result<> ask(Dom0& dom0, const std::string& request);
/// Fails for a domain of today: the requests of 2005 do not reach it.
Result<> has_control_channel(const char* what, const DomainInfo& info);
/// Prints what `create` prints after it has built a domain.
void print_built(const DomainSpec& spec, const BuiltDomain& built);

}  // namespace ringside::tools
