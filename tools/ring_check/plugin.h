// A plug-in to be checked, a ring or tests of threads, loaded: its table looked over, its page between two
// pages that nobody may touch, and its variables found, so that they can be put back. One at a time in a
// process; it stays loaded until the process ends.
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

namespace ringside::tools {

class RingPlugin {
 public:
  /// Only in the process for it (ring_process.h). `path`: a shared object that exports ring_check_plugin() or
  /// ring_check_test_plugin(), or both. Every field of its tables is checked.
  [[nodiscard]] static Result<RingPlugin> load(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  /// The file's name without folder and ending.
  [[nodiscard]] std::string name() const;
  /// Its name as it has it itself, or the file's.
  [[nodiscard]] std::string title() const { return is_ring() ? ring_.name : name(); }
  [[nodiscard]] bool is_ring() const { return ring_as_loaded_ != nullptr; }
  /// Its table; the functions in it are those of the ring that was last made the current one. Without a ring,
  /// one that promises nothing.
  [[nodiscard]] const ring_check_ring& ring() const { return ring_; }
  [[nodiscard]] std::span<const ring_check_test> tests() const { return tests_; }
  void make_current() const {
    check::own_variables().set(thread_variables_);
    if (is_ring()) check::use_ring(*ring_as_loaded_);
  }
  void make_current_in_threads() const { check::use_ring_in_threads(*ring_as_loaded_); }
  [[nodiscard]] std::span<std::byte> page() const { return {page_, ring_.page_bytes}; }
  /// The whole of the memory that the page lies in, for mprotect.
  [[nodiscard]] std::span<std::byte> area() const { return area_; }
  /// Where it is loaded.
  [[nodiscard]] std::span<const std::byte> code() const;
  /// What it keeps beside the page, as it was when it was loaded.
  [[nodiscard]] const check::RingState& state() const { return state_; }
  /// "pool+16": the variable at an address, where its symbols tell; otherwise "a variable of the ring".
  [[nodiscard]] std::string variable_at(const void* address) const;
  /// "writer": the function that begins at an address, without namespace and arguments, or "".
  [[nodiscard]] std::string function_at(const void* address) const;
  /// "helper.c:12", "bump() of helper.so", "strlen() of libc.so.6": where code lies, as well as it is known.
  [[nodiscard]] std::string code_at(const void* code) const;

  /// The types and variables of it, which comes first, and of the libraries that came with it.
  struct Typed {
    const DebugInfo* info = nullptr;
    std::uintptr_t loaded_at = 0;
  };
  [[nodiscard]] std::vector<Typed> types() const;

  /// Its compiler announces weak compare-exchanges as strong ones, as clang does.
  [[nodiscard]] bool hides_weak_exchanges() const { return hides_weak_exchanges_; }
  /// True: `ringside ring-check cc` has compiled the code at an address (marks.h).
  [[nodiscard]] bool is_marked(const void* code) const;
  /// The functions, of it and of the libraries that came with it, which are not; as far as symbols tell.
  [[nodiscard]] std::vector<std::string> unmarked_functions() const;
  [[nodiscard]] std::vector<check::Word> words() const;

  /// Where an address of its code stands in its source, from the debug information.
  struct Place {
    std::string where;   ///< "ring.c:31"; "memory.h:26 < front.h:63" where one was inlined into the other
    std::string source;  ///< the text of the first of these lines; "" if its file cannot be read
  };
  /// What has no debug information is left out.
  [[nodiscard]] std::map<const void*, Place> locate(const std::vector<const void*>& code) const;

 private:
  struct Symbol {
    std::uintptr_t begin = 0;
    std::size_t bytes = 0;
    bool is_function = false;
    std::string name;
  };
  /// The plug-in, or a library that came with it.
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
  /// Null: neither it nor such a library lies there.
  [[nodiscard]] const Object* object_at(const void* address) const;
  [[nodiscard]] std::string take_tables(void* ring_entry, void* tests_entry);
  [[nodiscard]] Result<> map_page();
  void take_over(const dl_phdr_info& object);
  void find_thread_variables(const dl_phdr_info& object);

  std::string path_;
  const ring_check_ring* ring_as_loaded_ = nullptr;
  ring_check_ring ring_ = {};
  std::span<const ring_check_test> tests_;
  const void* inside_ = nullptr;  ///< an address in it
  std::vector<Object> objects_;   ///< itself first
  std::byte* page_ = nullptr;
  std::span<std::byte> area_;
  check::RingState state_;
  std::span<std::byte> thread_variables_;
  bool hides_weak_exchanges_ = false;
};

}  // namespace ringside::tools
