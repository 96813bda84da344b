// A file that a command writes: a path, or "-" for stdout. It takes text or bytes, at once or piece by piece.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "emu/base/check.h"

namespace ringside::tools {

class OutFile {
 public:
  /// Replaces the file whole or not at all: the content goes into a temporary file in the same folder, which
  /// close() renames. What is not a regular file (a device, a fifo) is written directly. A symbolic link
  /// stays a link. `bytes`: the content is binary, and stdout must not be a terminal.
  static Result<OutFile> open(const std::string& path, bool bytes = false);
  /// Truncates the file and writes it directly, for readers that follow it while it grows.
  static Result<OutFile> open_growing(const std::string& path, bool bytes = false);
  /// Appends to the file; creates it if it does not exist.
  static Result<OutFile> append(const std::string& path);

  /// Errors are reported by flush() and close().
  void write(std::string_view text);
  /// False when the data cannot be written: the disk is full, or the reader has closed its end.
  [[nodiscard]] bool flush();
  /// An error of stdout is reported at the end of the command (finished() in command.h), not here.
  [[nodiscard]] Result<> close();

 private:
  struct Closer {
    void operator()(std::FILE* file) const {
      if (file != stdout) std::fclose(file);
    }
  };
  /// The temporary file that is written until close(). It is removed if close() is never called.
  struct Beside;
  struct BesideRemover {
    void operator()(Beside* beside) const;
  };
  OutFile(std::string path, std::FILE* file) : path_(std::move(path)), file_(file) {}
  static Result<OutFile> open_as(const std::string& path, const char* mode);
  [[nodiscard]] Error problem(int code) const;

  std::string path_;
  std::unique_ptr<Beside, BesideRemover> beside_;
  std::unique_ptr<std::FILE, Closer> file_;
  int code_ = 0;  ///< errno of the first write that failed
};

/// Refuses to overwrite a file that the command reads. Returns a usage error (EINVAL). `what` begins it:
/// "cannot run". Empty paths and "-" are no files.
[[nodiscard]] Result<> check_inputs_stay(const char* what, const std::vector<std::string>& outputs,
                                         const std::vector<std::string>& inputs);

/// Refuses two outputs to one file, or to stdout, in the same way. A folder or a device may have several.
[[nodiscard]] Result<> check_distinct(const char* what, const std::vector<std::string>& outputs);

/// As check_inputs_stay(). Refuses to overwrite any scenario, too: in `ringside run --html a.scn b.scn` the
/// user has forgotten the name of the page.
[[nodiscard]] Result<> check_outputs(const char* what, const std::vector<std::string>& outputs,
                                     const std::vector<std::string>& inputs);

/// Writes a whole file, or to stdout. `what` begins the error, such as "cannot write a page".
[[nodiscard]] Result<> write_file(const char* what, const std::string& path, std::string_view text);

}  // namespace ringside::tools
