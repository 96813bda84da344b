// A file that a command writes: a path, or "-" for stdout. Text or bytes, at once or piece by piece.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "emu/base/check.h"

namespace ringside::tools {

class OutFile {
 public:
  /// Makes the file anew, as a whole or not at all: it is written beside, and stands under its name when it
  /// is closed. What is no file (a device, a fifo) is written as it is. A link stays one. `bytes`: what no
  /// terminal should be sent; stdout must not be one then.
  static Result<OutFile> open(const std::string& path, bool bytes = false);
  /// Makes it anew in its place, for those who read it while it grows.
  static Result<OutFile> open_growing(const std::string& path, bool bytes = false);
  /// Goes on at its end, or makes it.
  static Result<OutFile> append(const std::string& path);

  /// What cannot be written is told by flush() and close().
  void write(std::string_view text);
  /// False when nobody takes it any more: the disk is full, or who read it has gone.
  [[nodiscard]] bool flush();
  [[nodiscard]] Result<> close();

 private:
  struct Closer {
    void operator()(std::FILE* file) const {
      if (file != stdout) std::fclose(file);
    }
  };
  /// Where it is written until it is closed; removed if it never is.
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
  int code_ = 0;  ///< of the first write that failed
};

/// A whole file, or stdout. `what`: what an error begins with, such as "cannot write a page".
[[nodiscard]] Result<> write_file(const char* what, const std::string& path, std::string_view text);

}  // namespace ringside::tools
