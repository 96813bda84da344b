// Files of the tree that are a part of the program. tools/meson.build says which; embed.py makes them text.
#pragma once

#include <string_view>

namespace ringside::tools::embedded {

/// emu/trace/journal_schema.json
extern const std::string_view journal_schema;

}  // namespace ringside::tools::embedded
