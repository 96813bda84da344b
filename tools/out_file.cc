// Files that commands write.
#include "tools/out_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

#include "emu/host/linux_terminal.h"

namespace ringside::tools {

Result<OutFile> OutFile::open(const std::string& path, bool bytes) {
  if (path == "-") {
    constexpr int stdout_descriptor = 1;
    if (bytes && is_terminal(stdout_descriptor)) {
      return Error{EINVAL, "cannot write", "stdout", "these are bytes, and it is a terminal",
                   "name a file, or pipe it into a program"};
    }
    return OutFile("stdout", stdout);
  }
  return open_as(path, "wb");
}

Result<OutFile> OutFile::append(const std::string& path) {
  return open_as(path, "ab");
}

Result<OutFile> OutFile::open_as(const std::string& path, const char* mode) {
  std::FILE* file = std::fopen(path.c_str(), mode);
  OutFile opened(path, file);
  if (file == nullptr) return opened.problem(errno);
  return opened;
}

void OutFile::write(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size() && code_ == 0) code_ = errno;
}

bool OutFile::flush() {
  return std::fflush(file_.get()) == 0 && std::ferror(file_.get()) == 0;
}

Result<> OutFile::close() {
  errno = 0;
  const bool good = flush();
  const int code = code_ != 0 ? code_ : errno;
  std::FILE* file = file_.release();
  if (file != stdout && std::fclose(file) != 0) return problem(errno);
  if (!good) return problem(code);
  return Done{};
}

Error OutFile::problem(int code) const {
  return {code, "cannot write", path_, std::generic_category().message(code == 0 ? EIO : code), ""};
}

}  // namespace ringside::tools
