// The part of a hypervisor that dom0's code needs, on the simulated host: domains with frames, event
// channels, virqs. It obeys all callers; the real one is tested elsewhere.
#pragma once

#include <cerrno>
#include <map>
#include <memory>
#include <vector>

#include "emu/host/sim.h"
#include "ring/event_bits.h"

namespace ringside::test {

class FakeHypervisor {
 public:
  explicit FakeHypervisor(SimWorld& world) : host_(world.host("xen")) {
    add_domain(0);
    HypercallServer server;
    server.call = [this](const HypercallCaller& caller, const HypercallArguments& arguments,
                         std::vector<Handle>& handles) { return call(caller, arguments, handles); };
    server.gone = [](const HypercallCaller&) {};
    RS_CHECK(host_.hypercalls_serve(std::move(server)).ok());
  }

  void add_domain(DomainId id, ring::Abi abi = ring::Abi::sring) {
    Domain& domain = domains_[id];
    domain.info.domain = id;
    domain.info.abi = abi;
    domain.info.shared_info_frame = next_frame_++;
    domain.frame = host_.frame_create().value();
    domain.mapping = host_.frame_map(domain.frame).value();
    domain.kicks = host_.kicks_create().value();
  }

  /// Destroys a domain: its ports close, and the other ends become unbound.
  void remove_domain(DomainId id) {
    const auto ports = domains_.at(id).ports;
    for (const auto& [port, status] : ports) close(id, port);
    domains_.erase(id);
  }

  [[nodiscard]] DomainInfo& info(DomainId id) { return domains_.at(id).info; }
  void set_console_port(DomainId id, ring::Port port) { domains_.at(id).info.console_port = port; }
  [[nodiscard]] std::byte* frame(DomainId id) { return domains_.at(id).mapping.frame(); }
  [[nodiscard]] const Handle& frame_handle(DomainId id) { return domains_.at(id).frame; }
  [[nodiscard]] const Handle& vcpu_kicks(DomainId id) { return domains_.at(id).kicks; }
  [[nodiscard]] const Handle& port_kicks(ring::Port port) { return dom0_kicks_.at(port); }
  [[nodiscard]] PortStatus status(DomainId id, ring::Port port) { return domains_.at(id).ports[port]; }
  [[nodiscard]] SimHost& host() { return host_; }

  /// Raises an event of dom0 as the hypervisor does.
  ring::Raised raise_in_dom0(ring::Port port) {
    const ring::Raised outcome = ring::EventBits<>(frame(0), ring::Abi::sring).raise(port);
    const bool wakes = outcome == ring::Raised::kick || outcome == ring::Raised::already_selected;
    if (wakes) host_.kick(port_kicks(port));
    return outcome;
  }

 private:
  struct Domain {
    DomainInfo info;
    Handle frame;
    Mapping mapping;
    Handle kicks;
    std::map<ring::Port, PortStatus> ports;
  };

  HypercallAnswer call(const HypercallCaller& caller, const HypercallArguments& arguments,
                       std::vector<Handle>& handles) {
    HypercallAnswer answer;
    const DomainId id = arguments.domain == DOMID_SELF ? caller.domain : arguments.domain;
    const auto known = domains_.find(id);
    handles.clear();
    switch (arguments.op) {
      case HypercallOp::domain_info: {
        const auto first = domains_.lower_bound(id);
        if (first == domains_.end()) return failed(ESRCH);
        answer.info = first->second.info;
        return answer;
      }
      case HypercallOp::start_info:
        answer.info = domains_.at(caller.domain).info;
        handles.push_back(host_.handle_duplicate(domains_.at(caller.domain).frame).value());
        return answer;
      case HypercallOp::map_frame:
        if (known == domains_.end() || known->second.info.shared_info_frame != arguments.frame) {
          return failed(EINVAL);
        }
        handles.push_back(host_.handle_duplicate(known->second.frame).value());
        return answer;
      case HypercallOp::evtchn_bind_interdomain:
        return bind_interdomain(id, arguments);
      case HypercallOp::evtchn_bind_virq:
        return bind_virq(arguments.virq);
      case HypercallOp::evtchn_close:
        if (known == domains_.end()) return failed(ESRCH);
        close(id, arguments.port);
        return answer;
      case HypercallOp::evtchn_status:
        answer.status = domains_.at(id).ports[arguments.port];
        return answer;
      case HypercallOp::evtchn_open:
        return open(arguments.port, handles);
      default:
        return failed(ENOSYS);
    }
  }

  HypercallAnswer bind_interdomain(DomainId id, const HypercallArguments& arguments) {
    const DomainId other = arguments.domain2;
    if (!domains_.contains(other)) return failed(ESRCH);
    ring::Port port = arguments.port;
    ring::Port port2 = arguments.port2;
    auto& ports = domains_.at(id).ports;
    auto& ports2 = domains_.at(other).ports;
    HypercallAnswer answer;
    if (port2 != 0 && ports2[port2].state == PortState::interdomain) port = ports2[port2].remote_port;
    if (port == 0) port = lowest_free(id, 0);
    if (port2 == 0) port2 = lowest_free(other, id == other ? port : 0);
    const PortState before = ports[port].state;
    if (before == PortState::virq) return failed(EINVAL);
    if (before == PortState::closed) dom0_kicks_[port] = host_.kicks_create().value();
    if (other == 0) dom0_kicks_[port2] = host_.kicks_create().value();
    ports[port] = {.state = PortState::interdomain, .remote_domain = other, .remote_port = port2};
    ports2[port2] = {.state = PortState::interdomain, .remote_domain = id, .remote_port = port};
    answer.port = port;
    answer.port2 = port2;
    return answer;
  }

  HypercallAnswer bind_virq(std::uint32_t virq) {
    if (virq >= virqs) return failed(EINVAL);
    HypercallAnswer answer;
    auto& ports = domains_.at(0).ports;
    for (const auto& [port, status] : ports) {
      if (status.state == PortState::virq && status.number == virq) answer.port = port;
    }
    if (answer.port != 0) return answer;
    answer.port = lowest_free(0, 0);
    ports[answer.port] = {.state = PortState::virq, .number = virq};
    dom0_kicks_[answer.port] = host_.kicks_create().value();
    return answer;
  }

  HypercallAnswer open(ring::Port port, std::vector<Handle>& handles) {
    const PortStatus status = domains_.at(0).ports[port];
    if (status.state == PortState::closed) return failed(EINVAL);
    handles.push_back(host_.handle_duplicate(dom0_kicks_.at(port)).value());
    if (status.state == PortState::interdomain) {
      const Handle& peer = status.remote_domain == 0 ? dom0_kicks_[status.remote_port]
                                                     : domains_.at(status.remote_domain).kicks;
      handles.push_back(host_.handle_duplicate(peer).value());
    }
    return {};
  }

  void close(DomainId id, ring::Port port) {
    auto& ports = domains_.at(id).ports;
    const PortStatus old = ports[port];
    ports.erase(port);
    if (old.state != PortState::interdomain || !domains_.contains(old.remote_domain)) return;
    domains_.at(old.remote_domain).ports[old.remote_port] = {.state = PortState::unbound,
                                                             .remote_domain = id};
  }

  [[nodiscard]] ring::Port lowest_free(DomainId id, ring::Port except) {
    ring::Port port = 1;
    while (port == except || domains_.at(id).ports[port].state != PortState::closed) ++port;
    return port;
  }

  static HypercallAnswer failed(int code) {
    HypercallAnswer answer;
    answer.result = -code;
    return answer;
  }

  SimHost& host_;
  std::map<DomainId, Domain> domains_;
  std::map<ring::Port, Handle> dom0_kicks_;
  std::uint32_t next_frame_ = 0x1000;
};

}  // namespace ringside::test
