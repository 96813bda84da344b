// The replay page: one file that opens from the disk, with the runs, the styles and the scripts in it.
#pragma once

#include <string>
#include <vector>

namespace ringside::tools {

/// `runs` are texts of run_data(). `live`: steps are still to come, and this is what the page's keyboard
/// types to; empty: they are all there.
[[nodiscard]] std::string replay_page(const std::vector<std::string>& runs, const std::string& live = "");

}  // namespace ringside::tools
