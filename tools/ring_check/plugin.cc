// Loads a plug-in with dlopen, and reads its program headers and source lines.
#include "tools/ring_check/plugin.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include "emu/check/conformance.h"
#include "emu/check/test_program.h"
#include "tools/ring_check/redirect.h"
#include "tools/ring_check/ring_process.h"

/// The argument of the system's function by which compiled code finds thread-local variables.
struct TlsIndex {
  unsigned long module = 0;
  unsigned long offset = 0;
};
extern "C" void* __tls_get_addr(TlsIndex* index);

namespace ringside::tools {

namespace {

Error bad_plugin(const std::string& path, std::string why, std::string advice) {
  return {EINVAL, "cannot check a ring", path, std::move(why), std::move(advice)};
}

/// The most functions that are named where calls were inlined.
constexpr std::size_t frames_shown_max = 2;

/// The address space for a ring's allocations; unused memory costs nothing.
constexpr std::size_t heap_bytes = std::size_t{1} << 28;

void give_heap() {
  void* memory =
      ::mmap(nullptr, heap_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory != MAP_FAILED) check::ring_heap().give({static_cast<std::byte*>(memory), heap_bytes});
}

void for_each_object(const std::function<void(const dl_phdr_info&)>& each) {
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* context) {
        (*static_cast<const std::function<void(const dl_phdr_info&)>*>(context))(*info);
        return 0;
      },
      const_cast<void*>(static_cast<const void*>(&each)));
}

std::set<std::uintptr_t> objects_loaded() {
  std::set<std::uintptr_t> objects;
  for_each_object([&](const dl_phdr_info& object) { objects.insert(object.dlpi_addr); });
  return objects;
}

std::string file_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

/// The longest part of a line that is shown.
constexpr std::size_t source_shown_max = 120;

/// The text of "folder/ring.c:31", without surrounding spaces; "" if it cannot be read.
std::string source_line(const std::string& place) {
  const std::size_t colon = place.rfind(':');
  if (colon == std::string::npos) return "";
  std::ifstream file(place.substr(0, colon));
  std::string line;
  for (long number = std::atol(place.c_str() + colon + 1); number > 0; --number) {
    if (!std::getline(file, line)) return "";
  }
  const std::size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string::npos) return "";
  line = line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  if (line.size() > source_shown_max) line = line.substr(0, source_shown_max) + "...";
  return line;
}

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
  const std::set<std::uintptr_t> before = objects_loaded();
  if (check::ring_heap().memory().empty()) give_heap();
  void* library = nullptr;
  {
    // Memory that constructors allocate belongs to the ring.
    const check::RingCode code;
    // With a slash, so that the loader does not search for the file.
    library = ::dlopen(std::filesystem::absolute(path).c_str(), RTLD_NOW | RTLD_LOCAL);
  }
  if (library == nullptr) {
    const char* why = ::dlerror();
    return bad_plugin(path, fmt::format("it cannot be loaded: {}", why == nullptr ? "?" : why),
                      "it must be a shared object, linked without -fsanitize=thread");
  }
  void* ring = ::dlsym(library, "ring_check_plugin");
  void* tests = ::dlsym(library, "ring_check_test_plugin");
  if (ring == nullptr && tests == nullptr)
    return bad_plugin(path, "it exports no ring_check_plugin() and no tests (RING_CHECK_TESTS)",
                      "see <ringside/ring_check.h>; in C++ it must be extern \"C\"");
  plugin.inside_ = ring != nullptr ? ring : tests;
  // The plug-in, and the libraries that were loaded with it.
  for_each_object([&](const dl_phdr_info& object) {
    if (!before.contains(object.dlpi_addr)) plugin.take_over(object);
  });
  if (std::string fault = plugin.take_tables(ring, tests); !fault.empty())
    return bad_plugin(path, fault, "see <ringside/ring_check.h>");
  if (auto mapped = plugin.map_page(); !mapped) return mapped.error();
  plugin.state_.take();
  // Each report on a test names its threads: the symbols are read once, before children start.
  if (!plugin.tests_.empty()) static_cast<void>(symbols_of(plugin.objects_.front()));
  note_loading("");
  return plugin;
}

/// Takes the tables. Returns their error, or "".
std::string RingPlugin::take_tables(void* ring_entry, void* tests_entry) {
  const check::RingCode code;
  if (ring_entry != nullptr) {
    ring_as_loaded_ = reinterpret_cast<const ring_check_ring* (*)()>(ring_entry)();
    if (std::string fault = check::fault_of_table(ring_as_loaded_); !fault.empty()) return fault;
    ring_ = check::guarded_table(*ring_as_loaded_);
  }
  if (tests_entry != nullptr) {
    const ring_check_tests* tests = reinterpret_cast<const ring_check_tests* (*)()>(tests_entry)();
    if (std::string fault = check::fault_of_tests(tests); !fault.empty()) return fault;
    tests_ = {tests->tests, tests->count};
  }
  return {};
}

std::string RingPlugin::name() const {
  return std::filesystem::path(path_).stem().string();
}

/// The page ends at the end of mapped memory (as far as its alignment permits), so that an overrun is a
/// fault.
Result<> RingPlugin::map_page() {
  if (!is_ring()) return Done{};
  const auto unit = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const std::uintptr_t inner = round_up(ring_.page_bytes, unit);
  void* area = ::mmap(nullptr, inner + 2 * unit, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  auto* middle = static_cast<std::byte*>(area) + unit;
  if (area == MAP_FAILED || ::mprotect(middle, inner, PROT_READ | PROT_WRITE) != 0)
    return Error{errno, "cannot check a ring", path_, "there is no memory for its page", ""};
  area_ = {middle, inner};
  page_ = middle + (inner - round_up(ring_.page_bytes, 64));
  return Done{};
}

/// Registers the object's variables for restoration between executions, and redirects its calls to the
/// checker.
void RingPlugin::take_over(const dl_phdr_info& object) {
  redirect_calls(object, redirected_calls());
  hides_weak_exchanges_ = hides_weak_exchanges_ || uses_function(object, "_compare_exchange_val");
  const auto inside = reinterpret_cast<std::uintptr_t>(inside_);
  bool is_itself = false;
  std::uintptr_t constant_end = 0;
  Object known{object.dlpi_name, object.dlpi_addr, object.dlpi_addr, marked_code(object), {}, {}};
  for (int i = 0; i < object.dlpi_phnum; ++i) {
    const auto& header = object.dlpi_phdr[i];
    const std::uintptr_t begin = object.dlpi_addr + header.p_vaddr;
    if (header.p_type == PT_LOAD) {
      known.end = std::max(known.end, begin + header.p_memsz);
      is_itself = is_itself || inside - begin < header.p_memsz;
    }
    if (header.p_type == PT_GNU_RELRO)
      constant_end = round_up(begin + header.p_memsz, static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE)));
  }
  for (int i = 0; i < object.dlpi_phnum; ++i) {
    const auto& header = object.dlpi_phdr[i];
    if (header.p_type != PT_LOAD || (header.p_flags & PF_W) == 0) continue;
    // Memory that is read-only after relocation has no variables.
    const std::uintptr_t begin = std::max(object.dlpi_addr + header.p_vaddr, constant_end);
    const std::uintptr_t end = object.dlpi_addr + header.p_vaddr + header.p_memsz;
    if (begin < end) state_.add_variables({reinterpret_cast<std::byte*>(begin), end - begin});
  }
  objects_.insert(is_itself ? objects_.begin() : objects_.end(), std::move(known));
  if (!is_itself) return;
  objects_.front().path = path_;
  find_thread_variables(object);
}

/// Finds the variables of this thread, which will run the code.
void RingPlugin::find_thread_variables(const dl_phdr_info& object) {
  for (int i = 0; i < object.dlpi_phnum; ++i) {
    const auto& header = object.dlpi_phdr[i];
    if (header.p_type != PT_TLS || header.p_memsz == 0) continue;
    TlsIndex first = {object.dlpi_tls_modid, 0};
    thread_variables_ = {static_cast<std::byte*>(__tls_get_addr(&first)), header.p_memsz};
  }
  check::own_variables().set(thread_variables_);
}

std::string RingPlugin::variable_at(const void* address) const {
  if (const Object* object = object_at(address); object != nullptr) {
    const auto at = reinterpret_cast<std::uintptr_t>(address) - object->loaded_at;
    for (const Symbol& each : symbols_of(*object)) {
      if (each.is_function || at - each.begin >= each.bytes) continue;
      return at == each.begin ? each.name : fmt::format("{}+{}", each.name, at - each.begin);
    }
    if (object != objects_.data()) return "a variable of " + file_name(object->path);
  }
  return is_ring() ? "a variable of the ring" : "a variable";
}

std::string RingPlugin::function_at(const void* address) const {
  const auto at = reinterpret_cast<std::uintptr_t>(address) - objects_.front().loaded_at;
  for (const Symbol& each : symbols_of(objects_.front())) {
    if (!each.is_function || at != each.begin || each.name.find("lambda") != std::string::npos) continue;
    const std::string name = each.name.substr(0, each.name.rfind('('));
    const std::size_t colon = name.rfind(':');
    return name.substr(colon == std::string::npos ? 0 : colon + 1);
  }
  return "";
}

std::string RingPlugin::code_at(const void* code) const {
  if (const auto lines = locate({code}); !lines.empty()) return lines.begin()->second.where;
  const Object* object = object_at(code);
  Dl_info info = {};
  std::string file = object == nullptr ? "" : file_name(object->path);
  if (object == nullptr && ::dladdr(code, &info) != 0 && info.dli_fname != nullptr)
    file = file_name(info.dli_fname);
  std::string function = info.dli_sname == nullptr ? "" : info.dli_sname;
  if (object != nullptr) {
    const auto at = reinterpret_cast<std::uintptr_t>(code) - object->loaded_at;
    for (const Symbol& each : symbols_of(*object)) {
      if (each.is_function && at - each.begin < each.bytes) function = each.name;
    }
  }
  if (file.empty()) return "a place without debug information";
  if (function.empty()) return file;
  return fmt::format("{}{} of {}", function, function.ends_with(')') ? "" : "()", file);
}

std::span<const std::byte> RingPlugin::code() const {
  const Object& itself = objects_.front();
  return {reinterpret_cast<const std::byte*>(itself.loaded_at), itself.end - itself.loaded_at};
}

const RingPlugin::Object* RingPlugin::object_at(const void* address) const {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  const auto found = std::find_if(objects_.begin(), objects_.end(), [&](const Object& object) {
    return at >= object.loaded_at && at < object.end;
  });
  return found == objects_.end() ? nullptr : &*found;
}

bool RingPlugin::is_marked(const void* code) const {
  const Object* object = object_at(code);
  const auto at = reinterpret_cast<std::uintptr_t>(code);
  return object != nullptr && std::any_of(object->marked.begin(), object->marked.end(), [&](CodeRange range) {
           return at >= range.begin && at < range.end;
         });
}

std::vector<std::string> RingPlugin::unmarked_functions() const {
  std::vector<std::string> found;
  for (const Object& object : objects_) {
    for (const Symbol& each : symbols_of(object)) {
      // A function of the linker has no size.
      if (!each.is_function || each.bytes == 0) continue;
      const auto* code = reinterpret_cast<const void*>(object.loaded_at + each.begin);
      if (is_marked(code)) continue;
      const auto lines = locate({static_cast<const std::byte*>(code) + 1});
      found.push_back(fmt::format("{}{} ({})", each.name, each.name.ends_with(')') ? "" : "()",
                                  lines.empty() ? file_name(object.path) : lines.begin()->second.where));
    }
  }
  return found;
}

/// Reads the symbols from the file at the first use.
const std::vector<Symbol>& RingPlugin::symbols_of(const Object& object) {
  if (!object.symbols) object.symbols = read_symbols(object.path);
  return *object.symbols;
}

/// Reads the types from the files at the first use.
std::vector<RingPlugin::Typed> RingPlugin::types() const {
  std::vector<Typed> types;
  for (const Object& object : objects_) {
    if (!object.debug_info) object.debug_info = read_debug_info(object.path);
    types.push_back({&*object.debug_info, object.loaded_at});
  }
  return types;
}

std::vector<check::Word> RingPlugin::words() const {
  std::vector<check::Word> words;
  for (std::uint32_t i = 0; i < ring_.word_count; ++i)
    words.push_back({ring_.words[i].name, ring_.words[i].offset, ring_.words[i].size});
  return words;
}

std::map<const void*, RingPlugin::Place> RingPlugin::locate(const std::vector<const void*>& code) const {
  std::map<const void*, Place> found;
  if (code.empty()) return found;
  std::vector<std::uint64_t> addresses;
  // A return address belongs to the instruction before it.
  for (const void* address : code)
    addresses.push_back(reinterpret_cast<std::uintptr_t>(address) - objects_.front().loaded_at - 1);
  const auto lines = read_source_lines(path_, addresses);
  for (std::size_t i = 0; i < code.size(); ++i) {
    Place& place = found[code[i]];
    std::size_t frames = 0;
    for (const std::string& line : lines[i]) {
      // Lines of the system's headers are left out.
      if (line.starts_with("/usr/") || frames == frames_shown_max) continue;
      // The expansion of a macro may be a function on the same line.
      const std::string name = std::filesystem::path(line).filename().string();
      if (place.where.ends_with(name)) continue;
      if (frames == 0) {
        place.source = source_line(line);
        place.path = line.substr(0, line.rfind(':'));
      }
      place.where += (frames++ == 0 ? "" : " < ") + name;
    }
  }
  std::erase_if(found, [](const auto& each) { return each.second.where.empty(); });
  return found;
}

}  // namespace ringside::tools
