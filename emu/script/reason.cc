// Compares failures: the line, the kind, the causes, and the events before it.
#include "emu/script/reason.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>
#include <utility>

#include "emu/dom0/xcs/xcs_proto.h"
#include "emu/script/check.h"
#include "emu/script/print.h"

namespace ringside::script {

namespace {

using trace::Entry;
using trace::Kind;
using trace::Role;

/// The messages that an entry is about. `none`: it is about the domain as a whole.
enum class Course : std::uint8_t { none, tx_requests, tx_responses, rx_requests, rx_responses };

/// The text without its numbers and quoted texts.
std::string shape_of(std::string_view text) {
  std::string shape;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (quoted && text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      quoted = !quoted;
    } else if (!quoted && std::isdigit(static_cast<unsigned char>(text[at])) == 0) {
      shape += text[at];
    }
  }
  return shape;
}

/// The number at the end of "settled at 17".
std::uint64_t last_number(std::string_view text) {
  return std::strtoull(std::string(text.substr(text.rfind(' ') + 1)).c_str(), nullptr, 10);
}

/// The kind of an entry with its actors, without its contents.
std::string sort_of(const Entry& entry) {
  const bool has_text = entry.kind == Kind::refused || entry.kind == Kind::counted ||
                        entry.kind == Kind::quirk || entry.kind == Kind::told;
  const bool moves =
      entry.kind == Kind::slot_written || entry.kind == Kind::frame_passed || entry.kind == Kind::frame_taken;
  const bool index = entry.kind == Kind::index_moved || entry.kind == Kind::byte_index_moved ||
                     entry.kind == Kind::byte_index_found || entry.kind == Kind::bytes_written ||
                     entry.kind == Kind::bytes_found;
  return fmt::format("{} {} {} {} {} {} {}", static_cast<int>(entry.kind), static_cast<int>(entry.actor.role),
                     static_cast<int>(entry.peer.role), static_cast<int>(entry.ring),
                     moves || index ? int{entry.detail} : 0, moves ? int{entry.message.type} : 0,
                     has_text ? shape_of(trace::words_of(entry)) : "");
}

Course course_of(const Entry& entry) {
  const bool tx = entry.ring == ring::Ring::tx;
  const auto of_ring = [&](bool request) {
    return tx ? (request ? Course::tx_requests : Course::tx_responses)
              : (request ? Course::rx_requests : Course::rx_responses);
  };
  switch (entry.kind) {
    case Kind::slot_written:
      return of_ring(static_cast<trace::SlotUse>(entry.detail) == trace::SlotUse::request);
    case Kind::index_moved: {
      const auto index = static_cast<trace::IndexName>(entry.detail);
      return of_ring(index == trace::IndexName::req_prod || index == trace::IndexName::req_cons);
    }
    case Kind::frame_passed:
    case Kind::frame_taken: {
      const trace::Actor sender = entry.kind == Kind::frame_passed ? entry.actor : entry.peer;
      const bool up = sender.role == Role::xcs;
      if (entry.detail == dom0::XCS_REQUEST) return up ? Course::tx_requests : Course::rx_requests;
      if (entry.detail == dom0::XCS_RESPONSE) return up ? Course::rx_responses : Course::tx_responses;
      return Course::none;
    }
    case Kind::bytes_passed: {
      const bool down =
          entry.actor.role == Role::user || entry.peer.role == Role::tty || entry.peer.role == Role::program;
      return down ? Course::rx_requests : Course::tx_requests;
    }
    case Kind::event_raised:
    case Kind::event_taken:
    case Kind::mask_changed:
    case Kind::bytes_written:
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
    case Kind::bytes_found:
    case Kind::refused:
    case Kind::counted:
    case Kind::quirk:
    case Kind::told:
      return Course::none;
  }
  return Course::none;
}

using MaybeDomain = std::optional<std::uint32_t>;

MaybeDomain domain_of(const Actor& actor) {
  return actor.role == Role::domain ? MaybeDomain(actor.domain) : MaybeDomain();
}

MaybeDomain domain_of(const std::optional<Actor>& actor) {
  return actor ? domain_of(*actor) : MaybeDomain();
}

MaybeDomain either(MaybeDomain one, MaybeDomain other) {
  return one ? one : other;
}

/// The domain whose console it is, by the lines that connect users and attach ptys.
MaybeDomain domain_of(const Place& place, const Scenario& scenario) {
  if (place.kind == Place::Kind::domain) return domain_of(place.actor);
  MaybeDomain found;
  for (const Statement* each : lines_of(scenario)) {
    const auto* act = std::get_if<Act>(&each->what);
    const auto* connects = act == nullptr ? nullptr : std::get_if<Connects>(act);
    const auto* handles = act == nullptr ? nullptr : std::get_if<HandlesPty>(act);
    if (place.kind == Place::Kind::user && connects != nullptr && connects->user == place.actor)
      found = domain_of(connects->domain);
    if (place.kind == Place::Kind::pty && handles != nullptr && handles->attaches &&
        (place.name.empty() || handles->name == place.name))
      found = domain_of(handles->domain);
  }
  return found;
}

/// The domain that a pattern is about; empty: none.
MaybeDomain domain_of(const Pattern& pattern, const Scenario& scenario) {
  return std::visit(
      Visit{[&](const Shows& each) { return domain_of(each.place, scenario); },
            [&](const BytesAt& each) { return domain_of(each.place, scenario); },
            [](const Receives& each) { return either(domain_of(each.who), domain_of(each.from)); },
            [](const ReceivesReply&) { return MaybeDomain(); },
            [](const ReceivesVirq&) { return MaybeDomain(); }, [](const IsCutOff&) { return MaybeDomain(); },
            [](const Sends& each) { return either(domain_of(each.who), domain_of(each.to)); },
            [](const Forwards& each) { return either(domain_of(each.from), domain_of(each.to)); },
            [](const ForwardsCount& each) { return either(domain_of(each.from), domain_of(each.to)); },
            [](const EventRaised& each) { return either(domain_of(each.from), domain_of(each.to)); },
            [](const TakesEvent& each) { return domain_of(each.who); },
            [](const SlotWritten& each) { return MaybeDomain(each.ring.domain); },
            [](const IndexMoved& each) { return MaybeDomain(each.ring.domain); },
            [](const Refuses& each) { return either(domain_of(each.who), domain_of(each.whom)); },
            [](const Says& each) { return domain_of(each.who); },
            [](const QuirkBites&) { return MaybeDomain(); },
            [](const RingState& each) { return MaybeDomain(each.ring.domain); },
            [](const CounterState& each) { return either(domain_of(each.actor), domain_of(each.of)); },
            [](const CounterChanges& each) { return either(domain_of(each.actor), domain_of(each.of)); }},
      pattern.what);
}

const Pattern* pattern_in(const Statement& statement) {
  const auto* expect = std::get_if<Expect>(&statement.what);
  return expect == nullptr ? nullptr : &expect->pattern;
}

/// The last step at which a line about the same subject had been met; 0: no line.
Step last_met(const RunRecord& record, const Failure& failure) {
  const std::string subject = cursor_key(*failure.pattern);
  Step since = 0;
  for (std::size_t at = 0; at < record.starts.size() && record.starts[at].statement != failure.statement;
       ++at) {
    const RunRecord::StatementStart& came = record.starts[at];
    const Pattern* pattern = pattern_in(*came.statement);
    const bool is_last = at + 1 == record.starts.size();
    const bool failed = !is_last && record.starts[at + 1].failures_before != came.failures_before;
    if (pattern != nullptr && !is_last && !failed && cursor_key(*pattern) == subject)
      since = record.starts[at + 1].after;
  }
  return since;
}

/// The sorts of entries about the failed line's subject, since the last line about it.
std::set<std::string> sorts_since(const RunRecord& record, const Failure& failure, const Scenario& scenario) {
  const auto domain = domain_of(*failure.pattern, scenario);
  const auto* shows = std::get_if<Shows>(&failure.pattern->what);
  const bool down = shows != nullptr && shows->place.kind == Place::Kind::domain;
  const Course course = shows == nullptr ? Course::none : down ? Course::rx_requests : Course::tx_requests;
  std::set<std::string> sorts;
  for (Step step = last_met(record, failure) + 1; step <= failure.step; ++step) {
    const Entry& entry = record.state.at(step);
    if ((domain && entry.domain != *domain) || entry.kind == Kind::mask_changed) continue;
    const Course its = course_of(entry);
    const bool is_event = entry.kind == Kind::event_raised || entry.kind == Kind::event_taken;
    if (course != Course::none && its != course && (its != Course::none || is_event)) continue;
    if (entry.kind != Kind::told) sorts.insert(sort_of(entry));
  }
  return sorts;
}

/// The kind of a failure, without texts and numbers.
std::string how(const Failure& failure, const RunRecord& record) {
  std::string shape = shape_of(failure.instead);
  const bool shows = std::holds_alternative<Shows>(failure.pattern->what);
  if (shows && (shape.starts_with("nothing ") || shape.ends_with("came, and no more"))) return "too few";
  if (shows || std::holds_alternative<BytesAt>(failure.pattern->what)) return shape;
  if (const auto* counter = std::get_if<CounterState>(&failure.pattern->what)) {
    const std::uint64_t number = last_number(failure.instead);
    return fmt::format("{}{}{}", shape, number < counter->number ? "less" : "more",
                       number == 0 ? ", none" : "");
  }
  if (shape.starts_with("the nearest was") || shape == "nothing of the kind came") return "none";
  const bool decided = failure.kind == Failure::Kind::differs || failure.kind == Failure::Kind::seen;
  return decided && failure.focus != 0 ? shape + sort_of(record.state.at(failure.focus)) : shape;
}

LineId line_of(const Failure& failure) {
  return id_of(*failure.statement);
}

bool is_fault(const Statement& statement) {
  const auto* act = std::get_if<Act>(&statement.what);
  return act != nullptr && std::holds_alternative<Fault>(*act);
}

/// A state that a line begins or ends.
struct StateChange {
  std::string state;
  bool begins = false;
};

std::vector<StateChange> changes_by(const Life& life) {
  const bool begins = life.verb == Life::Verb::pauses;
  if (!begins && life.verb != Life::Verb::unpauses) return {};
  std::vector<StateChange> changes;
  for (const Actor& domain : life.domains) changes.push_back({spelled(domain) + " is paused", begins});
  return changes;
}

std::vector<StateChange> changes_by(const Statement& statement) {
  using Changes = std::vector<StateChange>;
  const auto* act = std::get_if<Act>(&statement.what);
  if (act == nullptr) return {};
  return std::visit(
      Visit{[](const Life& each) { return changes_by(each); },
            [](const Runs& each) {
              return Changes{{spelled(each.who) + " does not run", each.verb != Runs::Verb::starts}};
            },
            [](const Suspension& each) {
              return Changes{{spelled(each.domain) + " is suspended", each.suspends}};
            },
            [](const Answering& each) {
              const bool usual = each.who.role != Role::client;
              return Changes{{spelled(each.who) + " answering", each.on != usual}};
            },
            [](const Reading& each) {
              return Changes{{spelled(each.who) + " not reading", !each.on}};
            },
            [](const Throttles& each) {
              return Changes{{spelled(each.domain) + " throttled", each.full}};
            },
            [](const HandlesPty& each) {
              return Changes{{"a pty of " + spelled(each.domain), each.attaches}};
            },
            [](const Connects& each) {
              return Changes{{spelled(each.user) + " connected", true}};
            },
            [](const Disconnects& each) {
              return Changes{{spelled(each.user) + " connected", false}};
            },
            [](const ClientConnects& each) {
              return Changes{{spelled(each.client) + " connected", true}};
            },
            [](const ClientCloses& each) {
              return Changes{{spelled(each.client) + " connected", false}};
            },
            [](const ClientChannel& each) {
              return Changes{{spelled(each.client) + " has " + spelled(each.domain), each.opens}};
            },
            [](const auto&) { return Changes{}; }},
      *act);
}

/// The lines that begin and end a state. One of them alone may be impossible without the other.
std::vector<std::pair<LineId, LineId>> pairs_in(const std::vector<const Statement*>& lines) {
  std::map<std::string, LineId> begun;
  std::vector<std::pair<LineId, LineId>> pairs;
  for (const Statement* each : lines) {
    for (const auto& [state, begins] : changes_by(*each)) {
      const auto beginning = begun.find(state);
      if (begins) {
        begun.insert_or_assign(state, id_of(*each));
      } else if (beginning != begun.end()) {
        pairs.emplace_back(beginning->second, id_of(*each));
        begun.erase(beginning);
      }
    }
  }
  return pairs;
}

bool is_sound(Scenario scenario) {
  Diagnostics diagnostics;
  check(scenario, diagnostics);
  return diagnostics.errors() == 0;
}

}  // namespace

Reason::Reason(const Scenario& scenario, std::uint64_t seed, const RunRecord& record,
               const ScenarioRunner& play, const std::function<bool()>& late)
    : play_(play), seed_(seed) {
  RS_CHECK(!record.failures.empty());
  const Failure& first = record.failures.front();
  line_ = line_of(first);
  kind_ = first.kind;
  how_ = how(first, record);
  const RunRecord* told = &record;
  RunRecord plain;
  if (seed != plain_seed) {
    plain = play_(scenario, plain_seed);
    if (is_met(plain)) causes_.push_back({Cause::Kind::order});
    if (fails_alike(plain)) {
      seed_ = plain_seed;
      told = &plain;
    }
  }
  for (const Failure& each : told->failures) failing_.push_back(line_of(each));
  find_causes(scenario, late);
  if (causes_.empty()) sorts_ = sorts_since(*told, *failure_in(*told), scenario);
}

/// Unless the seed is the plain one, removing a line also changes what the seed chooses. So lines are removed
/// in the plain order only.
void Reason::find_causes(const Scenario& scenario, const std::function<bool()>& late) {
  const auto add_if_met = [&](Cause cause) {
    if (!late() && is_met_without(scenario, cause, seed_)) causes_.push_back(std::move(cause));
  };
  const std::vector<const Statement*> all = lines_of(scenario);
  if (std::ranges::any_of(all, [](const Statement* each) { return is_fault(*each); }))
    add_if_met({Cause::Kind::faults});
  const Quirks& quirks = scenario.setup.quirks;
  if (std::ranges::any_of(quirks_known, [&](const QuirkAbout& each) { return quirks.has(each.quirk); }))
    add_if_met({Cause::Kind::quirks});
  if (scenario.setup.answer == Answer::xcs) add_if_met({Cause::Kind::early_answers});
  if (seed_ != plain_seed) return;
  for (const Statement* each : all) {
    if (id_of(*each) != line_) add_if_met({Cause::Kind::lines, {id_of(*each)}});
  }
  for (const auto& [begins, ends] : pairs_in(all)) {
    if (!has_line(begins) && !has_line(ends)) add_if_met({Cause::Kind::lines, {begins, ends}});
  }
}

/// Whether that line is a cause, alone or with another one.
bool Reason::has_line(const LineId& line) const {
  return std::ranges::any_of(
      causes_, [&](const Cause& each) { return std::ranges::find(each.lines, line) != each.lines.end(); });
}

const Failure* Reason::failure_in(const RunRecord& record) const {
  const auto found =
      std::ranges::find_if(record.failures, [&](const Failure& each) { return line_of(each) == line_; });
  return found == record.failures.end() ? nullptr : &*found;
}

bool Reason::fails_alike(const RunRecord& record) const {
  const Failure* failure = record.outcome == Outcome::failed ? failure_in(record) : nullptr;
  return failure != nullptr && failure->kind == kind_ && how(*failure, record) == how_;
}

bool Reason::is_met(const RunRecord& record) const {
  return record.outcome != Outcome::could_not_run && failure_in(record) == nullptr &&
         std::ranges::find(record.met, line_.span) != record.met.end();
}

bool Reason::is_met_without(const Scenario& scenario, const Cause& cause, std::uint64_t seed) const {
  Scenario without = scenario;
  switch (cause.kind) {
    case Cause::Kind::order:
      return is_met(play_(scenario, plain_seed));
    case Cause::Kind::faults:
      if (erase_lines(without, is_fault) == 0) return false;
      break;
    case Cause::Kind::quirks:
      without.setup.quirks = {};
      break;
    case Cause::Kind::early_answers:
      without.setup.answer = Answer::xend;
      break;
    case Cause::Kind::lines:
      erase_lines(without, [&](const Statement& each) {
        return std::ranges::find(cause.lines, id_of(each)) != cause.lines.end();
      });
      break;
  }
  return is_sound(without) && is_met(play_(without, seed));
}

bool Reason::holds_for(const Scenario& candidate, std::uint64_t seed) const {
  if (find_line(candidate, line_) == nullptr) return false;
  for (const Cause& each : causes_) {
    for (const LineId& line : each.lines) {
      if (find_line(candidate, line) == nullptr) return false;
    }
  }
  const RunRecord record = play_(candidate, seed);
  if (!fails_alike(record)) return false;
  for (const Failure& each : record.failures) {
    if (std::ranges::find(failing_, line_of(each)) == failing_.end()) return false;
  }
  if (causes_.empty()) return sorts_since(record, *failure_in(record), candidate) == sorts_;
  return std::ranges::all_of(causes_,
                             [&](const Cause& each) { return is_met_without(candidate, each, seed); });
}

bool Reason::depends_on_order() const {
  return std::ranges::any_of(causes_, [](const Cause& each) { return each.kind == Cause::Kind::order; });
}

std::string Reason::line_in(const Scenario& candidate) const {
  const Statement* line = find_line(candidate, line_);
  return line == nullptr ? "" : written(*line);
}

std::vector<std::string> Reason::met(const Scenario& candidate) const {
  std::vector<std::string> words;
  for (const Cause& each : causes_) {
    switch (each.kind) {
      case Cause::Kind::order:
        words.emplace_back("in the plain order of events");
        break;
      case Cause::Kind::faults:
        words.emplace_back("without faults");
        break;
      case Cause::Kind::quirks:
        words.emplace_back("without quirks");
        break;
      case Cause::Kind::early_answers:
        words.emplace_back("without early answers");
        break;
      case Cause::Kind::lines: {
        std::string lines;
        for (const LineId& id : each.lines) {
          if (const Statement* line = find_line(candidate, id))
            lines += (lines.empty() ? "" : "; ") + written(*line);
        }
        if (!lines.empty())
          words.push_back(fmt::format("without the line{}: {}", each.lines.size() == 1 ? "" : "s", lines));
        break;
      }
    }
  }
  return words;
}

}  // namespace ringside::script
