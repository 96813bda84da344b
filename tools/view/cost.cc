// Counts entries by the kind of work that they show.
#include "tools/view/cost.h"

#include <fmt/format.h>

#include <set>

namespace ringside::tools {

namespace {

using trace::Entry;
using trace::Kind;
using trace::Role;

bool is_event(const Entry& entry) {
  return entry.kind == Kind::event_raised &&
         static_cast<trace::EventSource>(entry.from_value) == trace::EventSource::channel;
}

/// In 2005 the consumers' indices are private.
bool moves_shared_index(const Entry& entry) {
  if (entry.kind == Kind::byte_index_moved) return true;
  if (entry.kind != Kind::index_moved) return false;
  const auto name = static_cast<trace::IndexName>(entry.detail);
  return name == trace::IndexName::req_prod || name == trace::IndexName::rsp_prod;
}

std::size_t shared_bytes(const Entry& entry) {
  if (entry.kind == Kind::slot_written)
    return sizeof(ring::ControlMessage) - ring::payload_bytes_max + entry.message.payload().size();
  return entry.kind == Kind::bytes_written ? entry.message.payload().size() : 0;
}

struct Cost {
  explicit Cost(const trace::Journaled& journal) {
    std::set<Role> between;
    for (const trace::JournalStep& each : journal.steps) {
      const Entry& entry = each.entry;
      const Role role = entry.actor.role;
      if (role == Role::xcs || role == Role::xend || role == Role::xenconsoled) between.insert(role);
      messages += entry.kind == Kind::slot_written;
      bytes += shared_bytes(entry);
      frames += entry.kind == Kind::frame_passed;
      indices += moves_shared_index(entry);
      events += is_event(entry);
      kicks += is_event(entry) && static_cast<ring::Raised>(entry.detail) == ring::Raised::kick;
    }
    processes = between.size();
  }

  std::size_t processes = 0;
  std::size_t messages = 0;
  std::size_t bytes = 0;
  std::size_t frames = 0;
  std::size_t indices = 0;
  std::size_t events = 0;
  std::size_t kicks = 0;
};

}  // namespace

std::string cost_table(const trace::Journaled& then, const trace::Journaled& now) {
  const Cost before(then);
  const Cost today(now);
  std::string out = fmt::format("\n{:<52}{:>8}{:>8}\n", "What the key and its echo cost, in these two runs",
                                "2005", "today");
  const auto line = [&](const char* what, std::size_t Cost::*count) {
    out += fmt::format("  {:<50}{:>8}{:>8}\n", what, before.*count, today.*count);
  };
  line("daemons between the viewer and the guest", &Cost::processes);
  line("requests and responses written into slots", &Cost::messages);
  line("bytes written into the shared rings", &Cost::bytes);
  line("frames of 80 bytes on xcs's sockets", &Cost::frames);
  line("moves of an index in the page", &Cost::indices);
  line("events raised on the channel", &Cost::events);
  line("events that woke a sleeping receiver", &Cost::kicks);
  return out + "\nWhich receivers sleep, and so the last line, differs from run to run.\n";
}

}  // namespace ringside::tools
