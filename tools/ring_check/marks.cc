// Writes the notes as assembler text, and finds them in loaded memory.
#include "tools/ring_check/marks.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace ringside::tools {

namespace {

constexpr std::string_view note_name = "ringside";
constexpr std::uint32_t note_type = 1;

/// The content of a note: the beginning of the function, relative to this field, and its length.
struct Described {
  std::int64_t begin = 0;
  std::uint64_t bytes = 0;
};
static_assert(sizeof(Described) == 16);

constexpr std::uint32_t padded(std::uint32_t bytes) {
  return (bytes + 3) / 4 * 4;
}

/// The name between `prefix` and a comma: "main" in "\t.type\tmain, @function".
std::string_view name_behind(std::string_view line, std::string_view prefix) {
  if (!line.starts_with(prefix)) return {};
  line.remove_prefix(prefix.size());
  return line.substr(0, line.find(','));
}

class Marker {
 public:
  std::string run(std::string_view assembler) {
    while (!assembler.empty()) {
      const std::size_t end = std::min(assembler.find('\n'), assembler.size());
      line(assembler.substr(0, end));
      assembler.remove_prefix(std::min(end + 1, assembler.size()));
    }
    return std::move(out_);
  }

 private:
  /// A function whose .type line has been read, but not its .size line.
  struct Function {
    std::string_view name;
    unsigned number = 0;
    bool is_begun = false;
  };

  void line(std::string_view text) {
    const std::string_view ended = name_behind(text, "\t.size\t");
    const auto open = std::find_if(functions_.begin(), functions_.end(),
                                   [&](const Function& each) { return each.name == ended; });
    if (open != functions_.end()) {
      if (open->is_begun) end_function(open->number);
      functions_.erase(open);
    }
    out_ += text;
    out_ += '\n';
    if (text == "#APP" || text == "#NO_APP") in_block_ = text == "#APP";
    if (in_block_) return;
    // The rarely executed part of a function is a separate function, which begins before the other one ends.
    if (text.ends_with("@function")) functions_.push_back({name_behind(text, "\t.type\t"), count_++});
    if (text.starts_with('\t')) return;
    for (Function& each : functions_) {
      if (each.is_begun || !text.starts_with(each.name) || !text.substr(each.name.size()).starts_with(':'))
        continue;
      out_ += fmt::format(".Lringside_begin{}:\n", each.number);
      each.is_begun = true;
    }
  }

  void end_function(unsigned number) {
    out_ += fmt::format(
        ".Lringside_end{0}:\n"
        // In the same group as the function, so that the linker drops both if another object has the same
        // function.
        "\t.pushsection .note.ringside,\"a?\",@note\n"
        "\t.balign 4\n"
        "\t.long {1}, {2}, {3}\n"
        "\t.asciz \"{4}\"\n"
        "\t.balign 4\n"
        "\t.quad .Lringside_begin{0} - .\n"
        "\t.quad .Lringside_end{0} - .Lringside_begin{0}\n"
        "\t.popsection\n",
        number, note_name.size() + 1, sizeof(Described), note_type, note_name);
  }

  std::string out_;
  std::vector<Function> functions_;
  bool in_block_ = false;
  unsigned count_ = 0;
};

}  // namespace

std::string with_marks(std::string_view assembler) {
  return Marker().run(assembler);
}

std::vector<CodeRange> marked_code(const dl_phdr_info& object) {
  std::vector<CodeRange> ranges;
  for (int i = 0; i < object.dlpi_phnum; ++i) {
    const auto& header = object.dlpi_phdr[i];
    if (header.p_type != PT_NOTE || header.p_align > 4) continue;
    const auto* at = reinterpret_cast<const char*>(object.dlpi_addr + header.p_vaddr);
    const char* const end = at + header.p_memsz;
    while (static_cast<std::size_t>(end - at) >= sizeof(ElfW(Nhdr))) {
      ElfW(Nhdr) note;
      std::memcpy(&note, at, sizeof note);
      const char* name = at + sizeof note;
      const char* about = name + padded(note.n_namesz);
      at = about + padded(note.n_descsz);
      if (at > end || note.n_type != note_type || note.n_descsz != sizeof(Described) ||
          std::string_view(name, note.n_namesz) != std::string_view(note_name.data(), note_name.size() + 1))
        continue;
      Described described;
      std::memcpy(&described, about, sizeof described);
      const std::uintptr_t begin =
          reinterpret_cast<std::uintptr_t>(about) + static_cast<std::uintptr_t>(described.begin);
      ranges.push_back({begin, begin + described.bytes});
    }
  }
  return ranges;
}

}  // namespace ringside::tools
