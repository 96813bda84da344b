// The checks of a machine's directory, the machine's names in it, and their removal.
#include "emu/host/machine.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>

#include "emu/host/launch.h"
#include "emu/host/linux_descriptors.h"
#include "emu/host/machine_lock.h"

namespace ringside {

namespace fs = std::filesystem;

namespace {

/// sockaddr_un holds 107 bytes of path; the longest name in the directory is console-65535.
constexpr std::size_t directory_bytes_max = 107 - sizeof("/console-65535");

/// Names that a machine uses: one name, or one for each number.
struct MadeName {
  std::string_view before;
  bool numbered;
  std::string_view after;
  fs::file_type type;
};

constexpr MadeName made_names[] = {
    {"xen.sock", false, "", fs::file_type::socket},
    {"xcs_socket", false, "", fs::file_type::socket},
    {"xend.sock", false, "", fs::file_type::socket},
    {"xenctld.sock", false, "", fs::file_type::socket},
    {"xenconsoled.sock", false, "", fs::file_type::socket},
    {"keyboard", false, "", fs::file_type::socket},
    {"console-", true, "", fs::file_type::socket},
    {"puppet-", true, "", fs::file_type::socket},
    {"com1", false, "", fs::file_type::symlink},
    {"com1.new", false, "", fs::file_type::symlink},
    {"pty-", true, "", fs::file_type::symlink},
    {"pty-", true, ".new", fs::file_type::symlink},
    {"faults", false, "", fs::file_type::regular},
    {"console-", true, ".kept", fs::file_type::regular},
    {"early-", true, ".kept", fs::file_type::regular},
    {"dom", true, ".spec", fs::file_type::regular},
    {"dom", true, ".log", fs::file_type::regular},
    {"journal", false, "", fs::file_type::directory},
    {"store", false, "", fs::file_type::directory},
};

/// The number between the two in `name`; empty when there is none.
std::optional<std::uint32_t> number_between(std::string_view before, std::string_view name,
                                            std::string_view after) {
  if (!name.starts_with(before) || !name.ends_with(after)) return std::nullopt;
  if (name.size() < before.size() + after.size()) return std::nullopt;
  name.remove_prefix(before.size());
  name.remove_suffix(after.size());
  std::uint32_t number = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) return std::nullopt;
  return number;
}

/// Without "." and a slash at the end.
std::string absolute(const std::string& path) {
  std::error_code problem;
  std::string found = fs::absolute(path, problem).lexically_normal().string();
  if (problem) return path;
  if (found.size() > 1 && found.ends_with('/')) found.pop_back();
  return found;
}

bool fits(const MadeName& made, std::string_view name) {
  return made.numbered ? number_between(made.before, name, made.after).has_value() : name == made.before;
}

bool is_of_process(std::string_view name, std::string_view suffix) {
  return std::ranges::any_of(Machine::processes, [&](std::string_view process) {
    return name.starts_with(process) && name.substr(process.size()) == suffix;
  });
}

/// The file type of a machine's file of that name; file_type::none: a machine has no such file.
fs::file_type type_of_made(const std::string& name) {
  if (is_of_process(name, ".pid") || is_of_process(name, ".log")) return fs::file_type::regular;
  const auto* made = std::ranges::find_if(made_names, [&](const MadeName& each) { return fits(each, name); });
  return made == std::end(made_names) ? fs::file_type::none : made->type;
}

/// For the journal's folder: the readers' locks, and rings by writer, process and time.
bool is_made_in_journal(const std::string& name) {
  return name == "readers" || name.ends_with(".ring") || name.ends_with(".ring.new");
}

void remove_journal(const std::string& directory) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored)) {
    if (is_made_in_journal(entry.path().filename().string())) fs::remove(entry.path(), ignored);
  }
  fs::remove(directory, ignored);
}

}  // namespace

Machine::Machine(const std::string& directory) : directory_(absolute(directory)) {}

std::string Machine::default_directory() {
  const char* chosen = std::getenv("RINGSIDE_DIR");
  if (chosen != nullptr && *chosen != '\0') return chosen;
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && *runtime == '/') return std::string(runtime) + "/ringside";
  return "/tmp/ringside-" + std::to_string(geteuid());
}

Result<> Machine::check_path() const {
  if (directory_.size() <= directory_bytes_max) return Done{};
  return Error{ENAMETOOLONG, "cannot use the machine directory", directory_,
               fmt::format("it contains sockets, so its path has at most {} bytes", directory_bytes_max),
               "give a shorter one with --dir"};
}

Result<> Machine::check() const {
  struct stat status {};
  if (lstat(directory_.c_str(), &status) != 0)
    return system_error("cannot look at the machine directory", directory_);
  if (!S_ISDIR(status.st_mode)) {
    return Error{ENOTDIR, "cannot use the machine directory", directory_, "it is not a directory",
                 "give another with --dir"};
  }
  if (status.st_uid != geteuid()) {
    return Error{EPERM, "cannot use the machine directory", directory_, "it belongs to another user",
                 "give another with --dir"};
  }
  if ((status.st_mode & 077) != 0) {
    return Error{EPERM, "cannot use the machine directory", directory_, "other users may enter it",
                 "chmod 700 it"};
  }
  return Done{};
}

std::optional<std::string> Machine::find_foreign() const {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory_, ignored)) {
    std::string name = entry.path().filename().string();
    if (type_of_made(name) != fs::file_type::none) return name;
  }
  return std::nullopt;
}

void Machine::forget_kept() const {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory_, ignored)) {
    const bool kept = entry.path().extension() == ".kept";
    if (kept && type_of_made(entry.path().filename().string()) != fs::file_type::none)
      fs::remove(entry.path(), ignored);
  }
}

void Machine::forget_domains(const std::function<bool(DomainId domain)>& lives) const {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory_, ignored)) {
    const std::string name = entry.path().filename().string();
    const auto built = number_between("dom", name, ".spec");
    if (built && !lives(*built)) fs::remove(entry.path(), ignored);
    // A log that is not empty is kept for diagnosis.
    const auto logged = number_between("dom", name, ".log");
    if (logged && entry.is_regular_file(ignored) && entry.file_size(ignored) == 0 && !lives(*logged))
      fs::remove(entry.path(), ignored);
  }
}

void Machine::remove() const {
  const auto mark = MachineMark::read(*this);
  if (!mark) return;
  std::error_code ignored;
  bool lives = false;
  for (const auto& entry : fs::directory_iterator(directory_, ignored)) {
    const std::string name = entry.path().filename().string();
    if (entry.symlink_status(ignored).type() != type_of_made(name)) continue;
    if (name == "journal") {
      remove_journal(entry.path().string());
    } else if (name == "store") {
      fs::remove(store_socket(), ignored);
      fs::remove(entry.path(), ignored);
    } else if (is_of_process(name, ".pid") && PidFile::holder(entry.path().string())) {
      lives = true;
    } else {
      fs::remove(entry.path(), ignored);
    }
  }
  if (lives) return;
  fs::remove(lock_file(), ignored);
  if (mark->made_directory) fs::remove(directory_, ignored);
}

}  // namespace ringside
