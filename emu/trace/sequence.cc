// Turns entries into items, and folds repeated items.
#include "emu/trace/sequence.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "emu/trace/flow.h"
#include "emu/trace/lines.h"
#include "emu/trace/names.h"
#include "emu/trace/sequence_item.h"
#include "emu/trace/text.h"

namespace ringside::trace {

namespace {

using Kind_ = SequenceItem::Kind;
using OpenItem = OpenSequenceItem;
using LaneKey = SequenceLaneKey;
using Act = JournalMark::Act;

/// How many entries after a send are searched for its arrival: the entry that passes it on, or any entry of
/// the receiver.
constexpr std::size_t forwarding_entries_max = 256;
constexpr std::size_t receiver_entries_max = 8;
constexpr std::size_t text_bytes_max = 24;

class Builder {
 public:
  Builder(const Journaled& journal, std::uint64_t first, std::uint64_t last)
      : journal_(journal), first_(first), last_(last) {
    const auto types = [](const JournalStep& each) {
      return each.entry.kind == Kind::bytes_passed && each.entry.actor.role == Role::user &&
             each.entry.peer.role == Role::uart;
    };
    serial_line_used_ = std::ranges::any_of(journal.steps, types);
    flow_.begin(journal.header);
    for (const JournalDomain& domain : journal.header.domains)
      if (domain.byte_rings) today_.insert(domain.id);
  }

  Sequence build() {
    auto mark = journal_.marks.begin();
    for (at_ = 0; at_ < journal_.steps.size(); ++at_) {
      const JournalStep& each = journal_.steps[at_];
      const FlowStep flow = flow_.take(each.step, each.entry);
      const bool wanted = is_wanted(each);
      for (; mark != journal_.marks.end() && mark->after < each.step; ++mark) {
        if (wanted) reached(*mark, each);
      }
      arrived(flow, each);
      if (wanted) take(each, flow);
    }
    if (!journal_.steps.empty()) {
      const JournalStep& end = journal_.steps.back();
      for (; mark != journal_.marks.end(); ++mark) {
        if (is_wanted(end)) reached(*mark, end);
      }
      say_awaited(end);
    }
    return finish();
  }

 private:
  [[nodiscard]] bool is_wanted(const JournalStep& each) const {
    const bool set_up = first_ == 0 && !journal_.marks.empty() && each.step <= journal_.marks.front().after;
    if (each.step < first_ || each.step > last_ || set_up) return false;
    return makes_sense(each.entry);
  }

  [[nodiscard]] LaneKey lane(const Entry& entry, Actor actor) const {
    const Role role = flow_.behind(entry, actor);
    // Only xcs numbers its clients; a viewer of a console is the console's client.
    const bool numbered = role == actor.role && (role != Role::client || entry.actor.role == Role::xcs);
    return sequence_lane_of(role, numbered ? actor.number : 0);
  }

  OpenItem& add(Kind_ kind, const JournalStep& each, LaneKey from, LaneKey to, std::string base) {
    OpenItem open_item;
    open_item.item.kind = kind;
    open_item.item.step = open_item.item.last_step = each.step;
    open_item.item.sent_ns = open_item.item.arrived_ns = static_cast<std::int64_t>(each.entry.time_ns);
    open_item.from = from;
    open_item.to = to;
    open_item.base = std::move(base);
    open_items_.push_back(std::move(open_item));
    return open_items_.back();
  }

  /// Steps are effects of the line before them. An expectation has none: it is written where it was met,
  /// after the effects for which it waited. A waiting line comes into force at the step at which the line
  /// before it was met.
  void reached(const JournalMark& mark, const JournalStep& each) {
    const bool waits = mark.kind == JournalMark::Kind::statement && mark.act == Act::none;
    if (waits) {
      awaited_.push_back(&mark);
      return;
    }
    say_awaited(each);
    line(mark, each);
  }

  void say_awaited(const JournalStep& each) {
    for (const JournalMark* mark : std::exchange(awaited_, {})) line(*mark, each);
  }

  void line(const JournalMark& mark, const JournalStep& each) {
    OpenItem open_item;
    open_item.item.kind = Kind_::line;
    open_item.item.step = open_item.item.last_step = mark.after + 1;
    open_item.item.sent_ns = open_item.item.arrived_ns = static_cast<std::int64_t>(each.entry.time_ns);
    open_item.item.trouble = mark.kind == JournalMark::Kind::failure;
    open_item.base = (open_item.item.trouble ? "FAILED " : "") + place_and_text(mark);
    open_items_.push_back(std::move(open_item));
  }

  void note(const JournalStep& each, std::string text, bool trouble, bool lost = false) {
    const LaneKey self = lane(each.entry, each.entry.actor);
    SequenceItem& item = add(Kind_::note, each, self, self, std::move(text)).item;
    item.trouble = trouble;
    item.lost = lost;
  }

  void take(const JournalStep& each, const FlowStep& flow) {
    const Entry& entry = each.entry;
    switch (entry.kind) {
      case Kind::slot_written:
        return slot(each);
      case Kind::index_moved:
        return index(each);
      case Kind::bytes_written:
      case Kind::bytes_found:
        return ring_bytes(each);
      case Kind::byte_index_moved:
      case Kind::byte_index_found:
        return byte_index(each);
      case Kind::event_raised:
        return raised(each);
      case Kind::event_taken:
        return event_taken(each);
      case Kind::frame_passed:
        return frame(each);
      case Kind::bytes_passed:
        return bytes(each);
      case Kind::refused:
        return note(each, "refuses: " + escaped_words(entry), true);
      case Kind::counted:
        return note(each, fmt::format("{}: {} -> {}", escaped_words(entry), entry.from_value, entry.to_value),
                    marker(entry) != ' ');
      case Kind::quirk: {
        const std::string_view lost = flow.lost ? ": the bytes are lost" : "";
        return note(each, fmt::format("quirk {}{}", escaped_words(entry), lost), true, flow.lost);
      }
      case Kind::told:
        if (is(entry, Fact::byte_rings)) today_.insert(entry.domain);
        return told(each);
      case Kind::mask_changed:  // an event that is not a kick says why
      case Kind::frame_taken:   // the arrow of the frame that was passed ends here
        return;
    }
  }

  void message(OpenItem& open_item, const ring::ControlMessage& message) {
    open_item.item.bytes = static_cast<std::uint32_t>(message.payload().size());
    if (!message.payload().empty()) open_item.item.text = quoted(message.payload(), text_bytes_max);
  }

  [[nodiscard]] static LaneKey page_of(std::uint32_t domain) { return {rank_of_domains, domain, part_page}; }

  void slot(const JournalStep& each) {
    const Entry& entry = each.entry;
    OpenItem& open_item =
        add(Kind_::message, each, lane(entry, entry.actor), page_of(entry.domain),
            fmt::format("{} {} {}", message_type_name(entry.message.type),
                        use_name(static_cast<SlotUse>(entry.detail)), ring_word(entry.ring)));
    open_item.range = OpenItem::Range::slots;
    open_item.low = open_item.high = entry.to_value;
    message(open_item, entry.message);
  }

  void index(const JournalStep& each) {
    const Entry& entry = each.entry;
    const auto name = static_cast<IndexName>(entry.detail);
    const bool takes = name == IndexName::req_cons || name == IndexName::rsp_cons;
    const LaneKey self = lane(entry, entry.actor);
    const LaneKey page = page_of(entry.domain);
    OpenItem& open_item = add(Kind_::message, each, takes ? page : self, takes ? self : page,
                              fmt::format("{} {}", ring_word(entry.ring), index_name(name)));
    open_item.range = OpenItem::Range::index;
    open_item.low = entry.from_value;
    open_item.high = entry.to_value;
    open_item.item.text = takes ? "taken" : "published";
  }

  void ring_bytes(const JournalStep& each) {
    const bool found = each.entry.kind == Kind::bytes_found;
    const LaneKey self = lane(each.entry, each.entry.actor);
    const LaneKey page = page_of(each.entry.domain);
    message(add(Kind_::message, each, found ? page : self, found ? self : page,
                fmt::format("bytes {} {}", found ? "found in" : "into", ring_word(byte_ring_of(each.entry)))),
            each.entry.message);
  }

  void byte_index(const JournalStep& each) {
    const auto name = static_cast<ByteIndex>(each.entry.detail);
    const bool found = each.entry.kind == Kind::byte_index_found;
    const LaneKey self = lane(each.entry, each.entry.actor);
    const LaneKey page = page_of(each.entry.domain);
    const bool reads = found || is_cons(name);
    OpenItem& open_item =
        add(Kind_::message, each, reads ? page : self, reads ? self : page, std::string(index_name(name)));
    open_item.range = OpenItem::Range::index;
    open_item.low = each.entry.from_value;
    open_item.high = each.entry.to_value;
    open_item.item.text = found ? "found" : reads ? "taken" : "published";
  }

  [[nodiscard]] static std::uint32_t owner(Actor actor) {
    return actor.role == Role::domain ? actor.number : 0;
  }

  void raised(const JournalStep& each) {
    const Entry& entry = each.entry;
    const auto source = static_cast<EventSource>(entry.from_value);
    const auto outcome = static_cast<ring::Raised>(entry.detail);
    LaneKey to = lane(entry, entry.peer);
    if (entry.peer.role == Role::dom0 && source == EventSource::channel) {
      const Role controller = journal_.header.controller == "xenctld" ? Role::xenctld : Role::xcs;
      to = sequence_lane_of(today_.contains(entry.domain) ? Role::xenconsoled : controller, 0);
    }
    std::string base = fmt::format("event: {}", raised_name(outcome));
    if (source != EventSource::channel) base += fmt::format(" ({} {})", source_name(source), entry.to_value);
    OpenItem& open_item = add(Kind_::event, each, lane(entry, entry.actor), to, std::move(base));
    open_item.item.text = fmt::format("port {}", entry.port);
    events_.try_emplace({owner(entry.peer), entry.port}, open_items_.size() - 1);
  }

  /// Ends the arrow of the first event that it was for; later ones coalesced with it. An event without a
  /// known sender is a note.
  void event_taken(const JournalStep& each) {
    const auto first = events_.extract(std::pair(owner(each.entry.actor), each.entry.port));
    if (first.empty()) return note(each, fmt::format("takes event, port {}", each.entry.port), false);
    OpenItem& open_item = open_items_[first.mapped()];
    open_item.to = lane(each.entry, each.entry.actor);
    open_item.item.arrived_ns =
        std::max(open_item.item.sent_ns, static_cast<std::int64_t>(each.entry.time_ns));
  }

  void frame(const JournalStep& each) {
    const Entry& entry = each.entry;
    const bool carries = entry.detail == frame_request || entry.detail == frame_response;
    std::string base = frame_type_name(entry.detail);
    if (carries) base = message_type_name(entry.message.type) + " " + base;
    const LaneKey to = lane(entry, entry.peer);
    OpenItem& open_item = add(Kind_::message, each, lane(entry, entry.actor), to, std::move(base));
    if (carries) message(open_item, entry.message);
    await(each, to);
  }

  void bytes(const JournalStep& each) {
    const Entry& entry = each.entry;
    // What Xen prints at each change in a domain's life is also in an entry of its own.
    if (entry.actor.role == Role::xen && entry.peer.role == Role::uart && !serial_line_used_) return;
    const LaneKey to = lane(entry, entry.peer);
    const LaneKey from = lane(entry, entry.actor);
    // A connection and the client that owns it are one lane.
    if (from == to) return;
    message(add(Kind_::message, each, from, to, ""), entry.message);
    await(each, to);
  }

  void told(const JournalStep& each) {
    note(each, "says: " + escaped_words(each.entry), marker(each.entry) != ' ');
    const bool event = is(each.entry, Fact::event_lost);
    if (!event && !is(each.entry, Fact::message_lost)) return;
    const LaneKey self = open_items_.back().from;
    const Kind_ wanted = event ? Kind_::event : Kind_::message;
    for (auto open_item = open_items_.rbegin(); open_item != open_items_.rend(); ++open_item) {
      if (open_item->item.kind != wanted || open_item->from != self) continue;
      open_item->item.lost = true;
      const auto number = static_cast<std::size_t>(open_items_.rend() - open_item) - 1;
      std::erase_if(events_, [number](const auto& waiting) { return waiting.second == number; });
      return;
    }
  }

  /// Bytes and frames arrive at the receiver's next entry, or, if there is one, at the entry by which they
  /// are passed on.
  void await(const JournalStep& each, LaneKey to) {
    waiting_.push_back({each.step, open_items_.size() - 1, to, at_});
  }

  void arrived(const FlowStep& flow, const JournalStep& each) {
    const auto self =
        makes_sense(each.entry) ? std::optional(lane(each.entry, each.entry.actor)) : std::nullopt;
    std::erase_if(waiting_, [&](const Waiting& its) {
      const bool goes_on = flow.came_at != 0 && flow.came_at == its.step;
      const bool came = goes_on || (self && *self == its.to && at_ - its.at <= receiver_entries_max);
      if (came) {
        SequenceItem& item = open_items_[its.open_item].item;
        item.arrived_ns = std::max(item.sent_ns, static_cast<std::int64_t>(each.entry.time_ns));
      }
      return came || at_ - its.at > forwarding_entries_max;
    });
  }

  Sequence finish();
  void name_lanes(Sequence& sequence, const std::vector<OpenItem>& open_items);

  /// Something in transit to `to`.
  struct Waiting {
    std::uint64_t step;
    std::size_t open_item;
    LaneKey to;
    std::size_t at;
  };

  const Journaled& journal_;
  std::uint64_t first_;
  std::uint64_t last_;
  bool serial_line_used_ = false;
  std::vector<const JournalMark*> awaited_;  ///< expectations that are not written yet
  std::size_t at_ = 0;
  Flow flow_;
  std::set<std::uint32_t> today_;  ///< domains whose events go to xenconsoled, not to xcs
  std::vector<OpenItem> open_items_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> events_;  ///< by port: the first not taken
  std::vector<Waiting> waiting_;
};

std::string name_of(const LaneKey& key) {
  if (key.rank == rank_of_domains) {
    static constexpr std::string_view parts[] = {" page", "", ".tty", ".program"};
    return fmt::format("dom{}{}", key.domain, parts[key.part]);
  }
  static constexpr std::string_view names[] = {"user", "uart",    "xen",         "dom0", "dom0.tty", "client",
                                               "xend", "xenctld", "xenconsoled", "xcs",  "somebody"};
  const std::string name(names[std::min<std::size_t>(key.rank, std::size(names) - 1)]);
  return key.domain == 0 ? name : fmt::format("{}{}", name, key.domain);
}

void Builder::name_lanes(Sequence& sequence, const std::vector<OpenItem>& open_items) {
  std::map<LaneKey, std::size_t> lanes;
  for (const OpenItem& each : open_items) {
    if (each.item.kind == Kind_::line) continue;
    lanes.emplace(each.from, 0);
    lanes.emplace(each.to, 0);
  }
  for (auto& [key, number] : lanes) {
    number = sequence.lanes.size();
    sequence.lanes.push_back(name_of(key));
  }
  for (const OpenItem& each : open_items) {
    SequenceItem item = each.item;
    if (item.kind != Kind_::line) {
      item.from = lanes.at(each.from);
      item.to = lanes.at(each.to);
    }
    item.label = each.label();
    const bool unlike_others = item.kind == Kind_::line;
    item.shape = fmt::format("{} {} {} {} {} {}", static_cast<unsigned>(item.kind), item.from, item.to,
                             each.base, item.lost, unlike_others ? item.step : 0);
    sequence.items.push_back(std::move(item));
  }
}

bool alike(const SequenceItem& one, const SequenceItem& other) {
  return one.shape == other.shape && one.count == other.count;
}

/// How often the `size` items from `at` on are repeated without a gap.
std::uint32_t rounds(const std::vector<SequenceItem>& items, std::size_t at, std::size_t size) {
  std::uint32_t times = 1;
  for (std::size_t next = at + size; next + size <= items.size(); next += size, ++times) {
    for (std::size_t each = 0; each < size; ++each) {
      if (!alike(items[at + each], items[next + each])) return times;
    }
  }
  return times;
}

void fold(Sequence& sequence) {
  const std::vector<SequenceItem> items = std::exchange(sequence.items, {});
  std::size_t at = 0;
  while (at < items.size() && sequence.items.size() < sequence_items_max) {
    std::size_t best_size = 1;
    std::uint32_t best_times = 1;
    for (std::size_t size = 1; size <= sequence_fold_items_max; ++size) {
      const std::uint32_t times = rounds(items, at, size);
      if ((times - 1) * size > (best_times - 1) * best_size) {
        best_size = size;
        best_times = times;
      }
    }
    const std::size_t all = best_size * best_times;
    if (best_times > 1)
      sequence.loops.push_back({sequence.items.size(), best_size, best_times, items[at + all - 1].last_step});
    for (std::size_t each = 0; each < best_size; ++each) sequence.items.push_back(items[at + each]);
    at += all;
  }
  sequence.left_out = items.size() - at;
}

Sequence Builder::finish() {
  std::vector<OpenItem> open_items;
  for (OpenItem& each : open_items_) {
    if (!open_items.empty() && open_items.back().goes_on_as(each) && !each.item.lost) {
      open_items.back().grow(each);
    } else {
      open_items.push_back(std::move(each));
    }
  }
  Sequence sequence;
  const auto& scenario = journal_.header.scenario;
  sequence.title = scenario ? fmt::format("{} ({})", scenario->title, scenario->name) : "ringside";
  name_lanes(sequence, open_items);
  fold(sequence);
  return sequence;
}

}  // namespace

Sequence sequence_of(const Journaled& journal, std::uint64_t first, std::uint64_t last) {
  return Builder(journal, first, last).build();
}

std::string sequence_label(const SequenceItem& item) {
  std::string bytes = fmt::format("{} byte{}", item.bytes, item.bytes == 1 ? "" : "s");
  if (item.label.empty()) return bytes;
  std::string label = item.count == 1 ? item.label : fmt::format("{} x {}", item.count, item.label);
  // Eight moves of an index by one are shown as one move by eight.
  if (item.label.find(" -> ") != std::string::npos) label = item.label;
  return item.bytes == 0 ? label : label + ", " + bytes;
}

}  // namespace ringside::trace
