// Where the journal of a machine at work begins: in the middle, with rings that are in use already. This
// looks at their pages once, and says which entries tell of what was in them by then.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "emu/host/host.h"
#include "emu/host/machine.h"
#include "emu/trace/journal_file.h"

namespace ringside::tools {

/// The domain of that name or number; every one, dom0 among them, if it is empty.
[[nodiscard]] Result<std::vector<DomainInfo>> domains_meant(Privcmd& privcmd, const std::string& name);

class LiveStart {
 public:
  /// `listening` to the journal must have begun: what happens after this look is in entries. A domain whose
  /// page is gone already is begun without.
  LiveStart(Host& host, Privcmd& privcmd, const Machine& machine, const std::vector<DomainInfo>& domains);

  [[nodiscard]] const trace::JournalHeader& header() const { return header_; }
  /// It was written before its domain's page was looked at: played upon what was seen there, it would put the
  /// rings back.
  [[nodiscard]] bool precedes(const trace::Entry& entry) const {
    const auto found = looked_ns_.find(entry.domain);
    return found != looked_ns_.end() && entry.time_ns < found->second;
  }

 private:
  trace::JournalHeader header_;
  std::map<std::uint32_t, std::uint64_t> looked_ns_;
};

}  // namespace ringside::tools
