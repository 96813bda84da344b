// The owning types of the interface release what they own.
#include "emu/host/host.h"

namespace ringside {

void Handle::close() {
  if (valid()) host_->handle_close(std::exchange(number_, -1));
}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(host_, other.host_);
  std::swap(address_, other.address_);
  return *this;
}

Mapping::~Mapping() {
  if (valid()) host_->frame_unmap(address_);
}

}  // namespace ringside
