// Frames and kicks of the linux host. A frame is a memfd sealed against resizing, so that no process that
// holds it can pull the page away under another's mapping.
#include "emu/host/linux_memory.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <boost/interprocess/detail/os_file_functions.hpp>
#include <cerrno>

#include "emu/host/linux_client.h"
#include "emu/host/linux_descriptors.h"

namespace ringside {

namespace bip = boost::interprocess;

namespace {

/// Lets Boost.Interprocess map a descriptor that came from somewhere else.
class Mappable {
 public:
  explicit Mappable(int fd) : fd_(fd) {}
  [[nodiscard]] bip::mapping_handle_t get_mapping_handle() const {
    return bip::ipcdetail::mapping_handle_from_file_handle(fd_);
  }
  [[nodiscard]] bip::mode_t get_mode() const { return bip::read_write; }

 private:
  int fd_;
};

}  // namespace

Result<Handle> LinuxHost::frame_create() {
  Fd fd(memfd_create("ringside-frame", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return system_error("cannot make a frame", "memfd");
  if (ftruncate(fd.get(), ring::frame_bytes) != 0 || fcntl(fd.get(), F_ADD_SEALS, frame_seals()) != 0) {
    return system_error("cannot make a frame", "memfd");
  }
  return adopt(fd.release());
}

Result<Mapping> LinuxHost::frame_map(const Handle& frame) {
  if (auto checked = check_frame(frame.number()); !checked) return checked.error();
  try {
    bip::mapped_region region(Mappable(frame.number()), bip::read_write, 0, ring::frame_bytes);
    auto* address = static_cast<std::byte*>(region.get_address());
    memory_->regions.emplace(address, std::move(region));
    return Mapping(*this, address);
  } catch (const bip::interprocess_exception& failure) {
    return Error{failure.get_native_error(), "cannot map a frame", "", failure.what(), ""};
  }
}

void LinuxHost::frame_unmap(std::byte* address) {
  memory_->regions.erase(address);
}

Result<Handle> LinuxHost::kicks_create() {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return system_error("cannot make a port's event", "eventfd");
  return adopt(fd);
}

void LinuxHost::kick(const Handle& kicks) {
  const std::uint64_t one = 1;
  // Nobody reads the counter. Were it ever full, the write would fail with EAGAIN, and its reader has been
  // woken.
  (void)!::write(kicks.number(), &one, sizeof one);
}

Result<Handle> LinuxHost::kicks_listener(std::span<const Handle* const> kicks) {
  const char* what = "cannot make a port's listener";
  Fd listener(epoll_create1(EPOLL_CLOEXEC));
  if (!listener.valid()) return system_error(what, "epoll");
  for (const Handle* each : kicks) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    if (epoll_ctl(listener.get(), EPOLL_CTL_ADD, each->number(), &event) != 0)
      return system_error(what, "epoll");
  }
  return adopt(listener.release());
}

}  // namespace ringside
