// The nodes, as libxenlight writes them.
#include "tools/machine/store_nodes.h"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "emu/host/launch.h"
#include "emu/host/store_client.h"

namespace ringside::tools {

namespace {

constexpr DomainId toolstack_domain = 0;
constexpr const char* all_domains = "/local/domain";
/// How much output xenconsoled keeps for a console; it discards older bytes.
constexpr const char* console_limit_bytes = "1048576";
constexpr std::chrono::seconds tty_patience{120};
constexpr std::chrono::milliseconds between_tty_looks{10};

std::string node_of(DomainId domain) {
  return fmt::format("{}/{}", all_domains, domain);
}

using Nodes = std::vector<std::pair<std::string, std::string>>;

Nodes name_nodes(const DomainInfo& info) {
  return {{"name", info.name}, {"domid", std::to_string(info.domain)}};
}

Nodes nodes_today(const DomainInfo& info) {
  return {{"console/backend-id", std::to_string(toolstack_domain)},
          {"console/limit", console_limit_bytes},
          {"console/type", "xenconsoled"},
          {"console/output", "pty"},
          {"console/tty", ""},
          {"console/port", std::to_string(info.console_port)},
          {"console/ring-ref", std::to_string(grant_console)},
          {"store/port", std::to_string(info.store_port)},
          {"store/ring-ref", std::to_string(grant_xenstore)}};
}

/// The nodes that the store does not have.
Result<Nodes> missing_nodes(StoreClient& store, const DomainInfo& info) {
  Nodes missing;
  const auto add_unless = [&](const char* node, const std::string& value, const Nodes& nodes) -> Result<> {
    auto present = store.read(fmt::format("{}/{}", node_of(info.domain), node));
    if (!present) return present.error();
    if (*present != value) missing.insert(missing.end(), nodes.begin(), nodes.end());
    return Done{};
  };
  if (auto added = add_unless("domid", std::to_string(info.domain), name_nodes(info)); !added)
    return added.error();
  if (!info.today()) return missing;
  if (auto added = add_unless("store/port", std::to_string(info.store_port), nodes_today(info)); !added)
    return added.error();
  return missing;
}

/// In a transaction: if another program adds the domain at the same time, one of the two finds nothing to do.
/// Otherwise it could clear `tty` after xenconsoled has written it.
Result<> add_domain(StoreClient& store, const DomainInfo& info) {
  auto missing = missing_nodes(store, info);
  if (!missing) return missing.error();
  if (missing->empty()) return Done{};
  auto written = store.transaction([&]() -> Result<> {
    missing = missing_nodes(store, info);
    if (!missing) return missing.error();
    for (const auto& [node, value] : *missing) {
      const auto done = store.write(fmt::format("{}/{}", node_of(info.domain), node), value);
      if (!done) return done;
    }
    return Done{};
  });
  if (!written) return written;
  return info.today() ? store.introduce(info.domain, info.store_port) : Done{};
}

}  // namespace

Result<> add_to_store(const Machine& machine, const DomainInfo& info) {
  auto store = StoreClient::connect(machine.store_socket());
  if (!store) return store.error();
  return add_domain(*store, info);
}

/// Asks the store first: a domain is in the hypervisor's list before it has nodes.
Result<> update_store(const Machine& machine, Privcmd& privcmd) {
  auto store = StoreClient::connect(machine.store_socket());
  if (!store) return store.error();
  auto known = store->directory(all_domains);
  if (!known) return known.error();
  auto domains = privcmd.domains();
  if (!domains) return domains.error();
  for (const std::string& id : *known) {
    const bool lives = std::ranges::any_of(
        *domains, [&](const DomainInfo& info) { return std::to_string(info.domain) == id; });
    if (lives) continue;
    if (auto removed = store->remove(fmt::format("{}/{}", all_domains, id)); !removed) return removed;
  }
  for (const DomainInfo& info : *domains) {
    // Without a console's port it is still being built.
    if (info.domain != toolstack_domain && info.console_port == any_port) continue;
    // xenstored refuses a domain that has closed its port. Only an xenstored that does not answer is a
    // failure.
    if (auto added = add_domain(*store, info); !added && added.error().code == EIO) return added;
  }
  return Done{};
}

Result<std::string> tty_in_store(const Machine& machine, DomainId domain) {
  auto store = StoreClient::connect(machine.store_socket());
  if (!store) return store.error();
  return store->read(node_of(domain) + "/console/tty");
}

Result<std::string> wait_for_tty(LinuxHost& host, DomainId domain) {
  const Machine& machine = host.machine();
  Result<std::string> tty = std::string();
  bool ended = false;
  std::function<void()> look = [&] {
    ended = !PidFile::holder(machine.pid_file("xenconsoled"));
    tty = tty_in_store(machine, domain);
    if (!tty || !tty->empty() || ended) return host.stop(0);
    host.timer_start(between_tty_looks, look);
  };
  const auto limit = host.timer_start(tty_patience, [&] { host.stop(0); });
  host.timer_start(Duration::zero(), look);
  host.run();
  host.timer_cancel(limit);
  if (!tty || !tty->empty()) return tty;
  return Error{EIO, "no console", fmt::format("domain {}", domain),
               ended ? "xenconsoled has ended" : "xenconsoled does not serve it",
               "its log: " + machine.log_file("xenconsoled")};
}

}  // namespace ringside::tools
