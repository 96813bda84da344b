// Records of how each domain was created, so that it can be built again. Each domain has a small file in the
// machine's directory with settings that end with a zero byte.
#pragma once

#include "emu/base/check.h"
#include "emu/host/machine.h"
#include "tools/machine/builder.h"

namespace ringside::tools {

/// Also removes the files of all domains that are not in `living`.
[[nodiscard]] Result<> save_spec(const Machine& machine, DomainId domain, const DomainSpec& spec,
                                 const std::vector<DomainInfo>& living);
/// ENOENT if there is no record of a domain of this number and name.
[[nodiscard]] Result<DomainSpec> load_spec(const Machine& machine, const DomainInfo& info);

}  // namespace ringside::tools
