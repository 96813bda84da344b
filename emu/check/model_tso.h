// x86-TSO: a store goes into its fiber's buffer and reaches memory when the buffer's actor flushes it, oldest
// first; a load first finds its own fiber's latest store. Locked operations, full barriers, notify and wait
// continue only if the buffer is empty.
#pragma once

#include <vector>

#include "emu/check/model.h"

namespace ringside::check {

class ModelTso final : public Model {
 public:
  explicit ModelTso(const Space& space) : Model(space), memory_(space.bytes()) {}

  void begin(std::uint32_t fiber_count) override;
  void place(Op& op) const override;
  [[nodiscard]] bool ignores(const Op& op) const override {
    return op.kind == OpKind::fence && !op.is_barrier();
  }
  [[nodiscard]] bool ready(std::uint32_t fiber, const Op& op) const override;
  void before(std::uint32_t fiber, const Op& op, std::uint32_t option, std::uint32_t number) override;
  void after(std::uint32_t fiber, const Op& op, std::uint32_t number) override;
  [[nodiscard]] bool has_flush(std::uint32_t fiber) const override { return !buffers_[fiber].empty(); }
  [[nodiscard]] Op flush_op(std::uint32_t fiber) const override;
  void flush(std::uint32_t fiber) override;
  void peek(std::uint32_t offset, std::uint32_t bytes, std::byte* to) const override;

 private:
  struct Stored {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
    std::size_t bytes_at = 0;  ///< in the buffer's pool
  };
  struct Buffer {
    std::vector<Stored> stores;  ///< of the whole execution
    std::vector<std::byte> pool;
    std::size_t flushed = 0;
    [[nodiscard]] bool empty() const { return flushed == stores.size(); }
  };

  std::vector<std::byte> memory_;
  std::array<Buffer, fibers_max> buffers_;
};

}  // namespace ringside::check
