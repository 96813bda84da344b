// The memory that a ring's ends share outside its page, and the loads by which they wait: found by running
// the ring, named for reports, and written as text so that another process uses the same.
#pragma once

#include <string>
#include <vector>

#include "emu/check/space.h"
#include "tools/ring_check/plugin.h"

namespace ringside::tools {

class Places {
 public:
  explicit Places(const RingPlugin& plugin);

  [[nodiscard]] check::SharedMemory& shared_memory() { return shared_memory_; }
  /// Takes over the places that were found since the last call; false: there are none.
  bool learn();
  /// A load that waits (Execution::found_wait).
  void found_wait(const void* load);
  /// Loops that wait have effects (Execution::has_found_effects).
  void found_effects();
  [[nodiscard]] bool waits_exactly() const { return !has_effects_; }
  [[nodiscard]] const std::vector<const void*>& waits() const { return waits_; }
  [[nodiscard]] const std::vector<check::Region>& regions() const { return regions_; }
  [[nodiscard]] const std::vector<check::Space::Found>& words() const { return words_; }
  /// "pool+16", "the heap+0x40", "a stack-0x18"
  [[nodiscard]] std::string name_of(const void* address) const;

  /// "v0.c0.64,v0.c8.4w,c.11d3.0": all places, relative to the loaded objects of a process.
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] Result<> learn_from(const std::string& text);

 private:
  /// A memory range to which addresses are relative.
  struct Anchor {
    std::string name;
    const std::byte* begin = nullptr;
    std::size_t bytes = 0;
  };
  [[nodiscard]] std::string text_of(const check::Region& region) const;

  const RingPlugin* plugin_;
  check::SharedMemory shared_memory_;
  std::vector<Anchor> anchors_;
  std::vector<check::Region> regions_;
  std::vector<check::Space::Found> words_;
  std::vector<const void*> waits_;
  bool has_effects_ = false;
  bool has_new_wait_ = false;
  std::string text_;
};

}  // namespace ringside::tools
