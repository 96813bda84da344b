// The subjects of entries of the kinds counted, refused and told: enums, and the one table that gives them
// words. Producers pass an enum and its numbers; consumers switch on the enum. No program parses the words.
//
// Each row has a stable name for journals ("console_bytes_discarded"), and a sentence with placeholders: {0}
// to {3} are Entry::values, {text} is the entry's argument (a name or a path, or the reason that the
// environment gave), {actor} is the actor.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringside::trace {

struct Entry;

/// The numbers of a sentence.
using Values = std::array<std::uint32_t, 4>;

/// Value of Entry::detail in counted.
enum class Counter : std::uint8_t {
  // xend and xenctld
  console_bytes_discarded,
  bytes_unread,
  bytes_shown_twice,
  typed_bytes_unseen,
  typed_bytes_lost,
  // the end of a channel in dom0
  queued_messages,
  refused_messages,
  refused_responses,
  index_faults,
  length_faults,
  // xcs
  requests_waiting,
  responses_unclaimed,
  pushbacks,
  frames_ignored,
  domains_ignored,
  refused_calls,
  lengths_cut,
  sessions_overrun,
  sessions_expired,
  connections_silent,
  connections_refused,
  frames_abandoned,
  event_overflows,
  waiting_virqs,
  // Xen and the serial line
  console_input_dropped,
  console_output_dropped,
  serial_characters_unclaimed,
  overruns,
  parity_errors,
  framing_errors,
  breaks,
  // guests
  kernel_bytes_dropped,
  input_bytes_dropped,
  stray_events,
  ctrl_if_response_indices,
  ctrl_if_request_indices,
  ctrl_if_unknown_ids,
  ctrl_if_long_lengths,
  keyless_characters,
};
inline constexpr Counter last_counter = Counter::keyless_characters;

/// Value of Entry::detail in refused.
enum class Refusal : std::uint8_t {
  failed,  ///< the environment failed: {0} is the errno value, {text} says what
  // the end of a channel in dom0
  impossible_indices,
  long_request,
  long_response,
  // xend and xenctld
  too_many_unanswered,
  frame_type,
  frame_domain,
  frame_port,
  viewer_there,
  // xcs
  response_unclaimed,
  response_not_owed,
  ring_broken,
  client_does_not_read,
  client_silent,
  call,
  data_frame_type,
  virq_port,
  domain_without_channel,
  frame_length,
  bindings_full,
  // Xen, of a hypercall
  name_too_long,
  name_characters,
  name_is_number,
  name_taken,
  domains_full,
  domain_id,
  domain_exists,
  domain_id_in_use,
  domain_ids_full,
  no_such_domain,
  caller_gone,
  no_such_hypercall,
  names_another,
  asks_about_another,
  end_of_domains,
  only_dom0,
  only_dom0_creates,
  not_to_dom0,
  no_such_abi,
  memory_limit,
  memory_too_small,
  memory_too_large,
  memory_of_dom0,
  process_missing,
  process_dead,
  process_there,
  domain_ended,
  domain_suspended,
  domain_not_suspended,
  shutdown_of_dom0,
  no_such_reason,
  no_exit_status,
  frame_of_another,
  window_empty,
  console_of_dom0,
  output_too_long,
  no_such_port,
  port_to_itself,
  port_not_offered,
  port_for_another,
  port_bound,
  port_in_use,  ///< {2} is a PortState
  port_open_elsewhere,
  port_closed_already,
  port_closed,
  port_unbound,
  port_not_to_dom0,
  ports_full,
  no_domain_to_wait_for,
  no_domain_to_bind_to,
  no_such_virq,
  virq_of_dom0,
  pirq_of_dom0,
  no_such_pirq,
  no_devices,
  interrupt_unbound,
  grants_of_dom0,
  grants_full,
  grant_reference,
  grant_taken,
  no_such_grant,
  grant_for_another,
  grant_is_read_only,
  grant_offset,
  // guests
  console_subtype,
  shutdown_subtype,
  suspend_too_late,
  input_unread,
  answer_of_old_page,
  response_indices,
  request_indices,
  response_id,
  message_length,
  stray_event,
  dom0_shutdown,
  sysrq_without_key,
  memory_request,
  vcpu_request,
  character_without_key,
};
inline constexpr Refusal last_refusal = Refusal::character_without_key;

/// dom0's terminals.
enum class Dom0Tty : std::uint32_t { ttyS0, tty1 };

/// Value of Entry::detail in told.
enum class Fact : std::uint8_t {
  // Xen, of a domain's life
  created,
  destroyed,
  builder_gone,
  runs_as_process,
  console_port,
  paused,
  unpaused,
  window,
  memory,
  shut_down,  ///< {1} is a ShutdownReason
  resumed,
  crashed,            ///< {0} is the signal, {1} the exit status: crash_words()
  connection_closed,  ///< a crash as well
  // Xen, of ports and its serial line
  port_waits,
  ports_bound,
  port_of_virq,
  port_of_pirq,
  port_of_ipi,
  port_closed,  ///< {2} is a PortState
  granted,
  grant_ended,
  grant_notified,
  serial_to_xen,
  serial_to_dom0,
  // dom0's daemons
  xcs_listens,
  xcs_without_hypervisor,
  early_answers,
  channel_opened,
  channel_closed,
  requests_unanswered,
  answered_early,  ///< {0} is the ring index of the request; of the next one as well
  second_answer,
  indices_good,
  session_up,
  session_lost,
  console_adopted,
  console_resumed,
  console_suspended,
  console_kept,
  console_ended,
  console_gone,
  console_gone_unkept,
  crash_notice,  ///< numbers as of crashed
  console_listens,
  console_closed,
  viewer_came,
  viewer_left,
  viewer_sent_away,
  viewer_saw_end,
  output_returned,
  file_attached,
  file_detached,
  input_file_ended,
  pty_made,
  pty_opened,
  pty_closed,
  middle_discarded,  ///< {1} bytes behind the oldest {0}
  // guests
  program_runs,
  program_ended,
  terminal_closed,
  suspends,
  goes_on,
  new_controller,
  memory_target_reached,
  memory_target_missed,
  init_runs,  ///< {1} is a Dom0Tty; of the next one as well
  init_program_ended,
  byte_rings,  ///< {0} to {3} are the indices of its byte rings, by ByteIndex
  // scenarios
  control_closed,
  data_closed,
  notifies,
  hung_up,
  killed,
  event_lost,
  event_late,
  event_doubled,
  event_overtaken,
  message_lost,
  message_late,
  message_doubled,
  message_overtaken,
  // a step of checked ring code: {text} describes it
  checked_step,
};
inline constexpr Fact last_fact = Fact::checked_step;

// The stable names, and the lookup by name.
[[nodiscard]] std::string_view name_of(Counter counter);
[[nodiscard]] std::string_view name_of(Refusal refusal);
[[nodiscard]] std::string_view name_of(Fact fact);
[[nodiscard]] std::optional<Counter> counter_named(std::string_view name);
[[nodiscard]] std::optional<Refusal> refusal_named(std::string_view name);
[[nodiscard]] std::optional<Fact> fact_named(std::string_view name);

/// A counter in words: "console bytes discarded".
[[nodiscard]] std::string_view words_of(Counter counter);
/// Whether it reports an injected fault.
[[nodiscard]] bool is_fault(Fact fact);

/// An entry of one of the four kinds in words: a quirk's name, a counter's name, a sentence. It may contain
/// any byte of the argument; the text form escapes it (escaped_words in text.h).
[[nodiscard]] std::string words_of(const Entry& entry);
// The sentence of a reason or fact without {actor}, for a component that prints it elsewhere as well.
[[nodiscard]] std::string words_of(Fact fact, const Values& values, std::string_view argument);
[[nodiscard]] std::string words_of(Refusal refusal, const Values& values, std::string_view argument);

/// '!' lost or refused, '~' late or overtaken, '2' duplicated, '*' a historic quirk; else ' '.
[[nodiscard]] char marker(const Entry& entry);

/// "SIGSEGV"; empty for a number without a common name.
[[nodiscard]] std::string_view signal_name(int signal);
/// How a domain crashed: "killed by signal 11 (SIGSEGV)". `signal` 0: it ended with `status`.
[[nodiscard]] std::string crash_words(unsigned signal, unsigned status);
/// The status of a domain whose process's status is unknown: as if killed.
inline constexpr unsigned crash_status_unknown = 128 + 9;

}  // namespace ringside::trace
