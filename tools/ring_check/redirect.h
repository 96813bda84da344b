// The calls that a loaded shared object makes into other libraries, sent elsewhere: the checker answers those
// that would leave it. Nothing but that object's own table of addresses is changed, so that the program and
// its other libraries call what they always did.
#pragma once

#include <link.h>

#include <span>
#include <string_view>

#include "tools/ring_check/calls.h"

namespace ringside::tools {

/// `object`: as dl_iterate_phdr tells of it, relocated at once (RTLD_NOW).
void redirect_calls(const dl_phdr_info& object, std::span<const RedirectedCall> calls);
/// True: it uses a function of another object whose name ends so.
[[nodiscard]] bool uses_function(const dl_phdr_info& object, std::string_view ending);

}  // namespace ringside::tools
