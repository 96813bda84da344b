// Each line of the report is a step of the page. The state after it is computed here; the page only draws.
#include "tools/ring_check/counterexample_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <map>
#include <set>

#include "emu/check/bugs.h"
#include "emu/trace/json.h"
#include "tools/ring_check/bug_class.h"

namespace ringside::tools {

namespace {

using check::ModelName;
using check::OpKind;
using check::Step;
using trace::json_text;

constexpr std::uint32_t slot_bytes_shown_max = 64;
/// The number of source lines shown before the first and after the last line of a step.
constexpr std::uint32_t lines_around = 12;
constexpr std::uint32_t source_lines_max = 2000;

std::string with_item(const std::string& list, const std::string& item) {
  return list + (list.empty() ? "" : ",") + item;
}

std::string_view about_model(ModelName model) {
  switch (model) {
    case ModelName::sc:
      return "Sequential consistency: there is one memory, and each store is seen at once.";
    case ModelName::tso:
      return "x86-TSO: the stores of each end wait in a store buffer of its own before they reach memory.";
    case ModelName::c11:
      return "C11: a load may yield an old value, as far as coherence and barriers allow it.";
    case ModelName::armv8:
      return "Armv8: a load may yield an old value, as far as coherence and barriers allow it.";
  }
  return "";
}

std::uint32_t number_of(const std::string& line) {
  return static_cast<std::uint32_t>(std::strtoul(line.c_str() + line.rfind(':') + 1, nullptr, 10));
}

std::string value_of(const std::array<std::uint64_t, 2>& value, std::uint32_t bytes) {
  return bytes > sizeof value[0] ? fmt::format("{}:{}", value[0], value[1]) : fmt::format("{}", value[0]);
}

class CounterexamplePage {
 public:
  CounterexamplePage(const RingJob& job, const check::Recording& recording, const check::Space& space,
                     const check::ReportAbout& about, const SourcePlaces& places)
      : job_(job),
        ring_(job.plugin->ring()),
        recording_(recording),
        space_(space),
        about_(about),
        places_(places),
        slots_(std::size_t{ring_.slots} * ring_.slot_bytes),
        counts_(about.fibers.size(), 0) {}

  std::string data(const std::string& verdict, const std::string& replay);

 private:
  void line(const check::ReportLine& line);
  void waits_for_ever(std::size_t fiber);
  void add(std::size_t fiber, const std::string& where, const std::string& what, const std::string& sentence,
           const char* look, const std::pair<std::string, std::string>& lanes, bool marked,
           const std::string& changes);
  void mark_source(const Step& step);
  std::string take(const Step& step, bool& marked);
  std::string word_changes(const Step& step);
  [[nodiscard]] std::string sentence(const Step& step, const std::string& what) const;
  [[nodiscard]] std::string own_store_waits(std::size_t fiber) const;
  [[nodiscard]] std::string place_of(const check::Op& op) const;
  [[nodiscard]] int slot_of(const check::Op& op) const;
  [[nodiscard]] bool is_buffered(const Step& step) const {
    return about_.model == ModelName::tso && step.op.kind == OpKind::store && step.op.first == step.op.last;
  }
  [[nodiscard]] const std::string& name(std::size_t fiber) const { return about_.fibers[fiber]; }
  [[nodiscard]] const std::string& word_name(std::size_t word) const {
    return word < about_.word_names.size() ? about_.word_names[word] : space_.words()[word].name;
  }
  [[nodiscard]] bool is_index(const check::Word& word) const;
  [[nodiscard]] std::string words_json() const;
  [[nodiscard]] std::string lanes_json() const;
  [[nodiscard]] std::string files_json() const;
  [[nodiscard]] std::string verdict_json(const std::string& verdict, const std::string& replay) const;

  const RingJob& job_;
  const ring_check_ring& ring_;
  const check::Recording& recording_;
  const check::Space& space_;
  const check::ReportAbout& about_;
  const SourcePlaces& places_;
  std::vector<std::byte> slots_;
  std::vector<std::uint32_t> counts_;  ///< steps of each fiber so far
  struct Waiting {
    std::string place;
    std::string value;
  };
  std::array<std::deque<Waiting>, check::fibers_max> buffers_;
  std::vector<std::array<std::uint64_t, 2>> words_;
  std::string steps_;
  std::size_t count_ = 0;
  std::string marks_;
  std::string in_force_;
  std::map<std::string, std::set<std::uint32_t>> lines_;  ///< by path: the source lines of steps
};

std::string CounterexamplePage::place_of(const check::Op& op) const {
  if (const int word = space_.word_at(op.offset); word >= 0) return word_name(static_cast<std::size_t>(word));
  if (about_.field_of) {
    if (std::string field = about_.field_of(space_.at(op.offset), op.size); !field.empty()) return field;
  }
  if (const int slot = slot_of(op); slot >= 0) return fmt::format("slot {}", slot);
  if (op.offset >= space_.page_bytes() && about_.name_of) return about_.name_of(space_.at(op.offset));
  return fmt::format("byte {} of the page", op.offset);
}

int CounterexamplePage::slot_of(const check::Op& op) const {
  if (op.size == 0 || ring_.slot_bytes == 0 || op.offset < ring_.slots_offset) return -1;
  const std::uint32_t slot = (op.offset - ring_.slots_offset) / ring_.slot_bytes;
  const bool inside = op.offset + op.size <= ring_.slots_offset + ring_.slots * ring_.slot_bytes;
  return inside && slot < ring_.slots ? static_cast<int>(slot) : -1;
}

/// The effect of one operation on slots and store buffers.
std::string CounterexamplePage::take(const Step& step, bool& marked) {
  const check::Op& op = step.op;
  const std::size_t fiber = step.actor % check::fibers_max;
  if (step.actor < check::fibers_max) ++counts_[fiber];
  const bool is_earlier =
      step.actor == recording_.race.earlier_fiber && counts_[fiber] == recording_.race.earlier_number;
  const bool is_last = &step == &recording_.steps.back();
  if (recording_.end == check::End::race && (is_last || is_earlier)) marked = true;
  std::string changes;
  const bool had = !buffers_[fiber].empty();
  if (is_buffered(step)) {
    buffers_[fiber].push_back({place_of(op), op.size <= sizeof step.value
                                                 ? fmt::format("{}", step.value)
                                                 : fmt::format("{} bytes", op.size)});
  } else if (op.kind == OpKind::flush && had) {
    buffers_[fiber].pop_front();
  }
  if (is_buffered(step) || (op.kind == OpKind::flush && had)) {
    std::string list;
    for (const Waiting& each : buffers_[fiber])
      list = with_item(list, fmt::format("[{},{}]", json_text(each.place), json_text(each.value)));
    changes = with_item(changes, fmt::format(R"(["b",{},[{}]])", fiber, list));
  }
  const bool reaches_memory = op.kind == OpKind::flush || op.kind == OpKind::update ||
                              (op.kind == OpKind::store && !is_buffered(step));
  if (reaches_memory && op.size <= sizeof step.value) {
    if (const int slot = slot_of(op); slot >= 0) {
      std::memcpy(slots_.data() + (op.offset - ring_.slots_offset), &step.value, op.size);
      std::string hex;
      const std::size_t from = static_cast<std::size_t>(slot) * ring_.slot_bytes;
      for (std::uint32_t at = 0; at < std::min(ring_.slot_bytes, slot_bytes_shown_max); ++at)
        hex += fmt::format("{:02x}", static_cast<unsigned>(slots_[from + at]));
      changes = with_item(changes, fmt::format(R"(["m",{},"{}"])", slot, hex));
    }
  } else if (reaches_memory) {
    // A block: its bytes are not recorded.
    if (const int slot = slot_of(op); slot >= 0)
      changes = with_item(changes, fmt::format(R"(["m",{},null])", slot));
  }
  return changes;
}

std::string CounterexamplePage::word_changes(const Step& step) {
  std::string changes;
  for (std::size_t i = 0; i < step.words.size(); ++i) {
    if ((i < words_.size() && words_[i] == step.words[i]) || space_.words()[i].name.empty()) continue;
    changes = with_item(changes,
                        fmt::format(R"(["w",{},"{}"])", i, value_of(step.words[i], space_.words()[i].size)));
  }
  words_ = step.words;
  return changes;
}

std::string CounterexamplePage::own_store_waits(std::size_t fiber) const {
  if (buffers_[fiber].empty()) return "";
  return fmt::format(" Its own store to {} still waits in its store buffer.", buffers_[fiber].back().place);
}

/// `what`: the line of the report, "reads prod: 3".
std::string CounterexamplePage::sentence(const Step& step, const std::string& what) const {
  const std::size_t fiber = step.actor % check::fibers_max;
  const check::Op& op = step.op;
  const bool is_recorded = op.why != nullptr;
  if (op.kind == OpKind::flush && !is_recorded)
    return fmt::format("A store of the {} to {} reaches memory. Now all ends see it.", name(fiber),
                       place_of(op));
  if (is_recorded || what.starts_with('(')) return fmt::format("The {}: {}.", name(fiber), what);
  switch (op.kind) {
    case OpKind::load:
      return fmt::format("The {} {}.{}", name(fiber), what, own_store_waits(fiber));
    case OpKind::store: {
      if (!is_buffered(step)) return fmt::format("The {} {}.", name(fiber), what);
      std::string text = fmt::format("The {} {}.", name(fiber), what);
      const int word = space_.word_at(op.offset);
      if (word >= 0 && static_cast<std::size_t>(word) < step.words.size())
        text += fmt::format(" In memory {} is still {}.", word_name(static_cast<std::size_t>(word)),
                            value_of(step.words[static_cast<std::size_t>(word)], op.size));
      return text;
    }
    case OpKind::fence:
      return fmt::format("The {} executes a barrier: {}.", name(fiber), what);
    case OpKind::notify:
    case OpKind::wait:
    case OpKind::await:
    case OpKind::choose:
      return fmt::format("The {} {}.", name(fiber), what);
    case OpKind::update:
    case OpKind::flush:
      break;
  }
  return fmt::format("The {}: {}.", name(fiber), what);
}

/// The source line in force, as a mark.
void CounterexamplePage::mark_source(const Step& step) {
  const auto place = places_.find(step.op.code);
  if (place == places_.end() || place->second.source.empty()) return;
  const std::string line = line_of(place->second);
  lines_[place->second.path].insert(number_of(line));
  if (line == in_force_) return;
  in_force_ = line;
  trace::JournalMark mark;
  mark.after = count_;
  mark.time_ns = static_cast<std::int64_t>(count_);
  mark.file = line.substr(0, line.rfind(':'));
  mark.line = number_of(line);
  mark.text = place->second.source;
  mark.act = trace::JournalMark::Act::acts;
  marks_ += (marks_.empty() ? "" : ",\n") + trace::to_json_line(mark);
}

void CounterexamplePage::add(std::size_t fiber, const std::string& where, const std::string& what,
                             const std::string& sentence, const char* look,
                             const std::pair<std::string, std::string>& lanes, bool marked,
                             const std::string& changes) {
  ++count_;
  const std::string said = (where.empty() ? "" : where + " ") + what;
  const std::string label = (where.empty() ? "" : where.substr(0, where.find(' ')) + " ") + what;
  steps_ +=
      (steps_.empty() ? "" : ",\n") +
      fmt::format(
          R"({{"n":{},"t":{},"k":"check","a":{},"f":"{}","o":"{}","h":null,"s":{},"p":{},"v":"{}","x":{})",
          count_, count_, json_text(name(fiber)), lanes.first, lanes.second,
          json_text(name(fiber) + ": " + said), json_text(sentence), look, json_text(label));
  if (marked) steps_ += R"(,"m":"!")";
  if (!changes.empty()) steps_ += fmt::format(R"(,"c":[{}])", changes);
  steps_ += "}";
}

void CounterexamplePage::line(const check::ReportLine& line) {
  const Step& step = recording_.steps[line.begin];
  const Step& last = recording_.steps[line.end - 1];
  const std::size_t fiber = step.actor % check::fibers_max;
  mark_source(step);
  const std::string of_words = word_changes(last);
  const std::string said = sentence(step, line.what);
  std::string changes = of_words;
  bool marked = false;
  for (std::size_t at = line.begin; at < line.end; ++at) {
    if (const std::string more = take(recording_.steps[at], marked); !more.empty())
      changes = with_item(changes, more);
  }
  const std::string own = fmt::format("t{}", fiber);
  std::pair<std::string, std::string> lanes{own, own};
  const char* look = "note";
  switch (step.op.kind) {
    case OpKind::load:
      look = step.stale ? "bite" : "response";
      lanes = {"mem", own};
      break;
    case OpKind::store:
      look = is_buffered(step) ? "bytes" : "request";
      if (!is_buffered(step)) lanes.second = "mem";
      break;
    case OpKind::update:
    case OpKind::flush:
      look = "request";
      lanes.second = "mem";
      break;
    case OpKind::notify:
      look = "event";
      if (about_.is_ring)
        lanes.second = step.op.argument == 0 ? "t0" : fmt::format("t{}", about_.fibers.size() - 1);
      break;
    case OpKind::wait:
      look = "event";
      break;
    case OpKind::fence:
    case OpKind::await:
    case OpKind::choose:
      break;
  }
  const bool fails_here = line.end == recording_.steps.size() && recording_.end == check::End::failed;
  const auto place = places_.find(step.op.code);
  add(fiber, place == places_.end() ? "" : place->second.where, line.what, said, look, lanes,
      marked || fails_here, changes);
}

void CounterexamplePage::waits_for_ever(std::size_t fiber) {
  const std::string lane = fmt::format("t{}", fiber);
  add(fiber, "", "waits for ever",
      fmt::format("The {} waits for ever: nothing will wake it up.", name(fiber)), "lost", {lane, lane}, true,
      "");
}

/// Whether the word is an index that runs freely; its slot is then the remainder.
bool CounterexamplePage::is_index(const check::Word& word) const {
  if ((ring_.capabilities & RING_CHECK_INDEX_MODULO) != 0) return false;
  return std::any_of(ring_.words, ring_.words + ring_.word_count, [&](const ring_check_word& each) {
    return each.offset == word.offset && each.kind <= RING_CHECK_RSP_INDEX;
  });
}

std::string CounterexamplePage::words_json() const {
  std::string list;
  for (std::size_t i = 0; i < space_.words().size(); ++i) {
    if (!space_.words()[i].name.empty())
      list =
          with_item(list, fmt::format("[{},{},{}]", i, json_text(word_name(i)), is_index(space_.words()[i])));
  }
  return "[" + list + "]";
}

/// With two ends, the lane of memory is between them; with more threads, it is the last one.
std::string CounterexamplePage::lanes_json() const {
  std::string list;
  const std::size_t before_memory = about_.fibers.size() == 2 ? 1 : about_.fibers.size();
  for (std::size_t fiber = 0; fiber <= about_.fibers.size(); ++fiber) {
    if (fiber == before_memory) list = with_item(list, R"(["mem","shared memory"])");
    if (fiber < about_.fibers.size())
      list = with_item(list, fmt::format(R"(["t{}",{}])", fiber, json_text(name(fiber))));
  }
  return "[" + list + "]";
}

/// The source lines of the steps, and the lines around them.
std::string CounterexamplePage::files_json() const {
  std::string list;
  for (const auto& [path, numbers] : lines_) {
    std::ifstream file(path);
    const std::uint32_t first = *numbers.begin() > lines_around ? *numbers.begin() - lines_around : 1;
    const std::uint32_t last = std::min(*numbers.rbegin() + lines_around, first + source_lines_max);
    std::string lines;
    std::string line;
    for (std::uint32_t number = 1; number <= last && std::getline(file, line); ++number) {
      if (number >= first) lines = with_item(lines, json_text(line));
    }
    list = with_item(list, fmt::format(R"({{"name":{},"first":{},"lines":[{}]}})",
                                       json_text(path.substr(path.rfind('/') + 1)), first, lines));
  }
  return "[" + list + "]";
}

std::string CounterexamplePage::verdict_json(const std::string& verdict, const std::string& replay) const {
  std::string rows = fmt::format(R"(["what is wrong",{}])", json_text(verdict));
  for (const std::uint32_t number : bug_classes_of(job_, recording_, about_)) {
    const check::Bug* bug = check::bug_by_number(number);
    rows = with_item(
        rows, fmt::format(R"([{},{},{}])",
                          rows.find("class of bug") == std::string::npos ? R"("class of bug")" : R"("or")",
                          json_text(fmt::format("{}: {}", number, bug->name)),
                          json_text(fmt::format("{} What prevents it: {}", bug->what, bug->cure))));
  }
  rows = with_item(rows, fmt::format(R"(["again",{}])",
                                     json_text(fmt::format("ringside ring-check --ring {} --replay '{}'",
                                                           job_.plugin->path(), replay))));
  return fmt::format(R"({{"title":{},"failures":[{{"step":{},"rows":[{}]}}]}})",
                     json_text(job_.what() + " fails"), count_, rows);
}

std::string CounterexamplePage::data(const std::string& verdict, const std::string& replay) {
  for (const check::ReportLine& each : check::report_lines(recording_, space_, about_)) line(each);
  for (std::size_t fiber = 0; fiber < about_.fibers.size() && recording_.end == check::End::deadlock;
       ++fiber) {
    if ((recording_.finished >> fiber & 1) == 0) waits_for_ever(fiber);
  }
  trace::JournalMark failure;
  failure.kind = trace::JournalMark::Kind::failure;
  failure.after = count_;
  failure.focus = count_;
  failure.time_ns = static_cast<std::int64_t>(count_);
  failure.text = verdict;
  marks_ += (marks_.empty() ? "" : ",\n") + trace::to_json_line(failure);
  std::string ends;
  for (const std::string& each : about_.fibers) ends = with_item(ends, json_text(each));
  std::string kind = json_text(std::string(about_model(about_.model)));
  return fmt::format(
      R"({{"name":{},"header":{{"made_by":"ringside ring-check","mode":"check","domains":[],"quirks":[],"lanes":{},)"
      R"("files":{},"check":{{"what":{},"model":{},"ends":[{}],"words":{},"slots":{},"slot_bytes":{},"start":{},)"
      R"("buffers":{}}}}},"prose":[{}],"ending":[],"verdict":{},"marks":[{}],"steps":[{}],"begin":[]}})",
      json_text(job_.plugin->title()), lanes_json(), files_json(), json_text(job_.what()), kind, ends,
      words_json(), ring_.slots, ring_.slot_bytes, job_.workload.start, about_.model == ModelName::tso, kind,
      verdict_json(verdict, replay), marks_, steps_);
}

}  // namespace

std::string counterexample_page_data(const RingJob& job, const check::Recording& recording,
                                     const check::Space& space, const check::ReportAbout& about,
                                     const SourcePlaces& places, const std::string& verdict,
                                     const std::string& replay) {
  return CounterexamplePage(job, recording, space, about, places).data(verdict, replay);
}

}  // namespace ringside::tools
