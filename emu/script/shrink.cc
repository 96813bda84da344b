// Delta debugging on the tree of a scenario.
#include "emu/script/shrink.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace ringside::script {

namespace {

/// Of more statements than these, pairs are too many to be tried.
constexpr std::size_t pairs_tried_of_max = 40;

class Shrinker {
 public:
  Shrinker(Scenario scenario, const StillFails& still_fails, std::size_t attempts_max)
      : best_(std::move(scenario)), still_fails_(still_fails), attempts_max_(attempts_max) {}

  Shrunk run() {
    for (bool smaller = true; smaller && !spent();) {
      smaller = fewer_statements();
      smaller = open_blocks() || smaller;
      smaller = smaller_settings() || smaller;
      smaller = smaller_statements() || smaller;
      smaller = smaller || fewer_pairs();
    }
    const bool finished = !spent();
    return {std::move(best_), attempts_, finished};
  }

 private:
  [[nodiscard]] bool spent() const { return attempts_ >= attempts_max_; }

  /// Keeps `candidate` if it fails too.
  bool accept(Scenario candidate) {
    if (spent()) return false;
    ++attempts_;
    const auto seed = still_fails_(candidate);
    if (!seed) return false;
    candidate.setup.seeds = {*seed, *seed};
    best_ = std::move(candidate);
    return true;
  }

  /// Chunks of half of them, of a quarter ... of one.
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

  /// What is printed and what is expected of it go together or not at all.
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

  /// The lines of a block in its place, or one of them less.
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
      for (std::size_t line = inner.size(); line-- > 0 && inner.size() > 1;) {
        Scenario fewer = best_;
        auto& lines = std::get<Together>(fewer.statements[at].what).statements;
        if (lines.size() <= 1) break;
        lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(line));
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
    for (std::size_t at = best_.setup.ignores.size(); at-- > 0;) {
      Scenario candidate = best_;
      candidate.setup.ignores.erase(candidate.setup.ignores.begin() + static_cast<std::ptrdiff_t>(at));
      any = accept(std::move(candidate)) || any;
    }
    return any;
  }

  bool smaller_statements() {
    bool any = false;
    for (std::size_t at = 0; at < best_.statements.size() && !spent(); ++at) {
      if (best_.statements[at].when) {
        Scenario candidate = best_;
        candidate.statements[at].when.reset();
        any = accept(std::move(candidate)) || any;
      }
      if (!std::holds_alternative<Act>(best_.statements[at].what)) continue;
      any = fewer_domains(at) || any;
      any = shorter_payload(at) || any;
      any = fewer_faults(at) || any;
    }
    return any;
  }

  bool fewer_domains(std::size_t at) {
    bool any = false;
    const auto* life = std::get_if<Life>(&std::get<Act>(best_.statements[at].what));
    for (std::size_t number = life == nullptr ? 0 : life->domains.size(); number-- > 0;) {
      Scenario candidate = best_;
      auto& domains = std::get<Life>(std::get<Act>(candidate.statements[at].what)).domains;
      if (domains.size() <= 1) break;
      domains.erase(domains.begin() + static_cast<std::ptrdiff_t>(number));
      any = accept(std::move(candidate)) || any;
    }
    return any;
  }

  static Payload* payload_of(Statement& statement) {
    Act& act = std::get<Act>(statement.what);
    if (auto* prints = std::get_if<Prints>(&act)) return &prints->payload;
    if (auto* logs = std::get_if<Logs>(&act)) return &logs->payload;
    if (auto* types = std::get_if<Types>(&act)) return &types->payload;
    return nullptr;
  }

  /// By bisection: half of it, three quarters ...
  bool shorter_payload(std::size_t at) {
    const Payload* payload = payload_of(best_.statements[at]);
    if (payload == nullptr || payload->kind != Payload::Kind::exact) return false;
    bool any = false;
    std::uint64_t too_short = 0;
    while (payload_of(best_.statements[at])->repeated_bytes - too_short > 1 && !spent()) {
      const std::uint64_t bytes = (too_short + payload_of(best_.statements[at])->repeated_bytes) / 2;
      Scenario candidate = best_;
      Payload& shorter = *payload_of(candidate.statements[at]);
      shorter.repeated_bytes = bytes;
      if (shorter.unit.size() > bytes) shorter.unit.resize(bytes);
      if (accept(std::move(candidate))) {
        any = true;
      } else {
        too_short = bytes;
      }
    }
    return any;
  }

  bool fewer_faults(std::size_t at) {
    const auto* fault = std::get_if<Fault>(&std::get<Act>(best_.statements[at].what));
    if (fault == nullptr || (fault->which == Fault::Which::next && fault->number == 1)) return false;
    Scenario candidate = best_;
    auto& rarer = std::get<Fault>(std::get<Act>(candidate.statements[at].what));
    rarer.number = rarer.which == Fault::Which::next ? rarer.number / 2 : 1;
    rarer.which = Fault::Which::next;
    return accept(std::move(candidate));
  }

  Scenario best_;
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
