// One pass over a run's statements in order. It records what has ended, and the line that ended it.
#include "emu/script/ended.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ringside::script {

namespace {

using trace::Role;

class Ended {
 public:
  explicit Ended(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void run(const std::vector<Statement>& all) {
    statements(all);
    watches_end(nullptr);
  }

 private:
  void statements(const std::vector<Statement>& statements) {
    for (const Statement& each : statements) {
      if (const auto* together = std::get_if<Together>(&each.what)) this->statements(together->statements);
      // With `more` the expectation starts after the consumed entries, and may concern an actor that has
      // ended since.
      if (const auto* none = std::get_if<ExpectNo>(&each.what); none != nullptr && !none->more) {
        if (const auto absent = absent_in(none->pattern)) nothing_is_tested(*absent);
      }
      if (const auto* never = std::get_if<Never>(&each.what)) {
        if (auto absent = absent_in(never->pattern))
          watches_.push_back({std::move(*absent), never->until_phase});
      }
      if (const auto* phase = std::get_if<Phase>(&each.what)) watches_end(&phase->title);
      if (const auto* act = std::get_if<Act>(&each.what))
        std::visit([&](const auto& what) { this->act(what, each.span); }, *act);
    }
  }

  void error(std::string_view code, const Span& at, const std::string& what, const Span& by,
             std::string_view verb) {
    diagnostics_.error(code, at, what, fmt::format("line {} {} it", by.line, verb));
  }

  // -- acts that neither end anything nor need what may have ended
  void act(const auto&, const Span&) {}

  // -- domains, and the programs in them

  void act(const Life& life, const Span& line) {
    for (const Actor& domain : life.domains) {
      switch (life.verb) {
        case Life::Verb::creates:
        case Life::Verb::boots:
          domains_ended_.erase(domain.domain);
          is_back(domain);
          // The daemon in dom0 makes the console of a new domain.
          if (!domains_.insert(domain.domain).second) break;
          for (const Role process : {Role::xcs, Role::xend, Role::xenctld, Role::xenconsoled})
            needs(process, domain.span);
          break;
        case Life::Verb::kills:
        case Life::Verb::destroys:
          domains_.erase(domain.domain);
          domains_ended_.insert_or_assign(domain.domain, line);
          break;
        case Life::Verb::pauses:
        case Life::Verb::unpauses:
          continue;
      }
      programs_.erase(domain.domain);
    }
  }

  void act(const Prints& prints, const Span&) { program_acts(prints.domain); }

  void act(const Ends& ends, const Span& line) {
    program_acts(ends.domain);
    programs_.emplace(ends.domain.domain, line);
  }

  void program_acts(const Actor& domain) {
    const auto ended = domain.role == Role::domain ? programs_.find(domain.domain) : programs_.end();
    if (ended == programs_.end()) return;
    error("E030", domain.span, fmt::format("the program of {} has ended", spelled(domain)), ended->second,
          "ends");
  }

  // -- processes of dom0

  void act(const Runs& runs, const Span& line) {
    const Role process = runs.who.role;
    if (runs.verb != Runs::Verb::starts) needs(process, runs.who.span);
    if (runs.verb == Runs::Verb::stops) processes_.emplace(process, line);
    if (runs.verb == Runs::Verb::stops && process == Role::xcs) {
      for (const auto& [name, sides] : clients_) cut_off_.emplace(name, line);
    }
    if (runs.verb != Runs::Verb::starts) return;
    processes_.erase(process);
    is_back(runs.who);
  }

  void act(const Answering& answering, const Span&) {
    needs(answering.who.role, answering.who.span);
    if (answering.who.role == Role::client) needs_connection(answering.who);
  }
  void act(const WritesSlot& writes, const Span&) { needs(writes.who.role, writes.who.span); }
  void act(const SetsIndex& sets, const Span&) { needs(sets.who.role, sets.who.span); }
  void act(const FillsRing& fills, const Span&) { needs(fills.who.role, fills.who.span); }
  void act(const Notifies& notifies, const Span&) { needs(notifies.who.role, notifies.who.span); }
  void act(const Suspension& suspension, const Span&) { needs(suspension.who.role, suspension.who.span); }

  void needs(Role process, const Span& at) {
    const auto ended = processes_.find(process);
    if (ended == processes_.end()) return;
    const std::string name = spelled(Actor{.role = process, .domain = 0, .name = "", .span = {}});
    diagnostics_.error("E030", at, fmt::format("{} does not exist any more", name),
                       fmt::format("line {} stops it; start it first: {} starts", ended->second.line, name));
  }

  // -- users

  void act(const Connects& connects, const Span&) {
    for (const Role keeper : {Role::xend, Role::xenctld, Role::xenconsoled})
      needs(keeper, connects.user.span);
    is_back(connects.user);
    users_left_.erase(connects.user.name);
    typing_ended_.erase(connects.user.name);
  }

  void act(const Disconnects& disconnects, const Span& line) {
    users_left_.insert_or_assign(disconnects.user.name, line);
    typing_ended_.erase(disconnects.user.name);
  }

  void act(const EndsTyping& ends, const Span& line) {
    types(ends.user);
    typing_ended_.emplace(ends.user.name, line);
  }

  void act(const Types& types, const Span&) {
    if (types.at) return types_at(*types.at);
    if (types.who.role == Role::user) this->types(types.who);
  }

  void types(const Actor& user) {
    const auto ended = typing_ended_.find(user.name);
    if (ended == typing_ended_.end()) return;
    diagnostics_.error(
        "E042", user.span, fmt::format("{} has ended typing", spelled(user)),
        fmt::format("line {} says so; after it disconnects it can connect again", ended->second.line));
  }

  // -- ptys

  void act(const HandlesPty& handles, const Span& line) {
    needs(Role::xenctld, line);
    const std::uint32_t domain = handles.domain.domain;
    if (handles.attaches) {
      ptys_ended_.erase(handles.name);
      std::erase_if(watches_, [&](const Watch& each) { return each.absent.who == pty_name(handles.name); });
      pty_of_.insert_or_assign(domain, handles.name);
      return;
    }
    const auto attached = pty_of_.find(domain);
    if (attached == pty_of_.end()) {
      diagnostics_.error(
          "E042", handles.domain.span, fmt::format("no pty is attached to {}", spelled(handles.domain)),
          fmt::format("a line above should say: xenctld attaches pty to {}", spelled(handles.domain)));
      return;
    }
    ptys_ended_.insert_or_assign(attached->second, line);
    pty_of_.erase(attached);
  }

  void types_at(const Place& pty) {
    const auto ended = ptys_ended_.find(pty.name);
    if (pty.kind != Place::Kind::pty || ended == ptys_ended_.end()) return;
    error("E042", pty.span, fmt::format("{} is not attached any more", pty_name(pty.name)), ended->second,
          "detaches");
  }

  static std::string pty_name(const std::string& name) { return name.empty() ? "the pty" : name; }

  // -- raw clients

  using Sides = std::array<Span, 2>;  ///< the line that closed it; nowhere: it may be open

  void act(const ClientOpens& opens, const Span&) { this->opens(opens.client, opens.side); }
  void act(const ClientConnects& connects, const Span&) { opens(connects.client, connects.side); }
  void act(const ClientCloses& closes, const Span& line) {
    needs_connection(closes.client);
    set(closes.client, closes.side, line);
  }
  void act(const ClientBinds& binds, const Span&) { needs_connection(binds.client); }
  void act(const ClientBindsVirq& binds, const Span&) { needs_connection(binds.client); }
  void act(const ClientChannel& channel, const Span&) { needs_connection(channel.client); }
  void act(const ClientSends& sends, const Span&) { needs_connection(sends.client); }
  void act(const ClientSendsBytes& sends, const Span&) { needs_connection(sends.client); }
  void act(const ClientSaysBye& says, const Span&) { needs_connection(says.client); }
  void act(const ClientNotifies& notifies, const Span&) { needs_connection(notifies.client); }

  void opens(const Actor& client, std::optional<Side> side) {
    needs(Role::xcs, client.span);
    cut_off_.erase(client.name);
    is_back(client);
    set(client, side, {});
  }

  /// An xcs that ends closes all connections.
  void needs_connection(const Actor& client) {
    const auto cut = cut_off_.find(client.name);
    if (cut == cut_off_.end()) return;
    diagnostics_.error("E042", client.span, fmt::format("{} is not connected any more", spelled(client)),
                       fmt::format("line {} stops xcs; a line before this one should say: {} connects",
                                   cut->second.line, spelled(client)));
  }

  void set(const Actor& client, std::optional<Side> side, const Span& closed_by) {
    Sides& sides = clients_[client.name];
    if (side != Side::data) sides[0] = closed_by;
    if (side != Side::control) sides[1] = closed_by;
  }

  // -- `expect no` and `never`: they observe from their line on

  /// The subject of a pattern, which has ended: it does nothing.
  struct Absent {
    std::string who;
    Span at;
    Span by;  ///< the line that ended it
    std::string_view verb;
  };
  /// A `never` that observes nothing, unless its subject begins again.
  struct Watch {
    Absent absent;
    std::string until_phase;
  };

  std::optional<Absent> absent_in(const Pattern& pattern) const {
    return std::visit(
        [&](const auto& each) -> std::optional<Absent> {
          if constexpr (requires { each.place; }) {
            return absent_place(each.place);
          } else if constexpr (requires { each.client; }) {
            return absent_actor(each.client, true);
          } else if constexpr (requires { each.who; }) {
            constexpr bool takes = requires {
              each.message;
            }
            || requires {
              each.side;
            };
            return absent_actor(each.who, takes);
          } else if constexpr (requires { each.actor; }) {
            return absent_actor(each.actor, false);
          } else if constexpr (std::is_same_v<std::remove_cvref_t<decltype(each)>, EventRaised>) {
            return absent_actor(each.from, false);
          } else {
            return {};
          }
        },
        pattern.what);
  }

  std::optional<Absent> absent_place(const Place& place) const {
    if (place.kind == Place::Kind::user) return absent_actor(place.actor, true);
    if (place.kind == Place::Kind::pty)
      return found_in(ptys_ended_, place.name, pty_name(place.name), place.span, "detaches it");
    if (place.kind != Place::Kind::domain) return {};
    if (auto absent = absent_actor(place.actor, true)) return absent;
    return found_in(programs_, place.actor.domain, fmt::format("the program of {}", spelled(place.actor)),
                    place.span, "ends it");
  }

  /// `takes`: the actor would have to take something. Without it, entries of a domain may appear after the
  /// domain's end.
  std::optional<Absent> absent_actor(const Actor& actor, bool takes) const {
    const std::string name = spelled(actor);
    if (actor.role == Role::user) return found_in(users_left_, actor.name, name, actor.span, "says so");
    if (actor.role == Role::client) return absent_client(actor);
    if (actor.role != Role::domain) return found_in(processes_, actor.role, name, actor.span, "stops it");
    return takes ? found_in(domains_ended_, actor.domain, name, actor.span, "ends it") : std::nullopt;
  }

  std::optional<Absent> absent_client(const Actor& client) const {
    const std::string name = spelled(client);
    if (auto cut = found_in(cut_off_, client.name, name, client.span, "stops xcs")) return cut;
    const auto known = clients_.find(client.name);
    if (known == clients_.end() || std::ranges::any_of(known->second, &Span::nowhere)) return {};
    return Absent{name, client.span, std::ranges::max(known->second), "says so"};
  }

  static std::optional<Absent> found_in(const auto& ended, const auto& key, std::string who, const Span& at,
                                        std::string_view verb) {
    const auto found = ended.find(key);
    if (found == ended.end()) return {};
    return Absent{std::move(who), at, found->second, verb};
  }

  void is_back(const Actor& actor) {
    std::erase_if(watches_, [&](const Watch& each) {
      return each.absent.who == spelled(actor) ||
             each.absent.who == fmt::format("the program of {}", spelled(actor));
    });
  }

  /// Ends all `never` lines, or those that hold until that phase.
  void watches_end(const std::string* phase) {
    std::erase_if(watches_, [&](const Watch& each) {
      if (phase != nullptr && each.until_phase != *phase) return false;
      nothing_is_tested(each.absent);
      return true;
    });
  }

  void nothing_is_tested(const Absent& absent) {
    const std::string_view how = absent.verb == "says so"     ? "has left"
                                 : absent.verb == "stops xcs" ? "is not connected any more"
                                                              : "has ended";
    diagnostics_.warning("W006", absent.at, fmt::format("{} {}: nothing is tested", absent.who, how),
                         fmt::format("line {} {}", absent.by.line, absent.verb));
  }

  Diagnostics& diagnostics_;
  std::set<std::uint32_t> domains_;         ///< domains with a console
  std::map<std::uint32_t, Span> programs_;  ///< by domain
  std::map<std::uint32_t, Span> domains_ended_;
  std::map<Role, Span> processes_;
  std::map<std::string, Span> typing_ended_;  ///< users that are connected, but have ended typing
  std::map<std::string, Span> users_left_;
  std::map<std::string, Span> ptys_ended_;
  std::map<std::uint32_t, std::string> pty_of_;  ///< by domain
  std::map<std::string, Sides> clients_;
  std::map<std::string, Span> cut_off_;  ///< clients whose xcs ended
  std::vector<Watch> watches_;
};

}  // namespace

void check_ended(const Scenario& scenario, Diagnostics& diagnostics) {
  Ended(diagnostics).run(scenario.statements);
}

}  // namespace ringside::script
