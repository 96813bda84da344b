// The replay page: one file that opens from the disk, with the runs, the styles and the scripts in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringside::tools {

/// `runs` are texts of run_data(). `live`: more steps will follow, and this is the address to which the
/// page's keyboard sends; empty: the run is complete.
[[nodiscard]] std::string replay_page(const std::vector<std::string>& runs, const std::string& live = "");

/// Replaces the only `mark` of a page, which it has, by a text.
void fill_in(std::string& page, std::string_view mark, std::string_view text);

[[nodiscard]] std::string base64(const std::string& bytes);

}  // namespace ringside::tools
