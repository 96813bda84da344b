// Carries one act out on a stage. It also records the circumstances that failure reports show: which domains
// and processes are paused, stalled, gone or under a fault, and since which line.
#pragma once

#include <map>
#include <set>
#include <string>

#include "emu/script/match.h"
#include "emu/script/stage.h"
#include "emu/script/syntax.h"

namespace ringside::script {

/// A condition that a line has caused and that still holds: "dom1 is paused".
struct Circumstance {
  std::string text;
  Span since;
};

class ActExecutor {
 public:
  ActExecutor(Stage& stage, ActorMap& actor_map) : stage_(stage), actor_map_(actor_map) {}

  /// Carries the act out now. Acts that wait for answers let virtual time pass. An error says why the act is
  /// impossible.
  [[nodiscard]] Result<> carry_out(const Act& act, const Span& line);

  /// All present circumstances, in the order of their lines.
  [[nodiscard]] std::vector<Circumstance> circumstances() const;

 private:
  Result<> life(const Life& act, const Span& line);
  Result<> suspension(const Suspension& act, const Span& line);
  Result<> slot(const WritesSlot& act);
  Result<> index(const SetsIndex& act);
  Result<> answering(const Answering& act, const Span& line);
  Result<> types(const Types& act);
  Result<> handles_pty(const HandlesPty& act);
  Result<> runs(const Runs& act, const Span& line);
  Result<> client_connects(const ClientConnects& act);
  Result<> client_closes(const ClientCloses& act);
  Result<> client_channel(const ClientChannel& act);
  Result<> client_sends(const ClientSends& act);
  Result<> client_frame(const Actor& client, Lane lane, const dom0::XcsMessage& frame);
  Result<> fault(const Fault& act, const Span& line);
  [[nodiscard]] trace::Actor on_stage(const Actor& actor) const;
  void note(const std::string& key, const std::string& text, const Span& line);
  void forget(const std::string& key) { circumstances_.erase(key); }

  Stage& stage_;
  ActorMap& actor_map_;
  std::set<std::uint32_t> created_;  ///< domains that do not run yet
  std::map<std::string, Circumstance> circumstances_;
  std::map<std::uint32_t, std::string> ptys_;  ///< the pty of each domain
};

}  // namespace ringside::script
