// Describes what occurred in place of what an expectation searched for.
#include <fmt/format.h>

#include <algorithm>

#include "emu/dom0/xcs/xcs_proto.h"
#include "emu/script/pattern_search.h"
#include "emu/trace/text.h"

namespace ringside::script {

namespace {

using trace::Role;

std::string quoted_text(std::string_view bytes) {
  return trace::quoted({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

std::string indices_text(const RingState& state, const State::RingPoint& point) {
  std::string text;
  for (const IndexTest& test : state.tests)
    text += fmt::format("{}{} {}", text.empty() ? "" : " ", spelled(test.index), point.at(test.index));
  return text;
}

std::string replies_text(const Observed& observed, const ReceivesReply& reply, const Cursor& from) {
  std::string text;
  for (const Lane lane : {Lane::control, Lane::data}) {
    auto frames = observed.stage.client_received(reply.client.name, lane);
    if (!frames) continue;
    const std::vector<dom0::XcsMessage>& all = *frames;
    for (std::size_t at = lane == Lane::control ? from.count : from.data_count; at < all.size(); ++at) {
      if (is_reply(all[at]))
        text += fmt::format("{}{}", text.empty() ? "it received " : ", ",
                            xcs_result_name(all[at].result, "an unknown result"));
    }
  }
  std::string closed;
  for (const Lane lane : {Lane::control, Lane::data}) {
    if (observed.stage.client_cut_off(reply.client.name, lane))
      closed +=
          fmt::format("{}{}", closed.empty() ? "" : " and ", lane == Lane::control ? "control" : "data");
  }
  if (text.empty()) text = "no reply came";
  return closed.empty() ? text : fmt::format("{}; xcs has closed its {} connection", text, closed);
}

/// The actor that a pattern is about; empty: none.
std::optional<Actor> subject_of(const Pattern& pattern) {
  using Maybe = std::optional<Actor>;
  const auto domain = [](std::uint32_t number) { return Actor{Role::domain, number, "", {}}; };
  return std::visit(
      Visit{[&](const Shows& each) -> Maybe {
              return each.place.kind == Place::Kind::uart ? Actor{Role::uart, 0, "", {}} : each.place.actor;
            },
            [&](const BytesAt& each) -> Maybe {
              return each.place.kind == Place::Kind::uart ? Actor{Role::uart, 0, "", {}} : each.place.actor;
            },
            [](const Receives& each) -> Maybe { return each.who; },
            [](const ReceivesReply& each) -> Maybe { return each.client; },
            [](const ReceivesVirq& each) -> Maybe { return each.client; },
            [](const IsCutOff& each) -> Maybe { return each.who; },
            [](const Sends& each) -> Maybe { return each.who; },
            [](const Forwards& each) -> Maybe { return each.who; },
            [](const ForwardsCount& each) -> Maybe { return each.who; },
            [](const EventRaised& each) -> Maybe { return each.from; },
            [](const TakesEvent& each) -> Maybe { return each.who; },
            [](const SlotWritten& each) -> Maybe { return each.who; },
            [](const IndexMoved& each) -> Maybe { return each.who; },
            [](const Refuses& each) -> Maybe { return each.who; },
            [](const Says& each) -> Maybe { return each.who; }, [](const QuirkBites&) -> Maybe { return {}; },
            [&](const RingState& each) -> Maybe { return domain(each.ring.domain); },
            [](const CounterState& each) -> Maybe { return each.actor; },
            [](const CounterChanges& each) -> Maybe { return each.actor; }},
      pattern.what);
}

bool is_of_bytes(const Pattern& pattern) {
  return std::holds_alternative<Shows>(pattern.what) || std::holds_alternative<BytesAt>(pattern.what);
}

}  // namespace

std::string PatternSearch::instead(const Observed& observed) const {
  if (const auto* shows = std::get_if<Shows>(&pattern_.what)) return bytes_instead(observed, *shows);
  if (const auto* any = std::get_if<BytesAt>(&pattern_.what)) {
    const std::string_view all = bytes_at(observed, any->place);
    const std::string_view came = all.substr(std::min(from_.count, all.size()));
    return fmt::format("{} byte{}{}", came.size(), came.size() == 1 ? " " : "s ", quoted_text(came));
  }
  if (const auto* count = std::get_if<ForwardsCount>(&pattern_.what))
    return fmt::format("it forwarded {} real and {} stale ones of {} and {}", real_, stale_, count->real,
                       count->stale);
  if (const auto* ring = std::get_if<RingState>(&pattern_.what)) {
    const auto& now = observed.state.ring(ring->ring.domain, ring->ring.ring).back();
    return fmt::format("{} {}", ring->settles ? "settled at" : "is at", indices_text(*ring, now));
  }
  if (const auto* state = std::get_if<CounterState>(&pattern_.what)) {
    const auto now = counter_at(observed.state, observed.state.steps(), state->actor, state->counter,
                                state->of, observed.actor_map);
    return fmt::format("{} {}", state->settles ? "settled at" : "is", now);
  }
  if (const auto* changes = std::get_if<CounterChanges>(&pattern_.what)) {
    const auto before = counter_at(observed.state, from_.mark.step, changes->actor, changes->counter,
                                   changes->of, observed.actor_map);
    const auto now = counter_at(observed.state, observed.state.steps(), changes->actor, changes->counter,
                                changes->of, observed.actor_map);
    return before == now ? fmt::format("it stayed {}", now)
                         : fmt::format("it went from {} to {}", before, now);
  }
  if (const auto* reply = std::get_if<ReceivesReply>(&pattern_.what))
    return replies_text(observed, *reply, from_);
  if (std::holds_alternative<IsCutOff>(pattern_.what))
    return decided_ == 0 ? "the connection is still open" : "the connection was closed";
  return entry_instead(observed);
}

std::string PatternSearch::bytes_instead(const Observed& observed, const Shows& shows) const {
  const std::string_view stream = bytes_at(observed, shows.place);
  const std::string_view rest = stream.substr(std::min(begin_, stream.size()));
  if (rest.empty()) return stream.empty() ? "nothing came" : "nothing more came";
  if (how_.anywhere || shows.payload.kind == Payload::Kind::regex)
    return fmt::format("the bytes that came do not contain it: {}", quoted_text(rest));
  const std::string_view agrees = rest.substr(0, agrees_);
  const std::string_view differs = rest.substr(agrees_);
  if (differs.empty())
    return fmt::format("{} of {} bytes came, and no more", agrees.size(), shows.payload.size());
  if (agrees.empty()) return fmt::format("the next bytes are {}", quoted_text(differs));
  return fmt::format("{} bytes are right, then {} follows in place of {}", agrees.size(),
                     quoted_text(differs.substr(0, 16)),
                     quoted_text(std::string(1, shows.payload.unit[agrees_ % shows.payload.unit.size()])));
}

PatternSearch::Likely PatternSearch::likely(const Observed& observed) const {
  Likely found;
  if (Matcher::by_taking(pattern_)) {
    const auto& receives = std::get<Receives>(pattern_.what);
    for (const State::Taken& each : observed.state.taken()) {
      if (!observed.actor_map.is(receives.who, each.by)) continue;
      const bool response = each.use == trace::SlotUse::response;
      if (each.mark < from_.mark) {
        if (matcher_.matches(each, observed.state, observed.actor_map)) found.early = each.mark.step;
      } else if (each.written != 0 && response == receives.message.response) {
        found.near = each.written;
      }
    }
    return found;
  }
  for (Step step = 1; Matcher::by_entry(pattern_) && step <= observed.state.steps(); ++step) {
    if (!matcher_.same_sort(observed.state, step, observed.actor_map)) continue;
    if (Mark{step, whole_step} > from_.mark) {
      found.near = step;
    } else if (matcher_.matches(observed.state, step, observed.actor_map)) {
      found.early = step;
    }
  }
  return found;
}

Step PatternSearch::nearest(const Observed& observed) const {
  if (decided_ != 0) return decided_;
  const Likely found = likely(observed);
  return found.near != 0 ? found.near : found.early;
}

std::string PatternSearch::entry_instead(const Observed& observed) const {
  if (decided_ != 0) return fmt::format("step {}", decided_);
  const auto [near, early] = likely(observed);
  if (near != 0) return fmt::format("the nearest was step {}", near);
  if (early != 0 && !from_.by.nowhere())
    return fmt::format("it came at step {}, before the entry that met line {}", early, from_.by.line);
  return "nothing of the kind came";
}

Span PatternSearch::wrong_part(const Observed& observed) const {
  const auto* state = std::get_if<RingState>(&pattern_.what);
  if (state == nullptr) return {};
  const auto& now = observed.state.ring(state->ring.domain, state->ring.ring).back();
  for (const IndexTest& test : state->tests) {
    if (!holds(now.at(test.index), test.compare, test.number)) return test.span;
  }
  return {};
}

bool PatternSearch::has_entry_of_subject(const Observed& observed) const {
  const std::optional<Actor> subject = subject_of(pattern_);
  for (Step step = from_.mark.step + 1; step <= observed.state.steps(); ++step) {
    const trace::Entry& entry = observed.state.at(step);
    if (entry.kind == trace::Kind::mask_changed) continue;
    // "No bytes come" is tested by any other entry.
    if (!subject || is_of_bytes(pattern_)) return true;
    if (observed.actor_map.is(*subject, entry.actor) || observed.actor_map.is(*subject, entry.peer))
      return true;
    if (subject->role == Role::domain && entry.domain == subject->domain) return true;
  }
  return false;
}

}  // namespace ringside::script
