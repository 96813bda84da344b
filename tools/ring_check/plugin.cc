// dlopen, the program headers of what it loaded, and addr2line for its debug information.
#include "tools/ring_check/plugin.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "emu/check/conformance.h"
#include "tools/ring_check/ring_process.h"

namespace ringside::tools {

namespace {

Error bad_plugin(const std::string& path, std::string why, std::string advice) {
  return {EINVAL, "cannot check a ring", path, std::move(why), std::move(advice)};
}

/// How many of the functions that were inlined into each other are named.
constexpr std::size_t frames_shown_max = 2;

constexpr std::uintptr_t round_up(std::uintptr_t value, std::uintptr_t to) {
  return (value + to - 1) / to * to;
}

}  // namespace

Result<RingPlugin> RingPlugin::load(const std::string& path) {
  RingPlugin plugin;
  plugin.path_ = path;
  std::error_code unreadable;
  const auto status = std::filesystem::status(path, unreadable);
  if (status.type() == std::filesystem::file_type::not_found)
    return bad_plugin(path, "there is no such file",
                      "build it with: ringside ring-check cc -shared -o ring.so ring.c");
  // Opening a fifo would wait for ever.
  if (status.type() != std::filesystem::file_type::regular)
    return bad_plugin(path, unreadable ? unreadable.message() : "it is not a file", "name a shared object");
  note_loading(path);
  // With a slash in it, so that nobody searches for it.
  void* library = ::dlopen(std::filesystem::absolute(path).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = ::dlerror();
    return bad_plugin(path, fmt::format("it cannot be loaded: {}", why == nullptr ? "?" : why),
                      "it must be a shared object, linked without -fsanitize=thread");
  }
  void* entry = ::dlsym(library, "ring_check_plugin");
  if (entry == nullptr)
    return bad_plugin(path, "it exports no ring_check_plugin()",
                      "see <ringside/ring_check.h>; in C++ it must be extern \"C\"");
  plugin.inside_ = entry;
  plugin.ring_ = reinterpret_cast<const ring_check_ring* (*)()>(entry)();
  if (std::string fault = check::fault_of_table(plugin.ring_); !fault.empty())
    return bad_plugin(path, fault, "see <ringside/ring_check.h>");
  if (auto mapped = plugin.map_page(); !mapped) return mapped.error();
  plugin.find_variables();
  note_loading("");
  return plugin;
}

std::string RingPlugin::name() const {
  return std::filesystem::path(path_).stem().string();
}

/// The page ends where memory ends (as far as its alignment lets it), so that running over it is no secret.
Result<> RingPlugin::map_page() {
  const auto unit = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const std::uintptr_t inner = round_up(ring_->page_bytes, unit);
  void* area = ::mmap(nullptr, inner + 2 * unit, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  auto* middle = static_cast<std::byte*>(area) + unit;
  if (area == MAP_FAILED || ::mprotect(middle, inner, PROT_READ | PROT_WRITE) != 0)
    return Error{errno, "cannot check a ring", path_, "there is no memory for its page", ""};
  area_ = {middle, inner};
  page_ = middle + (inner - round_up(ring_->page_bytes, 64));
  return Done{};
}

void RingPlugin::find_variables() {
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* context) {
        auto* self = static_cast<RingPlugin*>(context);
        const auto inside = reinterpret_cast<std::uintptr_t>(self->inside_);
        bool is_ours = false;
        std::uintptr_t constant_end = 0;
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& header = info->dlpi_phdr[i];
          const std::uintptr_t begin = info->dlpi_addr + header.p_vaddr;
          if (header.p_type == PT_LOAD && inside - begin < header.p_memsz) is_ours = true;
          if (header.p_type == PT_GNU_RELRO)
            constant_end =
                round_up(begin + header.p_memsz, static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE)));
        }
        if (!is_ours) return 0;
        self->loaded_at_ = info->dlpi_addr;
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& header = info->dlpi_phdr[i];
          if (header.p_type != PT_LOAD || (header.p_flags & PF_W) == 0) continue;
          // What the loader made read-only after relocation is no variable.
          const std::uintptr_t begin = std::max(info->dlpi_addr + header.p_vaddr, constant_end);
          const std::uintptr_t end = info->dlpi_addr + header.p_vaddr + header.p_memsz;
          if (begin >= end) continue;
          check::Segment segment;
          segment.memory = {reinterpret_cast<std::byte*>(begin), end - begin};
          segment.as_loaded.assign(segment.memory.begin(), segment.memory.end());
          self->variables_.push_back(std::move(segment));
        }
        return 1;
      },
      this);
}

std::vector<check::Word> RingPlugin::words() const {
  std::vector<check::Word> words;
  for (std::uint32_t i = 0; i < ring_->word_count; ++i)
    words.push_back({ring_->words[i].name, ring_->words[i].offset, ring_->words[i].size});
  return words;
}

std::map<const void*, std::string> RingPlugin::locate(const std::vector<const void*>& code) const {
  std::map<const void*, std::string> found;
  if (code.empty()) return found;
  std::string quoted;
  for (const char c : path_) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  // -a: each address before its lines, one for each function that was inlined into the next.
  std::string command = fmt::format("addr2line -a -i -e '{}'", quoted);
  // A return address belongs to the instruction before it.
  for (const void* address : code)
    command += fmt::format(" {:#x}", reinterpret_cast<std::uintptr_t>(address) - loaded_at_ - 1);
  command += " 2>/dev/null";
  std::FILE* lines = ::popen(command.c_str(), "r");
  if (lines == nullptr) return found;
  char line[4096];
  std::size_t next = 0;
  std::string* place = nullptr;
  std::size_t frames = 0;
  while (std::fgets(line, sizeof line, lines) != nullptr) {
    if (std::string_view(line).starts_with("0x")) {
      if (next == code.size()) break;
      place = &found[code[next++]];
      frames = 0;
      continue;
    }
    const std::string text = std::string(line).substr(0, std::string_view(line).find_first_of(" \n"));
    // Of the language's own headers nobody wants to know.
    if (place == nullptr || text.starts_with("??") || text.starts_with("/usr/") || frames == frames_shown_max)
      continue;
    *place += (frames++ == 0 ? "" : " < ") + std::filesystem::path(text).filename().string();
  }
  ::pclose(lines);
  std::erase_if(found, [](const auto& each) { return each.second.empty(); });
  return found;
}

}  // namespace ringside::tools
