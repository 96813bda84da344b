// The counters of the scenario language, and the numbers behind the words of messages.
//
// A scenario names a counter by what a user asks for ("lost"). The journal has the counters of components.
// Each row lists the journal's counters whose sum is the counter of the scenario.
#include <algorithm>
#include <array>

#include "emu/script/vocabulary.h"
#include "ring/message.h"

namespace ringside::script {

namespace {

using trace::Counter;
using trace::Role;

constexpr Roles xen_role = only(Role::xen);
constexpr Roles uart_role = only(Role::uart);
constexpr Roles xcs = only(Role::xcs);
constexpr Roles xend = only(Role::xend);
constexpr Roles xenctld = only(Role::xenctld);
constexpr Roles keeper = xend | xenctld | only(Role::xenconsoled);
constexpr Roles domain_role = only(Role::domain);
constexpr Roles channel_end = xcs | xenctld;
constexpr Roles every_role = xen_role | xcs | keeper | domain_role;

constexpr CounterSource counter(Counter which) {
  return {CountedBy::counter, static_cast<std::uint8_t>(which)};
}

constexpr std::array any_refusal{CounterSource{CountedBy::refusal}};
constexpr std::array level{CounterSource{CountedBy::level}};
constexpr std::array xcs_dropped{
    CounterSource{CountedBy::quirk, static_cast<std::uint8_t>(Quirk::xcs_drop_when_full)}};
constexpr std::array console_lost{counter(Counter::console_bytes_discarded), counter(Counter::bytes_unread),
                                  counter(Counter::typed_bytes_lost), counter(Counter::typed_bytes_unseen)};
constexpr std::array twice{counter(Counter::bytes_shown_twice)};
constexpr std::array queued_messages{counter(Counter::queued_messages)};
constexpr std::array refused_messages{counter(Counter::refused_messages)};
constexpr std::array refused_responses{counter(Counter::refused_responses)};
constexpr std::array index_faults{counter(Counter::index_faults)};
constexpr std::array length_faults{counter(Counter::length_faults)};
constexpr std::array requests_waiting{counter(Counter::requests_waiting)};
constexpr std::array responses_unclaimed{counter(Counter::responses_unclaimed)};
constexpr std::array pushbacks{counter(Counter::pushbacks)};
constexpr std::array ignored{counter(Counter::frames_ignored), counter(Counter::domains_ignored)};
constexpr std::array refused_calls{counter(Counter::refused_calls)};
constexpr std::array lengths_cut{counter(Counter::lengths_cut)};
constexpr std::array cut_off{counter(Counter::sessions_overrun), counter(Counter::connections_silent),
                             counter(Counter::connections_refused)};
constexpr std::array expired{counter(Counter::sessions_expired)};
constexpr std::array abandoned{counter(Counter::frames_abandoned)};
constexpr std::array overflows{counter(Counter::event_overflows)};
constexpr std::array waiting_virqs{counter(Counter::waiting_virqs)};
constexpr std::array xen_dropped{counter(Counter::console_input_dropped)};
constexpr std::array xen_output_dropped{counter(Counter::console_output_dropped)};
constexpr std::array overrun{counter(Counter::overruns)};
constexpr std::array line_errors{counter(Counter::parity_errors), counter(Counter::framing_errors)};
constexpr std::array breaks{counter(Counter::breaks)};
constexpr std::array unclaimed{counter(Counter::serial_characters_unclaimed)};
constexpr std::array guest_dropped{counter(Counter::kernel_bytes_dropped),
                                   counter(Counter::input_bytes_dropped)};
constexpr std::array strays{counter(Counter::stray_events)};
constexpr std::array guest_index_faults{counter(Counter::ctrl_if_response_indices),
                                        counter(Counter::ctrl_if_request_indices)};
constexpr std::array unknown_ids{counter(Counter::ctrl_if_unknown_ids)};
constexpr std::array long_lengths{counter(Counter::ctrl_if_long_lengths)};

constexpr std::array counters{
    CounterAbout{every_role, "refused", "times", "it refused a request", any_refusal},
    CounterAbout{xcs, "dropped", "messages",
                 "lost because a guest's ring was full (quirk xcs-drop-when-full)", xcs_dropped},
    CounterAbout{keeper, "queued", "bytes", "output that waits for a viewer", level},
    CounterAbout{keeper, "lost", "bytes", "output discarded or never read, and input that came too late",
                 console_lost},
    CounterAbout{xenctld, "twice", "bytes", "output that a restart may show a second time", twice},
    CounterAbout{channel_end, "queued_messages", "messages", "waited for a free slot", queued_messages},
    CounterAbout{channel_end, "refused_messages", "messages", "refused, because too many waited for a slot",
                 refused_messages},
    CounterAbout{channel_end, "refused_responses", "responses", "refused: there was no request for them",
                 refused_responses},
    CounterAbout{channel_end, "index_faults", "times", "a guest's indices were impossible", index_faults},
    CounterAbout{channel_end, "length_faults", "messages", "longer than 60 bytes, from a guest",
                 length_faults},
    CounterAbout{xcs, "waiting", "requests", "arrived without a bound client, and were kept",
                 requests_waiting},
    CounterAbout{xcs, "unclaimed", "responses", "without a bound client", responses_unclaimed},
    CounterAbout{xcs, "pushbacks", "times", "a client waited for a guest with a full ring", pushbacks},
    CounterAbout{xcs, "ignored", "frames", "meaningless, or for a domain without a channel", ignored},
    CounterAbout{xcs, "refused_calls", "calls", "answered with a result other than ok", refused_calls},
    CounterAbout{xcs, "cut", "frames", "from clients, longer than 60 bytes, and truncated", lengths_cut},
    CounterAbout{xcs, "cut_off", "clients", "disconnected: they did not read, sent nothing, or were too many",
                 cut_off},
    CounterAbout{xcs, "expired", "sessions", "without a client that came back", expired},
    CounterAbout{xcs, "abandoned", "frames", "discarded when their client left", abandoned},
    CounterAbout{xcs, "overflows", "times", "more events than the event device holds", overflows},
    CounterAbout{xcs, "waiting_virqs", "interrupts", "arrived without a bound client", waiting_virqs},
    CounterAbout{xen_role, "dropped", "bytes",
                 "typed on the serial line while the 128 bytes towards dom0 were full", xen_dropped},
    CounterAbout{xen_role, "dropped_output", "bytes", "Xen's own output, without room on the serial line",
                 xen_output_dropped},
    CounterAbout{uart_role, "overrun", "bytes", "arrived while the FIFO of 16 was full", overrun},
    CounterAbout{uart_role, "errors", "bytes", "with a wrong parity or frame", line_errors},
    CounterAbout{uart_role, "breaks", "times", "the line was held low", breaks},
    CounterAbout{xen_role, "unclaimed", "bytes", "input without a reader, beyond the 32 that are kept",
                 unclaimed},
    CounterAbout{domain_role, "dropped", "bytes", "kernel messages without room, or input without a reader",
                 guest_dropped},
    CounterAbout{domain_role, "strays", "events", "at a port without a handler", strays},
    CounterAbout{domain_role, "index_faults", "times", "the controller's indices were impossible",
                 guest_index_faults, true},
    CounterAbout{domain_role, "unknown_ids", "responses", "with an id that no request carries", unknown_ids,
                 true},
    CounterAbout{domain_role, "length_faults", "messages", "longer than 60 bytes, from the controller",
                 long_lengths, true},
};

constexpr std::array types{
    NamedNumber{"console", ring::CMSG_CONSOLE},
    NamedNumber{"blkif-be", ring::CMSG_BLKIF_BE},
    NamedNumber{"blkif-fe", ring::CMSG_BLKIF_FE},
    NamedNumber{"netif-be", ring::CMSG_NETIF_BE},
    NamedNumber{"netif-fe", ring::CMSG_NETIF_FE},
    NamedNumber{"shutdown", ring::CMSG_SHUTDOWN},
    NamedNumber{"mem-request", ring::CMSG_MEM_REQUEST},
    NamedNumber{"usbif-be", ring::CMSG_USBIF_BE},
    NamedNumber{"usbif-fe", ring::CMSG_USBIF_FE},
    NamedNumber{"vcpu-hotplug", ring::CMSG_VCPU_HOTPLUG},
    NamedNumber{"debug", ring::CMSG_DEBUG},
};
constexpr std::array shutdowns{
    NamedNumber{"poweroff", ring::CMSG_SHUTDOWN_POWEROFF}, NamedNumber{"reboot", ring::CMSG_SHUTDOWN_REBOOT},
    NamedNumber{"suspend", ring::CMSG_SHUTDOWN_SUSPEND}, NamedNumber{"sysrq", ring::CMSG_SHUTDOWN_SYSRQ}};
constexpr std::array hotplugs{NamedNumber{"off", ring::CMSG_VCPU_HOTPLUG_OFF},
                              NamedNumber{"on", ring::CMSG_VCPU_HOTPLUG_ON}};
constexpr std::array mem_requests{NamedNumber{"set", ring::CMSG_MEM_REQUEST_SET}};
constexpr std::array interrupts{NamedNumber{"timer", 0}, NamedNumber{"debug", 1}, NamedNumber{"console", 2},
                                NamedNumber{"dom-exc", 3}, NamedNumber{"debugger", 6}};
constexpr std::array results{NamedNumber{"ok", 0},           NamedNumber{"failed", 1},
                             NamedNumber{"areconnected", 2}, NamedNumber{"badsession", 3},
                             NamedNumber{"nosession", 4},    NamedNumber{"coninuse", 5},
                             NamedNumber{"badrequest", 6}};

}  // namespace

std::span<const CounterAbout> counters_known() {
  return counters;
}

std::vector<std::string_view> counters_of(trace::Role role) {
  std::vector<std::string_view> names;
  for (const CounterAbout& each : counters) {
    if ((each.roles & only(role)) != 0) names.push_back(each.name);
  }
  return names;
}

const CounterAbout* find_counter(trace::Role role, std::string_view name) {
  const auto found = std::ranges::find_if(counters, [&](const CounterAbout& each) {
    return (each.roles & only(role)) != 0 && each.name == name;
  });
  return found == counters.end() ? nullptr : &*found;
}

std::span<const NamedNumber> message_types() {
  return types;
}

std::span<const NamedNumber> message_subtypes(std::uint8_t type) {
  if (type == ring::CMSG_SHUTDOWN) return shutdowns;
  if (type == ring::CMSG_MEM_REQUEST) return mem_requests;
  if (type == ring::CMSG_VCPU_HOTPLUG) return hotplugs;
  return {};
}

std::span<const NamedNumber> virqs() {
  return interrupts;
}
std::string_view xcs_result_name(std::uint32_t result, std::string_view unnamed) {
  for (const NamedNumber& each : xcs_results()) {
    if (each.number == result) return each.name;
  }
  return unnamed;
}

std::span<const NamedNumber> xcs_results() {
  return results;
}

std::optional<std::uint32_t> number_of(std::span<const NamedNumber> set, std::string_view name) {
  const auto found = std::ranges::find(set, name, &NamedNumber::name);
  if (found == set.end()) return {};
  return found->number;
}

std::vector<std::string_view> names_of(std::span<const NamedNumber> set) {
  std::vector<std::string_view> names;
  for (const NamedNumber& each : set) names.push_back(each.name);
  return names;
}

}  // namespace ringside::script
