// The start of a journal of a running machine, whose rings are already in use. Reads the domains' pages once,
// and records their contents in the journal's header.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "emu/host/host.h"
#include "emu/host/machine.h"
#include "emu/trace/journal_file.h"

namespace ringside::tools {

/// The domain of this name or number; all domains, including dom0, if `name` is empty.
[[nodiscard]] Result<std::vector<DomainInfo>> domains_meant(Privcmd& privcmd, const std::string& name);

class LiveStart {
 public:
  /// The caller must already receive the journal, so that each later change is in an entry. A domain whose
  /// page is gone is recorded without its rings.
  LiveStart(Host& host, Privcmd& privcmd, const Machine& machine, const std::vector<DomainInfo>& domains);

  [[nodiscard]] const trace::JournalHeader& header() const { return header_; }
  /// Whether the entry was written before its domain's page was read. Replaying it would set the rings back.
  [[nodiscard]] bool precedes(const trace::Entry& entry) const {
    const auto found = looked_ns_.find(entry.domain);
    return found != looked_ns_.end() && entry.time_ns < found->second;
  }

 private:
  trace::JournalHeader header_;
  std::map<std::uint32_t, std::uint64_t> looked_ns_;
};

}  // namespace ringside::tools
