// exec, and a user namespace before it.
#include "emu/host/foreign_program.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <csignal>

#include "emu/host/linux_descriptors.h"

namespace ringside {

namespace {

constexpr const char* cannot_seem = "cannot become root in a user namespace";

Result<> write_setting(const char* path, const std::string& text) {
  const Fd file(open(path, O_WRONLY | O_CLOEXEC));
  if (!file.valid() || write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return system_error(cannot_seem, path, "run it as root");
  return Done{};
}

}  // namespace

Error become_foreign_program(const std::string& path, std::vector<std::string> words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  // An ignored signal would stay ignored.
  std::signal(SIGPIPE, SIG_DFL);
  execv(path.c_str(), pointers.data());
  return system_error("cannot start the program", path);
}

Result<> seem_to_be_root() {
  if (geteuid() == 0) return Done{};
  const std::string user = fmt::format("0 {} 1", geteuid());
  const std::string group = fmt::format("0 {} 1", getegid());
  if (unshare(CLONE_NEWUSER) != 0) {
    return system_error(
        cannot_seem, "",
        "run it as root, or allow user namespaces: sysctl kernel.unprivileged_userns_clone=1");
  }
  if (auto denied = write_setting("/proc/self/setgroups", "deny"); !denied) return denied;
  if (auto mapped = write_setting("/proc/self/uid_map", user); !mapped) return mapped;
  return write_setting("/proc/self/gid_map", group);
}

}  // namespace ringside
