// One pass over a run's statements in order. It keeps the state of each domain, and the line that caused it.
//
// A line may end a domain without saying so: a request to power off, a forged page, a quirk. After it the
// state is not certain, and nothing is reported.
#include "emu/script/domain_states.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace ringside::script {

namespace {

using trace::Role;

class DomainStateCheck {
 public:
  DomainStateCheck(const Scenario& scenario, Diagnostics& diagnostics) : diagnostics_(diagnostics) {
    quirky_ = std::ranges::any_of(quirks_known, [&](const QuirkAbout& each) {
      return each.process == "domu" && scenario.setup.quirks.has(each.quirk);
    });
    statements(scenario.statements);
  }

 private:
  enum class State : std::uint8_t { created, running, suspended };
  struct Domain {
    State state = State::created;
    Span since;  ///< the line that caused the state
    bool is_certain = true;
    bool shell = false;  ///< what is typed may end its program
  };

  void statements(const std::vector<Statement>& all) {
    for (const Statement& each : all) {
      if (const auto* together = std::get_if<Together>(&each.what)) {
        // The order of the block's acts is not known.
        const bool outer = std::exchange(in_any_order_, true);
        statements(together->statements);
        in_any_order_ = outer;
      }
      if (const auto* act = std::get_if<Act>(&each.what))
        std::visit([&](const auto& what) { this->act(what, each.span); }, *act);
    }
  }

  void error(std::string_view code, const Span& at, const std::string& what, const std::string& hint) {
    if (!in_any_order_) diagnostics_.error(code, at, what, hint);
  }

  Domain* find(const Actor& domain) {
    const auto found = lives_.find(domain.domain);
    return domain.role != Role::domain || found == lives_.end() ? nullptr : &found->second;
  }

  /// The domain if it certainly is in that state.
  const Domain* is_certain(const Actor& domain, State state) {
    const Domain* its = find(domain);
    return its != nullptr && its->is_certain && !quirky_ && its->state == state ? its : nullptr;
  }

  void not_suspended(const Actor& domain, const Span& at) {
    const Domain* asleep = is_certain(domain, State::suspended);
    if (asleep == nullptr) return;
    error("E045", at, fmt::format("{} is suspended", spelled(domain)),
          fmt::format("line {} suspends it; a line before this one should say: xend resumes {}",
                      asleep->since.line, spelled(domain)));
  }

  void may_end(std::uint32_t domain) {
    if (const auto found = lives_.find(domain); found != lives_.end()) found->second.is_certain = false;
  }

  // -- acts that neither need a state nor change it
  void act(const auto&, const Span&) {}

  void act(const Life& life, const Span& line) {
    for (const Actor& domain : life.domains) {
      switch (life.verb) {
        case Life::Verb::creates:
          begins(domain, {State::created, line});
          break;
        case Life::Verb::boots:
          boots(domain);
          begins(domain, {State::running, line, true, life.shell});
          break;
        case Life::Verb::pauses:
        case Life::Verb::unpauses:
          not_suspended(domain, domain.span);
          break;
        case Life::Verb::kills:
          not_suspended(domain, domain.span);
          lives_.erase(domain.domain);
          break;
        case Life::Verb::destroys:
          lives_.erase(domain.domain);
          destroyed_.insert_or_assign(domain.domain, line);
          break;
      }
    }
  }

  void begins(const Actor& domain, const Domain& state) {
    destroyed_.erase(domain.domain);
    lives_.insert_or_assign(domain.domain, state);
  }

  void boots(const Actor& domain) {
    not_suspended(domain, domain.span);
    const Domain* running = is_certain(domain, State::running);
    if (running == nullptr) return;
    error("E041", domain.span, fmt::format("{} runs already", spelled(domain)),
          fmt::format("line {} boots it; a second domain needs another number", running->since.line));
  }

  void act(const Ends& ends, const Span&) {
    not_suspended(ends.domain, ends.domain.span);
    may_end(ends.domain.domain);
  }

  void act(const Suspension& suspension, const Span& line) {
    const Actor& domain = suspension.domain;
    if (suspension.suspends) {
      not_suspended(domain, domain.span);
    } else if (is_certain(domain, State::running) != nullptr ||
               is_certain(domain, State::created) != nullptr) {
      error("E045", domain.span, fmt::format("{} is not suspended", spelled(domain)),
            fmt::format("a line above should say: {} suspends {}", spelled(suspension.who), spelled(domain)));
    }
    Domain* its = find(domain);
    const State state = suspension.suspends ? State::suspended : State::running;
    if (its == nullptr || its->state == state) return;
    its->state = state;
    its->since = line;
  }

  // -- direct access to a page

  void act(const WritesSlot& writes, const Span&) { touches(writes.who, writes.ring); }
  void act(const SetsIndex& sets, const Span&) { touches(sets.who, sets.ring); }
  void act(const FillsRing& fills, const Span&) { touches(fills.who, fills.ring); }
  void act(const Notifies& notifies, const Span&) {
    not_suspended(notifies.who, notifies.who.span);
    not_suspended(notifies.peer, notifies.peer.span);
    page_exists(notifies.peer.domain, notifies.peer.span);
  }

  void touches(const Actor& who, const RingRef& ring) {
    const Actor domain{.role = Role::domain, .domain = ring.domain, .name = "", .span = {}};
    not_suspended(domain, ring.span);
    // For an act of the domain itself, check.cc reports this.
    if (who.role != Role::domain) page_exists(ring.domain, ring.span);
    may_end(ring.domain);
  }

  void page_exists(std::uint32_t domain, const Span& at) {
    const auto gone = destroyed_.find(domain);
    if (gone == destroyed_.end()) return;
    error("E030", at, fmt::format("dom{} does not exist any more, nor its page", domain),
          fmt::format("line {} destroys it", gone->second.line));
  }

  // -- lines that may end a domain

  void act(const ClientSends& sends, const Span&) { may_end(sends.domain.domain); }
  void act(const ClientSendsBytes&, const Span&) {
    for (auto& [id, domain] : lives_) domain.is_certain = false;
  }
  void act(const Types&, const Span&) {
    for (auto& [id, domain] : lives_) domain.is_certain = domain.is_certain && !domain.shell;
  }

  Diagnostics& diagnostics_;
  bool quirky_ = false;        ///< a quirk may end a guest
  bool in_any_order_ = false;  ///< within `together`
  std::map<std::uint32_t, Domain> lives_;
  std::map<std::uint32_t, Span> destroyed_;
};

}  // namespace

void check_domain_states(const Scenario& scenario, Diagnostics& diagnostics) {
  DomainStateCheck(scenario, diagnostics);
}

}  // namespace ringside::script
