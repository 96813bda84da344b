// Draws a plan from a seed, and describes its steps in words.
#include "tools/chaos/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "emu/base/choice.h"

namespace ringside::chaos {

namespace {

enum class About : std::uint8_t { machine, domain, amount, both };

struct StepKind {
  StepAction what;
  std::uint32_t weight;
  std::uint32_t amount_max;
  About about;
  const char* text;  ///< {0} the domain, {1} the amount, {2} the console daemon, {3} dom0's end of channels
};

constexpr std::array kinds = {
    StepKind{StepAction::print, 24, 2000, About::both, "dom{0} prints {1} bytes"},
    StepKind{StepAction::type, 16, 600, About::both, "the user of dom{0} types {1} bytes"},
    StepKind{StepAction::create, 6, 0, About::domain, "dom{0} is created"},
    StepKind{StepAction::viewer_connects, 10, 0, About::domain, "a user connects to dom{0}"},
    StepKind{StepAction::viewer_leaves, 5, 0, About::domain, "the user of dom{0} leaves"},
    StepKind{StepAction::viewer_ends_typing, 2, 0, About::domain,
             "the user of dom{0} ends typing: shuts down the sending side"},
    StepKind{StepAction::viewer_stops_reading, 3, 0, About::domain, "the user of dom{0} stops reading"},
    StepKind{StepAction::viewer_reads, 4, 0, About::domain, "the user of dom{0} reads again"},
    StepKind{StepAction::program_ends, 2, 0, About::domain, "the program of dom{0} ends"},
    StepKind{StepAction::guest_killed, 1, 0, About::domain, "dom{0} is killed"},
    StepKind{StepAction::destroy, 1, 0, About::domain, "dom{0} is destroyed"},
    StepKind{StepAction::pause, 2, 0, About::domain, "dom{0} is paused"},
    StepKind{StepAction::unpause, 4, 0, About::domain, "dom{0} is unpaused"},
    StepKind{StepAction::guest_stops_taking, 2, 0, About::domain, "dom{0} takes no requests"},
    StepKind{StepAction::guest_takes, 3, 0, About::domain, "dom{0} takes requests again"},
    StepKind{StepAction::suspend, 3, 0, About::domain, "dom{0} is suspended"},
    StepKind{StepAction::resume, 4, 0, About::domain, "dom{0} is resumed"},
    StepKind{StepAction::kill_xcs, 6, 0, About::machine, "xcs is killed"},
    StepKind{StepAction::kill_console_daemon, 6, 0, About::machine, "{2} is killed"},
    StepKind{StepAction::stop_xcs, 2, 0, About::machine, "xcs is stopped"},
    StepKind{StepAction::stop_console_daemon, 2, 0, About::machine, "{2} is stopped"},
    StepKind{StepAction::start_xcs, 12, 0, About::machine, "xcs is started or continues"},
    StepKind{StepAction::start_console_daemon, 12, 0, About::machine, "{2} is started or continues"},
    StepKind{StepAction::lose_events, 2, 3, About::both, "{1} events between dom{0} and {3} are lost"},
    StepKind{StepAction::delay_events, 2, 5, About::both, "{1} events between dom{0} and {3} are late"},
    StepKind{StepAction::double_events, 2, 5, About::both, "{1} events between dom{0} and {3} come twice"},
    StepKind{StepAction::late_bytes, 2, 20, About::amount, "{1} frames between xcs and xend are late"},
    StepKind{StepAction::heal, 4, 0, About::machine, "events and frames are on time again"},
    StepKind{StepAction::half_session, 2, 0, About::machine, "a client opens half a session"},
    StepKind{StepAction::half_frame, 2, 79, About::amount, "a client sends {1} bytes of a frame"},
    StepKind{StepAction::unreading_client, 2, 0, About::domain,
             "a client binds all of dom{0}, and does not read"},
    StepKind{StepAction::clients_leave, 2, 0, About::machine, "the clients leave"},
    StepKind{StepAction::accepts_fail, 2, 4, About::amount,
             "{1} connections cannot be accepted for lack of memory"},
    StepKind{StepAction::xcs_no_descriptors, 1, 0, About::machine, "xcs has no descriptor left"},
    StepKind{StepAction::console_daemon_no_descriptors, 1, 0, About::machine, "{2} has no descriptor left"},
    StepKind{StepAction::disk_full, 1, 0, About::machine, "the disk is full"},
    StepKind{StepAction::resources_return, 4, 0, About::machine, "there are descriptors and disk again"},
    StepKind{StepAction::clock_jumps, 1, 3600, About::amount, "the clock jumps by {1} s"},
};

const StepKind& kind_of(StepAction what) {
  return *std::ranges::find(kinds, what, &StepKind::what);
}

const StepKind& drawn(Choice& choice) {
  std::uint32_t all = 0;
  for (const StepKind& each : kinds) all += each.weight;
  std::uint32_t left = choice.pick(all);
  for (const StepKind& each : kinds) {
    if (left < each.weight) return each;
    left -= each.weight;
  }
  return kinds.front();
}

}  // namespace

Plan plan_of(std::uint64_t seed, std::size_t length) {
  Choice choice = Choice::seeded(seed);
  // The first two steps give the faults something to disturb.
  Plan plan = {{StepAction::create, 1, 0, 0}, {StepAction::viewer_connects, 1, 0, 0}};
  while (plan.size() < length) {
    const StepKind& kind = drawn(choice);
    PlanStep step{kind.what, 1 + choice.pick(domains_max), 0, 0};
    if (kind.amount_max != 0) step.amount = 1 + choice.pick(kind.amount_max);
    // One print in a hundred exceeds every buffer.
    if (kind.what == StepAction::print && choice.chance(1)) step.amount *= 60;
    // Most steps come in the middle of earlier work; a few come after it is done.
    step.then_us = choice.pick(choice.chance(5) ? 1'000'000 : 200);
    plan.push_back(step);
  }
  return plan;
}

std::string text_of(const PlanStep& step, script::Dom0 dom0) {
  const script::Daemon keeper = script::console_keeper(dom0);
  const bool xend = keeper == script::Daemon::xend;
  return fmt::format("{}, then {} us",
                     fmt::format(fmt::runtime(kind_of(step.what).text), step.domain, step.amount,
                                 script::name_of(keeper), xend ? "xcs" : script::name_of(keeper)),
                     step.then_us);
}

}  // namespace ringside::chaos
