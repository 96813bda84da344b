// The grants of all domains: frames that one domain shares with another, each named by its domain and a
// reference. The table makes the frame, so that a frame is always one sealed page, and owns it until the
// grant ends. Mappings of the frame stay valid after that.
//
// This is the table alone: the hypervisor checks who may call, and raises the events.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "emu/base/check.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"

namespace ringside::xen {

/// The most grants of one domain.
inline constexpr std::size_t grants_max = 2048;

class Grants {
 public:
  /// `host` and the journal's sink must outlive it.
  Grants(Host& host, trace::Journal journal);

  struct Plan {
    DomainId domain;
    DomainId grantee;
    std::uint32_t reference;  ///< or any_grant
    bool read_only;
    std::uint32_t connection;  ///< the grant ends with this connection; 0 = with the domain
  };
  struct Made {
    std::uint32_t reference;
    Handle frame;  ///< for the domain that grants it
  };
  /// EINVAL: no such reference. EEXIST: it is in use. ENOSPC: grants_max. Others as Host::frame_create.
  Result<Made> share(const Plan& plan);
  /// `connection`: 0, or the one that the grant must belong to. ENOENT: no such grant.
  Result<> end(DomainId domain, std::uint32_t reference, std::uint32_t connection = 0);
  /// A handle for the domain that the frame is granted to, or for the domain itself. ENOENT: no such grant.
  /// EACCES: granted to another domain, or for reading only.
  Result<Handle> map(DomainId domain, std::uint32_t reference, DomainId grantee, bool read_only);
  /// When the connection is gone, the byte at `offset` is set to 0, and connection_gone returns `port`.
  /// ENOENT: no such grant. EINVAL: `offset` is beyond the frame.
  Result<> notify(DomainId domain, std::uint32_t reference, std::uint64_t offset, std::uint32_t connection,
                  ring::Port port);

  /// Ends the grants that belong to the connection. Returns the ports of its notifications, on which the
  /// caller sends an event.
  std::vector<ring::Port> connection_gone(std::uint32_t connection);
  /// Ends the grants of the domain, and those to it: another domain may get its id.
  void remove_domain(DomainId domain);

 private:
  struct Notify {
    std::size_t offset;
    std::uint32_t connection;
    ring::Port port;
  };
  struct Grant {
    DomainId grantee = 0;
    bool read_only = false;
    std::uint32_t connection = 0;
    Handle frame;
    std::vector<Notify> notifies;
    Mapping mapping;  ///< valid if there are notifies
  };
  using References = std::map<std::uint32_t, Grant>;

  [[nodiscard]] Result<std::uint32_t> choose(const Plan& plan);
  [[nodiscard]] Result<Grant*> find(DomainId domain, std::uint32_t reference);

  Host* host_;
  trace::Journal journal_;
  std::map<DomainId, References> domains_;
};

}  // namespace ringside::xen
