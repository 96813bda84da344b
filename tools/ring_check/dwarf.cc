// Calls libdw, and writes lines of text for the process that asked (debug_info.cc).
#include "tools/ring_check/dwarf.h"

#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "tools/ring_check/debug_info.h"

namespace ringside::tools {

namespace {

constexpr std::size_t types_max = 20'000;
constexpr std::size_t variables_max = 20'000;
constexpr std::size_t members_max = 4096;
constexpr std::size_t name_bytes_max = 200;
/// The deepest nesting of scopes, and of types in types.
constexpr int nesting_max = 64;
constexpr std::uint64_t type_bytes_max = std::uint64_t{1} << 30;

constexpr const char* advice = "compile with -g and do not strip, to have the names of fields";

/// The library's functions. Each is null if the library is missing.
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
  decltype(&::dwarf_haspc) haspc = find<decltype(::dwarf_haspc)>("dwarf_haspc");
  decltype(&::dwarf_getscopes) getscopes = find<decltype(::dwarf_getscopes)>("dwarf_getscopes");
  decltype(&::dwarf_getscopes_die) getscopes_die =
      find<decltype(::dwarf_getscopes_die)>("dwarf_getscopes_die");
  decltype(&::dwarf_getsrc_die) getsrc_die = find<decltype(::dwarf_getsrc_die)>("dwarf_getsrc_die");
  decltype(&::dwarf_lineno) lineno = find<decltype(::dwarf_lineno)>("dwarf_lineno");
  decltype(&::dwarf_linesrc) linesrc = find<decltype(::dwarf_linesrc)>("dwarf_linesrc");
  decltype(&::dwarf_getsrcfiles) getsrcfiles = find<decltype(::dwarf_getsrcfiles)>("dwarf_getsrcfiles");
  decltype(&::dwarf_filesrc) filesrc = find<decltype(::dwarf_filesrc)>("dwarf_filesrc");
  [[nodiscard]] bool is_whole() const {
    return haspc && getscopes && getscopes_die && getsrc_die && lineno && linesrc && getsrcfiles && filesrc &&
           begin && get_units && child && siblingof && tag && attr && attr_integrate && formstring &&
           formudata && formaddr && formref_die && getlocation && getlocation_attr;
  }
};

bool is_class(int tag) {
  return tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type;
}

/// Collects the variables with a fixed address, and the types that they use.
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
      info_.missing = fmt::format("its debug information has no variables ({})", advice);
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

  /// Stores the definition of a type, for places that only declare it. Two different types of one name are
  /// ambiguous, and neither is used.
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
    // The number is stored first: a struct may point to itself.
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

  /// An array of arrays, the first dimension outermost.
  DebugType array_of(std::uint32_t inner, Dwarf_Die die) {
    std::vector<std::uint64_t> counts;
    for_each_child(die, [&](Dwarf_Die dimension) {
      if (dw_.tag(&dimension) != DW_TAG_subrange_type) return;
      const auto last = number_of(dimension, DW_AT_upper_bound);
      // gcc's upper bound of an array without elements is -1.
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
      // A static member is not in the object.
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

/// A compiler may have been started with a relative path.
std::string absolute(const Libdw& dw, Dwarf_Die unit, const char* source) {
  Dwarf_Attribute found;
  const char* const folder =
      dw.attr(&unit, DW_AT_comp_dir, &found) == nullptr ? nullptr : dw.formstring(&found);
  return source[0] == '/' || folder == nullptr ? source : fmt::format("{}/{}", folder, source);
}

/// The source lines of one address; see read_source_lines().
std::vector<std::string> lines_at(const Libdw& dw, Dwarf_Die unit, std::uint64_t address) {
  std::vector<std::string> lines;
  int number = 0;
  Dwarf_Line* const line = dw.getsrc_die(&unit, address);
  const char* const source = line == nullptr ? nullptr : dw.linesrc(line, nullptr, nullptr);
  if (source == nullptr || dw.lineno(line, &number) != 0) return lines;
  lines.push_back(fmt::format("{}:{}", absolute(dw, unit, source), number));
  Dwarf_Files* files = nullptr;
  std::size_t file_count = 0;
  Dwarf_Die* scopes = nullptr;
  // The first call finds the innermost scope; the second finds where it was inlined, and not where it is
  // defined.
  if (dw.getsrcfiles(&unit, &files, &file_count) != 0 || dw.getscopes(&unit, address, &scopes) <= 0)
    return lines;
  Dwarf_Die innermost = scopes[0];
  std::free(scopes);
  const int count = dw.getscopes_die(&innermost, &scopes);
  for (int i = 0; i < count; ++i) {
    if (dw.tag(&scopes[i]) != DW_TAG_inlined_subroutine) continue;
    Dwarf_Attribute found;
    Dwarf_Word file = 0;
    Dwarf_Word at = 0;
    if (dw.attr(&scopes[i], DW_AT_call_file, &found) == nullptr || dw.formudata(&found, &file) != 0 ||
        dw.attr(&scopes[i], DW_AT_call_line, &found) == nullptr || dw.formudata(&found, &at) != 0)
      break;
    const char* const name = file < file_count ? dw.filesrc(files, file, nullptr, nullptr) : nullptr;
    if (name == nullptr) break;
    lines.push_back(fmt::format("{}:{}", absolute(dw, unit, name), at));
  }
  if (count > 0) std::free(scopes);
  return lines;
}

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

}  // namespace

std::string dwarf_types(const std::string& path) {
  const Libdw dw;
  DebugInfo info;
  if (dw.is_whole()) {
    info = DwarfReader(dw).read(path);
  } else {
    info.missing = "libdw.so.1, which reads debug information, is missing (Debian's package: libdw1)";
  }
  return said_of(info);
}

std::string dwarf_lines(const std::string& path, const std::vector<std::uint64_t>& addresses) {
  const Libdw dw;
  std::string text;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  Dwarf* const dwarf = file < 0 || !dw.is_whole() ? nullptr : dw.begin(file, DWARF_C_READ);
  Dwarf_CU* unit = nullptr;
  Dwarf_Die top;
  while (dwarf != nullptr && dw.get_units(dwarf, unit, &unit, nullptr, nullptr, &top, nullptr) == 0) {
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      if (dw.haspc(&top, addresses[i]) != 1) continue;
      for (const std::string& line : lines_at(dw, top, addresses[i]))
        text += fmt::format("{} {}\n", i, in_line(line));
    }
  }
  return text;
}

}  // namespace ringside::tools
