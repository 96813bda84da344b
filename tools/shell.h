// Runs shell commands and returns their output. Makes a temporary folder for them, in which `ringside` is
// this program.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "emu/base/check.h"

namespace ringside::tools {

/// `text` as one word of a shell.
[[nodiscard]] std::string shell_word(std::string_view text);

struct ShellOutput {
  int status = 0;
  std::string text;  ///< stdout and stderr, at most shell_output_max bytes
};
inline constexpr std::size_t shell_output_max = 64 * 1024;

/// Runs `script`, one or more lines, with /dev/null as stdin, and waits for its end. `line`, if not null,
/// gets each line of its output as it comes.
[[nodiscard]] Result<ShellOutput> run_shell(const std::string& script,
                                            const std::function<void(std::string_view line)>& line = {});

/// A folder under $TMPDIR or /tmp that is removed with everything in it at the end.
class ShellFolder {
 public:
  [[nodiscard]] static Result<ShellFolder> make();
  ShellFolder(ShellFolder&& other) noexcept;
  ShellFolder& operator=(ShellFolder&&) = delete;
  ~ShellFolder();

  [[nodiscard]] const std::string& path() const { return path_; }
  /// Settings before a command: it finds this program as `ringside`.
  [[nodiscard]] std::string settings() const;

 private:
  explicit ShellFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace ringside::tools
