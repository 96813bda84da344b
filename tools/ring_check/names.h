// The names of a ring's memory by the types of its code: "ring->rsp[2].status". Variables have types from the
// debug information; the page and the heap have those of the pointers to them.
//
// A path follows pointers that do not change during the execution. An object behind a pointer that changes is
// named by its type and place: "(node at the heap+0x40).next".
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "emu/check/space.h"
#include "tools/ring_check/debug_info.h"
#include "tools/ring_check/plugin.h"

namespace ringside::tools {

class MemoryNames {
 public:
  /// The name of memory without types.
  using PlaceOf = std::function<std::string(const void* address)>;

  /// The first object for a plug-in reads the debug information. Both must outlive it.
  MemoryNames(const RingPlugin& plugin, const check::Space& space, PlaceOf place_of);

  /// To be called at each step of the execution: records where pointers lead.
  void look();
  /// After the execution: "ring->rsp[2].status", "pool[1].{id, bytes[0..3]}"; "" if no type is known.
  [[nodiscard]] std::string name_of(const std::byte* address, std::uint32_t bytes);
  /// How to get the names that name_of() did not know, in a line; "" if it knew all.
  [[nodiscard]] std::string advice() const;

 private:
  struct Object {
    const std::byte* address = nullptr;
    std::uint32_t type = 0;
    std::string name;                ///< ends in "->" if it is the name of a pointer to the object
    const std::byte* end = nullptr;  ///< of the memory with this name, which may be longer than the object
    bool is_by_type = false;
  };
  using Follows = std::function<bool(const std::byte* pointer, const std::byte* to)>;
  using EachPointer =
      std::function<void(const std::byte* at, std::uint32_t pointee, const std::string& name)>;

  void take(const DebugInfo& info, std::uintptr_t loaded_at);
  /// False: the nesting of types does not end, which happens only with broken debug information.
  [[nodiscard]] bool may_go_on() const { return work_left_ != 0 && --work_left_ != 0; }
  [[nodiscard]] const DebugType& type(std::uint32_t number) const { return types_[number]; }
  [[nodiscard]] std::vector<Object> reach(const Follows& follows) const;
  void for_each_pointer(const std::byte* at, std::uint32_t number, const std::string& name, int depth,
                        const EachPointer& each) const;
  [[nodiscard]] std::span<const std::byte> memory_at(const std::byte* address) const;
  [[nodiscard]] bool is_in_page(const std::byte* address) const;
  [[nodiscard]] bool has_open_end(std::uint32_t number, int depth) const;
  [[nodiscard]] bool is_of_bytes(std::uint32_t number) const;
  [[nodiscard]] const std::byte* end_of(const Object& object, const std::byte* next) const;
  [[nodiscard]] bool has_part(std::uint32_t number, std::uint64_t offset, std::uint64_t bytes,
                              int depth) const;
  void settle();
  [[nodiscard]] const Object* object_for(const std::byte* address, std::uint32_t bytes) const;
  [[nodiscard]] std::string text_of(const Object& object, std::uint64_t offset, std::uint64_t bytes) const;
  [[nodiscard]] std::string part_of(std::uint32_t number, const std::string& name, std::uint64_t offset,
                                    std::uint64_t bytes, int depth) const;
  [[nodiscard]] std::string members_of(const DebugType& of, const std::string& name, std::uint64_t offset,
                                       std::uint64_t bytes, int depth) const;
  [[nodiscard]] std::string elements_of(const DebugType& of, const std::string& name, std::uint64_t offset,
                                        std::uint64_t bytes, int depth) const;

  const RingPlugin* plugin_;
  const check::Space* space_;
  PlaceOf place_of_;
  std::vector<DebugType> types_;
  std::vector<Object> variables_;
  std::string missing_;                                    ///< why the plug-in itself has no types
  std::map<const std::byte*, const std::byte*> leads_to_;  ///< of each pointer: its first value
  std::set<const std::byte*> moved_;
  std::set<std::pair<const std::byte*, std::uint32_t>> seen_;  ///< addresses and their types
  std::uint32_t looks_ = 0;
  mutable std::uint32_t work_left_ = 0;
  std::vector<Object> objects_;  ///< set when the first name is requested
  bool has_missed_ = false;
  bool has_missed_page_ = false;
};

}  // namespace ringside::tools
