// The table of words, and what prints it. An entry may have been written by a hostile domain's process: its
// numbers and its argument are data, never a format.
#include "emu/trace/facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "emu/base/quirks.h"
#include "emu/trace/event.h"
#include "emu/trace/names.h"
#include "emu/trace/text.h"

namespace ringside::trace {

namespace {

template <class Code>
struct Row {
  Code code;
  std::string_view name;
  std::string_view words;
  char mark = ' ';
};

constexpr Row<Counter> counters[] = {
    {Counter::console_bytes_discarded, "console_bytes_discarded", "console bytes discarded", '!'},
    {Counter::bytes_unread, "bytes_unread", "unread bytes", '!'},
    {Counter::bytes_shown_twice, "bytes_shown_twice", "console bytes that may be shown twice"},
    {Counter::typed_bytes_unseen, "typed_bytes_unseen", "typed bytes not read before the guest ended", '!'},
    {Counter::typed_bytes_lost, "typed_bytes_lost", "typed bytes lost", '!'},
    {Counter::queued_messages, "queued_messages", "queued_messages"},
    {Counter::refused_messages, "refused_messages", "refused_messages"},
    {Counter::refused_responses, "refused_responses", "refused_responses"},
    {Counter::index_faults, "index_faults", "index_faults"},
    {Counter::length_faults, "length_faults", "length_faults"},
    {Counter::requests_waiting, "requests_waiting", "requests_waiting"},
    {Counter::responses_unclaimed, "responses_unclaimed", "responses_unclaimed"},
    {Counter::pushbacks, "pushbacks", "pushbacks"},
    {Counter::frames_ignored, "frames_ignored", "frames_ignored"},
    {Counter::domains_ignored, "domains_ignored", "domains_ignored"},
    {Counter::refused_calls, "refused_calls", "refused_calls"},
    {Counter::lengths_cut, "lengths_cut", "lengths_cut"},
    {Counter::sessions_overrun, "sessions_overrun", "sessions_overrun"},
    {Counter::sessions_expired, "sessions_expired", "sessions_expired"},
    {Counter::connections_silent, "connections_silent", "connections_silent"},
    {Counter::connections_refused, "connections_refused", "connections_refused"},
    {Counter::frames_abandoned, "frames_abandoned", "frames_abandoned"},
    {Counter::event_overflows, "event_overflows", "event_overflows"},
    {Counter::waiting_virqs, "waiting_virqs", "waiting_virqs"},
    {Counter::console_input_dropped, "console_input_dropped", "console input dropped", '!'},
    {Counter::console_output_dropped, "console_output_dropped", "console output dropped", '!'},
    {Counter::serial_characters_unclaimed, "serial_characters_unclaimed",
     "serial characters without a receiver", '!'},
    {Counter::overruns, "overruns", "overruns"},
    {Counter::parity_errors, "parity_errors", "parity errors"},
    {Counter::framing_errors, "framing_errors", "framing errors"},
    {Counter::breaks, "breaks", "breaks"},
    {Counter::kernel_bytes_dropped, "kernel_bytes_dropped", "dropped kernel message bytes", '!'},
    {Counter::input_bytes_dropped, "input_bytes_dropped", "dropped input bytes", '!'},
    {Counter::stray_events, "stray_events", "stray events"},
    {Counter::ctrl_if_response_indices, "ctrl_if_response_indices", "ctrl_if bad response indices"},
    {Counter::ctrl_if_request_indices, "ctrl_if_request_indices", "ctrl_if bad request indices"},
    {Counter::ctrl_if_unknown_ids, "ctrl_if_unknown_ids", "ctrl_if unknown response ids"},
    {Counter::ctrl_if_long_lengths, "ctrl_if_long_lengths", "ctrl_if long lengths"},
    {Counter::keyless_characters, "keyless_characters", "characters without a key"},
};

constexpr Row<Refusal> refusals[] = {
    {Refusal::failed, "failed", "{text}"},
    {Refusal::impossible_indices, "impossible_indices", "impossible ring indices"},
    {Refusal::long_request, "long_request", "request longer than 60 bytes"},
    {Refusal::long_response, "long_response", "response longer than 60 bytes, truncated"},
    {Refusal::too_many_unanswered, "too_many_unanswered", "more than 8 unanswered requests of one domain"},
    {Refusal::frame_type, "frame_type", "a frame of another type"},
    {Refusal::frame_domain, "frame_domain", "a frame of a domain without a console"},
    {Refusal::frame_port, "frame_port", "a frame of another port"},
    {Refusal::viewer_there, "viewer_there", "the console has a viewer already"},
    {Refusal::response_unclaimed, "response_unclaimed", "a response that no client is bound to"},
    {Refusal::response_not_owed, "response_not_owed", "a response without a request"},
    {Refusal::ring_broken, "ring_broken", "the guest's ring is broken"},
    {Refusal::client_does_not_read, "client_does_not_read", "does not read: disconnected"},
    {Refusal::client_silent, "client_silent", "sent no first frame"},
    {Refusal::call, "call", "call of type {0}: result {1}"},
    {Refusal::data_frame_type, "data_frame_type", "frame of type {0} on a data connection"},
    {Refusal::virq_port, "virq_port", "a VIRQ frame for a port that belongs to no virq"},
    {Refusal::domain_without_channel, "domain_without_channel", "xcs has no channel to that domain"},
    {Refusal::frame_length, "frame_length", "longer than 60 bytes, truncated"},
    {Refusal::bindings_full, "bindings_full", "{text}"},
    {Refusal::name_too_long, "name_too_long", "a name has at most {0} bytes"},
    {Refusal::name_characters, "name_characters",
     "a name is made of letters, digits and _ . + : @ - and does not begin with -"},
    {Refusal::name_is_number, "name_is_number",
     "the name {text} is a number, which would name the domain of that id"},
    {Refusal::name_taken, "name_taken", "a domain named {text} exists"},
    {Refusal::domains_full, "domains_full", "{0} domains exist, which is the limit (domains_max)"},
    {Refusal::domain_id, "domain_id", "a domain's id is 1 to {0}"},
    {Refusal::domain_exists, "domain_exists", "there is a domain {0}"},
    {Refusal::domain_id_in_use, "domain_id_in_use",
     "a process still has a connection of an earlier domain {0}"},
    {Refusal::domain_ids_full, "domain_ids_full", "all domain ids from 1 to {0} are in use (domain_id_max)"},
    {Refusal::no_such_domain, "no_such_domain", "there is no domain {0}"},
    {Refusal::caller_gone, "caller_gone", "domain {0}, which calls, is gone"},
    {Refusal::no_such_hypercall, "no_such_hypercall", "there is no hypercall {0}"},
    {Refusal::names_another, "names_another", "domain {0} may only name itself, not domain {1}"},
    {Refusal::asks_about_another, "asks_about_another",
     "domain {0} may only ask about itself, not about domain {1} and later ones"},
    {Refusal::end_of_domains, "end_of_domains", "no domain has an id of {0} or more"},
    {Refusal::only_dom0, "only_dom0", "only dom0 may do this, not domain {0}"},
    {Refusal::only_dom0_creates, "only_dom0_creates", "only dom0 may create domains, not domain {0}"},
    {Refusal::not_to_dom0, "not_to_dom0", "this cannot be done to dom0"},
    {Refusal::no_such_abi, "no_such_abi", "there is no abi {0}"},
    {Refusal::memory_limit, "memory_limit", "a domain has at most {0} KiB"},
    {Refusal::memory_too_small, "memory_too_small", "a domain has at least {0} KiB"},
    {Refusal::memory_too_large, "memory_too_large",
     "domain {0} was created with {1} KiB and can have no more"},
    {Refusal::memory_of_dom0, "memory_of_dom0", "the hypervisor does not count dom0's memory"},
    {Refusal::process_missing, "process_missing", "the call needs one process handle, and got {0}"},
    {Refusal::process_dead, "process_dead", "the handle of the call is not a living process"},
    {Refusal::process_there, "process_there", "domain {0} has process {1}"},
    {Refusal::domain_ended, "domain_ended", "domain {0} has ended already"},
    {Refusal::domain_suspended, "domain_suspended",
     "domain {0} is suspended: resume gives it a channel first"},
    {Refusal::domain_not_suspended, "domain_not_suspended", "domain {0} is not suspended"},
    {Refusal::shutdown_of_dom0, "shutdown_of_dom0",
     "dom0 does not shut down by itself, only with the machine"},
    {Refusal::no_such_reason, "no_such_reason", "there is no shutdown reason {0}"},
    {Refusal::no_exit_status, "no_exit_status", "{text} is no exit status: they are 0 to {0}"},
    {Refusal::frame_of_another, "frame_of_another", "frame {0:#x} is not domain {1}'s"},
    {Refusal::window_empty, "window_empty", "a window has at least one row and one column"},
    {Refusal::console_of_dom0, "console_of_dom0", "only dom0 may use xen's console, not domain {0}"},
    {Refusal::output_too_long, "output_too_long", "a piece of output has at most {0} bytes, not {1}"},
    {Refusal::no_such_port, "no_such_port", "domain {0} has no port {1}: ports are 1 to {2}"},
    {Refusal::port_to_itself, "port_to_itself", "port {0} of domain {1} cannot be bound to itself"},
    {Refusal::port_not_offered, "port_not_offered",
     "domain {0} may only bind to a port of domain {1} that waits for it"},
    {Refusal::port_for_another, "port_for_another",
     "port {0} of domain {1} waits for domain {2}, not for {3}"},
    {Refusal::port_bound, "port_bound", "port {0} of domain {1} is bound to port {2} of domain {3}"},
    {Refusal::port_in_use, "port_in_use", "port {0} of domain {1} is {state}"},
    {Refusal::port_open_elsewhere, "port_open_elsewhere", "another program has port {0} open"},
    {Refusal::port_closed_already, "port_closed_already", "port {0} of domain {1} is closed already"},
    {Refusal::port_closed, "port_closed", "port {0} of domain {1} is closed"},
    {Refusal::port_unbound, "port_unbound",
     "port {0} of domain {1} is not connected: no port is bound to it"},
    {Refusal::port_not_to_dom0, "port_not_to_dom0", "port {0} of domain {1} does not lead to dom0"},
    {Refusal::ports_full, "ports_full", "domain {0} has no free port: all {1} are in use (ports_per_domain)"},
    {Refusal::no_domain_to_wait_for, "no_domain_to_wait_for", "there is no domain {0} to wait for"},
    {Refusal::no_domain_to_bind_to, "no_domain_to_bind_to", "there is no domain {0} to bind to"},
    {Refusal::no_such_virq, "no_such_virq", "there is no virq {0}: they are 0 to {1}"},
    {Refusal::virq_of_dom0, "virq_of_dom0", "only dom0 may bind virq {0}, not domain {1}"},
    {Refusal::pirq_of_dom0, "pirq_of_dom0", "only dom0 may bind a physical interrupt, not domain {0}"},
    {Refusal::no_such_pirq, "no_such_pirq", "there is no interrupt {0}: they are 0 to {1}"},
    {Refusal::no_devices, "no_devices", "domain {0} has no devices of its own"},
    {Refusal::interrupt_unbound, "interrupt_unbound", "an interrupt without a bound port"},
    {Refusal::grants_of_dom0, "grants_of_dom0", "only dom0 may grant frames, not domain {0}"},
    {Refusal::grants_full, "grants_full", "domain {0} cannot grant more frames: it grants {1} (grants_max)"},
    {Refusal::grant_reference, "grant_reference", "there is no grant reference {0}: they are 0 to {1}"},
    {Refusal::grant_taken, "grant_taken", "domain {0} already grants a frame under reference {1}"},
    {Refusal::no_such_grant, "no_such_grant", "domain {0} grants no frame under reference {1}"},
    {Refusal::grant_for_another, "grant_for_another",
     "the frame under reference {1} of domain {0} is granted to domain {2}, not to domain {3}"},
    {Refusal::grant_is_read_only, "grant_is_read_only",
     "the frame under reference {1} of domain {0} is granted for reading only"},
    {Refusal::grant_offset, "grant_offset", "a frame has no byte {0}: they are 0 to {1}"},
    {Refusal::console_subtype, "console_subtype", "a console message of unknown subtype"},
    {Refusal::shutdown_subtype, "shutdown_subtype", "a shutdown message of unknown subtype"},
    {Refusal::suspend_too_late, "suspend_too_late",
     "a suspend request to a guest that is ending or suspended"},
    {Refusal::input_unread, "input_unread", "input for a terminal that no process reads"},
    {Refusal::answer_of_old_page, "answer_of_old_page", "an answer to a request of a page that was given up"},
    {Refusal::response_indices, "response_indices", "responses to requests that were never made"},
    {Refusal::request_indices, "request_indices", "a request index that jumped too far or back"},
    {Refusal::response_id, "response_id", "a response with an id that no request carries"},
    {Refusal::message_length, "message_length", "a length above 60, truncated to 60"},
    {Refusal::stray_event, "stray_event", "an event at a port without a handler; masked"},
    {Refusal::dom0_shutdown, "dom0_shutdown", "dom0 is not shut down through its control channel"},
    {Refusal::sysrq_without_key, "sysrq_without_key", "a sysrq message without a key"},
    {Refusal::memory_request, "memory_request", "a memory request of unexpected size"},
    {Refusal::vcpu_request, "vcpu_request", "a vcpu request of unexpected size"},
    {Refusal::character_without_key, "character_without_key", "character {0:#04x}: there is no key for it"},
};

constexpr Row<Fact> facts[] = {
    {Fact::created, "created", "created {text}"},
    {Fact::destroyed, "destroyed", "destroyed {text}"},
    {Fact::builder_gone, "builder_gone", "its builder is gone"},
    {Fact::runs_as_process, "runs_as_process", "runs as process {0}"},
    {Fact::console_port, "console_port", "its console port is {0}"},
    {Fact::paused, "paused", "paused"},
    {Fact::unpaused, "unpaused", "unpaused"},
    {Fact::window, "window", "its window is {0} rows of {1} columns"},
    {Fact::memory, "memory", "its memory is {0} KiB, was {1}"},
    {Fact::shut_down, "shut_down", "shut down: {reason}, exit status {0}"},
    {Fact::resumed, "resumed", "resumed: frame {0:#x}, was {1:#x}"},
    {Fact::crashed, "crashed", "crashed: {crash}"},
    {Fact::connection_closed, "connection_closed", "crashed: it closed its connection"},
    {Fact::port_waits, "port_waits", "port {0} waits for domain {1}"},
    {Fact::ports_bound, "ports_bound", "domain {0} port {1} <-> domain {2} port {3}"},
    {Fact::port_of_virq, "port_of_virq", "port {0} is bound to virq {1}"},
    {Fact::port_of_pirq, "port_of_pirq", "port {0} is bound to pirq {1}"},
    {Fact::port_of_ipi, "port_of_ipi", "port {0} is bound to an ipi"},
    {Fact::port_closed, "port_closed", "port {0} of domain {1} closes, was {state}"},
    {Fact::granted, "granted", "domain {0} grants a frame to domain {2} under reference {1}"},
    {Fact::grant_ended, "grant_ended", "domain {0} no longer grants the frame under reference {1}"},
    {Fact::grant_notified, "grant_notified",
     "byte {2} of the frame under reference {1} of domain {0} is cleared: a user of it has gone"},
    {Fact::serial_to_xen, "serial_to_xen", "serial input goes to xen"},
    {Fact::serial_to_dom0, "serial_to_dom0", "serial input goes to dom0"},
    {Fact::xcs_listens, "xcs_listens", "xcs listens"},
    {Fact::xcs_without_hypervisor, "xcs_without_hypervisor", "the hypervisor is gone: xcs stops"},
    {Fact::early_answers, "early_answers", "xcs answers console messages itself, before xend has them"},
    {Fact::channel_opened, "channel_opened", "channel: port {0} here, port {1} there"},
    {Fact::channel_closed, "channel_closed", "the channel is closed"},
    {Fact::requests_unanswered, "requests_unanswered", "{0} requests were left unanswered"},
    {Fact::answered_early, "answered_early", "request {0} is in a file, and gets its answer early"},
    {Fact::second_answer, "second_answer", "a second answer to request {0} is dropped"},
    {Fact::indices_good, "indices_good", "the indices make sense again"},
    {Fact::session_up, "session_up", "session with xcs"},
    {Fact::session_lost, "session_lost", "session with xcs lost"},
    {Fact::console_adopted, "console_adopted", "console taken up from an earlier {actor}"},
    {Fact::console_resumed, "console_resumed", "domain resumed"},
    {Fact::console_suspended, "console_suspended", "domain suspended"},
    {Fact::console_kept, "console_kept", "domain ended, kept"},
    {Fact::console_ended, "console_ended", "domain ended"},
    {Fact::console_gone, "console_gone", "domain gone"},
    {Fact::console_gone_unkept, "console_gone_unkept", "domain gone while no daemon kept its console"},
    {Fact::crash_notice, "crash_notice", "[ringside] domain {text} crashed: {crash}"},
    {Fact::console_listens, "console_listens", "console listening on port {0}"},
    {Fact::console_closed, "console_closed", "console closed"},
    {Fact::viewer_came, "viewer_came", "console connected: viewer {0}"},
    {Fact::viewer_left, "viewer_left", "console viewer {0} left"},
    {Fact::viewer_sent_away, "viewer_sent_away", "console viewer {0} was disconnected"},
    {Fact::viewer_saw_end, "viewer_saw_end", "console viewer {0} has read to the end"},
    {Fact::output_returned, "output_returned", "{0} unread bytes are taken back"},
    {Fact::file_attached, "file_attached", "console attached to a file"},
    {Fact::file_detached, "file_detached", "console detached from a file"},
    {Fact::input_file_ended, "input_file_ended", "the end of the console's input file"},
    {Fact::pty_made, "pty_made", "console on a new pty"},
    {Fact::pty_opened, "pty_opened", "console pty opened"},
    {Fact::pty_closed, "pty_closed", "console pty closed by its reader"},
    {Fact::middle_discarded, "middle_discarded",
     "console output discarded: {1} bytes in its middle, behind the oldest {0}"},
    {Fact::program_runs, "program_runs", "runs {text}"},
    {Fact::program_ended, "program_ended", "its program has ended with status {0}"},
    {Fact::terminal_closed, "terminal_closed", "the terminal is closed: no process has it open any more"},
    {Fact::suspends, "suspends", "suspends"},
    {Fact::goes_on, "goes_on", "continues after its suspension"},
    {Fact::new_controller, "new_controller", "a new controller is at the other end of the control channel"},
    {Fact::memory_target_reached, "memory_target_reached", "memory target of {0} pages: reached"},
    {Fact::memory_target_missed, "memory_target_missed", "memory target of {0} pages: {text}"},
    {Fact::init_runs, "init_runs", "init runs {text} on {tty}"},
    {Fact::init_program_ended, "init_program_ended", "the program on {tty} has ended with status {0}"},
    {Fact::byte_rings, "byte_rings",
     "its console is two rings of bytes: in_cons {0}, in_prod {1}, out_cons {2}, out_prod {3}"},
    {Fact::control_closed, "control_closed", "xcs has closed its control connection"},
    {Fact::data_closed, "data_closed", "xcs has closed its data connection"},
    {Fact::notifies, "notifies", "notifies the guest"},
    {Fact::hung_up, "hung_up", "the console has hung up"},
    {Fact::killed, "killed", "{text} is killed"},
    {Fact::event_lost, "event_lost", "fault: its event to {text} is lost", '!'},
    {Fact::event_late, "event_late", "fault: its event to {text} is late", '~'},
    {Fact::event_doubled, "event_doubled", "fault: its event to {text} comes twice", '2'},
    {Fact::event_overtaken, "event_overtaken", "fault: its event to {text} is overtaken", '~'},
    {Fact::message_lost, "message_lost", "fault: its message to {text} is lost", '!'},
    {Fact::message_late, "message_late", "fault: its message to {text} is late", '~'},
    {Fact::message_doubled, "message_doubled", "fault: its message to {text} comes twice", '2'},
    {Fact::message_overtaken, "message_overtaken", "fault: its message to {text} is overtaken", '~'},
    {Fact::checked_step, "checked_step", "{text}"},
};

template <class Code, std::size_t count>
constexpr bool in_order(const Row<Code> (&rows)[count], Code last) {
  for (std::size_t at = 0; at < count; ++at) {
    if (rows[at].code != static_cast<Code>(at)) return false;
  }
  return count == static_cast<std::size_t>(last) + 1;
}
static_assert(in_order(counters, last_counter) && in_order(refusals, last_refusal) &&
              in_order(facts, last_fact));

const Row<Counter>& row(Counter counter) {
  return counters[static_cast<std::size_t>(counter)];
}
const Row<Refusal>& row(Refusal refusal) {
  return refusals[static_cast<std::size_t>(refusal)];
}
const Row<Fact>& row(Fact fact) {
  return facts[static_cast<std::size_t>(fact)];
}

template <class Code, std::size_t count>
std::optional<Code> code_named(const Row<Code> (&rows)[count], std::string_view name) {
  const auto found = std::ranges::find(rows, name, &Row<Code>::name);
  return found == std::end(rows) ? std::nullopt : std::optional(found->code);
}

/// The word of that number; the number itself if it has none.
template <std::size_t count>
std::string word(const std::string_view (&words)[count], std::uint32_t number) {
  return number < count ? std::string(words[number]) : fmt::format("{}", number);
}

// By ShutdownReason, by PortState, and dom0's terminals.
constexpr std::string_view reasons[] = {"poweroff", "reboot", "suspend", "crash"};
constexpr std::string_view port_states[] = {"closed",          "unbound",         "interdomain",
                                            "bound to a pirq", "bound to a virq", "bound to an ipi"};

constexpr std::string_view ttys[] = {"ttyS0", "tty1"};

constexpr std::pair<int, std::string_view> signals[] = {
    {1, "SIGHUP"},   {2, "SIGINT"},   {3, "SIGQUIT"},  {4, "SIGILL"},   {5, "SIGTRAP"},  {6, "SIGABRT"},
    {7, "SIGBUS"},   {8, "SIGFPE"},   {9, "SIGKILL"},  {10, "SIGUSR1"}, {11, "SIGSEGV"}, {12, "SIGUSR2"},
    {13, "SIGPIPE"}, {14, "SIGALRM"}, {15, "SIGTERM"}, {24, "SIGXCPU"}, {25, "SIGXFSZ"}, {31, "SIGSYS"}};
constexpr unsigned bad_call = 31;

std::string filled(std::string_view words, const Values& values, std::string_view argument, Actor actor) {
  const auto& [first, second, third, fourth] = values;
  return fmt::format(fmt::runtime(words), first, second, third, fourth, fmt::arg("text", argument),
                     fmt::arg("actor", actor_name(actor)), fmt::arg("reason", word(reasons, second)),
                     fmt::arg("tty", word(ttys, second)), fmt::arg("state", word(port_states, third)),
                     fmt::arg("crash", crash_words(first, second)));
}

}  // namespace

std::string_view name_of(Counter counter) {
  return row(counter).name;
}
std::string_view name_of(Refusal refusal) {
  return row(refusal).name;
}
std::string_view name_of(Fact fact) {
  return row(fact).name;
}

std::optional<Counter> counter_named(std::string_view name) {
  return code_named(counters, name);
}
std::optional<Refusal> refusal_named(std::string_view name) {
  return code_named(refusals, name);
}
std::optional<Fact> fact_named(std::string_view name) {
  return code_named(facts, name);
}

std::string_view words_of(Counter counter) {
  return row(counter).words;
}

bool is_fault(Fact fact) {
  return row(fact).mark != ' ';
}

std::string words_of(const Entry& entry) {
  if (!makes_sense(entry)) return "";
  switch (entry.kind) {
    case Kind::refused:
      return filled(row(refusal_of(entry)).words, entry.values, text_of(entry), entry.actor);
    case Kind::counted:
      return std::string(words_of(counter_of(entry)));
    case Kind::quirk:
      return std::string(about(quirk_of(entry)).name);
    case Kind::told:
      return filled(row(fact_of(entry)).words, entry.values, text_of(entry), entry.actor);
    case Kind::slot_written:
    case Kind::index_moved:
    case Kind::event_raised:
    case Kind::event_taken:
    case Kind::mask_changed:
    case Kind::frame_passed:
    case Kind::frame_taken:
    case Kind::bytes_passed:
    case Kind::bytes_written:
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
    case Kind::bytes_found:
      break;
  }
  return "";
}

std::string words_of(Fact fact, const Values& values, std::string_view argument) {
  return filled(row(fact).words, values, argument, {});
}

std::string words_of(Refusal refusal, const Values& values, std::string_view argument) {
  return filled(row(refusal).words, values, argument, {});
}

char marker(const Entry& entry) {
  if (!makes_sense(entry)) return ' ';
  switch (entry.kind) {
    case Kind::refused:
      return '!';
    case Kind::quirk:
      return '*';
    case Kind::counted:
      return row(counter_of(entry)).mark;
    case Kind::told:
      return row(fact_of(entry)).mark;
    case Kind::slot_written:
    case Kind::index_moved:
    case Kind::event_raised:
    case Kind::event_taken:
    case Kind::mask_changed:
    case Kind::frame_passed:
    case Kind::frame_taken:
    case Kind::bytes_passed:
    case Kind::bytes_written:
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
    case Kind::bytes_found:
      break;
  }
  return ' ';
}

std::string_view signal_name(int signal) {
  const auto* found = std::ranges::find(signals, signal, &std::pair<int, std::string_view>::first);
  return found == std::end(signals) ? "" : found->second;
}

std::string crash_words(unsigned signal, unsigned status) {
  const std::string_view name = signal_name(static_cast<int>(signal));
  if (signal == bad_call)
    return fmt::format("killed by signal {} ({}: a system call that it may not make)", signal, name);
  if (signal != 0)
    return fmt::format("killed by signal {}{}", signal, name.empty() ? "" : fmt::format(" ({})", name));
  // Reported by the guest itself; otherwise not known.
  if (status == crash_status_unknown) return "its process ended, and its status is unknown";
  return fmt::format("it ended with status {} and without shutting down", status);
}

}  // namespace ringside::trace
