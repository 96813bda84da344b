// Checks that memory changes by announced stores only. Code that was compiled without the flags, inline
// assembler and libraries change it unseen, and a search that misses a store proves nothing.
//
// There are two checks. When a fiber accesses shared memory, it must be as the last access left it. At the
// end of an execution, the other state of the code must be unchanged wherever no store was announced. A store
// of the same value is not a change. Loads are checked by the audit (tools/ring_check/audit.h).
#pragma once

#include <cstddef>
#include <vector>

#include "emu/check/op.h"
#include "emu/check/space.h"
#include "emu/check/state.h"

namespace ringside::check {

class Ledger {
 public:
  /// An execution begins; the space has the state that its fibers will find.
  void begin(const Space& space);
  /// A store to this range follows, in the space or outside.
  void written(const void* address, std::size_t size) {
    written_.push_back({static_cast<const std::byte*>(address), size});
  }
  /// The model has prepared the bytes that `op` accesses, or the access is over.
  void left(const Space& space, const Op& op);
  /// Called before the model prepares them. False: changed() is the place of the difference.
  [[nodiscard]] bool is_as_left(const Space& space, const Op& op);
  /// Called at the end of an execution. `state` is the state at its beginning.
  [[nodiscard]] bool is_all_as_left(const Space& space, const RingState& state);

  [[nodiscard]] const std::byte* changed() const { return changed_; }

 private:
  [[nodiscard]] bool compare(const Space& space, std::uint32_t from, std::uint32_t to);

  std::vector<std::byte> left_;  ///< the value of each byte of the space
  std::vector<MemoryRange> written_;
  const std::byte* changed_ = nullptr;
};

}  // namespace ringside::check
