// A loaded plug-in, a ring or tests of threads: its checked table, its page between two inaccessible pages,
// and its variables, so that they can be restored. There is one plug-in at a time in a process; it stays
// loaded until the process ends.
#pragma once

#include <link.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emu/check/workload.h"
#include "tools/ring_check/debug_info.h"
#include "tools/ring_check/marks.h"
#include "tools/ring_check/symbols.h"

namespace ringside::tools {

class RingPlugin {
 public:
  /// Only in the process for rings (ring_process.h). `path`: a shared object that exports ring_check_plugin()
  /// or ring_check_test_plugin(), or both. Every field of its tables is checked.
  [[nodiscard]] static Result<RingPlugin> load(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  /// The file's name without folder and extension.
  [[nodiscard]] std::string name() const;
  /// The ring's own name, or that of the file.
  [[nodiscard]] std::string title() const { return is_ring() ? ring_.name : name(); }
  [[nodiscard]] bool is_ring() const { return ring_as_loaded_ != nullptr; }
  /// Its table; the functions are those of the ring that was last made current. Without a ring, a table
  /// without promises.
  [[nodiscard]] const ring_check_ring& ring() const { return ring_; }
  [[nodiscard]] std::span<const ring_check_test> tests() const { return tests_; }
  void make_current() const {
    check::own_variables().set(thread_variables_);
    if (is_ring()) check::use_ring(*ring_as_loaded_);
  }
  void make_current_in_threads() const { check::use_ring_in_threads(*ring_as_loaded_); }
  [[nodiscard]] std::span<std::byte> page() const { return {page_, ring_.page_bytes}; }
  /// The memory that contains the page, for mprotect.
  [[nodiscard]] std::span<std::byte> area() const { return area_; }
  /// The memory of the loaded object.
  [[nodiscard]] std::span<const std::byte> code() const;
  /// Its state outside the page after loading.
  [[nodiscard]] const check::RingState& state() const { return state_; }
  /// "pool+16": the variable at an address, if symbols are known; otherwise "a variable of the ring".
  [[nodiscard]] std::string variable_at(const void* address) const;
  /// "writer": the function that begins at an address, without namespace and arguments, or "".
  [[nodiscard]] std::string function_at(const void* address) const;
  /// "helper.c:12", "bump() of helper.so", "strlen() of libc.so.6": the place of code, as far as it is known.
  [[nodiscard]] std::string code_at(const void* code) const;

  /// The types and variables of the plug-in, which is first, and of the libraries that were loaded with it.
  struct Typed {
    const DebugInfo* info = nullptr;
    std::uintptr_t loaded_at = 0;
  };
  [[nodiscard]] std::vector<Typed> types() const;

  /// Its compiler announces weak compare-exchanges as strong ones, as clang does.
  [[nodiscard]] bool hides_weak_exchanges() const { return hides_weak_exchanges_; }
  /// True: `ringside ring-check cc` has compiled the code at an address (marks.h).
  [[nodiscard]] bool is_marked(const void* code) const;
  /// The functions of the plug-in and its libraries that `ringside ring-check cc` has not compiled, as far as
  /// symbols are known.
  [[nodiscard]] std::vector<std::string> unmarked_functions() const;
  [[nodiscard]] std::vector<check::Word> words() const;

  /// The place of code in the source, from the debug information.
  struct Place {
    std::string where;   ///< "ring.c:31"; "memory.h:26 < front.h:63" where one was inlined into the other
    std::string source;  ///< the text of the first of these lines; "" if its file cannot be read
    std::string path;    ///< the file of that line
  };
  /// Code without debug information is left out.
  [[nodiscard]] std::map<const void*, Place> locate(const std::vector<const void*>& code) const;

 private:
  /// The plug-in, or a library that was loaded with it.
  struct Object {
    std::string path;
    std::uintptr_t loaded_at = 0;
    std::uintptr_t end = 0;
    std::vector<CodeRange> marked;
    mutable std::optional<std::vector<Symbol>> symbols;
    mutable std::optional<DebugInfo> debug_info;
  };

  RingPlugin() = default;
  [[nodiscard]] static const std::vector<Symbol>& symbols_of(const Object& object);
  /// Null: the address is in none of them.
  [[nodiscard]] const Object* object_at(const void* address) const;
  [[nodiscard]] std::string take_tables(void* ring_entry, void* tests_entry);
  [[nodiscard]] Result<> map_page();
  void take_over(const dl_phdr_info& object);
  void find_thread_variables(const dl_phdr_info& object);

  std::string path_;
  const ring_check_ring* ring_as_loaded_ = nullptr;
  ring_check_ring ring_ = {};
  std::span<const ring_check_test> tests_;
  const void* inside_ = nullptr;  ///< an address in the plug-in
  std::vector<Object> objects_;   ///< itself first
  std::byte* page_ = nullptr;
  std::span<std::byte> area_;
  check::RingState state_;
  std::span<std::byte> thread_variables_;
  bool hides_weak_exchanges_ = false;
};

}  // namespace ringside::tools
