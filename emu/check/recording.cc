// Steps as sentences, in columns.
#include "emu/check/recording.h"

#include <algorithm>
#include <cstring>

namespace ringside::check {

namespace {

class Recorder final : public Observer {
 public:
  Recorder(Recording& recording, const std::function<void()>& each_step)
      : recording_(&recording), each_step_(each_step) {}

  void happened(const Execution& execution, std::uint32_t actor, const Op& op, std::uint32_t option,
                std::uint32_t) override {
    const Space& space = execution.space();
    Step step;
    step.actor = actor;
    step.op = op;
    step.option = option;
    step.value = option;
    if ((op.reads() || op.writes()) && op.size <= sizeof step.value) {
      step.value = 0;
      if (op.kind == OpKind::flush) {
        execution.model().peek(op.offset, op.size, reinterpret_cast<std::byte*>(&step.value));
      } else {
        std::memcpy(&step.value, space.at(op.offset), op.size);
      }
      execution.model().peek(op.offset, op.size, reinterpret_cast<std::byte*>(&step.newest));
      step.stale = op.kind == OpKind::load && option > 0 && step.value != step.newest;
    }
    for (const Word& word : space.words()) {
      std::array<std::uint64_t, 2> value = {};
      execution.model().peek(word.offset, word.size, reinterpret_cast<std::byte*>(value.data()));
      step.words.push_back(value);
    }
    recording_->steps.push_back(std::move(step));
    if (each_step_) each_step_();
  }

 private:
  Recording* recording_;
  const std::function<void()>& each_step_;
};

const std::string& word_name(int word, const Space& space, const ReportAbout& about) {
  const auto number = static_cast<std::size_t>(word);
  return number < about.word_names.size() ? about.word_names[number] : space.words()[number].name;
}

std::string field_text(std::uint32_t offset, std::uint32_t bytes, const Space& space,
                       const ReportAbout& about) {
  return about.field_of ? about.field_of(space.at(offset), bytes) : std::string();
}

std::string location_text(const Op& op, const Space& space, const ReportAbout& about) {
  const int word = space.word_at(op.offset);
  if (word >= 0) {
    const Word& named = space.words()[static_cast<std::size_t>(word)];
    const std::string& name = word_name(word, space, about);
    if (named.offset == op.offset && named.size == op.size) return name;
    const std::uint32_t first = op.offset - named.offset;
    if (op.size == 1) return fmt::format("byte {} of {}", first, name);
    return fmt::format("bytes {} to {} of {}", first, first + op.size - 1, name);
  }
  if (std::string field = field_text(op.offset, op.size, space, about); !field.empty()) return field;
  if (op.offset >= space.page_bytes())
    return about.name_of ? about.name_of(space.at(op.offset)) : "memory beside the page";
  if (about.slot_bytes != 0 && op.offset >= about.slots_offset) {
    const std::uint32_t slot = (op.offset - about.slots_offset) / about.slot_bytes;
    const std::uint32_t at = (op.offset - about.slots_offset) % about.slot_bytes;
    if (slot < about.slots) return fmt::format("slot {}, byte {}", slot, at);
  }
  return fmt::format("byte {} of the page", op.offset);
}

std::string value_text(const Step& step) {
  if (step.op.size > 8) return fmt::format("({} bytes)", step.op.size);
  const bool is_word = step.op.size <= 4;
  return is_word && step.value < 0x10000 ? std::to_string(step.value) : fmt::format("{:#x}", step.value);
}

std::string_view barrier_text(Order order) {
  switch (order) {
    case Order::acquire:
      return "acquire fence";
    case Order::release:
      return "release fence";
    case Order::acq_rel:
      return "acquire and release fence";
    case Order::seq_cst:
      return "full barrier";
    case Order::stores:
      return "write barrier, which orders stores only";
    case Order::loads:
      return "read barrier";
    case Order::plain:
    case Order::relaxed:
      return "no barrier";
  }
  return "?";
}

bool is_payload(const Step& step, const Space& space) {
  return (step.op.kind == OpKind::load || step.op.kind == OpKind::store || step.op.kind == OpKind::flush) &&
         step.op.offset < space.page_bytes() && space.word_at(step.op.offset) < 0;
}

/// The place of a run of accesses: "slot 2" if it is in a slot.
std::string place_text(const Op& op, const ReportAbout& about) {
  if (about.slot_bytes != 0 && op.offset >= about.slots_offset) {
    const std::uint32_t slot = (op.offset - about.slots_offset) / about.slot_bytes;
    if (slot < about.slots) return fmt::format("slot {}", slot);
  }
  return "the payload";
}

/// The words that have changed since `before`.
std::string changes_text(const Step& step, const std::vector<std::array<std::uint64_t, 2>>& before,
                         const Space& space, const ReportAbout& about) {
  std::string text;
  for (std::size_t i = 0; i < step.words.size(); ++i) {
    // A word without a name is the checker's own.
    if ((i < before.size() && before[i] == step.words[i]) || space.words()[i].name.empty()) continue;
    const auto [low, high] = step.words[i];
    text +=
        fmt::format("{}{} {}", text.empty() ? "" : ", ", word_name(static_cast<int>(i), space, about), low);
    if (space.words()[i].size > sizeof low) text += fmt::format(":{}", high);
  }
  return text;
}

/// The columns of a ring's two ends have the maximal width; those of threads, which can be more than two,
/// have the width that they need.
std::size_t column_width_for(const Recording& recording, const Space& space, const ReportAbout& about,
                             const Locate& locate) {
  constexpr std::size_t most = 58;
  if (about.is_ring) return most;
  std::size_t width = std::string_view("... waits for ever").size();
  for (const std::string& name : about.fibers) width = std::max(width, name.size());
  for (const Step& step : recording.steps) {
    const std::size_t place = step.op.code == nullptr ? 0 : locate(step.op.code).size() + 1;
    width = std::max(width, place + step_text(step, space, about).size());
  }
  return std::min(width + 2, most);
}

/// All rows, or the first and the last of too many.
std::string joined(const std::vector<std::string>& rows) {
  constexpr std::size_t first = 300;
  constexpr std::size_t last = 100;
  std::string text;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i == first && rows.size() > first + last) {
      text += fmt::format("       ... {} more lines\n", rows.size() - first - last);
      i = rows.size() - last;
    }
    text += rows[i];
  }
  return text;
}

/// The bytes of the racing granule that the last access touches.
Op racing_bytes(const Recording& recording, const Space& space) {
  const Location& granule = space.location(space.location_of(recording.race.offset));
  const Op& last = recording.steps.back().op;
  Op op;
  op.offset = std::max(granule.offset, last.offset);
  const std::uint32_t end = std::min(granule.offset + granule.size, last.offset + last.size);
  op.size = end > op.offset ? end - op.offset : 1;
  return op;
}

/// What each waiting thread waits for, when no other thread can run.
std::string endless_wait_text(const Recording& recording, const ReportAbout& about) {
  std::string text = "deadlock:";
  for (std::size_t fiber = 0; fiber < recording.waiting.size(); ++fiber) {
    if ((recording.finished >> fiber & 1) != 0) continue;
    const Op& op = recording.waiting[fiber];
    text += fmt::format(
        "{} the {} waits for {}", text.back() == ':' ? "" : ",", about.fibers[fiber],
        op.kind == OpKind::await ? "a store by another thread" : fmt::format("event {}", op.argument));
  }
  return text + ", and no other thread can run";
}

}  // namespace

Recording record(Execution& execution, const Schedule& schedule, const std::function<void()>& each_step) {
  Recording recording;
  Recorder recorder(recording, each_step);
  Replay replay(schedule);
  recording.end = execution.run(replay, &recorder);
  recording.failure = execution.failure();
  recording.fitted = replay.fitted();
  recording.finished = execution.finished();
  for (std::uint32_t fiber = 0; fiber < execution.fiber_count(); ++fiber)
    recording.waiting.push_back(execution.op(fiber));
  if (execution.model().race() != nullptr) recording.race = *execution.model().race();
  return recording;
}

std::string step_text(const Step& step, const Space& space, const ReportAbout& about) {
  const Op& op = step.op;
  // An operation that a test has recorded; a choice among several is handled below.
  if (op.why != nullptr && (op.kind != OpKind::choose || op.argument == 1)) return op.why;
  switch (op.kind) {
    case OpKind::load:
      if (step.stale)
        return fmt::format("reads {}: {}, an old value (the newest is {})", location_text(op, space, about),
                           value_text(step), step.newest);
      return fmt::format("reads {}: {}", location_text(op, space, about), value_text(step));
    case OpKind::store:
      if (step.option > 0)
        return fmt::format("writes {} := {}, which comes before the newest ({})",
                           location_text(op, space, about), value_text(step), step.newest);
      return fmt::format(
          "writes {} := {}{}", location_text(op, space, about), value_text(step),
          about.model == ModelName::tso && op.first == op.last ? ", into its store buffer" : "");
    case OpKind::update:
      if (step.option > 0)
        return fmt::format("locked: {} is {}, before the newest ({})", location_text(op, space, about),
                           value_text(step), step.newest);
      return fmt::format("locked: {} is {} now", location_text(op, space, about), value_text(step));
    case OpKind::fence:
      return std::string(barrier_text(op.order));
    case OpKind::notify:
      if (!about.is_ring) return fmt::format("raises event {}", op.argument);
      return op.argument == 0 ? "notifies the front" : "notifies the back";
    case OpKind::wait:
      return "wakes up";
    case OpKind::await:
      return "looks again";
    case OpKind::choose:
      if (op.is_spurious)
        return step.value == 0 ? "(its weak compare-exchange does not fail without a reason)"
                               : "its weak compare-exchange fails without a reason";
      return fmt::format("chooses {} of {}: {}", step.value, op.argument, op.why == nullptr ? "" : op.why);
    case OpKind::flush:
      if (space.word_at(op.offset) >= 0 &&
          space.words()[static_cast<std::size_t>(space.word_at(op.offset))].name.empty())
        return "(the end of its operation is seen)";
      return fmt::format("(its store to {} reaches memory: {})", location_text(op, space, about),
                         value_text(step));
  }
  return "?";
}

std::string verdict_text(const Recording& recording, const Space& space, const ReportAbout& about) {
  switch (recording.end) {
    case End::complete:
      return "nothing is wrong in this execution";
    case End::failed:
      return recording.failure;
    case End::endless:
      return fmt::format(
          "it does not end within {} steps (a loop that waits for another side must call ring_check_await())",
          Execution::steps_max);
    case End::abandoned:
      return "it was abandoned";
    case End::race: {
      const Step& last = recording.steps.back();
      const Op op = racing_bytes(recording, space);
      return fmt::format(
          "a race: the {} {} {} while the {} {} it, and nothing orders the two (see the steps marked *)",
          about.fibers[last.actor % fibers_max], last.op.writes() ? "writes" : "reads",
          location_text(op, space, about), about.fibers[recording.race.earlier_fiber],
          recording.race.earlier_wrote ? "writes" : "reads");
    }
    case End::deadlock: {
      if (!about.is_ring) return endless_wait_text(recording, about);
      std::string ends;
      std::size_t count = 0;
      for (std::size_t fiber = 0; fiber < recording.waiting.size(); ++fiber) {
        if ((recording.finished >> fiber & 1) == 0)
          ends += fmt::format("{}the {}", count++ == 0 ? "" : " and ", about.fibers[fiber]);
      }
      return fmt::format("lost wake-up: {} wait{} with work left, and no notification follows", ends,
                         count == 1 ? "s" : "");
    }
  }
  return "?";
}

std::vector<ReportLine> report_lines(const Recording& recording, const Space& space,
                                     const ReportAbout& about) {
  const std::vector<Step>& steps = recording.steps;
  std::vector<ReportLine> lines;
  for (std::size_t at = 0; at < steps.size(); at = lines.back().end) {
    const Step& step = steps[at];
    std::size_t end = at + 1;
    std::uint32_t bytes = step.op.size;
    std::uint32_t from = step.op.offset;
    std::uint32_t to = step.op.offset + step.op.size;
    while (is_payload(step, space) && end < steps.size() && steps[end].actor == step.actor &&
           steps[end].op.kind == step.op.kind && is_payload(steps[end], space) &&
           place_text(steps[end].op, about) == place_text(step.op, about)) {
      const Op& op = steps[end++].op;
      bytes += op.size;
      from = std::min(from, op.offset);
      to = std::max(to, op.offset + op.size);
    }
    lines.push_back({at, end, ""});
    if (end == at + 1) {
      lines.back().what = step_text(step, space, about);
      continue;
    }
    const char* verb = step.op.kind == OpKind::load    ? "reads"
                       : step.op.kind == OpKind::store ? "writes"
                                                       : "(its stores reach memory in)";
    // A field's name fits only if the run accesses each byte between the first and the last.
    std::string field = to - from == bytes ? field_text(from, bytes, space, about) : std::string();
    if (field.empty()) field = place_text(step.op, about);
    lines.back().what = fmt::format("{} {} ({} bytes)", verb, field, bytes);
  }
  return lines;
}

std::string report_text(const Recording& recording, const Space& space, const ReportAbout& about,
                        const Locate& locate) {
  const std::size_t column_width = column_width_for(recording, space, about, locate);
  const std::size_t columns = about.fibers.size();
  std::string text = fmt::format("{:>5}  ", "step");
  for (const std::string& name : about.fibers) text += fmt::format("{:<{}}", name, column_width);
  text += "shared words after it\n";
  std::vector<std::string> rows;
  std::vector<std::array<std::uint64_t, 2>> words;
  std::vector<std::uint32_t> counts(columns, 0);
  const auto line = [&](std::size_t number, std::size_t column, const std::string& what, const Step& after,
                        bool marked) {
    std::string row =
        fmt::format("{:>4}{}  {:{}}{}", number, marked ? '*' : ' ', "", column * column_width, what);
    const std::string changes = changes_text(after, words, space, about);
    words = after.words;
    if (!changes.empty()) row = fmt::format("{:<{}} {}", row, 6 + columns * column_width, changes);
    rows.push_back(row + "\n");
  };
  for (const ReportLine& each : report_lines(recording, space, about)) {
    const Step& step = recording.steps[each.begin];
    const std::size_t column = step.actor % fibers_max;
    bool marked = false;
    for (std::size_t at = each.begin; at < each.end; ++at) {
      if (step.actor < fibers_max) ++counts[column];
      const bool is_earlier =
          step.actor == recording.race.earlier_fiber && counts[column] == recording.race.earlier_number;
      marked = marked || (recording.end == End::race && (at + 1 == recording.steps.size() || is_earlier));
    }
    const std::string where = step.op.code == nullptr ? "" : locate(step.op.code);
    line(each.begin + 1, column, (where.empty() ? "" : where + " ") + each.what,
         recording.steps[each.end - 1], marked);
  }
  text += joined(rows);
  for (std::size_t fiber = 0; fiber < columns && recording.end == End::deadlock; ++fiber) {
    if ((recording.finished >> fiber & 1) != 0) continue;
    text += fmt::format("{:>7}{}{}\n", "", std::string(fiber * column_width, ' '), "... waits for ever");
  }
  return text;
}

}  // namespace ringside::check
