// Slices, counters and arrows of a Chrome trace.
#include "emu/trace/perfetto.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "emu/trace/hops.h"
#include "emu/trace/json.h"
#include "emu/trace/names.h"
#include "emu/trace/replay.h"
#include "emu/trace/text.h"

namespace ringside::trace {

namespace {

constexpr int process = 1;
/// The tracks of the scenario's lines, above all others: one for lines that act, one for lines at which the
/// run waits.
constexpr int lines_track = 1;
constexpr int waits_track = 2;
/// The length of a slice, if the next one on its track is not sooner.
constexpr std::int64_t slice_ns_max = 1000;

std::string microseconds(std::int64_t ns) {
  return fmt::format("{}.{:03}", ns / 1000, ns % 1000);
}

class Trace {
 public:
  explicit Trace(const Journaled& journal) : journal_(journal) {
    replay_.begin(journal.header);
    for (const JournalStep& each : journal.steps) first_ns_ = std::min(first_ns_, time_of(each));
    if (journal.steps.empty()) first_ns_ = 0;
    for (const JournalMark& each : journal.marks) first_ns_ = std::min(first_ns_, each.time_ns);
  }

  std::string text() {
    const auto& scenario = journal_.header.scenario;
    name("process_name", 0, scenario ? scenario->name : "ringside");
    name("thread_name", lines_track, "scenario");
    name("thread_name", waits_track, "scenario waits at");
    lines();
    lengths();
    for (std::size_t at = 0; at < journal_.steps.size(); ++at) entry(at);
    return "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n" + out_ + "\n]}\n";
  }

 private:
  static std::int64_t time_of(const JournalStep& each) {
    return static_cast<std::int64_t>(each.entry.time_ns);
  }
  [[nodiscard]] std::string at(std::int64_t time_ns) const {
    // A hostile entry's time may be anything.
    const auto since = static_cast<std::uint64_t>(time_ns) - static_cast<std::uint64_t>(first_ns_);
    return microseconds(static_cast<std::int64_t>(since & ~(std::uint64_t{1} << 63)));
  }

  void add(const std::string& event) {
    if (!out_.empty()) out_ += ",\n";
    out_ += event;
  }

  void name(std::string_view what, int track, std::string_view name) {
    add(fmt::format(R"({{"ph":"M","pid":{},"tid":{},"name":"{}","args":{{"name":{}}}}})", process, track,
                    what, json_text(name)));
    add(fmt::format(R"({{"ph":"M","pid":{},"tid":{},"name":"thread_sort_index","args":{{"sort_index":{}}}}})",
                    process, track, track));
  }

  static bool waits(const JournalMark& mark) {
    return mark.kind == JournalMark::Kind::statement && mark.act == JournalMark::Act::none;
  }

  /// The slice of an expectation ends at the next mark, which is when it was met. The slice of any other line
  /// ends at the next such line, that of the last one at the end of the journal.
  void lines() {
    if (journal_.marks.empty()) return;
    // A hostile entry's time may be anything.
    constexpr std::int64_t hour_ns = 3'600'000'000'000;
    const std::int64_t began_ns = journal_.marks.back().time_ns;
    const std::int64_t last_ns =
        journal_.steps.empty() ? began_ns
                               : std::clamp(time_of(journal_.steps.back()), began_ns, began_ns + hour_ns);
    std::int64_t next_mark_ns = last_ns;
    std::int64_t next_act_ns = last_ns;
    std::vector<std::int64_t> ends(journal_.marks.size());
    for (std::size_t at = ends.size(); at-- > 0;) {
      const JournalMark& mark = journal_.marks[at];
      ends[at] = waits(mark) ? next_mark_ns : next_act_ns;
      next_mark_ns = mark.time_ns;
      if (!waits(mark)) next_act_ns = mark.time_ns;
    }
    for (std::size_t at = 0; at < journal_.marks.size(); ++at) {
      const JournalMark& mark = journal_.marks[at];
      const std::int64_t end = ends[at];
      add(fmt::format(
          R"({{"ph":"X","pid":{},"tid":{},"ts":{},"dur":{},"name":{},"cat":"{}","args":{{"line":{},"after":{}}}}})",
          process, waits(mark) ? waits_track : lines_track, this->at(mark.time_ns),
          microseconds(std::max<std::int64_t>(end - mark.time_ns, 0)), json_text(mark.text),
          mark_name(mark.kind), mark.line, mark.after));
    }
  }

  int track_of(Actor actor) {
    const std::string its = actor_name(actor);
    const auto [found, fresh] = tracks_.try_emplace(its, waits_track + 1 + static_cast<int>(tracks_.size()));
    if (fresh) name("thread_name", found->second, its);
    return found->second;
  }

  /// Slices of one track must not overlap: slices with the same time are moved apart, a nanosecond each.
  void lengths() {
    std::map<std::string, std::int64_t> next;
    starts_.resize(journal_.steps.size());
    lengths_.assign(journal_.steps.size(), slice_ns_max);
    std::map<std::string, std::size_t> last;
    for (std::size_t at = 0; at < journal_.steps.size(); ++at) {
      const std::string actor = actor_name(journal_.steps[at].entry.actor);
      const auto before = last.find(actor);
      starts_[at] = time_of(journal_.steps[at]);
      if (before != last.end()) {
        starts_[at] = std::max(starts_[at], starts_[before->second] + 1);
        lengths_[before->second] = std::min(lengths_[before->second], starts_[at] - starts_[before->second]);
      }
      last[actor] = at;
    }
  }

  void entry(std::size_t number) {
    const JournalStep& each = journal_.steps[number];
    const Entry& entry = each.entry;
    const int track = track_of(entry.actor);
    const Hop* hop = hop_of(entry, replay_.is_today(entry.domain));
    add(fmt::format(
        R"({{"ph":"X","pid":{},"tid":{},"ts":{},"dur":{},"name":{},"cat":"{}","args":{{"step":{},"what":{}}}}})",
        process, track, at(starts_[number]), microseconds(lengths_[number]),
        json_text(hop != nullptr ? hop->name : kind_name(entry.kind)), kind_name(entry.kind), each.step,
        json_text(sentence(entry))));
    replay_.take(each.step, entry);
    if (!makes_sense(entry)) return;
    if (entry.kind == Kind::index_moved) counter(each);
    if (entry.kind == Kind::byte_index_moved || entry.kind == Kind::byte_index_found) byte_counter(each);
    if (entry.kind == Kind::event_raised || entry.kind == Kind::event_taken) arrow(number, track);
  }

  void counter(const JournalStep& each) {
    const ReplayedRing& ring = replay_.ring(each.entry.domain, each.entry.ring);
    add(fmt::format(R"({{"ph":"C","pid":{},"ts":{},"name":"{} outstanding","args":{{"requests":{}}}}})",
                    process, at(time_of(each)), ring_name(each.entry.domain, each.entry.ring),
                    ring.outstanding()));
  }

  void byte_counter(const JournalStep& each) {
    const ByteRing which = byte_ring_of(each.entry);
    const auto waiting = replay_.byte_ring(each.entry.domain, which).waiting(which);
    if (!waiting) return;
    add(fmt::format(R"({{"ph":"C","pid":{},"ts":{},"name":"{} waiting","args":{{"bytes":{}}}}})", process,
                    at(time_of(each)), ring_name(each.entry.domain, which), *waiting));
  }

  void arrow(std::size_t number, int track) {
    const Entry& entry = journal_.steps[number].entry;
    const bool raised = entry.kind == Kind::event_raised;
    const Actor owner = raised ? entry.peer : entry.actor;
    const std::pair port{owner.role == Role::domain ? owner.number : 0u, entry.port};
    if (raised) {
      if (static_cast<ring::Raised>(entry.detail) == ring::Raised::kick)
        kicks_.try_emplace(port, Kick{number, track});
      return;
    }
    const auto kick = kicks_.extract(port);
    if (kick.empty()) return;
    const std::uint64_t id = ++arrows_;
    const auto end = [&](std::string_view phase, const Kick& where) {
      add(fmt::format(
          R"({{"ph":"{}","bp":"e","pid":{},"tid":{},"ts":{},"id":{},"name":"event","cat":"event"}})", phase,
          process, where.track, at(starts_[where.number]), id));
    };
    end("s", kick.mapped());
    end("f", {number, track});
  }

  /// A slice that an arrow begins or ends at.
  struct Kick {
    std::size_t number;
    int track;
  };

  const Journaled& journal_;
  std::int64_t first_ns_ = INT64_MAX;
  std::string out_;
  std::map<std::string, int> tracks_;
  std::vector<std::int64_t> starts_;
  std::vector<std::int64_t> lengths_;
  Replay replay_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Kick> kicks_;
  std::uint64_t arrows_ = 0;
};

}  // namespace

std::string to_perfetto(const Journaled& journal) {
  return Trace(journal).text();
}

}  // namespace ringside::trace
