// libdw in a process of its own, and the lines on which that process says what it has found. The library is
// loaded there: to load it with the program would make each start of the program a third longer.
#include "tools/ring_check/debug_info.h"

#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>
#include <sstream>
#include <unordered_map>
#include <unordered_set>

namespace ringside::tools {

namespace {

/// 10 MB of debug information take a second.
constexpr rlim_t reader_seconds_max = 20;
constexpr rlim_t reader_memory_max = rlim_t{4} << 30;
constexpr std::chrono::seconds reader_patience(60);
constexpr std::size_t said_bytes_max = std::size_t{64} << 20;
constexpr std::size_t types_max = 20'000;
constexpr std::size_t variables_max = 20'000;
constexpr std::size_t members_max = 4096;
constexpr std::size_t name_bytes_max = 200;
/// Scopes within scopes, types of types.
constexpr int nesting_max = 64;
constexpr std::uint64_t type_bytes_max = std::uint64_t{1} << 30;

constexpr const char* advice = "with -g, and not stripped, fields have their names here";

// -- in the process that reads

/// The library's functions, as they are called here. Each is null if there is no such library.
struct Libdw {
  void* library = ::dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);
  template <class Function>
  Function* find(const char* name) const {
    return library == nullptr ? nullptr : reinterpret_cast<Function*>(::dlsym(library, name));
  }
  decltype(&::dwarf_begin) begin = find<decltype(::dwarf_begin)>("dwarf_begin");
  decltype(&::dwarf_get_units) get_units = find<decltype(::dwarf_get_units)>("dwarf_get_units");
  decltype(&::dwarf_child) child = find<decltype(::dwarf_child)>("dwarf_child");
  decltype(&::dwarf_siblingof) siblingof = find<decltype(::dwarf_siblingof)>("dwarf_siblingof");
  decltype(&::dwarf_tag) tag = find<decltype(::dwarf_tag)>("dwarf_tag");
  decltype(&::dwarf_attr) attr = find<decltype(::dwarf_attr)>("dwarf_attr");
  decltype(&::dwarf_attr_integrate) attr_integrate =
      find<decltype(::dwarf_attr_integrate)>("dwarf_attr_integrate");
  decltype(&::dwarf_formstring) formstring = find<decltype(::dwarf_formstring)>("dwarf_formstring");
  decltype(&::dwarf_formudata) formudata = find<decltype(::dwarf_formudata)>("dwarf_formudata");
  decltype(&::dwarf_formaddr) formaddr = find<decltype(::dwarf_formaddr)>("dwarf_formaddr");
  decltype(&::dwarf_formref_die) formref_die = find<decltype(::dwarf_formref_die)>("dwarf_formref_die");
  decltype(&::dwarf_getlocation) getlocation = find<decltype(::dwarf_getlocation)>("dwarf_getlocation");
  decltype(&::dwarf_getlocation_attr) getlocation_attr =
      find<decltype(::dwarf_getlocation_attr)>("dwarf_getlocation_attr");
  [[nodiscard]] bool is_whole() const {
    return begin && get_units && child && siblingof && tag && attr && attr_integrate && formstring &&
           formudata && formaddr && formref_die && getlocation && getlocation_attr;
  }
};

bool is_class(int tag) {
  return tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type;
}

/// Collects the variables that have a fixed address, and of types those that they lead to.
class DwarfReader {
 public:
  explicit DwarfReader(const Libdw& dw) : dw_(dw) {}

  DebugInfo read(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    Dwarf* const dwarf = file < 0 ? nullptr : dw_.begin(file, DWARF_C_READ);
    bool has_units = false;
    Dwarf_CU* unit = nullptr;
    Dwarf_Die top;
    while (dwarf != nullptr && dw_.get_units(dwarf, unit, &unit, nullptr, nullptr, &top, nullptr) == 0) {
      has_units = true;
      look_into(top, 0);
    }
    for (const auto& [name, address, type] : found_) {
      const std::uint32_t number = type_of(type);
      if (number != DebugType::none) info_.variables.push_back({name, address, number});
    }
    if (!has_units) {
      info_.missing = fmt::format("it has no debug information ({})", advice);
    } else if (info_.variables.empty()) {
      info_.missing = fmt::format("its debug information tells of no variables ({})", advice);
    }
    return std::move(info_);
  }

 private:
  struct Found {
    std::string name;
    std::uint64_t address = 0;
    Dwarf_Die type;
  };

  std::string name_of(Dwarf_Die die) const {
    Dwarf_Attribute name;
    const char* text =
        dw_.attr_integrate(&die, DW_AT_name, &name) == nullptr ? nullptr : dw_.formstring(&name);
    return text == nullptr ? std::string() : std::string(text, ::strnlen(text, name_bytes_max));
  }

  std::optional<std::uint64_t> number_of(Dwarf_Die die, unsigned attribute) const {
    Dwarf_Attribute found;
    Dwarf_Word value = 0;
    if (dw_.attr_integrate(&die, attribute, &found) == nullptr || dw_.formudata(&found, &value) != 0)
      return std::nullopt;
    return value;
  }

  bool has(Dwarf_Die die, unsigned attribute) const {
    Dwarf_Attribute found;
    return dw_.attr(&die, attribute, &found) != nullptr;
  }

  std::optional<Dwarf_Die> type_in(Dwarf_Die die) const {
    Dwarf_Attribute found;
    Dwarf_Die type;
    if (dw_.attr_integrate(&die, DW_AT_type, &found) == nullptr || dw_.formref_die(&found, &type) == nullptr)
      return std::nullopt;
    return type;
  }

  template <class Each>
  void for_each_child(Dwarf_Die die, const Each& each) const {
    Dwarf_Die child;
    for (int more = dw_.child(&die, &child); more == 0;) {
      each(child);
      Dwarf_Die next;
      more = dw_.siblingof(&child, &next);
      child = next;
    }
  }

  void look_into(Dwarf_Die scope, int depth) {
    if (depth == nesting_max) return;
    for_each_child(scope, [&](Dwarf_Die die) {
      const int tag = dw_.tag(&die);
      if (tag == DW_TAG_variable) take_variable(die);
      if (is_class(tag) && !has(die, DW_AT_declaration)) define(die);
      if (tag == DW_TAG_namespace || tag == DW_TAG_subprogram || tag == DW_TAG_lexical_block || is_class(tag))
        look_into(die, depth + 1);
    });
  }

  void take_variable(Dwarf_Die die) {
    Dwarf_Attribute location;
    Dwarf_Op* operations = nullptr;
    std::size_t count = 0;
    if (dw_.attr(&die, DW_AT_location, &location) == nullptr ||
        dw_.getlocation(&location, &operations, &count) != 0 || count != 1)
      return;
    Dwarf_Addr address = operations->number;
    if (operations->atom == DW_OP_addrx) {
      Dwarf_Attribute in_table;
      if (dw_.getlocation_attr(&location, operations, &in_table) != 0 ||
          dw_.formaddr(&in_table, &address) != 0)
        return;
    } else if (operations->atom != DW_OP_addr) {
      return;
    }
    const auto type = type_in(die);
    std::string name = name_of(die);
    if (type && !name.empty() && found_.size() < variables_max)
      found_.push_back({std::move(name), address, *type});
  }

  /// For where only its name is declared. Two of one name that differ define nothing.
  void define(Dwarf_Die die) {
    const std::string name = name_of(die);
    if (name.empty()) return;
    const auto [at, is_new] = definitions_.try_emplace(name, die);
    if (!is_new && number_of(at->second, DW_AT_byte_size) != number_of(die, DW_AT_byte_size))
      ambiguous_.insert(name);
  }

  std::uint32_t type_of(Dwarf_Die die, int depth = 0) {
    std::string name;
    for (int names = 0; names < nesting_max; ++names) {
      const int tag = dw_.tag(&die);
      if (tag != DW_TAG_typedef && tag != DW_TAG_const_type && tag != DW_TAG_volatile_type &&
          tag != DW_TAG_restrict_type && tag != DW_TAG_atomic_type)
        break;
      if (name.empty()) name = name_of(die);
      const auto inner = type_in(die);
      if (!inner) return DebugType::none;
      die = *inner;
    }
    if (is_class(dw_.tag(&die)) && has(die, DW_AT_declaration)) {
      const std::string declared = name_of(die);
      const auto definition = definitions_.find(declared);
      if (definition == definitions_.end() || ambiguous_.contains(declared)) return DebugType::none;
      die = definition->second;
    }
    if (const auto known = known_.find(die.addr); known != known_.end()) return known->second;
    if (info_.types.size() >= types_max || depth == nesting_max) return DebugType::none;
    const auto number = static_cast<std::uint32_t>(info_.types.size());
    // Known before it is whole: a struct may point to itself.
    known_[die.addr] = number;
    info_.types.emplace_back();
    DebugType made = make(die, depth);
    made.name = name_of(die);
    if (made.name.empty()) made.name = name;
    info_.types[number] = std::move(made);
    return number;
  }

  DebugType make(Dwarf_Die die, int depth) {
    DebugType type;
    const std::uint64_t bytes = number_of(die, DW_AT_byte_size).value_or(0);
    type.bytes = bytes > type_bytes_max ? 0 : static_cast<std::uint32_t>(bytes);
    const auto inner = type_in(die);
    switch (dw_.tag(&die)) {
      case DW_TAG_structure_type:
      case DW_TAG_class_type:
      case DW_TAG_union_type:
        type.kind = DebugKind::structure;
        add_members(type, die, depth);
        break;
      case DW_TAG_pointer_type:
      case DW_TAG_reference_type:
      case DW_TAG_rvalue_reference_type:
        type.kind = DebugKind::pointer;
        type.bytes = sizeof(void*);
        if (inner) type.inner = type_of(*inner, depth + 1);
        break;
      case DW_TAG_array_type:
        if (inner) return array_of(type_of(*inner, depth + 1), die);
        break;
      default:
        break;
    }
    return type;
  }

  /// An array of arrays, the first dimension outside.
  DebugType array_of(std::uint32_t inner, Dwarf_Die die) {
    std::vector<std::uint64_t> counts;
    for_each_child(die, [&](Dwarf_Die dimension) {
      if (dw_.tag(&dimension) != DW_TAG_subrange_type) return;
      const auto last = number_of(dimension, DW_AT_upper_bound);
      // gcc's upper bound of no elements is -1.
      counts.push_back(number_of(dimension, DW_AT_count).value_or(last ? *last + 1 : 0));
    });
    if (inner == DebugType::none || counts.empty()) return {};
    for (std::size_t i = counts.size(); i-- > 0;) {
      const std::uint64_t each = info_.types[inner].bytes;
      const std::uint64_t bytes = each != 0 && counts[i] < type_bytes_max / each ? counts[i] * each : 0;
      DebugType array{DebugKind::array, static_cast<std::uint32_t>(bytes), inner, ""};
      if (i == 0) return array;
      inner = static_cast<std::uint32_t>(info_.types.size());
      info_.types.push_back(std::move(array));
    }
    return {};
  }

  void add_members(DebugType& type, Dwarf_Die die, int depth) {
    for_each_child(die, [&](Dwarf_Die member) {
      const int tag = dw_.tag(&member);
      if ((tag != DW_TAG_member && tag != DW_TAG_inheritance) || type.members.size() == members_max) return;
      // A static member lies elsewhere.
      if (has(member, DW_AT_declaration) || has(member, DW_AT_external)) return;
      const auto inner = type_in(member);
      if (!inner) return;
      std::uint64_t offset = number_of(member, DW_AT_data_member_location).value_or(0);
      std::uint32_t number = 0;
      if (const auto bits = number_of(member, DW_AT_bit_size)) {
        const std::uint64_t first = number_of(member, DW_AT_data_bit_offset).value_or(offset * 8);
        offset = first / 8;
        number = static_cast<std::uint32_t>(info_.types.size());
        info_.types.push_back(
            {DebugKind::scalar,
             static_cast<std::uint32_t>(std::min<std::uint64_t>((first % 8 + *bits + 7) / 8, 16)),
             DebugType::none, ""});
      } else {
        number = type_of(*inner, depth + 1);
      }
      if (number == DebugType::none || offset > type_bytes_max) return;
      type.members.push_back({name_of(member), static_cast<std::uint32_t>(offset), number});
    });
  }

  const Libdw& dw_;
  DebugInfo info_;
  std::vector<Found> found_;
  std::unordered_map<void*, std::uint32_t> known_;
  std::unordered_map<std::string, Dwarf_Die> definitions_;
  std::unordered_set<std::string> ambiguous_;
};

/// Names come last in a line, and may have spaces.
std::string in_line(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; },
      '?');
  return name;
}

std::string said_of(const DebugInfo& info) {
  std::string text;
  for (const DebugType& type : info.types) {
    text += fmt::format("type {} {} {} {}\n", static_cast<int>(type.kind), type.bytes, type.inner,
                        in_line(type.name));
    for (const DebugMember& member : type.members)
      text += fmt::format("member {} {} {}\n", member.offset, member.type, in_line(member.name));
  }
  for (const DebugVariable& variable : info.variables)
    text += fmt::format("variable {} {} {}\n", variable.address, variable.type, in_line(variable.name));
  return text + fmt::format("missing {}\n", info.missing);
}

[[noreturn]] void read_and_say(const std::string& path, int to) {
  // This process has the signals of a ring's watchdog; here they mean nothing.
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGALRM, SIGPIPE})
    ::signal(signal, SIG_DFL);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit seconds{reader_seconds_max, reader_seconds_max};
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CPU, &seconds);
  ::setrlimit(RLIMIT_CORE, &no_core);
#if !defined(__SANITIZE_ADDRESS__)
  const rlimit memory{reader_memory_max, reader_memory_max};
  ::setrlimit(RLIMIT_AS, &memory);
#endif
  const Libdw dw;
  DebugInfo info;
  if (dw.is_whole()) {
    info = DwarfReader(dw).read(path);
  } else {
    info.missing = "libdw.so.1, which reads debug information, is not there (Debian's package: libdw1)";
  }
  const std::string text = said_of(info);
  for (std::size_t written = 0; written < text.size();) {
    const ssize_t count = ::write(to, text.data() + written, text.size() - written);
    if (count <= 0 && errno != EINTR) break;
    if (count > 0) written += static_cast<std::size_t>(count);
  }
  ::_exit(0);
}

// -- in the process that asks

/// Reads until the end. False: it takes too long, or there is too much.
bool take_all(int from, std::string& text) {
  const auto until = std::chrono::steady_clock::now() + reader_patience;
  char bytes[65536];
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd ready{from, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) == 0) return false;
    const ssize_t count = ::read(from, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return true;
    text.append(bytes, static_cast<std::size_t>(count));
    if (text.size() > said_bytes_max) return false;
  }
}

/// The rest of a line, without the space before it.
std::string rest_of(std::istringstream& line) {
  std::string rest;
  std::getline(line, rest);
  return rest.empty() ? rest : rest.substr(1);
}

DebugInfo unreadable(const std::string& why) {
  DebugInfo info;
  info.missing = "its debug information cannot be read: " + why;
  return info;
}

/// The process that says it has read what may be hostile: nothing of it is believed.
DebugInfo looked_over(DebugInfo info) {
  const auto is_unknown = [&](const auto& each) { return each.type >= info.types.size(); };
  for (DebugType& type : info.types) {
    if (type.inner >= info.types.size()) type.inner = DebugType::none;
    std::erase_if(type.members, is_unknown);
  }
  std::erase_if(info.variables, is_unknown);
  return info;
}

DebugInfo info_in(const std::string& text) {
  DebugInfo info;
  bool is_whole = false;
  std::istringstream lines(text);
  for (std::string each; std::getline(lines, each);) {
    std::istringstream line(each);
    std::string key;
    line >> key;
    if (key == "type") {
      int kind = 0;
      DebugType type;
      line >> kind >> type.bytes >> type.inner;
      if (kind < 0 || kind > static_cast<int>(DebugKind::array))
        return unreadable("there is no such kind of type");
      type.kind = static_cast<DebugKind>(kind);
      type.name = rest_of(line);
      info.types.push_back(std::move(type));
    } else if (key == "member" && !info.types.empty()) {
      DebugMember member;
      line >> member.offset >> member.type;
      member.name = rest_of(line);
      info.types.back().members.push_back(std::move(member));
    } else if (key == "variable") {
      DebugVariable variable;
      line >> variable.address >> variable.type;
      variable.name = rest_of(line);
      info.variables.push_back(std::move(variable));
    } else if (key == "missing") {
      info.missing = rest_of(line);
      is_whole = true;
    }
  }
  return is_whole ? looked_over(std::move(info)) : unreadable("it breaks off");
}

}  // namespace

DebugInfo read_debug_info(const std::string& path) {
  int ends[2];
  if (::pipe(ends) != 0) return unreadable(std::strerror(errno));
  const pid_t process = ::fork();
  if (process == 0) {
    ::close(ends[0]);
    read_and_say(path, ends[1]);
  }
  ::close(ends[1]);
  std::string text;
  const bool came_back = process > 0 && take_all(ends[0], text);
  ::close(ends[0]);
  if (process < 0) return unreadable("no process can be started");
  if (!came_back) ::kill(process, SIGKILL);
  int status = 0;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  if (!came_back) return unreadable("there is too much of it, or it has no end");
  if (WIFSIGNALED(status))
    return unreadable(
        fmt::format("the process that reads it was killed by a signal: {}", ::strsignal(WTERMSIG(status))));
  return info_in(text);
}

}  // namespace ringside::tools
