// The connections at a line of a scenario: users at consoles, raw clients at xcs.
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

/// Follows the acts of one run in order, and reports acts of users and clients that are not connected.
class Connections {
 public:
  explicit Connections(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  // -- users

  void connects(const Connects& connects);
  void disconnects(const Disconnects& disconnects, const Span& line);
  /// `user` does something at its console. It must have connected in an earlier line.
  void acts(const Actor& user);
  [[nodiscard]] bool has_connected(const Actor& user) const { return users_.contains(user.name); }

  /// The consoles of this domain have ended.
  void ends(std::uint32_t domain);
  /// From here on a connection may have ended, although no line says so.
  void may_end();

  // -- raw clients of xcs; without a side: both

  /// Opens the connections that are not open.
  void opens(const Actor& client, std::optional<Side> side);
  /// Opens both, which must not be open, and a session.
  void connects(const Actor& client);
  void closes(const Actor& client, std::optional<Side> side, const Span& line);
  /// `client` does something that needs this side: `needs` "for messages".
  void acts(const Actor& client, Side side, std::string_view needs);
  /// `client` is expected to receive something, or is told to do something: it must be connected.
  void needs_connection(const Actor& client);

 private:
  /// One side of a raw client.
  struct Connection {
    bool is_open = false;
    Span closed_by = {};
    bool is_certain = false;  ///< it is open, since no later line can have closed it
  };

  Diagnostics& diagnostics_;
  std::set<std::string> users_;                               ///< all users that have connected
  std::map<std::string, Span> left_;                          ///< those of them that have left, and the line
  std::map<std::string, std::uint32_t> surely_at_;            ///< connected for certain, and to which domain
  std::map<std::string, std::array<Connection, 2>> clients_;  ///< by Side
};

}  // namespace ringside::script
