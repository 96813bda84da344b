// Checks a path with stat().
#include "tools/in_file.h"

#include <cerrno>
#include <filesystem>

namespace ringside::tools {

namespace fs = std::filesystem;

namespace {

bool is_handed(const std::string& path) {
  return path == "/dev/stdin" || path.starts_with("/dev/fd/") || path.starts_with("/proc/self/fd/");
}

}  // namespace

Result<> check_input(const std::string& what, const std::string& path, std::uint64_t bytes_max,
                     Streams streams) {
  std::error_code problem;
  const auto status = fs::status(path, problem);
  const auto refused = [&](int code, std::string why, std::string advice) {
    return Error{code, what, path, std::move(why), std::move(advice)};
  };
  if (status.type() == fs::file_type::not_found) return refused(ENOENT, "no such file", "");
  if (problem) return refused(problem.value(), problem.message(), "");
  if (status.type() == fs::file_type::directory) return refused(EISDIR, "it is a folder", "name a file");
  if (status.type() != fs::file_type::regular) {
    if (streams == Streams::handed && is_handed(path)) return Done{};
    return refused(ENXIO, "it is not a file",
                   streams == Streams::handed ? "for a stream use stdin, named -" : "name a file");
  }
  const auto bytes = fs::file_size(path, problem);
  if (problem) return refused(problem.value(), problem.message(), "");
  if (bytes > bytes_max) return refused(EFBIG, fmt::format("it is longer than {} bytes", bytes_max), "");
  return Done{};
}

}  // namespace ringside::tools
