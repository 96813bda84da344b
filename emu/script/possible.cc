// Checks each act and each pattern alone: its numbers, lengths and quirks.
#include "emu/script/possible.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "emu/trace/text.h"
#include "ring/index.h"

namespace ringside::script {

namespace {

using trace::Role;

class PossibilityCheck {
 public:
  PossibilityCheck(const Scenario& scenario, Diagnostics& diagnostics)
      : scenario_(scenario), diagnostics_(diagnostics) {}

  void run() {
    indices_are_honest_ =
        std::ranges::none_of(
            quirks_known, [&](const QuirkAbout& each) { return scenario_.setup.quirks.has(each.quirk); }) &&
        !sets_indices(scenario_.statements);
    statements(scenario_.statements);
    golden();
  }

 private:
  static bool sets_indices(const std::vector<Statement>& statements) {
    return std::ranges::any_of(statements, [](const Statement& each) {
      if (const auto* together = std::get_if<Together>(&each.what)) return sets_indices(together->statements);
      const auto* act = std::get_if<Act>(&each.what);
      return act != nullptr && std::holds_alternative<SetsIndex>(*act);
    });
  }

  void statements(const std::vector<Statement>& statements) {
    for (const Statement& each : statements) {
      if (const auto* together = std::get_if<Together>(&each.what)) this->statements(together->statements);
      if (const auto* act = std::get_if<Act>(&each.what)) this->act(*act);
      if (const auto* expect = std::get_if<Expect>(&each.what)) {
        pattern(expect->pattern, true);
        bites(expect->pattern, "it cannot bite");
      }
      if (const auto* none = std::get_if<ExpectNo>(&each.what)) pattern(none->pattern, false);
      if (const auto* never = std::get_if<Never>(&each.what)) {
        pattern(never->pattern, false);
        bites(never->pattern, "a `never` proves nothing");
      }
    }
  }

  void golden() {
    const Setup& setup = scenario_.setup;
    const bool runs_plain = setup.seeds.first <= plain_seed && plain_seed <= setup.seeds.last;
    if (!setup.golden || (setup.sim && runs_plain)) return;
    diagnostics_.warning("W009", setup.title_span, "`golden` compares nothing: no simulated run has seed 1",
                         "a golden journal is of the plain order of events: seed 1, mode sim or both");
  }

  void act(const Act& act) {
    if (const auto* writes = std::get_if<WritesSlot>(&act)) message(writes->message);
    if (const auto* sends = std::get_if<ClientSends>(&act)) message(sends->message);
  }

  /// `wanted`: it is expected. An impossible pattern is no error where it is expected not to occur.
  void pattern(const Pattern& pattern, bool wanted) {
    std::visit(
        [&](const auto& each) {
          if constexpr (requires { each.message; }) message(each.message);
        },
        pattern.what);
    if (const auto* counter = std::get_if<CounterState>(&pattern.what))
      number(counter->compare, counter->number, std::numeric_limits<std::uint64_t>::max(), pattern.span);
    if (const auto* state = std::get_if<RingState>(&pattern.what)) {
      for (const IndexTest& each : state->tests)
        number(each.compare, each.number, std::numeric_limits<ring::Index>::max(), each.span);
      if (wanted) indices(*state);
    }
    if (const auto* count = std::get_if<ForwardsCount>(&pattern.what)) counts(*count, pattern.span);
    if (!wanted) return;
    if (const auto* moved = std::get_if<IndexMoved>(&pattern.what)) moves(*moved, pattern.span);
    if (const auto* written = std::get_if<SlotWritten>(&pattern.what)) written_by(*written);
  }

  /// Not for `expect no`: a test may show that a quirk that is off has no effect.
  void bites(const Pattern& pattern, std::string_view what) {
    const auto* bites = std::get_if<QuirkBites>(&pattern.what);
    if (bites == nullptr || scenario_.setup.quirks.has(bites->quirk)) return;
    const std::string_view name = about(bites->quirk).name;
    diagnostics_.warning("W007", pattern.subject, fmt::format("the quirk {} is off: {}", name, what),
                         fmt::format("leave it out, or turn it on: quirk {} on", name));
  }

  void message(const Message& message) {
    if (!message.payload || !message.length_max || message.payload->kind == Payload::Kind::regex) return;
    const std::uint64_t bytes = message.payload->kind == Payload::Kind::exact ? message.payload->size()
                                                                              : message.payload->unit.size();
    if (bytes <= *message.length_max) return;
    never(message.span, fmt::format("a length of {} with {} bytes", *message.length_max, bytes),
          "write bytes after the length like this: length 2 \"ab\" behind \"cd\"");
  }

  void number(Compare compare, std::uint64_t number, std::uint64_t most, const Span& span) {
    const bool at_lowest = holds(0, compare, number);
    const bool at_highest = holds(most, compare, number);
    const bool one_sided = compare != Compare::equal && compare != Compare::unequal;
    if (!one_sided || at_lowest != at_highest) return;
    if (at_lowest) {
      diagnostics_.warning("W008", span,
                           fmt::format("always true: every number is {} {}", spelled(compare), number),
                           "name the expected number");
    } else {
      never(span, fmt::format("no number is {} {}", spelled(compare), number), "numbers begin with 0");
    }
  }

  void indices(const RingState& state) {
    const auto is = [&](RingIndex name) -> const IndexTest* {
      const auto found = std::ranges::find_if(state.tests, [&](const IndexTest& each) {
        return each.index == name && each.compare == Compare::equal;
      });
      return found == state.tests.end() ? nullptr : &*found;
    };
    const auto names = indices_of(state.ring.ring);
    const std::string_view first = spelled(names.front());
    const std::uint32_t size = size_of(state.ring.ring);
    const IndexTest* ahead = is(names.front());
    if (ahead == nullptr || !indices_are_honest_) return;
    for (const RingIndex name : names.subspan(1)) {
      if (name == RingIndex::rsp_cons) continue;  // follows rsp_prod
      const IndexTest* behind = is(name);
      if (behind == nullptr || ring::distance(ahead->number, behind->number) <= size) continue;
      never(joined(std::min(ahead->span, behind->span), std::max(ahead->span, behind->span)),
            fmt::format("{} {} with {} {}", spelled(name), behind->number, first, ahead->number),
            fmt::format("it follows {}, by 0 to {}", first, size));
    }
  }

  void moves(const IndexMoved& moved, const Span& span) {
    if (!indices_are_honest_) return;
    const Role mover = mover_of(moved.index);
    if (holds_bytes(moved.ring.ring) && moved.who.role != mover) {
      return never(span, fmt::format("{} moves {}", spelled(moved.who), spelled(moved.index)),
                   fmt::format("{} moves it", mover == Role::domain ? fmt::format("dom{}", moved.ring.domain)
                                                                    : "xenconsoled"));
    }
    const std::uint32_t by = ring::distance(moved.to, moved.from);
    const std::uint32_t size = size_of(moved.ring.ring);
    if (by > 0 && by <= size) return;
    never(span, fmt::format("an index moves from {} to {}", moved.from, moved.to),
          fmt::format("it goes up, by 1 to {}", size));
  }

  void counts(const ForwardsCount& count, const Span& span) {
    if (count.real == 0 && count.stale == 0) {
      diagnostics_.error("E047", span, "it has forwarded 0 messages at once: this is always true",
                         "expect no xcs forwards request console from dom1 for 50ms");
    }
    if (count.from && count.from->role != Role::domain) {
      diagnostics_.error(
          "E047", count.from->span,
          fmt::format("{} has no ring: its messages are neither real nor stale", spelled(*count.from)),
          "real and stale are contents of a domain's slots: from dom1");
    }
  }

  void written_by(const SlotWritten& written) {
    const bool bounded = written.who.role == Role::xcs || written.who.role == Role::xenctld;
    if (!bounded || !written.message.length_min || *written.message.length_min <= ring::payload_bytes_max)
      return;
    never(written.message.span,
          fmt::format("{} writes a length of {}", spelled(written.who), *written.message.length_min),
          fmt::format("it limits lengths to {}", ring::payload_bytes_max));
  }

  void never(const Span& span, const std::string& what, const std::string& hint) {
    diagnostics_.error("E044", span, "this can never be: " + what, hint);
  }

  const Scenario& scenario_;
  Diagnostics& diagnostics_;
  bool indices_are_honest_ = true;
};

}  // namespace

void check_possible(const Scenario& scenario, Diagnostics& diagnostics) {
  PossibilityCheck(scenario, diagnostics).run();
}

}  // namespace ringside::script
