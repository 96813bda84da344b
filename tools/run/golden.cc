// Golden journals as text: a heading for each run, one for each actor in it, and a line for each entry.
#include "tools/run/golden.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "emu/trace/text.h"
#include "tools/in_file.h"
#include "tools/out_file.h"

namespace ringside::tools {

namespace {

constexpr char heading[] = "## ";

using Runs = std::map<std::string, std::string>;

constexpr std::uint64_t golden_bytes_max = std::uint64_t{1} << 28;

/// ENOENT: there is no such file.
Result<Runs> read_golden(const std::string& path) {
  const char* what = "cannot read a golden journal";
  if (auto good = check_input(what, path, golden_bytes_max, Streams::refused); !good) return good.error();
  std::ifstream file(path);
  if (!file) return Error{errno, what, path, std::generic_category().message(errno), ""};
  Runs runs;
  std::string* run = nullptr;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(heading)) {
      run = &runs[line.substr(sizeof heading - 1)];
    } else if (run != nullptr && !line.empty()) {
      *run += line + "\n";
    }
  }
  return runs;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

std::string golden_run(const script::Scenario& scenario) {
  return scenario.stem + scenario.values;
}

std::string golden_path(const std::string& scenario_path) {
  return std::filesystem::path(scenario_path).replace_extension(".journal").string();
}

std::string golden_text(const script::State& state) {
  std::vector<std::pair<std::string, std::string>> actors;  // in order of first appearance
  for (const trace::Entry& entry : state.entries()) {
    const std::string name = trace::actor_name(entry.actor);
    auto found = std::ranges::find(actors, name, &std::pair<std::string, std::string>::first);
    if (found == actors.end()) found = actors.insert(actors.end(), {name, "# " + name + "\n"});
    found->second += trace::sentence(entry) + "\n";
  }
  std::string text;
  for (const auto& [name, deeds] : actors) text += deeds;
  return text;
}

std::optional<std::string> golden_difference(const std::string& path, const std::string& run,
                                             const std::string& text) {
  const auto runs = read_golden(path);
  if (!runs) {
    const bool missing = runs.error().code == ENOENT;
    return missing ? fmt::format("{}: there is no such file yet", path) : runs.error().text();
  }
  const auto found = runs.value().find(run);
  if (found == runs.value().end()) return fmt::format("{}: it has no run {}", path, run);
  if (found->second == text) return std::nullopt;
  const auto kept = lines_of(found->second);
  const auto now = lines_of(text);
  const auto differ = std::ranges::mismatch(kept, now);
  std::string actor;
  for (auto line = kept.begin(); line != differ.in1; ++line) {
    if (line->starts_with("# ")) actor = line->substr(2);
  }
  return fmt::format("{}: {} behaved differently\n     kept   {}\n     now    {}", path,
                     actor.empty() ? "an actor" : actor,
                     differ.in1 == kept.end() ? "nothing more" : *differ.in1,
                     differ.in2 == now.end() ? "nothing more" : *differ.in2);
}

void GoldenUpdate::add(const std::string& path, const std::string& run, std::string text) {
  texts_[path][run] = std::move(text);
}

Result<std::vector<std::string>> GoldenUpdate::write() const {
  std::vector<std::string> written;
  for (const auto& [path, texts] : texts_) {
    auto read = read_golden(path);
    if (!read && read.error().code != ENOENT) return read.error();
    Runs runs = read ? std::move(*read) : Runs();
    for (const auto& [run, text] : texts) runs[run] = text;
    std::string all;
    for (const auto& [run, text] : runs)
      all += fmt::format("{}{}{}\n{}", all.empty() ? "" : "\n", heading, run, text);
    if (auto kept = write_file("cannot write a golden journal", path, all); !kept) return kept.error();
    written.push_back(fmt::format("{}: {} of {} runs written", path, texts.size(), runs.size()));
  }
  return written;
}

}  // namespace ringside::tools
