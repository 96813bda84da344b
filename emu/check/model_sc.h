// Sequential consistency: the page is the memory, and accesses happen in program order.
#pragma once

#include "emu/check/model.h"

namespace ringside::check {

class ModelSc final : public Model {
 public:
  using Model::Model;

  void begin(std::uint32_t) override {}
  [[nodiscard]] bool ignores(const Op& op) const override { return op.kind == OpKind::fence; }
  void before(std::uint32_t, const Op&, std::uint32_t, std::uint32_t) override {}
  void after(std::uint32_t, const Op&, std::uint32_t) override {}
  void peek(std::uint32_t offset, std::uint32_t bytes, std::byte* to) const override;
};

}  // namespace ringside::check
