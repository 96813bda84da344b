// Runs one scenario on one stage, and says how it went.
//
//   Run run(scenario, make_stage, {});
//   const Story story = run.go();
//
// Statements are carried out in their order. An act happens now; an expectation looks through the journal
// from its actor's cursor on, and lets the stage go on until it is met or its time is over. After a failure
// the rest is carried out all the same, so that all failures are told; only bytes at a place where earlier
// ones were wrong are not judged any more. An act that cannot be done ends the run.
//
// Every wait is bounded in virtual time, and the whole in steps, in entries and by whoever calls.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "emu/base/choice.h"
#include "emu/script/act.h"
#include "emu/script/seek.h"

namespace ringside::script {

/// Makes the stage of one run.
using StageFactory = std::function<std::unique_ptr<Stage>(StagePlan plan)>;

/// Steps of the stage in one run; it has got into a loop then.
inline constexpr std::uint64_t run_advances_max = 8'000'000;
/// After so many of them it is asked whether to go on.
inline constexpr std::uint64_t advances_between_questions = 4096;

struct RunOptions {
  Choice order = Choice::first();  ///< of what happens `together`
  double time_scale = 1;           ///< of the limits of expectations
  Duration limit_min = {};         ///< of every expectation, after that
  std::function<bool()> give_up =
      {};  ///< asked now and then, and when the stage does not go on; true ends it
  /// The stage as it is when all is over.
  std::function<void(const Stage&)> at_end = {};
};

/// One expectation that was not met, or one `never` that was broken.
struct Failure {
  enum class Kind : std::uint8_t {
    missed,     ///< it did not come in time
    differs,    ///< something else came in its place
    unsettled,  ///< the machine never came to rest
    seen,       ///< it came and should not have
  };
  Kind kind = Kind::missed;
  const Statement* statement = nullptr;
  const Pattern* pattern = nullptr;
  Span marked;          ///< the part of the line that it is about
  std::string instead;  ///< "settled at 1"
  Step focus = 0;       ///< the entry that decided, or the nearest; 0: none was near
  Step step = 0;        ///< the last entry when it failed
  Time time{0};         ///< since the scenario began
  std::optional<Duration> limit;
  Span limit_line;  ///< who set it; nowhere: nobody did
  std::vector<Circumstance> circumstances;
  std::string label;
};

struct RunWarning {
  Span span;
  std::string text;
};

enum class Outcome : std::uint8_t { passed, failed, could_not_run };

/// How a run went.
struct Story {
  Outcome outcome = Outcome::passed;
  std::vector<Failure> failures;
  std::vector<RunWarning> warnings;
  Error error;      ///< could_not_run: why
  Span error_line;  ///< and in which line, if in one
  State state;
  Time began{0};  ///< of the clock of the entries
  Time ended{0};
  std::size_t judged = 0;         ///< expectations, those of `never` included
  std::size_t unjudged = 0;       ///< those that made no sense any more
  std::vector<Span> met;          ///< lines of those that were met
  std::vector<std::string> said;  ///< by processes, to whoever runs them
  Cast::Names names;              ///< of people and clients as the entries number them; who is dom0 to guests
  Choice::Tape order;             ///< of what happened `together`

  /// A statement's turn.
  struct Came {
    const Statement* statement = nullptr;
    Step after = 0;  ///< the last entry before it
    Time time{0};    ///< of the clock of the entries
    std::size_t failures_before = 0;
  };
  std::vector<Came> came;  ///< in their order
};

/// The same for two runs exactly if their journals are.
[[nodiscard]] std::uint64_t journal_hash(const State& state);
/// What a scenario's machine is made of.
[[nodiscard]] StagePlan plan_of(const Scenario& scenario);

class Run {
 public:
  /// The scenario must outlive the run and its story.
  Run(const Scenario& scenario, const StageFactory& factory, RunOptions options);

  /// Once.
  [[nodiscard]] Story go();

 private:
  /// An expectation that is waited for.
  struct Wait {
    const Statement* statement;
    const Expect* expect;
    Seeker seeker;
    Time deadline;
  };
  struct Watch {
    const Statement* statement;
    const Never* never;
    Seeker seeker;
  };

  void statement(const Statement& statement);
  void act(const Act& act, const Statement& statement);
  void expect(const Statement& statement, const Expect& expect);
  void expect_now(const Statement& statement, const Expect& expect);
  void expect_settled(const Statement& statement, const Expect& expect);
  void expect_no(const Statement& statement, const ExpectNo& none);
  void replies_begin(const Actor& client);
  void together(const Together& block);
  void wait_for(std::list<Wait>& waits);
  bool look_at(std::list<Wait>& waits, std::vector<Mark>& claimed, bool time_is_over);
  void watch(const Statement& statement, const Never& never);
  void look_at_watches();
  void end_watches(const std::string* phase);

  void met(const Seeker& seeker, const Pattern& pattern, const Span& line);
  Failure& fail(Failure::Kind kind, const Statement& statement, const Pattern& pattern, const Seeker& seeker);
  void limited(Failure& failure, const Expect& expect);
  void stop(Error error, const Span& line);

  bool advance(Time until);
  void wait_until(Time until);
  bool settle(Duration limit);
  void ask_to_go_on();
  [[nodiscard]] Duration limit_of(const Expect& expect) const;
  /// As long as this machine may take for it.
  [[nodiscard]] Duration scaled(Duration limit) const;
  [[nodiscard]] Scene scene() const { return {*stage_, state_, cast_}; }
  [[nodiscard]] Cursor cursor_of(const Pattern& pattern) { return cursors_[cursor_key(pattern)]; }
  /// At what is there already.
  [[nodiscard]] Cursor cursor_now(const Pattern& pattern) const;
  [[nodiscard]] bool is_lost(const Pattern& pattern) const;

  const Scenario& scenario_;
  RunOptions options_;
  State state_;
  std::unique_ptr<Stage> stage_;
  Cast cast_;
  Actors actors_;
  Cursors cursors_;
  std::list<Watch> watches_;
  std::set<std::string> lost_places_;  ///< where bytes were wrong
  Story story_;
  Time began_{0};
  std::uint64_t advances_ = 0;
  bool stopped_ = false;
  bool overflowed_ = false;
};

}  // namespace ringside::script
