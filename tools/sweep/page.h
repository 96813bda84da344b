// The report of a sweep for a browser: a folder with index.html, which has each kind of failure once, and
// the page of its smallest example.
#pragma once

#include <string>

#include "tools/sweep/results.h"

namespace ringside::tools {

/// Runs the examples again, on this machine, for their pages. What has no page is listed with its command.
[[nodiscard]] Result<> write_sweep_pages(const SweepPlan& plan, const SweepResults& results,
                                         const std::string& folder);

}  // namespace ringside::tools
