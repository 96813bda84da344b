// Bytes and their numbers, hop by hop.
#include "emu/trace/flow.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "emu/base/answer.h"
#include "emu/base/quirks.h"
#include "emu/trace/names.h"
#include "emu/trace/text.h"

namespace ringside::trace {

namespace {

constexpr std::size_t connecting_max = 64;
constexpr std::uint8_t frame_connect_data = 1;
constexpr std::uint32_t no_slot = std::numeric_limits<std::uint32_t>::max();

bool is_source(Role role, bool down) {
  return down ? role == Role::user || role == Role::client : role == Role::tty || role == Role::program;
}

bool is_console_request(const Entry& entry) {
  const bool request = entry.kind == Kind::slot_written
                           ? static_cast<SlotUse>(entry.detail) == SlotUse::request
                           : entry.detail == frame_request;
  return request && entry.message.type == ring::CMSG_CONSOLE;
}

FlowPlace ring_place(std::uint32_t domain, bool down) {
  return {.ring = FlowRing::messages, .domain = domain, .down = down};
}

/// The characters before the next one that Xen's serial layer has inserted: it sends a newline as CR LF.
std::size_t before_inserted(std::string_view text) {
  const std::size_t end = text.find("\r\n");
  return end == std::string_view::npos && text.ends_with('\r') ? text.size() - 1 : std::min(end, text.size());
}

}  // namespace

FlowStep Flow::take(std::uint64_t step, const Entry& entry) {
  done_ = {};
  step_ = step;
  touched_.clear();
  if (!makes_sense(entry)) return {};
  switch (entry.kind) {
    case Kind::bytes_passed:
      bytes_passed(entry);
      break;
    case Kind::frame_passed:
      learn(entry);
      if (is_console_request(entry)) frame_passed(entry);
      break;
    case Kind::frame_taken:
      if (is_console_request(entry) && entry.peer.role == Role::xcs) frame_taken(entry);
      break;
    case Kind::slot_written:
      if (is_console_request(entry)) slot_written(entry);
      break;
    case Kind::index_moved:
      if (static_cast<IndexName>(entry.detail) == IndexName::req_cons)
        taken_from_ring(entry, entry.ring, entry.from_value, entry.to_value - entry.from_value);
      break;
    case Kind::quirk:
      quirk(entry);
      break;
    case Kind::counted:
      counted(entry);
      break;
    case Kind::told:
      told(entry);
      break;
    case Kind::refused:
      // The line that refuses a second viewer comes from xend, not from the domain.
      if (is(entry, Refusal::viewer_there)) {
        const FlowPlace client{.role = Role::client, .domain = entry.domain, .down = false};
        push(client, made(client, entry.values[0]));
      }
      break;
    case Kind::bytes_written:
    case Kind::bytes_found:
      bytes_in_ring(entry);
      break;
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
      byte_index(entry);
      break;
    case Kind::event_raised:
    case Kind::event_taken:
    case Kind::mask_changed:
      break;
  }
  return std::move(done_);
}

Role Flow::behind(const Entry& entry, Actor actor) const {
  if (actor.role != Role::client) return actor.role;
  if (entry.kind != Kind::frame_passed && entry.kind != Kind::frame_taken) return Role::client;
  const auto found = connections_.find(actor.number);
  return found == connections_.end() ? Role::xend : found->second;
}

/// xcs answers connecting clients in the order in which they asked.
void Flow::learn(const Entry& entry) {
  if (entry.detail > frame_connect_data) return;
  if (entry.peer.role == Role::xcs) {
    if (connecting_.size() < connecting_max) connecting_.push_back(entry.actor.role);
  } else if (entry.actor.role == Role::xcs && entry.peer.role == Role::client && !connecting_.empty()) {
    connections_[entry.peer.number] = connecting_.front();
    connecting_.pop_front();
  }
}

// -- moves

void Flow::bytes_passed(const Entry& entry) {
  const Role from = entry.actor.role;
  const Role to = entry.peer.role;
  std::string_view text = text_of(entry);
  if (entry.actor == entry.peer) {
    const FlowPlace self{.role = from, .domain = entry.domain, .down = false};
    if (from == Role::domain) known_[entry.domain].reports = true;
    return push(self, made(self, text.size()));
  }
  const int depth = depth_of(from);
  if (depth == depth_of(to)) return;
  const bool down = depth < depth_of(to);
  const FlowPlace sender{.role = from, .domain = entry.domain, .down = down};
  const FlowPlace receiver{.role = to, .domain = entry.domain, .down = down};
  // Input for Xen itself has arrived.
  if (to == Role::xen && down && serial_is_xens_) return void(leave(sender, text.size()));
  if (is_source(from, down)) {
    if (to == Role::domain) known_[entry.domain].reports = true;
    if (down && is_gone(entry.domain))
      return lose(entry.domain, true, made(sender, text.size()), Loss::ended);
    return arrive(receiver, made(sender, text.size()));
  }
  while (from == Role::uart && !down && !text.empty()) {
    const std::size_t run = before_inserted(text);
    arrive(receiver, leave(sender, run));
    if (run < text.size()) arrive(receiver, made(sender, 1));
    text.remove_prefix(std::min(run + 1, text.size()));
  }
  arrive(receiver, leave(sender, text.size()));
}

void Flow::frame_passed(const Entry& entry) {
  const auto number = number_of(entry);
  const std::size_t bytes = entry.message.payload().size();
  const bool down = entry.peer.role == Role::xcs;
  const FlowPlace xcs{.role = Role::xcs, .domain = entry.domain, .down = down};
  if (down) {
    // After a restart of xcs, xend sends the same messages again.
    if (sent_before(entry.domain, number)) return;
    const FlowPlace sender{.role = behind(entry, entry.actor), .domain = entry.domain, .down = true};
    note_sent(entry.domain, number, bytes);
    return push(xcs, is_source(sender.role, true) ? made(sender, bytes) : leave(sender, bytes), number);
  }
  // xcs first passes on what it finds in a slot, and then reports that it took it.
  const FlowPlace ring = ring_place(entry.domain, false);
  const auto waiting = held_.find(ring);
  const bool in_ring = !number || !known_[entry.domain].early.contains(*number);
  if (in_ring && waiting != held_.end() && !waiting->second.pieces.empty()) {
    const Piece first = waiting->second.pieces.front();
    push(xcs, pull(ring, all_bytes, {.slot = number ? ring::slot_of(*number) : first.slot}),
         number ? number : first.number);
  }
  for (Piece& each : held_[xcs].pieces) each.passed = each.passed || !number || each.number == number;
}

/// Upwards. The number tells whether these bytes have arrived before: as a copy for another client, or in an
/// offer after the loss of a session.
void Flow::frame_taken(const Entry& entry) {
  // The console of this domain has ended before the frame arrived.
  if (is_gone(entry.domain)) return;
  const auto number = number_of(entry);
  const FlowPlace xcs{.role = Role::xcs, .domain = entry.domain, .down = false};
  const FlowPlace client{.role = Role::client, .domain = entry.domain, .down = false};
  const FlowPlace taker{.role = behind(entry, entry.actor), .domain = entry.domain, .down = false};
  const std::size_t bytes = entry.message.payload().size();
  Pieces pieces = pull(xcs, number ? all_bytes : bytes, {.number = number});
  if (taker.role == Role::xend) {
    if (pieces.empty() && number) pieces = pull(client, all_bytes, {.number = number});
    Known& known = known_[entry.domain];
    const bool again =
        number && known.taken && ring::distance(*known.taken, *number) - 1 < known.under_way_max;
    if (pieces.empty() && !again) {
      // Without a number, as in 2005, xend cannot know that it has this message already, and shows it again.
      if (!number) totals_[{entry.domain, false}].repeated += bytes;
      pieces = leave(xcs, bytes);
    }
    if (number && !again) known.taken = *number + 1;
  }
  const auto its_number = number || pieces.empty() ? number : pieces.front().number;
  push(taker, std::move(pieces), its_number);
}

void Flow::slot_written(const Entry& entry) {
  const bool down = entry.ring == ring::Ring::rx;
  const auto number = number_of(entry);
  const std::size_t bytes = entry.message.payload().size();
  const FlowPlace ring = ring_place(entry.domain, down);
  const FlowPlace writer{.role = entry.actor.role, .domain = entry.domain, .down = down};
  Pieces pieces;
  // A controller that died before it published the slot is followed by one that writes the message again.
  if (down && number) pieces = pull(ring, all_bytes, {.number = number});
  FlowStep moved = std::exchange(done_, {});
  free_slot(entry);
  moved.lost = done_.lost;
  done_ = std::move(moved);
  if (pieces.empty() && down && number && writer.role == Role::xcs)
    pieces = pull(writer, all_bytes, {.number = number});
  if (pieces.empty() && !(down && sent_before(entry.domain, number))) {
    pieces = leave(writer, bytes);
    if (down) note_sent(entry.domain, number, bytes);
  }
  for (Piece& each : pieces) each.slot = entry.to_value;
  push(ring, std::move(pieces), number);
}

/// The earlier message in this slot has been answered: a client has it, or it was refused.
void Flow::free_slot(const Entry& entry) {
  const bool down = entry.ring == ring::Ring::rx;
  lose(entry.domain, down, pull(ring_place(entry.domain, down), all_bytes, {.slot = entry.to_value}),
       Loss::refused);
  if (down) return;
  const FlowPlace xcs{.role = Role::xcs, .domain = entry.domain, .down = false};
  for (const Piece& each : pull(xcs, all_bytes, {.slot = entry.to_value})) {
    if (each.passed)
      totals_[{entry.domain, false}].unseen += each.count;
    else
      lose(entry.domain, false, {each}, Loss::refused);
  }
}

void Flow::taken_from_ring(const Entry& entry, ring::Ring which, std::uint32_t from, std::uint32_t count) {
  const FlowPlace ring = ring_place(entry.domain, which == ring::Ring::rx);
  const FlowPlace taker{.role = entry.actor.role, .domain = entry.domain, .down = ring.down};
  count = std::min<std::uint32_t>(count, ring::slots_per_ring);
  for (std::uint32_t index = from; index != from + count; ++index)
    push(taker, pull(ring, all_bytes, {.slot = ring::slot_of(index)}),
         ring.down ? std::nullopt : std::optional(index));
}

// -- losses

void Flow::counted(const Entry& entry) {
  const std::uint32_t change = entry.to_value - entry.from_value;
  const auto lose_newest = [&](Role role, Loss why) {
    const FlowPlace place{.role = role, .domain = entry.domain};
    lose(entry.domain, true, pull(place, change, {.newest = true}), why);
  };
  const FlowPlace output{.role = entry.actor.role, .domain = entry.domain, .down = false};
  switch (counter_of(entry)) {
    case Counter::console_bytes_discarded:
      if (entry.actor.role == Role::xenconsoled) return;  // see middle_discarded
      return lose(entry.domain, false, leave(output, change), Loss::discarded);
    case Counter::bytes_unread:
      return lose(entry.domain, false, leave(output, change), Loss::unread);
    case Counter::bytes_shown_twice:
      totals_[{entry.domain, false}].repeated += change;
      return;
    case Counter::typed_bytes_unseen:
      for (const auto& [place, queue] : held_)
        if (place.domain == entry.domain && place.down) lose_all(place, Loss::ended);
      return;
    case Counter::typed_bytes_lost:
      return lose_newest(entry.actor.role, Loss::with_daemon);
    case Counter::input_bytes_dropped:
      return lose_newest(Role::domain, Loss::dropped);
    case Counter::console_input_dropped:
      return lose_newest(Role::xen, Loss::dropped);
    default:
      return;
  }
}

void Flow::quirk(const Entry& entry) {
  const auto number = number_of(entry);
  const FlowPlace xcs{.role = Role::xcs, .domain = entry.domain};
  switch (quirk_of(entry)) {
    case Quirk::xcs_drop_when_full:
    case Quirk::xcs_maxdom:
      return lose(entry.domain, true, pull(xcs, number ? all_bytes : entry.values[2], {.number = number}),
                  Loss::ring_full);
    case Quirk::no_responder:
      if (!number) return;
      return lose(entry.domain, false,
                  pull(ring_place(entry.domain, false), all_bytes, {.slot = ring::slot_of(*number)}),
                  Loss::refused);
    case Quirk::xend_reorder: {
      // xend keeps this message behind those that it kept before.
      const FlowPlace xend{.role = Role::xend, .domain = entry.domain, .down = false};
      if (number) push(xend, pull(xend, all_bytes, {.number = number}), number);
      return;
    }
    default:
      return;
  }
}

void Flow::told(const Entry& entry) {
  const auto domain_ended = [&] {
    Known& its = known_[entry.domain];
    its.dead = true;
    for (const bool down : {true, false})
      lose_all({.role = Role::domain, .domain = entry.domain, .down = down}, Loss::ended);
    lose_all(ring_place(entry.domain, true), Loss::ended);
    if (its.xenconsoled == Xenconsoled::reports) return;  // it has the rings until it removes the console
    lose_all({.ring = FlowRing::bytes, .domain = entry.domain}, Loss::ended);
    lose_all({.role = Role::xenconsoled, .domain = entry.domain}, Loss::ended);
  };
  const auto output_ended = [&] {
    lose_all(ring_place(entry.domain, false), Loss::ended);
    lose_all({.role = Role::xcs, .domain = entry.domain, .down = false}, Loss::ended);
  };
  const auto known = known_.find(entry.domain);
  const bool dead = known != known_.end() && known->second.dead;
  switch (fact_of(entry)) {
    case Fact::created:
      known_.erase(entry.domain);
      taken_unseen_.erase(entry.domain);
      return;
    case Fact::destroyed:
      domain_ended();
      known_[entry.domain].destroyed = true;
      if (known_[entry.domain].xenconsoled != Xenconsoled::reports) end_byte_rings(entry.domain);
      return;
    case Fact::crashed:
    case Fact::connection_closed:
      return domain_ended();
    case Fact::byte_rings:
      return begin_byte_rings(entry);
    case Fact::channel_closed:
      if (dead) output_ended();
      return;
    case Fact::answered_early:
      return answer_early(entry);
    case Fact::second_answer:
      known_[entry.domain].early.erase(entry.values[0]);
      return;
    case Fact::requests_unanswered:
      return taken_from_ring(entry, ring::Ring::tx, entry.values[1], entry.values[0]);
    case Fact::console_gone:
    case Fact::console_gone_unkept:
      if (!dead) return;
      known->second.gone = true;
      for (const auto& [place, queue] : held_)
        if (place.domain == entry.domain && place.down) lose_all(place, Loss::ended);
      if (entry.actor.role == Role::xenconsoled) {
        end_byte_rings(entry.domain);
        leave_viewer(entry.domain);
      }
      return output_ended();
    case Fact::viewer_came:
    case Fact::viewer_left:
      return leave_viewer(entry.domain);
    case Fact::console_adopted:
      return adopt(entry);
    case Fact::pty_made:
      if (entry.actor.role != Role::xenconsoled) return;
      lose_with_xenconsoled(entry.domain);
      known_[entry.domain].xenconsoled = Xenconsoled::reports;
      return;
    case Fact::killed:
      if (text_of(entry) != actor_name(actor(Role::xenconsoled))) return;
      for (auto& [domain, its] : known_) {
        if (its.xenconsoled != Xenconsoled::reports) continue;
        lose_with_xenconsoled(domain);
        its.xenconsoled = Xenconsoled::killed;
        if (its.destroyed) end_byte_rings(domain);
      }
      return;
    case Fact::middle_discarded:
      return lose_middle(entry);
    case Fact::output_returned:
      return give_back(entry);
    case Fact::session_lost:
      // Input without numbers is not sent again.
      for (auto& [place, queue] : held_) {
        if (place.ring != FlowRing::none || place.role != Role::xcs || !place.down) continue;
        lose(place.domain, true, pull(place, all_bytes, {.unnumbered = true}), Loss::with_daemon);
      }
      return;
    case Fact::serial_to_xen:
      // The last switch character is not passed on.
      serial_is_xens_ = true;
      return void(pull({.role = Role::xen}, 1, {.newest = true}));
    case Fact::serial_to_dom0:
      serial_is_xens_ = false;
      return;
    default:
      return;
  }
}

/// xcs has answered the request: its slot may be used again while the message is in transit to xend.
void Flow::answer_early(const Entry& entry) {
  Known& known = known_[entry.domain];
  known.under_way_max = requests_under_way_max(Answer::xcs);
  known.early.insert(entry.values[0]);
  if (known.early.size() > early_answers_max) known.early.erase(known.early.begin());
  const auto held = held_.find({.role = Role::xcs, .domain = entry.domain, .down = false});
  if (held == held_.end()) return;
  for (Piece& each : held->second.pieces)
    if (each.number == entry.values[0]) each.slot = no_slot;
}

/// A daemon continues with the input that its predecessor had kept. Input that the predecessor had not read
/// is lost.
void Flow::adopt(const Entry& entry) {
  const auto& [unsent, unanswered, tag, none] = entry.values;
  const auto& sent = known_[entry.domain].sent;
  std::size_t under_way = 0;
  for (auto each = std::ranges::find(sent, tag, &Sent::tag); each != sent.end(); ++each)
    under_way += each->bytes;
  const std::size_t kept = unsent + unanswered - std::min<std::size_t>(under_way, unanswered);
  const FlowPlace input{.role = entry.actor.role, .domain = entry.domain};
  if (const std::size_t held = level(input); held > kept)
    lose(entry.domain, true, pull(input, held - kept, {.newest = true}), Loss::with_daemon);
  // A pty ends with its daemon.
  if (entry.actor.role == Role::xenctld) leave_viewer(entry.domain);
}

/// The newest bytes in a pty were not read: they go back to the front of the queue.
void Flow::give_back(const Entry& entry) {
  const FlowPlace pty{.role = Role::client, .domain = entry.domain, .down = false};
  const FlowPlace queue{.role = entry.actor.role, .domain = entry.domain, .down = false};
  Pieces unread = pull(pty, entry.values[0], {.newest = true});
  const FlowStep done = done_;
  Pieces queued = pull(queue, all_bytes);
  push(queue, std::move(unread));
  put_back(queue, queued);
  lose(entry.domain, false, pull(queue, entry.values[1]), Loss::discarded);
  leave_viewer(entry.domain);
  done_ = done;
}

/// The viewer has left: bytes that it has not shown count as lost. It may still read them from its
/// connection, see recovered().
void Flow::leave_viewer(std::uint32_t domain) {
  // Bytes with a number were taken by another client of xcs; xend may still take them.
  const Pieces pieces =
      pull({.role = Role::client, .domain = domain, .down = false}, all_bytes, {.unnumbered = true});
  lose(domain, false, pieces, Loss::with_viewer);
  for (const Piece& each : pieces) strays_[domain].append(each);
}

}  // namespace ringside::trace
