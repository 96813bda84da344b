// Redirects the calls of a loaded shared object into other libraries, so that the checker handles the calls
// in calls.h. Only that object's table of addresses is changed; the program and its other libraries are not
// affected.
#pragma once

#include <link.h>

#include <span>
#include <string_view>

#include "tools/ring_check/calls.h"

namespace ringside::tools {

/// `object`: from dl_iterate_phdr, relocated at once (RTLD_NOW).
void redirect_calls(const dl_phdr_info& object, std::span<const RedirectedCall> calls);
/// Whether the object uses a function of another object whose name ends with `ending`.
[[nodiscard]] bool uses_function(const dl_phdr_info& object, std::string_view ending);

}  // namespace ringside::tools
