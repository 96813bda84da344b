// A part of Markdown as HTML: headings of three levels, paragraphs, tables, lists, fenced code, `code`,
// **bold** and *emphasis*. The texts of the labs use only that. Anything else of Markdown (links, pictures,
// HTML, quotations ...) is an error, so that no text is shown in another way than on a page of the source.
#pragma once

#include <string>
#include <string_view>

#include "emu/base/check.h"

namespace ringside::tools {

/// `name` is the file's, for errors. Headings have ids made of their words.
[[nodiscard]] Result<std::string> html_of_markdown(const std::string& name, std::string_view text);

}  // namespace ringside::tools
