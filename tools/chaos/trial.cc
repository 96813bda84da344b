// Carries out the steps of a plan on a machine with its users.
#include "tools/chaos/trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "emu/script/sim_stage.h"
#include "emu/trace/flow.h"
#include "tools/chaos/account.h"
#include "tools/chaos/daemons.h"
#include "tools/chaos/hostile_clients.h"

namespace ringside::chaos {

namespace {

using namespace std::chrono_literals;
using script::Daemon;
using script::GuestProgram;
using script::SimStage;
using script::StageFault;

/// Virtual time within which a machine without faults comes to rest.
constexpr Duration rest_max = 600s;
/// Longer than every timeout of a daemon.
constexpr Duration past_timeouts = 60s;
/// How often a viewer connects again while it is refused because the daemon has not noticed yet that the
/// previous viewer has left.
constexpr int visits_max = 20;
/// More than the requests to suspend that the channel of a domain can hold.
constexpr int resume_rounds_max = 80;
/// The number of consecutive rounds that must find no suspended domain.
constexpr int quiet_rounds_wanted = 2;

/// A viewer's connection while the machine runs.
struct ViewerConnection {
  std::string user;
  ViewerRecord viewed;
  std::uint64_t asked = 0;  ///< bytes that the user was told to type
  bool open = true;
  bool reads = true;
};

/// A domain from its creation on. Its id is never reused, so every journal entry with this id belongs to it.
struct Life {
  DomainId id = 0;
  Account account;
  std::vector<ViewerConnection> visits;
  bool exists = true;
  bool paused = false;
  bool program_ended = false;
};

class Trial {
 public:
  Trial(std::uint64_t seed, const TrialOptions& options) : dom0_(options.dom0), journal_(options.journal) {
    if (options.make) {
      stage_ = options.make(plan_with_journal(options));
    } else {
      auto simulated = std::make_unique<SimStage>(plan_with_journal(options), Choice::seeded(seed));
      world_ = &simulated->world();
      stage_ = std::move(simulated);
    }
    daemons_.emplace(*stage_, dom0_);
    hostile_clients_.emplace(*stage_);
  }

  Outcome run(const Plan& plan) {
    Outcome outcome;
    if (auto started = stage_->start(); !started) return {.obstacle = started.error()};
    if (!rest()) return {.mistake = "it does not come to rest after its start"};
    const auto handles = open_handles();
    for (std::size_t at = 0; at < plan.size(); ++at) {
      const PlanStep& each = plan[at];
      mark(at, each);
      if (carry_out(each)) ++outcome.steps_done;
      pass(std::chrono::microseconds(each.then_us));
    }
    outcome.mistake = at_rest();
    if (outcome.mistake.empty()) outcome.mistake = after_all(handles);
    outcome.obstacle = stage_->failure();
    if (!outcome.mistake.empty()) outcome.warnings = stage_->warnings();
    for (const Life& life : lives_) {
      outcome.bytes += life.account.printed;
      for (const ViewerConnection& visit : life.visits) outcome.bytes += visit.viewed.typed.size();
    }
    return outcome;
  }

 private:
  script::StagePlan plan_with_journal(const TrialOptions& options) {
    script::StagePlan plan;
    plan.dom0 = dom0_;
    plan.answer = options.answer;
    plan.faults = true;
    plan.journal = [this](std::uint64_t step, const trace::Entry& entry) {
      flow_.take(step, entry);
      note(entry);
      if (journal_ != nullptr) journal_->steps.push_back({step, entry});
    };
    return plan;
  }

  void mark(std::size_t at, const PlanStep& its) {
    if (journal_ == nullptr) return;
    journal_->marks.push_back({.kind = trace::JournalMark::Kind::fault,
                               .after = journal_->steps.empty() ? 0 : journal_->steps.back().step,
                               .time_ns = stage_->now().count(),
                               .line = static_cast<std::uint32_t>(at + 1),
                               .text = text_of(its, dom0_)});
  }

  // -- the account

  void note(const trace::Entry& entry) {
    if (entry.domain == 0 || entry.domain > lives_.size()) return;
    Life* life = &lives_[entry.domain - 1];
    const std::string_view text = trace::text_of(entry);
    if (entry.kind == trace::Kind::bytes_passed) {
      const trace::Role daemon = script::role_of(script::console_keeper(dom0_));
      if (entry.actor.role == daemon && entry.peer.role == trace::Role::client) life->account.handed += text;
      if (entry.actor.role == trace::Role::user && entry.peer.role == daemon) {
        for (ViewerConnection& visit : life->visits) {
          if (stage_->user_actor(visit.user) == entry.actor) visit.viewed.typed += text;
        }
      }
    }
    if (is(entry, trace::Fact::output_returned)) {
      std::string& handed = life->account.handed;
      handed.resize(handed.size() - std::min<std::size_t>(handed.size(), entry.values[0]));
    }
    if (is(entry, trace::Refusal::viewer_there)) ++life->account.refused_viewers;
  }

  /// The existing domain in this place, or null.
  Life* living(DomainId place) {
    const auto found = places_.find(place);
    return found == places_.end() || !lives_[found->second].exists ? nullptr : &lives_[found->second];
  }

  /// The viewer of a domain, or null. A pty that is opened while its last reader leaves may be hung up.
  ViewerConnection* open_visit(Life& life) {
    if (life.visits.empty()) return nullptr;
    ViewerConnection& visit = life.visits.back();
    if (ptys() && stage_->user_cut_off(visit.user)) visit.open = false;
    return visit.open ? &visit : nullptr;
  }

  // -- time

  void pass(Duration duration) {
    const Time until = stage_->now() + duration;
    while (stage_->advance(until)) {
    }
  }
  [[nodiscard]] bool rest() { return stage_->settle(stage_->now() + rest_max); }

  // -- the steps; false: the step is not possible now

  bool carry_out(const PlanStep& its) {
    Life* life = living(its.domain);
    ViewerConnection* visit = life == nullptr ? nullptr : open_visit(*life);
    if (world_ == nullptr && left_out(its.what, life, visit)) return false;
    switch (its.what) {
      case StepAction::create:
        return life == nullptr && create(its.domain);
      case StepAction::print:
        if (life == nullptr || life->program_ended) return false;
        if (!stage_->print(life->id, printed_text(life->account.printed, its.amount))) return false;
        life->account.printed += its.amount;
        return true;
      case StepAction::type:
        if (visit == nullptr) return false;
        if (!stage_->user_types(visit->user, typed_text(visit->viewed.connection, visit->asked, its.amount),
                                script::Typing::once))
          return false;
        visit->asked += its.amount;
        return true;
      case StepAction::viewer_connects:
        return life != nullptr && visit == nullptr && visit_of(*life);
      case StepAction::viewer_leaves:
        if (visit == nullptr) return false;
        leave(*visit);
        return true;
      case StepAction::viewer_ends_typing:
        // Only a socket can be shut down on one side.
        if (visit == nullptr || ptys() || !stage_->user_ends_typing(visit->user)) return false;
        visit->open = false;
        return true;
      case StepAction::viewer_stops_reading:
      case StepAction::viewer_reads:
        if (visit == nullptr) return false;
        visit->reads = its.what == StepAction::viewer_reads;
        return static_cast<bool>(stage_->user_reads(visit->user, visit->reads));
      case StepAction::program_ends:
        if (life == nullptr || !stage_->end(life->id, 0)) return false;
        life->program_ended = true;
        return true;
      case StepAction::guest_killed:
        if (life == nullptr || !stage_->kill(life->id)) return false;
        life->account.fate = DomainOutcome::cut;
        return true;
      case StepAction::destroy:
        if (life == nullptr || !stage_->destroy(life->id)) return false;
        life->account.fate = DomainOutcome::cut;
        life->exists = false;
        return true;
      case StepAction::pause:
        if (life == nullptr || !stage_->pause(life->id)) return false;
        life->paused = true;
        return true;
      case StepAction::unpause:
        if (life == nullptr || !stage_->unpause(life->id)) return false;
        life->paused = false;
        return true;
      case StepAction::guest_stops_taking:
      case StepAction::guest_takes:
        return life != nullptr && stage_->answering(life->id, its.what == StepAction::guest_takes);
      case StepAction::suspend:
        return life != nullptr && stage_->suspend(life->id);
      case StepAction::resume:
        return life != nullptr && stage_->resume(life->id);
      case StepAction::kill_xcs:
        return kill(Daemon::xcs);
      case StepAction::kill_console_daemon:
        return kill(daemons_->console_daemon());
      case StepAction::stop_xcs:
        return daemons_->stop(Daemon::xcs);
      case StepAction::stop_console_daemon:
        return daemons_->stop(daemons_->console_daemon());
      case StepAction::start_xcs:
        return daemons_->start(Daemon::xcs).empty();
      case StepAction::start_console_daemon:
        return daemons_->start(daemons_->console_daemon()).empty();
      case StepAction::lose_events:
        return life != nullptr && disturb_events(life->id, its.amount, StageFault::Effect::drop);
      case StepAction::delay_events:
        return life != nullptr && disturb_events(life->id, its.amount, StageFault::Effect::delay);
      case StepAction::double_events:
        return life != nullptr && disturb_events(life->id, its.amount, StageFault::Effect::duplicate);
      case StepAction::late_bytes:
        return !ptys() && static_cast<bool>(stage_->fault({.effect = StageFault::Effect::delay,
                                                           .traffic = StageFault::Traffic::message,
                                                           .from = trace::actor(trace::Role::xcs),
                                                           .to = trace::actor(trace::Role::xend),
                                                           .next = its.amount,
                                                           .by = 300us}));
      case StepAction::heal:
        return static_cast<bool>(stage_->heal());
      case StepAction::half_session:
        return !ptys() && hostile_clients_->half_session();
      case StepAction::half_frame:
        return !ptys() && hostile_clients_->half_frame(its.amount);
      case StepAction::unreading_client:
        return !ptys() && life != nullptr && hostile_clients_->unreading_client(life->id);
      case StepAction::clients_leave:
        hostile_clients_->leave();
        return true;
      case StepAction::accepts_fail:
        world_->fail_accepts(its.amount);
        return true;
      case StepAction::xcs_no_descriptors:
        return exhaust(Daemon::xcs, true);
      case StepAction::console_daemon_no_descriptors:
        return exhaust(daemons_->console_daemon(), true);
      case StepAction::disk_full:
        world_->fill_disk(true);
        return true;
      case StepAction::resources_return:
        return_resources();
        return true;
      case StepAction::clock_jumps:
        pass(std::chrono::seconds(its.amount));
        return true;
    }
    return false;
  }

  /// Between processes: steps that only a simulated machine can do, and steps that would wait in real time
  /// for a stopped daemon or for a guest that cannot suspend now.
  [[nodiscard]] bool left_out(StepAction what, const Life* life, const ViewerConnection* visit) const {
    if (what >= StepAction::accepts_fail && what != StepAction::resources_return) return true;
    if (what != StepAction::create && what != StepAction::suspend && what != StepAction::resume) return false;
    if (!daemons_->serve()) return true;
    return what == StepAction::suspend && life != nullptr &&
           (life->paused || life->program_ended || (visit != nullptr && !visit->reads));
  }

  bool create(DomainId place) {
    const auto id = static_cast<DomainId>(lives_.size() + 1);
    lives_.emplace_back().id = id;
    if (!stage_->create(id, GuestProgram::script)) {
      lives_.back().exists = false;
      lives_.back().account.fate = DomainOutcome::cut;
      return false;
    }
    places_[place] = lives_.size() - 1;
    return static_cast<bool>(stage_->unpause(id));
  }

  bool visit_of(Life& life) {
    const auto number = ++connections_;
    std::string user = fmt::format("{}", number);
    if (!stage_->user_connects(user, life.id, number % 2 == 0 ? script::Way::tcp : script::Way::local))
      return false;
    ViewerConnection& visit = life.visits.emplace_back();
    visit.user = std::move(user);
    visit.viewed.connection = number;
    return true;
  }
  void leave(ViewerConnection& visit) {
    (void)stage_->user_disconnects(visit.user);
    visit.open = false;
    visit.viewed.left = true;
    // xenctld takes back what was not read in a pty.
    visit.viewed.output_lost = !ptys();
  }

  // -- daemons

  bool kill(Daemon daemon) {
    if (!daemons_->kill(daemon)) return false;
    if (daemon == Daemon::xcs) hostile_clients_->leave();
    if (daemon == daemons_->console_daemon()) {
      for (Life& life : lives_) cut_off(life);
    }
    return true;
  }
  /// Called when the console daemon dies. It serves the viewers of a console one after another, so xend has
  /// taken all input of those before the last one. A pty is lost with all bytes in it.
  void cut_off(Life& life) {
    bool served_one = false;
    for (auto visit = life.visits.rbegin(); visit != life.visits.rend(); ++visit) {
      visit->viewed.input_lost = true;
      visit->open = false;
      if (!served_one && ptys()) visit->viewed.output_lost = true;
      const std::string_view saw = stage_->user_saw(visit->user);
      served_one = served_one || (!saw.empty() && !saw.starts_with("Cannot connect"));
      if (served_one && !ptys()) break;
    }
  }

  // -- faults

  bool disturb_events(DomainId domain, std::uint32_t count, StageFault::Effect effect) {
    const trace::Actor guest = trace::actor(trace::Role::domain, domain);
    const bool up = count % 2 == 0;
    return static_cast<bool>(stage_->fault({.effect = effect,
                                            .from = up ? guest : channel_end(),
                                            .to = up ? channel_end() : guest,
                                            .next = count,
                                            .by = effect == StageFault::Effect::drop ? Duration{0} : 200us}));
  }
  bool exhaust(Daemon daemon, bool exhausted) {
    if (!daemons_->up(daemon)) return false;
    world_->exhaust_descriptors(world_->host(script::name_of(daemon)), exhausted);
    return true;
  }
  void return_resources() {
    if (world_ == nullptr) return;
    (void)exhaust(Daemon::xcs, false);
    (void)exhaust(daemons_->console_daemon(), false);
    world_->fill_disk(false);
    world_->fail_accepts(0);
  }

  // -- the end

  /// Removes all faults, lets all work finish, and checks the account of each domain.
  std::string at_rest() {
    return_resources();
    (void)stage_->heal();
    hostile_clients_->leave();
    if (world_ != nullptr) pass(past_timeouts);
    if (std::string why = daemons_->start_all(); !why.empty()) return why;
    return_resources();
    for (const Life& life : lives_) {
      for (const ViewerConnection& visit : life.visits) (void)stage_->user_reads(visit.user, true);
      if (!life.exists) continue;
      (void)stage_->answering(life.id, true);
      (void)stage_->unpause(life.id);
    }
    if (!rest()) return "it does not come to rest";
    for (const Life& life : lives_) {
      if (!life.exists) continue;
      // Repeats events that may have been lost. One of them may announce a request to suspend.
      const trace::Actor guest = trace::actor(trace::Role::domain, life.id);
      (void)stage_->notify(guest, channel_end());
      (void)stage_->notify(channel_end(), guest);
    }
    if (!rest()) return "it does not come to rest after its last events";
    // A domain with several pending requests to suspend suspends once for each, the last time perhaps only
    // after a round that found no domain to resume. If the daemon carries out a resume after its caller has
    // given up, the domain stays paused.
    int quiet = 0;
    for (int round = 0; round < resume_rounds_max && quiet < quiet_rounds_wanted; ++round) {
      quiet = resume_all() ? 0 : quiet + 1;
      for (const Life& life : lives_) {
        if (life.exists) (void)stage_->unpause(life.id);
      }
      if (!rest()) return "it does not come to rest with all domains resumed and unpaused";
    }
    for (Life& life : lives_) {
      std::string mistake = last_visit(life);
      if (mistake.empty()) mistake = byte_total_error(life);
      if (!mistake.empty()) return fmt::format("dom{}: {}", life.id, mistake);
    }
    return {};
  }

  /// Resumes all domains. True if one of them was suspended.
  bool resume_all() {
    bool any = false;
    for (const Life& life : lives_) any |= life.exists && static_cast<bool>(stage_->resume(life.id));
    return any;
  }

  /// Lets the connected viewer read on; connects one if there is none.
  std::string last_visit(Life& life) {
    if (!life.exists) return {};
    bool served = false;
    for (int visits = 0; visits < visits_max; ++visits) {
      if (open_visit(life) == nullptr && !visit_of(life)) break;
      ViewerConnection& visit = life.visits.back();
      (void)stage_->user_reads(visit.user, true);
      if (!rest()) return "it does not come to rest while it is read";
      served = !stage_->user_saw(visit.user).starts_with("Cannot connect");
      if (served) break;
      visit.open = false;
    }
    // Unpausing fails if the domain does not exist any more.
    life.exists = static_cast<bool>(stage_->unpause(life.id));
    if (!life.exists && life.account.fate == DomainOutcome::lives) life.account.fate = DomainOutcome::ended;
    if (!life.exists || served) return {};
    return "no viewer can connect to its console";
  }

  std::string byte_total_error(Life& life) {
    life.account.read = stage_->program_read(life.id);
    life.account.pty_stays = dom0_ == script::Dom0::xenconsoled;
    life.account.viewers.clear();
    for (const ViewerConnection& visit : life.visits) {
      life.account.viewers.push_back(visit.viewed);
      life.account.viewers.back().saw = stage_->user_saw(visit.user);
    }
    return mistake_in(life.account, flow_, life.id);
  }

  /// Once domains and users are gone, the daemons of a simulated machine must hold no more than at first.
  std::string after_all(const std::map<std::string, std::size_t>& handles) {
    for (const Life& life : lives_) (void)stage_->destroy(life.id);
    if (!rest()) return "it does not come to rest without domains";
    for (Life& life : lives_) {
      if (ViewerConnection* visit = open_visit(life)) leave(*visit);
    }
    if (world_ == nullptr) return {};
    pass(past_timeouts);
    for (const auto& [what, count] : open_handles()) {
      const auto found = handles.find(what);
      const std::size_t before = found == handles.end() ? 0 : found->second;
      if (count > before) return fmt::format("left over: {} of {} (there were {})", count, what, before);
    }
    const auto files = world_->kept_files();
    return files.empty() ? std::string() : fmt::format("left over: {}", fmt::join(files, ", "));
  }

  [[nodiscard]] std::map<std::string, std::size_t> open_handles() {
    return world_ == nullptr ? std::map<std::string, std::size_t>() : handles_of_daemons(*world_);
  }
  [[nodiscard]] bool ptys() const { return dom0_ != script::Dom0::xcs_xend; }
  /// The daemon that has dom0's end of the guests' channels.
  [[nodiscard]] trace::Actor channel_end() const {
    return trace::actor(ptys() ? script::role_of(script::console_keeper(dom0_)) : trace::Role::xcs);
  }

  script::Dom0 dom0_;
  trace::Journaled* journal_;
  trace::Flow flow_;
  std::vector<Life> lives_;
  std::map<DomainId, std::size_t> places_;  ///< from a plan's domain to its present index in `lives_`
  std::uint32_t connections_ = 0;
  std::unique_ptr<script::Stage> stage_;
  SimWorld* world_ = nullptr;  ///< null between processes
  std::optional<Daemons> daemons_;
  std::optional<HostileClients> hostile_clients_;
};

}  // namespace

Outcome carry_out(std::uint64_t seed, const Plan& plan, const TrialOptions& options) {
  return Trial(seed, options).run(plan);
}

}  // namespace ringside::chaos
