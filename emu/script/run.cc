// Runs a scenario from its first statement to its last.
#include "emu/script/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ringside::script {

namespace {

using trace::Role;

bool names_uart(const std::vector<Statement>& statements);

bool names_uart(const Act& act) {
  if (const auto* types = std::get_if<Types>(&act)) return types->who.role == Role::uart;
  const auto* prints = std::get_if<Prints>(&act);
  return prints != nullptr && prints->domain.role == Role::dom0;
}

bool names_uart(const Pattern& pattern) {
  const auto is_serial = [](const Place& place) {
    return place.kind == Place::Kind::uart || place.actor.role == Role::dom0;
  };
  if (const auto* shows = std::get_if<Shows>(&pattern.what)) return is_serial(shows->place);
  if (const auto* bytes = std::get_if<BytesAt>(&pattern.what)) return is_serial(bytes->place);
  return cursor_key(pattern).starts_with("uart");
}

bool names_uart(const Statement& statement) {
  return std::visit(Visit{[](const Act& act) { return names_uart(act); },
                          [](const Expect& expect) { return names_uart(expect.pattern); },
                          [](const ExpectNo& none) { return names_uart(none.pattern); },
                          [](const Never& never) { return names_uart(never.pattern); },
                          [](const Together& block) { return names_uart(block.statements); },
                          [](const Phase&) { return false; }},
                    statement.what);
}

bool names_uart(const std::vector<Statement>& statements) {
  return std::ranges::any_of(statements, [](const Statement& each) { return names_uart(each); });
}

/// Whether there is an act of one of these kinds.
template <class... Acts>
bool has_act(const std::vector<Statement>& statements) {
  return std::ranges::any_of(statements, [](const Statement& each) {
    const auto* act = std::get_if<Act>(&each.what);
    const auto* block = std::get_if<Together>(&each.what);
    return (act != nullptr && (std::holds_alternative<Acts>(*act) || ...)) ||
           (block != nullptr && has_act<Acts...>(block->statements));
  });
}

/// Whether each byte is sent by a component that reports it, and only once.
bool reports_all(const Scenario& scenario) {
  const Quirks& quirks = scenario.setup.quirks;
  const bool believes = quirks.has(Quirk::stale_indices) || quirks.has(Quirk::abi_mismatch);
  return !believes &&
         !has_act<WritesSlot, SetsIndex, FillsRing, ClientSends, ClientSendsBytes>(scenario.statements);
}

bool settles(const Pattern& pattern) {
  if (const auto* ring = std::get_if<RingState>(&pattern.what)) return ring->settles;
  const auto* counter = std::get_if<CounterState>(&pattern.what);
  return counter != nullptr && counter->settles;
}

}  // namespace

std::uint64_t journal_hash(const State& state) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const trace::Entry& entry : state.entries()) {
    unsigned char bytes[sizeof entry];
    std::memcpy(bytes, &entry, sizeof entry);
    for (const unsigned char byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
  }
  return hash;
}

StagePlan plan_of(const Scenario& scenario) {
  StagePlan plan;
  plan.cuts = scenario.setup.cuts;
  plan.faults = has_act<Fault>(scenario.statements);
  plan.dom0 = static_cast<Dom0>(scenario.setup.controller);
  plan.abi = scenario.setup.abi;
  plan.quirks = scenario.setup.quirks;
  plan.answer = scenario.setup.answer;
  plan.uart_speed = scenario.setup.speed;
  plan.uart = names_uart(scenario.statements);
  return plan;
}

Run::Run(const Scenario& scenario, const StageFactory& factory, RunOptions options)
    : scenario_(scenario),
      options_(std::move(options)),
      stage_([&] {
        StagePlan plan = plan_of(scenario);
        plan.journal = [this](std::uint64_t, const trace::Entry& entry) {
          overflowed_ = overflowed_ || state_.steps() >= run_entries_max;
          if (!overflowed_) state_.take(entry);
        };
        return factory(std::move(plan));
      }()),
      actor_map_(*stage_),
      act_executor_(*stage_, actor_map_) {}

RunRecord Run::go() {
  if (auto started = stage_->start(); !started) stop(started.error(), {});
  began_ = stage_->now();
  for (const Statement& each : scenario_.statements) {
    if (stopped_) break;
    statement(each);
  }
  if (!stopped_) (void)settle(scenario_.setup.timeout);
  if (!stopped_ && stage_->failure()) stop({}, {});
  if (!stopped_) end_watches(nullptr);
  if (!stopped_ && reports_all(scenario_)) {
    for (const std::string& imbalance : state_.flow().imbalances())
      stop({EPROTO, "the bytes of a run do not add up", scenario_.name, imbalance,
            "this is an error of ringside: please report it, with --journal"},
           {});
  }
  if (record_.outcome == Outcome::passed && !record_.failures.empty()) record_.outcome = Outcome::failed;
  record_.began = began_;
  record_.ended = stage_->now();
  record_.process_warnings = stage_->warnings();
  record_.names = actor_map_.names();
  record_.names.emplace_back(trace::actor(Role::dom0), spelled(scenario_.setup.controller));
  record_.order = options_.order.tape();
  if (options_.at_end) options_.at_end(*stage_);
  record_.state = std::move(state_);
  return std::move(record_);
}

void Run::stop(Error error, const Span& line) {
  stopped_ = true;
  record_.outcome = Outcome::could_not_run;
  // An error of the stage takes precedence: an act that timed out may be a consequence of it.
  record_.error = stage_->failure().value_or(std::move(error));
  record_.error_line = line;
}

// -- time

bool Run::advance(Time until) {
  if (stopped_) return false;
  const bool went_on = stage_->advance(until);
  look_at_watches();
  if (overflowed_) {
    stop({EOVERFLOW, "the run was ended", scenario_.name,
          fmt::format("its journal has {} entries (run_entries_max)", run_entries_max), ""},
         {});
  } else if (++advances_ > run_advances_max) {
    stop({ELOOP, "the run was ended", scenario_.name,
          fmt::format("it took {} steps (run_advances_max)", run_advances_max), "is there a loop?"},
         {});
  } else if (!went_on || advances_ % advances_between_questions == 0) {
    ask_to_go_on();
  }
  return went_on && !stopped_;
}

void Run::wait_until(Time until) {
  while (stage_->now() < until && advance(until)) {
  }
}

bool Run::settle(Duration limit) {
  const bool quiet = stage_->settle(stage_->now() + scaled(limit));
  look_at_watches();
  if (!quiet) ask_to_go_on();
  return quiet;
}

void Run::ask_to_go_on() {
  if (stage_->failure()) return stop({}, {});
  if (!options_.give_up || !options_.give_up()) return;
  stop({ETIMEDOUT, "the run was ended", scenario_.name, "it took too long", "--timeout allows more"}, {});
}

Duration Run::limit_of(const Expect& expect) const {
  return scaled(expect.within.value_or(scenario_.setup.timeout));
}

Duration Run::scaled(Duration limit) const {
  return std::max(options_.limit_min, Duration(static_cast<Duration::rep>(static_cast<double>(limit.count()) *
                                                                          options_.time_scale)));
}

// -- statements

void Run::statement(const Statement& statement) {
  if (statement.when) {
    const Time since = statement.when->absolute ? began_ : stage_->now();
    wait_until(since + statement.when->delay);
    if (stopped_) return;
  }
  record_.starts.push_back({&statement, state_.steps(), stage_->now(), record_.failures.size()});
  std::visit(
      Visit{[&](const Act& each) { act(each, statement); },
            [&](const Expect& each) { expect(statement, each); },
            [&](const ExpectNo& each) { expect_no(statement, each); },
            [&](const Never& each) { watch(statement, each); }, [&](const Together& each) { together(each); },
            [&](const Phase& each) { end_watches(&each.title); }},
      statement.what);
}

void Run::act(const Act& act, const Statement& statement) {
  const Step before = state_.steps();
  auto done = act_executor_.carry_out(act, statement.span);
  if (const auto* life = std::get_if<Life>(&act)) input_begins(*life, before);
  if (const auto* connects = std::get_if<ClientConnects>(&act)) replies_begin(connects->client);
  look_at_watches();
  if (!done) return stop(done.error(), statement.span);
  ask_to_go_on();
}

/// Expectations about a client that has just connected apply to later replies: the replies to its connect
/// frames are skipped.
void Run::replies_begin(const Actor& client) {
  Pattern replies;
  replies.what = ReceivesReply{client, dom0::XCS_RSLT_OK};
  cursors_[cursor_key(replies)] = cursor_now(replies);
}

/// The program of a new domain has read nothing: forgets the input of an earlier domain with that id.
void Run::input_begins(const Life& life, Step before) {
  for (const Actor& domain : life.domains) {
    if (state_.page_since(domain.domain) <= before) continue;
    const std::string key = "bytes at " + spelled(domain);
    cursors_.erase(key);
    lost_places_.erase(key);
  }
}

void Run::together(const Together& block) {
  std::vector<const Statement*> acts;
  std::list<Wait> waits;
  for (const Statement& each : block.statements) {
    if (std::holds_alternative<Act>(each.what)) acts.push_back(&each);
  }
  for (std::size_t left = acts.size(); left > 0; --left) {
    const std::size_t chosen = options_.order.pick(static_cast<std::uint32_t>(left));
    const Statement& next = *acts[chosen];
    acts.erase(acts.begin() + static_cast<std::ptrdiff_t>(chosen));
    statement(next);
    if (stopped_) return;
  }
  std::vector<const Statement*> later;
  for (const Statement& each : block.statements) {
    const auto* expect = std::get_if<Expect>(&each.what);
    if (expect == nullptr) {
      if (!std::holds_alternative<Act>(each.what)) later.push_back(&each);
      continue;
    }
    if (expect->now || settles(expect->pattern) || each.when) {
      later.push_back(&each);
    } else if (!is_lost(expect->pattern)) {
      waits.push_back({&each, expect,
                       PatternSearch(expect->pattern, cursor_of(expect->pattern),
                                     {.patient = true, .ignores = &scenario_.setup.ignores}),
                       stage_->now() + limit_of(*expect)});
    }
  }
  wait_for(waits);
  // Expectations that need a settled machine, a time or `now`, and lines like `expect no`, are executed last.
  for (const Statement* each : later) {
    if (!stopped_) statement(*each);
  }
}

// -- expectations

void Run::expect(const Statement& statement, const Expect& expect) {
  if (is_lost(expect.pattern)) {
    ++record_.unjudged;
    return;
  }
  if (expect.now) return expect_now(statement, expect);
  if (settles(expect.pattern)) return expect_settled(statement, expect);
  std::list<Wait> waits;
  waits.push_back(
      {&statement, &expect,
       PatternSearch(expect.pattern, cursor_of(expect.pattern), {.ignores = &scenario_.setup.ignores}),
       stage_->now() + limit_of(expect)});
  wait_for(waits);
}

void Run::wait_for(std::list<Wait>& waits) {
  Claims claims;
  bool time_is_over = false;
  while (!stopped_ && look_at(waits, claims, time_is_over)) {
    const Time next = std::ranges::min_element(waits, {}, &Wait::deadline)->deadline;
    time_is_over = !advance(next);
  }
}

/// False when no expectation is open.
bool Run::look_at(std::list<Wait>& waits, Claims& claims, bool time_is_over) {
  for (auto each = waits.begin(); each != waits.end();) {
    const PatternSearch::Verdict verdict = each->seeker.look(observed(), claims);
    const bool late = time_is_over && each->deadline <= stage_->now();
    if (verdict == PatternSearch::Verdict::open && !late) {
      ++each;
      continue;
    }
    if (verdict == PatternSearch::Verdict::met) {
      each->seeker.claim(claims);
      met(each->seeker, each->expect->pattern, each->statement->span);
    } else {
      const auto kind =
          verdict == PatternSearch::Verdict::open ? Failure::Kind::missed : Failure::Kind::differs;
      Failure& failure = fail(kind, *each->statement, each->expect->pattern, each->seeker);
      if (kind == Failure::Kind::missed) limited(failure, *each->expect);
    }
    each = waits.erase(each);
  }
  return !waits.empty();
}

void Run::expect_now(const Statement& statement, const Expect& expect) {
  PatternSearch seeker(expect.pattern, cursor_of(expect.pattern), {.ignores = &scenario_.setup.ignores});
  const bool is_state = std::holds_alternative<RingState>(expect.pattern.what) ||
                        std::holds_alternative<CounterState>(expect.pattern.what);
  const bool holds =
      is_state ? seeker.holds_now(observed()) : seeker.look(observed()) == PatternSearch::Verdict::met;
  if (holds) return met(seeker, expect.pattern, statement.span);
  Failure& failure = fail(Failure::Kind::missed, statement, expect.pattern, seeker);
  failure.limit = Duration{0};
  failure.limit_line = expect.limit;
}

void Run::expect_settled(const Statement& statement, const Expect& expect) {
  const bool quiet = settle(expect.within.value_or(scenario_.setup.timeout));
  const PatternSearch seeker(expect.pattern, cursor_of(expect.pattern), {});
  if (quiet && seeker.holds_now(observed())) {
    met(seeker, expect.pattern, statement.span);
    cursors_[cursor_key(expect.pattern)].mark = {state_.steps(), whole_step};
    return;
  }
  const auto kind = quiet ? Failure::Kind::differs : Failure::Kind::unsettled;
  Failure& failure = fail(kind, statement, expect.pattern, seeker);
  if (!quiet) limited(failure, expect);
}

void Run::expect_no(const Statement& statement, const ExpectNo& none) {
  if (none.more && is_lost(none.pattern)) {
    ++record_.unjudged;
    return;
  }
  PatternSearch seeker(none.pattern, none.more ? cursor_of(none.pattern) : cursor_now(none.pattern),
                       {.anywhere = true, .ignores = &scenario_.setup.ignores});
  const Time until = stage_->now() + none.during;
  bool seen = seeker.look(observed()) == PatternSearch::Verdict::met;
  while (!seen && stage_->now() < until) {
    const bool went_on = advance(until);
    seen = seeker.look(observed()) == PatternSearch::Verdict::met;
    if (!went_on) break;
  }
  if (stopped_) return;
  if (!seen) {
    (void)settle(scenario_.setup.timeout);
    seen = seeker.look(observed()) == PatternSearch::Verdict::met;
  }
  if (seen) {
    fail(Failure::Kind::seen, statement, none.pattern, seeker);
  } else {
    ++record_.judged;
    record_.met.push_back(statement.span);
  }
}

// -- never

void Run::watch(const Statement& statement, const Never& never) {
  watches_.push_back({&statement, &never,
                      PatternSearch(never.pattern, cursor_now(never.pattern),
                                    {.anywhere = true, .ignores = &scenario_.setup.ignores})});
  look_at_watches();
}

void Run::look_at_watches() {
  for (auto each = watches_.begin(); each != watches_.end();) {
    if (each->seeker.look(observed()) != PatternSearch::Verdict::met) {
      ++each;
      continue;
    }
    fail(Failure::Kind::seen, *each->statement, each->never->pattern, each->seeker);
    each = watches_.erase(each);
  }
}

/// Ends the watches that hold until that phase; without a phase, all.
void Run::end_watches(const std::string* phase) {
  for (auto each = watches_.begin(); each != watches_.end();) {
    if (phase != nullptr && each->never->until_phase != *phase) {
      ++each;
      continue;
    }
    ++record_.judged;
    record_.met.push_back(each->statement->span);
    if (!each->seeker.has_entry_of_subject(observed())) {
      record_.warnings.push_back(
          {each->never->pattern.subject, "this was not tested: the run has no event there"});
    }
    each = watches_.erase(each);
  }
}

// -- records

Cursor Run::cursor_now(const Pattern& pattern) const {
  Cursor cursor;
  cursor.mark = {state_.steps(), whole_step};
  const auto* shows = std::get_if<Shows>(&pattern.what);
  const auto* bytes = std::get_if<BytesAt>(&pattern.what);
  if (shows != nullptr) cursor.count = bytes_at(observed(), shows->place).size();
  if (bytes != nullptr) cursor.count = bytes_at(observed(), bytes->place).size();
  if (const auto* reply = std::get_if<ReceivesReply>(&pattern.what)) {
    if (auto frames = stage_->client_received(reply->client.name, Lane::control))
      cursor.count = frames->size();
    if (auto frames = stage_->client_received(reply->client.name, Lane::data))
      cursor.data_count = frames->size();
  }
  return cursor;
}

/// Whether the bytes cannot be judged, since earlier bytes at that place were wrong.
bool Run::is_lost(const Pattern& pattern) const {
  const auto* shows = std::get_if<Shows>(&pattern.what);
  if (shows != nullptr && shows->payload.kind == Payload::Kind::regex) return false;
  return lost_places_.contains(cursor_key(pattern));
}

void Run::met(const PatternSearch& seeker, const Pattern& pattern, const Span& line) {
  ++record_.judged;
  record_.met.push_back(line);
  Cursor& cursor = cursors_[cursor_key(pattern)];
  const Cursor& reached = seeker.cursor();
  cursor.mark = std::max(cursor.mark, reached.mark);
  cursor.count = std::max(cursor.count, reached.count);
  cursor.data_count = std::max(cursor.data_count, reached.data_count);
  cursor.by = line;
}

Failure& Run::fail(Failure::Kind kind, const Statement& statement, const Pattern& pattern,
                   const PatternSearch& seeker) {
  ++record_.judged;
  Failure failure;
  failure.kind = kind;
  failure.statement = &statement;
  failure.pattern = &pattern;
  failure.marked = pattern.subject;
  if (kind != Failure::Kind::seen) {
    if (const Span wrong = seeker.wrong_part(observed()); !wrong.nowhere()) failure.marked = wrong;
    if (std::holds_alternative<Shows>(pattern.what)) lost_places_.insert(cursor_key(pattern));
  }
  failure.instead = seeker.instead(observed());
  failure.focus = seeker.nearest(observed());
  failure.step = state_.last_step();
  failure.time = stage_->now() - began_;
  failure.circumstances = act_executor_.circumstances();
  if (const auto* expect = std::get_if<Expect>(&statement.what)) failure.label = expect->label;
  record_.failures.push_back(std::move(failure));
  return record_.failures.back();
}

void Run::limited(Failure& failure, const Expect& expect) {
  failure.limit = limit_of(expect);
  failure.limit_line = expect.within ? expect.limit : scenario_.setup.timeout_span;
}

}  // namespace ringside::script
