// Who is connected at a line of a scenario: users at consoles, raw clients at xcs.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "emu/script/source.h"
#include "emu/script/syntax.h"

namespace ringside::script {

/// Follows the acts of one run in their order, and reports those of somebody who is not connected.
class Connections {
 public:
  explicit Connections(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  // -- users

  void connects(const Connects& connects);
  void disconnects(const Disconnects& disconnects, const Span& line);
  /// `user` does something at its console. It has connected at some time.
  void acts(const Actor& user);
  [[nodiscard]] bool has_connected(const Actor& user) const { return users_.contains(user.name); }

  /// The consoles of this domain have ended.
  void ends(std::uint32_t domain);
  /// From here on a connection may have ended without a line that says so.
  void may_end();

  // -- raw clients of xcs; no side: both

  /// It makes the connections if they are not there.
  void opens(const Actor& client, std::optional<Side> side);
  /// It makes both, which must not be there, and a session.
  void connects(const Actor& client);
  void closes(const Actor& client, std::optional<Side> side, const Span& line);
  /// `client` does something that needs this side: `needs` "for messages".
  void acts(const Actor& client, Side side, std::string_view needs);
  /// `client` may be told something, or is told what to do: it has connected.
  void hears(const Actor& client);

 private:
  /// One side of a raw client.
  struct Connection {
    bool is_open = false;
    Span closed_by = {};
    bool surely = false;  ///< it is open: nothing that followed can have closed it
  };

  Diagnostics& diagnostics_;
  std::set<std::string> users_;                     ///< who has connected so far
  std::map<std::string, Span> left_;                ///< those of them who have left, and the line
  std::map<std::string, std::uint32_t> surely_at_;  ///< those of whom it is known, and at which domain
  std::map<std::string, std::array<Connection, 2>> clients_;  ///< by Side
};

}  // namespace ringside::script
