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

/// The last part of a path, "5/64" of "3/64,5/64", and what is before it.
std::pair<std::string, std::string> split_path(const std::string& path) {
  const std::size_t comma = path.rfind(',');
  return comma == std::string::npos ? std::pair{std::string(), path}
                                    : std::pair{path.substr(0, comma), path.substr(comma + 1)};
}

/// Puts `text` into `at`, or compares it with what is there.
bool is_same(std::map<std::string, std::string>& all, const std::string& at, const std::string& text) {
  return all.emplace(at, text).first->second == text;
}

/// What an incomplete search has reached.
std::string bound_text(const std::map<std::string, std::string>& fields) {
  if (field(fields, "outcome") != "bounded") return "its limit";
  const std::string bound = field(fields, "deviations_max");
  return fmt::format("up to {} deviation{}", bound, bound == "1" ? "" : "s");
}

constexpr std::size_t open_told_max = 20;

}  // namespace

SweepResults::SweepResults(const SweepPlan& plan) : plan_(plan) {
  for (std::uint64_t unit = 1; unit <= plan.units; ++unit) wanted_.push_back(std::to_string(unit));
  is_wanted_.insert(wanted_.begin(), wanted_.end());
}

bool SweepResults::Search::is_whole(const std::string& path) const {
  if (whole.contains(path)) return true;
  const auto divided = of.find(path);
  if (divided == of.end()) return false;
  const std::uint64_t parts = std::strtoull(divided->second.c_str(), nullptr, 10);
  for (std::uint64_t part = 1; part <= parts; ++part) {
    if (!is_whole(fmt::format("{}{}{}/{}", path, path.empty() ? "" : ",", part, parts))) return false;
  }
  return parts != 0;
}

bool SweepResults::Search::add_part(const std::string& path, const std::string& division, bool holds) {
  const std::size_t space = std::min(division.find(' '), division.size());
  std::string depths = division.substr(0, space);
  const std::string its_places = division.substr(space);
  if (!places) places = its_places;
  if (*places != its_places) return false;
  // Each path on the way to this one is divided in one way.
  for (std::string rest = path; !rest.empty();) {
    const auto [above, last] = split_path(rest);
    const std::size_t dot = depths.rfind('.');
    if (!is_same(of, above, last.substr(last.find('/') + 1)) ||
        !is_same(depth, above, dot == std::string::npos ? depths : depths.substr(dot + 1)))
      return false;
    depths.resize(dot == std::string::npos ? 0 : dot);
    rest = above;
  }
  if (holds) whole.insert(path);
  return true;
}

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
  const std::string unit = field(*heading, "unit");
  if (!is_wanted_.contains(unit)) return foreign("there is no such unit");
  if (!units_.insert(unit).second) return false;
  bool has_failure = false;
  std::uint64_t lines = 0;
  for (; std::getline(file, line); ++lines) {
    const auto fields = trace::json_fields(line);
    if (!fields) return foreign("a line in it is not a result");
    has_failure = take(*fields, unit) || has_failure;
  }
  if (lines != number(*heading, "lines")) return foreign("it is not complete");
  return has_failure;
}

bool SweepResults::divide(const Fields& fields, const std::string& unit) {
  const bool is_part = unit.find('.') != std::string::npos;
  const std::string name = is_part ? unit : field(fields, "job");
  const auto deep = static_cast<std::size_t>(std::ranges::count(name, '.'));
  if (name.empty() || deep >= unit_parts_deep_max || wanted_.size() + unit_parts > sweep_units_max)
    return false;
  for (std::uint32_t part = 1; part <= unit_parts; ++part) {
    wanted_.push_back(fmt::format("{}.{}", name, part));
    is_wanted_.insert(wanted_.back());
  }
  return true;
}

bool SweepResults::take(const Fields& fields, const std::string& unit) {
  std::string outcome = field(fields, "outcome");
  if (outcome == not_covered_word) return false;  // about one call of the checker
  // Its parts have the results.
  if (field(fields, "too_large") == "true" && divide(fields, unit)) {
    Search& search = searches_[field(fields, "file") + '\n' + field(fields, "search")];
    search.name = field(fields, "ring") + ": " + field(fields, "search");
    search.file = field(fields, "file");
    search.of.emplace(field(fields, "part"), std::to_string(unit_parts));
    if (field(fields, "part").empty()) search.reached = bound_text(fields);
    return false;
  }
  const bool is_ring = fields.contains("ring");
  const std::uint64_t runs = fields.contains("runs") ? number(fields, "runs") : 1;
  results_ += runs;
  std::string first = field(fields, is_ring ? "why" : "first");
  const std::string where = field(fields, "file") + '\n';
  const bool has_gap = field(fields, "has_gap") == "true";
  Search of_scenario;
  Search& search = is_ring ? searches_[where + field(fields, "search")] : of_scenario;
  // Parts of one search are in several units.
  const bool is_part = outcome == part_word && !has_gap;
  if (outcome == part_word && !search.add_part(field(fields, "part"), field(fields, "division"), is_part)) {
    outcome = could_not_word;
    first = parts_differ;
  }
  const bool has_steps = !field(fields, "again").empty();
  SweepFailure its{
      .name = is_ring ? field(fields, "ring") + ": " + field(fields, "search") : field(fields, "name"),
      .file = field(fields, "file"),
      .outcome = outcome,
      .first = first,
      .again = field(fields, "again"),
      .seed = field(fields, "seed"),
      .length = !is_ring    ? number(fields, "entries")
                : has_steps ? field(fields, "again").size()
                            : ~std::uint64_t{0},
      .count = 1,
      .has_steps = has_steps};
  // A failure without steps, such as that of one thread, is shown by the whole command.
  if (its.again.empty()) its.again = (is_ring ? "ringside ring-check --ring " : "ringside run ") + its.file;
  search.name = its.name;
  search.file = its.file;
  search.executions += number(fields, "executions");
  if (outcome == failed_word) {
    ++failed_;
  } else if (outcome == could_not_word) {
    ++could_not_;
  } else if (outcome == unreadable_word) {
    ++unreadable_;
  } else {
    passed_ += runs;
    ++search.passed;
    if (is_ring && !is_part && (outcome != whole_word || has_gap)) {
      ++bounded_;
      search.bounded = has_gap ? "a gap that ring-check names" : bound_text(fields);
    }
    if (is_ring) return false;
    Group& group = groups_[where + its.name];
    group.name = its.name;
    group.file = its.file;
    group.passed += runs;
    return false;
  }
  ++search.failed;
  // A mistake in a ring fails in many of its searches.
  const std::string of = !is_ring ? its.name : outcome == failed_word ? "" : field(fields, "search");
  const std::string kind = where + of + '\n' + outcome + '\n' + without_numbers(its.first);
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
  for (const auto& [key, search] : searches_) count += search.is_whole("") ? 0 : search.whole.size();
  return count;
}

std::string SweepResults::open_text(const Search& search) {
  if (search.failed != 0) return "";
  if (!search.bounded.empty()) return search.bounded;
  if (search.of.empty() || search.is_whole("")) return "";
  return fmt::format("{}{}of its parts {} {} done, and others are missing", search.reached,
                     search.reached.empty() ? "" : "; ", search.whole.size(),
                     search.whole.size() == 1 ? "is" : "are");
}

std::vector<std::string> SweepResults::missing() const {
  std::vector<std::string> missing;
  std::ranges::copy_if(wanted_, std::back_inserter(missing),
                       [this](const std::string& unit) { return !units_.contains(unit); });
  return missing;
}

std::vector<SweepFailure> SweepResults::failures() const {
  std::vector<SweepFailure> failures;
  for (const auto& [kind, each] : failures_) failures.push_back(each);
  return failures;
}

std::vector<std::string> SweepResults::open_searches() const {
  std::vector<std::string> open;
  std::size_t more = 0;
  for (const auto& [key, search] : searches_) {
    const std::string why = open_text(search);
    if (why.empty()) continue;
    if (open.size() < open_told_max) {
      open.push_back(fmt::format("not in every execution: {} ({})", search.name, why));
    } else {
      ++more;
    }
  }
  if (more != 0) open.push_back(fmt::format("not in every execution: {} more searches", more));
  return open;
}

std::string SweepResults::text() const {
  std::string text;
  for (const auto& [kind, each] : failures_) {
    text += fmt::format("FAIL {}   {} time{}: {}\n     {}\n", each.name, each.count,
                        each.count == 1 ? "" : "s", each.outcome, each.first);
    if (!each.again.empty()) text += fmt::format("     again  {}\n", each.again);
  }
  for (const std::string& each : open_searches()) text += each + "\n";
  return text + total() + "\n";
}

std::string SweepResults::total() const {
  std::string text = fmt::format("{} result{} of {} unit{}: {} passed", results_, results_ == 1 ? "" : "s",
                                 units(), units() == 1 ? "" : "s", passed_);
  if (bounded() != 0) text += fmt::format(" ({} of them not in every execution)", bounded());
  if (failed_ != 0) text += fmt::format(", {} failed", failed_);
  if (could_not_ != 0) text += fmt::format(", {} could not run", could_not_);
  if (unreadable_ != 0)
    text += fmt::format(", {} file{} not parse", unreadable_, unreadable_ == 1 ? " does" : "s do");
  if (failures_.size() > 1) text += fmt::format("; {} kinds of failures", failures_.size());
  if (untold_ != 0) text += fmt::format(", and {} failures of more kinds", untold_);
  const std::uint64_t left = wanted() - units();
  if (left != 0) text += fmt::format("; {} unit{} missing", left, left == 1 ? " is" : "s are");
  return text;
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
  std::string searches;
  for (const auto& [key, each] : searches_) {
    searches += fmt::format(
        R"({}{{"name":{},"file":{},"executions":{},"parts":{},"in_every_execution":{},"why_not":{}}})",
        searches.empty() ? "" : ",", json_text(each.name), json_text(each.file), each.executions,
        each.whole.size(), each.failed == 0 && open_text(each).empty(), json_text(open_text(each)));
  }
  return fmt::format(
      R"({{"sweep":{},"version":{},"units":{},"units_done":{},"results":{},"passed":{},"not_in_every_execution":{},)"
      R"("failed":{},"could_not_run":{},"do_not_parse":{},"failures":[{}],"searches":[{}]}})"
      "\n",
      json_text(plan_.id), json_text(plan_.version), wanted(), units(), results_, passed_, bounded(), failed_,
      could_not_, unreadable_, list, searches);
}

Result<> SweepResults::write_junit_report(const std::string& path, double seconds) const {
  std::vector<JUnitCase> cases;
  for (const auto& [key, group] : groups_) {
    cases.push_back({.group = group.file,
                     .name = fmt::format("{} ({} passed)", group.name, group.passed),
                     .file = group.file});
  }
  for (const auto& [key, search] : searches_) {
    if (search.failed != 0 || search.passed == 0) continue;
    const std::string why = open_text(search);
    cases.push_back({.group = search.file,
                     .name = search.name,
                     .file = search.file,
                     .warnings = why.empty() ? "" : fmt::format("not in every execution: {}", why)});
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
  const std::uint64_t left = wanted() - units();
  if (left != 0) {
    cases.push_back({.group = ringside_sweep,
                     .name = "all units are done",
                     .outcome = JUnitOutcome::could_not_run,
                     .message = fmt::format("{} of {} units are missing", left, wanted())});
  }
  return write_junit(path, ringside_sweep, cases, seconds);
}

int SweepResults::status() const {
  if (unreadable_ != 0) return exit_does_not_parse;
  if (failed_ != 0) return exit_expectation_failed;
  return could_not_ != 0 || units() < wanted() ? exit_could_not_run : exit_good;
}

}  // namespace ringside::tools
