// Making and removing a machine's directory.
#include "emu/host/machine.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "emu/host/linux_descriptors.h"

namespace ringside {

namespace {

/// sockaddr_un holds 107 bytes of path; the longest name in the directory is console-65535.
constexpr std::size_t directory_bytes_max = 107 - sizeof("/console-65535");

Result<> make_private_directory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return system_error("cannot make the machine directory", path, "give another with --dir");
  }
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return system_error("cannot look at the machine directory", path);
  if (!S_ISDIR(status.st_mode)) {
    return Error{ENOTDIR, "cannot use the machine directory", path, "it is not a directory",
                 "give another with --dir"};
  }
  if (status.st_uid != geteuid()) {
    return Error{EPERM, "cannot use the machine directory", path, "it belongs to somebody else",
                 "give another with --dir"};
  }
  if ((status.st_mode & 077) != 0) {
    return Error{EPERM, "cannot use the machine directory", path, "others may enter it", "chmod 700 it"};
  }
  return Done{};
}

/// Of files made by Host::memory_keep.
constexpr const char* kept_extension = ".kept";

}  // namespace

std::string Machine::default_directory() {
  const char* chosen = std::getenv("RINGSIDE_DIR");
  if (chosen != nullptr && *chosen != '\0') return chosen;
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && *runtime == '/') return std::string(runtime) + "/ringside";
  return "/tmp/ringside-" + std::to_string(geteuid());
}

Result<> Machine::prepare() const {
  if (directory_.size() > directory_bytes_max) {
    return Error{ENAMETOOLONG, "cannot use the machine directory", directory_,
                 fmt::format("sockets live in it, so its path has at most {} bytes", directory_bytes_max),
                 "give a shorter one with --dir"};
  }
  if (auto made = make_private_directory(directory_); !made) return made;
  return make_private_directory(journal_directory());
}

void Machine::forget_kept() const {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, ignored)) {
    if (entry.path().extension() == kept_extension) std::filesystem::remove(entry.path(), ignored);
  }
}

void Machine::remove() const {
  namespace fs = std::filesystem;
  std::error_code ignored;
  forget_kept();
  fs::remove_all(journal_directory(), ignored);
  for (const auto& entry : fs::directory_iterator(directory_, ignored)) {
    const std::string name = entry.path().filename().string();
    const bool is_link = entry.is_symlink(ignored) && (name.starts_with("pty-") || name == "com1");
    const bool ours = is_link || entry.is_socket(ignored) || name.ends_with(".pid") ||
                      name.ends_with(".log") || name.ends_with(spec_suffix);
    if (ours || entry.path() == faults_file()) fs::remove(entry.path(), ignored);
  }
  fs::remove(directory_, ignored);
}

}  // namespace ringside
