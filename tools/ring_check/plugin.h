// A ring to be checked, loaded: its table looked over, its page between two pages that nobody may touch, and
// its variables found, so that they can be put back. One at a time in a process; it stays loaded until the
// process ends.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "emu/check/workload.h"

namespace ringside::tools {

class RingPlugin {
 public:
  /// Only in the process for it (ring_process.h). `path`: a shared object that exports ring_check_plugin().
  /// Every field of its table is checked.
  [[nodiscard]] static Result<RingPlugin> load(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  /// The file's name without folder and ending.
  [[nodiscard]] std::string name() const;
  [[nodiscard]] const ring_check_ring& ring() const { return *ring_; }
  [[nodiscard]] std::span<std::byte> page() const { return {page_, ring_->page_bytes}; }
  /// The whole of the memory that the page lies in, for mprotect.
  [[nodiscard]] std::span<std::byte> area() const { return area_; }
  /// As they were when it was loaded.
  [[nodiscard]] const std::vector<check::Segment>& variables() const { return variables_; }
  [[nodiscard]] std::vector<check::Word> words() const;

  /// "ring.c:31" for each address of its code, from the debug information; "memory.h:26 < front.h:63" where
  /// one was inlined into the other. What has none is left out.
  [[nodiscard]] std::map<const void*, std::string> locate(const std::vector<const void*>& code) const;

 private:
  RingPlugin() = default;
  [[nodiscard]] Result<> map_page();
  void find_variables();

  std::string path_;
  const ring_check_ring* ring_ = nullptr;
  const void* inside_ = nullptr;  ///< an address in it
  std::uintptr_t loaded_at_ = 0;
  std::byte* page_ = nullptr;
  std::span<std::byte> area_;
  std::vector<check::Segment> variables_;
};

}  // namespace ringside::tools
