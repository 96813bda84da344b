// Converts operations to entries: the store of an index becomes a moved index, the last store to a slot
// becomes a written slot, and other operations become text.
#include "tools/ring_check/counterexample.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace ringside::tools {

namespace {

using check::OpKind;
using check::Step;

constexpr std::uint64_t ns_between_steps = 1000;

class CounterexampleEntries {
 public:
  CounterexampleEntries(const RingJob& job, const check::Space& space, const check::ReportAbout& about,
                        const SourcePlaces& places)
      : ring_(&job.plugin->ring()),
        space_(&space),
        about_(&about),
        places_(&places),
        slots_(ring_->slots * std::size_t{ring_->slot_bytes}) {}

  /// `what`: the line of the report that begins with this step, or "".
  void step(const Step& step, const Step* next, const std::string& what) {
    time_ns_ += ns_between_steps;
    if (const auto place = places_->find(step.op.code); place != places_->end()) mark_source(place->second);
    const check::Op& op = step.op;
    // The field of the slot, which the slot's bytes do not show.
    if (about_->is_ring && !what.empty() && slot_of(op) >= 0 && about_->field_of &&
        !about_->field_of(space_->at(op.offset), op.size).empty())
      told(step, what);
    const bool is_store = op.kind == OpKind::flush ||
                          (op.kind == OpKind::store && about_->model != check::ModelName::tso) ||
                          op.kind == OpKind::update;
    const int word = op.reads() || op.writes() ? word_of(op) : -1;
    const bool in_slot = op.writes() && op.size <= sizeof step.value && slot_of(op) >= 0;
    if (is_store && word >= 0 && ring_->words[word].kind <= RING_CHECK_RSP_INDEX) {
      index_moved(step, ring_->words[word]);
    } else if (is_store && in_slot) {
      std::memcpy(slots_.data() + (op.offset - ring_->slots_offset), &step.value, op.size);
      const bool goes_on = next != nullptr && next->actor == step.actor && next->op.kind == op.kind &&
                           slot_of(next->op) == slot_of(op);
      if (!goes_on) slot_written(step);
    } else if (about_->is_ring && op.kind == OpKind::notify) {
      trace::Entry entry = entry_of(step, trace::Kind::event_raised);
      entry.peer = op.argument == 0 ? front() : back();
      entry.port = 1;
      entry.detail = static_cast<std::uint8_t>(ring::Raised::kick);
      add(entry);
    } else if (about_->is_ring && op.kind == OpKind::wait) {
      trace::Entry entry = entry_of(step, trace::Kind::event_taken);
      entry.port = 1;
      add(entry);
    } else if (!about_->is_ring || slot_of(op) < 0 || op.kind == OpKind::choose) {
      told(step, check::step_text(step, *space_, *about_));
    }
  }

  void told(const Step& step, const std::string& what) {
    const auto place = places_->find(step.op.code);
    const std::string where = place == places_->end() ? "" : place->second.where;
    trace::Entry entry = entry_of(step, trace::Kind::told);
    const std::string all = where.empty() ? what : where.substr(0, where.find(' ')) + " " + what;
    // The source line is a separate mark.
    entry.detail = static_cast<std::uint8_t>(trace::Fact::checked_step);
    trace::set_text(entry, all.size() <= sizeof entry.message.msg ? all : what);
    add(entry);
  }

  [[nodiscard]] std::vector<trace::JournalStep> take() { return std::move(steps_); }
  [[nodiscard]] std::vector<trace::JournalMark> take_marks() { return std::move(marks_); }
  [[nodiscard]] std::uint64_t time_ns() const { return time_ns_; }

 private:
  static trace::Actor front() { return trace::actor(trace::Role::domain, 1); }
  static trace::Actor back() { return trace::actor(trace::Role::xcs); }

  trace::Entry entry_of(const Step& step, trace::Kind kind) const {
    trace::Entry entry;
    entry.time_ns = time_ns_;
    entry.kind = kind;
    entry.domain = 1;
    entry.actor = is_back(step) ? back() : front();
    if (!about_->is_ring) {
      entry.domain = step.actor % check::fibers_max + 1;
      entry.actor = trace::actor(trace::Role::domain, entry.domain);
    }
    return entry;
  }

  /// The last fiber is the back; two fronts are both dom1.
  [[nodiscard]] bool is_back(const Step& step) const {
    return step.actor % check::fibers_max + 1 == about_->fibers.size();
  }

  [[nodiscard]] int word_of(const check::Op& op) const {
    for (std::uint32_t i = 0; i < ring_->word_count; ++i) {
      if (op.offset == ring_->words[i].offset && op.size == ring_->words[i].size) return static_cast<int>(i);
    }
    return -1;
  }

  [[nodiscard]] int slot_of(const check::Op& op) const {
    if (op.size == 0 || ring_->slot_bytes == 0 || op.offset < ring_->slots_offset) return -1;
    const std::uint32_t slot = (op.offset - ring_->slots_offset) / ring_->slot_bytes;
    const bool inside = op.offset + op.size <= ring_->slots_offset + ring_->slots * ring_->slot_bytes;
    return inside && slot < ring_->slots ? static_cast<int>(slot) : -1;
  }

  void index_moved(const Step& step, const ring_check_word& word) {
    trace::Entry entry = entry_of(step, trace::Kind::index_moved);
    const bool is_request = word.kind == RING_CHECK_REQ_INDEX;
    entry.detail =
        static_cast<std::uint8_t>(is_request ? trace::IndexName::req_prod : trace::IndexName::rsp_prod);
    std::uint32_t& shown = is_request ? req_prod_ : rsp_prod_;
    entry.from_value = shown;
    entry.to_value = static_cast<std::uint32_t>(step.value);
    shown = entry.to_value;
    add(entry);
  }

  void slot_written(const Step& step) {
    const auto slot = static_cast<std::uint32_t>(slot_of(step.op));
    trace::Entry entry = entry_of(step, trace::Kind::slot_written);
    entry.detail =
        static_cast<std::uint8_t>(is_back(step) ? trace::SlotUse::response : trace::SlotUse::request);
    entry.to_value = slot;
    const std::size_t used = std::min<std::size_t>(ring_->slot_bytes, sizeof entry.message);
    const std::byte* bytes = slots_.data() + std::size_t{slot} * ring_->slot_bytes;
    if (ring_->slot_bytes == sizeof entry.message) {
      std::memcpy(&entry.message, bytes, used);
    } else {
      entry.message.length = static_cast<std::uint8_t>(std::min(used, sizeof entry.message.msg));
      std::memcpy(entry.message.msg, bytes, entry.message.length);
    }
    add(entry);
  }

  void mark_source(const RingPlugin::Place& place) {
    const std::string line = line_of(place);
    if (place.source.empty() || line == in_force_) return;
    in_force_ = line;
    const std::size_t colon = line.rfind(':');
    trace::JournalMark mark;
    mark.after = steps_.size();
    mark.time_ns = static_cast<std::int64_t>(time_ns_);
    mark.file = line.substr(0, colon);
    mark.line = static_cast<std::uint32_t>(std::atol(line.c_str() + colon + 1));
    mark.text = place.source;
    mark.act = trace::JournalMark::Act::acts;
    marks_.push_back(std::move(mark));
  }

  void add(const trace::Entry& entry) { steps_.push_back({steps_.size() + 1, entry}); }

  const ring_check_ring* ring_;
  const check::Space* space_;
  const check::ReportAbout* about_;
  const SourcePlaces* places_;
  std::vector<std::byte> slots_;
  std::vector<trace::JournalStep> steps_;
  std::vector<trace::JournalMark> marks_;
  std::string in_force_;
  std::uint64_t time_ns_ = 0;
  std::uint32_t req_prod_ = 0;
  std::uint32_t rsp_prod_ = 0;
};

}  // namespace

std::string line_of(const RingPlugin::Place& place) {
  return place.where.substr(0, place.where.find(' '));
}

std::string source_text(const check::Recording& recording, const SourcePlaces& places) {
  std::vector<std::pair<std::string, std::string>> lines;
  std::size_t width = 0;
  for (const check::Step& step : recording.steps) {
    const auto place = places.find(step.op.code);
    if (place == places.end() || place->second.source.empty()) continue;
    std::pair<std::string, std::string> line(line_of(place->second), place->second.source);
    if (std::find(lines.begin(), lines.end(), line) != lines.end()) continue;
    width = std::max(width, line.first.size());
    lines.push_back(std::move(line));
  }
  std::string text;
  for (const auto& [where, source] : lines)
    text += fmt::format("{}       {:<{}}  {}\n", text.empty() ? "\n" : "", where, width, source);
  return text;
}

trace::Journaled journal_of(const RingJob& job, const check::Recording& recording, const check::Space& space,
                            const check::ReportAbout& about, const SourcePlaces& places,
                            const std::string& verdict) {
  trace::Journaled journal;
  journal.header.made_by = "ringside ring-check";
  journal.header.mode = "sim";
  journal.header.controller = "xcs";
  if (about.is_ring) {
    journal.header.domains.push_back({1, ring::Abi::sring, "front"});
  } else {
    // One domain for each thread.
    for (std::uint32_t i = 0; i < about.fibers.size(); ++i)
      journal.header.domains.push_back({i + 1, ring::Abi::sring, about.fibers[i]});
  }
  CounterexampleEntries entries(job, space, about, places);
  for (const check::ReportLine& line : check::report_lines(recording, space, about)) {
    for (std::size_t at = line.begin; at < line.end; ++at) {
      entries.step(recording.steps[at], at + 1 < recording.steps.size() ? &recording.steps[at + 1] : nullptr,
                   at == line.begin ? line.what : "");
    }
  }
  const std::uint64_t end_ns = entries.time_ns();
  journal.steps = entries.take();
  journal.marks = entries.take_marks();
  trace::JournalMark failure;
  failure.kind = trace::JournalMark::Kind::failure;
  failure.after = journal.steps.size();
  failure.focus = journal.steps.size();
  failure.time_ns = static_cast<std::int64_t>(end_ns);
  failure.text = verdict;
  journal.marks.push_back(failure);
  return journal;
}

}  // namespace ringside::tools
