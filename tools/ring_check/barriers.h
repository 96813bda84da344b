// Barriers that ring code makes in assembler, made visible: in a compiler's output, the fences and the locked
// instructions that stem from asm blocks get a call to the checker. x86-64, AT&T syntax. Text in, text out.
//
// Other instructions in asm blocks that touch the page stay unseen; the checker's audit names them.
#pragma once

#include <string>
#include <string_view>

namespace ringside::tools {

struct RewrittenAssembler {
  std::string text;
  unsigned fences =
      0;  ///< replaced: mfence, sfence, lfence, and locked instructions on the stack that stand for one
  unsigned locked = 0;  ///< announced, and left as they are
};

/// `assembler`: what gcc or clang write with -S, asm blocks between #APP and #NO_APP. Registers, flags and
/// the red zone are for the ring's code as if nothing had been called (emu/check/asm_barriers.cc sees to the
/// rest).
[[nodiscard]] RewrittenAssembler rewrite_barriers(std::string_view assembler);

}  // namespace ringside::tools
