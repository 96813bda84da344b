// Marks the code that the wrapper has compiled: each function gets a note with its place (an ELF note, so
// that it is loaded with the code and survives a link that drops unused sections). A function without a note
// announces no accesses.
#pragma once

#include <link.h>

#include <string>
#include <string_view>
#include <vector>

namespace ringside::tools {

/// [begin, end), as loaded.
struct CodeRange {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};

/// `assembler`: the output of gcc or clang with -S. Returns it with a note after each function; functions in
/// asm blocks get none.
[[nodiscard]] std::string with_marks(std::string_view assembler);

/// The functions of a loaded object that have a note.
[[nodiscard]] std::vector<CodeRange> marked_code(const dl_phdr_info& object);

}  // namespace ringside::tools
