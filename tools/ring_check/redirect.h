// Redirects the calls of a loaded shared object into other libraries, so that the checker handles those that
// would leave it. Only that object's table of addresses is changed; the program and its other libraries are
// not affected.
#pragma once

#include <link.h>

#include <span>
#include <string_view>

#include "tools/ring_check/calls.h"

namespace ringside::tools {

/// `object`: from dl_iterate_phdr, relocated at once (RTLD_NOW).
void redirect_calls(const dl_phdr_info& object, std::span<const RedirectedCall> calls);
/// True: it uses a function of another object with a name that ends so.
[[nodiscard]] bool uses_function(const dl_phdr_info& object, std::string_view ending);

}  // namespace ringside::tools
