// Merges the results of units. The merged result does not depend on their order.
#include "tools/sweep/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "emu/trace/json_fields.h"
#include "emu/trace/quote.h"
#include "tools/command.h"
#include "tools/junit.h"
#include "tools/run/script_files.h"
#include "tools/shard.h"

namespace ringside::tools {

namespace {

constexpr char failed_word[] = "failed";
constexpr char unreadable_word[] = "does not parse";
constexpr char could_not_word[] = "could not run";
constexpr char not_covered_word[] = "not covered";
constexpr char ringside_sweep[] = "ringside sweep";

std::string field(const std::map<std::string, std::string>& fields, const char* name) {
  const auto found = fields.find(name);
  return found == fields.end() ? "" : found->second;
}

std::uint64_t number(const std::map<std::string, std::string>& fields, const char* name) {
  return std::strtoull(field(fields, name).c_str(), nullptr, 10);
}

/// Numbers differ from seed to seed. "at 0.021ms: 3 bytes" and "at 1.5ms: 17 bytes" are alike.
std::string without_numbers(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) out += c;
    if (digit && !out.ends_with('#')) out += '#';
  }
  return out;
}

/// Whether `one` is the better example. Among equals, any order that is the same on all machines is right.
bool smaller(const SweepFailure& one, const SweepFailure& other) {
  if (one.length != other.length) return one.length < other.length;
  if (one.seed.size() != other.seed.size()) return one.seed.size() < other.seed.size();
  return one.seed != other.seed ? one.seed < other.seed : one.again < other.again;
}

}  // namespace

Result<bool> SweepResults::add(const std::string& path) {
  const auto foreign = [&path](const std::string& why) {
    return Error{EINVAL, "cannot merge", path, why, "remove it, or sweep in another folder"};
  };
  std::ifstream file(path, std::ios::binary);
  std::string line;
  std::getline(file, line);
  const auto heading = trace::json_fields(line);
  if (!heading || !heading->contains("sweep")) return foreign("it is not the result of a unit");
  if (field(*heading, "sweep") != plan_.id || number(*heading, "of") != plan_.units)
    return foreign("it belongs to another sweep");
  const std::uint64_t unit = number(*heading, "unit");
  if (unit == 0 || unit > plan_.units) return foreign("there is no such unit");
  if (!units_.emplace(unit, true).second) return false;
  bool has_failure = false;
  std::uint64_t lines = 0;
  for (; std::getline(file, line); ++lines) {
    const auto fields = trace::json_fields(line);
    if (!fields) return foreign("a line in it is not a result");
    has_failure = take(*fields) || has_failure;
  }
  if (lines != number(*heading, "lines")) return foreign("it is not complete");
  return has_failure;
}

bool SweepResults::take(const Fields& fields) {
  std::string outcome = field(fields, "outcome");
  if (outcome == not_covered_word) return false;  // about one call of the checker
  ++results_;
  const bool is_ring = fields.contains("ring");
  std::string first = field(fields, is_ring ? "why" : "first");
  const std::string where = field(fields, "file") + '\n';
  const bool has_gap = field(fields, "has_gap") == "true";
  bool is_whole = !is_ring || (outcome == whole_word && !has_gap);
  // Parts of one search are in several units.
  if (outcome == part_word) {
    Parts& parts = divided_[where + field(fields, "search")];
    parts.of = number(fields, "parts");
    if (parts.division.empty()) parts.division = field(fields, "division");
    if (parts.division != field(fields, "division")) {
      outcome = could_not_word;
      first = parts_differ;
    } else if (!has_gap) {
      parts.whole.insert(number(fields, "part"));
      is_whole = true;
    }
  }
  SweepFailure its{
      .name = is_ring ? field(fields, "ring") + ": " + field(fields, "what") : field(fields, "name"),
      .file = field(fields, "file"),
      .outcome = outcome,
      .first = first,
      .again = field(fields, "again"),
      .seed = field(fields, "seed"),
      .length = number(fields, is_ring ? "executions" : "entries"),
      .count = 1};
  Group& group = groups_[where + its.name];
  group.name = its.name;
  group.file = its.file;
  if (outcome == failed_word) {
    ++failed_;
  } else if (outcome == could_not_word) {
    ++could_not_;
  } else if (outcome == unreadable_word) {
    ++unreadable_;
  } else {
    ++passed_;
    if (!is_whole) ++bounded_;
    ++group.passed;
    return false;
  }
  const std::string kind = where + (is_ring ? field(fields, "search") : its.name) + '\n' + outcome + '\n' +
                           without_numbers(its.first);
  const auto known = failures_.find(kind);
  if (known != failures_.end()) {
    its.count += known->second.count;
    if (!smaller(its, known->second)) {
      known->second.count = its.count;
    } else {
      known->second = its;
    }
  } else if (failures_.size() < sweep_failures_max) {
    failures_.emplace(kind, its);
  } else {
    ++untold_;
  }
  return true;
}

std::uint64_t SweepResults::bounded() const {
  std::uint64_t count = bounded_;
  for (const auto& [search, parts] : divided_)
    count += parts.whole.size() < parts.of ? parts.whole.size() : 0;
  return count;
}

std::vector<std::uint64_t> SweepResults::missing() const {
  std::vector<std::uint64_t> missing;
  for (std::uint64_t unit = 1; unit <= plan_.units; ++unit) {
    if (!units_.contains(unit)) missing.push_back(unit);
  }
  return missing;
}

std::string SweepResults::text() const {
  std::string text;
  for (const auto& [kind, each] : failures_) {
    text += fmt::format("FAIL {}   {} time{}: {}\n     {}\n", each.name, each.count,
                        each.count == 1 ? "" : "s", each.outcome, each.first);
    if (!each.again.empty()) text += fmt::format("     again  {}\n", each.again);
  }
  text += fmt::format("{} result{} of {} unit{}: {} passed", results_, results_ == 1 ? "" : "s", units(),
                      units() == 1 ? "" : "s", passed_);
  if (bounded() != 0) text += fmt::format(" ({} of them not in every execution)", bounded());
  if (failed_ != 0) text += fmt::format(", {} failed", failed_);
  if (could_not_ != 0) text += fmt::format(", {} could not run", could_not_);
  if (unreadable_ != 0)
    text += fmt::format(", {} file{} not parse", unreadable_, unreadable_ == 1 ? " does" : "s do");
  if (failures_.size() > 1) text += fmt::format("; {} kinds of failures", failures_.size());
  if (untold_ != 0) text += fmt::format(", and {} failures of more kinds", untold_);
  const std::uint64_t left = plan_.units - units();
  if (left != 0) text += fmt::format("; {} unit{} missing", left, left == 1 ? " is" : "s are");
  return text + "\n";
}

std::string SweepResults::json() const {
  using trace::json_text;
  std::string list;
  for (const auto& [kind, each] : failures_) {
    list += fmt::format(
        R"({}{{"name":{},"file":{},"outcome":{},"first":{},"again":{},"seed":{},"count":{}}})",
        list.empty() ? "" : ",", json_text(each.name), json_text(each.file), json_text(each.outcome),
        json_text(each.first), json_text(each.again), each.seed.empty() ? "null" : each.seed, each.count);
  }
  return fmt::format(
      R"({{"sweep":{},"version":{},"units":{},"units_done":{},"results":{},"passed":{},"not_in_every_execution":{},)"
      R"("failed":{},"could_not_run":{},"do_not_parse":{},"failures":[{}]}})"
      "\n",
      json_text(plan_.id), json_text(plan_.version), plan_.units, units(), results_, passed_, bounded(),
      failed_, could_not_, unreadable_, list);
}

Result<> SweepResults::write_junit_report(const std::string& path, double seconds) const {
  std::vector<JUnitCase> cases;
  for (const auto& [key, group] : groups_) {
    if (group.passed == 0) continue;
    cases.push_back({.group = group.file,
                     .name = fmt::format("{} ({} passed)", group.name, group.passed),
                     .file = group.file});
  }
  for (const auto& [kind, each] : failures_) {
    cases.push_back(
        {.group = each.file,
         .name = each.seed.empty() ? each.name : fmt::format("{} seed {}", each.name, each.seed),
         .outcome = each.outcome == failed_word ? JUnitOutcome::failed : JUnitOutcome::could_not_run,
         .message = each.first,
         .report = fmt::format("{} times\nagain  {}\n", each.count, each.again),
         .file = each.file});
  }
  const std::uint64_t left = plan_.units - units();
  if (left != 0) {
    cases.push_back({.group = ringside_sweep,
                     .name = "all units are done",
                     .outcome = JUnitOutcome::could_not_run,
                     .message = fmt::format("{} of {} units are missing", left, plan_.units)});
  }
  return write_junit(path, ringside_sweep, cases, seconds);
}

int SweepResults::status() const {
  if (unreadable_ != 0) return exit_does_not_parse;
  if (failed_ != 0) return exit_expectation_failed;
  return could_not_ != 0 || units() < plan_.units ? exit_could_not_run : exit_good;
}

}  // namespace ringside::tools
