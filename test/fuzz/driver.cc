// The function that libFuzzer calls. TARGET is one of targets.h.
#include "test/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  ringside::fuzz::TARGET({data, bytes});
  return 0;
}
