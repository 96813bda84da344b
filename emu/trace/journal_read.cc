// Reads a journal file. Nothing in it is trusted: the program that wrote it may be faulty, or hostile.
#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <istream>
#include <limits>

#include "emu/trace/journal_fields.h"
#include "emu/trace/journal_file.h"
#include "emu/trace/json.h"
#include "emu/trace/names.h"
#include "emu/trace/text.h"

namespace ringside::trace {

namespace {

using nlohmann::json;
using Fields = JournalFields;

// -- one line

constexpr std::uint32_t result_max = std::numeric_limits<std::uint32_t>::max() - 1;

ring::ControlMessage message_in(const json& object, std::string& complaint) {
  Fields its(object, complaint);
  ring::ControlMessage message{its.byte("type"), its.byte("subtype"), its.byte("id"), its.byte("length"), {}};
  const auto bytes = its.bytes("bytes", ring::payload_bytes_max);
  if (bytes.size() != message.payload().size()) its.complain("\"bytes\" are not as many as \"length\" says");
  const auto rest =
      its.has("rest") ? its.bytes("rest", ring::payload_bytes_max) : std::vector<std::uint8_t>{};
  if (bytes.size() + rest.size() > ring::payload_bytes_max) its.complain("\"rest\" is longer than a slot");
  if (!complaint.empty()) return {};
  std::copy(bytes.begin(), bytes.end(), message.msg);
  std::copy(rest.begin(), rest.end(), message.msg + bytes.size());
  return message;
}

Entry senseless_entry(Fields& fields) {
  Entry entry;
  const auto bytes = fields.bytes("entry", sizeof entry);
  if (bytes.size() != sizeof entry) fields.wrong("entry", fmt::format("{} bytes", sizeof entry));
  std::memcpy(&entry, bytes.data(), std::min(bytes.size(), sizeof entry));
  return entry;
}

void set_bytes(Entry& entry, const std::vector<std::uint8_t>& bytes) {
  entry.message = ring::make_message(0, 0, 0, bytes);
}

std::optional<Quirk> quirk_named(std::string_view name) {
  const auto quirk = Quirks::find(name);
  return quirk ? std::optional(quirk.value()) : std::nullopt;
}

/// The name of its subject, and the values of its sentence. The sentence itself is skipped.
template <class Named>
void said_in(Fields& fields, Entry& entry, Named find_name, const char* what) {
  entry.detail = static_cast<std::uint8_t>(fields.named("is", find_name, what));
  if (fields.has("values")) {
    const json& values = fields.list("values");
    const bool good =
        values.size() <= entry.values.size() && std::ranges::all_of(values, [](const json& each) {
          return each.is_number_unsigned() &&
                 each.get<std::uint64_t>() <= std::numeric_limits<std::uint32_t>::max();
        });
    if (!good) return fields.wrong("values", "a list of at most 4 numbers");
    std::ranges::transform(values, entry.values.begin(),
                           [](const json& each) { return each.get<std::uint32_t>(); });
  }
  if (fields.has("argument")) set_bytes(entry, fields.unescaped("argument"));
}

void details_in(Fields& fields, std::string& complaint, Entry& entry) {
  const auto peer = [&] { entry.peer = fields.named("peer", actor_named, "the name of an actor"); };
  const auto ring = [&] { entry.ring = fields.named("ring", ring_named, "tx or rx"); };
  const auto from_to = [&] {
    entry.from_value = fields.word("from");
    entry.to_value = fields.word("to");
  };
  const auto number = [&] {
    if (fields.has("number")) set_number(entry, fields.word("number"));
  };
  const auto detail = [&](auto value) { entry.detail = static_cast<std::uint8_t>(value); };
  switch (entry.kind) {
    case Kind::slot_written:
      ring();
      entry.to_value = fields.word("slot", ring::slots_per_ring - 1);
      detail(fields.named("use", use_named, "request or response"));
      number();
      entry.message = message_in(fields.object("message"), complaint);
      return;
    case Kind::index_moved:
      ring();
      detail(fields.named("index", index_named, "the name of an index"));
      return from_to();
    case Kind::bytes_written:
    case Kind::bytes_found:
      detail(fields.named("ring", byte_ring_named, "in or out"));
      entry.from_value = fields.word("at");
      return set_bytes(entry, fields.bytes("bytes", ring::payload_bytes_max));
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
      detail(fields.named("index", byte_index_named, "the name of an index of a byte ring"));
      return from_to();
    case Kind::event_raised:
      peer();
      entry.port = fields.word("port");
      detail(fields.named("outcome", raised_named, "the outcome of raising an event"));
      if (!fields.has("source")) return;
      entry.from_value = static_cast<std::uint32_t>(fields.named("source", source_named, "virq or pirq"));
      entry.to_value = fields.word("number");
      return;
    case Kind::event_taken:
      entry.port = fields.word("port");
      return;
    case Kind::mask_changed:
      entry.port = fields.word("port");
      detail(fields.named("mask", mask_named, "set or clear"));
      return;
    case Kind::frame_passed:
    case Kind::frame_taken:
      peer();
      entry.port = fields.word("port");
      detail(fields.named("frame", frame_type_named, "the name of a frame's type"));
      if (fields.has("result")) entry.from_value = fields.word("result", result_max) + 1;
      if (fields.has("session")) entry.to_value = fields.word("session");
      number();
      if (entry.detail == frame_request || entry.detail == frame_response)
        entry.message = message_in(fields.object("message"), complaint);
      return;
    case Kind::bytes_passed:
      peer();
      return set_bytes(entry, fields.bytes("bytes", ring::payload_bytes_max));
    case Kind::refused:
      peer();
      return said_in(fields, entry, refusal_named, "the name of a refusal");
    case Kind::counted:
      from_to();
      return said_in(fields, entry, counter_named, "the name of a counter");
    case Kind::quirk:
      return said_in(fields, entry, quirk_named, "the name of a quirk");
    case Kind::told:
      return said_in(fields, entry, fact_named, "the name of a fact");
  }
}

JournalStep step_in(Fields& fields, std::string& complaint) {
  JournalStep step;
  step.step = fields.number("step", std::numeric_limits<std::uint64_t>::max());
  const std::int64_t time_ns = fields.time("time_ns");
  if (fields.text("kind") == kind_nonsense) {
    step.entry = senseless_entry(fields);
  } else {
    step.entry.kind = fields.named("kind", kind_named, "the name of a kind");
    step.entry.actor = fields.named("actor", actor_named, "the name of an actor");
    if (fields.has("domain")) step.entry.domain = fields.word("domain");
    details_in(fields, complaint, step.entry);
  }
  step.entry.time_ns = static_cast<std::uint64_t>(time_ns);
  return step;
}

std::vector<std::string> texts_in(Fields& fields, const char* key) {
  std::vector<std::string> out;
  for (const json& each : fields.list(key)) {
    if (!each.is_string()) {
      fields.wrong(key, "a list of texts");
      break;
    }
    out.push_back(each.get<std::string>());
  }
  return out;
}

JournalMark mark_in(Fields& fields) {
  JournalMark mark;
  mark.kind = fields.named("mark", mark_named, "statement, phase, fault or failure");
  mark.after = fields.number("after", std::numeric_limits<std::uint64_t>::max());
  mark.time_ns = fields.time("time_ns");
  mark.line = fields.word("line");
  mark.text = fields.text("text");
  if (fields.has("file")) mark.file = fields.text("file");
  if (fields.has("focus")) mark.focus = fields.number("focus", std::numeric_limits<std::uint64_t>::max());
  if (fields.has("act")) mark.act = fields.named("act", act_named, "boots or acts");
  if (fields.has("expected")) mark.expected = fields.text("expected");
  if (fields.has("why")) mark.why = texts_in(fields, "why");
  return mark;
}

JournalRing ring_in(const json& object, std::string& complaint) {
  Fields its(object, complaint);
  JournalRing ring{its.word("req_prod"), its.word("rsp_prod"), {}};
  const json& slots = its.list("slots");
  if (slots.size() != ring.slots.size()) its.wrong("slots", fmt::format("a list of {}", ring.slots.size()));
  for (std::size_t at = 0; at < std::min(slots.size(), ring.slots.size()); ++at) {
    if (slots[at].is_object())
      ring.slots[at] = message_in(slots[at], complaint);
    else
      its.wrong("slots", "a list of objects");
  }
  return ring;
}

JournalByteRing byte_ring_in(const json& object, ByteRing which, std::string& complaint) {
  Fields its(object, complaint);
  JournalByteRing ring{its.word("prod"), its.word("cons"), its.bytes("bytes", size_of(which))};
  const auto waiting = ring::waiting_bytes(ring.prod, ring.cons, size_of(which));
  if (complaint.empty() && ring.bytes.size() != waiting.value_or(0))
    its.complain("\"bytes\" are not as many as wait between \"cons\" and \"prod\"");
  return ring;
}

JournalDomain domain_in(const json& object, std::string& complaint) {
  Fields its(object, complaint);
  JournalDomain domain{its.word("id"),
                       its.named("layout", layout_named, "sring or flat"),
                       its.has("name") ? its.text("name") : "",
                       {},
                       {}};
  if (its.has("byte_rings")) {
    Fields rings(its.object("byte_rings"), complaint);
    domain.byte_rings = {byte_ring_in(rings.object("in"), ByteRing::in, complaint),
                         byte_ring_in(rings.object("out"), ByteRing::out, complaint)};
  }
  if (!its.has("rings")) return domain;
  Fields rings(its.object("rings"), complaint);
  domain.rings = {ring_in(rings.object("tx"), complaint), ring_in(rings.object("rx"), complaint)};
  return domain;
}

JournalHeader header_in(Fields& fields, std::string& complaint) {
  JournalHeader header;
  if (fields.text("format") != journal_format) fields.complain("it is not a journal of ringside");
  const std::uint64_t version = fields.number("version", std::numeric_limits<std::uint32_t>::max());
  if (version != journal_version)
    fields.complain(fmt::format("its version is {}, and this program reads version {}{}", version,
                                journal_version,
                                version < journal_version ? ": an older ringside wrote it" : ""));
  if (fields.number("slots", ring::slots_per_ring) != ring::slots_per_ring)
    fields.wrong("slots", fmt::format("{}", ring::slots_per_ring));
  header.made_by = fields.text("made_by");
  header.mode = fields.text("mode");
  if (fields.has("controller")) header.controller = fields.text("controller");
  if (fields.has("answer")) header.answer = fields.text("answer");
  if (fields.has("seed")) header.seed = fields.number("seed", std::numeric_limits<std::uint64_t>::max());
  for (const json& each : fields.list("domains")) {
    if (!each.is_object()) {
      fields.wrong("domains", "a list of objects");
      break;
    }
    header.domains.push_back(domain_in(each, complaint));
  }
  header.quirks = texts_in(fields, "quirks");
  if (fields.has("scenario")) {
    Fields its(fields.object("scenario"), complaint);
    header.scenario = {its.text("name"), its.text("title"), its.text("path"), texts_in(its, "lines"),
                       its.has("again") ? its.text("again") : std::string()};
  }
  return header;
}

// -- the file

enum class Line : std::uint8_t { whole, end, cut, too_long };

Line next_line(std::istream& file, std::string& line) {
  line.clear();
  std::streambuf* from = file.rdbuf();
  for (;;) {
    const int c = from->sbumpc();
    if (c == std::char_traits<char>::eof()) return line.empty() ? Line::end : Line::cut;
    if (c == '\n') return Line::whole;
    if (line.size() == journal_line_bytes_max) return Line::too_long;
    line.push_back(static_cast<char>(c));
  }
}

/// Takes one line after the other, and keeps the error of the first bad line.
class Reading {
 public:
  /// Empty: the line is good.
  std::string take(const std::string& line) {
    const json object = json::parse(line, nullptr, false);
    if (!object.is_object()) return "it is not a JSON object";
    std::string complaint;
    Fields fields(object, complaint);
    if (lines_++ == 0)
      read_.header = header_in(fields, complaint);
    else if (fields.has("mark"))
      take_mark(mark_in(fields), complaint);
    else
      take_step(step_in(fields, complaint), complaint);
    return complaint;
  }
  [[nodiscard]] std::size_t lines() const { return lines_; }
  Journaled done() { return std::move(read_); }

 private:
  [[nodiscard]] std::uint64_t last_step() const { return read_.steps.empty() ? 0 : read_.steps.back().step; }

  void take_mark(JournalMark mark, std::string& complaint) {
    if (!complaint.empty()) return;
    if (mark.after != last_step() && !read_.steps.empty())
      complaint = fmt::format("\"after\" is {}, and step {} came before it", mark.after, last_step());
    else if (read_.marks.size() == journal_marks_max)
      complaint = fmt::format("more than {} marks (journal_marks_max)", journal_marks_max);
    else
      read_.marks.push_back(std::move(mark));
  }
  void take_step(JournalStep step, std::string& complaint) {
    if (!complaint.empty()) return;
    if (step.step <= last_step())
      complaint = fmt::format("step {} comes after step {}", step.step, last_step());
    else if (read_.steps.size() == journal_entries_max)
      complaint = fmt::format("more than {} entries (journal_entries_max)", journal_entries_max);
    else
      read_.steps.push_back(step);
  }

  Journaled read_;
  std::size_t lines_ = 0;
};

}  // namespace

Result<Journaled> read_journal(std::istream& file, const std::string& name) {
  Reading reading;
  const auto bad = [&](std::size_t line, std::string why, std::string advice) {
    return Error{EINVAL, "cannot read a journal", fmt::format("{}:{}", name, line), std::move(why),
                 std::move(advice)};
  };
  std::string line;
  for (std::size_t number = 1;; ++number) {
    switch (next_line(file, line)) {
      case Line::whole:
        break;
      case Line::end:
        if (reading.lines() == 0) return bad(1, "it is empty", "ringside run --journal writes one");
        return reading.done();
      case Line::cut:
        return bad(number, "the file ends within this line: it was truncated",
                   number == 1 ? "" : fmt::format("head -n {} keeps the complete lines", number - 1));
      case Line::too_long:
        return bad(
            number,
            fmt::format("the line is longer than {} bytes (journal_line_bytes_max)", journal_line_bytes_max),
            "");
    }
    if (std::string complaint = reading.take(line); !complaint.empty())
      return bad(number, std::move(complaint), number == 1 ? "ringside run --journal writes one" : "");
  }
}

}  // namespace ringside::trace
