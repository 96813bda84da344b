// Converts steps to objects for the replay page.
#include "tools/view/data.h"

#include <fmt/format.h>

#include <set>

#include "emu/base/quirks.h"
#include "emu/trace/arrow.h"
#include "emu/trace/hops.h"
#include "emu/trace/json.h"
#include "emu/trace/lines.h"
#include "emu/trace/names.h"
#include "emu/trace/plain.h"
#include "emu/trace/text.h"

namespace ringside::tools {

namespace {

using trace::Entry;
using trace::Kind;
using trace::Role;

/// Each byte as one character, so that the page can count them.
std::string latin1(std::span<const std::uint8_t> bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    if (byte < 0x80) {
      text += static_cast<char>(byte);
    } else {
      text += static_cast<char>(0xc0 | byte >> 6);
      text += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return trace::json_text(text);
}

std::string joined(std::string list, const std::string& item) {
  if (item.empty()) return list;
  return list + (list.empty() ? "" : ",") + item;
}

std::string texts_json(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& each : texts) list = joined(list, trace::json_text(each));
  return "[" + list + "]";
}

std::string slot_json(std::uint32_t domain, ring::Ring ring, std::size_t slot,
                      const trace::ReplayedSlot& its) {
  const ring::ControlMessage& message = its.message;
  return fmt::format(R"(["s",{},"{}",{},"{}",{},{},{},{},{}])", domain, trace::ring_word(ring), slot,
                     trace::slot_state_name(its.state), message.type, message.subtype, message.id,
                     message.length, latin1(message.payload()));
}

/// ["r", domain, "out", prod, cons, waiting bytes]; null for an index that is not known.
std::string byte_ring_json(std::uint32_t domain, trace::ByteRing which, const trace::ReplayedByteRing& ring) {
  const auto index = [](bool known, std::uint32_t value) { return known ? std::to_string(value) : "null"; };
  return fmt::format(R"(["r",{},"{}",{},{},{}])", domain, trace::ring_word(which),
                     index(ring.prod_known, ring.prod), index(ring.cons_known, ring.cons),
                     latin1(ring.waiting_bytes(which)));
}

bool same(const trace::ReplayedSlot& one, const trace::ReplayedSlot& other) {
  return one.state == other.state && one.step == other.step;
}

std::string place_name(const trace::FlowPlace& place) {
  switch (place.ring) {
    case trace::FlowRing::messages:
      return place.down ? "rx" : "tx";
    case trace::FlowRing::bytes:
      return place.down ? "in" : "out";
    case trace::FlowRing::none:
      break;
  }
  if (place.role == trace::Role::xenconsoled) return "xenconsoled";  // longer than the name of its lane
  return std::string(trace::lane_name(trace::lane_of(place.role)));
}

std::string hop_number(const trace::Hop* hop) {
  return hop == nullptr ? "null" : fmt::format("{}", static_cast<unsigned>(hop->id));
}

/// The class by which the page draws a step.
std::string_view look_of(const Entry& entry) {
  switch (trace::marker(entry)) {
    case '!':
      if (entry.kind != Kind::counted) return "lost";
      break;
    case ' ':
      break;
    default:
      return "bite";
  }
  switch (entry.kind) {
    case Kind::slot_written:
      return trace::use_name(static_cast<trace::SlotUse>(entry.detail));
    case Kind::bytes_written:
    case Kind::bytes_found:
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
      return "bytes";
    case Kind::index_moved:
      return entry.detail >= static_cast<std::uint8_t>(trace::IndexName::rsp_prod) ? "response" : "request";
    case Kind::event_raised:
    case Kind::event_taken:
    case Kind::mask_changed:
      return "event";
    case Kind::frame_passed:
      return entry.detail == trace::frame_response ? "response" : "request";
    case Kind::bytes_passed:
      return "bytes";
    case Kind::frame_taken:
    case Kind::quirk:
    case Kind::refused:
    case Kind::counted:
    case Kind::told:
      break;
  }
  return "note";
}

/// A few words for a step; the page adds the bytes.
std::string label_of(const Entry& entry) {
  if (!trace::makes_sense(entry)) return trace::sentence(entry);
  const std::string_view ring = trace::ring_word(entry.ring);
  const bool empty = entry.message.payload().empty();
  switch (entry.kind) {
    case Kind::slot_written: {
      const auto use = static_cast<trace::SlotUse>(entry.detail);
      const bool named = empty || use == trace::SlotUse::response;
      return fmt::format("{}[{}]{}{}", ring, entry.to_value, named ? " " : "", named ? use_name(use) : "");
    }
    case Kind::index_moved:
      return fmt::format("{} {} {}->{}", ring, trace::index_name(static_cast<trace::IndexName>(entry.detail)),
                         entry.from_value, entry.to_value);
    case Kind::bytes_written:
    case Kind::bytes_found:
      return fmt::format("{}[{}]", trace::ring_word(trace::byte_ring_of(entry)),
                         trace::place_in(trace::byte_ring_of(entry), entry.from_value));
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
      return fmt::format("{}{} {}->{}", entry.kind == Kind::byte_index_found ? "finds " : "",
                         trace::index_name(static_cast<trace::ByteIndex>(entry.detail)), entry.from_value,
                         entry.to_value);
    case Kind::event_raised:
      return fmt::format("event: {}", trace::raised_name(static_cast<ring::Raised>(entry.detail)));
    case Kind::event_taken:
      return "takes event";
    case Kind::mask_changed:
      return fmt::format("{} port {}", trace::mask_verb(static_cast<trace::MaskBit>(entry.detail)),
                         entry.port);
    case Kind::frame_passed:
      return entry.detail == trace::frame_request && !empty ? "" : trace::frame_type_name(entry.detail);
    case Kind::frame_taken:
      return "takes " + trace::frame_type_name(entry.detail);
    case Kind::bytes_passed:
      return "";
    case Kind::refused:
      return "refuses: " + trace::escaped_words(entry);
    case Kind::counted:
      return fmt::format("{}: {}", trace::escaped_words(entry), entry.to_value);
    case Kind::quirk:
      return "quirk " + trace::escaped_words(entry);
    case Kind::told:
      return trace::escaped_words(entry);
  }
  return "";
}

}  // namespace

std::uint64_t StepData::since(std::uint64_t step, const Entry& entry, const trace::FlowStep& flow) {
  const auto receiver = [](trace::Actor actor) { return actor.role == Role::domain ? actor.number : 0u; };
  switch (entry.kind) {
    case Kind::event_raised:
      if (static_cast<ring::Raised>(entry.detail) == ring::Raised::kick)
        raised_.try_emplace({receiver(entry.peer), entry.port}, step);
      break;
    case Kind::event_taken: {
      const auto kick = raised_.extract(std::pair(receiver(entry.actor), entry.port));
      if (!kick.empty()) return kick.mapped();
      break;
    }
    case Kind::mask_changed:
    case Kind::slot_written:
    case Kind::index_moved:
    case Kind::bytes_written:
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
    case Kind::bytes_found:
    case Kind::frame_passed:
    case Kind::frame_taken:
    case Kind::bytes_passed:
    case Kind::quirk:
    case Kind::refused:
    case Kind::counted:
    case Kind::told:
      break;
  }
  return flow.bytes.empty() ? 0 : flow.came_at;
}

std::string StepData::ring_changes(std::uint32_t domain) {
  std::string list;
  for (const trace::ByteRing which : {trace::ByteRing::in, trace::ByteRing::out}) {
    if (!replay_.is_today(domain)) break;
    const trace::ReplayedByteRing& ring = replay_.byte_ring(domain, which);
    const auto [shown, fresh] = shown_bytes_.try_emplace({domain, which});
    if (!fresh && shown->second == ring) continue;
    shown->second = ring;
    list = joined(list, byte_ring_json(domain, which, ring));
  }
  for (const auto& [key, ring] : replay_.rings()) {
    if (key.first != domain) continue;
    trace::ReplayedRing& shown = shown_[key];
    const std::string word(trace::ring_word(key.second));
    for (std::size_t at = 0; at < ring.indices.size(); ++at) {
      if (ring.indices[at] == shown.indices[at]) continue;
      list = joined(list, fmt::format(R"(["i",{},"{}",{},{}])", key.first, word, at, ring.indices[at]));
    }
    for (std::size_t at = 0; at < ring.slots.size(); ++at) {
      if (!same(ring.slots[at], shown.slots[at]))
        list = joined(list, slot_json(key.first, key.second, at, ring.slots[at]));
    }
    shown = ring;
  }
  return list;
}

std::string StepData::begin(const trace::JournalHeader& header) {
  replay_.begin(header);
  flow_.begin(header);
  std::string list;
  for (const trace::JournalDomain& domain : header.domains) {
    if (domain.rings || domain.byte_rings) list = joined(list, ring_changes(domain.id));
  }
  return list;
}

/// The ports that the entry may have changed.
std::string StepData::port_changes(const Entry& entry) const {
  std::string list;
  const auto add = [&](std::uint32_t domain, ring::Port port) {
    const auto found = replay_.ports().find({domain, port});
    if (found == replay_.ports().end()) return;
    const trace::ReplayedPort& its = found->second;
    list = joined(list, fmt::format(R"(["e",{},{},{:d},{:d},{:d},{},{},{}])", domain, port, its.pending,
                                    its.masked, its.selected, its.raised, its.kicks, its.unread));
  };
  if (entry.kind == Kind::event_raised || entry.kind == Kind::event_taken ||
      entry.kind == Kind::mask_changed) {
    const trace::Actor owner = entry.kind == Kind::event_raised ? entry.peer : entry.actor;
    add(owner.role == Role::domain ? owner.number : 0, entry.port);
  } else if (is(entry, trace::Fact::port_closed)) {
    add(entry.values[1], entry.values[0]);
  } else if (is(entry, trace::Fact::created) && entry.domain != 0) {
    for (auto at = replay_.ports().lower_bound({entry.domain, 0});
         at != replay_.ports().end() && at->first.first == entry.domain; ++at) {
      add(entry.domain, at->first.second);
    }
  }
  return list;
}

/// The changes of the picture.
std::string StepData::changes(const Entry& entry) {
  std::string list = joined(ring_changes(entry.domain), port_changes(entry));
  std::set<std::pair<std::uint32_t, bool>> ways;
  for (const trace::FlowPlace& place : flow_.touched()) {
    ways.emplace(place.domain, place.down);
    list = joined(list, fmt::format(R"(["q",{},"{}",{:d},{}])", place.domain, place_name(place), place.down,
                                    flow_.level(place)));
  }
  for (const auto& [domain, down] : ways) {
    const trace::FlowTotals totals = flow_.totals(domain, down);
    list = joined(list, fmt::format(R"(["t",{},{:d},{},{},{},{},{}])", domain, down, totals.said,
                                    totals.delivered, totals.lost(), totals.unseen, totals.appeared));
  }
  if (entry.kind == Kind::counted)
    list = joined(list, fmt::format(R"(["c",{},{}])",
                                    trace::json_text(trace::actor_name(entry.actor) + " " +
                                                     trace::escaped_words(entry)),
                                    entry.to_value));
  return list;
}

std::string StepData::step(std::uint64_t step, const Entry& entry) {
  replay_.take(step, entry);
  const trace::FlowStep flow = flow_.take(step, entry);
  ending_.take(entry, flow);
  const trace::Arrow arrow = trace::arrow_of(entry, flow_);
  const std::uint64_t set_out = since(step, entry, flow);
  std::string out = fmt::format(
      R"({{"n":{},"t":{},"k":"{}","a":{},"f":"{}","o":"{}","h":{},"s":{},"p":{},"v":"{}","x":{})", step,
      static_cast<std::int64_t>(entry.time_ns), trace::kind_name(entry.kind),
      trace::json_text(trace::actor_name(entry.actor)), trace::lane_name(arrow.from),
      trace::lane_name(arrow.to), hop_number(trace::hop_of(entry, replay_.is_today(entry.domain))),
      trace::json_text(trace::sentence(entry)), trace::json_text(trace::plain_sentence(entry, replay_, flow)),
      look_of(entry), trace::json_text(label_of(entry)));
  if (entry.domain != 0) out += fmt::format(R"(,"d":{})", entry.domain);
  if (const char mark = trace::marker(entry); mark != ' ') out += fmt::format(R"(,"m":"{}")", mark);
  if (flow.lost) out += R"(,"l":1)";
  if (set_out != 0 && set_out != step) out += fmt::format(R"(,"u":{})", set_out);
  std::string ranges;
  for (const trace::ByteRange& each : flow.bytes)
    ranges = joined(ranges, fmt::format("[{},{}]", each.first, each.count));
  if (!ranges.empty()) out += fmt::format(R"(,"y":[{}])", ranges);
  const bool has_bytes = entry.kind == Kind::bytes_passed || entry.kind == Kind::slot_written ||
                         entry.kind == Kind::frame_passed || entry.kind == Kind::bytes_written ||
                         entry.kind == Kind::bytes_found;
  if (has_bytes && entry.message.length != 0)
    out += fmt::format(R"(,"b":{})", latin1(entry.message.payload()));
  // xenconsoled reports nothing: this is what a viewer of its pty would see.
  const bool into_out =
      entry.kind == Kind::bytes_written && trace::byte_ring_of(entry) == trace::ByteRing::out;
  if (into_out)
    out += fmt::format(R"(,"w":"{}")", trace::ring_name(entry.domain, trace::byte_ring_of(entry)));
  const bool seen =
      entry.kind == Kind::bytes_passed && (entry.peer.role == Role::user || entry.peer.role == Role::tty);
  if (seen) {
    out += fmt::format(R"(,"w":{})",
                       trace::json_text(entry.peer.role == Role::user && entry.actor.role == Role::uart
                                            ? "serial line"
                                            : trace::actor_name(entry.peer)));
  }
  if (const std::string list = changes(entry); !list.empty()) out += fmt::format(R"(,"c":[{}])", list);
  return out + "}";
}

std::string run_data(const trace::Journaled& journal, const std::string& name) {
  // The header at the beginning of the file, and the marks in their order.
  std::string out = fmt::format(R"({{"name":{},"header":{},"marks":[)", trace::json_text(name),
                                trace::to_json_line(journal.header));
  bool first = true;
  const auto comma = [&first] { return std::exchange(first, false) ? "\n" : ",\n"; };
  for (const trace::JournalMark& each : journal.marks) out += comma() + trace::to_json_line(each);
  out += "],\"steps\":[";
  first = true;
  StepData steps;
  const std::string begin = steps.begin(journal.header);
  for (const trace::JournalStep& each : journal.steps) out += comma() + steps.step(each.step, each.entry);
  out += "],\"begin\":[" + begin + "],\"ending\":" + texts_json(steps.ending());
  if (journal.header.scenario)
    out += ",\"prose\":" + texts_json(opening_prose(journal.header.scenario->lines));
  return out + ",\"verdict\":" + verdict_json(journal) + "}";
}

std::string hops_data() {
  std::string list;
  for (const trace::Hop& hop : trace::hops()) {
    std::string quirks;
    for (const Quirk quirk : hop.quirks)
      quirks = joined(quirks, fmt::format("[{},{}]", trace::json_text(about(quirk).name),
                                          trace::json_text(about(quirk).what)));
    list = joined(
        list,
        fmt::format(
            R"({{"name":{},"title":{},"meaning":{},"more":{},"source":{},"wrong":{},"see":{},"today":{:d},"quirks":[{}]}})",
            trace::json_text(hop.name), trace::json_text(hop.title), trace::json_text(hop.meaning),
            trace::json_text(hop.more), trace::json_text(hop.source), trace::json_text(hop.goes_wrong),
            trace::json_text(hop.see), hop.today, quirks));
  }
  return "[" + list + "]";
}

}  // namespace ringside::tools
