// The language server for scenarios: what an editor asks, and the answers. It uses no streams; command.cc
// reads and writes them.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "emu/script/scenario_template.h"

namespace ringside::tools {

enum class SessionState : std::uint8_t { starting, serving, shut_down, ended_in_order, ended_early };

/// A scenario that is open in the editor.
struct Document {
  std::string uri;
  std::string text;
  script::Script script;  ///< the text as the parser reads it, with all errors
};

class LanguageServer {
 public:
  using Send = std::function<void(const std::string& message)>;

  /// `disk` reads included files that are not open. `send` sends a message to the editor.
  LanguageServer(script::Reader disk, Send send) : disk_(std::move(disk)), send_(std::move(send)) {}

  /// Handles a message, which may be any bytes, and returns the state after it.
  SessionState take(const std::string& message);

 private:
  nlohmann::json answer(const std::string& method, const nlohmann::json& params);
  void handle_notification(const std::string& method, const nlohmann::json& params);
  void check();
  Document& document_in(const nlohmann::json& params);
  void send(nlohmann::json message);
  void notify(const char* method, const nlohmann::json& params);

  script::Reader disk_;
  Send send_;
  SessionState state_ = SessionState::starting;
  std::map<std::string, Document> documents_;  ///< by path
  std::set<std::string> shown_;                ///< URIs for which the editor shows diagnostics
};

}  // namespace ringside::tools
