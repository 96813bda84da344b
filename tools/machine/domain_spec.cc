// Writes and reads the records.
#include "tools/machine/domain_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "tools/out_file.h"

namespace ringside::tools {

Result<> save_spec(const Machine& machine, DomainId domain, const DomainSpec& spec,
                   const std::vector<DomainInfo>& living) {
  machine.forget_domains([&](DomainId number) {
    return std::ranges::any_of(living, [=](const DomainInfo& info) { return info.domain == number; });
  });
  const std::string path = machine.spec_file(domain);
  std::string text;
  const auto put = [&text](std::string_view key, std::string_view value) {
    text += fmt::format("{}={}", key, value);
    text += '\0';
  };
  std::error_code unknown;
  put("name", spec.name);
  put("directory", std::filesystem::current_path(unknown).string());
  if (spec.abi == ring::Abi::flat) put("flat", "1");
  put("memory", std::to_string(spec.memory_mib));
  if (spec.preserve) put("preserve", "1");
  if (spec.raw) put("raw", "1");
  if (spec.quiet) put("quiet", "1");
  if (spec.external) put("external", "1");
  if (spec.no_console) put("no-console", "1");
  if (spec.today) put("today", "1");
  for (const std::string& quirk : spec.quirks) put("quirk", quirk);
  for (const std::string& line : spec.boot_lines) put("boot-line", line);
  for (const std::string& word : spec.program) put("word", word);
  return write_file("cannot record how the domain is built", path, text);
}

Result<DomainSpec> load_spec(const Machine& machine, const DomainInfo& info) {
  const std::string path = machine.spec_file(info.domain);
  std::ifstream file(path, std::ios::binary);
  DomainSpec spec;
  for (std::string setting; std::getline(file, setting, '\0');) {
    const std::size_t end = setting.find('=');
    if (end == std::string::npos) continue;
    const std::string key = setting.substr(0, end);
    const std::string value = setting.substr(end + 1);
    if (key == "name") spec.name = value;
    if (key == "directory") spec.directory = value;
    if (key == "flat") spec.abi = ring::Abi::flat;
    if (key == "memory") std::from_chars(value.data(), value.data() + value.size(), spec.memory_mib);
    if (key == "preserve") spec.preserve = true;
    if (key == "raw") spec.raw = true;
    if (key == "quiet") spec.quiet = true;
    if (key == "external") spec.external = true;
    if (key == "no-console") spec.no_console = true;
    if (key == "today") spec.today = true;
    if (key == "quirk") spec.quirks.push_back(value);
    if (key == "boot-line") spec.boot_lines.push_back(value);
    if (key == "word") spec.program.push_back(value);
  }
  if (!spec.name.empty() && spec.name == info.name) return spec;
  return Error{ENOENT, "cannot build the domain again", info.name, "there is no record of how it was created",
               "ringside destroy and ringside create do it by hand"};
}

}  // namespace ringside::tools
