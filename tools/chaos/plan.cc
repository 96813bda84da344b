// Draws a plan from a seed, and describes its steps in words.
#include "tools/chaos/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "emu/base/choice.h"

namespace ringside::chaos {

namespace {

enum class About : std::uint8_t { machine, domain, amount, both };

struct Sort {
  What what;
  std::uint32_t weight;
  std::uint32_t amount_max;
  About about;
  const char* text;  ///< {0} the domain, {1} the amount
};

constexpr std::array sorts = {
    Sort{What::print, 24, 2000, About::both, "dom{0} prints {1} bytes"},
    Sort{What::type, 16, 600, About::both, "the user of dom{0} types {1} bytes"},
    Sort{What::create, 6, 0, About::domain, "dom{0} is created"},
    Sort{What::viewer_comes, 10, 0, About::domain, "a user connects to dom{0}"},
    Sort{What::viewer_leaves, 5, 0, About::domain, "the user of dom{0} leaves"},
    Sort{What::viewer_looks_away, 3, 0, About::domain, "the user of dom{0} stops reading"},
    Sort{What::viewer_looks, 4, 0, About::domain, "the user of dom{0} reads again"},
    Sort{What::program_ends, 2, 0, About::domain, "the program of dom{0} ends"},
    Sort{What::guest_killed, 1, 0, About::domain, "dom{0} is killed"},
    Sort{What::destroy, 1, 0, About::domain, "dom{0} is destroyed"},
    Sort{What::pause, 2, 0, About::domain, "dom{0} is paused"},
    Sort{What::resume, 4, 0, About::domain, "dom{0} continues"},
    Sort{What::guest_deaf, 2, 0, About::domain, "dom{0} takes no requests"},
    Sort{What::guest_listens, 3, 0, About::domain, "dom{0} takes requests again"},
    Sort{What::suspend, 3, 0, About::domain, "dom{0} is suspended"},
    Sort{What::wake, 4, 0, About::domain, "dom{0} is resumed"},
    Sort{What::kill_xcs, 6, 0, About::machine, "xcs is killed"},
    Sort{What::kill_xend, 6, 0, About::machine, "xend is killed"},
    Sort{What::stop_xcs, 2, 0, About::machine, "xcs is stopped"},
    Sort{What::stop_xend, 2, 0, About::machine, "xend is stopped"},
    Sort{What::start_xcs, 12, 0, About::machine, "xcs is started or continues"},
    Sort{What::start_xend, 12, 0, About::machine, "xend is started or continues"},
    Sort{What::lose_events, 2, 3, About::both, "{1} events between dom{0} and xcs are lost"},
    Sort{What::delay_events, 2, 5, About::both, "{1} events between dom{0} and xcs are late"},
    Sort{What::double_events, 2, 5, About::both, "{1} events between dom{0} and xcs come twice"},
    Sort{What::late_bytes, 2, 20, About::amount, "{1} frames between xcs and xend are late"},
    Sort{What::heal, 4, 0, About::machine, "events and frames are on time again"},
    Sort{What::half_session, 2, 0, About::machine, "a client opens half a session"},
    Sort{What::half_frame, 2, 79, About::amount, "a client sends {1} bytes of a frame"},
    Sort{What::deaf_client, 2, 0, About::domain, "a client wants all of dom{0}, and does not read"},
    Sort{What::clients_leave, 2, 0, About::machine, "the clients leave"},
    Sort{What::accepts_fail, 2, 4, About::amount, "{1} connections cannot be accepted for lack of memory"},
    Sort{What::xcs_no_descriptors, 1, 0, About::machine, "xcs has no descriptor left"},
    Sort{What::xend_no_descriptors, 1, 0, About::machine, "xend has no descriptor left"},
    Sort{What::disk_full, 1, 0, About::machine, "the disk is full"},
    Sort{What::plenty, 4, 0, About::machine, "there are descriptors and disk again"},
    Sort{What::clock_jumps, 1, 3600, About::amount, "the clock jumps by {1} s"},
};

const Sort& sort_of(What what) {
  return *std::ranges::find(sorts, what, &Sort::what);
}

const Sort& drawn(Choice& choice) {
  std::uint32_t all = 0;
  for (const Sort& each : sorts) all += each.weight;
  std::uint32_t left = choice.pick(all);
  for (const Sort& each : sorts) {
    if (left < each.weight) return each;
    left -= each.weight;
  }
  return sorts.front();
}

}  // namespace

Plan plan_of(std::uint64_t seed, std::size_t length) {
  Choice choice = Choice::seeded(seed);
  // The first two steps give the faults something to disturb.
  Plan plan = {{What::create, 1, 0, 0}, {What::viewer_comes, 1, 0, 0}};
  while (plan.size() < length) {
    const Sort& sort = drawn(choice);
    Happening happening{sort.what, 1 + choice.pick(domains_max), 0, 0};
    if (sort.amount_max != 0) happening.amount = 1 + choice.pick(sort.amount_max);
    // One print in a hundred exceeds every buffer.
    if (sort.what == What::print && choice.chance(1)) happening.amount *= 60;
    // Most steps come in the middle of earlier work; a few come after it is done.
    happening.then_us = choice.pick(choice.chance(5) ? 1'000'000 : 200);
    plan.push_back(happening);
  }
  return plan;
}

std::string text_of(const Happening& happening) {
  const Sort& sort = sort_of(happening.what);
  return fmt::format("{}, then {} us",
                     fmt::format(fmt::runtime(sort.text), happening.domain, happening.amount),
                     happening.then_us);
}

}  // namespace ringside::chaos
