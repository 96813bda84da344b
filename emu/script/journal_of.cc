// Makes journal files of runs.
#include "emu/script/journal_of.h"

#include "emu/script/print.h"
#include "emu/script/report.h"

namespace ringside::script {

namespace {

using trace::JournalMark;

JournalMark::Act act_of(const Statement& statement) {
  using Act = JournalMark::Act;
  if (const auto* block = std::get_if<Together>(&statement.what)) {
    for (const Statement& each : block->statements) {
      if (act_of(each) != Act::none) return Act::acts;
    }
    return Act::none;
  }
  const auto* act = std::get_if<script::Act>(&statement.what);
  if (act == nullptr) return Act::none;
  const auto* life = std::get_if<Life>(act);
  const bool boots =
      life != nullptr && (life->verb == Life::Verb::creates || life->verb == Life::Verb::boots);
  return boots ? Act::boots : Act::acts;
}

class Marks {
 public:
  Marks(const Scenario& scenario, const Sources& sources, const RunRecord& record)
      : own_file_(scenario.setup.title_span.source),
        scenario_(scenario),
        sources_(sources),
        record_(record) {}

  std::vector<JournalMark> all() {
    for (const RunRecord::StatementStart& each : record_.starts) {
      failures_until(each.failures_before);
      add(each);
    }
    failures_until(record_.failures.size());
    if (record_.outcome == Outcome::could_not_run) add_error();
    return std::move(marks_);
  }

 private:
  [[nodiscard]] JournalMark mark(JournalMark::Kind kind, Step after, Duration since_began,
                                 const Span& line) const {
    JournalMark made;
    made.kind = kind;
    made.after = after;
    made.time_ns = since_began.count();
    made.line = line.line;
    if (line.source != own_file_) made.file = sources_.at(line.source).path;
    return made;
  }

  void add(const RunRecord::StatementStart& came) {
    const Statement& statement = *came.statement;
    JournalMark made =
        mark(JournalMark::Kind::statement, came.after, came.time - record_.began, statement.span);
    if (const auto* phase = std::get_if<Phase>(&statement.what)) {
      made.kind = JournalMark::Kind::phase;
      made.text = phase->title;
    } else if (std::holds_alternative<Together>(statement.what)) {
      made.text = sources_.text(statement.span);
    } else {
      made.text = written(statement);
    }
    made.act = act_of(statement);
    const auto* act = std::get_if<script::Act>(&statement.what);
    if (act != nullptr && (std::holds_alternative<Fault>(*act) || std::holds_alternative<HealsAll>(*act)))
      made.kind = JournalMark::Kind::fault;
    marks_.push_back(std::move(made));
  }

  void failures_until(std::size_t number) {
    for (; told_ < number; ++told_) {
      const Failure& failure = record_.failures[told_];
      JournalMark made = mark(JournalMark::Kind::failure, failure.step, failure.time, failure.marked);
      made.text = failure_instead(failure);
      made.focus = failure.focus;
      made.expected = written(*failure.statement);
      if (const std::string limit = failure_limit(failure); !limit.empty())
        made.why.push_back("the limit was " + limit);
      for (std::string& each : failure_reasons(scenario_, sources_, record_, failure))
        made.why.push_back(std::move(each));
      marks_.push_back(std::move(made));
    }
  }

  /// The run ended early.
  void add_error() {
    Span line = record_.error_line;
    if (line.nowhere()) line.source = own_file_;
    JournalMark made =
        mark(JournalMark::Kind::failure, record_.state.steps(), record_.ended - record_.began, line);
    made.text = "the run could not continue: " + record_.error.text();
    marks_.push_back(std::move(made));
  }

  std::uint32_t own_file_;
  const Scenario& scenario_;
  const Sources& sources_;
  const RunRecord& record_;
  std::size_t told_ = 0;
  std::vector<JournalMark> marks_;
};

}  // namespace

trace::Journaled journal_of(const Scenario& scenario, const Sources& sources, const RunRecord& record,
                            std::uint64_t seed, std::string made_by) {
  trace::Journaled journal;
  trace::JournalHeader& header = journal.header;
  header.made_by = std::move(made_by);
  header.mode = spelled(scenario.mode);
  header.controller = spelled(scenario.setup.controller);
  if (scenario.setup.controller == Controller::xcs) header.answer = name_of(scenario.setup.answer);
  header.seed = seed;
  for (const std::uint32_t domain : record.state.domains())
    header.domains.push_back({domain, scenario.setup.abi});
  for (const QuirkAbout& known : quirks_known) {
    if (scenario.setup.quirks.has(known.quirk)) header.quirks.emplace_back(known.name);
  }
  header.scenario = {scenario.name, scenario.setup.title, scenario.path,
                     sources.at(scenario.setup.title_span.source).lines};
  const auto origin = static_cast<std::uint64_t>(record.began.count());
  journal.steps.reserve(record.state.steps());
  for (Step step = 1; step <= record.state.steps(); ++step) {
    journal.steps.push_back({step, record.state.at(step)});
    journal.steps.back().entry.time_ns -= origin;
  }
  journal.marks = Marks(scenario, sources, record).all();
  return journal;
}

}  // namespace ringside::script
