// Address space, and frames in it.
#include "tools/modern/pages.h"

#include <sys/mman.h>

#include "ring/layout.h"

namespace ringside::modern {

Result<Pages> Pages::reserve(std::size_t pages) {
  if (pages == 0 || pages > pages_max) return error_of(EINVAL);
  void* address = mmap(nullptr, pages * ring::frame_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) return error_of(errno);
  return Pages(static_cast<std::byte*>(address), pages);
}

Pages::~Pages() {
  if (address_ != nullptr) munmap(address_, pages_ * ring::frame_bytes);
}

Result<> Pages::place(std::size_t index, const HypercallReply& reply, int protection) {
  RS_CHECK(index < pages_);
  if (reply.descriptors.size() != 1) return error_of(EPROTO);
  const int frame = reply.descriptors[0].get();
  if (auto checked = check_frame(frame); !checked) return checked;
  std::byte* at = address_ + index * ring::frame_bytes;
  if (mmap(at, ring::frame_bytes, protection, MAP_SHARED | MAP_FIXED, frame, 0) == MAP_FAILED)
    return error_of(errno);
  return Done{};
}

}  // namespace ringside::modern
