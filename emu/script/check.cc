// One pass over a run's statements in order. It keeps the existing domains, the connected users, and the
// names of ptys.
#include "emu/script/check.h"
#include "emu/script/parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "emu/script/connections.h"
#include "emu/script/controllers.h"
#include "emu/script/match.h"
#include "emu/script/neighbours.h"
#include "emu/script/suggest.h"

namespace ringside::script {

namespace {

using trace::Role;

class Checker {
 public:
  Checker(Scenario& scenario, Diagnostics& diagnostics)
      : scenario_(scenario), diagnostics_(diagnostics), connections_(diagnostics) {}

  void run();

 private:
  void gather(const std::vector<Statement>& statements);
  void statements(const std::vector<Statement>& statements);
  void statement(const Statement& statement);
  void act(const Act& act, const Span& line);
  void pattern(const Pattern& pattern, bool anywhere);
  void life(const Life& life, const Span& line);
  void types(const Types& types);

  void actor(const Actor& actor, bool anywhere = false);
  void actor(const std::optional<Actor>& actor, bool anywhere) {
    if (actor) this->actor(*actor, anywhere);
  }
  void place(const Place& place, bool anywhere);
  void ring(const RingRef& ring, bool anywhere);
  void pty(const std::string& name, const Span& span, bool anywhere);
  void event(const Actor& from, const Actor& to);
  void message(const Actor& from, const Actor& to);
  void label(const std::string& name, const Span& span);
  void domain(std::uint32_t number, const Span& span, bool anywhere);
  void appears(const Actor& domain);
  void gather(const Act& act, const Span& line);
  void present(const Actor& actor);
  void acts(const Actor& domain);
  void is_gone(const Actor& domain, const Span& line);
  void acts_as_user(const Actor& user);
  void receives(const Actor& client, bool anywhere);
  void expectations();

  Scenario& scenario_;
  Diagnostics& diagnostics_;
  std::set<std::uint32_t> alive_;       ///< domains that were created, destroyed ones included
  std::set<std::uint32_t> at_once_;     ///< of those, the ones that were neither killed nor destroyed
  std::map<std::uint32_t, Span> ever_;  ///< domains of the whole run, and the lines that create them
  std::map<std::uint32_t, Span> gone_;  ///< domains that no longer exist, and the line that ended them
  std::set<std::string> users_ever_;
  std::set<std::string> clients_ever_;
  Connections connections_;
  bool expects_ = false;  ///< false: the run would pass whatever happens
  std::map<std::string, Span> names_;
  std::set<std::string> ptys_ever_;
  std::vector<std::string> phases_;
  std::set<std::string> phases_begun_;
  Controllers controllers_;
};

void Checker::run() {
  gather(scenario_.statements);
  for (const Pattern& each : scenario_.setup.ignores) pattern(each, true);
  statements(scenario_.statements);
  controllers_.decide(scenario_, diagnostics_);
  expectations();
}

void Checker::expectations() {
  // A line with an error may have been an expectation.
  if (expects_ || scenario_.setup.golden || diagnostics_.errors() != 0) return;
  const std::string_view in = scenario_.values;
  diagnostics_.warning(
      "W005", scenario_.setup.title_span,
      fmt::format("nothing is expected{}{}: it passes whatever happens", in.empty() ? "" : " in ", in),
      "add an expectation: expect user sees \"hello\"");
}

/// Collects names that a line may use before another line defines them: domains, ptys, phases.
void Checker::gather(const std::vector<Statement>& statements) {
  for (const Statement& each : statements) {
    if (const auto* phase = std::get_if<Phase>(&each.what)) {
      if (std::ranges::find(phases_, phase->title) != phases_.end()) {
        diagnostics_.error("E027", each.span, "two phases with the same title", "`until` would be ambiguous");
      }
      phases_.push_back(phase->title);
    } else if (const auto* together = std::get_if<Together>(&each.what)) {
      gather(together->statements);
    } else if (const auto* what = std::get_if<Act>(&each.what)) {
      gather(*what, each.span);
    } else {
      expects_ = true;
    }
  }
}

void Checker::gather(const Act& act, const Span& line) {
  std::visit(Visit{[&](const Life& life) {
                     if (life.verb != Life::Verb::boots && life.verb != Life::Verb::creates) return;
                     for (const Actor& domain : life.domains) ever_.emplace(domain.domain, line);
                   },
                   [&](const HandlesPty& handles) {
                     if (handles.attaches) ptys_ever_.insert(handles.name);
                   },
                   [&](const Connects& connects) { users_ever_.insert(connects.user.name); },
                   [&](const Types& types) {
                     if (types.at) users_ever_.insert(types.who.name);
                   },
                   [&](const ClientOpens& opens) { clients_ever_.insert(opens.client.name); },
                   [&](const ClientConnects& connects) { clients_ever_.insert(connects.client.name); },
                   [](const auto&) {}},
             act);
}

void Checker::statements(const std::vector<Statement>& statements) {
  for (const Statement& each : statements) statement(each);
}

void Checker::statement(const Statement& statement) {
  if (!statement.only_sim.empty() && (scenario_.setup.real || !scenario_.setup.sim)) {
    diagnostics_.warning("W002", statement.span, fmt::format("only in sim: {}", statement.only_sim),
                         "add a line: mode sim");
  }
  std::visit(Visit{[&](const Act& act) { this->act(act, statement.span); },
                   [&](const Expect& expect) {
                     pattern(expect.pattern, false);
                     if (statement.round.empty()) label(expect.label, expect.label_span);
                   },
                   [&](const ExpectNo& none) { pattern(none.pattern, false); },
                   [&](const Never& never) {
                     pattern(never.pattern, true);
                     if (never.until_phase.empty()) return;
                     if (std::ranges::find(phases_, never.until_phase) == phases_.end()) {
                       diagnostics_.error("E039", never.until_span,
                                          fmt::format("there is no phase \"{}\"", never.until_phase),
                                          phases_.empty() ? "a phase is a line of its own: ## its title"
                                                          : suggestion(never.until_phase, phases_, "phases"));
                     } else if (phases_begun_.contains(never.until_phase)) {
                       diagnostics_.error(
                           "E039", never.until_span,
                           fmt::format("the phase \"{}\" has begun already", never.until_phase),
                           "`until` names one that comes later");
                     }
                   },
                   [&](const Together& together) { statements(together.statements); },
                   [&](const Phase& phase) { phases_begun_.insert(phase.title); }},
             statement.what);
}

void Checker::domain(std::uint32_t number, const Span& span, bool anywhere) {
  if (number == 0 || alive_.contains(number)) return;
  const auto later = ever_.find(number);
  if (later != ever_.end()) {
    if (anywhere) return;
    diagnostics_.error("E030", span, fmt::format("dom{} does not exist yet", number),
                       fmt::format("line {} boots it", later->second.line));
    return;
  }
  std::string booted;
  for (const auto& each : ever_)
    booted += fmt::format("{}dom{}", booted.empty() ? "booted: " : ", ", each.first);
  if (booted.size() > 60) booted.clear();
  if (!booted.empty()) booted = "  " + booted;
  diagnostics_.error("E030", span, fmt::format("nothing boots dom{}", number),
                     fmt::format("begin with: xen boots dom{}{}", number, booted));
}

void Checker::present(const Actor& actor) {
  const bool user = actor.role == Role::user && !users_ever_.contains(actor.name);
  const bool client = actor.role == Role::client && !clients_ever_.contains(actor.name);
  if (!user && !client) return;
  diagnostics_.warning(
      "W006", actor.span, fmt::format("{} never connects: nothing is tested", spelled(actor)),
      fmt::format("a line should say: {} connects{}", spelled(actor), user ? " to dom1" : ""));
}

void Checker::actor(const Actor& actor, bool anywhere) {
  controllers_.named(actor.role, actor.span);
  present(actor);
  if (actor.role == Role::domain) domain(actor.domain, actor.span, anywhere);
}

void Checker::acts(const Actor& domain) {
  actor(domain);
  const auto gone = domain.role == Role::domain ? gone_.find(domain.domain) : gone_.end();
  if (gone == gone_.end()) return;
  diagnostics_.error("E030", domain.span, fmt::format("{} does not exist any more", spelled(domain)),
                     fmt::format("line {} ends it", gone->second.line));
}

void Checker::is_gone(const Actor& domain, const Span& line) {
  at_once_.erase(domain.domain);
  gone_.insert_or_assign(domain.domain, line);
  connections_.ends(domain.domain);
}

void Checker::acts_as_user(const Actor& user) {
  place({Place::Kind::user, user, "", user.span}, false);
  connections_.acts(user);
}

void Checker::receives(const Actor& client, bool anywhere) {
  if (anywhere) return actor(client, true);
  controllers_.named(client.role, client.span);
  connections_.needs_connection(client);
}

void Checker::ring(const RingRef& ring, bool anywhere) {
  if (ring.domain == 0) {
    diagnostics_.error("E032", ring.span, "dom0 has no such rings", "its console is xen's: uart shows ...");
    return;
  }
  domain(ring.domain, ring.span, anywhere);
}

void Checker::pty(const std::string& name, const Span& span, bool anywhere) {
  controllers_.named(Role::xenctld, span);
  // `pty` without a name is the only pty. An `expect no` may name it before it exists.
  if (name.empty() || names_.contains(name) || (anywhere && ptys_ever_.contains(name))) return;
  std::vector<std::string> known;
  for (const std::string& each : ptys_ever_) {
    if (!each.empty()) known.push_back(each);
  }
  diagnostics_.error(
      "E038", span, fmt::format("there is no pty {}", name),
      known.empty() ? fmt::format("a line above gives the name: xenctld attaches pty to dom1 as {}", name)
                    : suggestion(name, known, "ptys"));
}

void Checker::place(const Place& place, bool anywhere) {
  switch (place.kind) {
    case Place::Kind::domain:
      actor(place.actor, anywhere);
      break;
    case Place::Kind::pty:
      pty(place.name, place.span, anywhere);
      break;
    case Place::Kind::user:
      if (anywhere) present(place.actor);
      if (!anywhere && !connections_.has_connected(place.actor)) {
        diagnostics_.error("E042", place.span,
                           fmt::format("{} is not connected to anything", spelled(place.actor)),
                           fmt::format("a line above should say: {} connects to dom1", spelled(place.actor)));
      }
      break;
    case Place::Kind::uart:
      break;
    case Place::Kind::ring:
      ring({place.actor.domain, place.ring, place.span}, anywhere);
      break;
  }
}

void Checker::event(const Actor& from, const Actor& to) {
  if (events_pass(from, to)) return;
  diagnostics_.error("E034", joined(from.span, to.span),
                     fmt::format("no event passes from {} to {}", spelled(from), spelled(to)),
                     "events: dom1 -> xcs, xcs -> dom1, xen -> xcs, xen -> dom1, xen -> dom0, uart -> xen, "
                     "dom1 -> xenconsoled");
}

void Checker::message(const Actor& from, const Actor& to) {
  if (messages_pass(from, to)) return;
  diagnostics_.error("E034", joined(from.span, to.span),
                     fmt::format("nothing passes directly from {} to {}", spelled(from), spelled(to)),
                     "neighbours: user - xend - xcs - dom1, client - xcs, xenctld - dom1, uart - xen - dom0");
}

void Checker::label(const std::string& name, const Span& span) {
  if (name.empty()) return;
  const auto [other, fresh] = names_.emplace(name, span);
  if (!fresh && other->second != span) {
    diagnostics_.error("E027", span, fmt::format("the name {} is in use", name),
                       fmt::format("line {} defines it", other->second.line));
  }
}

void Checker::appears(const Actor& domain) {
  if (!at_once_.insert(domain.domain).second || at_once_.size() != domains_at_once_max + 1) return;
  diagnostics_.error("E043", domain.span, fmt::format("more than {} domains at once", domains_at_once_max),
                     "each needs a port of dom0, which has no more");
}

void Checker::life(const Life& life, const Span& line) {
  for (const Actor& domain : life.domains) {
    if (life.verb == Life::Verb::creates || life.verb == Life::Verb::boots) appears(domain);
    switch (life.verb) {
      case Life::Verb::creates:
        if (!alive_.insert(domain.domain).second && !gone_.contains(domain.domain)) {
          diagnostics_.error("E041", domain.span, fmt::format("{} exists already", spelled(domain)),
                             "a second one needs another number");
        }
        gone_.erase(domain.domain);
        break;
      case Life::Verb::boots:
        alive_.insert(domain.domain);
        gone_.erase(domain.domain);
        break;
      case Life::Verb::pauses:
      case Life::Verb::unpauses:
        acts(domain);
        break;
      case Life::Verb::kills:
      case Life::Verb::destroys:
        acts(domain);
        is_gone(domain, line);
        break;
    }
  }
}

void Checker::types(const Types& types) {
  if (types.at) return place(*types.at, false);
  if (types.who.role != Role::user) return;
  if (connections_.has_connected(types.who)) return connections_.acts(types.who);
  diagnostics_.error(
      "E042", types.who.span, fmt::format("{} is not connected to anything", spelled(types.who)),
      fmt::format("a line above should say: {} connects to dom1; or type at a pty", spelled(types.who)));
}

void Checker::act(const Act& act, const Span& line) {
  const auto by_hand = [&](const auto& each) {
    acts(each.who);
    ring(each.ring, false);
  };
  std::visit(
      [&](const auto& each) {
        if constexpr (requires { each.client; }) controllers_.named(each.client.role, each.client.span);
      },
      act);
  std::visit(
      Visit{[&](const Life& each) { life(each, line); }, [&](const Prints& each) { acts(each.domain); },
            [&](const Logs& each) { acts(each.domain); }, [&](const Throttles& each) { acts(each.domain); },
            [&](const Ends& each) {
              acts(each.domain);
              connections_.may_end();
            },
            [&](const WritesSlot& each) { by_hand(each); }, [&](const SetsIndex& each) { by_hand(each); },
            [&](const FillsRing& each) { by_hand(each); },
            [&](const Notifies& each) {
              acts(each.who);
              actor(each.peer);
              event(each.who, each.peer);
            },
            [&](const Answering& each) {
              each.who.role == Role::client ? receives(each.who, false) : acts(each.who);
            },
            [&](const Reading& each) {
              if (each.who.role == Role::client) return receives(each.who, false);
              each.who.role == Role::user ? acts_as_user(each.who) : acts(each.who);
            },
            [&](const Connects& each) {
              acts(each.domain);
              if (each.by == Connects::By::tcp) controllers_.named(Role::xend, line);  // xenctld has ptys
              connections_.connects(each);
            },
            [&](const Disconnects& each) { acts_as_user(each.user), connections_.disconnects(each, line); },
            [&](const EndsTyping& each) { controllers_.named(Role::xend, line), acts_as_user(each.user); },
            [&](const Suspension& each) { actor(each.who), acts(each.domain); },
            [&](const Types& each) { types(each); },
            [&](const HandlesPty& each) {
              controllers_.named(Role::xenctld, line);
              each.attaches ? acts(each.domain) : actor(each.domain);
              label(each.name, line);
            },
            [&](const Runs& each) {
              actor(each.who);
              connections_.may_end();
            },
            [&](const Fault& each) {
              actor(each.from, true), actor(each.to, true);
              if (const auto no = fault_objection(each))
                diagnostics_.error("E034", joined(each.from.span, each.to.span), no->what, no->hint);
            },
            [&](const HealsAll&) {}, [&](const Waits&) {},
            [&](const ClientOpens& each) { connections_.opens(each.client, each.side); },
            [&](const ClientConnects& each) {
              if (each.session_of) connections_.needs_connection(*each.session_of);
              each.side ? connections_.opens(each.client, each.side) : connections_.connects(each.client);
            },
            [&](const ClientCloses& each) { connections_.closes(each.client, each.side, line); },
            // A raw client may name a domain that does not exist: xcs answers with an error.
            [&](const ClientSends& each) { connections_.acts(each.client, Side::data, "for messages"); },
            [&](const ClientNotifies& each) { connections_.acts(each.client, Side::data, "for events"); },
            [&](const ClientSendsBytes& each) { connections_.acts(each.client, each.side, "for bytes"); },
            [&](const ClientSaysBye& each) { connections_.acts(each.client, each.side, "for a bye"); },
            [&](const auto& each) { connections_.acts(each.client, Side::control, "for calls"); }},
      act);
}

void Checker::pattern(const Pattern& pattern, bool anywhere) {
  const auto forwards = [&](const auto& each) {
    actor(each.who, anywhere);
    actor(each.from, anywhere);
    actor(each.to, anywhere);
    if (each.from) message(*each.from, each.who);
    if (each.to) message(each.who, *each.to);
  };
  std::visit(
      Visit{[&](const Shows& each) { place(each.place, anywhere); },
            [&](const BytesAt& each) { place(each.place, anywhere); },
            [&](const Receives& each) {
              each.who.role == Role::client ? receives(each.who, anywhere) : actor(each.who, anywhere);
              actor(each.from, anywhere);
              // The domain of a message is known at every hop, another sender only at the first.
              const bool known = each.from && each.from->role == Role::domain;
              if (each.from && (!known || each.who.role == Role::domain)) message(*each.from, each.who);
            },
            [&](const ReceivesReply& each) { receives(each.client, anywhere); },
            [&](const ReceivesVirq& each) { receives(each.client, anywhere); },
            [&](const IsCutOff& each) {
              if (each.who.role == Role::client) return receives(each.who, anywhere);
              place({Place::Kind::user, each.who, "", each.who.span}, anywhere);
            },
            [&](const Sends& each) {
              actor(each.who, anywhere);
              present(each.to);
              message(each.who, each.to);
            },
            [&](const Forwards& each) { forwards(each); }, [&](const ForwardsCount& each) { forwards(each); },
            [&](const EventRaised& each) {
              actor(each.from, anywhere);
              actor(each.to, anywhere);
              event(each.from, each.to);
            },
            [&](const TakesEvent& each) { actor(each.who, anywhere); },
            [&](const SlotWritten& each) {
              actor(each.who, anywhere);
              ring(each.ring, anywhere);
            },
            [&](const IndexMoved& each) {
              actor(each.who, anywhere);
              ring(each.ring, anywhere);
            },
            [&](const Refuses& each) { actor(each.who, anywhere), actor(each.whom, true); },
            [&](const Says& each) { actor(each.who, anywhere); }, [&](const QuirkBites&) {},
            [&](const RingState& each) { ring(each.ring, anywhere); },
            [&](const CounterState& each) {
              actor(each.actor, anywhere);
              actor(each.of, anywhere);
            },
            [&](const CounterChanges& each) {
              actor(each.actor, anywhere);
              actor(each.of, anywhere);
            }},
      pattern.what);
}

}  // namespace

void check(Scenario& scenario, Diagnostics& diagnostics) {
  Checker(scenario, diagnostics).run();
}

}  // namespace ringside::script
