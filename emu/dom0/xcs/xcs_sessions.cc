// Sessions and bindings.
#include "emu/dom0/xcs/xcs_sessions.h"

#include <algorithm>

namespace ringside::dom0 {

// -- bindings

bool XcsBindings::valid(std::int32_t port, std::uint16_t type) {
  const bool port_valid =
      port == xcs_port_wildcard || (port >= 0 && static_cast<ring::Port>(port) < ring::ports_per_domain);
  return port_valid && (type < 256 || type == xcs_type_wildcard || type == xcs_type_virq);
}

XcsBindings::Added XcsBindings::add(XcsSession& session, std::int32_t port, std::uint16_t type) {
  Keys& keys = keys_of(port);
  const Key key{type, &session};
  if (std::find(keys.begin(), keys.end(), key) != keys.end()) return Added::there_already;
  if (count_ == xcs_bindings_max) return Added::limit;
  keys.push_back(key);
  ++count_;
  return Added::added;
}

std::optional<XcsBindings::Place> XcsBindings::same_hash(const XcsSession& session, std::int32_t port,
                                                         std::uint16_t type) const {
  const auto bucket = [](std::int32_t of_port, std::uint16_t of_type) {
    return ((static_cast<std::uint32_t>(of_port) * 11u) ^ of_type) % 1024u;
  };
  for (std::size_t at = 0; at < keys_.size(); ++at) {
    const auto its_port = at == ring::ports_per_domain ? xcs_port_wildcard : static_cast<std::int32_t>(at);
    for (const Key& key : keys_[at]) {
      if (key.session != &session || bucket(its_port, key.type) != bucket(port, type)) continue;
      return Place{its_port, key.type};
    }
  }
  return {};
}

template <class Which>
void XcsBindings::erase(Keys& keys, Which which) {
  count_ -= std::erase_if(keys, which);
}

void XcsBindings::remove(XcsSession& session, std::int32_t port, std::uint16_t type) {
  erase(keys_of(port), [&](const Key& key) { return key == Key{type, &session}; });
}

void XcsBindings::remove_session(const XcsSession& session) {
  for (Keys& keys : keys_) {
    erase(keys, [&](const Key& key) { return key.session == &session; });
  }
}

void XcsBindings::remove_port(ring::Port port) {
  erase(keys_of(static_cast<std::int32_t>(port)), [](const Key&) { return true; });
}

std::size_t XcsBindings::matches(const XcsSession& session, ring::Port port, std::uint16_t type) const {
  std::size_t count = 0;
  for_each(port, type, [&](const XcsSession& bound) { count += &bound == &session ? 1 : 0; });
  return count;
}

// -- sessions

/// A finaliser like that of splitmix64, keyed twice with the seed, so that one id does not reveal the next.
std::uint64_t XcsSessions::new_id() {
  const auto mix = [](std::uint64_t value) {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
  };
  for (;;) {
    const std::uint64_t id = mix(mix(seed_ + ++drawn_ * 0x9e3779b97f4a7c15u) ^ mix(~seed_));
    if (id != 0 && find(id) == nullptr) return id;
  }
}

XcsSession* XcsSessions::find(std::uint64_t id) const {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.get();
}

XcsSessions::Connected XcsSessions::connect_control(std::uint64_t id, XcsConnectionNumber connection) {
  if (id == 0) {
    if (sessions_.size() == xcs_sessions_max) return {XCS_RSLT_FAILED, nullptr};
    auto session = std::make_unique<XcsSession>();
    session->id = new_id();
    session->control = connection;
    XcsSession& made = *session;
    sessions_.emplace(made.id, std::move(session));
    return {XCS_RSLT_OK, &made};
  }
  XcsSession* session = find(id);
  if (session == nullptr) return {XCS_RSLT_BADSESSION, nullptr};
  if (session->control != 0) return {XCS_RSLT_CONINUSE, nullptr};
  session->control = connection;
  return {XCS_RSLT_OK, session};
}

XcsSessions::Connected XcsSessions::connect_data(std::uint64_t id, XcsConnectionNumber connection) {
  XcsSession* session = find(id);
  if (session == nullptr) return {XCS_RSLT_BADSESSION, nullptr};
  if (session->data != 0) return {XCS_RSLT_CONINUSE, nullptr};
  session->data = connection;
  return {XCS_RSLT_OK, session};
}

void XcsSessions::leave(XcsSession& session, XcsConnectionNumber connection, Time now) {
  if (session.control == connection) session.control = 0;
  if (session.data == connection) session.data = 0;
  session.unconnected_since = now;
}

std::vector<XcsSession*> XcsSessions::expired(Time now) const {
  std::vector<XcsSession*> found;
  for (const auto& [id, session] : sessions_) {
    if (session->is_unconnected() && now - session->unconnected_since >= xcs_session_unconnected_max)
      found.push_back(session.get());
  }
  return found;
}

std::vector<XcsSession*> XcsSessions::overrun() const {
  std::vector<XcsSession*> found;
  for (const auto& [id, session] : sessions_) {
    if (session->overrun) found.push_back(session.get());
  }
  return found;
}

bool XcsSessions::any_unconnected() const {
  return std::any_of(sessions_.begin(), sessions_.end(),
                     [](const auto& each) { return each.second->is_unconnected(); });
}

void XcsSessions::remove(XcsSession& session) {
  bindings_.remove_session(session);
  sessions_.erase(session.id);
}

}  // namespace ringside::dom0
