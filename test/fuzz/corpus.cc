// Runs each target over its corpus once, without libFuzzer and with any compiler, so that known errors stay
// found.
//
// usage: corpus FOLDER SCENARIOS
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "test/fuzz/targets.h"

namespace {

namespace fuzz = ringside::fuzz;

constexpr std::pair<const char*, void (*)(ringside::Bytes)> targets[] = {
    {"scenario", fuzz::scenario},         {"journal", fuzz::journal},       {"ring_page", fuzz::ring_page},
    {"channel_page", fuzz::channel_page}, {"hypercalls", fuzz::hypercalls}, {"xcs_frames", fuzz::xcs_frames},
    {"web_requests", fuzz::web_requests},
#ifdef CAN_CHECK
    {"plugin_table", fuzz::plugin_table},
#endif
};

std::size_t run_folder(const std::filesystem::path& folder, void (*target)(ringside::Bytes)) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    // After an abort this line is the only trace of the input.
    std::fputs((entry.path().string() + "\n").c_str(), stderr);
    std::ifstream file(entry.path(), std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    target({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    ++files;
  }
  return files;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  for (const auto& [name, target] : targets) {
    const std::size_t files = run_folder(std::filesystem::path(arguments[1]) / name, target);
    std::puts(fmt::format("{}: {} inputs", name, files).c_str());
    if (files == 0) return 1;
  }
  return run_folder(arguments[2], fuzz::scenario) == 0 ? 1 : 0;
}
