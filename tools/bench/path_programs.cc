// The program at the far end of a path: prints the pattern, takes it, or sends it back.
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "tools/bench/bench.h"
#include "tools/bench/path.h"

namespace ringside::tools::bench {

namespace {

constexpr std::size_t program_write_bytes = 4096;

bool write_to_us(const char* data, std::size_t size) {
  return write_all(STDOUT_FILENO, data, size);
}

bool print_pattern(std::uint64_t bytes) {
  const Pattern pattern;
  char go = 0;
  if (read(STDIN_FILENO, &go, 1) != 1) return false;
  for (std::uint64_t done = 0; done < bytes;) {
    const std::size_t size = std::min<std::uint64_t>(program_write_bytes, bytes - done);
    if (!write_to_us(pattern.at(done), size)) return false;
    done += size;
  }
  return true;
}

bool take_pattern(std::uint64_t bytes, bool send_back) {
  const Pattern pattern;
  std::array<char, program_write_bytes> buffer;
  for (std::uint64_t done = 0; done < bytes;) {
    const ssize_t count = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count <= 0) return false;
    const auto size = static_cast<std::size_t>(count);
    if (std::memcmp(buffer.data(), pattern.at(done), size) != 0) return false;
    if (send_back && !write_to_us(buffer.data(), size)) return false;
    done += size;
  }
  return send_back || write_to_us(&done_byte, 1);
}

}  // namespace

bool write_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t count = write(fd, data, size);
    if (count <= 0) return false;
    data += count;
    size -= static_cast<std::size_t>(count);
  }
  return true;
}

int act_program(const std::string& act, std::uint64_t bytes) {
  if (act == turns_act) return act_turns(bytes);
  if (!write_to_us(&ready_byte, 1)) return 1;
  for (const Direction& direction : directions) {
    if (act != direction.act) continue;
    const bool good =
        direction.we_type ? take_pattern(bytes, direction.program_prints) : print_pattern(bytes);
    return good ? 0 : 1;
  }
  return 1;
}

}  // namespace ringside::tools::bench
