// Runs a shell through popen, and reads its output and its status.
#include "tools/shell.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "emu/host/launch.h"

namespace ringside::tools {

namespace {

/// The last line of a script's output: the status is read from there.
constexpr std::string_view status_mark = "\x1fringside status ";

}  // namespace

std::string shell_word(std::string_view text) {
  std::string word = "'";
  for (const char each : text) word += each == '\'' ? std::string("'\\''") : std::string(1, each);
  return word + "'";
}

Result<ShellOutput> run_shell(const std::string& script,
                              const std::function<void(std::string_view line)>& line) {
  // Flushes, so that what this process has printed comes before the shell's output.
  std::fflush(stdout);
  std::string command = "exec </dev/null 2>&1\n(\n" + script + "\n)\n";
  command += "printf '\\037ringside status %s\\n' $?";
  std::FILE* output = ::popen(command.c_str(), "r");
  if (output == nullptr) return Error{errno, "cannot run a shell", "/bin/sh", std::strerror(errno), ""};
  ShellOutput result{.status = -1, .text = {}};
  char buffer[4096];
  while (std::fgets(buffer, sizeof buffer, output) != nullptr) {
    const std::string_view read(buffer);
    const std::size_t mark = read.find(status_mark);
    if (mark != std::string_view::npos) {
      result.status = std::atoi(buffer + mark + status_mark.size());
      if (mark == 0) continue;
    }
    const std::string_view shown = read.substr(0, mark);
    if (line) line(shown);
    if (result.text.size() + shown.size() <= shell_output_max) result.text += shown;
  }
  ::pclose(output);
  if (result.status < 0)
    return Error{EINTR, "cannot run a shell", "/bin/sh", "it was killed before its command ended", ""};
  return result;
}

ShellFolder::ShellFolder(ShellFolder&& other) noexcept : path_(std::move(other.path_)) {
  other.path_.clear();
}

ShellFolder::~ShellFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

Result<ShellFolder> ShellFolder::make() {
  auto path = make_temporary_directory();
  if (!path) return path.error();
  ShellFolder folder(*path);
  std::error_code problem;
  std::filesystem::create_directory(*path + "/bin", problem);
  std::filesystem::create_symlink(own_program(), *path + "/bin/ringside", problem);
  if (problem) return Error{problem.value(), "cannot make a link", *path, problem.message(), ""};
  return folder;
}

std::string ShellFolder::settings() const {
  return "PATH=" + shell_word(path_ + "/bin") + ":\"$PATH\"; export PATH\n";
}

}  // namespace ringside::tools
