// Answers requests of dom0's tools that are the same for every kernel: a SysRq key, a memory target, a vcpu
// on or off. The owner handles shutdown requests.
#pragma once

#include <functional>
#include <string_view>

#include "emu/domu/ctrl_if.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"

namespace ringside::domu {

class ToolRequests {
 public:
  struct Kernel {
    std::function<void(std::string_view)> print;  ///< on the kernel's console
    std::function<void(const std::string& why)> hypervisor_gone;
  };

  /// Registers for memory requests and, in the sring layout, for vcpu requests. All references must outlive
  /// it.
  ToolRequests(trace::Journal journal, DomainId domain, ring::Abi abi, CtrlIf& ctrl_if, Privcmd& privcmd,
               Kernel kernel);
  ~ToolRequests();
  ToolRequests(const ToolRequests&) = delete;
  ToolRequests& operator=(const ToolRequests&) = delete;

  /// The payload of a shutdown message of subtype SysRq, which its receiver has answered.
  void sysrq(Bytes payload);

 private:
  void memory_requested(Request request);
  void vcpu_requested(Request request);

  trace::Journal journal_;
  DomainId domain_;
  CtrlIf& ctrl_if_;
  Privcmd& privcmd_;
  Kernel kernel_;
};

}  // namespace ringside::domu
