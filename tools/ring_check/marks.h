// Which code the wrapper has compiled: each function that it compiles gets a note (an ELF note, so that it is
// loaded with the code and survives a link that drops what nothing uses) that says where it lies. A function
// without one announces nothing.
#pragma once

#include <link.h>

#include <string>
#include <string_view>
#include <vector>

namespace ringside::tools {

/// [begin, end), as it is loaded.
struct CodeRange {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};

/// `assembler`: what gcc or clang write with -S. The same, with a note behind each function; those that an
/// asm block defines get none.
[[nodiscard]] std::string with_marks(std::string_view assembler);

/// The functions of a loaded object that have a note.
[[nodiscard]] std::vector<CodeRange> marked_code(const dl_phdr_info& object);

}  // namespace ringside::tools
