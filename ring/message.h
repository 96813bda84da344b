// The 64-byte control message of mid-2005 Xen (control_msg_t in domain_controller.h), little-endian, packed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace ringside::ring {

/// Bytes of payload in one message.
inline constexpr std::size_t payload_bytes_max = 60;

/// ControlMessage::type. xen-2.0 knew only 0 to 7. Any other value may arrive and gets the default reply.
enum MessageType : std::uint8_t {
  CMSG_CONSOLE = 0,
  CMSG_BLKIF_BE = 1,
  CMSG_BLKIF_FE = 2,
  CMSG_NETIF_BE = 3,
  CMSG_NETIF_FE = 4,
  CMSG_SHUTDOWN = 6,
  CMSG_MEM_REQUEST = 7,
  CMSG_USBIF_BE = 8,
  CMSG_USBIF_FE = 9,
  CMSG_VCPU_HOTPLUG = 10,
  CMSG_DEBUG = 11,
};

/// The only subtype of CMSG_CONSOLE: the payload is raw console bytes, 1 to 60 of them.
inline constexpr std::uint8_t CMSG_CONSOLE_DATA = 0;

/// Subtypes of CMSG_SHUTDOWN. SYSRQ carries one key byte and three of padding.
enum ShutdownSubtype : std::uint8_t {
  CMSG_SHUTDOWN_POWEROFF = 0,
  CMSG_SHUTDOWN_REBOOT = 1,
  CMSG_SHUTDOWN_SUSPEND = 2,
  CMSG_SHUTDOWN_SYSRQ = 3,
};

/// The subtype of CMSG_MEM_REQUEST; its payload is a NumberAndStatus: target in pages of 4096 bytes.
inline constexpr std::uint8_t CMSG_MEM_REQUEST_SET = 0;

/// Subtypes of CMSG_VCPU_HOTPLUG; the payload is a NumberAndStatus: the vcpu.
enum VcpuHotplugSubtype : std::uint8_t { CMSG_VCPU_HOTPLUG_OFF = 0, CMSG_VCPU_HOTPLUG_ON = 1 };

/// The payload of both: a number, and room for the status of the response.
struct NumberAndStatus {
  std::uint32_t number = 0;
  std::uint32_t status = 0;  ///< 0, or a negative errno value
};
static_assert(sizeof(NumberAndStatus) == 8);

/// The id of a request whose sender wants no response callback.
inline constexpr std::uint8_t no_callback_id = 0xff;

/// One message. `type`, `subtype` and `id` are echoed in the response; `length` counts the bytes used in
/// `msg`.
struct ControlMessage {
  std::uint8_t type = 0;
  std::uint8_t subtype = 0;
  std::uint8_t id = 0;
  std::uint8_t length = 0;
  std::uint8_t msg[payload_bytes_max] = {};

  /// The bytes in use. A length above 60, which only a faulty peer writes, is treated as 60.
  [[nodiscard]] std::span<const std::uint8_t> payload() const {
    return {msg, std::min<std::size_t>(length, payload_bytes_max)};
  }
};

/// A message whose payload is `bytes`; bytes after the 60th are dropped.
[[nodiscard]] inline ControlMessage make_message(std::uint8_t type, std::uint8_t subtype, std::uint8_t id,
                                                 std::span<const std::uint8_t> bytes) {
  ControlMessage message{type, subtype, id, 0, {}};
  const auto used = bytes.first(std::min(bytes.size(), payload_bytes_max));
  message.length = static_cast<std::uint8_t>(used.size());
  std::copy(used.begin(), used.end(), message.msg);
  return message;
}

[[nodiscard]] inline ControlMessage make_number_message(std::uint8_t type, std::uint8_t subtype,
                                                        std::uint8_t id, const NumberAndStatus& value) {
  return make_message(type, subtype, id, {reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
}

/// Returns nothing when the payload has another size.
[[nodiscard]] inline std::optional<NumberAndStatus> number_in(const ControlMessage& message) {
  NumberAndStatus value;
  if (message.length != sizeof value) return std::nullopt;
  std::memcpy(&value, message.msg, sizeof value);
  return value;
}

/// True for console output of a guest and for console input to it.
[[nodiscard]] inline bool is_console_data(const ControlMessage& message) {
  return message.type == CMSG_CONSOLE && message.subtype == CMSG_CONSOLE_DATA;
}

/// A guest's response to a type it does not know: the same header, length 0, no payload.
[[nodiscard]] inline ControlMessage default_reply(const ControlMessage& request) {
  return {request.type, request.subtype, request.id, 0, {}};
}

static_assert(sizeof(ControlMessage) == 64);
static_assert(alignof(ControlMessage) == 1);
static_assert(offsetof(ControlMessage, type) == 0);
static_assert(offsetof(ControlMessage, subtype) == 1);
static_assert(offsetof(ControlMessage, id) == 2);
static_assert(offsetof(ControlMessage, length) == 3);
static_assert(offsetof(ControlMessage, msg) == 4);

}  // namespace ringside::ring
