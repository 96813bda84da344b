// Prints verdicts as text, TAP and JSON, and writes them as JUnit XML.
#include "tools/ring_check/outputs.h"

#include <fmt/format.h>

#include <cstdio>
#include <sstream>

#include "tools/prose.h"
#include "tools/results_text.h"
#include "tools/shard.h"

namespace ringside::tools {

namespace {

std::string coverage_text(const RingJob& job, const RingVerdict& verdict) {
  switch (verdict.outcome) {
    case RingOutcome::whole:
      // Only all parts together are a proof.
      return fmt::format("{}{}", job.is_part() ? "all of this part" : whole_word,
                         verdict.has_gap() ? " with a gap" : "");
    case RingOutcome::bounded:
      return fmt::format("up to {} deviation{}", verdict.bound, verdict.bound == 1 ? "" : "s");
    case RingOutcome::stopped:
      return fmt::format("the first {}", with_commas(verdict.executions + verdict.redundant));
    case RingOutcome::failed:
    case RingOutcome::could_not:
      break;
  }
  return "";
}

/// "2,000,000 steps"
std::string limit_text(const SearchLimit& limit) {
  return limit.steps != SearchLimit().steps ? with_commas(limit.steps) + " steps"
                                            : with_commas(limit.executions) + " executions";
}

std::string_view outcome_name(const RingJob& job, RingOutcome outcome) {
  switch (outcome) {
    case RingOutcome::whole:
      return job.is_part() ? part_word : whole_word;
    case RingOutcome::bounded:
      return "bounded";
    case RingOutcome::stopped:
      return "stopped";
    case RingOutcome::failed:
      return "failed";
    case RingOutcome::could_not:
      return "could not run";
  }
  return "";
}

/// "3/64", or of a part of it "3/64,5/64"; empty: all of the search.
std::string part_text(const RingJob& job) {
  std::string text;
  for (const check::SearchPart& each : job.part)
    text += fmt::format("{}{}/{}", text.empty() ? "" : ",", each.number + 1, each.of);
  return text;
}

/// The most gaps that are named.
constexpr std::size_t gaps_named_max = 3;

std::string again(const RingJob& job, const RingVerdict& verdict) {
  return verdict.replay.empty()
             ? std::string()
             : fmt::format("ringside ring-check --ring {} --replay '{}'", job.plugin->path(), verdict.replay);
}

}  // namespace

RingOutput::RingOutput(RingFormat format, std::string junit, std::size_t jobs)
    : format_(format), junit_(std::move(junit)), jobs_(jobs) {}

void RingOutput::begin() const {
  if (format_ == RingFormat::tap) std::printf("TAP version 13\n1..%zu\n", jobs_);
}

/// Adds a part to its search. Refuses one that does not divide the same search as the first one.
RingVerdict RingOutput::compared(const RingJob& job, RingVerdict verdict) {
  if (!job.is_part()) return verdict;
  RingJob divided = job;
  divided.part.pop_back();
  Parts& parts = divided_[{job.plugin, job.model}][divided.what()];
  parts.is_of_part = divided.is_part();
  parts.of = job.part.back().of;
  ++parts.tried;
  if (verdict.outcome != RingOutcome::whole) return verdict;
  if (parts.division.empty()) parts.division = verdict.division;
  if (parts.division != verdict.division) {
    verdict.outcome = RingOutcome::could_not;
    verdict.why = parts_differ;
  } else if (!verdict.has_gap()) {
    ++parts.whole;
  }
  return verdict;
}

void RingOutput::verdict(std::size_t number, const RingJob& planned, const RingVerdict& found) {
  RingJob job = planned;
  const RingVerdict verdict = compared(job, found);
  const bool is_failure = verdict.outcome == RingOutcome::failed;
  if (verdict.messages != 0) job.workload.messages = verdict.messages;
  if (is_failure) failing_.insert({job.plugin, job.model});
  if (verdict.usage) {
    const auto [at, is_first] = usages_.try_emplace({job.plugin, job.model}, *verdict.usage);
    if (!is_first) at->second = check::together(at->second, *verdict.usage);
  }
  if (verdict.has_gap() || verdict.was_limited) {
    Gaps& gaps = gaps_[{job.plugin, job.model}];
    gaps.hides_failures = gaps.hides_failures || verdict.hides_failures;
    gaps.buffering.insert(verdict.buffering.begin(), verdict.buffering.end());
    if (verdict.was_limited) gaps.limit = limit_text(job.limit);
  }
  executions_ += verdict.executions + verdict.redundant;
  const bool is_error = verdict.outcome == RingOutcome::could_not;
  if (is_failure) ++failed_;
  if (is_error) ++could_not_;
  const bool is_whole = verdict.outcome == RingOutcome::whole && !verdict.has_gap();
  if (is_whole) ++(job.is_part() ? parts_ : whole_);
  if (!is_whole && !is_failure && !is_error) ++partly_;
  std::string less = coverage_text(job, verdict);
  if (less == whole_word) less.clear();
  if (!junit_.empty()) {
    cases_.push_back({.group = job.plugin->name(),
                      .name = job.what(),
                      .seconds = verdict.seconds,
                      .outcome = is_failure ? JUnitOutcome::failed
                                 : is_error ? JUnitOutcome::could_not_run
                                            : JUnitOutcome::passed,
                      .message = verdict.why,
                      .report = verdict.report + again(job, verdict),
                      .warnings = less});
  }
  switch (format_) {
    case RingFormat::people:
      print_result(job, verdict);
      break;
    case RingFormat::tap: {
      std::printf("%sok %zu - %s\n", is_failure || is_error ? "not " : "", number + 1,
                  tap_text(job.plugin->name() + ": " + job.what()).c_str());
      std::istringstream lines(
          is_failure || is_error ? verdict.why + "\n" + verdict.report + again(job, verdict) : std::string());
      for (std::string line; std::getline(lines, line);) std::printf("# %s\n", line.c_str());
      for (const std::string& each : {less, verdict.note}) {
        if (!each.empty()) std::printf("# %s\n", each.c_str());
      }
      break;
    }
    case RingFormat::json:
      std::printf(
          "%s\n",
          fmt::format(
              R"({{"ring":{},"file":{},"what":{},"model":"{}","outcome":"{}","executions":{},"redundant":{},)"
              R"("steps":{},"seconds":{:.6f},"why":{},"again":{},"has_gap":{},"note":{},"deviations_max":{},"search":{},"division":{},"part":"{}","parts":{},"job":"{}","too_large":{}}})",
              json_string(job.plugin->title()), json_string(job.plugin->path()), json_string(job.what()),
              check::name_of(job.model), outcome_name(job, verdict.outcome), verdict.executions,
              verdict.redundant, verdict.steps, verdict.seconds, json_string(verdict.why),
              json_string(again(job, verdict)), verdict.has_gap(), json_string(verdict.note),
              verdict.outcome == RingOutcome::bounded ? std::to_string(verdict.bound) : "null",
              json_string(job.whole().what()), json_string(verdict.division), part_text(job), verdict.parts,
              job.number, verdict.is_too_large && !is_failure && !is_error)
              .c_str());
      break;
  }
  std::fflush(stdout);
}

void RingOutput::print_result(const RingJob& job, const RingVerdict& verdict) {
  if (ring_ != job.plugin->path()) {
    ring_ = job.plugin->path();
    std::string about;
    if (job.plugin->is_ring())
      about = fmt::format("{}, {} slots", job.plugin->ring().name, job.plugin->ring().slots);
    if (const std::size_t tests = job.plugin->tests().size(); tests != 0)
      about += fmt::format("{}{} test{}", about.empty() ? "" : ", ", tests, tests == 1 ? "" : "s");
    std::printf("%s  (%s)\n", job.plugin->name().c_str(), about.c_str());
  }
  if (verdict.outcome == RingOutcome::failed || verdict.outcome == RingOutcome::could_not) {
    std::printf("  %-5s%s\n", verdict.outcome == RingOutcome::failed ? "FAIL" : "????", job.what().c_str());
    print_wrapped(verdict.why, "       ");
    const bool is_new =
        shown_.emplace(ring_, verdict.why.substr(0, verdict.why.find_first_of("0123456789"))).second;
    if (!verdict.report.empty() && is_new) std::printf("\n%s\n", verdict.report.c_str());
    const std::string command = again(job, verdict);
    if (!command.empty()) std::printf("       %s  %s\n", is_new ? "again" : "steps", command.c_str());
    return;
  }
  std::printf("%s\n", fmt::format("  ok   {:<44} {:>11} executions  {:<20} {:>8.2f} s", job.what(),
                                  with_commas(verdict.executions + verdict.redundant),
                                  coverage_text(job, verdict), verdict.seconds)
                          .c_str());
  if (!verdict.note.empty()) print_wrapped(verdict.note, "       ");
}

std::string RingOutput::text_of(const Gaps& gaps) {
  std::string text;
  if (gaps.hides_failures) {
    text =
        "a weak compare-exchange that fails without a reason (clang announces it as a strong one; gcc "
        "distinguishes them)";
  }
  if (gaps.buffering.empty()) return text;
  text += fmt::format("{}load buffering, where a store is seen before an earlier load is done: ",
                      text.empty() ? "" : "; ");
  std::size_t named = 0;
  for (const std::string& each : gaps.buffering) {
    if (named++ < gaps_named_max) text += (named == 1 ? "" : ", ") + each;
  }
  if (named > gaps_named_max) text += fmt::format(", and {} more", named - gaps_named_max);
  return text +
         " (the model does not see a dependency that may order the two; it sees an acquiring load, or "
         "ring_check_rmb() after it)";
}

/// Prints the gaps in every format: a result that looks like a proof must not hide them.
void RingOutput::say_not_covered() const {
  // The text is usually the same under each model.
  std::map<std::pair<const RingPlugin*, std::string>, std::string> models_of;
  const auto add = [&](const UnderModel& about, const std::string& missing) {
    if (missing.empty() || failing_.contains(about)) return;
    std::string& models = models_of[{about.first, missing}];
    models += fmt::format("{}{}", models.empty() ? "" : ", ", check::name_of(about.second));
  };
  for (const auto& [about, usage] : usages_) add(about, check::missing_in(usage, about.first->ring()));
  for (const auto& [about, gaps] : gaps_) {
    add(about, text_of(gaps));
    if (gaps.limit.empty()) continue;
    add(about, fmt::format("the rest of the searches above that ended at their limit of {} (--long or "
                           "--limit N searches more)",
                           gaps.limit));
  }
  for (const auto& [about, searches] : divided_) {
    for (const auto& [search, parts] : searches) {
      if (parts.tried < parts.of)
        add(about, fmt::format("{} of the {} parts of \"{}\"", parts.of - parts.tried, parts.of, search));
    }
  }
  for (const auto& [about, models] : models_of) {
    const auto& [plugin, missing] = about;
    switch (format_) {
      case RingFormat::people:
        print_wrapped(fmt::format("not covered in {} under {}: {}", plugin->name(), models, missing), "  ");
        break;
      case RingFormat::tap:
        std::printf("# not covered in %s under %s: %s\n", plugin->name().c_str(), models.c_str(),
                    missing.c_str());
        break;
      case RingFormat::json:
        std::printf("%s\n", fmt::format(R"({{"ring":{},"file":{},"what":"coverage","model":{},)"
                                        R"("outcome":"not covered","why":{}}})",
                                        json_string(plugin->title()), json_string(plugin->path()),
                                        json_string(models), json_string(missing))
                                .c_str());
        break;
    }
  }
}

void RingOutput::say_total(const std::string& interrupted, double seconds) const {
  // Parts of a search hold in every execution if all of them do.
  std::size_t whole = whole_;
  for (const auto& [about, searches] : divided_) {
    for (const auto& [search, parts] : searches)
      whole += parts.whole == parts.of && !parts.is_of_part ? parts.of : 0;
  }
  const std::size_t parts_only = whole_ + parts_ - whole;
  std::string text = fmt::format("{} tried: {} hold in every execution", tried(), whole);
  if (parts_only != 0) text += fmt::format(", {} in every execution of a part only", parts_only);
  if (partly_ != 0) text += fmt::format(", {} in all that were tried", partly_);
  if (failed_ != 0) text += fmt::format(", {} failed", failed_);
  if (could_not_ != 0) text += fmt::format(", {} could not be tried", could_not_);
  std::printf("%s\n",
              fmt::format("{}{}; {} executions in {:.1f} s", interrupted.empty() ? "" : interrupted + ": ",
                          text, with_commas(executions_), seconds)
                  .c_str());
}

Result<> RingOutput::end(int signal) {
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  const std::size_t ran = tried();
  const std::string interrupted = signal == 0 ? "" : interruption_text(signal, ran, jobs_);
  // If the jobs were interrupted, the coverage of all of them is not known.
  if (signal == 0) say_not_covered();
  switch (format_) {
    case RingFormat::people:
      say_total(interrupted, seconds);
      break;
    case RingFormat::tap:
      if (signal != 0) std::printf("Bail out! %s\n", interrupted.c_str());
      break;
    case RingFormat::json:
      if (signal != 0) std::fputs(json_interruption(signal, ran, jobs_).c_str(), stdout);
      break;
  }
  if (junit_.empty()) return Done{};
  if (signal != 0) {
    cases_.push_back({.group = "ring-check",
                      .name = "the run has ended",
                      .outcome = JUnitOutcome::could_not_run,
                      .message = interrupted});
  }
  return write_junit(junit_, "ring-check", cases_, seconds);
}

}  // namespace ringside::tools
