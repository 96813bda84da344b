// One pass over a run's statements in order. It records what has ended, and the line that ended it.
#include "emu/script/ended.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>

namespace ringside::script {

namespace {

using trace::Role;

class Ended {
 public:
  explicit Ended(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void statements(const std::vector<Statement>& statements) {
    for (const Statement& each : statements) {
      if (const auto* together = std::get_if<Together>(&each.what)) this->statements(together->statements);
      // With `more` it looks from what was consumed on, and may be about something that has ended.
      if (const auto* none = std::get_if<ExpectNo>(&each.what); none != nullptr && !none->more)
        std::visit([&](const auto& what) { expect_no(what); }, none->pattern.what);
      if (const auto* act = std::get_if<Act>(&each.what))
        std::visit([&](const auto& what) { this->act(what, each.span); }, *act);
    }
  }

 private:
  void error(std::string_view code, const Span& at, const std::string& what, const Span& by,
             std::string_view verb) {
    diagnostics_.error(code, at, what, fmt::format("line {} {} it", by.line, verb));
  }

  // -- acts that neither end anything nor need what may have ended
  void act(const auto&, const Span&) {}

  // -- domains, and the programs in them

  void act(const Life& life, const Span&) {
    for (const Actor& domain : life.domains) {
      switch (life.verb) {
        case Life::Verb::creates:
        case Life::Verb::boots:
          // The daemon in dom0 makes the console of a new domain.
          if (!domains_.insert(domain.domain).second) break;
          for (const Role process : {Role::xcs, Role::xend, Role::xenctld}) needs(process, domain.span);
          break;
        case Life::Verb::kills:
        case Life::Verb::destroys:
          domains_.erase(domain.domain);
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
    if (runs.verb == Runs::Verb::starts) processes_.erase(process);
  }

  void act(const Answering& answering, const Span&) { needs(answering.who.role, answering.who.span); }
  void act(const Sleeps& sleeps, const Span&) { needs(sleeps.who.role, sleeps.who.span); }

  void needs(Role process, const Span& at) {
    const auto ended = processes_.find(process);
    if (ended == processes_.end()) return;
    const std::string name = spelled(Actor{.role = process, .domain = 0, .name = "", .span = {}});
    diagnostics_.error("E030", at, fmt::format("{} does not exist any more", name),
                       fmt::format("line {} stops it; start it first: {} starts", ended->second.line, name));
  }

  // -- users

  void act(const Connects& connects, const Span&) {
    needs(Role::xend, connects.user.span);
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
    error("E042", pty.span,
          fmt::format("{} is not attached any more", pty.name.empty() ? "the pty" : pty.name), ended->second,
          "detaches");
  }

  // -- raw clients

  using Sides = std::array<Span, 2>;  ///< the line that closed it; nowhere: it may be open

  void act(const ClientOpens& opens, const Span&) { this->opens(opens.client, opens.side); }
  void act(const ClientConnects& connects, const Span&) { opens(connects.client, connects.side); }
  void act(const ClientCloses& closes, const Span& line) { set(closes.client, closes.side, line); }

  void opens(const Actor& client, std::optional<Side> side) {
    needs(Role::xcs, client.span);
    set(client, side, {});
  }

  void set(const Actor& client, std::optional<Side> side, const Span& closed_by) {
    Sides& sides = clients_[client.name];
    if (side != Side::data) sides[0] = closed_by;
    if (side != Side::control) sides[1] = closed_by;
  }

  // -- `expect no`: it observes from its line on

  void expect_no(const auto&) {}
  void expect_no(const Shows& shows) { check_viewer(shows.place); }
  void expect_no(const BytesAt& bytes) { check_viewer(bytes.place); }
  void expect_no(const Receives& receives) { check_receiver(receives.who); }
  void expect_no(const ReceivesReply& receives) { check_receiver(receives.client); }
  void expect_no(const ReceivesVirq& receives) { check_receiver(receives.client); }
  void expect_no(const IsCutOff& is_cut_off) {
    is_cut_off.who.role == Role::user ? user_has_left(is_cut_off.who) : check_receiver(is_cut_off.who);
  }

  void check_viewer(const Place& place) {
    if (place.kind == Place::Kind::user) user_has_left(place.actor);
  }

  void user_has_left(const Actor& user) {
    const auto left = users_left_.find(user.name);
    if (left != users_left_.end()) nothing_is_tested(user, left->second);
  }

  void check_receiver(const Actor& client) {
    const auto known = client.role == Role::client ? clients_.find(client.name) : clients_.end();
    if (known == clients_.end() || std::ranges::any_of(known->second, &Span::nowhere)) return;
    nothing_is_tested(client, std::ranges::max(known->second));
  }

  void nothing_is_tested(const Actor& who, const Span& left_by) {
    diagnostics_.warning("W006", who.span, fmt::format("{} has left: nothing is tested", spelled(who)),
                         fmt::format("line {} says so", left_by.line));
  }

  Diagnostics& diagnostics_;
  std::set<std::uint32_t> domains_;         ///< domains with a console
  std::map<std::uint32_t, Span> programs_;  ///< by domain
  std::map<Role, Span> processes_;
  std::map<std::string, Span> typing_ended_;  ///< users that are connected, but have ended typing
  std::map<std::string, Span> users_left_;
  std::map<std::string, Span> ptys_ended_;
  std::map<std::uint32_t, std::string> pty_of_;  ///< by domain
  std::map<std::string, Sides> clients_;
};

}  // namespace

void check_ended(const Scenario& scenario, Diagnostics& diagnostics) {
  Ended(diagnostics).statements(scenario.statements);
}

}  // namespace ringside::script
