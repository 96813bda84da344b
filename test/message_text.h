// A control message's payload as text, for tests that compare it.
#pragma once

#include <string>

#include "ring/message.h"

namespace ringside::test {

[[nodiscard]] inline std::string text_of(const ring::ControlMessage& message) {
  return {reinterpret_cast<const char*>(message.msg), message.payload().size()};
}

}  // namespace ringside::test
