// Files that commands write.
#include "tools/out_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <random>
#include <system_error>

#include "emu/host/linux_terminal.h"

namespace ringside::tools {

namespace {

constexpr char to_stdout[] = "-";

Result<OutFile> no_file(const std::string& path, int code) {
  return Error{code, "cannot write", path, std::generic_category().message(code), ""};
}

}  // namespace

struct OutFile::Beside {
  std::filesystem::path written;
  std::filesystem::path meant;
};

void OutFile::BesideRemover::operator()(Beside* beside) const {
  std::error_code ignored;
  std::filesystem::remove(beside->written, ignored);
  delete beside;
}

Result<OutFile> OutFile::open(const std::string& path, bool bytes) {
  namespace files = std::filesystem;
  std::error_code problem;
  const files::file_status status = files::status(path, problem);
  const bool is_there = files::is_regular_file(status);
  const bool is_link = files::is_symlink(files::symlink_status(path, problem));
  if (path == to_stdout || (!is_there && (files::exists(status) || is_link)))
    return open_growing(path, bytes);
  // A file without write permission is not replaced, although the permissions of its folder would allow it.
  if (is_there) {
    if (auto allowed = append(path); !allowed) return allowed;
  }
  const files::path meant = is_there ? files::canonical(path, problem) : files::path(path);
  const files::path written = meant.parent_path() / fmt::format(".ringside-{:08x}", std::random_device{}());
  std::FILE* file = std::fopen(written.c_str(), "wbx");
  if (file == nullptr) return is_there ? open_growing(path) : no_file(path, errno);
  OutFile opened(path, file);
  opened.beside_.reset(new Beside{written, meant});
  if (is_there) files::permissions(written, status.permissions(), problem);
  return opened;
}

Result<OutFile> OutFile::open_growing(const std::string& path, bool bytes) {
  if (path == to_stdout) {
    constexpr int stdout_descriptor = 1;
    if (bytes && is_terminal(stdout_descriptor)) {
      return Error{EINVAL, "cannot write", "stdout", "the output is binary, and stdout is a terminal",
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
  if (file == nullptr) return no_file(path, errno);
  return OutFile(path, file);
}

void OutFile::write(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size() && code_ == 0) code_ = errno;
}

bool OutFile::flush() {
  errno = 0;
  if (std::fflush(file_.get()) == 0 && std::ferror(file_.get()) == 0) return true;
  if (code_ == 0) code_ = errno;
  return false;
}

Result<> OutFile::close() {
  const bool good = flush();
  std::FILE* file = file_.release();
  if (file == stdout) return Done{};
  if (std::fclose(file) != 0 && good) return problem(errno);
  if (!good) return problem(code_);
  if (beside_ == nullptr) return Done{};
  std::error_code why;
  std::filesystem::rename(beside_->written, beside_->meant, why);
  if (why) return problem(why.value());
  return Done{};
}

Error OutFile::problem(int code) const {
  return {code, "cannot write", path_, std::generic_category().message(code == 0 ? EIO : code), ""};
}

Result<> check_inputs_stay(const char* what, const std::vector<std::string>& outputs,
                           const std::vector<std::string>& inputs) {
  for (const std::string& output : outputs) {
    for (const std::string& input : inputs) {
      std::error_code none;
      if (std::filesystem::equivalent(output, input, none))
        return Error{EINVAL, what, output, "the command reads it, and would overwrite it",
                     "name another file"};
    }
  }
  return Done{};
}

Result<> check_distinct(const char* what, const std::vector<std::string>& outputs) {
  for (auto output = outputs.begin(); output != outputs.end(); ++output) {
    std::error_code none;
    const std::filesystem::file_status status = std::filesystem::status(*output, none);
    const bool is_other = std::filesystem::exists(status) && !std::filesystem::is_regular_file(status);
    if (output->ends_with('/') || is_other) continue;
    for (auto other = outputs.begin(); other != output; ++other) {
      if (!output->empty() && (*output == *other || std::filesystem::equivalent(*output, *other, none)))
        return Error{EINVAL, what, *output == to_stdout ? "stdout" : *output, "it is named for two outputs",
                     "name another file"};
    }
  }
  return Done{};
}

Result<> check_outputs(const char* what, const std::vector<std::string>& outputs,
                       const std::vector<std::string>& inputs) {
  for (const std::string& output : outputs) {
    if (output.ends_with(".scn"))
      return Error{EINVAL, what, output, "it is the name of a scenario, and would be overwritten",
                   "name another file"};
  }
  return check_inputs_stay(what, outputs, inputs);
}

Result<> write_file(const char* what, const std::string& path, std::string_view text) {
  auto written = Result<>(Done{});
  if (auto file = OutFile::open(path)) {
    file->write(text);
    written = file->close();
  } else {
    written = file.error();
  }
  if (written) return Done{};
  Error error = written.error();
  error.what = what;
  return error;
}

}  // namespace ringside::tools
