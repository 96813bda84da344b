// The earliest time of each line: the pauses and the times of `expect no` above it. And what an `ignore` line
// skips.
#include "emu/script/timing.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <type_traits>

namespace ringside::script {

namespace {

using trace::Role;

std::string milliseconds(Duration duration) {
  return fmt::format("{:g}ms", static_cast<double>(duration.count()) / 1e6);
}

class Times {
 public:
  explicit Times(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void statements(const std::vector<Statement>& all) {
    for (const Statement& each : all) {
      if (each.when) begins(*each.when);
      if (const auto* together = std::get_if<Together>(&each.what)) statements(together->statements);
      if (const auto* none = std::get_if<ExpectNo>(&each.what)) past_ += none->during;
    }
  }

 private:
  void begins(const When& when) {
    if (!when.absolute) {
      past_ += when.delay;
    } else if (when.delay >= past_) {
      past_ = when.delay;
    } else {
      diagnostics_.error(
          "E046", when.span, "this time has passed when the line is reached",
          fmt::format("the lines above take {} at least; `after` counts from the previous line",
                      milliseconds(past_)));
    }
  }

  Diagnostics& diagnostics_;
  Duration past_{};
};

// -- ignore

/// The expectations that search the same entries have the same text. (`forwards` searches both frames and
/// slots.)
std::string looks_at(const Pattern& pattern) {
  const auto of = [](std::string_view what, const Actor& who) {
    return fmt::format("{} of {}", what, spelled(who));
  };
  const auto at = [](const Place& place) {
    return fmt::format("bytes at {} {} {}", static_cast<int>(place.kind), spelled(place.actor), place.name);
  };
  return std::visit(
      [&](const auto& each) -> std::string {
        using What = std::remove_cvref_t<decltype(each)>;
        if constexpr (std::is_same_v<What, Sends> || std::is_same_v<What, Forwards> ||
                      std::is_same_v<What, SlotWritten>) {
          return of("messages", each.who);
        } else if constexpr (std::is_same_v<What, Shows> || std::is_same_v<What, BytesAt>) {
          return at(each.place);
        } else if constexpr (std::is_same_v<What, EventRaised>) {
          return of("events", each.from);
        } else if constexpr (std::is_same_v<What, ReceivesVirq>) {
          return of("virqs", each.client);
        } else if constexpr (std::is_same_v<What, Receives> || std::is_same_v<What, TakesEvent> ||
                             std::is_same_v<What, IndexMoved> || std::is_same_v<What, Refuses> ||
                             std::is_same_v<What, Says>) {
          return of(std::to_string(pattern.what.index()), each.who);
        } else if constexpr (std::is_same_v<What, QuirkBites>) {
          return "quirks";
        } else {
          return "";  // states, counters, replies, ends: nothing is skipped there
        }
      },
      pattern.what);
}

bool is_looked_at(const std::vector<Statement>& statements, const std::string& what) {
  return std::ranges::any_of(statements, [&](const Statement& each) {
    if (const auto* together = std::get_if<Together>(&each.what))
      return is_looked_at(together->statements, what);
    if (const auto* expect = std::get_if<Expect>(&each.what)) return looks_at(expect->pattern) == what;
    if (const auto* none = std::get_if<ExpectNo>(&each.what)) return looks_at(none->pattern) == what;
    const auto* never = std::get_if<Never>(&each.what);
    return never != nullptr && looks_at(never->pattern) == what;
  });
}

}  // namespace

void check_times(const Scenario& scenario, Diagnostics& diagnostics) {
  Times(diagnostics).statements(scenario.statements);
}

void check_ignores(const Scenario& scenario, Diagnostics& diagnostics) {
  for (const Pattern& each : scenario.setup.ignores) {
    const std::string what = looks_at(each);
    if (!what.empty() && is_looked_at(scenario.statements, what)) continue;
    diagnostics.warning("W010", each.span, "this `ignore` has no effect",
                        what.empty() ? "only entries of the journal and bytes can be skipped"
                                     : "no expectation looks at such entries: leave it out");
  }
}

}  // namespace ringside::script
