// Does memory change only by stores that were announced? Code that was compiled without the flags, inline
// assembler and libraries change it unseen, and no search that does not see a store is worth anything.
//
// Two looks. What the fibers share must be, when one of them comes back to it, as the last access has left
// it. What else the code keeps must be, when an execution is over, as it was before wherever nothing was
// written. A store that writes what is there anyway is no change. Loads are for the audit
// (tools/ring_check/audit.h).
#pragma once

#include <cstddef>
#include <vector>

#include "emu/check/op.h"
#include "emu/check/space.h"
#include "emu/check/state.h"

namespace ringside::check {

class Ledger {
 public:
  /// An execution begins; the space is as its fibers are to find it.
  void begin(const Space& space);
  /// Somebody is about to write there, in the space or not.
  void written(const void* address, std::size_t size) {
    written_.push_back({static_cast<const std::byte*>(address), size});
  }
  /// The model has made ready what `op` accesses, or the access is over.
  void left(const Space& space, const Op& op);
  /// Before the model does that. False: changed() is where it differs.
  [[nodiscard]] bool is_as_left(const Space& space, const Op& op);
  /// At the end of an execution. `state` is how it began.
  [[nodiscard]] bool is_all_as_left(const Space& space, const RingState& state);

  [[nodiscard]] const std::byte* changed() const { return changed_; }

 private:
  [[nodiscard]] bool compare(const Space& space, std::uint32_t from, std::uint32_t to);

  std::vector<std::byte> left_;  ///< of each byte of the space
  std::vector<MemoryRange> written_;
  const std::byte* changed_ = nullptr;
};

}  // namespace ringside::check
