// Delta debugging on the tree of a scenario.
#include "emu/script/shrink.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "emu/script/check.h"
#include "emu/script/lines.h"

namespace ringside::script {

namespace {

/// With more statements, trying all pairs takes too long.
constexpr std::size_t pairs_tried_of_max = 40;

/// A longer text is compared with expected texts, but not searched for in them.
constexpr std::uint64_t tied_text_bytes_max = 4096;

/// A text in a line, and the message to which it belongs, if any.
struct Text {
  Payload* payload = nullptr;
  Message* message = nullptr;

  void set(const Payload& text) const {
    if (message != nullptr && message->length_min && *message->length_min == payload->size() &&
        *message->length_max == payload->size()) {
      message->length_min = message->length_max = static_cast<std::uint8_t>(text.size());
    }
    payload->unit = text.unit;
    payload->repeated_bytes = text.repeated_bytes;
  }
};

Text text_in(Message& message) {
  return message.payload ? Text{&*message.payload, &message} : Text{};
}

/// The text that an act prints, types or sends.
Text text_of(Act& act) {
  if (auto* prints = std::get_if<Prints>(&act)) return {&prints->payload};
  if (auto* logs = std::get_if<Logs>(&act)) return {&logs->payload};
  if (auto* types = std::get_if<Types>(&act)) return {&types->payload};
  if (auto* sends = std::get_if<ClientSends>(&act)) return text_in(sends->message);
  if (auto* writes = std::get_if<WritesSlot>(&act)) return text_in(writes->message);
  return {};
}

Text text_of(Pattern& pattern) {
  if (auto* shows = std::get_if<Shows>(&pattern.what)) return {&shows->payload};
  if (auto* receives = std::get_if<Receives>(&pattern.what)) return text_in(receives->message);
  if (auto* sends = std::get_if<Sends>(&pattern.what)) return text_in(sends->message);
  if (auto* forwards = std::get_if<Forwards>(&pattern.what)) return text_in(forwards->message);
  if (auto* written = std::get_if<SlotWritten>(&pattern.what)) return text_in(written->message);
  return {};
}

Pattern* pattern_of(Statement& statement) {
  if (auto* expect = std::get_if<Expect>(&statement.what)) return &expect->pattern;
  if (auto* none = std::get_if<ExpectNo>(&statement.what)) return &none->pattern;
  if (auto* never = std::get_if<Never>(&statement.what)) return &never->pattern;
  return nullptr;
}

bool same_text(const Payload& one, const Payload& other) {
  if (one.size() != other.size()) return false;
  if (one.unit == other.unit) return true;
  return one.size() <= tied_text_bytes_max && one.bytes() == other.bytes();
}

/// The first `bytes` of `text`.
Payload cut(const Payload& text, std::uint64_t bytes) {
  Payload shorter = text;
  shorter.repeated_bytes = bytes;
  if (shorter.unit.size() > bytes) shorter.unit.resize(bytes);
  return shorter;
}

/// `expected` after `whole` was shortened to `shorter` where it is printed; empty if `expected` does not
/// contain it.
std::optional<Payload> cut_with(const Payload& expected, const Payload& whole, const Payload& shorter) {
  if (expected.kind == Payload::Kind::regex) return {};
  if (expected.kind == Payload::Kind::exact && same_text(expected, whole)) return shorter;
  if (std::max<std::uint64_t>(expected.size(), whole.size()) > tied_text_bytes_max) return {};
  Payload with = expected;
  if (expected.kind == Payload::Kind::prefix) {
    if (!whole.bytes().starts_with(expected.unit)) return {};
    with.unit.resize(std::min<std::uint64_t>(with.unit.size(), shorter.size()));
    return with;
  }
  with.unit = expected.bytes();
  const std::size_t at = with.unit.find(whole.bytes());
  if (at == std::string::npos) return {};
  with.unit.replace(at, whole.size(), shorter.size() == 0 ? "" : shorter.bytes());
  with.repeated_bytes = with.unit.size();
  return with;
}

/// Errors of the checks, and their warnings about expectations of an observer that has left.
using DiagnosticSet = std::set<std::pair<std::string_view, Span>>;

DiagnosticSet diagnostics_of(Scenario& scenario) {
  Diagnostics diagnostics;
  check(scenario, diagnostics);
  DiagnosticSet found;
  for (const Diagnostic& each : diagnostics.all()) {
    if (each.severity == Severity::error || each.code == "W006") found.emplace(each.code, each.span);
  }
  return found;
}

class Shrinker {
 public:
  Shrinker(Scenario scenario, const StillFails& still_fails, std::size_t attempts_max)
      : best_(std::move(scenario)), still_fails_(still_fails), attempts_max_(attempts_max) {
    known_ = diagnostics_of(best_);
  }

  Shrunk run() {
    for (bool smaller = true; smaller && !spent();) {
      smaller = fewer_statements();
      smaller = open_blocks() || smaller;
      smaller = smaller_settings() || smaller;
      smaller = smaller_lines() || smaller;
      smaller = smaller || fewer_pairs();
    }
    const bool finished = !spent();
    return {std::move(best_), attempts_, finished};
  }

 private:
  [[nodiscard]] bool spent() const { return attempts_ >= attempts_max_; }

  /// Removes lines that make no sense in `candidate`, and keeps it if it fails, too.
  bool accept(Scenario candidate) {
    if (spent() || !make_sound(candidate)) return false;
    ++attempts_;
    const auto seed = still_fails_(candidate);
    if (!seed) return false;
    candidate.setup.seeds = {*seed, *seed};
    best_ = std::move(candidate);
    return true;
  }

  /// Removes lines that have an error because a line that they need was removed: acts of a user that no
  /// longer connects, of a domain that is no longer booted. False if errors remain.
  [[nodiscard]] bool make_sound(Scenario& candidate) const {
    for (;;) {
      std::set<std::pair<std::uint32_t, std::uint32_t>> wrong;
      for (const auto& each : diagnostics_of(candidate)) {
        if (!known_.contains(each)) wrong.emplace(each.second.source, each.second.line);
      }
      if (wrong.empty()) return candidate.setup.controller == best_.setup.controller;
      const std::size_t erased = erase_lines(candidate, [&](const Statement& each) {
        return wrong.contains({each.span.source, each.span.line});
      });
      if (erased == 0) return false;
    }
  }

  /// Removes a half of the statements at a time, then a quarter, ... then one.
  bool fewer_statements() {
    bool any = false;
    for (std::size_t chunk = std::max<std::size_t>(best_.statements.size() / 2, 1); !spent(); chunk /= 2) {
      for (std::size_t at = 0; at < best_.statements.size() && !spent();) {
        Scenario candidate = best_;
        const auto begin = candidate.statements.begin() + static_cast<std::ptrdiff_t>(at);
        const auto left = static_cast<std::size_t>(candidate.statements.end() - begin);
        candidate.statements.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(chunk, left)));
        if (accept(std::move(candidate))) {
          any = true;
        } else {
          at += chunk;
        }
      }
      if (chunk <= 1) break;
    }
    return any;
  }

  /// Removes pairs of lines, of which neither can be removed alone.
  bool fewer_pairs() {
    if (best_.statements.size() > pairs_tried_of_max) return false;
    bool any = false;
    for (std::size_t one = 0; one < best_.statements.size(); ++one) {
      for (std::size_t other = one + 1; other < best_.statements.size() && !spent(); ++other) {
        Scenario candidate = best_;
        candidate.statements.erase(candidate.statements.begin() + static_cast<std::ptrdiff_t>(other));
        candidate.statements.erase(candidate.statements.begin() + static_cast<std::ptrdiff_t>(one));
        if (!accept(std::move(candidate))) continue;
        any = true;
        other = one;
      }
    }
    return any;
  }

  /// Replaces a block by its lines, or removes one of its lines.
  bool open_blocks() {
    bool any = false;
    for (std::size_t at = 0; at < best_.statements.size() && !spent(); ++at) {
      const auto* block = std::get_if<Together>(&best_.statements[at].what);
      if (block == nullptr) continue;
      Scenario opened = best_;
      const std::vector<Statement> inner = block->statements;
      const auto place = opened.statements.erase(opened.statements.begin() + static_cast<std::ptrdiff_t>(at));
      opened.statements.insert(place, inner.begin(), inner.end());
      if (accept(std::move(opened))) {
        any = true;
        continue;
      }
      for (const Statement& each : inner) {
        Scenario fewer = best_;
        const LineId line = id_of(each);
        if (erase_lines(fewer, [&](const Statement& other) { return id_of(other) == line; }) != 0)
          any = accept(std::move(fewer)) || any;
      }
    }
    return any;
  }

  bool smaller_settings() {
    bool any = false;
    for (const QuirkAbout& each : quirks_known) {
      if (!best_.setup.quirks.has(each.quirk)) continue;
      Scenario candidate = best_;
      candidate.setup.quirks = {};
      for (const QuirkAbout& other : quirks_known) {
        if (other.quirk != each.quirk && best_.setup.quirks.has(other.quirk))
          candidate.setup.quirks.set(other.quirk);
      }
      any = accept(std::move(candidate)) || any;
    }
    if (best_.setup.answer == Answer::xcs) {
      Scenario candidate = best_;
      candidate.setup.answer = Answer::xend;
      any = accept(std::move(candidate)) || any;
    }
    for (std::size_t at = best_.setup.ignores.size(); at-- > 0;) {
      Scenario candidate = best_;
      candidate.setup.ignores.erase(candidate.setup.ignores.begin() + static_cast<std::ptrdiff_t>(at));
      any = accept(std::move(candidate)) || any;
    }
    return any;
  }

  /// Line `at` of the smallest scenario so far; null if it has fewer lines.
  Statement* line(std::size_t at) {
    const auto all = lines_of(best_);
    return at < all.size() ? all[at] : nullptr;
  }
  /// That line, if it is an act of this type.
  template <class What>
  What* act(std::size_t at) {
    Statement* found = line(at);
    auto* what = found == nullptr ? nullptr : std::get_if<Act>(&found->what);
    return what == nullptr ? nullptr : std::get_if<What>(what);
  }
  /// A copy of the smallest scenario so far, with another act as its line `at`.
  Scenario with(std::size_t at, Act act) const {
    Scenario candidate = best_;
    lines_of(candidate)[at]->what = std::move(act);
    return candidate;
  }

  bool smaller_lines() {
    bool any = false;
    for (std::size_t at = 0; line(at) != nullptr && !spent(); ++at) {
      if (line(at)->when) {
        Scenario candidate = best_;
        lines_of(candidate)[at]->when.reset();
        any = accept(std::move(candidate)) || any;
      }
      any = fewer_domains(at) || any;
      any = shorter_text(at) || any;
      any = fewer_faults(at) || any;
    }
    return any;
  }

  bool fewer_domains(std::size_t at) {
    bool any = false;
    const Life* first = act<Life>(at);
    for (std::size_t number = first == nullptr ? 0 : first->domains.size(); number-- > 0;) {
      const Life* life = act<Life>(at);
      if (life == nullptr || life->domains.size() <= std::max<std::size_t>(number, 1)) break;
      Life fewer = *life;
      fewer.domains.erase(fewer.domains.begin() + static_cast<std::ptrdiff_t>(number));
      any = accept(with(at, std::move(fewer))) || any;
    }
    return any;
  }

  /// The text of the act in that line; null if it has none.
  const Payload* text(std::size_t at) {
    Statement* found = line(at);
    auto* what = found == nullptr ? nullptr : std::get_if<Act>(&found->what);
    const Payload* payload = what == nullptr ? nullptr : text_of(*what).payload;
    return payload == nullptr || payload->kind != Payload::Kind::exact ? nullptr : payload;
  }

  /// Removes the line with its text; otherwise shortens the text by bisection, to a half, to three quarters,
  /// ... Lines that expect the text or count its bytes are changed, too.
  bool shorter_text(std::size_t at) {
    if (text(at) == nullptr) return false;
    if (cut_text(at, 0)) return true;
    bool any = false;
    std::uint64_t too_short = 0;
    while (text(at) != nullptr && text(at)->size() - too_short > 1 && !spent()) {
      const std::uint64_t bytes = (too_short + text(at)->size()) / 2;
      if (cut_text(at, bytes)) {
        any = true;
      } else {
        too_short = bytes;
      }
    }
    return any;
  }

  bool cut_text(std::size_t at, std::uint64_t bytes) {
    const Payload whole = *text(at);
    const Payload shorter = cut(whole, bytes);
    Scenario alone = best_;
    Statement& its_line = *lines_of(alone)[at];
    text_of(std::get<Act>(its_line.what)).set(shorter);
    Scenario tied = alone;
    std::vector<LineId> emptied;
    if (bytes == 0) emptied.push_back(id_of(its_line));
    bool changed = false;
    for (Statement* each : lines_of(tied)) {
      Pattern* pattern = pattern_of(*each);
      if (pattern == nullptr) continue;
      const Text expected = text_of(*pattern);
      auto* counter = std::get_if<CounterState>(&pattern->what);
      if (counter != nullptr && whole.size() > 1 && counter->number == whole.size()) {
        counter->number = bytes;
        changed = true;
      }
      const auto with =
          expected.payload == nullptr ? std::nullopt : cut_with(*expected.payload, whole, shorter);
      if (!with) continue;
      changed = true;
      if (with->unit.empty()) {
        emptied.push_back(id_of(*each));
      } else {
        expected.set(*with);
      }
    }
    erase_lines(tied, [&](const Statement& each) {
      return std::ranges::find(emptied, id_of(each)) != emptied.end();
    });
    // Removing the line alone was tried before.
    return (changed && accept(std::move(tied))) || (bytes != 0 && accept(std::move(alone)));
  }

  bool fewer_faults(std::size_t at) {
    const Fault* fault = act<Fault>(at);
    if (fault == nullptr || (fault->which == Fault::Which::next && fault->number == 1)) return false;
    Fault rarer = *fault;
    rarer.number = rarer.which == Fault::Which::next ? rarer.number / 2 : 1;
    rarer.which = Fault::Which::next;
    return accept(with(at, rarer));
  }

  Scenario best_;
  DiagnosticSet known_;  ///< about the scenario at the beginning
  const StillFails& still_fails_;
  std::size_t attempts_max_;
  std::size_t attempts_ = 0;
};

}  // namespace

Shrunk shrink(Scenario scenario, const StillFails& still_fails, std::size_t attempts_max) {
  return Shrinker(std::move(scenario), still_fails, attempts_max).run();
}

std::size_t size_of(const Scenario& scenario) {
  std::size_t lines = 0;
  for (const Statement& each : scenario.statements) {
    const auto* block = std::get_if<Together>(&each.what);
    lines += block == nullptr ? 1 : block->statements.size() + 2;
  }
  return lines;
}

}  // namespace ringside::script
