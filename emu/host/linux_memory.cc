// Frames and kicks of the linux host. A frame is a memfd sealed against resizing, so that no process can
// remove the page under another's mapping.
#include "emu/host/linux_memory.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/interprocess/detail/os_file_functions.hpp>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <utility>

#include "emu/host/linux_client.h"
#include "emu/host/linux_descriptors.h"
#include "emu/host/linux_faults.h"

namespace ringside {

namespace bip = boost::interprocess;

namespace {

constexpr const char* cannot_keep = "cannot keep memory in a file";

/// A kick that takes the sender more than this is unusual.
constexpr Duration kick_time_usual_max = std::chrono::microseconds(50);
constexpr int kick_rest_factor = 64;
constexpr Duration kick_rest_max = std::chrono::seconds(1);

/// CPU time of this thread only.
Duration cpu_time() {
  timespec spent{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return std::chrono::seconds(spent.tv_sec) + std::chrono::nanoseconds(spent.tv_nsec);
}

/// Lets Boost.Interprocess map a descriptor that was opened elsewhere.
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
  if (const int failed = allocate_file(fd.get(), 0, ring::frame_bytes); failed != 0) {
    errno = failed;
    return system_error("cannot make a frame", "memfd");
  }
  if (fcntl(fd.get(), F_ADD_SEALS, frame_seals()) != 0) return system_error("cannot make a frame", "memfd");
  return adopt(fd.release());
}

Result<Handle> LinuxHost::frame_read_only(const Handle& frame) {
  const int fd = open(fmt::format("/proc/self/fd/{}", frame.number()).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return system_error("cannot open a frame for reading", "memfd");
  return adopt(fd);
}

Result<Mapping> LinuxHost::frame_map(const Handle& frame) {
  if (auto checked = check_frame(frame.number()); !checked) return checked.error();
  auto mapping = map_shared(frame.number(), ring::frame_bytes, "cannot map a frame");
  if (faults_ != nullptr && mapping) faults_->mapped(frame.number(), mapping->frame());
  return mapping;
}

Result<Mapping> LinuxHost::map_shared(int fd, std::size_t bytes, const char* what) {
  try {
    bip::mapped_region region(Mappable(fd), bip::read_write, 0, bytes);
    auto* address = static_cast<std::byte*>(region.get_address());
    memory_->regions.emplace(address, std::move(region));
    return Mapping(*this, address);
  } catch (const bip::interprocess_exception& failure) {
    return Error{failure.get_native_error(), what, "", failure.what(), ""};
  }
}

void LinuxHost::frame_unmap(std::byte* address) {
  if (faults_ != nullptr) faults_->unmapped(address);
  memory_->regions.erase(address);
}

Result<Mapping> LinuxHost::memory_keep(const std::string& path, std::size_t bytes) {
  const Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  struct stat status {};
  if (!fd.valid() || fstat(fd.get(), &status) != 0) return system_error(cannot_keep, path);
  // Allocated, not only sized: a full disk must be an error here, not a fault at a later write.
  const bool fits = status.st_size == static_cast<off_t>(bytes);
  if (!fits && ftruncate(fd.get(), 0) != 0) return system_error(cannot_keep, path);
  // A new file is not mapped yet, so writing zeros works on every file system.
  const auto size = static_cast<off_t>(bytes);
  if (const int failed = fits ? allocate_file(fd.get(), 0, bytes) : posix_fallocate(fd.get(), 0, size);
      failed != 0) {
    if (!fits) unlink(path.c_str());
    errno = failed;
    return system_error(cannot_keep, path, "a machine needs some room in its directory: see --dir");
  }
  return map_shared(fd.get(), bytes, cannot_keep);
}

Result<Mapping> LinuxHost::memory_find(const std::string& path, std::size_t bytes) {
  const Fd fd(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  struct stat status {};
  if (!fd.valid() || fstat(fd.get(), &status) != 0) return system_error(cannot_keep, path);
  if (status.st_size != static_cast<off_t>(bytes)) {
    return Error{ENOENT, cannot_keep, path, "it has the wrong size", ""};
  }
  // It may be a sparse copy, in which zeros use no disk space.
  if (const int failed = allocate_file(fd.get(), 0, bytes); failed != 0) {
    errno = failed;
    return system_error(cannot_keep, path);
  }
  return map_shared(fd.get(), bytes, cannot_keep);
}

void LinuxHost::memory_forget(const std::string& path) {
  unlink(path.c_str());
}

std::vector<std::string> LinuxHost::memory_names(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored))
    names.push_back(entry.path().filename().string());
  return names;
}

Result<Handle> LinuxHost::kicks_create() {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return system_error("cannot make a port's event", "eventfd");
  return adopt(fd);
}

void LinuxHost::kick(const Handle& kicks) {
  if (faults_ != nullptr && faults_->kick(kicks)) return;
  const int fd = kicks.number();
  if (!slow_kicks_.empty() && slow_kicks_.contains(fd)) return kick_with_pauses(fd);
  const Time before = now();
  kick_now(fd);
  // Another process may have had the CPU, so this only marks the handle: later kicks on it are measured.
  if (now() - before > kick_time_usual_max) slow_kicks_[fd];
}

/// The sender of a kick walks through all pollers of the handle, and a guest may add as many pollers as it
/// likes. So after a kick that took long there is a pause of many times its length, and at its end one kick,
/// if any was due. This limits the share of the sender's time that a guest can use.
void LinuxHost::kick_with_pauses(int fd) {
  SlowKick& slow = slow_kicks_.at(fd);
  if (slow.resting) {
    slow.due = true;
    return;
  }
  const Duration before = cpu_time();
  kick_now(fd);
  const Duration took = cpu_time() - before;
  if (took <= kick_time_usual_max) {
    slow_kicks_.erase(fd);
    return;
  }
  slow.resting = true;
  timer_start(std::min<Duration>(took * kick_rest_factor, kick_rest_max), [this, fd] {
    const auto rested = slow_kicks_.find(fd);
    if (rested == slow_kicks_.end()) return;
    rested->second.resting = false;
    if (std::exchange(rested->second.due, false)) kick_with_pauses(fd);
  });
}

void LinuxHost::kick_if_due(int fd) {
  const auto slow = slow_kicks_.find(fd);
  if (slow != slow_kicks_.end() && std::exchange(slow->second.due, false)) kick_now(fd);
}

void LinuxHost::kick_all_due() {
  for (const auto& [fd, slow] : slow_kicks_) kick_if_due(fd);
}

void LinuxHost::kick_now(int fd) {
  const std::uint64_t one = 1;
  // The counter is never read. If it were full, the write would fail with EAGAIN, and the receiver has been
  // woken already.
  (void)!::write(fd, &one, sizeof one);
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
