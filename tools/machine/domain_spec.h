// How each domain was created, kept in the machine's directory so that it can be built again: one small file
// a domain, of settings that end with a zero byte.
#pragma once

#include "emu/base/check.h"
#include "emu/host/machine.h"
#include "tools/machine/builder.h"

namespace ringside::tools {

/// Also removes the files of domains that are no more, which are all but `living`.
[[nodiscard]] Result<> save_spec(const Machine& machine, DomainId domain, const DomainSpec& spec,
                                 const std::vector<DomainInfo>& living);
/// ENOENT when there is none for a domain of that number and name.
[[nodiscard]] Result<DomainSpec> load_spec(const Machine& machine, const DomainInfo& info);

}  // namespace ringside::tools
