// xcs's records about its clients: sessions, each with up to two connections, and bindings (which session
// receives which control messages). Records only: it owns the sessions. It knows connections by number and
// channels by dom0's port, and owns neither.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "emu/base/check.h"
#include "emu/dom0/xcs/xcs_frames.h"
#include "emu/dom0/xcs/xcs_proto.h"
#include "emu/host/host.h"
#include "ring/event_bits.h"

namespace ringside::dom0 {

inline constexpr std::size_t xcs_sessions_max = 128;
inline constexpr std::size_t xcs_bindings_max = 16384;
/// The time for which a session without connections is kept, so that its client can return.
inline constexpr Duration xcs_session_unconnected_max = std::chrono::seconds(10);

/// Of a connection; 0 = none.
using XcsConnectionNumber = std::uint32_t;

struct XcsSession {
  std::uint64_t id = 0;
  XcsConnectionNumber control = 0;
  XcsConnectionNumber data = 0;
  XcsOutput output;           ///< for the data connection; survives its loss
  bool numbers = false;       ///< asked for XCS_NUMBERS
  bool overrun = false;       ///< did not read, and reached the limit: to be closed
  Time unconnected_since{0};  ///< when the last of its connections left

  [[nodiscard]] bool is_unconnected() const { return control == 0 && data == 0; }
};

/// Bindings: keys of (port, control message type), either of which may be a wildcard.
class XcsBindings {
 public:
  /// A port is 0..1023 or the wildcard; a type is below 256, the wildcard, or "virq".
  [[nodiscard]] static bool valid(std::int32_t port, std::uint16_t type);

  enum class Added : std::uint8_t { added, there_already, limit };
  /// `port` and `type` are valid here and below.
  [[nodiscard]] Added add(XcsSession& session, std::int32_t port, std::uint16_t type);
  /// The session's key, if any, that had the same place in the hash table of 2005 as (port, type).
  struct Place {
    std::int32_t port;
    std::uint16_t type;
  };
  [[nodiscard]] std::optional<Place> same_hash(const XcsSession& session, std::int32_t port,
                                               std::uint16_t type) const;
  /// A key that does not exist is ignored.
  void remove(XcsSession& session, std::int32_t port, std::uint16_t type);
  void remove_session(const XcsSession& session);
  /// All keys of exactly that port; wildcards stay.
  void remove_port(ring::Port port);

  /// Calls `each(session)` for all sessions that are bound to (port, type), once for each matching key: those
  /// of (port, type) first, then (port, *), (*, type), (*, *), and for one key in the order of binding.
  template <class Each>
  void for_each(ring::Port port, std::uint16_t type, Each each) const {
    for (const auto* keys : {&keys_of(static_cast<std::int32_t>(port)), &keys_of(xcs_port_wildcard)}) {
      for (const std::uint16_t wanted : {type, xcs_type_wildcard}) {
        for (const Key& key : *keys) {
          if (key.type == wanted) each(*key.session);
        }
      }
    }
  }
  /// How many keys of `session` match.
  [[nodiscard]] std::size_t matches(const XcsSession& session, ring::Port port, std::uint16_t type) const;

 private:
  struct Key {
    std::uint16_t type;
    XcsSession* session;
    friend bool operator==(const Key&, const Key&) = default;
  };
  using Keys = std::vector<Key>;

  [[nodiscard]] const Keys& keys_of(std::int32_t port) const {
    return keys_[port == xcs_port_wildcard ? ring::ports_per_domain : static_cast<std::size_t>(port)];
  }
  [[nodiscard]] Keys& keys_of(std::int32_t port) {
    return const_cast<Keys&>(std::as_const(*this).keys_of(port));
  }
  template <class Which>
  void erase(Keys& keys, Which which);

  std::array<Keys, ring::ports_per_domain + 1> keys_;  ///< the last one: the wildcard port's
  std::size_t count_ = 0;
};

class XcsSessions {
 public:
  /// Ids are drawn from `seed`: without the seed they cannot be guessed.
  explicit XcsSessions(std::uint64_t seed) : seed_(seed) {}

  struct Connected {
    XcsResult result = XCS_RSLT_OK;
    XcsSession* session = nullptr;  ///< when OK; valid until it is removed
  };
  /// A control connection of a new session (id 0), or of a session that lost its own. FAILED: there are too
  /// many.
  [[nodiscard]] Connected connect_control(std::uint64_t id, XcsConnectionNumber connection);
  [[nodiscard]] Connected connect_data(std::uint64_t id, XcsConnectionNumber connection);
  /// The connection is gone.
  void leave(XcsSession& session, XcsConnectionNumber connection, Time now);
  /// The sessions that have been without connections for too long.
  [[nodiscard]] std::vector<XcsSession*> expired(Time now) const;
  [[nodiscard]] std::vector<XcsSession*> overrun() const;
  [[nodiscard]] bool any_unconnected() const;
  /// Removes the session with its bindings.
  void remove(XcsSession& session);

  [[nodiscard]] XcsBindings& bindings() { return bindings_; }
  [[nodiscard]] std::size_t count() const { return sessions_.size(); }

 private:
  [[nodiscard]] std::uint64_t new_id();
  [[nodiscard]] XcsSession* find(std::uint64_t id) const;

  std::uint64_t seed_;
  std::uint64_t drawn_ = 0;
  std::map<std::uint64_t, std::unique_ptr<XcsSession>> sessions_;
  XcsBindings bindings_;
};

}  // namespace ringside::dom0
