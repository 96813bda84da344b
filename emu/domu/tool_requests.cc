// The responses.
#include "emu/domu/tool_requests.h"

#include <cerrno>
#include <limits>
#include <utility>

namespace ringside::domu {

namespace {

constexpr std::uint32_t status_invalid = static_cast<std::uint32_t>(-EINVAL);
constexpr std::uint32_t status_busy = static_cast<std::uint32_t>(-EBUSY);

Bytes bytes_of(const ring::NumberAndStatus& value) {
  return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}

}  // namespace

ToolRequests::ToolRequests(trace::Journal journal, DomainId domain, ring::Abi abi, CtrlIf& ctrl_if,
                           Privcmd& privcmd, Kernel kernel)
    : journal_(journal), domain_(domain), ctrl_if_(ctrl_if), privcmd_(privcmd), kernel_(std::move(kernel)) {
  const auto interrupt = CtrlIf::Context::interrupt;
  RS_CHECK(ctrl_if_.register_receiver(
      ring::CMSG_MEM_REQUEST, [this](Request request) { memory_requested(std::move(request)); }, interrupt));
  // xen-2.0 ends with type 7: its guests know no such message, and it gets the default reply.
  if (abi == ring::Abi::flat) return;
  RS_CHECK(ctrl_if_.register_receiver(
      ring::CMSG_VCPU_HOTPLUG, [this](Request request) { vcpu_requested(std::move(request)); }, interrupt));
}

ToolRequests::~ToolRequests() {
  ctrl_if_.unregister_receiver(ring::CMSG_MEM_REQUEST);
  ctrl_if_.unregister_receiver(ring::CMSG_VCPU_HOTPLUG);
}

void ToolRequests::sysrq(Bytes payload) {
  if (payload.empty()) {
    journal_.refused(domain_, trace::dom0_actor, trace::Refusal::sysrq_without_key);
    return;
  }
  const unsigned key = payload.front();
  const bool printable = key > 0x20 && key < 0x7f;
  kernel_.print(
      printable
          ? fmt::format("SysRq: key '{}' reached the guest; nothing is bound to it\n", static_cast<char>(key))
          : fmt::format("SysRq: key {:#04x} reached the guest; nothing is bound to it\n", key));
}

void ToolRequests::memory_requested(Request request) {
  auto value = ring::number_in(request.message());
  if (!value || request.message().subtype != ring::CMSG_MEM_REQUEST_SET) {
    journal_.refused(domain_, trace::dom0_actor, trace::Refusal::memory_request);
    ctrl_if_.respond(std::move(request));
    return;
  }
  // There is no memory to give back: a target that the hypervisor accepts is reached at once.
  const std::uint32_t pages = value->number;
  const auto set = pages <= std::numeric_limits<std::uint32_t>::max() / page_kib
                       ? privcmd_.memory_set(pages * page_kib)
                       : Result<>(Error{ENOMEM, "", "", "more pages than can be counted", ""});
  if (!set && set.error().code == EPIPE) return kernel_.hypervisor_gone(set.error().why);
  value->status = set ? 0 : static_cast<std::uint32_t>(-set.error().code);
  if (set)
    journal_.told(domain_, trace::Fact::memory_target_reached, {pages});
  else
    journal_.told(domain_, trace::Fact::memory_target_missed, {pages}, set.error().why);
  ctrl_if_.respond(std::move(request), bytes_of(*value));
}

void ToolRequests::vcpu_requested(Request request) {
  const std::uint8_t subtype = request.message().subtype;
  auto value = ring::number_in(request.message());
  if (!value || (subtype != ring::CMSG_VCPU_HOTPLUG_OFF && subtype != ring::CMSG_VCPU_HOTPLUG_ON)) {
    journal_.refused(domain_, trace::dom0_actor, trace::Refusal::vcpu_request);
    ctrl_if_.respond(std::move(request));
    return;
  }
  // There is one vcpu, which cannot be taken offline.
  if (value->number != 0) {
    value->status = status_invalid;
  } else {
    value->status = subtype == ring::CMSG_VCPU_HOTPLUG_ON ? 0 : status_busy;
  }
  ctrl_if_.respond(std::move(request), bytes_of(*value));
}

}  // namespace ringside::domu
