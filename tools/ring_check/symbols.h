// The symbols of an ELF file: the names and places of its functions and variables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ringside::tools {

struct Symbol {
  std::uintptr_t begin = 0;  ///< from where the object is loaded
  std::size_t bytes = 0;     ///< 0: not known
  bool is_function = false;
  std::string name;  ///< demangled: "ring::push(unsigned long)"
};

/// The functions, and the variables that can be written and belong to no thread, sorted by name. Empty:
/// the file has no full table, or cannot be read as a 64-bit ELF file.
[[nodiscard]] std::vector<Symbol> read_symbols(const std::string& path);

}  // namespace ringside::tools
