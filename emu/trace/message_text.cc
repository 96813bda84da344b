// The contents of a control message in words: its type and subtype by name, its payload decoded where 2005
// defined a form. Peers are not trusted: a payload that does not have the form of its type is shown as bytes.
#include <fmt/format.h>

#include "emu/trace/text.h"

namespace ringside::trace {

namespace {

/// "set", "sysrq"; empty for a subtype that had no name.
std::string_view subtype_name(const ring::ControlMessage& message) {
  static constexpr std::string_view shutdowns[] = {"poweroff", "reboot", "suspend", "sysrq"};
  static constexpr std::string_view hotplugs[] = {"off", "on"};
  const std::uint8_t subtype = message.subtype;
  switch (static_cast<ring::MessageType>(message.type)) {
    case ring::CMSG_SHUTDOWN:
      return subtype < std::size(shutdowns) ? shutdowns[subtype] : "";
    case ring::CMSG_MEM_REQUEST:
      return subtype == ring::CMSG_MEM_REQUEST_SET ? "set" : "";
    case ring::CMSG_VCPU_HOTPLUG:
      return subtype < std::size(hotplugs) ? hotplugs[subtype] : "";
    case ring::CMSG_CONSOLE:
    case ring::CMSG_BLKIF_BE:
    case ring::CMSG_BLKIF_FE:
    case ring::CMSG_NETIF_BE:
    case ring::CMSG_NETIF_FE:
    case ring::CMSG_USBIF_BE:
    case ring::CMSG_USBIF_FE:
    case ring::CMSG_DEBUG:
      break;
  }
  return "";
}

std::string hex_text(std::span<const std::uint8_t> bytes) {
  const bool cut = bytes.size() > shown_bytes_max;
  return fmt::format("hex {:02x}{}", fmt::join(cut ? bytes.first(shown_bytes_max) : bytes, " "),
                     cut ? " ..." : "");
}

/// "target 4096 pages status 0": `unit` may be empty.
std::string number_text(const ring::ControlMessage& message, std::string_view name, std::string_view unit) {
  const auto value = ring::number_in(message);
  if (!value) return hex_text(message.payload());
  return fmt::format("{} {}{} status {}", name, value->number, unit,
                     static_cast<std::int32_t>(value->status));
}

std::string payload_text(const ring::ControlMessage& message) {
  const auto bytes = message.payload();
  const bool named = !subtype_name(message).empty();
  switch (static_cast<ring::MessageType>(message.type)) {
    case ring::CMSG_CONSOLE:
      return quoted(bytes);
    case ring::CMSG_SHUTDOWN:
      if (message.subtype == ring::CMSG_SHUTDOWN_SYSRQ) return "key " + quoted(bytes.first(1));
      break;
    case ring::CMSG_MEM_REQUEST:
      if (named) return number_text(message, "target", " pages");
      break;
    case ring::CMSG_VCPU_HOTPLUG:
      if (named) return number_text(message, "vcpu", "");
      break;
    case ring::CMSG_BLKIF_BE:
    case ring::CMSG_BLKIF_FE:
    case ring::CMSG_NETIF_BE:
    case ring::CMSG_NETIF_FE:
    case ring::CMSG_USBIF_BE:
    case ring::CMSG_USBIF_FE:
    case ring::CMSG_DEBUG:
      break;
  }
  return hex_text(bytes);
}

}  // namespace

std::string message_type_name(std::uint8_t type) {
  switch (static_cast<ring::MessageType>(type)) {
    case ring::CMSG_CONSOLE:
      return "console";
    case ring::CMSG_BLKIF_BE:
      return "blkif-be";
    case ring::CMSG_BLKIF_FE:
      return "blkif-fe";
    case ring::CMSG_NETIF_BE:
      return "netif-be";
    case ring::CMSG_NETIF_FE:
      return "netif-fe";
    case ring::CMSG_SHUTDOWN:
      return "shutdown";
    case ring::CMSG_MEM_REQUEST:
      return "mem-request";
    case ring::CMSG_USBIF_BE:
      return "usbif-be";
    case ring::CMSG_USBIF_FE:
      return "usbif-fe";
    case ring::CMSG_VCPU_HOTPLUG:
      return "vcpu-hotplug";
    case ring::CMSG_DEBUG:
      return "debug";
  }
  return fmt::format("type {}", type);
}

std::string message_text(const ring::ControlMessage& message) {
  const bool console = message.type == ring::CMSG_CONSOLE;
  std::string text = message_type_name(message.type);
  if (const std::string_view name = subtype_name(message); !name.empty()) {
    text += fmt::format(" {}", name);
  } else if (message.subtype != 0) {
    text += fmt::format(" subtype {}", message.subtype);
  }
  if (!console || (message.id != 0 && message.id != ring::no_callback_id)) {
    text += fmt::format(" id {}", message.id);
  }
  text += fmt::format(" length {}", message.length);
  if (message.length != 0) text += " " + payload_text(message);
  return text;
}

}  // namespace ringside::trace
