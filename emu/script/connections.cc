// Users and raw clients, and the known state of their connections.
#include "emu/script/connections.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace ringside::script {

namespace {

std::size_t place_of(Side side) {
  return static_cast<std::size_t>(side);
}

std::vector<Side> sides_of(std::optional<Side> side) {
  if (side) return {*side};
  return {Side::control, Side::data};
}

}  // namespace

void Connections::connects(const Connects& connects) {
  const Actor& user = connects.user;
  const std::uint32_t domain = connects.domain.domain;
  if (surely_at_.contains(user.name)) {
    diagnostics_.error("E041", user.span, fmt::format("{} is connected already", spelled(user)),
                       fmt::format("a second user has a name: user[b] connects to dom{}", domain));
  }
  // A console has one user: a second one is refused, and its connection closed.
  const bool is_free =
      std::ranges::none_of(surely_at_, [&](const auto& each) { return each.second == domain; });
  if (is_free) surely_at_.insert_or_assign(user.name, domain);
  users_.insert(user.name);
  left_.erase(user.name);
}

void Connections::disconnects(const Disconnects& disconnects, const Span& line) {
  surely_at_.erase(disconnects.user.name);
  left_.insert_or_assign(disconnects.user.name, line);
}

void Connections::acts(const Actor& user) {
  const auto left = left_.find(user.name);
  if (left == left_.end()) return;
  diagnostics_.error("E042", user.span, fmt::format("{} has left", spelled(user)),
                     fmt::format("line {} says so; it can connect again", left->second.line));
}

void Connections::ends(std::uint32_t domain) {
  std::erase_if(surely_at_, [&](const auto& each) { return each.second == domain; });
}

void Connections::may_end() {
  surely_at_.clear();
  for (auto& [name, sides] : clients_) {
    for (Connection& each : sides) each.is_certain = false;
  }
}

void Connections::opens(const Actor& client, std::optional<Side> side) {
  for (const Side each : sides_of(side)) clients_[client.name][place_of(each)] = {.is_open = true};
}

void Connections::connects(const Actor& client) {
  auto& its = clients_[client.name];
  if (std::ranges::any_of(its, &Connection::is_certain)) {
    diagnostics_.error("E041", client.span, fmt::format("{} is connected already", spelled(client)),
                       "a second client has a name: client[b] connects");
  }
  its.fill({.is_open = true, .is_certain = true});
}

void Connections::closes(const Actor& client, std::optional<Side> side, const Span& line) {
  side ? acts(client, *side, "to close") : needs_connection(client);
  for (const Side each : sides_of(side)) {
    Connection& its = clients_[client.name][place_of(each)];
    if (its.is_open) its = {.is_open = false, .closed_by = line};
  }
}

void Connections::acts(const Actor& client, Side side, std::string_view needs) {
  const auto known = clients_.find(client.name);
  if (known != clients_.end()) known->second[place_of(side)].is_certain = false;
  const Connection its = known == clients_.end() ? Connection{} : known->second[place_of(side)];
  if (its.is_open) return;
  diagnostics_.error(
      "E042", client.span,
      fmt::format("{} has no {} connection, which it needs {}", spelled(client), spelled(side), needs),
      its.closed_by.nowhere() ? fmt::format("a line above should say: {} connects", spelled(client))
                              : fmt::format("line {} closes it", its.closed_by.line));
}

void Connections::needs_connection(const Actor& client) {
  if (clients_.contains(client.name)) return;
  diagnostics_.error("E042", client.span, fmt::format("{} is not connected to anything", spelled(client)),
                     fmt::format("a line above should say: {} connects", spelled(client)));
}

}  // namespace ringside::script
