// Reports of failures.
#include "emu/script/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "emu/script/print.h"
#include "emu/trace/text.h"

namespace ringside::script {

namespace {

constexpr std::size_t words_of_processes_max = 3;

/// "lines 2, 5-7 passed": each line once, in order.
std::string lines_text(const std::vector<Span>& spans, std::uint32_t source) {
  std::set<std::uint32_t> lines;
  for (const Span& each : spans) {
    if (each.source == source) lines.insert(each.line);
  }
  std::string text;
  for (auto from = lines.begin(); from != lines.end();) {
    auto to = from;
    while (std::next(to) != lines.end() && *std::next(to) == *to + 1) ++to;
    text += text.empty() ? "" : ", ";
    text += from == to ? fmt::format("{}", *from) : fmt::format("{}-{}", *from, *to);
    from = std::next(to);
  }
  if (text.empty()) return "";
  return fmt::format("; line{} {} passed", lines.size() == 1 ? "" : "s", text);
}

/// The domain that a pattern is about; 0: none.
std::uint32_t domain_of(const Pattern& pattern) {
  const auto of = [](const Actor& actor) { return actor.role == trace::Role::domain ? actor.domain : 0; };
  const auto either = [&](const std::optional<Actor>& one, const std::optional<Actor>& other) {
    const std::uint32_t first = one ? of(*one) : 0;
    return first != 0 || !other ? first : of(*other);
  };
  return std::visit(
      Visit{[&](const Shows& each) { return of(each.place.actor); },
            [&](const BytesAt& each) { return of(each.place.actor); },
            [&](const Receives& each) { return either(each.who, each.from); },
            [](const ReceivesReply&) { return 0u; }, [](const ReceivesVirq&) { return 0u; },
            [](const IsCutOff&) { return 0u; }, [&](const Sends& each) { return either(each.who, each.to); },
            [&](const Forwards& each) { return either(each.from, each.to); },
            [&](const ForwardsCount& each) { return either(each.from, each.to); },
            [&](const EventRaised& each) { return either(each.from, each.to); },
            [&](const TakesEvent& each) { return of(each.who); },
            [](const SlotWritten& each) { return each.ring.domain; },
            [](const IndexMoved& each) { return each.ring.domain; },
            [&](const Refuses& each) { return either(each.who, each.whom); },
            [&](const Says& each) { return of(each.who); }, [](const QuirkBites&) { return 0u; },
            [](const RingState& each) { return each.ring.domain; },
            [&](const CounterState& each) { return either(each.actor, each.of); },
            [&](const CounterChanges& each) { return either(each.actor, each.of); }},
      pattern.what);
}

class Report {
 public:
  Report(const Scenario& scenario, const Sources& sources, const RunRecord& record,
         const ReportContext& context)
      : scenario_(scenario), sources_(sources), record_(record), context_(context) {}

  [[nodiscard]] std::string failures() const;
  [[nodiscard]] std::string could_not_run() const;

 private:
  [[nodiscard]] std::string headline(std::string_view word, Duration time, const std::string& count) const;
  [[nodiscard]] std::string failure(std::size_t number) const;
  [[nodiscard]] std::string values(const Statement& statement) const;
  [[nodiscard]] std::string entries(Step focus, Step last, std::uint32_t domain) const;
  [[nodiscard]] std::string last_lines() const;

  const Scenario& scenario_;
  const Sources& sources_;
  const RunRecord& record_;
  const ReportContext& context_;
};

std::string row(std::string_view word, std::string_view text) {
  return fmt::format("     {:<6} {}\n", word, text);
}

std::string Report::headline(std::string_view word, Duration time, const std::string& count) const {
  return fmt::format("{} {}  seed {}  {}  t={}{}\n", word, scenario_.name, context_.seed,
                     spelled(scenario_.mode), time_text(time), count);
}

std::string Report::failures() const {
  std::string text;
  const std::size_t shown = std::min(record_.failures.size(), failures_shown_max);
  for (std::size_t number = 0; number < shown; ++number) text += (number == 0 ? "" : "\n") + failure(number);
  if (const std::size_t rest = record_.failures.size() - shown; rest != 0)
    text += fmt::format("\n     ... and {} more failed expectations\n", rest);
  return text + last_lines();
}

std::string Report::failure(std::size_t number) const {
  const Failure& its = record_.failures[number];
  const std::string count = fmt::format("   ({} of {} failed expectation{}{})", number + 1,
                                        record_.failures.size(), record_.failures.size() == 1 ? "" : "s",
                                        lines_text(record_.met, its.statement->span.source));
  std::string text =
      headline("FAIL", its.time,
               number == 0 ? count : fmt::format("   ({} of {})", number + 1, record_.failures.size()));
  text += sources_.excerpt(its.marked, failure_instead(its));
  text += values(*its.statement);
  text += entries(its.focus, its.step, domain_of(*its.pattern));
  if (const std::string limit = failure_limit(its); !limit.empty()) text += row("limit", limit);
  for (const std::string& each : failure_reasons(scenario_, sources_, record_, its)) text += row("why", each);
  return text;
}

/// A line is shown as it is written, and the values of its names beside it.
std::string Report::values(const Statement& statement) const {
  const std::string_view line = sources_.line(statement.span.source, statement.span.line);
  std::string text;
  for (const Binding& each : scenario_.bindings) {
    const bool used = line.find("{" + each.name + "}") != std::string_view::npos ||
                      line.find("when " + each.name) != std::string_view::npos;
    if (used) text += fmt::format("{}{}={}", text.empty() ? "" : "  ", each.name, each.value);
  }
  if (!statement.round.empty()) text += fmt::format("{}{}", text.empty() ? "" : "  ", statement.round);
  return text.empty() ? "" : row("with", text);
}

/// The entries up to the deciding one and one more, or up to the last one.
std::string Report::entries(Step focus, Step last, std::uint32_t domain) const {
  const State& state = record_.state;
  std::vector<Step> shown;
  // Xen's output on the serial line is shown only in a failure about the serial line.
  const auto serial = [](const trace::Entry& entry) {
    return entry.actor.role == trace::Role::uart || entry.peer.role == trace::Role::uart;
  };
  const auto concerns = [&](Step step) {
    const trace::Entry& entry = state.at(step);
    if (step == focus) return true;
    if (entry.kind == trace::Kind::mask_changed) return false;  // the outcome of an event tells the mask
    return domain == 0 ? !serial(entry) : entry.domain == domain;
  };
  for (Step step = focus == 0 ? last : focus; step > 0 && shown.size() <= entries_before; --step) {
    if (concerns(step)) shown.insert(shown.begin(), step);
  }
  for (Step step = focus + 1; focus != 0 && step <= last; ++step) {
    if (!concerns(step)) continue;
    shown.push_back(step);
    break;
  }
  std::string text;
  for (const Step step : shown) {
    text += fmt::format("  {} {:>4}  {}\n", step == focus ? '>' : ' ', step,
                        as_expected(state.at(step), record_.names));
  }
  return text;
}

/// The last lines of the report, which concern all failures of the run.
std::string Report::last_lines() const {
  std::string text;
  const std::size_t said = record_.process_warnings.size();
  for (std::size_t at = said - std::min(said, words_of_processes_max); at < said; ++at)
    text += row("said", record_.process_warnings[at]);
  if (record_.unjudged != 0) {
    text += row("also", fmt::format("{} expectation{} about bytes after wrong ones not judged",
                                    record_.unjudged, record_.unjudged == 1 ? "" : "s"));
  }
  if (!context_.again.empty()) text += row("again", context_.again);
  if (!context_.journal.empty()) text += row("look", context_.journal);
  return text;
}

std::string Report::could_not_run() const {
  std::string text = headline("ERROR", record_.ended - record_.began, "");
  if (record_.error_line.nowhere()) {
    text += fmt::format("     {}\n", record_.error.text());
  } else {
    text += sources_.excerpt(record_.error_line, record_.error.text());
    text += entries(0, record_.state.steps(), 0);
  }
  if (!record_.failures.empty()) text += "\n" + failures();
  return record_.failures.empty() ? text + last_lines() : text;
}

/// Adds a sentence for each ring that was full or had impossible indices.
void add_rings(const RunRecord& record, const Failure& failure, std::vector<std::string>& reasons) {
  for (const std::uint32_t domain : record.state.domains()) {
    for (const RingName ring : {RingName::tx, RingName::rx, RingName::in, RingName::out}) {
      const State::RingPoint& point = record.state.ring_at(domain, ring, failure.step);
      const auto indices = indices_of(ring);
      const std::uint32_t ahead = point.at(indices[0]);
      const std::uint32_t behind = point.at(indices[1]);
      const std::uint32_t used = ahead - behind;
      const std::uint32_t size = size_of(ring);
      if (used < size) continue;
      reasons.push_back(fmt::format("dom{}.{} {}: {} {} - {} {} = {} of {}", domain, spelled(ring),
                                    used == size ? "is full" : "is impossible", spelled(indices[0]), ahead,
                                    spelled(indices[1]), behind, used, size));
    }
  }
}

/// Adds a sentence for each quirk that had taken effect by then.
void add_quirks(const Scenario& scenario, const Sources& sources, const RunRecord& record,
                const Failure& failure, std::vector<std::string>& reasons) {
  std::set<std::string> told;
  const Sources::Source& file = sources.at(scenario.setup.title_span.source);
  for (Step step = 1; step <= failure.step; ++step) {
    const trace::Entry& entry = record.state.at(step);
    if (entry.kind != trace::Kind::quirk) continue;
    const std::string name = trace::words_of(entry);
    if (!told.insert(name).second) continue;
    const auto line = std::ranges::find_if(file.lines, [&](const std::string& each) {
      return each.find("quirk") != std::string::npos && each.find(name) != std::string::npos;
    });
    reasons.push_back(fmt::format(
        "quirk {} bit first at step {}{}", name, step,
        line == file.lines.end() ? "" : fmt::format(" (set by line {})", line - file.lines.begin() + 1)));
  }
}

}  // namespace

std::string failure_instead(const Failure& failure) {
  const std::string named = failure.label.empty() ? "" : fmt::format(" ({})", failure.label);
  switch (failure.kind) {
    case Failure::Kind::missed:
      return failure.instead + named;
    case Failure::Kind::differs: {
      const bool by_entry = Matcher::by_entry(*failure.pattern);
      return failure.instead + (by_entry ? " came in its place" : "") + named;
    }
    case Failure::Kind::unsettled:
      return "it did not settle; " + failure.instead + named;
    case Failure::Kind::seen: {
      const bool no = std::holds_alternative<ExpectNo>(failure.statement->what);
      return fmt::format("this came{}: {}", no ? "" : ", and must not", failure.instead);
    }
  }
  return "";
}

std::string failure_limit(const Failure& failure) {
  if (!failure.limit) return "";
  if (failure.limit->count() == 0) return "now: no more time was given";
  const std::string who = failure.limit_line.nowhere()
                              ? std::string("the default timeout")
                              : fmt::format("set by line {}", failure.limit_line.line);
  return fmt::format("{}, {}", script::written(*failure.limit), who);
}

std::vector<std::string> failure_reasons(const Scenario& scenario, const Sources& sources,
                                         const RunRecord& record, const Failure& failure) {
  std::vector<std::string> reasons;
  add_rings(record, failure, reasons);
  add_quirks(scenario, sources, record, failure, reasons);
  for (const Circumstance& each : failure.circumstances)
    reasons.push_back(fmt::format("{} since line {}", each.text, each.since.line));
  return reasons;
}

std::string time_text(Duration time) {
  const auto ns = static_cast<double>(time.count());
  if (time < std::chrono::seconds(1)) return fmt::format("{:.3f}ms", ns / 1e6);
  return fmt::format("{:.3f}s", ns / 1e9);
}

std::string failure_report(const Scenario& scenario, const Sources& sources, const RunRecord& record,
                           const ReportContext& context) {
  const Report report(scenario, sources, record, context);
  switch (record.outcome) {
    case Outcome::passed:
      return "";
    case Outcome::failed:
      return report.failures();
    case Outcome::could_not_run:
      return report.could_not_run();
  }
  return "";
}

std::string warnings_report(const Scenario& scenario, const Sources& sources, const RunRecord& record) {
  std::string text;
  for (const RunWarning& each : record.warnings)
    text += fmt::format("warning: {}\n{}", scenario.name, sources.excerpt(each.span, each.text));
  return text;
}

}  // namespace ringside::script
