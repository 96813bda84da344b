// Runs one scenario on one stage, and returns the result.
//
//   Run run(scenario, make_stage, {});
//   const RunRecord record = run.go();
//
// Statements are executed in order. An act takes effect at once. An expectation searches the journal from its
// actor's cursor on, and advances the stage until it is met or its time is over. The run continues after a
// failure, so that all failures are reported; only bytes at a place where earlier bytes were wrong are not
// judged. An impossible act ends the run.
//
// Every wait is limited in virtual time. The run is limited in steps, in entries, and by RunOptions::give_up.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "emu/base/choice.h"
#include "emu/script/act.h"
#include "emu/script/pattern_search.h"

namespace ringside::script {

/// Makes the stage of one run.
using StageFactory = std::function<std::unique_ptr<Stage>(StagePlan plan)>;

/// The most steps of the stage in one run. More means an endless loop.
inline constexpr std::uint64_t run_advances_max = 8'000'000;
/// The number of steps between two calls of `give_up`.
inline constexpr std::uint64_t advances_between_questions = 4096;

struct RunOptions {
  Choice order = Choice::first();  ///< of what happens `together`
  double time_scale = 1;           ///< of the limits of expectations
  Duration limit_min = {};         ///< the least limit of an expectation, after scaling
  /// Called from time to time, and when the stage does not advance. True ends the run.
  std::function<bool()> give_up = {};
  /// Called with the stage at the end of the run.
  std::function<void(const Stage&)> at_end = {};
};

/// An expectation that was not met, or a `never` that did not hold.
struct Failure {
  enum class Kind : std::uint8_t {
    missed,     ///< it did not occur in time
    differs,    ///< something else occurred in its place
    unsettled,  ///< the machine did not settle
    seen,       ///< it occurred, and must not
  };
  Kind kind = Kind::missed;
  const Statement* statement = nullptr;
  const Pattern* pattern = nullptr;
  Span marked;          ///< the part of the line that it is about
  std::string instead;  ///< "settled at 1"
  Step focus = 0;       ///< the deciding entry, or the nearest one; 0: none
  Step step = 0;        ///< the last entry at the time of the failure
  Time time{0};         ///< since the scenario began
  std::optional<Duration> limit;
  Span limit_line;  ///< the line that sets it; nowhere: it is the default
  std::vector<Circumstance> circumstances;
  std::string label;
};

struct RunWarning {
  Span span;
  std::string text;
};

enum class Outcome : std::uint8_t { passed, failed, could_not_run };

/// The result of a run.
struct RunRecord {
  Outcome outcome = Outcome::passed;
  std::vector<Failure> failures;
  std::vector<RunWarning> warnings;
  Error error;      ///< why it could not run
  Span error_line;  ///< the line that could not be executed, if it was one
  State state;
  Time began{0};  ///< by the clock of the entries
  Time ended{0};
  std::size_t judged = 0;                     ///< expectations, with those of `never`
  std::size_t unjudged = 0;                   ///< expectations that could not be judged
  std::vector<Span> met;                      ///< the lines that were met
  std::vector<std::string> process_warnings;  ///< warnings of processes for the user
  ActorMap::Names names;  ///< of users, clients and dom0's controller, by their actors in entries
  Choice::Tape order;     ///< of what happened `together`

  /// The beginning of a statement.
  struct StatementStart {
    const Statement* statement = nullptr;
    Step after = 0;  ///< the last entry before it
    Time time{0};    ///< by the clock of the entries
    std::size_t failures_before = 0;
  };
  std::vector<StatementStart> starts;  ///< in their order
};

/// Equal for two runs exactly if their journals are equal.
[[nodiscard]] std::uint64_t journal_hash(const State& state);
/// The machine that a scenario needs.
[[nodiscard]] StagePlan plan_of(const Scenario& scenario);

class Run {
 public:
  /// The scenario must outlive the run and its result.
  Run(const Scenario& scenario, const StageFactory& factory, RunOptions options);

  /// Called once.
  [[nodiscard]] RunRecord go();

 private:
  /// An expectation that is not met yet.
  struct Wait {
    const Statement* statement;
    const Expect* expect;
    PatternSearch seeker;
    Time deadline;
  };
  struct Watch {
    const Statement* statement;
    const Never* never;
    PatternSearch seeker;
  };

  void statement(const Statement& statement);
  void act(const Act& act, const Statement& statement);
  void expect(const Statement& statement, const Expect& expect);
  void expect_now(const Statement& statement, const Expect& expect);
  void expect_settled(const Statement& statement, const Expect& expect);
  void expect_no(const Statement& statement, const ExpectNo& none);
  void replies_begin(const Actor& client);
  void input_begins(const Life& life, Step before);
  void together(const Together& block);
  void wait_for(std::list<Wait>& waits);
  bool look_at(std::list<Wait>& waits, Claims& claims, bool time_is_over);
  void watch(const Statement& statement, const Never& never);
  void look_at_watches();
  void end_watches(const std::string* phase);

  void met(const PatternSearch& seeker, const Pattern& pattern, const Span& line);
  Failure& fail(Failure::Kind kind, const Statement& statement, const Pattern& pattern,
                const PatternSearch& seeker);
  void limited(Failure& failure, const Expect& expect);
  void stop(Error error, const Span& line);

  bool advance(Time until);
  void wait_until(Time until);
  bool settle(Duration limit);
  void ask_to_go_on();
  [[nodiscard]] Duration limit_of(const Expect& expect) const;
  /// A limit, multiplied for the speed of this machine.
  [[nodiscard]] Duration scaled(Duration limit) const;
  [[nodiscard]] Observed observed() const { return {*stage_, state_, actor_map_}; }
  [[nodiscard]] Cursor cursor_of(const Pattern& pattern) { return cursors_[cursor_key(pattern)]; }
  /// A cursor at the end of the present data.
  [[nodiscard]] Cursor cursor_now(const Pattern& pattern) const;
  [[nodiscard]] bool is_lost(const Pattern& pattern) const;

  const Scenario& scenario_;
  RunOptions options_;
  State state_;
  std::unique_ptr<Stage> stage_;
  ActorMap actor_map_;
  ActExecutor act_executor_;
  Cursors cursors_;
  std::list<Watch> watches_;
  std::set<std::string> lost_places_;  ///< places where bytes were wrong
  RunRecord record_;
  Time began_{0};
  std::uint64_t advances_ = 0;
  bool stopped_ = false;
  bool overflowed_ = false;
};

}  // namespace ringside::script
