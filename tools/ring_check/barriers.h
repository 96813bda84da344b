// Makes barriers in assembler visible: in a compiler's output, the fences and the locked instructions from
// asm blocks get a call to the checker. Only for x86-64, in AT&T syntax.
//
// Other instructions in asm blocks that access the page are not seen; the checker's audit names them.
#pragma once

#include <string>
#include <string_view>

namespace ringside::tools {

struct RewrittenAssembler {
  std::string text;
  unsigned fences =
      0;  ///< replaced: mfence, sfence, lfence, and locked instructions on the stack that act as one
  unsigned locked = 0;  ///< announced, and unchanged
};

/// `assembler`: the output of gcc or clang with -S, asm blocks between #APP and #NO_APP. The calls preserve
/// registers, flags and the red zone (with emu/check/asm_barriers.cc).
[[nodiscard]] RewrittenAssembler rewrite_barriers(std::string_view assembler);

}  // namespace ringside::tools
