// The table of living domains: ids, names, frames and states. It owns the domains and, through them, their
// frames, kicks and process handles; removing a domain releases all of them.
//
// It decides only which domains may exist (ids, names, limits); hypervisor.cc handles the life of a domain.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "emu/base/check.h"
#include "emu/host/host.h"
#include "emu/xen/kicks.h"

namespace ringside::xen {

inline constexpr DomainId dom0_id = 0;
inline constexpr std::string_view dom0_name = "Domain-0";
/// Besides dom0.
inline constexpr std::size_t domains_max = domain_id_max;
/// The first machine frame number. Any number but 0 is possible; 0 means "none".
inline constexpr std::uint32_t first_frame_number = 0x1000;

struct Domain {
  DomainInfo info;  ///< as domain_info returns it
  Handle frame;     ///< its shared_info
  Mapping mapping;  ///< the hypervisor's mapping of `frame`
  Kicks kicks;      ///< of its vcpu; in dom0 each port has its own instead, see event_channels.h
  Handle process;   ///< invalid: not set yet, or ended
  /// Event bits for the ports of programs of today, in a page like shared_info. The kernel of a guest would
  /// take their events for its own. Made for the first program.
  Handle program_frame;
  Mapping program_mapping;
  /// The connection that is building the domain, until it is unpaused or has a process.
  std::optional<std::uint32_t> builder;

  [[nodiscard]] std::string_view name() const { return info.name; }
  /// Shut down, suspended or crashed.
  [[nodiscard]] bool over() const { return info.state.shutdown != 0 || info.state.crashed != 0; }
};

struct DomainPlan {
  std::string_view name = {};  ///< empty: "dom<id>"
  ring::Abi abi = ring::Abi::sring;
  std::uint32_t memory_kib = 0;
  bool preserve = false;
  DomainId id = 0;  ///< 0 = any
};

class DomainTable {
 public:
  /// `host` must outlive the table. At most `domains_max` domains besides dom0.
  DomainTable(Host& host, std::size_t domains_max);

  /// Called once, first.
  Result<> add_dom0(ring::Abi abi);
  /// Adds a paused domain with a zeroed frame. EINVAL: invalid name or id. EEXIST: a living domain has the
  /// name or the id, or a connection has the id. ENOMEM: no domain or id is free. Others: the host could not
  /// make its frame or kicks.
  Result<Domain*> add(const DomainPlan& plan);
  /// Gives a resumed domain a new frame with a new number, and releases the old one. The control interface
  /// and the controller's words (its tagged requests, its count of lost bytes) are copied from the old frame;
  /// the rest is as in a fresh frame.
  Result<> change_frame(Domain& domain);
  /// Its id is reused only after all other ids.
  void remove(DomainId domain);

  /// Null when there is none. Valid until the domain is removed.
  [[nodiscard]] Domain* find(DomainId domain);
  /// For ids that are known to exist.
  [[nodiscard]] Domain& living(DomainId domain) { return domains_.at(domain); }
  /// The first domain with an id >= `first`, or null.
  [[nodiscard]] Domain* first_from(DomainId first);

  /// Makes the domain's page for programs, unless it exists.
  Result<> provide_program_frame(Domain& domain);

  /// Counts connections of a guest's kernel and of programs in it. They may outlive the guest, and its id is
  /// not given to another domain while one exists.
  void connection_made(DomainId domain, bool program);
  /// True when that was the last one of its kernel.
  bool connection_gone(DomainId domain, bool program);

 private:
  [[nodiscard]] Result<> check_name(std::string_view name) const;
  [[nodiscard]] bool name_taken(std::string_view name) const;
  [[nodiscard]] Result<DomainId> choose_id(const DomainPlan& plan) const;
  Result<Domain*> build(DomainId domain, const DomainPlan& plan, std::string_view name);
  Result<> give_frame(Domain& domain);

  Host* host_;
  std::size_t domains_max_;
  std::map<DomainId, Domain> domains_;
  struct Connections {
    std::uint32_t kernel = 0;
    std::uint32_t programs = 0;
  };
  std::map<DomainId, Connections> connections_;
  DomainId last_id_ = 0;
  std::uint32_t next_frame_number_ = first_frame_number;
};

}  // namespace ringside::xen
