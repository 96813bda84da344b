// What commands that act on one domain share; the functions are in domains.cc.
#pragma once

#include <functional>
#include <string>

#include "emu/host/linux_host.h"
#include "tools/command.h"
#include "tools/machine/builder.h"

namespace ringside::tools {

/// A host and a connection as dom0, for commands that are one conversation.
struct Dom0 {
  LinuxHost host;
  Result<Privcmd> privcmd;

  Dom0(const Session& session, const std::string& name)
      : host(name, session.machine()), privcmd(host.connect_dom0()) {}
};

using Act = std::function<Result<>(Dom0&, const DomainInfo&)>;

/// A command whose argument is a domain, which `act` is called with.
Command add_domain_command(Command app, Session& session, const std::string& name, const std::string& what,
                           const std::string& examples, Act act);
/// One request to dom0's daemon whose answer is only good or bad.
Result<> ask(Dom0& dom0, const std::string& request);
/// What `create` prints of a domain that it has built.
void print_built(const DomainSpec& spec, const BuiltDomain& built);

}  // namespace ringside::tools
