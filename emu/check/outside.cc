// The object that answers the services, for the whole program.
#include "emu/check/outside.h"

namespace ringside::check {

namespace {

Outside* answering = nullptr;

}  // namespace

Outside* outside() {
  return answering;
}

OutsideScope::OutsideScope(Outside& answers) : before_(answering) {
  answering = &answers;
}

OutsideScope::~OutsideScope() {
  answering = before_;
}

}  // namespace ringside::check
