// The replay page: one file that opens from the disk, with the runs, the styles and the scripts in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringside::tools {

/// `runs` are texts of run_data(). `live` is not empty if more steps will follow: it is the domain to which
/// the page's keyboard types, or "no keyboard".
[[nodiscard]] std::string replay_page(const std::vector<std::string>& runs, const std::string& live = "");

/// Replaces `mark` by a text. The page must contain it exactly once.
void fill_in(std::string& page, std::string_view mark, std::string_view text);

[[nodiscard]] std::string base64(const std::string& bytes);

}  // namespace ringside::tools
