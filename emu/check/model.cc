// The common part of the models, and their list.
#include "emu/check/model.h"

#include "emu/check/model_armv8.h"
#include "emu/check/model_c11.h"
#include "emu/check/model_sc.h"
#include "emu/check/model_tso.h"

namespace ringside::check {

static_assert(
    [] {
      for (std::size_t at = 0; at < models_known.size(); ++at) {
        if (models_known[at].model != static_cast<ModelName>(at)) return false;
      }
      return models_known.back().model == ModelName::armv8;
    }(),
    "models_known has a row for each model, in the order of ModelName; the last one is named here");

std::string_view name_of(ModelName name) {
  return models_known[static_cast<std::size_t>(name)].name;
}

void Model::place(Op& op) const {
  if (op.kind == OpKind::notify || op.kind == OpKind::wait) {
    op.first = space_->event_location(op.argument);
    op.last = static_cast<std::uint16_t>(op.first + 1);
  } else if (op.reads() || op.writes()) {
    op.first = space_->location_of(op.offset);
    op.last = static_cast<std::uint16_t>(space_->location_of(op.offset + op.size - 1) + 1);
  }
}

bool Model::ready(std::uint32_t, const Op&) const {
  return true;
}

std::uint32_t Model::options(std::uint32_t, const Op& op, const Clock*) const {
  return op.kind == OpKind::choose ? op.argument : 1;
}

Op Model::flush_op(std::uint32_t) const {
  RS_CHECK(!"this model has no store buffers");
  return {};
}

std::unique_ptr<Model> Model::make(ModelName name, const Space& space) {
  switch (name) {
    case ModelName::sc:
      return std::make_unique<ModelSc>(space);
    case ModelName::tso:
      return std::make_unique<ModelTso>(space);
    case ModelName::c11:
      return std::make_unique<ModelC11>(space);
    case ModelName::armv8:
      return std::make_unique<ModelArmv8>(space);
  }
  return nullptr;
}

}  // namespace ringside::check
