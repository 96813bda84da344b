// The object that answers the services, for the whole program.
#include "emu/check/check_services.h"

namespace ringside::check {

namespace {

CheckServices* answering = nullptr;

}  // namespace

CheckServices* check_services() {
  return answering;
}

CheckServicesScope::CheckServicesScope(CheckServices& answers) : before_(answering) {
  answering = &answers;
}

CheckServicesScope::~CheckServicesScope() {
  answering = before_;
}

}  // namespace ringside::check
