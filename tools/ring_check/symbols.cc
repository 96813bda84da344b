// Reads the table .symtab. Checks each offset of the file before it uses it.
#include "tools/ring_check/symbols.h"

#include <cxxabi.h>
#include <elf.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace ringside::tools {

namespace {

/// `count` structures at an offset; empty if they are not all in the file.
template <class Record>
std::vector<Record> records_at(std::string_view file, std::uint64_t offset, std::uint64_t count) {
  if (offset > file.size() || count > (file.size() - offset) / sizeof(Record)) return {};
  std::vector<Record> records(count);
  if (count > 0) std::memcpy(records.data(), file.data() + offset, count * sizeof(Record));
  return records;
}

std::string demangled(const std::string& name) {
  // The demangler takes a name without this prefix for a type: "x" would become long long.
  if (!name.starts_with("_Z")) return name;
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> plain(
      abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? plain.get() : name;
}

/// Empty if the symbol is neither a function nor a variable.
std::optional<Symbol> taken(const Elf64_Sym& each, std::span<const Elf64_Shdr> sections,
                            std::string_view names) {
  const auto type = ELF64_ST_TYPE(each.st_info);
  if (type != STT_FUNC && type != STT_OBJECT && type != STT_NOTYPE) return {};
  if (each.st_shndx == SHN_UNDEF || each.st_shndx >= sections.size()) return {};
  const std::uint64_t flags = sections[each.st_shndx].sh_flags;
  const bool is_function = (flags & SHF_EXECINSTR) != 0;
  if (!is_function && (flags & SHF_WRITE) == 0) return {};
  if (each.st_name >= names.size()) return {};
  const std::string_view rest = names.substr(each.st_name);
  const std::string name(rest.substr(0, rest.find('\0')));
  if (name.empty()) return {};
  return Symbol{each.st_value, each.st_size, is_function, demangled(name)};
}

}  // namespace

std::vector<Symbol> read_symbols(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  const std::string file((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  const auto header = records_at<Elf64_Ehdr>(file, 0, 1);
  if (header.empty() || std::memcmp(header[0].e_ident, ELFMAG, SELFMAG) != 0 ||
      header[0].e_ident[EI_CLASS] != ELFCLASS64 || header[0].e_shentsize != sizeof(Elf64_Shdr))
    return {};
  const auto sections = records_at<Elf64_Shdr>(file, header[0].e_shoff, header[0].e_shnum);
  const auto table = std::find_if(sections.begin(), sections.end(),
                                  [&](const Elf64_Shdr& each) { return each.sh_type == SHT_SYMTAB; });
  if (table == sections.end() || table->sh_link >= sections.size()) return {};
  const Elf64_Shdr& strings = sections[table->sh_link];
  const auto names = records_at<char>(file, strings.sh_offset, strings.sh_size);
  std::vector<Symbol> symbols;
  for (const Elf64_Sym& each :
       records_at<Elf64_Sym>(file, table->sh_offset, table->sh_size / sizeof(Elf64_Sym)))
    if (const auto symbol = taken(each, sections, {names.data(), names.size()})) symbols.push_back(*symbol);
  std::stable_sort(symbols.begin(), symbols.end(),
                   [](const Symbol& one, const Symbol& other) { return one.name < other.name; });
  return symbols;
}

}  // namespace ringside::tools
