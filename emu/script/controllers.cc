// Chooses the controller, and finds the words of the other period in one pass over a run's statements.
#include "emu/script/controllers.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "emu/script/vocabulary.h"

namespace ringside::script {

namespace {

using trace::Role;

struct OfPeriod {
  Span span;
  std::string what;  ///< "dom1.out is a ring of today's console"
  std::string hint;
};
/// The words that belong to one period, each in the order of the lines.
struct Periods {
  std::vector<OfPeriod> of_2005;
  std::vector<OfPeriod> of_today;
};

class PeriodSearch {
 public:
  Periods run(const Scenario& scenario) {
    for (const Pattern& each : scenario.setup.ignores) pattern(each);
    statements(scenario.statements);
    return std::move(found_);
  }

 private:
  void statements(const std::vector<Statement>& all) {
    for (const Statement& each : all) {
      if (const auto* together = std::get_if<Together>(&each.what)) statements(together->statements);
      if (const auto* act = std::get_if<Act>(&each.what))
        std::visit([this](const auto& what) { this->act(what); }, *act);
      if (const auto* expect = std::get_if<Expect>(&each.what)) pattern(expect->pattern);
      if (const auto* none = std::get_if<ExpectNo>(&each.what)) pattern(none->pattern);
      if (const auto* never = std::get_if<Never>(&each.what)) pattern(never->pattern);
    }
  }

  void act(const auto& act) {
    using What = std::remove_cvref_t<decltype(act)>;
    if constexpr (requires { act.ring; }) ring(act.ring);
    if constexpr (std::is_same_v<What, Throttles>) {
      of_2005(act.domain.span, "XOFF and XON belong to the console of 2005",
              "dom1 stops reading: its terminal is full, and the bytes wait in dom1.in");
    } else if constexpr (std::is_same_v<What, Answering>) {
      if (act.who.role == Role::domain)
        of_2005(act.who.span, "answers belong to the console of 2005",
                "bytes have no answers: dom1 stops reading, or xenconsoled stalls");
    }
  }

  void pattern(const Pattern& pattern) {
    std::visit([this](const auto& what) { this->expected(what); }, pattern.what);
  }

  void expected(const auto& expected) {
    using What = std::remove_cvref_t<decltype(expected)>;
    if constexpr (requires { expected.ring; }) ring(expected.ring);
    if constexpr (requires { expected.place; }) {
      const Place& place = expected.place;
      if (place.kind == Place::Kind::ring) ring({place.actor.domain, place.ring, place.span});
    } else if constexpr (std::is_same_v<What, Receives>) {
      if (expected.who.role == Role::domain)
        of_2005(expected.message.span, "messages belong to the console of 2005",
                "bytes come without messages: expect dom1 reads \"hello\"");
    } else if constexpr (requires { expected.counter; }) {
      const CounterAbout* about = find_counter(expected.actor.role, expected.counter);
      if (expected.actor.role == Role::domain && about != nullptr && about->of_messages)
        of_2005(
            expected.actor.span,
            fmt::format("{}.{} counts for the console of 2005", spelled(expected.actor), expected.counter),
            "dom1 refuses indices that are impossible: expect dom1 refuses \"impossible\"");
    }
  }

  void ring(const RingRef& ring) {
    const std::string name = fmt::format("dom{}.{}", ring.domain, spelled(ring.ring));
    if (holds_bytes(ring.ring)) {
      found_.of_today.push_back({ring.span, name + " is a ring of today's console",
                                 "a line should say: controller xenconsoled; or it is dom1.tx or dom1.rx"});
    } else {
      of_2005(ring.span, name + " is a ring of the console of 2005",
              "today's rings hold bytes: dom1.out, what the guest prints, and dom1.in, what is typed");
    }
  }

  void of_2005(const Span& span, std::string what, std::string hint) {
    found_.of_2005.push_back({span, std::move(what), std::move(hint)});
  }

  Periods found_;
};

void report_period(const Periods& periods, Controller controller, Diagnostics& diagnostics) {
  const bool today = controller == Controller::xenconsoled;
  for (const OfPeriod& each : today ? periods.of_2005 : periods.of_today) {
    diagnostics.error("E040", each.span,
                      fmt::format("{}, which {} does not serve", each.what, spelled(controller)), each.hint);
  }
}

void warn_of_quirks(const Setup& setup, Diagnostics& diagnostics) {
  if (setup.controller == Controller::xcs) return;
  const auto warn = [&](const std::string& what) {
    diagnostics.warning("W004", setup.title_span, what,
                        fmt::format("dom0's end is {} in this scenario", spelled(setup.controller)));
  };
  for (const QuirkAbout& each : quirks_known) {
    if (!setup.quirks.has(each.quirk)) continue;
    if (each.process != "domu") {
      warn(fmt::format("the quirk {} belongs to {}, which does not run here", each.name, each.process));
    } else if (setup.controller == Controller::xenconsoled) {
      warn(fmt::format("the quirk {} belongs to the guests of 2005", each.name));
    }
  }
  if (setup.answer == Answer::xcs) warn("xcs does not run here, so it answers nothing");
}

}  // namespace

void Controllers::named(Role role, const Span& span) {
  const auto note = [&](Controller meant) {
    Span& at = named_at_[static_cast<std::size_t>(meant)];
    if (at.nowhere()) at = span;
  };
  if (role == Role::xcs || role == Role::xend || role == Role::client) note(Controller::xcs);
  if (role == Role::xenctld) note(Controller::xenctld);
  if (role == Role::xenconsoled) note(Controller::xenconsoled);
}

/// The one that the scenario sets, or else the first that a line names. A ring of bytes names xenconsoled.
/// All lines must mean that one.
void Controllers::decide(Scenario& scenario, Diagnostics& diagnostics) const {
  Setup& setup = scenario.setup;
  const Periods periods = PeriodSearch().run(scenario);
  const Span of_today = periods.of_today.empty() ? Span{} : periods.of_today.front().span;
  const auto at = [this](Controller each) { return named_at_[static_cast<std::size_t>(each)]; };
  constexpr std::array all{Controller::xcs, Controller::xenctld, Controller::xenconsoled};
  if (!setup.says_controller) {
    const auto implied_at = [&](Controller each) {
      const bool implied = each == Controller::xenconsoled && !of_today.nowhere();
      return implied && (at(each).nowhere() || of_today < at(each)) ? of_today : at(each);
    };
    setup.controller = *std::ranges::min_element(all, [&](Controller one, Controller other) {
      const Span its = implied_at(one);
      return !its.nowhere() && (implied_at(other).nowhere() || its < implied_at(other));
    });
  }
  for (const Controller other : all) {
    if (other == setup.controller || at(other).nowhere()) continue;
    diagnostics.error("E040", at(other),
                      fmt::format("{} and {} in one scenario", spelled(setup.controller), spelled(other)),
                      "dom0's end is xcs with xend, or xenctld, or xenconsoled; make it two scenarios");
  }
  report_period(periods, setup.controller, diagnostics);
  warn_of_quirks(setup, diagnostics);
}

}  // namespace ringside::script
