// Finds and changes the relocations of an ELF object that name a function of another object.
#include "tools/ring_check/redirect.h"

#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace ringside::tools {

namespace {

struct Tables {
  const ElfW(Sym) * symbols = nullptr;
  const char* names = nullptr;
  std::span<const ElfW(Rela)> of_calls;  ///< the procedure linkage table's
  std::span<const ElfW(Rela)> others;
};

Tables tables_of(const dl_phdr_info& object) {
  Tables tables;
  const ElfW(Rela)* calls = nullptr;
  const ElfW(Rela)* others = nullptr;
  std::size_t calls_bytes = 0;
  std::size_t others_bytes = 0;
  for (int i = 0; i < object.dlpi_phnum; ++i) {
    if (object.dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
    const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(object.dlpi_addr + object.dlpi_phdr[i].p_vaddr);
    for (; entry->d_tag != DT_NULL; ++entry) {
      // The loader has converted these to addresses.
      const void* at = reinterpret_cast<const void*>(entry->d_un.d_ptr);
      if (entry->d_tag == DT_SYMTAB) tables.symbols = static_cast<const ElfW(Sym)*>(at);
      if (entry->d_tag == DT_STRTAB) tables.names = static_cast<const char*>(at);
      if (entry->d_tag == DT_JMPREL) calls = static_cast<const ElfW(Rela)*>(at);
      if (entry->d_tag == DT_RELA) others = static_cast<const ElfW(Rela)*>(at);
      if (entry->d_tag == DT_PLTRELSZ) calls_bytes = entry->d_un.d_val;
      if (entry->d_tag == DT_RELASZ) others_bytes = entry->d_un.d_val;
    }
  }
  if (calls != nullptr) tables.of_calls = {calls, calls_bytes / sizeof *calls};
  if (others != nullptr) tables.others = {others, others_bytes / sizeof *others};
  return tables;
}

/// Calls each(name, the place of its address) for each function of another object.
template <class Each>
void for_each_use(const dl_phdr_info& object, Each each) {
  const Tables tables = tables_of(object);
  if (tables.symbols == nullptr || tables.names == nullptr) return;
  for (const auto& relocations : {tables.of_calls, tables.others}) {
    for (const ElfW(Rela) & relocation : relocations) {
      const auto type = ELF64_R_TYPE(relocation.r_info);
      if (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT && type != R_X86_64_64) continue;
      const ElfW(Sym)& symbol = tables.symbols[ELF64_R_SYM(relocation.r_info)];
      // Functions of the object itself are left out.
      if (symbol.st_shndx != SHN_UNDEF || symbol.st_name == 0) continue;
      each(tables.names + symbol.st_name, object.dlpi_addr + relocation.r_offset);
    }
  }
}

void write_address(std::uintptr_t where, const void* function) {
  const auto unit = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  // The loader has made this memory read-only; the rest of the page stays readable.
  auto* page = reinterpret_cast<void*>(where / unit * unit);
  ::mprotect(page, unit, PROT_READ | PROT_WRITE);
  std::memcpy(reinterpret_cast<void*>(where), &function, sizeof function);
}

}  // namespace

void redirect_calls(const dl_phdr_info& object, std::span<const RedirectedCall> calls) {
  for_each_use(object, [&](const char* name, std::uintptr_t where) {
    const auto call = std::find_if(calls.begin(), calls.end(), [&](const RedirectedCall& each) {
      return std::strcmp(each.name, name) == 0;
    });
    if (call != calls.end()) write_address(where, call->function);
  });
}

bool uses_function(const dl_phdr_info& object, std::string_view ending) {
  bool uses = false;
  for_each_use(object, [&](std::string_view name, std::uintptr_t) { uses = uses || name.ends_with(ending); });
  return uses;
}

}  // namespace ringside::tools
