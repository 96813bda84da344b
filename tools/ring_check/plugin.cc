// dlopen, the program headers of what it loaded, and addr2line for its debug information.
#include "tools/ring_check/plugin.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

namespace ringside::tools {

namespace {

Error bad_plugin(const std::string& path, std::string why, std::string advice) {
  return {EINVAL, "cannot check a ring", path, std::move(why), std::move(advice)};
}

constexpr std::uintptr_t round_up(std::uintptr_t value, std::uintptr_t to) {
  return (value + to - 1) / to * to;
}

}  // namespace

Result<RingPlugin> RingPlugin::load(const std::string& path) {
  RingPlugin plugin;
  plugin.path_ = path;
  if (!std::filesystem::exists(path))
    return bad_plugin(path, "there is no such file", "build it with: ringside ring-check cc -shared -o ring.so ring.c");
  // With a slash in it, so that nobody searches for it.
  void* library = ::dlopen(std::filesystem::absolute(path).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = ::dlerror();
    return bad_plugin(path, fmt::format("it cannot be loaded: {}", why == nullptr ? "?" : why),
                      "it must be a shared object, linked without -fsanitize=thread");
  }
  void* entry = ::dlsym(library, "ring_check_plugin");
  if (entry == nullptr)
    return bad_plugin(path, "it exports no ring_check_plugin()", "see <ringside/ring_check.h>; in C++ it must be extern \"C\"");
  plugin.inside_ = entry;
  plugin.ring_ = reinterpret_cast<const ring_check_ring* (*)()>(entry)();
  if (auto good = plugin.check_table(); !good) return good.error();
  if (auto mapped = plugin.map_page(); !mapped) return mapped.error();
  plugin.find_variables();
  return plugin;
}

std::string RingPlugin::name() const {
  return std::filesystem::path(path_).stem().string();
}

Result<> RingPlugin::check_table() const {
  const auto wrong = [&](std::string why) { return bad_plugin(path_, std::move(why), "see <ringside/ring_check.h>"); };
  if (ring_ == nullptr) return wrong("ring_check_plugin() answers no table");
  if (ring_->abi != RING_CHECK_ABI)
    return wrong(fmt::format("its abi is {}, and {} is what this program knows", ring_->abi, RING_CHECK_ABI));
  if (ring_->name == nullptr) return wrong("it has no name");
  if (ring_->page_bytes == 0 || ring_->page_bytes > 65536)
    return wrong(fmt::format("page_bytes is {}; 1 to 65536 can be", ring_->page_bytes));
  if (ring_->word_count > check::words_max || (ring_->word_count > 0 && ring_->words == nullptr))
    return wrong(fmt::format("word_count is {}; at most {} can be, and words must name them", ring_->word_count, check::words_max));
  for (std::uint32_t i = 0; i < ring_->word_count; ++i) {
    if (ring_->words[i].name == nullptr) return wrong(fmt::format("word {} has no name", i));
    if (ring_->words[i].writer > RING_CHECK_BOTH) return wrong(fmt::format("nobody writes word \"{}\"", ring_->words[i].name));
  }
  if (ring_->scenario_count > 0 && ring_->scenarios == nullptr) return wrong("scenario_count is not 0, and scenarios is NULL");
  for (std::uint32_t i = 0; i < ring_->scenario_count; ++i) {
    const ring_check_scenario& scenario = ring_->scenarios[i];
    if (scenario.name == nullptr) return wrong(fmt::format("scenario {} has no name", i));
    if (scenario.fiber_count == 0 || scenario.fiber_count > check::fibers_max)
      return wrong(fmt::format("scenario \"{}\" has {} fibers; 1 to {} can be", scenario.name, scenario.fiber_count, check::fibers_max));
    for (std::uint32_t fiber = 0; fiber < scenario.fiber_count; ++fiber) {
      if (scenario.fibers[fiber] == nullptr) return wrong(fmt::format("scenario \"{}\": fiber {} is NULL", scenario.name, fiber));
    }
  }
  if (ring_->init == nullptr) return wrong("init is NULL");
  if (ring_->push_req == nullptr && ring_->scenario_count > 0) return Done{};
  if (ring_->slots == 0) return wrong("slots is 0");
  if (ring_->payload_bytes == 0 || ring_->payload_bytes > RING_CHECK_PAYLOAD_MAX)
    return wrong(fmt::format("payload_bytes is {}; 1 to {} can be", ring_->payload_bytes, RING_CHECK_PAYLOAD_MAX));
  const std::uint64_t slots_end = ring_->slots_offset + std::uint64_t{ring_->slots} * ring_->slot_bytes;
  if (ring_->slot_bytes != 0 && slots_end > ring_->page_bytes) return wrong("its slots reach beyond the end of its page");
  if (ring_->front_attach == nullptr || ring_->back_attach == nullptr || ring_->push_req == nullptr || ring_->pop_req == nullptr ||
      ring_->front_final_check == nullptr || ring_->back_final_check == nullptr)
    return wrong("one of front_attach, back_attach, push_req, pop_req, front_final_check, back_final_check is NULL");
  if ((ring_->capabilities & RING_CHECK_RESPONSES) != 0 && (ring_->push_rsp == nullptr || ring_->pop_rsp == nullptr))
    return wrong("it has the capability RESPONSES, and push_rsp or pop_rsp is NULL");
  return Done{};
}

/// The page ends where memory ends (as far as its alignment lets it), so that running over it is no secret.
Result<> RingPlugin::map_page() {
  const auto unit = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const std::uintptr_t inner = round_up(ring_->page_bytes, unit);
  void* area = ::mmap(nullptr, inner + 2 * unit, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  auto* middle = static_cast<std::byte*>(area) + unit;
  if (area == MAP_FAILED || ::mprotect(middle, inner, PROT_READ | PROT_WRITE) != 0)
    return Error{errno, "cannot check a ring", path_, "there is no memory for its page", ""};
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
            constant_end = round_up(begin + header.p_memsz, static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE)));
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
  std::string command = fmt::format("addr2line -e '{}'", quoted);
  // A return address belongs to the instruction before it.
  for (const void* address : code)
    command += fmt::format(" {:#x}", reinterpret_cast<std::uintptr_t>(address) - loaded_at_ - 1);
  command += " 2>/dev/null";
  std::FILE* lines = ::popen(command.c_str(), "r");
  if (lines == nullptr) return found;
  char line[4096];
  for (const void* address : code) {
    if (std::fgets(line, sizeof line, lines) == nullptr) break;
    std::string text(line);
    text = text.substr(0, text.find_first_of(" \n"));
    if (text.empty() || text.starts_with("??")) continue;
    found[address] = std::filesystem::path(text).filename().string();
  }
  ::pclose(lines);
  return found;
}

}  // namespace ringside::tools
